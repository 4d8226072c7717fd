"""Eyes that close and open, in windows that the skull carries.

A portrait with open eyes shows lids that are folded away. Stretched over the eye they bring their
lashes along, and between them stays a slit of squeezed iris. A portrait with closed eyes shows
nothing of them at all. So a small network paints the region from below the brow to below the eye,
given the portrait's eye, where the motion latent says that lids close or open. Both eyes share it:
the left one is seen in a mirror. Knows nothing of the rest of the frame.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import InpainterConfig
from gaia_core.renderer.inpainting import (
    SIDE,
    Inpainter,
    Where,
    between,
    carried,
    extract,
    face_width,
    within,
)

WINDOW = 0.42  # side of a window in face widths
FEATHER = 4.0  # px in which what is painted fades into the frame
# Of the opening that the portrait has: less than the first is painted, and more than the other not.
CLOSED, OPEN = 0.5, 0.8
WIDER, WIDE = 1.6, 2.4  # of it, too: up to the first nothing is painted, and from the other all
LEAST = 40.0  # px of opening without which the portrait's eye is taken to be closed


class Curves(NamedTuple):
    """Landmarks of one eye, from its outer corner to its inner one."""

    upper: tuple[int, ...]  # lids, with the corners
    lower: tuple[int, ...]
    top: tuple[int, ...]  # of the region, with common ends
    bottom: tuple[int, ...]
    iris: tuple[int, ...]  # its centre, then its rim


def _curves(
    ring: tuple[int, ...], top: tuple[int, ...], bottom: tuple[int, ...], iris: tuple[int, ...]
) -> Curves:
    """ring: of `landmarks`, from the outer corner along the lower lid, and back along the upper."""
    return Curves((ring[0], *ring[:7:-1]), ring[:9], top, bottom, iris)


EYES = (  # the person's right one, then the left
    _curves(
        mesh.EYE_RIGHT,
        (130, 225, 224, 223, 222, 221, 243),
        (130, 25, 110, 24, 23, 22, 26, 112, 243),
        mesh.IRISES[:5],
    ),
    _curves(
        mesh.EYE_LEFT,
        (359, 445, 444, 443, 442, 441, 463),
        (359, 255, 339, 254, 253, 252, 256, 341, 463),
        mesh.IRISES[5:],
    ),
)


def window_maps(pose: Tensor, template: Tensor) -> tuple[Where, Where]:
    """Where both eyes' windows lie in a crop, the left one mirrored: (B, 6), (K, 3) -> maps"""
    maps = []
    for eye, mirror in zip(EYES, (1.0, -1.0), strict=True):
        centre = template[[*eye.upper, *eye.lower]].mean(0)
        matrix, shift = carried(pose, centre, WINDOW * face_width(template))
        maps.append((matrix * torch.tensor([mirror, 1.0], device=matrix.device), shift))
    return maps[0], maps[1]


def opening(landmarks: Tensor, where: Where, eye: Curves) -> Tensor:
    """What lies between the lids: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
    inside, gap = between(landmarks, where, eye.upper, eye.lower)
    return (inside + 0.5).clamp(0, 1) * (gap > 0)


def region(landmarks: Tensor, where: Where, eye: Curves) -> Tensor:
    """What changes with the lids: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
    around, _ = between(landmarks, where, eye.top, eye.bottom)
    return (around / FEATHER).clamp(0, 1)


def iris(landmarks: Tensor, where: Where, eye: Curves) -> Tensor:
    """Where it stands, behind lids too: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
    points = within(landmarks[:, list(eye.iris)], where)
    centre, rim = points[:, :1], points[:, 1:]
    radius = (rim - centre).norm(dim=-1).mean(-1)
    at = torch.arange(SIDE, device=points.device) + 0.5
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)
    far = (pixels - centre[:, :, None]).norm(dim=-1)
    return (radius[:, None, None] - far + 0.5).clamp(0, 1)[:, None]


def seen(frames: Tensor, landmarks: Tensor, maps: tuple[Where, Where]) -> Tensor:
    """What portraits show of both eyes, with what lies between the lids.

    (B, 3, H, H), (B, K, 3) -> (B, 2, 4, SIDE, SIDE)
    """
    shown = [
        torch.cat([extract(frames, where) - 0.5, opening(landmarks, where, eye)], 1)
        for eye, where in zip(EYES, maps, strict=True)
    ]
    return torch.stack(shown, 1)


def changed(before: Tensor, after: Tensor) -> Tensor:
    """How far lids close over an eye that the portrait shows open, or open wider than it does.

    (B, 1, S, S) openings of the portrait and of the frame -> (B, 1, 1, 1) in [0, 1]
    """
    had, has = (x.sum((-2, -1), keepdim=True) for x in (before, after))
    share = has / had.clamp(min=LEAST / 2)
    closes = ((OPEN - share) / (OPEN - CLOSED)).clamp(0, 1) * (had > LEAST)
    return closes + ((share - WIDER) / (WIDE - WIDER)).clamp(0, 1)


class Eyes(Inpainter):
    """Paints lids where they close or open, and what is between them."""

    def __init__(self, config: InpainterConfig) -> None:
        super().__init__(config, shown=6)

    def fill(
        self, frames: Tensor, shown: Tensor, landmarks: Tensor, maps: tuple[Where, Where]
    ) -> Tensor:
        """Frames with eyes painted where lids close or open.

        Args:
            frames: (B, 3, H, H) in about [0, 1].
            shown: (1 or B, 2, 4, SIDE, SIDE) of their portraits, see `seen`.
            landmarks: (B, K, 3) of the frames, in crop units.
            maps: see `window_maps`.
        """
        for index, (eye, where) in enumerate(zip(EYES, maps, strict=True)):
            wanted = opening(landmarks, where, eye)
            own = shown[:, index].expand(len(frames), -1, -1, -1)
            share = changed(own[:, 3:], wanted)
            if share.any():
                told = torch.cat([own, wanted, iris(landmarks, where, eye)], 1)
                around = region(landmarks, where, eye)
                frames = self.repaint(frames, around, told, share, where)
        return frames
