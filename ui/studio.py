"""`build_studio(engine)`: the page, its events and the API, over any engine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui import api, handlers, modes, panels, samples, takes
from ui.door import MODES
from ui.modes import Drive, Edit, Pose, Text
from ui.panels import Inputs, Output, Portrait, Settings, Speech
from ui.runs import Engine
from ui.text import I18N, say, t
from ui.theme import CSS, ICON, theme, toast_titles

TABS = (*MODES, "edit", "about")
QUEUE = 32  # visitors who may wait; with no number, a ZeroGPU Space allows one
ON_SPACES = "SPACE_ID" in os.environ

# Plumbing of the page: not for programs, and quick enough to pass the queue.
PRIVATE: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
SHOW_RESULT = """() => {
  document.querySelector("#result-card").scrollIntoView({behavior: "smooth", block: "nearest"});
  return [];
}"""
# Those that may refuse what they are given: a toast needs the queue.
JUDGING: dict[str, Any] = {**PRIVATE, "queue": True, "concurrency_limit": None, "preprocess": False}
RELOAD = "() => { window.location.reload(); return []; }"
ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "gpu", "concurrency_limit": 1}

LAUNCH_KWARGS: dict[str, Any] = {
    "theme": theme(),
    "css_paths": [CSS],
    "css": toast_titles(),
    "favicon_path": ICON,
    "i18n": I18N,
    "app_kwargs": {"lifespan": takes.swept},
    "max_file_size": "64mb",
    "footer_links": ["api", "settings"],
    "run_history": False,
    "enable_monitoring": False,
    "mcp_server": True,
    "ssr_mode": False,
    "pwa": False,
}


def address() -> dict[str, Any]:
    """Where to listen: this machine only, unless on Spaces or told otherwise."""
    everywhere = "0.0.0.0" if ON_SPACES else "127.0.0.1"
    return {
        "server_name": os.environ.get("GRADIO_SERVER_NAME", everywhere),
        "server_port": int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
    }


def build_studio(engine: Engine) -> gr.Blocks:
    """The studio over `engine`, queue included; launch it with `LAUNCH_KWARGS`."""
    with gr.Blocks(
        title=say("title"),
        analytics_enabled=False,
        delete_cache=(takes.SWEEP_EVERY, takes.KEEP),
        fill_width=True,
    ) as studio:
        panels.header()
        # Set in the browser, so that the button right after a tab's does what that tab says.
        mode = gr.Textbox("speech", visible="hidden", container=False, elem_id="mode")
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            for name in TABS:
                with gr.Tab(t(f"tab.{name}"), id=name) as tab:
                    if name == "about":
                        panels.about()
                    else:
                        panels.intro(name)
                tab.select(None, None, mode, js=f"() => '{name}'", api_visibility="private")
        _workbench(engine, tabs, mode)
        for endpoint in api.ENDPOINTS:
            gr.api(api.function(engine, endpoint), api_name=endpoint.name, **ONE_AT_A_TIME)
    return studio.queue(max_size=QUEUE, default_concurrency_limit=1)


@dataclass(frozen=True)
class Cards:
    """What stands beside the tabs, once for all of them."""

    workbench: gr.Row
    portrait: Portrait
    pose: Pose
    text: Text
    drive: Drive
    edit: Edit
    speech: Speech
    settings: Settings


def _workbench(engine: Engine, tabs: gr.Tabs, mode: gr.Textbox) -> None:
    with gr.Row(elem_id="workbench") as workbench:
        with gr.Column(scale=5, min_width=340, elem_id="inputs"):
            cards = Cards(
                workbench=workbench,
                portrait=panels.portrait(),
                pose=modes.pose(),
                text=modes.text(),
                drive=modes.drive(),
                edit=modes.edit(),
                speech=panels.speech(),
                settings=panels.settings(),
            )
            consent = panels.consent()
            generate, stop = panels.actions()
        with gr.Column(scale=7, min_width=340, elem_id="outputs"):
            output = panels.result(generate, stop)
    inputs = _inputs(mode, cards, consent)
    _wire_view(cards, inputs, output)
    _wire_inputs(cards, inputs, output)
    _wire_instruction(engine, cards.text, inputs)
    _wire_run(engine, inputs, cards.edit, output)
    _wire_takes(tabs, cards.edit, inputs, output)


def _inputs(mode: gr.Textbox, cards: Cards, consent: gr.Checkbox) -> Inputs:
    settings = {name: part for name, part in vars(cards.settings).items() if name != "card"}
    return Inputs(
        mode=mode,
        portrait=cards.portrait.image,
        source=cards.speech.source,
        text=cards.speech.text,
        voice=cards.speech.voice,
        upload=cards.speech.upload,
        recording=cards.speech.recording,
        seconds=cards.speech.seconds,
        keys=cards.pose.keys,
        expression=cards.pose.expression,
        strength=cards.pose.strength,
        instruction=cards.text.instruction,
        drive=cards.drive.video,
        take=cards.drive.take,
        groups=cards.drive.groups,
        drive_mode=cards.drive.mode,
        drive_reference=cards.drive.reference,
        consent=consent,
        **settings,
    )


def _wire_view(cards: Cards, inputs: Inputs, output: Output) -> None:
    """Each tab shows its own cards beside the shared ones."""
    parts: dict[str, Any] = {
        "workbench": cards.workbench,
        "portrait": cards.portrait.card,
        "pose": cards.pose.card,
        "text": cards.text.card,
        "drive": cards.drive.card,
        "head_only": cards.drive.head_only,
        "choice": cards.drive.choice,
        "groups": cards.drive.groups,
        "edit": cards.edit.card,
        "speech": cards.speech.card,
        "settings": cards.settings.card,
        "source": inputs.source,
        "generate": output.generate,
    }

    def show(mode: str, take: str, source: str) -> dict[Any, Any]:
        return {parts[name]: value for name, value in handlers.view(mode, take, source).items()}

    gr.on(
        [inputs.mode.change, inputs.take.change],
        show,
        [inputs.mode, inputs.take, inputs.source],
        list(parts.values()),
        trigger_mode="always_last",
        **PRIVATE,
    )
    inputs.source.change(handlers.ways, inputs.source, list(cards.speech.ways), **PRIVATE)


def _wire_inputs(cards: Cards, inputs: Inputs, output: Output) -> None:
    portrait, speech, pose = cards.portrait, cards.speech, cards.pose
    portrait.upload.upload(lambda path: path, portrait.upload, portrait.image, **PRIVATE)
    for tile, path in zip(portrait.examples, samples.portraits(), strict=True):
        tile.click(
            handlers.choose_portrait(path, inputs, output),
            [output.shown, output.running],
            [inputs.portrait, output.stage, output.video, output.facts, output.shown],
            **PRIVATE,
        )
    for tile, path in zip(speech.examples, samples.speeches(), strict=True):
        tile.click(lambda path=path: str(path), None, speech.upload, **PRIVATE)
    for name, button in pose.presets.items():
        button.click(
            handlers.preset(name), [pose.keys, pose.at, pose.lasts], [pose.keys, pose.at], **JUDGING
        )
    inputs.consent.change(
        lambda given: (
            gr.update(interactive=True) if given else gr.update(value=True, interactive=False)
        ),
        inputs.consent,
        inputs.label,
        **PRIVATE,
    )
    uploads: list[tuple[str, Any]] = [("portrait", inputs.portrait), ("drive", inputs.drive)]
    for field, part in (*uploads, ("speech", inputs.upload), ("speech", inputs.recording)):
        part.change(
            handlers.remember(field, output),
            [part, output.session],
            output.history_card,
            preprocess=False,
            **PRIVATE,
        )


def _wire_instruction(engine: Engine, text: Text, inputs: Inputs) -> None:
    reading = {
        "fn": handlers.understand(engine),
        "inputs": [inputs.instruction, inputs.source, inputs.text, inputs.seconds],
        "outputs": text.understood,
        **PRIVATE,
    }
    gr.on([text.instruction.blur, text.instruction.submit], **reading)
    for name, button in text.examples.items():
        example = say(f"instruction.example.{name}")
        button.click(lambda example=example: example, None, text.instruction, **PRIVATE).then(
            **reading
        )


def _wire_run(engine: Engine, inputs: Inputs, edit: Edit, output: Output) -> None:
    """Generate: show that it was heard, run, and tidy up after a failure. Stop: close the run."""
    clicked = output.generate.click(
        handlers.waiting(output), None, output.all(), js=SHOW_RESULT, **PRIVATE
    )
    running = clicked.then(
        handlers.generate(engine, inputs, edit, output),
        inputs.all() | {output.session, edit.start, edit.end, edit.seed, edit.controlled},
        [*output.all(), inputs.seed, edit.opened],
        # Raw values: `door` alone judges them, in sentences of its own.
        preprocess=False,
        api_visibility="private",
        show_progress="hidden",
        **ONE_AT_A_TIME,
    )
    running.failure(
        handlers.failed(output), [output.shown, output.running], output.all(), **PRIVATE
    )
    output.stop.click(
        handlers.stopped(output), output.shown, output.all(), cancels=[running], **PRIVATE
    )


def _wire_takes(tabs: gr.Tabs, edit: Edit, inputs: Inputs, output: Output) -> None:
    """Takes of before: their settings again, one of the list, one from a file, and none at all."""
    everything = sorted(inputs.all(), key=lambda part: part._id)
    edit.file.upload(
        handlers.open_file(inputs, edit, output),
        {*everything, edit.file, output.session},
        [*everything, edit.opened, output.session],
        **JUDGING,
    )
    output.reuse.click(
        handlers.reuse(inputs, output),
        {*everything, output.recipe, output.session},
        everything,
        **JUDGING,
    ).success(lambda mode: gr.update(selected=mode), inputs.mode, tabs, **PRIVATE)
    output.history.select(
        handlers.choose_take(edit, output),
        [output.session, output.running],
        [*output.all(), edit.opened],
        **{**JUDGING, "preprocess": True},
    )
    output.forget.click(handlers.forget, output.session, None, **PRIVATE).success(
        None, None, None, js=RELOAD, api_visibility="private"
    )
