"""Low-pass filters over time for motion latents, one width for each channel group; a cross-fade."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

REACH = 3.0  # radius of the kernel in standard deviations


def smooth(motion: Tensor, groups: Mapping[str, slice], widths: Mapping[str, float]) -> Tensor:
    """Zero-phase Gaussian low-pass; groups without a width are unchanged.

    At both ends the kernel is truncated and normalised, so that nothing is extrapolated.

    Args:
        motion: (..., T, D) latents.
        groups: the latent's channel groups, see `MotionConfig.groups`.
        widths: standard deviation of the kernel for each group, in frames.

    Returns:
        (..., T, D)
    """
    smoothed = motion.clone()
    for name, width in widths.items():
        if width > 0:
            smoothed[..., groups[name]] = _gaussian(motion[..., groups[name]], width)
    return smoothed


def cross_fade(before: Tensor, after: Tensor) -> Tensor:
    """Fades from one motion into another that begins at the same frame.

    (..., A, C), (..., T, C) -> (..., T, C), A <= T
    """
    frames = before.shape[-2]
    phase = torch.arange(1, frames + 1, dtype=after.dtype, device=after.device) / (frames + 1)
    share = 0.5 - 0.5 * torch.cos(torch.pi * phase)
    faded = before.lerp(after[..., :frames, :], share[:, None])
    return torch.cat([faded, after[..., frames:, :]], -2)


def _gaussian(x: Tensor, width: float) -> Tensor:
    """(..., T, C) -> (..., T, C)"""
    reach = max(1, round(REACH * width))
    offset = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offset / width).square())[None, None]
    tracks = x.transpose(-1, -2).reshape(-1, 1, x.shape[-2])
    weight = F.conv1d(torch.ones_like(tracks[:1]), kernel, padding=reach)
    filtered = F.conv1d(tracks, kernel, padding=reach) / weight
    return filtered.view(*x.shape[:-2], x.shape[-1], x.shape[-2]).transpose(-1, -2)
