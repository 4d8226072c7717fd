"""Windows of closing lips, and of parted ones, of clips, for the inpainter of closing lips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.renderer.inpainting import extract
from gaia_core.renderer.lips import LEAST, OPEN, REACH, distances, opening, region, told
from gaia_core.renderer.mouth import window_map
from gaia_core.training.inpainting import Moments, Pool, Windows, meet, pack_moments

MOMENTS = Moments(mesh.lip_aperture, shut=0.5, wide=0.8, least=0.02)
NARROW = 3.0  # px of the least margin that is painted in training; the most is `REACH`


def pack_lips(
    data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
) -> None:
    """Writes windows of mouths, of frames in which lips close and of as many parted ones.

    Of the training clips, at most about `per_identity` windows of each person.

    Raises:
        InputError: no clip shows lips that close.
    """

    def add(pool: Pool, frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
        image, pose, face = meet(frame, landmarks, encoder)
        where = window_map(pose, encoder.template)
        masks = torch.cat([opening(face, where), distances(face, where)], 1)[0]
        pool.add(extract(image, where)[0], masks, clip)

    pool = pack_moments(data, cache, MOMENTS, per_identity, add)
    if not pool.clips:
        raise InputError("No clip shows lips that close; add some that do.")
    pool.save(out)


class LipWindows(Windows):
    """Lips that are less parted than in the frame that tells of them.

    The masks are `opening` and `distances`.
    """

    def telling(self, index: int) -> list[int]:
        own = self.area[index][0]
        had = {i: self.area[i][0] for i in self.of_clip[self.clip[index]]}
        return [i for i, area in had.items() if area > max(LEAST, own / OPEN)]

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        mirrored = self.draw()[:, None] < 0.5
        window, masks = (torch.where(mirrored, x.flip(-1), x) for x in (window, masks))
        wanted, before = masks[:, 0, 1:], masks[:, 1]
        shown = told(window[:, 1], before[:, :1], before[:, 1:])
        return {
            "window": window[:, 0],
            "region": region(wanted, NARROW + (REACH - NARROW) * self.draw()),
            "around": self.rendered(window[:, 0]),
            "shown": torch.cat([shown, wanted[:, :2] - 0.5], 1),
        }
