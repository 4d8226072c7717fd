"""Relighting: illumination is fixed in the scene while the head turns."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gaia_core.config import RendererCorrections
from gaia_core.renderer.appearance import Scene


def relit(light: Tensor, scene: Scene, constants: RendererCorrections) -> Tensor:
    """Brightness gain on the face: smooth, 1 away from it and where the head has not moved.

    light: (B, 1, H, H) the decoder's output -> (B, 1, H, H)
    """
    reach = constants.light_reach
    face = F.max_pool2d(scene.face, reach, 1, reach // 2)
    change = face * (constants.light_gain * _smooth(light, reach)).tanh()
    moved = (scene.turned / (1 + scene.turned))[:, None, None, None]
    return (constants.light_range * moved * _smooth(change, reach)).exp()


def _smooth(x: Tensor, reach: int) -> Tensor:
    """Means of squares, by rows and then by columns."""
    rows = F.avg_pool2d(x, (reach, 1), 1, (reach // 2, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, reach), 1, (0, reach // 2), count_include_pad=False)
