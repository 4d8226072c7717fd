"""The timeline: a component whose value is {"keys", "span"}.

The keys are rows of [channel, second, value, easing]; the span is [start, end] in seconds, to be
re-rendered on the Edit tab, or None.

It is drawn by `timeline.js`, which also shows the sound with its words, the clauses of an
instruction and the motion curves of the last take. Those are properties of the component.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from gaia_core import FPS, MAX_SECONDS, SAMPLE_RATE, controls
from gaia_core import landmarks as mesh
from gaia_core.controls import Controls, curve
from gaia_core.errors import InputError, Message
from gaia_core.media.audio import length, read_audio
from gaia_core.motion.curves import LINES, Sketch
from gaia_core.request import Request, Result
from ui.engine import Engine
from ui.gradio_compat import film
from ui.i18n.text import LANGUAGES, translate

SCRIPT_NAMES = (
    *("keyframes", "spans", "shortcuts", "plots", "elements", "frame", "sketch", "playhead"),
    *("lines", "pointer"),
    "timeline",  # the last: it uses the others
)
SCRIPTS = [Path(__file__).with_name(f"{name}.js") for name in SCRIPT_NAMES]
TABS = ("pose", "text", "edit")  # that show it
PEAKS = 50  # a second, of the waveform
LETTERS_PER_SECOND = 14  # of speech, about
SIGNS_PER_SECOND = 4.5  # of Chinese, Japanese and Korean
GROUPS = {
    "head": ("yaw", "pitch", "roll", "x", "y", "scale"),
    "eyes": ("gaze_x", "gaze_y", "blink", "wink_left", "wink_right"),
    "brows": ("brows", "frown"),
    "mouth": ("smile", "mouth", "pucker", "puff"),
    "feelings": ("sad", "surprised", "angry", "disgusted", "afraid"),
}
DEGREES = ("yaw", "pitch", "roll")
# The plotted curves of a take: lowest and highest value of the axis at least, and rest value.
CURVES = {
    "yaw": (-15.0, 15.0, 0.0),
    "pitch": (-10.0, 10.0, 0.0),
    "roll": (-10.0, 10.0, 0.0),
    "x": (-0.1, 0.1, 0.0),
    "y": (-0.1, 0.1, 0.0),
    "scale": (0.9, 1.1, 1.0),
    "mouth": (0.0, 0.15, 0.0),
    "eyes": (0.0, 0.4, 0.0),
}
ALWAYS = (*DEGREES, "mouth", "eyes")


def component(elem_id: str, sketch: Sketch | None) -> gr.HTML:
    """The timeline component.

    It emits `input` for a changed keyframe, `select` for a changed span, `apply` to edit it, and
    `copy` and `submit` for controls as JSON. It hides itself on tabs other than `TABS`, since
    hiding by Gradio would lose the undo history. Properties: `tab` (the open one), `take` (from
    `of_take`), what the form has beyond it, `speech` (from `sound_of`) and `reading` (from
    `clauses_of`), and `controls` ({"text"}). An update by Gradio drops the properties that it
    lacks, so constants are part of the script; none of these names may stand in quotes there.

    Not a subclass: Gradio writes a stub file beside the source of each.
    """
    config = {
        "channels": [_channel(name, group) for group, names in GROUPS.items() for name in names],
        "groups": list(GROUPS),
        "easings": list(controls.EASINGS),
        "tabs": TABS,
        "curves": [
            {"name": name, "low": low, "high": high, "rest": rest}
            for name, (low, high, rest) in CURVES.items()
        ],
        "face": sketch and _face(sketch),
        "films": {"parts": film("live"), "whole": film("video")},
        "frame": 1 / FPS,
        "fade": controls.FADE,
        "longest": MAX_SECONDS,
        "words": {code: _words(table) for code, table in LANGUAGES.items()},
    }
    given = json.dumps(config, ensure_ascii=False, separators=(",", ":"))
    return gr.HTML(
        value={"keys": [], "span": None},
        html_template="",
        js_on_load="\n".join(
            [f"const CONFIG = {given};", *(path.read_text("utf-8") for path in SCRIPTS)]
        ),
        apply_default_css=False,
        elem_id=elem_id,
    )


def _words(table: Mapping[str, str]) -> dict[str, str]:
    mine = ("line.", "channel.", "easing.", "trace.")
    return {key: word for key, word in table.items() if key.startswith(mine)}


def _channel(name: str, group: str) -> dict[str, Any]:
    low, high = controls.CHANNELS[name]
    return {
        "name": name,
        "group": group,
        "pose": name in controls.POSE,
        "unit": "°" if name in DEGREES else "",
        "low": low,
        "high": high,
        "rest": 1.0 if name == "scale" else 0.0,
        "step": 1 if name in DEGREES else 0.05 if low < -0.5 or high > 1.3 else 0.01,
    }


def _face(sketch: Sketch) -> dict[str, Any]:
    """A sketch in thousandths of a face's width, so that the page stays small."""

    def small(values: np.ndarray) -> Any:
        return np.rint(1000 * values).astype(int).tolist()

    places = {points: index for index, (points, _) in enumerate(LINES)}
    return {
        "points": small(sketch.points),
        "shifts": small(sketch.shifts.reshape(len(sketch.shifts), -1)),
        "channels": list(controls.EXPRESSION),
        "lines": sketch.lines,
        "eyes": [places[mesh.EYE_RIGHT], places[mesh.EYE_LEFT]],
        "irises": [places[mesh.IRISES[1:5]], places[mesh.IRISES[6:]]],
    }


