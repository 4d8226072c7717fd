"""What a region of the face is to an inpainter: a window that moves rigidly with the skull, what
the portrait shows in it, and the mask and condition of each frame.

A region is one file beside this one (`mouth.py`, `lips.py`, `eyes.py`) and one entry of
`inpainting.REGIONS`. Window coordinates are in [-1, 1], those of a crop in crop units.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_core import landmarks as mesh

SIDE = 64  # of a window, px
FEATHER = 4.0  # px over which a mask fades at its border
# Ratios of a frame's opening to the portrait's: up to the first the painting is opaque, and from
# the other on it is transparent.
CLOSED, OPEN = 0.5, 0.8
LEAST = 40.0  # px of opening up to which a portrait counts as closed


class Window(NamedTuple):
    """Where a window lies in each of B crops: x_crop = matrix @ x_window + shift.

    Attributes:
        matrix: (B, 2, 2) in crop units.
        shift: (B, 2) in crop units.
    """

    matrix: Tensor
    shift: Tensor


class Target(NamedTuple):
    """What is to be painted in a window of B frames.

    Attributes:
        mask: (B, 1, SIDE, SIDE) in [0, 1].
        condition: (B, C, SIDE, SIDE) what the inpainter knows of it: the reference and the frame's
            landmarks.
        opacity: of what is painted, in [0, 1], of a shape that broadcasts to the mask's.
    """

    mask: Tensor
    condition: Tensor
    opacity: Tensor


class Region(Protocol):
    """A place of the face of which a portrait may not show what a frame needs.

    Attributes:
        channels: of its condition.
    """

    channels: int

    def window(self, pose: Tensor, template: Tensor) -> Window:
        """Head poses (B, 6), the canonical face (K, 3) -> its window in B crops"""
        ...

    def reference(self, portraits: Tensor, landmarks: Tensor, window: Window) -> Tensor:
        """What portraits show of it: (B, 3, H, H) in [0, 1], (B, K, 3) -> (B, C, SIDE, SIDE)"""
        ...

    def target(self, reference: Tensor, landmarks: Tensor, window: Window) -> Target | None:
        """What frames need of it; None where the portrait shows all of that.

        Args:
            reference: (B, C, SIDE, SIDE), see `reference`.
            landmarks: (B, K, 3) of the frames, in crop units.
            window: of the frames.
        """
        ...


def face_width(template: Tensor) -> Tensor:
    """From ear to ear, in canonical units: (K, 3) -> ()"""
    return (template[454, 0] - template[234, 0]).abs()


def rigid_window(pose: Tensor, centre: Tensor, width: Tensor) -> Window:
    """The window that stands at a canonical place and moves with the head.

    (B, 6) head poses, (3,) in canonical units, its width () in them -> window of B crops
    """
    turned = pose[:, 5].exp()[:, None, None] * mesh.rotation_from_degrees(pose[:, :3])
    shift = (turned @ centre)[:, :2] + pose[:, 3:5]
    return Window(turned[:, :2, :2] * (0.5 * width), shift)


def extract(frames: Tensor, window: Window, side: int = SIDE) -> Tensor:
    """What frames show in their windows: (B, C, H, W) -> (B, C, side, side)"""
    matrix, shift = window
    theta = torch.cat([2 * matrix, (2 * shift - 1)[..., None]], -1)
    grid = F.affine_grid(theta, [len(frames), 1, side, side], align_corners=False)
    return F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)


def paste(frames: Tensor, content: Tensor, mask: Tensor, window: Window) -> Tensor:
    """Frames with the windows' content blended in by the mask.

    (B, C, H, H), (B, C, SIDE, SIDE), (B, 1, SIDE, SIDE) -> (B, C, H, H)
    """
    box, layer, _ = _at_pixels(frames, torch.cat([content, mask], 1), window)
    pasted = frames.clone()
    pasted[box] = frames[box].lerp(layer[:, :-1], layer[:, -1:].clamp(0, 1))
    return pasted


def warp_(frames: Tensor, offset: Tensor, mask: Tensor, window: Window) -> None:
    """Samples frames anew within the mask, at their own resolution, in place.

    (B, C, H, H), (B, 2, SIDE, SIDE) window px to where each place is sampled, (B, 1, SIDE, SIDE)
    """
    box, layer, places = _at_pixels(frames, torch.cat([offset, mask], 1), window)
    moved = layer[:, :2].permute(0, 2, 3, 1) @ (window[0].transpose(1, 2) * (2 / SIDE))[:, None]
    grid = 2 * (places + moved) - 1
    sampled = F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)
    frames[box] = frames[box].lerp(sampled, layer[:, 2:].clamp(0, 1))


def _at_pixels(frames: Tensor, layer: Tensor, window: Window) -> tuple[Any, Tensor, Tensor]:
    """What windows hold, at the frames' pixels: the box around all windows, (B, C, h, w) in it,
    and where its pixels are, (h, w, 2) in crop units."""
    matrix, shift = window
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


def to_pixels(points: Tensor, window: Window) -> Tensor:
    """Points of a crop in a window's pixels: (B, N, 2 or 3) in crop units -> (B, N, 2) px"""
    matrix, shift = window
    points = points[..., :2] - shift[:, None]
    return (points @ torch.linalg.inv(matrix).transpose(1, 2) + 1) * (SIDE / 2)


