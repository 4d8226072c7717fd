"""Directions of the expression channels move their groups alone."""

import numpy as np
import pytest
import torch

from gaia_core import landmarks as mesh
from gaia_core.controls import EXPRESSION
from gaia_core.portrait.blendshapes import SCORES
from gaia_core.training.expression import GROUPS, _shape, fit_directions

FRAMES = 80


@pytest.fixture(scope="module")
def directions(gaia, crop_landmarks, tmp_path_factory) -> dict[str, torch.Tensor]:
    """Channel -> (D,), fitted to a clip whose scores displace the landmarks independently."""
    draw = np.random.default_rng(0)
    scores = draw.uniform(0, 1, (FRAMES, len(SCORES))).astype(np.float32)
    moves = draw.normal(0, 0.002, (len(SCORES), mesh.COUNT, 3)).astype(np.float32)
    landmarks = crop_landmarks.numpy() + np.tensordot(scores, moves, 1)
    landmarks[3] = np.nan  # a lost face
    path = tmp_path_factory.mktemp("cache") / "clip.npz"
    np.savez(path, landmarks=landmarks.astype(np.float32), blendshapes=scores)
    found = fit_directions(gaia.networks.autoencoder.motion, [path])
    return dict(zip(EXPRESSION, found, strict=True))


def test_a_direction_stays_in_its_groups(directions, gaia):
    groups = gaia.networks.autoencoder.motion.config.groups
    for name, row in directions.items():
        assert row.isfinite().all() and row.any(), name
        kept = GROUPS.get(name, tuple(groups)[1:])
        moved = [group for group, where in groups.items() if row[where].any()]
        assert set(moved) <= set(kept), name


def test_a_gaze_moves_the_irises_to_the_right_and_up(directions, gaia):
    irises = list(mesh.IRISES)
    right, up = (
        _shape(gaia.networks.autoencoder.motion, directions[name])[irises].mean(0)
        for name in ("gaze_x", "gaze_y")
    )
    assert right[0] > 0 > up[1]


def test_cross_talk_is_subtracted(directions, gaia, monkeypatch):
    basis = torch.randn(len(SCORES), gaia.networks.autoencoder.motion.config.width)
    monkeypatch.setattr("gaia_core.training.expression._regress", lambda *_: basis)
    taken = fit_directions(gaia.networks.autoencoder.motion, [])
    monkeypatch.setattr("gaia_core.training.expression.CROSS_TALK", {})
    plain = fit_directions(gaia.networks.autoencoder.motion, [])
    left, blink = (list(EXPRESSION).index(name) for name in ("wink_left", "blink"))
    torch.testing.assert_close(taken[left], plain[left] - 0.25 * plain[blink])
    assert torch.equal(taken[blink], plain[blink])
