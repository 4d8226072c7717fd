"""A driving video's landmarks to the portrait's motion."""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.script import Script


def retarget(
    encoder: MotionEncoder, denoiser: Denoiser, reference: Tensor, script: Script
) -> Tensor:
    """The driving face's motion as the portrait's.

    Differences of latents transfer between faces, so the motion is taken relative to one driving
    frame, `Script.origin`. With `Script.absolute` the head's angles are copied, its position stays
    relative, and expressions are taken relative to the driving face's rest.

    Args:
        reference: (1, D) the portrait's latent.

    Returns:
        (1, N, D) latents for the N driving frames.
    """
    landmarks = torch.from_numpy(script.driving).to(reference)
    driven = encoder(landmarks)[None]
    origin = driven[:, min(script.origin, len(landmarks) - 1)].unsqueeze(1)
    relative = driven - origin + reference.unsqueeze(1)
    if not script.absolute:
        return relative
    own, other = denoiser.rest(reference), denoiser.rest(driven.mean(1))
    absolute = driven - other.unsqueeze(1) + own.unsqueeze(1)
    absolute[..., :3] = driven[..., :3]
    absolute[..., 3:6] = relative[..., 3:6]
    return absolute
