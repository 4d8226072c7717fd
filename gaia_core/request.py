"""What is asked for (`Request`) and what comes back (`Progress`, `Preview`, `Segment`, `Result`).

A request serialises to a recipe: versioned JSON without paths or names, in which media appear
only as sha256. The recipe is what the mp4 carries and what restores a take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core import MAX_SECONDS
from gaia_core.assets import hash_file
from gaia_core.config import MotionConfig
from gaia_core.controls import Controls
from gaia_core.errors import InputError

RECIPE_VERSION = 1
SIZES = ("256", "512", "photo")
MAX_STEPS = 100
MAX_GUIDANCE = 5.0
MAX_SEED = 2**31 - 1
MAX_TEXT = 1000
MAX_INSTRUCTION = 500
MAX_SPANS = 20
MIN_SECONDS, MAX_SILENT = 0.5, 30.0
MEDIA = ("portrait", "speech", "drive")
DRIVE_GROUPS = tuple(MotionConfig().groups)
DRIVE_MODES = ("relative", "absolute")


@dataclass(frozen=True)
class Word:
    """A spoken word with its start and end in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Span:
    """Seconds `start` to `end` of a take, to be generated anew with a seed and controls."""

    start: float
    end: float
    seed: int
    controls: Controls | None = None  # None: those of the take

    def to_json(self) -> dict[str, Any]:
        """As it stands in a recipe."""
        controls = None if self.controls is None else self.controls.to_json()
        return {"start": self.start, "end": self.end, "seed": self.seed, "controls": controls}

    @classmethod
    def from_json(cls, value: Any) -> Span:
        """The inverse of `to_json`."""
        match value:
            case {"start": int() | float() as a, "end": int() | float() as b, "seed": int() as s}:
                given = value.get("controls")
                return cls(a, b, s, None if given is None else Controls.from_json(given))
        raise InputError("The recipe's field 'spans' has the wrong type; correct it.")


