"""How long a run will take: told before it and, from how far it has come, while it goes on."""

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
from ui.form.modes import Edit
from ui.i18n.text import say
from ui.takes.session import Session
from ui.timeline import timeline

ASKED = (
    *("mode", "portrait", "face", "steps", "size"),
    *("source", "text", "upload", "recording", "seconds", "take", "drive"),
)
FORGET = 0.7  # how much of what was known of this machine's speed stays after another run
TOLD_FROM = 0.2  # of a run done; before, it says little about the rest
FAR = 4.0  # as often longer or shorter than expected a run may be to be learned from


@dataclass(frozen=True)
class Work:
    """What a run's length depends on."""

    portrait: Path
    face: int
    seconds: float
    steps: int
    size: str
    spans: Sequence[Span] = ()


class Clock:
    """How long work takes on this machine, as far as its runs have shown."""

    def __init__(self, engine: Engine) -> None:
        """An engine that does not say where its networks are is taken to run on the CPU."""
        self.device = str(getattr(getattr(engine, "device", None), "type", "cpu"))
        self._engine, self._factor = engine, 1.0

    def expected(self, work: Work, session: Session) -> float | None:
        """Seconds that it will take; None if the photo cannot be animated.

        Raises:
            InputError: the photo cannot be read, or shows no face.
        """
        look = faces.seen(self._engine, work.portrait, session)
        shown = look.faces
        if not 0 <= work.face < len(shown) or shown[work.face].problem:
            return None
        if work.size == "photo":
            crop = shown[work.face].side
            side = round(crop * fitting(look.width, look.height, crop))
        else:
            side = int(work.size)
        frames = round(work.seconds * FPS)
        return self._factor * running_time.seconds(
            frames, work.spans, work.steps, side, self.device
        )

    def learn(self, request: Request, result: Result, took: float, session: Session) -> None:
        """Takes a run of so many seconds into account, unless something else held it up."""
        seconds = result.frames / FPS
        work = Work(
            request.portrait, request.face, seconds, request.steps, request.size, request.spans
        )
        ratio = took / (self.expected(work, session) or math.inf)
        if 1 / FAR < ratio < FAR:
            self._factor *= ratio ** (1 - FORGET)


def note(
    clock: Clock, inputs: Inputs, edit: Edit, output: Output
) -> Callable[[dict[Component, Any]], str]:
    """What to expect of the button, as HTML; nothing while too little is known."""

    def on_change(values: dict[Component, Any]) -> str:
        session: Session = values[output.session]
        # What is wrong is said when the button is pressed.
        with suppress(InputError, KeyError, TypeError, ValueError, StopIteration):
            if values[inputs.mode] == "edit":
                work = _edited(session, values[edit.start], values[edit.end])
            else:
                work = asked_for(given(inputs, values))
            return told(clock, [work], session)
        return ""

    return on_change


def told(clock: Clock, works: Sequence[Work | None], session: Session) -> str:
    """How long it takes to do all of it, as HTML; nothing if that of one is not known.

    Raises:
        InputError: as `Clock.expected`.
    """
    waits = [clock.expected(work, session) if work else None for work in works]
    known = [wait for wait in waits if wait]
    if not known or len(known) < len(works):
        return ""
    key = "wait.cpu" if clock.device == "cpu" else "wait.gpu"
    length = sum(work.seconds for work in works if work)
    return f'<p class="wait">{escape(say(key, wait=span(sum(known)), length=span(length)))}</p>'


def given(inputs: Inputs, values: dict[Component, Any]) -> dict[str, Any]:
    """Of the page's values those that a run's length depends on, by name."""
    return {name: values[getattr(inputs, name)] for name in ASKED}


def asked_for(given: dict[str, Any]) -> Work | None:
    """What a tab asks for; None while its length is not known."""
    portrait = admission.uploaded("portrait", given["portrait"])
    seconds = _length(given)
    if not seconds:
        return None
    return Work(portrait, int(given["face"]), seconds, int(given["steps"]), str(given["size"]))


def _length(given: dict[str, Any]) -> float | None:
    """Seconds of the take, as far as they are known."""
    if given["mode"] == "video" and given["take"] == "reenact":
        return length(admission.uploaded("drive", given["drive"]))
    if given["source"] == "text":
        return timeline.spoken(str(given["text"] or ""))
    if given["source"] in ("upload", "record"):
        sound = given["upload" if given["source"] == "upload" else "recording"]
        return length(admission.uploaded("speech", sound))
    return float(given["seconds"])


def _edited(session: Session, start: Any, end: Any) -> Work | None:
    """A span of the opened take."""
    recipe = session.opened
    if recipe is None:
        return None
    take = next((take for take in session.takes if take.recipe is recipe), None)
    seconds = take.seconds if take else session.heard_of(recipe)["seconds"]
    photos = (path for path in session.inspections if path.is_file())
    portrait = next(p for p in photos if samples.fingerprint(p) == recipe["portrait"])
    spans = [Span.from_json(span) for span in recipe["spans"]]
    spans.append(Span(float(start), min(float(end), seconds), 0))
    return Work(portrait, recipe["face"], seconds, recipe["steps"], recipe["size"], spans)


def span(seconds: float) -> str:
    """A time in words, no more exact than it is known."""
    if seconds < 90:
        return say("wait.seconds", count=max(1, round(seconds)))
    return say("wait.minutes", count=round(seconds / 60))


def left(fraction: float, passed: float) -> str:
    """What is left of a run of which a fraction is done after so many seconds; "" at its start."""
    if fraction < TOLD_FROM:
        return ""
    return say("wait.left", wait=span(passed * (1 - fraction) / fraction))
