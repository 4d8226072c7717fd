"""Earlier takes: open from a file, show, reuse the settings, delete."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core import MAX_SECONDS
from gaia_core.errors import InputError
from gaia_core.media.video import read_recipe, read_video
from gaia_core.request import MEDIA, Request
from ui import samples
from ui.components import Inputs, Output, Updates
from ui.form import admission, draft, restore
from ui.form.events import form_of, media_of, speech_choices
from ui.form.modes import Edit
from ui.gradio_compat import event_data
from ui.i18n.text import say
from ui.run import view
from ui.run.events import address_of
from ui.takes import result_view, store
from ui.takes.session import Session, Take, Visits
from ui.timeline import timeline
from ui.toasts import toasts


def open_file(
    inputs: Inputs, edit: Edit, output: Output
) -> Callable[[dict[Component, Any], gr.Request], Updates]:
    """Opens a video or recipe as a take, and restores its settings in the form."""

    def on_open(values: dict[Component, Any], request: gr.Request) -> Updates:
        with toasts(page=True):
            path = admission.uploaded("recipe", values[edit.file])
            session: Session = values[output.session]
            session.files.add(path)
            found = admission.fingerprints(media_of(session, form_of(values, inputs)))
            take = _take_of_file(path, found, address_of(request))
            session.add(take)
            session.open = take
            restored = _restored(take.recipe, found, inputs)
            # The field for files is emptied for the next one.
            form = {**restored, inputs.mode: "edit", edit.file: None}
            return view.show(session, output, running=values[output.running], form=form)

    return on_open


def _take_of_file(path: Path, found: dict[str, Path], url: str) -> Take:
    """A dropped video or recipe as a take in a folder of its own.

    Args:
        found: media by sha256.
    """
    written = path.suffix.lower() == ".json"
    recipe = admission.read_recipe(
        path.read_text("utf-8", "replace") if written else read_recipe(path)
    )
    given = {name: found.get(recipe[name], Path(name)) for name in MEDIA if recipe.get(name)}
    request = Request.from_recipe(recipe, **{"portrait": Path("portrait"), **given})
    sound = {} if written else timeline.of_file(path)
    seconds = sound.get("seconds")
    if not sound and request.text:
        sound = {"seconds": round(timeline.spoken(request.text), 2)}
    picture = ""
    # Gradio may convert what it plays, so nothing longer than a take.
    playable = seconds is not None and seconds <= MAX_SECONDS
    if playable:
        with closing(read_video(path)) as frames:  # type: ignore[type-var]
            picture = result_view.data_url(next(frames))
    video = store.new_folder() / f"{path.stem}.mp4"
    if playable:
        shutil.copyfile(path, video)
    take = Take(
        name=restore.name_of(request),
        video=video,
        recipe=recipe,
        facts=result_view.facts(recipe, seconds),
        code=restore.python_code(request, url),
        thumbnail=picture,
        seconds=seconds,
        timeline={"seconds": seconds or 0, "audio": sound, "curves": {}},
        source=path.name,
    )
    take.write_recipe()
    return take


def reuse(
    inputs: Inputs, output: Output
) -> Callable[[dict[Component, Any], gr.EventData], Updates]:
    """Restores the settings of a listed take, or of the open one."""

    def on_reuse(values: dict[Component, Any], event: gr.EventData) -> Updates:
        with toasts(page=True):
            session: Session = values[output.session]
            take = _listed(session, event) or session.open
            if take is None:
                raise InputError(say("error.nothing"))
            found = admission.fingerprints(media_of(session, form_of(values, inputs)))
            return _restored(take.recipe, found, inputs)

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


def choose_take(output: Output) -> Callable[[Session, bool, gr.EventData], Updates]:
    """Opens a listed take."""

    def on_choose(session: Session, running: bool, event: gr.EventData) -> Updates:
        take = _listed(session, event)
        if running or take is None:
            return {output.running: running}
        if not take.is_there():
            gr.Warning(say("error.gone", field=say("media.take")))
            return {output.running: running}
        session.open = take
        return view.show(session, output)

    return on_choose


def watched_on(mode: str) -> tuple[Any, Any]:
    """The tab on which a chosen take is seen: the open one, or Edit, as Compare has no place."""
    return ("edit", gr.update(selected="edit")) if mode == "compare" else (gr.skip(), gr.skip())


def drop_take(output: Output) -> Callable[[Session, bool, gr.EventData], Updates]:
    """Deletes a listed take; if it was open, the newest one is opened instead."""

    def on_drop(session: Session, running: bool, event: gr.EventData) -> Updates:
        take = _listed(session, event)
        if take is None:
            return {output.running: running}
        session.drop(take)
        return view.show(session, output, running=running)

    return on_drop


def bring_back(output: Output) -> Callable[[Session, bool], Updates]:
    """Undoes the last deletion and opens the take."""

    def on_undo(session: Session, running: bool) -> Updates:
        if session.undo() is None:
            gr.Warning(say("error.gone", field=say("media.take")))
            return {output.running: running}
        return view.show(session, output, running=running)

    return on_undo


def returned(
    visits: Visits,
    visit: gr.Textbox,
    tabs: gr.Tabs,
    modes: tuple[str, ...],
    inputs: Inputs,
    output: Output,
) -> Callable[[Any, Any, Session], Updates]:
    """The page when it opens: after a reload with the draft and the takes of before.

    Args:
        visit: gets the name of the session.
        modes: the names of the tabs.
    """

    def on_return(name: Any, kept: Any, session: Session) -> Updates:
        session = visits.open(name, session)
        updates: Updates = draft.restored(inputs, kept, modes)
        updates |= {visit: session.name, output.session: session}
        if inputs.mode in updates:
            updates[tabs] = gr.update(selected=updates[inputs.mode])
        return view.show(session, output, form=updates) if session.own else updates

    return on_return


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
