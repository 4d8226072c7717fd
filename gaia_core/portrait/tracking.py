"""Landmarks of the face in every frame of a driving video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from gaia_core import FPS, MAX_SECONDS
from gaia_core.errors import InputError
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Crop, crop_around

DRIVING_SIDE = 1280  # px; larger frames of a driving video are reduced
SIDE = 256  # of the tracked crop, px
SEEN = 0.8  # minimal share of frames with a face
SEARCHED = 3  # frames searched for a small face
LOST = 12  # frames without a face after which a camera's whole picture is searched
CUT = 0.12  # motion between frames, in crop units, from which on it is taken as a cut


def track_face(landmarker: FaceLandmarker, frames: Iterator[np.ndarray]) -> np.ndarray:
    """Tracks the video's largest face in a fixed crop.

    Frames in which it is occluded are filled from their neighbours.

    Returns:
        Landmarks (T, K, 3) in crop units.

    Raises:
        InputError: no video, too long, no face, a face too often occluded, or a cut.
    """
    before, crop = _first_face(landmarker, frames)
    if crop is None:
        raise InputError("The driving video shows no face in its first 2 seconds; trim it.")
    points: list[np.ndarray | None] = []
    for frame in chain(before, frames):
        if len(points) >= MAX_SECONDS * FPS:
            raise InputError(
                "The driving video is longer than {most:g} s; trim it.", most=MAX_SECONDS
            )
        face = next(landmarker.track([crop.extract(frame, SIDE)]))
        points.append(None if face is None else face.landmarks / SIDE)
    seen = np.array([x is not None for x in points])
    if seen.mean() < SEEN:
        raise InputError(
            "The driving video's face is hidden in {share:.0%} of its frames; choose "
            "a video in which it stays in view.",
            share=1 - seen.mean(),
        )
    places = np.flatnonzero(seen)
    known = np.stack([x for x in points if x is not None]).astype(np.float32)
    moved = np.abs(np.diff(known.mean(1)[:, :2], axis=0)).max(1) if len(known) > 1 else np.zeros(0)
    if (moved > CUT).any():
        second = places[int(moved.argmax()) + 1] / FPS
        raise InputError(
            "The driving video has a cut at {second:.1f} s; choose one shot of it.", second=second
        )
    return fill_gaps(known, seen)


def _first_face(
    landmarker: FaceLandmarker, frames: Iterator[np.ndarray]
) -> tuple[list[np.ndarray], Crop | None]:
    """The frames up to the first face within two seconds, and the crop around it.

    Small faces are searched for in tiles, which takes the time of thirty quick looks; so only
    when the quick looks have found nothing, and in a few frames.
    """
    before: list[np.ndarray] = []
    for frame in islice(frames, FPS * 2 + 1):
        before.append(frame)
        if landmarker.look(frame) and (found := landmarker.detect(frame)):
            return before, crop_around(found[0].landmarks)
    for frame in before[:: FPS * 2 // (SEARCHED - 1)]:
        if found := landmarker.detect(frame):
            return before, crop_around(found[0].landmarks)
    return before, None


@dataclass(frozen=True)
class CameraFrame:
    """A camera's picture (H, W, 3) uint8 and the second at which it was taken.

    `recalibrate`: whether the face in it corresponds to the portrait, from here on.
    """

    picture: np.ndarray
    second: float
    recalibrate: bool = False


class CameraFace:
    """The largest face before a camera, in a crop that stands still while the face stays in it."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._crop: Crop | None = None
        self._lost = 0

    def read(self, frame: CameraFrame) -> np.ndarray | None:
        """Landmarks (K, 3) in crop units; None where no face is seen."""
        if frame.recalibrate or self._lost > LOST:
            self._crop = None
        if self._crop is None:
            found = self._landmarker.look(frame.picture)
            if found is None:
                return None
            self._crop = crop_around(found.landmarks)
        face = self._landmarker.look(self._crop.extract(frame.picture, SIDE))
        self._lost = 0 if face else self._lost + 1
        return None if face is None else face.landmarks / SIDE


def fill_gaps(known: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Fills frames without a face from the nearest one that has.

    Args:
        known: (N, ...) the rows of the frames with a face, N > 0.
        seen: (T,) bool, N of them true.

    Returns:
        (T, ...)
    """
    index = np.interp(np.arange(len(seen)), np.flatnonzero(seen), np.arange(len(known)))
    return known[index.round().astype(int)]
