"""The parts of the page, one function per panel; each returns its components by name.

Layout only: the events are in `events` of each folder, texts in `i18n`, styles in `theme`.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from gaia_core.motion.curves import Sketch
from gaia_core.request import MAX_SEED, SETTINGS, Request
from ui import samples
from ui.components import Output, heading, hint, segmented
from ui.faces import faces
from ui.form import consent, voices
from ui.form.consent import Box
from ui.form.events import speech_choices
from ui.form.voices import Choice
from ui.gradio_compat import SHOW_PLACE
from ui.i18n.text import say, t
from ui.takes import downloads, example, live_player, result_view
from ui.takes.session import Session
from ui.timeline import timeline


@dataclass(frozen=True)
class Portrait:
    card: gr.Column
    image: gr.Image
    upload: gr.UploadButton
    examples: tuple[gr.Button, ...]  # in the order of `samples.portraits`
    boxes: gr.HTML  # over the image, from `faces`
    crops: gr.HTML
    face: gr.Number
    consent: Box


@dataclass(frozen=True)
class Speech:
    card: gr.Column
    source: gr.Radio
    ways: tuple[gr.Column, ...]  # one for each of `SOURCES`
    text: gr.Textbox
    sentence: gr.Dropdown
    choice: Choice
    upload: gr.Audio
    examples: tuple[gr.Button, ...]  # in the order of `samples.speeches`
    recording: gr.Audio
    seconds: gr.Number
    trim: gr.Checkbox
    consent: Box
    watch: gr.Checkbox


@dataclass(frozen=True)
class Settings:
    card: gr.Column
    seed: gr.Number
    random: gr.Checkbox
    steps: gr.Slider
    guidance: gr.Slider
    liveliness: gr.Slider
    size: gr.Radio
    label: gr.Checkbox


_CHOOSE_TAKE = """element.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-does]");
  if (!chosen) return;
  trigger(chosen.dataset.does, {index: Number(chosen.closest("[data-take]")?.dataset.take ?? -1)});
});"""


def header() -> gr.HTML:
    return gr.HTML(masthead(), elem_id="masthead")


def masthead() -> str:
    """The header as HTML."""
    bars = "".join(
        f'<rect x="{3 + 4.4 * i}" y="{12 - h / 2}" width="2.6" height="{h}" rx="1.3"/>'
        for i, h in enumerate((5, 11, 18, 9, 5))
    )
    return (
        f'<header class="masthead"><svg viewBox="0 0 26 24" aria-hidden="true">{bars}</svg>'
        f'<h1>GAIA</h1><p class="tagline">{say("tagline")}</p>'
        f'<p class="aside">{say("research")}</p></header>'
    )


def portrait() -> Portrait:
    shipped = samples.portraits()
    with gr.Column(elem_classes="card", elem_id="portrait-card") as card:
        heading("portrait")
        with gr.Row(elem_id="portrait-row", equal_height=True):
            with gr.Column(elem_id="portrait-frame", scale=1, min_width=160):
                image = gr.Image(
                    value=str(shipped[0]) if shipped else None,
                    label=t("portrait.label"),
                    show_label=False,
                    sources=["upload"],
                    type="filepath",
                    image_mode=None,
                    height=248,
                    buttons=[],
                    elem_id="portrait",
                )
                boxes = faces.boxes()
            with gr.Column(elem_id="portrait-rail", scale=0, min_width=68):
                upload = gr.UploadButton(
                    t("portrait.upload"), file_types=["image"], elem_id="portrait-upload"
                )
                examples = tuple(
                    gr.Button(
                        path.stem.capitalize(),
                        icon=path,
                        size="sm",
                        elem_classes="portrait-example",
                    )
                    for path in shipped
                )
        crops = faces.crops()
        # Hidden by the style sheet: Gradio shows a "hidden" component again with its card.
        face = gr.Number(Request.face, label=t("face.label"), precision=0, elem_id="face")
        agreed = consent.box("portrait")
    return Portrait(card, image, upload, examples, boxes, crops, face, agreed)


def speech() -> Speech:
    shipped = samples.speeches()
    with gr.Column(elem_classes="card", elem_id="speech-card") as card:
        heading("speech")
        source = segmented("speech.label", speech_choices("speech"), "text", "source")
        with gr.Column(elem_classes="way") as typed:
            text = gr.Textbox(
                value=say("text.start"),
                label=t("text.label"),
                show_label=False,
                placeholder=t("text.placeholder"),
                lines=3,
                max_lines=8,
                max_length=SETTINGS["text"].longest,
                elem_id="text",
            )
            sentence = voices.sentence()
            choice = voices.choice()
        with gr.Column(visible=False, elem_classes="way") as uploaded:
            upload = gr.Audio(
                sources=["upload"],
                type="filepath",
                label=t("upload.label"),
                show_label=False,
                buttons=[],
                elem_id="upload",
            )
            hint("upload.info")
            examples = tuple(
                gr.Button(samples.words_of(path), size="sm", elem_classes="speech-example")
                for path in shipped
            )
        with gr.Column(visible=False, elem_classes="way") as recorded:
            recording = gr.Audio(
                sources=["microphone"],
                type="filepath",
                label=t("record.label"),
                show_label=False,
                buttons=[],
                elem_id="recording",
            )
            hint("record.info")
        with gr.Column(visible=False, elem_classes="way") as silent:
            seconds = gr.Number(
                Request.seconds,
                label=t("seconds.label"),
                info=t("seconds.info"),
                minimum=SETTINGS["seconds"].low,
                maximum=SETTINGS["seconds"].high,
                step=0.5,
                elem_id="seconds",
            )
        agreed = consent.box("speech")
        trim = gr.Checkbox(False, label=t("trim.label"), elem_id="trim")
        watch = live_player.checkbox()
    return Speech(
        card=card,
        source=source,
        ways=(typed, uploaded, recorded, silent),
        text=text,
        sentence=sentence,
        choice=choice,
        upload=upload,
        examples=examples,
        recording=recording,
        seconds=seconds,
        consent=agreed,
        trim=trim,
        watch=watch,
    )


def settings() -> Settings:
    with (
        gr.Column(elem_classes="card", elem_id="settings-card") as card,
        gr.Accordion(t("settings.label"), open=False, elem_id="settings"),
    ):
        liveliness = _slider("liveliness", 0.1)
        with gr.Row(elem_classes="pair"):
            seed = gr.Number(
                Request.seed,
                label=t("seed.label"),
                info=t("seed.info"),
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
                interactive=True,
                elem_id="seed",
            )
            random = gr.Checkbox(
                True, label=t("random.label"), info=t("random.info"), elem_id="random"
            )
        with gr.Row(elem_classes="pair"):
            steps = _slider("steps", 1)
            guidance = _slider("guidance", 0.1)
        sizes = [(t(f"size.{name}"), name) for name in reversed(SETTINGS["size"].choices)]
        size = segmented("size.label", sizes, Request.size, "size", "size.info")
        label = gr.Checkbox(
            True, label=t("label.label"), info=t("label.info"), interactive=False, elem_id="label"
        )
    return Settings(card, seed, random, steps, guidance, liveliness, size, label)


def _slider(setting: str, step: float) -> gr.Slider:
    """The slider of a setting, as `Request` declares it."""
    declared = SETTINGS[setting]
    return gr.Slider(
        declared.low,
        declared.high,
        declared.default,
        step=step,
        label=t(f"{setting}.label"),
        info=t(f"{setting}.info"),
        buttons=[],
        elem_id=setting,
    )


def actions() -> tuple[gr.Row, gr.HTML, gr.Button, gr.Button]:
    with gr.Row(elem_classes="actions", elem_id="actions") as row:
        estimate = gr.HTML("", apply_default_css=False, elem_id="estimate")
        generate = gr.Button(t("generate"), variant="primary", size="lg", elem_id="generate")
        stop = gr.Button(t("stop"), variant="stop", size="lg", visible=False, elem_id="stop")
    return row, estimate, generate, stop


def result(
    actions: gr.Row,
    estimate: gr.HTML,
    generate: gr.Button,
    stop: gr.Button,
    opened: gr.HTML,
    sketch: Sketch | None = None,
) -> Output:
    shipped = samples.portraits()
    ready = example.html(shipped[0]) if shipped else ""
    queue = gr.HTML("", js_on_load=SHOW_PLACE, apply_default_css=False, elem_id="queue")
    with gr.Column(elem_classes="card", elem_id="result-card"):
        status = gr.HTML(
            ready or result_view.message(say("result.empty"), say("result.empty.hint")),
            js_on_load=example.PLAY,
            elem_id="status",
        )
        player = live_player.player()
        video = gr.Video(
            label=t("result.label"),
            show_label=False,
            interactive=False,
            buttons=["download"],
            elem_id="video",
        )
        facts = gr.HTML("", visible=False, elem_id="facts")
        with gr.Column(visible=False, elem_id="recipe-details") as details:
            also = downloads.row()
        with details, gr.Accordion(t("recipe.label"), open=False):
            hint("recipe.info")
            recipe = gr.JSON(
                label=t("recipe.label"), show_label=False, buttons=["copy"], elem_id="recipe"
            )
            with gr.Row(elem_classes="chips"):
                download = gr.DownloadButton(
                    t("recipe.download"), size="sm", elem_id="recipe-download"
                )
                reuse = gr.Button(t("recipe.reuse"), size="sm", elem_id="recipe-reuse")
            code = gr.Code(
                language="python",
                interactive=False,
                label=t("code.label"),
                show_line_numbers=False,
                wrap_lines=True,
                buttons=["copy"],
                elem_id="code",
            )
    line = timeline.component("timeline", sketch)
    with gr.Column(elem_classes="card", elem_id="history-card", visible=False) as history_card:
        heading("history")
        history = gr.HTML("", js_on_load=_CHOOSE_TAKE, apply_default_css=False, elem_id="history")
        with gr.Row(elem_classes="chips"):
            forget = gr.Button(t("forget"), size="sm", elem_id="forget")
            hint("forget.info")
    return Output(
        status=status,
        queue=queue,
        live=player,
        video=video,
        facts=facts,
        details=details,
        recipe=recipe,
        download=download,
        code=code,
        reuse=reuse,
        timeline=line,
        history_card=history_card,
        history=history,
        forget=forget,
        opened=opened,
        also=also,
        actions=actions,
        estimate=estimate,
        generate=generate,
        stop=stop,
        running=gr.State(False),
        session=gr.State(Session()),
    )


def intro(mode: str) -> None:
    """The purpose of a tab, in one line."""
    gr.Markdown(t(f"intro.{mode}"), elem_classes="intro")


def about() -> None:
    with gr.Column(elem_classes="card", elem_id="about-card"):
        gr.Markdown(t("about"), elem_id="about")
