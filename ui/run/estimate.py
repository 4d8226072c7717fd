"""The estimated time of a run, before it starts and while it lasts."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gradio.components import Component

from gaia_core import FPS, running_time
from gaia_core.errors import InputError
from gaia_core.media.audio import length
from gaia_core.media.compositing import fitting
from gaia_core.request import Request, Result, Span
from ui import samples
from ui.components import Inputs, Output
from ui.engine import Engine
from ui.faces import faces
from ui.form import admission
from ui.i18n.text import say
from ui.takes.session import Session
from ui.timeline import timeline

INPUTS = (
    *("mode", "portrait", "face", "steps", "size"),
    *("source", "text", "upload", "recording", "seconds", "take", "drive"),
)
MOMENTUM = 0.7  # of the running estimate of this machine's speed
SHOWN_FROM = 0.2  # share of a run after which the rest can be estimated
OUTLIER = 4.0  # runs this many times faster or slower than expected do not count


@dataclass(frozen=True)
class Work:
    """What the time of a run depends on."""

    portrait: Path
    face: int
    seconds: float
    steps: int
    size: str
    spans: Sequence[Span] = ()


class Clock:
    """Estimates the time of runs on this machine, corrected by those so far."""

    def __init__(self, engine: Engine) -> None:
        """An engine without `device` is taken to run on the CPU."""
        self.device = str(getattr(getattr(engine, "device", None), "type", "cpu"))
        self._engine, self._factor = engine, 1.0

    def expected(self, work: Work, session: Session) -> float | None:
        """Expected seconds; None if the photo cannot be animated.

        Raises:
            InputError: the photo cannot be read, or shows no face.
        """
        inspection = faces.inspection_of(self._engine, work.portrait, session)
        shown = inspection.faces
        if not 0 <= work.face < len(shown) or shown[work.face].problem:
            return None
        if work.size == "photo":
            crop = shown[work.face].side
            side = round(crop * fitting(inspection.width, inspection.height, crop))
        else:
            side = int(work.size)
        frames = round(work.seconds * FPS)
        return self._factor * running_time.seconds(
            frames, work.spans, work.steps, side, self.device
        )

    def update(self, request: Request, result: Result, took: float, session: Session) -> None:
        """Corrects the estimate by a run that took so many seconds, unless it is an outlier."""
        seconds = result.frames / FPS
        work = Work(
            request.portrait, request.face, seconds, request.steps, request.size, request.spans
        )
        ratio = took / (self.expected(work, session) or math.inf)
        if 1 / OUTLIER < ratio < OUTLIER:
            self._factor *= ratio ** (1 - MOMENTUM)


def note(clock: Clock, inputs: Inputs, output: Output) -> Callable[[dict[Component, Any]], str]:
    """The estimate beside Generate, as HTML; empty while inputs are missing."""

    def on_change(values: dict[Component, Any]) -> str:
        session: Session = values[output.session]
        # Errors are reported on Generate.
        with suppress(InputError, KeyError, TypeError, ValueError, StopIteration):
            if values[inputs.mode] == "edit":
                work = _edited(session, *values[inputs.timeline]["span"])
            else:
                work = work_of(given(inputs, values))
            return as_html(clock, [work], session)
        return ""

    return on_change


def as_html(clock: Clock, works: Sequence[Work | None], session: Session) -> str:
    """The expected time of all together, as HTML; empty if one is unknown.

    Raises:
        InputError: as `Clock.expected`.
    """
    times = [clock.expected(work, session) if work else None for work in works]
    known = [time for time in times if time]
    if not known or len(known) < len(works):
        return ""
    key = "estimate.cpu" if clock.device == "cpu" else "estimate.gpu"
    length = sum(work.seconds for work in works if work)
    return f'<p class="estimate">{escape(say(key, time=span(sum(known)), length=span(length)))}</p>'


def given(inputs: Inputs, values: dict[Component, Any]) -> dict[str, Any]:
    """The values of `INPUTS`, by name."""
    return {name: values[getattr(inputs, name)] for name in INPUTS}


def work_of(given: dict[str, Any]) -> Work | None:
    """The work of the open tab; None while its length is unknown."""
    portrait = admission.uploaded("portrait", given["portrait"])
    seconds = _length(given)
    if not seconds:
        return None
    return Work(portrait, int(given["face"]), seconds, int(given["steps"]), str(given["size"]))


def _length(given: dict[str, Any]) -> float | None:
    """Seconds of the take; None if unknown."""
    if given["mode"] == "video" and given["take"] == "reenact":
        return length(admission.uploaded("drive", given["drive"]))
    if given["source"] == "text":
        return timeline.spoken(str(given["text"] or ""))
    if given["source"] in ("upload", "record"):
        sound = given["upload" if given["source"] == "upload" else "recording"]
        return length(admission.uploaded("speech", sound))
    return float(given["seconds"])


def _edited(session: Session, start: Any, end: Any) -> Work | None:
    """The work of re-rendering a span of the opened take."""
    recipe = session.opened
    if recipe is None:
        return None
    take = next((take for take in session.takes if take.recipe is recipe), None)
    seconds = take.seconds if take else session.sound_of(recipe)["seconds"]
    photos = (path for path in session.inspections if path.is_file())
    portrait = next(p for p in photos if samples.fingerprint(p) == recipe["portrait"])
    spans = [Span.from_json(span) for span in recipe["spans"]]
    spans.append(Span(float(start), min(float(end), seconds), 0))
    return Work(portrait, recipe["face"], seconds, recipe["steps"], recipe["size"], spans)


def span(seconds: float) -> str:
    """A duration in words, rounded."""
    if seconds < 90:
        return say("estimate.seconds", count=max(1, round(seconds)))
    return say("estimate.minutes", count=round(seconds / 60))


def left(fraction: float, passed: float) -> str:
    """The estimated rest of a run, in words; "" before `SHOWN_FROM`."""
    if fraction < SHOWN_FROM:
        return ""
    return say("estimate.left", time=span(passed * (1 - fraction) / fraction))
