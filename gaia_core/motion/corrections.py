"""Lips that close on p, b and m: the speech's visemes tell when, the motion encoder how.

What the sampler makes of a closure is a mean over moments at which it may come, and so stays open.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import POSE_CHANNELS
from gaia_core.latent import MotionEncoder
from gaia_core.speech.visemes import likelihood

AJAR, SHUT = 0.1, 0.35  # likelihoods of a bilabial at which lips begin to close, and are closed
PRESSED = 0.03  # how far beyond touching, in sides of the crop: a picture closes less than asked


def closing(speech: Tensor) -> Tensor:
    """Speech features (B, T, F) on the CPU -> (B, T) how far lips shall close, 0 to 1"""
    return ((likelihood(speech, "bilabial") - AJAR) / (SHUT - AJAR)).clamp(0, 1)


def close_lips(encoder: MotionEncoder, motion: Tensor, share: Tensor) -> Tensor:
    """The gap between the lips narrowed by a share of it: (B, T, D), (B, T) -> (B, T, D)

    By the smallest change of the latent, which is all in the mouth's channels.
    """
    end, scale, mean = len(POSE_CHANNELS), encoder.scale, encoder.mean
    top, bottom = 3 * mesh.LIP_TOP + 1, 3 * mesh.LIP_BOTTOM + 1  # their y
    row = encoder.decode.weight[bottom] - encoder.decode.weight[top]
    rest = row @ mean[end:] + encoder.decode.bias[bottom] - encoder.decode.bias[top]
    rest = rest + encoder.template[mesh.LIP_BOTTOM, 1] - encoder.template[mesh.LIP_TOP, 1]
    slope = torch.cat([torch.zeros_like(scale[:end]), row * scale[end:]])
    gap = (motion @ slope + rest + PRESSED).clamp(min=0)
    return motion - (share * gap)[..., None] * slope / slope.square().sum()
