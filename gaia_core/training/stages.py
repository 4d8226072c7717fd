"""The commands of training: pack the data, train stage 1, its inpainters, and stage 2."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from gaia_core import checkpoint
from gaia_core.config import PRESETS, RENDERER_DEFAULTS
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.renderer.detail import Detail
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.training.clip_frames import ClipFrames, pack_latents
from gaia_core.training.critic import Contest
from gaia_core.training.denoiser import MotionWindows, denoiser_losses
from gaia_core.training.detail import DetailWindows
from gaia_core.training.expression import fit_directions
from gaia_core.training.eyes import EyeWindows
from gaia_core.training.inpainting import InpaintingLosses, Windows
from gaia_core.training.lips import LipWindows
from gaia_core.training.loop import Settings, train
from gaia_core.training.motion import fit_motion_encoder
from gaia_core.training.mouth import MouthWindows
from gaia_core.training.pack import (
    FramePack,
    cache_landmarks,
    pack_frames,
    pack_motion,
    read_landmarks,
    read_manifest,
)
from gaia_core.training.portraits import PortraitPairs, pack_portraits
from gaia_core.training.renderer import FramePairs, RendererLosses, joined

log = logging.getLogger(__name__)

FRAMES, MOTION, ENCODER = "frames.safetensors", "motion.safetensors", "encoder.safetensors"
PORTRAITS, LATENTS = "portraits.safetensors", "latents.safetensors"
DETAIL = "detail.safetensors"
# Of each of `inpainting.REGIONS`, packed as NAME.safetensors.
WINDOWS: dict[str, type[Windows]] = {
    "mouth": MouthWindows,
    "lips": LipWindows,
    "eyes": EyeWindows,
}
PHOTOS = 15  # portraits packed for each frame of a person
PORTRAIT_SHARE = 6  # one pair in 6 is of portraits, whose rendered frames are softer than clips
DENOISER_DECAY = 0.05  # it overfits the few training subjects, unlike the renderer


def pack(
    data: Path,
    folder: Path,
    per_identity: int,
    preset: str = "small",
    start: Path | None = None,
    portraits: bool = False,
    latents: bool = False,
) -> None:
    """Detects landmarks of all clips, fits the motion encoder, and packs both stages' data.

    An interrupted run resumes from the cached landmarks. With `start` the motion encoder and the
    expression directions of those weights are kept, so that they can be trained further; with
    `portraits` their renderer also makes pairs from single portraits. With `latents` stage 1's data
    is a latent of every frame, to be trained on beside the clips, and the inpainters' is left out.

    Raises:
        InputError: portraits without `start`.
    """
    if portraits and not start:
        raise InputError("Portraits are moved by trained weights; give them by --start.")
    cache = folder / "landmarks"
    cache.mkdir(parents=True, exist_ok=True)
    cache_landmarks(data, cache)
    if start:
        trained = checkpoint.load_autoencoder(start)
        encoder = trained.motion
        directions = checkpoint.load_directions(start, encoder.config)
    else:
        encoder = MotionEncoder(PRESETS[preset].autoencoder.motion)
        error = fit_motion_encoder(encoder, *read_landmarks(data, cache))
        log.info("motion encoder, rms px at 256: %s", error)
        seen = [cache / clip.cache_name for clip in read_manifest(data, "train")]
        directions = fit_directions(encoder, seen)
    save_file(encoder.state_dict(), folder / ENCODER)
    checkpoint.save_directions(folder, directions)
    pack_motion(data, cache, folder / MOTION, encoder)
    if latents:
        pack_latents(data, cache, folder / LATENTS, encoder)
        return
    pack_frames(data, cache, folder / FRAMES, per_identity)
    if start and portraits:
        pack_portraits(data, cache, folder / PORTRAITS, trained, PHOTOS * per_identity)
    for name, windows in WINDOWS.items():
        windows.pack(data, cache, folder / f"{name}.safetensors", encoder, per_identity)
    DetailWindows.pack(data, folder / DETAIL, encoder, PHOTOS * per_identity)


@dataclass(frozen=True)
class Run:
    """Inputs and outputs of training a stage.

    Attributes:
        pack: folder written by `pack`.
        state: folder of the state to resume, see `training.loop.train`.
        weights: folder to which the averaged weights are written.
        batch: samples a step; of the denoiser it scales the windows, 12 is the default mix.
        preset: the sizes of new weights.
        start: folder of initial weights, None for random ones.
        data: folder of the clips, for a pack of latents.
    """

    pack: Path
    state: Path
    weights: Path
    settings: Settings
    batch: int
    preset: str = "small"
    start: Path | None = None
    data: Path | None = None


def train_autoencoder(run: Run) -> None:
    """Trains the renderer."""
    torch.manual_seed(0)
    corrections = checkpoint.load_corrections(run.start)[1] if run.start else RENDERER_DEFAULTS
    model = Contest(Autoencoder(PRESETS[run.preset].autoencoder, corrections))
    seen = _begin(model.maker, run)
    motion = model.maker.motion
    motion.load_state_dict(load_file(run.pack / ENCODER), strict=True)
    motion.requires_grad_(False)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    data = FramePairs(_frames(run, motion), motion.template, run.batch, seed=_rank())
    batches, portraits = iter(data), 0
    if (run.pack / PORTRAITS).is_file():
        share = max(1, run.batch // PORTRAIT_SHARE)
        data.batch = run.batch - share
        own = FramePack(run.pack / PORTRAITS)
        photos = PortraitPairs(own, motion.template, share, seed=_rank())
        batches, portraits = map(joined, data, photos), len(photos.frames.names)
    losses = RendererLosses().to(run.settings.device)
    average, samples = train(model, losses, batches, run.state, run.settings, seen)
    if _rank():
        return
    # The expression directions depend on the motion encoder, so they belong to this stage.
    directions = load_file(run.pack / checkpoint.CONTROLS)["directions"]
    checkpoint.save_directions(run.weights, directions)
    facts = {"samples": samples, "frames": len(data.frames.clip), "clips": len(data.frames.names)}
    checkpoint.save(run.weights, average.maker, facts | {"portraits": portraits})


def _frames(run: Run, encoder: MotionEncoder) -> FramePack | ClipFrames:
    """Stage 1's frames.

    Raises:
        InputError: the pack is of latents, and no clips are given.
    """
    latents = run.pack / LATENTS
    if not latents.is_file():
        return FramePack(run.pack / FRAMES)
    if not run.data:
        raise InputError(
            "{folder} holds latents alone; give the folder of their clips by --data.",
            folder=run.pack,
        )
    return ClipFrames(latents, run.data, encoder, run.settings.device)


def train_inpainter(name: str, run: Run) -> None:
    """Trains the inpainter of one of `inpainting.REGIONS` on its windows of a pack."""
    data = WINDOWS[name](run.pack / f"{name}.safetensors", run.batch, seed=_rank())
    facts = {"people": int((data.weight > 0).sum())}
    _train_windows(lambda: Inpainter(name, PRESETS[run.preset].inpainter), data, run, facts)


def train_detail(run: Run) -> None:
    """Trains the detail of inpainted regions on a pack's windows of portraits."""
    data = DetailWindows(run.pack / DETAIL, run.batch, seed=_rank())
    _train_windows(lambda: Detail(PRESETS[run.preset].detail), data, run, {})


