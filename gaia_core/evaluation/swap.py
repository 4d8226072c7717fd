"""Cross re-enactment: one person's motion on another's portrait.

Motion counts from each film's first frame, so there is no real picture to compare with. Asked
is instead: whose face is it, and do expression and head pose change as in the film? The same two
of self re-enactment tell how much of the distance is due to the swap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core.evaluation import metrics
from gaia_core.evaluation.people import Film, Sitter, draw
from gaia_core.evaluation.reenactment import Judges
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.portrait.face import Face
from gaia_core.renderer.autoencoder import Autoencoder

PAIRS = 36
FRAMES = 6  # of the driving film that are shown, spread to its end
IDENTITY_STEP = 2  # embeddings are slow: every 2nd of those frames
SAME_PERSON = 0.45  # L2; the goal, well under another person's 0.8

Scores = dict[str, float]


def pairs(films: Sequence[Film], count: int) -> Iterator[tuple[Film, Film]]:
    """At most `count` (driving film, film of the portrait), of different people.

    Each film drives the next one's portrait, then the next but one's, and so on.
    """
    done = 0
    for shift in range(1, len(films)):
        for index, driving in enumerate(films):
            portrait = films[(index + shift) % len(films)]
            if portrait.identity != driving.identity and done < count:
                done += 1
                yield driving, portrait


def measure(
    autoencoder: Autoencoder,
    judges: Judges,
    films: Sequence[Film],
    count: int = PAIRS,
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Films of different people -> report of swapped pairs and of the same films on themselves."""
    whose = {film.name: _embed(judges, film.first()) for film in films}
    swapped = []
    for driving, portrait in pairs(films, count):
        made, shown = transfer(autoencoder, driving, portrait.first())
        own, other = whose[portrait.name], whose[driving.name]
        swapped.append(_compare(judges, driving, shown, portrait.first(), made, own, other))
        if sheets is not None:
            title = f"{driving.name} ({driving.identity}) on {portrait.name} ({portrait.identity})"
            real = [driving.images[0], *(driving.images[i] for i in shown)]
            rows = {"driving": real, "made": [portrait.images[0], *made]}
            save_sheet(sheets / "swap" / f"{portrait.name}_by_{driving.name}.png", title, rows)
    alone = []
    for film in films:
        made, shown = transfer(autoencoder, film, film.first())
        own = whose[film.name]
        alone.append(_compare(judges, film, shown, film.first(), made, own, own))
    return {"swapped": _summarise(swapped), "self": _summarise(alone)}


def transfer(
    autoencoder: Autoencoder, driving: Film, portrait: Sitter
) -> tuple[list[np.ndarray], list[int]]:
    """Frames of the portrait with the film's motion, and which of the film's frames they follow."""
    last = len(driving.images) - 1
    shown = sorted({round(i) for i in np.linspace(0, last, FRAMES + 1)[1:]})
    motion = driving.motion(autoencoder)
    return draw(autoencoder, portrait, portrait.motion(autoencoder) + motion[shown] - motion[:1]), (
        shown
    )


def _embed(judges: Judges, sitter: Sitter) -> np.ndarray:
    return judges.identity.encode(sitter.crop, sitter.face.landmarks)


def _compare(
    judges: Judges,
    driving: Film,
    shown: Sequence[int],
    portrait: Sitter,
    made: Sequence[np.ndarray],
    own: np.ndarray,
    other: np.ndarray,
) -> Scores:
    """One pair -> means over its frames; what needs a face is missing where none shows one."""
    found = list(judges.landmarker.track(made))
    seen = [(driving.faces[i], face) for i, face in zip(shown, found, strict=True) if face]
    scores = {"frames": float(len(made)), "lost_faces": float(len(made) - len(seen))}
    if not seen:
        return scores
    asked = [_change(driving.faces[0], face) for face, _ in seen]
    given = [_change(portrait.face, face) for _, face in seen]
    for name in asked[0]:
        differences = [np.abs(a[name] - b[name]).mean() for a, b in zip(asked, given, strict=True)]
        scores[name] = float(np.mean(differences))
    embeddings = [
        judges.identity.encode(image, face.landmarks)
        for image, face in list(zip(made, found, strict=True))[::IDENTITY_STEP]
        if face is not None
    ]
    if embeddings:
        for name, person in (("to_portrait", own), ("to_driving", other)):
            scores[name] = float(np.linalg.norm(np.stack(embeddings) - person, axis=1).mean())
    return scores


def _change(first: Face, now: Face) -> dict[str, np.ndarray]:
    """What expression and head pose did since the first frame."""
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
        "expression": _mean(x["expression"] for x in scores if "expression" in x),
        "pose_deg": _mean(x["pose_deg"] for x in scores if "pose_deg" in x),
        "identity_l2_to_portrait": _mean(own),
        "identity_l2_to_driving": _mean(other),
        # None where both are the same person.
        "nearer_to_portrait": _mean((own < other)[own != other]),
        "same_person": _mean(own <= SAME_PERSON),
    }


def _mean(values: Iterable[float] | np.ndarray) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else float("nan")
