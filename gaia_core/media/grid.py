"""Several videos in one, in rows, each under its name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gaia_core.media.audio import choose_sound
from gaia_core.media.video import VideoWriter, read_video

MAX_HEIGHT = 720  # px, of each
MAX_WIDTH, MAX_TALL = 2560, 1620  # px, of the whole


def side_by_side(
    videos: Sequence[Path],
    names: Sequence[str],
    out: Path,
    recipe: dict[str, Any] | None = None,
    columns: int | None = None,
) -> None:
    """Writes videos of the same speech into one, with the sound of the first.

    They are scaled to one height; shorter ones keep their last frame.

    Args:
        names: a caption for each.
        recipe: JSON values for the metadata.
        columns: videos in a row; by default all.

    Raises:
        ValueError: no videos, or another number of names.
    """
    if not videos or len(names) != len(videos):
        raise ValueError(f"{len(videos)} videos with {len(names)} names")
    count, columns = len(videos), columns or len(videos)
    rows = [range(at, min(at + columns, count)) for at in range(0, count, columns)]
    firsts = [next(islice(read_video(video), 1)) for video in videos]
    sizes = _sizes([frame.shape[:2] for frame in firsts], rows)
    heads = [_head(name, width, height) for name, (height, width) in zip(names, sizes, strict=True)]
    shown = list(firsts)
    width = max(sum(sizes[i][1] for i in row) for row in rows)
    height = len(rows) * (sizes[0][0] + heads[0].shape[0])
    sound = videos[0] if choose_sound(videos[0]) else None
    with VideoWriter(out, width, height, sound, recipe or {}) as writer:
        for frames in zip_longest(*(read_video(video) for video in videos)):
            shown = [old if new is None else new for old, new in zip(shown, frames, strict=True)]
            cells = [_cell(*cell) for cell in zip(shown, heads, sizes, strict=True)]
            writer.write(np.vstack([_row([cells[i] for i in row], width) for row in rows]))


def _cell(frame: np.ndarray, head: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if frame.shape[:2] != size:
        frame = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
    return np.vstack([head, frame])


def _row(cells: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Cells beside each other, filled up to a width."""
    row = np.hstack(cells)
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)))


def _sizes(shapes: Sequence[tuple[int, ...]], rows: Sequence[range]) -> list[tuple[int, int]]:
    """Height and width of each at a common height, even, within the maximal size."""
    height = min(MAX_HEIGHT, MAX_TALL // len(rows), *(shape[0] for shape in shapes))
    wide = max(sum(shapes[i][1] / shapes[i][0] for i in row) for row in rows) * height
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
