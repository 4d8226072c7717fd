"""The API: a function for each of `form.endpoints`.

Gradio publishes an endpoint's signature and docstring. Both follow from the declared settings, so
that an argument means the same in every endpoint.
"""

# No postponed annotations here: Gradio reads the endpoints' hints as they stand.
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from gradio.data_classes import FileData

from gaia_core import FPS
from gaia_core.controls import Controls
from gaia_core.request import SETTINGS, Progress, Result, Segment
from gaia_core.speech.voices import VOICES
from ui.engine import UPDATE_EVERY, Engine, run
from ui.form import admission
from ui.form.endpoints import Endpoint
from ui.gradio_compat import Argument, example_file
from ui.i18n.text import say, translate
from ui.run.estimate import Clock
from ui.toasts import toasts

REQUIRED = inspect.Parameter.empty
JSON = dict[str, Any]

# The arguments that are not settings, with type and default; described in `text`.
OTHERS: dict[str, tuple[Any, Any]] = {
    "recipe": (JSON, REQUIRED),
    "start": (float, REQUIRED),
    "end": (float, REQUIRED),
    "span_seed": (int, REQUIRED),
    "consent": (bool, False),
}
# Examples of arguments that have no default, or whose default says little.
EXAMPLES: dict[str, Any] = {
    "portrait": example_file("portrait.jpg"),
    "drive": example_file("driving.mp4"),
    "text": "Good morning.",
    "instruction": "[0-2s: smile] then nod slowly",
    "controls": {"tracks": {"yaw": [[0, 0, "ease"], [1, 20, "ease"], [2, 0, "ease"]]}},
    "recipe": {"gaia_recipe": 1},
    "start": 1.0,
    "end": 2.0,
    "span_seed": 7,
    "consent": True,
}
CHOICES = {"voice": tuple(voice.name for voice in VOICES)}  # that are no setting's own
TYPES = {Path: FileData, Controls: JSON}  # JSON types of settings that have none of their own


def function(engine: Engine, clock: Clock, endpoint: Endpoint) -> Callable[..., Any]:
    """The function that Gradio serves as `endpoint`."""
    signature = _signature(endpoint)

    def serve(*values: Any, **named: Any) -> Iterator[tuple[Any, JSON]]:
        given = signature.bind(*values, **named)
        given.apply_defaults()
        with toasts():
            request = endpoint.request(given.arguments)
            with (
                clock.job(None) as job,
                closing(run(engine, request, endpoint.live)) as events,
            ):
                at, updated = Progress("start", 0.0), -1.0
                for event in events:
                    if isinstance(event, Result):
                        yield FileData(path=str(event.video)).model_dump(), _info(event)
                        continue
                    if isinstance(event, Segment):
                        part = {"start": event.start, "end": event.end}
                        yield FileData(path=str(event.video)).model_dump(), part
                        continue
                    if isinstance(event, Progress):
                        at, job.fraction = event, event.fraction
                    # Also while only frames arrive: a job is cancelled at a yield.
                    if time.monotonic() - updated >= UPDATE_EVERY:
                        updated = time.monotonic()
                        yield None, {"stage": at.stage, "progress": round(at.fraction, 4)}

    serve.__name__ = serve.__qualname__ = endpoint.name
    serve.__doc__ = _docstring(endpoint)
    serve.__signature__ = signature  # type: ignore[attr-defined]
    # Gradio reads the return type from here and does not know iterators.
    serve.__annotations__ = {
        **{name: parameter.annotation for name, parameter in signature.parameters.items()},
        "return": signature.return_annotation,
    }
    return serve


def arguments(endpoint: Endpoint) -> dict[str, Argument]:
    """What the page of the API says about each argument."""
    shown = {*endpoint.shows, "consent"}
    return {
        name: Argument(
            _meaning(name),
            EXAMPLES.get(name) if parameter.default is REQUIRED or name in shown else None,
        )
        for name, parameter in _signature(endpoint).parameters.items()
    }


def faces_arguments() -> dict[str, Argument]:
    """As `arguments`, of `/faces`."""
    return {"portrait": Argument(_meaning("portrait"), EXAMPLES["portrait"])}


def faces(engine: Engine) -> Callable[[FileData], list[JSON]]:
    """The function of `/faces`. It generates nothing and so needs no consent."""

    def serve(portrait: FileData) -> list[JSON]:
        with toasts():
            inspection = engine.inspect(admission.uploaded("portrait", portrait))
        return [
            {
                "face": index,
                "box": list(face.box),
                "problem": face.problem and translate(face.problem),
            }
            | {"warnings": [translate(sentence) for sentence in face.warnings]}
            for index, face in enumerate(inspection.faces)
        ]

    serve.__name__ = serve.__qualname__ = "faces"
    serve.__doc__ = (
        f"{say('api.faces')}\n\nArgs:\n    portrait: {_meaning('portrait')}\n\n"
        f"Returns:\n    {say('api.faces.returns')}"
    )
    return serve


def _signature(endpoint: Endpoint) -> inspect.Signature:
    parameters = []
    for name in endpoint.takes:
        hint, default = _argument(name, name in endpoint.needs)
        parameters.append(
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=hint
            )
        )
    # Required arguments come first in a valid signature.
    parameters.sort(key=lambda parameter: parameter.default is not REQUIRED)
    return inspect.Signature(parameters, return_annotation=tuple[FileData, JSON])


def _argument(name: str, needed: bool) -> tuple[Any, Any]:
    """Type and default of an argument."""
    if name in OTHERS:
        return OTHERS[name]
    declared = SETTINGS[name]
    hint: Any = TYPES.get(declared.kind, declared.kind)
    if choices := CHOICES.get(name, declared.choices):
        hint = Literal[choices]
    if needed or declared.required:
        return hint, REQUIRED
    default = admission.absent(declared)
    if declared.many:
        return list[hint], list(default)
    return (hint if default is not None else hint | None), default


def _meaning(name: str) -> str:
    return say(f"api.{name}") if name in OTHERS else SETTINGS[name].describe()


def _docstring(endpoint: Endpoint) -> str:
    arguments = "\n".join(f"    {name}: {_meaning(name)}" for name in endpoint.takes)
    return (
        f"{say(f'api.{endpoint.name}')}\n\n{say('api.progress')}\n\n"
        f"Args:\n{arguments}\n\nReturns:\n    {say('api.returns')}"
    )


def _info(result: Result) -> JSON:
    return {
        "seed": result.recipe["seed"],
        "seconds": result.frames / FPS,
        "words": [asdict(word) for word in result.words],
        "notices": list(result.notices),
        "recipe": result.recipe,
    }
