"""Gaze: irises are warped beneath the lids to the position in the motion latent. No network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import RendererCorrections
from gaia_core.renderer.eyes import EYES, Eye
from gaia_core.renderer.region import SIDE, Window, rows, to_pixels, warp_


class EyePose(NamedTuple):
    """Lids and iris of one eye in B windows, in window px.

    Attributes:
        ends: (B, 2) columns of the outer and the inner corner.
        lids: (B, 2, SIDE) rows of the upper and the lower lid in every column.
        iris: (B, 2) centre of the iris.
        radius: (B,) of the iris.
    """

    ends: Tensor
    lids: Tensor
    iris: Tensor
    radius: Tensor

    @classmethod
    def of(cls, landmarks: Tensor, window: Window, eye: Eye) -> EyePose:
        """From landmarks (B, K, 3) in crop units."""
        points, device = to_pixels(landmarks, window), landmarks.device
        lids = points[:, mesh.index((eye.upper, eye.lower), device)]
        iris = points[:, mesh.index(eye.iris, device)]
        centre, rim = iris[:, 0], iris[:, 1:]
        return cls(
            torch.stack([lids[:, 0, 0, 0], lids[:, 0, -1, 0]], 1),
            rows(lids),
            centre,
            (rim - centre[:, None]).norm(dim=-1).mean(-1),
        )

    def lids_at(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the upper and of the lower lid at columns (B, ...) px, of the same shape."""
        place = (columns.flatten(1)[:, None] - 0.5).clamp(0, SIDE - 1.001).expand(-1, 2, -1)
        first = place.floor().long()
        lids = self.lids.expand(len(columns), -1, -1)
        found = lids.gather(2, first).lerp(lids.gather(2, first + 1), place - first)
        upper, lower = found.unflatten(2, columns.shape[1:]).unbind(1)
        return upper, lower


def eye_poses(landmarks: Tensor, windows: tuple[Window, ...]) -> tuple[EyePose, ...]:
    """Of `EYES`: landmarks (B, K, 3) in crop units, a window in B crops for each eye"""
    pairs = zip(EYES, windows, strict=True)
    return tuple(EyePose.of(landmarks, window, eye) for eye, window in pairs)


def redirect_gaze(
    frames: Tensor,
    portrait: tuple[EyePose, ...],
    landmarks: Tensor,
    windows: tuple[Window, ...],
    constants: RendererCorrections,
) -> Tensor:
    """Warps the eyes of rendered frames, so that irises are where the landmarks are, and round.

    The renderer warps an eyeball's texture along with the lids, so its irises keep the portrait's
    gaze and stretch with the opening. This translates the iris beneath the lids and stretches the
    sclera.

    Args:
        frames: (B, 3, H, H).
        portrait: the eyes of one portrait or of B.
        landmarks: (B, K, 3) of the frames, in crop units.
        windows: of the frames, one for each of `EYES`.

    Returns:
        (B, 3, H, H)
    """
    frames = frames.clone()
    for eye, own, has, window in zip(
        EYES, portrait, eye_poses(landmarks, windows), windows, strict=True
    ):
        offset = iris_offset(own, has, constants)
        warp_(frames, offset, eye.opening(landmarks, window), window)
    return frames


def iris_offset(had: EyePose, has: EyePose, constants: RendererCorrections) -> Tensor:
    """Backward offset field of an eye's window: (B, 2, SIDE, SIDE) px

    had, has: the eye in the portrait, and in the frame.
    """
    edge, most = constants.gaze_edge, constants.gaze_stretch
    # Position and vertical stretch of the iris in the rendered frame.
    before, after = (eye.ends[:, 1] - eye.ends[:, 0] for eye in (had, has))
    wider = after / before
    column = has.ends.mean(1) + wider * (had.iris[:, 0] - had.ends.mean(1))
    top, bottom = (x[:, 0] for x in had.lids_at(had.iris[:, :1]))
    upper, lower = (x[:, 0] for x in has.lids_at(column[:, None]))
    gap = (bottom - top).clamp(min=1)
    row = upper.lerp(lower, ((had.iris[:, 1] - top) / gap).clamp(0, 1))
    taller = ((lower - upper) / (wider * gap)).clamp(1 / most, most)
    rest = torch.stack([column, row], 1)
    far = (has.iris - rest).norm(dim=-1) / after
    iris = rest.lerp(has.iris, (far**2 / (far**2 + constants.gaze_tremor**2))[:, None])
    column, row, taller, across, down, radius = (
        v[:, None, None] for v in (column, row, taller, *iris.unbind(1), has.radius)
    )
    at = torch.arange(SIDE, device=row.device) + 0.5
    y, x = torch.meshgrid(at, at, indexing="ij")
    # The iris moves rigidly, the corners are fixed.
    outer, inner = has.ends[:, :1, None], has.ends[:, 1:, None]
    from_outer = (x - outer) / (across - radius - outer).clamp(min=1)
    from_inner = (inner - x) / (inner - across - radius).clamp(min=1)
    share = torch.minimum(from_outer, from_inner).clamp(0, 1)
    from_x = x + share * (column - across)
    from_y = torch.lerp(y, row + (y - down) * taller, share)
    # Lashes stay, and texture from behind a lid is extrapolated from the visible edge.
    upper, lower = has.lids_at(from_x)
    from_y = from_y.maximum((upper + edge).minimum(y)).minimum((lower - edge).maximum(y))
    return torch.stack([from_x - x, from_y - y], 1)
