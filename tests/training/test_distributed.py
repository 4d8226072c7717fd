"""Distributed training equals that of one process, as replicas or in shards, and resumes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes
from tiny import MOTION, TINY
from two_processes import BATCH, STEPS, run, steps

from gaia_core.errors import InputError
from gaia_core.motion.denoiser import Denoiser
from gaia_core.training.state import SHARDED, WHOLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATHS = str(ROOT), str(ROOT / "tests")
CLOSE = {"atol": 3e-4, "rtol": 0}  # sums of a batch's parts come in another order


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The files of two processes joined by gloo, as by `accelerate launch` or `torchrun`."""
    path = tmp_path_factory.mktemp("runs")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, two_processes.__file__, str(path)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return path


def weights(folder: Path, name: str, rank: int = 0) -> dict[str, torch.Tensor]:
    return torch.load(folder / f"{name}{rank}.pt", weights_only=True)


@pytest.fixture(scope="module")
def alone(folder, tmp_path_factory) -> dict[str, torch.Tensor]:
    """The model trained by one process on both processes' samples."""
    own = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_processes, "BATCH", 2 * BATCH)
        patch.setattr(two_processes.loop, "time", None)  # `steps` sets it; this undoes it
        average, _ = run(own, 0, 1, steps(STEPS))
    return average.state_dict()


@pytest.mark.parametrize("name", ["copies", "shards", "again"])
def test_two_processes_train_as_one(folder, alone, name):
    torch.manual_seed(0)
    start = Denoiser(TINY.denoiser, MOTION).state_dict()
    for rank in (0, 1):
        made = weights(folder, name, rank)
        assert made.keys() == alone.keys()
        for key, value in alone.items():
            torch.testing.assert_close(made[key], value, **CLOSE)
    moved = max((alone[key] - start[key]).abs().max() for key in alone)
    assert moved > 5 * CLOSE["atol"]  # or else the test would prove nothing


def test_samples_of_all_processes_count(folder):
    for rank in (0, 1):
        facts = json.loads((folder / f"{rank}.json").read_text())
        assert facts["copies"]["samples"] == facts["shards"]["samples"] == 2 * STEPS * BATCH
        assert facts["resumed"]["samples"] == 2 * (STEPS + 2) * BATCH


def test_one_curve_is_written(folder):
    rows = [json.loads(line) for line in (folder / "shards" / "curve.jsonl").open()]
    assert [row["step"] for row in rows] == [2, 4, 6, 8]
    # Steps 7 and 8 see what steps 1 and 2 saw: a run that went on knows it.
    assert rows[3]["loss"] < rows[0]["loss"] and rows[3]["samples"] == 2 * 8 * BATCH


def test_states_are_whole_or_sharded(folder):
    assert (folder / "copies" / WHOLE).is_file() and not (folder / "copies" / SHARDED).exists()
    shards = list((folder / "shards" / SHARDED).glob("*.distcp"))
    assert len(shards) == 2 and not (folder / "shards" / WHOLE).exists()


def test_processes_draw_their_own_noise(folder):
    first, second = (json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["resumed"]["noise"] != second["resumed"]["noise"]


def test_sharding_needs_two_processes(folder, monkeypatch):
    monkeypatch.setattr(two_processes.loop, "time", None)  # as in `alone`
    with pytest.raises(InputError, match="with --shard"):
        run(folder / "shards", 0, 1, steps(1))
    with pytest.raises(InputError, match="accelerate launch"):
        run(folder / "shards", 0, 1, steps(1, shard=True))
