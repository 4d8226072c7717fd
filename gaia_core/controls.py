"""Controls of single channels over time: keyframed tracks, strengths and presets.

Pure functions from keyframes to curves at the video's frames. `motion.keyframes` applies them to
motion latents; `training.expression` fits the latent direction of each expression channel.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from gaia_core import FPS, MAX_SECONDS
from gaia_core.errors import InputError, Message

MAX_KEYS = 1000  # of one track

# Lowest and highest value. Head pose is relative to the portrait's: degrees, signs as in
# `landmarks.rotation_from_degrees` (yaw to the viewer's right, pitch up, roll clockwise); x and y
# in face widths; scale as a ratio.
POSE: dict[str, tuple[float, float]] = {
    "yaw": (-30.0, 30.0),
    "pitch": (-20.0, 20.0),
    "roll": (-25.0, 25.0),
    "x": (-0.3, 0.3),
    "y": (-0.3, 0.3),
    "scale": (0.8, 1.25),
}
# Amounts: 0 leaves the generated motion, 1 is full. Positive gaze is to the viewer's right and up;
# positive brows are raised, negative lowered; wink_left closes the person's own left eye.
EXPRESSION: dict[str, tuple[float, float]] = {
    "gaze_x": (-1.0, 1.0),
    "gaze_y": (-1.0, 1.0),
    "blink": (0.0, 1.0),
    "wink_left": (0.0, 1.0),
    "wink_right": (0.0, 1.0),
    "brows": (-1.0, 1.5),
    "frown": (0.0, 1.5),
    "smile": (-1.0, 1.5),
    "mouth": (0.0, 1.5),
    "pucker": (0.0, 1.5),
    "puff": (0.0, 1.5),
    "sad": (0.0, 1.5),
    "surprised": (0.0, 1.5),
    "angry": (0.0, 1.5),
    "disgusted": (0.0, 1.5),
    "afraid": (0.0, 1.5),
}
CHANNELS = POSE | EXPRESSION
EASINGS = ("ease", "linear", "hold", "free")
STRENGTHS = ("head", "gaze", "blink", "brows", "mouth")
MAX_STRENGTH = 2.0
# By how much each strength changes from liveliness 0 to 1, and from 1 to 2. At 0 brows rest and the
# head still moves a little; lips and blinks stay as they are.
LIVELINESS = {"head": 0.65, "gaze": 0.5, "brows": 1.0}
FADE = 0.2  # seconds of fade-in and fade-out of an expression track


@dataclass(frozen=True)
class Keyframe:
    """A value at a time in seconds, and the interpolation up to the next keyframe.

    Easings: "ease" (smooth), "linear", "hold" (jumps at the next), "free" (head pose only: the
    model fills the time up to the next key, or to the end).
    """

    time: float
    value: float
    easing: str = "ease"


Track = tuple[Keyframe, ...]


@dataclass(frozen=True)
class Controls:
    """Tracks by channel, and strengths: factors from 0 to 2 on the generated motion."""

    tracks: Mapping[str, Track] = field(default_factory=dict)
    strength: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tracks or self.strength)

    def __add__(self, other: Controls) -> Controls:
        """The union; the other's tracks and strengths take precedence."""
        return Controls({**self.tracks, **other.tracks}, {**self.strength, **other.strength})

    def enlivened(self, liveliness: float) -> Controls:
        """The strengths multiplied by those of a liveliness from 0 to 2; unchanged at 1."""
        if liveliness == 1:
            return self
        factors = {name: 1 + slope * (liveliness - 1) for name, slope in LIVELINESS.items()}
        scaled = {name: self.strength.get(name, 1.0) * x for name, x in factors.items()}
        return Controls(self.tracks, {**self.strength, **scaled})

    def check(self) -> Controls:
        """Returns itself, or raises `InputError` that names channel and keyframe."""
        for name, track in self.tracks.items():
            _check_track(name, track)
        for name, value in self.strength.items():
            if name not in STRENGTHS:
                raise InputError(
                    "There is no strength {name!r}; choose {names}.",
                    name=name,
                    names=tuple(STRENGTHS),
                )
            if not 0 <= value <= MAX_STRENGTH:
                raise InputError(
                    "Strength {name!r} is {value}; choose 0 to {most:g}.",
                    name=name,
                    value=value,
                    most=MAX_STRENGTH,
                )
        return self

    def to_json(self) -> dict[str, Any]:
        """{"tracks": {"yaw": [[0.0, 0.0, "ease"], ...]}, "strength": {"head": 0.5}}"""
        tracks = {
            name: [[key.time, key.value, key.easing] for key in track]
            for name, track in self.tracks.items()
        }
        return {"tracks": tracks, "strength": dict(self.strength)}

    @classmethod
    def from_json(cls, value: Any) -> Controls:
        """The inverse of `to_json`, checked.

        Raises:
            InputError: the value has another form, or is out of range.
        """
        form = Message(
            'Controls look like {{"tracks": {{"yaw": [[0, 0, "ease"], [1, 20]]}}, '
            '"strength": {{}}}}'
        )
        if not isinstance(value, Mapping) or not value.keys() <= {"tracks", "strength"}:
            raise InputError("{form}; correct them.", form=form)
        tracks, strength = value.get("tracks", {}), value.get("strength", {})
        if not isinstance(tracks, Mapping) or not isinstance(strength, Mapping):
            raise InputError("{form}; correct them.", form=form)
        found: dict[str, Track] = {}
        for name, keys in tracks.items():
            if not isinstance(keys, list | tuple):
                raise InputError(
                    "Track {name!r} is not a list of keyframes. {form}.", name=name, form=form
                )
            found[str(name)] = tuple(_keyframe(key, str(name)) for key in keys)
        if not all(is_number(x) for x in strength.values()):
            raise InputError("A strength is not a number. {form}.", form=form)
        return cls(found, {str(k): float(x) for k, x in strength.items()}).check()


