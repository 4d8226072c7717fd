"""Keyframes and strengths become changes of the motion latent."""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core.config import POSE_CHANNELS, MotionCorrections
from gaia_core.controls import EXPRESSION, Controls, curve
from gaia_core.motion.corrections import Subject


def pose_track(
    subject: Subject, frames: int, controls: Controls, constants: MotionCorrections, first: int = 0
) -> Tensor:
    """Pose tracks as latents (frames - first, 6) from `first` on, NaN where they set nothing."""
    encoder, end = subject.encoder, len(POSE_CHANNELS)
    own = encoder.head_pose(subject.reference)[0]
    pose = torch.full((frames - first, end), torch.nan).to(own)
    for index, name in enumerate(POSE_CHANNELS):
        if name not in controls.tracks:
            continue
        values = torch.from_numpy(curve(controls.tracks[name], frames, None, first)).to(own)
        if name in ("x", "y"):  # face widths to crop units; a crop's y goes down
            values = values * own[5].exp() * (1 if name == "x" else -1)
        elif name == "scale":
            values = values.log()
        pose[:, index] = own[index] + values * constants.turn.get(name, 1.0)
    return (pose - encoder.mean[:end]) / encoder.scale[:end]


def edited(
    subject: Subject, motion: Tensor, given: Tensor, controls: Controls, first: int = 0
) -> Tensor:
    """Applies strengths and expression tracks: (1, T, D), (1, T, D) -> (1, T, D)

    given: NaN where the motion was sampled; strengths do not change given entries.
    first: index in the clip of the motion's first frame.
    """
    groups = subject.denoiser.groups
    change = torch.zeros_like(motion)
    away = motion - subject.rest
    for name, group in (("head", "pose"), ("brows", "brows"), ("mouth", "mouth")):
        if name in controls.strength:
            where = groups[group]
            change[..., where] += (controls.strength[name] - 1) * away[..., where]
    if "mouth" in controls.strength:  # jaw and cheeks follow the lips
        where = groups["face"]
        change[..., where] += (controls.strength["mouth"] - 1) * away[..., where]
    if controls.strength.keys() & {"gaze", "blink"}:
        change += _eyes(subject, away, controls)
    change = torch.where(given.isnan(), change, torch.zeros_like(change))
    for name, direction in zip(EXPRESSION, subject.directions, strict=True):
        if name in controls.tracks:
            amount = curve(controls.tracks[name], first + motion.shape[1], 0.0, first)
            change += torch.from_numpy(amount).to(motion)[:, None] * direction
    return motion + change


def _eyes(subject: Subject, away: Tensor, controls: Controls) -> Tensor:
    """The change that scales gaze and blinks independently: (1, T, D) -> (1, T, D)"""
    basis = subject.eyes
    # Lids follow the vertical gaze; all of their closing is attributed to the blink.
    blink = basis[-1] / basis[-1].norm()
    basis = torch.cat([basis[:-1] - (basis[:-1] @ blink)[:, None] * blink, basis[-1:]])
    amounts = away @ torch.linalg.pinv(basis)
    factors = [controls.strength.get(name, 1.0) - 1 for name in ("gaze", "gaze", "blink")]
    return (amounts * amounts.new_tensor(factors)) @ basis
