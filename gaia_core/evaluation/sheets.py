"""Contact sheets: what was measured, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLUMNS = 8
SIDE = 160  # px of a frame
MARGIN = 18  # px above each row, for its name


def save_sheet(
    path: Path, title: str, rows: Mapping[str, Sequence[np.ndarray]], side: int = SIDE
) -> None:
    """Writes a PNG with `COLUMNS` frames of each row, spread over it, under the title.

    Args:
        path: its folder is made.
        rows: name -> frames uint8 (H, H, 3), the same moments in every row.
        side: px of a frame on the sheet.
    """
    height = MARGIN + (side + MARGIN) * len(rows)
    sheet = Image.new("RGB", (side * COLUMNS, height), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((4, 3), title, fill="black")
    for index, (name, frames) in enumerate(rows.items()):
        top = MARGIN + index * (side + MARGIN)
        pen.text((4, top + 3), name, fill="black")
        count = min(COLUMNS, len(frames))
        for column, moment in enumerate(np.linspace(0, len(frames) - 1, count).round().astype(int)):
            frame = Image.fromarray(frames[moment]).resize((side, side), Image.Resampling.BOX)
            sheet.paste(frame, (column * side, top + MARGIN))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
