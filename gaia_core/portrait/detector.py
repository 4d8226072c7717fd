"""Face detection and landmarks: adapter over MediaPipe's face landmarker."""

from __future__ import annotations

import threading
import weakref
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from types import TracebackType

import cv2
import mediapipe
import numpy as np
import torch
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.components.containers.detections import Detection
from numpy.typing import ArrayLike

from gaia_core.assets import shipped_model
from gaia_core.landmarks import mirrored
from gaia_core.portrait.face import MIN_WIDTH, Crop, Face, Seen, crop_around, turned

MODEL = "face_landmarker_v2.task"
_DETECTOR = "face_detector.tflite"  # within that file; by itself it tells scores

_MAX_FACES = 32  # in one view
_VIEW = 512  # px; twice the input size of the landmarker
# The detector finds faces from an eighth of its view upwards, 3/8 of a tile of the next level;
# tiles overlap by 4/10, so that each such face lies whole in one of them.
_SMALLEST_IN_VIEW = 1 / 8
_SAFE_IN_VIEW = 1 / 5  # next to a face smaller than this others may be missed
_TILE_STEP = 0.6  # of a tile's side
_SAME_FACE = 0.3  # intersection over union of two boxes
_GLANCE = 256  # px; twice what the detector looks at
# By how much a face scores more upright than otherwise. Of 210 portraits none was turned that stood
# upright, all that stood on their heads were, and of 420 on their sides 414.
_CLEARLY_UPRIGHT = 0.05
# What a face scores in its own crop, at least. Of 942 portraits, half of them reduced to faces of
# 66 to 125 px, the lowest was 0.88; with masks and scarves painted on 40 of them, 4 of 240 were
# lower than 0.7; gravel, a galaxy, a spoon's reflections, a cat upside down 0.67 at most.
_CERTAIN = 0.7


