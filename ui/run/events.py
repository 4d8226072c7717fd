"""What happens on the page: events of the engine, and of its controls, become updates."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from gaia_core.controls import CHANNELS, PRESETS
from gaia_core.errors import InputError
from gaia_core.media.video import read_recipe
from gaia_core.request import Preview, Progress, Request, Result, Segment
from ui import samples
from ui.engine import UPDATE_EVERY, Engine, run, toasts
from ui.faces import faces
from ui.form import admission, restore
from ui.form.admission import FORM, SOURCES, Form, admit
from ui.form.modes import Edit
from ui.i18n.text import say, t
from ui.panels import Inputs, Output, speech_choices
from ui.run.estimate import Clock, left, spoken
from ui.takes import downloads, result_view
from ui.takes.session import Session, Take
from ui.timeline import timeline

PREVIEW_EVERY = 0.4  # seconds

Updates = dict[Block, Any]


# Making a take


def generate(
    engine: Engine,
    inputs: Inputs,
    edit: Edit,
    output: Output,
    watch: gr.Checkbox,
    clock: Clock,
) -> Callable[[dict[Component, Any], gr.Request], Iterator[Updates]]:
    """The handler of the button: all controls in, the result panel out."""

    def on_generate(values: dict[Component, Any], request: gr.Request) -> Iterator[Updates]:
        with toasts(page=True):
            session: Session = values[output.session]
            form = form_of(values, inputs)
            if form.mode == "edit":
                wanted = _edited(values, form, edit, session)
            else:
                wanted = admit(form.asked())
            yield {output.stage: result_view.working(Progress("start", 0.0))}
            with closing(run(engine, wanted, bool(values[watch]))) as events:
                picture, playing, began = "", False, time.monotonic()
                for event in paced(events):
                    if isinstance(event, Segment):
                        yield {output.stage: gr.update(visible=False), **output.live.play(event)}
                        playing = True
                        continue
                    if isinstance(event, Result):
                        line = timeline.of_take(engine, event, wanted)
                        event = faces.unsaid(event, session)
                        take = take_of(event, wanted, picture, address_of(request), line)
                        session.add(take, wanted)
                        clock.learn(wanted, event, time.monotonic() - began, session)
                        watched = output.live.behind() if playing else output.live.hidden()
                        yield {**_finished(session, inputs, edit, output, form.mode), **watched}
                    else:
                        picture = event[1] or picture
                        yield {output.stage: gr.skip() if playing else event[0]}

    return on_generate


def form_of(values: dict[Component, Any], inputs: Inputs) -> Form:
    """The values of the page's controls by name."""

    def value(name: str) -> Any:
        part = getattr(inputs, name)
        if isinstance(part, dict):
            return {key: values[slider] for key, slider in part.items()}
        return values[part]

    return Form(**{name: value(name) for name in FORM})


def _edited(values: dict[Component, Any], form: Form, edit: Edit, session: Session) -> Request:
    if session.opened is None:
        raise InputError(say("error.nothing"))
    return admission.rerender(
        session.opened,
        _media(session, form),
        values[edit.start],
        values[edit.end],
        values[edit.seed],
        form.controls() if values[edit.controlled] else None,
        form.consent,
    )


def _media(session: Session, form: Form) -> list[Path]:
    """Where a recipe's media may be: what this visitor used or has chosen now."""
    chosen = {"portrait": form.portrait, "speech": form.upload, "drive": form.drive}
    found = [admission.uploaded(name, value) for name, value in chosen.items() if value]
    if form.recording:
        found.append(admission.uploaded("speech", form.recording))
    return [*session.files, *found]


def address_of(request: gr.Request) -> str:
    """The studio's address as the visitor knows it."""
    served = "" if request.request is None else request.request.base_url
    return str(request.headers.get("origin") or served).rstrip("/")


def paced(events: Iterable[Any]) -> Iterator[tuple[str, str] | Segment | Result]:
    """Progress and previews as HTML, few enough for a slow line; what is a film as it is."""
    progress, preview = Progress("start", 0.0), ""
    updated = previewed = -1.0
    began = time.monotonic()
    for event in events:
        now = time.monotonic()
        if isinstance(event, Segment | Result):
            yield event
        elif isinstance(event, Progress):
            progress = Progress(event.stage, max(event.fraction, progress.fraction))
        elif isinstance(event, Preview) and now - previewed >= PREVIEW_EVERY:
            preview, previewed = result_view.data_url(event.frame), now
            updated = -1.0  # at once: a short take may end before the next is due
        if now - updated >= UPDATE_EVERY and not isinstance(event, Segment | Result):
            updated = now
            rest = left(progress.fraction, now - began)
            yield result_view.working(progress, preview, rest), preview


