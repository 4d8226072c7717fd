"""Estimates of a run's duration: for the user, and for the time to request of ZeroGPU."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from gaia_core import FPS
from gaia_core.request import Span

ROOM = 1.5  # factor on the estimate when allocating a GPU
START_GPU = 5.0  # seconds in which the networks are moved to it


@dataclass(frozen=True)
class Pace:
    """Seconds of work on a type of device.

    Attributes:
        start: before sampling: face, voice, speech, encoder.
        step: a frame and sampling step.
        frame: a rendered frame, without its pixels.
        megapixel: a rendered megapixel.
    """

    start: float
    step: float
    frame: float
    megapixel: float


PACES = {
    # Two cores: `docs/log/2026-11-27-bench.json`, a crop of 256 px and one of 398 px in a photo.
    "cpu": Pace(start=0.5, step=1.25e-4, frame=0.019, megapixel=0.190),
    # Not measured yet: a guess on the safe side.
    "cuda": Pace(start=1.0, step=1.5e-4, frame=0.015, megapixel=0.04),
}


def seconds(frames: int, spans: Iterable[Span], steps: int, side: int, device: str) -> float:
    """Estimated seconds of a run.

    Args:
        frames: length of the video.
        spans: to be re-rendered.
        steps: of sampling.
        side: of the rendered crop, px.
        device: a key of `PACES`; others count as "cuda".
    """
    pace = PACES.get(device, PACES["cuda"])
    sampled = frames + sum((span.end - span.start) * FPS for span in spans)
    drawn = frames * (pace.frame + pace.megapixel * side**2 / 1e6)
    return pace.start + sampled * steps * pace.step + drawn


def gpu_seconds(estimate: float) -> int:
    """Whole seconds for which to allocate a ZeroGPU, from the estimated `seconds` of a run."""
    return math.ceil(START_GPU + ROOM * estimate)
