"""`build_studio(engine)`: the page, its events and the API, over any engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from gaia_core.settings import MODES
from ui import api, panels, samples
from ui.compare import compare, variants
from ui.compare import events as compare_events
from ui.components import Inputs, Output
from ui.engine import Engine
from ui.faces import faces
from ui.form import consent, draft, modes, presets, voices
from ui.form import events as form_events
from ui.form.endpoints import ENDPOINTS
from ui.form.modes import Drive, Edit, Pose, Text
from ui.gradio_compat import (
    CLOSE_TOASTS,
    CLOSE_TOASTS_ON_PRIMARY,
    DISABLE,
    KEEP_STREAM,
    LANGUAGE,
    in_order,
    serve,
)
from ui.i18n.text import I18N, language, say, t
from ui.live import events as live_events
from ui.live import live
from ui.panels import Portrait, Settings, Speech
from ui.run import estimate, history, view
from ui.run import events as run_events
from ui.run.estimate import Clock
from ui.takes import downloads, example, live_player, result_view, store
from ui.takes.session import Visits
from ui.theme import ICON, STYLES, theme, toast_titles
from ui.timeline import events as timeline_events

TABS = (*MODES, "live", "compare", "edit", "about")
QUEUE = 32  # visitors in the queue; a ZeroGPU Space allows one by default
ON_SPACES = "SPACE_ID" in os.environ
HERE = "127.0.0.1"  # reached from this machine only

# Internal events: hidden from the API, and short enough to bypass the queue. They show progress on
# no component: at any status of any event, Gradio's page updates all that ever showed progress, and
# reads all fields of each card among them.
PRIVATE: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress_on": []}
# Again whenever the card changes its height, since a film takes its size when it has loaded, until
# the visitor scrolls. At once: what the page inserts meanwhile can end a smooth scroll half way.
SHOW_RESULT = """() => {
  const cards = [...document.querySelectorAll("#compare-result, #result-card")];
  const card = cards.find((card) => card.offsetParent);
  if (!card) return [];
  const sized = new ResizeObserver(() => card.scrollIntoView({block: "nearest"}));
  sized.observe(card);
  const leave = () => sized.disconnect();
  for (const kind of ["wheel", "touchmove", "keydown"])
    addEventListener(kind, leave, {once: true, passive: true});
  setTimeout(leave, 10000);
  return [];
}"""
# Events that may raise an InputError: a toast needs the queue.
JUDGING: dict[str, Any] = {**PRIVATE, "queue": True, "concurrency_limit": None, "preprocess": False}
# Events that encode a file.
WORKING: dict[str, Any] = {**JUDGING, "concurrency_limit": 2}
SILENT: dict[str, Any] = {"api_visibility": "private"}
ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": estimate.RUNS, "concurrency_limit": 1}

LAUNCH_KWARGS: dict[str, Any] = {
    "theme": theme(),
    "css_paths": STYLES,
    "css": toast_titles(),
    "head": LANGUAGE + KEEP_STREAM,
    "favicon_path": ICON,
    "i18n": I18N,
    "app_kwargs": {"lifespan": store.swept},
    "max_file_size": "64mb",
    "footer_links": ["api", "settings"],
    "run_history": False,
    "enable_monitoring": False,
    "mcp_server": True,
    "ssr_mode": False,
    "pwa": False,
}


def address() -> dict[str, Any]:
    """The address to listen on: this machine only, unless on Spaces or configured otherwise."""
    everywhere = "0.0.0.0" if ON_SPACES else HERE
    return {
        "server_name": os.environ.get("GRADIO_SERVER_NAME", everywhere),
        "server_port": int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
    }


def live_seconds() -> float | None:
    """How long a live session may hold the engine: two minutes where others may wait for it."""
    shared = "0" if address()["server_name"] == HERE else "120"
    return float(os.environ.get("GAIA_LIVE_SECONDS", shared)) or None


def build_studio(engine: Engine, others: Sequence[Engine] = ()) -> gr.Blocks:
    """The studio over `engine`, queue included; launch it with `LAUNCH_KWARGS`.

    Args:
        others: engines with other weights, between which the Compare tab chooses.

    Raises:
        InputError: two folders of weights have one name.
    """
    gr.set_static_paths([samples.ROOT / "outputs"])
    with gr.Blocks(
        title=say("title"),
        analytics_enabled=False,
        delete_cache=(store.SWEEP_EVERY, store.KEEP),
        fill_width=True,
    ) as studio:
        header = panels.header()
        # Set in the browser, so that a click right after one on a tab has the new mode.
        mode = gr.Textbox("speech", visible="hidden", container=False, elem_id="mode")
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            for name in TABS:
                with gr.Tab(t(f"tab.{name}"), id=name) as tab:
                    if name == "about":
                        panels.about()
                    else:
                        panels.intro(name)
                tab.select(None, None, mode, js=f"() => '{name}'", api_visibility="private")
        clock = Clock(engine)
        worded = _workbench(studio, engine, others, clock, tabs, mode)
        studio.load(greet, None, [header, *worded], **PRIVATE)
        studio.load(None, None, None, js=CLOSE_TOASTS_ON_PRIMARY, api_visibility="private")
        for endpoint in ENDPOINTS:
            serve(
                api.function(engine, clock, endpoint),
                endpoint.name,
                api.arguments(endpoint),
                **ONE_AT_A_TIME,
            )
        serve(api.faces(engine), "faces", api.faces_arguments(), concurrency_limit=2)
    return studio.queue(max_size=QUEUE, default_concurrency_limit=1)


@dataclass(frozen=True)
class Cards:
    """The cards below the tabs."""

    workbench: gr.Row
    portrait: Portrait
    pose: Pose
    text: Text
    drive: Drive
    live: live.Card
    compare: variants.Card
    edit: Edit
    speech: Speech
    settings: Settings

    def consents(self) -> dict[str, consent.Box]:
        """The boxes by their place."""
        return {place: getattr(self, place).consent for place in consent.PLACES}


def greet() -> list[Any]:
    """The translated HTML and choices for visitors of another language.

    Gradio translates only the first text of an HTML component, and of a choice.
    """
    if language() == "en":
        return [gr.skip()] * 5
    empty = [(say(name), say(f"{name}.hint")) for name in ("result.empty", "compare.empty")]
    result, compared = (result_view.message(*words) for words in empty)
    shown = example.html(samples.portraits()[0]) or result
    choices = (gr.update(choices=given) for given in (voices.choices(), voices.sentences()))
    return [panels.masthead(), shown, compared, *choices]


def _workbench(
    studio: gr.Blocks,
    engine: Engine,
    others: Sequence[Engine],
    clock: Clock,
    tabs: gr.Tabs,
    mode: gr.Textbox,
) -> tuple[Component, ...]:
    """Everything below the tabs; returns what `greet` translates."""
    with gr.Row(elem_id="workbench") as workbench:
        with gr.Column(scale=5, min_width=340, elem_id="inputs"):
            cards = Cards(
                workbench=workbench,
                portrait=panels.portrait(),
                pose=modes.pose(),
                text=modes.text(),
                drive=modes.drive(),
                live=live.card(),
                compare=variants.card(engine.weights, [other.weights for other in others]),
                edit=modes.edit(),
                speech=panels.speech(),
                settings=panels.settings(),
            )
            with cards.settings.card:
                kept = presets.panel()
            actions = panels.actions()
            compare_actions = compare.actions()
        with gr.Column(scale=7, min_width=340, elem_id="outputs"):
            grid = compare.grid(*compare_actions)
            servers = live.ice_servers(os.environ.get("GAIA_ICE_SERVERS", "[]"))
            stage = live.stage(servers)
            sketch = getattr(engine, "sketch", None)
            output = panels.result(*actions, cards.edit.opened, sketch)
    inputs = _inputs(mode, cards, output)
    _wire_view(cards, inputs, output, grid, stage)
    _wire_inputs(cards, inputs, output)
    inspected = _wire_faces(studio, engine, cards.portrait, output)
    _wire_consent(studio, inspected, cards, inputs, output)
    _wire_estimate(clock, inputs, cards, output, grid)
    _wire_presets(studio, kept, inputs)
    _wire_instruction(engine, cards.text, inputs, output)
    _wire_timeline(tabs, cards.edit, inputs, output)
    _wire_run(engine, clock, inputs, cards, output)
    _wire_takes(tabs, cards.edit, inputs, output)
    _wire_return(studio, tabs, inputs, output)
    _wire_downloads(output)
    _wire_compare(engine, others, clock, inputs, cards, grid, output)
    _wire_live(engine, clock, tabs, inputs, cards, stage, servers, output)
    return output.status, grid.status, inputs.voice, cards.speech.sentence


def _inputs(mode: gr.Textbox, cards: Cards, output: Output) -> Inputs:
    settings = {name: part for name, part in vars(cards.settings).items() if name != "card"}
    return Inputs(
        mode=mode,
        portrait=cards.portrait.image,
        face=cards.portrait.face,
        source=cards.speech.source,
        text=cards.speech.text,
        voice=cards.speech.choice.voice,
        upload=cards.speech.upload,
        recording=cards.speech.recording,
        seconds=cards.speech.seconds,
        timeline=output.timeline,
        trim=cards.speech.trim,
        expression=cards.pose.expression,
        strength=cards.pose.strength,
        instruction=cards.text.instruction,
        drive=cards.drive.video,
        take=cards.drive.take,
        groups=cards.drive.groups,
        drive_mode=cards.drive.mode,
        drive_reference=cards.drive.reference,
        consent={place: box.tick for place, box in cards.consents().items()},
        **settings,
    )


def _wire_view(
    cards: Cards, inputs: Inputs, output: Output, grid: compare.Grid, stage: gr.HTML
) -> None:
    """Each tab shows its own cards beside the shared ones."""
    parts: dict[str, Any] = {
        "workbench": cards.workbench,
        "portrait": cards.portrait.card,
        "pose": cards.pose.card,
        "text": cards.text.card,
        "drive": cards.drive.card,
        "drive_fold": cards.drive.fold,
        "head_only": cards.drive.head_only,
        "choice": cards.drive.choice,
        "groups": cards.drive.groups,
        "edit": cards.edit.card,
        "live": cards.live.card,
        "live_actions": cards.live.actions,
        "live_stage": stage,
        "compare": cards.compare.card,
        "compare_result": grid.card,
        "compare_actions": grid.actions,
        "actions": output.actions,
        "timeline": output.timeline,
        "speech": cards.speech.card,
        "settings": cards.settings.card,
        "source": inputs.source,
        "generate": output.generate,
    }

    def show(mode: str, take: str, source: str, drive: Any) -> dict[Any, Any]:
        shown = form_events.view(mode, take, source, drive is not None)
        return {parts[name]: value for name, value in shown.items()}

    gr.on(
        [inputs.mode.change, inputs.take.change],
        show,
        [inputs.mode, inputs.take, inputs.source, inputs.drive],
        list(parts.values()),
        preprocess=False,
        trigger_mode="always_last",
        **PRIVATE,
    )
    inputs.source.change(form_events.ways, inputs.source, list(cards.speech.ways), **PRIVATE)


def _wire_inputs(cards: Cards, inputs: Inputs, output: Output) -> None:
    portrait, speech, pose = cards.portrait, cards.speech, cards.pose
    for upload in (portrait.upload, portrait.image):
        upload.upload(faces.as_shown, upload, portrait.image, preprocess=False, **PRIVATE)
    for tile, path in zip(portrait.examples, samples.portraits(), strict=True):
        tile.click(
            view.choose_portrait(path, inputs, output),
            [output.session, output.running],
            [inputs.portrait, *output.all()],
            **PRIVATE,
        )
    for tile, path in zip(speech.examples, samples.speeches(), strict=True):
        tile.click(lambda path=path: str(path), None, speech.upload, **PRIVATE)
    speech.sentence.input(
        voices.choose_sentence(inputs), speech.sentence, [inputs.text, inputs.voice], **PRIVATE
    )
    choice = speech.choice
    choice.hear.click(voices.hear, choice.voice, choice.heard, **WORKING)
    for name, button in pose.presets.items():
        button.click(
            form_events.preset(name),
            [inputs.timeline, pose.at, pose.lasts],
            [inputs.timeline, pose.at],
            **JUDGING,
        ).success(None, None, None, js=timeline_events.REVEAL, **SILENT)
    uploads: list[tuple[str, Any]] = [("portrait", inputs.portrait), ("drive", inputs.drive)]
    for field, part in (*uploads, ("speech", inputs.upload), ("speech", inputs.recording)):
        part.change(
            history.remember(field, output),
            [part, output.session],
            output.history_card,
            preprocess=False,
            **PRIVATE,
        )


def _wire_consent(
    studio: gr.Blocks, inspected: Dependency, cards: Cards, inputs: Inputs, output: Output
) -> None:
    """Consent is asked for beside an upload; once given, the label may be switched off."""
    boxes = cards.consents()
    ticks = [box.tick for box in boxes.values()]
    media = [inputs.portrait, inputs.upload, inputs.recording, inputs.drive]

    asking = {
        "fn": consent.ask,
        "inputs": [inputs.source, *media, output.session, *ticks],
        "outputs": [inputs.label, *(box.shown for box in boxes.values())],
        "preprocess": False,
        **PRIVATE,
    }
    inspected.then(**asking)
    changed: list[Any] = [inputs.source, *media[1:], *ticks]
    gr.on([part.change for part in changed], trigger_mode="always_last", **asking)
    studio.load(None, None, None, js=consent.GUARD, api_visibility="private")


def _wire_faces(
    studio: gr.Blocks, engine: Engine, portrait: Portrait, output: Output
) -> Dependency:
    """Inspection of each new portrait; selects the first face, or that of a recipe."""
    gr.on(
        [portrait.upload.upload, portrait.image.upload, *(e.click for e in portrait.examples)],
        None,
        None,
        portrait.face,
        js="() => 0",
        api_visibility="private",
    )
    chosen = [portrait.boxes.select, portrait.crops.select]
    gr.on(chosen, faces.choose, None, portrait.face, **PRIVATE)
    return gr.on(
        [studio.load, portrait.image.change, portrait.face.change],
        faces.show(engine),
        [portrait.image, portrait.face, output.session],
        [portrait.boxes, portrait.crops, portrait.face],
        preprocess=False,
        trigger_mode="always_last",
        **PRIVATE,
    )


def _wire_estimate(
    clock: Clock, inputs: Inputs, cards: Cards, output: Output, grid: compare.Grid
) -> None:
    """The estimated time of the next run; a new face is noticed by its crop."""
    fields = {getattr(inputs, name) for name in estimate.INPUTS}
    own = set(cards.compare.inputs())
    changed = fields - {inputs.portrait, inputs.face}
    changed |= {cards.portrait.crops, output.history}
    gr.on(
        [*(part.change for part in in_order(changed)), inputs.timeline.select],
        estimate.note(clock, inputs, output),
        {*fields, inputs.timeline, output.session},
        output.estimate,
        preprocess=False,
        # Two events of "always_last" that a change triggers together never come to rest.
        trigger_mode="multiple",
        **PRIVATE,
    )
    gr.on(
        [part.change for part in in_order(changed | own)],
        compare_events.note(clock, inputs, cards.compare, output),
        {*fields, *own, output.session},
        grid.estimate,
        preprocess=False,
        trigger_mode="multiple",
        **PRIVATE,
    )


def _wire_presets(studio: gr.Blocks, kept: presets.Presets, inputs: Inputs) -> None:
    """Presets: choose, save, delete."""
    controls, found = presets.controls(inputs), [kept.name, kept.kept]
    studio.load(presets.names, kept.kept, kept.name, preprocess=False, **PRIVATE)
    kept.name.input(presets.choose(inputs, kept), found, [kept.name, *controls], **JUDGING)
    kept.save.click(presets.save(inputs, kept), {*controls, *found}, found, **JUDGING)
    kept.delete.click(presets.delete(kept), found, found, **JUDGING)


def _wire_instruction(engine: Engine, text: Text, inputs: Inputs, output: Output) -> None:
    reading = {
        "fn": timeline_events.understand(engine),
        "inputs": [inputs.instruction, inputs.source, inputs.text, inputs.seconds],
        "outputs": [text.understood, output.timeline],
        **PRIVATE,
    }
    gr.on([text.instruction.blur, text.instruction.submit], **reading)
    for name, button in text.examples.items():
        example = say(f"instruction.example.{name}")
        button.click(lambda example=example: example, None, text.instruction, **PRIVATE).then(
            **reading
        )


def _wire_timeline(tabs: gr.Tabs, edit: Edit, inputs: Inputs, output: Output) -> None:
    """Sound, controls as JSON, and spans to re-render."""
    gr.on(
        [
            inputs.source.change,
            inputs.upload.change,
            inputs.recording.change,
            inputs.seconds.change,
            inputs.text.blur,
        ],
        timeline_events.show_sound(inputs, output),
        {
            inputs.source,
            inputs.upload,
            inputs.recording,
            inputs.seconds,
            inputs.text,
            output.session,
        },
        output.timeline,
        preprocess=False,
        trigger_mode="always_last",
        **PRIVATE,
    )
    output.timeline.copy(
        timeline_events.written(inputs), {*inputs.all()}, output.timeline, **JUDGING
    )
    output.timeline.submit(
        timeline_events.pasted(inputs),
        inputs.timeline,
        [inputs.timeline, *inputs.expression.values(), *inputs.strength.values()],
        **JUDGING,
    )
    # Keyframes that are made on the Edit tab count there.
    output.timeline.input(
        None,
        [inputs.mode, edit.controlled],
        edit.controlled,
        js="(mode, on) => mode === 'edit' || on",
        api_visibility="private",
    )
    output.timeline.apply(
        timeline_events.to_edit(inputs, edit),
        inputs.mode,
        [edit.controlled, inputs.mode],
        **PRIVATE,
    ).success(lambda: gr.update(selected="edit"), None, tabs, **PRIVATE)


def _wire_run(engine: Engine, clock: Clock, inputs: Inputs, cards: Cards, output: Output) -> None:
    """Generate: show progress, run, restore the page after a failure. Stop: close the run."""
    edit, watch = cards.edit, cards.speech.watch
    clicked = output.generate.click(
        run_events.waiting(output, clock), output.session, output.all(), js=SHOW_RESULT, **PRIVATE
    )
    running = clicked.then(
        run_events.generate(engine, inputs, edit, output, watch, clock),
        inputs.all() | {output.session, edit.seed, edit.random, edit.controlled, watch},
        [*output.all(), inputs.seed, edit.seed],
        # Raw values: `admission` validates them.
        preprocess=False,
        api_visibility="private",
        show_progress_on=output.queue,
        **ONE_AT_A_TIME,
    )
    running.success(None, js=live_player.HAND_OVER, **PRIVATE)
    running.success(None, js=SHOW_RESULT, **PRIVATE)
    running.failure(
        run_events.ended(output),
        [output.session, gr.Checkbox(visible=False)],
        output.all(),
        js=run_events.STOPPED,
        **PRIVATE,
    )
    output.stop.click(None, None, output.stop, js=DISABLE, cancels=[running], **SILENT)


def _wire_takes(tabs: gr.Tabs, edit: Edit, inputs: Inputs, output: Output) -> None:
    """Earlier takes: open from a file, show, reuse the settings, delete."""
    everything = in_order(inputs.all())
    opened = edit.file.upload(None, None, None, js=CLOSE_TOASTS, **SILENT).then(
        history.open_file(inputs, edit, output),
        {*everything, edit.file, output.session, output.running},
        in_order({*everything, *output.all(), edit.file}),
        **JUDGING,
    )
    opened.failure(None, None, edit.file, js="() => null", **SILENT)
    gr.on(
        [output.reuse.click, output.history.apply],
        history.reuse(inputs, output),
        {*everything, output.session},
        everything,
        **JUDGING,
    ).success(lambda mode: gr.update(selected=mode), inputs.mode, tabs, **PRIVATE)
    given: dict[str, Any] = {
        "inputs": [output.session, output.running],
        "outputs": output.all(),
        **{**JUDGING, "preprocess": True},
    }
    chosen = output.history.select(history.choose_take(output), **given)
    chosen.success(history.watched_on, inputs.mode, [inputs.mode, tabs], **PRIVATE)
    output.history.delete(history.drop_take(output), **given)
    output.history.undo(history.bring_back(output), **given)
    output.forget.click(history.forget, output.session, None, **PRIVATE).success(
        None, None, None, js=draft.FORGET, api_visibility="private"
    )


def _wire_return(studio: gr.Blocks, tabs: gr.Tabs, inputs: Inputs, output: Output) -> None:
    """Draft and takes come back after a reload."""
    kept = draft.parts(inputs)
    visit, written = (
        gr.Textbox(visible=False, container=False, elem_id=name) for name in ("visit", "draft")
    )
    returned = studio.load(
        history.returned(Visits(), visit, tabs, TABS, inputs, output),
        [visit, written, output.session],
        [visit, tabs, *kept.values(), *output.all()],
        js=draft.OPEN,
        **JUDGING,
    )
    returned.success(None, visit, None, js=draft.OPENED, api_visibility="private")
    gr.on(
        [part.change for part in kept.values()],
        None,
        list(kept.values()),
        None,
        js=draft.keep(inputs),
        api_visibility="private",
    )


def _wire_downloads(output: Output) -> None:
    """The shown take in other forms."""
    also, given = output.also, output.session
    for kind, button in also.buttons.items():
        pressed = button.click(downloads.made(also, kind), given, also.all(), **WORKING)
        pressed.success(None, None, None, js=downloads.fetch("download-file"), **SILENT)
        pressed.failure(downloads.failed(also, kind), None, also.all(), **PRIVATE)


def _wire_compare(
    engine: Engine,
    others: Sequence[Engine],
    clock: Clock,
    inputs: Inputs,
    cards: Cards,
    grid: compare.Grid,
    output: Output,
) -> None:
    """Generate all, Stop, Download all; a variant shows its fields while enabled."""
    card = cards.compare
    for variant in card.variants:
        variant.on.change(
            lambda on: gr.update(visible=bool(on)), variant.on, variant.body, **PRIVATE
        )
    card.way.change(
        lambda way: [gr.update(visible=way == name) for name in variants.WAYS],
        card.way,
        [card.one_by_one, card.over],
        **PRIVATE,
    )
    for axis in (card.rows, card.columns):
        axis.setting.input(compare_events.values_of(card), axis.setting, axis.values, **PRIVATE)
    fields = set(card.inputs())
    clicked = grid.generate.click(
        compare_events.waiting(grid, clock), output.session, grid.all(), js=SHOW_RESULT, **PRIVATE
    )
    running = clicked.then(
        compare_events.generate(engine, others, inputs, card, grid, output, clock),
        inputs.all() | fields | {output.session, grid.state},
        grid.all(),
        preprocess=False,
        api_visibility="private",
        show_progress_on=output.queue,
        **ONE_AT_A_TIME,
    )
    running.then(
        compare_events.open_last(output),
        [grid.state, output.session, output.running],
        output.all(),
        **PRIVATE,
    )
    running.failure(compare_events.ended(grid), grid.state, grid.all(), **PRIVATE)
    grid.stop.click(None, None, grid.stop, js=DISABLE, cancels=[running], **SILENT)
    grid.pack.click(
        compare_events.packed(grid), [grid.state, output.session], grid.file, **WORKING
    ).success(None, None, None, js=downloads.fetch("compare-file"), **SILENT)


def _wire_live(
    engine: Engine,
    clock: Clock,
    tabs: gr.Tabs,
    inputs: Inputs,
    cards: Cards,
    stage: gr.HTML,
    servers: list[dict[str, Any]],
    output: Output,
) -> None:
    """A live session: it waits and runs as any other; the stage ends it."""
    card, ticks = cards.live, inputs.consent.values()
    card.kind.change(
        lambda kind: [gr.update(visible=kind == name) for name in live.KINDS],
        card.kind,
        list(card.infos),
        **PRIVATE,
    )
    running = stage.start(
        live_events.start(engine, clock, stage, inputs, output, live_seconds(), servers),
        {stage, inputs.portrait, inputs.face, output.session, *ticks},
        stage,
        preprocess=False,
        api_visibility="private",
        show_progress_on=output.queue,
        **ONE_AT_A_TIME,
    )
    running.failure(live_events.failed, stage, stage, preprocess=False, **PRIVATE)
    kept = stage.keep(
        live_events.keep(engine, stage, output),
        {output.session, output.running},
        [*output.all(), stage],
        **WORKING,
    )
    kept.success(None, js=SHOW_RESULT, **PRIVATE)
    kept.failure(lambda: gr.update(state={"phase": "kept"}), None, stage, **PRIVATE)
    stage.stop(None, None, None, cancels=[running], **SILENT)
    stage.instead(
        live_events.instead, None, [tabs, inputs.mode, inputs.source, cards.speech.watch], **PRIVATE
    )
