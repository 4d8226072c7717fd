"""When frames are shown that are made while somebody speaks."""

from __future__ import annotations

from collections import deque

import numpy as np

from gaia_core import FPS

WATCHED = 2.0  # seconds for which a reserve was not needed before it is given up
MOST = 12  # frames that may wait; later ones are skipped
SILENCE = 0.05  # of the loudest sound so far


class Playback:
    """Times of frames that come in bursts and sometimes late, shown 25 a second with their sound.

    A late frame moves all later ones, so that the next late one finds a reserve. What is left of
    the reserve at all times is given up again, a frame at a time, where nothing is heard.
    """

    def __init__(self) -> None:
        self._last = -np.inf
        self._loudest = 0.0
        self._waits: deque[float] = deque(maxlen=round(WATCHED * FPS))

    def due(self, now: float, sound: np.ndarray) -> float | None:
        """When to show a frame that comes now, with its sound (N,); None if it is skipped."""
        due = max(self._last + 1 / FPS, now)
        level = float(np.abs(sound.astype(np.float32)).max(initial=0))
        self._loudest = max(self._loudest, level)
        if due - now > (MOST + 0.5) / FPS:
            return None
        self._waits.append(due - now)
        full = len(self._waits) == self._waits.maxlen
        if full and min(self._waits) > 1.5 / FPS and level <= SILENCE * self._loudest:
            self._waits = deque((wait - 1 / FPS for wait in self._waits), self._waits.maxlen)
            return None
        self._last = due
        return due
