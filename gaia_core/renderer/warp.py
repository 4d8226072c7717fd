"""Resampling of images, and offset fields of a moved face. Pure functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_core import landmarks as mesh

# Lips part and lids close within a few pixels, so their landmarks have a narrower Gaussian.
CONTOURS = mesh.LIPS_OUTER + mesh.LIPS_INNER + mesh.EYE_RIGHT + mesh.EYE_LEFT
WARP_SIGMA, CONTOUR_SIGMA = 0.03, 0.01  # standard deviations, crop units


def splat(points: Tensor, side: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Gaussian weights of points on a square grid, one factor per axis.

    (B, K, 2) in crop units -> (B, K, side) over rows, (B, K, side) over columns.
    """
    unit = 2**0.5 * sigma
    grid = (torch.arange(side, device=points.device, dtype=points.dtype) + 0.5) / (side * unit)
    weights = (points.unsqueeze(-1) / unit - grid).square().neg_().exp_()
    return weights[:, :, 1], weights[:, :, 0]


def draw(points: Tensor, curves: tuple[tuple[int, ...], ...], side: int, sigma: float) -> Tensor:
    """Rasterises the curves' points as Gaussians: (B, K, 2) -> (B, len(curves), side, side)."""
    weights = splat(points[:, mesh.index(sum(curves, ()), points.device)], side, sigma)
    rows, columns = (x.split([len(curve) for curve in curves], 1) for x in weights)
    maps = [y.transpose(1, 2) @ x for y, x in zip(rows, columns, strict=True)]
    return torch.stack(maps, 1).clamp_(max=1.5)


def landmark_offset(
    source: Tensor, target: Tensor, side: int, floor: float, sigma: float = WARP_SIGMA
) -> tuple[Tensor, Tensor]:
    """Backward offset field of a landmark warp with normalised Gaussian weights.

    Args:
        source, target: (B, K, 2) landmarks in crop units.
        floor: added to the sum of weights, so that the displacement fades outside the face.
        sigma: of the Gaussian, in crop units.

    Returns:
        Offset (B, 2, side, side) in crop units, density of landmarks (B, 1, side, side).
    """
    rows, columns = splat(target, side, sigma)
    values = torch.cat([source - target, torch.ones_like(target[..., :1])], -1)
    sums = torch.stack(
        [rows.transpose(1, 2) @ (columns * values[..., c : c + 1]) for c in range(3)], 1
    )
    return sums[:, :2] / (sums[:, 2:] + floor), sums[:, 2:]


def pose_offset(
    source: mesh.Similarity, target: mesh.Similarity, side: int, depth: float
) -> Tensor:
    """Backward offset field of the head as one rigid plane.

    Args:
        source, target: of B heads.
        depth: of the plane behind the face's rigid centre, in face widths.

    Returns:
        (B, 2, side, side) in crop units.
    """
    # A canonical point p lies at s R p + t. With p's depth fixed, the map between the two
    # images is affine: x_source = A (x_target - t_target - b) + ...
    affine = source.matrix[:, :2, :2] @ _inverse(target.matrix[:, :2, :2])
    shift = depth * (source.matrix[:, :2, 2:] - affine @ target.matrix[:, :2, 2:])  # (B, 2, 1)
    grid = (torch.arange(side, device=affine.device, dtype=affine.dtype) + 0.5) / side
    pixels = torch.stack(torch.meshgrid(grid, grid, indexing="xy")).flatten(1)  # (2, side^2)
    moved = affine @ (pixels - target.shift[..., None]) + shift + source.shift[..., None]
    return (moved - pixels).unflatten(-1, (side, side))


def _inverse(matrix: Tensor) -> Tensor:
    """(B, 2, 2) -> (B, 2, 2); that of `torch.linalg` has a GPU wait for whether there is one."""
    (a, b), (c, d) = matrix.permute(1, 2, 0)
    adjugate = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return adjugate / (a * d - b * c)[:, None, None]


def sample(image: Tensor, offset: Tensor, mode: str = "bilinear") -> Tensor:
    """Samples an image at every pixel's position plus offset.

    (B, C, H, W), (B, 2, h, w) in crop units -> (B, C, h, w). Outside, the border repeats.
    """
    height, width = offset.shape[-2:]
    y = (2 * torch.arange(height, device=offset.device, dtype=offset.dtype) + 1) / height - 1
    x = (2 * torch.arange(width, device=offset.device, dtype=offset.dtype) + 1) / width - 1
    still = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    grid = torch.add(still, offset.permute(0, 2, 3, 1), alpha=2)
    return F.grid_sample(
        image.to(grid.dtype), grid, mode, padding_mode="border", align_corners=False
    )


def resize(image: Tensor, side: int) -> Tensor:
    """Bilinear, antialiased when shrinking: (B, C, H, W) -> (B, C, side, side)."""
    if image.shape[-1] == side:
        return image
    smaller = side < image.shape[-1]
    return F.interpolate(
        image, size=(side, side), mode="bilinear", align_corners=False, antialias=smaller
    )


def double(image: Tensor) -> Tensor:
    """Upsamples twofold by Lanczos interpolation of three lobes: (B, C, H, W) -> (B, C, 2H, 2W)"""
    x = torch.arange(-3, 4, device=image.device, dtype=torch.float32) + 0.25
    kernel = torch.sinc(x) * torch.sinc(x / 3) * (x.abs() < 3)
    kernel = kernel / kernel.sum()
    kernels = torch.stack([kernel, kernel.flip(0)])  # new pixels lie at -1/4 and +1/4
    count, channels, height, width = image.shape
    rows = F.pad(image.float().reshape(-1, 1, height, width), (0, 0, 3, 3), mode="replicate")
    rows = F.conv2d(rows, kernels[:, None, :, None])
    rows = rows.transpose(1, 2).reshape(-1, 1, 2 * height, width)
    columns = F.pad(rows, (3, 3, 0, 0), mode="replicate")
    columns = F.conv2d(columns, kernels[:, None, None, :])
    return columns.permute(0, 2, 3, 1).reshape(count, channels, 2 * height, 2 * width)
