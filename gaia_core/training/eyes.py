"""Windows of closing and of opening lids, of clips, for the inpainter of the eyes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.renderer.eyes import EYES, LEAST, OPEN, WIDER, iris, opening, region, window_maps
from gaia_core.renderer.inpainting import extract
from gaia_core.training.inpainting import Moments, Pool, Windows, meet, pack_moments

# Of the usual aperture: below the first lids close, above the other the eye is open.
MOMENTS = Moments(mesh.eye_aperture, shut=0.6, wide=0.85)


def pack_eyes(
    data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
) -> None:
    """Writes windows of both eyes, of frames in which lids close and of as many open ones.

    Of the training clips, at most about `per_identity` windows of each person.

    Raises:
        InputError: no clip shows lids that close.
    """

    def add(pool: Pool, frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
        image, pose, face = meet(frame, landmarks, encoder)
        maps = window_maps(pose, encoder.template)
        for side, (eye, where) in enumerate(zip(EYES, maps, strict=True)):
            masks = [part(face, where, eye)[0] for part in (opening, region, iris)]
            pool.add(extract(image, where)[0], torch.cat(masks), f"{clip} {side}")

    pool = pack_moments(data, cache, MOMENTS, per_identity, add)
    if not pool.clips:
        raise InputError("No clip shows lids that close; add some that do.")
    pool.save(out)


class EyeWindows(Windows):
    """Eyes that are less open than in the frame that tells of them, or wider.

    The masks are `opening`, `region` and `iris`.
    """

    def telling(self, index: int) -> list[int]:
        own = self.area[index][0]
        had = {i: self.area[i][0] for i in self.of_clip[self.clip[index]]}
        wider = [i for i, area in had.items() if area > max(LEAST, own / OPEN)]
        return wider + [i for i, area in had.items() if own > WIDER * max(LEAST / 2, area)]

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        wanted, around, where = masks[:, 0].split(1, 1)
        return {
            "window": window[:, 0],
            "region": around,
            "around": self.rendered(window[:, 0]),
            "shown": torch.cat([window[:, 1] - 0.5, masks[:, 1, :1], wanted, where], 1),
        }
