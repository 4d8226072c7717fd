"""What a browser or a program sends becomes a checked Request or an InputError."""

from __future__ import annotations

import inspect
import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gaia_core.errors import InputError
from gaia_core.request import MAX_SEED, Request
from ui import samples
from ui.api import function
from ui.components import Inputs
from ui.form.admission import GROUPS, Form, RawRequest, admit, fingerprints, rerender
from ui.form.endpoints import ENDPOINTS
from ui.form.restore import form_values, python_code
from ui.i18n.text import EN, LANGUAGES, say


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


LINE = {"keys": [], "span": None}  # the timeline's value at first


def uploaded(source: Path, cache: Path) -> dict[str, Any]:
    return {"path": str(shutil.copy(source, cache / source.name))}


@pytest.fixture
def raw(cache: Path) -> RawRequest:
    """The initial values of the page: an example portrait and a sentence."""
    return RawRequest(portrait=uploaded(samples.portraits()[0], cache), text="Hello.")


@pytest.fixture
def form(raw: RawRequest) -> Form:
    same = {name: getattr(raw, name) for name in names(Form) & names(RawRequest)}
    empty = {"upload": None, "recording": None, "timeline": LINE, "expression": {}, "strength": {}}
    chosen = {"mode": "speech", "source": "text", "take": "reenact", "groups": ["pose"]}
    return Form(**{**same, **empty, **chosen, "random": False, "consent": {}})


def names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def test_no_control_and_no_field_is_an_orphan():
    assert names(Inputs) == names(Form)
    assert names(RawRequest) == names(Request) | {"consent"}
    made = {"mode", "source", "upload", "recording", "random", "take", "groups"}
    assert names(Form) - names(RawRequest) == made | {"timeline", "expression", "strength"}
    unlabelled = {name for name in names(Request) if f"{name}.label" not in EN}
    apart = {"speech", "controls", "drive_groups", "spans"}
    assert (
        names(RawRequest) - names(Form) == apart | unlabelled
    )  # settings with a label have a control


def test_languages_have_the_same_words():
    assert all(set(words) == set(EN) for words in LANGUAGES.values())


def test_the_page_as_it_opens_is_admitted(form: Form):
    request = admit(form.raw_request())
    assert request.text == "Hello." and request.speech is None and request.label


def test_silence_is_cut_on_request(form: Form):
    assert not admit(form.raw_request()).trim
    assert admit(replace(form, trim=True).raw_request()).trim


def test_every_setting_arrives(raw: RawRequest):
    wanted = {"face": 2, "seed": 7, "steps": 3, "guidance": 2.5, "size": "256", "voice": "v"}
    request = admit(replace(raw, **wanted))
    assert {name: getattr(request, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"portrait": None}, say("error.portrait")),
        ({"portrait": "/etc/passwd"}, "uploaded file"),
        ({"portrait": {"path": "/etc/passwd"}}, "uploaded file"),
        ({"portrait": {"path": 3}}, "uploaded file"),
        ({"text": "  "}, "Give a speech recording"),
        ({"text": None}, "Text must be text"),
        ({"text": "a" * 1001}, "1001 characters"),
        ({"voice": ["a"]}, "Voice must be text"),
        ({"seed": None}, "Seed must be a whole number"),
        ({"seed": 1.5}, "Seed must be a whole number"),
        ({"seed": -1}, "Seed is -1"),
        ({"steps": "10"}, "Steps must be a whole number"),
        ({"steps": True}, "Steps must be a whole number"),
        ({"steps": 101}, "Steps is 101"),
        ({"guidance": float("nan")}, "Guidance must be a number"),
        ({"guidance": 6}, "Guidance is 6"),
        ({"size": "1024"}, "Size is '1024'"),
        ({"face": 1e300}, "Face is"),
        ({"label": "yes"}, "Label must be true or false"),
        ({"consent": 1}, "Consent must be true or false"),
        ({"label": False}, say("error.label")),
        ({"controls": "{"}, say("error.controls")),
        ({"controls": [1]}, say("error.controls")),
        ({"controls": {"tracks": {"nose": [[0, 1]]}}}, "no channel 'nose'"),
        ({"controls": {"tracks": {"yaw": [[0, 90]]}}}, "choose from -30 to 30"),
        ({"instruction": "a" * 501}, "501 characters"),
        ({"instruction": 3}, "Instruction must be text"),
        ({"drive": {"path": "/etc/passwd"}}, "driving video must be an uploaded file"),
        ({"drive_groups": "pose"}, say("error.groups")),
        ({"drive_groups": ["nose"]}, "no group 'nose'"),
        ({"drive_mode": "wild"}, "Drive mode is 'wild'"),
        ({"drive_reference": None}, "Drive reference must be a number"),
        ({"seconds": 31}, "Seconds is 31"),
    ],
)
def test_invalid_input_is_an_error(raw: RawRequest, changes: dict[str, Any], sentence: str):
    with pytest.raises(InputError) as caught:
        admit(replace(raw, **changes))
    assert sentence in str(caught.value)


