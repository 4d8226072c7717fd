"""Evaluation of speech: phones, pauses, seeds, drift, spans and the sweep."""

import csv

import numpy as np
import pytest

from gaia_core import FPS, SAMPLE_RATE
from gaia_core import landmarks as mesh
from gaia_core.evaluation import (
    closures,
    portraits,
    protocol,
    spans,
    speech_driven,
    sweep,
    variation,
)
from gaia_core.evaluation.tables import format_table
from gaia_core.media.audio import write_audio
from gaia_core.media.video import VideoWriter
from gaia_core.request import Request
from gaia_core.speech import phones
from gaia_core.speech.phones import Phone

pytestmark = pytest.mark.slow

PEOPLE = {"val": 1, "train": 1}


@pytest.fixture(scope="module")
def aligner():
    return phones.Aligner()


@pytest.fixture(scope="module")
def portrait(landmarker, photo):
    return portraits.detect_portrait(landmarker, "astronaut", photo)


@pytest.fixture(scope="module")
def said(aligner):
    return next(closures.spoken(aligner, closures.SENTENCES[0]))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, portrait):
    """A held-out still video with sound, and a training one with the same sound."""
    folder = tmp_path_factory.mktemp("data")
    text = "Tap my map."
    sound = closures.say(text, "hibari-us-female")
    write_audio(folder / "speech.wav", sound, SAMPLE_RATE)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "identity", "has_audio", "source", "transcript"))
        for part in ("train", "val"):
            (folder / "clips" / part).mkdir(parents=True)
            path = folder / "clips" / part / "a.mp4"
            with VideoWriter(path, 256, 256, folder / "speech.wav", {}) as video:
                for _ in range(len(sound) * FPS // SAMPLE_RATE):
                    video.write(portrait.crop)
            writer.writerow((f"{part}/a.mp4", part, "1", "made", text))
    (folder / "manifest.csv").rename(folder / "clips" / "manifest.csv")
    return folder


def test_phones_are_aligned(aligner, said):
    names = "".join(phone.name for phone in said.phones if phone.name in phones.BILABIAL)
    assert names == "MMMPBPPMPBPMP"  # My mom put a big apple pie on a map by the pump
    starts = [phone.start for phone in said.phones]
    assert starts == sorted(starts)
    assert all(phone.start < phone.end for phone in said.phones)
    # A pause put before it moves them all by as much.
    late = aligner.align(np.append(np.zeros(SAMPLE_RATE // 2, np.float32), said.waveform), TEXT)
    moved = [b.start - a.start for a, b in zip(_spoken(said.phones), _spoken(late), strict=True)]
    assert moved == pytest.approx([0.5] * len(moved), abs=0.08)


TEXT = closures.SENTENCES[0]


def _spoken(found):
    return [phone for phone in found if phone.name != phones.SILENCE]


def test_unknown_words_cannot_be_aligned(aligner, said):
    assert aligner.align(said.waveform, "My mom putt xqzzk") is None
    assert aligner.align(said.waveform, "") is None


def test_arabic_is_spelled_letter_by_letter(aligner):
    assert phones.spell_arabic("بِسْمِ") == ["B", "IH", "S", "M", "IH"]
    assert phones.spell_arabic("وُجُوهْ") == ["W", "UH", "JH", "UW", "HH"]
    assert phones.spell_arabic("...") == []
    sound = closures.say("bismi mama", "hibari-us-male")
    found = aligner.align(sound, "بِسْمِ مَامَا")
    assert [phone.name for phone in found if phone.name in phones.BILABIAL] == ["B", "M", "M", "M"]


def test_lips_are_measured_by_phone():
    aperture = np.full(100, 0.05)
    aperture[20:23] = 0.002  # closed from 0.8 to 0.92 s
    aperture[50:60] = 0.08
    aperture[90] = np.nan
    transcribed = [
        Phone("M", 0.86, 0.92),
        Phone("B", 1.4, 1.48),  # stays open
        Phone("AA", 2.0, 2.4),
        Phone("S", 0.92, 1.0),  # beside a closure
        Phone("S", 3.0, 3.1),
        Phone("P", 3.6, 3.7),  # lost
        Phone("W", 3.2, 3.3),
        Phone(phones.SILENCE, 3.3, 3.5),
    ]
    sound = np.random.default_rng(0).normal(size=4 * SAMPLE_RATE).astype(np.float32)
    lips = closures.Lips()
    lips.read(aperture, closures.Utterance("made", sound, transcribed))
    report = lips.report()
    assert (report["closures"], report["closed"], report["closed_elsewhere"]) == (2, 0.5, 0.5)
    assert report["vowel_aperture"] == pytest.approx(0.08)
    assert report["vowel_over_closure"] == pytest.approx(0.08 / 0.026)
    assert report["pauses"] == 0 and np.isnan(report["pause_spread"])


def test_pauses_are_silences():
    sound = np.random.default_rng(0).normal(size=4 * SAMPLE_RATE).astype(np.float32)
    sound[SAMPLE_RATE : 2 * SAMPLE_RATE] *= 0.01
    sound[3 * SAMPLE_RATE : 3 * SAMPLE_RATE + SAMPLE_RATE // 4] = 0  # too short
    assert speech_driven.pauses(sound) == [slice(FPS, 2 * FPS)]
    assert speech_driven.pauses(np.zeros(0, np.float32)) == []
    still, alive = np.full(100, 0.01), np.arange(100) / 100
    assert speech_driven.rest([(still, [slice(25, 50)])]) == (1, 0)
    count, moved = speech_driven.rest([(alive, [slice(25, 50), slice(90, 110)])])
    assert count == 1 and moved == pytest.approx(np.arange(25).std() / 100)


def test_the_protocol_of_phones_reports_by_voice(gaia, manifest, monkeypatch):
    monkeypatch.setattr(closures, "SENTENCES", ("Pop my map.",))
    report = protocol.evaluate(gaia, manifest, "phones", limit=1)
    kinds = report["phones"]
    high, known = "English, high voice", "English, high voice, heard in training"
    assert {"offline voice, female", "offline voice, male", high, known} < set(kinds)
    assert kinds[high]["real"]["closures"] == kinds[known]["real"]["closures"] == 4
    # The video is still.
    assert kinds[high]["real"]["closed"] == kinds[high]["real"]["closed_elsewhere"]
    assert "vowel_over_closure" in format_table(report)


def test_variation_compares_seeds(gaia, landmarker, portrait, said, monkeypatch):
    for name, value in (("SEEDS", 2), ("SEED_SECONDS", 1), ("DRIFT_SECONDS", 6)):
        monkeypatch.setattr(variation, name, value)
    monkeypatch.setattr(variation, "EDGE_SECONDS", 1)
    report = variation.measure(gaia, landmarker, [portrait], said.waveform)
    assert report["portraits"] == 1
    assert "drift" in format_table({"life": report, "identities": PEOPLE})


def test_a_rerendered_span_changes_nothing_else(gaia, landmarker, portrait, said, monkeypatch):
    monkeypatch.setattr(spans, "SECONDS", 1.6)
    monkeypatch.setattr(spans, "SPANS", ((0.6, 1.0), (1.2, 1.6)))
    report = spans.measure(gaia, landmarker, [portrait], said.waveform)
    assert report["spans"] == len(spans.SPANS)
    assert report["outside_identical"] is True
    assert report["changed"] > 0
    assert "join_acceleration" in format_table({"spans": report, "identities": PEOPLE})


def test_a_sweep_compares_settings(gaia, manifest, monkeypatch):
    monkeypatch.setattr(sweep, "STEPS", (2, 4))
    monkeypatch.setattr(sweep, "GUIDANCE", (1.0,))
    monkeypatch.setattr(sweep, "FRAMES", 30)
    report = protocol.evaluate(gaia, manifest, "sweep", limit=3)
    rows = report["sweep"]["settings"]
    assert [row["steps"] for row in rows] == [2, 4, Request.steps]
    assert rows[0]["yaw_spread"] != rows[1]["yaw_spread"]
    assert all(row["seconds"] > 0 for row in rows)
    table = format_table(report)
    assert "steps" in table and max(map(len, table.splitlines())) <= 110


def test_tracks_of_latents_equal_those_of_landmarks(make_autoencoder, encoder, crop_landmarks):
    model = make_autoencoder()
    own = model.encode_motion(crop_landmarks[None])
    track = sweep.as_track(model, own.repeat(5, 1))
    assert track.found.all() and track.landmarks.shape == (5, mesh.COUNT, 3)
    assert track.blinks() == []
