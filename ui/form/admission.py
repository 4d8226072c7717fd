"""Validation of untrusted input: what a browser or a program sent becomes a `Request`.

Gradio hides private endpoints but still serves them, so types, paths and consent are checked here
and not in the page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, make_dataclass, replace
from pathlib import Path
from typing import Any

from gaia_core import MAX_SECONDS
from gaia_core.controls import Controls, is_number
from gaia_core.errors import InputError
from gaia_core.request import MEDIA, SETTINGS, Request, Span, draw_seed
from gaia_core.settings import MODES, Setting
from ui import samples
from ui.i18n.text import say
from ui.takes import store

SOURCES = ("text", "upload", "record", "none")
GROUPS = Request.drive_groups
# The groups of each choice; "custom" has those that are ticked.
DUB = tuple(group for group in GROUPS if group not in ("mouth", "face"))
TAKES = {"reenact": GROUPS, "dub": DUB}
LAST_SECOND = MAX_SECONDS  # a constant is held until then


def absent(declared: Setting) -> Any:
    """The default of a setting as JSON."""
    if declared.kind is Controls:
        return None
    return "" if declared.kind is str and declared.optional else declared.default


_FIELDS = [
    (name, Any) if declared.required else (name, Any, absent(declared))
    for name, declared in SETTINGS.items()
]
_Fields: Any = make_dataclass("_Fields", [*_FIELDS, ("consent", Any, False)], frozen=True)


class RawRequest(_Fields):
    """An unchecked request: files as Gradio's file data, the rest as JSON.

    Its fields are the settings of `Request`, and `consent`.
    """


@dataclass(frozen=True)
class Form:
    """The values of the page's controls when Generate was pressed; one field per control.

    Only the controls of the open tab (`mode`) count.
    `expression`, `strength` and `consent` hold one value for each of their controls.
    """

    mode: Any
    portrait: Any
    source: Any
    text: Any
    voice: Any
    upload: Any
    recording: Any
    seconds: Any
    timeline: Any
    trim: Any
    expression: Any
    strength: Any
    instruction: Any
    drive: Any
    take: Any
    groups: Any
    drive_mode: Any
    drive_reference: Any
    face: Any
    seed: Any
    random: Any
    steps: Any
    guidance: Any
    liveliness: Any
    size: Any
    label: Any
    consent: Any

    def raw_request(self) -> RawRequest:
        """The request of the open tab; draws a seed if `random`."""
        if self.mode not in MODES:
            raise InputError(say("error.mode"))
        shared = {name: getattr(self, name) for name in SHARED} | {"consent": self.consented}
        if self.random:
            shared["seed"] = draw_seed()
        return RawRequest(**shared, **self._sound(), **self._motion())

    @property
    def consented(self) -> bool:
        """Whether consent was given at any upload."""
        return any(value is True for value in self.consent.values())

    def controls(self) -> dict[str, Any]:
        """Keyframes, constant expression and strengths as the JSON of `Controls`."""
        constant = {
            channel: [[0.0, value, "hold"], [LAST_SECOND, value, "hold"]]
            for channel, value in self.expression.items()
            if value
        }
        strength = {name: value for name, value in self.strength.items() if value != 1}
        return {"tracks": {**constant, **tracks(self.timeline)}, "strength": strength}

    def span(self) -> tuple[Any, Any]:
        """Start and end of the span that is selected on the timeline, unchecked."""
        match self.timeline:
            case {"span": [start, end]}:
                return start, end
        raise InputError(say("error.span"))

    def _sound(self) -> dict[str, Any]:
        """The speech of the selected source."""
        if self.mode == "video" and self.take == "reenact":
            return {}  # the sound comes from the driving video
        if self.source not in SOURCES or (self.source == "none" and self.mode == "speech"):
            raise InputError(say("error.source"))
        if self.source == "none":
            if (self.mode, self.take) == ("video", "dub"):
                raise InputError(say("error.dub"))
            return {}
        if self.source == "text":
            if isinstance(self.text, str) and not self.text.strip():
                raise InputError(say("error.text"))
            return {"text": self.text}
        speech = self.upload if self.source == "upload" else self.recording
        if not speech:
            raise InputError(say(f"error.{self.source}"))
        return {"speech": speech}

    def _motion(self) -> dict[str, Any]:
        """The settings of the open tab besides speech."""
        driven = {
            "drive": self.drive,
            "drive_mode": self.drive_mode,
            "drive_reference": self.drive_reference,
        }
        if self.mode == "pose":
            pose = {"drive_groups": ["pose"], **driven} if self.drive else {}
            return {"controls": self.controls(), **pose}
        if self.mode == "text":
            if isinstance(self.instruction, str) and not self.instruction.strip():
                raise InputError(say("error.instruction"))
            return {"instruction": self.instruction}
        if self.mode == "video":
            if not self.drive:
                raise InputError(say("error.drive"))
            return {"drive_groups": TAKES.get(self.take, self.groups), **driven}
        return {}


FORM = tuple(field.name for field in fields(Form))
# The settings that count on every tab. Text counts if it is the source of speech.
_EVERYWHERE = {name for name, declared in SETTINGS.items() if declared.modes == MODES}
SHARED = (_EVERYWHERE & set(FORM)) - {"text"} | {"seconds"}


def tracks(timeline: Any) -> dict[str, list[list[Any]]]:
    """The keyframes of the timeline's value as the tracks of `Controls`, sorted by time.

    They are rows of (channel, second, value, easing).
    """
    keys = timeline.get("keys") if isinstance(timeline, Mapping) else None
    if not isinstance(keys, list | tuple):
        raise InputError(say("error.keys"))
    found: dict[str, list[list[Any]]] = {}
    for row in keys:
        if not isinstance(row, list | tuple) or len(row) != 4 or not isinstance(row[0], str):
            raise InputError(say("error.keys"))
        channel, second, value, easing = row
        for number in (second, value):
            _number(say("keys.of", channel=channel), number)
        found.setdefault(channel, []).append([second, value, easing])
    return {channel: sorted(track, key=lambda key: key[0]) for channel, track in found.items()}


def admit(raw: RawRequest) -> Request:
    """The checked request.

    Raises:
        InputError: something is missing, of the wrong kind, out of range or not consented to.
    """
    if raw.portrait is None:
        raise InputError(say("error.portrait"))
    given = {name: _typed_as(declared, getattr(raw, name)) for name, declared in SETTINGS.items()}
    request = Request(**given)
    return _permitted(request.check(), raw.consent)


def rerender(
    recipe: Any,
    media: Iterable[Path],
    start: Any,
    end: Any,
    seed: Any,
    controls: Any = None,
    consent: Any = False,
) -> Request:
    """The request of a recipe with one more span to re-render.

    Args:
        media: files among which the recipe's media are found by content, besides the examples.

    Raises:
        InputError: as `admit`, or a medium of the recipe is not there.
    """
    given = read_recipe(recipe)
    span = Span(
        start=_number("start", start),
        end=_number("end", end),
        seed=_whole("seed", seed),
        controls=_controls(controls),
    )
    found = fingerprints(media)
    missing = missing_media(given, found)
    if missing:
        raise InputError(say("error.media", media=and_list(missing)))
    paths = {name: found.get(given.get(name) or "") for name in MEDIA}
    request = Request.from_recipe(given, **paths)  # type: ignore[arg-type]  # the portrait is there
    request = replace(request, spans=(*request.spans, span))
    return _permitted(request.check(), consent)


def read_recipe(value: Any) -> dict[str, Any]:
    """A validated recipe, from JSON or a mapping.

    Raises:
        InputError: not a recipe, of another version, or invalid.
    """
    given = _json(value, "error.recipe")
    if "gaia_recipe" not in given:
        raise InputError(say("error.recipe"))
    somewhere = {name: Path() for name in ("speech", "drive") if given.get(name)}
    try:
        Request.from_recipe(given, portrait=Path(), **somewhere).check()
    except InputError:
        raise
    except Exception:
        raise InputError(say("error.recipe")) from None
    return dict(given)


def fingerprints(media: Iterable[Path]) -> dict[str, Path]:
    """Files by sha256, the examples included."""
    paths = (*samples.portraits(), *samples.speeches(), *media)
    return {samples.fingerprint(path): path for path in paths if path.is_file()}


def missing_media(recipe: Mapping[str, Any], found: Mapping[str, Path]) -> list[str]:
    """The names of a recipe's media that were not found."""
    return [
        say(f"media.{name}")
        for name in MEDIA
        if (recipe.get(name) or name == "portrait") and recipe.get(name) not in found
    ]


