"""Accuracy of pose and expression controls, measured in rendered frames.

Head pose is requested in degrees by a track, and measured by the motion encoder from the frames'
landmarks; an expression is requested by its amount and measured by blendshape scores. Both are
changes relative to the portrait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.controls import EXPRESSION, Controls, Keyframe
from gaia_core.evaluation.portraits import Portrait, draw, latents
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.motion.keyframes import pose_track
from gaia_core.pipeline import Gaia
from gaia_core.portrait.blendshapes import SCORES
from gaia_core.portrait.face import Face

ANGLES = {"yaw": 25.0, "pitch": 15.0, "roll": 15.0}  # degrees to either side
AMOUNTS = (0.0, 0.5, 1.0)
SHEET_SIDE = 192  # px

Scores = Mapping[str, float]
# Pairs of mesh points. Cheeks go apart with a wide mouth and together with a tall one: by these
# factors that explains 60 % of what they do in 138 training clips, and is no full cheek.
_CHEEKS, _TEMPLES, _LIPS = (205, 425), (127, 356), (0, 17)
_BY_WIDTH, _BY_HEIGHT = 0.32, -0.07


def _both(name: str) -> Callable[[Scores], float]:
    return lambda scores: (scores[name + "Left"] + scores[name + "Right"]) / 2


def _gaze_right(scores: Scores) -> float:
    right = scores["eyeLookOutLeft"] + scores["eyeLookInRight"]
    return (right - scores["eyeLookInLeft"] - scores["eyeLookOutRight"]) / 2


def _gaze_up(scores: Scores) -> float:
    return _both("eyeLookUp")(scores) - _both("eyeLookDown")(scores)


# The reading of each channel. A wink is one eye's closing beyond the other's, a blink both eyes'.
READ: dict[str, Callable[[Scores], float]] = {
    "gaze_x": _gaze_right,
    "gaze_y": _gaze_up,
    "blink": lambda s: min(s["eyeBlinkLeft"], s["eyeBlinkRight"]),
    "wink_left": lambda s: max(0.0, s["eyeBlinkLeft"] - s["eyeBlinkRight"]),
    "wink_right": lambda s: max(0.0, s["eyeBlinkRight"] - s["eyeBlinkLeft"]),
    "brows": lambda s: (s["browInnerUp"] + _both("browOuterUp")(s)) / 2,
    "frown": _both("browDown"),
    "smile": _both("mouthSmile"),
    "mouth": lambda s: s["jawOpen"],
    "pucker": lambda s: s["mouthPucker"],
    "puff": lambda s: s["cheeks"],
    "sad": lambda s: s["browInnerUp"] + _both("mouthFrown")(s) + s["mouthShrugLower"],
    "surprised": lambda s: s["browInnerUp"] + _both("browOuterUp")(s) + s["jawOpen"],
    "angry": lambda s: _both("browDown")(s) + _both("mouthPress")(s) + _both("eyeSquint")(s),
    "disgusted": lambda s: _both("browDown")(s) + _both("mouthUpperUp")(s) + _both("eyeSquint")(s),
    "afraid": lambda s: s["browInnerUp"] + _both("mouthStretch")(s) + _both("eyeWide")(s),
}
# Composites are sums of the others, and left out of the cross-talk.
COMPOSITE = ("sad", "surprised", "angry", "disgusted", "afraid")
SIMPLE = tuple(name for name in READ if name not in COMPOSITE)
# Closed eyes have no visible gaze, though the landmarker predicts one (downwards).
LIDS, GAZE = ("blink", "wink_left", "wink_right"), ("gaze_x", "gaze_y")


def measure(
    gaia: Gaia, portraits: Sequence[Portrait], sheets: Path | None = None
) -> dict[str, Any]:
    """Report of some portraits.

    pose: mean absolute error of each angle in degrees, over single turns and turns of all three
    at once, and the slope of measured over requested angles (where that is not 1, the correction
    `turn_gain` does not fit the renderer). expression: per channel the mean reading's change at
    each of `AMOUNTS`, and whether it rises in every portrait. cross_talk[requested][read]: the
    change of another channel's reading, relative to its change at that channel's full amount.
    """
    return {
        "portraits": len(portraits),
        "pose": measure_pose(gaia, portraits, sheets),
        **measure_expression(gaia, portraits, sheets),
    }


@torch.no_grad()
def measure_pose(
    gaia: Gaia, portraits: Iterable[Portrait], sheets: Path | None = None
) -> dict[str, Any]:
    """The error of yaw, pitch and roll in degrees; lost faces are only counted."""
    requested = torch.tensor(_turns())
    tracks = {
        name: tuple(Keyframe(index / FPS, degrees) for index, degrees in enumerate(angles))
        for name, angles in zip(ANGLES, requested.T.tolist(), strict=True)
    }
    turns, lost, rows = [], 0, {}
    for portrait in portraits:
        model = gaia.networks.autoencoder
        own = portrait.motion(model)
        turned = own.repeat(len(requested), 1)
        performer = gaia.networks.performer(own)
        pose = pose_track(
            performer.subject, len(requested), Controls(tracks), performer.corrections
        )
        turned[:, : len(ANGLES)] = pose[:, : len(ANGLES)]
        rendered = draw(model, portrait, torch.cat([own, turned]))
        rows[portrait.name] = rendered[: 2 * len(ANGLES) + 1]
        side = portrait.crop.shape[0]
        faces = list(gaia.landmarker.track([portrait.crop, *rendered[1:]]))
        if faces[0] is None:
            continue
        start = model.head_pose(latents(model, [faces[0]], side))[0, :3]
        for degrees, face in zip(requested, faces[1:], strict=True):
            if face is None:
                lost += 1
                continue
            pose = model.head_pose(latents(model, [face], side))[0, :3]
            turns.append([degrees.numpy(), (pose - start).cpu().numpy()])
    if sheets is not None:
        save_sheet(sheets / "control" / "pose.png", "0, then yaw, pitch, roll", rows, SHEET_SIDE)
    target, read = np.reshape(turns, (-1, 2, len(ANGLES))).swapaxes(0, 1)
    none = np.full(len(ANGLES), np.nan)
    error = np.abs(read - target).mean(0) if turns else none
    share = (read * target).sum(0) / np.square(target).sum(0) if turns else none
    return {
        "frames": len(turns),
        "lost": lost,
        "error_degrees": {name: float(x) for name, x in zip(ANGLES, error, strict=True)},
        "share_read": {name: float(x) for name, x in zip(ANGLES, share, strict=True)},
    }


@torch.no_grad()
def measure_expression(
    gaia: Gaia, portraits: Iterable[Portrait], sheets: Path | None = None
) -> dict[str, Any]:
    """The reading of every channel for each requested channel."""
    count = len(EXPRESSION)
    changes = []  # of each portrait: (requested, amount, read)
    rows: dict[str, list[np.ndarray]] = {}
    for portrait in portraits:
        own = portrait.motion(gaia.networks.autoencoder)
        steps = [own + amount * gaia.networks.directions.to(own) for amount in AMOUNTS[1:]]
        rendered = draw(gaia.networks.autoencoder, portrait, torch.cat([own, *steps]))
        faces = list(gaia.landmarker.track(rendered))
        read = np.array([np.full(count, np.nan) if x is None else reading(x) for x in faces])
        change = (read[1:] - read[0]).reshape(len(AMOUNTS) - 1, count, count).swapaxes(0, 1)
        changes.append(np.concatenate([np.zeros((count, 1, count)), change], 1))
        for first in range(0, count, 7):
            full = rendered[1 + len(steps[0]) * (len(steps) - 1) :]
            rows[f"{portrait.name}: {', '.join(list(EXPRESSION)[first : first + 7])}"] = [
                rendered[0],
                *full[first : first + 7],
            ]
    if sheets is not None:
        save_sheet(sheets / "control" / "expression.png", "full amounts", rows, SHEET_SIDE)
    if not changes:
        return {"expression": {}, "cross_talk": {}}
    each = np.stack(changes)
    mean = np.nanmean(each, 0)
    names = list(EXPRESSION)
    return {
        "expression": {
            name: {
                "change": [float(x) for x in mean[i, :, i]],
                "rises": float((np.diff(each[:, i, :, i], axis=1) > 0).all(1).mean()),
            }
            for i, name in enumerate(names)
        },
        "cross_talk": {
            requested: {
                read: float(mean[names.index(requested), -1, j] / mean[j, -1, j])
                for j, read in enumerate(names)
                if read in SIMPLE
                and read != requested
                and mean[j, -1, j]
                and not (requested in LIDS and read in GAZE)
            }
            for requested in SIMPLE
        },
    }


def reading(face: Face) -> np.ndarray:
    """The reading of each channel of `EXPRESSION`: (C,)"""
    scores = {name: float(x) for name, x in zip(SCORES, face.blendshapes, strict=True)}
    # There is no score for full cheeks: the distance between the cheeks over the head's width is
    # used, corrected for the mouth's effect.
    cheeks, temples, wide, tall = (
        float(np.linalg.norm(np.subtract(*face.landmarks[list(ends), :2])))
        for ends in (_CHEEKS, _TEMPLES, mesh.MOUTH_CORNERS, _LIPS)
    )
    scores["cheeks"] = (cheeks - _BY_WIDTH * wide - _BY_HEIGHT * tall) / temples
    return np.array([READ[name](scores) for name in EXPRESSION])


def _turns() -> list[list[float]]:
    """Each angle alone at both ends and half of them, then all three at two thirds."""
    ends = list(ANGLES.values())
    alone = [
        [share * end if axis == i else 0.0 for axis, end in enumerate(ends)]
        for share in (1.0, -1.0, 0.5, -0.5)
        for i in range(len(ends))
    ]
    corners = [
        [sign * 2 / 3 * end for sign, end in zip(signs, ends, strict=True)]
        for signs in product((-1, 1), repeat=len(ends))
    ]
    return alone + corners
