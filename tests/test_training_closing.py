"""The readout of /p b m/: what is fitted is what `closing` reads, and it finds what was marked."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from gaia_core import SAMPLE_RATE, closing, media
from gaia_core.errors import InputError
from gaia_core.evaluation.closures import SENTENCES, say
from gaia_core.evaluation.phones import Phone
from gaia_core.speech import FEATURES
from gaia_core.training import closing as training
from gaia_core.training.closing import BESIDE, PER_PERSON, Heard
from gaia_core.training.pack import Clip
from gaia_core.training.prepare import FIELDS


def heard(language: str, frames: int, seed: int) -> Heard:
    """What feature 2 tells of the frame after it is in the frame; feature 0 is far from zero."""
    draw = torch.Generator().manual_seed(seed)
    bilabial = torch.rand(frames, generator=draw) < 0.2
    features = torch.randn(frames, 4, generator=draw)
    features[:, 0] = 50 + 10 * features[:, 0]
    features[:-1, 2] = 6.0 * bilabial[1:] + 0.3 * features[:-1, 2]
    return Heard(language, features, bilabial)


def test_what_is_fitted_is_what_closes_the_lips(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(training, "RATE", 0.1)  # a few weights, a few steps
    known = [heard("English", 600, 0), heard("Arabic", 200, 1)]
    readout, loss = training.fit_readout(known)
    assert readout.shape == ((2 * BESIDE + 1) * 4 + 1,) and readout.dtype == torch.float32
    assert np.isfinite(loss)
    assert torch.equal(readout, training.fit_readout(known)[0])
    np.save(tmp_path / "readout.npy", readout.numpy())
    monkeypatch.setattr(closing, "READOUT", tmp_path / "readout.npy")
    new = heard("English", 400, 2)
    share = closing.closing(new.features[None])[0]
    right = (share > 0.5) == new.bilabial
    assert right[BESIDE:-BESIDE].float().mean() > 0.97


def test_the_frames_that_touch_a_closure_are_marked() -> None:
    phones = [Phone("AA", 0.0, 0.2), Phone("P", 0.2, 0.28), Phone("N", 0.28, 0.4)]
    assert training.mark(phones, 10).nonzero().flatten().tolist() == [4, 5, 6, 7]
    assert not training.mark([Phone("SIL", 0.0, 0.4)], 10).any()


def test_nobody_speaks_for_all() -> None:
    def clip(name: str, identity: str, text: str, sound: bool = True) -> Clip:
        return Clip(f"train/{name}.mp4", identity, "", sound, text)

    clips = [clip(f"a{i}", "ann", "bin blue") for i in range(PER_PERSON + 20)]
    clips += [clip("b", "bob", "bin red"), clip("c", "cem", "مَاء")]
    clips += [clip("mute", "dan", "bin", sound=False), clip("untold", "eva", " ")]
    names = [chosen.file for chosen in training.choose(clips)]
    assert len(names) == len(set(names)) == PER_PERSON + 2
    assert {"train/b.mp4", "train/c.mp4"} < set(names)
    assert names[-1] == "train/c.mp4"  # a language after the other


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A sentence that the offline voice says, with its text, and a tone that no text fits."""
    folder = tmp_path / "data" / "clips"
    (folder / "train").mkdir(parents=True)
    media.write_audio(
        folder / "train" / "said.wav", say(SENTENCES[0], "hibari-us-female"), SAMPLE_RATE
    )
    media.write_audio(
        folder / "train" / "tone.wav",
        0.3 * np.sin(np.arange(SAMPLE_RATE) / 9).astype(np.float32),
        SAMPLE_RATE,
    )
    rows = [("said", SENTENCES[0]), ("tone", "qwxz bin")]
    with open(folder / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="")
        writer.writeheader()
        for name, text in rows:
            row = {"file": f"train/{name}.wav", "identity": name, "has_audio": 1}
            writer.writerow({**row, "transcript": text})
    return tmp_path / "data"


def test_clips_with_transcripts_become_a_readout(data: Path, tmp_path: Path) -> None:
    told = training.train_closing(data, tmp_path / "out")
    assert told["clips"] == 1 and 0.1 < told["share"] < 0.5
    readout = np.load(tmp_path / "out" / closing.READOUT.name)
    assert readout.shape == ((2 * BESIDE + 1) * FEATURES + 1,) and readout.any()


def test_clips_that_tell_of_no_closure_are_refused(data: Path, tmp_path: Path) -> None:
    manifest = data / "clips" / "manifest.csv"
    manifest.write_text(manifest.read_text("utf-8").replace(SENTENCES[0], ""), "utf-8")
    with pytest.raises(InputError, match=r"No p, b or m is heard in .*transcript.*\.$"):
        training.train_closing(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
