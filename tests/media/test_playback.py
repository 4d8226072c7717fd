"""Frames of live speech are shown in step, and a reserve is given up in silence."""

import numpy as np
import pytest

from gaia_core import FPS
from gaia_core.media.playback import MOST, WATCHED, Playback

VOICE = np.tile(np.array([8000, -8000], np.int16), 960)
SILENCE = np.zeros(1920, np.int16)
FRAME = 1 / FPS


def shown(playback: Playback, times: list[float], sounds: list[np.ndarray]) -> list[float | None]:
    return [playback.due(now, sound) for now, sound in zip(times, sounds, strict=True)]


def test_bursts_are_shown_evenly():
    times = [burst * 8 * FRAME + 0.01 for burst in range(3) for _ in range(8)]
    due = shown(Playback(), times, [VOICE] * 24)
    assert np.diff(due) == pytest.approx(FRAME)


def test_a_late_frame_moves_later_ones_and_silence_catches_up():
    count = 2 * round(WATCHED * FPS)
    times = [index * FRAME for index in range(count)]
    times[3] += 0.2  # and what follows has come before it is shown
    times[4:8] = [max(time, times[3]) for time in times[4:8]]
    playback = Playback()
    due = shown(playback, times, [VOICE] * count)
    assert None not in due, "no word is lost"
    assert due[-1] - times[-1] == pytest.approx(0.2)
    late = [(count + index) * FRAME for index in range(count)]
    due = shown(playback, late, [SILENCE] * count)
    assert due.count(None) == 4, "it keeps the reserve of one frame"
    assert due[-1] - late[-1] == pytest.approx(FRAME)


def test_a_reserve_that_is_needed_stays():
    """Bursts whose last frames come as late as they may."""
    times = [burst * 8 * FRAME for burst in range(30) for _ in range(8)]
    due = shown(Playback(), times, [SILENCE] * len(times))
    assert None not in due


def test_what_comes_in_too_large_a_burst_is_skipped():
    due = shown(Playback(), [1.0] * 40, [VOICE] * 40)
    assert due.count(None) == 40 - MOST - 1
