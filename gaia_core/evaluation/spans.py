"""Re-rendered spans: continuity at their edges, and no change outside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.evaluation import metrics
from gaia_core.evaluation.actor import Actor
from gaia_core.evaluation.portraits import Portrait
from gaia_core.evaluation.speech_driven import read_track
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.request import Span

SECONDS = 4.0  # of a clip
SPANS = ((1.0, 2.0), (2.4, 3.0), (3.2, SECONDS))  # in its midst, short, and to its end
SEED = 7  # differs from the clip's


def measure(
    gaia: Gaia, landmarker: FaceLandmarker, portraits: Sequence[Portrait], speech: np.ndarray
) -> dict[str, Any]:
    """Portraits driven by the first `SECONDS` of speech (N,) at 16 kHz -> report.

    Accelerations are of the whole face's points, head included, in mm of the canonical face per
    frame squared: mean over the frames at the joins, over the other frames of the spans, and over
    the same frames as the joins before anything was made again.
    """
    joins: list[float] = []
    inside: list[float] = []
    before: list[float] = []
    changed, identical = [], True
    for portrait in portraits:
        actor = Actor(gaia, portrait)
        script = actor.script(speech[: round(SECONDS * SAMPLE_RATE)])
        base = actor.perform(script)
        frames = actor.draw(base)
        plain = metrics.accelerations(read_track(landmarker, frames).landmarks)
        for start, end in SPANS:
            first, last = round(start * FPS), min(round(end * FPS), len(base))
            again = actor.perform(replace(script, spans=(Span(start, end, SEED),)))
            redrawn = actor.draw(again)
            outside = [*range(first), *range(last, len(base))]
            identical &= all(np.array_equal(frames[i], redrawn[i]) for i in outside)
            changed.append(float((again[first:last] - base[first:last]).abs().mean()))
            found = metrics.accelerations(read_track(landmarker, redrawn).landmarks)
            # A second difference about frame t holds t - 1 to t + 1.
            edges = [first - 1, first]
            if last < len(base):
                edges += [last - 1, last]
            joins += found[edges].tolist()
            before += plain[edges].tolist()
            inside += found[first + 1 : last - 1].tolist()
    return {
        "portraits": len(portraits),
        "spans": len(changed),
        "outside_identical": identical,
        "changed": metrics.mean(changed),
        "join_acceleration": metrics.mean(joins),
        "inside_acceleration": metrics.mean(inside),
        "before_acceleration": metrics.mean(before),
        "joins_over_inside_p95": float(np.mean(np.array(joins) > np.nanpercentile(inside, 95)))
        if joins
        else float("nan"),
    }