@dataclass(frozen=True)
class Request:
    """One talking video to be made. Validated by `check`, never by the caller.

    At most one of `speech` and `text` is given; `voice` only matters with `text`. Without either
    the take has a driving video's length and sound, or is silent and lasts `seconds`.
    """

    portrait: Path
    speech: Path | None = None
    text: str | None = None
    voice: str = "en-US-AriaNeural"
    face: int = 0  # index among the faces of the photo, largest first
    seed: int = 0
    steps: int = 10
    guidance: float = 2.5  # weight of the speech condition; 1 is none
    size: str = "photo"  # side of the crop in px, or the whole photo, see `compose.fit`
    label: bool = True  # visible "AI-generated" mark; the one in the metadata is always there
    controls: Controls = Controls()
    instruction: str | None = None  # what the face shall do, in free words
    drive: Path | None = None  # a video whose motion is taken
    drive_groups: tuple[str, ...] = DRIVE_GROUPS  # what is taken of it; the rest is generated
    drive_mode: str = "relative"  # to its frame at `drive_reference`, or absolute
    drive_reference: float = 0.0  # second at which the driving face is as the portrait's
    seconds: float = 4.0  # length of a silent take
    spans: tuple[Span, ...] = ()  # made anew one after the other on the finished motion

    def check(self) -> Request:
        """Returns itself, or raises `InputError` that names the field to change."""
        spoken = bool((self.text or "").strip())
        if self.speech is not None and spoken:
            raise InputError("Give either a speech recording or a text to speak, not both.")
        asked = self.drive or self.controls.tracks or (self.instruction or "").strip()
        if self.speech is None and not spoken and not asked:
            raise InputError(
                "Give a speech recording, a text to speak, a driving video, controls or an "
                "instruction."
            )
        if self.text is not None and len(self.text) > MAX_TEXT:
            raise InputError(
                f"The text has {len(self.text)} characters; shorten it to at most {MAX_TEXT}."
            )
        if self.size not in SIZES:
            raise InputError(f"Size is {self.size!r}; choose one of {', '.join(SIZES)}.")
        for name, low, high in (
            ("steps", 1, MAX_STEPS),
            ("guidance", 0.0, MAX_GUIDANCE),
            ("seed", 0, MAX_SEED),
            ("face", 0, 99),
            ("seconds", MIN_SECONDS, MAX_SILENT),
            ("drive_reference", 0.0, MAX_SECONDS),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(
                    f"{name.capitalize()} is {value}; choose a value from {low} to {high}."
                )
        self.controls.check()
        self._check_drive()
        self._check_spans()
        if len(self.instruction or "") > MAX_INSTRUCTION:
            raise InputError(
                f"The instruction has {len(self.instruction or '')} characters; shorten it to at "
                f"most {MAX_INSTRUCTION}."
            )
        return self

    def _check_drive(self) -> None:
        for name in self.drive_groups:
            if name not in DRIVE_GROUPS:
                raise InputError(
                    f"There is no group {name!r} to drive; choose {', '.join(DRIVE_GROUPS)}."
                )
        if self.drive and not self.drive_groups:
            raise InputError("Choose at least one group to take from the driving video.")
        if self.drive_mode not in DRIVE_MODES:
            raise InputError(
                f"Drive mode is {self.drive_mode!r}; choose one of {', '.join(DRIVE_MODES)}."
            )

    def _check_spans(self) -> None:
        if len(self.spans) > MAX_SPANS:
            raise InputError(f"A take can have at most {MAX_SPANS} re-rendered spans.")
        for span in self.spans:
            if not 0 <= span.start < span.end <= MAX_SECONDS:
                raise InputError(
                    f"The span from {span.start:g} to {span.end:g} s is not inside a take; "
                    "choose a start before its end."
                )
            if not 0 <= span.seed <= MAX_SEED:
                raise InputError(f"Seed is {span.seed}; choose a value from 0 to {MAX_SEED}.")
            if span.controls is not None:
                span.controls.check()

    def recipe(self) -> dict[str, Any]:
        """The request as plain JSON values, with media as sha256."""
        values: dict[str, Any] = {"gaia_recipe": RECIPE_VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            values[field.name] = hash_file(value) if field.name in MEDIA and value else value
        values["controls"] = self.controls.to_json()
        values["drive_groups"] = list(self.drive_groups)
        values["spans"] = [span.to_json() for span in self.spans]
        return values

    @classmethod
    def from_recipe(
        cls,
        recipe: Mapping[str, Any],
        portrait: Path,
        speech: Path | None = None,
        drive: Path | None = None,
    ) -> Request:
        """A request with a recipe's settings and the given media.

        Raises:
            InputError: the recipe is of another version, or has unknown or mistyped fields.
        """
        if recipe.get("gaia_recipe") != RECIPE_VERSION:
            raise InputError(f"This is not a recipe of version {RECIPE_VERSION}.")
        if not all(isinstance(recipe.get(name), str | None) for name in MEDIA):
            raise InputError("The recipe's media are not sha256 of files; correct them.")
        settings = {k: v for k, v in recipe.items() if k not in (*MEDIA, "gaia_recipe")}
        defaults = cls(portrait=portrait)
        for name, value in settings.items():
            default = getattr(defaults, name, settings)
            if default is settings:
                raise InputError(f"The recipe has an unknown field {name!r}; remove it.")
            kinds = _KINDS.get(name) or (
                (int, float) if isinstance(default, float) else (type(default),)
            )
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise InputError(f"The recipe's field {name!r} has the wrong type; correct it.")
        read = {name: _READ[name](value) for name, value in settings.items() if name in _READ}
        settings |= read
        return replace(defaults, speech=speech, drive=drive, **settings)


# How a recipe writes the fields that are more than a number or a word, and how they are read.
_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str, type(None)),
    "instruction": (str, type(None)),
    "drive_groups": (list, tuple),
    "spans": (list, tuple),
    "controls": (Mapping,),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "controls": Controls.from_json,
    "drive_groups": lambda names: tuple(str(name) for name in names),
    "spans": lambda spans: tuple(Span.from_json(span) for span in spans),
}


@dataclass(frozen=True)
class Progress:
    """Work done: `stage` is one of voice, face, speech, motion, frames, file; `fraction` of all."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Preview:
    """A finished frame (H, W, 3) uint8 of the crop, shown while the rest is made."""

    frame: np.ndarray
    index: int


@dataclass(frozen=True)
class Segment:
    """A finished part of the film with its sound, from second `start` to `end`: a small mp4."""

    video: Path
    start: float
    end: float


@dataclass(frozen=True)
class Result:
    """A finished take. `video` is an mp4; `notices` are sentences the user should see.

    `motion` is what was rendered, (T, D) float32, and `traces` its curves, (T,) each, see
    `motion.curves.traces`; None where an engine has none. `cutout` is the portrait as it is framed,
    uint8 (H, W, 4), if it came with transparency.
    """

    video: Path
    recipe: dict[str, Any]
    frames: int
    words: tuple[Word, ...] = ()
    notices: tuple[str, ...] = ()
    motion: np.ndarray | None = None
    traces: Mapping[str, np.ndarray] | None = None
    cutout: np.ndarray | None = None


Event = Progress | Preview | Segment | Result
