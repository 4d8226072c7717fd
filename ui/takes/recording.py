"""What a live session showed, in files without a name, until the visitor keeps it."""

from __future__ import annotations

import io
import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from gaia_core import FPS, MAX_SECONDS
from gaia_core.errors import Message
from gaia_core.media.audio import write_audio
from gaia_core.media.video import VideoWriter
from gaia_core.request import Request, Result
from ui.i18n.text import say

# Of the JPEGs: 21 kB for a picture of 256 px and 31 for the camera's, 160 MB for two minutes.
QUALITY = 88
PART = 30.0  # seconds in one file; the system deletes it with the last moment that is in it
CAMERA_HEIGHT = 288  # px; enough to follow a face


@dataclass(frozen=True)
class Stored:
    """Bytes in a file."""

    file: IO[bytes]
    start: int
    size: int

    @classmethod
    def at_end(cls, file: IO[bytes], data: bytes) -> Stored:
        """Appends them."""
        return cls(file, file.seek(0, io.SEEK_END), file.write(data))

    def read(self) -> bytes:
        """The bytes."""
        self.file.seek(self.start)
        return self.file.read(self.size)


@dataclass(frozen=True)
class Moment:
    """A frame and its second; what the camera saw, or its sound, int16. Pictures are JPEGs."""

    second: float
    picture: Stored
    camera: Stored | None
    sound: Stored | None


class Recording:
    """The last two minutes of a session."""

    def __init__(self, request: Request, rate: int) -> None:
        """
        Args:
            request: its photo, face and size.
            rate: samples a second of the sound.
        """
        self._request, self._rate = request, rate
        self._moments: deque[Moment] = deque()
        self._file, self._began = _file(), 0.0

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self._moments[-1].second - self._moments[0].second if self._moments else 0.0

    def add(
        self,
        second: float,
        picture: np.ndarray,
        camera: np.ndarray | None = None,
        sound: np.ndarray | None = None,
    ) -> None:
        """Adds a frame (H, W, 3) uint8 with the camera's picture, or with its sound (N,) int16."""
        if second - self._began > PART:
            self._file, self._began = _file(), second
        seen = None
        if camera is not None:
            image = Image.fromarray(camera)
            size = (round(image.width * CAMERA_HEIGHT / image.height), CAMERA_HEIGHT)
            seen = self._stored(_packed(image.resize(size, Image.Resampling.BOX)))
        shown = self._stored(_packed(Image.fromarray(picture)))
        heard = None if sound is None else self._stored(sound.tobytes())
        self._moments.append(Moment(second, shown, seen, heard))
        while self.seconds > MAX_SECONDS - 1:
            self._moments.popleft()

    def _stored(self, data: bytes) -> Stored:
        return Stored.at_end(self._file, data)

    def first(self) -> np.ndarray:
        """The first frame (H, W, 3) uint8."""
        return _unpacked(self._moments[0].picture.read())

    def save(self, folder: Path) -> tuple[Request, Result]:
        """Writes the take into a folder, and beside it the sound, or the camera's film.

        With these its request makes it again, though not the very same: without the hurry, the
        motion knows more of what comes.
        """
        moments = list(self._moments)
        sounds = [np.frombuffer(each.sound.read(), np.int16) for each in moments if each.sound]
        sound = film = None
        if sounds:
            sound = folder / "microphone.wav"
            write_audio(sound, np.concatenate(sounds) / 2**15, self._rate)
        else:
            film = folder / "camera.mp4"
            _write(
                film, (each.camera.read() for each in _steady(moments) if each.camera), None, None
            )
        request = replace(self._request, text=None, speech=sound, drive=film)
        recipe = request.recipe()
        video = folder / "gaia-live.mp4"
        frames = _write(video, (each.picture.read() for each in _steady(moments)), sound, recipe)
        return request, Result(video, recipe, frames, notices=(Message(say("live.kept.info")),))


def _steady(moments: list[Moment]) -> Iterator[Moment]:
    """25 of them a second: each time the newest."""
    index, began = 0, moments[0].second
    for frame in range(1 + round((moments[-1].second - began) * FPS)):
        # A rounding error must not repeat a frame.
        now = began + (frame + 0.25) / FPS
        while index + 1 < len(moments) and moments[index + 1].second <= now:
            index += 1
        yield moments[index]


def _write(
    path: Path, pictures: Iterator[bytes], sound: Path | None, recipe: dict[str, Any] | None
) -> int:
    """Writes JPEGs, 25 a second, as a video; returns how many."""
    frames = map(_unpacked, pictures)
    first = next(frames)
    height, width = first.shape[:2]
    with VideoWriter(path, width, height, sound, recipe) as writer:
        for frame in chain([first], frames):
            writer.write(frame)
    return writer.frames


def _file() -> IO[bytes]:
    """A file that nobody can find, and that is gone when it is closed, or the program ends."""
    return tempfile.TemporaryFile(prefix="gaia-live-")


def _packed(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _unpacked(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)))
