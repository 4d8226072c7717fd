"""Regions of the face for inpainting: a window that moves rigidly with the head, the portrait's
content in it, and the mask and condition of each frame.

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
# Ratios of the frame's opening to the portrait's between which the inpainted content of a closing
# region fades out.
CLOSED, OPEN = 0.5, 0.8
LEAST = 40.0  # area of the opening in px up to which a portrait counts as closed


class Window(NamedTuple):
    """A window in each of B crops: x_crop = matrix @ x_window + shift.

    Attributes:
        matrix: (B, 2, 2) in crop units.
        shift: (B, 2) in crop units.
    """

    matrix: Tensor
    shift: Tensor


class Target(NamedTuple):
    """The inpainter's input in a window of B frames.

    Attributes:
        mask: (B, 1, SIDE, SIDE) in [0, 1], 1 where to inpaint.
        condition: (B, C, SIDE, SIDE) the portrait's reference and maps of the frame's landmarks.
        opacity: of the inpainted content, in [0, 1], broadcast to the mask's shape.
    """

    mask: Tensor
    condition: Tensor
    opacity: Tensor


class Region(Protocol):
    """A region of the face that is inpainted.

    Attributes:
        channels: of `Target.condition`.
    """

    channels: int

    def window(self, head: mesh.Similarity, template: Tensor) -> Window:
        """B heads, the canonical face (K, 3) -> the window in B crops"""
        ...

    def reference(self, portraits: Tensor, landmarks: Tensor, window: Window) -> Tensor:
        """The portraits' content: (B, 3, H, H) in [0, 1], (B, K, 3) -> (B, C, SIDE, SIDE)"""
        ...

    def target(self, reference: Tensor, landmarks: Tensor, window: Window) -> Target | None:
        """What to inpaint in frames; None if the portrait shows all that they need.

        Args:
            reference: (B, C, SIDE, SIDE), see `reference`.
            landmarks: (B, K, 3) of the frames, in crop units.
            window: of the frames.
        """
        ...


def face_width(template: Tensor) -> Tensor:
    """Width from ear to ear in canonical units: (K, 3) -> ()"""
    return (template[mesh.FACE_LEFT, 0] - template[mesh.FACE_RIGHT, 0]).abs()


def rigid_window(head: mesh.Similarity, centre: Tensor, width: Tensor) -> Window:
    """A window fixed to the canonical face.

    Args:
        head: of B heads.
        centre: (3,) in canonical units.
        width: () in canonical units.

    Returns:
        The window in B crops.
    """
    shift = (head.matrix @ centre)[:, :2] + head.shift
    return Window(head.matrix[:, :2, :2] * (0.5 * width), shift)


def extract(frames: Tensor, window: Window, side: int = SIDE) -> Tensor:
    """Samples frames in their windows: (B, C, H, W) -> (B, C, side, side)"""
    matrix, shift = window
    theta = torch.cat([2 * matrix, (2 * shift - 1)[..., None]], -1)
    grid = F.affine_grid(theta, [len(frames), 1, side, side], align_corners=False)
    return F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)


def paste(frames: Tensor, content: Tensor, mask: Tensor, window: Window) -> Tensor:
    """Blends the windows' content into frames by a mask.

    (B, C, H, H), (B, C, SIDE, SIDE), (B, 1, SIDE, SIDE) -> (B, C, H, H)
    """
    box, layer, _ = _at_pixels(frames, torch.cat([content, mask], 1), window)
    pasted = frames.clone()
    pasted[box] = frames[box].lerp(layer[:, :-1], layer[:, -1:].clamp(0, 1))
    return pasted


def warp_(frames: Tensor, offset: Tensor, mask: Tensor, window: Window) -> None:
    """Warps frames within a mask, at their resolution and in place.

    Args:
        frames: (B, C, H, H)
        offset: (B, 2, SIDE, SIDE) backward offset field in window px.
        mask: (B, 1, SIDE, SIDE) in [0, 1].
    """
    box, layer, places = _at_pixels(frames, torch.cat([offset, mask], 1), window)
    moved = layer[:, :2].permute(0, 2, 3, 1) @ (window[0].transpose(1, 2) * (2 / SIDE))[:, None]
    grid = 2 * (places + moved) - 1
    sampled = F.grid_sample(frames, grid, "bicubic", padding_mode="border", align_corners=False)
    frames[box] = frames[box].lerp(sampled, layer[:, 2:].clamp(0, 1))


def _at_pixels(frames: Tensor, layer: Tensor, window: Window) -> tuple[Any, Tensor, Tensor]:
    """Resamples a layer of windows (B, C, SIDE, SIDE) at the frames' pixels.

    Returns:
        The box around all windows as an index, the layer in it (B, C, h, w), and the positions of
        its pixels (h, w, 2) in crop units.
    """
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
    """Points in crop units to window pixels: (B, N, 2 or 3) -> (B, N, 2)"""
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
        upper, lower: as many landmarks of each curve, from the window's left to right, with
            common ends.

    Returns:
        (B, 1, SIDE, SIDE) px, negative outside, and (B, 1, 1, SIDE) px.
    """
    points = to_pixels(landmarks, window)
    curves = points[:, mesh.index((upper, lower), points.device)]
    above, below = rows(curves)[:, :, None, None].unbind(1)
    at = torch.arange(SIDE, device=points.device)[:, None] + 0.5
    return torch.minimum(at - above, below - at), below - above


def opening(
    landmarks: Tensor, window: Window, upper: tuple[int, ...], lower: tuple[int, ...]
) -> Tensor:
    """Mask between two curves, see `between`: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
    inside, gap = between(landmarks, window, upper, lower)
    return (inside + 0.5).clamp(0, 1) * (gap > 0)


def opening_ratio(before: Tensor, after: Tensor) -> Tensor:
    """Ratio of the frame's open area to the portrait's: twice (B, 1, S, S) -> (B, 1, 1, 1)"""
    had, has = (x.sum((-2, -1), keepdim=True) for x in (before, after))
    return has / had.clamp(min=LEAST / 2)


def closing(before: Tensor, after: Tensor) -> Tensor:
    """Opacity of a closing region that the portrait shows open.

    Openings (B, 1, S, S) of the portrait and of the frame -> (B, 1, 1, 1) in [0, 1]
    """
    closes = ((OPEN - opening_ratio(before, after)) / (OPEN - CLOSED)).clamp(0, 1)
    return closes * (before.sum((-2, -1), keepdim=True) > LEAST)


def rows(curves: Tensor) -> Tensor:
    """Row of each curve in each column of the window: (..., N, 2) px -> (..., SIDE) px

    Beyond its ends a curve is extrapolated as a constant.
    """
    x, y = curves[..., 0].cummax(-1).values.contiguous(), curves[..., 1]
    columns = torch.arange(SIDE, device=x.device, dtype=x.dtype) + 0.5
    columns = columns.expand(*x.shape[:-1], SIDE).contiguous()
    after = torch.searchsorted(x, columns).clamp(1, x.shape[-1] - 1)
    (x_0, x_1), (y_0, y_1) = ((v.gather(-1, after - 1), v.gather(-1, after)) for v in (x, y))
    return y_0 + (y_1 - y_0) * ((columns - x_0) / (x_1 - x_0).clamp(min=1e-3)).clamp(0, 1)
