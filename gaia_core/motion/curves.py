"""A clip's motion as curves, and a line sketch of the mean face with its expressions, to plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import MOTION_DEFAULTS, POSE_CHANNELS, MotionCorrections
from gaia_core.latent import MotionEncoder

# The polylines of the sketch as mesh indices, and whether each is closed.
LINES: tuple[tuple[tuple[int, ...], bool], ...] = (
    (mesh.OVAL, True),
    (mesh.BROW_RIGHT, True),
    (mesh.BROW_LEFT, True),
    (mesh.EYE_RIGHT, True),
    (mesh.EYE_LEFT, True),
    (mesh.IRISES[1:5], True),
    (mesh.IRISES[6:], True),
    (mesh.NOSE[:6], False),
    ((129, 98, 2, 327, 358), False),
    (mesh.LIPS_OUTER, True),
    (mesh.LIPS_INNER, True),
)
BLOCK = 1000  # frames decoded to landmarks at once, which bounds the memory of a long clip


@dataclass(frozen=True)
class Sketch:
    """The mean face as polylines, and how expressions move them.

    Attributes:
        points: (N, 3) in face widths about the centre; x right, y down, z away from the viewer.
        shifts: (C, N, 2) what each of `controls.EXPRESSION` at 1 adds to x and y.
        lines: for each polyline its number of consecutive points, and whether it is closed.
    """

    points: np.ndarray
    shifts: np.ndarray
    lines: tuple[tuple[int, bool], ...]


@torch.no_grad()
def sketch(encoder: MotionEncoder, directions: Tensor) -> Sketch:
    """The motion encoder's mean face; directions (C, D) are the latent changes of `EXPRESSION`."""
    index = [point for line, _ in LINES for point in line]
    neutral = -encoder.mean / encoder.scale  # no pose, no expression
    plain = encoder.landmarks(neutral)
    moved = encoder.landmarks(neutral + directions.to(neutral)) - plain
    return Sketch(
        points=plain[index].cpu().numpy(),
        shifts=moved[:, index, :2].cpu().numpy(),
        lines=tuple((len(line), closed) for line, closed in LINES),
    )


@torch.no_grad()
def traces(
    encoder: MotionEncoder,
    motion: Tensor,
    reference: Tensor,
    corrections: MotionCorrections = MOTION_DEFAULTS,
) -> dict[str, np.ndarray]:
    """The curves of a clip's motion.

    Args:
        motion: (T, D) latents.
        reference: (D,) the portrait's latent.
        corrections: those that the motion was sampled with.

    Returns:
        (T,) float32 each: the channels of `controls.POSE` in their units, relative to the portrait
        and with the turn gain removed, and the apertures `mouth` and `eyes`, see `landmarks`.
    """
    own = encoder.head_pose(reference)
    change = encoder.head_pose(motion) - own
    change[:, 3:5] /= own[5].exp() * change.new_tensor([1.0, -1.0])  # a crop's y goes down
    change[:, 5] = change[:, 5].exp()
    curves = zip(POSE_CHANNELS, change.unbind(-1), strict=True)
    found = {name: curve / corrections.turn.get(name, 1.0) for name, curve in curves}
    apertures = [_apertures(encoder, part) for part in motion.split(BLOCK)]
    found["mouth"], found["eyes"] = torch.cat(apertures, 1)
    return {name: curve.float().cpu().numpy() for name, curve in found.items()}


def _apertures(encoder: MotionEncoder, motion: Tensor) -> Tensor:
    """Of mouth and eyes: (T, D) -> (2, T)"""
    points = encoder.landmarks(motion)
    return torch.stack([mesh.lip_aperture(points), mesh.eye_aperture(points)])
