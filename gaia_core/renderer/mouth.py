"""What lies behind opened lips: teeth, tongue and dark, painted in a window that the skull carries.

A portrait with closed lips says nothing of it, and no sampling of the portrait can show it. Upper
teeth move with the skull and hardly differ between people, so a small network of its own paints
them, between the lips alone, where the motion latent says that the lips part. What the portrait
does show between its lips is laid into the same window, where its upper teeth stand in their
place. Knows nothing of the rest of the frame.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.renderer.inpainting import Inpainter, Where, between, carried, face_width

WINDOW = 0.52  # side of the window in face widths
DROP = 0.06  # how far its centre lies below the closed lips, in face widths
MARGIN = 2.0  # px at most by which the painted region goes over the lips' inner edge
CORNERS = (78, 308)  # of the inner lips, the person's right one first


def window_map(pose: Tensor, template: Tensor) -> Where:
    """Where the window lies in a crop: (B, 6) head poses, (K, 3) -> (B, 2, 2), (B, 2)"""
    width = face_width(template)
    centre = template[list(mesh.LIPS_INNER)].mean(0)
    centre = centre + width * DROP * torch.tensor([0.0, 1.0, 0.0], device=template.device)
    return carried(pose, centre, WINDOW * width)


def between_lips(landmarks: Tensor, where: Where) -> Tensor:
    """The region between the inner lips, in the window: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]

    It goes over the lips' edge a little where they are parted, and is empty where they are closed.
    """
    right, left = CORNERS
    inside, gap = between(
        landmarks,
        where,
        (right, *mesh.INNER_TOP, left),
        (right, *mesh.INNER_BOTTOM, left),
    )
    return (inside + (0.5 * gap).clamp(0, MARGIN)).clamp(0, 1)


def _further(before: Tensor, region: Tensor) -> Tensor:
    """How far lips part further than the portrait's, whose own inside is sampled up to there.

    (B, 1, S, S) of the portrait and of the frame -> (B, 1, 1, S) in [0, 1], for each column
    """
    gap, wanted = before.sum(-2, keepdim=True), region.sum(-2, keepdim=True)
    return ((wanted - gap) / (1 + 0.5 * gap)).clamp(0, 1)


class Mouth(Inpainter):
    """Paints the region between the lips."""

    def fill(self, frames: Tensor, shown: Tensor, landmarks: Tensor, where: Where) -> Tensor:
        """Frames with the mouth's inside painted where the lips are parted.

        Args:
            frames: (B, 3, H, H) in about [0, 1].
            shown: (1 or B, 4, SIDE, SIDE) of their portraits, see `seen_between`.
            landmarks: (B, K, 3) of the frames, in crop units.
            where: see `window_map`.
        """
        region = between_lips(landmarks, where)
        if not region.any():
            return frames
        shown = shown.expand(len(frames), -1, -1, -1)
        return self.repaint(frames, region, shown, _further(shown[:, 3:], region), where)


def seen_between(window: Tensor, region: Tensor) -> Tensor:
    """What a portrait shows between its lips, and where it does.

    (B, 3, SIDE, SIDE), (B, 1, SIDE, SIDE) -> (B, 4, SIDE, SIDE)
    """
    return torch.cat([(window - 0.5) * region, region], 1)
