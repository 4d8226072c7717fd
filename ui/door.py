"""The one door: what a browser or a program sent becomes one checked `Request`, or InputError.

Nothing that comes in is trusted. Gradio hides private endpoints but still answers them, so types,
paths and consent are checked here and not in the page.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gaia_core.errors import InputError
from gaia_core.request import MAX_SEED, Request
from ui import samples, takes
from ui.text import say


@dataclass(frozen=True)
class Asked:
    """What a visitor asks for, as it arrived: files as Gradio's file data, the rest as JSON."""

    portrait: Any
    speech: Any
    text: Any
    voice: Any
    face: Any
    seed: Any
    steps: Any
    guidance: Any
    size: Any
    label: Any
    consent: Any


@dataclass(frozen=True)
class Form:
    """The values of the page's controls when Generate was pressed; one field per control."""

    portrait: Any
    source: Any
    text: Any
    voice: Any
    upload: Any
    recording: Any
    face: Any
    seed: Any
    random: Any
    steps: Any
    guidance: Any
    size: Any
    label: Any
    consent: Any

    def asked(self) -> Asked:
        """Keeps the chosen one of the three ways to give speech, and draws a seed if wished."""
        if self.source not in ("text", "upload", "record"):
            raise InputError(say("error.source"))
        speech = {"text": None, "upload": self.upload, "record": self.recording}[self.source]
        if self.source != "text" and not speech:
            raise InputError(say(f"error.{self.source}"))
        mine = {
            field.name: getattr(self, field.name)
            for field in fields(Asked)
            if field.name != "speech"
        }
        if self.source != "text":
            mine["text"] = ""
        if self.random:
            mine["seed"] = secrets.randbelow(MAX_SEED + 1)
        return Asked(speech=speech, **mine)


def admit(asked: Asked) -> Request:
    """The request that may be run.

    Raises:
        InputError: something is missing, of the wrong kind, out of range or not consented to.
    """
    if asked.portrait is None:
        raise InputError(say("error.portrait"))
    portrait = _file("portrait", asked.portrait)
    speech = None if asked.speech is None else _file("speech", asked.speech)
    text = _typed("text", asked.text, (str,), "string").strip()
    if speech is None and not text:
        raise InputError(say("error.text"))
    request = Request(
        portrait=portrait,
        speech=speech,
        text=text or None,
        voice=_typed("voice", asked.voice, (str,), "string"),
        face=_whole("face", asked.face),
        seed=_whole("seed", asked.seed),
        steps=_whole("steps", asked.steps),
        guidance=_number("guidance", asked.guidance),
        size=_typed("size", asked.size, (str,), "string"),
        label=_typed("label", asked.label, (bool,), "switch"),
    ).check()
    if not _typed("consent", asked.consent, (bool,), "switch"):
        if not request.label:
            raise InputError(say("error.label"))
        if not all(samples.is_shipped(path) for path in (portrait, speech) if path):
            raise InputError(say("error.consent"))
    return request


def _file(field: str, value: Any) -> Path:
    path = value.get("path") if isinstance(value, Mapping) else None
    if not isinstance(path, str) or not path:
        raise InputError(say("error.file", field=field))
    found = Path(path).resolve()
    # A program can name any path it likes; only what it uploaded is its own.
    if not found.is_relative_to(takes.cache()):
        raise InputError(say("error.file", field=field))
    if not found.is_file():
        raise InputError(say("error.gone", field=field))
    return found


def _number(field: str, value: Any) -> float:
    number = _typed(field, value, (int, float), "number")
    if isinstance(number, bool) or not math.isfinite(number):
        raise InputError(say("error.number", field=field.capitalize()))
    return float(number)


def _whole(field: str, value: Any) -> int:
    try:
        number = _number(field, value)
    except InputError:
        number = math.nan
    if not number.is_integer():
        raise InputError(say("error.whole", field=field.capitalize()))
    return int(number)


def _typed(field: str, value: Any, kinds: tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kinds):
        raise InputError(say(f"error.{name}", field=field.capitalize()))
    return value
