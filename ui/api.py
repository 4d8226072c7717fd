"""The endpoints for programs and agents: thin shells over `Request`, made from one table.

An endpoint's signature and docstring are what Gradio publishes; both are put together here from
`ARGUMENTS`, so that the same argument means the same everywhere.
"""

# No postponed annotations here: Gradio reads the endpoints' hints as they stand.
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from gradio.data_classes import FileData

from gaia_core import FPS
from gaia_core.request import Progress, Request, Result, Segment
from ui.engine import UPDATE_EVERY, Engine, run
from ui.form import admission
from ui.form.admission import Asked
from ui.i18n.text import say, told
from ui.toasts import toasts

REQUIRED = inspect.Parameter.empty
JSON = dict[str, Any]

# name: (type, default); what it means stands in `text`, under api.NAME.
ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "portrait": (FileData, REQUIRED),
    "controls": (JSON | None, None),
    "instruction": (str, REQUIRED),
    "drive": (FileData | None, None),
    "drive_groups": (list[str], list(Request.drive_groups)),
    "drive_mode": (str, Request.drive_mode),
    "drive_reference": (float, Request.drive_reference),
    "recipe": (JSON, REQUIRED),
    "start": (float, REQUIRED),
    "end": (float, REQUIRED),
    "span_seed": (int, REQUIRED),
    "speech": (FileData | None, None),
    "text": (str, ""),
    "voice": (str, Request.voice),
    "seconds": (float, Request.seconds),
    "face": (int, Request.face),
    "seed": (int, Request.seed),
    "steps": (int, Request.steps),
    "guidance": (float, Request.guidance),
    "size": (str, Request.size),
    "label": (bool, Request.label),
    "consent": (bool, False),
}
SAID = ("speech", "text", "voice")
ALWAYS = ("face", "seed", "steps", "guidance", "size", "label", "consent")


@dataclass(frozen=True)
class Endpoint:
    """An endpoint: its name, its arguments, and which of them must be given here."""

    name: str
    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    live: bool = False  # whether the film's parts come as they are made

    def request(self, given: dict[str, Any]) -> Request:
        """The checked request of a call."""
        if "drive_groups" not in self.takes and given.get("drive"):
            given = {**given, "drive_groups": ["pose"]}
        return admission.admit(Asked(**given))


class Rerender(Endpoint):
    def request(self, given: dict[str, Any]) -> Request:
        media = [
            admission.uploaded(name, given[name])
            for name in ("portrait", "speech", "drive")
            if given[name] is not None
        ]
        return admission.rerender(
            given["recipe"],
            media,
            given["start"],
            given["end"],
            given["span_seed"],
            given["controls"],
            given["consent"],
        )


ENDPOINTS = (
    Endpoint("speech_driven", ("portrait", *SAID, *ALWAYS)),
    Endpoint("stream_speech", ("portrait", *SAID, *ALWAYS), live=True),
    Endpoint(
        "pose_controlled",
        (
            "portrait",
            "controls",
            *SAID,
            "seconds",
            "drive",
            "drive_mode",
            "drive_reference",
            *ALWAYS,
        ),
    ),
    Endpoint("text_instructed", ("portrait", "instruction", "controls", *SAID, "seconds", *ALWAYS)),
    Endpoint(
        "video_driven",
        (
            "portrait",
            "drive",
            "drive_groups",
            "drive_mode",
            "drive_reference",
            "controls",
            *SAID,
            *ALWAYS,
        ),
        needs=("drive",),
    ),
    Rerender(
        "rerender_span",
        (
            "portrait",
            "recipe",
            "start",
            "end",
            "span_seed",
            "controls",
            "speech",
            "drive",
            "consent",
        ),
    ),
)


def function(engine: Engine, endpoint: Endpoint) -> Callable[..., Any]:
    """The function that Gradio serves as `endpoint`."""
    signature = _signature(endpoint)

    def serve(*values: Any, **named: Any) -> Iterator[tuple[Any, JSON]]:
        given = signature.bind(*values, **named)
        given.apply_defaults()
        with toasts():
            request = endpoint.request(given.arguments)
            with closing(run(engine, request, endpoint.live)) as events:
                at, updated = Progress("start", 0.0), -1.0
                for event in events:
                    if isinstance(event, Result):
                        yield FileData(path=str(event.video)).model_dump(), _info(event)
                        continue
                    if isinstance(event, Segment):
                        part = {"start": event.start, "end": event.end}
                        yield FileData(path=str(event.video)).model_dump(), part
                        continue
                    at = event if isinstance(event, Progress) else at
                    # Also while only frames come: a job can be cancelled at a yield alone.
                    if time.monotonic() - updated >= UPDATE_EVERY:
                        updated = time.monotonic()
                        yield None, {"stage": at.stage, "progress": round(at.fraction, 4)}

    serve.__name__ = serve.__qualname__ = endpoint.name
    serve.__doc__ = _docstring(endpoint)
    serve.__signature__ = signature  # type: ignore[attr-defined]
    # What a call answers is read from here too, and Gradio knows nothing of iterators.
    serve.__annotations__ = {
        **{name: parameter.annotation for name, parameter in signature.parameters.items()},
        "return": signature.return_annotation,
    }
    return serve


def faces(engine: Engine) -> Callable[[FileData], list[JSON]]:
    """The function that says what `face` may be: nothing is made, so nothing need be allowed."""

    def serve(portrait: FileData) -> list[JSON]:
        with toasts():
            look = engine.look(admission.uploaded("portrait", portrait))
        return [
            {"face": index, "box": list(face.box), "problem": face.problem and told(face.problem)}
            | {"warnings": [told(sentence) for sentence in face.warnings]}
            for index, face in enumerate(look.faces)
        ]

    serve.__name__ = serve.__qualname__ = "faces"
    serve.__doc__ = (
        f"{say('api.faces')}\n\nArgs:\n    portrait: {say('api.portrait')}\n\n"
        f"Returns:\n    {say('api.faces.returns')}"
    )
    return serve


def _signature(endpoint: Endpoint) -> inspect.Signature:
    parameters = []
    for name in endpoint.takes:
        hint, default = ARGUMENTS[name]
        if name in endpoint.needs:
            hint, default = FileData, REQUIRED
        parameters.append(
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=hint
            )
        )
    # A valid signature has what must be given first.
    parameters.sort(key=lambda parameter: parameter.default is not REQUIRED)
    return inspect.Signature(parameters, return_annotation=tuple[FileData, JSON])


def _docstring(endpoint: Endpoint) -> str:
    arguments = "\n".join(f"    {name}: {say(f'api.{name}')}" for name in endpoint.takes)
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