class FaceLandmarker:
    """Detects faces and their landmarks. Thread-safe.

    Raises:
        InputError: the landmarker's model file is missing or has another checksum.
    """

    def __init__(self) -> None:
        model = shipped_model(MODEL).read_bytes()
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model),
            num_faces=_MAX_FACES,
            output_face_blendshapes=True,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        with zipfile.ZipFile(BytesIO(model)) as parts:
            base = BaseOptions(model_asset_buffer=parts.read(_DETECTOR))
        self._detector = vision.FaceDetector.create_from_options(
            vision.FaceDetectorOptions(base_options=base)
        )
        self._lock = threading.Lock()
        # Garbage-collected in a cycle, MediaPipe's own clean-up would wait forever for a thread
        # that has ended. This keeps its parts alive until they have been closed.
        self._closed = weakref.finalize(self, _close, self._landmarker, self._detector)
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

    def detect_upright(self, image: np.ndarray) -> Seen:
        """The faces of a photo (H, W, 3) uint8 that may lie on its side or stand on its head.

        Upside down, a face is overlooked or, worse, read as an upright one. So the photo is scored
        in all four orientations, and so are the faces found, if they are too small to be seen in it
        as a whole, or if it was turned: for something else in it, perhaps.
        """
        glance = _glance(image)
        turn = self._turn([glance])
        photo = turned(image, turn)
        faces = self.detect(photo)
        if not turn and self._score(glance) > 0:
            return Seen(photo, faces)
        if not faces:  # on its side a face would have been found, on its head it may not
            turn = (turn + 2) % 4
            photo = turned(image, turn)
            faces = self.detect(photo)
        crops = (crop_around(face.landmarks) for face in faces[:4])
        more = self._turn([crop.extract(photo, _GLANCE) for crop in crops])
        if more:
            turn = (turn + more) % 4
            photo = turned(image, turn)
            faces = self.detect(photo)
        return Seen(photo, faces, turn) if faces else Seen(image, [])

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces of a photo (H, W, 3) uint8 of any size, largest first.

        Searches the whole photo, then glances at ever smaller tiles while no face is found, or only
        faces so small that others may be missing. Landmarks are then detected again in each face's
        crop, where they are most precise.
        """
        whole = _whole(image)
        side, found = whole.side, self._detect_in(image, whole)
        while side * _SMALLEST_IN_VIEW > MIN_WIDTH and all(
            face.width < side * _SAFE_IN_VIEW for face in found
        ):
            side = max(side / 3, MIN_WIDTH / _SMALLEST_IN_VIEW)
            for view in self._glance_at_tiles(image, side):
                found += self._detect_in(image, view)
        return _distinct(
            [face for rough in _distinct(found) for face in self._refine(image, rough)]
        )

    def track(self, frames: Iterable[np.ndarray]) -> Iterator[Face | None]:
        """The largest face of each frame, without temporal smoothing.

        For frames that are crops: no tiles, no refinement.
        """
        for frame in frames:
            yield max(self._read(frame), key=lambda face: face.width, default=None)

    def look(self, frame: np.ndarray) -> Face | None:
        """The largest face of a frame, read once: half the time of `track`, and more noise."""
        return max(self._detect_once(frame), key=lambda face: face.width, default=None)

    def _turn(self, pictures: Sequence[np.ndarray]) -> int:
        """Quarter turns anticlockwise after which the faces in small images score clearly best."""
        scores = [
            max((self._score(turned(each, turn)) for each in pictures), default=0.0)
            for turn in range(4)
        ]
        best = int(np.argmax(scores))
        return best if scores[best] > scores[0] + _CLEARLY_UPRIGHT else 0

    def _score(self, image: np.ndarray) -> float:
        """Of the most certain face in a small image, in [0, 1]; 0 where there is none."""
        found = self._glance_at(image)
        return max((float(each.categories[0].score or 0) for each in found), default=0.0)

    def _glance_at(self, image: np.ndarray) -> list[Detection]:
        with self._lock:
            return self._detector.detect(_mediapipe_image(image)).detections

    def _refine(self, image: np.ndarray, rough: Face) -> list[Face]:
        """The face as detected in its crop; empty if it is not found there, or hardly a face."""
        crop = crop_around(rough.landmarks)
        view = crop.extract(image, _VIEW)
        again = [_in_photo(face, crop) for face in self._read(view)]
        again.sort(key=lambda face: -_overlap(face.box, rough.box))
        glance = _glance(view)
        score = max(self._score(each) for each in (glance, glance[:, ::-1]))
        return [
            replace(face, score=score)
            for face in again[:1]
            if score >= _CERTAIN and _overlap(face.box, rough.box) > _SAME_FACE
        ]

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
            same = max(others, key=lambda other: _overlap(face.box, other.box), default=face)
            if _overlap(face.box, same.box) > _SAME_FACE:
                face = Face((face.landmarks + same.landmarks) / 2, face.blendshapes)
            read.append(face)
        return read

    def _glance_at_tiles(self, image: np.ndarray, side: float) -> list[Crop]:
        """Crops around the faces that quick looks see in a photo's tiles of that side, px.

        The photo is reduced once, so that tiles are copied out of it and not sampled.
        """
        scale = _GLANCE / side
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found: list[np.ndarray] = []
        for tile in _tiles(small.shape[1], small.shape[0], _GLANCE):
            for seen in self._glance_at(tile.extract(small, _GLANCE)):
                place = seen.bounding_box
                left, top = tile.left + place.origin_x, tile.top + place.origin_y
                box = np.array([left, top, left + place.width, top + place.height]) / scale
                if all(_overlap(box, other) < _SAME_FACE for other in found):
                    found.append(box)
        return [crop_around(box.reshape(2, 2)) for box in found]

    def _detect_in(self, image: np.ndarray, view: Crop) -> list[Face]:
        """The faces in a view of the photo, in its px."""
        return [_in_photo(face, view) for face in self._detect_once(view.extract(image, _VIEW))]

    def _detect_once(self, image: np.ndarray) -> list[Face]:
        height, width = image.shape[:2]
        with self._lock:
            result = self._landmarker.detect(_mediapipe_image(image))
        scale = np.array([width, height, width], np.float32)  # z is in the scale of x
        return [
            Face(
                np.array([(point.x, point.y, point.z) for point in points], np.float32) * scale,
                np.array([shape.score for shape in shapes], np.float32),
            )
            for points, shapes in zip(result.face_landmarks, result.face_blendshapes, strict=True)
        ]


def _close(*models: vision.FaceLandmarker | vision.FaceDetector) -> None:
    for model in models:
        model.close()


def _whole(image: np.ndarray) -> Crop:
    height, width = image.shape[:2]
    return Crop(width / 2, height / 2, float(max(height, width)))


def _glance(image: np.ndarray) -> np.ndarray:
    """A whole image in a square of `_GLANCE`, at a cost that hardly grows with its size."""
    height, width = image.shape[:2]
    scale = _GLANCE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    right, below = _GLANCE - size[0], _GLANCE - size[1]
    return cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT)


def _mediapipe_image(image: np.ndarray) -> mediapipe.Image:
    data = np.ascontiguousarray(image)
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=data)


def _in_photo(face: Face, view: Crop) -> Face:
    """A face detected in a view of side `_VIEW`, in px of the photo."""
    origin = np.array([view.left, view.top, 0], np.float32)
    return Face(face.landmarks * (view.side / _VIEW) + origin, face.blendshapes)


def _tiles(width: int, height: int, side: int) -> Iterator[Crop]:
    """Overlapping squares on whole pixels that cover the photo."""

    def centres(length: int) -> np.ndarray:
        room = max(0.0, length - side)
        count = 1 + int(np.ceil(room / (side * _TILE_STEP)))
        return side / 2 + np.round(min(0, length - side) / 2 + np.linspace(0, room, count))

    for centre_y in centres(height):
        for centre_x in centres(width):
            yield Crop(float(centre_x), float(centre_y), side)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Non-maximum suppression: largest first, without duplicates."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.width):
        if all(_overlap(face.box, other.box) < _SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _overlap(one: ArrayLike, other: ArrayLike) -> float:
    """Intersection over union of two boxes: left, top, right, bottom."""
    a, b = np.asarray(one), np.asarray(other)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(sides.clip(0)))
    return shared / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)
