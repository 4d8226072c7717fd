"""Weights on disk: a folder with config.json and one safetensors file per stage, loaded strictly.

Weights are stored as fp16 and used as fp32 or bf16. The fitted geometry of the motion encoder
stays fp32, since its rounding errors would be visible as jitter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gaia_core import assets
from gaia_core.config import (
    CORRECTIONS,
    AutoencoderConfig,
    DenoiserConfig,
    DetailConfig,
    InpainterConfig,
    MotionConfig,
    MotionCorrections,
    RendererCorrections,
)
from gaia_core.controls import EXPRESSION
from gaia_core.errors import InputError
from gaia_core.motion.denoiser import Denoiser
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.renderer.detail import Detail
from gaia_core.renderer.inpainting import REGIONS, Inpainter

CONTROLS = "controls.safetensors"
Stage = TypeVar("Stage", bound=nn.Module)

FULL_PRECISION = ("motion.", "spread", "rest_", "speech_mean", "speech_basis")


def name_of(stage: nn.Module) -> str:
    """The name of a stage's weights file and of its entry in config.json."""
    return stage.name if isinstance(stage, Inpainter) else type(stage).__name__.lower()


def save(
    folder: Path, stage: Autoencoder | Inpainter | Detail | Denoiser, trained: dict[str, Any]
) -> None:
    """Writes one stage's weights, and its entry of config.json.

    Args:
        folder: created if missing; the other stage's files are kept.
        stage: with the averaged weights.
        trained: facts of the training run (samples seen, data), stored beside the sizes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = name_of(stage)
    weights = folder / f"{name}.safetensors"
    save_file({key: _stored(key, value) for key, value in stage.state_dict().items()}, weights)
    assets.seal(weights)
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8")) if path.exists() else {}
    config[name] = {"sizes": asdict(stage.config), "trained": trained}
    if isinstance(stage, Autoencoder):
        own = stage.corrections
        fitted = {name: getattr(own, name) for name in own.OF_WEIGHTS}
        config.setdefault("corrections", {})["renderer"] = fitted
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def load_autoencoder(folder: Path, without: Collection[str] = ()) -> Autoencoder:
    """Stage 1 with its weights, and with the inpainters and the detail that the folder has.

    without: names of corrections to switch off.

    Raises:
        InputError: weights are missing or do not fit their configuration, or there is no such
            correction.
    """
    _, corrections = load_corrections(folder, without)

    def build(sizes: dict[str, Any]) -> Autoencoder:
        motion = MotionConfig(**sizes["motion"])
        lists = {name: tuple(x) for name, x in sizes.items() if isinstance(x, list | tuple)}
        config = AutoencoderConfig(**{**sizes, **lists, "motion": motion})
        return Autoencoder(config, corrections)

    autoencoder = _filled(_built(folder, "autoencoder", build), folder)
    for name in REGIONS:
        if name in read_config(folder):
            autoencoder.inpainters[name] = _load_inpainter(folder, name)
    if "detail" in read_config(folder):
        autoencoder.detail = _load_detail(folder)
    return autoencoder


def _load_inpainter(folder: Path, name: str) -> Inpainter:
    def build(sizes: dict[str, Any]) -> Inpainter:
        return Inpainter(name, InpainterConfig(tuple(sizes["widths"])))

    return _filled(_built(folder, name, build), folder)


def _load_detail(folder: Path) -> Detail:
    def build(sizes: dict[str, Any]) -> Detail:
        return Detail(DetailConfig(tuple(sizes["widths"]), sizes["depth"]))

    return _filled(_built(folder, "detail", build), folder)


def load_denoiser(folder: Path, motion: MotionConfig) -> Denoiser:
    """Stage 2 with its weights, for the motion latent of the given groups.

    Raises:
        InputError: weights are missing or do not fit their configuration.
    """

    def build(sizes: dict[str, Any]) -> Denoiser:
        return Denoiser(DenoiserConfig(**sizes), motion)

    return _filled(_built(folder, "denoiser", build), folder)


def load_corrections(
    folder: Path, without: Collection[str] = ()
) -> tuple[MotionCorrections, RendererCorrections]:
    """Both stages' corrections: the defaults, overridden by the weights' config.json.

    without: names of corrections to switch off.

    Raises:
        InputError: there is no such correction, or the configuration is damaged.
    """
    if unknown := sorted(set(without) - set(CORRECTIONS)):
        raise InputError(
            "There is no correction {names}; choose of {choices}.",
            names=tuple(unknown),
            choices=tuple(CORRECTIONS),
        )
    own = read_config(folder).get("corrections", {})
    try:
        motion = MotionCorrections(**own.get("motion", {}))
        renderer = RendererCorrections(**own.get("renderer", {}))
    except (TypeError, AttributeError) as error:
        raise _damaged(folder) from error
    off = set(without)
    return motion.without(off & motion.OFF.keys()), renderer.without(off & renderer.OFF.keys())


def load_directions(folder: Path, motion: MotionConfig) -> Tensor:
    """Latent changes of the expression channels, `controls.EXPRESSION`: (C, D).

    Raises:
        InputError: the file is missing or of another size.
    """
    path = folder / CONTROLS
    assets.check(path)
    try:
        directions = load_file(path)["directions"].float()
    except Exception as error:
        raise InputError(
            "{path} is missing or damaged; restore it from the project.", path=path
        ) from error
    if directions.shape != (len(EXPRESSION), motion.width):
        raise InputError("{path} is of another version; restore it from the project.", path=path)
    return directions


def save_directions(folder: Path, directions: Tensor) -> None:
    """The inverse of `load_directions`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"directions": directions.float().contiguous()}, folder / CONTROLS)
    assets.seal(folder / CONTROLS)


def read_config(folder: Path) -> dict[str, Any]:
    """The content of config.json.

    Raises:
        InputError: it is missing or damaged.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            "There are no trained weights in {folder}; check out the `weights` "
            "folder of the project or train them as docs/training.md tells.",
            folder=folder,
        )
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (TypeError, ValueError) as error:
        raise InputError("{path} is damaged; restore it from the project.", path=path) from error


def _built(folder: Path, name: str, build: Callable[[dict[str, Any]], Stage]) -> Stage:
    """A stage of the sizes in config.json, without its weights."""
    config = read_config(folder)
    if name not in config:
        raise InputError(
            "The weights in {folder} have no {name}; train it as docs/training.md tells.",
            folder=folder,
            name=name,
        )
    try:
        return build(config[name]["sizes"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder) from error


def _damaged(folder: Path) -> InputError:
    return InputError(
        "{path} is damaged or of another version; restore it from the project.",
        path=folder / "config.json",
    )


def fill(stage: nn.Module, folder: Path) -> None:
    """Loads the weights of a folder into a stage.

    Raises:
        InputError: they are missing or of other sizes.
    """
    path = folder / f"{name_of(stage)}.safetensors"
    if not path.is_file():
        raise InputError(
            "The weights file {path} is missing; restore it from the project.", path=path
        )
    assets.check(path)
    try:
        weights = load_file(path)
        stage.load_state_dict({k: _used(v) for k, v in weights.items()}, strict=True)
    except Exception as error:
        raise InputError(
            "The weights file {path} is damaged or of another size than config.json "
            "tells; restore both from the project.",
            path=path,
        ) from error


def _filled(stage: Stage, folder: Path) -> Stage:
    fill(stage, folder)
    return stage.eval().requires_grad_(False)


def _stored(key: str, value: Tensor) -> Tensor:
    keep = not value.is_floating_point() or key.startswith(FULL_PRECISION)
    return (value if keep else value.half()).contiguous().cpu()


def _used(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