def take_of(
    result: Result, request: Request, picture: str, url: str, line: Mapping[str, Any]
) -> Take:
    """A result for the session's list; what belongs to it is written beside its video."""
    downloads.keep(result)
    recipe = result.video.with_suffix(".json")
    recipe.write_text(json.dumps(result.recipe, indent=2, ensure_ascii=False), encoding="utf-8")
    return Take(
        video=result.video,
        recipe=result.recipe,
        facts=result_view.facts(result),
        code=restore.python_code(request, url),
        thumbnail=picture,
        seconds=result_view.seconds(result),
        timeline=line,
    )


def _finished(session: Session, inputs: Inputs, edit: Edit, output: Output, mode: str) -> Updates:
    take = session.takes[0]
    updates = {
        **_shown(take, output),
        output.video: gr.update(
            value=str(take.video),
            subtitles=downloads.subtitles(take.video),
            visible=True,
            autoplay=True,
        ),
        output.generate: gr.update(visible=True),
        output.stop: gr.update(visible=False),
        output.running: False,
        output.history_card: gr.update(visible=True),
        output.history: result_view.history(session.takes, 0),
        edit.opened: result_view.opened(take.recipe, take.seconds),
    }
    if mode != "edit":
        updates[inputs.seed] = take.recipe["seed"]
    return updates


def _shown(take: Take, output: Output) -> Updates:
    """A take in the result panel."""
    return {
        output.stage: gr.update(visible=False),
        **downloads.offered(output.also, take.video),
        # Its subtitles follow: a player that appears with both loses the film.
        output.video: gr.update(value=str(take.video), visible=True, autoplay=False),
        output.facts: gr.update(value=take.facts, visible=True),
        output.details: gr.update(visible=True),
        output.recipe: take.recipe,
        output.code: take.code,
        output.download: gr.update(value=str(take.video.with_suffix(".json"))),
        output.timeline: gr.update(**take.timeline),
        output.shown: "take",
    }


def waiting(output: Output) -> Callable[[], Updates]:
    """The page right after the click, before there is a free place."""
    return lambda: {
        **_stage_only(output, result_view.working(None)),
        output.generate: gr.update(visible=False),
        output.stop: gr.update(visible=True),
        output.running: True,
    }


def stopped(output: Output) -> Callable[[str], Updates]:
    """The page after Stop."""
    return lambda shown: _idle(output, "result.stopped", shown)


def failed(output: Output) -> Callable[[str, bool], Updates]:
    """The page after a failure.

    Gradio calls a stopped run a failure too, once the last progress on its way has arrived.
    """

    def on_failure(shown: str, running: bool) -> Updates:
        return _idle(output, "result.failed" if running else "result.stopped", shown)

    return on_failure


def _idle(output: Output, key: str, shown: str) -> Updates:
    """The buttons as at first, and the video there was before, or else a sentence."""
    if shown:
        view: Updates = {
            output.stage: gr.update(visible=False),
            output.video: gr.update(visible=True, autoplay=False),
            output.facts: gr.update(visible=True),
            output.details: gr.update(visible=shown == "take"),
        }
    else:
        view = _stage_only(output, result_view.message(say(key), say(f"{key}.hint")))
    return {
        **view,
        **output.live.hidden(),
        output.generate: gr.update(visible=True),
        output.stop: gr.update(visible=False),
        output.running: False,
    }


def _stage_only(output: Output, content: str) -> Updates:
    return {
        **output.live.hidden(),
        output.stage: gr.update(value=content, visible=True),
        output.video: gr.update(visible=False, subtitles=downloads.subtitles(None)),
        output.facts: gr.update(visible=False),
        output.details: gr.update(visible=False),
    }


# The form


def choose_portrait(
    portrait: Path, inputs: Inputs, output: Output
) -> Callable[[str, bool], Updates]:
    """An example portrait into the form, and its ready-made video unless a take is in the way."""

    def on_choose(shown: str, running: bool) -> Updates:
        ready = samples.output_of(portrait)
        updates: Updates = {inputs.portrait: str(portrait)}
        if ready and shown != "take" and not running:
            updates |= {
                output.stage: gr.update(visible=False),
                output.video: gr.update(value=str(ready), visible=True, autoplay=False),
                output.facts: gr.update(value=result_view.caption(), visible=True),
                output.shown: "example",
            }
        return updates

    return on_choose


