"""An engine without models: the same events and a real little video, in a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaia_core.errors import InputError
from gaia_core.media import VideoWriter, read_image, write_audio
from gaia_core.request import Event, Preview, Progress, Request, Result, Word

NO_FACE = "There is no face in this photo; choose one that shows a face."
NOTICE = "The offline voice spoke, because the online one could not be reached."
NOTHING = "Nothing in this asks for a movement of the face."
SECRET = "secret detail in /etc/somewhere"


@dataclass(frozen=True)
class Clause:
    text: str
    start: float
    end: float
    action: str
    strength: float


@dataclass(frozen=True)
class Reading:
    clauses: tuple[Clause, ...]
    notice: str | None


class FakeEngine:
    """Remembers its requests, and how many runs were closed before their end.

    A photo with a black corner has no face, one with a white corner crashes.
    """

    def __init__(self, frames: int = 25, pause: float = 0.0) -> None:
        self.frames, self.pause = frames, pause
        self.requests: list[Request] = []
        self.closed_early = 0

    def generate(self, request: Request, out: Path) -> Iterator[Event]:
        self.requests.append(request)
        done = False
        try:
            yield from self._events(request, out)
            done = True
        finally:
            self.closed_early += not done

    def read(self, text: str, seconds: float) -> Reading:
        """Each word is a clause, one after another; nothing is understood of "nonsense"."""
        words = [] if text == "nonsense" else text.split()
        each = seconds / max(1, len(words))
        clauses = [Clause(w, each * i, each * (i + 1), w, 1.0) for i, w in enumerate(words)]
        return Reading(tuple(clauses), None if words else NOTHING)

    def _events(self, request: Request, out: Path) -> Iterator[Event]:
        yield Progress("face", 0.05)
        photo = read_image(request.portrait)
        if photo[0, 0].max() == 0:
            raise InputError(NO_FACE)
        if photo[0, 0].min() == 255:
            raise RuntimeError(SECRET)
        yield Progress("voice", 0.0)
        yield Progress("motion", 0.2)
        sound = out.with_suffix(".wav")
        write_audio(sound, 0.1 * np.sin(np.arange(self.frames * 640) / 20), 16_000)
        height, width = photo.shape[:2]
        with VideoWriter(out, width, height, sound, request.recipe()) as video:
            for i in range(self.frames):
                time.sleep(self.pause)
                video.write(photo)
                yield Preview(photo, i)
                yield Progress("frames", 0.2 + 0.75 * (i + 1) / self.frames)
        sound.unlink()
        spoken = enumerate((request.text or "").split())
        words = tuple(Word(word, 0.1 * i, 0.1 * (i + 1)) for i, word in spoken)
        notices = (NOTICE,) if request.text else ()
        yield Result(out, request.recipe(), self.frames, words, notices)


@dataclass
class Studio:
    """A running studio, its engine, and the folder that uploads and takes live in."""

    url: str
    engine: FakeEngine
    cache: Path

    def folders(self) -> set[Path]:
        """The takes that are on disk."""
        return set((self.cache / "takes").glob("*"))

    def files(self, pattern: str) -> list[Path]:
        """The files in takes that match, newest first."""
        found = (self.cache / "takes").glob(f"*/{pattern}")
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
