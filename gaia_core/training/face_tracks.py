"""Tracking of a raw video's main face, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.media.video import read_video
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face, crop_around
from gaia_core.training.filters import Watched, eye_corners, landmark_jitter

VIEW = 512  # side of the tracked view, px
LOOK = 12  # frames between two detections while there is no face
GLANCE = 256  # width for shot detection, px
OTHER = 0.5  # share of the main face's width from which on another one counts as a speaker


def track_faces(video: Path) -> Watched:
    """Detects the cuts and tracks the largest face through every frame.

    Raises:
        InputError: the video cannot be read.
    """
    detector, tracker = AdaptiveDetector(min_scene_len=1), _FaceTracker()
    cuts: list[int] = []
    rows: list[tuple[Any, ...]] = []
    size = (0, 0)
    for index, frame in enumerate(read_video(video)):
        size = (frame.shape[1], frame.shape[0])
        glance = cv2.resize(frame, (GLANCE, max(2, round(GLANCE * size[1] / size[0]))))
        for cut in detector.process_frame(
            FrameTimecode(index, float(FPS)), glance[..., ::-1].copy()
        ):
            cuts.append(cut.frame_num)
        rows.append(tracker.update(frame))
    box, corners, jitter, mouth, faces = (
        np.array(column, float) for column in zip(*rows, strict=True)
    )
    return Watched(size, cuts, box, corners, jitter, mouth, faces)


class _FaceTracker:
    """Searches a face near its last position, or in the whole frame if it is lost."""

    def __init__(self) -> None:
        self.last: np.ndarray | None = None
        self.waited = 0  # frames since the last search

    def update(self, frame: np.ndarray) -> tuple[Any, ...]:
        """A frame -> a row of `Watched`: box, corners, jitter, mouth, faces."""
        faces: list[Face] = []
        if self.last is not None:
            view = crop_around(self.last)
            scale, origin = view.side / VIEW, np.array([view.left, view.top, 0], np.float32)
            seen = _landmarker().detect(view.extract(frame, VIEW))
            faces = [Face(face.landmarks * scale + origin, face.blendshapes) for face in seen]
        elif self.waited % LOOK == 0:
            faces = _landmarker().detect(frame)
        before, self.last = self.last, None
        self.waited = 0 if before is not None else self.waited + 1
        if not faces:
            nothing = float("nan")
            return (nothing,) * 4, (nothing,) * 2, nothing, nothing, 0
        face = faces[0]
        if before is not None:
            middle = before.mean(0)
            face = min(faces, key=lambda one: float(np.linalg.norm(one.landmarks.mean(0) - middle)))
        self.last = face.landmarks
        jitter = float("nan") if before is None else landmark_jitter(before, face.landmarks)
        mouth = float(mesh.lip_aperture(torch.from_numpy(face.landmarks)))
        return face.box, eye_corners(face.landmarks), jitter, mouth, _count_in_crop(face, faces)


def _count_in_crop(face: Face, faces: Sequence[Face]) -> int:
    """Number of faces of about this size in the face's crop, including it."""
    crop = crop_around(face.landmarks)
    large = [one for one in faces if one.width >= OTHER * face.width]
    places = np.array([one.landmarks[:, :2].mean(0) for one in large])
    inside = np.abs(places - (crop.centre_x, crop.centre_y)) <= crop.side / 2
    return int(inside.all(1).sum())


@cache
def _landmarker() -> FaceLandmarker:
    return FaceLandmarker()
