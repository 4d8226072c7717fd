"""The one training loop: time-boxed, resumable, bf16, with an average of the weights (EMA).

A run goes on where the state file stands; when its time is up, the state is whole and the
averaged weights are ready to ship.
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
from torch import Tensor, nn

log = logging.getLogger(__name__)

Losses = dict[str, Tensor]
Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Attributes:
        minutes: the time box; the learning rate falls along it.
        rate: peak learning rate.
        warm_up: steps of linear rise.
        floor: the learning rate's end, as a part of the peak.
        average: decay of the weights' average, per step.
        save_every: minutes between states on disk.
    """

    minutes: float = 10.0
    rate: float = 5e-4
    warm_up: int = 100
    floor: float = 0.05
    average: float = 0.999
    weight_decay: float = 0.01
    save_every: float = 5.0
    device: str = "cpu"
    log_every: int = 50


def train(
    model: Model,
    losses: Callable[[Model, dict[str, Tensor]], Losses],
    batches: Iterator[dict[str, Tensor]],
    folder: Path,
    settings: Settings,
) -> tuple[Model, int]:
    """Trains within the time box; returns the averaged model and the samples seen in all runs.

    Args:
        model: its parameters that require gradients are trained.
        losses: model and batch -> named terms; "loss" is the one descended.
        batches: endless; each has the same batch size.
        folder: holds `state.pt` to resume from and `curve.jsonl`, the run's losses.
        settings: see `Settings`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device(settings.device)
    model.to(device).train()
    average = copy.deepcopy(model).eval().requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        trained, lr=settings.rate, betas=(0.9, 0.99), weight_decay=settings.weight_decay
    )
    step, samples = 0, 0
    state_file = folder / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, samples = state["step"], state["samples"]
        log.info("resumed at step %d, %d samples", step, samples)

    def save() -> None:
        part = state_file.with_suffix(".part")
        torch.save(
            {
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "samples": samples,
            },
            part,
        )
        part.rename(state_file)

    began = saved = time.monotonic()
    first, sums = step, dict[str, float]()
    while (elapsed := (time.monotonic() - began) / 60) < settings.minutes:
        progress = elapsed / settings.minutes
        rate = settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * progress))
        rate *= settings.rate * min(1.0, (step - first + 1) / settings.warm_up)
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = {name: value.to(device, non_blocking=True) for name, value in next(batches).items()}
        with torch.autocast(device.type, torch.bfloat16):
            terms = losses(model, batch)
        optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        norm = nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        step += 1
        samples += len(next(iter(batch.values())))
        decay = min(settings.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for kept, new in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
        for name, value in {**terms, "gradient": norm}.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        if step % settings.log_every == 0:
            row = {name: round(value / settings.log_every, 5) for name, value in sums.items()}
            row |= {"step": step, "samples": samples, "minutes": round(elapsed, 2), "rate": rate}
            with open(folder / "curve.jsonl", "a", encoding="utf-8") as curve:
                curve.write(json.dumps(row) + "\n")
            log.info("%s", row)
            sums.clear()
        if time.monotonic() - saved > 60 * settings.save_every:
            save()
            saved = time.monotonic()
    save()
    return average, samples
