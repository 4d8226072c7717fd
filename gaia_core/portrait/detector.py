"""Face detection and landmarks: adapter over MediaPipe's face landmarker."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

import mediapipe
import numpy as np
import torch
from mediapipe.tasks.python import BaseOptions, vision

from gaia_core.assets import shipped_model
from gaia_core.landmarks import mirrored
from gaia_core.portrait.face import MIN_WIDTH, Crop, Face, crop_around

MODEL = "face_landmarker_v2.task"

_MAX_FACES = 32  # in one view
_VIEW = 512  # px; twice the input size of the landmarker
# The detector finds faces from an eighth of its view upwards, 3/8 of a tile of the next level;
# tiles overlap by 4/10, so that each such face lies whole in one of them.
_SMALLEST_IN_VIEW = 1 / 8
_SAFE_IN_VIEW = 1 / 5  # next to a face smaller than this others may be missed
_TILE_STEP = 0.6  # of a tile's side
_SAME_FACE = 0.3  # intersection over union of two boxes


class FaceLandmarker:
    """Detects faces and their landmarks. Thread-safe.

    Raises:
        InputError: the landmarker's model file is missing or has another checksum.
    """

    def __init__(self) -> None:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=shipped_model(MODEL).read_bytes()),
            num_faces=_MAX_FACES,
            output_face_blendshapes=True,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._lock = threading.Lock()
        # Garbage-collected in a cycle, MediaPipe's own clean-up would wait forever for a thread
        # that has ended. This keeps its parts alive until they have been closed.
        self._closed = weakref.finalize(self, self._landmarker.close)
        self._closed.atexit = False

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the model; the landmarker cannot be used afterwards."""
        with self._lock:
            self._closed()

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces of a photo (H, W, 3) uint8 of any size, largest first.

        Searches the whole photo, then ever smaller tiles while no face is found, or only faces so
        small that others may be missing. Landmarks are then detected again in each face's crop,
        where they are most precise.
        """
        height, width = image.shape[:2]
        side = float(max(height, width))
        whole = Crop(width / 2, height / 2, side)
        found = self._detect_in(image, whole)
        while side * _SMALLEST_IN_VIEW > MIN_WIDTH and all(
            face.width < side * _SAFE_IN_VIEW for face in found
        ):
            side = max(side / 3, MIN_WIDTH / _SMALLEST_IN_VIEW)
            for tile in _tiles(width, height, side):
                found += self._detect_in(image, tile)
        return _distinct(
            [face for rough in _distinct(found) for face in self._refine(image, rough)]
        )

    def track(self, frames: Iterable[np.ndarray]) -> Iterator[Face | None]:
        """The largest face of each frame, without temporal smoothing.

        For frames that are crops: no tiles, no refinement.
        """
        for frame in frames:
            yield max(self._read(frame), key=lambda face: face.width, default=None)

    def _refine(self, image: np.ndarray, rough: Face) -> list[Face]:
        """The face as detected in its crop; empty if it is not found there."""
        view = crop_around(rough.landmarks)
        again = [_in_photo(face, view) for face in self._read(view.extract(image, _VIEW))]
        again.sort(key=lambda face: -_overlap(face, rough))
        return [face for face in again[:1] if _overlap(face, rough) > _SAME_FACE]

    def _read(self, view: np.ndarray) -> list[Face]:
        """The faces of an image, landmarks averaged over the image and its mirror image.

        The mesh is off by about half a pixel of 256, in another direction in the mirror image.
        Frames rendered from the mean are closer to real ones than with any further averaging.
        """
        faces = self._detect_once(view)
        if not faces:
            return []
        width = view.shape[1]
        others = [
            Face(mirrored(torch.from_numpy(face.landmarks), width).numpy(), face.blendshapes)
            for face in self._detect_once(view[:, ::-1])
        ]
        read = []
        for face in faces:
            same = max(others, key=lambda other: _overlap(face, other), default=face)
            if _overlap(face, same) > _SAME_FACE:
                face = Face((face.landmarks + same.landmarks) / 2, face.blendshapes)
            read.append(face)
        return read

    def _detect_in(self, image: np.ndarray, view: Crop) -> list[Face]:
        """The faces in a view of the photo, in its px."""
        return [_in_photo(face, view) for face in self._detect_once(view.extract(image, _VIEW))]

    def _detect_once(self, image: np.ndarray) -> list[Face]:
        height, width = image.shape[:2]
        picture = mediapipe.Image(
            image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )
        with self._lock:
            result = self._landmarker.detect(picture)
        scale = np.array([width, height, width], np.float32)  # z is in the scale of x
        return [
            Face(
                np.array([(point.x, point.y, point.z) for point in points], np.float32) * scale,
                np.array([shape.score for shape in shapes], np.float32),
            )
            for points, shapes in zip(result.face_landmarks, result.face_blendshapes, strict=True)
        ]


def _in_photo(face: Face, view: Crop) -> Face:
    """A face detected in a view of side `_VIEW`, in px of the photo."""
    origin = np.array([view.left, view.top, 0], np.float32)
    return Face(face.landmarks * (view.side / _VIEW) + origin, face.blendshapes)


def _tiles(width: int, height: int, side: float) -> Iterator[Crop]:
    """Overlapping squares that cover the photo."""

    def centres(length: int) -> np.ndarray:
        room = max(0.0, length - side)
        count = 1 + int(np.ceil(room / (side * _TILE_STEP)))
        return (length - room) / 2 + np.linspace(0, room, count)

    for centre_y in centres(height):
        for centre_x in centres(width):
            yield Crop(float(centre_x), float(centre_y), side)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Non-maximum suppression: largest first, without duplicates."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.width):
        if all(_overlap(face, other) < _SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, other: Face) -> float:
    """Intersection over union of the boxes."""
    a, b = np.array(one.box), np.array(other.box)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(sides.clip(0)))
    return shared / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)