def preset(name: str) -> Callable[[Any, Any, Any], tuple[list[Any], float]]:
    """Adds a preset's keyframes from a second on; the next preset follows after it."""

    def on_preset(keys: Any, at: Any, lasts: Any) -> tuple[list[Any], float]:
        with toasts(page=True):
            rows = [row for track in admission.tracks(keys).items() for row in _rows(*track)]
            start, length = max(float(at or 0), 0.0), max(float(lasts or 0), 0.4)
            order = {channel: index for index, channel in enumerate(CHANNELS)}
            added = PRESETS[name](length).to_json()["tracks"]
            end = round(start + length, 2)
            kept = [row for row in rows if not (row[0] in added and start <= row[1] <= end)]
            new = [
                [channel, round(second + start, 2), round(value, 2), easing]
                for channel, track in added.items()
                for second, value, easing in track
            ]
            return sorted(kept + new, key=lambda row: (order.get(row[0], 0), row[1])), end

    return on_preset


def _rows(channel: str, track: list[list[Any]]) -> list[list[Any]]:
    return [[channel, *key] for key in track]


def understand(engine: Engine) -> Callable[[Any, Any, Any, Any], tuple[Any, Any]]:
    """What the engine reads in an instruction before a run, as words and for the timeline."""

    def on_instruction(instruction: Any, source: Any, text: Any, seconds: Any) -> tuple[Any, Any]:
        read = getattr(engine, "read", None)
        if read is None or not (instruction or "").strip():
            return gr.update(visible=False), gr.update(grasped={})
        said = spoken(text or "") if source == "text" else 0.0
        try:
            reading = read(instruction, max(1.0, said or float(seconds or 0)))
        except InputError as error:
            notice = result_view.notice(str(error))
            return gr.update(value=notice, visible=True), gr.update(grasped={})
        shown = gr.update(value=result_view.reading(reading), visible=True)
        return shown, gr.update(grasped=timeline.grasp(reading))

    return on_instruction


def view(mode: str, take: str, source: str) -> dict[str, Any]:
    """Which parts a tab shows, by name, and what its button says."""
    comparing = mode == "compare"
    making = comparing or mode in admission.MODES
    dubbed = mode != "video" or take != "reenact"
    return {
        "workbench": gr.update(visible=mode != "about"),
        "portrait": gr.update(visible=making),
        "pose": gr.update(visible=mode == "pose"),
        "text": gr.update(visible=mode == "text"),
        "drive": gr.update(visible=mode in ("pose", "video")),
        "head_only": gr.update(visible=mode == "pose"),
        "choice": gr.update(visible=mode == "video"),
        "groups": gr.update(visible=take == "custom"),
        "edit": gr.update(visible=mode == "edit"),
        "compare": gr.update(visible=comparing),
        "compare_result": gr.update(visible=comparing),
        "compare_actions": gr.update(visible=comparing),
        "actions": gr.update(visible=not comparing),
        "timeline": gr.update(tab=mode),
        "speech": gr.update(visible=making and dubbed),
        "settings": gr.update(visible=making),
        "source": _source(mode, source),
        "generate": gr.update(value=t("rerender" if mode == "edit" else "generate")),
    }


def _source(mode: str, source: str) -> Any:
    if mode not in (*admission.MODES, "compare"):
        return gr.skip()
    # The first tab has no "none": it is all about speech.
    chosen = "text" if (mode, source) == ("speech", "none") else source
    return gr.update(choices=speech_choices(mode), value=chosen)


def ways(source: str) -> list[Any]:
    """The part of the speech card for the chosen way to give it."""
    return [gr.update(visible=source == name) for name in SOURCES]


# Takes of before


def open_file(
    inputs: Inputs, edit: Edit, output: Output
) -> Callable[[dict[Component, Any]], Updates]:
    """A dropped mp4 or recipe: its settings into the form, its take into the Edit tab."""

    def on_open(values: dict[Component, Any]) -> Updates:
        with toasts(page=True):
            path = admission.uploaded("recipe", values[edit.file])
            if path.suffix.lower() == ".json":
                recipe = admission.read_recipe(path.read_text("utf-8", "replace"))
            else:
                recipe = admission.read_recipe(read_recipe(path))
            session: Session = values[output.session]
            form = form_of(values, inputs)
            session.files.add(path)
            session.opened = recipe
            heard = timeline.of_file(path)
            session.dropped = recipe, heard
            found = admission.fingerprints(_media(session, form))
            missing = admission.missing_media(recipe, found)
            restored = _restored(recipe, found, inputs)
            return {
                **restored,
                inputs.keys: gr.update(value=restored[inputs.keys], heard=heard),
                inputs.mode: "edit",
                edit.opened: result_view.opened(recipe, heard.get("seconds"), missing),
            }

    return on_open


