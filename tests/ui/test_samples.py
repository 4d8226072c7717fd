"""The shipped examples: each video was made from the portrait beside it and a sentence."""

from __future__ import annotations

import hashlib

import pytest

from gaia_core.media.video import read_recipe
from ui import samples


@pytest.mark.parametrize("portrait", samples.portraits(), ids=lambda path: path.stem)
def test_an_example_video_was_made_from_its_portrait(portrait):
    video = samples.ROOT / "outputs" / f"{portrait.stem}.mp4"
    recipe = read_recipe(video)
    assert recipe["portrait"] == hashlib.sha256(portrait.read_bytes()).hexdigest()
    assert recipe["text"] and not recipe["speech"]
    assert samples.is_shipped(portrait)