def test_a_deleted_upload_is_an_error(raw: RawRequest):
    Path(raw.portrait["path"]).unlink()
    with pytest.raises(InputError, match="no longer on the server"):
        admit(raw)


def test_a_link_out_of_the_cache_is_refused(raw: RawRequest, cache: Path):
    (cache / "link.png").symlink_to(samples.portraits()[0])
    with pytest.raises(InputError, match="uploaded file"):
        admit(replace(raw, portrait={"path": str(cache / "link.png")}))


def test_a_photo_of_ones_own_needs_consent(raw: RawRequest, cache: Path, photos: dict[str, Path]):
    mine = replace(raw, portrait=uploaded(photos["fine"], cache))
    with pytest.raises(InputError, match="confirm that you have the right"):
        admit(mine)
    assert admit(replace(mine, consent=True)).portrait.name == "fine.png"


def test_an_example_under_another_name_is_still_one(raw: RawRequest, cache: Path):
    portrait = str(shutil.copy(samples.portraits()[0], cache / "me.png"))
    assert admit(replace(raw, portrait={"path": portrait}))


def test_with_consent_the_visible_label_can_be_turned_off(raw: RawRequest):
    assert not admit(replace(raw, label=False, consent=True)).label


def test_only_the_chosen_way_to_give_speech_counts(form: Form, cache: Path):
    recording = uploaded(samples.speeches()[0], cache)
    request = admit(replace(form, source="upload", upload=recording).raw_request())
    assert request.text is None and request.speech
    assert admit(replace(form, upload=recording).raw_request()).speech is None
    for source in ("upload", "record"):
        with pytest.raises(InputError, match="There is no recording"):
            replace(form, source=source).raw_request()
    with pytest.raises(InputError, match="Choose how"):
        replace(form, source="telepathy").raw_request()


def test_a_new_seed_is_drawn_when_wished(form: Form):
    seeds = {replace(form, random=True, seed=None).raw_request().seed for _ in range(20)}
    assert len(seeds) > 1 and all(0 <= seed <= MAX_SEED for seed in seeds)
    assert form.raw_request().seed == Request.seed


# The settings of each tab

KEYS = [["yaw", 1, 20, "ease"], ["pitch", 0, -5, "linear"], ["yaw", 0, 0, "ease"]]


def posed(keys: Any) -> dict[str, Any]:
    return {"mode": "pose", "timeline": LINE | {"keys": keys}}


def test_keyframes_strengths_and_a_constant_expression_become_controls(form: Form):
    posed = replace(
        form,
        mode="pose",
        source="none",
        timeline=LINE | {"keys": KEYS},
        expression={"smile": 0.5, "brows": 0},
        strength={"head": 0.5, "blink": 1},
        seconds=2.5,
    )
    request = admit(posed.raw_request())
    assert request.speech is None and request.text is None and request.seconds == 2.5
    assert request.controls.to_json() == {
        "tracks": {
            "smile": [[0.0, 0.5, "hold"], [120.0, 0.5, "hold"]],
            "yaw": [[0.0, 0.0, "ease"], [1.0, 20.0, "ease"]],
            "pitch": [[0.0, -5.0, "linear"]],
        },
        "strength": {"head": 0.5},
    }


