"""A small network that paints a region of a frame, in a window that the skull carries.

For what no sampling of a portrait can bring: what lies behind opened lips, closed lips, and lids
that close or open. It sees what surrounds the region and what the portrait has there. Where windows
and regions are is told by `mouth.py`, `lips.py` and `eyes.py`; knows nothing of the rest of the
frame.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.config import InpainterConfig

SIDE = 64  # of the window, px
PHOTO = 256  # side of a crop in which a window is about as fine as the crop, px

Where = tuple[Tensor, Tensor]  # x_crop = matrix @ x_window + shift: (B, 2, 2), (B, 2) in crop units


def face_width(template: Tensor) -> Tensor:
    """From ear to ear, in canonical units: (K, 3) -> ()"""
    return (template[454, 0] - template[234, 0]).abs()


def carried(pose: Tensor, centre: Tensor, width: Tensor) -> Where:
    """Where a window lies that is held by the skull at a canonical place.

    (B, 6) head poses, (3,) in canonical units, its width () in them -> (B, 2, 2), (B, 2)
    """
    turned = pose[:, 5].exp()[:, None, None] * mesh.rotation_from_degrees(pose[:, :3])
    shift = (turned @ centre)[:, :2] + pose[:, 3:5]
    return turned[:, :2, :2] * (0.5 * width), shift


def extract(frames: Tensor, where: Where, side: int = SIDE) -> Tensor:
    """The windows of frames: (B, C, H, W) -> (B, C, side, side), window in [-1, 1]"""
    matrix, shift = where
    theta = torch.cat([2 * matrix, (2 * shift - 1)[..., None]], -1)
    grid = F.affine_grid(theta, [len(frames), 1, side, side], align_corners=False)
    return F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)


def lay(frames: Tensor, inside: Tensor, region: Tensor, where: Where) -> Tensor:
    """Frames with the windows' insides laid over them where the region says.

    (B, C, H, H), (B, C, SIDE, SIDE), (B, 1, SIDE, SIDE) -> (B, C, H, H)
    """
    box, layer, _ = _laid(frames, torch.cat([inside, region], 1), where)
    laid = frames.clone()
    laid[box] = frames[box].lerp(layer[:, :-1], layer[:, -1:].clamp(0, 1))
    return laid


def slide_(frames: Tensor, offset: Tensor, region: Tensor, where: Where) -> None:
    """Moves what frames show in the windows where the region says, as sharp as it was, in place.

    (B, C, H, H), (B, 2, SIDE, SIDE) window px to where each place is sampled, (B, 1, SIDE, SIDE)
    """
    box, layer, places = _laid(frames, torch.cat([offset, region], 1), where)
    moved = layer[:, :2].permute(0, 2, 3, 1) @ (where[0].transpose(1, 2) * (2 / SIDE))[:, None]
    grid = 2 * (places + moved) - 1
    sampled = F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)
    frames[box] = frames[box].lerp(sampled, layer[:, 2:].clamp(0, 1))


def _laid(frames: Tensor, layer: Tensor, where: Where) -> tuple[Any, Tensor, Tensor]:
    """What windows hold, at the frames' pixels: the box around all windows, (B, C, h, w) in it,
    and where its pixels are, (h, w, 2) in crop units."""
    matrix, shift = where
    side = frames.shape[-1]
    reach = matrix.abs().sum(-1)  # of the window's corners from its centre
    low = ((shift - reach).amin(0) * side).floor().long().clamp(0, side).tolist()
    high = ((shift + reach).amax(0) * side).ceil().long().clamp(0, side).tolist()
    x, y = (
        (torch.arange(a, b, device=frames.device) + 0.5) / side
        for a, b in zip(low, high, strict=True)
    )
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    grid = (places - shift[:, None, None]) @ torch.linalg.inv(matrix).transpose(1, 2)[:, None]
    box = (..., slice(low[1], high[1]), slice(low[0], high[0]))
    return box, F.grid_sample(layer, grid, "bicubic", align_corners=False), places


def within(points: Tensor, where: Where) -> Tensor:
    """Where points of a crop lie in a window: (B, N, 2 or 3) in crop units -> (B, N, 2) px"""
    matrix, shift = where
    points = points[..., :2] - shift[:, None]
    return (points @ torch.linalg.inv(matrix).transpose(1, 2) + 1) * (SIDE / 2)


def between(
    landmarks: Tensor, where: Where, top: tuple[int, ...], bottom: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """How far each pixel of a window lies inside of two curves, and how far those are apart.

    Args:
        landmarks: (B, K, 3) in crop units.
        where: the window's place.
        top, bottom: the curves' landmarks from the window's left to its right, of the same ends.

    Returns:
        (B, 1, SIDE, SIDE) px, negative outside, and (B, 1, 1, SIDE) px.
    """
    points = within(landmarks, where)
    above, below = (heights(points[:, list(curve)])[:, None, None] for curve in (top, bottom))
    rows = torch.arange(SIDE, device=points.device)[:, None] + 0.5
    return torch.minimum(rows - above, below - rows), below - above


def heights(curve: Tensor) -> Tensor:
    """Height of a curve in each of the window's columns: (B, N, 2) px -> (B, SIDE) px

    Outside its ends the height falls to the end's, where the other edge ends as well.
    """
    x, y = curve[..., 0].cummax(-1).values.contiguous(), curve[..., 1]
    columns = torch.arange(SIDE, device=curve.device, dtype=curve.dtype) + 0.5
    columns = columns.expand(len(curve), SIDE).contiguous()
    after = torch.searchsorted(x, columns).clamp(1, x.shape[-1] - 1)
    (x_0, x_1), (y_0, y_1) = ((v.gather(-1, after - 1), v.gather(-1, after)) for v in (x, y))
    return y_0 + (y_1 - y_0) * ((columns - x_0) / (x_1 - x_0).clamp(min=1e-3)).clamp(0, 1)


class Inpainter(nn.Module):
    """Paints a region of a window, given what surrounds it and what the portrait shows.

    Args:
        config: its widths.
        shown: channels of what is known of the region.
    """

    def __init__(self, config: InpainterConfig, shown: int = 4) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        # What is the same in every skull: where teeth stand, where lids meet.
        self.place = nn.Parameter(0.1 * torch.randn(8, SIDE, SIDE))
        self.enter = nn.Conv2d(4 * (3 + 1 + shown + 8), first, 3, padding=1)
        self.outer = Block(first)
        self.halve = nn.Conv2d(first, second, 4, 2, 1)
        self.middle = nn.Sequential(Block(second), Block(second))
        self.quarter = nn.Conv2d(second, third, 4, 2, 1)
        self.inner = nn.Sequential(Block(third), Block(third))
        self.back = nn.ModuleList([nn.Conv2d(third, second, 1), nn.Conv2d(second, first, 1)])
        self.middle_again, self.outer_again = Block(second), Block(first)
        self.paint = nn.Conv2d(first, 12, 3, padding=1)

    def repaint(
        self, frames: Tensor, region: Tensor, shown: Tensor, share: Tensor, where: Where
    ) -> Tensor:
        """Frames with their regions painted.

        Args:
            frames: (B, 3, H, H) in about [0, 1].
            region: (B, 1, SIDE, SIDE) in [0, 1].
            shown: (B, C, SIDE, SIDE) what is known of it.
            share: how much of what is painted is seen, as wide as one will broadcast to `region`.
            where: the windows' places.
        """
        # Bicubic samples of a much larger frame would skip pixels.
        times = frames.shape[-1] // PHOTO
        small = F.avg_pool2d(frames, times) if times > 1 else frames
        painted = self(extract(small, where), region, shown).float()
        return lay(frames, painted, region * share, where)

    def forward(self, around: Tensor, region: Tensor, shown: Tensor) -> Tensor:
        """Windows -> the painted region, RGB in about [0, 1]: (B, 3, SIDE, SIDE)

        Args:
            around: (B, 3, SIDE, SIDE) the frame; inside the region it is not looked at.
            region: (B, 1, SIDE, SIDE) what to paint, in [0, 1].
            shown: (B, C, SIDE, SIDE) what is known of it.
        """
        place = self.place.expand(len(around), -1, -1, -1)
        x = torch.cat([(around - 0.5) * (1 - region), region - 0.5, shown, place], 1)
        fine = self.outer(self.enter(F.pixel_unshuffle(x, 2)))
        middle = self.middle(self.halve(fine))
        x = self.inner(self.quarter(middle))
        x = self.middle_again(_doubled(self.back[0](x)) + middle)
        x = self.outer_again(_doubled(self.back[1](x)) + fine)
        return F.pixel_shuffle(self.paint(F.silu(x)), 2) + 0.35


class Block(nn.Module):
    """A residual of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)"""
        return x + self.second(F.silu(self.first(F.silu(x))))


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
