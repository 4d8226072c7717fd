"""Training windows of the eyes' inpainter: closing and opening lids, from clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.renderer.eyes import EYES, WIDER, eye_condition, eye_reference
from gaia_core.renderer.region import LEAST, OPEN, extract
from gaia_core.training.inpainting import Moments, Pool, Windows, pack_moments, reconstructed

# Relative to the usual aperture: closing below `shut`, open above `wide`.
MOMENTS = Moments(mesh.eye_aperture, shut=0.6, wide=0.85)


class EyeWindows(Windows):
    """Eyes that are less open than in the reference, or wider.

    The masks are an `Eye`'s `opening`, `mask` and `iris_mask`.
    """

    @staticmethod
    def pack(
        data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
    ) -> None:
        """See `Windows.pack`; of both eyes, in frames in which lids close and in as many others."""

        def add(pool: Pool, frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
            image, face = reconstructed(frame, landmarks, encoder)
            for side, eye in enumerate(EYES):
                window = eye.window(face.head, encoder.template)
                masks = [
                    mask(face.landmarks, window)[0]
                    for mask in (eye.opening, eye.mask, eye.iris_mask)
                ]
                pool.add(extract(image, window)[0], torch.cat(masks), f"{clip} {side}")

        pool = pack_moments(data, cache, MOMENTS, per_identity, add)
        if not pool.clips:
            raise InputError("No clip shows lids that close; add some that do.")
        pool.save(out)

    def references(self, index: int) -> list[int]:
        own = self.area[index][0]
        had = {i: self.area[i][0] for i in self.of_clip[self.clip[index]]}
        wider = [i for i, area in had.items() if area > max(LEAST, own / OPEN)]
        return wider + [i for i, area in had.items() if own > WIDER * max(LEAST / 2, area)]

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        target, mask, iris = masks[:, 0].split(1, 1)
        reference = eye_reference(window[:, 1], masks[:, 1, :1])
        return {
            "window": window[:, 0],
            "mask": mask,
            "rendered": self.rendered(window[:, 0]),
            "condition": eye_condition(reference, target, iris),
        }