def _train_windows(
    build: Callable[[], Inpainter | Detail],
    data: Windows | DetailWindows,
    run: Run,
    facts: dict[str, int],
) -> None:
    """Trains a network of windows against a critic; saves it with facts of its data."""
    torch.manual_seed(0)
    model: Contest[Inpainter | Detail] = Contest(build())
    seen = _begin(model.maker, run)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    settings = replace(run.settings, average=0.998)
    losses = InpaintingLosses().to(settings.device)
    average, samples = train(model, losses, iter(data), run.state, settings, seen)
    if not _rank():
        facts = {"samples": samples, "windows": len(data.window), **facts}
        checkpoint.save(run.weights, average.maker, facts)


def train_denoiser(run: Run) -> None:
    """Trains the denoiser."""
    torch.manual_seed(0)
    sizes = PRESETS[run.preset]
    model = Denoiser(sizes.denoiser, sizes.autoencoder.motion)
    data = MotionWindows(run.pack / MOTION, model.groups, run.batch / 12)
    seen = _begin(model, run)
    if not run.start:
        fit_denoiser(model, data)
    if _rank():  # different windows in each process
        data.generator.manual_seed(_rank())
    settings = replace(run.settings, weight_decay=DENOISER_DECAY)
    average, samples = train(model, denoiser_losses, iter(data), run.state, settings, seen)
    if _rank():
        return
    facts = {"samples": samples, "clips": len(data.rows), "frames": sum(map(len, data.motion))}
    checkpoint.save(run.weights, average, facts)


def _begin(model: nn.Module, run: Run) -> int:
    """Loads a stage's initial weights, if any; returns the number of samples they were trained on.

    Raises:
        InputError: the pack was encoded by another motion encoder.
    """
    start = run.start
    if not start:
        return 0
    encoder, own = load_file(run.pack / ENCODER), checkpoint.load_autoencoder(start).motion
    if any(not torch.equal(encoder[name], value) for name, value in own.state_dict().items()):
        raise InputError(
            "{pack} was packed with another motion encoder than that of {start}; "
            "make it with `train pack --start`.",
            pack=run.pack,
            start=start,
        )
    checkpoint.fill(model, start)
    return int(checkpoint.read_config(start)[checkpoint.name_of(model)]["trained"]["samples"])


def fit_denoiser(model: Denoiser, data: MotionWindows) -> None:
    """Fits the closed-form parts: normalisation of motion and speech, and the regression."""
    weight, bias, spread = data.fit_rest()
    model.rest_weight.copy_(weight)
    model.rest_bias.copy_(bias)
    model.spread.copy_(spread)
    mean, basis = data.speech_components(model.config.components)
    model.speech_mean.copy_(mean)
    model.speech_basis.copy_(basis)
    model.expectation.copy_(data.fit_expectation(spread, model.config.context))


def _rank() -> int:
    """Which of the processes that `accelerate launch` or `torchrun` started this one is."""
    return int(os.environ.get("RANK", "0"))
