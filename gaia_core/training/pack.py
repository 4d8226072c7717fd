"""Packs the data folder into two files: frames (stage 1) and motion (stage 2).

Landmarks are detected once per clip and cached, so that an interrupted run resumes. The
folder's layout: clips/manifest.csv, portraits/manifest.csv; only rows of `train/` are packed.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from gaia_core.latent import MotionEncoder
from gaia_core.media.audio import read_audio
from gaia_core.media.image import read_image
from gaia_core.media.video import read_clip
from gaia_core.motion.smoothing import smooth
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import crop_around
from gaia_core.portrait.tracking import fill_gaps
from gaia_core.speech.encoder import FEATURES, SpeechEncoder

log = logging.getLogger(__name__)

AUDIBLE = 0.01  # peak of a recording that is not silent
# Widths, in frames, of the low-pass that takes the landmarker's noise out of motion latents. Of the
# head, brows and face they minimise the expected error (Wiener), with the floor of real
# clips' spectra above 9 Hz as the noise, where heads have no motion. Eyes and mouth do:
# there the noise is that of a still photo under camera noise, and lids and lips keep
# 0.99 of their speed (docs/log/diary.md, 2026-11-27).
NOISE_FILTER = {"pose": 0.6, "eyes": 0.3, "brows": 0.8, "mouth": 0.3, "face": 0.8}

# Landmarks are stored as 16-bit steps of [-1, 2) crop units: 0.012 px at 256.
_LOW, _SPAN = -1.0, 3.0


@dataclass(frozen=True)
class Clip:
    """A row of the manifest."""

    file: str
    identity: str
    source: str
    has_audio: bool
    transcript: str
    pixels: float = 0.0  # side of the face's crop before it was scaled

    @property
    def cache_name(self) -> str:
        """File name of this clip in the cache."""
        return self.file.replace("/", "__") + ".npz"


def read_manifest(data: Path, split: str) -> list[Clip]:
    """The clips of a split ("train" or "val"), in the manifest's order."""
    with open(data / "clips" / "manifest.csv", encoding="utf-8", newline="") as file:
        return [
            Clip(
                row["file"],
                row["identity"],
                row["source"],
                row["has_audio"] == "1",
                row["transcript"],
                float(row.get("crop_px") or 0),
            )
            for row in csv.DictReader(file)
            if row["file"].startswith(split + "/")
        ]


def clip_landmarks(clip: Clip, data: Path, cache: Path, landmarker: FaceLandmarker) -> np.ndarray:
    """Landmarks of every frame in crop units, NaN where no face was found: (T, K, 3) float32."""
    path = cache / clip.cache_name
    if path.exists():
        with np.load(path) as stored:
            return stored["landmarks"]
    frames = list(read_clip(data / "clips" / clip.file))
    landmarks = np.full((len(frames), 478, 3), np.nan, np.float32)
    blendshapes = np.full((len(frames), 52), np.nan, np.float32)
    for index, face in enumerate(landmarker.track(frames)):
        if face is not None:
            landmarks[index] = face.landmarks / frames[index].shape[1]
            blendshapes[index] = face.blendshapes
    part = path.with_suffix(".part.npz")
    np.savez(part, landmarks=landmarks, blendshapes=blendshapes)
    part.rename(path)
    return landmarks


def cache_landmarks(data: Path, cache: Path) -> None:
    """Reads the landmarks of every training clip that the cache lacks, on all cores."""
    clips = [c for c in read_manifest(data, "train") if not (cache / c.cache_name).exists()]
    workers = min(len(clips), os.cpu_count() or 1)
    if not workers:
        return
    # Spawned, not forked: MediaPipe's threads do not survive a fork.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(
            pool.map(
                _cache_some,
                [clips[i::workers] for i in range(workers)],
                *([value] * workers for value in (data, cache)),
            )
        )


def _cache_some(clips: list[Clip], data: Path, cache: Path) -> None:
    with FaceLandmarker() as landmarker:
        for clip in clips:
            clip_landmarks(clip, data, cache, landmarker)


