"""Rendered crops back into the picture that is shown: the crop alone, or the whole photo.

Only the crop's own square is ever touched; the rest of the photo stays bit-identical from frame
to frame. Knows nothing of models.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from gaia_core.portrait.face import Crop, Face, crop_around
from gaia_core.request import SIZES

# px, the longest side of a whole photo's film, and of the crop painted into it: many players decode
# no more, and a telephone's photo of 12 megapixels would take seconds for each frame.
MAX_SIDE = 2048

# The window of the crop that replaces the photo, in crop units: a rounded square, fading to
# nothing at the crop's border. The face's box ends 0.19 from the border at the nearest.
_CORNER = 0.3
_SHOWN = 0.0, 0.12
# Where the fading begins the picture should hardly move: a moved collar over the still one would
# be seen twice. Further in than this it moves freely.
_EDGE_MASK, _EDGE_MASK_SIDE = (0.04, 0.22), 128
_EDGE = 0.08  # the same from the photo's own edge on, where that lies inside the crop


def fit(photo: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
    """A photo (H, W, 3) uint8 and its face; what is too large reduced to what a film may be."""
    height, width = photo.shape[:2]
    scale = fitting(width, height, crop_around(face.landmarks).side)
    if scale == 1:
        return photo, face
    size = round(scale * width), round(scale * height)
    photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return photo, replace(face, landmarks=face.landmarks * np.float32(scale))


def fitting(width: int, height: int, crop: float) -> float:
    """By how much `fit` reduces a photo of so many px, whose face has a crop of that side."""
    return min(1.0, MAX_SIDE / max(width, height, crop))


class Composer:
    """Puts rendered crops into frames of one size.

    Args:
        photo: (H, W, 3) uint8.
        crop: where the rendered square belongs; taken on whole pixels.
        size: one of `SIZES`: a side in px for the crop alone, or "photo" for all of it, less the
            last row or column where the size is odd.
    """

    def __init__(self, photo: np.ndarray, crop: Crop, size: str) -> None:
        if size not in SIZES:
            raise ValueError(f"size is {size!r}, not one of {', '.join(SIZES)}")
        self._whole, self._crop = size == "photo", crop
        self.side = max(1, round(crop.side)) if self._whole else int(size)
        if not self._whole:
            return
        self._shape = photo.shape[:2]
        height, width = photo.shape[0] // 2 * 2, photo.shape[1] // 2 * 2
        self._photo = np.ascontiguousarray(photo[:height, :width])
        left, top = round(crop.left), round(crop.top)
        # What of the crop lies on the photo: in the photo's px, and in the crop's own.
        x, y = (
            (max(0, left), min(width, left + self.side)),
            (max(0, top), min(height, top + self.side)),
        )
        if x[0] >= x[1] or y[0] >= y[1]:
            raise ValueError(f"{crop} does not touch the photo of {width} x {height} px")
        self._place = slice(*y), slice(*x)
        self._part = slice(y[0] - top, y[1] - top), slice(x[0] - left, x[1] - left)
        self._weight = np.ascontiguousarray(_window(self.side, *_SHOWN)[self._part])
        self._rest = 1 - self._weight

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of a composed frame, px."""
        if not self._whole:
            return self.side, self.side
        return self._photo.shape[1], self._photo.shape[0]

    @property
    def edge_mask(self) -> np.ndarray | None:
        """How far each place of the crop may leave where the photo has it, for the renderer.

        (H, H) float32 in [0, 1]: 0 at the border, which joins the still photo, and at the photo's
        own edges, beyond which there is nothing. None where the crop alone is shown.
        """
        if not self._whole:
            return None
        place = (np.arange(_EDGE_MASK_SIDE, dtype=np.float32) + 0.5) / _EDGE_MASK_SIDE
        rows, columns = (
            np.minimum(
                _rise(place - part.start / self.side, 0, _EDGE) if part.start > 0 else 1,
                _rise(part.stop / self.side - place, 0, _EDGE) if part.stop < self.side else 1,
            )
            * np.ones_like(place)
            for part in self._part
        )
        return (_window(_EDGE_MASK_SIDE, *_EDGE_MASK) * rows[:, None] * columns).astype(np.float32)

    def still(self, picture: np.ndarray) -> np.ndarray:
        """A picture of the photo, before `fit` or after, uint8 (H, W, C): framed as frames are."""
        if not self._whole:
            return self._crop.extract(picture, self.side)
        if picture.shape[:2] != self._shape:
            picture = cv2.resize(picture, self._shape[::-1], interpolation=cv2.INTER_AREA)
        width, height = self.frame_size
        return picture[:height, :width]

    def compose(self, rendered: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8, S being `side` -> a new frame (H, W, 3) uint8."""
        if not self._whole:
            return rendered.copy()
        frame = self._photo.copy()
        above, below = rendered[self._part], self._photo[self._place]
        frame[self._place] = cv2.blendLinear(above, below, self._weight, self._rest)
        return frame


def _window(side: int, outer: float, inner: float) -> np.ndarray:
    """A rounded square in the crop, (side, side) float32 in [0, 1].

    It rises from 0 at one depth under the crop's border to 1 at another, in crop units.
    """
    axis = np.abs((np.arange(side, dtype=np.float32) + 0.5) / side - 0.5)
    # Distance from the border of a rounded square, positive inside.
    x, y = np.meshgrid(axis, axis)
    beyond = np.stack([x, y]) - (0.5 - _CORNER)
    depth = _CORNER - np.hypot(*beyond.clip(0)) - beyond.max(0).clip(max=0)
    return _rise(depth, outer, inner).astype(np.float32)


def _rise(depth: np.ndarray, outer: float, inner: float) -> np.ndarray:
    """Smoothly from 0 at one depth to 1 at another."""
    ramp = ((depth - outer) / (inner - outer)).clip(0, 1)
    return ramp * ramp * (3 - 2 * ramp)
