"""The Conformer block (Gulati et al. 2020) with the conditioning of GAIA's denoiser.

Speech features are added frame by frame in every block, the reference enters by cross-attention,
and the diffusion time modulates every branch (adaptive layer norm).
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core.layers import Attention, CheckpointedBlock

Branch = Callable[[Tensor], Tensor]


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


class ConformerBlock(CheckpointedBlock):
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
        # Gates start at zero, so that a deep stack begins as the identity.
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
        """Additive conditioning: (B, T, W), (B, N, W) -> (B, T, W) or (B, 1, W)"""
        conditioning: Tensor = self.speech(speech)
        return conditioning

    def branches(self, speech: Tensor, reference: Tensor) -> tuple[Branch, ...]:
        """The residual branches in order, each (B, T, W) -> (B, T, W)."""
        return (
            lambda h: 0.5 * self.before(h),
            self.attention,
            lambda h: self.reference(h, reference),
            self.convolution,
            lambda h: 0.5 * self.after(h),
        )
