"""Lips are a regression of the speech, with a diffusion residual.

The few speakers of the training data teach the denoiser their habits; a ridge regression of the
mouth's channels on the same speech features knows nobody's, and strangers' lips follow it better
(docs/corrections.md). What is shown is mostly its prediction; the denoiser's sample adds the rest.
"""

from __future__ import annotations

from torch import Tensor

from gaia_core.config import MotionCorrections
from gaia_core.motion.denoiser import Denoiser


def regression_with_residual(
    x_0: Tensor, speech: Tensor, denoiser: Denoiser, constants: MotionCorrections
) -> Tensor:
    """A sample with its lips drawn towards the regression's prediction, in the denoiser's units.

    (B, T, D), (B, T, F) -> (B, T, D)
    """
    lips = denoiser.groups["mouth"]
    predicted = constants.regression_gain * denoiser.expect(speech)[..., lips]
    mixed = x_0.clone()
    mixed[..., lips] = x_0[..., lips].lerp(predicted, constants.regression_share)
    return mixed
