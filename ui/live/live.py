"""The Live tab's parts: what is live, Start and Stop, and the stage.

The stage is a component whose script, `live.js`, opens camera or microphone and the connection. It
hides itself on other tabs, as hiding by Gradio would lose the connection, and ends it there. Its
value is the script's offer, {"kind", "sdp"}. Properties, both set by events: `tab` (the open one)
and `state`, which tells how the session goes (`events.start`). For names in quotes in the script
see `timeline.component`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from aiortc import RTCIceServer

from ui.components import heading, hint, segmented
from ui.i18n.text import LANGUAGES, t
from ui.live.peer import RECALIBRATE

SCRIPT = Path(__file__).with_name("live.js").read_text("utf-8")
KINDS = ("mirror", "voice")


@dataclass(frozen=True)
class Card:
    card: gr.Column
    kind: gr.Radio
    infos: tuple[gr.Column, ...]  # one for each of `KINDS`
    actions: gr.Row


def card() -> Card:
    """What is live, and the buttons, which the script listens to."""
    with gr.Column(elem_classes="card", elem_id="live-card", visible=False) as column:
        heading("live")
        choices = [(t(f"live.{name}"), name) for name in KINDS]
        kind = segmented("live.kind", choices, KINDS[0], "live-kind")
        infos = []
        for name in KINDS:
            with gr.Column(visible=name == KINDS[0], elem_classes="way") as info:
                hint(f"live.{name}.info")
            infos.append(info)
    with gr.Row(elem_classes="actions", elem_id="live-actions", visible=False) as actions:
        gr.Button(t("live.start"), variant="primary", size="lg", elem_id="live-start")
        gr.Button(t("stop"), variant="stop", size="lg", elem_id="live-stop")
    return Card(column, kind, tuple(infos), actions)


def stage(servers: Sequence[Mapping[str, Any]]) -> gr.HTML:
    """The stage.

    Args:
        servers: STUN and TURN servers, from `ice_servers`.
    """
    config = {
        "servers": list(servers),
        "tab": "live",
        "recalibrate": RECALIBRATE,
        "words": {code: _words(table) for code, table in LANGUAGES.items()},
    }
    given = json.dumps(config, ensure_ascii=False, separators=(",", ":"))
    return gr.HTML(
        value={},
        html_template="",
        js_on_load=f"const CONFIG = {given};\n{SCRIPT}",
        apply_default_css=False,
        elem_id="live-stage",
    )


def ice_servers(text: str) -> list[dict[str, Any]]:
    """STUN and TURN servers from JSON, as the browser's `RTCPeerConnection` takes them.

    Raises:
        ValueError: it is not a list of such servers.
    """
    try:
        servers = json.loads(text)
        for server in servers:
            RTCIceServer(**server)
    except (TypeError, ValueError):
        raise ValueError(
            'ICE servers are a JSON list such as [{"urls": "turn:turn.example.org", '
            '"username": "me", "credential": "secret"}].'
        ) from None
    return list(servers)


def _words(table: Mapping[str, str]) -> dict[str, str]:
    mine = {key.removeprefix("live."): word for key, word in table.items() if key[:5] == "live."}
    return mine | {"place": table["queue.place"]}
