"""Data and losses of the inpainters: real windows with a region masked.

A pixel loss alone would yield a grey mean of all mouths, so a critic is added. No renderer is
needed: any photo of parted lips shows a mouth interior.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gaia_core.errors import InputError
from gaia_core.latent import Geometry, MotionEncoder
from gaia_core.media.video import read_clip
from gaia_core.perceptual import PerceptualFeatures, perceptual_distance
from gaia_core.renderer.detail import FINE, Detail
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.renderer.region import SIDE
from gaia_core.training.critic import Contest
from gaia_core.training.pack import clips_by_identity

SHARP = 300.0  # minimal side of a sharp face's crop, px; smaller ones show no teeth or lashes
SOFT = 0.4  # weight of people whose clips are not sharp, among those of whom something closes
USUAL = 0.8  # quantile of a clip's apertures that counts as usual


def reconstructed(
    frame: np.ndarray, landmarks: Tensor, encoder: MotionEncoder
) -> tuple[Tensor, Geometry]:
    """A frame, and its face as reconstructed from the motion latent, as in inference.

    (H, H, 3) uint8, (K, 3) -> (1, 3, H, H) in [0, 1], of one face
    """
    image = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
    return image, encoder.geometry(encoder(landmarks[None]))


class Pool:
    """A pack of windows under construction."""

    def __init__(self) -> None:
        self.windows: list[Tensor] = []
        self.masks: list[Tensor] = []
        self.clips: list[str] = []
        self.people: list[int] = []
        self.weights: dict[str, float] = {}

    def add(self, window: Tensor, masks: Tensor, clip: str) -> None:
        """A window (3, SIDE, SIDE) with its masks (M, SIDE, SIDE), both in [0, 1]."""
        self.windows.append(_bytes(window))
        self.masks.append(_bytes(masks))
        self.clips.append(clip)

    def weigh(self, identity: str, weight: float) -> None:
        """Sets identity and weight of the windows added since the last call."""
        if len(self.clips) > len(self.people):
            self.weights[identity] = weight
            person = list(self.weights).index(identity)
            self.people += [person] * (len(self.clips) - len(self.people))

    def save(self, out: Path) -> None:
        """Writes the pack for `Windows`."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self.clips))}
        tensors = {
            "window": torch.stack(self.windows),
            "masks": torch.stack(self.masks),
            "clip": torch.tensor([numbers[name] for name in self.clips]),
            "person": torch.tensor(self.people),
            "weight": torch.tensor(list(self.weights.values())),
        }
        save_file(tensors, out)


