"""The components that events read and write, by name, and the captions of the cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from ui.i18n.text import t
from ui.takes.downloads import Downloads
from ui.takes.live_player import Player

Updates = dict[Block, Any]


@dataclass(frozen=True)
class Inputs:
    """The components of a request, named as in `admission.Form`."""

    mode: gr.Textbox
    portrait: gr.Image
    source: gr.Radio
    text: gr.Textbox
    voice: gr.Dropdown
    upload: gr.Audio
    recording: gr.Audio
    seconds: gr.Number
    timeline: gr.HTML
    trim: gr.Checkbox
    expression: Mapping[str, gr.Slider]
    strength: Mapping[str, gr.Slider]
    instruction: gr.Textbox
    drive: gr.Video
    take: gr.Radio
    groups: gr.CheckboxGroup
    drive_mode: gr.Radio
    drive_reference: gr.Number
    face: gr.Number
    seed: gr.Number
    random: gr.Checkbox
    steps: gr.Slider
    guidance: gr.Slider
    liveliness: gr.Slider
    size: gr.Radio
    label: gr.Checkbox
    consent: Mapping[str, gr.Checkbox]  # by place, see `form.consent`

    def all(self) -> set[Component]:
        found: set[Component] = set()
        for field in fields(self):
            part = getattr(self, field.name)
            found.update(part.values() if isinstance(part, Mapping) else [part])
        return found


@dataclass(frozen=True)
class Output:
    """The result panel and the two buttons."""

    status: gr.HTML
    queue: gr.HTML  # Gradio's own tracker, hidden
    live: Player
    video: gr.Video
    facts: gr.HTML
    details: gr.Column  # of a take only: downloads, recipe and code
    recipe: gr.JSON
    download: gr.DownloadButton
    code: gr.Code
    reuse: gr.Button
    timeline: gr.HTML  # of `Inputs` too
    history_card: gr.Column
    history: gr.HTML
    forget: gr.Button
    opened: gr.HTML  # the open take on the Edit tab
    also: Downloads
    actions: gr.Row
    estimate: gr.HTML
    generate: gr.Button
    stop: gr.Button
    running: gr.State
    session: gr.State

    def all(self) -> list[Block]:
        parts = [getattr(self, field.name) for field in fields(self)]
        return [
            part
            for part in (
                *parts,
                *self.also.all(),
                *self.live.all(),
            )
            if isinstance(part, Block)
        ]


def heading(key: str) -> None:
    gr.Markdown(t(f"{key}.heading"), elem_classes="heading")


def hint(key: str) -> None:
    gr.Markdown(t(key), elem_classes="hint")


def segmented(
    label: str,
    choices: Sequence[tuple[str, str]],
    value: str,
    elem_id: str,
    info: str | None = None,
) -> gr.Radio:
    """A choice as a row of buttons; one without an explanation is labelled by its card's heading.

    Args:
        label, info: keys of texts.
    """
    return gr.Radio(
        choices,
        value=value,
        label=t(label),
        info=t(info) if info else None,
        show_label=info is not None,
        container=info is not None,
        elem_id=elem_id,
        elem_classes="segmented",
    )
