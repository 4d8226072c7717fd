"""The one training loop: time-boxed, resumable, bf16, with an average of the weights (EMA).

A run resumes from its saved state; at the end of its time the state is saved and the averaged
weights are ready to ship. Started by `accelerate launch`, several processes train one model: each
with all of it on batches of its own (DDP), or with a part of each parameter (FSDP).
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from gaia_core.errors import InputError
from gaia_core.layers import CheckpointedBlock
from gaia_core.training.state import RunState

log = logging.getLogger(__name__)

Losses = dict[str, Tensor]
Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Attributes:
        minutes: time budget; the learning rate decays along it.
        steps: if not 0, the total number of steps, including those of earlier calls.
        rate: peak learning rate.
        warm_up: steps of linear rise.
        floor: final learning rate, as a fraction of the peak.
        average: decay of the weights' moving average, per step.
        save_every: minutes between states on disk.
        device: "cpu" or "cuda".
        checkpointing: whether blocks are recomputed in the backward pass, to save memory.
        shard: whether parameters, averages and moments are sharded over processes.
    """

    minutes: float = 10.0
    steps: int = 0
    rate: float = 5e-4
    warm_up: int = 100
    floor: float = 0.05
    average: float = 0.999
    weight_decay: float = 0.01
    save_every: float = 5.0
    device: str = "cpu"
    log_every: int = 50
    checkpointing: bool = False
    shard: bool = False


class Objective(nn.Module):
    """The losses as a forward pass, which is what wrappers of a model look at."""

    def __init__(self, model: Model, losses: Callable[[Model, dict[str, Tensor]], Losses]) -> None:
        super().__init__()
        self.model = model
        # In a closure, since parameters of a submodule would be trained.
        self._losses = lambda batch: losses(model, batch)

    def forward(self, batch: dict[str, Tensor]) -> Losses:
        """A batch -> loss terms"""
        device = next(iter(batch.values())).device.type
        with torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or _computes_bf16()):
            return self._losses(batch)


def _computes_bf16() -> bool:
    """Whether the processor computes in bf16; others emulate it, up to twenty times as slowly."""
    return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())


def train(
    model: Model,
    losses: Callable[[Model, dict[str, Tensor]], Losses],
    batches: Iterator[dict[str, Tensor]],
    folder: Path,
    settings: Settings,
    seen: int = 0,
) -> tuple[Model, int]:
    """Trains within the time box; returns the averaged model and the samples seen in all runs.

    Args:
        model: its parameters that require gradients are trained.
        losses: model and batch -> named terms; "loss" is minimised.
        batches: endless; other ones in each process.
        folder: holds the state to resume from (see `RunState`) and `curve.jsonl`, the losses.
        settings: see `Settings`.
        seen: samples that the model has seen before its first run.

    Raises:
        InputError: no GPU for "cuda"; sharding with one process; see `RunState.load`.
    """
    accelerator = _connect(settings)
    device = accelerator.device
    folder.mkdir(parents=True, exist_ok=True)
    # Noise and dropout must differ between processes; the model was the same in all until here.
    torch.manual_seed(torch.initial_seed() + accelerator.process_index)
    finished = copy.deepcopy(model).eval().requires_grad_(False)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    objective = _spread(Objective(model.train(), losses), accelerator, settings)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        trained, lr=settings.rate, betas=(0.9, 0.99), weight_decay=settings.weight_decay
    )
    average = [p.detach().clone() for p in trained]
    state = RunState(
        model, objective, optimiser, dict(zip(names, average, strict=True)), samples=seen
    )
    if state.load(folder):
        log.info("resumed at step %d, %d samples", state.step, state.samples)

    def agreed(seconds: float) -> float:
        """The first process's clock."""
        return float(broadcast(torch.tensor(seconds, dtype=torch.float64, device=device)))

    curve = _Curve(folder / "curve.jsonl", accelerator)
    began = saved = time.monotonic()
    first = state.step
    while (elapsed := agreed(time.monotonic() - began) / 60) < settings.minutes:
        progress = elapsed / settings.minutes
        if settings.steps:
            progress = max(progress, state.step / settings.steps)
        if progress >= 1:
            break
        rate = _rate(settings, progress, state.step - first)
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = {name: value.to(device, non_blocking=True) for name, value in next(batches).items()}
        terms = objective(batch)
        optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        norm = _whole(nn.utils.clip_grad_norm_(trained, 1.0))
        optimiser.step()
        state.step += 1
        state.samples += curve.add({**terms, "gradient": norm}, len(next(iter(batch.values()))))
        decay = min(settings.average, (state.step + 1) / (state.step + 10))
        with torch.no_grad():
            for kept, new in zip(average, trained, strict=True):
                kept.lerp_(new, 1 - decay)
        if state.step % settings.log_every == 0:
            counts = {"step": state.step, "samples": state.samples}
            curve.write({**counts, "minutes": round(elapsed, 2), "rate": rate})
        if agreed(time.monotonic() - saved) > 60 * settings.save_every:
            state.save(folder)
            saved = time.monotonic()
    state.save(folder)
    finished.load_state_dict({name: _whole(value) for name, value in state.averaged().items()})
    return finished, state.samples


