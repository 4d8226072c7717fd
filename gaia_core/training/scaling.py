"""Scaling study of stage 2: held-out loss over parameters and data.

Every run has the same number of windows from its share of the clips, and is evaluated on the same
windows of held-out people. An interrupted study resumes.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gaia_core import FPS
from gaia_core.config import DenoiserConfig, MotionConfig
from gaia_core.motion.denoiser import Denoiser
from gaia_core.training.denoiser import MotionWindows, denoiser_losses
from gaia_core.training.loop import Settings, train
from gaia_core.training.stages import DENOISER_DECAY, fit_denoiser

log = logging.getLogger(__name__)

SIZES = (
    DenoiserConfig(width=40, layers=3, heads=2),
    DenoiserConfig(width=96, layers=4),
    DenoiserConfig(),
)
FRACTIONS = (0.25, 1.0)  # of each person's clips
HELD_OUT = 0.15  # share of people
BATCHES = 40  # of the evaluation
RESULTS, PLOT = "scaling.json", "scaling.png"


@dataclass(frozen=True)
class Point:
    """A finished run: parameters, data and losses."""

    parameters: int
    hours: float
    fraction: float
    steps: int
    loss: float  # on held-out people
    trained: float  # on training clips


def study(
    pack: Path,
    folder: Path,
    settings: Settings,
    sizes: Sequence[DenoiserConfig] = SIZES,
    fractions: Sequence[float] = FRACTIONS,
    motion: MotionConfig = MotionConfig(),  # noqa: B008 (frozen)
) -> list[Point]:
    """Trains every size on every share; writes results and a plot into `folder`.

    Args:
        pack: the motion pack of `train pack`.
        settings: with `steps`, since a time budget would favour small models.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RESULTS
    points = [Point(**row) for row in json.loads(path.read_text("utf-8"))] if path.exists() else []
    held_out = part(pack, folder / "held_out.safetensors", is_held_out)
    everything = part(pack, folder / "all.safetensors", lambda row, _: not is_held_out(row, 0))
    settings = replace(settings, weight_decay=DENOISER_DECAY)
    # All models share the normalisation of motion and speech, fitted to all clips.
    units = Denoiser(sizes[0], motion)
    fit_denoiser(units, MotionWindows(everything, units.groups))
    for fraction in fractions:
        step = round(1 / fraction)
        share = part(everything, folder / f"every_{step}.safetensors", partial(_is_nth, step))
        for size in sizes:
            torch.manual_seed(0)
            model = Denoiser(size, motion)
            for name, value in units.named_buffers():
                model.get_buffer(name).copy_(value)
            count = sum(p.numel() for p in model.parameters())
            if any((count, fraction) == (p.parameters, p.fraction) for p in points):
                continue
            data = MotionWindows(share, model.groups, fill=0.5)
            run = folder / f"{count}_{step}"
            average, _ = train(model, denoiser_losses, iter(data), run, settings)
            average.to(settings.device)
            losses = (_measure(average, part, settings) for part in (held_out, share))
            hours = sum(map(len, data.motion)) / FPS / 3600
            points.append(Point(count, hours, fraction, settings.steps, *losses))
            log.info("%s", points[-1])
            path.write_text(json.dumps([asdict(point) for point in points], indent=1), "utf-8")
    plot(points, folder / PLOT)
    return points


@torch.no_grad()
def _measure(model: Denoiser, pack: Path, settings: Settings) -> float:
    """Mean loss over windows, masks and noise fixed for all models."""
    data = MotionWindows(pack, model.groups, fill=0.5)
    torch.manual_seed(0)
    losses = []
    for batch in islice(data, BATCHES):
        there = {name: value.to(settings.device) for name, value in batch.items()}
        losses.append(denoiser_losses(model, there)["loss"].item())
    return sum(losses) / len(losses)


def is_held_out(row: dict[str, Any], _: int) -> bool:
    drawn = int(hashlib.sha256(row["identity"].encode()).hexdigest()[:8], 16)
    return drawn < HELD_OUT * 2**32


def _is_nth(step: int, _: dict[str, Any], index: int) -> bool:
    return index % step == 0


def part(pack: Path, out: Path, keep: Callable[[dict[str, Any], int], bool]) -> Path:
    """A pack of the clips for which `keep`(row, index among the person's clips) is true."""
    if out.exists():
        return out
    seen: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    tensors: dict[str, list[torch.Tensor]] = {"motion": [], "speech": []}
    starts = {"motion": 0, "speech": 0}
    with safe_open(pack, "pt") as file:
        parts = {name: file.get_slice(name) for name in tensors}
        for row in json.loads(file.metadata()["clips"]):
            index = seen[row["identity"]] = seen.get(row["identity"], -1) + 1
            for name, length in (("motion", row["frames"]), ("speech", row["speech"])):
                end = starts[name] + length
                if keep(row, index):
                    tensors[name].append(parts[name][starts[name] : end])
                starts[name] = end
            if keep(row, index):
                rows.append(row)
    whole = {name: torch.cat(clips).contiguous() for name, clips in tensors.items()}
    save_file(whole, out, metadata={"clips": json.dumps(rows)})
    return out


def plot(points: Sequence[Point], out: Path) -> None:
    """Held-out loss over parameters, a line for each amount of data."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for hours in sorted({point.hours for point in points}):
        run = sorted((p for p in points if p.hours == hours), key=lambda p: p.parameters)
        sizes = [point.parameters / 1e6 for point in run]
        (line,) = axes.plot(
            sizes, [point.loss for point in run], "o-", label=f"{hours:.2f} h, people never seen"
        )
        axes.plot(
            sizes,
            [point.trained for point in run],
            "o:",
            color=line.get_color(),
            alpha=0.6,
            label=f"{hours:.2f} h, clips it was trained on",
        )
    axes.set(xscale="log", xlabel="parameters, millions", ylabel="loss")
    sizes = sorted({point.parameters / 1e6 for point in points})
    axes.set_xticks(sizes, [f"{size:.1f}" for size in sizes])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, dpi=150)
