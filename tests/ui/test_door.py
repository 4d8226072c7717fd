"""Whatever a browser or a program sends becomes a checked Request, or one clear sentence."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from gaia_core.errors import InputError
from gaia_core.request import MAX_SEED, Request
from ui import samples
from ui.door import Asked, Form, admit
from ui.panels import Inputs
from ui.text import EN, LANGUAGES, say


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def uploaded(source: Path, cache: Path) -> dict[str, Any]:
    return {"path": str(shutil.copy(source, cache / source.name))}


@pytest.fixture
def asked(cache: Path) -> Asked:
    """Everything as the page opens: an example portrait and a sentence."""
    values = {field.name: getattr(Request, field.name, None) for field in fields(Asked)}
    portrait = uploaded(samples.portraits()[0], cache)
    return Asked(**{**values, "portrait": portrait, "text": "Hello.", "consent": False})


@pytest.fixture
def form(asked: Asked) -> Form:
    same = {f.name: getattr(asked, f.name) for f in fields(Asked) if f.name != "speech"}
    return Form(**same, source="text", upload=None, recording=None, random=False)


def names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def test_no_control_and_no_field_is_an_orphan():
    assert names(Inputs) == names(Form)
    assert names(Asked) == names(Request) | {"consent"}
    assert names(Form) - names(Asked) == {"source", "upload", "recording", "random"}


def test_languages_have_the_same_words():
    assert all(set(words) == set(EN) for words in LANGUAGES.values())


def test_the_page_as_it_opens_is_admitted(form: Form):
    request = admit(form.asked())
    assert request.text == "Hello." and request.speech is None and request.label


def test_every_setting_arrives(asked: Asked):
    wanted = {"face": 2, "seed": 7, "steps": 3, "guidance": 2.5, "size": "256", "voice": "v"}
    request = admit(replace(asked, **wanted))
    assert {name: getattr(request, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"portrait": None}, say("error.portrait")),
        ({"portrait": "/etc/passwd"}, "uploaded file"),
        ({"portrait": {"path": "/etc/passwd"}}, "uploaded file"),
        ({"portrait": {"path": 3}}, "uploaded file"),
        ({"text": "  "}, say("error.text")),
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
    ],
)
def test_what_is_wrong_is_said(asked: Asked, changes: dict[str, Any], sentence: str):
    with pytest.raises(InputError) as caught:
        admit(replace(asked, **changes))
    assert sentence in str(caught.value)


def test_a_file_that_was_swept_is_asked_for_again(asked: Asked):
    Path(asked.portrait["path"]).unlink()
    with pytest.raises(InputError, match="no longer on the server"):
        admit(asked)


def test_a_link_out_of_the_cache_is_refused(asked: Asked, cache: Path):
    (cache / "link.png").symlink_to(samples.portraits()[0])
    with pytest.raises(InputError, match="uploaded file"):
        admit(replace(asked, portrait={"path": str(cache / "link.png")}))


def test_a_photo_of_ones_own_needs_consent(asked: Asked, cache: Path, photos: dict[str, Path]):
    mine = replace(asked, portrait=uploaded(photos["fine"], cache))
    with pytest.raises(InputError, match="confirm that you have the right"):
        admit(mine)
    assert admit(replace(mine, consent=True)).portrait.name == "fine.png"


def test_an_example_under_another_name_is_still_one(asked: Asked, cache: Path):
    portrait = str(shutil.copy(samples.portraits()[0], cache / "me.png"))
    assert admit(replace(asked, portrait={"path": portrait}))


def test_consent_lets_the_visible_label_be_turned_off(asked: Asked):
    assert not admit(replace(asked, label=False, consent=True)).label


def test_only_the_chosen_way_to_give_speech_counts(form: Form, cache: Path):
    recording = uploaded(samples.speeches()[0], cache)
    request = admit(replace(form, source="upload", upload=recording).asked())
    assert request.text is None and request.speech
    assert admit(replace(form, upload=recording).asked()).speech is None
    for source in ("upload", "record"):
        with pytest.raises(InputError, match="There is no recording"):
            replace(form, source=source).asked()
    with pytest.raises(InputError, match="Choose how"):
        replace(form, source="telepathy").asked()


def test_a_new_seed_is_drawn_when_wished(form: Form):
    seeds = {replace(form, random=True, seed=None).asked().seed for _ in range(20)}
    assert len(seeds) > 1 and all(0 <= seed <= MAX_SEED for seed in seeds)
    assert form.asked().seed == Request.seed
