"""Hand-set corrections of the renderer, as pure functions.

In the order of `RendererCorrections.OFF`: of the decoder's conditioning (pose clamp), of the offset
field (contour warp), of the sampled colours (`relighting.relit`, the uncovered mouth), and of the
finished frame (`gaze`). The constants are `RendererCorrections`; docs/corrections.md has their
measured effects.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import RendererCorrections
from gaia_core.renderer.warp import CONTOUR_SIGMA, CONTOURS, landmark_offset, splat


def clamped_pose(change: Tensor, end: int, constants: RendererCorrections) -> Tensor:
    """Clamps the first `end` channels of a latent difference: (B, D) -> (B, D)"""
    most = constants.pose_clamp
    return torch.cat([change[:, :end].clamp(-most, most), change[:, end:]], -1)


def warped_contours(
    offset: Tensor, source: Tensor, target: Tensor, constants: RendererCorrections
) -> Tensor:
    """Adds a narrower Gaussian landmark warp near lips and lids, which part within a few pixels.

    Args:
        offset: (B, 2, H, H) in crop units.
        source, target: (B, K, 2) landmarks in crop units.

    Returns:
        (B, 2, H, H)
    """
    if not constants.contour_warp:
        return offset
    points, floor = mesh.index(CONTOURS, source.device), constants.warp_floor
    near, density = landmark_offset(
        source[:, points], target[:, points], offset.shape[-1], floor, CONTOUR_SIGMA
    )
    # `near` fades away from the contours; the wide offset takes the remaining weight.
    return near + offset * floor / (density + floor)


def uncovered_mouth(
    source: Tensor, target: Tensor, zoom: Tensor, side: int, constants: RendererCorrections
) -> Tensor:
    """Mask of the mouth's interior that the portrait does not show, where the lips part further.

    Args:
        source, target: (B, K, 2) landmarks in crop units.
        zoom: (B,) scale of the target's head relative to the source's.

    Returns:
        (B, 1, side, side) in [0, 1]
    """
    top, bottom = (
        mesh.index(points, source.device) for points in (mesh.INNER_TOP, mesh.INNER_BOTTOM)
    )
    parted = [(points[:, bottom] - points[:, top]).norm(dim=-1) for points in (source, target)]
    further = parted[1] / zoom[:, None] - parted[0]
    share = (further / constants.mouth_gap).clamp(0, 1)
    between = [target[:, top].lerp(target[:, bottom], t) for t in (1 / 6, 1 / 2, 5 / 6)]
    rows, columns = splat(torch.cat(between, 1), side, CONTOUR_SIGMA)
    weight = share.repeat(1, len(between)).unsqueeze(-1)
    return torch.einsum("bky,bkx->byx", rows * weight, columns).clamp(max=1).unsqueeze(1)
