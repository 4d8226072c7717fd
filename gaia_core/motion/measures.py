"""Measures of a generated clip: lips, stability, head motion and blinks.

Computed from the motion latents, without the pixels. The held-out protocol in `evaluation` tracks
faces in rendered videos instead, which is slower and includes the renderer's errors.
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
# This counts 53 blinks on 13 held-out clips, MediaPipe's eyeBlink scores 51.
BLINK = 0.3
# Mesh points between which the face's width is measured, and that width on MediaPipe's canonical
# face in mm.
SIDES, WIDTH = (127, 356), 154.9


@dataclass(frozen=True)
class Measures:
    """Measures of a clip; NaN where one is undefined.

    Attributes:
        lips: standard deviation of the gap between the lips, percent of the face's height.
        steadiness: motion stability index (MSI), one over the variance of the face's acceleration
            in (mm per frame squared)^2, with the head pose removed. Higher is more stable.
        yaw, pitch, roll: standard deviation of the head pose, degrees.
        blinks: blinks a minute.
    """

    lips: float
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
    """The measures of a clip.

    Args:
        motion: (T, D) latents of the encoder.
        traces: its curves, each (T,), from `curves.traces`.
    """
    closed = 1 - traces["eyes"] / max(float(np.median(traces["eyes"])), 1e-6)
    return Measures(
        lips=100 * float(traces["mouth"].std()),
        steadiness=steadiness(encoder, motion),
        **{name: float(traces[name].std()) for name in ("yaw", "pitch", "roll")},
        blinks=len(closings(closed)) / len(motion) * FPS * 60,
    )


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of (T,) and (T,) over frames without a NaN.

    NaN if one of them is constant, or if there are fewer than three such frames.
    """
    both = np.isfinite(a) & np.isfinite(b)
    one, other = a[both].astype(np.float64), b[both].astype(np.float64)
    if len(one) < 3 or np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


@torch.no_grad()
def steadiness(encoder: MotionEncoder, motion: np.ndarray) -> float:
    """Motion stability index of latents (T, D): NaN below 4 frames, infinite without motion."""
    latents = torch.from_numpy(motion).to(encoder.mean)
    neutral = -encoder.mean / encoder.scale
    latents[:, : len(POSE_CHANNELS)] = neutral[: len(POSE_CHANNELS)]
    face = encoder.landmarks(latents)[..., :2]
    side, other = (encoder.template[point, :2] for point in SIDES)
    acceleration = face.diff(n=2, dim=0) * (WIDTH / (side - other).norm())
    if len(acceleration) < 2:
        return float("nan")
    variance = float(acceleration.var(0).mean())
    return 1 / variance if variance > 1e-12 else float("inf")


def closings(closed: np.ndarray, rise: float = BLINK) -> list[tuple[int, int]]:
    """Intervals in which a curve (T,) exceeds `rise`, with hysteresis.

    Returns:
        (first frame over `rise`, first one below half of it again, or T) of each.
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
