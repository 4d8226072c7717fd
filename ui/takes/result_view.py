"""The result panel as HTML: a placeholder, progress, and the facts of a take.

Preview frames are embedded and never written to a file, since files in the cache have addresses.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from gaia_core import FPS
from gaia_core.errors import Message
from gaia_core.request import Progress, Result
from ui.i18n.text import say, t, translate
from ui.takes.session import UNDO_SECONDS, Take

STAGES = ("voice", "face", "speech", "motion", "frames", "file")
PREVIEW_SIDE = 384  # px; small enough to send a few times a second

_MARK = (
    '<svg class="status-mark" viewBox="0 0 96 48" aria-hidden="true">'
    + "".join(
        f'<rect x="{6 + 12 * i}" y="{24 - h / 2}" width="5" height="{h}" rx="2.5"/>'
        for i, h in enumerate((8, 16, 28, 40, 24, 34, 14, 6))
    )
    + "</svg>"
)


_REUSE = (
    '<svg viewBox="0 0 16 16" aria-hidden="true">'
    '<path d="M3 8a5 5 0 1 0 1.6-3.7M3 2.6v3.2h3.2"/></svg>'
)
_BIN = (
    '<svg viewBox="0 0 16 16" aria-hidden="true">'
    '<path d="M3 4.5h10M6.4 4.5V3h3.2v1.5M4.4 4.5l.6 8.5h6l.6-8.5"/></svg>'
)


def message(title: str, hint: str = "") -> str:
    """The placeholder with a message."""
    below = f'<p class="status-hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<div class="status">{_MARK}<p class="status-title" role="status">{escape(title)}</p>'
        f"{below}</div>"
    )


def working(
    progress: Progress | None,
    preview: str = "",
    left: str = "",
    note: str = "",
    ready: str = "",
) -> str:
    """The progress of a run over its latest frame; arguments as in `bar`.

    Args:
        preview: from `data_url`.
    """
    picture = (
        f'<img class="status-preview" decoding="sync" src="{preview}" '
        f'alt="{escape(say("result.preview"))}">'
        if preview
        else _MARK
    )
    return f'<div class="status is-working">{picture}{bar(progress, left, note, ready)}</div>'


def bar(progress: Progress | None, left: str = "", note: str = "", ready: str = "") -> str:
    """The progress of a run: step, percentage and a bar.

    Args:
        progress: None while in the queue, whose place `gradio_compat.SHOW_PLACE` fills in.
        left: the estimated rest, in words.
        note: a sentence below.
        ready: from `run.estimate.ready`, while in the queue.
    """
    waiting = progress is None
    name = say("result.waiting" if progress is None else _words(progress.stage))
    percent = 0 if progress is None else round(100 * min(max(progress.fraction, 0.0), 1.0))
    if waiting:
        place = f'<span class="status-queue" data-words="{escape(say("queue.place"))}"></span>'
        number = f'<span class="status-place">{place}{ready}</span>'
    else:
        number = f'<span class="status-percent">{escape(left)} <b>{percent} %</b></span>'
    below = f'<p class="status-note">{escape(note)}</p>' if note else ""
    return (
        f'<div class="status-progress"><p><span role="status">{escape(name)}</span>{number}</p>'
        f'<div class="status-bar{" is-waiting" if waiting else ""}" role="progressbar" '
        f'aria-label="{escape(name)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}"><span style="width:{percent}%"></span></div>{below}</div>'
    )


def facts(recipe: Mapping[str, Any], length: float | None, notices: Iterable[str] = ()) -> str:
    """Seed, length and label of a take, and its notices."""
    label = say("fact.label.visible" if recipe.get("label", True) else "fact.label.hidden")
    pairs = (
        (say("fact.seed"), str(recipe.get("seed", ""))),
        *([(say("fact.length"), say("fact.seconds", seconds=length))] if length else []),
        (say("fact.label"), label),
    )
    said = "".join(f"<p>{escape(translate(notice))}</p>" for notice in notices)
    return _listed(pairs) + (f'<div class="notices" role="status">{said}</div>' if said else "")


def seconds(result: Result) -> float:
    """The length of a take."""
    return result.frames / FPS


def opened(take: Take, missing: Sequence[str] = ()) -> str:
    """The open take on the Edit tab, and which of its media must be chosen again."""
    pairs = [(say("fact.seed"), str(take.recipe.get("seed", "")))]
    if take.seconds is not None:
        pairs.append((say("fact.length"), say("fact.seconds", seconds=take.seconds)))
    spans = take.recipe.get("spans") or ()
    if spans:
        shown = ", ".join(say("edit.span", start=s["start"], end=s["end"]) for s in spans)
        pairs.append((say("edit.spans"), shown))
    source = say("edit.source", name=take.source)
    said = f'<p class="caption">{escape(source)}</p>' if take.source else ""
    again = notice(say("edit.missing", media=", ".join(missing))) if missing else ""
    return said + _listed(pairs) + again


def nothing_opened() -> str:
    """The Edit tab without a take."""
    return f'<p class="caption">{t("edit.nothing")}</p>'


def notice(sentence: str) -> str:
    """A notice as HTML."""
    return f'<div class="notices" role="status"><p>{escape(translate(sentence))}</p></div>'


def reading(found: Any) -> str:
    """The table of an instruction's clauses: time, action, strength, words.

    Args:
        found: a `Reading` of `gaia_core.instruction.language`.
    """
    rows = "".join(
        f"<tr><td>{escape(say('understood.time', start=clause.start, end=clause.end))}</td>"
        f"<td>{escape(translate(Message(clause.action)))}</td>"
        f"<td>{round(100 * clause.strength)} %</td><td>{escape(clause.text)}</td></tr>"
        for clause in found.clauses
    )
    heads = "".join(
        f'<th scope="col">{escape(say(f"understood.{name}"))}</th>'
        for name in ("when", "action", "strength", "words")
    )
    table = (
        f'<table class="understood"><caption>{escape(say("understood"))}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    return table + (notice(found.notice) if found.notice else "")


def history(takes: Sequence[Take], chosen: Take | None, deleted: str = "") -> str:
    """The takes of this session: each with buttons that show it, reuse its settings, delete it.

    Args:
        deleted: the name of a take that can be had back.
    """
    cells = []
    for index, take in enumerate(takes):
        length = [] if take.seconds is None else [say("fact.seconds", seconds=take.seconds)]
        below = " · ".join([*length, str(take.recipe.get("seed", ""))])
        whole = say("history.take", name=take.name, facts=below)
        picture = f'<img src="{take.thumbnail}" alt="">' if take.thumbnail else _MARK
        shown = str(take is chosen).lower()
        others = "".join(
            f'<button type="button" data-does="{does}" title="{escape(say(f"history.{does}"))}" '
            f'aria-label="{escape(say(f"history.{does}.name", name=take.name))}">{sign}</button>'
            for does, sign in (("apply", _REUSE), ("delete", _BIN))
        )
        cells.append(
            f'<div class="take" data-take="{index}">'
            f'<button type="button" data-does="select" aria-pressed="{shown}" '
            f'title="{escape(take.name)}" aria-label="{escape(whole)}">{picture}'
            f"<b>{escape(take.name)}</b><span>{escape(below)}</span></button>"
            f"<div>{others}</div></div>"
        )
    back = (
        f'<p class="undo" role="status" style="--seconds:{UNDO_SECONDS:g}s">'
        f"{escape(say('history.deleted', name=deleted))} "
        f'<button type="button" data-does="undo">{escape(say("history.undo"))}</button></p>'
        if deleted
        else ""
    )
    return f'{back}<div class="takes">{"".join(cells)}</div>'


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
    return f'<dl class="facts">{items}</dl>'


def data_url(frame: np.ndarray, side: int = PREVIEW_SIDE) -> str:
    """A frame (H, W, 3) uint8 as a JPEG in a URL, at most `side` px wide and high."""
    image = Image.fromarray(frame)
    image.thumbnail((side, side))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _words(stage: str) -> str:
    return f"stage.{stage}" if stage in STAGES else "stage.start"
