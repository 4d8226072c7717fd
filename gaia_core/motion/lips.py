"""Lips are a regression of the speech, with a diffusion residual.

The few speakers of the training data teach the denoiser their habits; a ridge regression of the
mouth's channels on the same speech features knows nobody's, and strangers' lips follow it better
(docs/corrections.md). What is shown is mostly its prediction; the denoiser's sample adds the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import MotionCorrections
from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser


def predicted_aperture(encoder: MotionEncoder, denoiser: Denoiser, speech: Tensor) -> Tensor:
    """How far the regression opens an average face's lips: (T, F) -> (T,)

    See `landmarks.lip_aperture`.
    """
    average = torch.zeros(1, denoiser.config.motion).to(speech)
    motion = denoiser.absolute(denoiser.regress(speech[None]), average)[0]
    return mesh.lip_aperture(encoder.landmarks(motion))


def predicted_lips(
    denoiser: Denoiser, speech: Tensor, reference: Tensor, constants: MotionCorrections
) -> Tensor:
    """The regression's prediction: (B, T, F), (B, D) the portrait's latent -> (B, T, D) latents

    Only the mouth's channels mean anything.
    """
    return denoiser.absolute(constants.regression_gain * denoiser.regress(speech), reference)


def regression_with_residual(
    sampled: Tensor, predicted: Tensor, lips: slice, constants: MotionCorrections
) -> Tensor:
    """Sampled latents with lips that are mostly the predicted ones: (B, T, D), (B, T, D) -> same"""
    mixed = sampled.clone()
    mixed[..., lips] = sampled[..., lips].lerp(predicted[..., lips], constants.regression_share)
    return mixed