def read_landmarks(data: Path, cache: Path, per_identity: int = 200) -> tuple[Tensor, Tensor]:
    """A balanced sample of landmarks: (N, K, 3) in crop units, (N,) the clip of each."""
    of_identity = clips_by_identity(data)
    parts: list[Tensor] = []
    clip_of: list[int] = []
    for clips in of_identity.values():
        # At least 4 frames a clip, and `per_identity` in all.
        chosen = clips[:: max(1, 4 * len(clips) // per_identity)]
        per_clip = max(4, per_identity // len(chosen))
        for clip in chosen:
            with np.load(cache / clip.cache_name) as stored:
                found = stored["landmarks"]
            found = found[np.isfinite(found[:, 0, 0])]
            if len(found) < per_clip:
                continue
            found = found[np.linspace(0, len(found) - 1, per_clip).round().astype(int)]
            clip_of += [len(parts)] * per_clip
            parts.append(torch.from_numpy(found))
    return torch.cat(parts), torch.tensor(clip_of)


def clips_by_identity(data: Path) -> dict[str, list[Clip]]:
    """The training clips of each person, people in alphabetical order."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in read_manifest(data, "train"):
        found[clip.identity].append(clip)
    return dict(sorted(found.items()))


def portraits(data: Path) -> list[tuple[str, Path]]:
    """Training portraits: "identity|source" and the photo of each."""
    manifest = data / "portraits" / "manifest.csv"
    if not manifest.exists():
        return []
    with open(manifest, encoding="utf-8", newline="") as file:
        return [
            (f"{row['identity']}|{row['source']}", manifest.parent / row["file"])
            for row in csv.DictReader(file)
            if row["file"].startswith("train/")
        ]


def repeated_portraits(data: Path) -> dict[str, list[Path]]:
    """People of whom there are several photos (neutral, smiling): a clip of few frames each."""
    found: dict[str, list[Path]] = defaultdict(list)
    for name, photo in portraits(data):
        found[f"{name}|{name.split('|')[0]}"].append(photo)
    return {name: photos for name, photos in found.items() if len(photos) > 1}


def read_face(
    photo: Path, landmarker: FaceLandmarker, side: int = 256, smallest: float = 0.0
) -> tuple[np.ndarray, np.ndarray] | None:
    """The largest face of a photo as (side, side, 3) uint8, and (K, 3) in crop units.

    None where there is none whose crop is at least `smallest` px.
    """
    image = read_image(photo)
    for face in landmarker.detect(image)[:1]:
        crop = crop_around(face.landmarks)
        if crop.side >= smallest:
            return crop.extract(image, side), crop.to_crop(face.landmarks)
    return None


def quantise(landmarks: np.ndarray) -> Tensor:
    """Crop units -> uint16 steps."""
    steps = np.clip((landmarks - _LOW) / _SPAN * 65535, 0, 65535)
    return torch.from_numpy(steps.round().astype(np.uint16))


def restore(steps: Tensor) -> Tensor:
    """The inverse of `quantise`, float32."""
    return steps.float() / 65535 * _SPAN + _LOW


class FrameWriter:
    """Gathers JPEG frames with their landmarks, clip by clip, for a `FramePack`."""

    def __init__(self, quality: int = 92) -> None:
        self.quality = quality
        self.names: list[str] = []
        self._jpegs: list[np.ndarray] = []
        self._landmarks: list[np.ndarray] = []
        self._clip: list[int] = []

    def add(self, frame: np.ndarray, landmarks: np.ndarray) -> None:
        """A frame (256, 256, 3) uint8 of the clip that is not yet ended, (K, 3) in crop units."""
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "jpeg", quality=self.quality, subsampling=0)
        self._jpegs.append(np.frombuffer(buffer.getvalue(), np.uint8))
        self._landmarks.append(landmarks)
        self._clip.append(len(self.names))

    def end_clip(self, name: str) -> None:
        """The frames since the last one's end are a clip of this name."""
        self.names.append(name)

    def save(self, out: Path) -> None:
        """Writes all of it."""
        offsets = np.cumsum([0, *(len(j) for j in self._jpegs)])
        save_file(
            {
                "jpegs": torch.from_numpy(np.concatenate(self._jpegs)),
                "offsets": torch.from_numpy(offsets),
                "landmarks": quantise(np.stack(self._landmarks)),
                "clip": torch.tensor(self._clip),
            },
            out,
            metadata={"clips": json.dumps(self.names)},
        )
        frames, size = len(self._jpegs), out.stat().st_size / 1e6
        log.info("%d frames of %d clips, %.1f MB", frames, len(self.names), size)


def pack_frames(data: Path, cache: Path, out: Path, per_identity: int = 120) -> None:
    """Writes a `FramePack` of the clips, at most `per_identity` frames of each identity."""
    writer = FrameWriter()
    with FaceLandmarker() as landmarker:
        for identity, clips in clips_by_identity(data).items():
            # Few frames of many clips are better than many of few, but a pair needs two of one.
            per_clip = max(3, round(per_identity / len(clips)))
            step = max(1, round(len(clips) * per_clip / per_identity))
            for clip in clips[::step]:
                found = clip_landmarks(clip, data, cache, landmarker)
                usable = np.flatnonzero(np.isfinite(found[:, 0, 0]))
                if len(usable) < 3:
                    continue
                chosen = set(usable[np.linspace(0, len(usable) - 1, per_clip).round().astype(int)])
                for index, frame in enumerate(read_clip(data / "clips" / clip.file)):
                    if index in chosen:
                        writer.add(frame, found[index])
                writer.end_clip(f"{identity}|{clip.source}|{clip.file}")
        for name, photos in repeated_portraits(data).items():
            faces = [face for photo in photos if (face := read_face(photo, landmarker))]
            if len(faces) < 2:
                continue
            for face in faces:
                writer.add(*face)
            writer.end_clip(name)
    writer.save(out)


def pack_motion(data: Path, cache: Path, out: Path, encoder: MotionEncoder) -> None:
    """Writes motion latents and speech features of every training clip with sound.

    Clips without sound are packed with zero frames of speech: they train head motion.
    Frames without a face are filled from their neighbours; clips with many are dropped. The
    landmarker's noise is removed by `NOISE_FILTER`, or the sampler would reproduce it as jitter.
    """
    landmarker, speech_encoder = FaceLandmarker(), SpeechEncoder.load("cpu")
    tensors: dict[str, list[Tensor]] = {"motion": [], "speech": []}
    rows: list[dict[str, object]] = []
    for clip in read_manifest(data, "train"):
        found = clip_landmarks(clip, data, cache, landmarker)
        usable = np.isfinite(found[:, 0, 0])
        if usable.mean() < 0.95 or len(found) < 16:
            continue
        motion = encoder(torch.from_numpy(fill_gaps(found[usable], usable)))
        motion = smooth(motion, encoder.config.groups, NOISE_FILTER)
        speech = torch.zeros(0, FEATURES)
        if clip.has_audio:
            waveform = read_audio(data / "clips" / clip.file)
            # Some clips have a silent sound track, which does not match the moving lips.
            if np.abs(waveform).max() > AUDIBLE:
                features = speech_encoder.encode(waveform)
                frames = min(len(features), len(motion))
                speech, motion = features[:frames], motion[:frames]
        tensors["motion"].append(motion.half())
        tensors["speech"].append(speech.half())
        rows.append(
            {
                "identity": clip.identity,
                "source": clip.source,
                "frames": len(motion),
                "speech": len(speech),
            }
        )
    landmarker.close()
    save_file(
        {name: torch.cat(parts).contiguous() for name, parts in tensors.items()},
        out,
        metadata={"clips": json.dumps(rows)},
    )
    log.info("%d clips, %.1f MB", len(rows), out.stat().st_size / 1e6)


class FramePack:
    """A frame pack. Frames are decoded on access.

    Attributes:
        landmarks: (N, K, 3) in crop units.
        clip: (N,) which of `names` a frame is of.
        names: "identity|source|file" of each clip.
    """

    def __init__(self, path: Path) -> None:
        with safe_open(path, "pt") as file:
            self._jpegs = file.get_tensor("jpegs").numpy()
            self._offsets = file.get_tensor("offsets").tolist()
            self.landmarks = restore(file.get_tensor("landmarks"))
            self.clip = file.get_tensor("clip")
            self.names: list[str] = json.loads(file.metadata()["clips"])

    def images(self, index: Tensor) -> Tensor:
        """(...) long -> (..., 3, 256, 256) in [0, 1]"""
        frames = []
        for number in index.flatten().tolist():
            data = self._jpegs[self._offsets[number] : self._offsets[number + 1]].tobytes()
            frames.append(torch.from_numpy(np.array(Image.open(io.BytesIO(data)))))
        images = torch.stack(frames).permute(0, 3, 1, 2).float() / 255
        return images.unflatten(0, index.shape)
