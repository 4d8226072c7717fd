"""Exports: their content, label, and errors."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from gaia_core import SAMPLE_RATE
from gaia_core.cli import main
from gaia_core.errors import InputError
from gaia_core.media import exports
from gaia_core.media.audio import choose_sound, write_audio
from gaia_core.media.grid import side_by_side
from gaia_core.media.image import MID_GREY, read_photo
from gaia_core.media.label import COMMENT, draw_label
from gaia_core.media.video import VideoWriter, read_video
from gaia_core.pipeline import Gaia
from gaia_core.request import Request, Result, Word

pytestmark = pytest.mark.slow

SIDE, FRAMES = 128, 20


def scene(shift: int) -> tuple[np.ndarray, np.ndarray]:
    """A patterned disc on mid-grey that has moved to the right: (H, W, 3) and its matte (H, W)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (x - 64 - shift) ** 2 + (y - 56) ** 2 < 32**2
    pattern = 128 + 100 * np.sin((x - shift) / 3) * np.sin(y / 4)
    picture = np.where(inside[..., None], pattern[..., None] * [1, 0.8, 0.6], MID_GREY)
    return picture.astype(np.uint8), (255 * inside).astype(np.uint8)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """A disc that moves by 6 px in 20 frames, with sound and the visible label."""
    folder = tmp_path_factory.mktemp("video")
    write_audio(folder / "tone.wav", np.sin(np.arange(SAMPLE_RATE) / 9), SAMPLE_RATE)
    path = folder / "take.mp4"
    with VideoWriter(path, SIDE, SIDE, folder / "tone.wav", {"label": True}) as video:
        for i in range(FRAMES):
            frame = scene(round(6 * i / (FRAMES - 1)))[0]
            video.write(draw_label(frame))
    return path


@pytest.fixture(scope="module")
def cutout() -> np.ndarray:
    return np.dstack(scene(0))