def test_only_what_the_open_tab_shows_counts(form: Form, cache: Path):
    drive = uploaded(samples.speeches()[0], cache)
    full = replace(form, timeline=LINE | {"keys": KEYS}, instruction="Nod.", drive=drive)
    speech = admit(full.raw_request())
    assert not speech.controls and speech.instruction is None and speech.drive is None
    pose = admit(replace(full, mode="pose").raw_request())
    assert pose.controls and pose.drive and pose.drive_groups == ("pose",)
    assert pose.instruction is None
    text = admit(replace(full, mode="text").raw_request())
    assert text.instruction == "Nod." and not text.controls and text.drive is None


@pytest.mark.parametrize(
    ("take", "groups"),
    [("reenact", GROUPS), ("dub", ("pose", "eyes", "brows")), ("custom", ("mouth", "eyes"))],
)
def test_what_is_taken_from_a_driving_video(form: Form, cache: Path, take: str, groups):
    drive = uploaded(samples.speeches()[0], cache)
    form = replace(form, mode="video", take=take, groups=["mouth", "eyes"], drive=drive)
    request = admit(form.raw_request())
    assert request.drive_groups == groups and request.drive
    assert request.text == (None if take == "reenact" else "Hello.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mode": "about"}, say("error.mode")),
        ({"source": "none"}, say("error.source")),
        ({"text": " "}, say("error.text")),
        ({"mode": "pose", "source": "none"}, "Give a speech recording"),
        ({"mode": "pose", "timeline": []}, say("error.keys")),
        (posed("yaw"), say("error.keys")),
        (posed([["yaw", 1]]), say("error.keys")),
        (posed([["yaw", None, 3, "ease"]]), "A keyframe of yaw must be a number"),
        (posed([["yaw", 1, 3, "fly"]]), "'fly'"),
        (posed([["yaw", 1, 3, "ease"]] * 2), "not later than the one before"),
        ({"mode": "text", "instruction": ""}, say("error.instruction")),
        ({"mode": "video", "drive": None}, say("error.drive")),
    ],
)
def test_missing_input_of_a_tab_is_an_error(form: Form, changes: dict[str, Any], sentence: str):
    with pytest.raises(InputError) as caught:
        admit(replace(form, **changes).raw_request())
    assert sentence in str(caught.value)


def test_a_dub_needs_speech(form: Form, cache: Path):
    drive = uploaded(samples.speeches()[0], cache)
    dub = replace(form, mode="video", take="dub", source="none", drive=drive)
    with pytest.raises(InputError, match="Dubbing needs speech"):
        dub.raw_request()


def test_a_driving_video_of_ones_own_needs_consent(form: Form, cache: Path, photos):
    mine = replace(form, mode="video", drive=uploaded(photos["fine"], cache))
    with pytest.raises(InputError, match="confirm that you have the right"):
        admit(mine.raw_request())
    assert admit(replace(mine, consent={"portrait": False, "drive": True}).raw_request()).drive


# Edits and recipes


def test_a_span_is_added_to_a_recipe(raw: RawRequest):
    recipe = admit(replace(raw, seed=3)).recipe()
    controls = {"tracks": {"smile": [[0, 1]]}}
    once = rerender(recipe, [], 0.5, 1, 9)
    assert once.portrait == samples.portraits()[0] and once.seed == 3, "the examples are known"
    twice = rerender(json.dumps(once.recipe()), [], 1, 2, 4, controls)
    assert [(span.start, span.end, span.seed) for span in twice.spans] == [(0.5, 1, 9), (1, 2, 4)]
    assert twice.spans[0].controls is None and twice.spans[1].controls.tracks.keys() == {"smile"}


