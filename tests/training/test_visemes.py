"""The viseme classifier: its labels and training."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from gaia_core import SAMPLE_RATE
from gaia_core.errors import InputError
from gaia_core.evaluation.closures import SENTENCES, say
from gaia_core.media.audio import write_audio
from gaia_core.speech.phones import Phone
from gaia_core.speech.visemes import NAMES, VISEMES, WEIGHTS
from gaia_core.training import visemes as training
from gaia_core.training import voices
from gaia_core.training.pack import Clip
from gaia_core.training.prepare import FIELDS
from gaia_core.training.visemes import PER_PERSON, Utterance


def utterance(speaker: str, seed: int) -> Utterance:
    """Feature 2 + v is viseme v a frame late; 0 is far from zero, 1 depends on the speaker."""
    draw = torch.Generator().manual_seed(seed)
    at = torch.randint(0, 3, (60,), generator=draw)
    features = 0.3 * torch.randn(60, 6, generator=draw)
    features[:, 0] += 50
    features[:, 1] += seed
    features[1:, 2:5] += 3 * torch.nn.functional.one_hot(at[:-1], 3)
    shares = torch.nn.functional.one_hot(at, len(NAMES)).float()
    return Utterance(speaker, features.half(), shares)


@pytest.mark.slow
def test_the_classifier_generalises_to_held_out_speakers(monkeypatch) -> None:
    monkeypatch.setattr(training, "STEPS", 150)
    known = [utterance(f"speaker {seed // 4}", seed) for seed in range(12)]
    fitted = training.fit(known)
    assert training.right(fitted, [utterance("stranger", 20), utterance("another", 21)]) > 0.9

    monkeypatch.setattr(training, "STEPS", 5)
    first, again = (training.fit(known).parameters() for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_every_phone_has_one_viseme() -> None:
    phones = [phone for all_ in VISEMES.values() for phone in all_.split()]
    assert len(phones) == len(set(phones))
    for phone, name in [
        ("P", "bilabial"),
        ("AA", "open"),
        ("E1", "half_open"),
        ("S", "postalveolar"),
        ("SIL", "silence"),
        ("m:", "bilabial"),
        ("??", "silence"),
    ]:
        assert NAMES[training.viseme(phone)] == name


def test_frames_are_shared_out_among_phones() -> None:
    shares = training.shares([("SIL", 0.04), ("m", 0.1), ("aa", 0.12)], 5)
    assert torch.allclose(shares.sum(1), torch.ones(5))
    assert torch.allclose(shares[:, NAMES.index("bilabial")], torch.tensor([0, 1, 0.5, 0, 0]))
    assert torch.allclose(shares[:, NAMES.index("open")], torch.tensor([0, 0, 0.5, 0, 0]))
    assert torch.allclose(shares[3:, 0], torch.ones(2))


def test_gaps_between_aligned_phones_are_silence() -> None:
    phones = [Phone("P", 0.1, 0.2), Phone("AA", 0.2, 0.3), Phone("N", 0.4, 0.5)]
    assert training.ends(phones) == [
        ("SIL", 0.1),
        ("P", 0.2),
        ("AA", 0.3),
        ("SIL", 0.4),
        ("N", 0.5),
    ]


def test_recordings_are_limited_by_person() -> None:
    def clip(name: str, identity: str, text: str, sound: bool = True) -> Clip:
        return Clip(f"train/{name}.mp4", identity, "", sound, text)

    clips = [clip(f"a{i}", "ann", "bin blue") for i in range(PER_PERSON + 20)]
    clips += [clip("b", "bob", "bin red"), clip("c", "cem", "مَاء")]
    clips += [clip("mute", "dan", "bin", sound=False), clip("untold", "eva", " ")]
    names = [chosen.file for chosen in training.choose(clips)]
    assert len(names) == len(set(names)) == PER_PERSON + 2
    assert {"train/b.mp4", "train/c.mp4"} < set(names)


def test_labels_of_the_voices_are_parsed() -> None:
    assert voices.read_segments("#\n0.2 100 pau\n0.3083 100 k\n") == [("pau", 0.2), ("k", 0.3083)]
    assert voices.read_durations("pau:0.136 s:0.243 \n") == [("pau", 0.136), ("s", 0.243)]


@pytest.mark.slow
def test_speed_scales_sound_and_phones() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    played, phones = voices.at_speed(tone, [("a", 0.5), ("b", 1.0)], 1.25)
    assert len(played) == SAMPLE_RATE * 4 // 5 and played.dtype == np.float32
    assert phones == [("a", 0.4), ("b", 0.8)]
    assert abs(np.abs(np.fft.rfft(played)).argmax() / 0.8 - 250) < 2


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sentences with their texts, and a tone that no text fits; no other voice."""
    monkeypatch.setattr(training.voices, "installed", dict)
    monkeypatch.setattr(training, "STEPS", 60)
    folder = tmp_path / "data" / "clips"
    (folder / "train").mkdir(parents=True)
    tone = 0.3 * np.sin(np.arange(SAMPLE_RATE) / 9).astype(np.float32)
    sounds = {
        "ann": (say(SENTENCES[0], "hibari-us-female"), SENTENCES[0]),
        "bob": (say(SENTENCES[1], "hibari-us-male"), SENTENCES[1]),
        "tone": (tone, "qwxz bin"),
    }
    with open(folder / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="")
        writer.writeheader()
        for name, (waveform, text) in sounds.items():
            write_audio(folder / "train" / f"{name}.wav", waveform, SAMPLE_RATE)
            row = {"file": f"train/{name}.wav", "identity": name, "has_audio": 1}
            writer.writerow({**row, "transcript": text})
    return tmp_path / "data"


@pytest.mark.slow
def test_training_on_clips_with_transcripts(data: Path, tmp_path: Path) -> None:
    facts = training.train_visemes(data, tmp_path / "out")
    assert facts["speakers"] == 2 and facts["frames"] > 100 and facts["right"] > 0.2
    assert (tmp_path / "out" / WEIGHTS.name).stat().st_size == pytest.approx(
        WEIGHTS.stat().st_size, rel=0.01
    )


@pytest.mark.slow
def test_clips_without_bilabials_raise(data: Path, tmp_path: Path) -> None:
    manifest = data / "clips" / "manifest.csv"
    text = manifest.read_text("utf-8")
    for sentence in SENTENCES[:2]:
        text = text.replace(sentence, "")
    manifest.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"No p, b or m is heard in .*transcript.*\.$"):
        training.train_visemes(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_capitals_of_aligned_phones_are_arpabets(data: Path) -> None:
    found = list(training.recorded(data, training.Aligner(), training.SpeechEncoder.load()))
    found_names = {NAMES[i] for each in found for i in each.shares.argmax(1).unique().tolist()}
    # "My mom put a big apple pie on a map by the pump. Bob and Pam may buy a brown bamboo box ..."
    assert "sibilant" in found_names and "postalveolar" not in found_names
