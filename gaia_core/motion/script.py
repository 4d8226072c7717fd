"""The input of stage 2 in plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaia_core.controls import Controls
from gaia_core.landmarks import COUNT
from gaia_core.request import Span


@dataclass(frozen=True)
class Script:
    """The input of stage 2 for one clip; plain arrays, so that it can be pickled.

    Attributes:
        frames: length of the clip.
        speech: (frames, F) float32 features, or (0, F) for none.
        driving: (N, K, 3) float32 landmarks of a driving video in crop units; N may be 0.
        seed: of the sampler's noise.
        steps: of the sampler.
        guidance: weight of classifier-free guidance on speech.
        controls: pose and expression tracks and strengths of the whole clip.
        spans: parts that are sampled again, each with its own seed and controls.
        groups: channel groups taken from the driving video.
        absolute: whether the driving head's angles are copied instead of taken relative to
            `origin`.
        origin: the driving frame that corresponds to the portrait.
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
