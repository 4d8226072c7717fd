"""Sweep over sampler steps and guidance: lips, head motion and time.

On held-out clips, each from its first frame and its sound. Measured on motion latents, without
rendering, since the settings change the motion alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaia_core import FPS, SAMPLE_RATE
from gaia_core import landmarks as mesh
from gaia_core.evaluation.actor import Actor
from gaia_core.evaluation.portraits import Portrait
from gaia_core.evaluation.speech_driven import Track, compare, read_track
from gaia_core.media.audio import read_audio
from gaia_core.media.video import read_clip
from gaia_core.motion.script import Script
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.request import Request

STEPS = (4, 6, 8, 10, 16, 25, 50)
GUIDANCE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
FRAMES = 120  # of each clip at most


def measure(
    gaia: Gaia, landmarker: FaceLandmarker, clips: Iterable[Path], count: int
) -> dict[str, Any]:
    """The first so many clips whose faces are all found -> a report of each setting.

    Each of `STEPS` at the default guidance, each of `GUIDANCE` with the default steps.
    seconds: of sampling, for a second of speech; settings are interleaved at each clip.
    """
    found = (_prepared(gaia, landmarker, clip) for clip in clips)
    settings = [(steps, Request.guidance) for steps in STEPS]
    settings += [(Request.steps, x) for x in GUIDANCE if x != Request.guidance]
    pairs: list[list[tuple[Track, Track]]] = [[] for _ in settings]
    seconds = np.zeros(len(settings))
    for actor, script, real in islice((x for x in found if x is not None), count):
        for index, (steps, guidance) in enumerate(settings):
            start = time.perf_counter()
            motion = actor.perform(replace(script, steps=steps, guidance=guidance))
            seconds[index] += time.perf_counter() - start
            pairs[index].append((as_track(gaia.networks.autoencoder, motion), real))
    spoken = sum(len(real.lids) for _, real in pairs[0]) / FPS
    rows = [compare(part) for part in pairs]
    return {
        "clips": len(pairs[0]),
        "real": rows[0]["real"],
        "settings": [
            {
                "steps": steps,
                "guidance": guidance,
                **{
                    name: row[name]
                    for name in ("correlation_lag0", "best_lag_mean", "lag_within_1")
                },
                **row["ours"],
                "seconds": float(taken / spoken) if spoken else None,
            }
            for (steps, guidance), row, taken in zip(settings, rows, seconds, strict=True)
        ],
    }


def _prepared(
    gaia: Gaia, landmarker: FaceLandmarker, clip: Path
) -> tuple[Actor, Script, Track] | None:
    """A clip's first frame, its sound and its track; None if a face is lost."""
    frames = list(islice(read_clip(clip), FRAMES))
    real = read_track(landmarker, frames)
    if not real.found.all():
        return None
    face = Face(real.landmarks[0], np.zeros(0, np.float32))
    actor = Actor(gaia, Portrait(clip.stem, frames[0], face))
    script = actor.script(read_audio(clip)[: len(frames) * SAMPLE_RATE // FPS])
    count = min(script.frames, len(frames))
    script = replace(script, frames=count, speech=script.speech[:count])
    return actor, script, Track(real.landmarks[:count], real.lids[:count])


@torch.no_grad()
def as_track(autoencoder: Autoencoder, motion: Tensor) -> Track:
    """The track of latents (T, D), without rendering."""
    landmarks = autoencoder.decode_landmarks(motion)
    eyes = mesh.eye_aperture(landmarks)
    closed = 1 - eyes / eyes.median().clamp(min=1e-6)
    return Track(landmarks.cpu().numpy(), closed[:, None].expand(-1, 2).cpu().numpy())
