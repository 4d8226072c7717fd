"""What `ui.gradio_compat` assumes of Gradio holds for the installed one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from fake_engine import Studio
from gradio import processing_utils
from gradio.data_classes import FileData
from gradio_client import Client, handle_file

import ui
from ui import gradio_compat
from ui.i18n.text import say

pytest.importorskip("playwright")

from playwright.sync_api import Page, expect
from visitor import generate, shown, tab

FOLDER = Path(ui.__file__).parent
CSS = re.sub(r"/\*.*?\*/", "", gradio_compat.CSS.read_text("utf-8"), flags=re.S)
PRIVATE = re.compile(r"\._(data|id)\b|LocalContext|get_upload_folder|ffmpeg_installed")
MARKUP = re.compile(
    r"\.(gradio-container|fillable|tabitem|form|gr-group|gr-accordion|block|wrap|wrap-inner"
    r"|image-frame|checkbox-container|info-text|toast-[a-z]+)(?![\w-])"
    r"|data-testid|(button|label)\.selected|#[a-z]+ video\b|^footer|queue:\\s"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page that returns the language of the visitor and the path of an upload."""

    def given(file: FileData) -> list[str]:  # which arrives as a dict
        return [gradio_compat.accepted_languages(), dict(file)["path"], str(gradio_compat.cache())]

    with gr.Blocks(analytics_enabled=False) as page:
        gr.api(given, api_name="given")
    _, url, _ = page.launch(quiet=True, prevent_thread_lock=True)
    yield url
    page.close()


@pytest.mark.parametrize("pattern", [PRIVATE, MARKUP])
def test_nothing_else_knows_what_gradio_does_not_promise(pattern: re.Pattern[str]):
    kinds = {".py", ".js", ".css"} if pattern is MARKUP else {".py"}
    files = [path for path in FOLDER.rglob("*") if path.suffix in kinds]
    known = {path for path in files if path.stem == "gradio_compat"}
    assert known
    for path in set(files) - known:
        for line in path.read_text("utf-8").splitlines():
            code = re.sub(r"from [\w.]+ import.*|^import .*", "", line)
            if path.suffix == ".py":  # selectors in scripts alone: ".form" is an attribute here
                code = code if pattern is PRIVATE or "querySelector" in code else ""
            assert not pattern.search(code), f"{path}: {line}"


def test_the_data_of_events():
    assert gradio_compat.event_data(gr.EventData(None, {"index": 2})) == {"index": 2}
    assert gradio_compat.event_data(gr.EventData(None, [1])) == {}


def test_components_are_put_in_the_order_they_were_made_in():
    with gr.Blocks():
        made = [gr.Number() for _ in range(20)]
    assert gradio_compat.in_order(set(made)) == made


def test_the_visitor_and_the_cache(address: str, tmp_path: Path):
    assert gradio_compat.accepted_languages() == ""
    (tmp_path / "a.txt").write_text("a")
    client = Client(address, headers={"accept-language": "zh-CN,en"}, verbose=False)
    language, path, cache = client.predict(handle_file(tmp_path / "a.txt"), api_name="/given")
    assert language == "zh-CN,en"
    assert Path(path).resolve().is_relative_to(cache)


def test_gradio_asks_here_whether_films_can_be_probed(monkeypatch, tmp_path: Path, film: Path):
    assert processing_utils.ffmpeg_installed is gradio_compat.streaming_possible
    calls: list[bool] = []
    monkeypatch.setattr(processing_utils, "ffmpeg_installed", lambda: bool(calls.append(True)))
    gr.Video().postprocess(film)
    assert calls


def test_progress_is_shown_in_one_place_alone(studio: Studio):
    """At any status of any event, the page updates all that ever showed progress."""
    config = httpx.get(f"{studio.url}config").json()
    ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    internal = [
        event
        for event in config["dependencies"]
        if event["backend_fn"] and event["api_visibility"] == "private"
    ]
    shown = [
        event["outputs"] if (on := event["show_progress_on"]) is None else on for event in internal
    ]
    assert {part for parts in shown for part in parts} == {ids["queue"]}


def selectors() -> list[str]:
    """The selectors of the style sheet, without states that a resting page does not have.

    The page of the API has a test of its own, in `test_accessibility`.
    """
    lists = re.findall(r"([^{}]+)\{[^{}]*\}", CSS.replace("@media (max-width: 640px) {", ""))
    each = {part.strip() for some in lists for part in re.split(r",(?![^(]*\))", some)}
    state = re.compile(r":hover|:focus-\w+|::[\w-]+|\.dark(?= )|(?<=container)\.dark|\.open(?= )")
    return sorted({state.sub("", some).strip() for some in each} - {"", ".api-docs .snippets"})


def test_the_page_is_as_assumed(opened):
    page = opened()
    check_presses(page)
    check_toast(page)
    check_rules(page)


def check_rules(page: Page):
    """Each finds its markup."""
    page.get_by_role("radio", name=say("speech.text")).check()
    expect(page.locator("#text")).to_be_visible()
    generate(page)
    shown(page)
    missing = set(selectors())
    for name in ("compare", "edit", "pose"):
        missing = {each for each in missing if not page.locator(each).count()}
        tab(page, name)
        expect(page.locator(f"#{name}-card")).to_be_visible()
    page.locator("#strengths .label-wrap").click()
    expect(page.locator("#strengths .sliders")).to_be_visible()
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.locator(".speech-example").first.click()
    page.locator(".audio-container .waveform-container").wait_for()
    assert not {each for each in missing if not page.locator(each).count()}


def check_toast(page: Page):
    """Its title is replaced."""
    page.get_by_role("radio", name=say("speech.upload")).check()
    expect(page.locator("#text")).to_be_hidden()
    generate(page)
    title = page.locator(".toast-title.warning")
    title.wait_for()
    drawn = "e => [getComputedStyle(e).fontSize, getComputedStyle(e, '::before').content]"
    assert title.evaluate(drawn) == ["0px", f'"{say("error.title")}"']


def check_presses(page: Page):
    """A button and a download are pressed."""
    for name, html in (("one", "<button id=one></button>"), ("two", "<a id=two href='#'></a>")):
        page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", html)
        page.evaluate(
            "name => document.getElementById(name).onclick = () => { window[name + 'Done'] = 1 }",
            name,
        )
        page.evaluate(f"({gradio_compat.press(name)})()")
        page.wait_for_function(f"window.{name}Done === 1")