class _Curve:
    """Means of the loss terms over steps and processes, a line of JSON each time."""

    def __init__(self, path: Path, accelerator: Accelerator) -> None:
        self.path, self.accelerator = path, accelerator
        self.sums: dict[str, float] = {}
        self.steps = 0

    def add(self, terms: Losses, count: int) -> int:
        """One step's terms and samples -> the samples of all processes."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.item()
        self.steps += 1
        return round(self._reduce([float(count)], "sum")[0])

    def write(self, facts: dict[str, float]) -> None:
        """Adds a line with the means since the last one, and `facts`."""
        means = self._reduce([value / self.steps for value in self.sums.values()], "mean")
        row = {name: round(mean, 5) for name, mean in zip(self.sums, means, strict=True)} | facts
        if self.accelerator.is_main_process:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            log.info("%s", row)
        self.sums.clear()
        self.steps = 0

    def _reduce(self, values: list[float], how: str) -> list[float]:
        if self.accelerator.num_processes == 1:
            return values
        tensor = torch.tensor(values, device=self.accelerator.device)
        return self.accelerator.reduce(tensor, how).tolist()


def _rate(settings: Settings, progress: float, steps: int) -> float:
    """The learning rate at a progress in [0, 1] and a number of steps of this call."""
    fall = settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * progress))
    return settings.rate * fall * min(1.0, (steps + 1) / settings.warm_up)


def _connect(settings: Settings) -> Accelerator:
    """The accelerator of this process."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no GPU that torch can use; train with --device cpu.")
    accelerator = Accelerator(cpu=settings.device == "cpu", mixed_precision="no")
    if settings.shard and accelerator.num_processes == 1:
        raise InputError("One process has nobody to share with; use `accelerate launch` to shard.")
    return accelerator


def _spread(objective: Objective, accelerator: Accelerator, settings: Settings) -> nn.Module:
    """Distributes the model: one process, replicas (DDP), or shards (FSDP)."""
    if settings.checkpointing:
        apply_activation_checkpointing(
            objective, check_fn=lambda part: isinstance(part, CheckpointedBlock)
        )
    if not settings.shard:
        return accelerator.prepare_model(objective)
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    # Shards do not support channels last.
    objective.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    objective.to(accelerator.device)
    for part in [part for part in objective.modules() if isinstance(part, CheckpointedBlock)]:
        fully_shard(part, mesh=mesh)
    fully_shard(objective, mesh=mesh)
    return objective


def _whole(value: Tensor) -> Tensor:
    """Gathers a tensor that may be sharded; called by all processes."""
    return value.full_tensor() if isinstance(value, DTensor) else value
