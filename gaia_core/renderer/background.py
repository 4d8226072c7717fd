"""What the head uncovers: the background behind it, and where a moved head has left."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.renderer.appearance import Scene
from gaia_core.renderer.warp import resize, sample

# Crop units by which it must have gone for what it leaves to be filled in.
LEAVING = 0.03, 0.06
CHIN = 0.06  # crop units above the chin in which the body begins


def background(portrait: Tensor, matte: Tensor, chin: Tensor) -> Tensor:
    """The portrait with its head filled in from what surrounds it, smoothly.

    Push-pull (Gortler et al. 1996): means of what is known at coarser and coarser scales. The body,
    below the chin, is not known either.
    (B, 3, S, S), (B, 1, H, H) in [0, 1], (B,) in crop units -> (B, 3, S, S)
    """
    body = (_rows(matte) > chin[:, None, None, None]).to(matte)
    known = 1 - resize(F.max_pool2d(matte, 5, 1, 2).maximum(body), portrait.shape[-1])
    scales = [(portrait * known, known)]
    while scales[-1][1].shape[-1] > 1:
        colours, weight = (F.avg_pool2d(x, 2, ceil_mode=True) for x in scales[-1])
        # A quarter that is known is enough, so that what is near comes before what is far.
        full = (4 * weight).clamp(max=1) / weight.clamp(min=1e-4)
        scales.append((colours * full, weight * full))
    filled = scales[-1][0] / scales[-1][1].clamp(min=1e-4)
    for colours, weight in reversed(scales[:-1]):
        filled = resize(filled, weight.shape[-1]).lerp(colours / weight.clamp(min=1e-4), weight)
    return filled


def left_behind(matte: Tensor, offset: Tensor, scene: Scene) -> Tensor:
    """Where a part of the head is sampled though the head has left: hair that stays in the air.

    What of the head comes to a place is known, for it is rigid and between the depth of its ears
    and of its back. Below the chin is the body, which stays.
    (B, 1, H, H) in [0, 1], (B, 2, H, H) in crop units, see `Scene` -> (B, 1, H, H) in [0, 1]
    """
    comes = sample(matte, scene.head).maximum(sample(matte, scene.back))
    comes = (2 * comes - 1).clamp(0, 1)  # the matte's edge is soft
    left = ((sample(matte, offset) - comes - 0.1) / 0.3).clamp(0, 1)
    left = F.avg_pool2d(F.max_pool2d(left, 5, 1, 2) * (1 - comes), 3, 1, 1)
    above = (scene.source[:, mesh.FACE_BOTTOM, 1, None, None, None] - _rows(matte)) / CHIN - 1
    gone = scene.head.square().sum(1, keepdim=True).sqrt()  # a norm over channels is slow
    far = (gone - LEAVING[0]) / (LEAVING[1] - LEAVING[0])
    return left * above.clamp(0, 1) * far.clamp(0, 1) * (1 - scene.face)


def _rows(x: Tensor) -> Tensor:
    """Where rows are, in crop units: (B, C, H, W) -> (H, 1)"""
    return ((torch.arange(x.shape[-2], device=x.device) + 0.5) / x.shape[-2])[:, None]
