"""An engine without models: the same events, and a small real video."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gaia_core.controls import EXPRESSION, Controls
from gaia_core.errors import InputError, Message
from gaia_core.media.audio import write_audio
from gaia_core.media.image import read_image, read_photo
from gaia_core.media.video import VideoWriter
from gaia_core.motion.curves import LINES, Sketch
from gaia_core.motion.measures import Measures
from gaia_core.portrait.inspection import CROP, InspectedFace, Inspection
from gaia_core.portrait.tracking import CameraFrame
from gaia_core.request import Event, Preview, Progress, Request, Result, Segment, Word
from gaia_core.speech.voices import OFFLINE_VOICE

NO_FACE = Message("There is no face in this photo; choose one that shows a face.")
NOTICE = Message("The offline voice spoke, because the online one could not be reached.")
NOTHING = Message("Nothing in this asks for a movement of the face.")
SOFT = Message(
    "The face is only {width:.0f} px wide, so the video will look soft; use a photo in which it is "
    "at least {least} px wide.",
    width=120.0,
    least=160,
)
TOO_SMALL = Message(
    "The face is only {width:.0f} px wide; use a photo in which it is at least {least} px wide.",
    width=30.0,
    least=64,
)
RED = (255, 0, 0)  # of a corner
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
    controls: Controls = Controls()


class FakeEngine:
    """Records its requests, their videos, and how many runs were closed early.

    A photo with a black corner has no face, one with a white corner crashes.
    """

    def __init__(
        self, frames: int = 25, pause: float = 0.0, weights: Path = Path("weights")
    ) -> None:
        self.frames, self.pause, self.weights = frames, pause, weights
        self.requests: list[Request] = []
        self.films: list[Path] = []
        self.running = self.recalibrated = 0
        self.closed_early = 0
        self.inspected = 0
        self.sketch = _sketch()

    def generate(
        self, request: Request, out: Path, *, segments: Path | None = None
    ) -> Iterator[Event]:
        self.requests.append(request)
        self.films.append(out)
        self.running += 1
        done = False
        try:
            yield from self._events(request, out, segments)
            done = True
        finally:
            self.running -= 1
            self.closed_early += not done

    def inspect(self, portrait: Path) -> Inspection:
        """One good face; three in a photo with a red corner, the last of them too small."""
        self.inspected += 1
        photo = read_image(portrait)
        height, width = photo.shape[:2]
        if photo[0, 0].max() == 0:
            raise InputError(NO_FACE)
        crop = np.full((CROP, CROP, 3), 90, np.uint8)
        if tuple(photo[0, 0]) != RED:
            return Inspection(width, height, (InspectedFace((0.3, 0.2, 0.7, 0.6), crop, 200.0),))
        boxes = ((0.1, 0.2, 0.4, 0.6), (0.5, 0.2, 0.7, 0.5), (0.8, 0.2, 0.86, 0.28))
        good, soft, small = (InspectedFace(box, crop, 200.0) for box in boxes)
        soft = replace(soft, warnings=(SOFT,))
        return Inspection(width, height, (good, soft, replace(small, problem=TOO_SMALL)))

    def mirror(
        self, portrait: np.ndarray, frames: Iterable[CameraFrame], *, face: int
    ) -> Iterator[np.ndarray]:
        """Grey as the camera's picture is on average."""
        self.running += 1
        try:
            for frame in frames:
                self.recalibrated += frame.recalibrate
                yield np.full((64, 64, 3), frame.picture.mean(), np.uint8)
        finally:
            self.running -= 1

    def stream(
        self,
        portrait: np.ndarray,
        chunks: Iterable[np.ndarray],
        *,
        face: int,
        clock: Callable[[], float],
    ) -> Iterator[np.ndarray]:
        """As bright as the sound is loud."""
        self.running += 1
        try:
            heard = np.zeros(0, np.float32)
            for chunk in chunks:
                heard = np.concatenate([heard, chunk])
                while len(heard) >= 640:
                    level = min(1.0, 4 * float(np.abs(heard[:640]).max()))
                    yield np.full((64, 64, 3), 255 * level, np.uint8)
                    heard = heard[640:]
        finally:
            self.running -= 1

    def read(self, text: str, seconds: float) -> Reading:
        """A clause per word, one after another, but "smile&nod" at once; none for "nonsense"."""
        words = [] if text == "nonsense" else text.split()
        each = seconds / max(1, len(words))
        clauses = [
            Clause(w, each * i, each * (i + 1), w, 1.0)
            for i, together in enumerate(words)
            for w in together.split("&")
        ]
        return Reading(tuple(clauses), None if words else NOTHING)

    def measure(self, result: Result) -> Measures:
        """Measures that depend on the seed."""
        return Measures(2.5, math.inf, result.recipe["seed"] % 7, 1.25, math.nan, 12.4)

    def _events(self, request: Request, out: Path, segments: Path | None) -> Iterator[Event]:
        yield Progress("face", 0.05)
        photo, matte = read_photo(request.portrait)
        if photo[0, 0].max() == 0:
            raise InputError(NO_FACE)
        if photo[0, 0].min() == 255:
            raise RuntimeError(SECRET)
        yield Progress("voice", 0.0)
        yield Progress("motion", 0.2)
        sound = out.with_suffix(".wav")
        write_audio(sound, 0.1 * np.sin(np.arange(self.frames * 640) / 20), 16_000)
        height, width = photo.shape[:2]
        # The offline voice speaks, as `NOTICE` tells.
        recipe = replace(request, voice=OFFLINE_VOICE if request.text else request.voice).recipe()
        with VideoWriter(out, width, height, sound, recipe) as video:
            for i in range(self.frames):
                time.sleep(self.pause)
                video.write(photo)
                yield Preview(photo, i)
                if segments and i + 1 in (video.cut_at + 10, self.frames):
                    part, start = segments / f"{i}.mp4", video.cut_at
                    video.cut(part)
                    yield Segment(part, start / 25, (i + 1) / 25)
                yield Progress("frames", 0.2 + 0.75 * (i + 1) / self.frames)
        sound.unlink()
        spoken = enumerate((request.text or "").split())
        words = tuple(Word(word, 0.1 * i, 0.1 * (i + 1)) for i, word in spoken)
        notices = (NOTICE,) if request.text else ()
        rising = np.linspace(0, 0.3, self.frames)
        traces = {name: rising for name in ("yaw", "pitch", "mouth", "eyes")}
        cutout = None if matte is None else np.dstack([photo, matte])
        extras = {"traces": traces, "cutout": cutout}
        yield Result(out, recipe, self.frames, words, notices, **extras)


def _sketch() -> Sketch:
    """The real lines, between random points."""
    count = sum(len(points) for points, _ in LINES)
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (count, 3))
    shifts = np.full((len(EXPRESSION), count, 2), 0.1)
    return Sketch(points, shifts, tuple((len(points), closed) for points, closed in LINES))


@dataclass
class Studio:
    """A running studio, its engine, one with other weights, and the folder of uploads and takes."""

    url: str
    engine: FakeEngine
    other: FakeEngine
    cache: Path

    def folders(self) -> list[Path]:
        """The folders of this test's takes, oldest first, without those of other tests."""
        return [film.parent for film in self.engine.films if film.parent.exists()]

    def files(self, pattern: str) -> list[Path]:
        """The matching files of this test's takes, newest first."""
        return [path for folder in reversed(self.folders()) for path in folder.glob(pattern)]


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether a condition becomes true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()
