"""Single portraits as data of stage 1, by back-translation.

A pair needs two frames of a person, and the data has videos of few people. So earlier weights
render other frames of a photo, and the photo is predicted from such a frame: the target is always
real, only the input has artefacts. This is back-translation as in machine translation (Sennrich
et al. 2016, "Improving neural machine translation models with monolingual data").
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.training.pack import FrameWriter, clips_by_identity, portraits, read_face
from gaia_core.training.renderer import FramePairs

MADE = 3  # frames rendered from a photo
SMALLEST = 150  # minimal side of a face's crop, px
TURNED = 8.0, 6.0  # degrees of yaw and pitch equivalent to a unit of the latent in sampling
EVERY = 3  # every 3rd frame of a clip is used


@torch.no_grad()
def pack_portraits(
    data: Path, cache: Path, out: Path, autoencoder: Autoencoder, count: int = 1800
) -> None:
    """Writes a `FramePack` whose clips are a training portrait and `MADE` frames made of it.

    They move as people in the training clips do from one moment to another, far moves preferred.
    About `count` photos from all over the manifest; such without a face, or with a small one, are
    left out.
    """
    photos = portraits(data)
    photos = photos[:: max(1, round(len(photos) / count))]
    moves = _Moves(data, cache, autoencoder)
    writer = FrameWriter()
    with FaceLandmarker() as landmarker:
        for name, photo in photos:
            if not (face := read_face(photo, landmarker, smallest=SMALLEST)):
                continue
            real, landmarks = face
            motion = autoencoder.encode_motion(torch.from_numpy(landmarks)[None].float())
            pixels = torch.from_numpy(real).permute(2, 0, 1)[None].float() / 255
            appearance = autoencoder.encode_appearance(pixels, motion)
            frames = autoencoder.decode(appearance, motion + moves.draw(MADE))
            made = (frames.permute(0, 2, 3, 1) * 255).round().byte().numpy()
            # The rendered motion differs from the latent, so landmarks are detected again.
            seen = [(frame, landmarker.detect(frame)) for frame in made]
            if not all(faces for _, faces in seen):
                continue
            writer.add(real, landmarks.astype(np.float32))
            for frame, faces in seen:
                writer.add(frame, (faces[0].landmarks / 256).astype(np.float32))
            writer.end_clip(name)
    writer.save(out)


class _Moves:
    """Changes of the motion latent between two moments of a training clip."""

    def __init__(self, data: Path, cache: Path, autoencoder: Autoencoder) -> None:
        self.scale = autoencoder.motion.scale
        self.most = autoencoder.corrections.pose_clamp
        self.generator = torch.Generator().manual_seed(0)
        self.people: list[list[Tensor]] = []
        for clips in clips_by_identity(data).values():
            motions = []
            for clip in clips:
                with np.load(cache / clip.cache_name) as stored:
                    found = stored["landmarks"]
                found = found[np.isfinite(found[:, 0, 0])][::EVERY]
                if len(found) > 1:
                    motions.append(autoencoder.encode_motion(torch.from_numpy(found)))
            if motions:
                self.people.append(motions)

    def draw(self, count: int) -> Tensor:
        """-> (count, D), of as many people."""
        return torch.stack([self._one() for _ in range(count)])

    def _one(self) -> Tensor:
        clips = self.people[self._random(len(self.people))]
        motion = clips[self._random(len(clips))]
        change = motion - motion[self._random(len(motion))]
        turned = (change[:, :2] * self.scale[:2] / change.new_tensor(TURNED)).abs().sum(1)
        likely = turned + change[:, 6:].abs().mean(1) + 0.05
        picked = change[torch.multinomial(likely, 1, generator=self.generator)[0]]
        return torch.cat([picked[:6].clamp(-self.most, self.most), picked[6:]])

    def _random(self, high: int) -> int:
        return int(torch.randint(high, (), generator=self.generator))


class PortraitPairs(FramePairs):
    """Endless batches of (made, photo) frames of one person; clips as `pack_portraits` writes."""

    def _pair(self) -> tuple[Tensor, Tensor]:
        frames = self.frames_of[self._random(len(self.frames_of))]
        photo, made = frames[0], frames[1:]
        if self._random(2):
            return made[self._random(len(made))], photo
        change = (self.looks[made] - self.looks[photo]).abs().sum(-1)
        return made[int(change.argmax())], photo
