"""Raw videos become clips of one frontal face, with a report of what was dropped."""

import csv
import json
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.cli import main
from gaia_core.errors import InputError
from gaia_core.media.audio import write_audio
from gaia_core.media.video import VideoWriter, read_recipe, read_video
from gaia_core.motion.lips import predicted_aperture
from gaia_core.training import filters
from gaia_core.training.filters import (
    LOOSE,
    STRICT,
    Settings,
    Thresholds,
    Watched,
    eye_corners,
    judge,
    read_thresholds,
)
from gaia_core.training.pack import read_manifest
from gaia_core.training.prepare import prepare

SHOT = 30  # frames
SETTINGS = Settings(licence="public domain", held_out=0.0)


# Filters


def tracked(count: int, **changes) -> Watched:
    """A still frontal face."""
    fine = {
        "size": (640, 480),
        "cuts": [],
        "box": np.tile([200.0, 100.0, 360.0, 300.0], (count, 1)),
        "corners": np.full((count, 2), 35.0),
        "jitter": np.full(count, 0.005),
        "mouth": np.zeros(count),
        "faces": np.ones(count),
    }
    return Watched(**(fine | changes))


def outcomes(seen: Watched, sound: np.ndarray | None = None, settings: Settings = SETTINGS):
    return [
        (piece.start, piece.end, piece.outcome, piece.reason)
        for piece in judge(seen, sound, settings)
    ]


def test_a_frontal_face_without_sound_is_kept_silent():
    assert outcomes(tracked(100)) == [(0, 100, "silent", "no sound")]


def changed(name: str, value: float, column: int | None = None) -> Watched:
    """Frames 40 to 59 of 100 differ."""
    seen = tracked(100)
    values = getattr(seen, name).copy()
    values[40:60] = value if column is None else values[40:60]
    if column is not None:
        values[40:60, column] = value
    return replace(seen, **{name: values})


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (changed("box", np.nan), "no face"),
        (changed("faces", 2), "several faces"),
        (changed("corners", 10, 0), "turned away"),
        (changed("corners", 80, 1), "turned away"),
        (changed("jitter", 0.2), "trembles"),
    ],
)
def test_frames_that_fail_are_cut_out(seen, reason):
    kept = ("silent", "no sound")
    assert outcomes(seen) == [(0, 40, *kept), (40, 60, "dropped", reason), (60, 100, *kept)]


def test_small_and_cut_off_faces_are_dropped():
    small = np.tile([200.0, 100.0, 290.0, 210.0], (50, 1))
    assert outcomes(tracked(50, box=small)) == [(0, 50, "dropped", "small face")]
    edge = np.tile([-9.0, 100.0, 160.0, 300.0], (50, 1))
    assert outcomes(tracked(50, box=edge)) == [(0, 50, "dropped", "cut off")]


def test_a_face_that_jumps_is_split_there():
    seen = tracked(100)
    seen.box[50:] += 30
    reasons = [row[2:] for row in outcomes(seen)]
    assert reasons == [("silent", "no sound"), ("dropped", "moves"), ("silent", "no sound")]


def test_a_head_that_leaves_its_crop_is_dropped():
    seen = tracked(100)
    seen.box[:, [0, 2]] += np.linspace(-190, 270, 100)[:, None]
    assert [row[3] for row in outcomes(seen)] == ["wanders"]


def test_shots_are_split_and_long_ones_cut_into_equal_pieces():
    found = outcomes(tracked(700, cuts=[100, 110]))
    assert [row[:2] for row in found] == [(0, 100), (100, 110), (110, 307), (307, 503), (503, 700)]
    assert [row[3] for row in found][1] == "short"


@pytest.fixture
def speech(monkeypatch):
    """Speech in the first half, and lips with the correlation `match`."""
    match = {"lips": 0.5}
    monkeypatch.setattr(
        "gaia_core.training.filters.lips_follow", lambda mouth, sound: match["lips"]
    )
    monkeypatch.setattr(
        "gaia_core.training.filters.speaking", lambda sound, frames: np.arange(frames) < frames // 2
    )
    return match


def test_sound_is_kept_with_speech_and_matching_lips(speech):
    sound = np.zeros(4 * SAMPLE_RATE, np.float32)
    assert outcomes(tracked(100), sound) == [(0, 100, "kept", "")]
    # Two shots: the second is silent.
    assert [row[3] for row in outcomes(tracked(100, cuts=[50]), sound)] == ["", "no speech"]
    for match in (0.0, float("nan")):
        speech["lips"] = match
        assert [row[2:] for row in outcomes(tracked(100), sound)] == [
            ("silent", "lips and sound differ")
        ]


