"""Reading and writing images, sound and video: content, synchronisation and errors."""

import io
import struct
import subprocess
import tracemalloc
import wave
import zlib
from itertools import islice
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pillow_heif
import psutil
import pytest
from PIL import Image, ImageCms

from gaia_core import SAMPLE_RATE
from gaia_core.errors import InputError
from gaia_core.media.audio import choose_sound, cut_audio, find_sound, read_audio, write_audio
from gaia_core.media.image import read_image, read_photo, viewable
from gaia_core.media.video import (
    VideoWriter,
    read_clip,
    read_recipe,
    read_video,
    transcode,
    write_webm,
)

RED, GREY = (200, 40, 40), 128


def tone(seconds: float, rate: int = SAMPLE_RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess:
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    return subprocess.run([exe, "-hide_banner", "-nostdin", "-y", *arguments], capture_output=True)


def halves() -> Image.Image:
    """Red on the left, black on the right: 40 x 20 px."""
    image = Image.new("RGB", (40, 20))
    image.paste(RED, (0, 0, 20, 20))
    return image


def one_sentence(error: pytest.ExceptionInfo) -> bool:
    text = str(error.value)
    return text.endswith(".") and "\n" not in text and ";" in text


# Images


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    halves().save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (40, 20, 3)
    assert np.abs(image[5, 10].astype(int) - RED).max() < 8 and image[35, 10].max() < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_alpha_becomes_mid_grey(tmp_path, mode):
    image = halves().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat([[255, 0]], 20, 0).repeat(20, 1).astype(np.uint8)))
    image.convert(mode).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert (read[:, 20:] == GREY).all()
    assert (read[:, :20, 0] > 60).all()


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_grey_keeps_its_range(tmp_path, order):
    ramp = np.linspace(0, 65535, 256).round().astype(order).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / ("a.png" if order == "<u2" else "a.tif"))
    read = read_image(next(tmp_path.iterdir()))
    assert (read == np.arange(256, dtype=np.uint8).reshape(16, 16, 1)).all()


def test_sixteen_bit_colour(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8, 3), (10 << 8, 20 << 8, 30 << 8), np.uint16))
    assert np.abs(read_image(tmp_path / "a.png").astype(int) - (30, 20, 10)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "YCbCr"])
def test_other_colour_spaces(tmp_path, mode):
    name = tmp_path / ("a.png" if mode == "1" else "a.jpg")
    halves().convert(mode).save(name, **({} if mode == "1" else {"quality": 95}))
    read = read_image(name)
    expected = np.asarray(halves().convert(mode).convert("RGB")).astype(int)
    assert read.shape == (20, 40, 3) and read.dtype == np.uint8
    assert np.abs(read - expected)[:, [5, 35]].max() < 10


def test_colour_profile_is_applied(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    grey = Image.new("LAB", (8, 8), (100, 128, 128))
    profiled = ImageCms.profileToProfile(
        grey, lab, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiled.save(tmp_path / "a.png", icc_profile=srgb)
    assert np.abs(read_image(tmp_path / "a.png").astype(int) - np.asarray(profiled)).max() <= 1
    profiled.save(tmp_path / "b.png", icc_profile=b"not a profile")
    assert (read_image(tmp_path / "b.png") == np.asarray(profiled)).all()


@pytest.mark.parametrize("suffix", ["heic", "heif"])
def test_heic_photos_of_telephones(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    halves().resize((400, 200)).save(
        tmp_path / f"a.{suffix}", "HEIF", exif=exif.tobytes(), icc_profile=srgb, quality=90
    )
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.shape == (400, 200, 3)
    assert np.abs(image[50, 100].astype(int) - RED).max() < 8 and image[350, 100].max() < 8


def test_the_main_image_of_a_heic_with_several_is_taken(tmp_path):
    images = pillow_heif.from_pillow(Image.new("RGB", (64, 64), (0, 0, 255)))
    images.add_from_pillow(Image.new("RGB", (64, 64), RED))
    images.save(tmp_path / "a.heic", primary_index=1, quality=90)
    assert np.abs(read_image(tmp_path / "a.heic")[32, 32].astype(int) - RED).max() < 8


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
@pytest.mark.parametrize("levels", [(0, 0, 255), (0, 20, 255), (255, 255, 255)])
def test_an_animations_black_start_is_skipped(tmp_path, suffix, levels):
    shown = np.asarray(halves().convert("L")) > 0
    frames = [Image.fromarray((shown * level).astype(np.uint8)) for level in levels]
    frames[0].putpixel((39, 0), 7)  # no two frames alike, which would be joined
    first = frames[0].convert("RGB")
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], duration=40)
    assert read_image(tmp_path / f"a.{suffix}")[:, :20].min() > 240


@pytest.mark.parametrize("kind", ["mpo", "motion"])
def test_the_first_image_of_a_jpeg_with_more_in_it(tmp_path, kind):
    if kind == "mpo":
        black = Image.new("RGB", (40, 20))
        halves().save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[black], quality=95)
    else:  # a film behind the photo
        halves().save(tmp_path / "a.jpg", quality=95)
        write_flash(tmp_path / "a.mp4", 3, None, None)
        with open(tmp_path / "a.jpg", "ab") as file:
            file.write((tmp_path / "a.mp4").read_bytes())
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (20, 40, 3) and np.abs(image[10, 5].astype(int) - RED).max() < 8


