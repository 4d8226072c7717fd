"""Images, audio and video, in and out: the only caller of ffmpeg and of image codecs.

What a user gives is opened as a file descriptor and no other protocol is allowed, so that a
playlist posing as a recording cannot make ffmpeg open anything else. What is written appears
under its name whole or not at all. Knows nothing of faces and models.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tempfile
import threading
import wave
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageCms, ImageOps

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.errors import InputError, disk_full

LABEL = "AI-generated"
COMMENT = f"{LABEL}: this video was made by GAIA from a photo and speech."  # in every file
MAX_SIDE = 4096  # px; larger photos are reduced
MAX_MEGAPIXELS = 80
MIN_SECONDS, MAX_SECONDS = 0.2, 120.0  # of a visitor's recording

# Formats whose decoders run inside this process; EPS, for one, would start Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
MID_GREY = 128
# sRGB to BT.709, said so in the stream: untagged colours are guessed by the picture's size.
_TO_YUV = (
    "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0,scale=out_color_matrix=bt709:out_range=tv,"
    "format=yuv420p,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
# A rate that browsers like, at which even a player that ignores AAC's priming is 21 ms late.
_AAC_RATE = 48_000


def read_image(path: Path | str) -> np.ndarray:
    """A photo as uint8 (H, W, 3) sRGB, upright, its longest side at most `MAX_SIDE`.

    EXIF rotation and colour profiles are applied; what is transparent becomes mid-grey.

    Raises:
        InputError: not a readable image, or its declared size is over `MAX_MEGAPIXELS`.
    """
    return _to_rgb(_open(Path(path)))


def read_matte(path: Path | str) -> np.ndarray | None:
    """How opaque a photo is, uint8 (H, W) of the size that `read_image` gives; None if all is.

    Raises:
        InputError: as `read_image`.
    """
    image = _open(Path(path))
    if not image.has_transparency_data:
        return None
    matte = image.convert("RGBA").getchannel("A")
    matte.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    opacity = np.array(matte)
    return None if opacity.min() == 255 else opacity


def read_audio(
    path: Path | str, max_seconds: float = MAX_SECONDS, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """The first sound track of a file as float32 (N,) mono in [-1, 1].

    Raises:
        InputError: empty, damaged, without sound, under `MIN_SECONDS` or over `max_seconds`.
    """
    path = Path(path)
    _check_file(path, "a recording, for example WAV, MP3 or M4A")
    done = _run(
        [*_untrusted(), "-map", "0:a:0", "-af", _from_zero(sample_rate), "-ac", "1"],
        ["-t", str(max_seconds + 1), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"],
        source=path,
    )
    waveform = np.frombuffer(done.stdout, "<f4")
    if "matches no streams" in done.errors:
        raise InputError(f"{path.name} has no sound; give a file with speech in it.")
    if done.code or (not len(waveform) and done.errors):
        raise InputError(
            f"{path.name} cannot be read as audio; save it as WAV or MP3 and try again."
        )
    seconds = len(waveform) / sample_rate
    if seconds < MIN_SECONDS:
        raise InputError(
            f"{path.name} holds {seconds:.2f} s of sound; give at least {MIN_SECONDS} s."
        )
    if seconds > max_seconds:
        raise InputError(f"{path.name} is too long; cut it to at most {max_seconds:g} s.")
    waveform = np.nan_to_num(waveform)
    return np.clip(waveform, -1, 1, out=waveform)


def length(path: Path | str) -> float | None:
    """Seconds that a recording or a video says it lasts; None if it does not say, or is neither."""
    said = _run(["-v", "info", *_untrusted()], source=Path(path)).errors
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", said)
    if found is None:
        return None
    hours, minutes, seconds = (float(part) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def has_sound(path: Path | str | None) -> bool:
    """Whether `read_audio` can read a file; there is none in None."""
    if path is None:
        return False
    try:
        read_audio(path)
    except InputError:
        return False
    return True


def write_audio(path: Path | str, waveform: np.ndarray, sample_rate: int) -> None:
    """Writes float (N,) in [-1, 1] as a 16-bit mono WAV file."""
    path = Path(path)
    if waveform.ndim != 1:
        raise ValueError(f"the waveform has shape {waveform.shape}, not (N,)")
    samples = (np.clip(waveform, -1, 1) * 32767).round().astype("<i2")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".gaia-") as folder:
        part = Path(folder, path.name)
        with wave.open(str(part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes(samples.tobytes())
        os.replace(part, path)


def read_video(path: Path | str) -> Iterator[np.ndarray]:
    """The frames of a video, uint8 (H, W, 3), at 25 a second whatever its own rate.

    Closing the iterator ends ffmpeg.

    Raises:
        InputError: not a readable video.
    """
    path = Path(path)
    _check_file(path, "a video, for example MP4")
    count = 0
    with open(path, "rb") as source:
        # PPM states each frame's size, so that ffmpeg's messages need no parsing.
        ffmpeg = _Ffmpeg(
            [*_untrusted(), "-map", "0:v:0", "-vf", f"fps={FPS}"],
            ["-c:v", "ppm", "-f", "image2pipe", "pipe:1"],
            stdin=source,
            stdout=subprocess.PIPE,
        )
        try:
            while (frame := _read_ppm(ffmpeg.stdout)) is not None:
                count += 1
                yield frame
            code = ffmpeg.wait()
        finally:
            ffmpeg.kill()
    if code or not count:
        raise InputError(
            f"{path.name} cannot be read as a video; save it as MP4 (H.264) and try again."
        )


class VideoWriter:
    """Frames to an H.264 mp4 with sound, the label `LABEL` and the recipe in its metadata.

    A context manager: the file appears when the block ends well, and not at all otherwise.
    The sound starts with the first frame and is cut or filled with silence to the last one's end.
    Odd sizes lose their last row or column, which yuv420p cannot hold.

    Args:
        audio: any file with a sound track, or None for a silent film.
        recipe: JSON values, see `read_recipe`; None for a film that is not made but cut out of
            another, which then carries neither label nor recipe.

    Raises:
        FileNotFoundError: no such audio file or folder.
        InputError: the disk is full.
        RuntimeError: ffmpeg failed; carries its message.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        audio: Path | None,
        recipe: dict[str, Any] | None,
        fps: int = FPS,
    ) -> None:
        if width < 2 or height < 2:
            raise ValueError(f"a frame of {width} x {height} px is too small for a video")
        if audio is not None and not Path(audio).is_file():
            raise FileNotFoundError(audio)
        self.path, self.shape = Path(path), (height, width, 3)
        self.audio, self.recipe, self.fps = audio, recipe, fps
        self.frames = self.cut_at = 0

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            self._folder = Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".gaia-")
                )
            )
            self._parts: list[Path] = []
            self._ffmpeg: _Ffmpeg | None = None
            stack.callback(self._kill)
            self._stack = stack.pop_all()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Adds a frame, uint8 (height, width, 3)."""
        if frame.shape != self.shape or frame.dtype != np.uint8:
            raise ValueError(f"a frame is {frame.shape} {frame.dtype}, not {self.shape} uint8")
        if self._ffmpeg is None:
            self._ffmpeg = self._start()
        try:
            self._ffmpeg.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError as error:
            self._ffmpeg.wait()
            raise _failure("ffmpeg stopped", self._ffmpeg.errors()) from error
        self.frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:  # ends ffmpeg and removes its folder, whatever happens here
            if kind is None:
                self._finish()

    def cut(self, out: Path) -> None:
        """Puts what was written since the last cut, with its sound, into an mp4 of its own.

        The sound in it is lossless: parts that are played one after the other leave no seam.
        """
        self._end_part()
        sound = ["-c:a", "flac", "-strict", "-2"]
        self._join(["-i", str(self._parts[-1])], self.cut_at, sound, out)
        self.cut_at = self.frames

    def _start(self) -> _Ffmpeg:
        self._parts.append(self._folder / f"{len(self._parts)}.mp4")
        return _Ffmpeg(
            ["-f", "rawvideo", "-pix_fmt", "rgb24"],
            ["-s", f"{self.shape[1]}x{self.shape[0]}", "-r", str(self.fps), "-i", "pipe:0"],
            ["-vf", _TO_YUV, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"],
            # Without B-frames the film needs no edit list, which some players ignore.
            ["-bf", "0", "-threads", "2", str(self._parts[-1])],
            stdin=subprocess.PIPE,
        )

    def _kill(self) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.kill()

    def _end_part(self) -> None:
        if self._ffmpeg is not None and self._ffmpeg.wait():
            raise _failure("ffmpeg could not encode the video", self._ffmpeg.errors())
        self._ffmpeg = None

    def _finish(self) -> None:
        if not self.frames:
            raise RuntimeError("no frame was written")
        self._end_part()
        parts = self._folder / "parts.txt"
        parts.write_text("".join(f"file '{part.name}'\n" for part in self._parts), "utf-8")
        whole = self._folder / "whole.mp4"
        film = ["-f", "concat", "-i", str(parts)]
        self._join(film, 0, ["-c:a", "aac", "-b:a", "128k"], whole)
        os.replace(whole, self.path)

    def _join(self, film: list[str], first: int, codec: list[str], out: Path) -> None:
        """Film and sound from frame `first` on, now that the length is known: -shortest guesses."""
        tags = self._folder / "tags.txt"
        told = {} if self.recipe is None else _tags(self.recipe)
        tags.write_text(_ffmetadata(told), encoding="utf-8")
        sound: list[str] = []
        if self.audio is not None:
            start, end = (round(n * _AAC_RATE / self.fps) for n in (first, self.frames))
            fit = f"apad=whole_len={end},atrim=start_sample={start}:end_sample={end}"
            fit = f"{_from_zero(_AAC_RATE)},{fit},asetpts=PTS-STARTPTS"
            sound = ["-map", "2:a:0", "-af", fit, *codec]
        done = _run(
            [*film, "-f", "ffmetadata", "-i", str(tags)],
            _untrusted() if self.audio is not None else [],
            ["-map", "0:v:0", "-c:v", "copy", *sound],
            # Nothing of the recording's own tags may go along: they can name people.
            ["-map_metadata", "1", "-map_metadata:s", "-1", "-map_chapters", "-1"],
            ["-fflags", "+bitexact", "-movflags", "+faststart", str(out)],
            source=self.audio,
        )
        if done.code:
            raise _failure("ffmpeg could not finish the video", done.errors)


def read_recipe(path: Path | str) -> dict[str, Any]:
    """The recipe in the metadata of an mp4 that `VideoWriter` made.

    Raises:
        InputError: not such a file.
    """
    path = Path(path)
    _check_file(path, "an MP4 made with GAIA")
    done = _run([*_untrusted(), "-f", "ffmetadata", "pipe:1"], source=path)
    text = done.stdout.decode("utf-8", "replace")
    found = re.search(r"^description=((?:[^\\\n]|\\.)*)$", text, re.MULTILINE | re.DOTALL)
    try:
        recipe = json.loads(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)) if found else None
    except ValueError:
        recipe = None
    if not isinstance(recipe, dict):
        raise InputError(f"{path.name} carries no recipe; give an MP4 made with GAIA.")
    return recipe


def transcode(source: Path | str, out: Path | str, arguments: Sequence[str]) -> None:
    """A video in another form, by ffmpeg's output `arguments` and the suffix of `out`.

    Raises:
        RuntimeError: ffmpeg failed; carries its message.
    """
    out = Path(out)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".gaia-") as folder:
        part = Path(folder, out.name)
        done = _run([*_untrusted(), *arguments, str(part)], source=Path(source))
        if done.code:
            raise RuntimeError(f"ffmpeg could not make {out.suffix}: {done.errors}")
        os.replace(part, out)


def write_webm(
    path: Path | str, frames: Iterable[np.ndarray], video: Path | str, fps: int = FPS
) -> None:
    """A WebM (VP9, Opus) with transparency, and with the sound and the label of a video of ours.

    Args:
        frames: uint8 (H, W, 4), not premultiplied; of one even size.

    Raises:
        RuntimeError: there are no frames, or ffmpeg failed; carries its message.
    """
    path, rest = Path(path), iter(frames)
    first = next(rest, None)
    if first is None:
        raise RuntimeError("there are no frames")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".gaia-") as folder:
        part = Path(folder, path.name)
        ffmpeg = _Ffmpeg(
            ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{first.shape[1]}x{first.shape[0]}"],
            ["-r", str(fps), "-i", "pipe:0", "-i", str(video), "-map", "0:v:0", "-map", "1:a:0?"],
            ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuva420p", *_BT709],
            ["-c:v", "libvpx-vp9", "-crf", "30", "-b:v", "0", "-row-mt", "1", "-cpu-used", "6"],
            ["-deadline", "realtime", "-auto-alt-ref", "0", "-c:a", "libopus", "-b:a", "96k"],
            ["-map_metadata", "-1", "-metadata", f"comment={COMMENT}", str(part)],
            stdin=subprocess.PIPE,
        )
        try:
            with suppress(BrokenPipeError):  # what ffmpeg said is told below
                for frame in chain([first], rest):
                    ffmpeg.stdin.write(np.ascontiguousarray(frame).data)
            code = ffmpeg.wait()
        finally:
            ffmpeg.kill()
        if code:
            raise RuntimeError(f"ffmpeg could not encode the video: {ffmpeg.errors()}")
        os.replace(part, path)


class _Ffmpeg:
    """A running ffmpeg whose messages are drained by a thread, so that it never blocks on them."""

    def __init__(
        self,
        *arguments: Sequence[str],
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> None:
        self._process = subprocess.Popen(
            _command(*arguments), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE
        )
        self._errors = b""
        self._drain = threading.Thread(target=self._read_errors, daemon=True)
        self._drain.start()

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def errors(self) -> str:
        """What ffmpeg said, its last 2,000 characters; complete after `wait`."""
        return self._errors.decode("utf-8", "replace").strip()

    def wait(self) -> int:
        """Ends the input and returns ffmpeg's exit code."""
        self._close()
        code = self._process.wait()
        self._drain.join()
        return code

    def kill(self) -> None:
        """Ends ffmpeg at once, if it still runs, and its pipes."""
        self._process.kill()
        self.wait()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # closing flushes to an ffmpeg that has ended
                    pipe.close()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            for line in pipe:
                self._errors = (self._errors + line)[-2000:]


