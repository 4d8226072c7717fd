"""Reading and writing video, with the recipe in its metadata. Files are written atomically."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from gaia_core import FPS
from gaia_core.errors import InputError, Message
from gaia_core.media.audio import FILE_RATE
from gaia_core.media.ffmpeg import (
    WANTED,
    Ffmpeg,
    check_file,
    failure,
    file_url,
    from_zero,
    run_ffmpeg,
    untrusted,
)
from gaia_core.media.label import COMMENT
from gaia_core.request import parse_json

MAX_SIDE = 4096  # px; larger frames are reduced

# sRGB to BT.709, tagged in the stream, since players guess untagged colours from the frame size.
_TO_YUV = (
    "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0,scale=out_color_matrix=bt709:out_range=tv,"
    "format=yuv420p,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


# Square pixels, at most so many on the longer side; whole frames only, where they are interlaced.
_FRAMES = (
    "bwdif=mode=send_frame:deint=interlaced,"
    "scale=w='max(1,round(iw*sar*{shrink}))':h='max(1,round(ih*{shrink}))':flags=area,setsar=1"
)
# HDR (ITU-R BT.2100) to SDR: reference white, 203 cd/m2 (BT.2408), becomes white, and what is
# brighter is compressed.
_TO_SDR = (
    "zscale=matrixin=2020_ncl:primariesin=2020:transfer=linear:npl=203,format=gbrpf32le,"
    "zscale=primaries=709,tonemap=mobius:param=0.8:desat=0,"
    "zscale=transfer=iec61966-2-1:range=pc,format=gbrp"
)
_HDR = re.compile(r"Video: [^\n]*(?:smpte2084|arib-std-b67)")


def read_clip(path: Path | str) -> Iterator[np.ndarray]:
    """The frames of a data set's clip, see `read_video`.

    It is a square crop as it is stored, whatever shape of pixels its source's tag still tells.
    """
    return read_video(path, square_pixels=True)


def read_video(
    path: Path | str, longest: int = MAX_SIDE, *, square_pixels: bool = False
) -> Iterator[np.ndarray]:
    """The frames of a video, uint8 (H, W, 3) sRGB, resampled to 25 a second.

    Rotation and shape of pixels are applied, HDR is brought to SDR. Closing the iterator ends
    ffmpeg.

    Args:
        longest: side in px to which larger frames are reduced.
        square_pixels: whether pixels are taken as square even where the file says otherwise.

    Raises:
        InputError: not a readable video.
    """
    path = Path(path)
    check_file(path, WANTED["drive"])
    count = 0
    shrink = f"min(1,{longest}/max(iw*sar,ih))"
    filters = f"fps={FPS},{_FRAMES.format(shrink=shrink)}"
    if square_pixels:
        filters = f"setsar=1,{filters}"
    if _HDR.search(run_ffmpeg(["-v", "info", *untrusted()], source=path).errors):
        filters += f",{_TO_SDR}"
    with open(path, "rb") as source:
        # PPM states each frame's size, so that ffmpeg's messages need no parsing.
        ffmpeg = Ffmpeg(
            [*untrusted(), "-map", "0:v:0", "-vf", filters],
            ["-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"],
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
            "{name} cannot be read as a video; save it as MP4 (H.264) and try again.",
            name=path.name,
        )


class VideoWriter:
    """Frames to an H.264 mp4 with sound, the label `LABEL` and the recipe in its metadata.

    A context manager: the file is written when the block ends without an exception, else not at
    all. The sound starts with the first frame and is cut or padded with silence to the end of the
    last. Odd sizes lose their last row or column, which yuv420p cannot hold.

    Args:
        audio: any file with a sound track, or None for a silent video.
        recipe: JSON values, see `read_recipe`; None for a video that is not generated, which then
            has neither label nor recipe.

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
            self._ffmpeg: Ffmpeg | None = None
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
            raise failure("ffmpeg stopped", self._ffmpeg.errors()) from error
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
        """Writes the frames since the last cut, with their sound, into an mp4.

        Its sound is lossless, so that parts can be played gaplessly.
        """
        self._end_part()
        sound = ["-c:a", "flac", "-strict", "-2"]
        self._join(["-i", file_url(self._parts[-1])], self.cut_at, sound, out)
        self.cut_at = self.frames

    def _start(self) -> Ffmpeg:
        self._parts.append(self._folder / f"{len(self._parts)}.mp4")
        return Ffmpeg(
            ["-f", "rawvideo", "-pix_fmt", "rgb24"],
            ["-s", f"{self.shape[1]}x{self.shape[0]}", "-r", str(self.fps), "-i", "pipe:0"],
            ["-vf", _TO_YUV, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"],
            # Without B-frames no edit list is needed, which some players ignore.
            ["-bf", "0", "-threads", "2", file_url(self._parts[-1])],
            stdin=subprocess.PIPE,
        )

    def _kill(self) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.kill()

    def _end_part(self) -> None:
        if self._ffmpeg is not None and self._ffmpeg.wait():
            raise failure("ffmpeg could not encode the video", self._ffmpeg.errors())
        self._ffmpeg = None

    def _finish(self) -> None:
        if not self.frames:
            raise RuntimeError("no frame was written")
        self._end_part()
        parts = self._folder / "parts.txt"
        # Whole addresses, for a `#` in the folder's name would end a relative one.
        names = (file_url(part).replace("'", r"'\''") for part in self._parts)
        parts.write_text("".join(f"file '{name}'\n" for name in names), "utf-8")
        whole = self._folder / "whole.mp4"
        frames = ["-f", "concat", "-safe", "0", "-i", file_url(parts)]
        self._join(frames, 0, ["-c:a", "aac", "-b:a", "128k"], whole)
        os.replace(whole, self.path)

    def _join(self, frames: list[str], first: int, codec: list[str], out: Path) -> None:
        """Muxes frames and sound from frame `first` on, with exact length, unlike -shortest."""
        tags = self._folder / "tags.txt"
        metadata = {} if self.recipe is None else _tags(self.recipe)
        tags.write_text(_ffmetadata(metadata), encoding="utf-8")
        sound: list[str] = []
        if self.audio is not None:
            start, end = (round(n * FILE_RATE / self.fps) for n in (first, self.frames))
            fit = f"apad=whole_len={end},atrim=start_sample={start}:end_sample={end}"
            fit = f"{from_zero(FILE_RATE)},{fit},asetpts=PTS-STARTPTS"
            sound = ["-map", "2:a:0", "-af", fit, *codec]
        done = run_ffmpeg(
            [*frames, "-f", "ffmetadata", "-i", file_url(tags)],
            untrusted() if self.audio is not None else [],
            ["-map", "0:v:0", "-c:v", "copy", *sound],
            # The recording's tags are dropped: they can name people.
            ["-map_metadata", "1", "-map_metadata:s", "-1", "-map_chapters", "-1"],
            ["-fflags", "+bitexact", "-movflags", "+faststart", file_url(out)],
            source=self.audio,
        )
        if done.code:
            raise failure("ffmpeg could not finish the video", done.errors)


def read_recipe(path: Path | str) -> dict[str, Any]:
    """The recipe in a JSON file, or in the metadata of an mp4 written by `VideoWriter`.

    Raises:
        InputError: not such a file.
    """
    path = Path(path)
    check_file(path, Message("an MP4 made with GAIA, or its recipe as JSON"))
    try:
        text = path.read_text("utf-8") if path.suffix.lower() == ".json" else _description(path)
        recipe = parse_json(text)
    except ValueError:
        recipe = None
    if not isinstance(recipe, dict):
        raise InputError(
            "{name} carries no recipe; give an MP4 made with GAIA, or its recipe as JSON.",
            name=path.name,
        )
    return recipe


def _description(path: Path) -> str:
    """What a video's metadata has as its description; empty without any."""
    done = run_ffmpeg([*untrusted(), "-f", "ffmetadata", "pipe:1"], source=path)
    text = done.stdout.decode("utf-8", "replace")
    found = re.search(r"^description=((?:[^\\\n]|\\.)*)$", text, re.MULTILINE | re.DOTALL)
    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) if found else ""