@pytest.mark.parametrize("suffix", ["heic", "tiff", "jp2"])
def test_photos_that_browsers_do_not_show_are_copied(tmp_path, suffix):
    halves().resize((400, 200)).save(tmp_path / f"a.{suffix}", "HEIF" if suffix == "heic" else None)
    copy = viewable(tmp_path / f"a.{suffix}")
    assert copy == tmp_path / "a.jpg" and viewable(copy) == copy
    original = read_image(tmp_path / f"a.{suffix}").astype(int)
    assert np.abs(read_image(copy) - original).mean() < 1
    halves().convert("RGBA").rotate(45).save(tmp_path / "b.tiff")
    _, matte = read_photo(tmp_path / "b.tiff")
    assert (read_photo(viewable(tmp_path / "b.tiff"))[1] == matte).all()


@pytest.mark.parametrize("suffix", ["jpg", "heic", "png"])
def test_large_photos_are_reduced(tmp_path, suffix):
    Image.new("RGB", (6000, 1500), RED).save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}").shape == (1024, 4096, 3)
    Image.new("RGB", (8064, 512), RED).save(tmp_path / f"b.{suffix}")  # as telephones' 48 MP
    assert read_image(tmp_path / f"b.{suffix}").shape == (256, 4032, 3)  # halved


def test_a_large_photo_keeps_its_orientation_and_its_transparency(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = halves().resize((8000, 40), Image.Resampling.NEAREST)
    image.putalpha(Image.fromarray(np.repeat([255, 0], 20)[:, None].repeat(8000, 1).astype("u1")))
    image.save(tmp_path / "a.png", exif=exif)
    photo, matte = read_photo(tmp_path / "a.png")
    assert photo.shape == (4000, 20, 3)
    assert (matte[:, :10] == 0).all() and (matte[:, 10:] == 255).all()
    assert (photo[:2000, 10:] == RED).all() and (photo[2000:, 10:] == 0).all()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9001, 12_000, 60_000])
def test_decompression_bombs_raise_by_declared_size(tmp_path, side):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") * 2)
    with pytest.raises(InputError, match="more than 80 megapixels") as error:
        read_image(tmp_path / "a.png")
    assert one_sentence(error)


@pytest.mark.parametrize(
    "damage", ["none", "empty", "text", "cut", "noise", "postscript", "folder"]
)
def test_invalid_images_raise(tmp_path, damage):
    path, buffer = tmp_path / "a.jpg", io.BytesIO()
    Image.effect_noise((200, 200), 90).save(buffer, "jpeg")
    whole = buffer.getvalue()
    if damage == "folder":
        path.mkdir()
    elif damage != "none":
        path.write_bytes(
            {
                "empty": b"",
                "text": b"hello",
                "cut": whole[: len(whole) // 2],
                "noise": whole[:20] + bytes(range(256)) * 9,
                "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
            }[damage]
        )
    with pytest.raises(InputError, match="a.jpg") as error:
        read_image(path)
    assert one_sentence(error)


def test_an_address_in_the_web_or_a_folder_is_no_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="a.jpg is an address in the web; download the file"):
        read_image("https://example.com/a.jpg")
    with pytest.raises(InputError, match=f"{tmp_path.name} is a folder; give a JPEG or PNG photo"):
        read_image(tmp_path)


