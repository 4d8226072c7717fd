"""The mouth's inside: real windows with the inside wiped out, a painter, and a critic of it.

A loss on pixels alone would paint the mean of all mouths, a grey plate. No renderer is needed:
any photo of parted lips tells what lies between such lips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core import media
from gaia_core.autoencoder import MotionEncoder
from gaia_core.errors import InputError
from gaia_core.face import FaceLandmarker, crop_around
from gaia_core.mouth import SIDE, Mouth, between_lips, extract, seen_between, window_map
from gaia_core.perceptual import PerceptualFeatures, perceptual_distance
from gaia_core.training.critic import Contest
from gaia_core.training.pack import clips_by_identity, portraits

CROP = 320  # side to which portraits are reduced, px
PARTED = 0.02  # lip aperture from which on a frame shows what to paint
SHARP = 300.0  # px of a face's crop; what is smaller shows no teeth, and counts a quarter
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
    pool = _Pool(encoder)
    for identity, clips in clips_by_identity(data).items():
        sharp = [clip for clip in clips if clip.pixels >= SHARP]
        chosen = (sharp or clips)[:: max(1, len(sharp or clips) * 4 // per_identity)]
        wanted = max(4, per_identity // len(chosen))
        for clip in chosen:
            with np.load(cache / clip.cache_name) as stored:
                landmarks = torch.from_numpy(stored["landmarks"])
            parted = (mesh.lip_aperture(landmarks) > PARTED).nonzero()[:, 0].tolist()
            picked = set(parted[:: -(-len(parted) // wanted)] if parted else ())
            for index, frame in enumerate(media.read_video(data / "clips" / clip.file)):
                if index in picked:
                    pool.add(frame, landmarks[index], clip.file)
            pool.weigh(identity, 1.0 if sharp else 0.25)
    with FaceLandmarker() as landmarker:
        for identity, photo in portraits(data):
            image = media.read_image(photo)
            for face in landmarker.detect(image)[:1]:
                crop = crop_around(face.landmarks)
                landmarks = torch.from_numpy(crop.to_crop(face.landmarks))
                if mesh.lip_aperture(landmarks) > PARTED:
                    pool.add(crop.extract(image, CROP), landmarks, photo.name)
                    pool.weigh(identity, PHOTOS)
    if not pool.clips:
        raise InputError("No clip and no portrait shows parted lips; add some that do.")
    save_file(pool.tensors(), out)


class _Pool:
    """Windows as they are gathered."""

    def __init__(self, encoder: MotionEncoder) -> None:
        self.encoder = encoder
        self.windows: list[Tensor] = []
        self.regions: list[Tensor] = []
        self.clips: list[str] = []
        self.people: list[int] = []
        self.weights: dict[str, float] = {}

    def add(self, frame: np.ndarray, landmarks: Tensor, clip: str) -> None:
        """A frame (H, H, 3) with its landmarks (K, 3) in crop units."""
        # Through the latent and back, as the painter will meet them.
        motion = self.encoder(landmarks[None])
        where = window_map(self.encoder.split(motion)[0], self.encoder.template)
        image = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
        self.windows.append(_bytes(extract(image, where)[0]))
        self.regions.append(_bytes(between_lips(self.encoder.landmarks(motion), where)[0]))
        self.clips.append(clip)

    def weigh(self, identity: str, weight: float) -> None:
        """Says of whom the windows are that were added since the last call."""
        if len(self.clips) > len(self.people):
            self.weights[identity] = weight
            person = list(self.weights).index(identity)
            self.people += [person] * (len(self.clips) - len(self.people))

    def tensors(self) -> dict[str, Tensor]:
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self.clips))}
        return {
            "window": torch.stack(self.windows),
            "region": torch.stack(self.regions),
            "clip": torch.tensor([numbers[name] for name in self.clips]),
            "person": torch.tensor(self.people),
            "weight": torch.tensor(list(self.weights.values())),
        }


def _bytes(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round().byte()


class MouthWindows:
    """Endless batches of windows, people in the shares of their weights.

    The pack has `window` (N, 3, S, S) and `region` (N, 1, S, S) in uint8, `clip` (N,),
    `person` (N,) and `weight` (people,).
    """

    def __init__(self, pack: Path, batch: int, seed: int = 0) -> None:
        data = load_file(pack)
        self.window, self.region, self.clip = data["window"], data["region"], data["clip"]
        self.weight = data["weight"]
        self.batch = batch
        self.generator = torch.Generator().manual_seed(seed)
        self.of_person: dict[int, list[int]] = defaultdict(list)
        self.of_clip: dict[int, list[int]] = defaultdict(list)
        for index, (person, clip) in enumerate(
            zip(data["person"].tolist(), self.clip.tolist(), strict=True)
        ):
            self.of_person[person].append(index)
            self.of_clip[clip].append(index)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            people = torch.multinomial(self.weight, self.batch, True, generator=self.generator)
            index = [self._one(self.of_person[person]) for person in people.tolist()]
            other = [self._one(self.of_clip[int(self.clip[i])]) for i in index]
            yield self._augment(torch.tensor(index), torch.tensor(other))

    def _one(self, among: list[int]) -> int:
        return among[int(torch.randint(len(among), (), generator=self.generator))]

    def _augment(self, index: Tensor, other: Tensor) -> dict[str, Tensor]:
        count = len(index)
        both = torch.stack([index, other], 1)
        window, region = self.window[both].float() / 255, self.region[both].float() / 255
        draws = torch.rand(12, count, 1, 1, 1, 1, generator=self.generator)
        window, region = (torch.where(draws[0] < 0.5, x.flip(-1), x) for x in (window, region))
        gain = 1 + (draws[1:4, ..., 0].transpose(0, 1).reshape(count, 1, 3, 1, 1) - 0.5) * 0.2
        window = (window.clamp(1e-4, 1) ** torch.exp((draws[4] - 0.5) * 0.6) * gain).clamp(0, 1)
        # What a renderer makes of the lips is softer than they are, and a little elsewhere.
        around = _shifted(window[:, 0], draws[5:7].reshape(2, count).T - 0.5)
        soft = F.avg_pool2d(around, 3, 1, 1, count_include_pad=False)
        around = around.lerp(soft, draws[7, ..., 0])
        target = _shifted(region[:, 0], draws[8:10].reshape(2, count).T - 0.5)
        shown = seen_between(window[:, 1], region[:, 1])
        told = (draws[10, ..., 0] < SHOWN) & (index != other).reshape(-1, 1, 1, 1)
        return {
            "window": window[:, 0],
            "region": target,
            "around": around,
            "shown": shown * told,
        }


def _shifted(x: Tensor, by: Tensor) -> Tensor:
    """(B, C, S, S), (B, 2) in half pixels of 2 -> (B, C, S, S)"""
    theta = torch.eye(2, 3).repeat(len(x), 1, 1)
    theta[:, :, 2] = by * 3 / SIDE
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, "bilinear", "border", align_corners=False)


class MouthLosses(nn.Module):
    """Pixels, perceptual features, and the critic, all of the painted region alone."""

    def __init__(self, pixels: float = 2.0, perceptual: float = 6.0, critic: float = 0.2) -> None:
        super().__init__()
        self.features = PerceptualFeatures()
        self.pixels, self.perceptual, self.critic = pixels, perceptual, critic

    def forward(self, model: Contest[Mouth], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Model and a batch of `MouthWindows` -> loss terms"""
        real, region = batch["window"], batch["region"]
        painted = model.maker(batch["around"], region, batch["shown"]).float()
        made = real.lerp(painted, region)
        area = region.mean() + 1e-4
        pixels = (made - real).abs().mean() / area
        with torch.no_grad():
            wanted = self.features(_larger(real))
        found = self.features(_larger(made.clamp(0, 1)))
        distance = perceptual_distance(found, wanted).mean() / area
        fooled, told = model.losses(found, wanted, region)
        return {
            "loss": self.pixels * pixels + self.perceptual * distance + self.critic * fooled + told,
            "pixels": pixels.detach(),
            "perceptual": distance.detach(),
            "fooled": fooled.detach(),
            "told": told.detach(),
        }


def _larger(window: Tensor) -> Tensor:
    return F.interpolate(window, scale_factor=2.0, mode="bilinear", align_corners=False)
