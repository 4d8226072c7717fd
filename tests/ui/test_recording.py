"""What was live is in nameless files until it is kept, and then a take that can be made again."""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

from gaia_core.media.audio import length, read_audio
from gaia_core.media.video import read_recipe, read_video
from gaia_core.request import Request
from ui import samples
from ui.takes import session as session_module
from ui.takes.recording import Recording
from ui.takes.session import Session

RATE = 48_000


def grey(level: float, side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), round(level), np.uint8)


def wanted() -> Request:
    return Request(samples.portraits()[0], text="-", size="256", steps=10)


def test_a_voice_is_kept_with_its_sound(tmp_path: Path):
    recording = Recording(wanted(), RATE)
    tone = np.sin(np.arange(RATE // 25) / 10)
    for frame in range(25):
        recording.add(frame / 25, grey(8 * frame), sound=(1000 * frame * tone).astype(np.int16))
    request, result = recording.save(tmp_path)
    levels = [frame.mean() for frame in read_video(result.video)]
    assert np.abs(np.array(levels) - 8 * np.arange(25)).max() < 3
    assert length(result.video) == pytest.approx(1.0, abs=0.03)
    sound = read_audio(result.video)
    assert np.abs(sound[:3200]).max() < 0.2 < np.abs(sound[-3200:]).max()
    assert read_recipe(result.video) == result.recipe == request.check().recipe()
    assert request.speech and request.speech.parent == tmp_path and request.text is None


def test_a_mirror_is_kept_at_the_speed_it_was_seen(tmp_path: Path):
    recording = Recording(wanted(), RATE)
    for second in (5.0, 5.2, 5.22, 5.6, 6.0):  # frames take as long as they take
        recording.add(second, grey(200 * (second - 5)), camera=grey(100 * (second - 5), 120))
    request, result = recording.save(tmp_path)
    for path, scale in ((result.video, 200), (request.drive, 100)):
        levels = np.array([frame.mean() for frame in read_video(path)]) / scale
        assert len(levels) == 26
        seen = [0.0] * 5 + [0.2] + [0.22] * 9 + [0.6] * 10 + [1.0]
        assert np.abs(levels - seen).max() < 0.03
    with pytest.raises(Exception, match="recipe"):
        read_recipe(request.drive)  # which is no generated video
    assert request.check().recipe()["drive"]


def test_only_the_last_two_minutes_are_held_and_not_in_memory(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    recording = Recording(wanted(), RATE)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    files: list[weakref.ref] = []
    tracemalloc.start()
    for second in range(500):
        recording.add(second, noise, camera=noise)
        if second in (0, 400):
            files.append(weakref.ref(recording._moments[-1].picture.file))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 110 < recording.seconds < 120
    assert held < 1e6, "more than 10 MB of pictures"
    gc.collect()
    first, last = (file() for file in files)
    assert first is None and last.seek(0, 2) > 1e5
    assert not list(tmp_path.iterdir())


def test_what_is_not_kept_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    timers = []

    class Timer:
        def __init__(self, seconds: float, then: object) -> None:
            assert seconds == session_module.KEEP_SECONDS
            timers.append(then)

        def start(self) -> None:
            pass

    monkeypatch.setattr(session_module.threading, "Timer", Timer)
    session, first, second = Session(), Recording(wanted(), RATE), Recording(wanted(), RATE)
    session.offer(first)
    session.offer(second)
    timers[0]()  # of the first, which the second has replaced
    assert session.recording is second
    timers[1]()
    assert session.recording is None
    session.offer(second)
    session.delete()
    assert session.recording is None