def uploaded(field: str, value: Any) -> Path:
    """The path of an uploaded file.

    Raises:
        InputError: it is no longer there, or not an upload.
    """
    path = value.get("path") if isinstance(value, Mapping) else None
    field = say(f"media.{field}")
    if not isinstance(path, str) or not path:
        raise InputError(say("error.file", field=field))
    try:
        found = Path(path).resolve()
        there = found.is_file()
    except (OSError, ValueError):  # a name with NUL, or too long
        raise InputError(say("error.file", field=field)) from None
    # A program can name any path; only uploads are allowed.
    if not found.is_relative_to(store.cache()):
        raise InputError(say("error.file", field=field))
    if not there:
        raise InputError(say("error.gone", field=field))
    return found


def and_list(words: list[str]) -> str:
    """a, b and c"""
    return f" {say('and')} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _permitted(request: Request, consent: Any) -> Request:
    """The request, if its media are examples or the visitor gave consent."""
    if not _switch("consent", consent):
        if not request.label:
            raise InputError(say("error.label"))
        given = (request.portrait, request.speech, request.drive)
        if not all(samples.is_shipped(path) for path in given if path):
            raise InputError(say("error.consent"))
    return request


def controls_of(value: Any) -> Controls:
    """Controls from JSON, or a mapping.

    Raises:
        InputError: it is neither, or invalid.
    """
    return Controls.from_json(_json(value, "error.controls"))


