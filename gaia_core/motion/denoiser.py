"""Stage 2's network: predicts clean motion from noised motion, speech and the portrait's latent.

A mask marks entries of the motion (time x channel) that are given; the rest is generated. The same
mask serves pose control, dubbing, re-rendering of spans and long clips.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core.config import DenoiserConfig, MotionConfig
from gaia_core.motion.conformer import ConformerBlock
from gaia_core.motion.diffusion import add_noise


class Denoiser(nn.Module):
    """x_t -> x_0 for motion about the subject's rest, each channel of unit variance.

    The rest is the clip's mean latent, predicted from the one frame of the portrait: its shape and
    pose without its momentary expression. `relative` and `absolute` convert.
    """

    block = ConformerBlock

    spread: Tensor
    rest_weight: Tensor
    rest_bias: Tensor
    speech_mean: Tensor
    speech_basis: Tensor
    expectation: Tensor

    def __init__(self, config: DenoiserConfig, motion: MotionConfig) -> None:
        super().__init__()
        self.config, self.groups = config, motion.groups
        width = config.width
        self.register_buffer("spread", torch.ones(config.motion))
        self.register_buffer("rest_weight", torch.eye(config.motion))
        self.register_buffer("rest_bias", torch.zeros(config.motion))
        self.enter = nn.Linear(2 * config.motion, width)
        # The training data has few speakers: the leading components carry the phones, the rest
        # the speaker's identity, which the network would overfit (docs/log/diary.md).
        self.register_buffer("speech_mean", torch.zeros(config.speech))
        self.register_buffer("speech_basis", torch.eye(config.speech, config.components))
        self.speech = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(config.components, width),
            nn.SiLU(),
            nn.Linear(width, width),
        )
        taps = 2 * config.context + 1
        self.register_buffer("expectation", torch.zeros(config.motion, config.speech, taps))
        self.no_speech = nn.Parameter(torch.randn(width) * 0.02)
        self.reference = nn.ModuleDict(
            {name: nn.Linear(s.stop - s.start, width) for name, s in self.groups.items()}
        )
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(
            self.block(width, config.heads, config.kernel, config.dropout)
            for _ in range(config.layers)
        )
        last = nn.Linear(width, config.motion)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.leave = nn.Sequential(nn.LayerNorm(width), last)

    def relative(self, motion: Tensor, reference: Tensor) -> Tensor:
        """Latents to the space of diffusion: (B, T, D), the portrait's (B, D) -> (B, T, D)"""
        return (motion - self.rest(reference).unsqueeze(1)) / self.spread

    def absolute(self, x_0: Tensor, reference: Tensor) -> Tensor:
        """The inverse of `relative`."""
        return x_0 * self.spread + self.rest(reference).unsqueeze(1)

    def rest(self, reference: Tensor) -> Tensor:
        """One frame's latent to that subject's rest: (B, D) -> (B, D)"""
        return reference @ self.rest_weight + self.rest_bias

    def regress(self, speech: Tensor) -> Tensor:
        """Motion predicted from speech, in the units of `relative`: (B, T, F) -> (B, T, D)

        A linear map of the features of neighbouring frames, fitted by ridge regression. It does
        not overfit the training speakers, so on held-out ones it predicts the lips better than
        the network does (docs/log/diary.md).
        """
        around = self.expectation.shape[-1] // 2
        features = (speech - self.speech_mean).transpose(1, 2)
        padded = F.pad(features, (around, around), mode="replicate")
        return F.conv1d(padded, self.expectation).transpose(1, 2)

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        speech: Tensor,
        reference: Tensor,
        given: Tensor,
        has_speech: Tensor,
    ) -> Tensor:
        """Predicts x_0.

        Args:
            x_t: (B, T, D) noised motion, clean where `given`.
            t: (B,) in [0, 1].
            speech: (B, T, F).
            reference: (B, D) the portrait's motion latent.
            given: (B, T, D) 1 where x_t is clean, else 0.
            has_speech: (B,) bool; False drops the speech conditioning.

        Returns:
            (B, T, D).
        """
        x = self.enter(torch.cat([x_t, given], -1))
        features = self.speech((speech - self.speech_mean) @ self.speech_basis)
        features = torch.where(has_speech[:, None, None], features, self.no_speech)
        tokens = torch.stack(
            [self.reference[name](reference[:, where]) for name, where in self.groups.items()], 1
        )
        time = self.time(_time_features(t, self.config.width))
        for block in self.blocks:
            x = block(x, features, tokens, time)
        return self.leave(x)

    def losses(
        self, motion: Tensor, speech: Tensor, reference: Tensor, given: Tensor, has_speech: Tensor
    ) -> dict[str, Tensor]:
        """Mean squared error of x_0 and of its velocity over entries that are not given.

        motion (B, T, D) latents; the rest as in `forward`.
        """
        x_0 = self.relative(motion, reference)
        t = torch.rand(len(x_0), device=x_0.device)
        x_t = add_noise(x_0, torch.randn_like(x_0), t)
        x_t = torch.where(given.bool(), x_0, x_t)
        predicted = self(x_t, t, speech, reference, given, has_speech).float()
        free = 1 - given
        error = ((predicted - x_0).square() * free).sum() / free.sum()
        velocity = ((predicted.diff(dim=1) - x_0.diff(dim=1)).square() * free[:, 1:]).sum()
        velocity = velocity / free[:, 1:].sum()
        return {"loss": error + velocity, "clean": error.detach(), "velocity": velocity.detach()}

    def guided(
        self,
        x_t: Tensor,
        t: Tensor,
        speech: Tensor,
        reference: Tensor,
        given: Tensor,
        guidance: float,
    ) -> Tensor:
        """`forward` with classifier-free guidance on speech (Ho and Salimans 2022)."""
        count = len(x_t)
        yes = torch.ones(count, dtype=torch.bool, device=x_t.device)
        if guidance == 1:
            return self(x_t, t, speech, reference, given, yes)
        both = self(
            *(torch.cat([v, v]) for v in (x_t, t, speech, reference, given)), torch.cat([yes, ~yes])
        )
        conditional, unconditional = both.chunk(2)
        return unconditional + guidance * (conditional - unconditional)


def _time_features(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of t at geometric frequencies: (B,) -> (B, width)."""
    half = width // 2
    frequency = torch.exp(torch.arange(half, device=t.device) * (-math.log(10_000.0) / half))
    angle = 1000 * t[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], -1)
