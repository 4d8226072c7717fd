"""The actions of instructions, as tracks of the avatar's channels within a time span."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from gaia_core.controls import CHANNELS, POSE, Keyframe, Track

STRENGTHS = {"slightly": 0.5, "normally": 0.8, "very": 1.2}

Tracks = dict[str, Track]
Action = Callable[[float, float, float], Tracks]
EASE = 0.3  # seconds of ease-in and ease-out of an action
NOD_RATE = 1.5  # oscillations a second
PULSE = 0.2  # seconds of a blink


def _rest(channel: str) -> float:
    return 1.0 if channel == "scale" else 0.0


def _track(channel: str, keys: Iterable[tuple[float, float]]) -> Track:
    """A track of keys (second, offset from rest), clamped; after it, the head pose is sampled."""
    low, high = CHANNELS[channel]
    rest = _rest(channel)
    track = [Keyframe(round(at, 4), min(high, max(low, rest + value))) for at, value in keys]
    if channel in POSE:
        track[-1] = replace(track[-1], easing="free")
    return tuple(track)


def _held(**values: float) -> Action:
    """Eases to values (offsets from rest at strength 1), holds them, and eases back."""

    def action(start: float, end: float, strength: float) -> Tracks:
        ease = min(EASE, (end - start) / 3)
        return {
            channel: _track(
                channel,
                (
                    (start, 0.0),
                    (start + ease, strength * value),
                    (end - ease, strength * value),
                    (end, 0.0),
                ),
            )
            for channel, value in values.items()
        }

    return action


def _swung(channel: str, amount: float, rate: float = NOD_RATE) -> Action:
    """Bursts of two asymmetric oscillations, with a pause of a second in between."""

    def action(start: float, end: float, strength: float) -> Tracks:
        burst = min(2 / rate, end - start)
        count = 1 + int((end - start - burst) / (burst + 1.0))
        keys = []
        for index in range(count):
            at = start + index * (burst + 1.0)
            shape = ((0, 0), (1, 1), (3, -0.5), (5, 1), (7, -0.5), (8, 0))
            keys += [(at + burst * x / 8, strength * amount * y) for x, y in shape]
        return {channel: _track(channel, keys)}

    return action


def _pulsed(channel: str, hold: float, pause: float) -> Action:
    """Full closings of an eye at any strength, since a partial one would be a squint."""

    def action(start: float, end: float, strength: float) -> Tracks:
        del strength
        length = min(PULSE + hold, 0.8 * (end - start))
        edge = length * PULSE / 2 / (PULSE + hold)
        count = 1 + int((end - start - length) / (length + pause))
        lead = (end - start - count * length - (count - 1) * pause) / 2
        keys = []
        for index in range(count):
            at = start + lead + index * (length + pause)
            keys += [(at, 0.0), (at + edge, 1.0), (at + length - edge, 1.0), (at + length, 0.0)]
        return {channel: _track(channel, keys)}

    return action


def _path(*points: tuple[float, float, float]) -> Action:
    """Moves the gaze along points (fraction of the span, x, y at strength 1)."""

    def action(start: float, end: float, strength: float) -> Tracks:
        return {
            channel: _track(
                channel, ((start + p[0] * (end - start), strength * p[axis]) for p in points)
            )
            for axis, channel in ((1, "gaze_x"), (2, "gaze_y"))
        }

    return action


def _closed_eyes(start: float, end: float, strength: float) -> Tracks:
    """Fully closed eyes, half closed at slight strength."""
    return _held(blink=1.0 if strength > STRENGTHS["slightly"] else 0.5)(start, end, 1.0)


# Offsets at strength 1. Directions are the viewer's; the eye of a wink is the person's own.
ACTIONS: dict[str, Action] = {
    "smile": _held(smile=1.0),
    "laugh": _held(smile=1.1, mouth=0.6, pitch=3.0),
    "sad": _held(sad=1.0),
    "surprised": _held(surprised=1.0),
    "angry": _held(angry=1.0),
    "disgusted": _held(disgusted=1.0),
    "afraid": _held(afraid=1.0),
    "neutral": _held(smile=0.0, brows=0.0, frown=0.0, mouth=0.0),
    "open mouth": _held(mouth=1.0),
    "close eyes": _closed_eyes,
    "wink left eye": _pulsed("wink_left", 0.35, 2.5),
    "wink right eye": _pulsed("wink_right", 0.35, 2.5),
    "blink": _pulsed("blink", 0.05, 1.0),
    "raise brows": _held(brows=1.0),
    "frown": _held(frown=1.0),
    "pucker": _held(pucker=1.0),
    "puff cheeks": _held(puff=1.0),
    "glance left": _held(gaze_x=-1.0),
    "glance right": _held(gaze_x=1.0),
    "glance up": _held(gaze_y=1.0),
    "glance down": _held(gaze_y=-1.0),
    "roll eyes": _path(
        (0, 0, 0), (0.2, -0.8, 0.2), (0.5, 0, 1.0), (0.8, 0.8, 0.2), (0.9, 0.3, -0.3), (1, 0, 0)
    ),
    "look around": _path(
        (0, 0, 0), (0.2, -0.8, 0), (0.4, -0.8, 0), (0.6, 0.8, 0.1), (0.8, 0.8, 0.1), (1, 0, 0)
    ),
    "look ahead": _held(gaze_x=0.0, gaze_y=0.0, yaw=0.0, pitch=0.0),
    "turn left": _held(yaw=-20.0),
    "turn right": _held(yaw=20.0),
    "head up": _held(pitch=12.0),
    "head down": _held(pitch=-12.0),
    "nod": _swung("pitch", -8.0),
    "shake head": _swung("yaw", 12.0),
    "tilt left": _held(roll=-14.0),
    "tilt right": _held(roll=14.0),
    "lean in": _held(scale=0.14, pitch=-2.0),
    "lean back": _held(scale=-0.12, pitch=2.0),
    "still": _held(**dict.fromkeys(POSE, 0.0)),
}
