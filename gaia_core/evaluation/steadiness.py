"""Steadiness and liveliness of speaking portraits, read from pixels at 512 px."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core import SAMPLE_RATE
from gaia_core.evaluation.actor import Actor
from gaia_core.evaluation.metrics import per_minute
from gaia_core.evaluation.portraits import Portrait
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.evaluation.speech_driven import liveliness, read_track
from gaia_core.evaluation.sweep import as_track
from gaia_core.motion.measures import closings
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker

SIDE = 512  # px of a portrait's crop
SECONDS = 6  # of each rendered take
BLINK_SEEDS, BLINK_SECONDS = 20, 15  # takes whose blinks are counted, without rendering


def measure(
    gaia: Gaia,
    landmarker: FaceLandmarker,
    portraits: Sequence[Portrait],
    speech: np.ndarray,
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Portraits driven by the speech (N,) at 16 kHz, repeated -> report; see `liveliness`.

    blinks: a minute, as `motion.measures` counts them, of each portrait with each of
    `BLINK_SEEDS` seeds: lowest, median, highest, and the share of takes with 8 to 30.
    """
    tracks, rates = [], []
    for portrait in portraits:
        actor = Actor(gaia, portrait)
        script = actor.script(np.resize(speech, SECONDS * SAMPLE_RATE))
        frames = actor.draw(actor.perform(script))
        tracks.append(read_track(landmarker, frames))
        if sheets is not None:
            save_sheet(sheets / "steady" / f"{portrait.name}.png", "speech", {"ours": frames})
        script = actor.script(np.resize(speech, BLINK_SECONDS * SAMPLE_RATE))
        for seed in range(BLINK_SEEDS):
            motion = actor.perform(replace(script, seed=seed))
            closed = as_track(gaia.networks.autoencoder, motion).lids[:, 0]
            rates.append(per_minute(len(closings(closed)), len(motion)))
    low, median, high = np.percentile(rates, (0, 50, 100)).tolist() if rates else [np.nan] * 3
    return {
        "portraits": len(tracks),
        **liveliness(tracks),
        "blinks": {
            "lowest": low,
            "median": median,
            "highest": high,
            "within": float(np.mean([8 <= rate <= 30 for rate in rates])) if rates else None,
        },
    }
