"""What happens: events of the engine become updates of the page, or answers of the API.

Each run is one generator. When a visitor presses Stop, closes the page or cancels a job, Gradio
closes it, which closes the engine's generator and removes the unfinished take.
"""

# No postponed annotations here: Gradio reads the endpoint's hints as they stand.
import html
import json
import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.data_classes import FileData

from gaia_core import FPS
from gaia_core.errors import InputError
from gaia_core.request import Event, Preview, Progress, Request, Result
from ui import samples, stage, takes
from ui.door import Asked, Form, admit
from ui.panels import Inputs, Output
from ui.text import say

logger = logging.getLogger(__name__)

UPDATE_EVERY = 0.1  # seconds; also the longest time between two chances to stop
PREVIEW_EVERY = 0.4  # seconds

Updates = dict[Block, Any]


class Engine(Protocol):
    """What the studio needs of `gaia_core.pipeline.Gaia`."""

    def generate(self, request: Request, out: Path) -> Iterator[Event]: ...


def run(engine: Engine, request: Request) -> Generator[Event, None, None]:
    """The engine's events; a take that is not finished leaves nothing behind."""
    folder = takes.new_folder()
    try:
        yield from engine.generate(request, folder / f"gaia-{request.seed}.mp4")
    except BaseException:  # also when closed, which stops the engine's generator first
        takes.discard(folder)
        raise


@contextmanager
def toasts() -> Iterator[None]:
    """Turns an InputError into a toast with its sentence, anything else into a general one."""
    try:
        yield
    except InputError as error:
        raise _toast(str(error), say("error.title")) from None
    except gr.Error:
        raise  # from the GPU's keeper: the visitor's quota is used up, say
    except Exception:
        logger.exception("a run failed")
        raise _toast(say("error.unexpected"), say("error.title.unexpected")) from None


def _toast(sentence: str, title: str) -> gr.Error:
    # Toasts are drawn as HTML, and a sentence may quote what the visitor typed.
    return gr.Error(html.escape(sentence, quote=False), title=title, print_exception=False)


# The page


def generate(
    engine: Engine, inputs: Inputs, output: Output
) -> Callable[[dict[Component, Any]], Iterator[Updates]]:
    """The handler of the button: all controls in, the result panel out."""

    def on_generate(values: dict[Component, Any]) -> Iterator[Updates]:
        names = [field.name for field in fields(Form)]
        form = Form(**{name: values[getattr(inputs, name)] for name in names})
        with toasts():
            request = admit(form.asked())
            yield {output.stage: stage.working(Progress("start", 0.0))}
            with closing(run(engine, request)) as events:
                for event in _paced(events):
                    if isinstance(event, Result):
                        yield _shown(event, inputs, output)
                    else:
                        yield {output.stage: event}

    return on_generate


def _paced(events: Iterator[Event]) -> Iterator[str | Result]:
    """Progress and previews as HTML, few enough for a slow line; the result as it is."""
    progress, preview = Progress("start", 0.0), ""
    updated = previewed = -1.0
    for event in events:
        now = time.monotonic()
        if isinstance(event, Result):
            yield event
        elif isinstance(event, Progress):
            progress = Progress(event.stage, max(event.fraction, progress.fraction))
        elif isinstance(event, Preview) and now - previewed >= PREVIEW_EVERY:
            preview, previewed = stage.data_url(event.frame), now
        if now - updated >= UPDATE_EVERY and not isinstance(event, Result):
            updated = now
            yield stage.working(progress, preview)


def _shown(result: Result, inputs: Inputs, output: Output) -> Updates:
    recipe = result.video.with_suffix(".json")
    recipe.write_text(json.dumps(result.recipe, indent=2, ensure_ascii=False), encoding="utf-8")
    return {
        output.stage: gr.update(visible=False),
        output.video: gr.update(value=str(result.video), visible=True, autoplay=True),
        output.facts: gr.update(value=stage.facts(result), visible=True),
        output.details: gr.update(visible=True),
        output.recipe: result.recipe,
        output.download: gr.update(value=str(recipe)),
        output.generate: gr.update(visible=True),
        output.stop: gr.update(visible=False),
        output.shown: "take",
        output.running: False,
        inputs.seed: result.recipe["seed"],
    }


def waiting(output: Output) -> Callable[[], Updates]:
    """The page right after the click, before there is a free place."""
    return lambda: {
        **_stage_only(output, stage.working(None)),
        output.generate: gr.update(visible=False),
        output.stop: gr.update(visible=True),
        output.running: True,
    }


def stopped(output: Output) -> Callable[[str], Updates]:
    """The page after Stop."""
    return lambda shown: _idle(output, "result.stopped", shown)