@dataclass(frozen=True)
class _Done:
    """A finished ffmpeg."""

    code: int
    stdout: bytes
    errors: str


def _failure(what: str, errors: str) -> Exception:
    """What to raise when ffmpeg could not write."""
    if "No space left" in errors:
        return disk_full()
    return RuntimeError(f"{what}: {errors}")


def _run(*arguments: Sequence[str], source: Path | None) -> _Done:
    """Runs ffmpeg to its end, with `source` as its file descriptor 0."""
    with open(source or os.devnull, "rb") as stdin:
        done = subprocess.run(_command(*arguments), stdin=stdin, capture_output=True)
    return _Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip())


def _command(*arguments: Sequence[str]) -> list[str]:
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", "-y"]
    return start + [argument for group in arguments for argument in group]


def _untrusted() -> list[str]:
    return ["-protocol_whitelist", "fd", "-fd", "0", "-i", "fd:"]


def _from_zero(rate: int) -> str:
    """A filter that resamples and fills what a file's clock leaves out before its first sound.

    A clock that starts before zero (some Opus files') is set right: it would cost the beginning.
    """
    return f"asetpts='PTS-min(STARTPTS,0)',aresample={rate}:async=1:first_pts=0"


def _check_file(path: Path, wanted: str) -> None:
    if not path.is_file():
        raise InputError(f"There is no file {path.name}; give {wanted}.")
    if not path.stat().st_size:
        raise InputError(f"{path.name} is empty; give {wanted}.")