def transcode(source: Path | str, out: Path | str, arguments: Sequence[str]) -> None:
    """Transcodes a video by ffmpeg's output `arguments` and the suffix of `out`.

    Raises:
        RuntimeError: ffmpeg failed; carries its message.
    """
    out = Path(out)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".gaia-") as folder:
        part = Path(folder, out.name)
        done = run_ffmpeg([*untrusted(), *arguments, file_url(part)], source=Path(source))
        if done.code:
            raise RuntimeError(f"ffmpeg could not make {out.suffix}: {done.errors}")
        os.replace(part, out)


def write_webm(
    path: Path | str, frames: Iterable[np.ndarray], video: Path | str, fps: int = FPS
) -> None:
    """A WebM (VP9, Opus) with transparency, and with the sound and the label of a video.

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
        ffmpeg = Ffmpeg(
            ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{first.shape[1]}x{first.shape[0]}"],
            ["-r", str(fps), "-i", "pipe:0", "-i", file_url(Path(video))],
            ["-map", "0:v:0", "-map", "1:a:0?"],
            ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuva420p", *_BT709],
            ["-c:v", "libvpx-vp9", "-crf", "30", "-b:v", "0", "-row-mt", "1", "-cpu-used", "6"],
            ["-deadline", "realtime", "-auto-alt-ref", "0", "-c:a", "libopus", "-b:a", "96k"],
            ["-map_metadata", "-1", "-metadata", f"comment={COMMENT}", file_url(part)],
            stdin=subprocess.PIPE,
        )
        try:
            with suppress(BrokenPipeError):  # ffmpeg's error is raised below
                for frame in chain([first], rest):
                    ffmpeg.stdin.write(np.ascontiguousarray(frame).data)
            code = ffmpeg.wait()
        finally:
            ffmpeg.kill()
        if code:
            raise RuntimeError(f"ffmpeg could not encode the video: {ffmpeg.errors()}")
        os.replace(part, path)


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
