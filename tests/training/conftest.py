"""Packs of synthetic motion, images and clips. Session-scoped ones are read only."""

import io
import json
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tiny import CLIPS, MOTION, SPEECH, TINY

from gaia_core import checkpoint
from gaia_core import landmarks as mesh
from gaia_core.config import PRESETS
from gaia_core.controls import EXPRESSION
from gaia_core.media.audio import write_audio
from gaia_core.media.video import VideoWriter
from gaia_core.training import loop, stages
from gaia_core.training.loop import Settings
from gaia_core.training.pack import clip_landmarks, quantise, read_manifest


@pytest.fixture
def steps(monkeypatch) -> Callable[..., Settings]:
    """Makes settings with a time budget of that many steps.

    A second passes whenever the loop looks at the clock, which it does twice a step: the number of
    steps does not depend on this machine's speed.
    """
    now = iter(range(10**9))
    monkeypatch.setattr(loop, "time", types.SimpleNamespace(monotonic=lambda: next(now)))

    def make(count: int, **changes) -> Settings:
        usual = {"save_every": 1e9, "log_every": 5}
        return Settings(minutes=(2 * count + 0.5) / 60, **(usual | changes))

    return make


@pytest.fixture(scope="session")
def motion_pack(tmp_path_factory):
    """Channel 0 tells the frame and channel 1 the clip, of motion and speech alike; see `clip_of`.

    Each clip's channels stray by 0.1 about a mean of their own.
    """
    generator = torch.Generator().manual_seed(0)
    tensors = {"motion": [], "speech": []}
    rows = []
    for number, (identity, source, frames, with_speech) in enumerate(CLIPS):
        for name, count, width in (
            ("motion", frames, MOTION.width),
            ("speech", with_speech, SPEECH),
        ):
            mean = torch.randn(width, generator=generator)
            values = mean + 0.1 * torch.randn(count, width, generator=generator)
            values[:, 0] = torch.arange(count)
            values[:, 1] = 10 * number + torch.arange(count) % 2
            tensors[name].append(values.half())
        rows.append(
            {"identity": identity, "source": source, "frames": frames, "speech": with_speech}
        )
    path = tmp_path_factory.mktemp("pack") / "motion.safetensors"
    save_file(
        {name: torch.cat(parts) for name, parts in tensors.items()},
        path,
        metadata={"clips": json.dumps(rows)},
    )
    return path


def spotted(landmarks: torch.Tensor) -> np.ndarray:
    """A red spot at the outer corner of the right eye, a blue one at the left's, green lips."""
    grid = (np.arange(256) + 0.5) / 256
    image = np.zeros((256, 256, 3))
    for point, channel in ((33, 0), (mesh.LIP_BOTTOM, 1), (263, 2)):
        x, y = (np.exp(-((grid - float(p)) ** 2) / (2 * 0.012**2)) for p in landmarks[point, :2])
        image[..., channel] += y[:, None] * x
    return (255 * image).round().astype(np.uint8)


@pytest.fixture(scope="session")
def frame_pack(tmp_path_factory, make_faces):
    """Eight frames of each of three clips, the last two of one person, as pictures of spots."""
    faces = make_faces(3, 4)
    jpegs = []
    for landmarks in faces.landmarks:
        buffer = io.BytesIO()
        Image.fromarray(spotted(landmarks)).save(buffer, "jpeg", quality=95, subsampling=0)
        jpegs.append(np.frombuffer(buffer.getvalue(), np.uint8))
    path = tmp_path_factory.mktemp("pack") / "frames.safetensors"
    save_file(
        {
            "jpegs": torch.from_numpy(np.concatenate(jpegs)),
            "offsets": torch.tensor(np.cumsum([0, *map(len, jpegs)])),
            "landmarks": quantise(faces.landmarks.numpy()),
            "clip": faces.clip,
        },
        path,
        metadata={"clips": json.dumps(["ann|a|1", "bob|b|2", "bob|b|3"])},
    )
    return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory, photo, photo_face):
    """A data folder: two training clips of a moving face, one of them silent, and one held out."""
    data = tmp_path_factory.mktemp("data")
    lines = ["file,identity,source,has_audio,transcript"]
    x, y = (int(v) for v in photo_face.landmarks[1, :2])
    for name, has_audio in (("train/ann/1.mp4", 1), ("train/bob/2.mp4", 0), ("val/eve/3.mp4", 1)):
        path = data / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = path.with_suffix(".wav")
        noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
        write_audio(sound, noise, 16_000)
        with VideoWriter(path, 256, 256, sound if has_audio else None, {}) as writer:
            for frame in range(20):
                left = x - 128 + frame
                writer.write(photo[max(0, y - 140) :][:256, left : left + 256])
        lines.append(f"{name},{path.parent.name},s,{has_audio},hello")
    (data / "clips" / "manifest.csv").write_text("\n".join(lines) + "\n")
    return data


@pytest.fixture(scope="session")
def found_landmarks(tmp_path_factory, clips, landmarker) -> Path:
    """The cache folder of the training clips' landmarks."""
    folder = tmp_path_factory.mktemp("landmarks")
    for clip in read_manifest(clips, "train"):
        clip_landmarks(clip, clips, folder, landmarker)
    return folder


@pytest.fixture
def packed(tmp_path, motion_pack, frame_pack, encoder, monkeypatch):
    """A folder written by `train pack`, for the preset "tiny"."""
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    (tmp_path / stages.MOTION).symlink_to(motion_pack)
    (tmp_path / stages.FRAMES).symlink_to(frame_pack)
    save_file(encoder.state_dict(), tmp_path / stages.ENCODER)
    checkpoint.save_directions(tmp_path, torch.ones(len(EXPRESSION), MOTION.width))
    return tmp_path
