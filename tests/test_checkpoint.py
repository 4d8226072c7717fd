"""Weights are restored as saved; a folder that cannot be loaded raises."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from gaia_core import checkpoint
from gaia_core.config import CORRECTIONS, MOTION_DEFAULTS, RENDERER_DEFAULTS
from gaia_core.errors import InputError


@pytest.fixture
def autoencoder(make_autoencoder):
    return make_autoencoder()


@pytest.fixture
def folder(tmp_path, autoencoder, make_denoiser):
    """A folder with both stages."""
    folder = tmp_path / "new" / "weights"
    checkpoint.save(folder, autoencoder, {"samples": 7})
    checkpoint.save(folder, make_denoiser(), {"samples": 9})
    return folder


def advice(error: pytest.ExceptionInfo) -> str:
    """The error's message, which must be one line with advice."""
    message = str(error.value)
    assert "\n" not in message and message.endswith(".")
    assert any(word in message for word in ("restore", "train", "check out"))
    return message


def same_within_half_precision(stored, loaded) -> None:
    before, after = stored.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert after[name].dtype == value.dtype, name
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=1e-3)


def test_stage_1_is_restored(folder, autoencoder):
    loaded = checkpoint.load_autoencoder(folder)
    assert loaded.config == autoencoder.config
    same_within_half_precision(autoencoder, loaded)


def test_stage_2_is_restored(folder, autoencoder, make_denoiser):
    loaded = checkpoint.load_denoiser(folder, autoencoder.config.motion)
    assert loaded.config == make_denoiser().config
    assert loaded.groups == autoencoder.config.motion.groups
    same_within_half_precision(make_denoiser(), loaded)


def test_geometry_is_stored_in_full_precision(folder, autoencoder):
    loaded = checkpoint.load_autoencoder(folder)
    for name, value in autoencoder.motion.state_dict().items():
        assert torch.equal(loaded.motion.state_dict()[name], value), name


def test_loaded_stages_are_in_inference_mode(folder, autoencoder):
    for stage in (
        checkpoint.load_autoencoder(folder),
        checkpoint.load_denoiser(folder, autoencoder.config.motion),
    ):
        assert not stage.training
        assert not any(p.requires_grad for p in stage.parameters())


def test_the_memory_format_is_not_stored(folder, make_autoencoder):
    model = make_autoencoder().to(memory_format=torch.channels_last)
    checkpoint.save(folder, model, {})
    same_within_half_precision(model, checkpoint.load_autoencoder(folder))


def test_files_are_in_half_precision(folder, autoencoder):
    full = sum(p.numel() for p in autoencoder.renderer.parameters()) * 4
    geometry = sum(v.numel() * v.element_size() for v in autoencoder.motion.state_dict().values())
    size = (folder / "autoencoder.safetensors").stat().st_size
    assert size - geometry < 0.6 * full + 20_000  # of names and shapes


def test_stages_are_saved_separately(folder, make_autoencoder):
    other = (folder / "denoiser.safetensors").read_bytes()
    checkpoint.save(folder, make_autoencoder(), {"samples": 8})
    config = checkpoint.read_config(folder)
    assert config["autoencoder"]["trained"] == {"samples": 8}
    assert config["denoiser"]["trained"] == {"samples": 9}
    assert (folder / "denoiser.safetensors").read_bytes() == other


# Corrections


def test_configured_corrections_override_the_defaults(folder):
    assert checkpoint.load_corrections(folder) == (MOTION_DEFAULTS, RENDERER_DEFAULTS)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["corrections"] = {"motion": {"turn_yaw": 1.1}, "renderer": {"pose_clamp": 2.0}}
    path.write_text(json.dumps(config))
    motion, renderer = checkpoint.load_corrections(folder)
    assert motion == replace(MOTION_DEFAULTS, turn_yaw=1.1)
    assert renderer == replace(RENDERER_DEFAULTS, pose_clamp=2.0)
    # Constants of training are saved with the renderer.
    loaded = checkpoint.load_autoencoder(folder)
    assert loaded.corrections == renderer == loaded.renderer.corrections
    checkpoint.save(folder, loaded, {})
    assert checkpoint.load_corrections(folder) == (motion, renderer)


@pytest.mark.parametrize("text", ["[1]", '{"motion": 3}', '{"renderer": {"glue": 2}}'])
def test_corrections_of_another_version(folder, text):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "corrections": json.loads(text)}))
    with pytest.raises(InputError) as error:
        checkpoint.load_corrections(folder)
    assert "config.json" in advice(error)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_correction_is_switched_off_by_its_name(folder, name):
    off, on = checkpoint.load_corrections(folder, {name}), checkpoint.load_corrections(folder)
    kept = [mine == other for mine, other in zip(off, on, strict=True)]
    assert sorted(kept) == [False, True]


def test_an_unknown_correction(folder):
    with pytest.raises(InputError) as error:
        checkpoint.load_autoencoder(folder, {"closing", "rouge"})
    assert "no correction rouge;" in str(error.value)
    assert all(name in str(error.value) for name in CORRECTIONS)


# Folders that cannot be loaded


def test_no_weights(tmp_path):
    for load in (checkpoint.read_config, checkpoint.load_autoencoder):
        with pytest.raises(InputError, match="no trained weights") as error:
            load(tmp_path / "nothing")
        assert str(tmp_path) in advice(error)


@pytest.mark.parametrize("name", ["autoencoder", "denoiser"])
def test_a_stage_is_missing(folder, autoencoder, name):
    config = json.loads((folder / "config.json").read_text())
    del config[name]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError) as error:
        load(name, folder, autoencoder)
    assert name in advice(error)


@pytest.mark.parametrize("name", ["autoencoder", "denoiser"])
@pytest.mark.parametrize("damage", ["gone", "cut", "garbage", "empty", "pointer"])
def test_a_weights_file_is_damaged(folder, autoencoder, name, damage):
    path = folder / f"{name}.safetensors"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        garbage = {"cut": data[: len(data) // 2], "empty": b"", "pointer": pointer}
        path.write_bytes(garbage.get(damage, bytes(range(256)) * 20))
    with pytest.raises(InputError) as error:
        load(name, folder, autoencoder)
    assert path.name in advice(error)


@pytest.mark.parametrize(
    "text", ["", "{", "[1, 2]", '{"autoencoder": {}}', '{"autoencoder": {"sizes": {"depth": 3}}}']
)
def test_the_configuration_is_damaged(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(InputError) as error:
        checkpoint.load_autoencoder(folder)
    assert "config.json" in advice(error)


def test_weights_of_another_size(folder, autoencoder, make_autoencoder):
    config = (folder / "config.json").read_text()
    checkpoint.save(folder, make_autoencoder(refine=16), {})
    (folder / "config.json").write_text(config)
    with pytest.raises(InputError) as error:
        checkpoint.load_autoencoder(folder)
    advice(error)


def test_missing_weights_raise(folder, make_autoencoder):
    path = folder / "autoencoder.safetensors"
    weights = load_file(path)
    del weights["renderer.mix.weight"]
    save_file(weights, path)
    with pytest.raises(InputError) as error:
        checkpoint.load_autoencoder(folder)
    advice(error)


def load(name, folder, autoencoder):
    if name == "autoencoder":
        return checkpoint.load_autoencoder(folder)
    return checkpoint.load_denoiser(folder, autoencoder.config.motion)
