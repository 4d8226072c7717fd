"""Stage 2's inference: given entries, sampling in windows, corrections, edits.

Pose tracks and channels of a driving video are *given* to the sampler, which generates the rest.
Strengths and expression tracks are applied to the sampled motion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from gaia_core import FPS
from gaia_core.config import MOTION_DEFAULTS, MotionCorrections
from gaia_core.controls import POSE, Controls
from gaia_core.latent import MotionEncoder
from gaia_core.motion.corrections import (
    OF_WINDOWS,
    Subject,
    Window,
    joined_pose,
    parted_rest,
    partly_given,
    quiet_mouth,
    span_ramp,
)
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.driving import retarget
from gaia_core.motion.keyframes import edited, pose_track
from gaia_core.motion.sampling import sample_dpm, windows
from gaia_core.motion.script import Script
from gaia_core.motion.smoothing import cross_fade

# Clips longer than the denoiser's training windows are generated in windows of this many frames,
# each of which begins with the last frames of the one before. The sampler does not quite go on from
# them, so AHEAD frames are sampled by both windows and cross-faded.
WINDOW, OVERLAP, AHEAD = 120, 24, 16


class Performer:
    """Generates the motion of one portrait."""

    def __init__(
        self,
        encoder: MotionEncoder,
        denoiser: Denoiser,
        directions: Tensor,
        reference: Tensor,
        corrections: MotionCorrections = MOTION_DEFAULTS,
    ) -> None:
        """directions (C, D) of `EXPRESSION`; reference (1, D), the portrait's latent."""
        self.subject = Subject(encoder, denoiser, directions, reference)
        self.corrections = corrections
        self.groups = denoiser.groups
        self.speaking_reference = parted_rest(self.subject, corrections)

    def perform(self, script: Script) -> Iterator[tuple[float, Tensor]]:
        """Yields the fraction done and the final part of the motion, (1, t, D); at last all of it.

        Spans are sampled again after the whole, so with them nothing is final before the end.
        """
        given = self._joined(self.given(script, script.controls), script)
        motion, shown = given, given.clone()
        for known, end, motion in self.fill(given, script, script.seed):
            new = slice(known, end)
            shown[:, new] = self.edited(motion[:, new], given[:, new], script.controls, known)
            if end < script.frames:
                final = end - AHEAD  # the next window samples the rest again
                yield final / script.frames, shown[:, : 0 if script.spans else final]
        for span in script.spans:
            first, last = round(span.start * FPS), min(round(span.end * FPS), script.frames)
            own = span.controls or script.controls
            free = motion.clone()
            free[:, first:last] = self.given(script, own)[:, first:last]
            low, high = max(0, first - OVERLAP), min(script.frames, last + OVERLAP)
            *_, (_, _, part) = self.fill(free[:, low:high], script, span.seed, low)
            motion = torch.cat([motion[:, :low], part, motion[:, high:]], 1)
            share = span_ramp(script.frames, first, last, self.corrections).to(motion)
            again = self.edited(motion, free, own)
            shown = torch.where(share > 0, shown.lerp(again, share), shown)
        yield 1.0, shown

    def given(self, script: Script, controls: Controls, first: int = 0) -> Tensor:
        """Latents (1, T, D) set by pose tracks or a driving video; NaN where to be sampled.

        first: index in the clip of the first of the T frames; they reach to its end.
        """
        subject, frames = self.subject, script.frames
        given = torch.full((1, frames - first, subject.reference.shape[-1]), torch.nan)
        given = given.to(subject.reference)
        if len(script.driving):
            driven = retarget(subject.encoder, subject.denoiser, subject.reference, script)
            driven = driven[:, first:frames]
            for name in script.groups:
                given[:, : driven.shape[1], self.groups[name]] = driven[..., self.groups[name]]
        if any(name in POSE for name in controls.tracks):
            pose = pose_track(subject, frames, controls, self.corrections, first)
            where = self.groups["pose"]
            given[..., where] = torch.where(pose.isnan(), given[..., where], pose)
        return given

    def _joined(self, given: Tensor, script: Script) -> Tensor:
        partly = partly_given(given)
        if not partly.any() or not self.corrections.join_frames:
            return given
        free = given.clone()
        free[..., partly] = torch.nan
        *_, (_, _, free) = self.fill(free, script, script.seed)
        return joined_pose(given, free, self.corrections)

    def edited(self, motion: Tensor, given: Tensor, controls: Controls, first: int = 0) -> Tensor:
        """See `keyframes.edited`."""
        return edited(self.subject, motion, given, controls, first)

    def fill(
        self,
        given: Tensor,
        script: Script,
        seed: int,
        first: int = 0,
        cuts: Iterable[tuple[int, int, int]] | None = None,
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Samples what is NaN, window by window, in the clip's frames from `first` on.

        cuts: windows as `sampling.windows` yields them, which is the default. Frames of a window
        from the next one's first new frame on (its look-ahead) are sampled again.

        Yields:
            (first new frame, end of the new frames, all of the motion (1, T, D)).
        """
        generator = torch.Generator().manual_seed(seed)
        motion = given.clone()
        speech = torch.from_numpy(script.speech[first : first + motion.shape[1]])
        blinks: tuple[int, ...] = ()
        done = 0
        for start, end, known in cuts or windows(motion.shape[1], WINDOW, OVERLAP, AHEAD):
            part = torch.cat([motion[:, start:known], given[:, known:end]], 1)
            before = motion[:, known:done]
            window = self.window(
                part, speech[start:end], script, generator, start, known, blinks, before
            )
            motion[:, known:end], blinks = window.motion[:, known - start :], window.blinks
            done = end
            yield known, end, motion

    def window(
        self,
        given: Tensor,
        speech: Tensor,
        script: Script,
        generator: torch.Generator,
        start: int = 0,
        known: int = 0,
        blinks: tuple[int, ...] = (),
        before: Tensor | None = None,
    ) -> Window:
        """Samples what is NaN in one window, and applies the corrections of `OF_WINDOWS`.

        given (1, T, D); speech (T, F) on the CPU, or (0, F) for none; generator of the noise;
        before (1, A, D) frames from `known` on as the last window sampled them; the rest as in
        `Window`.
        """
        has_speech = len(speech) > 0 and script.guidance > 0
        features = speech[None] if len(speech) else torch.zeros(1, given.shape[1], speech.shape[1])
        noise = torch.randn(given.shape, generator=generator)
        reference = self.speaking_reference if has_speech else self.subject.reference
        motion = sample(
            self.subject.denoiser,
            reference,
            features.to(given),
            quiet_mouth(noise, self.groups, self.corrections).to(given),
            given,
            script.steps,
            script.guidance if has_speech else 0.0,
        )
        conditioning = features if has_speech else None
        window = Window(motion, given, conditioning, reference, start, known, blinks)
        for correct in OF_WINDOWS:
            window = correct(window, self.subject, self.corrections)
        return window if before is None else self._faded(window, before)

    def _faded(self, window: Window, before: Tensor) -> Window:
        """Fades in all but the eyes, where half a blink would be left."""
        first = window.known - window.start
        motion = window.motion.clone()
        motion[:, first:] = cross_fade(before, motion[:, first:])
        eyes = self.groups["eyes"]
        motion[..., eyes] = window.motion[..., eyes]
        return window.changed(motion)


def sample(
    denoiser: Denoiser,
    reference: Tensor,
    speech: Tensor,
    noise: Tensor,
    given: Tensor,
    steps: int,
    guidance: float,
) -> Tensor:
    """Samples the motion latents of one window by DPM-Solver++.

    Args:
        reference: (B, D) the portrait's motion latent.
        speech: (B, T, F).
        noise: (B, T, D).
        given: (B, T, D) latents to keep; NaN where to be sampled.
        steps: of the solver.
        guidance: weight of classifier-free guidance; 0 ignores the speech.

    Returns:
        (B, T, D) motion latents.
    """
    mask = ~given.isnan()
    if mask.all():
        return given.clone()
    values = denoiser.relative(given.nan_to_num(), reference)
    clean = mask.to(noise)

    def predict(x_t: Tensor, t: Tensor) -> Tensor:
        x_t = torch.where(mask, values, x_t)
        x_0 = denoiser.guided(x_t, t, speech, reference, clean, guidance)
        return torch.where(mask, values, x_0)

    *_, x_0 = sample_dpm(predict, noise, steps)
    return torch.where(mask, given, denoiser.absolute(x_0, reference))
