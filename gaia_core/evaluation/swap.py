"""Cross-identity re-enactment: one person's motion on another's portrait.

Motion is relative to each clip's first frame, so there is no real frame to compare with. Measured
are identity, and whether expression and head pose change as in the driving clip. The same measures
of self re-enactment are the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core.evaluation import metrics
from gaia_core.evaluation.portraits import Portrait, TrackedClip, draw
from gaia_core.evaluation.reenactment import Evaluators
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.portrait.face import Face
from gaia_core.renderer.autoencoder import Autoencoder

PAIRS = 36
FRAMES = 6  # of the driving clip, spread to its end
IDENTITY_STEP = 2  # embeddings are slow: every 2nd of those frames
SAME_PERSON = 0.45  # L2; the goal, well under another person's 0.8

Scores = dict[str, float]


def pairs(clips: Sequence[TrackedClip], count: int) -> Iterator[tuple[TrackedClip, TrackedClip]]:
    """At most `count` pairs (driving clip, clip of the portrait) of different people.

    Each clip drives the next one's portrait, then the next but one's, and so on.
    """
    done = 0
    for shift in range(1, len(clips)):
        for index, driving in enumerate(clips):
            portrait = clips[(index + shift) % len(clips)]
            if portrait.identity != driving.identity and done < count:
                done += 1
                yield driving, portrait


def measure(
    autoencoder: Autoencoder,
    evaluators: Evaluators,
    clips: Sequence[TrackedClip],
    count: int = PAIRS,
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Clips of different people -> report of swapped pairs, and of self re-enactment."""
    whose = {clip.name: _embed(evaluators, clip.first()) for clip in clips}
    swapped = []
    for driving, portrait in pairs(clips, count):
        rendered, chosen = transfer(autoencoder, driving, portrait.first())
        own, other = whose[portrait.name], whose[driving.name]
        swapped.append(
            _compare(evaluators, driving, chosen, portrait.first(), rendered, own, other)
        )
        if sheets is not None:
            title = f"{driving.name} ({driving.identity}) on {portrait.name} ({portrait.identity})"
            real = [driving.images[0], *(driving.images[i] for i in chosen)]
            rows = {"driving": real, "made": [portrait.images[0], *rendered]}
            save_sheet(sheets / "swap" / f"{portrait.name}_by_{driving.name}.png", title, rows)
    alone = []
    for clip in clips:
        rendered, chosen = transfer(autoencoder, clip, clip.first())
        own = whose[clip.name]
        alone.append(_compare(evaluators, clip, chosen, clip.first(), rendered, own, own))
    return {"swapped": _summarise(swapped), "self": _summarise(alone)}


def transfer(
    autoencoder: Autoencoder, driving: TrackedClip, portrait: Portrait
) -> tuple[list[np.ndarray], list[int]]:
    """The portrait with the clip's motion: frames uint8 (S, S, 3), and which frames of the clip."""
    last = len(driving.images) - 1
    chosen = sorted({round(i) for i in np.linspace(0, last, FRAMES + 1)[1:]})
    motion = driving.motion(autoencoder)
    return draw(
        autoencoder, portrait, portrait.motion(autoencoder) + motion[chosen] - motion[:1]
    ), chosen


def _embed(evaluators: Evaluators, portrait: Portrait) -> np.ndarray:
    return evaluators.identity.encode(portrait.crop, portrait.face.landmarks)


def _compare(
    evaluators: Evaluators,
    driving: TrackedClip,
    chosen: Sequence[int],
    portrait: Portrait,
    rendered: Sequence[np.ndarray],
    own: np.ndarray,
    other: np.ndarray,
) -> Scores:
    """One pair -> means over its frames; what needs a face is missing where none shows one."""
    found = list(evaluators.landmarker.track(rendered))
    seen = [(driving.faces[i], face) for i, face in zip(chosen, found, strict=True) if face]
    scores = {"frames": float(len(rendered)), "lost_faces": float(len(rendered) - len(seen))}
    if not seen:
        return scores
    requested = [_change(driving.faces[0], face) for face, _ in seen]
    given = [_change(portrait.face, face) for _, face in seen]
    for name in requested[0]:
        differences = [
            np.abs(a[name] - b[name]).mean() for a, b in zip(requested, given, strict=True)
        ]
        scores[name] = float(np.mean(differences))
    embeddings = [
        evaluators.identity.encode(image, face.landmarks)
        for image, face in list(zip(rendered, found, strict=True))[::IDENTITY_STEP]
        if face is not None
    ]
    if embeddings:
        for name, person in (("to_portrait", own), ("to_driving", other)):
            scores[name] = float(np.linalg.norm(np.stack(embeddings) - person, axis=1).mean())
    return scores


def _change(first: Face, now: Face) -> dict[str, np.ndarray]:
    """Changes of expression and head pose since the first frame."""
    turned = metrics.pose_degrees(now.landmarks) - metrics.pose_degrees(first.landmarks)
    return {"expression": now.blendshapes - first.blendshapes, "pose_deg": turned}


def _summarise(scores: Sequence[Scores]) -> dict[str, Any]:
    """Pairs -> means over pairs, and shares of them."""
    named = [x for x in scores if "to_portrait" in x]
    own = np.array([x["to_portrait"] for x in named])
    other = np.array([x["to_driving"] for x in named])
    return {
        "pairs": len(scores),
        "frames": round(sum(x["frames"] for x in scores)),
        "lost_faces": round(sum(x["lost_faces"] for x in scores)),
        "expression": metrics.mean(x["expression"] for x in scores if "expression" in x),
        "pose_deg": metrics.mean(x["pose_deg"] for x in scores if "pose_deg" in x),
        "identity_l2_to_portrait": metrics.mean(own),
        "identity_l2_to_driving": metrics.mean(other),
        # None where both are the same person.
        "nearer_to_portrait": metrics.mean((own < other)[own != other]),
        "same_person": metrics.mean(own <= SAME_PERSON),
    }
