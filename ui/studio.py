"""`build_studio(engine)`: the page, its events and the API, over any engine."""

from __future__ import annotations

import os
from typing import Any

import gradio as gr

from ui import handlers, panels, samples, takes
from ui.handlers import Engine
from ui.panels import SPEECH, Inputs, Output, Portrait, Speech
from ui.text import I18N, say, t
from ui.theme import CSS, ICON, theme

QUEUE = 32  # visitors who may wait; with no number, a ZeroGPU Space allows one
ON_SPACES = "SPACE_ID" in os.environ

# Plumbing of the page: not for programs, and quick enough to pass the queue.
PRIVATE: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
SHOW_RESULT = """() => {
  document.querySelector("#result-card").scrollIntoView({behavior: "smooth", block: "nearest"});
  return [];
}"""
ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "gpu", "concurrency_limit": 1}

LAUNCH_KWARGS: dict[str, Any] = {
    "theme": theme(),
    "css_paths": [CSS],
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
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(t("tab.speech"), id="speech"):
                _speech_tab(engine)
            with gr.Tab(t("tab.about"), id="about"):
                panels.about()
        gr.api(handlers.endpoint(engine), api_name="speech_driven", **ONE_AT_A_TIME)
    return studio.queue(max_size=QUEUE, default_concurrency_limit=1)


def _speech_tab(engine: Engine) -> None:
    with gr.Row(elem_id="workbench"):
        with gr.Column(scale=5, min_width=340, elem_id="inputs"):
            portrait = panels.portrait()
            speech = panels.speech()
            settings = panels.settings()
            consent = panels.consent()
            generate, stop = panels.actions()
        with gr.Column(scale=7, min_width=340, elem_id="outputs"):
            output = panels.result(generate, stop)
    inputs = Inputs(
        portrait=portrait.image,
        source=speech.source,
        text=speech.text,
        voice=speech.voice,
        upload=speech.upload,
        recording=speech.recording,
        consent=consent,
        **vars(settings),
    )
    _wire_inputs(portrait, speech, inputs, output)
    _wire_run(engine, inputs, output)


def _wire_inputs(portrait: Portrait, speech: Speech, inputs: Inputs, output: Output) -> None:
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
    speech.source.change(
        lambda chosen: [gr.update(visible=chosen == name) for name in SPEECH],
        speech.source,
        list(speech.groups),
        **PRIVATE,
    )
    inputs.consent.change(
        lambda given: (
            gr.update(interactive=True) if given else gr.update(value=True, interactive=False)
        ),
        inputs.consent,
        inputs.label,
        **PRIVATE,
    )


def _wire_run(engine: Engine, inputs: Inputs, output: Output) -> None:
    """Generate: show that it was heard, run, and tidy up after a failure. Stop: close the run."""
    clicked = output.generate.click(
        handlers.waiting(output), None, output.all(), js=SHOW_RESULT, **PRIVATE
    )
    running = clicked.then(
        handlers.generate(engine, inputs, output),
        inputs.all(),
        [*output.all(), inputs.seed],
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
