"""The Conformer block (Gulati et al. 2020) with the conditions of GAIA's denoiser.

Speech is added frame by frame in every block; the reference enters by cross-attention; the
diffusion time scales and shifts every branch. Knows nothing about diffusion itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Branch = Callable[[Tensor], Tensor]


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


class FeedForward(nn.Sequential):
    """(B, T, W) -> (B, T, W)"""

    def __init__(self, width: int, dropout: float, factor: int = 2) -> None:
        super().__init__(
            nn.Linear(width, factor * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(factor * width, width),
        )


class Convolution(nn.Module):
    """Gate, depthwise convolution over frames, and a projection."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, 2 * width)
        self.over_time = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)"""
        x = F.glu(self.enter(x), -1)
        x = self.over_time(x.transpose(1, 2)).transpose(1, 2)
        return self.out(F.silu(self.norm(x)))


class ConformerBlock(nn.Module):
    """Half feed-forward, attention, reference, convolution, half feed-forward."""

    BRANCHES = 5

    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.speech = nn.Linear(width, width)
        self.norms = nn.ModuleList(
            nn.LayerNorm(width, elementwise_affine=False) for _ in range(self.BRANCHES)
        )
        self.before = FeedForward(width, dropout)
        self.attention = Attention(width, heads, dropout)
        self.reference = Attention(width, heads, dropout)
        self.convolution = Convolution(width, kernel)
        self.after = FeedForward(width, dropout)
        self.modulate = nn.Linear(width, 3 * self.BRANCHES * width)
        self.dropout = nn.Dropout(dropout)
        # Branches start closed, so that a deep stack begins as the identity.
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, speech: Tensor, reference: Tensor, time: Tensor) -> Tensor:
        """(B, T, W) frames, (B, T, W) speech, (B, N, W) reference, (B, W) time -> (B, T, W)"""
        x = x + self.added(speech, reference)
        changes = self.modulate(F.silu(time)).unsqueeze(1).chunk(3 * self.BRANCHES, -1)
        for index, branch in enumerate(self.branches(speech, reference)):
            shift, scale, gate = changes[3 * index : 3 * index + 3]
            hidden = self.norms[index](x) * (1 + scale) + shift
            x = x + gate * self.dropout(branch(hidden))
        return x

    def added(self, speech: Tensor, reference: Tensor) -> Tensor:
        """The conditions that are added: (B, T, W), (B, N, W) -> (B, T, W) or (B, 1, W)"""
        heard: Tensor = self.speech(speech)
        return heard

    def branches(self, speech: Tensor, reference: Tensor) -> tuple[Branch, ...]:
        """In order: (B, T, W) -> (B, T, W)"""
        return (
            lambda h: 0.5 * self.before(h),
            self.attention,
            lambda h: self.reference(h, reference),
            self.convolution,
            lambda h: 0.5 * self.after(h),
        )
