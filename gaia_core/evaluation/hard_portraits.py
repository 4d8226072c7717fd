"""Difficult portraits, each for one reason, with the same motion.

Selected manually among the held-out portraits. Failures are visible on the sheet; only lost faces
and identity distances are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaia_core.evaluation import metrics
from gaia_core.evaluation.portraits import SIDE, Photo, TrackedClip, detect_portrait, draw
from gaia_core.evaluation.reenactment import Evaluators
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.media.image import read_image
from gaia_core.renderer.autoencoder import Autoencoder

FRAMES = 8
SHEET_SIDE = 200  # px
LEAST_TURN, MOST_TURN = 10.0, 22.0  # degrees from end to end
LOW_LIGHT, GRAIN = 0.22, 4.0  # share of the photo's light; noise of 255


def darken(photo: np.ndarray) -> np.ndarray:
    """Simulates low light: dark, with noise; (H, W, 3) uint8."""
    grain = np.random.default_rng(0).normal(0, GRAIN, photo.shape)
    return (LOW_LIGHT * photo + grain).clip(0, 255).astype(np.uint8)


def stylise(photo: np.ndarray) -> np.ndarray:
    """Stylises the photo like an illustration: flat areas with edges; (H, W, 3) uint8."""
    return np.asarray(cv2.stylization(photo, sigma_s=60, sigma_r=0.45))


def as_is(photo: np.ndarray) -> np.ndarray:
    """The photo itself."""
    return photo


def most_moving(clips: Sequence[TrackedClip]) -> TrackedClip:
    """The clip with the widest opened lips among those with a moderate turn of the head."""

    def worth(clip: TrackedClip) -> tuple[bool, float]:
        turns = np.ptp(metrics.pose_degrees(clip.landmarks), axis=0).max()
        return LEAST_TURN < turns < MOST_TURN, float(metrics.lip_aperture(clip.landmarks).max())

    return max(clips, key=worth)


# Portrait of the shared data -> the difficulty, and the preprocessing that makes it.
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
    "london_067_n": (("low light (made)", darken), ("illustration (made)", stylise)),
}


def measure(
    autoencoder: Autoencoder,
    evaluators: Evaluators,
    photos: Mapping[str, Photo],
    clips: Sequence[TrackedClip],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Photos by name, all driven by one of the clips -> report of those in `HARD`."""
    if not clips:
        return {}
    clip = most_moving(clips)
    motion = clip.motion(autoencoder)
    chosen = np.linspace(0, len(motion) - 1, FRAMES).round().astype(int).tolist()
    rows: dict[str, list[np.ndarray]] = {"driving": [clip.images[i] for i in chosen]}
    report: dict[str, Any] = {}
    for name, photo in photos.items():
        for reason, change in HARD.get(name, ()):
            portrait = detect_portrait(
                evaluators.landmarker, name, change(read_image(photo.path)), SIDE
            )
            if portrait is None:
                report[reason] = {"portrait": name, "found": False}
                continue
            # Relative to the clip's first frame.
            moved = portrait.motion(autoencoder) + motion[chosen] - motion[:1]
            rendered = draw(autoencoder, portrait, moved)
            rows[f"{reason} ({name})"] = rendered
            own = evaluators.identity.encode(portrait.crop, portrait.face.landmarks)
            faces = list(evaluators.landmarker.track(rendered))
            distances = [
                float(np.linalg.norm(evaluators.identity.encode(image, face.landmarks) - own))
                for image, face in zip(rendered, faces, strict=True)
                if face is not None
            ]
            report[reason] = {
                "portrait": name,
                "found": True,
                "lost_faces": sum(face is None for face in faces),
                "identity_l2": float(np.mean(distances)) if distances else None,
            }
    if sheets is not None:
        save_sheet(sheets / "hard" / "hard.png", f"motion of {clip.name}", rows, SHEET_SIDE)
    return report
