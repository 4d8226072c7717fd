"""The protocol measures planted errors, and its report is complete."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from gaia_core import FPS, SAMPLE_RATE
from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.evaluation import (
    groups,
    portraits,
    protocol,
    reenactment,
    speech_driven,
    swap,
)
from gaia_core.evaluation.baselines import landmark_warp
from gaia_core.evaluation.protocol import evaluate
from gaia_core.evaluation.reenactment import METHODS, METRICS
from gaia_core.evaluation.tables import format_table
from gaia_core.media.audio import write_audio
from gaia_core.media.image import read_image
from gaia_core.media.video import VideoWriter

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[3] / "shared" / "data"

SIDE = 256

LENGTH = 40  # frames of a synthetic clip

DELAY = 1  # frames by which the fake model is late

JAW = (14, 17, 84, 314, 87, 317, 181, 405, 200, 199, 175, 152, 148, 377, 176, 400, 18, 83, 313)


class StillAutoencoder(nn.Module):
    """Returns the portrait for every motion."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def encode_motion(self, landmarks):
        return landmarks.flatten(-2)

    def encode_appearance(self, portrait, motion):
        return portrait

    def decode(self, appearance, motion, side):
        assert appearance.shape[-1] == side
        return appearance.expand(len(motion), -1, -1, -1)


class LateGaia:
    """Stage 1 does nothing; `animate` returns the real clip, delayed; the portrait in silence."""

    def __init__(self, clip):
        self.clip = clip
        self.networks = SimpleNamespace(autoencoder=StillAutoencoder())

    def animate(self, portrait, waveform, *, seed, steps, guidance):
        assert waveform.dtype == np.float32 and portrait.shape == (SIDE, SIDE, 3)
        for index in range(round(len(waveform) / SAMPLE_RATE * FPS)):
            yield self.clip[max(0, index - DELAY)] if waveform.any() else portrait


def openings(seed):
    """A smooth random track, px."""
    noise = np.random.default_rng(seed).normal(size=LENGTH + 8)
    return 9 * np.abs(np.convolve(noise, np.ones(3) / 3, "same"))[4:-4]


