"""The table of a comparison: what differs, and what was measured, as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from gaia_core.comparison import Compared, differences, measured
from gaia_core.request import SETTINGS
from ui.i18n.text import EN, say

SHARED = ("portrait", "speech", "text")  # the same in all, or told by the title
MAX_KEYS = 4  # keyframes of a track that are listed


def table(made: Sequence[Compared]) -> str:
    """The differing settings and the measures; "" without takes."""
    if not made:
        return ""
    different = differences([one.settings for one in made])
    numbers = [measured(one) for one in made]
    heads = "".join(
        f'<th scope="col"><b>{escape(one.name)}</b> {escape(one.title)}</th>' for one in made
    )
    rows = [
        _row(_label(name), "", [_words(name, value) for value in given])
        for name, given in different.items()
        if name not in SHARED
    ]
    if not rows:
        span = len(made) + 1
        rows = [f'<tr><td colspan="{span}">{escape(say("compare.equal"))}</td></tr>']
    rows.append(
        f'<tr class="compare-section"><th colspan="{len(made) + 1}" scope="rowgroup">'
        f"{escape(say('compare.measured'))}</th></tr>"
    )
    rows += [
        _row(
            say(f"measure.{name}"),
            say(f"measure.{name}.info"),
            [_figure(name, of[name]) for of in numbers],
        )
        for name in numbers[0]
    ]
    caption = escape(say("compare.table"))
    return (
        f'<div class="compare-scroll"><table class="compare-table"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _label(field: str) -> str:
    """The label of a field of `differences`."""
    if field.startswith("controls."):
        _, part, name = field.split(".")
        return say(f"channel.{name}" if part == "tracks" else f"compare.strength.{name}")
    key = f"compare.field.{field}"
    return say(key) if key in EN else SETTINGS[field].label


def _row(name: str, info: str, cells: Sequence[str]) -> str:
    shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    below = f"<small>{escape(info)}</small>" if info else ""
    return f'<tr><th scope="row">{escape(name)}{below}</th>{shown}</tr>'


def _words(name: str, value: Any) -> str:
    """The value of a field of `differences` in words."""
    if name.startswith("controls.strength."):
        return f"× {1 if value is None else value:g}"
    if value in (None, "", [], ()):
        return say("compare.none")
    if name.startswith("controls.tracks."):
        levels = [level for _, level, _ in value]
        if len(set(levels)) == 1:
            return f"{levels[0]:g}"
        keys = [f"{level:g} ({second:g} s)" for second, level, _ in value[:MAX_KEYS]]
        return ", ".join(keys + ["…"] * (len(value) > MAX_KEYS))
    if name == "drive":
        return say("compare.video")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure(name: str, value: float) -> str:
    if not math.isfinite(value):
        return say("compare.none")
    return f"{value:.{0 if name == 'blinks' else 1}f}"
