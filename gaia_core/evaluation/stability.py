"""Temporal stability: of portraits without motion, and of slow turns."""

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
from gaia_core.evaluation.portraits import Portrait, TrackedClip, draw, latents, turned
from gaia_core.evaluation.reenactment import Evaluators
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.renderer.autoencoder import Autoencoder

STILL_FRAMES = FPS
GRAIN = 2.0  # camera noise of 255, which causes jitter of tracked landmarks
PAN_DEGREES, PAN_SECONDS = 10.0, 4.0  # from minus to plus
WINDOW = 15  # frames of a real slow turn
SPEEDS = (2.5, 9.0)  # degrees of yaw a second of a slow turn
WINDOWS = 6
SMOOTH = 5  # frames over which a head's track is averaged
SHIFT = 60.0  # degrees equivalent to a shift by one face width
MOUTH = 1.6  # scale of the excluded area about the lips


def measure(
    autoencoder: Autoencoder,
    evaluators: Evaluators,
    portraits: Sequence[Portrait],
    clips: Sequence[TrackedClip],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Portraits without motion and in a slow turn, and real slow turns -> report, values in [0, 1].

    `still`: one latent for all frames. `tracked`: the portrait's latent as tracked under camera
    noise, as in a driving video of a still person. `pan` is the flicker of a generated turn; `real`
    and `reenacted` are that of real slow turns and of the same windows re-enacted from their first
    frame.
    """
    still, tracked, pan = [], [], []
    for portrait in portraits:
        own = portrait.motion(autoencoder)
        face = outside_mouth(portrait.face.landmarks, portrait.crop.shape[0])
        still.append(restless(autoencoder, portrait, own.repeat(STILL_FRAMES, 1)))
        tracked.append(
            restless(autoencoder, portrait, tracking_jitter(autoencoder, evaluators, portrait))
        )
        degrees = torch.zeros(round(PAN_SECONDS * FPS), 3)
        degrees[:, 0] = torch.linspace(-PAN_DEGREES, PAN_DEGREES, len(degrees))
        rendered = draw(autoencoder, portrait, turned(autoencoder, own, degrees))
        pan.append(metrics.flicker(rendered, face))
        if sheets is not None:
            save_sheet(
                sheets / "calm" / f"{portrait.name}.png", "slow pan", {portrait.name: rendered}
            )
    real, ours = [], []
    for clip, start in slow_turns(clips):
        part = TrackedClip(
            clip.name,
            clip.identity,
            clip.images[start : start + WINDOW],
            clip.faces[start : start + WINDOW],
        )
        rendered = draw(autoencoder, part.first(), part.motion(autoencoder))
        middle = part.faces[WINDOW // 2]
        face = outside_mouth(middle.landmarks, rendered[0].shape[0])
        real.append(metrics.flicker(part.images, face))
        ours.append(metrics.flicker(rendered, face))
        if sheets is not None:
            path = sheets / "calm" / f"{clip.name}_{start}.png"
            save_sheet(path, clip.name, {"real": part.images, "ours": rendered})
    return {
        "still_std": metrics.mean(still),
        "tracked_std": metrics.mean(tracked),
        "pan_flicker": metrics.mean(pan),
        "real_flicker": metrics.mean(real),
        "reenacted_flicker": metrics.mean(ours),
        "portraits": len(portraits),
        "windows": len(real),
    }


def restless(autoencoder: Autoencoder, portrait: Portrait, motion: Tensor) -> float:
    """Temporal standard deviation of frames with motion (N, D), outside the mouth."""
    side = portrait.crop.shape[0]
    outside = ~mouth_region(portrait.face.landmarks, side)
    return metrics.restlessness(draw(autoencoder, portrait, motion), outside)


def tracking_jitter(autoencoder: Autoencoder, evaluators: Evaluators, portrait: Portrait) -> Tensor:
    """The portrait's latent as tracked in N frames with camera noise: (N, D)"""
    generator = np.random.default_rng(0)
    noisy = [
        (portrait.crop + generator.normal(0, GRAIN, portrait.crop.shape))
        .clip(0, 255)
        .astype(np.uint8)
        for _ in range(STILL_FRAMES)
    ]
    faces = [face for face in evaluators.landmarker.track(noisy) if face is not None]
    return latents(autoencoder, faces or [portrait.face], portrait.crop.shape[0])


def slow_turns(clips: Sequence[TrackedClip]) -> list[tuple[TrackedClip, int]]:
    """Clips and the first frame of a slow, even turn of `WINDOW` frames; one of each clip.

    Those that move least otherwise, `WINDOWS` at most.
    """
    seconds = (WINDOW - 1) / FPS
    found = []
    for clip in clips:
        landmarks = clip.landmarks
        width = np.ptp(landmarks[..., 0], axis=1).mean()
        track = np.column_stack(
            [
                metrics.pose_degrees(landmarks),
                # A shift by the face's width counts as a large turn.
                SHIFT * landmarks[..., :2].mean(1) / width,
            ]
        )
        track = cv2.blur(track, (1, SMOOTH))  # removes jitter of the landmarks
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
            found.append((best[0], clip, best[1]))
    found.sort(key=lambda x: x[0])
    return [(clip, start) for _, clip, start in found[:WINDOWS]]


def mouth_region(landmarks: np.ndarray, side: int) -> np.ndarray:
    """Mask of the lips of (K, 3), scaled by `MOUTH`: (side, side) bool."""
    lips = landmarks[list(mesh.LIPS_OUTER), :2]
    centre = lips.mean(0)
    hull = cv2.convexHull((centre + MOUTH * (lips - centre)).round().astype(np.int32))
    return cv2.fillConvexPoly(np.zeros((side, side), np.uint8), hull, 1).astype(bool)


def outside_mouth(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The face oval without the mouth: (side, side) bool"""
    return metrics.face_region(landmarks, (side, side)) & ~mouth_region(landmarks, side)
