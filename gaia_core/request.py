"""What is asked for (`Request`) and what comes back (`Progress`, `Preview`, `Result`).

A request serialises to a recipe: versioned JSON without paths or names, in which media appear
only as sha256. The recipe is what the mp4 carries and what restores a take.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core.errors import InputError

RECIPE_VERSION = 1
SIZES = ("256", "512", "photo")
MAX_STEPS = 100
MAX_GUIDANCE = 5.0
MAX_SEED = 2**31 - 1
MAX_TEXT = 1000
MEDIA = ("portrait", "speech")


@dataclass(frozen=True)
class Word:
    """A spoken word with its start and end in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Request:
    """One talking video to be made. Validated by `check`, never by the caller.

    Exactly one of `speech` and `text` is given; `voice` only matters with `text`.
    """

    portrait: Path
    speech: Path | None = None
    text: str | None = None
    voice: str = "en-US-AriaNeural"
    face: int = 0  # index among the faces of the photo, largest first
    seed: int = 0
    steps: int = 10
    guidance: float = 2.0  # weight of the speech condition; 1 is none
    size: str = "photo"  # side of the crop in px, or the whole photo
    label: bool = True  # visible "AI-generated" mark; the one in the metadata is always there

    def check(self) -> Request:
        """Returns itself, or raises `InputError` that names the field to change."""
        if (self.speech is None) == (not (self.text or "").strip()):
            raise InputError("Give either a speech recording or a text to speak, not both or none.")
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
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(
                    f"{name.capitalize()} is {value}; choose a value from {low} to {high}."
                )
        return self

    def recipe(self) -> dict[str, Any]:
        """The request as plain JSON values, with media as sha256."""
        values: dict[str, Any] = {"gaia_recipe": RECIPE_VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            values[field.name] = _sha256(value) if field.name in MEDIA and value else value
        return values

    @classmethod
    def from_recipe(
        cls, recipe: Mapping[str, Any], portrait: Path, speech: Path | None = None
    ) -> Request:
        """A request with a recipe's settings and the given media.

        Raises:
            InputError: the recipe is of another version, or has unknown or mistyped fields.
        """
        if recipe.get("gaia_recipe") != RECIPE_VERSION:
            raise InputError(f"This is not a recipe of version {RECIPE_VERSION}.")
        settings = {k: v for k, v in recipe.items() if k not in (*MEDIA, "gaia_recipe")}
        defaults = cls(portrait=portrait)
        for name, value in settings.items():
            default = getattr(defaults, name, settings)
            if default is settings:
                raise InputError(f"The recipe has an unknown field {name!r}; remove it.")
            kinds: tuple[type, ...] = (
                (int, float) if isinstance(default, float) else (type(default),)
            )
            if name == "text":
                kinds = (str, type(None))
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise InputError(f"The recipe's field {name!r} has the wrong type; correct it.")
        return replace(defaults, speech=speech, **settings)


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
class Result:
    """A finished take. `video` is an mp4; `notices` are sentences the user should see."""

    video: Path
    recipe: dict[str, Any]
    frames: int
    words: tuple[Word, ...] = ()
    notices: tuple[str, ...] = ()


Event = Progress | Preview | Result


def _sha256(path: Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
