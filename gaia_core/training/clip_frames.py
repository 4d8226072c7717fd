"""Stage 1's data without pictures: the motion latents of all frames of the clips.

The clips themselves are read when training begins, and all frames kept as bytes in the device's
memory (200 kB each), so that a GPU does not wait for JPEGs: 154,538 frames are 15 MB of latents.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.media.video import read_clip
from gaia_core.training.pack import read_manifest

SIDE = 256  # px of the clips
BLOCK = 2000  # latents decoded to landmarks at once


@torch.no_grad()
def pack_latents(data: Path, cache: Path, out: Path, encoder: MotionEncoder) -> None:
    """Writes the latent of every frame of the training clips in which a face was found."""
    names: list[str] = []
    latents, frames, clips = [], [], []
    for clip in read_manifest(data, "train"):
        with np.load(cache / clip.cache_name) as stored:
            found = stored["landmarks"]
        usable = np.flatnonzero(np.isfinite(found[:, 0, 0]))
        if len(usable) < 2:
            continue
        latents.append(encoder(torch.from_numpy(found[usable])).half())
        frames.append(torch.from_numpy(usable.astype(np.int32)))
        clips.append(torch.full((len(usable),), len(names)))
        names.append(f"{clip.identity}|{clip.source}|{clip.file}")
    save_file(
        {"latents": torch.cat(latents), "frame": torch.cat(frames), "clip": torch.cat(clips)},
        out,
        metadata={"clips": json.dumps(names)},
    )


class ClipFrames:
    """The frames of `pack_latents`, in memory; see `pack.FramePack` for the attributes."""

    def __init__(
        self, path: Path, data: Path, encoder: MotionEncoder, device: str | torch.device = "cpu"
    ) -> None:
        """data: the folder that was packed.

        Raises:
            InputError: a clip is missing or shorter than when it was packed.
        """
        with safe_open(path, "pt") as file:
            latents, frame = file.get_tensor("latents"), file.get_tensor("frame")
            self.clip = file.get_tensor("clip")
            self.names: list[str] = json.loads(file.metadata()["clips"])
        with torch.no_grad():
            parts = [encoder.landmarks(part.float()) for part in latents.split(BLOCK)]
        self.landmarks = torch.cat(parts).to(device)
        self._images = torch.empty(len(latents), 3, SIDE, SIDE, dtype=torch.uint8, device=device)
        counts = self.clip.bincount(minlength=len(self.names)).tolist()
        done = 0
        for name, wanted in zip(self.names, frame.split(counts), strict=True):
            file_name = name.split("|", 2)[2]
            images = list(read_clip(data / "clips" / file_name))
            if len(images) <= int(wanted.max()):
                raise InputError(
                    "{file} was changed since it was packed; pack again.", file=file_name
                )
            chosen = torch.from_numpy(np.stack(images))[wanted.long()].permute(0, 3, 1, 2)
            self._images[done : done + len(wanted)] = chosen.to(device)
            done += len(wanted)

    def images(self, index: Tensor) -> Tensor:
        """(...) long -> (..., 3, 256, 256) in [0, 1]"""
        return self._images[index.to(self._images.device)].float() / 255
