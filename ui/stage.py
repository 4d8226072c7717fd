"""What the result panel shows as HTML: nothing yet, work in progress, and a take's facts.

A preview frame is part of the HTML and never a file: files in the cache have addresses.
"""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from PIL import Image

from gaia_core import FPS
from gaia_core.request import Progress, Result
from ui.text import say

STAGES = ("voice", "face", "speech", "motion", "frames", "file")
PREVIEW_SIDE = 384  # px; small enough to send a few times a second

_MARK = (
    '<svg class="stage-mark" viewBox="0 0 96 48" aria-hidden="true">'
    + "".join(
        f'<rect x="{6 + 12 * i}" y="{24 - h / 2}" width="5" height="{h}" rx="2.5"/>'
        for i, h in enumerate((8, 16, 28, 40, 24, 34, 14, 6))
    )
    + "</svg>"
)


def message(title: str, hint: str = "") -> str:
    """A calm sentence in the middle of the stage."""
    below = f'<p class="stage-hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<div class="stage">{_MARK}<p class="stage-title" role="status">{escape(title)}</p>'
        f"{below}</div>"
    )


def working(progress: Progress | None, preview: str = "") -> str:
    """The stage at work: which step, how far, and the latest frame once there is one.

    `progress` is None while waiting in the queue; `preview` comes from `data_url`.
    """
    waiting = progress is None
    name = say("result.waiting" if progress is None else _words(progress.stage))
    percent = 0 if progress is None else round(100 * min(max(progress.fraction, 0.0), 1.0))
    picture = (
        f'<img class="stage-preview" decoding="sync" src="{preview}" '
        f'alt="{escape(say("result.preview"))}">'
        if preview
        else _MARK
    )
    bar = (
        f'<div class="stage-bar{" is-waiting" if waiting else ""}" role="progressbar" '
        f'aria-label="{escape(name)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}"><span style="width:{percent}%"></span></div>'
    )
    number = "" if waiting else f'<span class="stage-percent">{percent} %</span>'
    return (
        f'<div class="stage is-working">{picture}<div class="stage-progress">'
        f'<p><span role="status">{escape(name)}</span>{number}</p>{bar}</div></div>'
    )


def facts(result: Result) -> str:
    """Seed, length and label of a take, then what the visitor should know about it."""
    recipe = result.recipe
    label = say("fact.label.visible" if recipe.get("label", True) else "fact.label.hidden")
    pairs = (
        (say("fact.seed"), str(recipe.get("seed", ""))),
        (say("fact.length"), say("fact.seconds", seconds=result.frames / FPS)),
        (say("fact.label"), label),
    )
    listed = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
    notices = "".join(f"<p>{escape(notice)}</p>" for notice in result.notices)
    return f'<dl class="facts">{listed}</dl>' + (
        f'<div class="notices" role="status">{notices}</div>' if notices else ""
    )


def caption() -> str:
    """What stands below a video that is shipped."""
    return f'<p class="caption">{escape(say("result.example"))}</p>'


def data_url(frame: np.ndarray) -> str:
    """A frame (H, W, 3) uint8 as a small JPEG in a URL."""
    image = Image.fromarray(frame)
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _words(stage: str) -> str:
    return f"stage.{stage}" if stage in STAGES else "stage.start"