def _check_track(name: str, track: Track) -> None:
    if name not in CHANNELS:
        raise InputError(
            "There is no channel {name!r}; choose {names}.", name=name, names=tuple(CHANNELS)
        )
    if not 0 < len(track) <= MAX_KEYS:
        raise InputError(
            "Track {name!r} needs 1 to {most} keyframes; correct it.", name=name, most=MAX_KEYS
        )
    low, high = CHANNELS[name]
    easings = EASINGS if name in POSE else EASINGS[:-1]
    for index, key in enumerate(track, 1):
        where = Message("Keyframe {index} of {name!r}", index=index, name=name)
        if not 0 <= key.time <= MAX_SECONDS:
            raise InputError(
                "{where} is at {second} s; choose 0 to {most:g} s.",
                where=where,
                second=key.time,
                most=MAX_SECONDS,
            )
        if not low <= key.value <= high:
            raise InputError(
                "{where} is {value}; choose from {low:g} to {high:g}.",
                where=where,
                value=key.value,
                low=low,
                high=high,
            )
        if key.easing not in easings:
            raise InputError(
                "{where} eases by {easing!r}; choose {names}.",
                where=where,
                easing=key.easing,
                names=tuple(easings),
            )
        if index > 1 and key.time <= track[index - 2].time:
            raise InputError(
                "{where} is not later than the one before; put them in order of time.", where=where
            )


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number in a float's range; JSON integers are unbounded."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max


def _keyframe(value: Any, name: str) -> Keyframe:
    match value:
        case [time, amount] if is_number(time) and is_number(amount):
            return Keyframe(float(time), float(amount))
        case [time, amount, str(easing)] if is_number(time) and is_number(amount):
            return Keyframe(float(time), float(amount), easing)
    raise InputError(
        "A keyframe of {name!r} is not [second, value, easing]; correct it.", name=name
    )


