"""Training writes each stage into a folder of weights, and starts from one."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import MOTION, TINY

from gaia_core import checkpoint
from gaia_core.errors import InputError
from gaia_core.training import stages
from gaia_core.training.clip_frames import pack_latents
from gaia_core.training.denoiser import MotionWindows

pytestmark = pytest.mark.slow


def test_stage_2_is_trained_into_weights(packed, steps):
    weights = packed / "weights"
    for _ in range(2):
        stages.train_denoiser(stages.Run(packed, packed / "run", weights, steps(2), 1, "tiny"))
    model = checkpoint.load_denoiser(weights, MOTION)
    assert model.config == TINY.denoiser
    assert all(value.isfinite().all() for value in model.state_dict().values())
    rest_weight, _, spread = MotionWindows(packed / stages.MOTION, MOTION.groups).fit_rest()
    assert torch.equal(model.spread, spread) and torch.equal(model.rest_weight, rest_weight)
    facts = checkpoint.read_config(weights)["denoiser"]["trained"]
    assert facts["clips"] == 3 and facts["frames"] == 335 and facts["samples"] >= 4


def test_stage_1_is_trained_into_weights(packed, encoder, steps):
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(2), 2, "tiny"))
    model = checkpoint.load_autoencoder(weights)
    for name, value in encoder.state_dict().items():
        assert torch.equal(model.motion.state_dict()[name], value), name
    assert checkpoint.load_directions(weights, MOTION).all()
    facts = checkpoint.read_config(weights)["autoencoder"]["trained"]
    assert facts == {"samples": 4, "frames": 24, "clips": 3, "portraits": 0}
    assert load_file(weights / "autoencoder.safetensors")["renderer.mix.weight"].any()


def test_stage_1_is_trained_on_latents_beside_the_clips(
    packed, clips, found_landmarks, encoder, steps
):
    pack_latents(clips, found_landmarks, packed / stages.LATENTS, encoder)
    run = stages.Run(packed, packed / "run", packed / "weights", steps(2), 2, "tiny")
    with pytest.raises(InputError, match="--data"):
        stages.train_autoencoder(run)
    stages.train_autoencoder(replace(run, data=clips))
    facts = checkpoint.read_config(packed / "weights")["autoencoder"]["trained"]
    assert facts == {"samples": 4, "frames": 40, "clips": 2, "portraits": 0}


def test_training_starts_from_weights(packed, encoder, steps):
    """Without a state to resume: the shipped weights have none."""
    weights, further = packed / "weights", packed / "further"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(2), 2, "tiny"))
    stages.train_denoiser(stages.Run(packed, packed / "stage 2", weights, steps(2), 1, "tiny"))
    still = replace(steps(1), rate=0.0)
    stages.train_autoencoder(
        stages.Run(packed, packed / "run 2", further, still, 2, "tiny", weights)
    )
    stages.train_denoiser(
        stages.Run(packed, packed / "stage 2 2", further, still, 1, "tiny", weights)
    )
    before, after = checkpoint.read_config(weights), checkpoint.read_config(further)
    for name in ("autoencoder", "denoiser"):
        assert after[name]["trained"]["samples"] > before[name]["trained"]["samples"] > 0
        old, new = (load_file(folder / f"{name}.safetensors") for folder in (weights, further))
        assert all(torch.equal(old[key], new[key]) for key in old)
    # Latents mean what they meant, or the rest of the weights would not fit any more.
    other = {name: value + 1 for name, value in encoder.state_dict().items()}
    save_file(other, packed / stages.ENCODER)
    with pytest.raises(InputError, match="--start"):
        stages.train_autoencoder(
            stages.Run(packed, packed / "run 3", further, still, 2, "tiny", weights)
        )
    with pytest.raises(InputError, match="--start"):
        stages.train_denoiser(
            stages.Run(packed, packed / "run 4", further, still, 1, "tiny", weights)
        )
