"""Hostile input to the running studio: names, presets, recipes, damaged files, a full disk.

It answers with a video or an error message, and goes on serving.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_engine
import gradio as gr
import httpx
import numpy as np
import pytest
from fake_engine import FakeEngine, Studio, until
from gradio.state_holder import SessionState
from gradio_client import Client, handle_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_core.media import exports
from gaia_core.media.video import VideoWriter
from gaia_core.request import Request, Word
from ui import samples
from ui.i18n.text import say
from ui.studio import build_studio
from ui.takes import store

pytestmark = pytest.mark.slow

API = "/speech_driven"
CRASHED = say("error.unexpected")
BLACK = np.zeros((16, 16, 3), np.uint8)


@pytest.fixture
def client(studio: Studio, tmp_path: Path) -> Client:
    return Client(studio.url, verbose=False, download_files=tmp_path)


def make(client: Client, portrait: Any, **changes: Any) -> Any:
    arguments = {"text": "Hello.", "consent": True, **changes}
    return client.predict(portrait=portrait, api_name=API, **arguments)


def refusal(client: Client, portrait: Any, **changes: Any) -> str:
    with pytest.raises(Exception) as caught:
        make(client, portrait, **changes)
    return str(caught.value)


# Names of uploads


@pytest.mark.parametrize(
    "name",
    [
        "../../x.png",
        "..\\..\\x.png",
        "/etc/cron.d/x.png",
        "a;rm -rf.png",
        "$(touch owned).png",
        "-i.png",
        "\0.png",
        "a\0/../../x.png",
        "%2e%2e%2fx.png",
        "x" * 5000 + ".png",
        "人\u202egpj.png",
        "..",
        "",
    ],
)
def test_a_name_is_only_a_name(
    name: str, client: Client, studio: Studio, photos: dict[str, Path]
) -> None:
    around = sorted(studio.cache.parent.iterdir())
    start = b'--x\r\nContent-Disposition: form-data; name="files"; filename="'
    kind = b'"\r\nContent-Type: image/png\r\n\r\n'
    body = start + name.encode() + kind + photos["fine"].read_bytes() + b"\r\n--x--\r\n"
    sent = httpx.post(
        f"{studio.url}gradio_api/upload",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        timeout=60,
    )
    if sent.status_code == 200:
        for path in map(Path, sent.json()):
            assert path.resolve().is_relative_to(studio.cache.resolve())
            video, _ = make(client, {"path": str(path), "meta": {"_type": "gradio.FileData"}})
            assert studio.engine.requests[-1].portrait == path.resolve() and video
    else:
        assert 400 <= sent.status_code < 500, sent.text
    assert sorted(studio.cache.parent.iterdir()) == around
    assert not Path("owned").exists()


# Input to the page's handlers


class Page:
    """A studio without a server, whose handlers are called as by Gradio."""

    def __init__(self) -> None:
        self.blocks = build_studio(FakeEngine())
        fns = self.blocks.fns.values()
        self.handlers = {f"{f.fn.__module__}.{f.fn.__name__}": f for f in fns if f.fn}
        self.thread = ThreadPoolExecutor(1)  # the browser of other tests keeps a loop in this one

    def call(self, name: str, given: Callable[[Any], Any]) -> Any:
        """Updates by position, or the message of an error.

        Args:
            given: the values of inputs; `None` for the initial one.
        """
        handler = self.handlers[name]
        values = []
        for part in handler.inputs:
            value = given(part)
            values.append(getattr(part, "value", None) if value is None else value)
        request = gr.Request(SimpleNamespace(headers={}, session_hash="x", base_url="http://x/"))  # type: ignore[arg-type]
        called = self.blocks.process_api(
            handler, values, SessionState(self.blocks), request, in_event_listener=False
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.thread.submit(asyncio.run, called).result()["data"]
        except gr.Error as error:
            return error.message


@pytest.fixture(scope="module")
def page(running: Studio) -> Iterator[Page]:
    """Shares the cache of the running studio."""
    opened = Page()
    yield opened
    opened.thread.shutdown()


def fuzzed(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from([10**400, -1, "photo", "\0", "\ud800", "<b>", "speech"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
KEPT = ("voice", "steps", "guidance", "size", "seed", "random", "take", "groups", "strength", "x")
PRESETS = st.dictionaries(st.sampled_from(KEPT), VALUES) | VALUES


@pytest.mark.parametrize("does", ["choose", "save", "delete"])
def test_presets_of_a_browser(does: str, page: Page) -> None:
    @fuzzed(25)
    @given(PRESETS, PRESETS, st.just("mine") | VALUES)
    def check(preset: Any, other: Any, name: Any) -> None:
        def value(part: Any) -> Any:
            if isinstance(part, gr.BrowserState):
                return {"mine": preset, "other": other} if isinstance(name, str) else preset
            return name if getattr(part, "elem_id", None) == "preset" else None

        answer = page.call(f"ui.form.presets.on_{does}", value)
        assert answer == say("error.preset", count=40) if isinstance(answer, str) else answer

    check()


def test_a_preset_sets_what_fits_and_nothing_else(page: Page) -> None:
    kept = {"steps": 7, "size": "9", "seed": "x", "random": 1, "voice": ["a"], "groups": ["pose"]}
    kept["strength"] = {"head": 0.5, "mouth": float("nan"), "blink": 10**400}

    def value(part: Any) -> Any:
        return {"mine": kept} if isinstance(part, gr.BrowserState) else "mine"

    answer = page.call("ui.form.presets.on_choose", value)
    skipped = {"__type__": "update"}
    assert [update for update in answer if update != skipped] == [7, ["pose"], 0.5]


def test_a_draft_restores_what_fits_and_nothing_else(page: Page) -> None:
    kept = {"steps": 7, "size": "9", "portrait": {"path": "/etc/passwd"}, "text": "a" * 9999}
    kept |= {
        "mode": "nowhere",
        "timeline": {"keys": [["yaw"]]},
        "instruction": "nod",
        "consent": True,
    }

    def value(part: Any) -> Any:
        return json.dumps(kept) if part.elem_id == "draft" else "nobody's"

    answer = page.call("ui.run.history.on_return", value)
    restored = [update for update in answer if isinstance(update, str | int)]
    assert len(restored) == 3 and 7 in restored and "nod" in restored  # the third names the visit

    @fuzzed(25)
    @given(st.dictionaries(st.sampled_from(tuple(kept)), VALUES) | VALUES, VALUES)
    def check(draft: Any, visit: Any) -> None:
        given = json.dumps(draft, default=str)
        page.call("ui.run.history.on_return", lambda p: given if p.elem_id == "draft" else visit)

    check()


RECIPE = Request(samples.portraits()[0], text="Hello.").recipe()
# Changes to a recipe, and the error message; none if it is harmless.
TAMPERED: dict[str, tuple[dict[str, Any], str | None]] = {
    "nothing": (RECIPE, None),
    "markup": ({**RECIPE, "text": "<img src=x onerror=alert(1)>"}, None),
    "path": ({**RECIPE, "portrait": "/etc/passwd"}, None),
    "seed": ({**RECIPE, "seed": 10**400}, "Seed is 1"),
    "keyframes": ({**RECIPE, "controls": {"tracks": {"yaw": [[0, 10**400]]}}}, "keyframe of 'yaw'"),
    "spans": ({**RECIPE, "spans": [{"start": 0, "end": 1e308, "seed": 1}]}, "not inside a take"),
    "deep": ({**RECIPE, "controls": json.loads("[" * 90 + "]" * 90)}, "wrong type"),
    "version": ({"gaia_recipe": "2"}, "recipe"),
}


@pytest.mark.parametrize("how", TAMPERED)
@pytest.mark.parametrize("ending", ["mp4", "json"])
def test_the_recipe_of_a_file(how: str, ending: str, page: Page) -> None:
    recipe, sentence = TAMPERED[how]
    path = store.cache() / f"{how}.{ending}"
    if ending == "json":
        path.write_text(json.dumps(recipe), "utf-8")
    else:
        with VideoWriter(path, 16, 16, None, recipe) as video:
            video.write(BLACK)
    answer = opened(page, path)
    if sentence is not None:
        assert sentence in answer and answer.endswith("."), answer
    else:
        assert recipe["text"] in answer
        # A missing medium is left empty; the recipe is shown as it is.
        assert "/etc/passwd" not in str(answer).replace(str(recipe), "")


def opened(page: Page, path: Path) -> Any:
    """The Edit tab's answer to a file in the cache."""
    file = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    return page.call(
        "ui.run.history.on_open", lambda part: file if isinstance(part, gr.File) else None
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_take_is_opened_or_refused(share: float, page: Page) -> None:
    whole = store.cache() / f"whole{share}.mp4"
    with VideoWriter(whole, 16, 16, None, RECIPE) as video:
        for _ in range(9):
            video.write(BLACK)
    data = whole.read_bytes()
    whole.write_bytes(data[: int(share * len(data))])
    answer = opened(page, whole)
    assert "Hello." in answer or (str(answer).endswith(".") and answer != CRASHED)


# Damaged files in the cache


def test_an_upload_that_goes_bad_spoils_one_run(
    client: Client, studio: Studio, photos: dict[str, Path]
) -> None:
    make(client, handle_file(photos["fine"]))
    kept = studio.engine.requests[-1].portrait
    assert kept.is_relative_to(studio.cache)
    whole = kept.read_bytes()
    again = {"path": str(kept), "meta": {"_type": "gradio.FileData"}}
    for damage, sentence in ((whole[:60], "cannot be read as an image"), (b"", "is empty")):
        kept.write_bytes(damage)
        assert sentence in refusal(client, again)
    kept.unlink()
    assert CRASHED not in refusal(client, again)
    assert make(client, handle_file(photos["fine"]))  # it is uploaded again
    assert not studio.engine.running


def test_takes_that_go_bad_spoil_no_other(
    client: Client, studio: Studio, photos: dict[str, Path]
) -> None:
    first, _ = make(client, handle_file(photos["fine"]))
    (folder,) = studio.folders()
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:20])
    video, _ = make(client, handle_file(photos["fine"]))
    assert Path(video["video"] if isinstance(video, dict) else video).stat().st_size > 1000
    assert len(studio.folders()) == 2 and first


# A full disk


def no_room(*_: Any, **__: Any) -> None:
    """Fails as a write to a full disk does."""
    Path("/dev/full").write_bytes(b"x")


def test_a_full_disk_fails_one_take_with_an_error(
    client: Client, studio: Studio, photos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fake_engine, "write_audio", no_room)
        assert "The disk is full; free some space" in refusal(client, handle_file(photos["fine"]))
        assert until(lambda: not studio.folders()) and not studio.engine.running
        patch.undo()
        patch.setattr("ui.takes.store.secrets.token_urlsafe", no_room)  # where a folder is made
        assert "The disk is full; free some space" in refusal(client, handle_file(photos["fine"]))
    assert make(client, handle_file(photos["fine"]))


def test_half_a_download_is_not_kept(tmp_path: Path) -> None:
    subtitles = tmp_path / "take.vtt"
    subtitles.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        exports.make("vtt", tmp_path / "take.mp4", [Word("Hello", 0.0, 0.5)])
    assert not subtitles.is_symlink()
    assert exports.make("vtt", tmp_path / "take.mp4", [Word("Hello", 0.0, 0.5)]) == subtitles