def curve(track: Track, frames: int, outside: float | None = None, first: int = 0) -> np.ndarray:
    """A track at each frame of a clip from `first` on: (frames - first,) float32.

    Without `outside` (head pose) it is NaN before its first key, and holds the last key's value
    unless that key is free. With `outside` it fades from and to that value within `FADE` seconds,
    except for keys at the first and last frame.
    """
    times = np.arange(first, frames) / FPS
    keys = list(track)
    if outside is not None:
        end = (frames - 1) / FPS
        if keys[0].time > 0:
            keys.insert(0, Keyframe(keys[0].time - FADE, outside))
        if keys[-1].time < end:
            key = keys.pop()
            keys += [Keyframe(key.time, key.value), Keyframe(key.time + FADE, outside)]
    last = np.nan if keys[-1].easing == "free" else keys[-1].value
    values = np.full(len(times), last, np.float64)
    values[np.isclose(times, keys[-1].time)] = keys[-1].value
    values[times < keys[0].time] = np.nan if outside is None else keys[0].value
    for key, after in pairwise(keys):
        inside = (key.time <= times) & (times < after.time)
        share = (times[inside] - key.time) / (after.time - key.time)
        if key.easing == "ease":
            share = share * share * (3 - 2 * share)
        elif key.easing == "hold":
            share = np.zeros_like(share)
        elif key.easing == "free":
            share = np.where(share == 0, 0, np.nan)
        values[inside] = key.value + share * (after.value - key.value)
    return values.astype(np.float32)


def _swing(channel: str, seconds: float, angle: float, period: float, count: int) -> Controls:
    """`count` oscillations of a channel, from half a second on."""
    keys = [Keyframe(0.0, 0.0)]
    start = min(0.5, seconds / 4)
    period = min(period, (seconds - start) / max(1, count))
    for turn in range(count):
        at = start + turn * period
        keys += [Keyframe(at + period / 4, angle), Keyframe(at + 3 * period / 4, -angle)]
    return Controls({channel: (*keys, Keyframe(start + count * period, 0.0))})


def _turn(channel: str, angle: float) -> Callable[[float], Controls]:
    def preset(seconds: float) -> Controls:
        first, last = min(1.0, seconds / 3), max(seconds - 1.0, 2 * seconds / 3)
        keys = ((0.0, 0.0), (first, angle), (last, angle), (seconds, 0.0))
        return Controls({channel: tuple(Keyframe(*key) for key in keys)})

    return preset


def _orbit(seconds: float) -> Controls:
    """The head pose on an ellipse with a period of six seconds."""
    turns = max(1, round(seconds / 6))
    count = 8 * turns
    yaw, pitch = [], []
    for index in range(count + 1):
        at, angle = seconds * index / count, 2 * math.pi * turns * index / count
        grown = min(1.0, index / 2, (count - index) / 2)  # starts and ends where the portrait is
        yaw.append(Keyframe(at, grown * 15 * math.cos(angle), "linear"))
        pitch.append(Keyframe(at, grown * 7 * math.sin(angle), "linear"))
    return Controls({"yaw": tuple(yaw), "pitch": tuple(pitch)})


def _still(seconds: float) -> Controls:
    del seconds
    return Controls({name: (Keyframe(0.0, float(name == "scale")),) for name in POSE})


# Head-pose presets by name: seconds of the clip -> controls. Left and right are the viewer's.
PRESETS: dict[str, Callable[[float], Controls]] = {
    "nod": lambda seconds: _swing("pitch", seconds, -8.0, 0.7, 2),
    "shake": lambda seconds: _swing("yaw", seconds, 12.0, 0.7, 2),
    "look_left": _turn("yaw", -20.0),
    "look_right": _turn("yaw", 20.0),
    "look_up": _turn("pitch", 12.0),
    "look_down": _turn("pitch", -12.0),
    "orbit": _orbit,
    "still": _still,
}
