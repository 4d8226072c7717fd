"""The training loop: time budget, resuming, averaging and learning rate."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from gaia_core.training.loop import train


class Line(nn.Module):
    """y = weight x + bias, with a frozen scale."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(4, 1)
        self.scale = nn.Parameter(torch.ones(1), requires_grad=False)

    def losses(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        error = (self.scale * self.line(batch["x"]) - batch["y"]).float().square().mean()
        return {"loss": error, "twice": 2 * error.detach()}


def points():
    generator = torch.Generator().manual_seed(0)
    while True:
        x = torch.randn(16, 4, generator=generator)
        yield {"x": x, "y": x.sum(1, keepdim=True)}


def fit(folder, settings, seen=None):
    """Trains a `Line` of fixed first weights."""
    torch.manual_seed(0)

    def losses(model, batch):
        if seen is not None:
            seen.append(model.line.weight.detach().clone())
        return model.losses(batch)

    return train(Line(), losses, points(), folder, settings)


def test_the_time_budget_is_kept(tmp_path, steps):
    seen = []
    _, samples = fit(tmp_path, steps(7), seen)
    assert len(seen) == 7 and samples == 7 * 16


def test_a_run_resumes_where_it_stopped(tmp_path, steps):
    first, second = [], []
    fit(tmp_path, steps(12), first)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    _, samples = fit(tmp_path, steps(5), second)
    assert samples == 17 * 16
    assert torch.equal(second[0], state["model"]["line.weight"])
    assert not torch.equal(second[0], first[0])
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (state["step"], after["step"]) == (12, 17)
    moments = after["optimiser"]["state"]
    assert all(int(moment["step"]) == 17 for moment in moments.values())


def test_an_interrupted_run_keeps_its_last_state(tmp_path, steps):
    def losses(model, batch):
        losses.calls += 1
        if losses.calls == 8:
            raise KeyboardInterrupt
        return model.losses(batch)

    losses.calls = 0
    with pytest.raises(KeyboardInterrupt):
        train(Line(), losses, points(), tmp_path, steps(20, save_every=5 / 60))
    saved = torch.load(tmp_path / "state.pt", weights_only=True)["step"]
    assert 0 < saved < 8
    _, samples = fit(tmp_path, steps(2))
    assert samples == (saved + 2) * 16


def test_the_returned_weights_are_the_average(tmp_path, steps):
    seen = []
    average, _ = fit(tmp_path, steps(40, average=0.5, rate=0.05, warm_up=1), seen)
    last = torch.load(tmp_path / "state.pt", weights_only=True)["model"]["line.weight"]
    kept = average.line.weight
    assert not torch.equal(kept, last)
    assert (kept - last).norm() < (seen[0] - last).norm()
    assert not average.training and not kept.requires_grad


def test_training_lowers_the_loss_and_keeps_frozen_weights(tmp_path, steps):
    average, _ = fit(tmp_path, steps(200, rate=0.05, warm_up=1, average=0.9))
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.05 * rows[0]["loss"]
    assert average.scale == 1
    torch.testing.assert_close(average.line.weight, torch.ones(1, 4), atol=0.1, rtol=0)


def test_the_curve_has_every_term(tmp_path, steps):
    fit(tmp_path, steps(10))
    fit(tmp_path, steps(10))
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert [row["samples"] for row in rows] == [80, 160, 240, 320]
    for row in rows:
        assert row["twice"] == pytest.approx(2 * row["loss"], abs=1e-4)
        assert row["gradient"] > 0 and row["rate"] > 0


def test_the_rate_rises_and_falls(tmp_path, steps):
    fit(tmp_path, steps(60, warm_up=20, log_every=1, rate=0.01))
    rates = [json.loads(line)["rate"] for line in (tmp_path / "curve.jsonl").open()]
    peak = int(np.argmax(rates))
    assert 15 <= peak <= 25 and rates[0] < 0.1 * rates[peak] and rates[-1] < 0.1 * rates[peak]
    assert max(rates) <= 0.01


def test_a_budget_of_steps_is_kept(tmp_path, steps):
    _, samples = fit(tmp_path, steps(1000, steps=20, log_every=1, warm_up=1, rate=0.01))
    rates = [json.loads(line)["rate"] for line in (tmp_path / "curve.jsonl").open()]
    assert samples == 20 * 16 and len(rates) == 20
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.1 * rates[0]
    _, samples = fit(tmp_path, steps(1000, steps=23))
    assert samples == 23 * 16  # a run that broke off only does the rest
