"""How long a run takes: for visitors before it, and for where a GPU is lent by the second."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from gaia_core import FPS
from gaia_core.request import Span

ROOM = 1.5  # how much longer than expected a lent GPU may be used
START_GPU = 5.0  # seconds in which it gets the networks


@dataclass(frozen=True)
class Pace:
    """Seconds that work takes on a kind of device.

    Attributes:
        start: before anything moves: face, voice, speech, encoder.
        step: a frame in a sampling step.
        frame: a frame to be drawn, however small.
        megapixel: of each drawn frame, besides.
    """

    start: float
    step: float
    frame: float
    megapixel: float


PACES = {
    # Two cores: `docs/log/2026-11-26-bench.json`, a crop of 256 px and one of 398 px in a photo.
    "cpu": Pace(start=0.7, step=2.1e-4, frame=0.030, megapixel=0.180),
    # Not measured yet: a guess on the safe side.
    "cuda": Pace(start=1.0, step=1.5e-4, frame=0.015, megapixel=0.04),
}


def seconds(frames: int, spans: Iterable[Span], steps: int, side: int, device: str) -> float:
    """Expected seconds of a run.

    Args:
        frames: length of the take.
        spans: that are made anew in it.
        steps: of sampling.
        side: of the rendered crop, px.
        device: a key of `PACES`; others count as "cuda".
    """
    pace = PACES.get(device, PACES["cuda"])
    sampled = frames + sum((span.end - span.start) * FPS for span in spans)
    drawn = frames * (pace.frame + pace.megapixel * side**2 / 1e6)
    return pace.start + sampled * steps * pace.step + drawn


def to_lend(expected: float) -> int:
    """Whole seconds to ask for a GPU that is lent, for `seconds` that are expected."""
    return math.ceil(START_GPU + ROOM * expected)
