"""Training windows of the lips' inpainter: closing and parted lips, from clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.renderer.lips import (
    REACH,
    distances,
    mouth_reference,
    seam_condition,
    seam_mask,
)
from gaia_core.renderer.mouth import INNER, mouth_window
from gaia_core.renderer.region import LEAST, OPEN, extract, opening
from gaia_core.training.inpainting import Moments, Pool, Windows, pack_moments, reconstructed

MOMENTS = Moments(mesh.lip_aperture, shut=0.5, wide=0.8, least=0.02)
NARROW = 3.0  # minimal margin of the mask in training, px; the maximal one is `REACH`


class LipWindows(Windows):
    """Lips that are less parted than in the reference; the masks are `opening` and `distances`."""

    @staticmethod
    def pack(
        data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
    ) -> None:
        """See `Windows.pack`; of frames in which lips close, and of as many parted ones."""

        def add(pool: Pool, frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
            image, face = reconstructed(frame, landmarks, encoder)
            window = mouth_window(face.head, encoder.template)
            edges = distances(face.landmarks, window)
            masks = torch.cat([opening(face.landmarks, window, *INNER), edges], 1)
            pool.add(extract(image, window)[0], masks[0], clip)

        pool = pack_moments(data, cache, MOMENTS, per_identity, add)
        if not pool.clips:
            raise InputError("No clip shows lips that close; add some that do.")
        pool.save(out)

    def references(self, index: int) -> list[int]:
        own = self.area[index][0]
        had = {i: self.area[i][0] for i in self.of_clip[self.clip[index]]}
        return [i for i, area in had.items() if area > max(LEAST, own / OPEN)]

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        mirrored = self.draw()[:, None] < 0.5
        window, masks = (torch.where(mirrored, x.flip(-1), x) for x in (window, masks))
        target, before = masks[:, 0, 1:], masks[:, 1]
        reference = mouth_reference(window[:, 1], before[:, :1], before[:, 1:])
        return {
            "window": window[:, 0],
            "mask": seam_mask(target, NARROW + (REACH - NARROW) * self.draw()),
            "rendered": self.rendered(window[:, 0]),
            "condition": seam_condition(reference, target),
        }
