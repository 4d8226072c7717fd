"""Compositing: a rendered crop to a frame, which is the crop alone or the whole photo.

Outside the crop the photo stays bit-identical in every frame.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from gaia_core.portrait.face import Crop, Face, crop_around
from gaia_core.request import SIZES

# Longest side in px of the video of a whole photo, and of the crop rendered into it: many players
# decode no more, and a phone's photo of 12 megapixels would take seconds for each frame.
MAX_SIDE = 2048

# Opacity of the crop in the photo, by distance from its border in crop units: a rounded square
# with a feathered border. The face's box is at least 0.19 from the border.
_CORNER = 0.3
_SHOWN = 0.0, 0.12
# The renderer's edge mask, by the same distance: near the border the frame must not move, since a
# moved collar over the still one would show twice.
_EDGE_MASK, _EDGE_MASK_SIDE = (0.04, 0.22), 128
_EDGE = 0.08  # distance over which the mask rises at the photo's edge, if that is inside the crop


def fit(photo: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
    """Reduces a photo (H, W, 3) uint8 and its face to the maximal size of a video."""
    height, width = photo.shape[:2]
    scale = fitting(width, height, crop_around(face.landmarks).side)
    if scale == 1:
        return photo, face
    size = round(scale * width), round(scale * height)
    photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return photo, replace(face, landmarks=face.landmarks * np.float32(scale))


def fitting(width: int, height: int, crop: float) -> float:
    """Scale by which `fit` reduces a photo of that size in px, with a crop of that side."""
    return min(1.0, MAX_SIDE / max(width, height, crop))


class Composer:
    """Composites rendered crops into frames.

    Args:
        photo: (H, W, 3) uint8.
        crop: of the photo, rounded to whole pixels.
        size: one of `SIZES`: a side in px for the crop alone, or "photo" for the whole photo,
            without its last row or column if the size is odd.
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
        # The intersection of crop and photo, in px of the photo and of the crop.
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
        """How much each pixel of the crop may move, for the renderer.

        (H, H) float32 in [0, 1]: 0 at the crop's border, where it joins the still photo, and at
        the photo's edges. None if the frame is the crop alone.
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
        """Crops or resizes an image of the photo, uint8 (H, W, C), to the frames' size."""
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
    """A feathered rounded square, (side, side) float32 in [0, 1].

    It rises from 0 at distance `outer` from the border to 1 at `inner`, in crop units.
    """
    axis = np.abs((np.arange(side, dtype=np.float32) + 0.5) / side - 0.5)
    # Signed distance to a rounded square, positive inside.
    x, y = np.meshgrid(axis, axis)
    beyond = np.stack([x, y]) - (0.5 - _CORNER)
    depth = _CORNER - np.hypot(*beyond.clip(0)) - beyond.max(0).clip(max=0)
    return _rise(depth, outer, inner).astype(np.float32)


def _rise(depth: np.ndarray, outer: float, inner: float) -> np.ndarray:
    """Smoothstep from 0 at `outer` to 1 at `inner`."""
    ramp = ((depth - outer) / (inner - outer)).clip(0, 1)
    return ramp * ramp * (3 - 2 * ramp)
