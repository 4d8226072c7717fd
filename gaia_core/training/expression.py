"""Directions of the expression channels (smile, gaze, surprise, ...) in the motion latent.

The landmarker scores 52 blendshapes in every frame. A ridge regression from changes of those
scores to changes of the motion latent, within clips, gives a labelled basis of real motion. A
channel is a weighted sum of them, restricted to its latent groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.controls import EXPRESSION
from gaia_core.latent import MotionEncoder
from gaia_core.portrait.blendshapes import SCORES

RIDGE = 1e-3  # of the scores' mean variance
# The scores of an amount of 1; "Both" stands for left and right.
RECIPES: dict[str, dict[str, float]] = {
    "blink": {"eyeBlinkBoth": 0.9},
    "brows": {"browInnerUp": 0.9, "browOuterUpBoth": 0.9, "browDownBoth": -0.3},
    "frown": {"browDownBoth": 1.8, "browInnerUp": -0.3},
    "smile": {"mouthSmileBoth": 1.1, "mouthUpperUpBoth": 0.25},
    "mouth": {"jawOpen": 0.7, "mouthLowerDownBoth": 0.2},
    "pucker": {"mouthPucker": 1.4, "mouthFunnel": 0.3},
    "sad": {"browInnerUp": 0.9, "browOuterUpBoth": -0.3, "mouthFrownBoth": 0.6}
    | {"mouthShrugLower": 0.6, "mouthSmileBoth": -0.3, "eyeBlinkBoth": 0.1},
    "surprised": {"browInnerUp": 1.0, "browOuterUpBoth": 1.0, "eyeBlinkBoth": -0.15}
    | {"jawOpen": 0.5, "eyeSquintBoth": -0.3},
    "angry": {"browDownBoth": 1.8, "mouthPressBoth": 0.5, "eyeSquintBoth": 0.4}
    | {"mouthSmileBoth": -0.3, "browInnerUp": -0.3},
    "disgusted": {"browDownBoth": 1.0, "mouthUpperUpBoth": 0.8, "eyeSquintBoth": 0.6}
    | {"mouthFrownBoth": 0.3, "mouthShrugUpper": 0.3},
    "afraid": {"browInnerUp": 1.2, "browOuterUpBoth": 0.4, "mouthStretchBoth": 0.6}
    | {"eyeBlinkBoth": -0.2, "eyeSquintBoth": -0.4, "jawOpen": 0.25},
}
GROUPS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("gaze_x", "gaze_y", "blink", "wink_left", "wink_right"), ("eyes",)),
    **dict.fromkeys(("brows", "frown"), ("brows",)),
    **dict.fromkeys(("smile", "mouth", "pucker", "puff"), ("mouth", "face")),
}
WINK, RESTING = 2.6, 2.0  # strength of a wink; weight of the eye that does not
GAZE = (0.039, -0.027)  # face widths by which the irises go to the right and up
# Upper lids follow them by half, up and down. Irises have more weight than lids.
FOLLOWING, LOOKING = 0.5, 2.0
PUFF = 0.234  # face widths by which full cheeks stand out
# Cross-talk of each channel, measured on portraits of the training set as by `evaluate --protocol
# control`, which is subtracted: shares of the other channels' directions.
CROSS_TALK: dict[str, dict[str, float]] = {
    "wink_left": {"blink": 0.25},
    "wink_right": {"blink": 0.4},
}
CHEEKS = (205, 425)  # their centres


def fit_directions(encoder: MotionEncoder, caches: Iterable[Path]) -> Tensor:
    """The latent change that an amount of 1 makes, in the order of `controls.EXPRESSION`.

    Args:
        encoder: fitted.
        caches: files with landmarks (T, K, 3) in crop units and blendshapes (T, 52).

    Returns:
        (channels, D).
    """
    basis = _regress(encoder, caches)
    rows = {name: _sum(basis, recipe) for name, recipe in RECIPES.items()}
    rows["wink_left"], rows["wink_right"] = _winks(encoder, rows["blink"])
    rows["gaze_x"], rows["gaze_y"] = _gaze(encoder)
    rows["puff"] = _puff(encoder)
    every = tuple(encoder.config.groups)[1:]
    for name, row in rows.items():
        kept = torch.zeros_like(row)
        for group in GROUPS.get(name, every):
            kept[encoder.config.groups[group]] = 1
        rows[name] = row * kept
    for name, others in CROSS_TALK.items():
        rows[name] = rows[name] - sum(share * rows[other] for other, share in others.items())
    return torch.stack([rows[name] for name in EXPRESSION])


@torch.no_grad()
def _regress(encoder: MotionEncoder, caches: Iterable[Path]) -> Tensor:
    """Latent change per unit of each score: (52, D)."""
    products = torch.zeros(len(SCORES), len(SCORES) + encoder.config.width, dtype=torch.float64)
    for path in caches:
        with np.load(path) as stored:
            landmarks, scores = stored["landmarks"], stored["blendshapes"]
        seen = np.isfinite(landmarks[:, 0, 0])
        if seen.sum() < 2:
            continue
        motion = encoder(torch.from_numpy(landmarks[seen])).double()
        found = torch.from_numpy(scores[seen]).double()
        found = found - found.mean(0)
        products += found.T @ torch.cat([found, motion - motion.mean(0)], 1) / len(found) ** 0.5
    square = products[:, : len(SCORES)]
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(SCORES), dtype=torch.float64)
    return torch.linalg.solve(square + ridge, products[:, len(SCORES) :]).float()


def _sum(basis: Tensor, recipe: dict[str, float]) -> Tensor:
    row = torch.zeros(basis.shape[1])
    for name, amount in recipe.items():
        sides = [name.replace("Both", side) for side in ("Left", "Right")]
        for side in sides if "Both" in name else [name]:
            row += amount * basis[SCORES.index(side)]
    return row


def _shape(encoder: MotionEncoder, row: Tensor) -> Tensor:
    """A latent change to the change of landmarks in the template's frame: (D,) -> (K, 3)."""
    pose = encoder.config.groups["pose"].stop
    expression = (row * encoder.scale)[pose:]
    return (encoder.decode.weight @ expression).unflatten(0, (mesh.COUNT, 3))


