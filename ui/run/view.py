"""The open take, drawn in one place: player, facts, recipe, timeline, list and Edit tab.

`Session.open` is what is open. Whatever opens a take or deletes it calls `show`, and a run that
ends without one `panel`; no other function updates those components, so that they never show two
takes at once.
"""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from ui import samples
from ui.components import Inputs, Output, Updates
from ui.form import admission
from ui.i18n.text import say
from ui.takes import downloads, example, result_view
from ui.takes.session import Session, Take


def show(
    session: Session,
    output: Output,
    *,
    autoplay: bool = False,
    running: bool = False,
    form: Updates | None = None,
) -> Updates:
    """The whole page for the open take.

    Args:
        running: leaves the panel to a run, after which it is drawn.
        form: updates of the form, to which the timeline's value belongs.
    """
    form = form or {}
    line = {"value": form[output.timeline]} if output.timeline in form else {}
    take = session.open
    return {
        **form,
        **({} if running else panel(session, output, autoplay=autoplay)),
        **downloads.offered(output.also, _film(take)),
        output.recipe: take and take.recipe,
        output.code: take.code if take else "",
        output.download: gr.update(value=take and str(take.file)),
        output.timeline: gr.update(
            take=take.timeline if take else {}, speech={}, reading={}, **line
        ),
        output.history: result_view.history(session.takes, take, session.undoable),
        output.history_card: gr.update(visible=session.own),
        output.opened: _opened(session, take),
    }


def panel(
    session: Session, output: Output, empty: str = "result.empty", autoplay: bool = False
) -> Updates:
    """The player of the open take and its facts.

    Args:
        empty: key of the message if there is neither a take nor an example.
    """
    take = session.open
    film = _film(take)
    player = None  # which the style sheet hides
    if film:
        player = gr.update(value=str(film), subtitles=downloads.subtitles(film), autoplay=autoplay)
    return {
        **output.live.hidden(),
        output.status: gr.update(value=_status(session, empty), visible=film is None),
        output.video: player,
        output.facts: gr.update(value=take.facts if take else "", visible=take is not None),
        output.details: gr.update(visible=take is not None),
    }


def _film(take: Take | None) -> Path | None:
    return take.video if take and take.video.is_file() else None


def _status(session: Session, empty: str) -> str:
    """What stands in the place of a video: the example's, or a message."""
    if session.open:
        empty = "result.recipe"
    elif session.example and (film := example.html(session.example)):
        return film
    return result_view.message(say(empty), say(f"{empty}.hint"))


def _opened(session: Session, take: Take | None) -> str:
    if take is None:
        return result_view.nothing_opened()
    # All media of a take that was made here are known.
    found = admission.fingerprints(session.files) if take.source else None
    missing = () if found is None else admission.missing_media(take.recipe, found)
    return result_view.opened(take, missing)


def running(output: Output, content: str) -> Updates:
    """The panel during a run: its progress instead of the video."""
    return {
        **output.live.hidden(),
        output.status: gr.update(value=content, visible=True),
        output.video: None,
        output.facts: gr.update(visible=False),
        output.details: gr.update(visible=False),
    }


def idle(output: Output) -> Updates:
    """The buttons when nothing runs."""
    return {
        output.generate: gr.update(visible=True),
        output.stop: gr.update(visible=False, interactive=True),
        output.running: False,
    }


def choose_portrait(
    portrait: Path, inputs: Inputs, output: Output
) -> Callable[[Session, bool], Updates]:
    """Sets an example portrait, whose video is shown as long as no take is open."""

    def on_choose(session: Session, running: bool) -> Updates:
        if samples.output_of(portrait):
            session.example = portrait
        shown = {} if running or session.open else show(session, output)
        return {inputs.portrait: str(portrait), **shown}

    return on_choose
