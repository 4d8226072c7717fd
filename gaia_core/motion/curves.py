"""A take's motion, and what each expression does to a face, as few numbers: to plot and to sketch.

No pixels: curves over time in the units of `controls`, and the lines of a mean face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import MOTION_DEFAULTS, POSE_CHANNELS, MotionCorrections
from gaia_core.latent import MotionEncoder

# The lines of a sketch as mesh indices, and whether each returns to its start.
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
BLOCK = 1000  # frames whose landmarks are held at once


@dataclass(frozen=True)
class Sketch:
    """A mean face as lines, and how full expressions move them.

    Attributes:
        points: (N, 3) in face widths, about its middle; x right, y down, z away.
        shifts: (C, N, 2) what each of `controls.EXPRESSION` at 1 adds to x and y.
        lines: for each line its number of points, which follow each other, and whether it closes.
    """

    points: np.ndarray
    shifts: np.ndarray
    lines: tuple[tuple[int, bool], ...]


@torch.no_grad()
def sketch(encoder: MotionEncoder, directions: Tensor) -> Sketch:
    """The mean face of the motion encoder; directions (C, D) as the pipeline has them."""
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
    """What a face did, frame by frame.

    Args:
        motion: (T, D) latents.
        reference: (D,) the portrait's own.
        corrections: those that the motion was made with.

    Returns:
        (T,) float32 each: the channels of `controls.POSE` in their units, angles as far as the
        picture shows them, and the openings `mouth` over the face's height and `eyes` over their
        width.
    """
    own = encoder.head_pose(reference)
    change = encoder.head_pose(motion) - own
    change[:, 3:5] /= own[5].exp() * change.new_tensor([1.0, -1.0])  # a crop's y goes down
    change[:, 5] = change[:, 5].exp()
    curves = zip(POSE_CHANNELS, change.unbind(-1), strict=True)
    found = {name: curve / corrections.turn.get(name, 1.0) for name, curve in curves}
    # The landmarks of a long take are many.
    openings = [_openings(encoder, part) for part in motion.split(BLOCK)]
    found["mouth"], found["eyes"] = torch.cat(openings, 1)
    return {name: curve.float().cpu().numpy() for name, curve in found.items()}


def _openings(encoder: MotionEncoder, motion: Tensor) -> Tensor:
    """(T, D) -> (2, T), mouth and eyes."""
    points = encoder.landmarks(motion)
    return torch.stack([mesh.lip_aperture(points), mesh.eye_aperture(points)])
