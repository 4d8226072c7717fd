"""A `Request` and its events: `Progress`, `Preview`, `Segment` and `Result`.

A request serialises to a recipe: versioned JSON without paths or names, in which media appear
only as sha256. The recipe is what the mp4 carries and what restores a take.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core import MAX_SECONDS
from gaia_core.assets import hash_file
from gaia_core.config import MotionConfig
from gaia_core.controls import Controls
from gaia_core.errors import InputError, Message
from gaia_core.settings import setting, settings_of

RECIPE_VERSION = 1
MAX_SEED = 2**31 - 1
MAX_SPANS = 20


@dataclass(frozen=True)
class Word:
    """A spoken word with its start and end in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Span:
    """Seconds `start` to `end` of a video, to be re-rendered with a seed and controls."""

    start: float
    end: float
    seed: int
    controls: Controls | None = None  # None: those of the whole video

    def to_json(self) -> dict[str, Any]:
        """The span in a recipe."""
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
    """Settings and media of one video. Validated by `check`, never by the caller.

    At most one of `speech` and `text` is given; `voice` only matters with `text`. Without either
    the video has the driving video's length and sound, or is silent and lasts `seconds`.
    """

    portrait: Path = field(metadata={"help": "A photo with a face, for example JPEG or PNG."})
    speech: Path | None = setting(
        None,
        "A recording of up to two minutes, or on the command line an hour. Leave it out to have "
        "the text spoken.",
    )
    text: str | None = setting(
        None,
        "What to say, up to $longest characters. Leave it empty when giving a recording.",
        longest=1000,
    )
    voice: str = setting(
        "en-US-AriaNeural",
        "The voice for the text, by name. Online voices send the text to a service.",
        preset=True,
    )
    seconds: float = setting(
        4.0,
        "Length of a take without speech, $low to $high.",
        low=0.5,
        high=30.0,
        modes=("pose", "text"),
    )
    drive: Path | None = setting(
        None, "A video of one face whose movement is taken.", modes=("pose", "video")
    )
    drive_groups: tuple[str, ...] = setting(
        tuple(MotionConfig().groups),
        "What is taken from it: any of $choices.",
        choices=tuple(MotionConfig().groups),
        modes=("video",),
    )
    drive_mode: str = setting(
        "relative",
        '"relative": changes from the reference second; "absolute": the very poses.',
        choices=("relative", "absolute"),
        modes=("pose", "video"),
        preset=True,
    )
    drive_reference: float = setting(
        0.0,
        "The second at which the driving face looks like the portrait.",
        low=0.0,
        high=MAX_SECONDS,
        modes=("pose", "video"),
    )
    face: int = setting(0, "Which face of a group photo: 0 is the largest.", low=0, high=99)
    seed: int = setting(
        0, "The same seed and settings give the same video.", low=0, high=MAX_SEED, preset=True
    )
    steps: int = setting(
        16, "Sampling steps, $low to $high. More is slower.", low=1, high=100, preset=True
    )
    guidance: float = setting(
        2.5,
        "How closely the motion follows the speech, $low to $high. 1 is neutral.",
        low=0.0,
        high=5.0,
        preset=True,
    )
    size: str = setting(
        "photo",
        '"photo" for the whole photo (up to 2048 px), "512" or "256" for the face.',
        choices=("256", "512", "photo"),
        preset=True,
    )
    label: bool = setting(True, "A visible AI label in a corner. False needs consent.")
    trim: bool = setting(False, "Cut silence at both ends of the speech.")
    liveliness: float = setting(
        1.0,
        "How much head, brows and gaze move, $low to $high. 0 is a calm newsreader.",
        low=0.0,
        high=2.0,
        preset=True,
    )
    controls: Controls = setting(
        Controls(),
        '{"tracks": {"yaw": [[second, value, easing], ...]}, "strength": {"head": 1}}. '
        "Channels: yaw, pitch, roll in degrees; x, y, scale; smile, brows, gaze_x and others, "
        "-1 to 1.5. Easings: ease, linear, hold, free.",
        modes=("pose", "text", "video"),
    )
    instruction: str | None = setting(
        None,
        'What the face should do, such as "[1-2s: smile] then nod slowly".',
        longest=500,
        modes=("text",),
    )
    spans: tuple[Span, ...] = setting(
        (),
        "Spans that are re-rendered one after the other on the finished motion.",
        modes=(),
    )

    def check(self) -> Request:
        """Returns itself, or raises `InputError` that names the field to change."""
        spoken = bool((self.text or "").strip())
        if self.speech is not None and spoken:
            raise InputError("Give either a speech recording or a text to speak, not both.")
        driven = self.drive or self.controls.tracks or (self.instruction or "").strip()
        if self.speech is None and not spoken and not driven:
            raise InputError(
                "Give a speech recording, a text to speak, a driving video, controls or an "
                "instruction."
            )
        for name, declared in SETTINGS.items():
            declared.check(getattr(self, name))
        self.controls.check()
        self._check_drive()
        self._check_spans()
        return self

    def _check_drive(self) -> None:
        groups = SETTINGS["drive_groups"].choices
        for name in self.drive_groups:
            if name not in groups:
                raise InputError(
                    "There is no group {name!r} to drive; choose {names}.",
                    name=name,
                    names=tuple(groups),
                )
        if self.drive and not self.drive_groups:
            raise InputError("Choose at least one group to take from the driving video.")

    def _check_spans(self) -> None:
        if len(self.spans) > MAX_SPANS:
            raise InputError("A take can have at most {most} re-rendered spans.", most=MAX_SPANS)
        for span in self.spans:
            if not 0 <= span.start < span.end <= MAX_SECONDS:
                raise InputError(
                    "The span from {start:g} to {end:g} s is not inside a take; choose a "
                    "start before its end.",
                    start=span.start,
                    end=span.end,
                )
            SETTINGS["seed"].check(span.seed)
            if span.controls is not None:
                span.controls.check()

    def recipe(self) -> dict[str, Any]:
        """The request as plain JSON values, with media as sha256."""
        values: dict[str, Any] = {"gaia_recipe": RECIPE_VERSION}
        for name, declared in SETTINGS.items():
            value = getattr(self, name)
            values[name] = hash_file(value) if name in MEDIA and value else declared.write(value)
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
            raise InputError("This is not a recipe of version {version}.", version=RECIPE_VERSION)
        if not all(isinstance(recipe.get(name), str | None) for name in MEDIA):
            raise InputError("The recipe's media are not sha256 of files; correct them.")
        given: dict[str, Any] = {}
        for name, value in recipe.items():
            if name in (*MEDIA, "gaia_recipe"):
                continue
            if name not in SETTINGS:
                raise InputError("The recipe has an unknown field {name!r}; remove it.", name=name)
            given[name] = SETTINGS[name].read(value)
        return cls(portrait, speech=speech, drive=drive, **given)


