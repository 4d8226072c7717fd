"""From everything that is asked for to the motion of a take: given entries, sampling, edits.

What is asked of the head pose, or taken from a driving video, is *given* to the sampler, which
makes the rest fit to it. Strengths and expression tracks are added to what came out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.config import POSE_CHANNELS
from gaia_core.controls import EXPRESSION, POSE, Controls, curve
from gaia_core.latent import MotionEncoder
from gaia_core.motion.corrections import close_lips, closing
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.driving import retarget
from gaia_core.motion.measures import closings
from gaia_core.motion.sampling import sample_dpm, windows
from gaia_core.motion.script import Script

# A take longer than the denoiser's training windows is generated in windows of this many frames,
# each of which begins with the last frames of the one before.
WINDOW, OVERLAP = 120, 24
# How much noise each channel group starts from; the rest from 1. A fair sample of the lips would
# follow speech less than their mean does: they start near it, and the head keeps its life.
TEMPERATURE = {"mouth": 0.2}
# The lips are drawn so far towards what a regression expects of the speech; that, being a mean, is
# too small by its correlation with the truth.
DRAWN, WIDENED = 0.7, 1.6
# Mean lip aperture of those training clips with speech of which a frame shows closed lips. A still
# photo's closed lips let expect less: they are as somebody's who is silent.
SPEAKING = 0.042
BLINK_GAP, BLINK_EDGE = 60, 3  # frames between two blinks at least; of a blink, beside its half
JOIN = 15  # frames in which the head comes to a pose track, and leaves it
RAMP = 6  # frames in which a span's own controls set in and fade
# A picture turns less than its latent: how much further the latent goes than is asked. Measured as
# `evaluate --protocol control` does it, on portraits of the training set; renderers differ.
TURN = {"yaw": 1.25, "pitch": 1.3}
LOOKS = ("gaze_x", "gaze_y", "blink")  # what the eyes' channels are made of


class Performer:
    """Makes the motion of one portrait."""

    def __init__(
        self, encoder: MotionEncoder, denoiser: Denoiser, directions: Tensor, reference: Tensor
    ) -> None:
        """directions (C, D) of `EXPRESSION`; reference (1, D), the portrait's own latent."""
        self.encoder, self.denoiser = encoder, denoiser
        self.directions, self.reference = directions, reference
        self.groups = denoiser.groups
        self.speaker = self._parted()

    def _parted(self) -> Tensor:
        """The portrait's latent, its lips parted until they rest as those of people who speak."""
        direction = self.directions[list(EXPRESSION).index("mouth")]
        rests = self.denoiser.rest(torch.cat([self.reference, self.reference + direction]))
        closed, open_ = mesh.lip_aperture(self.encoder.landmarks(rests))
        share = (SPEAKING - closed) / (open_ - closed).clamp(min=1e-6)
        return self.reference + share.clamp(0, 1) * direction

    def perform(self, script: Script) -> Iterator[tuple[float, Tensor]]:
        """Yields the share done and what is final of the motion, (1, t, D); the last is all of it.

        Spans are made anew when the rest is there: with them only the last part is final.
        """
        asked = self._joined(self.asked(script, script.controls), script)
        motion, edited = asked, asked.clone()
        for known, end, motion in self.fill(asked, script, script.seed):
            new = slice(known, end)
            edited[:, new] = self.edited(motion[:, new], asked[:, new], script.controls, known)
            if end < script.frames:
                yield end / script.frames, edited[:, : 0 if script.spans else end]
        for span in script.spans:
            first, last = round(span.start * FPS), min(round(span.end * FPS), script.frames)
            own = span.controls or script.controls
            open_ = motion.clone()
            open_[:, first:last] = self.asked(script, own)[:, first:last]
            low, high = max(0, first - OVERLAP), min(script.frames, last + OVERLAP)
            *_, (_, _, part) = self.fill(open_[:, low:high], script, span.seed, low)
            motion = torch.cat([motion[:, :low], part, motion[:, high:]], 1)
            anew = self.edited(motion, open_, own)
            share = _ramp(script.frames, first, last).to(motion)
            edited = torch.where(share > 0, edited.lerp(anew, share), edited)
        yield 1.0, edited

    def asked(self, script: Script, controls: Controls) -> Tensor:
        """(1, T, D) latents that are given; NaN where the model is free."""
        asked = torch.full((1, script.frames, self.reference.shape[-1]), torch.nan)
        asked = asked.to(self.reference)
        if len(script.driving):
            driven = retarget(self.encoder, self.denoiser, self.reference, script)[
                :, : script.frames
            ]
            for name in script.groups:
                asked[:, : driven.shape[1], self.groups[name]] = driven[..., self.groups[name]]
        if any(name in POSE for name in controls.tracks):
            pose = self.posed(script.frames, controls)
            where = self.groups["pose"]
            asked[..., where] = torch.where(pose.isnan(), asked[..., where], pose)
        return asked

    def _joined(self, asked: Tensor, script: Script) -> Tensor:
        """Head pose that is given in part, completed by the motion without it: (1, T, D).

        Left to itself the sampler begins a turn long before its first keyframe.
        """
        given = ~asked[0].isnan()
        partly = given.any(0) & ~given.all(0)
        partly[self.groups["pose"].stop :] = False
        if not partly.any():
            return asked
        alone = asked.clone()
        alone[..., partly] = torch.nan
        *_, (_, _, alone) = self.fill(alone, script, script.seed)
        joined = asked.clone()
        for channel in partly.nonzero()[:, 0].tolist():
            track, free = asked[0, :, channel], alone[0, :, channel].clone()
            known = given[:, channel].nonzero()[:, 0]
            edges = [x for x in known.tolist() if not given[max(x - 1, 0) : x + 2, channel].all()]
            for edge in edges:
                away = (torch.arange(len(free), device=free.device) - edge).abs() / JOIN
                free += (track[edge] - alone[0, edge, channel]) * (1 - away.clamp(max=1)).square()
            joined[0, :, channel] = torch.where(given[:, channel], track, free)
        return joined

    def edited(self, motion: Tensor, asked: Tensor, controls: Controls, first: int = 0) -> Tensor:
        """Motion with strengths and expression tracks: (1, T, D), (1, T, D) -> (1, T, D)

        first: the frame of the take that the motion begins with.
        """
        rest = self.denoiser.rest(self.reference)
        change = torch.zeros_like(motion)
        strayed = motion - rest
        for name, group in (("head", "pose"), ("brows", "brows"), ("mouth", "mouth")):
            if name in controls.strength:
                where = self.groups[group]
                change[..., where] += (controls.strength[name] - 1) * strayed[..., where]
        if "mouth" in controls.strength:  # jaw and cheeks follow the lips
            where = self.groups["face"]
            change[..., where] += (controls.strength["mouth"] - 1) * strayed[..., where]
        if controls.strength.keys() & {"gaze", "blink"}:
            change += self._looks(strayed, controls)
        change = torch.where(asked.isnan(), change, torch.zeros_like(change))
        for name, direction in zip(EXPRESSION, self.directions, strict=True):
            if name in controls.tracks:
                amount = curve(controls.tracks[name], first + motion.shape[1], 0.0)[first:]
                change += torch.from_numpy(amount).to(motion)[:, None] * direction
        return motion + change

    def _looks(self, strayed: Tensor, controls: Controls) -> Tensor:
        """The change that makes gaze and blinks stronger or weaker, each by itself."""
        basis = self.directions[[list(EXPRESSION).index(name) for name in LOOKS]]
        # Lids go up and down with the gaze: all that they close counts as a blink.
        blink = basis[-1] / basis[-1].norm()
        basis = torch.cat([basis[:-1] - (basis[:-1] @ blink)[:, None] * blink, basis[-1:]])
        amounts = strayed @ torch.linalg.pinv(basis)
        factors = [controls.strength.get(name, 1.0) - 1 for name in ("gaze", "gaze", "blink")]
        return (amounts * amounts.new_tensor(factors)) @ basis

    def posed(self, frames: int, controls: Controls) -> Tensor:
        """Pose tracks as latents: (T, 6), NaN where free."""
        own = self.encoder.head_pose(self.reference)[0]
        pose = torch.full((frames, len(POSE_CHANNELS)), torch.nan).to(own)
        for index, name in enumerate(POSE_CHANNELS):
            if name not in controls.tracks:
                continue
            values = torch.from_numpy(curve(controls.tracks[name], frames)).to(own)
            if name in ("x", "y"):  # face widths to crop units; a crop's y goes down
                values = values * own[5].exp() * (1 if name == "x" else -1)
            elif name == "scale":
                values = values.log()
            pose[:, index] = own[index] + values * TURN.get(name, 1.0)
        encoder, end = self.encoder, len(POSE_CHANNELS)
        return (pose - encoder.mean[:end]) / encoder.scale[:end]

    def fill(
        self,
        asked: Tensor,
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
        motion = asked.clone()
        heard = torch.from_numpy(script.speech[first : first + motion.shape[1]])
        blinks: list[int] = []
        for start, end, known in cuts or windows(motion.shape[1], WINDOW, OVERLAP):
            given = torch.cat([motion[:, start:known], asked[:, known:end]], 1)
            made = self.window(given, heard[start:end], script, generator)
            made = self.rarer(made, asked[:, start:end], start, known, blinks)
            motion[:, known:end] = made[:, known - start :]
            yield known, end, motion

    def rarer(
        self, motion: Tensor, asked: Tensor, start: int, known: int, blinks: list[int]
    ) -> Tensor:
        """A window's motion, eyes kept open where they would close again too soon.

        The clips of the training data blink twice as often as people do, and a seed can double it.

        Args:
            motion: (1, T, D).
            asked: (1, T, D), NaN where the model was free.
            start: the frame of the take that the window begins with.
            known: the first one that may still change.
            blinks: frames of the take at which a blink begins; is brought up to date.
        """
        open_ = mesh.eye_aperture(self.encoder.landmarks(motion))[0]
        closed = (1 - open_ / open_.median().clamp(min=1e-6)).cpu().numpy()
        basis = self.directions[[list(EXPRESSION).index(name) for name in LOOKS]]
        strayed = motion - self.denoiser.rest(self.reference)
        shut = (strayed @ torch.linalg.pinv(basis))[0, :, LOOKS.index("blink")]
        wanted = shut.clone()
        blinks[:] = [blink for blink in blinks if blink < known]
        for first, end in closings(closed):
            if start + first < known:
                continue
            if not blinks or start + first - blinks[-1] >= BLINK_GAP:
                blinks.append(start + first)
                continue
            first, end = max(first - BLINK_EDGE, known - start), min(end + BLINK_EDGE, len(shut))
            before = shut[max(first - 1, 0)]
            after = shut[end] if end < len(shut) else before
            share = torch.arange(1, end - first + 1).to(shut) / (end - first + 1)
            wanted[first:end] = before + (after - before) * share
        opened = motion + (wanted - shut)[:, None] * basis[LOOKS.index("blink")]
        return torch.where(asked.isnan(), opened, motion)

    def window(
        self, asked: Tensor, heard: Tensor, script: Script, generator: torch.Generator
    ) -> Tensor:
        """Generates what is NaN in one window.

        asked (1, T, D); heard (T, F), or (0, F) for no speech; noise comes from the generator.
        """
        guidance = script.guidance if len(heard) else 0.0
        if not len(heard):
            heard = torch.zeros(asked.shape[1], heard.shape[1])
        noise = torch.randn(asked.shape, generator=generator)
        for group, temperature in TEMPERATURE.items():
            noise[..., self.groups[group]] *= temperature
        motion = generate_motion(
            self.denoiser,
            self.speaker if guidance else self.reference,
            heard.to(asked)[None],
            noise.to(asked),
            asked,
            script.steps,
            guidance,
        )
        if guidance:
            share = closing(heard[None]).to(motion)
            closed = close_lips(self.encoder, motion, share)
            motion = torch.where(asked.isnan(), closed, motion)
        return motion


def generate_motion(
    denoiser: Denoiser,
    reference: Tensor,
    speech: Tensor,
    noise: Tensor,
    asked: Tensor,
    steps: int,
    guidance: float,
) -> Tensor:
    """Motion latents of one window.

    Args:
        reference: (B, D) the portrait's motion latent.
        speech: (B, T, F).
        noise: (B, T, D) standard normal.
        asked: (B, T, D) latents that are kept as they are; NaN where they are to be made.
        guidance: weight of the speech; 0 does not hear it.

    Returns:
        (B, T, D) motion latents.
    """
    mask = ~asked.isnan()
    if mask.all():
        return asked.clone()
    values = denoiser.relative(asked.nan_to_num(), reference)
    given = mask.to(noise)

    def predict(x_t: Tensor, t: Tensor) -> Tensor:
        x_t = torch.where(mask, values, x_t)
        x_0 = denoiser.guided(x_t, t, speech, reference, given, guidance)
        return torch.where(mask, values, x_0)

    *_, x_0 = sample_dpm(predict, noise, steps)
    if guidance:
        lips = denoiser.groups["mouth"]
        expected = WIDENED * denoiser.expect(speech)[..., lips]
        x_0[..., lips] = x_0[..., lips].lerp(expected, DRAWN)
    return torch.where(mask, asked, denoiser.absolute(x_0, reference))


def _ramp(frames: int, first: int, last: int) -> Tensor:
    """(T, 1): 0 outside, rising to 1 inside a span, but at once at the take's own edges."""
    index = torch.arange(frames)
    rise = torch.ones(frames) if first == 0 else (index - first + 1) / RAMP
    fall = torch.ones(frames) if last >= frames else (last - index) / RAMP
    inside = (first <= index) & (index < last)
    return (torch.minimum(rise, fall).clamp(0, 1) * inside)[:, None]
