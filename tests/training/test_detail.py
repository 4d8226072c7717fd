"""Training windows of the regions' detail, their pack and their stage."""

import json
import shutil

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import TINY

from gaia_core import checkpoint
from gaia_core.config import DetailConfig
from gaia_core.errors import InputError
from gaia_core.layers import doubled
from gaia_core.renderer.detail import FINE, Detail
from gaia_core.training import stages
from gaia_core.training.critic import Contest
from gaia_core.training.detail import DetailWindows
from gaia_core.training.inpainting import InpaintingLosses
from gaia_core.training.loop import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """Stripes of 2 to 4 px in all directions: coarse pixels tell where their edges are."""
    generator = torch.Generator().manual_seed(0)
    at = torch.arange(160.0)
    windows = []
    for _ in range(12):
        angle, period = 3.1 * torch.rand((), generator=generator), 6 + 4 * torch.rand(())
        phase = (at[:, None] * angle.cos() + at * angle.sin()) / period
        windows.append((0.2 + 0.6 * (phase % 1 < 0.5).float()).expand(3, -1, -1))
    path = tmp_path_factory.mktemp("pack") / "detail.safetensors"
    save_file({"window": (torch.stack(windows) * 255).byte()}, path)
    return path


def test_an_ellipse_of_each_window_has_lost_its_detail(pack):
    batch = next(iter(DetailWindows(pack, 32)))
    window, mask, rendered = batch["window"], batch["mask"], batch["rendered"]
    assert window.shape == rendered.shape == (32, 3, FINE, FINE)
    assert ((mask > 0).flatten(1).any(1)).all() and (mask == 0).flatten(1).any(1).all()
    assert len(mask.mean((1, 2, 3)).unique()) > 30
    assert torch.equal(rendered.where(mask == 0, window), window)
    coarse = doubled(F.avg_pool2d(window, 2)).where(mask == 1, 0)
    distance = (rendered.where(mask == 1, 0) - coarse).abs().mean((1, 2, 3)) / mask.mean((1, 2, 3))
    assert 0.001 < distance.min() < 0.3 * distance.max() < 0.03  # soft and noisy by chance
    assert window.min() >= 0 and window.max() <= 1 and window.std() > 0.1


def test_detail_is_learned(pack, tmp_path, steps):
    torch.manual_seed(0)
    model = Contest(Detail(DetailConfig((8, 12), 1)))
    data = iter(DetailWindows(pack, 6))
    train(model, InpaintingLosses(), data, tmp_path, steps(30, rate=1e-2, log_every=10, warm_up=1))
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").open()]
    assert curve[-1]["pixels"] < 0.9 * curve[0]["pixels"]


def test_detail_is_saved_beside_stage_1(packed, pack, steps):
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(1), 2, "tiny"))
    assert checkpoint.load_autoencoder(weights).detail is None
    run = stages.Run(packed, packed / "detail", weights, steps(1), 2, "tiny")
    with pytest.raises(InputError, match="440 px wide"):
        stages.train_detail(run)
    (packed / stages.DETAIL).symlink_to(pack)
    stages.train_detail(run)
    detail = checkpoint.load_autoencoder(weights).detail
    assert detail and detail.config == TINY.detail
    facts = {"samples": 2, "windows": 12}
    assert checkpoint.read_config(weights)["detail"]["trained"] == facts


def test_regions_of_large_portraits_are_packed(photo, encoder, tmp_path):
    folder = tmp_path / "portraits" / "train"
    folder.mkdir(parents=True)
    large = Image.fromarray(photo).crop((100, 0, 400, 300)).resize((900, 900))
    for name, picture in (("large", large), ("small", Image.fromarray(photo))):
        picture.save(folder / f"{name}.png")
    rows = [f"train/{name}.png,{name},lab,free" for name in ("large", "small")]
    lines = ["file,identity,source,licence", *rows]
    (tmp_path / "portraits" / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "detail.safetensors"
    DetailWindows.pack(tmp_path, out, encoder)
    assert load_file(out)["window"].shape == (4, 3, 160, 160)  # mouth, lips and two eyes
    shutil.copy(folder / "small.png", folder / "large.png")
    DetailWindows.pack(tmp_path, tmp_path / "none.safetensors", encoder)
    assert not (tmp_path / "none.safetensors").exists()
