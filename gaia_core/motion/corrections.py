"""Hand-set corrections of the sampler's input and output, as pure functions.

In the order of `MotionCorrections.OFF`: of the sampler's input (turn gain, joined pose tracks,
parted rest, mouth noise), of each sampled window (`OF_WINDOWS`), and of spans. The constants are
`MotionCorrections`; docs/corrections.md has their measured effects.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import POSE_CHANNELS, MotionCorrections
from gaia_core.controls import EXPRESSION
from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.lips import predicted_lips, regression_with_residual
from gaia_core.motion.measures import closings
from gaia_core.motion.smoothing import smooth
from gaia_core.speech.visemes import likelihood

EYES = ("gaze_x", "gaze_y", "blink")  # expression channels of the eyes
# How far the lids are closed in the frames of a blink: a tenth of a second down, two up.
BLINK = (0.45, 0.95, 1.0, 0.8, 0.45, 0.2, 0.05)


@dataclass(frozen=True)
class Subject:
    """A portrait's latent and the networks that read it.

    Attributes:
        directions: (C, D) latent changes of `controls.EXPRESSION`.
        reference: (1, D) the portrait's latent.
    """

    encoder: MotionEncoder
    denoiser: Denoiser
    directions: Tensor
    reference: Tensor

    @property
    def rest(self) -> Tensor:
        """(1, D), see `Denoiser.rest`."""
        return self.denoiser.rest(self.reference)

    @property
    def eyes(self) -> Tensor:
        """(3, D), the directions of `EYES`."""
        return self.directions[[list(EXPRESSION).index(name) for name in EYES]]


@dataclass(frozen=True)
class Window:
    """A sampled window of a clip.

    Attributes:
        motion: (1, T, D).
        given: (1, T, D), NaN where the motion was sampled; other entries must not change.
        speech: (1, T, F) features on the CPU; None without speech.
        reference: (1, D) the latent that it is conditioned on, the portrait's or `parted_rest`'s.
        start: index in the clip of the window's first frame.
        known: index in the clip of the first frame that is not final.
        blinks: frames of the clip at which a blink begins.
    """

    motion: Tensor
    given: Tensor
    speech: Tensor | None
    reference: Tensor
    start: int = 0
    known: int = 0
    blinks: tuple[int, ...] = ()

    def changed(self, motion: Tensor) -> Window:
        """The same window with another motion (1, T, D) where it was sampled."""
        return replace(self, motion=torch.where(self.given.isnan(), motion, self.motion))


Correction = Callable[[Window, Subject, MotionCorrections], Window]


def joined_pose(given: Tensor, free: Tensor, constants: MotionCorrections) -> Tensor:
    """Blends pose tracks with gaps into a sampled motion over `join_frames`.

    Conditioned on such a track, the sampler begins a turn long before the first keyframe.

    Args:
        given: (1, T, D), NaN where nothing is given.
        free: (1, T, D) sampled without the partly given channels.

    Returns:
        (1, T, D)
    """
    joined, known = given.clone(), ~given[0].isnan()
    for channel in partly_given(given).nonzero()[:, 0].tolist():
        track, own = given[0, :, channel], free[0, :, channel].clone()
        frames = known[:, channel].nonzero()[:, 0].tolist()
        edges = [x for x in frames if not known[max(x - 1, 0) : x + 2, channel].all()]
        for edge in edges:
            away = torch.arange(len(own), device=own.device) - edge
            share = 1 - (away.abs() / constants.join_frames).clamp(max=1)
            own += (track[edge] - free[0, edge, channel]) * share.square()
        joined[0, :, channel] = torch.where(known[:, channel], track, own)
    return joined


def partly_given(given: Tensor) -> Tensor:
    """Channels of the head pose that are given at some frames only: (1, T, D) -> (D,) bool"""
    known = ~given[0].isnan()
    partly = known.any(0) & ~known.all(0)
    partly[len(POSE_CHANNELS) :] = False
    return partly


def parted_rest(subject: Subject, constants: MotionCorrections) -> Tensor:
    """The portrait's latent (1, D) with its lips parted to the mean aperture of speech at rest."""
    direction = subject.directions[list(EXPRESSION).index("mouth")]
    both = torch.cat([subject.reference, subject.reference + direction])
    rests = subject.encoder.landmarks(subject.denoiser.rest(both))
    closed, parted = mesh.lip_aperture(rests)
    share = (constants.rest_aperture - closed) / (parted - closed).clamp(min=1e-6)
    return subject.reference + share.clamp(0, 1) * direction


def quiet_mouth(noise: Tensor, groups: dict[str, slice], constants: MotionCorrections) -> Tensor:
    """Initial noise (B, T, D) -> the same, scaled by `mouth_noise` in the mouth's channels."""
    noise = noise.clone()
    noise[..., groups["mouth"]] *= constants.mouth_noise
    return noise


def low_pass(window: Window, subject: Subject, constants: MotionCorrections) -> Window:
    """Removes the sampler's jitter from head, brows and face; eyes and mouth are unchanged.

    In streaming the kernel ends within the window's look-ahead, so it adds no latency.
    """
    widths = {
        "pose": constants.low_pass_head,
        "brows": constants.low_pass_face,
        "face": constants.low_pass_face,
    }
    return window.changed(smooth(window.motion, subject.denoiser.groups, widths))