# Sound


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "ogg", "flac", "webm", "mkv", "opus"])
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_any_container_keeps_its_time(tmp_path, suffix, rate):
    waveform = np.concatenate([np.zeros(rate), tone(0.5, rate), np.zeros(rate)])
    write_audio(tmp_path / "in.wav", waveform, rate)
    assert ffmpeg("-i", str(tmp_path / "in.wav"), "-ac", "2", str(tmp_path / f"a.{suffix}"))
    read = read_audio(tmp_path / f"a.{suffix}")
    assert read.dtype == np.float32 and read.ndim == 1 and np.abs(read).max() <= 1
    loud = np.flatnonzero(np.abs(read) > 0.25) / SAMPLE_RATE
    assert loud[0] == pytest.approx(1, abs=0.01) and loud[-1] == pytest.approx(1.5, abs=0.01)


# As browsers record, streamed and so without a length, and what telephones share.
RECORDED = {
    "safari.mp4": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"],
    "chrome.webm": ["-c:a", "libopus", "-f", "webm", "-live", "1"],
    "firefox.ogg": ["-c:a", "libopus", "-f", "ogg"],
    "stream.wav": ["-f", "wav"],
    "memo.aac": ["-c:a", "aac", "-f", "adts"],
}


@pytest.mark.parametrize("name", RECORDED)
def test_recordings_without_a_length_are_read_as_far_as_they_came(tmp_path, name):
    write_audio(tmp_path / "in.wav", tone(2), SAMPLE_RATE)
    whole = ffmpeg("-i", str(tmp_path / "in.wav"), *RECORDED[name], "pipe:1").stdout
    (tmp_path / name).write_bytes(whole)
    assert len(read_audio(tmp_path / name)) / SAMPLE_RATE == pytest.approx(2, abs=0.15)
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])  # an upload that broke off
    assert 0.3 < len(read_audio(tmp_path / name)) / SAMPLE_RATE < 1.3


def test_a_recording_that_lost_its_index_is_refused(tmp_path):
    write_audio(tmp_path / "in.wav", tone(2), SAMPLE_RATE)
    ffmpeg("-i", str(tmp_path / "in.wav"), str(tmp_path / "a.m4a"))
    whole = (tmp_path / "a.m4a").read_bytes()
    (tmp_path / "a.m4a").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="save it as WAV or MP3"):
        read_audio(tmp_path / "a.m4a")


def test_two_hours_are_refused_without_being_read(tmp_path):
    write_audio(tmp_path / "a.wav", tone(1), SAMPLE_RATE)
    seconds = 2 * 3600
    with open(tmp_path / "a.wav", "r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", 36 + 2 * SAMPLE_RATE * seconds))
        file.seek(40)
        file.write(struct.pack("<I", 2 * SAMPLE_RATE * seconds))
        file.truncate(44 + 2 * SAMPLE_RATE * seconds)  # sparse
    tracemalloc.start()
    with pytest.raises(InputError, match="is too long; cut it to at most 120 s"):
        read_audio(tmp_path / "a.wav")
    assert tracemalloc.get_traced_memory()[1] < 200e6  # bytes; the whole would be 460 MB
    tracemalloc.stop()


def test_written_sound_is_read_back(tmp_path):
    waveform = tone(1).astype(np.float32)
    write_audio(tmp_path / "a.wav", waveform, SAMPLE_RATE)
    assert np.abs(read_audio(tmp_path / "a.wav") - waveform).max() < 2 / 32767
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_silence_at_both_ends_is_found():
    hiss = np.random.default_rng(0).normal(size=SAMPLE_RATE) / 1000  # 45 dB below the tone
    waveform = np.concatenate([hiss, tone(0.5), hiss]).astype(np.float32)
    assert find_sound(waveform) == pytest.approx((0.9, 1.6), abs=0.03)
    assert find_sound(waveform[SAMPLE_RATE:-SAMPLE_RATE]) == (0, 0.5)
    assert find_sound(np.zeros(SAMPLE_RATE, np.float32)) == (0, 1)
    assert find_sound(np.zeros(7, np.float32)) == (0, 7 / SAMPLE_RATE)


