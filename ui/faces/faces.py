"""The faces of the portrait: boxes over the photo, and the crops with their warnings below it.

Both are HTML, drawn from one inspection of the photo. A click on either selects a face; the
selection is a hidden number.
"""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from gaia_core.errors import InputError
from gaia_core.media.image import viewable
from gaia_core.portrait.inspection import InspectedFace, Inspection
from gaia_core.request import Result
from ui import samples
from ui.engine import Engine
from ui.form import admission
from ui.gradio_compat import event_data
from ui.i18n.text import say, translate
from ui.takes import result_view
from ui.takes.session import Session

MAX_SHOWN = 24  # the largest faces of a crowd
MAX_INSPECTIONS = 8  # cached per visitor

_CHOOSE = """element.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-face]");
  if (chosen) trigger("select", {index: Number(chosen.dataset.face)});
  const fold = event.target.closest("[aria-expanded]");
  if (fold) fold.ariaExpanded = fold.ariaExpanded !== "true";
});"""


_FOLDED = '<div class="is-settled"><button aria-expanded="false" hidden></button></div>'


def boxes() -> gr.HTML:
    """The boxes, for the column of the photo."""
    return gr.HTML("", js_on_load=_CHOOSE, apply_default_css=False, elem_id="face-boxes")


def crops() -> gr.HTML:
    """The crops of the boxes, and the warnings of the selected face; folded until known."""
    return gr.HTML(_FOLDED, js_on_load=_CHOOSE, apply_default_css=False, elem_id="face-crops")


def as_shown(upload: Any) -> str:
    """The path of an uploaded photo as the picture takes it; of HEIC, a copy in its place."""
    path = admission.uploaded("portrait", upload)
    try:
        copy = viewable(path)
    except InputError:  # told by `show`
        return str(path)
    if copy != path:
        path.unlink(missing_ok=True)
    return str(copy)


def show(engine: Engine) -> Callable[[Any, Any, Session], tuple[str, str, Any]]:
    """Portrait, selected face and session to boxes, crops and selected face."""

    def on_change(portrait: Any, face: Any, session: Session) -> tuple[str, str, Any]:
        try:
            path = admission.uploaded("portrait", portrait)
        except InputError:  # no portrait
            return "", "", gr.skip()
        try:
            inspection = inspection_of(engine, path, session)
        except InputError as error:
            told = _notes([error.message], "is-problem")
            return "", f'<div role="status">{told}</div>', gr.skip()
        count = len(inspection.faces)
        chosen = face if isinstance(face, int) and 0 <= face < count else 0
        if samples.is_shipped(path):  # nothing for the visitor to correct
            inspection = replace(
                inspection, faces=tuple(replace(each, warnings=()) for each in inspection.faces)
            )
        return (
            draw_boxes(inspection, chosen),
            draw_crops(inspection, chosen),
            gr.skip() if chosen == face else chosen,
        )

    return on_change


def inspection_of(engine: Engine, portrait: Path, session: Session) -> Inspection:
    """The inspection of a photo, cached by path: Gradio names uploads by content.

    Raises:
        InputError: it cannot be read, or shows no face.
    """
    inspections = session.inspections
    if portrait not in inspections:
        inspections[portrait] = engine.inspect(portrait)
        for old in list(inspections)[:-MAX_INSPECTIONS]:
            del inspections[old]
    return inspections[portrait]


def check(engine: Engine, portrait: Any, face: Any, session: Session) -> None:
    """Checks that the face of a chosen portrait can be animated; of no portrait it says nothing.

    Args:
        portrait: Gradio's file data, or None.

    Raises:
        InputError: the photo cannot be read, shows no face, or the face has a problem.
    """
    if portrait is None:
        return
    shown = inspection_of(engine, admission.uploaded("portrait", portrait), session).faces
    problem = shown[face].problem if face in range(len(shown)) else None
    if problem:
        raise InputError(problem)


def without_shown_warnings(result: Result, session: Session) -> Result:
    """A result without the warnings that were shown before the run."""
    shown = {
        w
        for inspection in session.inspections.values()
        for face in inspection.faces
        for w in face.warnings
    }
    return replace(result, notices=tuple(each for each in result.notices if each not in shown))


def choose(event: gr.EventData) -> Any:
    """The number of the face that was clicked."""
    index = event_data(event).get("index")
    return index if isinstance(index, int) and index >= 0 else gr.skip()


def draw_boxes(inspection: Inspection, chosen: int) -> str:
    """A button over each face."""
    buttons = "".join(
        _button(inspection, index, chosen, f"<span>{index + 1}</span>", style=_place(face))
        for index, face in enumerate(inspection.faces[:MAX_SHOWN])
    )
    alone = " is-alone" if len(inspection.faces) == 1 else ""
    size = f"--wide:{inspection.width};--high:{inspection.height}"
    return f'<div class="face-boxes{alone}" style="{size}"><div>{buttons}</div></div>'


def draw_crops(inspection: Inspection, chosen: int) -> str:
    """The crop that will be animated; of several faces all crops, the selected one marked.

    The style sheet folds the photo away if there is nothing to choose or to correct in it.
    """
    face = inspection.faces[chosen]
    if len(inspection.faces) == 1:
        picture = f'<img src="{result_view.data_url(face.crop)}" alt="{escape(say("face.crop"))}">'
        words = "" if face.problem else say("face.one")
    else:
        picture = "".join(
            _button(
                inspection,
                index,
                chosen,
                f'<img src="{result_view.data_url(other.crop)}" alt=""><span>{index + 1}</span>',
            )
            for index, other in enumerate(inspection.faces[:MAX_SHOWN])
        )
        words = say("face.many", count=len(inspection.faces), chosen=chosen + 1)
    settled = len(inspection.faces) == 1 and not face.problem
    fold = (
        f'<button type="button" aria-expanded="false">{escape(say("face.photo"))}</button>'
        if settled
        else ""
    )
    notes = _notes([face.problem], "is-problem") if face.problem else _notes(face.warnings)
    return (
        f'<div class="face-crops{" is-settled" if settled else ""}">'
        f'<div class="face-row">{picture}</div><p role="status">{escape(words)}</p>{fold}{notes}'
        "</div>"
    )


def _notes(sentences: Sequence[str], kind: str = "") -> str:
    """Sentences below the crops; "" if there are none."""
    items = "".join(f"<li>{escape(translate(sentence))}</li>" for sentence in sentences)
    return f'<ul class="face-notes {kind}">{items}</ul>' if items else ""


def _button(inspection: Inspection, index: int, chosen: int, content: str, style: str = "") -> str:
    face = inspection.faces[index]
    key = "face.name.problem" if face.problem else "face.name"
    name = say(key, number=index + 1, count=len(inspection.faces))
    return (
        f'<button type="button" data-face="{index}" aria-pressed="{str(index == chosen).lower()}" '
        f'aria-label="{escape(name)}" class="{"is-problem" if face.problem else ""}" '
        f'style="{style}">{content}</button>'
    )


def _place(face: InspectedFace) -> str:
    left, top, right, bottom = (min(max(share, 0.0), 1.0) for share in face.box)
    sizes = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return ";".join(f"{name}:{100 * share:.2f}%" for name, share in sizes.items())
