"""Requests: validation, and recipes without paths and names."""

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest

from gaia_core.controls import Controls, Keyframe
from gaia_core.errors import InputError
from gaia_core.request import MEDIA, SIZES, Request, Span
from gaia_core.request import SETTINGS as DECLARED

MAX_TEXT = DECLARED["text"].longest
PORTRAIT = Path("photo.png")


@pytest.fixture
def media(tmp_path) -> dict[str, Path]:
    """A portrait and a recording in a folder with a telling name."""
    folder = tmp_path / "jane-doe"
    folder.mkdir()
    paths = {"portrait": folder / "jane.png", "speech": folder / "interview.wav"}
    for name, path in paths.items():
        path.write_bytes(name.encode())
    return paths


# Checks


@pytest.mark.parametrize(
    "speech",
    [{"speech": Path("a.wav")}, {"text": "Hello."}, {"speech": Path("a.wav"), "text": " "}],
)
def test_a_good_request_passes_unchanged(speech):
    request = Request(PORTRAIT, **speech)
    assert request.check() is request


@pytest.mark.parametrize("size", SIZES)
def test_every_size_passes(size):
    Request(PORTRAIT, text="Hello.", size=size).check()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"text": None}, "speech recording, a text"),
        ({"text": " \n"}, "speech recording, a text"),
        ({"instruction": "a" * 501}, "500"),
        ({"drive": Path("a.mp4"), "drive_groups": ()}, "at least one group"),
        ({"drive_groups": ("nose",)}, "'nose'.*pose, eyes"),
        ({"drive_mode": "direct"}, "'direct'.*relative, absolute"),
        ({"drive_reference": -1.0}, "Drive_reference"),
        ({"seconds": 31.0}, "Seconds"),
        ({"spans": (Span(2.0, 1.0, 0),)}, "span from 2 to 1 s"),
        ({"spans": (Span(0.0, 1.0, -1),)}, "Seed"),
        ({"controls": Controls({"yaw": (Keyframe(0.0, 31.0),)})}, "Keyframe 1 of 'yaw'.*-30 to 30"),
        ({"speech": Path("a.wav")}, "not both"),
        ({"text": "a" * (MAX_TEXT + 1)}, str(MAX_TEXT)),
        ({"size": "1024"}, "'1024'.*256, 512, photo"),
        ({"steps": 0}, "Steps is 0.*1 to 100"),
        ({"steps": 101}, "Steps"),
        ({"guidance": -0.1}, "Guidance"),
        ({"guidance": 5.1}, "Guidance"),
        ({"guidance": math.nan}, "Guidance"),
        ({"seed": -1}, "Seed"),
        ({"seed": 2**31}, "Seed"),
        ({"face": -1}, "Face"),
    ],
)
def test_a_bad_field_is_named_in_one_sentence(settings, named):
    request = Request(PORTRAIT, **{"text": "Hello.", **settings})
    with pytest.raises(InputError, match=named) as error:
        request.check()
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message and ". " not in message


@pytest.mark.parametrize(
    "settings",
    [{"steps": 1}, {"steps": 100}, {"guidance": 0}, {"guidance": 5.0}, {"seed": 2**31 - 1}],
)
def test_limits_are_allowed(settings):
    Request(PORTRAIT, text="a" * MAX_TEXT, **settings).check()


# Recipes


SETTINGS = {"voice": "de-DE-Any", "face": 2, "seed": 123, "steps": 33, "guidance": 3.5}
SETTINGS |= {"size": "256", "liveliness": 1.5}
SETTINGS |= {name: not one.default for name, one in DECLARED.items() if one.kind is bool}
SETTINGS |= {"controls": Controls({"yaw": (Keyframe(0.0, 5.0), Keyframe(1.5, -5.0, "free"))})}
SETTINGS |= {"instruction": "Smile!", "drive_groups": ("pose", "eyes"), "drive_mode": "absolute"}
SETTINGS |= {"drive_reference": 1.5, "seconds": 2.0, "spans": (Span(0.5, 1.0, 4),)}


def through_json(request: Request) -> dict:
    return json.loads(json.dumps(request.recipe()))


def test_a_recipe_restores_a_request_with_a_recording(media):
    request = Request(**media, **SETTINGS)
    assert Request.from_recipe(through_json(request), **media) == request


def test_a_recipe_restores_a_request_with_a_text(media):
    request = Request(media["portrait"], text="Grüß Gott!\n“Ω”", **SETTINGS)
    assert Request.from_recipe(through_json(request), media["portrait"]) == request


def test_every_setting_is_in_the_recipe(media):
    differing = {f.name for f in dataclasses.fields(Request)} - {*MEDIA, "text"}
    assert differing == SETTINGS.keys()
    for name, value in SETTINGS.items():
        assert getattr(Request(PORTRAIT), name) != value


def test_a_span_keeps_its_controls(media):
    controls = Controls({"smile": (Keyframe(0.5, 1.0, "linear"),)}, {"head": 0.5})
    request = Request(**media, spans=(Span(0.5, 1.25, 7, controls), Span(0, 1, 8)))
    assert Request.from_recipe(through_json(request), **media) == request


def test_a_recipe_holds_no_path_and_no_name(media):
    text = json.dumps(Request(**media).recipe())
    for word in ("jane", "doe", "interview", ".png", ".wav", "/", "\\\\"):
        assert word not in text
    recipe = json.loads(text)
    for name in media:
        assert re.fullmatch("[0-9a-f]{64}", recipe[name])


def test_media_are_identified_by_content(media):
    recipe = Request(**media).recipe()
    assert recipe["portrait"] != recipe["speech"]
    moved = media["portrait"].rename(media["portrait"].with_name("other.jpg"))
    assert Request(moved, media["speech"]).recipe() == recipe
    moved.write_bytes(b"another picture")
    assert Request(moved, media["speech"]).recipe()["portrait"] != recipe["portrait"]


def test_a_shorter_recipe_means_defaults():
    assert Request.from_recipe({"gaia_recipe": 1, "text": "Hi."}, PORTRAIT) == Request(
        PORTRAIT, text="Hi."
    )


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_another_version_raises(version):
    recipe = {"gaia_recipe": version, "text": "Hi."}
    with pytest.raises(InputError, match="version 1"):
        Request.from_recipe(recipe, PORTRAIT)
    with pytest.raises(InputError, match="version 1"):
        Request.from_recipe({"text": "Hi."}, PORTRAIT)


@pytest.mark.parametrize("name", ["mood", "check", "recipe", "__class__", "out"])
def test_unknown_fields_raise(name):
    with pytest.raises(InputError, match=name):
        Request.from_recipe({"gaia_recipe": 1, "text": "Hi.", name: 1}, PORTRAIT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "7"),
        ("seed", 7.5),
        ("seed", True),
        ("seed", None),
        ("steps", [1]),
        ("guidance", "1.5"),
        ("guidance", True),
        ("size", 256),
        ("label", 1),
        ("voice", None),
        ("text", 5),
    ],
)
def test_mistyped_fields_raise(name, value):
    with pytest.raises(InputError, match=name):
        Request.from_recipe({"gaia_recipe": 1, name: value}, PORTRAIT)


def test_integers_are_valid_floats():
    recipe = {"gaia_recipe": 1, "text": "Hi.", "guidance": 2}
    assert Request.from_recipe(recipe, PORTRAIT).check().guidance == 2
