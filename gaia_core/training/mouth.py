"""Training windows of the mouth's inpainter: parted lips, from clips and portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.media.video import read_clip
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.renderer.mouth import interior_mask, masked, mouth_window
from gaia_core.renderer.region import extract
from gaia_core.training.inpainting import SHARP, Pool, Windows, reconstructed
from gaia_core.training.pack import clips_by_identity, portraits, read_face

CROP = 320  # side to which portraits are reduced, px
PARTED = 0.02  # minimal lip aperture of a training frame
SOFT = 0.25  # weight of people whose clips are not sharp
PHOTOS = 0.15  # relative to a clip's weight: photos are sharp, but show smiles, not speech
REFERENCED = 0.6  # probability of a reference, if the clip has another frame


class MouthWindows(Windows):
    """Parted lips, often with another frame of the clip as reference.

    The mask is `interior_mask`.
    """

    @staticmethod
    def pack(
        data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
    ) -> None:
        """See `Windows.pack`; of the training clips and of every training portrait."""
        pool = Pool()

        def add(frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
            image, face = reconstructed(frame, landmarks, encoder)
            window = mouth_window(face.head, encoder.template)
            pool.add(extract(image, window)[0], interior_mask(face.landmarks, window)[0], clip)

        for identity, clips in clips_by_identity(data).items():
            sharp = [clip for clip in clips if clip.pixels >= SHARP]
            chosen = (sharp or clips)[:: max(1, len(sharp or clips) * 4 // per_identity)]
            per_clip = max(4, per_identity // len(chosen))
            for clip in chosen:
                with np.load(cache / clip.cache_name) as stored:
                    landmarks = torch.from_numpy(stored["landmarks"])
                parted = (mesh.lip_aperture(landmarks) > PARTED).nonzero()[:, 0].tolist()
                picked = set(parted[:: -(-len(parted) // per_clip)] if parted else ())
                for index, frame in enumerate(read_clip(data / "clips" / clip.file)):
                    if index in picked:
                        add(frame, landmarks[index], clip.file)
                pool.weigh(identity, 1.0 if sharp else SOFT)
        with FaceLandmarker() as landmarker:
            for identity, photo in portraits(data):
                if not (face := read_face(photo, landmarker, CROP)):
                    continue
                image, landmarks = face[0], torch.from_numpy(face[1])
                if mesh.lip_aperture(landmarks) > PARTED:
                    add(image, landmarks, photo.name)
                    pool.weigh(identity, PHOTOS)
        if not pool.clips:
            raise InputError("No clip and no portrait shows parted lips; add some that do.")
        pool.save(out)

    def references(self, index: int) -> list[int]:
        return self.of_clip[self.clip[index]]

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        mirrored = self.draw()[:, None] < 0.5
        window, masks = (torch.where(mirrored, x.flip(-1), x) for x in (window, masks))
        referenced = (self.draw() < REFERENCED) & ~same[:, None, None, None]
        return {
            "window": window[:, 0],
            "mask": self.shifted(masks[:, 0]),
            "rendered": self.rendered(window[:, 0]),
            "condition": masked(window[:, 1], masks[:, 1]) * referenced,
        }
