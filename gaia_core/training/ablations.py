"""Ablations of stage 2: the same training with one change each.

The paper's ablations, and one of the mask for given entries. Lips and stability are measured
on the motion latents of held-out people, without the lip regression and the closing of lips,
which would help every variant.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.config import MOTION_DEFAULTS, DenoiserConfig, MotionConfig
from gaia_core.latent import MotionEncoder
from gaia_core.layers import Attention, rotate
from gaia_core.motion.conformer import Branch, ConformerBlock, FeedForward
from gaia_core.motion.corrections import quiet_mouth
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.diffusion import add_noise
from gaia_core.motion.measures import correlation, steadiness
from gaia_core.motion.sampling import sample_dpm
from gaia_core.request import Request
from gaia_core.training.denoiser import PREFIX, MotionWindows, denoiser_losses
from gaia_core.training.loop import Settings, train
from gaia_core.training.scaling import is_held_out, part
from gaia_core.training.stages import DENOISER_DECAY, ENCODER, MOTION, fit_denoiser

log = logging.getLogger(__name__)

FRAMES = 60  # of each evaluated piece
SEEDS = 4  # for each piece
RESULTS = "ablations.json"


class AddedReference(ConformerBlock):
    """The reference is added to every frame, like the speech."""

    BRANCHES = 4

    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__(width, heads, kernel, dropout)
        self.reference = nn.Linear(width, width)  # type: ignore[assignment]

    def added(self, speech: Tensor, reference: Tensor) -> Tensor:
        """See `ConformerBlock`."""
        there: Tensor = self.reference(reference.mean(1, keepdim=True))
        return super().added(speech, reference) + there

    def branches(self, speech: Tensor, reference: Tensor) -> tuple[Branch, ...]:
        """See `ConformerBlock`."""
        before, attention, _, *rest = super().branches(speech, reference)
        return (before, attention, *rest)


class Listening(Attention):
    """Cross-attention from motion to speech with rotary positions."""

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        """(B, T, W), (B, T, W) -> (B, T, W)"""
        assert tokens is not None
        query = self._split(self.query(x))
        key, value = (self._split(half) for half in self.key_value(tokens).chunk(2, -1))
        dropout = self.dropout if self.training else 0.0
        mixed = nn.functional.scaled_dot_product_attention(
            rotate(query), rotate(key), value, dropout_p=dropout
        )
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


class AttendedSpeech(ConformerBlock):
    """Speech enters by cross-attention, like the reference."""

    BRANCHES = 6

    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__(width, heads, kernel, dropout)
        self.speech = Listening(width, heads, dropout)  # type: ignore[assignment]

    def added(self, speech: Tensor, reference: Tensor) -> Tensor:
        """See `ConformerBlock`."""
        return torch.zeros_like(speech)

    def branches(self, speech: Tensor, reference: Tensor) -> tuple[Branch, ...]:
        """See `ConformerBlock`."""
        return (*super().branches(speech, reference), lambda h: self.speech(h, speech))


class TransformerBlock(ConformerBlock):
    """No convolution; wider feed-forwards keep the number of parameters."""

    BRANCHES = 4

    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__(width, heads, kernel, dropout)
        del self.convolution
        self.before = FeedForward(width, dropout, 3)
        self.after = FeedForward(width, dropout, 3)

    def branches(self, speech: Tensor, reference: Tensor) -> tuple[Branch, ...]:
        """See `ConformerBlock`."""
        return (
            lambda h: 0.5 * self.before(h),
            self.attention,
            lambda h: self.reference(h, reference),
            lambda h: 0.5 * self.after(h),
        )


class ReferenceAdded(Denoiser):
    """See `AddedReference`."""

    block = AddedReference


class SpeechAttended(Denoiser):
    """See `AttendedSpeech`."""

    block = AttendedSpeech


class PlainTransformer(Denoiser):
    """See `TransformerBlock`."""

    block = TransformerBlock


class Headless(Denoiser):
    """No head pose in input and output: it stays the portrait's."""

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        speech: Tensor,
        reference: Tensor,
        given: Tensor,
        has_speech: Tensor,
    ) -> Tensor:
        """See `Denoiser`."""
        pose = self.groups["pose"]
        x_t, given = x_t.clone(), given.clone()
        x_t[..., pose], given[..., pose] = 0, 1
        x_0 = super().forward(x_t, t, speech, reference, given, has_speech).clone()
        x_0[..., pose] = 0
        return x_0

    def losses(
        self, motion: Tensor, speech: Tensor, reference: Tensor, given: Tensor, has_speech: Tensor
    ) -> dict[str, Tensor]:
        """See `Denoiser`."""
        given = given.clone()
        given[..., self.groups["pose"]] = 1
        return super().losses(motion, speech, reference, given, has_speech)


class Unmasked(Denoiser):
    """Not conditioned on the mask; given entries are only imposed at every step."""

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        speech: Tensor,
        reference: Tensor,
        given: Tensor,
        has_speech: Tensor,
    ) -> Tensor:
        """See `Denoiser`."""
        return super().forward(x_t, t, speech, reference, torch.zeros_like(given), has_speech)

    def losses(
        self, motion: Tensor, speech: Tensor, reference: Tensor, given: Tensor, has_speech: Tensor
    ) -> dict[str, Tensor]:
        """See `Denoiser`."""
        return super().losses(motion, speech, reference, torch.zeros_like(given), has_speech)


VARIANTS: dict[str, type[Denoiser]] = {
    "default": Denoiser,
    "reference added": ReferenceAdded,
    "speech cross-attended": SpeechAttended,
    "plain Transformer": PlainTransformer,
    "no head pose": Headless,
    "no masking": Unmasked,
}


