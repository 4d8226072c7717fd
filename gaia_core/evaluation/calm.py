"""What should hold still holds still, and what moves slowly moves evenly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.evaluation import metrics
from gaia_core.evaluation.people import Film, Sitter, draw, latents, turned
from gaia_core.evaluation.reenactment import Judges
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.renderer.autoencoder import Autoencoder

STILL_FRAMES = FPS
GRAIN = 2.0  # of 255: the noise of a camera, which makes tracked landmarks tremble
PAN_DEGREES, PAN_SECONDS = 10.0, 4.0  # from minus to plus
WINDOW = 15  # frames of a real film that turns as slowly
SPEEDS = (2.5, 9.0)  # degrees of yaw a second that count as such
WINDOWS = 6
SMOOTH = 5  # frames over which a head's track is averaged
SHIFT = 60.0  # degrees that count as one face width
MOUTH = 1.6  # size of what is left out about the lips, over the lips'


def measure(
    autoencoder: Autoencoder,
    judges: Judges,
    sitters: Sequence[Sitter],
    films: Sequence[Film],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Portraits held still and panned, and real films that pan -> report, values in [0, 1].

    `still`: one latent for all frames. `tracked`: the portrait's own latent as it is read again and
    again under camera noise, which is what a driving video of a still person gives. `pan` is the
    flicker of a made turn; `real` and `reenacted` are that of real slow turns and of the same
    windows re-enacted from their first frame.
    """
    still, tracked, pan = [], [], []
    for sitter in sitters:
        own = sitter.motion(autoencoder)
        face = outside_mouth(sitter.face.landmarks, sitter.crop.shape[0])
        still.append(restless(autoencoder, sitter, own.repeat(STILL_FRAMES, 1)))
        tracked.append(restless(autoencoder, sitter, trembling(autoencoder, judges, sitter)))
        degrees = torch.zeros(round(PAN_SECONDS * FPS), 3)
        degrees[:, 0] = torch.linspace(-PAN_DEGREES, PAN_DEGREES, len(degrees))
        made = draw(autoencoder, sitter, turned(autoencoder, own, degrees))
        pan.append(metrics.flicker(made, face))
        if sheets is not None:
            save_sheet(sheets / "calm" / f"{sitter.name}.png", "slow pan", {sitter.name: made})
    real, ours = [], []
    for film, start in slow_turns(films):
        part = Film(
            film.name,
            film.identity,
            film.images[start : start + WINDOW],
            film.faces[start : start + WINDOW],
        )
        made = draw(autoencoder, part.first(), part.motion(autoencoder))
        middle = part.faces[WINDOW // 2]
        face = outside_mouth(middle.landmarks, made[0].shape[0])
        real.append(metrics.flicker(part.images, face))
        ours.append(metrics.flicker(made, face))
        if sheets is not None:
            path = sheets / "calm" / f"{film.name}_{start}.png"
            save_sheet(path, film.name, {"real": part.images, "ours": made})
    return {
        "still_std": _mean(still),
        "tracked_std": _mean(tracked),
        "pan_flicker": _mean(pan),
        "real_flicker": _mean(real),
        "reenacted_flicker": _mean(ours),
        "portraits": len(sitters),
        "windows": len(real),
    }


def restless(autoencoder: Autoencoder, sitter: Sitter, motion: Tensor) -> float:
    """Temporal standard deviation of the picture but for the mouth, under motion (N, D)."""
    side = sitter.crop.shape[0]
    outside = ~mouth_region(sitter.face.landmarks, side)
    return metrics.restlessness(draw(autoencoder, sitter, motion), outside)


def trembling(autoencoder: Autoencoder, judges: Judges, sitter: Sitter) -> Tensor:
    """The portrait's latent as read under camera noise again and again: (N, D)"""
    generator = np.random.default_rng(0)
    noisy = [
        (sitter.crop + generator.normal(0, GRAIN, sitter.crop.shape)).clip(0, 255).astype(np.uint8)
        for _ in range(STILL_FRAMES)
    ]
    faces = [face for face in judges.landmarker.track(noisy) if face is not None]
    return latents(autoencoder, faces or [sitter.face], sitter.crop.shape[0])


def slow_turns(films: Sequence[Film]) -> list[tuple[Film, int]]:
    """Films and the frame at which a slow, even turn of `WINDOW` frames starts; one of each.

    Those that move least otherwise, `WINDOWS` at most.
    """
    seconds = (WINDOW - 1) / FPS
    found = []
    for film in films:
        landmarks = film.landmarks
        width = np.ptp(landmarks[..., 0], axis=1).mean()
        track = np.column_stack(
            [
                metrics.pose_degrees(landmarks),
                # A head that shifts by its width moves as much in the picture as a large turn.
                SHIFT * landmarks[..., :2].mean(1) / width,
            ]
        )
        track = cv2.blur(track, (1, SMOOTH))  # the landmarks' own trembling is no motion
        best: tuple[float, int] | None = None
        for start in range(len(track) - WINDOW + 1):
            steps = np.abs(np.diff(track[start : start + WINDOW], axis=0)).sum(0) / seconds
            net = np.abs(track[start + WINDOW - 1, 0] - track[start, 0]) / seconds
            if not (SPEEDS[0] <= net and steps[0] <= SPEEDS[1]):
                continue
            others = float(steps[1:].sum())
            if best is None or others < best[0]:
                best = others, start
        if best is not None:
            found.append((best[0], film, best[1]))
    found.sort(key=lambda x: x[0])
    return [(film, start) for _, film, start in found[:WINDOWS]]


def mouth_region(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The lips of (K, 3), `MOUTH` times as large about their centre: (side, side) bool."""
    lips = landmarks[list(mesh.LIPS_OUTER), :2]
    centre = lips.mean(0)
    hull = cv2.convexHull((centre + MOUTH * (lips - centre)).round().astype(np.int32))
    return cv2.fillConvexPoly(np.zeros((side, side), np.uint8), hull, 1).astype(bool)


def outside_mouth(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The face oval without the mouth: (side, side) bool"""
    return metrics.face_region(landmarks, (side, side)) & ~mouth_region(landmarks, side)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
