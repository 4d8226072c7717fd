"""The cards of single tabs: keyframes, instruction, driving video, edit.

Layout only, as in `panels`. A card is shown while its tab is open and keeps its values otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from gaia_core.controls import CHANNELS, PRESETS, STRENGTHS
from gaia_core.request import MAX_SEED, SETTINGS, Request
from ui.components import heading, hint, segmented
from ui.form import consent
from ui.form.admission import GROUPS, TAKES
from ui.form.consent import Box
from ui.form.restore import CONSTANT
from ui.i18n.text import say, t
from ui.takes import result_view

INSTRUCTIONS = ("smile", "timed", "look")  # the examples, by the last part of their key


@dataclass(frozen=True)
class Pose:
    card: gr.Column
    presets: dict[str, gr.Button]
    at: gr.Number
    lasts: gr.Number
    strength: dict[str, gr.Slider]
    expression: dict[str, gr.Slider]


@dataclass(frozen=True)
class Text:
    card: gr.Column
    instruction: gr.Textbox
    examples: dict[str, gr.Button]
    understood: gr.HTML


@dataclass(frozen=True)
class Drive:
    card: gr.Column
    fold: gr.Accordion  # closed on the Pose tab, where the video is optional
    head_only: gr.Column  # on the Pose tab
    choice: gr.Column  # what to transfer; on the Video tab
    take: gr.Radio
    groups: gr.CheckboxGroup
    video: gr.Video
    mode: gr.Radio
    reference: gr.Number
    consent: Box


@dataclass(frozen=True)
class Edit:
    card: gr.Column
    opened: gr.HTML
    file: gr.File
    consent: Box
    seed: gr.Number
    random: gr.Checkbox
    controlled: gr.Checkbox


def pose() -> Pose:
    with gr.Column(elem_classes="card", elem_id="pose-card", visible=False) as card:
        heading("pose")
        with gr.Row(elem_classes="chips", elem_id="presets"):
            presets = {
                name: gr.Button(t(f"preset.{name}"), size="sm", elem_id=f"preset-{name}")
                for name in PRESETS
            }
        with gr.Row(elem_classes="pair"):
            at = gr.Number(
                0.0,
                label=t("at.label"),
                info=t("at.info"),
                minimum=0,
                maximum=120,
                step=0.1,
                elem_id="preset-at",
            )
            lasts = gr.Number(
                1.6,
                label=t("lasts.label"),
                info=t("lasts.info"),
                minimum=0.4,
                maximum=30,
                step=0.1,
                elem_id="preset-lasts",
            )
        with gr.Accordion(t("strength.label"), open=False, elem_id="strengths"):
            hint("strength.info")
            with gr.Row(elem_classes="sliders"):
                strength = {
                    name: _slider(f"strength.{name}", 0.0, 2.0, 1.0, f"strength-{name}")
                    for name in STRENGTHS
                }
        with gr.Accordion(t("expression.label"), open=False, elem_id="expressions"):
            hint("expression.info")
            with gr.Row(elem_classes="sliders"):
                expression = {
                    name: _slider(f"expression.{name}", *CHANNELS[name], 0.0, f"expression-{name}")
                    for name in CONSTANT
                }
    return Pose(card, presets, at, lasts, strength, expression)


def text() -> Text:
    with gr.Column(elem_classes="card", elem_id="text-card", visible=False) as card:
        heading("instruction")
        instruction = gr.Textbox(
            label=t("instruction.label"),
            show_label=False,
            placeholder=t("instruction.placeholder"),
            lines=2,
            max_lines=6,
            max_length=SETTINGS["instruction"].longest,
            elem_id="instruction",
        )
        with gr.Row(elem_classes="chips"):
            examples = {
                name: gr.Button(
                    say(f"instruction.example.{name}"), size="sm", elem_id=f"instruction-{name}"
                )
                for name in INSTRUCTIONS
            }
        understood = gr.HTML("", visible=False, apply_default_css=False, elem_id="understood")
    return Text(card, instruction, examples, understood)


def drive() -> Drive:
    with gr.Column(elem_classes="card", elem_id="drive-card", visible=False) as card:
        with gr.Accordion(t("drive.label"), open=True, elem_id="drive-fold") as fold:
            hint("drive.info")
            with gr.Column(elem_classes="way", visible=False) as head_only:
                hint("drive.head_only")
            with gr.Column(elem_classes="way") as choice:
                takes = [(t(f"take.{name}"), name) for name in (*TAKES, "custom")]
                take = segmented("take.label", takes, "reenact", "take", "take.info")
                groups = gr.CheckboxGroup(
                    [(t(f"group.{name}"), name) for name in GROUPS],
                    value=list(GROUPS),
                    label=t("groups.label"),
                    info=t("groups.info"),
                    visible=False,
                    elem_id="groups",
                )
            video = gr.Video(
                sources=["upload"],
                label=t("drive.label"),
                show_label=False,
                height=150,
                buttons=[],
                elem_id="drive",
            )
            with gr.Row(elem_classes="pair"):
                modes = [(t(f"drive_mode.{name}"), name) for name in SETTINGS["drive_mode"].choices]
                mode = segmented(
                    "drive_mode.label",
                    modes,
                    Request.drive_mode,
                    "drive-mode",
                    "drive_mode.info",
                )
                reference = gr.Number(
                    Request.drive_reference,
                    label=t("drive_reference.label"),
                    info=t("drive_reference.info"),
                    minimum=0,
                    step=0.1,
                    elem_id="drive-reference",
                )
        agreed = consent.box("drive")
    return Drive(card, fold, head_only, choice, take, groups, video, mode, reference, agreed)


def edit() -> Edit:
    with gr.Column(elem_classes="card", elem_id="edit-card", visible=False) as card:
        heading("edit")
        opened = gr.HTML(result_view.nothing_opened(), apply_default_css=False, elem_id="opened")
        file = gr.File(
            file_types=[".mp4", ".json"],
            label=t("open.label"),
            show_label=False,
            height=136,
            elem_id="open",
        )
        hint("open.info")
        agreed = consent.box("edit")
        with gr.Row(elem_classes="pair"):
            seed = gr.Number(
                1,
                label=t("span_seed.label"),
                info=t("span_seed.info"),
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
                elem_id="span-seed",
            )
            random = gr.Checkbox(
                True, label=t("random.label"), info=t("random.info"), elem_id="span-random"
            )
        controlled = gr.Checkbox(
            False, label=t("controlled.label"), info=t("controlled.info"), elem_id="controlled"
        )
    return Edit(card, opened, file, agreed, seed, random, controlled)


def _slider(key: str, low: float, high: float, value: float, elem_id: str) -> gr.Slider:
    return gr.Slider(
        low,
        high,
        value,
        step=0.05,
        label=t(key),
        info=t(f"{key}.info"),
        buttons=[],
        min_width=200,
        elem_id=elem_id,
    )
