"""Light on a moved face: it stays where the head turns in it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gaia_core.renderer.appearance import Scene

# Light on a face changes by at most so much (natural logarithm); what the decoder says of it counts
# so much more, or it would learn of it only after all else; how far around the face, and over
# what, it fades, at a quarter of the side of 256.
LIGHT, LIGHT_GAIN, LIGHT_REACH = 0.4, 8.0, 9


def relit(light: Tensor, scene: Scene) -> Tensor:
    """How much brighter each place of a face has become, for light stays where heads turn in it.

    Smooth, of the face and what surrounds it alone, and 1 where the head has not moved.
    (B, 1, H, H) what the decoder says, see `Scene` -> (B, 1, H, H)
    """
    face = F.max_pool2d(scene.face, LIGHT_REACH, 1, LIGHT_REACH // 2)
    change = face * (LIGHT_GAIN * _smooth(light)).tanh()
    moved = (scene.turned / (1 + scene.turned))[:, None, None, None]
    return (LIGHT * moved * _smooth(change)).exp()


def _smooth(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, LIGHT_REACH, 1, LIGHT_REACH // 2, count_include_pad=False)
