"""Live playback: the segments play, then the finished video continues from there."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from fake_engine import Studio, until

from gaia_core.media.video import read_video
from gaia_core.request import Progress, Segment
from ui.gradio_compat import streaming_possible
from ui.i18n.text import say
from ui.takes.live_player import Pace

pytest.importorskip("playwright")

from playwright.sync_api import expect
from visitor import button, tab

TIMEOUT = 120_000  # ms
PLAYED = "document.querySelector('#live video')?.currentTime > 0.2"
FILM = "document.querySelector('#video video')"


@pytest.mark.parametrize("found", [[], ["ffmpeg"]])
def test_films_are_shown_where_no_ffmpeg_or_no_ffprobe_is_installed(
    film: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: list[str]
):
    for name in found:
        (tmp_path / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not streaming_possible()
    assert list(read_video(gr.Video().postprocess(film).path))


def started(made_a_second: float, seconds: float) -> float | None:
    """The second of video that is made when playback starts, at a constant speed of the engine."""
    now = 0.0
    pace = Pace(lambda: now)

    def events():
        nonlocal now
        now += 3
        yield Progress("motion", 0.15)
        for frame in range(round(25 * seconds)):
            yield Progress("frames", 0.3 + 0.7 * frame / (25 * seconds))
            now += 1 / 25 / made_a_second
            if frame % 50 == 49:
                yield Segment(Path(), frame // 50 * 2, frame // 50 * 2 + 2)

    return next((pace.made for _ in pace.watched(events()) if pace.ready()), None)


def test_playback_starts_when_it_can_go_on_to_the_end():
    assert started(2.0, 20) == 2
    for speed, seconds in ((1.0, 20), (0.5, 20), (0.8, 60), (0.3, 10)):
        made = started(speed, seconds)
        assert made is not None and (seconds - made) / speed < seconds - 2
        assert 1.3 * (seconds - (made - 2)) / speed > seconds - 2, "no later than needed"
    assert started(0.1, 4) == 4, "a slow one plays when it is finished"


@pytest.fixture
def page(opened):
    if not streaming_possible():
        pytest.skip("no ffmpeg and ffprobe are installed")
    page = opened()
    page.set_default_timeout(TIMEOUT)
    return page


def play_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playback starts at the first part, however slow this machine is."""
    monkeypatch.setattr(Pace, "ready", lambda self: True)


def test_it_plays_while_it_is_made_and_goes_on_as_the_film(page, studio: Studio, monkeypatch):
    play_at_once(monkeypatch)
    studio.engine.frames, studio.engine.pause = 75, 0.1
    box = page.locator("#watch input")
    assert not box.is_checked()
    box.check()
    page.locator("#generate").click()
    page.wait_for_function(PLAYED)
    assert page.locator("#stop").is_visible()  # still at work
    assert page.locator("#live-note [role=progressbar]").is_visible()
    page.wait_for_function(f"{FILM}?.offsetParent && {FILM}.currentTime > 0.1")
    assert not page.locator("#live video").is_visible()
    assert page.evaluate("document.querySelector('#live video')?.paused ?? true")
    page.wait_for_function(f"Math.abs({FILM}.duration - 75 / 25) < 0.1")
    assert len(studio.files("parts/*.mp4")) == 8


def test_it_waits_in_sight_then_the_playhead_follows_until_stop(page, studio: Studio, monkeypatch):
    studio.engine.frames, studio.engine.pause = 150, 0.2
    tab(page, "pose")
    button(page, say("preset.nod")).click()
    expect(page.locator(".tl-key").first).to_be_visible()
    page.locator("#watch input").check()
    page.locator("#generate").click()
    expect(page.locator("#status").get_by_text(say("watch.held"))).to_be_visible()
    assert not page.locator("#live video").count()
    page.locator("#stop").click()
    expect(page.get_by_text(say("result.stopped"))).to_be_visible()
    assert until(lambda: not studio.engine.running)

    play_at_once(monkeypatch)
    studio.engine.pause = 0.1
    page.locator("#generate").click()
    page.wait_for_function(PLAYED)
    head = page.get_by_role("slider", name=say("line.head"))
    page.wait_for_function("e => Number(e.ariaValueNow) > 0.2", arg=head.element_handle())
    assert page.locator("#stop").is_visible()  # still at work
    page.locator("#stop").click()
    page.locator("#generate").wait_for()
    assert not page.locator("#live video").is_visible()
