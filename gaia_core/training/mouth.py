"""Windows of parted lips, of clips and of portraits, for the inpainter of the mouth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.media.video import read_video
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.renderer.inpainting import extract
from gaia_core.renderer.mouth import between_lips, seen_between, window_map
from gaia_core.training.inpainting import SHARP, Pool, Windows, meet
from gaia_core.training.pack import clips_by_identity, portraits, read_face

CROP = 320  # side to which portraits are reduced, px
PARTED = 0.02  # lip aperture from which on a frame shows what to paint
SOFT = 0.25  # weight of people whose clips are not sharp
PHOTOS = 0.15  # of a clip's weight: they are sharp, but they smile and do not speak
SHOWN = 0.6  # how often another frame of the clip tells of the teeth, where there is one


def pack_mouths(
    data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
) -> None:
    """Writes windows of parted lips: of the training clips, at most about `per_identity` of each
    person, and of every training portrait.

    Raises:
        InputError: none of them shows parted lips.
    """
    pool = Pool()

    def add(frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
        image, pose, face = meet(frame, landmarks, encoder)
        where = window_map(pose, encoder.template)
        pool.add(extract(image, where)[0], between_lips(face, where)[0], clip)

    for identity, clips in clips_by_identity(data).items():
        sharp = [clip for clip in clips if clip.pixels >= SHARP]
        chosen = (sharp or clips)[:: max(1, len(sharp or clips) * 4 // per_identity)]
        wanted = max(4, per_identity // len(chosen))
        for clip in chosen:
            with np.load(cache / clip.cache_name) as stored:
                landmarks = torch.from_numpy(stored["landmarks"])
            parted = (mesh.lip_aperture(landmarks) > PARTED).nonzero()[:, 0].tolist()
            picked = set(parted[:: -(-len(parted) // wanted)] if parted else ())
            for index, frame in enumerate(read_video(data / "clips" / clip.file)):
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


class MouthWindows(Windows):
    """Parted lips, often with another frame of the clip; the mask is `between_lips`."""

    def telling(self, index: int) -> list[int]:
        return self.of_clip[self.clip[index]]

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        mirrored = self.draw()[:, None] < 0.5
        window, masks = (torch.where(mirrored, x.flip(-1), x) for x in (window, masks))
        told = (self.draw() < SHOWN) & ~same[:, None, None, None]
        return {
            "window": window[:, 0],
            "region": self.shifted(masks[:, 0]),
            "around": self.rendered(window[:, 0]),
            "shown": seen_between(window[:, 1], masks[:, 1]) * told,
        }
