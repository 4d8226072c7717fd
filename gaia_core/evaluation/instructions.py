"""Accuracy of written instructions, measured in rendered frames inside and outside their span.

Held-out phrases are applied to a span of a clip without speech, and compared with the same clip
without the instruction; changes are means over portraits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaia_core import FPS
from gaia_core.config import POSE_CHANNELS
from gaia_core.controls import EXPRESSION, Controls, Track, curve
from gaia_core.evaluation.actor import Actor
from gaia_core.evaluation.control import COMPOSITE, SIMPLE, reading
from gaia_core.evaluation.portraits import Portrait, latents
from gaia_core.instruction.actions import ACTIONS, STRENGTHS
from gaia_core.instruction.language import NONE
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.request import Request
from gaia_core.speech.encoder import FEATURES

PHRASES = Path(__file__).with_name("instructions.toml")
MARKS = {"- ": "slightly", "+ ": "very"}

SECONDS = 3.2  # of the clip
SPAN = (1.0, 2.2)  # seconds in which the instruction holds
OUTSIDE = (0.5, 2.9)  # seconds at which it must not show
LEAST = 0.25  # minimal share of the full effect to count as visible
MOST_OUTSIDE = 0.5  # of the change inside the span
SETTLED = 0.5  # maximal share of the free head's spread to count as keeping still
# The full change of each reading: of the head pose that of its action; of the face about the 99th
# percentile over frames of 500 training clips.
POSE_FULL = {"yaw": 20.0, "pitch": 12.0, "roll": 14.0, "x": 0.1, "y": 0.1, "scale": 0.13}
FACE_FULL = {
    **{"gaze_x": 0.45, "gaze_y": 0.55, "blink": 0.6, "wink_left": 0.5, "wink_right": 0.5},
    **{"brows": 0.6, "frown": 0.5, "smile": 0.6, "mouth": 0.45, "pucker": 0.8, "puff": 0.021},
    **{"sad": 0.9, "surprised": 1.5, "angry": 1.2, "disgusted": 1.2, "afraid": 1.1},
}
FULL = np.array([(POSE_FULL | FACE_FULL)[name] for name in (*POSE_CHANNELS, *EXPRESSION)])
CHANNELS = (*POSE_CHANNELS, *EXPRESSION)
PLAIN = tuple(CHANNELS.index(name) for name in ("yaw", "pitch", "roll", "scale", *SIMPLE))
MIXED = tuple(CHANNELS.index(name) for name in COMPOSITE)
# Closed eyes have no visible gaze, though the landmarker predicts one.
LIDS = ("close eyes", "blink", "wink left eye", "wink right eye")
GAZE = (CHANNELS.index("gaze_x"), CHANNELS.index("gaze_y"))
# Actions that may change nothing: only their classification is measured.
UNSEEN = ("neutral", "look ahead")


def phrases(part: str = "final") -> Iterator[tuple[str, str]]:
    """(action, phrase) of a part of the list, `NONE` left out."""
    for action, texts in tomllib.loads(PHRASES.read_text("utf-8"))[part].items():
        if action != NONE:
            yield from ((action, text[2:] if text[:2] in MARKS else text) for text in texts)


@torch.no_grad()
def measure(
    gaia: Gaia,
    portraits: Sequence[Portrait],
    requested: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """(action, phrase) pairs -> report.

    right: share of the phrases whose largest change, as a share of each channel's full effect, is
    in a channel of the action, with its sign, and at most half as large outside of the span.
    """
    clips = [_Animation(gaia, portrait) for portrait in portraits]
    if not clips:
        return {"portraits": 0}
    seen: dict[tuple[str, int], dict[str, np.ndarray]] = {}  # by controls and frame
    rows = []
    for action, text in requested:
        understood = gaia.read(f"[{SPAN[0]:g}-{SPAN[1]:g}s: {text}]", SECONDS)
        row = {
            "phrase": text,
            "asked": action,
            "read": ", ".join(clause.action for clause in understood.clauses) or NONE,
        }
        if action not in UNSEEN:
            target = ACTIONS[action](*SPAN, STRENGTHS["normally"])
            moment = _moment(target)
            key = (repr(understood.controls), moment)
            if key not in seen:
                seen[key] = _mean([clip.change(understood.controls, moment) for clip in clips])
            row |= _evaluate(action, target, moment, seen[key])
        rows.append(row)
    visible = [row for row in rows if "right" in row]
    return {
        "portraits": len(clips),
        "phrases": len(rows),
        "read_right": float(np.mean([row["asked"] in row["read"].split(", ") for row in rows])),
        "seen": len(visible),
        "right": float(np.mean([row["right"] for row in visible])) if visible else None,
        "by_action": {
            action: float(np.mean([row["right"] for row in visible if row["asked"] == action]))
            for action in dict.fromkeys(row["asked"] for row in visible)
        },
        "wrong": [row for row in visible if not row["right"]],
    }


class _Animation:
    """Motion of one portrait without speech, with and without controls."""

    def __init__(self, gaia: Gaia, portrait: Portrait) -> None:
        self.gaia, self.actor = gaia, Actor(gaia, portrait)
        self.plain = self._motion(Controls())
        self.of_plain: dict[int, np.ndarray] = {}

    def _motion(self, controls: Controls) -> Tensor:
        script = Script(
            round(SECONDS * FPS),
            np.zeros((0, FEATURES), np.float32),
            NO_DRIVING,
            0,
            Request.steps,
            Request.guidance,
            controls,
        )
        return self.actor.perform(script)

    def _read(self, motion: Tensor) -> np.ndarray:
        """(N, D) -> readings (N, C) of `CHANNELS`; NaN where the face is lost."""
        model, rows = self.gaia.networks.autoencoder, []
        for frame in self.actor.draw(motion):
            faces = self.gaia.landmarker.detect(frame)
            if not faces:
                rows.append(np.full(len(CHANNELS), np.nan))
                continue
            pose = model.head_pose(latents(model, faces[:1], len(frame)))[0].cpu().numpy()
            rows.append(np.concatenate([pose, reading(faces[0])]))
        return np.stack(rows)

    def change(self, controls: Controls, moment: int) -> dict[str, np.ndarray]:
        """What controls change against the clip without them.

        moment: frame inside the span.

        Returns:
            `change` (1 + len(OUTSIDE), C) at that frame and outside the span, as shares of the
            full effect; `spread` (2,) of the head's angles within the span, degrees, with the
            controls and without.
        """
        motion = self._motion(controls)
        frames = [moment, *(round(second * FPS) for second in OUTSIDE)]
        for frame in set(frames) - self.of_plain.keys():
            self.of_plain[frame] = self._read(self.plain[frame : frame + 1])[0]
        change = self._read(motion[frames]) - np.stack([self.of_plain[x] for x in frames])
        span = slice(*(round(second * FPS) for second in SPAN))
        spread = [
            self.gaia.networks.autoencoder.head_pose(x[span])[:, :3].std(0)
            for x in (motion, self.plain)
        ]
        return {
            "change": change / FULL,
            "spread": torch.stack(spread).mean(1).cpu().numpy(),
        }


def _mean(changes: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.nanmean([x[name] for x in changes], 0) for name in changes[0]}


def _moment(tracks: Mapping[str, Track]) -> int:
    """The frame of the span at which the tracks are furthest from rest."""
    return int(np.argmax(np.abs(_offsets(tracks)).sum(0)))


def _offsets(tracks: Mapping[str, Track]) -> np.ndarray:
    """Tracks at every frame of the clip, as signed shares of the full effect: (C, T)"""
    offsets = np.zeros((len(CHANNELS), round(SECONDS * FPS)), np.float32)
    for name, track in tracks.items():
        if name in POSE_CHANNELS:
            values = np.nan_to_num(curve(track, offsets.shape[1]), nan=float(name == "scale"))
            values = np.log(values) if name == "scale" else values
            offsets[CHANNELS.index(name)] = values / POSE_FULL[name]
        else:
            offsets[CHANNELS.index(name)] = curve(track, offsets.shape[1], 0.0)
    return offsets


def _evaluate(
    action: str, target: Mapping[str, Track], moment: int, found: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    inside, *outside = found["change"]
    if action == "still":
        held, free = found["spread"]
        return {"largest": f"spread {held:.2f} of {free:.2f}", "right": bool(held < SETTLED * free)}
    offsets = _offsets(target)[:, moment]
    among = MIXED if any(offsets[index] for index in MIXED) else PLAIN
    if action in LIDS:
        among = tuple(index for index in among if index not in GAZE)
    largest = max(among, key=lambda index: np.nan_to_num(abs(inside[index])))
    amount = inside[largest]
    right = (
        offsets[largest] * amount > 0
        and abs(amount) >= LEAST
        and max(abs(x[largest]) for x in outside) <= MOST_OUTSIDE * abs(amount)
    )
    return {"largest": f"{CHANNELS[largest]} {amount:+.2f}", "right": bool(right)}
