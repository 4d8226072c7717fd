"""The label "AI-generated": its text, and its drawing into frames. `video` writes the metadata."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

LABEL = "AI-generated"
COMMENT = f"{LABEL}: this video was made by GAIA from a photo and speech."  # in every file


def draw_label(frame: np.ndarray) -> np.ndarray:
    """Draws the small mark `LABEL` into the lower right corner, in place: (H, W, 3) uint8."""
    height, width = frame.shape[:2]
    mark, opacity = _mark(min(height, width))
    rows, columns = mark.shape[:2]
    gap = rows // 2
    top, left = height - rows - gap, width - columns - gap
    if top < 0 or left < 0:
        raise ValueError(f"a frame of {width} x {height} px has no room for the label")
    corner = frame[top : top + rows, left : left + columns]
    corner[:] = cv2.blendLinear(mark, np.ascontiguousarray(corner), opacity, 1 - opacity)
    return frame


@lru_cache(maxsize=8)
def _mark(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The mark for frames with that shorter side: colours, and opacity in [0, 1]."""
    font = ImageFont.load_default(max(6, round(side / 32)))
    left, top, right, bottom = font.getbbox(LABEL)
    padding = round((bottom - top) * 0.6)
    width, height = round(right - left) + 3 * padding, round(bottom - top) + 2 * padding
    # Drawn four times as large: PIL's shapes are not antialiased.
    shape = Image.new("L", (4 * width, 4 * height))
    ImageDraw.Draw(shape).rounded_rectangle(
        (0, 0, 4 * width - 1, 4 * height - 1), radius=2 * height, fill=160
    )
    opacity = shape.resize((width, height), Image.Resampling.BOX)
    mark = Image.new("RGB", (width, height), (16, 16, 16))
    origin = 1.5 * padding - left, padding - top
    ImageDraw.Draw(mark).text(origin, LABEL, fill=(255, 255, 255), font=font)
    ImageDraw.Draw(opacity).text(origin, LABEL, fill=255, font=font)
    return np.asarray(mark), np.asarray(opacity, np.float32) / 255
