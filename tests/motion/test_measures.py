"""Measures respond to what they measure, in their units."""

import math

import numpy as np
import pytest
import torch

from gaia_core import FPS
from gaia_core.config import POSE_CHANNELS, MotionCorrections
from gaia_core.motion import measures
from gaia_core.motion.curves import traces


def test_correlation_ignores_missing_frames():
    a = np.arange(10.0)
    b = a.copy()
    b[3] = np.nan
    assert measures.correlation(a, b) == pytest.approx(1)
    assert np.isnan(measures.correlation(a, np.zeros(10)))
    assert np.isnan(measures.correlation(a, np.full(10, np.nan)))


def test_blinks_are_counted_once_each():
    closed = np.zeros(2 * FPS)
    for start in (5, 20, 40):
        closed[start : start + 4] = (0.4, 1.0, 0.6, 0.2)  # 0.2 is not open yet
    # It lasts until the eyes are open again, and the last one until the end.
    assert measures.closings(closed) == [(5, 9), (20, 24), (40, 44)]
    assert measures.closings(closed[:42]) == [(5, 9), (20, 24), (40, 42)]
    assert measures.closings(0.2 * closed) == measures.closings(np.zeros(0)) == []


def still(encoder, frames: int) -> np.ndarray:
    return np.zeros((frames, len(encoder.mean)), np.float32)


def test_jitter_lowers_stability_and_head_motion_does_not(encoder):
    wave = np.sin(np.arange(50) / 4).astype(np.float32)
    shaken = np.random.default_rng(0).normal(size=50).astype(np.float32)
    smooth, jittery, nodding = (still(encoder, 50) for _ in range(3))
    smooth[:, len(POSE_CHANNELS)] = wave
    jittery[:, len(POSE_CHANNELS)] = wave + 0.5 * shaken
    nodding[:, len(POSE_CHANNELS)] = wave
    nodding[:, : len(POSE_CHANNELS)] = shaken[:, None]
    steady = measures.steadiness(encoder, smooth)
    assert steady > 5 * measures.steadiness(encoder, jittery)
    assert measures.steadiness(encoder, nodding) == pytest.approx(steady, rel=1e-3)
    assert measures.steadiness(encoder, still(encoder, 50)) == math.inf
    assert math.isnan(measures.steadiness(encoder, still(encoder, 3)))


def test_measures_of_a_clip(make_autoencoder):
    autoencoder = make_autoencoder()
    encoder = autoencoder.motion
    motion = still(encoder, 100)
    degrees = 8 * np.sin(np.arange(100) / 100 * 8 * np.pi)  # four whole turns
    motion[:, 0] = degrees / float(encoder.scale[0])
    motion[:, -1] = np.random.default_rng(0).normal(size=100)
    latents = torch.from_numpy(motion)
    curves = traces(autoencoder.motion, latents, latents[0])
    found = measures.measure(encoder, motion, curves)
    # In degrees of the rendered head, which turns less than the latent.
    assert found.yaw == pytest.approx(8 / MotionCorrections().turn_yaw / math.sqrt(2), rel=0.02)
    assert found.pitch == pytest.approx(0, abs=1e-3)
    assert found.roll == pytest.approx(0, abs=1e-3)
    assert found.blinks >= 0 and found.steadiness > 0
    curves["eyes"] = np.full(100, 0.3, np.float32)
    curves["eyes"][[10, 11, 60]] = 0.05
    assert measures.measure(encoder, motion, curves).blinks == 2 / 4 * 60
    curves["mouth"] = 0.02 + 0.01 * np.sin(np.arange(100) / 100 * 8 * np.pi)
    assert measures.measure(encoder, motion, curves).lips == pytest.approx(1 / math.sqrt(2))
