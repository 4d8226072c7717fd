"""The forward process keeps variance, loses signal steadily, and can be undone."""

import pytest
import torch

from gaia_core.motion.diffusion import add_noise, level, log_snr

T = torch.linspace(0, 1, 101)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 64, 7, 5, generator=generator, dtype=torch.float64)
    return x_0, eps


def test_variance_is_preserved():
    alpha, sigma = level(T)
    torch.testing.assert_close(alpha.square() + sigma.square(), torch.ones_like(T))


def test_signal_falls_and_noise_rises():
    alpha, sigma = level(T)
    assert (alpha.diff() < 0).all() and (sigma.diff() > 0).all()


def test_log_snr_falls_and_is_that_of_the_level():
    t = T[1:]
    assert (log_snr(t).diff() < 0).all()
    alpha, sigma = level(t)
    torch.testing.assert_close(log_snr(t).exp(), alpha / sigma)


def test_ends(pair):
    x_0, eps = pair
    zero, one = torch.zeros(len(x_0)), torch.ones(len(x_0))
    assert torch.equal(add_noise(x_0, eps, zero), x_0)
    torch.testing.assert_close(add_noise(x_0, eps, one), eps, atol=0.02, rtol=0)
    # Conversions divide by alpha and by log-ratios: neither may vanish at t = 1.
    assert log_snr(torch.ones(())).isfinite() and level(torch.ones(())).alpha > 0


def test_each_item_has_its_own_time(pair):
    x_0, eps = pair
    t = torch.rand(len(x_0), dtype=torch.float64)
    together = add_noise(x_0, eps, t)
    for index in (0, 17, 63):
        one = slice(index, index + 1)
        torch.testing.assert_close(together[one], add_noise(x_0[one], eps[one], t[one]))
