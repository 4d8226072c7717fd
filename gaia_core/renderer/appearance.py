"""What stage 1 keeps of a portrait, and where a frame's motion has carried it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor


@dataclass
class Appearance:
    """What the renderer keeps of a portrait; made once, used for every frame.

    Attributes:
        photo: (B, 3, 2H, 2W) the crop in [0, 1], at any resolution, interpolated to twice that:
            samples of it between the pixels keep the photo's sharpness.
        small: (B, 3, S/2, S/2) the crop at half of the configured side S.
        coarse: (B, C, H/4, W/4) features at a quarter of the configured side.
        fine: (B, C', H/2, W/2) features at half of it.
        motion: (B, D) the portrait's own motion latent.
        references: what it shows of the regions that are inpainted, by the names of
            `inpainting.REGIONS`, see `Inpainter.references`.
        edge_mask: (1, 1, H, H) in [0, 1], 0 where the frame must equal the portrait, since it is
            composited into the still photo there; None where all of it may move.
    """

    photo: Tensor
    small: Tensor
    coarse: Tensor
    fine: Tensor
    motion: Tensor
    references: dict[str, tuple[Tensor, ...]] = field(default_factory=dict)
    edge_mask: Tensor | None = None


class Scene(NamedTuple):
    """Where a portrait's places have gone in each of B frames, at a quarter of the side.

    Attributes:
        entering: (B, C, S/4, S/4) what the decoder sees.
        motion: (B, 2 D) away from the portrait's, a pose by `pose_clamp` at most; the portrait's.
        skin, head: (B, 2, S/4, S/4) in crop units, offsets to where the skin was, and the head as
            a rigid plane at the depth of the ears.
        face: (B, 1, S/4, S/4) in [0, 1], where landmarks are dense.
        source, target: (1 or B, K, 2) and (B, K, 2) landmarks in crop units.
        zoom: (B,) how much larger the head is.
        turned: (B,) how far its pose is from the portrait's, in deviations.
    """

    entering: Tensor
    motion: Tensor
    skin: Tensor
    head: Tensor
    face: Tensor
    source: Tensor
    target: Tensor
    zoom: Tensor
    turned: Tensor


def per_frame(x: Tensor, count: int) -> Tensor:
    """One portrait's for each of its frames, without a copy: (1 or count, ...) -> (count, ...)"""
    return x.expand(count, *x.shape[1:])