def test_an_edit_asks_for_the_same_media(raw: RawRequest, cache: Path, photos):
    mine = uploaded(photos["fine"], cache)
    recipe = admit(replace(raw, portrait=mine, consent=True)).recipe()
    with pytest.raises(InputError, match="its own portrait again"):
        rerender(recipe, [photos["crash"]], 0, 1, 1)
    with pytest.raises(InputError, match="confirm that you have the right"):
        rerender(recipe, [Path(mine["path"])], 0, 1, 1)
    assert rerender(recipe, [Path(mine["path"])], 0, 1, 1, consent=True).spans


@pytest.mark.parametrize(
    ("span", "sentence"),
    [
        ((1, 1, 0), "start before its end"),
        ((-1, 1, 0), "not inside a take"),
        ((0, "1", 0), "End must be a number"),
        ((0, 1, 0.5), "Seed must be a whole number"),
        ((0, 1, -1), "Seed is -1"),
    ],
)
def test_a_span_that_cannot_be_is_refused(raw: RawRequest, span: tuple, sentence: str):
    with pytest.raises(InputError) as caught:
        rerender(admit(raw).recipe(), [], *span)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("recipe", [None, "{", [], {}, {"gaia_recipe": 99}, "[" * 10**5])
def test_what_is_no_recipe_is_refused(recipe: Any):
    with pytest.raises(InputError, match="recipe"):
        rerender(recipe, [], 0, 1, 1)


def test_a_recipe_restores_the_form_it_came_from(form: Form, cache: Path):
    drive = uploaded(samples.speeches()[0], cache)
    found = fingerprints([Path(drive["path"])])
    expression = {"smile": 0.5, "brows": 0.0, "mouth": 0.0, "gaze_x": 0.0, "gaze_y": 0.0}
    keys = [["yaw", 0.0, 0.0, "ease"], ["yaw", 1.0, 20.0, "ease"]]
    forms = {
        "speech": replace(form, seed=4, steps=3, text="Again."),
        "pose": replace(form, source="none", expression=expression, **posed(keys)),
        "text": replace(form, mode="text", instruction="Nod.", size="256"),
        "video": replace(form, mode="video", take="dub", drive=drive, drive_mode="absolute"),
    }
    for mode, made in forms.items():
        values = form_values(admit(made.raw_request()).recipe(), found)
        assert values["mode"] == mode and not values["random"]
        for media in ("portrait", "drive"):
            values[media] = values.get(media) and {"path": values[media]}
            if values[media]:
                assert samples.fingerprint(Path(values[media]["path"])) in found
        back = replace(form, **{**values, "portrait": made.portrait, "drive": made.drive})
        assert admit(back.raw_request()) == admit(made.raw_request())


def test_the_python_of_a_take_makes_it_again(form: Form, cache: Path):
    drive = uploaded(samples.speeches()[0], cache)
    forms = (
        form,
        replace(form, source="none", seed=5, **posed(KEYS)),
        replace(form, mode="text", instruction='Say "no"; nod.', text="Hi."),
        replace(form, mode="video", take="dub", drive=drive, label=False, consent={"drive": True}),
    )
    edited = rerender(admit(form.raw_request()).recipe(), [], 0.5, 1, 9)
    for request in (*(admit(made.raw_request()) for made in forms), edited):
        given, code = {}, python_code(request, "http://here")

        def predict(api_name: str, **arguments: Any):
            given.update(arguments, api_name=api_name)  # noqa: B023
            return "video", {}

        files = {path.name: {"path": str(path)} for path in cache.iterdir()}
        names = {"Client": lambda url: SimpleNamespace(predict=predict), "handle_file": files.get}
        body = code.removeprefix("from gradio_client import Client, handle_file\n")
        exec(body.replace("print(video)", ""), names)
        name = given.pop("api_name").removeprefix("/")
        endpoint = next(endpoint for endpoint in ENDPOINTS if endpoint.name == name)
        signature = inspect.signature(function(None, None, endpoint))
        call = signature.bind(**given)
        call.apply_defaults()
        assert endpoint.request(call.arguments).recipe() == request.recipe()
