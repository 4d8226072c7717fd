"""Lip timing under controls: correlation with the real lips with a pose track, and with a smile.

A clip's first frame is animated by the clip's sound without controls, along a pose track, and with
a smile. Lips are tracked in the rendered frames and compared with the real clip's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gaia_core import FPS
from gaia_core.controls import PRESETS, Controls, Keyframe
from gaia_core.evaluation import metrics
from gaia_core.evaluation.actor import Actor
from gaia_core.evaluation.portraits import TrackedClip
from gaia_core.motion.measures import correlation
from gaia_core.pipeline import Gaia

SECONDS = 2.4
STEP = 2  # every second frame is rendered
SMILE = 0.8  # the normal strength of an instruction
LED: Mapping[str, Controls] = {
    "plain": Controls(),
    "turning": PRESETS["orbit"](SECONDS),
    "smiling": Controls({"smile": (Keyframe(0.0, SMILE), Keyframe(SECONDS, SMILE))}),
}


@torch.no_grad()
def measure(gaia: Gaia, clips: Iterable[tuple[TrackedClip, np.ndarray]]) -> dict[str, Any]:
    """Report of (every `STEP`-th frame of a clip, its sound (N,) at 16 kHz).

    correlation: of the lips' aperture with the real clip's, for each of `LED`. loss: decrease by
    controls, on average, and in how many clips it is over 0.05.
    """
    rows = [_follow(gaia, clip, waveform) for clip, waveform in clips]
    found = np.array([row for row in rows if np.isfinite(row).all()]).reshape(-1, len(LED))
    lost = found[:, :1] - found
    return {
        "clips": len(found),
        "correlation": {name: metrics.mean(found[:, i]) for i, name in enumerate(LED)},
        "loss": {name: metrics.mean(lost[:, i]) for i, name in enumerate(LED) if i},
        "over_0.05": {name: int((lost[:, i] > 0.05).sum()) for i, name in enumerate(LED) if i},
    }


def _follow(gaia: Gaia, clip: TrackedClip, waveform: np.ndarray) -> list[float]:
    """The correlation with the real lips for each of `LED`."""
    actor = Actor(gaia, clip.first())
    script = actor.script(waveform)
    count = min(script.frames, round(SECONDS * FPS))
    script = replace(script, frames=count, speech=script.speech[:count])
    real = metrics.lip_aperture(clip.landmarks)
    found = []
    for controls in LED.values():
        motion = actor.perform(replace(script, controls=controls))
        lips = actor.track(gaia.landmarker, motion[::STEP]).aperture
        count = min(len(lips), len(real))
        found.append(correlation(lips[:count], real[:count]))
    return found
