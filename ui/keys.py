"""The keyframe editor: a component whose value is a list of rows.

A row is [channel, second, value, easing]. Gradio's tables cannot hold a choice in a cell; this is
plain form fields with a plot above them, drawn by `keys.js`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from gaia_core import controls
from ui.text import say

SCRIPT = Path(__file__).with_name("keys.js").read_text("utf-8")
DEGREES = ("yaw", "pitch", "roll")


def editor(elem_id: str) -> gr.HTML:
    """Keyframes to see and edit; emits `input` when the visitor changes one.

    Not a class of its own: Gradio writes a stub file beside the source of each subclass.
    """
    return gr.HTML(
        value=[],
        html_template=_template(),
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id=elem_id,
        channels=[_channel(name) for name in controls.CHANNELS],
        easings=[[name, say(f"easing.{name}")] for name in controls.EASINGS],
        words={
            name: say(f"keys.{name}")
            for name in ("key", "channel", "second", "value", "easing", "remove")
        },
    )


def _template() -> str:
    """The frame that the script fills; it does not depend on the value, so it is drawn once."""
    heads = "".join(
        f"<span>{escape(say(f'keys.{name}'))}</span>"
        for name in ("channel", "second", "value", "easing")
    )
    return (
        f'<svg class="keys-plot" viewBox="0 0 600 128" role="img" '
        f'aria-label="{escape(say("keys.plot"))}"></svg>'
        f'<div class="keys-head" aria-hidden="true">{heads}</div>'
        f'<p class="keys-empty">{escape(say("keys.empty"))}</p>'
        '<div class="keys-list"></div><div class="keys-buttons">'
        f'<button type="button" class="keys-add">{escape(say("keys.add"))}</button>'
        f'<button type="button" class="keys-clear">{escape(say("keys.clear"))}</button></div>'
    )


def _channel(name: str) -> dict[str, Any]:
    low, high = controls.CHANNELS[name]
    return {
        "name": name,
        "label": say(f"channel.{name}"),
        "low": low,
        "high": high,
        "rest": 1.0 if name == "scale" else 0.0,
        "step": 1 if name in DEGREES else 0.05 if low < -0.5 or high > 1.3 else 0.01,
    }
