"""The inpainters of mouth, lips and eyes: their windows, packs and training."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import TINY

from gaia_core import checkpoint
from gaia_core.config import INPAINTED, InpainterConfig
from gaia_core.errors import InputError
from gaia_core.renderer.eyes import EYES
from gaia_core.renderer.inpainting import REGIONS, Inpainter
from gaia_core.renderer.lips import REACH
from gaia_core.renderer.mouth import INNER
from gaia_core.renderer.region import SIDE
from gaia_core.training import stages
from gaia_core.training.critic import Contest
from gaia_core.training.eyes import EyeWindows
from gaia_core.training.inpainting import InpaintingLosses
from gaia_core.training.lips import LipWindows
from gaia_core.training.loop import train
from gaia_core.training.mouth import MouthWindows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mouth_pack(tmp_path_factory):
    """Mouths of three people, two clips of the first: rows of teeth between lips of one colour."""
    generator = torch.Generator().manual_seed(0)
    windows = torch.empty(24, 3, SIDE, SIDE)
    region = torch.zeros(24, 1, SIDE, SIDE)
    for window, free in zip(windows, region, strict=True):
        window[:] = 0.3 + 0.4 * torch.rand(3, 1, 1, generator=generator)
        height = 8 + int(torch.randint(12, (), generator=generator))
        free[:, 24 : 24 + height, 14:50] = 1
        teeth = 0.9 * ((torch.arange(50 - 14) // 2) % 2).float()
        window[:, 24 : 24 + height, 14:50] = teeth
    path = tmp_path_factory.mktemp("pack") / "mouth.safetensors"
    save_file(
        {
            "window": (windows * 255).byte(),
            "masks": (region * 255).byte(),
            "clip": torch.arange(24) // 6,
            "person": torch.tensor([0, 0, 1, 2]).repeat_interleave(6),
            "weight": torch.tensor([1.0, 1.0, 0.0]),
        },
        path,
    )
    return path


def test_every_region_has_its_name_and_its_windows():
    assert tuple(REGIONS) == tuple(stages.WINDOWS) == INPAINTED


def test_mouths_are_drawn_by_weight_with_a_reference(mouth_pack):
    data = MouthWindows(mouth_pack, 64)
    batch = next(iter(data))
    assert {name: tuple(value.shape[1:]) for name, value in batch.items()} == {
        "window": (3, SIDE, SIDE),
        "mask": (1, SIDE, SIDE),
        "rendered": (3, SIDE, SIDE),
        "condition": (4, SIDE, SIDE),
    }
    referenced = batch["condition"].flatten(1).any(1).float().mean()
    assert 0.3 < referenced < 0.7
    # The reference is that of the other frame, within its mask.
    assert not batch["condition"][:, :, :20].any()
    monochrome = [x.amax((1, 2)) for x in batch["window"]]
    assert len({tuple(x.tolist()) for x in monochrome}) > 30  # colours vary


def test_critic_and_inpainter_learn(mouth_pack, tmp_path, steps):
    torch.manual_seed(0)
    model = Contest(Inpainter("mouth", InpainterConfig((8, 8, 16))))
    data = iter(MouthWindows(mouth_pack, 6))
    train(model, InpaintingLosses(), data, tmp_path, steps(30, rate=2e-3, log_every=10, warm_up=1))
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").open()]
    assert curve[-1]["critic"] < 1.8  # 2 is chance level
    assert curve[-1]["pixels"] < 0.9 * curve[0]["pixels"]


def test_the_mouths_inpainter_is_saved_beside_stage_1(packed, mouth_pack, steps):
    (packed / "mouth.safetensors").symlink_to(mouth_pack)
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(1), 2, "tiny"))
    assert not checkpoint.load_autoencoder(weights).inpainters
    for _ in range(2):
        run = stages.Run(packed, packed / "mouth", weights, steps(1), 2, "tiny")
        stages.train_inpainter("mouth", run)
    model = checkpoint.load_autoencoder(weights)
    assert model.inpainters["mouth"].config == TINY.inpainter
    assert checkpoint.read_config(weights)["mouth"]["trained"] == {
        "samples": 4,
        "windows": 24,
        "people": 2,
    }
    (weights / "mouth.safetensors").unlink()
    with pytest.raises(InputError, match="missing"):
        checkpoint.load_autoencoder(weights)


def test_mouths_are_packed_from_clips_and_portraits(
    clips, found_landmarks, photo, encoder, tmp_path
):
    data = tmp_path / "data"
    (data / "portraits" / "train").mkdir(parents=True)
    (data / "clips").symlink_to(clips / "clips")
    Image.fromarray(photo).save(data / "portraits" / "train" / "one.png")
    (data / "portraits" / "manifest.csv").write_text(
        "file,identity,source,licence\ntrain/one.png,one,lab,free\n"
    )
    cache = shutil.copytree(found_landmarks, tmp_path / "cache")
    MouthWindows.pack(data, cache, tmp_path / "mouth.safetensors", encoder)
    pack = load_file(tmp_path / "mouth.safetensors")
    count = len(pack["window"])
    assert pack["window"].shape == (count, 3, SIDE, SIDE) and pack["masks"].any()
    assert len(pack["person"]) == len(pack["clip"]) == count
    assert pack["weight"][-1] < pack["weight"][0] and pack["person"][-1] == 2
    assert next(iter(MouthWindows(tmp_path / "mouth.safetensors", 2)))


@pytest.fixture(scope="module")
def eye_pack(tmp_path_factory):
    """Eyes of two people, open to less and less: white between lids of one colour."""
    generator = torch.Generator().manual_seed(0)
    heights = torch.tensor([14, 12, 10, 6, 4, 2]).repeat(4)
    windows, masks = torch.empty(24, 3, SIDE, SIDE), torch.zeros(24, 3, SIDE, SIDE)
    for number, height in enumerate(heights.tolist()):
        windows[number] = 0.2 + 0.5 * torch.rand(3, 1, 1, generator=generator)
        windows[number, :, 32 - height : 32, 16:48] = 1
        masks[number, 0, 32 - height : 32, 16:48] = 1
        masks[number, 1, 14:36, 12:52] = 1
        masks[number, 2, 20:32, 26:38] = 1
    path = tmp_path_factory.mktemp("pack") / "eyes.safetensors"
    save_file(
        {
            "window": (windows * 255).byte(),
            "masks": (masks * 255).byte(),
            "clip": torch.arange(24) // 6,
            "person": torch.arange(24) // 12,
            "weight": torch.tensor([1.0, 1.0]),
        },
        path,
    )
    return path


def test_references_of_eyes_are_wider_or_narrower(eye_pack):
    data = EyeWindows(eye_pack, 64)
    for index, others in enumerate(data.others):
        assert all(data.clip[other] == data.clip[index] for other in others)
        shares = [data.area[index][0] / data.area[other][0] for other in others]
        assert all(share < 0.8 or share > 1.6 for share in shares)
    # Of heights 14, 12, 10, 6, 4 and 2: the widest of what is closed, what is closed of the wider.
    assert [other % 6 for other in data.others[0]] == [3, 4, 5]
    assert [other % 6 for other in data.others[5]] == [0, 1, 2, 3, 4]
    batch = next(iter(data))
    assert batch["condition"].shape == (64, 6, SIDE, SIDE) and batch["mask"].shape[1] == 1
    portrait, frame, disc = batch["condition"][:, 3:].sum((2, 3)).unbind(1)
    assert (portrait > frame).any() and (portrait < frame).any() and (disc == 12 * 12).all()
    assert (batch["mask"].sum((1, 2, 3)) > portrait).all()


@pytest.fixture(scope="module")
def lip_pack(tmp_path_factory):
    """Mouths of two people, parted to less and less: white between lips of one colour."""
    generator = torch.Generator().manual_seed(0)
    heights = torch.tensor([14, 12, 10, 6, 4, 0]).repeat(4)
    windows, masks = torch.empty(24, 3, SIDE, SIDE), torch.zeros(24, 4, SIDE, SIDE)
    for number, height in enumerate(heights.tolist()):
        windows[number] = 0.2 + 0.5 * torch.rand(3, 1, 1, generator=generator)
        windows[number, :, 24 : 24 + height, 16:48] = 1
        masks[number, 0, 24 : 24 + height, 16:48] = 1
        rows = torch.arange(SIDE)[:, None] + 0.5
        inside = torch.minimum(rows - 24, 24 + height - rows).expand(SIDE, SIDE)
        for channel, wider in enumerate((0, 5, 10), 1):
            masks[number, channel] = (0.5 + (inside + wider) / (2 * REACH)).clamp(0, 1)
    path = tmp_path_factory.mktemp("pack") / "lips.safetensors"
    save_file(
        {
            "window": (windows * 255).byte(),
            "masks": (masks * 255).byte(),
            "clip": torch.arange(24) // 6,
            "person": torch.arange(24) // 12,
            "weight": torch.tensor([1.0, 1.0]),
        },
        path,
    )
    return path


def test_references_of_lips_are_wider(lip_pack):
    data = LipWindows(lip_pack, 64)
    for index, others in enumerate(data.others):
        assert all(data.clip[other] == data.clip[index] for other in others)
    assert not data.others[0] and [other % 6 for other in data.others[5]] == [0, 1, 2, 3, 4]
    assert [other % 6 for other in data.others[3]] == [0, 1, 2]
    batch = next(iter(data))
    assert batch["condition"].shape == (64, 7, SIDE, SIDE) and batch["mask"].shape[1] == 1
    # What they shall be lies where the frame's lips meet; the margin around it varies.
    target = (batch["condition"][:, 5] > 0.01).any(2).sum(1)
    assert (batch["condition"][:, 3].any(2).sum(1) > target).all()
    painted = batch["mask"].sum((1, 2, 3)) / SIDE
    assert (painted > target).all() and len(painted.unique()) > 30


@pytest.mark.parametrize("name", ["lips", "eyes"])
def test_an_inpainter_is_saved_beside_stage_1(packed, eye_pack, lip_pack, name, steps):
    path = packed / f"{name}.safetensors"
    path.unlink(missing_ok=True)
    path.symlink_to({"lips": lip_pack, "eyes": eye_pack}[name])
    weights = packed / f"weights of {name}"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(1), 2, "tiny"))
    stages.train_inpainter(name, stages.Run(packed, packed / name, weights, steps(1), 2, "tiny"))
    model = checkpoint.load_autoencoder(weights)
    assert list(model.inpainters) == [name]
    assert model.inpainters[name].config == TINY.inpainter
    facts = {"samples": 2, "windows": 24, "people": 2}
    assert checkpoint.read_config(weights)[name]["trained"] == facts


def test_closing_lips_are_packed_from_clips(clips, found_landmarks, encoder, tmp_path):
    cache = shutil.copytree(found_landmarks, tmp_path / "cache")
    with pytest.raises(InputError, match="lips that close"):
        LipWindows.pack(clips, cache, tmp_path / "lips.safetensors", encoder)
    top, bottom = (list(curve[1:-1]) for curve in INNER)
    for path in cache.iterdir():  # the lips of a still photo do not move: as if they did
        with np.load(path) as stored:
            arrays = dict(stored)
        arrays["landmarks"][:, bottom, 1] += 0.04
        arrays["landmarks"][::3, bottom] = arrays["landmarks"][::3][:, top]
        np.savez(path, **arrays)
    LipWindows.pack(clips, cache, tmp_path / "lips.safetensors", encoder)
    pack = load_file(tmp_path / "lips.safetensors")
    count = len(pack["window"])
    assert pack["window"].shape == (count, 3, SIDE, SIDE)
    assert pack["masks"].shape == (count, 4, SIDE, SIDE)
    # The gap's area, the field of its distance and the window's place are one mouth's.
    wide = pack["masks"][:, 0].float().sum((1, 2)).argmax()
    inside = pack["masks"][wide, 1] > 127
    assert (inside == (pack["masks"][wide, 0] > 127))[:, 20:44].float().mean() > 0.98


def test_closing_lids_are_packed_from_clips(clips, found_landmarks, encoder, tmp_path):
    cache = shutil.copytree(found_landmarks, tmp_path / "cache")
    with pytest.raises(InputError, match="lids that close"):
        EyeWindows.pack(clips, cache, tmp_path / "eyes.safetensors", encoder)
    for path in cache.iterdir():  # the eyes of a still photo do not blink: as if they did
        with np.load(path) as stored:
            arrays = dict(stored)
        for eye in EYES:
            arrays["landmarks"][::3, list(eye.upper[1:-1])] = arrays["landmarks"][::3][
                :, list(eye.lower[1:-1])[: len(eye.upper) - 2]
            ]
        np.savez(path, **arrays)
    EyeWindows.pack(clips, cache, tmp_path / "eyes.safetensors", encoder)
    pack = load_file(tmp_path / "eyes.safetensors")
    count = len(pack["window"])
    assert pack["window"].shape == (count, 3, SIDE, SIDE) and count % 2 == 0
    assert pack["masks"].shape == (count, 3, SIDE, SIDE)
    # The tests' tiny latent does not know of lids: no window has one with wider ones.
    with pytest.raises(InputError, match="pack more clips"):
        EyeWindows(tmp_path / "eyes.safetensors", 2)
