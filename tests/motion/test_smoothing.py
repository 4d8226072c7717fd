"""The low-pass over motion latents: frequency response, phase and ends."""

import math

import pytest
import torch

from gaia_core.config import MotionConfig
from gaia_core.motion.smoothing import REACH, smooth

GROUPS = MotionConfig().groups
D = MotionConfig().width


def wave(hertz: float, frames: int = 200) -> torch.Tensor:
    t = torch.arange(frames) / 25
    return torch.sin(2 * math.pi * hertz * t)[:, None].expand(frames, D)


def test_groups_without_a_width_are_bit_equal():
    motion = torch.randn(40, D)
    found = smooth(motion, GROUPS, {"pose": 1.5})
    assert torch.equal(found[:, GROUPS["mouth"]], motion[:, GROUPS["mouth"]])
    assert not torch.equal(found[:, GROUPS["pose"]], motion[:, GROUPS["pose"]])


@pytest.mark.parametrize(("hertz", "low", "high"), [(0.5, 0.97, 1.0), (8.0, 0.0, 0.06)])
def test_the_frequency_response(hertz, low, high):
    found = smooth(wave(hertz), GROUPS, {"pose": 1.5})[20:-20, 0]
    assert low <= float(found.abs().max()) <= high


def test_the_filter_has_zero_phase():
    motion = torch.zeros(61, D)
    motion[30] = 1
    found = smooth(motion, GROUPS, {"brows": 1.2})[:, GROUPS["brows"]][:, 0]
    assert int(found.argmax()) == 30
    torch.testing.assert_close(found, found.flip(0))


def test_a_constant_is_kept_up_to_both_ends():
    found = smooth(torch.full((2, 9, D), 3.0), GROUPS, dict.fromkeys(GROUPS, 2.0))
    torch.testing.assert_close(found, torch.full((2, 9, D), 3.0))


def test_the_receptive_field_is_the_radius():
    widths = {"pose": 1.5, "face": 1.2}
    reach = round(REACH * max(widths.values()))
    motion = torch.randn(60, D)
    whole = smooth(motion, GROUPS, widths)
    part = smooth(motion[: 30 + reach], GROUPS, widths)
    torch.testing.assert_close(part[:30], whole[:30])
