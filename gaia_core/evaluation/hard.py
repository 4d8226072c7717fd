"""Portraits that are hard for one reason each, with one and the same motion.

Chosen by eye among the held-out portraits; what fails is to be seen on the sheet, and only lost
faces and changed identities are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaia_core.evaluation import metrics
from gaia_core.evaluation.people import SIDE, Film, Photo, draw, sit
from gaia_core.evaluation.reenactment import Judges
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.media.image import read_image
from gaia_core.renderer.autoencoder import Autoencoder

FRAMES = 8
SHEET_SIDE = 200  # px
LEAST_TURN, MOST_TURN = 10.0, 22.0  # degrees from end to end
LOW_LIGHT, GRAIN = 0.22, 4.0  # share of the photo's light; noise of 255


def darken(photo: np.ndarray) -> np.ndarray:
    """The photo as if taken in low light: dark, with grain; (H, W, 3) uint8."""
    grain = np.random.default_rng(0).normal(0, GRAIN, photo.shape)
    return (LOW_LIGHT * photo + grain).clip(0, 255).astype(np.uint8)


def paint(photo: np.ndarray) -> np.ndarray:
    """The photo as flat patches with edges, like an illustration; (H, W, 3) uint8."""
    return np.asarray(cv2.stylization(photo, sigma_s=60, sigma_r=0.45))


def as_is(photo: np.ndarray) -> np.ndarray:
    """The photo itself."""
    return photo


def most_moving(films: Sequence[Film]) -> Film:
    """The film whose lips open farthest among those that turn the head a good deal but not much."""

    def worth(film: Film) -> tuple[bool, float]:
        turns = np.ptp(metrics.pose_degrees(film.landmarks), axis=0).max()
        return LEAST_TURN < turns < MOST_TURN, float(metrics.lip_aperture(film.landmarks).max())

    return max(films, key=worth)


# Portrait of the shared data -> why it is hard, what is done to it first.
HARD: Mapping[str, tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...]] = {
    "omi_523_2a42fc": (("sunglasses, turned 28 degrees", as_is),),
    "omi_839_6ca28e": (("glasses, beard, teeth", as_is),),
    "omi_746_177870": (("old, rimless glasses", as_is),),
    "omi_844_968820": (("child, fringe", as_is),),
    "omi_871_572803": (("child, open mouth", as_is),),
    "omi_380_def327": (("turned 22 degrees", as_is),),
    "faker_male59_2a6ee4": (("grey beard", as_is),),
    "faker_male81_1ebe29": (("dark skin, smaller face", as_is),),
    "faker_female39_9f8d15": (("dark skin, scarf", as_is),),
    "omi_292_6615ff": (("light skin, teeth", as_is),),
    "london_067_n": (("low light (made)", darken), ("illustration (made)", paint)),
}


def measure(
    autoencoder: Autoencoder,
    judges: Judges,
    photos: Mapping[str, Photo],
    films: Sequence[Film],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Photos by name, and films, of which one moves them all -> report of those that are there."""
    if not films:
        return {}
    film = most_moving(films)
    motion = film.motion(autoencoder)
    shown = np.linspace(0, len(motion) - 1, FRAMES).round().astype(int).tolist()
    rows: dict[str, list[np.ndarray]] = {"driving": [film.images[i] for i in shown]}
    report: dict[str, Any] = {}
    for name, photo in photos.items():
        for reason, change in HARD.get(name, ()):
            sitter = sit(judges.landmarker, name, change(read_image(photo.path)), SIDE)
            if sitter is None:
                report[reason] = {"portrait": name, "found": False}
                continue
            # The first of the frames is the portrait's own expression.
            moved = sitter.motion(autoencoder) + motion[shown] - motion[:1]
            made = draw(autoencoder, sitter, moved)
            rows[f"{reason} ({name})"] = made
            own = judges.identity.encode(sitter.crop, sitter.face.landmarks)
            faces = list(judges.landmarker.track(made))
            distances = [
                float(np.linalg.norm(judges.identity.encode(image, face.landmarks) - own))
                for image, face in zip(made, faces, strict=True)
                if face is not None
            ]
            report[reason] = {
                "portrait": name,
                "found": True,
                "lost_faces": sum(face is None for face in faces),
                "identity_l2": float(np.mean(distances)) if distances else None,
            }
    if sheets is not None:
        save_sheet(sheets / "hard" / "hard.png", f"motion of {film.name}", rows, SHEET_SIDE)
    return report