@pytest.fixture(scope="module")
def clip(crop, points):
    """A person with jaw motion and head roll."""
    frames = []
    for index, opening in enumerate(openings(0)):
        driving = points[:, :2].copy()
        driving[list(JAW), 1] += opening
        swing = cv2.getRotationMatrix2D((SIDE / 2, SIDE), 4 * np.sin(index / 6), 1)
        frames.append(
            cv2.warpAffine(
                landmark_warp(crop, points / SIDE, driving / SIDE),
                swing,
                (SIDE, SIDE),
                borderMode=cv2.BORDER_REPLICATE,
            )
        )
    return frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clip):
    """A data folder: two held-out people, one of them silent, and a training one."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("train", "val"):
        (folder / "clips" / part).mkdir(parents=True)
    noise = 0.1 * np.random.default_rng(0).normal(size=LENGTH * SAMPLE_RATE // FPS)
    write_audio(folder / "noise.wav", noise.astype(np.float32), SAMPLE_RATE)
    rows = [
        ("train/b.mp4", "b", "1", "one"),
        ("val/a0.mp4", "a", "1", "one"),
        ("val/a1.mp4", "a", "1", "one"),
        ("val/c0.mp4", "c", "0", "two"),
    ]
    for name, _, sound, _ in rows[1:]:
        audio = folder / "noise.wav" if sound == "1" else None
        with VideoWriter(folder / "clips" / name, SIDE, SIDE, audio, {}) as writer:
            for frame in clip:
                writer.write(frame)
    write_manifest(folder, rows)
    return folder


def write_manifest(folder, rows):
    with (folder / "clips" / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "identity", "has_audio", "source"))
        writer.writerows(rows)


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    return tmp_path_factory.mktemp("sheets")


@pytest.fixture(scope="module")
def report(folder, clip, sheets):
    return evaluate(LateGaia(clip), folder, "all", sheets=sheets)


def test_the_report_is_complete_json(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    for method in METHODS:
        measured = report["reenactment"][method]
        assert set(METRICS) <= measured.keys()
        assert all(np.isfinite(measured[name]) for name in METRICS)
        assert (measured["lost_faces"], measured["clips"], measured["people"]) == (0, 3, 2)
    assert report["reenactment"]["by_source"]["two"]["ours"]["clips"] == 1
    assert report["identities"] == {"val": 2, "train": 1, "shared": 0}


def test_protocols_of_portraits_need_portraits(report):
    assert set(report) == {"identities", *protocol.OF_CLIPS}


@pytest.mark.parametrize("trait", ["source", "skin", "glasses", "beard", "age"])
def test_groups_contain_every_clip_once(report, trait):
    found = report["reenactment"]
    counts = [methods["ours"]["clips"] for methods in found[f"by_{trait}"].values()]
    assert sum(counts) == found["ours"]["clips"]


def test_impressions_name_held_out_people():
    clips = [groups.Measured(name, {}) for name in ("id022", "nobody", "id277")]
    found = groups.impressions(clips)
    assert found["glasses"] == ["yes", "unknown", "no"] and found["age"][2] == "child"
    assert all(len(own) == 3 for own in found.values())


def test_a_person_is_in_one_skin_group():
    clips = [groups.Measured(name, {}) for name in ("a", "b", "a", "a")]
    assert groups.skins(clips, [45.0, 5.0, 30.0, 20.0]) == [
        groups.skin(30.0),
        groups.skin(5.0),
        groups.skin(30.0),
        groups.skin(30.0),
    ]


def test_swap_with_a_model_without_motion(report):
    found = report["swap"]["swapped"]
    assert (found["pairs"], found["lost_faces"]) == (2, 0)
    # Both people of the synthetic data have the same face, so that none is nearer.
    assert found["identity_l2_to_portrait"] == pytest.approx(found["identity_l2_to_driving"])
    assert found["nearer_to_portrait"] is None
    assert found["same_person"] == 1
    # A still face misses all of the motion.
    assert found["pose_deg"] > 0.5 and found["expression"] > 0.005


def test_swap_with_a_perfect_copy_of_the_motion(folder, landmarker):
    held = [
        portraits.track_clip(landmarker, folder / "clips" / f"val/{name}.mp4", name, name, 30, 3)
        for name in ("a0", "c0")
    ]
    compared = swap._compare(
        reenactment.Evaluators(landmarker),
        held[0],
        [2, 5],
        held[1].first(),
        [held[1].images[2], held[1].images[5]],
        np.zeros(128),
        np.ones(128),
    )
    assert compared["pose_deg"] < 0.3 and compared["expression"] < 0.01
    assert compared["to_portrait"] < compared["to_driving"]


def test_pairs_are_of_different_people():
    clips = [portraits.TrackedClip(name, name[0], [], []) for name in ("a1", "a2", "b1", "c1")]
    rendered = list(swap.pairs(clips, 99))
    assert len(rendered) == len(set((one.name, other.name) for one, other in rendered)) == 10
    assert all(one.identity != other.identity for one, other in rendered)
    assert len(list(swap.pairs(clips, 3))) == 3


def test_reenactment_measures_all_methods(report):
    found = report["reenactment"]
    assert found["ours"] == pytest.approx(found["still"])
    for better in ("perceptual", "perceptual_head", "mouth_l1", "akd_px", "apd_deg"):
        assert found["landmark_warp"][better] < found["still"][better], better
    for better in ("psnr", "psnr_head"):
        assert found["landmark_warp"][better] > found["still"][better], better
    for method in METHODS:
        assert found[method]["perceptual_head"] < found[method]["perceptual"]


def test_speech_measures_the_planted_delay(report):
    found = report["speech"]
    assert found["clips"] == 2  # those with sound
    assert found["best_lag_mean"] == DELAY
    assert found["lag_within_1"] == 1
    assert found["correlation_best"] > 0.95 > found["correlation_lag0"] > 0
    assert found["correlation_pooled"] == pytest.approx(found["correlation_lag0"], abs=0.05)
    assert found["ours"]["aperture_p95"] == pytest.approx(found["real"]["aperture_p95"], rel=0.1)
    assert found["ours"]["roll_spread"] == pytest.approx(found["real"]["roll_spread"], rel=0.2)
    assert found["silence_aperture_std"] < 1e-6


def test_sheets_show_every_clip(report, sheets):
    names = sorted(str(path.relative_to(sheets)) for path in sheets.rglob("*.png"))
    assert names == [
        *(f"reenactment/{name}.png" for name in ("a0", "a1", "c0")),
        *(f"speech/{name}.png" for name in ("a0", "a1")),
        "swap/a0_by_c0.png",
        "swap/c0_by_a0.png",
    ]
    sheet = read_image(sheets / "reenactment" / "a0.png")
    assert sheet.shape[1] == 8 * 160 and len(np.unique(sheet)) > 100


def test_the_table_names_methods_and_metrics(report):
    table = format_table(report)
    assert max(map(len, table.splitlines())) <= 110
    words = (
        "correlation_pooled",
        "blinks_per_minute",
        "by skin",
        "by age",
        "by glasses",
        "to_portrait",
    )
    for word in (*METHODS, *METRICS, *words):
        assert word in table


def test_still_lips_have_zero_correlation(points):
    shape = (30, mesh.COUNT, 3)
    rigid = speech_driven.Track(np.broadcast_to(points, shape).copy(), np.zeros((30, 2)))
    alive = np.broadcast_to(points, shape).copy()
    alive[:, mesh.LIP_BOTTOM, 1] += openings(1)[:30]
    found = speech_driven.compare([(rigid, speech_driven.Track(alive, np.zeros((30, 2))))])
    assert found["correlation_lag0"] == found["lag_within_1"] == 0
    assert found["clips_unreadable"] == 0


def test_no_clips_are_reported():
    assert speech_driven.compare([])["clips"] == 0


def test_lost_faces_are_counted(crop, landmarker):
    track = speech_driven.read_track(landmarker, [crop, np.zeros_like(crop)])
    assert track.found.tolist() == [True, False]
    assert np.isfinite(track.aperture).tolist() == [True, False]


def test_limit_spreads_over_identities(folder):
    clips, trained = protocol.read_manifest(folder)
    assert [clip.name for clip in trained] == ["b"]
    assert [clip.name for clip in protocol.spread(clips, 2)] == ["a0", "c0"]
    assert [clip.name for clip in protocol.spread(clips, None)] == ["a0", "c0", "a1"]


@pytest.mark.parametrize(
    "rows, words",
    [
        ([("train/x.mp4", "b", "1", "s")], "no clip under val/"),
        ([("train/x.mp4", "b", "1", "s"), ("val/y.mp4", "b", "1", "s")], "b .*nothing is held out"),
    ],
)
def test_data_that_is_not_held_out_raises(tmp_path, clip, rows, words):
    (tmp_path / "clips").mkdir()
    write_manifest(tmp_path, rows)
    with pytest.raises(InputError, match=words):
        evaluate(LateGaia(clip), tmp_path)


def test_unknown_options_raise(folder, clip, tmp_path):
    gaia = LateGaia(clip)
    with pytest.raises(
        InputError, match="resolution, mouths, calm, hard, control, instructions, steady, all"
    ):
        evaluate(gaia, folder, "lips")
    with pytest.raises(InputError, match="Limit is 0"):
        evaluate(gaia, folder, limit=0)
    with pytest.raises(InputError, match="manifest.csv is missing"):
        evaluate(gaia, tmp_path)
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "manifest.csv").write_bytes(b"file,source\nval/\xff.mp4,s\n")
    with pytest.raises(InputError, match="lacks the columns identity, has_audio"):
        evaluate(gaia, tmp_path)


@pytest.mark.skipif(not (DATA / "clips").is_dir(), reason="the training data is not here")
def test_the_warp_beats_the_still_portrait_on_real_people(clip):
    found = evaluate(LateGaia(clip), DATA, "reenactment", limit=1)
    assert found["identities"]["shared"] == 0
    warp, still = (found["reenactment"][name] for name in ("landmark_warp", "still"))
    for better in ("perceptual", "mouth_l1", "akd_px", "apd_deg"):
        assert warp[better] < still[better], better