def _bytes(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round().byte()


@dataclass(frozen=True)
class Moments:
    """Selection of frames to pack: those in which a region closes, and as many open ones.

    Attributes:
        aperture: of landmarks (T, K, 3) -> (T,)
        shut, wide: shares of a clip's usual aperture. Closing below `shut`, open above
            `wide`.
        least: minimal usual aperture of a clip.
    """

    aperture: Callable[[Tensor], Tensor]
    shut: float
    wide: float
    least: float = 0.0

    def of(self, landmarks: Tensor) -> tuple[list[int], list[int]]:
        """Indices of closing and of open frames of a clip, from landmarks (T, K, 3)."""
        aperture = self.aperture(landmarks)
        usual = aperture.nanquantile(USUAL)
        if not usual > self.least:
            return [], []
        masks = aperture < self.shut * usual, aperture > self.wide * usual
        shut, wide = (mask.nonzero()[:, 0].tolist() for mask in masks)
        return shut, wide


def pack_moments(
    data: Path,
    cache: Path,
    moments: Moments,
    per_identity: int,
    add: Callable[[Pool, np.ndarray, Tensor, str], None],
) -> Pool:
    """Windows of the training clips, of at most about `per_identity` frames' worth of each person.

    `add` takes a frame (H, H, 3), its landmarks (K, 3) and the clip's name.
    """
    pool = Pool()
    for identity, clips in clips_by_identity(data).items():
        sharp = [clip for clip in clips if clip.pixels >= SHARP]
        found = []
        for clip in sharp or clips:
            with np.load(cache / clip.cache_name) as stored:
                landmarks = torch.from_numpy(stored["landmarks"])
            shut, wide = moments.of(landmarks)
            if shut:
                found.append((clip, landmarks, shut, wide))
        found = found[:: max(1, len(found) * 8 // per_identity)]
        per_clip = max(2, per_identity // max(1, 4 * len(found)))  # of each clip, and as many open
        for clip, landmarks, shut, wide in found:
            shut = shut[:: -(-len(shut) // per_clip)]
            picked = {*shut, *wide[:: max(1, len(wide) // max(2, len(shut)))]}
            for index, frame in enumerate(read_clip(data / "clips" / clip.file)):
                if index in picked:
                    add(pool, frame, landmarks[index], clip.file)
        pool.weigh(identity, 1.0 if sharp else SOFT)
    return pool


class Windows:
    """Endless batches of windows, people in the shares of their weights.

    The pack has `window` (N, 3, S, S) and `masks` (N, M, S, S) in uint8, `clip` (N,), `person` (N,)
    and `weight` (people,). A subclass packs them, and says which windows are references of which.

    Raises:
        InputError: no window has a reference.
    """

    @staticmethod
    def pack(
        data: Path, cache: Path, out: Path, encoder: MotionEncoder, per_identity: int = 120
    ) -> None:
        """Writes windows of the training clips, of at most about `per_identity` frames a person.

        Args:
            data: folder with clips/manifest.csv.
            cache: folder of the clips' landmarks.
            out: the pack.
            encoder: of the motion latent.
            per_identity: frames.

        Raises:
            InputError: no clip shows what there is to learn.
        """
        raise NotImplementedError

    def __init__(self, pack: Path, batch: int, seed: int = 0) -> None:
        data = load_file(pack)
        self.window, self.masks, self.clip = data["window"], data["masks"], data["clip"].tolist()
        self.batch = batch
        self.generator = torch.Generator().manual_seed(seed)
        self.of_clip: dict[int, list[int]] = defaultdict(list)
        for index, clip in enumerate(self.clip):
            self.of_clip[clip].append(index)
        self.area = (self.masks.sum((-2, -1)) / 255).tolist()  # px that each mask covers
        self.others = [self.references(index) for index in range(len(self.clip))]
        self.of_person: dict[int, list[int]] = defaultdict(list)
        for index, person in enumerate(data["person"].tolist()):
            if self.others[index]:
                self.of_person[person].append(index)
        used = [float(person in self.of_person) for person in range(len(data["weight"]))]
        self.weight = data["weight"] * torch.tensor(used)
        if not self.weight.any():
            raise InputError("{pack} has no window to learn from; pack more clips.", pack=pack)

    def references(self, index: int) -> list[int]:
        """Candidate references of a window; windows without any are not drawn."""
        raise NotImplementedError

    def example(self, window: Tensor, masks: Tensor, same: Tensor) -> dict[str, Tensor]:
        """Windows and their references -> a batch of `InpaintingLosses`

        (B, 2, 3, S, S), (B, 2, M, S, S) in [0, 1], (B,) whether both are the same.
        """
        raise NotImplementedError

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            people = torch.multinomial(self.weight, self.batch, True, generator=self.generator)
            index = [self._one(self.of_person[person]) for person in people.tolist()]
            pairs = torch.tensor([[i, self._one(self.others[i])] for i in index])
            window, masks = (x[pairs].float() / 255 for x in (self.window, self.masks))
            window = recoloured(window, self.generator)
            yield self.example(window, masks, pairs[:, 0] == pairs[:, 1])

    def draw(self, count: int = 1) -> Tensor:
        """Uniform numbers in [0, 1), (B, count, 1, 1)"""
        return torch.rand(self.batch, count, 1, 1, generator=self.generator)

    def rendered(self, window: Tensor) -> Tensor:
        """Simulates the renderer: blurred, and shifted by up to three quarters of a pixel."""
        sharp = self.shifted(window)
        soft = F.avg_pool2d(sharp, 3, 1, 1, count_include_pad=False)
        return sharp.lerp(soft, self.draw())

    def shifted(self, x: Tensor) -> Tensor:
        """Shifted by up to three quarters of a pixel: (B, C, S, S) -> (B, C, S, S)"""
        theta = torch.eye(2, 3).repeat(len(x), 1, 1)
        theta[:, :, 2] = (self.draw(2)[:, :, 0, 0] - 0.5) * 3 / SIDE
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, "bilinear", "border", align_corners=False)

    def _one(self, among: list[int]) -> int:
        return among[int(torch.randint(len(among), (), generator=self.generator))]


def recoloured(window: Tensor, generator: torch.Generator) -> Tensor:
    """Augmentation by a gamma and by the gain of each colour: (B, ..., 3, S, S) -> the same"""
    each = len(window), *(1 for _ in window.shape[1:-3])
    gain = 0.9 + 0.2 * torch.rand(*each, 3, 1, 1, generator=generator)
    gamma = torch.exp(0.6 * torch.rand(*each, 1, 1, 1, generator=generator) - 0.3)
    return (window.clamp(1e-4, 1) ** gamma * gain).clamp(0, 1)


class InpaintingLosses(nn.Module):
    """Pixel, perceptual and adversarial losses within the mask."""

    def __init__(self, pixels: float = 2.0, perceptual: float = 6.0, critic: float = 0.2) -> None:
        super().__init__()
        self.features = PerceptualFeatures()
        self.pixels, self.perceptual, self.critic = pixels, perceptual, critic

    def forward(
        self, model: Contest[Inpainter | Detail], batch: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Model and a batch of its windows -> loss terms"""
        real, mask = batch["window"], batch["mask"]
        inputs = (batch[name] for name in ("rendered", "mask", "condition") if name in batch)
        content = model.maker(*inputs).float()
        made = real.lerp(content, mask)
        area = mask.mean() + 1e-4
        pixels = (made - real).abs().mean() / area
        with torch.no_grad():
            target = self.features(_larger(real))
        found = self.features(_larger(made.clamp(0, 1)))
        distance = perceptual_distance(found, target).mean() / area
        adversarial, critic_loss = model.losses(found, target, mask)
        return {
            "loss": self.pixels * pixels
            + self.perceptual * distance
            + self.critic * adversarial
            + critic_loss,
            "pixels": pixels.detach(),
            "perceptual": distance.detach(),
            "adversarial": adversarial.detach(),
            "critic": critic_loss.detach(),
        }


def _larger(window: Tensor) -> Tensor:
    """At `FINE` px: the finest features have half of the resolution."""
    return F.interpolate(window, (FINE, FINE), mode="bilinear", align_corners=False)
