"""Events of the Compare tab: one run after another, each into the player and the table."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.errors import InputError
from gaia_core.request import Progress, Request, Result, Segment
from gaia_core.settings import MODES
from ui.compare import compare
from ui.compare.compare import NAMES, OWN, Card, Compared, Comparison, Grid, Variant
from ui.components import Inputs, Output, Updates
from ui.engine import Engine, run
from ui.faces import faces
from ui.form.admission import Form, admit
from ui.form.events import form_of
from ui.form.modes import Edit
from ui.i18n.text import say
from ui.run import estimate
from ui.run.estimate import Clock
from ui.run.events import address_of, paced, take_of, with_open_eyes
from ui.takes import result_view, store
from ui.takes.session import Session
from ui.timeline import timeline
from ui.toasts import toasts


def generate(
    engine: Engine,
    inputs: Inputs,
    card: Card,
    grid: Grid,
    edit: Edit,
    output: Output,
    clock: Clock,
) -> Callable[[dict[Component, Any], gr.Request], Iterator[Updates]]:
    """Generates all enabled variants, one after the other."""

    def on_generate(values: dict[Component, Any], request: gr.Request) -> Iterator[Updates]:
        with toasts(page=True):
            wanted = _wanted(values, form_of(values, inputs), card)
            session: Session = values[output.session]
            comparison: Comparison = values[grid.state]
            comparison.made = []
            yield {grid.status: _working(wanted[0][0], 0, len(wanted), "")}
            with clock.job(session.expected.get("comparison")) as job:
                for index, (name, title, asked) in enumerate(wanted):
                    began, pictures = time.monotonic(), dict[int, str]()
                    part = index, len(wanted)
                    with closing(run(engine, asked)) as events:
                        followed = clock.followed(events, job, asked, session, part)
                        for event in paced(followed, pictures, job):
                            if isinstance(event, Segment):
                                continue
                            if not isinstance(event, Result):
                                yield {grid.status: _working(name, *part, event.html())}
                                continue
                            took = time.monotonic() - began
                            line = timeline.of_take(engine, event, asked)
                            event = faces.without_shown_warnings(event, session)
                            picture, named = with_open_eyes(pictures, event), f"{name} · {title}"
                            url = address_of(request)
                            take = take_of(event, asked, picture, url, line, named)
                            session.add(take, asked)
                            found = getattr(engine, "measure", lambda result: None)(event)
                            comparison.made.append(Compared(name, title, take, found, took))
                            yield {
                                **_shown(comparison, grid),
                                output.history_card: gr.update(visible=True),
                                output.history: result_view.history(session.takes, 0),
                                edit.opened: result_view.opened(take.recipe, take.seconds),
                            }
            yield _idle(comparison, grid)

    return on_generate


def note(
    clock: Clock, inputs: Inputs, card: Card, output: Output
) -> Callable[[dict[Component, Any]], str]:
    """The estimated time of all enabled variants together, as HTML."""

    def on_change(values: dict[Component, Any]) -> str:
        shared = estimate.given(inputs, values)
        works = []
        # Errors are reported on Generate.
        with suppress(InputError, TypeError, ValueError):
            for variant in card.variants:
                if values[variant.on]:
                    steps = _own(values, variant).get("steps", shared["steps"])
                    own = {"mode": values[variant.base], "steps": steps}
                    works.append(estimate.work_of(shared | own))
            return estimate.as_html(clock, works, values[output.session], "comparison")
        return ""

    return on_change


def _wanted(values: dict[Component, Any], form: Form, card: Card) -> list[tuple[str, str, Request]]:
    """Name, title and request of each enabled variant, all checked before the first run."""
    seed, found = None, []
    for name, variant in zip(NAMES, card.variants, strict=True):
        if not values[variant.on]:
            continue
        base = values[variant.base]
        if base not in MODES:
            raise InputError(say("error.mode"))
        try:
            own = _own(values, variant)
            instruction = own.get("instruction", form.instruction)
            raw = replace(form, mode=base, instruction=instruction).raw_request()
            seed = raw.seed if seed is None else seed  # drawn once for all
            admitted = admit(replace(raw, **{"seed": seed, **own}))
        except InputError as error:
            raise InputError(say("compare.wrong", name=name, sentence=error.message)) from None
        found.append((name, compare.title(base, own), admitted))
    if not found:
        raise InputError(say("compare.error.none"))
    return found


def _own(values: dict[Component, Any], variant: Variant) -> dict[str, Any]:
    """The settings that a variant overrides."""
    own = {}
    for key in OWN:
        given = values[getattr(variant, key)]
        if isinstance(given, str) and given.strip():
            own[key] = given.strip() if key == "instruction" else _number(key, given)
    return own


def _number(field: str, text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise InputError(say("error.number", field=say(f"{field}.label"))) from None


def _working(name: str, index: int, count: int, progress: str) -> str:
    now = say("compare.now", name=name, index=index + 1, count=count)
    below = progress or result_view.working(Progress("start", 0.0))
    return f'<p class="compare-now" role="status">{escape(now)}</p>{below}'


def _shown(comparison: Comparison, grid: Grid) -> Updates:
    some = bool(comparison.made)
    return {
        grid.player: gr.update(value=compare.played(comparison.made)),
        grid.table: gr.update(value=compare.table(comparison.made), visible=some),
        grid.again: gr.update(visible=some),
    }


def waiting(grid: Grid, clock: Clock) -> Callable[[Session, gr.Request], Updates]:
    """The page after the click, while the run is queued."""

    def on_click(session: Session, request: gr.Request) -> Updates:
        ready = estimate.ready(clock, session, "comparison", request.session_hash)
        return {
            grid.status: gr.update(value=result_view.working(None, ready=ready), visible=True),
            grid.player: gr.update(value=compare.played([])),
            grid.table: gr.update(visible=False),
            grid.again: gr.update(visible=False),
            grid.generate: gr.update(visible=False),
            grid.stop: gr.update(visible=True),
        }

    return on_click


def ended(grid: Grid) -> Callable[[Comparison], Updates]:
    """The page after Stop or a failure; finished variants stay."""
    return lambda comparison: _idle(comparison, grid)


def _idle(comparison: Comparison, grid: Grid) -> Updates:
    empty = result_view.message(say("compare.stopped"), say("result.failed.hint"))
    return {
        **_shown(comparison, grid),
        grid.status: gr.update(value=empty, visible=not comparison.made),
        grid.generate: gr.update(visible=True),
        grid.stop: gr.update(visible=False),
    }


def packed(grid: Grid) -> Callable[[Comparison, Session], Updates]:
    """The comparison as one zip, in a folder that is deleted with the session."""

    def on_pack(comparison: Comparison, session: Session) -> Updates:
        with toasts(page=True):
            made = comparison.made
            if not made or not all(one.take.video.is_file() for one in made):
                raise InputError(say("error.gone", field=say("media.take")))
            folder: Path = store.new_folder()
            try:
                path = compare.pack(made, folder)
            except BaseException:
                store.discard(folder)
                raise
            session.files.add(path)
            return {grid.file: gr.update(value=str(path))}

    return on_pack
