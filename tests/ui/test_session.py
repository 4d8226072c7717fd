"""Estimated time, progress, the list of takes, and presets."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_engine import FakeEngine, until

from gaia_core.controls import Controls
from gaia_core.errors import InputError
from gaia_core.request import Event, Preview, Progress, Request, Result, Span
from ui.form import presets, restore
from ui.i18n.text import say
from ui.run import estimate, view
from ui.run.estimate import Clock, Job, Work
from ui.run.events import paced, with_open_eyes
from ui.takes import store
from ui.takes.session import Session, Take, Visits
from ui.timeline import timeline


@pytest.fixture
def photo(photos: dict[str, Path]) -> Path:
    return photos["fine"]


# Estimated time


def test_longer_larger_and_more_careful_takes_longer(photo: Path):
    clock, session = Clock(FakeEngine()), Session()
    base = clock.expected(Work(photo, 0, 10, 16, "256"), session)
    assert base == pytest.approx(8.9, rel=0.1), "docs/log/2026-11-27-bench.json"
    assert clock.expected(Work(photo, 0, 20, 16, "256"), session) > 1.8 * base
    assert clock.expected(Work(photo, 0, 10, 16, "512"), session) > 1.5 * base
    # Sixteen steps of 10 s of motion take 0.49 s there.
    more = clock.expected(Work(photo, 0, 10, 96, "256"), session) - base
    assert more == pytest.approx(5 * 0.49, rel=0.1)
    spans = [Span(0, 5, 1)]
    assert clock.expected(Work(photo, 0, 10, 16, "256", spans), session) > base
    assert clock.expected(Work(photo, 1, 10, 16, "256"), session) is None, "no such face"


def test_the_clock_learns_from_runs(photo: Path, tmp_path: Path):
    clock, session = Clock(FakeEngine()), Session()
    work = Work(photo, 0, 10, 10, "256")
    before = clock.expected(work, session)
    request = Request(photo, text="-", size="256")
    result = Result(tmp_path / "take.mp4", {}, 250)
    for _ in range(12):
        clock.update(request, result, 2 * before, session)
    assert clock.expected(work, session) == pytest.approx(2 * before, rel=0.05)
    clock.update(request, result, 1000 * before, session)
    assert clock.expected(work, session) == pytest.approx(2 * before, rel=0.05), "an accident"


def test_the_voice_counts_as_long_as_it_last_took(photo: Path, tmp_path: Path):
    clock, session, silent = Clock(FakeEngine()), Session(), Work(photo, 0, 10, 10, "256")
    spoken = replace(silent, voice="en-US-AriaNeural")
    request = Request(photo, text="Hello", size="256")

    def slowly() -> Iterator[Event]:
        yield Progress("voice", 0.05)
        time.sleep(0.2)
        yield Progress("speech", 0.1)
        yield Result(tmp_path / "take.mp4", {}, 250)

    with clock.job(None) as job:
        assert len(list(clock.followed(slowly(), job, request, session))) == 3
    longer = clock.expected(spoken, session) - clock.expected(silent, session)
    assert longer == pytest.approx(0.2, abs=0.15)
    with pytest.raises(InputError):
        clock.expected(replace(silent, voice="nobody"), session)


def test_who_waits_is_told_when_the_own_video_is_ready(photo: Path, monkeypatch):
    clock, session, now = Clock(FakeEngine()), Session(), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert clock.ahead("first", 30, []) == 30
    before = clock.expected(Work(photo, 0, 10, 10, "256"), session)
    with clock.job(30) as job:
        assert clock.ahead("second", 12, []) == 42
        now += 20
        job.fraction = 1 / 3  # half as fast as expected: 40 s are left
        assert clock.ahead("third", 10, ["second"]) == pytest.approx(10 + 12 + 40)
        assert clock.ahead("third", 10, ["a program"]) == pytest.approx(10 + estimate.UNKNOWN + 40)
        slower = clock.expected(Work(photo, 0, 10, 10, "256"), session)
        assert slower == pytest.approx(2 * before), "the load just measured"
    assert clock.ahead("fourth", 10, []) == 10


def test_times_in_words():
    assert [estimate.span(s) for s in (0.2, 59.6, 150)] == ["1 s", "60 s", "2 min"]
    now = time.monotonic()
    assert estimate.left(Job(None, now - 5, 0.1)) == ""
    assert estimate.left(Job(None, now - 30, 0.5)) == "about 30 s left"
    assert estimate.left(Job(20, now - 5, 0.1)) == "about 15 s left"
    assert timeline.spoken("你好，世界" * 9) > 2 * timeline.spoken("Hello, you" * 4)


# What a visitor made


def made(tmp_path: Path, name: str) -> Take:
    video = tmp_path / "takes" / name / "take.mp4"
    video.parent.mkdir(parents=True)
    video.touch()
    return Take(name, video, {"seed": 1}, "", "", "", 1.0)


def test_a_reload_finds_the_takes_and_nobody_else_does(tmp_path: Path):
    visits = Visits()
    session = visits.open("")
    session.takes = [made(tmp_path, name) for name in ("first", "second")]
    session.takes[0].video.unlink()  # swept
    for name in ("", None, ["a"], "another"):
        assert visits.open(name) is not session and not visits.open(name).takes
    assert visits.open(session.name) is session
    assert [take.name for take in session.takes] == ["second"]
    session.used -= store.KEEP + 1
    assert visits.open(session.name) is not session


def test_a_deleted_take_can_be_had_back_for_a_while(tmp_path: Path, monkeypatch):
    session = Session()
    first, second = session.takes = [made(tmp_path, name) for name in ("first", "second")]
    session.drop(second)
    assert session.takes == [first] and second.video.is_file()
    assert session.undo() is second and session.takes == [first, second]
    assert session.undo() is None
    monkeypatch.setattr("ui.takes.session.UNDO_SECONDS", 0.0)
    session.drop(first)
    assert until(lambda: not first.video.parent.exists())
    assert session.undo() is None and session.takes == [second]


# Presets


@pytest.mark.parametrize("kept", [None, [], "x", {"a": 1}, {"a": {"strength": 3, "steps": 9}}])
def test_what_a_browser_holds_is_not_trusted(kept: object):
    assert all(isinstance(value, dict) for value in presets._read(kept).values())


def test_a_take_that_ends_at_once_has_a_picture():
    frame = np.zeros((8, 8, 3), np.uint8)
    events = [Progress("start", 0.0), Progress("frames", 0.2), Preview(frame, 0)]
    pictures: dict[int, str] = {}
    shown = list(paced(events + [Progress("frames", 0.9)] * 3, pictures, Job(None, 0.0)))
    assert shown[0].preview == "" and shown[-1].preview.startswith("data:image/jpeg")
    assert len(shown) <= 3  # the others follow too soon to be shown
    assert list(pictures) == [0]


def test_while_takes_are_compared_the_progress_is_of_all(photo: Path, monkeypatch):
    monkeypatch.setattr("ui.run.events.UPDATE_EVERY", 0.0)
    clock, session, job = Clock(FakeEngine()), Session(), Job(None, 0.0)
    events = [Progress("start", 0.0), Progress("frames", 0.5)]
    told = []
    for part in ((0, 2), (1, 2)):
        followed = clock.followed(events, job, Request(photo, text="-"), session, part)
        told += [step.progress.fraction for step in paced(followed, {}, job)]
    assert told == [0.0, 0.25, 0.5, 0.75]


def test_a_take_is_pictured_with_open_eyes(tmp_path: Path):
    eyes = np.array([0.2, 0.01, 0.3, 0.1])
    result = Result(tmp_path / "take.mp4", {}, 4, traces={"eyes": eyes})
    pictures = {0: "first", 1: "closed", 2: "open"}
    assert with_open_eyes(pictures, result) == "open"
    assert with_open_eyes(pictures, replace(result, traces=None)) == "first"
    assert with_open_eyes({}, result) == ""


def test_takes_are_named_by_what_was_asked(photo: Path):
    def named(**asked: object) -> str:
        return restore.name_of(Request(photo, **asked))

    nod = Controls({"pitch": [(0.0, 1.0, "hold")]})
    assert named(text="Hello\n  you") == "Speech: Hello you"
    assert named(speech=Path("/a/b/hello.wav")) == "Speech: hello.wav"
    assert named(text="Hi", instruction="smile, then nod") == "Text: smile, then nod"
    assert named(controls=nod) == f"Pose: {say('channel.pitch')}"
    assert named(drive=Path("dance.mp4")) == "Video: dance.mp4"
    assert named(text="Hi", spans=(Span(1, 2.5, 3),)) == "Edit: 1 to 2.5 s"
    assert len(named(text="so " * 300)) < 80


# The open take


def test_one_function_draws_the_open_take():
    """No handler sets a part of the page to another take."""
    drawn = ("facts", "details", "recipe", "code", "download", "history", "opened")
    for path in Path(view.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for key in node.keys if isinstance(node, ast.Dict) else ():
                match key:
                    case ast.Attribute(ast.Name("output"), name):
                        assert name not in drawn or path == Path(view.__file__), (path, name)
