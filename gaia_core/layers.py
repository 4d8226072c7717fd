"""Layers that both stages use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def rotate(x: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): (B, H, T, C) -> (B, H, T, C)."""
    frames, width = x.shape[-2:]
    half = width // 2
    frequency = 10_000 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = torch.arange(frames, device=x.device, dtype=torch.float32)[:, None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Attention(nn.Module):
    """Multi-head attention over frames, or from frames to the reference's tokens."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        """(B, T, W) and, for cross-attention, (B, N, W) -> (B, T, W)"""
        query = self._split(self.query(x))
        key, value = self.key_value(x if tokens is None else tokens).chunk(2, -1)
        key, value = self._split(key), self._split(value)
        if tokens is None:
            query, key = rotate(query), rotate(key)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def full_precision(x: Tensor) -> torch.autocast:
    """Switches autocast off for geometry: half-precision coordinates are off by whole pixels."""
    return torch.autocast(x.device.type, enabled=False)


class CheckpointedBlock(nn.Module):
    """A repeated block of a network; these hold nearly all parameters.

    Training recomputes and shards block by block.
    """


class Residual(CheckpointedBlock):
    """Two convolutions whose middle is scaled and shifted by the motion condition."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulate = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, C, H, W), (B, condition) -> (B, C, H, W)"""
        scale, shift = self.modulate(condition)[..., None, None].chunk(2, 1)
        hidden = torch.addcmul(shift, self.first(F.silu(x)), 1 + scale)
        return x + self.second(F.silu(hidden))


class ResidualBlock(nn.Module):
    """Two convolutions, without a condition."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)"""
        return x + self.second(F.silu(self.first(F.silu(x))))


def doubled(x: Tensor) -> Tensor:
    """Each pixel in 2 x 2 of them: (B, C, H, W) -> (B, C, 2 H, 2 W)"""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
