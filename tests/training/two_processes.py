"""What `test_distributed.py` starts twice over: trains small models and writes what came of it."""

import json
import os
import sys
import types
from pathlib import Path

import torch
from tiny import MOTION, SPEECH, TINY
from torch import distributed, nn

from gaia_core.motion.denoiser import Denoiser
from gaia_core.training import loop
from gaia_core.training.loop import Settings, train

STEPS, BATCH = 6, 4


def steps(count: int, **changes) -> Settings:
    """Settings of a time box of so many steps; the clock moves on whenever it is looked at."""
    now = iter(range(10**9))
    loop.time = types.SimpleNamespace(monotonic=lambda: next(now))
    usual = {"save_every": 1e9, "log_every": 2, "rate": 0.01, "warm_up": 1}
    return Settings(minutes=(2 * count + 0.5) / 60, **(usual | changes))


def batches(rank: int, world: int):
    """Of each batch of the whole run, the samples of this process."""
    generator = torch.Generator().manual_seed(0)
    while True:
        motion = torch.randn(world * BATCH, 20, MOTION.width, generator=generator)
        speech = torch.randn(world * BATCH, 20, SPEECH, generator=generator)
        own = slice(rank * BATCH, (rank + 1) * BATCH)
        yield {"motion": motion[own], "speech": speech[own]}


def losses(model: Denoiser, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without noise, so that it does not matter which process a sample is in.

    And in full precision: bf16 rounds sums of a batch's parts in another order, and not the same
    way on every processor.
    """
    motion = batch["motion"]
    count = len(motion)
    has_speech = torch.ones(count, dtype=torch.bool)
    with torch.autocast("cpu", enabled=False):
        predicted = model(
            motion, torch.full((count,), 0.5), batch["speech"], motion[:, 0], 0 * motion, has_speech
        )
    return {"loss": nn.functional.mse_loss(predicted.float(), motion)}


def run(folder: Path, rank: int, world: int, settings: Settings) -> tuple[Denoiser, int]:
    torch.manual_seed(0)
    return train(Denoiser(TINY.denoiser, MOTION), losses, batches(rank, world), folder, settings)


def main(folder: Path) -> None:
    rank, world = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE"))
    facts = {}
    for name, changes in {
        "copies": {},
        "shards": {"shard": True},
        "again": {"shard": True, "checkpointing": True},
    }.items():
        average, samples = run(folder / name, rank, world, steps(STEPS, **changes))
        facts[name] = {"samples": samples}
        torch.save(average.state_dict(), folder / f"{name}{rank}.pt")
    average, samples = run(folder / "shards", rank, world, steps(2, shard=True))
    facts["resumed"] = {"samples": samples, "noise": float(torch.rand(()))}
    torch.save(average.state_dict(), folder / f"resumed{rank}.pt")
    (folder / f"{rank}.json").write_text(json.dumps(facts))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