def _open(path: Path) -> Image.Image:
    """A photo, upright, a large JPEG already reduced."""
    _check_file(path, "a JPEG or PNG photo")
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]  # AVIF is not in every build
    try:
        with Image.open(path, formats=formats) as image:
            small = image.width * image.height <= MAX_MEGAPIXELS * 1e6
            if small:
                image.draft(None, (MAX_SIDE, MAX_SIDE))  # a JPEG decodes straight to a smaller size
                upright = ImageOps.exif_transpose(image)
    except Image.DecompressionBombError:
        small = False
    except Exception as error:  # Pillow's decoders raise whatever damaged bytes provoke
        raise InputError(
            f"{path.name} cannot be read as an image; save it as JPEG or PNG and try again."
        ) from error
    if not small:
        raise InputError(
            f"{path.name} has more than {MAX_MEGAPIXELS} megapixels; reduce it and try again."
        )
    return upright


def _to_rgb(image: Image.Image) -> np.ndarray:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits of grey, also where Pillow widens them to 32
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (MID_GREY, MID_GREY, MID_GREY, 255))
        image = Image.alpha_composite(ground, image).convert("RGB")
    if image.mode not in ("RGB", "CMYK"):
        image = image.convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if profile:
        with suppress(ImageCms.PyCMSError, OSError):  # a broken profile: the plain colours
            image = _to_srgb(image, profile)
    return np.array(image.convert("RGB"))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return converted or image


def _read_ppm(pipe: IO[bytes]) -> np.ndarray | None:
    """The next binary PPM of a stream as uint8 (H, W, 3), or None at its end."""
    if pipe.readline() != b"P6\n":
        return None
    width, height = map(int, pipe.readline().split())
    pipe.readline()  # the largest value, 255
    data = pipe.read(3 * width * height)
    if len(data) < 3 * width * height:
        return None
    return np.frombuffer(bytearray(data), np.uint8).reshape(height, width, 3)


def _tags(recipe: dict[str, Any]) -> dict[str, str]:
    return {
        "comment": COMMENT,
        "description": json.dumps(recipe, separators=(",", ":")),
    }


def _ffmetadata(tags: dict[str, str]) -> str:
    escaped = {key: re.sub(r"([=;#\\\n])", r"\\\1", value) for key, value in tags.items()}
    return ";FFMETADATA1\n" + "".join(f"{key}={value}\n" for key, value in escaped.items())
