"""Sizes of the small networks and packs of the tests."""

import torch

from gaia_core.config import (
    AutoencoderConfig,
    DenoiserConfig,
    DetailConfig,
    InpainterConfig,
    MotionConfig,
    Preset,
)

MOTION = MotionConfig(eyes=4, brows=3, mouth=6, face=3)
SPEECH = 12  # width of random speech features
TINY = Preset(
    AutoencoderConfig(MOTION, appearance=4, detail=4, widths=(8, 12, 16), refine=8, condition=16),
    DenoiserConfig(MOTION.width, SPEECH, 8, width=16, layers=2, heads=2, kernel=3, dropout=0.0),
    InpainterConfig((4, 4, 8)),
    DetailConfig((4, 8), 1),
)
CLIPS = (  # identity, source, frames, frames of speech
    ("ann", "a", 160, 160),
    ("ann", "a", 45, 45),
    ("bob", "b", 130, 0),
)


def clip_of(values: torch.Tensor) -> torch.Tensor:
    """Which clip frames of `motion_pack` are of: (..., D) -> (...)."""
    return values[..., 1].long() // 10


def places(images: torch.Tensor, channel: int) -> torch.Tensor:
    """Where the spots of a colour are: (B, 3, H, W) -> (B, 2) in crop units."""
    grid = (torch.arange(256) + 0.5) / 256
    weight = (images[:, channel] - 0.1).clamp(min=0).square()
    weight = weight / weight.sum((1, 2), keepdim=True)
    return torch.stack([(weight.sum(1) * grid).sum(1), (weight.sum(2) * grid).sum(1)], 1)
