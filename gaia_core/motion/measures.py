"""What can be said of a take in numbers: its calm, its head and its blinks.

Read from the motion that was rendered, so that it costs no look at the pixels. The held-out
protocol in `evaluation` reads films instead, which says more and takes longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from gaia_core import FPS
from gaia_core.config import POSE_CHANNELS
from gaia_core.latent import MotionEncoder

# A blink: the eyes close by this share of their median opening, and open again by half of that.
# Counts 53 on 13 held-out clips, where MediaPipe's own eyeBlink scores have 51.
BLINK = 0.3
# Where the width of a face is measured, and what it is on MediaPipe's canonical face.
SIDES, WIDTH = (127, 356), 154.9  # mesh points, mm


@dataclass(frozen=True)
class Measures:
    """A take in numbers; NaN where there is nothing to measure.

    Attributes:
        steadiness: motion stability index, one over the variance of the face's acceleration in
            (mm per frame squared)^2, the head's own motion left out. More is calmer.
        yaw, pitch, roll: standard deviation of the head's turn, nod and tilt, degrees.
        blinks: a minute.
    """

    steadiness: float
    yaw: float
    pitch: float
    roll: float
    blinks: float


def measure(
    encoder: MotionEncoder,
    motion: np.ndarray,
    traces: Mapping[str, np.ndarray],
) -> Measures:
    """The measures of a take.

    Args:
        motion: (T, D) latents of the encoder.
        traces: its curves (T,) as `traces.traces` has them.
    """
    closed = 1 - traces["eyes"] / max(float(np.median(traces["eyes"])), 1e-6)
    return Measures(
        steadiness=steadiness(encoder, motion),
        **{name: float(traces[name].std()) for name in ("yaw", "pitch", "roll")},
        blinks=len(closings(closed)) / len(motion) * FPS * 60,
    )


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of (T,) and (T,), frames with a NaN left out.

    NaN if one of them is constant, or fewer than three frames are left.
    """
    both = np.isfinite(a) & np.isfinite(b)
    one, other = a[both].astype(np.float64), b[both].astype(np.float64)
    if len(one) < 3 or np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


@torch.no_grad()
def steadiness(encoder: MotionEncoder, motion: np.ndarray) -> float:
    """Motion stability index of latents (T, D): NaN below 4 frames, infinite where all is still."""
    latents = torch.from_numpy(motion).to(encoder.mean)
    neutral = -encoder.mean / encoder.scale
    latents[:, : len(POSE_CHANNELS)] = neutral[: len(POSE_CHANNELS)]  # the head held still
    face = encoder.landmarks(latents)[..., :2]
    side, other = (encoder.template[point, :2] for point in SIDES)
    acceleration = face.diff(n=2, dim=0) * (WIDTH / (side - other).norm())
    if len(acceleration) < 2:
        return float("nan")
    variance = float(acceleration.var(0).mean())
    return 1 / variance if variance > 1e-12 else float("inf")


def closings(closed: np.ndarray, rise: float = BLINK) -> list[tuple[int, int]]:
    """Where a track (T,) rises over `rise` after it had been below half of it.

    The first frame over `rise`, and the first one below half of it again, or T.
    """
    found: list[tuple[int, int]] = []
    start = None
    for index, value in enumerate(closed.tolist()):
        if start is None and value > rise:
            start = index
        elif start is not None and value < rise / 2:
            found.append((start, index))
            start = None
    return found if start is None else [*found, (start, len(closed))]
