"""What a take shall do: the input of stage 2 in plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaia_core.controls import Controls
from gaia_core.landmarks import COUNT
from gaia_core.request import Span


@dataclass(frozen=True)
class Script:
    """What a take shall do; plain arrays, so that it can be pickled.

    Attributes:
        frames: length of the take.
        speech: (frames, F) float32, or (0, F) for none.
        driving: (N, K, 3) float32 landmarks of a driving video in crop units; N may be 0.
        groups: which channel groups the driving video gives.
        absolute: whether its head angles are taken as they are.
        origin: the driving frame at which its face is as the portrait's.
    """

    frames: int
    speech: np.ndarray
    driving: np.ndarray
    seed: int
    steps: int
    guidance: float
    controls: Controls = Controls()
    spans: tuple[Span, ...] = ()
    groups: tuple[str, ...] = ()
    absolute: bool = False
    origin: int = 0


NO_DRIVING = np.zeros((0, COUNT, 3), np.float32)
