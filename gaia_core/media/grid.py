"""Several videos in one, side by side under their names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gaia_core.media.audio import has_sound
from gaia_core.media.video import VideoWriter, read_video

MAX_HEIGHT = 720  # px
MAX_WIDTH = 2560  # px, of the whole


def side_by_side(
    videos: Sequence[Path], names: Sequence[str], out: Path, recipe: dict[str, Any] | None = None
) -> None:
    """Writes videos of the same speech into one, with the sound of the first.

    They are scaled to one height; shorter ones keep their last frame.

    Args:
        names: a caption for each.
        recipe: JSON values for the metadata.

    Raises:
        ValueError: no videos, or another number of names.
    """
    if not videos or len(names) != len(videos):
        raise ValueError(f"{len(videos)} videos with {len(names)} names")
    firsts = [next(islice(read_video(video), 1)) for video in videos]
    sizes = _sizes([frame.shape[:2] for frame in firsts])
    heads = [_head(name, width, height) for name, (height, width) in zip(names, sizes, strict=True)]
    shown = list(firsts)
    width, height = sum(size[1] for size in sizes), sizes[0][0] + heads[0].shape[0]
    sound = videos[0] if has_sound(videos[0]) else None
    with VideoWriter(out, width, height, sound, recipe or {}) as writer:
        for frames in zip_longest(*(read_video(video) for video in videos)):
            shown = [old if new is None else new for old, new in zip(shown, frames, strict=True)]
            writer.write(_row(shown, heads, sizes))


def _row(
    frames: Sequence[np.ndarray], heads: Sequence[np.ndarray], sizes: Sequence[tuple[int, int]]
) -> np.ndarray:
    columns = []
    for frame, head, (height, width) in zip(frames, heads, sizes, strict=True):
        if frame.shape[:2] != (height, width):
            frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        columns.append(np.vstack([head, frame]))
    return np.hstack(columns)


def _sizes(shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Height and width of each at a common height, even, within the maximal size."""
    height = min(MAX_HEIGHT, *(shape[0] for shape in shapes))
    wide = sum(shape[1] / shape[0] for shape in shapes) * height
    height = round(height * min(1.0, MAX_WIDTH / wide)) // 2 * 2
    return [(height, round(height * shape[1] / shape[0] / 2) * 2) for shape in shapes]


def _head(name: str, width: int, height: int) -> np.ndarray:
    """A caption, light on dark: (rows, width, 3)"""
    rows = max(24, height // 12) // 2 * 2
    strip = Image.new("RGB", (width, rows), (24, 24, 22))
    font, size = ImageFont.load_default(rows * 0.5), rows * 0.5
    while size > 8 and font.getlength(name) > width - rows:
        size -= 1
        font = ImageFont.load_default(size)
    place = (rows / 2, rows / 2)
    ImageDraw.Draw(strip).text(place, name, fill=(240, 240, 236), font=font, anchor="lm")
    return np.asarray(strip)