SETTINGS = settings_of(Request)
SIZES = SETTINGS["size"].choices
MEDIA = tuple(name for name, declared in SETTINGS.items() if declared.kind is Path)


def parse_json(text: str) -> Any:
    """The value of JSON that a user gave.

    Raises:
        ValueError: it is none, or too deeply nested to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON is too deeply nested") from error


def draw_seed() -> int:
    """A random seed."""
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True)
class Progress:
    """`stage` is one of voice, face, speech, motion, frames, file; `fraction` of the whole work."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Preview:
    """A finished frame (H, W, 3) uint8 of the crop, shown while the rest is rendered."""

    frame: np.ndarray
    index: int


@dataclass(frozen=True)
class Segment:
    """A finished part of the video with its sound, from second `start` to `end`, as mp4."""

    video: Path
    start: float
    end: float


@dataclass(frozen=True)
class Result:
    """A finished video. `video` is an mp4; `notices` are sentences for the user.

    `motion` is what was rendered, (T, D) float32, and `traces` its curves, (T,) each, see
    `motion.curves.traces`; None where an engine has none. `cutout` is the portrait as it is framed,
    uint8 (H, W, 4), if it came with transparency.
    """

    video: Path
    recipe: dict[str, Any]
    frames: int
    words: tuple[Word, ...] = ()
    notices: tuple[Message, ...] = ()
    motion: np.ndarray | None = None
    traces: Mapping[str, np.ndarray] | None = None
    cutout: np.ndarray | None = None


Event = Progress | Preview | Segment | Result