def _controls(value: Any) -> Controls | None:
    return None if value is None or value == "" else controls_of(value)


def _json(value: Any, error: str) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, Mapping):
        raise InputError(say(error))
    return value


def _typed_as(declared: Setting, value: Any) -> Any:
    """A value with the type of its setting; `Request.check` checks its range."""
    if declared.kind is Path and declared.optional and value is None:
        return None
    if declared.many:
        return _names(value) if declared.kind is str else tuple(value)
    found = _READ[declared.kind](declared.name, value)
    return None if declared.optional and found == "" else found


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InputError(say("error.groups"))
    return tuple(value)


def _words(field: str, value: Any) -> str:
    text: str = _typed(field, value, (str,), "string")
    # JSON may hold lone surrogates, which cannot be encoded.
    return text.encode("utf-8", "ignore").decode("utf-8").strip()


def _number(field: str, value: Any) -> float:
    if not is_number(value):
        raise InputError(say("error.number", field=_name(field)))
    return float(value)


def _whole(field: str, value: Any) -> int:
    try:
        number = _number(field, value)
    except InputError:
        number = math.nan
    if not number.is_integer():
        raise InputError(say("error.whole", field=_name(field)))
    return int(number)


def _switch(field: str, value: Any) -> bool:
    switch: bool = _typed(field, value, (bool,), "switch")
    return switch


def _typed(field: str, value: Any, kinds: tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kinds):
        raise InputError(say(f"error.{name}", field=_name(field)))
    return value


def _name(field: str) -> str:
    return field.capitalize().replace("_", " ")


_READ: dict[Any, Callable[[str, Any], Any]] = {
    Path: uploaded,
    str: _words,
    int: _whole,
    float: _number,
    bool: _switch,
    Controls: lambda _, value: _controls(value) or Controls(),
}
