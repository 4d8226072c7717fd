"""Portraits are animated by a trained stage 1, which then learns to restore them."""

import shutil

import pytest
import torch
from PIL import Image

from gaia_core import checkpoint
from gaia_core.errors import InputError
from gaia_core.training import stages
from gaia_core.training.pack import (
    FramePack,
)
from gaia_core.training.portraits import MADE, PortraitPairs, pack_portraits

pytestmark = pytest.mark.slow


def test_portraits_are_packed_for_back_translation(
    clips, photo, packed, make_autoencoder, found_landmarks, encoder, steps
):
    data = packed / "data"
    (data / "portraits" / "train").mkdir(parents=True)
    (data / "clips").symlink_to(clips / "clips")
    for name, picture in (("face", photo), ("none", photo[-100:, :100]), ("far", photo[::4, ::4])):
        Image.fromarray(picture).save(data / "portraits" / "train" / f"{name}.png")
    rows = [f"train/{name}.png,{name},lab,free" for name in ("face", "none", "far")]
    lines = ["file,identity,source,licence", *rows]
    (data / "portraits" / "manifest.csv").write_text("\n".join(lines) + "\n")
    cache = shutil.copytree(found_landmarks, packed / "cache")
    with pytest.raises(InputError, match="--start"):
        stages.pack(data, packed / "new", 3, "tiny", portraits=True)
    assert not (packed / "new").exists()
    out = packed / stages.PORTRAITS
    pack_portraits(data, cache, out, make_autoencoder(image=256))
    frames = FramePack(out)
    assert frames.names == ["face|lab"] and len(frames.clip) == 1 + MADE
    pictures = frames.images(torch.arange(1 + MADE))
    assert all((picture - pictures[0]).abs().mean() > 1e-3 for picture in pictures[1:])
    # The target is the photo, with the same augmentation.
    pairs = PortraitPairs(FramePack(out), encoder.template, 8)
    assert all(int(pairs._pair()[1]) == 0 != int(pairs._pair()[0]) for _ in range(20))
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(2), 3, "tiny"))
    facts = checkpoint.read_config(weights)["autoencoder"]["trained"]
    assert facts["samples"] == 6 and facts["portraits"] == 1