@dataclass(frozen=True)
class Row:
    """Results of a variant.

    Attributes:
        loss: mean square error of x_0 on expression channels with nothing given, held out.
        lips: correlation of the lips' opening with the real ones, mean of pieces and seeds.
        steadiness: motion stability index over the real clip's, median.
        join: where a piece's first frames are given, the step of the expression from the last of
            them to the first that is made, over the real one's.
    """

    variant: str
    parameters: int
    steps: int
    pieces: int
    loss: float
    lips: float
    steadiness: float
    join: float


def study(
    pack: Path,
    folder: Path,
    settings: Settings,
    config: DenoiserConfig = DenoiserConfig(),  # noqa: B008 (frozen)
    motion: MotionConfig = MotionConfig(),  # noqa: B008 (frozen)
) -> list[Row]:
    """Trains every variant for `settings.steps` steps; writes the results into `folder`.

    An interrupted study resumes.

    Args:
        pack: the folder of `train pack`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RESULTS
    rows = [Row(**row) for row in json.loads(path.read_text("utf-8"))] if path.exists() else []
    encoder = MotionEncoder(motion)
    encoder.load_state_dict(load_file(pack / ENCODER), strict=True)
    clips = pack / MOTION
    held_out = MotionWindows(
        part(clips, folder / "held_out.safetensors", is_held_out), motion.groups
    )
    rest = part(clips, folder / "all.safetensors", lambda row, _: not is_held_out(row, 0))
    settings = replace(settings, weight_decay=DENOISER_DECAY)
    for name, variant in VARIANTS.items():
        if any(row.variant == name for row in rows):
            continue
        torch.manual_seed(0)
        model = variant(config, motion)
        data = MotionWindows(rest, model.groups, fill=0.5)
        fit_denoiser(model, data)
        run = folder / name.replace(" ", "_")
        average, _ = train(model, denoiser_losses, iter(data), run, settings)
        count = sum(p.numel() for p in model.parameters())
        rows.append(Row(name, count, settings.steps, **_measure(average.cpu(), encoder, held_out)))
        log.info("%s", rows[-1])
        path.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    return rows


@torch.no_grad()
def _measure(model: Denoiser, encoder: MotionEncoder, data: MotionWindows) -> dict[str, Any]:
    """The numbers of a `Row`, on pieces of every clip that is long enough and has sound."""
    pairs = zip(data.motion, data.speech, strict=True)
    clips = [torch.cat([m, s], 1).float() for m, s in pairs if len(s) == len(m) >= FRAMES]
    pieces = torch.cat([clip.unfold(0, FRAMES, FRAMES).transpose(1, 2) for clip in clips])
    motion, speech = pieces.split([model.config.motion, model.config.speech], -1)
    reference = motion[:, 0]
    real = model.relative(motion, reference)
    real_lips, real_calm = _lips(encoder, motion), _stability(encoder, motion)
    losses, lips, stability, joins = [], [], [], []
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(real.shape, generator=generator)
        losses.append(_loss(model, real, speech, reference, noise, (seed + 0.5) / SEEDS))
        noise = quiet_mouth(noise, model.groups, MOTION_DEFAULTS)
        made = model.absolute(_make(model, real, speech, reference, noise, 0), reference)
        lips += [correlation(*both) for both in zip(_lips(encoder, made), real_lips, strict=True)]
        stability += [a / b for a, b in zip(_stability(encoder, made), real_calm, strict=True)]
        joined = _make(model, real, speech, reference, noise, PREFIX)
        joins.append(_step(model, joined) / _step(model, real))
    return {
        "pieces": len(pieces),
        "loss": float(np.mean(losses)),
        "lips": float(np.nanmean(lips)),
        "steadiness": float(np.median(stability)),
        "join": float(np.mean(joins)),
    }


def _loss(
    model: Denoiser, real: Tensor, speech: Tensor, reference: Tensor, noise: Tensor, t: float
) -> float:
    """Mean square error of x_0 at one level of noise, the head left out."""
    times, yes = torch.full((len(real),), t), torch.ones(len(real), dtype=torch.bool)
    x_t, nothing = add_noise(real, noise, times), torch.zeros_like(real)
    x_0 = model(x_t, times, speech, reference, nothing, yes)
    return float((x_0 - real)[..., model.groups["pose"].stop :].square().mean())


def _make(
    model: Denoiser, real: Tensor, speech: Tensor, reference: Tensor, noise: Tensor, known: int
) -> Tensor:
    """(B, T, D) sampled at a request's default settings, the first `known` frames given."""
    given = torch.zeros_like(real)
    given[:, :known] = 1

    def predict(x_t: Tensor, t: Tensor) -> Tensor:
        x_t = x_t.lerp(real, given)
        return model.guided(x_t, t, speech, reference, given, Request.guidance).lerp(real, given)

    *_, x_0 = sample_dpm(predict, noise, Request.steps)
    return x_0


def _step(model: Denoiser, x_0: Tensor) -> float:
    """Step of the expression from the last given frame to the first sampled one."""
    return float(x_0.diff(dim=1)[:, PREFIX - 1, model.groups["pose"].stop :].norm(dim=-1).mean())


def _lips(encoder: MotionEncoder, motion: Tensor) -> list[np.ndarray]:
    return list(mesh.lip_aperture(encoder.landmarks(motion)).numpy())


def _stability(encoder: MotionEncoder, motion: Tensor) -> list[float]:
    return [steadiness(encoder, clip.clone().numpy()) for clip in motion]