@pytest.mark.parametrize("suffix", ["wav", "m4a", "opus"])
def test_sound_is_cut_with_its_channels(tmp_path, suffix):
    waveform = np.concatenate([np.zeros(SAMPLE_RATE), tone(0.5), np.zeros(SAMPLE_RATE)])
    write_audio(tmp_path / "in.wav", waveform, SAMPLE_RATE)
    assert ffmpeg("-i", str(tmp_path / "in.wav"), "-ac", "2", str(tmp_path / f"a.{suffix}"))
    cut_audio(tmp_path / f"a.{suffix}", tmp_path / "cut.wav", 0.75, 1.75)
    with wave.open(str(tmp_path / "cut.wav")) as file:
        assert (file.getnchannels(), file.getnframes() / file.getframerate()) == (2, 1)
    loud = np.flatnonzero(np.abs(read_audio(tmp_path / "cut.wav")) > 0.25) / SAMPLE_RATE
    assert loud[0] == pytest.approx(0.25, abs=0.01) and loud[-1] == pytest.approx(0.75, abs=0.01)


def test_a_failed_cut_leaves_no_file(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"hello")
    with pytest.raises(RuntimeError, match="could not be cut"):
        cut_audio(tmp_path / "a.wav", tmp_path / "cut.wav", 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def wav(seconds: float) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * round(seconds * SAMPLE_RATE)))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no file"),
        (b"", "empty"),
        (b"hello", "cannot be read|no sound"),
        (np.random.default_rng(0).bytes(20_000), "cannot be read|no sound"),
        (wav(1)[:30], "cannot be read|holds 0.00 s"),
        (wav(0), "holds 0.00 s"),
        (wav(0.1), "holds 0.10 s"),
        (wav(3.5), "too long; cut it to at most 3 s"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "cannot be read|no sound"),
    ],
)
def test_invalid_sound_raises(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_audio(tmp_path / "a.wav", max_seconds=3)
    assert one_sentence(error)


def test_a_file_without_a_sound_track(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 32, 32, None, {}) as video:
        video.write(np.zeros((32, 32, 3), np.uint8))
    halves().save(tmp_path / "a.jpg")
    for name in ("a.mp4", "a.jpg"):
        with pytest.raises(InputError, match="no sound"):
            read_audio(tmp_path / name)
        assert choose_sound(tmp_path / name) is None


def float_wav(samples: np.ndarray) -> bytes:
    """Samples (N, channels) of any value as a WAV file of 32-bit floats."""
    data, channels = samples.astype("<f4").tobytes(), samples.shape[1]
    kind = struct.pack("<HHIIHH", 3, channels, SAMPLE_RATE, 4 * channels * SAMPLE_RATE, 4, 32)
    head = b"WAVEfmt " + struct.pack("<I", 16) + kind + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 1e30, 32_767])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_that_are_no_sound_are_refused(tmp_path, sample, channels):
    samples = tone(1)[:, None].repeat(channels, 1)
    samples[5000, -1] = sample
    (tmp_path / "a.wav").write_bytes(float_wav(samples))
    with pytest.raises(InputError, match="export it again as 16-bit WAV") as error:
        read_audio(tmp_path / "a.wav")
    assert one_sentence(error)
    assert choose_sound(tmp_path / "a.wav") is None


def test_floats_over_full_scale_are_clipped(tmp_path):
    (tmp_path / "a.wav").write_bytes(float_wav(3 * tone(1)[:, None]))
    assert np.abs(read_audio(tmp_path / "a.wav")).max() == 1


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
@pytest.mark.parametrize("sides", [(1, -1), (-1, 0.9)])
def test_channels_that_cancel_each_other_are_heard(tmp_path, suffix, sides):
    (tmp_path / "in.wav").write_bytes(float_wav(tone(1)[:, None] * sides))
    path = tmp_path / f"a.{suffix}"
    ffmpeg("-i", str(tmp_path / "in.wav"), str(path))
    choice, heard = choose_sound(path), np.abs(read_audio(path)).max()
    side = ("left", "right")[choice.channel]
    assert side in str(choice.notice("a")) and choice.channel == int(np.argmax(np.abs(sides)))
    assert heard == pytest.approx(0.5, rel=0.1)
    cut_audio(path, tmp_path / "cut.flac", 0, 9, choice)
    assert np.abs(read_audio(tmp_path / "cut.flac")).max() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("sides", [(1, 1), (1, 0), (0, 1), (0.3, -1)])