def _latent(encoder: MotionEncoder, shape: Tensor) -> Tensor:
    """The inverse of `_shape`, by least squares: (K, 3) -> (D,)."""
    pose = encoder.config.groups["pose"].stop
    expression = encoder.encode.weight @ shape.flatten()
    return torch.cat([torch.zeros(pose), expression]) / encoder.scale


@torch.no_grad()
def _winks(encoder: MotionEncoder, blink: Tensor) -> tuple[Tensor, Tensor]:
    """Winks are rare in the data, so each is one eye's half of a blink."""
    shape, left = _shape(encoder, blink), encoder.template[:, 0] > 0
    winks = []
    for own in (left, ~left):
        # The latent couples both eyes: the resting eye has more weight than the closing one.
        weight = torch.where(own, 1.0, RESTING)[:, None]
        winks.append(WINK * _of_eyes(encoder, shape * own[:, None], weight))
    return winks[0], winks[1]


@torch.no_grad()
def _gaze(encoder: MotionEncoder) -> tuple[Tensor, Tensor]:
    """Gaze scores are weak and noisy, so the irises are displaced explicitly."""
    irises = list(mesh.IRISES)
    upper = [i for eye in (mesh.EYE_RIGHT, mesh.EYE_LEFT) for i in eye[9:]]
    weight = torch.ones(mesh.COUNT, 1)
    weight[irises] = LOOKING
    moved = []
    for axis, reach in enumerate(GAZE):
        shape = torch.zeros(mesh.COUNT, 3)
        shape[irises, axis] = reach
        if axis == 1:
            shape[upper, axis] = FOLLOWING * reach
        moved.append(_of_eyes(encoder, shape, weight))
    return moved[0], moved[1]


def _of_eyes(encoder: MotionEncoder, shape: Tensor, weight: Tensor) -> Tensor:
    """Least-squares change of the eyes' channels: (K, 3), weights (K, 1) -> (D,)"""
    eyes = encoder.config.groups["eyes"]
    basis = torch.stack([_shape(encoder, one) for one in torch.eye(len(encoder.scale))[eyes]], -1)
    target, basis = (shape * weight).reshape(-1, 1), basis * weight[..., None]
    row = torch.zeros(len(encoder.scale))
    row[eyes] = torch.linalg.lstsq(basis.flatten(0, 1), target).solution[:, 0]
    return row


@torch.no_grad()
def _puff(encoder: MotionEncoder) -> Tensor:
    """The landmarker has no score for full cheeks, so they are displaced outwards and forwards."""
    shape = torch.zeros(mesh.COUNT, 3)
    for cheek in CHEEKS:
        centre = encoder.template[cheek]
        near = torch.exp(-(encoder.template - centre)[:, :2].square().sum(1) / (2 * 0.1**2))
        outward = centre.new_tensor([centre[0].sign(), 0.0, -0.5])
        shape += PUFF * near[:, None] * outward
    return _latent(encoder, shape)
