"""The renderer's representations of a portrait and of a frame's geometry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from gaia_core.latent import Geometry
from gaia_core.renderer.gaze import EyePose


@dataclass
class Appearance:
    """A portrait's encoding, computed once and used for every frame.

    Attributes:
        photo: (B, 3, 2H, 2W) the crop in [0, 1], of any resolution, upsampled twofold so that
            sampling between its pixels keeps the photo's sharpness.
        coarse: (B, C, S/4, S/4) features; S is the configured side.
        fine: (B, C' + 3, S/2, S/2) features and the crop.
        drawn: (B, L, S/4, S/4) the landmarks, rasterised.
        geometry: head pose and landmarks of the portrait.
        eyes: for `redirect_gaze`.
        references: the portrait's content of each inpainted region, keyed as
            `inpainting.REGIONS`, see `Inpainter.references`.
        edge_mask: (1, 1, H, H) in [0, 1], 0 where the frame must equal the portrait, since it is
            composited into the still photo there; None if there is no such border.
    """

    photo: Tensor
    coarse: Tensor
    fine: Tensor
    drawn: Tensor
    geometry: Geometry
    eyes: tuple[EyePose, ...] = ()
    references: dict[str, tuple[Tensor, ...]] = field(default_factory=dict)
    edge_mask: Tensor | None = None


class Scene(NamedTuple):
    """Geometry and conditioning of B frames at a quarter of the side.

    Attributes:
        features: (B, C, S/4, S/4) the decoder's input.
        motion: (B, 2 D) difference to the portrait's latent, with `pose_clamp`; the portrait's.
        skin, head: (B, 2, S/4, S/4) offset fields in crop units: of the landmark warp, and of the
            head as a rigid plane at the depth of the ears.
        face: (B, 1, S/4, S/4) in [0, 1], mask of the face.
        source, target: (1 or B, K, 2) and (B, K, 2) landmarks in crop units.
        zoom: (B,) scale of the head relative to the portrait's.
        turned: (B,) distance of the head pose to the portrait's, in standard deviations.
    """

    features: Tensor
    motion: Tensor
    skin: Tensor
    head: Tensor
    face: Tensor
    source: Tensor
    target: Tensor
    zoom: Tensor
    turned: Tensor


def per_frame(x: Tensor, count: int) -> Tensor:
    """Broadcasts one portrait's tensor to its frames: (1 or count, ...) -> (count, ...)"""
    return x.expand(count, *x.shape[1:])