def test_the_mix_of_ordinary_channels_is_kept(tmp_path, sides):
    (tmp_path / "a.wav").write_bytes(float_wav(tone(1)[:, None] * sides))
    assert choose_sound(tmp_path / "a.wav").notice("a") is None
    mix = tone(1) * np.sum(sides) * 0.5**0.5
    assert np.abs(read_audio(tmp_path / "a.wav") - mix).max() < 1e-6


def test_an_empty_first_track_hides_no_other(tmp_path):
    (tmp_path / "empty.wav").write_bytes(wav(1))
    write_audio(tmp_path / "full.wav", tone(1), SAMPLE_RATE)
    inputs = [
        part for name in ("empty", "empty", "full") for part in ("-i", f"{tmp_path / name}.wav")
    ]
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-map", "2", str(tmp_path / "a.mka"))
    choice = choose_sound(tmp_path / "a.mka")
    assert "so track 3 is used" in str(choice.notice("a.mka"))
    assert np.abs(read_audio(tmp_path / "a.mka")).max() == pytest.approx(0.5, rel=0.1)
    cut_audio(tmp_path / "a.mka", tmp_path / "cut.wav", 0, 1, choice)
    assert read_audio(tmp_path / "cut.wav").any()


def test_silence_is_told(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(1))
    assert "Nothing is heard in a.wav" in str(choose_sound(tmp_path / "a.wav").notice("a.wav"))
    assert not read_audio(tmp_path / "a.wav").any()


def test_a_playlist_opens_no_other_file(tmp_path):
    (tmp_path / "secret.wav").write_bytes(wav(1))
    (tmp_path / "a.wav").write_text("ffconcat version 1.0\nfile secret.wav\n")
    with pytest.raises(InputError):
        read_audio(tmp_path / "a.wav")


# Video


def write_flash(path: Path, frames: int, at: int | None, audio: Path | None, **recipe) -> None:
    with VideoWriter(path, 64, 48, audio, recipe) as video:
        for index in range(frames):
            video.write(np.full((48, 64, 3), 255 if index == at else 0, np.uint8))


@pytest.mark.parametrize("frames", [40, 75, 101])  # shorter than the sound, and longer
def test_sound_and_frames_are_synchronous(tmp_path, frames):
    click = np.zeros(3 * SAMPLE_RATE)
    click[SAMPLE_RATE : SAMPLE_RATE + 80] = 0.9
    write_audio(tmp_path / "click.wav", click, SAMPLE_RATE)
    write_flash(tmp_path / "a.mp4", frames, 25, tmp_path / "click.wav")
    pictures = list(read_video(tmp_path / "a.mp4"))
    sound = read_audio(tmp_path / "a.mp4")
    assert len(pictures) == frames
    assert len(sound) == frames * SAMPLE_RATE // 25
    assert [i for i, picture in enumerate(pictures) if picture.mean() > 128] == [25]
    assert np.flatnonzero(np.abs(sound) > 0.3)[0] / SAMPLE_RATE == pytest.approx(1, abs=0.002)
    # A player that ignores the edit list plays AAC's priming too: still under a frame.
    naive = ffmpeg("-ignore_editlist", "1", "-i", str(tmp_path / "a.mp4"), "-f", "f32le", "pipe:1")
    click = np.flatnonzero(np.abs(np.frombuffer(naive.stdout, "<f4")) > 0.3)[0] / 48_000
    assert abs(click - 1) < 1 / 25
    report = ffmpeg("-i", str(tmp_path / "a.mp4")).stderr.decode()
    assert f"Duration: 00:00:{frames / 25:05.2f}, start: 0.000000" in report


