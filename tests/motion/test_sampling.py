"""The sampler follows the exact flow; windows cover a clip."""

import math
from itertools import pairwise

import pytest
import torch

from gaia_core.motion.diffusion import add_noise, level
from gaia_core.motion.sampling import sample_dpm, times, windows

SHAPE = (2, 6, 5)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 25])
def test_times_fall_from_one_to_zero(steps):
    schedule = times(steps)
    assert len(schedule) == steps + 1
    assert schedule[0] == 1 and schedule[-1] == 0 and (schedule.diff() < 0).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 25])
def test_with_an_oracle_every_step_lies_on_the_path(pair, steps):
    x_0, eps = pair
    start = add_noise(x_0, eps, torch.ones(len(x_0)))
    states = list(sample_dpm(lambda x_t, t: x_0, start, steps))
    assert len(states) == steps
    # The last state proves nothing alone: it is the prediction, whatever the steps before.
    for t, x_t in zip(times(steps)[1:], states, strict=True):
        torch.testing.assert_close(x_t, add_noise(x_0, eps, t.expand(len(x_0))))


def test_the_model_is_evaluated_once_a_step(pair):
    x_0, eps = pair
    at_times, seen = [], []

    def predict(x_t, t):
        assert t.shape == (len(x_t),)
        at_times.append(t[0])
        seen.append(x_t)
        return x_0

    states = list(sample_dpm(predict, eps, 5))
    assert torch.equal(torch.stack(at_times), times(5)[:-1])
    for before, now in zip([eps, *states[:-1]], seen, strict=True):
        assert torch.equal(before, now)


def error_on_normal_data(steps: int, spread: float = 0.3) -> float:
    """How far the sampler is at t = 1/2 from the exact flow, for x_0 ~ N(0, spread^2).

    There the best prediction is linear, and the flow scales noise to the marginal's deviation.
    """

    def deviation(t: torch.Tensor) -> torch.Tensor:
        alpha, sigma = level(t)
        return (alpha**2 * spread**2 + sigma**2).sqrt()

    def predict(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        alpha, _ = level(t[:, None, None])
        return alpha * spread**2 / deviation(t[:, None, None]) ** 2 * x_t

    noise = torch.ones(1, 1, 1, dtype=torch.float64)
    half = list(sample_dpm(predict, noise, steps))[steps // 2 - 1]
    exact = deviation(torch.tensor(0.5)) / deviation(torch.tensor(1.0))
    return abs(float(half) - float(exact))


def test_the_sampler_is_of_second_order():
    coarse, fine = error_on_normal_data(40), error_on_normal_data(80)
    # A first-order sampler halves its error when the steps double; this one quarters it.
    assert math.log2(coarse / fine) > 1.6


@pytest.mark.parametrize(
    ("longest", "overlap", "ahead"), [(2, 0, 0), (2, 1, 0), (7, 1, 5), (30, 5, 9)]
)
def test_windows_cover_every_frame(longest, overlap, ahead):
    for frames in range(1, 4 * longest + 2):
        cuts = list(windows(frames, longest, overlap, ahead))
        assert all(0 <= start <= known < end <= start + longest for start, end, known in cuts)
        assert cuts[0][2] == 0 and cuts[-1][1] == frames
        assert all(after[2] == end - ahead for (_, end, _), after in pairwise(cuts))


def test_windows_begin_with_final_frames_of_the_one_before():
    first, *rest = windows(1000, 120, 24, 16)
    assert first == (0, 120, 0)
    assert rest and all(known - start == 24 for start, _, known in rest)


def test_a_short_clip_is_one_window():
    assert list(windows(120, 120, 24, 16)) == [(0, 120, 0)]
    assert list(windows(1, 120, 24, 16)) == [(0, 1, 0)]
