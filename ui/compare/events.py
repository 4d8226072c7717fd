"""Events of the Compare tab: one run after another, each into the player and the table."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.comparison import Compared
from gaia_core.errors import InputError
from gaia_core.request import Progress, Result, Segment
from ui.compare import compare, variants
from ui.compare.compare import Comparison, Grid
from ui.compare.table import table
from ui.compare.variants import Card
from ui.components import Inputs, Output, Updates
from ui.engine import Engine, run
from ui.faces import faces
from ui.form.events import form_of
from ui.i18n.text import say
from ui.run import estimate, view
from ui.run.estimate import Clock
from ui.run.events import address_of, paced, take_of, with_open_eyes
from ui.takes import result_view, store
from ui.takes.session import Session
from ui.timeline import timeline
from ui.toasts import toasts


def generate(
    engine: Engine,
    others: Sequence[Engine],
    inputs: Inputs,
    card: Card,
    grid: Grid,
    output: Output,
    clock: Clock,
) -> Callable[[dict[Component, Any], gr.Request], Iterator[Updates]]:
    """Generates all enabled variants, one after the other.

    One of other weights is not among the visitor's takes, which the studio's own can make again.
    """
    rivals: dict[Path | None, Engine] = {other.weights: other for other in others}

    def on_generate(values: dict[Component, Any], request: gr.Request) -> Iterator[Updates]:
        with toasts(page=True):
            wanted, columns = variants.wanted(values, form_of(values, inputs), card)
            session: Session = values[output.session]
            shown: Comparison = values[grid.state]
            shown.made, shown.columns = [], columns
            yield {grid.status: _working(wanted[0].name, 0, len(wanted), "")}
            with clock.job(session.expected.get("comparison")) as job:
                for index, variant in enumerate(wanted):
                    began, pictures = time.monotonic(), dict[int, str]()
                    asked, part = variant.request, (index, len(wanted))
                    maker = rivals.get(variant.weights, engine)
                    with closing(run(maker, asked)) as events:
                        followed = clock.followed(events, job, asked, session, part)
                        for event in paced(followed, pictures, job):
                            if isinstance(event, Segment):
                                continue
                            if not isinstance(event, Result):
                                yield {grid.status: _working(variant.name, *part, event.html())}
                                continue
                            took = time.monotonic() - began
                            found = getattr(maker, "measure", lambda result: None)(event)
                            shown.made.append(
                                Compared(variant, event.video, event.recipe, found, took)
                            )
                            if variant.weights:
                                session.files.add(event.video)
                            else:
                                line = timeline.of_take(engine, event, asked)
                                event = faces.without_shown_warnings(event, session)
                                picture = with_open_eyes(pictures, event)
                                name = f"{variant.name} · {variant.title}"
                                url = address_of(request)
                                session.add(take_of(event, asked, picture, url, line, name), asked)
                            yield _shown(shown, grid)
            yield _idle(shown, grid)

    return on_generate


def open_last(output: Output) -> Callable[[Comparison, Session, bool], Updates]:
    """Opens the last take of a comparison that has ended."""

    def on_end(shown: Comparison, session: Session, running: bool) -> Updates:
        if shown.made and session.takes:
            session.open = session.takes[0]
        return view.show(session, output, running=running)

    return on_end


def note(
    clock: Clock, inputs: Inputs, card: Card, output: Output
) -> Callable[[dict[Component, Any]], str]:
    """The estimated time of all takes together, as HTML."""

    def on_change(values: dict[Component, Any]) -> str:
        shared = estimate.given(inputs, values)
        # Errors are reported on Generate.
        with suppress(InputError, TypeError, ValueError):
            plans, _ = variants.planned(values, card)
            owns = (
                {"mode": plan.base, "steps": plan.own.get("steps", shared["steps"])}
                for plan in plans
            )
            works = [estimate.work_of(shared | own) for own in owns]
            return estimate.as_html(clock, works, values[output.session], "comparison")
        return ""

    return on_change


def values_of(card: Card) -> Callable[[Any], Any]:
    """Values to begin with, when another setting is chosen for an axis."""

    def on_choose(setting: Any) -> Any:
        return card.axes.get(setting, gr.skip()) if isinstance(setting, str) else gr.skip()

    return on_choose


def _working(name: str, index: int, count: int, progress: str) -> str:
    now = say("compare.now", name=name, index=index + 1, count=count)
    below = progress or result_view.working(Progress("start", 0.0))
    return f'<p class="compare-now" role="status">{escape(now)}</p>{below}'


def _shown(shown: Comparison, grid: Grid) -> Updates:
    some = bool(shown.made)
    return {
        grid.player: gr.update(value=compare.played(shown)),
        grid.table: gr.update(value=table(shown.made), visible=some),
        grid.again: gr.update(visible=some),
    }


def waiting(grid: Grid, clock: Clock) -> Callable[[Session, gr.Request], Updates]:
    """The page after the click, while the run is queued."""

    def on_click(session: Session, request: gr.Request) -> Updates:
        ready = estimate.ready(clock, session, "comparison", request.session_hash)
        return {
            grid.status: gr.update(value=result_view.working(None, ready=ready), visible=True),
            grid.player: gr.update(value=compare.played(Comparison())),
            grid.table: gr.update(visible=False),
            grid.again: gr.update(visible=False),
            grid.generate: gr.update(visible=False),
            grid.stop: gr.update(visible=True),
        }

    return on_click


def ended(grid: Grid) -> Callable[[Comparison], Updates]:
    """The page after Stop or a failure; finished variants stay."""
    return lambda shown: _idle(shown, grid)


def _idle(shown: Comparison, grid: Grid) -> Updates:
    empty = result_view.message(say("compare.stopped"), say("result.failed.hint"))
    return {
        **_shown(shown, grid),
        grid.status: gr.update(value=empty, visible=not shown.made),
        grid.generate: gr.update(visible=True),
        grid.stop: gr.update(visible=False, interactive=True),
    }


def packed(grid: Grid) -> Callable[[Comparison, Session], Updates]:
    """The comparison as one zip, in a folder that is deleted with the session."""

    def on_pack(shown: Comparison, session: Session) -> Updates:
        with toasts(page=True):
            folder: Path = store.new_folder()
            try:
                if not shown.made:
                    raise FileNotFoundError
                path = compare.pack(shown.made, shown.columns, folder)
            except FileNotFoundError:  # a take or an upload was deleted
                store.discard(folder)
                raise InputError(say("error.gone", field=say("media.take"))) from None
            except BaseException:
                store.discard(folder)
                raise
            session.files.add(path)
            return {grid.file: gr.update(value=str(path))}

    return on_pack
