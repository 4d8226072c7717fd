"""The estimated time of a run, before it starts and while it lasts."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from gradio.components import Component

from gaia_core import FPS, running_time
from gaia_core.errors import InputError
from gaia_core.media.audio import length
from gaia_core.media.compositing import fitting
from gaia_core.request import Event, Progress, Request, Result, Span
from gaia_core.speech.voices import find_voice
from ui import samples
from ui.components import Inputs, Output
from ui.engine import Engine
from ui.faces import faces
from ui.form import admission
from ui.gradio_compat import waiting
from ui.i18n.text import say
from ui.takes.session import Session
from ui.timeline import timeline

INPUTS = (
    *("mode", "portrait", "face", "steps", "size"),
    *("source", "text", "voice", "upload", "recording", "seconds", "take", "drive"),
)
RUNS = "gpu"  # the concurrency id of all runs
MOMENTUM = 0.5  # of the running estimate of this machine's speed
SHOWN_FROM = 0.2  # share of a run after which the rest can be estimated
OUTLIER = 4.0  # runs this many times faster or slower than expected do not count
UNKNOWN = 20.0  # seconds of a run of which nothing is known


@dataclass(frozen=True)
class Work:
    """What the time of a run depends on; `voice` is "" if no text is spoken."""

    portrait: Path
    face: int
    seconds: float
    steps: int
    size: str
    spans: Sequence[Span] = ()
    voice: str = ""


@dataclass
class Job:
    """What occupies the machine: one run, or the runs of a comparison.

    Attributes:
        expected: seconds of all runs together; None if unknown.
        began: as `time.monotonic` has it.
        fraction: of the whole work that is done.
    """

    expected: float | None
    began: float
    fraction: float = 0.0

    def rest(self) -> float:
        """Seconds until it ends: by its own pace once that is known."""
        passed = time.monotonic() - self.began
        if self.fraction >= SHOWN_FROM:
            return passed * (1 - self.fraction) / self.fraction
        return max((self.expected or UNKNOWN) - passed, 1.0)

    def slowness(self) -> float:
        """How many times longer than expected it takes; 1 while that is unknown."""
        if self.expected is None or self.fraction < SHOWN_FROM:
            return 1.0
        ratio = (time.monotonic() - self.began) / self.fraction / self.expected
        return ratio if 1 / OUTLIER < ratio < OUTLIER else 1.0


class Clock:
    """Estimates the time of runs on this machine, corrected by those so far and the present one."""

    def __init__(self, engine: Engine) -> None:
        """An engine without `device` is taken to run on the CPU."""
        self.device = str(getattr(getattr(engine, "device", None), "type", "cpu"))
        self._engine, self._factor = engine, 1.0
        self._voices = {"edge": 2.0, "offline": 1.5}  # seconds until the last one had spoken
        self._job: Job | None = None
        self._asked: dict[str, float] = {}  # seconds of the runs of those who wait

    def expected(self, work: Work, session: Session) -> float | None:
        """Expected seconds; None if the photo cannot be animated.

        Raises:
            InputError: the photo cannot be read or shows no face, or there is no such voice.
        """
        base = self._base(work, session)
        slowness = self._job.slowness() if self._job else 1.0
        voice = self._voices[find_voice(work.voice).engine] if work.voice else 0.0
        return None if base is None else self._factor * slowness * base + voice

    def ahead(self, visitor: str, seconds: float, waiting: Sequence[str]) -> float:
        """Seconds until a visitor's run of so many seconds is finished, waiting included.

        Args:
            waiting: the visitors in the queue.
        """
        self._asked = {one: self._asked[one] for one in waiting if one in self._asked}
        before = sum(self._asked.get(one, UNKNOWN) for one in waiting)
        self._asked[visitor] = seconds
        return seconds + before + (self._job.rest() if self._job else 0.0)

    @contextmanager
    def job(self, expected: float | None) -> Iterator[Job]:
        """The time in which the machine is occupied by a visitor."""
        job = self._job = Job(expected, time.monotonic())
        try:
            yield job
        finally:
            if self._job is job:  # one that was stopped may end after the next has begun
                self._job = None

    def followed(
        self,
        events: Iterable[Event],
        job: Job,
        request: Request,
        session: Session,
        part: tuple[int, int] = (0, 1),
    ) -> Iterator[Event]:
        """The events of a run, of which job and clock take note.

        Args:
            part: number of this run in its job, and of all.
        """
        began, index, count = time.monotonic(), *part
        spoke, speaking = 0.0, None
        for event in events:
            now = time.monotonic()
            if isinstance(event, Progress):
                job.fraction = (index + min(max(event.fraction, 0.0), 1.0)) / count
                if event.stage == "voice":
                    speaking = now
                elif speaking is not None:
                    spoke, speaking = now - speaking, None
            elif isinstance(event, Result):
                if request.text:
                    self._voices[find_voice(request.voice).engine] = spoke
                self.update(request, event, now - began - spoke, session)
            yield event

    def update(self, request: Request, result: Result, took: float, session: Session) -> None:
        """Corrects the estimate by a run that took so many seconds, unless it is an outlier."""
        seconds = result.frames / FPS
        work = Work(
            request.portrait, request.face, seconds, request.steps, request.size, request.spans
        )
        ratio = took / (self._base(work, session) or math.inf) / self._factor
        if 1 / OUTLIER < ratio < OUTLIER:
            self._factor *= ratio ** (1 - MOMENTUM)

    def _base(self, work: Work, session: Session) -> float | None:
        """Seconds on the machine on which `running_time` was measured, without the voice."""
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
        return running_time.seconds(frames, work.spans, work.steps, side, self.device)


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
            return as_html(clock, [work], session, "take")
        return ""

    return on_change


def as_html(
    clock: Clock, works: Sequence[Work | None], session: Session, of: Literal["take", "comparison"]
) -> str:
    """The expected time of all together, as HTML; empty if one is unknown. The session keeps it.

    Raises:
        InputError: as `Clock.expected`.
    """
    session.expected.pop(of, None)
    times = [clock.expected(work, session) if work else None for work in works]
    known = [seconds for seconds in times if seconds]
    if not known or len(known) < len(works):
        return ""
    session.expected[of] = sum(known)
    key = "estimate.cpu" if clock.device == "cpu" else "estimate.gpu"
    length = sum(work.seconds for work in works if work)
    return f'<p class="estimate">{escape(say(key, time=span(sum(known)), length=span(length)))}</p>'


def ready(clock: Clock, session: Session, of: Literal["take", "comparison"], visitor: Any) -> str:
    """When a queued run will be finished, as HTML that counts down; "" if unknown.

    Args:
        visitor: the session hash.
    """
    own = session.expected.get(of)
    if own is None:
        return ""
    seconds = clock.ahead(str(visitor), own, waiting(RUNS))
    short, long = (
        say("queue.ready", time=say(f"estimate.{unit}", count="{count}"))
        for unit in ("seconds", "minutes")
    )
    return (
        f'<span class="status-ready" data-seconds="{seconds:.0f}" data-short="{escape(short)}" '
        f'data-long="{escape(long)}">{escape(say("queue.ready", time=span(seconds)))}</span>'
    )


def given(inputs: Inputs, values: dict[Component, Any]) -> dict[str, Any]:
    """The values of `INPUTS`, by name."""
    return {name: values[getattr(inputs, name)] for name in INPUTS}


def work_of(given: dict[str, Any]) -> Work | None:
    """The work of the open tab; None while its length is unknown."""
    portrait = admission.uploaded("portrait", given["portrait"])
    seconds = _length(given)
    if not seconds:
        return None
    spoken = given["source"] == "text" and not _reenacted(given)
    voice = str(given["voice"]) if spoken else ""
    face, steps, size = int(given["face"]), int(given["steps"]), str(given["size"])
    return Work(portrait, face, seconds, steps, size, voice=voice)


def _reenacted(given: dict[str, Any]) -> bool:
    """Whether length and sound are those of the driving video."""
    return bool(given["mode"] == "video" and given["take"] == "reenact")


def _length(given: dict[str, Any]) -> float | None:
    """Seconds of the take; None if unknown."""
    if _reenacted(given):
        return length(admission.uploaded("drive", given["drive"]))
    if given["source"] == "text":
        return timeline.spoken(str(given["text"] or ""))
    if given["source"] in ("upload", "record"):
        sound = given["upload" if given["source"] == "upload" else "recording"]
        return length(admission.uploaded("speech", sound))
    return float(given["seconds"])


def _edited(session: Session, start: Any, end: Any) -> Work | None:
    """The work of re-rendering a span of the opened take."""
    take = session.open
    if take is None or take.seconds is None:
        return None
    recipe, seconds = take.recipe, take.seconds
    photos = (path for path in session.inspections if path.is_file())
    portrait = next(p for p in photos if samples.fingerprint(p) == recipe["portrait"])
    spans = [Span.from_json(span) for span in recipe["spans"]]
    spans.append(Span(float(start), min(float(end), seconds), 0))
    voice = recipe["voice"] if recipe["text"] else ""
    return Work(portrait, recipe["face"], seconds, recipe["steps"], recipe["size"], spans, voice)


def span(seconds: float) -> str:
    """A duration in words, rounded."""
    if seconds < 90:
        return say("estimate.seconds", count=max(1, round(seconds)))
    return say("estimate.minutes", count=round(seconds / 60))


def left(job: Job) -> str:
    """The estimated rest of a job, in words; "" while nothing is known."""
    if job.expected is None and job.fraction < SHOWN_FROM:
        return ""
    return say("estimate.left", time=span(job.rest()))
