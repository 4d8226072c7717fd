"""What a live session showed, in files without a name, until the visitor keeps it."""

from __future__ import annotations

import io
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import cv2
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
            height, width = camera.shape[:2]
            size = (round(width * CAMERA_HEIGHT / height), CAMERA_HEIGHT)
            seen = self._stored(_packed(cv2.resize(camera, size, interpolation=cv2.INTER_AREA)))
        shown = self._stored(_packed(picture))
        heard = None if sound is None else self._stored(sound.tobytes())
        self._moments.append(Moment(second, shown, seen, heard))
        while self.seconds > MAX_SECONDS - 1:
            self._moments.popleft()

    def _stored(self, data: bytes) -> Stored:
        return Stored.at_end(self._file, data)

    def first(self) -> np.ndarray:
        """The first frame (H, W, 3) uint8."""
        return _unpacked(self._moments[0].picture)

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
        video = folder / "gaia-live.mp4"
        with _writer(video, moments[0].picture, sound) as shown:
            with ExitStack() as stack:
                if camera := moments[0].camera:
                    film = folder / "camera.mp4"
                    seen = stack.enter_context(_writer(film, camera))
                for moment in _steady(moments):  # into both at once, which uses two cores
                    shown.write(_unpacked(moment.picture))
                    if moment.camera:
                        seen.write(_unpacked(moment.camera))
            request = replace(self._request, text=None, speech=sound, drive=film)
            shown.recipe = recipe = request.recipe()  # with the hash of the finished film
        notices = (Message(say("live.kept.info")),)
        return request, Result(video, recipe, shown.frames, notices=notices)


def _steady(moments: list[Moment]) -> Iterator[Moment]:
    """25 of them a second: each time the newest."""
    index, began = 0, moments[0].second
    for frame in range(1 + round((moments[-1].second - began) * FPS)):
        # A rounding error must not repeat a frame.
        now = began + (frame + 0.25) / FPS
        while index + 1 < len(moments) and moments[index + 1].second <= now:
            index += 1
        yield moments[index]


def _writer(path: Path, picture: Stored, sound: Path | None = None) -> VideoWriter:
    """Of pictures as large as that one."""
    height, width = _unpacked(picture).shape[:2]
    return VideoWriter(path, width, height, sound, None)


def _file() -> IO[bytes]:
    """A file that nobody can find, and that is gone when it is closed, or the program ends."""
    return tempfile.TemporaryFile(prefix="gaia-live-")


def _packed(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _unpacked(picture: Stored) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.read())))