def test_sound_with_a_late_start_stays_late(tmp_path):
    write_audio(tmp_path / "a.wav", tone(0.5), SAMPLE_RATE)
    write_flash(tmp_path / "v.mp4", 50, None, None)
    late = ["-itsoffset", "0.4", "-i", str(tmp_path / "a.wav"), "-map", "0", "-map", "1"]
    ffmpeg("-i", str(tmp_path / "v.mp4"), *late, "-c:v", "copy", str(tmp_path / "late.mp4"))
    write_flash(tmp_path / "out.mp4", 50, 25, tmp_path / "late.mp4")
    for name in ("late.mp4", "out.mp4"):
        first = np.flatnonzero(np.abs(read_audio(tmp_path / name)) > 0.2)[0]
        assert first / SAMPLE_RATE == pytest.approx(0.4, abs=0.01)


def test_recipe_and_label_are_in_the_file(tmp_path):
    text = 'He said: "a=b; #c \\ d"\nünï 漢字 🙂 ' + "long " * 20_000
    write_flash(tmp_path / "a.mp4", 3, None, None, gaia_recipe=1, text=text, seed=7)
    assert read_recipe(tmp_path / "a.mp4") == {"gaia_recipe": 1, "text": text, "seed": 7}
    assert b"AI-generated" in ffmpeg("-i", str(tmp_path / "a.mp4")).stderr
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_recordings_tags_are_dropped(tmp_path):
    (tmp_path / "in.wav").write_bytes(wav(1))
    tags = ["-metadata", "artist=Jane Doe", "-metadata:s", "handler_name=Jane Doe"]
    ffmpeg("-i", str(tmp_path / "in.wav"), *tags, str(tmp_path / "in.m4a"))
    write_flash(tmp_path / "a.mp4", 3, None, tmp_path / "in.m4a")
    assert b"Jane Doe" in (tmp_path / "in.m4a").read_bytes()
    assert b"Jane Doe" not in (tmp_path / "a.mp4").read_bytes()