def failed(output: Output) -> Callable[[str, bool], Updates]:
    """The page after a failure.

    Gradio calls a stopped run a failure too, once the last progress on its way has arrived.
    """

    def on_failure(shown: str, running: bool) -> Updates:
        return _idle(output, "result.failed" if running else "result.stopped", shown)

    return on_failure


def _idle(output: Output, key: str, shown: str) -> Updates:
    """The buttons as at first, and the video there was before, or else a sentence."""
    if shown:
        view: Updates = {
            output.stage: gr.update(visible=False),
            output.video: gr.update(visible=True, autoplay=False),
            output.facts: gr.update(visible=True),
            output.details: gr.update(visible=shown == "take"),
        }
    else:
        view = _stage_only(output, stage.message(say(key), say(f"{key}.hint")))
    return {
        **view,
        output.generate: gr.update(visible=True),
        output.stop: gr.update(visible=False),
        output.running: False,
    }


def _stage_only(output: Output, content: str) -> Updates:
    return {
        output.stage: gr.update(value=content, visible=True),
        output.video: gr.update(visible=False),
        output.facts: gr.update(visible=False),
        output.details: gr.update(visible=False),
    }


def choose_portrait(
    portrait: Path, inputs: Inputs, output: Output
) -> Callable[[str, bool], Updates]:
    """An example portrait into the form, and its ready-made video unless a take is in the way."""

    def on_choose(shown: str, running: bool) -> Updates:
        ready = samples.output_of(portrait)
        updates: Updates = {inputs.portrait: str(portrait)}
        if ready and shown != "take" and not running:
            updates |= {
                output.stage: gr.update(visible=False),
                output.video: gr.update(value=str(ready), visible=True, autoplay=False),
                output.facts: gr.update(value=stage.caption(), visible=True),
                output.shown: "example",
            }
        return updates

    return on_choose


# The API


def endpoint(engine: Engine) -> Callable[..., Any]:
    """The function behind `/speech_driven`. Its docstring is what programs and agents read."""

    def speech_driven(
        portrait: FileData,
        speech: FileData | None = None,
        text: str = "",
        voice: str = Request.voice,
        face: int = Request.face,
        seed: int = Request.seed,
        steps: int = Request.steps,
        guidance: float = Request.guidance,
        size: str = Request.size,
        label: bool = Request.label,
        consent: bool = False,
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Makes a video in which the face of a portrait speaks.

        Give either a speech recording or a text. While it works it yields no video and
        {"stage", "progress"}; the last answer is the result.

        Args:
            portrait: A photo with a face, for example JPEG or PNG.
            speech: A recording of up to two minutes. Leave it out to have the text spoken.
            text: What to say, up to 1000 characters. Leave it empty when giving a recording.
            voice: The voice for the text, by name. Online voices send the text to a service.
            face: Which face of a group photo: 0 is the largest.
            seed: The same seed and settings give the same video.
            steps: Sampling steps, 1 to 100. More is slower.
            guidance: How closely the motion follows the speech, 0 to 5. 1 is neutral.
            size: "photo" for the whole photo, "512" or "256" for a crop of the face.
            label: A visible AI label in a corner. False needs consent.
            consent: True says: I have the right to use this face and voice. Needed for all
                but the studio's own examples.

        Returns:
            The video (mp4), and its facts: seed, recipe, words with times, notices, seconds.
        """
        asked = Asked(
            portrait=portrait,
            speech=speech,
            text=text,
            voice=voice,
            face=face,
            seed=seed,
            steps=steps,
            guidance=guidance,
            size=size,
            label=label,
            consent=consent,
        )
        with toasts(), closing(run(engine, admit(asked))) as events:
            at, updated = Progress("start", 0.0), -1.0
            for event in events:
                if isinstance(event, Result):
                    yield FileData(path=str(event.video)).model_dump(), _info(event)
                    continue
                at = event if isinstance(event, Progress) else at
                # Also while only frames come: a job can be cancelled at a yield alone.
                if time.monotonic() - updated >= UPDATE_EVERY:
                    updated = time.monotonic()
                    yield None, {"stage": at.stage, "progress": round(at.fraction, 4)}

    # Gradio reads what a call answers from the hints, and knows nothing of iterators.
    speech_driven.__annotations__["return"] = tuple[FileData, dict[str, Any]]
    return speech_driven


def _info(result: Result) -> dict[str, Any]:
    return {
        "seed": result.recipe["seed"],
        "seconds": result.frames / FPS,
        "words": [asdict(word) for word in result.words],
        "notices": list(result.notices),
        "recipe": result.recipe,
    }
