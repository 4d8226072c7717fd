"""Windows of closing and of opening lids, of clips, for the inpainter of the eyes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core import media
from gaia_core.autoencoder import MotionEncoder
from gaia_core.errors import InputError
from gaia_core.eyes import EYES, LEAST, OPEN, WIDER, iris, opening, region, window_maps
from gaia_core.inpainting import extract
from gaia_core.training.inpainting import SHARP, Pool, Windows, meet
from gaia_core.training.pack import Clip, clips_by_identity

USUAL = 0.8  # quantile of a clip's apertures that counts as usual
SHUT, WIDE = 0.6, 0.85  # of the usual aperture: below lids close, above the eye is open
SOFT = 0.4  # weight of people whose clips are not sharp


def pack_eyes(
    data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
) -> None:
    """Writes windows of both eyes, of frames in which lids close and of as many open ones.

    Of the training clips, at most about `per_identity` windows of each person.

    Raises:
        InputError: no clip shows lids that close.
    """
    pool = Pool()
    for identity, clips in clips_by_identity(data).items():
        sharp = [clip for clip in clips if clip.pixels >= SHARP]
        blinks = [blink for clip in sharp or clips if (blink := _watch(clip, cache)) is not None]
        blinks = blinks[:: max(1, len(blinks) * 8 // per_identity)]
        wanted = max(2, per_identity // max(1, 4 * len(blinks)))  # of each clip, and as many open
        for blink in blinks:
            shut = blink.shut[:: -(-len(blink.shut) // wanted)]
            picked = {*shut, *blink.wide[:: max(1, len(blink.wide) // max(2, len(shut)))]}
            for index, frame in enumerate(media.read_video(data / "clips" / blink.clip.file)):
                if index in picked:
                    _add(pool, frame, blink.landmarks[index], blink.clip.file, encoder)
        pool.weigh(identity, 1.0 if sharp else SOFT)
    if not pool.clips:
        raise InputError("No clip shows lids that close; add some that do.")
    pool.save(out)


@dataclass
class _Blink:
    """A clip in which lids close, and its frames in which they do and in which they do not."""

    clip: Clip
    landmarks: Tensor
    shut: list[int]
    wide: list[int]


def _watch(clip: Clip, cache: Path) -> _Blink | None:
    with np.load(cache / clip.cache_name) as stored:
        landmarks = torch.from_numpy(stored["landmarks"])
    aperture = mesh.eye_aperture(landmarks)
    usual = aperture.nanquantile(USUAL)
    shut, wide = (
        where.nonzero()[:, 0].tolist()
        for where in (aperture < SHUT * usual, aperture > WIDE * usual)
    )
    return _Blink(clip, landmarks, shut, wide) if shut else None


def _add(
    pool: Pool, frame: np.ndarray, landmarks: Tensor, clip: str, encoder: MotionEncoder
) -> None:
    image, pose, face = meet(frame, landmarks, encoder)
    maps = window_maps(pose, encoder.template)
    for side, (eye, where) in enumerate(zip(EYES, maps, strict=True)):
        masks = [part(face, where, eye)[0] for part in (opening, region, iris)]
        pool.add(extract(image, where)[0], torch.cat(masks), f"{clip} {side}")


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