def test_writing_is_deterministic(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_flash(tmp_path / name, 30, 9, None)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_colours_are_kept(tmp_path):
    colours = [(220, 30, 30), (30, 220, 30), (30, 30, 220), (224, 172, 140)]
    with VideoWriter(tmp_path / "a.mp4", 33, 35, None, {}) as video:
        for colour in colours:
            video.write(np.full((35, 33, 3), colour, np.uint8))
    frames = list(read_video(tmp_path / "a.mp4"))
    assert frames[0].shape == (34, 32, 3)  # yuv420p holds even sizes only
    assert np.abs(np.stack(frames)[:, 9, 9].astype(int) - colours).max() <= 4


def test_other_frame_rates_are_resampled(tmp_path):
    write_flash(tmp_path / "a.mp4", 50, None, None)
    ffmpeg("-i", str(tmp_path / "a.mp4"), "-r", "30000/1001", str(tmp_path / "b.mp4"))
    assert len(list(read_video(tmp_path / "b.mp4"))) in (50, 51)


def film(path: Path, picture: np.ndarray, filters: str, *codec: str) -> np.ndarray:
    """Writes a still picture (H, W, 3) as a film and reads a frame of it as int."""
    Image.fromarray(picture).save(path.with_suffix(".png"))
    made = ["-loop", "1", "-t", "0.2", "-i", str(path.with_suffix(".png")), "-vf", filters]
    ffmpeg(*made, *codec, str(path))
    return next(read_video(path)).astype(int)


PATCHES = np.array([(224, 172, 140), (120, 80, 60), (128, 128, 128), (200, 40, 40), (30, 30, 220)])
PATCHES_PICTURE = PATCHES.astype(np.uint8)[None].repeat(32, 0).repeat(32, 1)
TO_709 = "scale=out_color_matrix=bt709:out_range=tv,setparams=colorspace=bt709,format="


@pytest.mark.parametrize(
    ("name", "pixels", "codec"),
    [
        ("a.mp4", "yuv420p10le", ["-c:v", "libx264"]),
        ("a.mp4", "yuv420p10le", ["-c:v", "libx265", "-tag:v", "hvc1"]),
        ("a.mov", "yuv422p10le", ["-c:v", "prores_ks"]),
        ("a.webm", "yuv420p10le", ["-c:v", "libvpx-vp9", "-cpu-used", "8"]),
        ("a.mp4", "yuv420p10le", ["-c:v", "libsvtav1"]),
        ("a.mov", "yuva444p12le", ["-c:v", "prores_ks"]),
    ],
)
def test_films_of_more_than_8_bits(tmp_path, name, pixels, codec):
    read = film(tmp_path / name, PATCHES_PICTURE, TO_709 + pixels, "-crf", "10", *codec)
    assert np.abs(read[16, 16::32] - PATCHES).max() <= 6


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_brought_to_sdr(tmp_path, transfer):
    to_hdr = (
        "setparams=colorspace=gbr:color_primaries=bt709:color_trc=iec61966-2-1:range=pc,"
        "format=gbrp,zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=2020,"
        f"zscale=transfer={transfer}:matrix=2020_ncl:range=tv:npl=203,format=yuv420p10le"
    )
    tags = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    codec = ["-c:v", "libx265", "-crf", "5", "-x265-params", tags]
    read = film(tmp_path / "a.mov", PATCHES_PICTURE, to_hdr, *codec)
    assert np.abs(read[16, 16::32] - PATCHES).max() <= 6


@pytest.mark.parametrize("limits", ["tv", "pc"])
def test_both_colour_ranges(tmp_path, limits):
    yuv = f"scale=out_color_matrix=bt709:out_range={limits},setparams=colorspace=bt709"
    codec = ["-c:v", "libx264", "-crf", "10", "-color_range", limits]
    read = film(tmp_path / "a.mp4", PATCHES_PICTURE, f"{yuv},format=yuv420p", *codec)
    assert np.abs(read[16, 16::32] - PATCHES).max() <= 6


def test_pixels_that_are_not_square_become_so(tmp_path):
    picture = np.zeros((60, 40, 3), np.uint8)
    read = film(tmp_path / "a.mp4", picture, "setsar=3/2,format=yuv420p", "-c:v", "libx264")
    assert read.shape == (60, 60, 3)
    clip = next(read_clip(tmp_path / "a.mp4"))
    assert clip.shape == (60, 40, 3), "a data set's clip is as it is stored"


def test_interlaced_frames_become_whole(tmp_path):
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[::2, :32] = picture[1::2, 32:] = 255  # a bar that has moved between the fields
    codec = ["-c:v", "libx264", "-crf", "1", "-x264-params", "tff=1"]
    read = film(tmp_path / "a.mp4", picture, "format=yuv444p,setfield=tff", *codec)
    combed = np.abs(np.diff(read[16:-16, 8:24, 1], axis=0)).mean()
    assert combed < 20 and read[32, 16, 1] > 200 and read[32, 48, 1] < 50


@pytest.mark.parametrize("longest", [64, 300])
def test_large_frames_are_reduced(tmp_path, longest):
    codec = ["-c:v", "libx264", "-crf", "10"]
    film(tmp_path / "a.mp4", PATCHES_PICTURE, TO_709 + "yuv444p", *codec)
    frame = next(read_video(tmp_path / "a.mp4", longest))
    assert frame.shape == ((13, 64, 3) if longest == 64 else (32, 160, 3))
    middles = np.linspace(0, frame.shape[1], 11).astype(int)[1::2]
    assert np.abs(frame[6, middles] - PATCHES).max() <= 8


def test_reading_can_stop_early(tmp_path):
    write_flash(tmp_path / "a.mp4", 200, None, None)
    frames = read_video(tmp_path / "a.mp4")
    assert len(list(islice(frames, 3))) == 3
    frames.close()


@pytest.mark.parametrize("content", [None, b"", b"hello", wav(1)])
def test_invalid_videos_raise(tmp_path, content):
    if content is not None:
        (tmp_path / "a.mp4").write_bytes(content)
    for read in (lambda path: list(read_video(path)), read_recipe):
        with pytest.raises(InputError) as error:
            read(tmp_path / "a.mp4")
        assert one_sentence(error)


def test_other_videos_have_no_recipe(tmp_path):
    write_flash(tmp_path / "a.mp4", 3, None, None)
    for description in ("hello", '{"a": ', "[1]", 20_000 * "["):
        other = tmp_path / "b.mp4"
        ffmpeg("-i", str(tmp_path / "a.mp4"), "-metadata", f"description={description}", str(other))
        with pytest.raises(InputError, match="carries no recipe"):
            read_recipe(other)


@pytest.mark.parametrize("folder", ["21:55", "50 %d", "it's #1 🙂"])
def test_relative_folders_of_any_name_are_written_to(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    place = Path(folder)
    place.mkdir()
    write_audio(place / "in.wav", tone(1), SAMPLE_RATE)
    write_flash(place / "a.mp4", 5, None, place / "in.wav")
    with VideoWriter(place / "b.mp4", 64, 48, place / "a.mp4", {}) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
        video.cut(place / "part.mp4")
    transcode(place / "a.mp4", place / "a.gif", [])
    write_webm(place / "a.webm", [np.zeros((48, 64, 4), np.uint8)], place / "a.mp4")
    cut_audio(place / "a.mp4", place / "cut.wav", 0, 0.2)
    made = ["a.gif", "a.mp4", "a.webm", "b.mp4", "cut.wav", "in.wav", "part.mp4"]
    assert sorted(path.name for path in place.iterdir()) == made
    assert all(path.stat().st_size for path in place.iterdir())


def fail_in_the_block(path: Path, audio: Path) -> None:
    with VideoWriter(path, 64, 48, audio, {}) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
        raise KeyError("stop")


def write_a_wrong_frame(path: Path, audio: Path) -> None:
    with VideoWriter(path, 64, 48, audio, {}) as video:
        video.write(np.zeros((48, 63, 3), np.uint8))


def write_nothing(path: Path, audio: Path) -> None:
    with VideoWriter(path, 64, 48, audio, {}):
        pass


def join_bad_sound(path: Path, audio: Path) -> None:
    write_flash(path, 3, None, audio)


def exceed_the_encoder(path: Path, audio: Path) -> None:
    with VideoWriter(path, 40_000, 2, None, {}) as video:
        for _ in range(20):
            video.write(np.zeros((2, 40_000, 3), np.uint8))


def miss_the_sound(path: Path, audio: Path) -> None:
    write_flash(path, 3, None, audio.with_name("none.wav"))


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (fail_in_the_block, KeyError),
        (write_a_wrong_frame, ValueError),
        (write_nothing, RuntimeError),
        (join_bad_sound, RuntimeError),
        (exceed_the_encoder, RuntimeError),
        (miss_the_sound, FileNotFoundError),
    ],
)
def test_a_failure_leaves_no_file(tmp_path, fail, error):
    audio = tmp_path / "audio.wav"
    audio.write_bytes(b"not audio")
    (tmp_path / "out.mp4").write_bytes(b"an earlier take")
    with pytest.raises(error) as raised:
        fail(tmp_path / "out.mp4", audio)
    if error is RuntimeError and fail is not write_nothing:
        assert "ffmpeg" in str(raised.value) and len(str(raised.value)) > 40
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audio.wav", "out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"an earlier take"