def sound_of(path: Path) -> dict[str, Any]:
    """The sound of a file: its length, and its peaks, `PEAKS` a second, from 0 to 100.

    Raises:
        InputError: it has no sound, or cannot be read.
    """
    waveform = np.abs(read_audio(path))
    size = SAMPLE_RATE // PEAKS
    waveform = np.pad(waveform, (0, -len(waveform) % size))
    peaks = waveform.reshape(-1, size).max(1)
    loud = max(float(peaks.max(initial=0.0)), 1e-3)
    shown = np.rint(100 * peaks / loud).astype(int).tolist()
    return {"seconds": round(len(waveform) / SAMPLE_RATE, 2), "peaks": shown}


def spoken(text: str) -> float:
    """Estimated seconds of speech for a text."""
    signs = sum("\u3040" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7af" for sign in text)
    return signs / SIGNS_PER_SECOND + (len(text) - signs) / LETTERS_PER_SECOND


def of_file(path: Path) -> dict[str, Any]:
    """The sound of a video; only the length of a silent one; {} for a recipe."""
    try:
        return sound_of(path)
    except InputError:
        seconds = length(path)
        return {"seconds": round(seconds, 2), "peaks": []} if seconds else {}


def clauses_of(reading: Any) -> dict[str, Any]:
    """The clauses and tracks of an `instruction.language.Reading`."""
    clauses = [
        [clause.start, clause.end, translate(Message(clause.action)), clause.text]
        for clause in reading.clauses
    ]
    return {"clauses": clauses, "tracks": reading.controls.to_json()["tracks"]}


def of_take(engine: Engine, result: Result, request: Request) -> dict[str, Any]:
    """What the timeline shows of a take: `seconds`, `audio`, `curves`, `reading`."""
    seconds = result.frames / FPS
    try:
        sound = sound_of(result.video)
    except InputError:  # it is silent
        sound = {"seconds": round(seconds, 2), "peaks": []}
    sound["words"] = [
        [word.text, round(word.start, 3), round(word.end, 3)] for word in result.words
    ]
    shown: dict[str, Any] = {"seconds": round(seconds, 2), "audio": sound}
    wanted = request.controls
    read = getattr(engine, "read", None)
    if request.instruction and read is not None:
        reading = read(request.instruction, seconds)
        shown["reading"] = clauses_of(reading)
        wanted = reading.controls + wanted
    shown["curves"] = _curves(result, wanted)
    return shown


def _curves(result: Result, wanted: Controls) -> dict[str, Any]:
    """Each curve of the result, and for head pose its target (null where free)."""
    found = {}
    for name, made in (result.traces or {}).items():
        track = wanted.tracks.get(name) if name in controls.POSE else None
        if track is None and name not in ALWAYS:
            continue
        found[name] = {"result": _numbers(made)}
        if track is not None:
            found[name]["target"] = _numbers(curve(track, len(made)))
    return found


def _numbers(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 3) for value in values]


def to_text(given: Controls) -> str:
    """Controls as JSON, a track a line."""
    value = given.to_json()
    tracks = ",\n  ".join(
        f"{json.dumps(name)}: {json.dumps(track)}" for name, track in value["tracks"].items()
    )
    inside = f"{{\n  {tracks}\n}}" if tracks else "{}"
    return f'{{"tracks": {inside},\n"strength": {json.dumps(value["strength"])}}}'
