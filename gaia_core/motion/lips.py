"""Lips: a regression on speech with a diffusion residual.

The denoiser overfits the few speakers of the training data. A ridge regression of the mouth's
channels on the same speech features predicts held-out speakers better (docs/corrections.md), so
the lips are a weighted mean of its prediction and of the denoiser's sample.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import MotionCorrections
from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser


def predicted_aperture(encoder: MotionEncoder, denoiser: Denoiser, speech: Tensor) -> Tensor:
    """`landmarks.lip_aperture` that the regression predicts for an average face: (T, F) -> (T,)"""
    average = torch.zeros(1, denoiser.config.motion).to(speech)
    motion = denoiser.absolute(denoiser.regress(speech[None]), average)[0]
    return mesh.lip_aperture(encoder.landmarks(motion))


def predicted_lips(
    denoiser: Denoiser, speech: Tensor, reference: Tensor, constants: MotionCorrections
) -> Tensor:
    """The regression's prediction: (B, T, F), the portrait's (B, D) -> (B, T, D) latents

    Only the mouth's channels are meaningful.
    """
    return denoiser.absolute(constants.regression_gain * denoiser.regress(speech), reference)


def regression_with_residual(
    sampled: Tensor, predicted: Tensor, lips: slice, constants: MotionCorrections
) -> Tensor:
    """Blends predicted lips into sampled latents: (B, T, D), (B, T, D) -> (B, T, D)

    `MotionCorrections.regression_share` is the weight of the prediction.
    """
    mixed = sampled.clone()
    mixed[..., lips] = sampled[..., lips].lerp(predicted[..., lips], constants.regression_share)
    return mixed
