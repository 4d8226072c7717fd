"""Events of the timeline: sound, controls as JSON, a span, an instruction."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.controls import Controls
from gaia_core.errors import InputError
from ui import samples
from ui.components import Inputs, Output, Updates
from ui.engine import Engine
from ui.form import admission, restore
from ui.form.events import form_of
from ui.form.modes import Edit
from ui.gradio_compat import event_data
from ui.takes import result_view
from ui.takes.session import Session
from ui.timeline import timeline
from ui.toasts import toasts

# What a button elsewhere changed is scrolled to, and flashes once.
REVEAL = """() => {
  const line = document.querySelector("#timeline"), lanes = line?.querySelector(".tl-scroll");
  if (!lanes?.offsetParent) return [];
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  lanes.scrollIntoView({behavior: still ? "auto" : "smooth", block: "nearest"});
  line.classList.add("is-changed");
  setTimeout(() => line.classList.remove("is-changed"), 1500);
  return [];
}"""


def show_sound(inputs: Inputs, output: Output) -> Callable[[dict[Component, Any]], Any]:
    """Shows the sound of the next take, as far as it is known and not that of the open take."""

    def on_change(values: dict[Component, Any]) -> Any:
        session: Session = values[output.session]
        source, text = values[inputs.source], values[inputs.text]
        given = values[inputs.upload if source == "upload" else inputs.recording]
        sound: Mapping[str, Any] = {}
        if session.open and _same_speech(session.open.recipe, source, text, given):
            pass
        elif source in ("upload", "record"):
            with suppress(InputError):  # no file yet, or no sound: reported on Generate
                sound = timeline.sound_of(admission.uploaded("speech", given))
        elif source == "none":
            sound = {"seconds": values[inputs.seconds] or 0}
        elif isinstance(text, str):
            sound = {"seconds": timeline.spoken(text)}
        return gr.update(speech=sound)

    return on_change


def _same_speech(recipe: Mapping[str, Any], source: Any, text: Any, given: Any) -> bool:
    """Whether the form has the speech of a take; it may lack a recording that must be re-chosen."""
    if source == "text":
        return bool(recipe.get("text") == str(text).strip())
    if source in ("upload", "record") and recipe.get("speech"):
        with suppress(InputError):
            path = admission.uploaded("speech", given) if given else None
            return path is None or samples.fingerprint(path) == recipe["speech"]
    return False


def written(inputs: Inputs) -> Callable[[dict[Component, Any]], Any]:
    """The Pose tab's controls as JSON: keyframes, expression and strengths."""

    def on_copy(values: dict[Component, Any]) -> Any:
        with toasts(page=True):
            given = Controls.from_json(form_of(values, inputs).controls())
            return gr.update(controls={"text": timeline.to_text(given)})

    return on_copy


def pasted(inputs: Inputs) -> Callable[[Any, gr.EventData], Updates]:
    """Controls from JSON, into keyframes and sliders."""

    def on_submit(timeline: Any, event: gr.EventData) -> Updates:
        with toasts(page=True):
            given = admission.controls_of(event_data(event).get("json"))
            values = restore.control_values(given)
            updates: Updates = {inputs.timeline: {**timeline, "keys": values["keys"]}}
            for channel, slider in inputs.expression.items():
                updates[slider] = values["expression"][channel]
            for name, slider in inputs.strength.items():
                updates[slider] = values["strength"].get(name, 1.0)
            return updates

    return on_submit


def to_edit(inputs: Inputs, edit: Edit) -> Callable[[Any], Updates]:
    """Opens the Edit tab for the selected span; from the Pose tab with the keyframes there."""
    return lambda mode: {edit.controlled: mode == "pose", inputs.mode: "edit"}


def understand(engine: Engine) -> Callable[[Any, Any, Any, Any], tuple[Any, Any]]:
    """Shows how an instruction is understood before a run: as a table and on the timeline."""

    def on_instruction(instruction: Any, source: Any, text: Any, seconds: Any) -> tuple[Any, Any]:
        read = getattr(engine, "read", None)
        if read is None or not (instruction or "").strip():
            return gr.update(visible=False), gr.update(reading={})
        speech = timeline.spoken(text or "") if source == "text" else 0.0
        try:
            reading = read(instruction, max(1.0, speech or float(seconds or 0)))
        except InputError as error:
            notice = result_view.notice(error.message)
            return gr.update(value=notice, visible=True), gr.update(reading={})
        shown = gr.update(value=result_view.reading(reading), visible=True)
        return shown, gr.update(reading=timeline.clauses_of(reading))

    return on_instruction
