"""Inputs of the protocols: held-out portraits to animate, and tracked clips to drive them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from gaia_core.errors import InputError
from gaia_core.media.video import read_clip
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face, crop_around
from gaia_core.renderer.autoencoder import Autoencoder

SIDE = 256  # of a crop by default, px
EXTREME = 0.1  # share of a clip's frames that count as its lowest, and as its highest

T = TypeVar("T")


@dataclass(frozen=True)
class Photo:
    """A row of the portraits' manifest."""

    path: Path
    name: str
    identity: str
    source: str


@dataclass(frozen=True)
class Portrait:
    """A square crop with a face in it.

    Attributes:
        crop: (S, S, 3) uint8.
        face: in px of the crop.
    """

    name: str
    crop: np.ndarray
    face: Face

    def motion(self, autoencoder: Autoencoder) -> Tensor:
        """Its motion latent (1, D)."""
        return latents(autoencoder, [self.face], self.crop.shape[0])


@dataclass(frozen=True)
class TrackedClip:
    """Frames of a clip in which a face was found, in their order.

    Attributes:
        images: N frames, uint8 (H, H, 3).
        faces: N faces, in px of the frames.
    """

    name: str
    identity: str
    images: list[np.ndarray]
    faces: list[Face]

    @property
    def landmarks(self) -> np.ndarray:
        """(N, K, 3) px"""
        return np.stack([face.landmarks for face in self.faces])

    def first(self) -> Portrait:
        """Its first frame as a portrait."""
        return Portrait(self.name, self.images[0], self.faces[0])

    def motion(self, autoencoder: Autoencoder) -> Tensor:
        """(N, D)"""
        return latents(autoencoder, self.faces, self.images[0].shape[0])


def read_photos(data_dir: Path) -> list[Photo]:
    """The held-out portraits, sources taking turns, then in the manifest's order.

    Raises:
        InputError: no such manifest, or no held-out portrait in it.
    """
    path = data_dir / "portraits" / "manifest.csv"
    rows = manifest_rows(path, ("file", "identity", "source"))
    rows = [row for row in rows if row["file"].startswith("val/")]
    if not rows:
        raise InputError("{path} names no portrait under val/; add some to evaluate on.", path=path)
    photos = [
        Photo(path.parent / row["file"], Path(row["file"]).stem, row["identity"], row["source"])
        for row in rows
    ]
    return take_turns(photos, lambda photo: photo.source)


def manifest_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a manifest, by column.

    Raises:
        InputError: there is no such file, or it lacks one of the columns.
    """
    if not path.is_file():
        raise InputError(
            "{path} is missing; give the folder that holds {name}.",
            path=path,
            name=f"{path.parent.name}/{path.name}",
        )
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                "{path} lacks the columns {names}; docs/training.md tells what they hold.",
                path=path,
                names=tuple(missing),
            )
        return list(reader)


def take_turns(items: Iterable[T], key: Callable[[T], str]) -> list[T]:
    """Round-robin over keys: each key's first item, then each key's second, and so on."""
    of: dict[str, list[T]] = {}
    for item in items:
        of.setdefault(key(item), []).append(item)
    return [x for x in chain.from_iterable(zip_longest(*of.values())) if x is not None]


def detect_portrait(
    landmarker: FaceLandmarker, name: str, photo: np.ndarray, side: int = SIDE, least: float = 0
) -> Portrait | None:
    """The largest face of a photo, cropped as at inference; None without one `least` px wide."""
    faces = landmarker.detect(photo)
    if not faces or faces[0].width < least:
        return None
    crop = crop_around(faces[0].landmarks)
    landmarks = crop.to_crop(faces[0].landmarks) * np.float32(side)
    return Portrait(name, crop.extract(photo, side), Face(landmarks, faces[0].blendshapes))


def track_clip(
    landmarker: FaceLandmarker, path: Path, name: str, identity: str, count: int, step: int = 1
) -> TrackedClip | None:
    """Every `step`-th frame of a clip, `count` of them at most; None without two faces."""
    images = [image for index, image in enumerate(read_clip(path)) if index % step == 0]
    images = images[:count]
    found = [
        (image, face)
        for image, face in zip(images, landmarker.track(images), strict=True)
        if face is not None
    ]
    if len(found) < 2:
        return None
    return TrackedClip(name, identity, [image for image, _ in found], [face for _, face in found])


def latents(autoencoder: Autoencoder, faces: Sequence[Face], side: int) -> Tensor:
    """N faces in px of pictures of that side -> (N, D)"""
    landmarks = np.stack([face.landmarks for face in faces]) / side
    device = next(autoencoder.parameters()).device
    return autoencoder.encode_motion(torch.from_numpy(landmarks).float().to(device))


def draw(
    autoencoder: Autoencoder,
    portrait: Portrait,
    motion: Tensor,
    batch: int = 8,
    edge_mask: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Renders motion (N, D): N frames, uint8 (S, S, 3); see `Composer.edge_mask`."""
    own = portrait.motion(autoencoder)
    pixels = torch.from_numpy(portrait.crop).permute(2, 0, 1)[None].float().to(own.device) / 255
    appearance = autoencoder.encode_appearance(pixels, own)
    if edge_mask is not None:
        appearance.edge_mask = torch.from_numpy(edge_mask).to(own.device)[None, None]
    rendered: list[np.ndarray] = []
    for part in motion.split(batch):
        frames = autoencoder.decode(appearance, part, portrait.crop.shape[0])
        rendered += to_images(frames)
    return rendered


def to_images(frames: Tensor) -> list[np.ndarray]:
    """(N, 3, H, W) in [0, 1] -> N times uint8 (H, W, 3)"""
    return list((frames * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())


def turned(autoencoder: Autoencoder, motion: Tensor, degrees: Tensor) -> Tensor:
    """A latent (1, D) with its yaw, pitch and roll changed by (N, 3) -> (N, D)"""
    changed = motion.repeat(len(degrees), 1)
    changed[:, :3] += degrees.to(motion.device) / autoencoder.motion.scale[:3]
    return changed


def direction(
    autoencoder: Autoencoder,
    clips: Iterable[TrackedClip],
    signal: Callable[[TrackedClip], np.ndarray],
    least: float,
) -> Tensor:
    """The latent direction, without head pose, along which a signal of the face increases.

    Mean over clips of the difference between the frames where the signal is highest and where it
    is lowest; clips in which it spans less than `least` are left out.

    Args:
        signal: clip -> (N,)

    Returns:
        (D,); zeros if no clip is left.
    """
    changes = []
    for clip in clips:
        values = signal(clip)
        low, high = np.quantile(values, (EXTREME, 1 - EXTREME))
        if high - low >= least:
            motion = clip.motion(autoencoder)
            changes.append(motion[values >= high].mean(0) - motion[values <= low].mean(0))
    if not changes:
        return torch.zeros_like(autoencoder.motion.scale)
    change = torch.stack(changes).mean(0)
    change[autoencoder.config.motion.groups["pose"]] = 0
    return change
