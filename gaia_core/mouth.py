"""What lies behind opened lips: teeth, tongue and dark, painted in a window that the skull carries.

A portrait with closed lips says nothing of it, and no sampling of the portrait can show it. Upper
teeth move with the skull and hardly differ between people, so a small network of its own paints
them, between the lips alone, where the motion latent says that the lips part. What the portrait
does show between its lips is laid into the same window, where its upper teeth stand in their
place. Knows nothing of the rest of the frame.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.config import MouthConfig

SIDE = 64  # of the window, px
WINDOW = 0.52  # side of the window in face widths
PHOTO = 256  # side of a crop in which the window is about as fine as the crop, px
DROP = 0.06  # how far its centre lies below the closed lips, in face widths
MARGIN = 2.0  # px at most by which the painted region goes over the lips' inner edge
CORNERS = (78, 308)  # of the inner lips, the person's right one first


def window_map(pose: Tensor, template: Tensor) -> tuple[Tensor, Tensor]:
    """Where the window lies in a crop: x_crop = matrix @ x_window + shift, window in [-1, 1].

    (B, 6) head poses, (K, 3) -> (B, 2, 2), (B, 2) in crop units
    """
    width = (template[454, 0] - template[234, 0]).abs()
    centre = template[list(mesh.LIPS_INNER)].mean(0)
    centre = centre + width * DROP * torch.tensor([0.0, 1.0, 0.0], device=template.device)
    turned = pose[:, 5].exp()[:, None, None] * mesh.rotation_from_degrees(pose[:, :3])
    shift = (turned @ centre)[:, :2] + pose[:, 3:5]
    return turned[:, :2, :2] * (0.5 * WINDOW * width), shift


def extract(frames: Tensor, where: tuple[Tensor, Tensor], side: int = SIDE) -> Tensor:
    """The windows of frames: (B, C, H, W) -> (B, C, side, side)"""
    matrix, shift = where
    theta = torch.cat([2 * matrix, (2 * shift - 1)[..., None]], -1)
    grid = F.affine_grid(theta, [len(frames), 1, side, side], align_corners=False)
    return F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)


def lay(frames: Tensor, inside: Tensor, region: Tensor, where: tuple[Tensor, Tensor]) -> Tensor:
    """Frames with the windows' insides laid over them where the region says.

    (B, C, H, H), (B, C, SIDE, SIDE), (B, 1, SIDE, SIDE) -> (B, C, H, H)
    """
    matrix, shift = where
    side = frames.shape[-1]
    reach = matrix.abs().sum(-1)  # of the window's corners from its centre
    low = ((shift - reach).amin(0) * side).floor().long().clamp(0, side).tolist()
    high = ((shift + reach).amax(0) * side).ceil().long().clamp(0, side).tolist()
    x, y = (
        (torch.arange(a, b, device=frames.device) + 0.5) / side
        for a, b in zip(low, high, strict=True)
    )
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) - shift[:, None, None]
    grid = places @ torch.linalg.inv(matrix).transpose(1, 2)[:, None]
    layer = F.grid_sample(torch.cat([inside, region], 1), grid, "bicubic", align_corners=False)
    box = (..., slice(low[1], high[1]), slice(low[0], high[0]))
    laid = frames.clone()
    laid[box] = frames[box].lerp(layer[:, :-1], layer[:, -1:].clamp(0, 1))
    return laid


def between_lips(landmarks: Tensor, where: tuple[Tensor, Tensor]) -> Tensor:
    """The region between the inner lips, in the window: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]

    It goes over the lips' edge a little where they are parted, and is empty where they are closed.
    """
    matrix, shift = where
    points = landmarks[..., :2] - shift[:, None]
    points = (points @ torch.linalg.inv(matrix).transpose(1, 2) + 1) * (SIDE / 2)  # px
    right, left = CORNERS
    edges = [
        _heights(points[:, [right, *between, left]])
        for between in (mesh.INNER_TOP, mesh.INNER_BOTTOM)
    ]
    top, bottom = (edge[:, None] for edge in edges)  # (B, 1, SIDE)
    rows = torch.arange(SIDE, device=points.device)[:, None] + 0.5
    inside = torch.minimum(rows - top, bottom - rows)
    margin = (0.5 * (bottom - top)).clamp(0, MARGIN)
    return (inside + margin).clamp(0, 1)[:, None]


def _heights(curve: Tensor) -> Tensor:
    """Height of a curve in each of the window's columns: (B, N, 2) px -> (B, SIDE) px

    Outside its ends the height falls to the end's, where the other edge ends as well.
    """
    x, y = curve[..., 0].cummax(-1).values.contiguous(), curve[..., 1]
    columns = torch.arange(SIDE, device=curve.device, dtype=curve.dtype) + 0.5
    columns = columns.expand(len(curve), SIDE).contiguous()
    after = torch.searchsorted(x, columns).clamp(1, x.shape[-1] - 1)
    (x_0, x_1), (y_0, y_1) = ((v.gather(-1, after - 1), v.gather(-1, after)) for v in (x, y))
    return y_0 + (y_1 - y_0) * ((columns - x_0) / (x_1 - x_0).clamp(min=1e-3)).clamp(0, 1)


def _further(before: Tensor, region: Tensor) -> Tensor:
    """How far lips part further than the portrait's, whose own inside is sampled up to there.

    (B, 1, S, S) of the portrait and of the frame -> (B, 1, 1, S) in [0, 1], for each column
    """
    gap, wanted = before.sum(-2, keepdim=True), region.sum(-2, keepdim=True)
    return ((wanted - gap) / (1 + 0.5 * gap)).clamp(0, 1)


class Mouth(nn.Module):
    """Paints the region between the lips, given what surrounds it and what the portrait shows."""

    def __init__(self, config: MouthConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        # What is the same in every skull: where teeth stand.
        self.place = nn.Parameter(0.1 * torch.randn(8, SIDE, SIDE))
        self.enter = nn.Conv2d(4 * (3 + 1 + 4 + 8), first, 3, padding=1)
        self.outer = Block(first)
        self.halve = nn.Conv2d(first, second, 4, 2, 1)
        self.middle = nn.Sequential(Block(second), Block(second))
        self.quarter = nn.Conv2d(second, third, 4, 2, 1)
        self.inner = nn.Sequential(Block(third), Block(third))
        self.back = nn.ModuleList([nn.Conv2d(third, second, 1), nn.Conv2d(second, first, 1)])
        self.middle_again, self.outer_again = Block(second), Block(first)
        self.paint = nn.Conv2d(first, 12, 3, padding=1)

    def fill(
        self, frames: Tensor, shown: Tensor, landmarks: Tensor, where: tuple[Tensor, Tensor]
    ) -> Tensor:
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
        # Bicubic samples of a much larger frame would skip pixels.
        small = F.avg_pool2d(frames, max(1, frames.shape[-1] // PHOTO))
        around = extract(small, where)
        inside = self(around, region, shown).float()
        return lay(frames, inside, region * _further(shown[:, 3:], region), where)

    def forward(self, around: Tensor, region: Tensor, shown: Tensor) -> Tensor:
        """Windows -> the painted inside, RGB in about [0, 1]: (B, 3, SIDE, SIDE)

        Args:
            around: (B, 3, SIDE, SIDE) the frame; inside the region it is not looked at.
            region: (B, 1, SIDE, SIDE) see `between_lips`.
            shown: (B, 4, SIDE, SIDE) see `seen_between`.
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


def seen_between(window: Tensor, region: Tensor) -> Tensor:
    """What a portrait shows between its lips, and where it does.

    (B, 3, SIDE, SIDE), (B, 1, SIDE, SIDE) -> (B, 4, SIDE, SIDE)
    """
    return torch.cat([(window - 0.5) * region, region], 1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
