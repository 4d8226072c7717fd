"""Lips that close over a parted mouth, painted in the window that the skull carries.

A portrait of parted lips shows teeth and dark, and sampled from there lips that close keep them: a
pale line of squeezed teeth, which reads as a mouth ajar. So a small network paints the place where
the lips meet, given the portrait's mouth, where the motion latent says that they close. Knows
nothing of the rest of the frame.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import InpainterConfig
from gaia_core.renderer.inpainting import Inpainter, Where, between, extract

# Curves from the person's right corner to the left one, in pairs of the same ends.
INNER = (78, *mesh.INNER_TOP, 308), (78, *mesh.INNER_BOTTOM, 308)
OUTER = (61, *mesh.LIPS_OUTER[:10:-1], 291), mesh.LIPS_OUTER[:11]
AROUND = (
    (57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287),
    (57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287),
)
REACH = 12.0  # px from a curve up to which its distance is told
MARGIN = 6.0  # px that the region goes over the lips' inner edge
FEATHER = 4.0  # px in which what is painted fades into the frame
# Of the opening that the portrait has: less than the first is painted, and more than the other not.
CLOSED, OPEN = 0.5, 0.8
LEAST = 40.0  # px of opening without which the portrait's lips are taken to be closed


def opening(landmarks: Tensor, where: Where) -> Tensor:
    """What lies between the lips: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
    inside, gap = between(landmarks, where, *INNER)
    return (inside + 0.5).clamp(0, 1) * (gap > 0)


def distances(landmarks: Tensor, where: Where) -> Tensor:
    """How far each place lies inside of the inner lips, the outer ones, and what moves with them.

    (B, K, 3) -> (B, 3, SIDE, SIDE): 0 for -`REACH` px, 0.5 on the curve, and 1 for +`REACH`
    """
    curves = (INNER, OUTER, AROUND)
    inside = [between(landmarks, where, *curve)[0] for curve in curves]
    return (0.5 + torch.cat(inside, 1) / (2 * REACH)).clamp(0, 1)


def region(distances: Tensor, margin: float | Tensor = MARGIN) -> Tensor:
    """Where the lips meet, `margin` px above and below: (B, 3, S, S) -> (B, 1, S, S) in [0, 1]"""
    inner, _, around = ((distances - 0.5) * 2 * REACH).split(1, 1)
    side = distances.shape[-1]
    edge = torch.arange(side, device=distances.device)
    edge = torch.minimum(edge, side - 1 - edge)  # a wide smile reaches it
    return torch.minimum(inner + margin, around).minimum(edge).div(FEATHER).clamp(0, 1)


def seen(frames: Tensor, landmarks: Tensor, where: Where) -> Tensor:
    """What portraits show of their mouths: (B, 3, H, H), (B, K, 3) -> (B, 5, SIDE, SIDE)"""
    between_lips, edges = opening(landmarks, where), distances(landmarks, where)
    return told(extract(frames, where), between_lips, edges)


def told(window: Tensor, opening: Tensor, distances: Tensor) -> Tensor:
    """(B, 3, S, S), (B, 1, S, S), (B, 3, S, S) -> (B, 5, S, S) as an inpainter takes it"""
    return torch.cat([window - 0.5, opening, distances[:, 1:2] - 0.5], 1)


def closed(before: Tensor, after: Tensor) -> Tensor:
    """How far lips close that the portrait shows parted.

    (B, 1, S, S) openings of the portrait and of the frame -> (B, 1, 1, 1) in [0, 1]
    """
    had, has = (x.sum((-2, -1), keepdim=True) for x in (before, after))
    share = has / had.clamp(min=LEAST)
    return ((OPEN - share) / (OPEN - CLOSED)).clamp(0, 1) * (had > LEAST)


class Lips(Inpainter):
    """Paints where lips meet that close over a parted mouth."""

    def __init__(self, config: InpainterConfig) -> None:
        super().__init__(config, shown=7)

    def fill(self, frames: Tensor, shown: Tensor, landmarks: Tensor, where: Where) -> Tensor:
        """Frames with the lips' meeting painted where they close.

        Args:
            frames: (B, 3, H, H) in about [0, 1].
            shown: (1 or B, 5, SIDE, SIDE) of their portraits, see `seen`.
            landmarks: (B, K, 3) of the frames, in crop units.
            where: see `mouth.window_map`.
        """
        shown = shown.expand(len(frames), -1, -1, -1)
        share = closed(shown[:, 3:4], opening(landmarks, where))
        if not share.any():
            return frames
        wanted = distances(landmarks, where)
        known = torch.cat([shown, wanted[:, :2] - 0.5], 1)
        return self.repaint(frames, region(wanted), known, share, where)
