"""Presets have the sizes that their names state."""

import pytest
import torch

from gaia_core.cli import main
from gaia_core.config import PRESETS, AutoencoderConfig, MotionConfig
from gaia_core.motion.denoiser import Denoiser
from gaia_core.renderer.autoencoder import Autoencoder

MILLIONS = {"80m": 80, "700m": 700, "1.7b": 1700, "180m": 180, "600m": 600, "1.2b": 1200}
PAPER = [name for name in PRESETS if "-" in name]


def millions(stage: torch.nn.Module) -> float:
    return sum(p.numel() for p in stage.parameters()) / 1e6


def test_every_pair_of_the_papers_sizes_is_there():
    assert len(PAPER) == 9


@pytest.mark.parametrize("name", PAPER)
def test_presets_have_the_size_of_their_name(name):
    sizes = PRESETS[name]
    with torch.device("meta"):
        stages = Autoencoder(sizes.autoencoder), Denoiser(sizes.denoiser, sizes.autoencoder.motion)
    for stage, size in zip(stages, name.split("-"), strict=True):
        assert millions(stage) == pytest.approx(MILLIONS[size], rel=0.05)


def test_depth_adds_blocks_to_every_level_and_changes_no_shape(make_autoencoder, crop_landmarks):
    single, double = make_autoencoder(), make_autoencoder(depth=2)
    assert len(double.renderer.encode) == 2 * len(single.renderer.encode)
    portrait = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    motion = single.encode_motion(crop_landmarks[None])
    frames = [
        model.decode(model.encode_appearance(portrait, motion), motion)
        for model in (single, double)
    ]
    assert frames[0].shape == frames[1].shape == (1, 3, 64, 64)


def test_blocks_of_a_level_have_its_width():
    config = AutoencoderConfig(MotionConfig(), widths=(8, 12, 16), depth=3)
    blocks = Autoencoder(config).renderer.encode
    assert [block.first.in_channels for block in blocks] == [12, 12, 12, 16, 16, 16]


def test_info_prints_the_size_of_a_preset(capsys):
    assert main(["info", "--preset", "80m-180m"]) == 0
    out = capsys.readouterr().out
    assert "autoencoder: 77.4" in out and "denoiser: 174.0" in out and "GB" in out
