"""A run: events of the engine become updates of the page."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.errors import InputError
from gaia_core.request import Event, Preview, Progress, Request, Result, Segment, draw_seed
from ui.components import Inputs, Output, Updates
from ui.engine import UPDATE_EVERY, Engine, run
from ui.faces import faces
from ui.form import admission, restore
from ui.form.admission import Form, admit
from ui.form.events import form_of, media_of
from ui.form.modes import Edit
from ui.i18n.text import say
from ui.run import estimate, view
from ui.run.estimate import Clock, Job, left
from ui.takes import downloads, live_player, result_view
from ui.takes.session import Session, Take
from ui.timeline import timeline
from ui.toasts import toasts

PREVIEW_EVERY = 0.4  # seconds
# The session, and whether Stop was pressed, which disables it.
STOPPED = """(session) => [session, document.querySelector("#stop").disabled]"""


def generate(
    engine: Engine,
    inputs: Inputs,
    edit: Edit,
    output: Output,
    watch: gr.Checkbox,
    clock: Clock,
) -> Callable[[dict[Component, Any], gr.Request], Iterator[Updates]]:
    """The handler of Generate: all controls to the result panel."""

    def on_generate(values: dict[Component, Any], request: gr.Request) -> Iterator[Updates]:
        with toasts(page=True):
            session: Session = values[output.session]
            form = form_of(values, inputs)
            if form.mode == "edit":
                wanted = _edited(values, form, edit, session)
            else:
                # As it stands beside the photo, and before consent is asked for.
                faces.check(engine, form.portrait, form.face, session)
                wanted = admit(form.raw_request())
            yield {output.status: result_view.working(Progress("start", 0.0))}
            watched = bool(values[watch])
            with (
                clock.job(session.expected.get("take")) as job,
                closing(run(engine, wanted, watched)) as events,
            ):
                pictures: dict[int, str] = {}
                playing, pace, held = False, live_player.Pace(), list[Segment]()
                followed = clock.followed(pace.watched(events), job, wanted, session)
                for event in paced(followed, pictures, job):
                    if isinstance(event, Segment):
                        held.append(event)
                        if playing or pace.ready():
                            playing = True
                            for part in held:
                                hidden = gr.update(visible=False)
                                yield {output.status: hidden, **output.live.play(part)}
                            held.clear()
                        continue
                    if isinstance(event, Result):
                        line = timeline.of_take(engine, event, wanted)
                        event = faces.without_shown_warnings(event, session)
                        picture = with_open_eyes(pictures, event)
                        take = take_of(event, wanted, picture, address_of(request), line)
                        session.add(take, wanted)
                        live = output.live.behind() if playing else {}
                        yield {**_finished(take, session, inputs, edit, output), **live}
                    else:
                        if playing:
                            yield {output.live.note: event.bar(say("watch.waits"))}
                        else:
                            wait = say("watch.held") if watched and pace.made else ""
                            yield {output.status: event.html(wait)}

    return on_generate


def _edited(values: dict[Component, Any], form: Form, edit: Edit, session: Session) -> Request:
    if session.open is None:
        raise InputError(say("error.nothing"))
    return admission.rerender(
        session.open.recipe,
        media_of(session, form),
        *form.span(),
        draw_seed() if values[edit.random] else values[edit.seed],
        form.controls() if values[edit.controlled] else None,
        form.consented,
    )


def address_of(request: gr.Request) -> str:
    """The studio's public address."""
    served = "" if request.request is None else request.request.base_url
    return str(request.headers.get("origin") or served).rstrip("/")


@dataclass(frozen=True)
class Step:
    """How far a run is, to be shown: its progress, latest frame (a URL) and rest in words."""

    progress: Progress
    preview: str
    left: str

    def html(self, note: str = "") -> str:
        """With the latest frame."""
        return result_view.working(self.progress, self.preview, self.left, note)

    def bar(self, note: str) -> str:
        """Below a player."""
        return result_view.bar(self.progress, self.left, note)


def paced(
    events: Iterable[Event], pictures: dict[int, str], job: Job
) -> Iterator[Step | Segment | Result]:
    """Progress and previews at a limited rate; segments and results as they are.

    Args:
        pictures: collects the shown previews, by frame.
        job: whose fraction and rest are told.
    """
    progress, preview = Progress("start", job.fraction), ""
    updated = previewed = -1.0
    for event in events:
        now = time.monotonic()
        if isinstance(event, Segment | Result):
            yield event
        elif isinstance(event, Progress):
            progress = Progress(event.stage, max(job.fraction, progress.fraction))
        elif isinstance(event, Preview) and now - previewed >= PREVIEW_EVERY:
            preview, previewed = result_view.data_url(event.frame), now
            pictures[event.index] = preview
            updated = -1.0  # immediately: a short take may end before the next update
        if now - updated >= UPDATE_EVERY and not isinstance(event, Segment | Result):
            updated = now
            yield Step(progress, preview, left(job))


def with_open_eyes(pictures: Mapping[int, str], result: Result) -> str:
    """The preview on which the eyes are widest open, as the take's picture; "" without any."""
    eyes = (result.traces or {}).get("eyes", ())
    return pictures[max(pictures, key=lambda i: eyes[i] if len(eyes) else 0)] if pictures else ""


def take_of(
    result: Result,
    request: Request,
    picture: str,
    url: str,
    line: Mapping[str, Any],
    name: str = "",
) -> Take:
    """A result as a `Take`; writes its recipe and further files beside the video.

    Args:
        name: in the list; by default what was asked for.
    """
    downloads.keep(result)
    seconds = result_view.seconds(result)
    take = Take(
        name=name or restore.name_of(request),
        video=result.video,
        recipe=result.recipe,
        facts=result_view.facts(result.recipe, seconds, result.notices),
        code=restore.python_code(replace(request, voice=result.recipe["voice"]), url),
        thumbnail=picture,
        seconds=seconds,
        timeline=line,
    )
    take.write_recipe()
    return take


def _finished(take: Take, session: Session, inputs: Inputs, edit: Edit, output: Output) -> Updates:
    session.open = take
    seed: Updates
    if take.recipe["spans"]:
        seed = {edit.seed: take.recipe["spans"][-1]["seed"]}
    else:
        seed = {inputs.seed: take.recipe["seed"]}
    return {**view.show(session, output, autoplay=True), **view.idle(output), **seed}


def waiting(output: Output, clock: Clock) -> Callable[[Session, gr.Request], Updates]:
    """The page after the click, while the run is queued."""

    def on_click(session: Session, request: gr.Request) -> Updates:
        ready = estimate.ready(clock, session, "take", request.session_hash)
        return {
            **view.running(output, result_view.working(None, ready=ready)),
            output.generate: gr.update(visible=False),
            output.stop: gr.update(visible=True),
            output.running: True,
        }

    return on_click


def ended(output: Output) -> Callable[[Session, bool], Updates]:
    """The page after a run without a take: the one that was open before, or else a message.

    Gradio reports a stopped run as a failure too. Nothing else offers Generate again after one, so
    that no answer for a run can arrive during the next.
    """

    def on_failure(session: Session, stopped: bool) -> Updates:
        empty = "result.stopped" if stopped else "result.failed"
        return {**view.panel(session, output, empty), **view.idle(output)}

    return on_failure