def reuse(
    inputs: Inputs, output: Output
) -> Callable[[dict[Component, Any], gr.EventData], Updates]:
    """The settings of a take of the list, or of the one that is shown, back into the form."""

    def on_reuse(values: dict[Component, Any], event: gr.EventData) -> Updates:
        with toasts(page=True):
            session: Session = values[output.session]
            take = _listed(session, event)
            recipe = admission.read_recipe(take.recipe if take else values[output.recipe])
            found = admission.fingerprints(_media(session, form_of(values, inputs)))
            return _restored(recipe, found, inputs)

    return on_reuse


def _restored(recipe: Any, found: dict[str, Path], inputs: Inputs) -> Updates:
    updates: Updates = {}
    for name, value in restore.form_values(recipe, found).items():
        part = getattr(inputs, name)
        if isinstance(part, dict):
            default = 1.0 if name == "strength" else 0.0
            updates |= {slider: value.get(key, default) for key, slider in part.items()}
        elif name == "source":
            updates[part] = gr.update(choices=speech_choices("pose"), value=value)
        else:
            updates[part] = value
    return updates


def choose_take(edit: Edit, output: Output) -> Callable[[Session, bool, gr.EventData], Updates]:
    """A take of the list, in the result panel and the Edit tab."""

    def on_choose(session: Session, running: bool, event: gr.EventData) -> Updates:
        take = _listed(session, event)
        if running or take is None:
            return {output.running: running}
        if not take.video.is_file():
            gr.Warning(say("error.gone", field=say("media.take")))
            return {output.running: running}
        session.opened = take.recipe
        return {
            **_shown(take, output),
            output.history: result_view.history(session.takes, session.takes.index(take)),
            edit.opened: result_view.opened(take.recipe, take.seconds),
        }

    return on_choose


def drop_take(edit: Edit, output: Output) -> Callable[[Session, bool, gr.EventData], Updates]:
    """Deletes a take of the list; the newest one is shown instead, if there is one."""

    def on_drop(session: Session, running: bool, event: gr.EventData) -> Updates:
        take = _listed(session, event)
        if take is None:
            return {output.running: running}
        session.drop(take)
        opened = result_view.nothing_opened() if session.opened is None else gr.skip()
        updates: Updates = {edit.opened: opened}
        dropped, shown = event._data["index"], event._data.get("shown")
        if not isinstance(shown, int):
            shown = -1
        if shown == dropped and not running:
            updates |= _shown(session.takes[0], output) if session.takes else _nothing(output)
            # Gradio would look for those of the take that is gone.
            updates[output.video] |= gr.update(subtitles=downloads.subtitles(None))
        elif shown == dropped:
            updates |= {output.shown: ""}  # nothing to come back to when the run is over
        now = 0 if shown == dropped else shown - (dropped < shown)
        return updates | {output.history: result_view.history(session.takes, now)}

    return on_drop


def _nothing(output: Output) -> Updates:
    """The result panel without a video."""
    empty = result_view.message(say("result.empty"), say("result.empty.hint"))
    gone = gr.update(value=None, visible=False)
    return {**_stage_only(output, empty), output.video: gone, output.shown: ""}


def _listed(session: Session, event: gr.EventData) -> Take | None:
    """The take that something happened to in the list."""
    index = event._data.get("index") if isinstance(event._data, dict) else None
    known = isinstance(index, int) and 0 <= index < len(session.takes)
    return session.takes[index] if known else None


def remember(field: str, output: Output) -> Callable[[Any, Session], Updates]:
    """Notes an upload, so that it is found again and can be deleted."""

    def on_upload(value: Any, session: Session) -> Updates:
        try:
            path = admission.uploaded(field, value)
        except InputError:
            return {output.history_card: gr.skip()}  # nothing there, or no upload
        session.files.add(path)
        own = bool(session.takes) or not samples.is_shipped(path)
        return {output.history_card: gr.update(visible=True) if own else gr.skip()}

    return on_upload


def forget(session: Session) -> None:
    """Deletes what the visitor gave and made; the page then starts anew."""
    session.delete()
