"""Training state: one file, or a folder of shards if the model is sharded.

Files are replaced atomically.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as shards
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.tensor import DTensor

from gaia_core.errors import InputError

WHOLE, SHARDED = "state.pt", "state"


@dataclass
class RunState:
    """The state of a training run.

    Attributes:
        model: with trained and frozen parameters.
        root: the module that was sharded, or the model itself.
        optimiser: of the model's trained parameters.
        average: the average of each of those by its name, sharded as they are.
        step: steps taken in all runs.
        samples: samples seen in all runs, by all processes.
    """

    model: nn.Module
    root: nn.Module
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor]
    step: int = 0
    samples: int = 0

    @property
    def sharded(self) -> bool:
        """Whether each process holds a part of every parameter."""
        return any(isinstance(value, DTensor) for value in self.average.values())

    def averaged(self) -> dict[str, Tensor]:
        """The model's state dict with the averages in place of the trained parameters."""
        return {**self.model.state_dict(), **self.average}

    def save(self, folder: Path) -> None:
        """Writes the state; called by every process."""
        first = not distributed.is_initialized() or distributed.get_rank() == 0
        if self.sharded:
            part, path = folder / f"{SHARDED}.part", folder / SHARDED
            shards.save(self._values(), checkpoint_id=part)
        else:
            part, path = folder / f"{WHOLE}.part", folder / WHOLE
            if first:
                torch.save(self._values(), part)
        if first:
            _replace(path, part)
        if distributed.is_initialized():
            distributed.barrier()

    def load(self, folder: Path) -> bool:
        """Restores the saved state, if there is one; any number of processes can load shards.

        Raises:
            InputError: the run was sharded and this one is not, or the other way round.
        """
        whole, sharded = folder / WHOLE, _existing(folder / SHARDED)
        if (whole if self.sharded else sharded).exists():
            raise InputError(
                "The run in {folder} was {state}; go on {how} --shard, or choose another folder.",
                folder=folder,
                state="not sharded" if self.sharded else "sharded",
                how="without" if self.sharded else "with",
            )
        if not (sharded if self.sharded else whole).exists():
            return False
        if self.sharded:
            state = self._values()
            shards.load(state, checkpoint_id=sharded)
            set_optimizer_state_dict(self.root, self.optimiser, optim_state_dict=state["optimiser"])
        else:
            state = torch.load(whole, map_location="cpu", weights_only=True)
            self.optimiser.load_state_dict(state["optimiser"])
        self.model.load_state_dict(state["model"])
        for name, kept in self.average.items():
            kept.copy_(state["average"][name])
        self.step, self.samples = state["step"], state["samples"]
        return True

    def _values(self) -> dict[str, Any]:
        optimiser = (
            get_optimizer_state_dict(self.root, self.optimiser)
            if self.sharded
            else self.optimiser.state_dict()
        )
        return {
            "model": self.model.state_dict(),
            "average": self.averaged(),
            "optimiser": optimiser,
            "step": self.step,
            "samples": self.samples,
        }


def _existing(path: Path) -> Path:
    """A folder, or its backup if `_replace` was interrupted."""
    old = path.with_name(f"{path.name}.old")
    return old if old.exists() and not path.exists() else path


def _replace(path: Path, part: Path) -> None:
    """Replaces a file or folder; folders cannot be replaced atomically."""
    if part.is_dir() and path.exists():
        old = path.with_name(f"{path.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        part.rename(path)
        shutil.rmtree(old)
    else:
        part.rename(path)
