"""From everything that is asked for to the motion of a take: given entries, sampling, corrections.

What is asked of the head pose, or taken from a driving video, is *given* to the sampler, which
makes the rest fit to it. Strengths and expression tracks are added to what came out.
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
from gaia_core.motion.editing import edited, pose_track
from gaia_core.motion.sampling import sample_dpm, windows
from gaia_core.motion.script import Script

# A take longer than the denoiser's training windows is generated in windows of this many frames,
# each of which begins with the last frames of the one before.
WINDOW, OVERLAP = 120, 24


class Performer:
    """Makes the motion of one portrait."""

    def __init__(
        self,
        encoder: MotionEncoder,
        denoiser: Denoiser,
        directions: Tensor,
        reference: Tensor,
        corrections: MotionCorrections = MOTION_DEFAULTS,
    ) -> None:
        """directions (C, D) of `EXPRESSION`; reference (1, D), the portrait's own latent."""
        self.subject = Subject(encoder, denoiser, directions, reference)
        self.corrections = corrections
        self.groups = denoiser.groups
        self.speaker = parted_rest(self.subject, corrections)

    def perform(self, script: Script) -> Iterator[tuple[float, Tensor]]:
        """Yields the share done and what is final of the motion, (1, t, D); the last is all of it.

        Spans are made anew when the rest is there: with them only the last part is final.
        """
        given = self._joined(self.given(script, script.controls), script)
        motion, shown = given, given.clone()
        for known, end, motion in self.fill(given, script, script.seed):
            new = slice(known, end)
            shown[:, new] = self.edited(motion[:, new], given[:, new], script.controls, known)
            if end < script.frames:
                yield end / script.frames, shown[:, : 0 if script.spans else end]
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

    def given(self, script: Script, controls: Controls) -> Tensor:
        """(1, T, D) latents that are given; NaN where the model is free."""
        subject = self.subject
        given = torch.full((1, script.frames, subject.reference.shape[-1]), torch.nan)
        given = given.to(subject.reference)
        if len(script.driving):
            driven = retarget(subject.encoder, subject.denoiser, subject.reference, script)
            driven = driven[:, : script.frames]
            for name in script.groups:
                given[:, : driven.shape[1], self.groups[name]] = driven[..., self.groups[name]]
        if any(name in POSE for name in controls.tracks):
            pose = pose_track(subject, script.frames, controls, self.corrections)
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
        """See `editing.edited`."""
        return edited(self.subject, motion, given, controls, first)

    def fill(
        self,
        given: Tensor,
        script: Script,
        seed: int,
        first: int = 0,
        cuts: Iterable[tuple[int, int, int]] | None = None,
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Generates what is NaN in the take's frames from `first` on, window by window.

        cuts: as `sampling.windows` yields them, which is the default. Where a window ends behind
        the next one's first new frame, those frames are made again.

        Yields which frames were new, from and to, and all of the motion.
        """
        generator = torch.Generator().manual_seed(seed)
        motion = given.clone()
        speech = torch.from_numpy(script.speech[first : first + motion.shape[1]])
        blinks: tuple[int, ...] = ()
        for start, end, known in cuts or windows(motion.shape[1], WINDOW, OVERLAP):
            part = torch.cat([motion[:, start:known], given[:, known:end]], 1)
            made = self.window(part, speech[start:end], script, generator, start, known, blinks)
            motion[:, known:end], blinks = made.motion[:, known - start :], made.blinks
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
    ) -> Window:
        """Samples what is NaN in one window, and applies the corrections in their order.

        given (1, T, D); speech (T, F) on the CPU, or (0, F) for none; noise comes from the
        generator; the rest as in `Window`.
        """
        heard = len(speech) > 0 and script.guidance > 0
        features = speech[None] if len(speech) else torch.zeros(1, given.shape[1], speech.shape[1])
        noise = torch.randn(given.shape, generator=generator)
        reference = self.speaker if heard else self.subject.reference
        motion = sample(
            self.subject.denoiser,
            reference,
            features.to(given),
            quiet_mouth(noise, self.groups, self.corrections).to(given),
            given,
            script.steps,
            script.guidance if heard else 0.0,
        )
        spoken = features if heard else None
        window = Window(motion, given, spoken, reference, start, known, blinks)
        for correct in OF_WINDOWS:
            window = correct(window, self.subject, self.corrections)
        return window


def sample(
    denoiser: Denoiser,
    reference: Tensor,
    speech: Tensor,
    noise: Tensor,
    given: Tensor,
    steps: int,
    guidance: float,
) -> Tensor:
    """Motion latents of one window.

    Args:
        reference: (B, D) the portrait's motion latent.
        speech: (B, T, F).
        noise: (B, T, D).
        given: (B, T, D) latents that are kept as they are; NaN where they are to be made.
        guidance: weight of the speech; 0 ignores it.

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
