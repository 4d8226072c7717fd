"""Diffusion samplers, and the windows of a long clip. Pure functions, no model code."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gaia_core.motion.diffusion import level, log_snr

Predict = Callable[[Tensor, Tensor], Tensor]  # x_t (B, T, D), t (B,) -> x_0 (B, T, D)


def times(steps: int) -> Tensor:
    """Diffusion times from 1 down to 0: (steps + 1,)"""
    return torch.linspace(1, 0, steps + 1)


def sample_dpm(predict: Predict, noise: Tensor, steps: int) -> Iterator[Tensor]:
    """DPM-Solver++(2M), Algorithm 2 of Lu et al. (2022), on clean predictions.

    Yields x_t after each step; the last is x_0.
    """
    x_t, previous, previous_width = noise, None, None
    schedule = times(steps).to(noise)
    for now, after in zip(schedule[:-1], schedule[1:], strict=True):
        x_0 = predict(x_t, now.expand(len(noise)))
        if after == 0:
            yield x_0
            return
        at, to = level(now), level(after)
        width = log_snr(after) - log_snr(now)
        estimate = x_0
        if previous is not None and previous_width is not None:
            ratio = previous_width / width
            estimate = (1 + 0.5 / ratio) * x_0 - 0.5 / ratio * previous
        x_t = to.sigma / at.sigma * x_t - to.alpha * torch.expm1(-width) * estimate
        previous, previous_width = x_0, width
        yield x_t


def windows(frames: int, longest: int, overlap: int, ahead: int) -> Iterator[tuple[int, int, int]]:
    """Windows of a long clip in order: (start, end, first new frame) of each.

    Each window after the first begins with the last `overlap` final frames of the one before, whose
    last `ahead` frames are not final: they are sampled again.
    """
    start, known = 0, 0
    while True:
        end = min(start + longest, frames)
        yield start, end, known
        if end == frames:
            return
        known = end - ahead
        start = known - overlap