def test_a_closed_generator_leaves_no_file(tmp_path):
    def frames():
        with VideoWriter(tmp_path / "a.mp4", 64, 48, None, {}) as video:
            while True:
                video.write(np.zeros((48, 64, 3), np.uint8))
                yield

    running = frames()
    next(running)
    running.close()
    assert not list(tmp_path.iterdir())


FRAME = np.full((64, 64, 3), GREY, np.uint8)


def test_a_full_disk_raises_and_leaves_no_file(tmp_path):
    video = VideoWriter(tmp_path / "a.mp4", 64, 64, None, {})
    with pytest.raises(InputError, match="The disk is full; free some space"), video as writer:
        (part,) = tmp_path.iterdir()
        (part / "0.mp4").symlink_to("/dev/full")
        for _ in range(50):
            writer.write(FRAME)
    assert not list(tmp_path.iterdir())


def test_a_killed_encoder_leaves_no_file(tmp_path):
    video = VideoWriter(tmp_path / "a.mp4", 64, 64, None, {})
    with pytest.raises(RuntimeError, match="ffmpeg"), video as writer:
        writer.write(FRAME)
        (encoder,) = psutil.Process().children()
        encoder.kill()
        for _ in range(2000):
            writer.write(FRAME)
    assert not list(tmp_path.iterdir())
    assert not psutil.Process().children()
