"""Variation of head and lips between seeds, and drift of the head pose in long clips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.evaluation.actor import Actor
from gaia_core.evaluation.portraits import Portrait
from gaia_core.motion.measures import correlation
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker

SEEDS = 4
SEED_SECONDS = 5
DRIFT_SECONDS, EDGE_SECONDS = 120, 10  # of the clip, and of its first and last part
EDGE_STEP = 5  # every 5th frame of those parts is rendered


def measure(
    gaia: Gaia, landmarker: FaceLandmarker, portraits: Sequence[Portrait], speech: np.ndarray
) -> dict[str, Any]:
    """Portraits driven by the speech (N,) at 16 kHz, repeated -> report, in degrees.

    head_between_seeds: standard deviation over seeds of yaw, pitch and roll, mean over time.
    lips_alike, head_alike: correlation of two seeds' lip aperture, and of their head's angles.
    drift: difference of the mean pose between the first and the last part of a long clip.
    """
    actors = [Actor(gaia, portrait) for portrait in portraits]
    spreads, lips, heads, drifts = [], [], [], []
    for actor in actors:
        script = actor.script(np.resize(speech, SEED_SECONDS * SAMPLE_RATE))
        tracks = [
            actor.track(landmarker, actor.perform(replace(script, seed=seed)))
            for seed in range(SEEDS)
        ]
        poses = np.stack([track.pose for track in tracks])
        spreads.append(np.nanmean(poses.std(0), 0))
        for one, other in combinations(range(SEEDS), 2):
            lips.append(correlation(tracks[one].aperture, tracks[other].aperture))
            heads += [correlation(a, b) for a, b in zip(poses[one].T, poses[other].T, strict=True)]
        motion = actor.perform(actor.script(np.resize(speech, DRIFT_SECONDS * SAMPLE_RATE)))
        edges = motion[: EDGE_SECONDS * FPS], motion[-EDGE_SECONDS * FPS :]
        first, last = (_mean(actor.track(landmarker, edge[::EDGE_STEP]).pose) for edge in edges)
        drifts.append(np.abs(last - first))
    return {
        "portraits": len(actors),
        "seeds": SEEDS,
        "head_between_seeds": _angles(_mean(spreads)),
        "lips_alike": float(_mean(lips)),
        "head_alike": float(_mean(heads)),
        "drift_seconds": DRIFT_SECONDS,
        "drift": _angles(_mean(drifts)),
        "drift_most": float(np.max(drifts, initial=0)),
    }


def _angles(values: np.ndarray) -> dict[str, float]:
    return {name: float(x) for name, x in zip(("yaw", "pitch", "roll"), values, strict=True)}


def _mean(values: Iterable[np.ndarray] | Iterable[float] | np.ndarray) -> np.ndarray:
    """Mean over the first axis without NaN."""
    return np.asarray(np.nanmean(np.array(list(values)), 0))