def test_lips_that_follow_the_sound_correlate_more_than_late_ones():
    generator = np.random.default_rng(0)
    loud = np.repeat(generator.uniform(0, 1, 20), SAMPLE_RATE // 5)  # 4 s, in fifths of a second
    sound = (loud * generator.normal(size=len(loud)) * 0.1).astype(np.float32)
    encoder, motion, denoiser = filters._networks()
    mouth = predicted_aperture(motion, denoiser, encoder.encode(sound).float()).numpy()
    assert len(mouth) == 100
    assert filters.lips_follow(3 * mouth + 0.1, sound) == pytest.approx(1)
    assert filters.lips_follow(mouth[:-2], sound) > 0.99  # a frame more or less
    assert filters.lips_follow(np.roll(mouth, 10), sound) < 0.5
    assert np.isnan(filters.lips_follow(np.full(100, 0.1), sound))


def test_thresholds_of_sound_are_stricter(speech):
    sound = np.zeros(4 * SAMPLE_RATE, np.float32)
    turned = changed("corners", 22, 0)  # loose, but not strict
    assert outcomes(turned, sound) == [(0, 100, "silent", "turned away")]
    turned.corners[43:60] = 35  # three of a hundred frames
    assert outcomes(turned, sound) == [(0, 100, "kept", "")]


def test_eye_corners_measure_yaw_and_not_roll(photo_face):
    first, second = eye_corners(photo_face.landmarks)
    assert LOOSE.corners[0] < min(first, second) and max(first, second) < LOOSE.corners[1]
    angle = np.radians(25)
    tilt = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilted = np.concatenate([photo_face.landmarks[:, :2] @ tilt.T, photo_face.landmarks[:, 2:]], 1)
    assert eye_corners(tilted) == pytest.approx((first, second), abs=1e-3)
    turned = photo_face.landmarks.copy()
    turned[4, 0] += 0.15 * photo_face.width  # the nose points sideways
    assert abs(np.subtract(*eye_corners(turned))) > abs(first - second) + 10


# Films


def shot(image: np.ndarray, step: float = 0.3):
    """The image, slowly moving to the left."""
    for index in range(SHOT):
        moved = np.array([[1, 0, -step * index], [0, 1, 0]])
        yield cv2.warpAffine(image, moved, (640, 480), borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def raw(tmp_path_factory, photo, photo_face):
    """One person seen from near, not at all, from afar and in company; one who is silent."""
    folder = tmp_path_factory.mktemp("raw")
    face = photo[:240, 100:420]  # 320 x 240 around the face
    near = cv2.resize(face, (640, 480), interpolation=cv2.INTER_CUBIC)
    wall = np.full((480, 640, 3), (40, 90, 60), np.uint8)
    far = wall.copy()
    far[200:320, 240:400] = cv2.resize(face, (160, 120), interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (round(x) for x in photo_face.box)
    head = photo[top - 25 : bottom + 25, left - 15 : right + 15]
    head = cv2.resize(head, None, fx=1.3, fy=1.3, interpolation=cv2.INTER_CUBIC)
    both = near.copy()  # somebody else is close by
    x, y = 2 * (right - 100) - 10, 2 * top + 120
    both[y : y + len(head), x : x + head.shape[1]] = head
    sound = folder / "noise.wav"
    noise = np.random.default_rng(0).normal(0, 0.05, 6 * SAMPLE_RATE)
    write_audio(sound, noise, SAMPLE_RATE)
    videos = {
        "ann/story.mp4": ([*shot(near), *shot(wall), *shot(far), *shot(both, 0.0)], sound),
        "eve.mp4": ([*shot(near)], None),
    }
    for name, (frames, track) in videos.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with VideoWriter(folder / name, 640, 480, track, {}) as writer:
            for frame in frames:
                writer.write(np.ascontiguousarray(frame))
    sound.unlink()
    (folder / "broken.mp4").write_bytes(b"no film")
    return folder


@pytest.fixture(scope="module")
def prepared(raw, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return out, prepare(raw, out, SETTINGS, workers=1)


def report(out) -> list[dict[str, str]]:
    with open(out / "clips" / "report.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_video_is_split_into_shots_and_small_faces_are_dropped(prepared):
    out, summary = prepared
    story = [row for row in report(out) if row["film"] == "ann/story.mp4"]
    seconds = Counter()
    for row in story:
        seconds[row["reason"]] += round(FPS * (float(row["end"]) - float(row["start"])))
    assert sum(seconds.values()) == 4 * SHOT
    assert seconds["no speech"] >= SHOT - 2  # near, and noise is no speech
    assert seconds["no face"] >= SHOT - 2
    assert seconds["small face"] + seconds["no face"] >= 2 * SHOT - 4
    assert seconds["several faces"] >= SHOT / 2
    assert summary.clips == 2 and "kept" not in summary.seconds


@pytest.mark.slow
def test_clips_are_crops_of_the_head_that_pack_reads(prepared, landmarker):
    out, _ = prepared
    clips = read_manifest(out, "train")
    assert [(clip.identity, clip.has_audio) for clip in clips] == [("eve", False), ("ann", False)]
    for clip in clips:
        frames = list(read_video(out / "clips" / clip.file))
        assert frames[0].shape == (256, 256, 3) and SHOT - 2 <= len(frames) <= SHOT
        face = next(landmarker.track(frames[:1]))
        assert face.width / 256 == pytest.approx(0.46, abs=0.08)
    with open(out / "clips" / "manifest.csv", newline="") as file:
        (row, _) = csv.DictReader(file)
    assert row["licence"] == "public domain" and float(row["crop_px"]) > 200
    with pytest.raises(InputError, match="no recipe"):  # real people are not AI-generated
        read_recipe(out / "clips" / row["file"])


@pytest.mark.slow
def test_a_video_that_cannot_be_read_is_reported(prepared):
    (row,) = [row for row in report(prepared[0]) if row["film"] == "broken.mp4"]
    assert row["reason"] == "unreadable" and "broken.mp4" in row["measured"]


@pytest.mark.slow
def test_a_second_run_processes_new_videos_only(prepared, raw, tmp_path, monkeypatch):
    out, first = prepared
    seen = []

    def track_faces(video):
        seen.append(video.name)
        return tracked(50)

    monkeypatch.setattr("gaia_core.training.prepare.track_faces", track_faces)
    monkeypatch.setattr("gaia_core.training.prepare._cut_out", lambda *_: None)
    assert prepare(raw, out, SETTINGS, workers=1) == first and not seen
    # A note that a broken run left behind half written is none.
    note = next((out / "clips" / "films").glob("eve*.json"))
    whole = note.read_text()
    note.write_text(whole[:20])
    prepare(raw, out, SETTINGS, workers=1)
    assert seen == ["eve.mp4"]
    # Other thresholds process all again.
    prepare(raw, out, replace(SETTINGS, loose=Thresholds(width=90)), workers=1)
    assert Counter(seen) == {"eve.mp4": 2, "story.mp4": 1, "broken.mp4": 1}


# The command


@pytest.mark.slow
def test_prepare_prints_a_summary(tmp_path, photo, capsys, monkeypatch):
    (tmp_path / "raw").mkdir()
    with VideoWriter(tmp_path / "raw" / "ann.mp4", 64, 64, None, {}) as writer:
        for _ in range(50):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    monkeypatch.setattr("gaia_core.training.prepare.track_faces", lambda video: tracked(50))
    monkeypatch.setattr("gaia_core.training.prepare._cut_out", lambda *_: None)
    changes = tmp_path / "thresholds.json"
    changes.write_text(json.dumps({"loose": {"seconds": [1, 1.25]}}))
    command = ["prepare", str(tmp_path / "raw"), "--out", str(tmp_path / "out")]
    assert main([*command, "--thresholds", str(changes), "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "2 clips" in out and "no sound" in out and "manifest.csv" in out
    assert main(["prepare", str(tmp_path / "out"), "--out", str(tmp_path / "out")]) == 1
    assert "holds no films" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", '{"loose": {"size": 3}}', '{"strict": {"lips": "x"}}'])
def test_bad_thresholds(tmp_path, text):
    path = tmp_path / "thresholds.json"
    path.write_text(text)
    with pytest.raises(InputError, match="corners"):
        read_thresholds(path)


def test_thresholds_can_be_changed_one_by_one(tmp_path):
    path = tmp_path / "thresholds.json"
    path.write_text('{"strict": {"lips": 0.3, "corners": [30, 40]}}')
    loose, strict = read_thresholds(path)
    assert loose == LOOSE and strict == replace(STRICT, lips=0.3, corners=(30, 40))