def rgba(path: Path, side: int = SIDE) -> np.ndarray:
    """The frames of a square WebM with their transparency, (T, H, W, 4)."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-c:v", "libvpx-vp9", "-i", str(path)]
        + ["-f", "rawvideo", "-pix_fmt", "rgba", "-"],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, side, side, 4)


def test_a_gif_is_small_and_moves(video):
    path = exports.make("gif", video)
    with Image.open(path) as gif:
        assert gif.n_frames == pytest.approx(FRAMES / 25 * exports.GIF_RATE, abs=1)
        assert gif.info["duration"] == 80 and gif.info["loop"] == 0
        assert gif.size == (SIDE, SIDE)
        assert gif.info["comment"].decode() == COMMENT
        first = np.asarray(gif.convert("RGB"), float)
        gif.seek(gif.n_frames - 1)
        assert np.abs(np.asarray(gif.convert("RGB"), float) - first).mean() > 5
        assert np.abs(first - draw_label(scene(0)[0])).mean() < 12


def test_a_wide_gif_keeps_its_shape(tmp_path):
    with VideoWriter(tmp_path / "wide.mp4", 800, 400, None, {}) as video:
        video.write(np.zeros((400, 800, 3), np.uint8))
        video.write(np.zeros((400, 800, 3), np.uint8))
    with Image.open(exports.make("gif", tmp_path / "wide.mp4")) as gif:
        assert gif.size == (exports.GIF_SIDE, exports.GIF_SIDE // 2)


def test_a_poster_is_the_first_frame(video):
    with Image.open(exports.make("poster", video)) as image:
        assert image.text["Comment"] == COMMENT
        poster = np.asarray(image, float)
    assert np.abs(poster - next(read_video(video))).max() == 0


def test_subtitles_are_lines_of_words():
    words = [Word("Hello,", 0.1, 0.4), Word("you & me.", 0.5, 0.9), Word("Then", 2.0, 2.2)]
    words += [Word(f"word{i}", 3 + i / 4, 3.2 + i / 4) for i in range(12)]
    text = exports.vtt(words)
    head, note, *cues = text.strip().split("\n\n")
    assert head == "WEBVTT" and COMMENT in note
    assert cues[0] == "00:00:00.100 --> 00:00:00.900 line:-4\nHello, you &amp; me."
    assert cues[1] == "00:00:02.000 --> 00:00:02.200 line:-4\nThen"
    lines = [line for cue in cues for line in cue.split("\n")[1:]]
    assert all(len(line) <= exports.CUE_LETTERS for line in lines)
    assert [len(cue.split("\n")) for cue in cues] == [2, 2, 3]  # with the times
    assert abs(len(lines[2]) - len(lines[3])) <= 8  # no line has a single word
    assert " ".join(lines).split() == [
        part for w in words for part in w.text.replace("&", "&amp;").split()
    ]
    assert exports.vtt([Word("late", 3725.5, 3726.0)]).count("01:02:05.500 --> 01:02:06.000") == 1


@pytest.mark.parametrize(
    ("spoken", "text"),
    [
        ("Hello you Is it me", "Hello, you! (Is it me?)"),
        ("well known to a T", "well-known to “a T”…"),
        ("你好 世界", "你好，世界。"),
        ("C++ is 3.5", "C++ is 3.5."),
    ],
)
def test_subtitles_have_the_spelling_of_the_text(spoken, text):
    words = [Word(word, float(i), i + 0.5) for i, word in enumerate(spoken.split())]
    matched = exports.written(words, text)
    assert "".join(w.text for w in matched) == re.sub(r"\s", "", text)
    assert [(w.start, w.end) for w in matched] == [(w.start, w.end) for w in words]


def test_words_that_differ_from_the_text_are_kept():
    spoken = ("At", "nine", "thirty", "a", "man")
    words = [Word(word.lower(), float(i), i + 0.5) for i, word in enumerate(spoken)]
    matched = exports.written(words, "At 9:30, a man.")
    assert [w.text for w in matched] == [*spoken[:-1], "man."]
    assert exports.written(words, "") == words


def test_missing_words_or_cutouts_raise(video):
    with pytest.raises(InputError, match="times of words"):
        exports.make("vtt", video)
    with pytest.raises(InputError, match="transparency"):
        exports.make("webm", video)


def test_the_matte_follows_the_motion(video, cutout):
    frames = rgba(exports.make("webm", video, cutout=cutout))
    assert len(frames) == FRAMES
    label = slice(0, 100)  # above the label
    for index, shift in ((0, 0), (FRAMES - 1, 6)):
        expected = scene(shift)[1][label] > 127
        got = frames[index, label, :, 3] > 127
        overlap = (expected & got).sum() / (expected | got).sum()
        assert overlap > 0.95, (index, overlap)
    still = scene(0)[1][label] > 127
    last = frames[-1, label, :, 3] > 127
    assert (still & last).sum() / (still | last).sum() < 0.9  # it has moved
    inside = frames[0, 40:70, 50:80]
    assert np.abs(inside[..., :3].astype(float) - scene(0)[0][40:70, 50:80]).mean() < 12


def test_the_label_stays_opaque(video, cutout):
    corner = rgba(exports.make("webm", video, cutout=cutout))[0, 110:, 64:, 3]
    assert corner.max() > 120 and corner.min() < 20
    assert choose_sound(video.with_suffix(".webm"))


def test_a_matte_is_read_if_present(tmp_path):
    picture, matte = scene(0)
    Image.fromarray(picture).save(tmp_path / "plain.png")
    assert read_photo(tmp_path / "plain.png")[1] is None
    Image.fromarray(np.dstack([picture, np.full_like(matte, 255)])).save(tmp_path / "opaque.png")
    assert read_photo(tmp_path / "opaque.png")[1] is None
    Image.fromarray(np.dstack([picture, matte])).save(tmp_path / "cut.png")
    assert np.array_equal(read_photo(tmp_path / "cut.png")[1], matte)
    with pytest.raises(InputError):
        read_photo(tmp_path / "missing.png")


def test_videos_side_by_side(video, tmp_path):
    short = tmp_path / "short.mp4"
    with VideoWriter(short, 2 * SIDE, 2 * SIDE, None, {}) as writer:
        for _ in range(5):
            writer.write(np.full((2 * SIDE, 2 * SIDE, 3), 200, np.uint8))
    out = tmp_path / "both.mp4"
    side_by_side([video, short], ["A", "B, with a name that is far too long for its column"], out)
    frames = list(read_video(out))
    assert len(frames) == FRAMES and frames[0].shape[1] == 2 * SIDE
    head = frames[0].shape[0] - SIDE
    assert head >= 24
    assert frames[-1][head:, SIDE:].mean() == pytest.approx(200, abs=4)  # its last frame is kept
    assert np.abs(frames[0][head:, :SIDE].astype(float) - next(read_video(video))).mean() < 6
    assert frames[0][:head].max() > 150  # the names
    assert choose_sound(out)
    side_by_side([video, short, video], ["A", "B", "C"], out, columns=2)
    grid = next(read_video(out))
    assert grid.shape[1] == 2 * SIDE and grid.shape[0] == 2 * (SIDE + head)
    assert grid[-SIDE:, SIDE:].max() < 20, "no fourth"
    assert np.abs(grid[-SIDE:, :SIDE].astype(float) - next(read_video(video))).mean() < 6
    with pytest.raises(ValueError, match="names"):
        side_by_side([video], [], out)


def test_a_transparent_portrait_by_the_command_line(gaia, photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Gaia, "load", lambda *_: gaia)
    matte = np.zeros(photo.shape[:2], np.uint8)
    matte[:, 180:280] = 255  # within the crop, which goes from 127 to 325
    Image.fromarray(np.dstack([photo, matte])).save(tmp_path / "cut.png")
    write_audio(tmp_path / "speech.wav", np.sin(np.arange(8000) / 9), SAMPLE_RATE)
    out = tmp_path / "take.mp4"
    given = ["--portrait", tmp_path / "cut.png", "--speech", tmp_path / "speech.wav"]
    given += ["--out", out, "--size", "256", "--steps", "2", "--also", "gif", "poster", "webm"]
    given += ["--seed", 1]
    assert main(["animate", *map(str, given)]) == 0
    out_text = capsys.readouterr().out
    for suffix in (".gif", ".png", ".webm"):
        assert out.with_suffix(suffix).stat().st_size
        assert str(out.with_suffix(suffix)) in out_text
    opacity = rgba(out.with_suffix(".webm"), 256)[0, ..., 3]
    assert opacity.max() > 250 and opacity.min() < 20


def test_a_result_has_measures_and_a_cutout(gaia, photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    write_audio(tmp_path / "speech.wav", np.sin(np.arange(16000) / 9), SAMPLE_RATE)
    request = Request(tmp_path / "photo.png", tmp_path / "speech.wav", size="256", steps=2)
    *_, result = gaia.generate(request, tmp_path / "take.mp4")
    assert result.cutout is None
    found = gaia.measure(result)
    assert found.steadiness > 0 and found.yaw >= 0
    assert gaia.measure(Result(result.video, result.recipe, result.frames)) is None
