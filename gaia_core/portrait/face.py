"""A face in an image, and the crop around it.

The crop is the coordinate frame of both stages: square, upright, still, placed around the face as
in the training clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gaia_core import landmarks as mesh

# The landmarks' bounding box in the crops of the training clips (medians over sources).
BOX_WIDTH = 0.46
BOX_HEIGHT = 0.56  # sets the size for faces that are narrow because they are turned
BOX_CENTRE = (0.50, 0.54)

MIN_WIDTH = 64  # px, of the face's box
_TURNS = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
_BLUR = 24  # crop sides per blur radius outside the photo


@dataclass(frozen=True, eq=False)
class Face:
    """A face in an image.

    Attributes:
        landmarks: (478, 3) float32 px; z in the scale of x, growing away from the viewer.
        blendshapes: (52,) float32 scores in [0, 1], in MediaPipe's order.
        score: how much it looks like a face, in [0, 1]; known of a photo's faces only.
    """

    landmarks: np.ndarray
    blendshapes: np.ndarray
    score: float = 1.0

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
        """Yaw, pitch, roll in degrees, from the lines cheek to cheek and forehead to chin."""
        across = self.landmarks[mesh.FACE_LEFT] - self.landmarks[mesh.FACE_RIGHT]
        down = self.landmarks[mesh.FACE_BOTTOM] - self.landmarks[mesh.FACE_TOP]
        yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
        pitch = np.arctan2(down[2], np.hypot(down[0], down[1]))
        roll = np.arctan2(across[1], across[0])
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo with its faces upright.

    Attributes:
        photo: (H, W, 3) uint8.
        faces: in its px, largest first.
        turn: quarter turns anticlockwise that made it of the photo looked at, 0 to 3.
    """

    photo: np.ndarray
    faces: Sequence[Face]
    turn: int = 0


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """An image (H, W, ...) after so many quarter turns anticlockwise."""
    code = _TURNS[turn % 4]
    return image if code is None else cv2.rotate(image, code)


@dataclass(frozen=True)
class Crop:
    """A square in px of a photo, which may extend beyond it. Crop units are [0, 1] across it."""

    centre_x: float
    centre_y: float
    side: float

    @property
    def left(self) -> float:
        """Its left edge, px."""
        return float(self.centre_x - self.side / 2)

    @property
    def top(self) -> float:
        """Its upper edge, px."""
        return float(self.centre_y - self.side / 2)

    def to_crop(self, landmarks: np.ndarray) -> np.ndarray:
        """(..., K, 3) px of the photo -> crop units, z in the scale of x."""
        origin = np.array([self.left, self.top, 0], np.float32)
        return ((landmarks - origin) / self.side).astype(np.float32)

    def extract(self, image: np.ndarray, size: int) -> np.ndarray:
        """(H, W, 3) uint8 photo -> (size, size, 3) uint8, padded by the blurred border."""
        # First at the photo's scale, where whole-pixel crops are exact copies; then reduced by
        # area, since a warp alone would alias.
        side = max(size, round(self.side))
        if side == self.side and self.left.is_integer() and self.top.is_integer():
            crop = _copy(image, int(self.left), int(self.top), side)
        else:
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
        if side != size:
            crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
        # A replicated border would show streaks. It is blurred at the output size: at a large
        # photo's own the blur would cost more than all else.
        ends = np.array([[0, 0], [image.shape[1], image.shape[0]]]) - (self.left, self.top)
        (left, top), (right, bottom) = np.floor(ends * size / self.side).clip(0, size).astype(int)
        if right - left < size or bottom - top < size:
            inside = crop[top:bottom, left:right].copy()
            crop = cv2.GaussianBlur(crop, (0, 0), size / _BLUR, borderType=cv2.BORDER_REPLICATE)
            crop[top:bottom, left:right] = inside
        return crop


def _copy(image: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """A square of a photo on whole pixels, padded by the replicated border."""
    right, bottom = left + side, top + side
    height, width = image.shape[:2]
    # What lies within the photo, at least one pixel of it.
    first, last = min(max(left, 0), width - 1), max(min(right, width), 1)
    upper, lower = min(max(top, 0), height - 1), max(min(bottom, height), 1)
    padded = cv2.copyMakeBorder(
        image[upper:lower, first:last],
        max(0, upper - top),
        max(0, bottom - lower),
        max(0, first - left),
        max(0, right - last),
        cv2.BORDER_REPLICATE,
    )
    return padded[:side, :side]


def crop_around(landmarks: np.ndarray) -> Crop:
    """Landmarks (K, 3) in px -> the crop as in the training clips, on whole pixels."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    width, height = (high - low).tolist()
    side = max(2, 2 * round(max(width / BOX_WIDTH, height / BOX_HEIGHT) / 2))
    centre_x, centre_y = ((low + high) / 2).tolist()
    return Crop(
        round(centre_x + (0.5 - BOX_CENTRE[0]) * side),
        round(centre_y + (0.5 - BOX_CENTRE[1]) * side),
        side,
    )