def between(
    landmarks: Tensor, window: Window, upper: tuple[int, ...], lower: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Signed distance along columns to the nearer of two curves, and the curves' distance.

    Args:
        landmarks: (B, K, 3) in crop units.
        window: of the crops.
        upper, lower: the curves' landmarks from the window's left to its right, of the same ends.

    Returns:
        (B, 1, SIDE, SIDE) px, negative outside, and (B, 1, 1, SIDE) px.
    """
    points = to_pixels(landmarks, window)
    above, below = (rows(points[:, list(curve)])[:, None, None] for curve in (upper, lower))
    at = torch.arange(SIDE, device=points.device)[:, None] + 0.5
    return torch.minimum(at - above, below - at), below - above


def opening(
    landmarks: Tensor, window: Window, upper: tuple[int, ...], lower: tuple[int, ...]
) -> Tensor:
    """What lies between two curves, see `between`: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
    inside, gap = between(landmarks, window, upper, lower)
    return (inside + 0.5).clamp(0, 1) * (gap > 0)


def opening_ratio(before: Tensor, after: Tensor) -> Tensor:
    """Area of the frame's opening to that of the portrait's: two (B, 1, S, S) -> (B, 1, 1, 1)"""
    had, has = (x.sum((-2, -1), keepdim=True) for x in (before, after))
    return has / had.clamp(min=LEAST / 2)


def closing(before: Tensor, after: Tensor) -> Tensor:
    """How far closes what the portrait shows open.

    (B, 1, S, S) openings of the portrait and of the frame -> (B, 1, 1, 1) in [0, 1]
    """
    closes = ((OPEN - opening_ratio(before, after)) / (OPEN - CLOSED)).clamp(0, 1)
    return closes * (before.sum((-2, -1), keepdim=True) > LEAST)


def rows(curve: Tensor) -> Tensor:
    """Row of a curve in each of the window's columns: (B, N, 2) px -> (B, SIDE) px

    Beyond its ends a curve goes on level, where the other one ends as well.
    """
    x, y = curve[..., 0].cummax(-1).values.contiguous(), curve[..., 1]
    columns = torch.arange(SIDE, device=curve.device, dtype=curve.dtype) + 0.5
    columns = columns.expand(len(curve), SIDE).contiguous()
    after = torch.searchsorted(x, columns).clamp(1, x.shape[-1] - 1)
    (x_0, x_1), (y_0, y_1) = ((v.gather(-1, after - 1), v.gather(-1, after)) for v in (x, y))
    return y_0 + (y_1 - y_0) * ((columns - x_0) / (x_1 - x_0).clamp(min=1e-3)).clamp(0, 1)
