"""Consent to the use of one's own media: a box at each upload, asked for once in a visit."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gaia_core.errors import InputError
from ui import samples
from ui.components import hint
from ui.form import admission
from ui.i18n.text import t
from ui.takes.session import Session

PLACES = ("portrait", "speech", "drive", "edit")

# While an unticked box is shown, a run does not start: the page goes to the box and marks it.
GUARD = """() => {
  const asked = () => [...document.querySelectorAll(".consent")].find((box) => box.offsetParent);
  document.addEventListener("click", (event) => {
    const box = event.target.closest("#generate, #compare-generate, #live-start") && asked();
    const tick = box?.querySelector("input");
    if (!tick || tick.checked) return;
    event.stopImmediatePropagation();
    box.classList.add("is-missing");
    tick.setAttribute("aria-invalid", "true");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    box.scrollIntoView({behavior: still ? "auto" : "smooth", block: "center"});
    tick.focus({preventScroll: true});
    tick.addEventListener("change", () => {
      box.classList.remove("is-missing");
      tick.removeAttribute("aria-invalid");
    }, {once: true});
  }, true);
  return [];
}"""


@dataclass(frozen=True)
class Box:
    shown: gr.Column
    tick: gr.Checkbox


def box(place: str) -> Box:
    """The box of one of `PLACES`, shown by `ask`."""
    with gr.Column(visible=False, elem_classes="consent", elem_id=f"consent-{place}") as shown:
        tick = gr.Checkbox(False, label=t("consent.label"), info=t("consent.info"))
        hint("consent.missing")
    return Box(shown, tick)


def ask(
    source: Any,
    portrait: Any,
    upload: Any,
    recording: Any,
    drive: Any,
    session: Session,
    *ticks: Any,
) -> list[Any]:
    """The switch of the visible label, and each of the boxes in the order of `PLACES`.

    Consent is asked for at each own file, and once given stays where it was given. A portrait
    without a face that can be animated needs none, since it is refused.

    Args:
        portrait, upload, recording, drive: the chosen files as Gradio's file data, or None.
        ticks: the values of the boxes.
    """
    if given := any(ticks):
        asked = [bool(tick) for tick in ticks]
    else:
        speech = {"upload": upload, "record": recording}.get(source)
        files = {"portrait": portrait, "speech": speech, "drive": drive}
        own = [_own(field, value, session) for field, value in files.items()]
        asked = [*own, any(own)]
    label = gr.update(interactive=True) if given else gr.update(value=True, interactive=False)
    return [label, *(gr.update(visible=shown) for shown in asked)]


def _own(field: str, value: Any, session: Session) -> bool:
    """Whether a file was uploaded or recorded by the visitor, and can be used."""
    try:
        path = admission.uploaded(field, value)
    except InputError:  # none, or no longer there
        return False
    if samples.is_shipped(path):
        return False
    if field != "portrait":
        return True
    inspection = session.inspections.get(path)
    return inspection is not None and any(not face.problem for face in inspection.faces)
