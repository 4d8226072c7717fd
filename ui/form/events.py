"""Events of the form: reading its values; what tabs and choices show and set."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.controls import CHANNELS, PRESETS
from gaia_core.settings import MODES
from ui.components import Inputs
from ui.form import admission
from ui.form.admission import FORM, SOURCES, Form
from ui.i18n.text import t
from ui.takes.session import Session
from ui.toasts import toasts


def form_of(values: dict[Component, Any], inputs: Inputs) -> Form:
    """The values of the page's controls by name."""

    def value(name: str) -> Any:
        part = getattr(inputs, name)
        if isinstance(part, dict):
            return {key: values[slider] for key, slider in part.items()}
        return values[part]

    return Form(**{name: value(name) for name in FORM})


def media_of(session: Session, form: Form) -> list[Path]:
    """The visitor's files, among which a recipe's media may be."""
    chosen = {"portrait": form.portrait, "speech": form.upload, "drive": form.drive}
    found = [admission.uploaded(name, value) for name, value in chosen.items() if value]
    if form.recording:
        found.append(admission.uploaded("speech", form.recording))
    return [*session.files, *found]


def preset(name: str) -> Callable[[Any, Any, Any], tuple[dict[str, Any], float]]:
    """Adds a preset's keyframes from a second on, and moves the start for the next one."""

    def on_preset(timeline: Any, at: Any, lasts: Any) -> tuple[dict[str, Any], float]:
        with toasts(page=True):
            rows = [row for track in admission.tracks(timeline).items() for row in _rows(*track)]
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
            keys = sorted(kept + new, key=lambda row: (order.get(row[0], 0), row[1]))
            return {**timeline, "keys": keys}, end

    return on_preset


def _rows(channel: str, track: list[list[Any]]) -> list[list[Any]]:
    return [[channel, *key] for key in track]


def view(mode: str, take: str, source: str, driven: bool) -> dict[str, Any]:
    """The visibility of the page's parts on a tab, and the label of its button.

    Args:
        driven: whether there is a driving video.
    """
    comparing = mode == "compare"
    live = mode == "live"
    making = comparing or mode in MODES
    dubbed = mode != "video" or take != "reenact"
    return {
        "workbench": gr.update(visible=mode != "about"),
        "portrait": gr.update(visible=making or live),
        "live": gr.update(visible=live),
        "live_actions": gr.update(visible=live),
        "live_stage": gr.update(tab=mode),
        "pose": gr.update(visible=mode == "pose"),
        "text": gr.update(visible=mode == "text"),
        "drive": gr.update(visible=mode in ("pose", "video")),
        "drive_fold": gr.update(open=mode == "video" or driven),
        "head_only": gr.update(visible=mode == "pose"),
        "choice": gr.update(visible=mode == "video"),
        "groups": gr.update(visible=take == "custom"),
        "edit": gr.update(visible=mode == "edit"),
        "compare": gr.update(visible=comparing),
        "compare_result": gr.update(visible=comparing),
        "compare_actions": gr.update(visible=comparing),
        "actions": gr.update(visible=not comparing and not live),
        "timeline": gr.update(tab=mode),
        "speech": gr.update(visible=making and dubbed),
        "settings": gr.update(visible=making),
        "source": _source(mode, source),
        "generate": gr.update(value=t("rerender" if mode == "edit" else "generate")),
    }


def speech_choices(mode: str) -> list[tuple[str, str]]:
    """The sources of speech on a tab; the Speech tab has no "none"."""
    shown = SOURCES[:-1] if mode == "speech" else SOURCES
    return [(t(f"speech.{name}"), name) for name in shown]


def _source(mode: str, source: str) -> Any:
    if mode not in (*MODES, "compare"):
        return gr.skip()
    # The Speech tab has no "none".
    chosen = "text" if (mode, source) == ("speech", "none") else source
    return gr.update(choices=speech_choices(mode), value=chosen)


def ways(source: str) -> list[Any]:
    """The part of the speech card for the selected source."""
    return [gr.update(visible=source == name) for name in SOURCES]