def regressed_lips(window: Window, subject: Subject, constants: MotionCorrections) -> Window:
    """Blends the lips towards their regression on speech, see `motion.lips`."""
    if window.speech is None:
        return window
    denoiser, speech = subject.denoiser, window.speech.to(window.motion)
    predicted = predicted_lips(denoiser, speech, window.reference, constants)
    lips = denoiser.groups["mouth"]
    mixed = regression_with_residual(window.motion, predicted, lips, constants)
    return window.changed(mixed)


def closed_bilabials(window: Window, subject: Subject, constants: MotionCorrections) -> Window:
    """Closes the lips on p, b and m, where the viseme classifier finds a bilabial.

    The timing of a closure is uncertain, so the sampled lips are a mean over possible timings and
    stay open.
    """
    if window.speech is None:
        return window
    share = closing(window.speech, constants).to(window.motion)
    return window.changed(close_lips(subject.encoder, window.motion, share))


def closing(speech: Tensor, constants: MotionCorrections) -> Tensor:
    """Target closure of the lips, 0 to 1: speech features (B, T, F) on the CPU -> (B, T)"""
    low, high = constants.closing_from, constants.closing_to
    return ((likelihood(speech, "bilabial") - low) / (high - low)).clamp(0, 1)


def close_lips(encoder: MotionEncoder, motion: Tensor, share: Tensor) -> Tensor:
    """Narrows the gap between the lips by a fraction of it: (B, T, D), (B, T) -> (B, T, D)

    The least-norm change of the latent, which lies in the mouth's channels alone.
    """
    end, scale, mean = len(POSE_CHANNELS), encoder.scale, encoder.mean
    top, bottom = 3 * mesh.LIP_TOP + 1, 3 * mesh.LIP_BOTTOM + 1  # their y
    row = encoder.decode.weight[bottom] - encoder.decode.weight[top]
    rest = row @ mean[end:] + encoder.decode.bias[bottom] - encoder.decode.bias[top]
    rest = rest + encoder.template[mesh.LIP_BOTTOM, 1] - encoder.template[mesh.LIP_TOP, 1]
    slope = torch.cat([torch.zeros_like(scale[:end]), row * scale[end:]])
    gap = (motion @ slope + rest).clamp(min=0)
    return motion - (share * gap)[..., None] * slope / slope.square().sum()


def spaced_blinks(window: Window, subject: Subject, constants: MotionCorrections) -> Window:
    """Keeps blinks between `blink_gap` and `blink_most` frames apart, and records them.

    Subjects of the training clips blink twice as often as people usually do, and samples vary
    about that by more than a factor of two in both directions.
    """
    motion, start, known = window.motion, window.start, window.known
    open_ = mesh.eye_aperture(subject.encoder.landmarks(motion))[0]
    closed = (1 - open_ / open_.median().clamp(min=1e-6)).cpu().numpy()
    away = motion - subject.rest
    shut = (away @ torch.linalg.pinv(subject.eyes))[0, :, EYES.index("blink")]
    target = shut.clone()
    blinks = [blink for blink in window.blinks if blink < known]
    for first, end in closings(closed):
        if start + first < known:
            continue
        if not blinks or start + first - blinks[-1] >= constants.blink_gap:
            blinks.append(start + first)
            continue
        margin = constants.blink_margin
        first, end = max(first - margin, known - start), min(end + margin, len(shut))
        before = shut[max(first - 1, 0)]
        after = shut[end] if end < len(shut) else before
        share = torch.arange(1, end - first + 1).to(shut) / (end - first + 1)
        target[first:end] = before + (after - before) * share
    for first in missing_blinks(blinks, start, known, shut, constants):
        lids = target[first : first + len(BLINK)]
        lids += shut.new_tensor(BLINK) * (1 - lids).clamp(min=0)
        blinks.append(start + first)
    changed = motion + (target - shut)[:, None] * subject.eyes[EYES.index("blink")]
    return replace(window.changed(changed), blinks=tuple(sorted(blinks)))


def missing_blinks(
    blinks: Sequence[int], start: int, known: int, shut: Tensor, constants: MotionCorrections
) -> list[int]:
    """Frames of a window at which a blink is to begin, since none does for `blink_most`.

    In the second half of that interval, where the lids are most closed anyway. Never so late that
    a live window's look-ahead would cut it off.

    Args:
        blinks: frames of the clip at which others begin.
        start, known: see `Window`.
        shut: (T,) how far the lids are closed, 1 in a blink.
    """
    gap, most = constants.blink_gap, constants.blink_most
    end = start + len(shut)
    latest = end - 2 * len(BLINK)
    found: list[int] = []
    for before, after in pairwise((0, *blinks, sys.maxsize)):
        while after - before > most and (after < sys.maxsize or before + most < end):
            high = min(max(before + most, known), after - gap, latest)
            low = max(min(before + (gap + most) // 2, high), known)
            if low > high:
                break
            before = low + int(shut[low - start : high - start + 1].argmax())
            found.append(before - start)
    return found


# After the sampler, in this order.
OF_WINDOWS: tuple[Correction, ...] = (low_pass, regressed_lips, closed_bilabials, spaced_blinks)


def span_ramp(frames: int, first: int, last: int, constants: MotionCorrections) -> Tensor:
    """Weight of a re-rendered span: (T, 1), 0 outside, ramped to 1 inside.

    There is no ramp at the first and last frame of the clip.
    """
    index, width = torch.arange(frames), constants.ramp_frames
    rise = torch.ones(frames) if first == 0 else (index - first + 1) / width
    fall = torch.ones(frames) if last >= frames else (last - index) / width
    inside = (first <= index) & (index < last)
    return (torch.minimum(rise, fall).clamp(0, 1) * inside)[:, None]
