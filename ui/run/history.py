"""Earlier takes: open from a file, show, reuse the settings, delete."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.errors import InputError
from gaia_core.media.video import read_recipe
from ui import samples
from ui.components import Inputs, Output, Updates
from ui.form import admission, draft, restore
from ui.form.events import form_of, media_of, speech_choices
from ui.form.modes import Edit
from ui.gradio_compat import event_data
from ui.i18n.text import say
from ui.run.events import shown_take, without_video
from ui.takes import downloads, result_view
from ui.takes.session import Session, Take, Visits
from ui.timeline import timeline
from ui.toasts import toasts


def open_file(
    inputs: Inputs, edit: Edit, output: Output
) -> Callable[[dict[Component, Any]], Updates]:
    """Opens a video or recipe: its settings in the form, its take on the Edit tab."""

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
            sound = timeline.of_file(path)
            session.dropped = recipe, sound
            found = admission.fingerprints(media_of(session, form))
            missing = admission.missing_media(recipe, found)
            restored = _restored(recipe, found, inputs)
            return {
                **restored,
                inputs.timeline: gr.update(value=restored[inputs.timeline], audio=sound),
                inputs.mode: "edit",
                edit.opened: result_view.opened(recipe, sound.get("seconds"), missing),
            }

    return on_open


def reuse(
    inputs: Inputs, output: Output
) -> Callable[[dict[Component, Any], gr.EventData], Updates]:
    """Restores the settings of a listed take, or of the shown one."""

    def on_reuse(values: dict[Component, Any], event: gr.EventData) -> Updates:
        with toasts(page=True):
            session: Session = values[output.session]
            take = _listed(session, event)
            recipe = admission.read_recipe(take.recipe if take else values[output.recipe])
            found = admission.fingerprints(media_of(session, form_of(values, inputs)))
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
    """Shows a listed take in the result panel and on the Edit tab."""

    def on_choose(session: Session, running: bool, event: gr.EventData) -> Updates:
        take = _listed(session, event)
        if running or take is None:
            return {output.running: running}
        if not take.video.is_file():
            gr.Warning(say("error.gone", field=say("media.take")))
            return {output.running: running}
        session.opened = take.recipe
        return {
            **shown_take(take, output),
            output.history: result_view.history(session.takes, session.takes.index(take)),
            edit.opened: result_view.opened(take.recipe, take.seconds),
        }

    return on_choose


def watched_on(mode: str) -> tuple[Any, Any]:
    """The tab on which a chosen take is seen: the open one, or Edit, as Compare has no place."""
    return ("edit", gr.update(selected="edit")) if mode == "compare" else (gr.skip(), gr.skip())


def drop_take(edit: Edit, output: Output) -> Callable[[Session, bool, gr.EventData], Updates]:
    """Deletes a listed take; if it was shown, the newest one is shown instead."""

    def on_drop(session: Session, running: bool, event: gr.EventData) -> Updates:
        take = _listed(session, event)
        if take is None:
            return {output.running: running}
        session.drop(take)
        opened = result_view.nothing_opened() if session.opened is None else gr.skip()
        updates: Updates = {edit.opened: opened}
        dropped, shown = event_data(event)["index"], event_data(event).get("shown")
        if not isinstance(shown, int):
            shown = -1
        if shown == dropped and not running:
            updates |= shown_take(session.takes[0], output) if session.takes else _nothing(output)
            # Gradio would request those of the deleted take.
            updates[output.video] |= gr.update(subtitles=downloads.subtitles(None))
        elif shown == dropped:
            updates |= {output.shown: ""}  # nothing to show again after the run
        now = 0 if shown == dropped else shown - (dropped < shown)
        return updates | {output.history: result_view.history(session.takes, now, take.name)}

    return on_drop


def bring_back(edit: Edit, output: Output) -> Callable[[Session, bool], Updates]:
    """Undoes the last deletion and shows the take, unless a run has the panel."""

    def on_undo(session: Session, running: bool) -> Updates:
        take = session.undo()
        if take is None:
            gr.Warning(say("error.gone", field=say("media.take")))
            return {output.running: running}
        place = session.takes.index(take)
        shown = {} if running else shown_take(take, output)
        return {
            **shown,
            output.history: result_view.history(session.takes, place),
            edit.opened: result_view.opened(take.recipe, take.seconds),
        }

    return on_undo


def returned(
    visits: Visits,
    visit: gr.Textbox,
    tabs: gr.Tabs,
    modes: tuple[str, ...],
    inputs: Inputs,
    edit: Edit,
    output: Output,
) -> Callable[[Any, Any], Updates]:
    """The page when it opens: after a reload with the draft and the takes of before.

    Args:
        visit: gets the name of the session.
        modes: the names of the tabs.
    """

    def on_return(name: Any, kept: Any) -> Updates:
        session = visits.open(name)
        updates: Updates = draft.restored(inputs, kept, modes)
        updates |= {visit: session.name, output.session: session}
        if inputs.mode in updates:
            updates[tabs] = gr.update(selected=updates[inputs.mode])
        if session.files:
            updates[output.history_card] = gr.update(visible=True)
        if session.takes:
            take = session.takes[0]
            session.opened = take.recipe
            updates |= {
                **shown_take(take, output),
                output.history: result_view.history(session.takes, 0),
                edit.opened: result_view.opened(take.recipe, take.seconds),
            }
        return updates

    return on_return


def _nothing(output: Output) -> Updates:
    """The result panel without a video."""
    empty = result_view.message(say("result.empty"), say("result.empty.hint"))
    gone = gr.update(value=None, visible=False)
    return {**without_video(output, empty), output.video: gone, output.shown: ""}


def _listed(session: Session, event: gr.EventData) -> Take | None:
    """The take that an event of the list concerns."""
    index = event_data(event).get("index")
    if isinstance(index, int) and 0 <= index < len(session.takes):
        return session.takes[index]
    return None


def remember(field: str, output: Output) -> Callable[[Any, Session], Updates]:
    """Records an upload, so that it can be found and deleted."""

    def on_upload(value: Any, session: Session) -> Updates:
        try:
            path = admission.uploaded(field, value)
        except InputError:
            return {output.history_card: gr.skip()}  # empty, or not an upload
        session.files.add(path)
        own = bool(session.takes) or not samples.is_shipped(path)
        return {output.history_card: gr.update(visible=True) if own else gr.skip()}

    return on_upload


def forget(session: Session) -> None:
    """Deletes the visitor's uploads and takes; the page is then reloaded."""
    session.delete()
