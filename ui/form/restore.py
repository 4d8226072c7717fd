"""A recipe to the values of the page's controls, or to Python that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pprint import pformat
from typing import Any

from gaia_core.controls import Controls
from gaia_core.request import MEDIA, SETTINGS, Request
from ui import samples
from ui.form.admission import FORM, LAST_SECOND, TAKES, read_recipe
from ui.form.endpoints import ENDPOINTS, Endpoint
from ui.i18n.text import say

CONSTANT = ("smile", "brows", "mouth", "gaze_x", "gaze_y")  # the channels that have a slider
NAME_LETTERS = 60  # of what a take is named by

# Settings that a recipe sets as they are. Not the label: switching it off needs consent.
_PLAIN = tuple(
    name
    for name in FORM
    if name in SETTINGS and not SETTINGS[name].optional and name not in ("portrait", "label")
)


def mode_of(request: Request) -> str:
    """The tab that makes such a request."""
    if request.drive and tuple(request.drive_groups) != ("pose",):
        return "video"
    if request.instruction:
        return "text"
    if request.drive or request.controls.tracks or request.controls.strength:
        return "pose"
    return "speech"


def name_of(request: Request) -> str:
    """What a request asks for, in a few words: "Text: smile, then nod"."""
    if request.spans:
        span = request.spans[-1]
        return _named("edit", say("edit.span", start=span.start, end=span.end))
    mode = mode_of(request)
    medium = request.drive or request.speech
    channels = [say(f"channel.{name}") for name in request.controls.tracks]
    asked = {
        "speech": request.text,
        "pose": ", ".join(channels),
        "text": request.instruction,
        "video": None,
    }
    return _named(mode, asked[mode] or (medium.name if medium else say("compare.none")))


def _named(tab: str, asked: str) -> str:
    words = " ".join(asked.split())
    short = words if len(words) <= NAME_LETTERS else f"{words[:NAME_LETTERS].rstrip()}…"
    return say("take.name", mode=say(f"tab.{tab}"), asked=short)


def form_values(recipe: Mapping[str, Any], found: Mapping[str, Path]) -> dict[str, Any]:
    """The fields of `admission.Form` that a recipe sets.

    Args:
        found: media by sha256; media that are not among them are not set.
    """
    somewhere = {name: Path() for name in ("speech", "drive") if recipe.get(name)}
    request = Request.from_recipe(read_recipe(recipe), portrait=Path(), **somewhere)
    media = {name: found.get(recipe.get(name) or "") for name in MEDIA}
    values: dict[str, Any] = {name: getattr(request, name) for name in _PLAIN}
    values |= {"mode": mode_of(request), "random": False}
    values |= {name: str(media[name]) for name in ("portrait", "drive") if media[name]}
    if request.text:
        values |= {"source": "text", "text": request.text}
    elif recipe.get("speech"):
        values |= {"source": "upload"}
        if media["speech"]:
            values["upload"] = str(media["speech"])
    else:
        values["source"] = "none"
    controls = control_values(request.controls)
    values["timeline"] = {"keys": controls.pop("keys"), "span": None}
    values |= controls
    values["instruction"] = request.instruction or ""
    if values["mode"] == "video" or recipe.get("drive"):
        groups = tuple(request.drive_groups)
        named = [name for name, taken in TAKES.items() if set(taken) == set(groups)]
        values |= {"take": named[0] if named else "custom", "groups": list(groups)}
    return values


def control_values(controls: Controls) -> dict[str, Any]:
    """Controls as keyframes and values of the sliders for expression and strength."""
    given = controls.to_json()
    expression = {name: 0.0 for name in CONSTANT}
    keys: list[list[Any]] = []
    for channel, track in given["tracks"].items():
        times, levels = [key[0] for key in track], {key[1] for key in track}
        if channel in CONSTANT and times == [0.0, LAST_SECOND] and len(levels) == 1:
            expression[channel] = track[0][1]
        else:
            keys += [[channel, *key] for key in track]
    return {"keys": keys, "expression": expression, "strength": given["strength"]}


def python_code(request: Request, url: str) -> str:
    """Python with gradio_client that makes the same video."""
    consent = not all(
        samples.is_shipped(path) for name in MEDIA if (path := getattr(request, name)) is not None
    )
    if request.spans:
        arguments, name = _span_arguments(request), "rerender_span"
    else:
        endpoint = next(one for one in ENDPOINTS if one.mode == mode_of(request))
        arguments, name = _arguments(request, endpoint), endpoint.name
    if consent or not request.label:
        arguments["consent"] = "True"
    lines = "".join(f"    {key}={value},\n" for key, value in arguments.items())
    return (
        "from gradio_client import Client, handle_file\n\n"
        f'client = Client("{url}")\n'
        f'video, info = client.predict(\n{lines}    api_name="/{name}",\n)\nprint(video)\n'
    )


def _arguments(request: Request, endpoint: Endpoint) -> dict[str, str]:
    """The arguments that differ from the defaults, as Python."""
    values = {}
    for name in filter(SETTINGS.__contains__, endpoint.takes):
        value = getattr(request, name)
        if value is None or value == SETTINGS[name].default:
            continue
        if name == "voice" and not request.text:
            continue
        if name == "seconds" and (request.text or request.speech):
            continue
        values[name] = _literal(value)
    return values


def _span_arguments(request: Request) -> dict[str, str]:
    recipe = request.recipe()
    *before, span = recipe["spans"]
    values = {
        "portrait": _literal(request.portrait),
        "recipe": _literal({**recipe, "spans": before}),
        "start": _literal(span["start"]),
        "end": _literal(span["end"]),
        "span_seed": _literal(span["seed"]),
    }
    if span["controls"]:
        values["controls"] = _literal(span["controls"])
    for name in ("speech", "drive"):
        if getattr(request, name) is not None:
            values[name] = _literal(getattr(request, name))
    return values


def _literal(value: Any) -> str:
    if isinstance(value, Path):
        return f"handle_file({value.name!r})"
    if isinstance(value, tuple):
        value = list(value)
    if hasattr(value, "to_json"):
        value = value.to_json()
    return pformat(value, width=88, sort_dicts=False).replace("\n", "\n    ")
