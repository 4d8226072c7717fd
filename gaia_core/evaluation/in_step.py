"""Whether lips stay in step with speech while the head is led and the face is asked to smile.

A clip's first frame speaks the clip's sound three times: by itself, along a pose track, and with a
smile. Each film's lips, read back from its pixels, are compared with the real clip's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from gaia_core import FPS
from gaia_core.controls import PRESETS, Controls, Keyframe
from gaia_core.evaluation import metrics
from gaia_core.evaluation.people import Film, draw
from gaia_core.motion.measures import correlation
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.request import Request

SECONDS = 2.4
STEP = 2  # of the frames every second one is drawn
SMILE = 0.8  # what an instruction asks for
LED: Mapping[str, Controls] = {
    "plain": Controls(),
    "turning": PRESETS["orbit"](SECONDS),
    "smiling": Controls({"smile": (Keyframe(0.0, SMILE), Keyframe(SECONDS, SMILE))}),
}


@torch.no_grad()
def measure(gaia: Gaia, clips: Iterable[tuple[Film, np.ndarray]]) -> dict[str, Any]:
    """Report of (every `STEP`-th frame of a clip, its sound (N,) at 16 kHz).

    correlation: of the lips' aperture with the real clip's, for each of `LED`. loss: how much of
    the plain take's the others lose, on average and of how many clips more than 0.05.
    """
    rows = [_follow(gaia, film, waveform) for film, waveform in clips]
    found = np.array([row for row in rows if np.isfinite(row).all()]).reshape(-1, len(LED))
    lost = found[:, :1] - found
    return {
        "clips": len(found),
        "correlation": {name: _mean(found[:, i]) for i, name in enumerate(LED)},
        "loss": {name: _mean(lost[:, i]) for i, name in enumerate(LED) if i},
        "over_0.05": {name: int((lost[:, i] > 0.05).sum()) for i, name in enumerate(LED) if i},
    }


def _follow(gaia: Gaia, film: Film, waveform: np.ndarray) -> list[float]:
    """The correlation with the real lips of each of `LED`."""
    model, sitter = gaia.networks.autoencoder, film.first()
    own = sitter.motion(model)
    performer = gaia.networks.performer(own)
    speech = gaia.speech_encoder.encode(waveform).numpy()[: round(SECONDS * FPS)]
    real = metrics.lip_aperture(film.landmarks)
    found = []
    for controls in LED.values():
        script = Script(
            len(speech), speech, NO_DRIVING, 0, Request.steps, Request.guidance, controls
        )
        *_, (_, motion) = performer.perform(script)
        lips = [
            np.nan if face is None else float(metrics.lip_aperture(face.landmarks))
            for face in gaia.landmarker.track(draw(model, sitter, motion[0, ::STEP]))
        ]
        count = min(len(lips), len(real))
        found.append(correlation(np.array(lips[:count]), real[:count]))
    return found


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
