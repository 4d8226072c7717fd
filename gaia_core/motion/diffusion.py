"""The forward diffusion process and its conversions. Pure functions.

Variance preserving, with the cosine schedule of Nichol and Dhariwal (2021) in continuous time:
x_t = alpha_t x_0 + sigma_t eps, t in [0, 1].
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LAST = 0.999  # t = 1 would be pure noise, where x_0 has no weight and conversions divide by 0


class Level(NamedTuple):
    """Weights of signal and noise, shaped like t."""

    alpha: Tensor
    sigma: Tensor


def level(t: Tensor) -> Level:
    """t in [0, 1] of any shape -> alpha_t and sigma_t, alpha^2 + sigma^2 = 1."""
    angle = 0.5 * math.pi * LAST * t
    return Level(angle.cos(), angle.sin())


def add_noise(x_0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """(B, T, D), (B, T, D), (B,) -> x_t (B, T, D)"""
    alpha, sigma = (w[:, None, None] for w in level(t))
    return alpha * x_0 + sigma * eps


def log_snr(t: Tensor) -> Tensor:
    """Half the log of the signal-to-noise ratio, log(alpha / sigma)."""
    alpha, sigma = level(t)
    return torch.log(alpha) - torch.log(sigma)
