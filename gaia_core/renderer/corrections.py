"""What is corrected by hand in the renderer, as pure functions.

In the order of `RendererCorrections.OFF`: of what the decoder is told (pose clamp), of where it
samples (contour warp), and of what it samples (`relighting.relit`, the uncovered
mouth); the gaze (`gaze`) is moved in the finished frame. Their constants are
`RendererCorrections`, their effects docs/corrections.md.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import RendererCorrections
from gaia_core.renderer.warp import CONTOUR_SIGMA, CONTOURS, landmark_offset, splat


def clamped_pose(change: Tensor, end: int, constants: RendererCorrections) -> Tensor:
    """A change of the motion latent (B, D), its first `end` channels clamped."""
    most = constants.pose_clamp
    return torch.cat([change[:, :end].clamp(-most, most), change[:, end:]], -1)


def warped_contours(
    offset: Tensor, source: Tensor, target: Tensor, constants: RendererCorrections
) -> Tensor:
    """An offset field, near lips and lids by a narrower Gaussian: they part within a few pixels.

    (B, 2, H, H), (B, K, 2), (B, K, 2) in crop units -> (B, 2, H, H)
    """
    if not constants.contour_warp:
        return offset
    points, floor = list(CONTOURS), constants.warp_floor
    near, density = landmark_offset(
        source[:, points], target[:, points], offset.shape[-1], floor, CONTOUR_SIGMA
    )
    # What `near` leaves by fading away from the contours is the wide offset's.
    return near + offset * floor / (density + floor)


def uncovered_mouth(
    source: Tensor, target: Tensor, zoom: Tensor, side: int, constants: RendererCorrections
) -> Tensor:
    """Where the lips part further than in the portrait, which cannot know what lies there.

    (B, K, 2), (B, K, 2) in crop units, (B,) how much larger the head is in the target ->
    (B, 1, side, side) in [0, 1].
    """
    top, bottom = list(mesh.INNER_TOP), list(mesh.INNER_BOTTOM)
    parted = [(points[:, bottom] - points[:, top]).norm(dim=-1) for points in (source, target)]
    further = parted[1] / zoom[:, None] - parted[0]
    share = (further / constants.mouth_gap).clamp(0, 1)
    between = [target[:, top].lerp(target[:, bottom], t) for t in (1 / 6, 1 / 2, 5 / 6)]
    rows, columns = splat(torch.cat(between, 1), side, CONTOUR_SIGMA)
    weight = share.repeat(1, len(between)).unsqueeze(-1)
    return torch.einsum("bky,bkx->byx", rows * weight, columns).clamp(max=1).unsqueeze(1)
