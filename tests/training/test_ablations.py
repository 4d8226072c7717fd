"""Ablations are trained alike and differ in what their name says."""

import numpy as np
import pytest
import torch
from tiny import MOTION, SPEECH, TINY
from torch import nn

from gaia_core.training import ablations

pytestmark = pytest.mark.slow


def test_every_variant_is_trained_and_evaluated(packed, tmp_path, monkeypatch, steps):
    monkeypatch.setattr(ablations, "FRAMES", 30)
    monkeypatch.setattr(ablations, "is_held_out", lambda row, _: row["frames"] == 45)

    def study():
        return ablations.study(
            packed, tmp_path / "runs", steps(1000, steps=3), TINY.denoiser, MOTION
        )

    rows = study()
    assert [row.variant for row in rows] == list(ablations.VARIANTS)
    assert all(row.steps == 3 and row.pieces == 1 for row in rows)
    assert all(np.isfinite((row.loss, row.steadiness, row.join)).all() for row in rows)
    assert len({row.lips for row in rows}) == len(rows)
    monkeypatch.setattr(ablations, "train", None)  # what is done is not done again
    assert study() == rows


@pytest.fixture(params=ablations.VARIANTS)
def variant(request):
    """A network with random gates, and its inputs."""
    torch.manual_seed(0)
    model = ablations.VARIANTS[request.param](TINY.denoiser, MOTION).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    frames = torch.randn(2, 9, MOTION.width)
    inputs = {
        **{"x_t": frames, "t": torch.tensor([0.2, 0.8]), "speech": torch.randn(2, 9, SPEECH)},
        **{"reference": torch.randn(2, MOTION.width), "given": torch.zeros_like(frames)},
        "has_speech": torch.ones(2, dtype=torch.bool),
    }
    return request.param, model.requires_grad_(False), inputs


@pytest.mark.parametrize("name", ["x_t", "t", "speech", "reference"])
def test_every_variant_depends_on_every_condition(variant, name):
    _, model, inputs = variant
    changed = model(**{**inputs, name: inputs[name] * 0.5})
    assert (changed - model(**inputs)).abs().max() > 1e-3


def test_variants_differ_as_their_names_say(variant):
    name, model, inputs = variant
    pose, plain = MOTION.groups["pose"], model(**inputs)
    masked = model(**{**inputs, "given": torch.ones_like(inputs["given"])})
    assert torch.equal(masked, plain) == (name == "no masking")
    assert (plain[..., pose] == 0).all() == (name == "no head pose")
    blocks = list(model.blocks)
    assert all(hasattr(b, "convolution") != (name == "plain Transformer") for b in blocks)
    # What is added reaches its own frame alone.
    late = inputs["speech"].clone()
    late[:, -1] += 1
    tokens, block = torch.randn(2, 3, 16), blocks[0]
    speech = (
        model.speech(late @ model.speech_basis),
        model.speech(inputs["speech"] @ model.speech_basis),
    )
    added = (block.added(speech[0], tokens) - block.added(speech[1], tokens)).abs().amax((0, 2))
    assert (added[-1] > 0) == (name != "speech cross-attended") and not added[:-1].any()
