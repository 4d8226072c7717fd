"""From a folder of raw films to the clips that `pack` reads: faces from the front that speak.

Films are split at cuts and where a filter fails, cropped around the head, and told of in a report:
what was kept, what was dropped, why. A film that is done is not looked at again. People are told
apart by folder: each folder of the raw ones is a person, or else each film.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from gaia_core import FPS, SAMPLE_RATE, media
from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.face import Crop, Face, FaceLandmarker, crop_around
from gaia_core.measures import lip_sync
from gaia_core.speech import SpeechEncoder

log = logging.getLogger(__name__)

SIDE = 256  # px of a clip
VIEW = 512  # px in which a face is followed
LOOK = 12  # frames between two searches for a face while there is none
GLANCE = 256  # px; width at which cuts are looked for
OTHER = 0.5  # a face that is so much of the main one's width counts as another speaker
STEADY = 0.95  # share of a clip's frames that must be strict for its sound to be kept
LONGEST = 6 * 3600.0  # s of a film
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts")
CORNERS, NOSE_TIP = (33, 263), 4
FIELDS = (
    *("file", "identity", "has_audio", "seconds", "crop_px", "source", "licence", "transcript"),
)
REPORT = ("film", "start", "end", "outcome", "reason", "measured", "file")


@dataclass(frozen=True)
class Thresholds:
    """What frames and clips must be like. The paper names the filters; the numbers are ours.

    Attributes:
        seconds: length of a clip; what is longer is cut into pieces.
        width: px of the face in the film, at least.
        corners: degrees between which the outer corners of both eyes lie about the tip of the
            nose, above the line between the eyes: about 35 from the front, 25 and 50 at 20
            degrees of yaw.
        step: by which the face's box moves from one frame to the next at most, face widths.
        jitter: by which landmarks move against their box, root mean square, face widths.
        speech: share of the clip in which somebody speaks, at least.
        lips: correlation of the lips with what the speech lets expect, see `measures.lip_sync`.
    """

    seconds: tuple[float, float] = (1.0, 10.0)
    width: float = 100.0
    corners: tuple[float, float] = (20.0, 65.0)
    step: float = 0.08
    jitter: float = 0.05
    speech: float = 0.0
    lips: float = -1.0


# What a clip must meet to be kept, and to be kept with its sound: stage 1 learns from every head,
# stage 2 is misled by sound that is not this mouth's.
LOOSE = Thresholds()
STRICT = Thresholds(corners=(25.0, 52.0), step=0.05, jitter=0.03, speech=0.4, lips=0.15)


@dataclass(frozen=True)
class Settings:
    """How films become clips.

    Attributes:
        loose: what is kept at all.
        strict: what is kept with its sound.
        licence: of the films, for the manifest.
        held_out: share of people who go to `val/`, drawn by their names.
    """

    loose: Thresholds = LOOSE
    strict: Thresholds = STRICT
    licence: str = ""
    held_out: float = 0.05


DEFAULTS = Settings()


def read_thresholds(path: Path) -> tuple[Thresholds, Thresholds]:
    """Loose and strict ones, as a JSON file like {"loose": {"width": 80}} changes them.

    Raises:
        InputError: no such file, or no such thresholds.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
        changes: list[dict[str, Any]] = [
            {
                name: tuple(value) if isinstance(value, list) else float(value)
                for name, value in told.get(kind, {}).items()
            }
            for kind in ("loose", "strict")
        ]
        return replace(LOOSE, **changes[0]), replace(STRICT, **changes[1])
    except (OSError, ValueError, TypeError, AttributeError) as error:
        names = ", ".join(asdict(LOOSE))
        raise InputError(
            f"{path} does not change thresholds; write JSON like "
            f'{{"loose": {{"width": 80}}, "strict": {{}}}} with {names}.'
        ) from error


@dataclass(frozen=True)
class Watched:
    """What a film shows, by frame; NaN where there is no face.

    Attributes:
        size: width and height, px.
        cuts: the first frames of its shots, but for the very first.
        box: (T, 4) left, top, right, bottom of the face, px.
        corners: (T, 2) degrees, see `Thresholds`.
        jitter: (T,) see `Thresholds`.
        mouth: (T,) lip aperture.
        faces: (T,) how many faces about as large there are in its crop.
    """

    size: tuple[int, int]
    cuts: list[int]
    box: np.ndarray
    corners: np.ndarray
    jitter: np.ndarray
    mouth: np.ndarray
    faces: np.ndarray

    def failures(self, limits: Thresholds) -> np.ndarray:
        """The first filter that each frame fails, "" where it passes: (T,) str."""
        left, top, right, bottom = self.box.T
        width = right - left
        centre = np.stack([left + right, top + bottom], -1) / 2
        step = np.linalg.norm(np.diff(centre, axis=0, prepend=centre[:1]), axis=1) / width
        low, high = limits.corners
        tests = {
            "no face": np.isfinite(left),
            "several faces": self.faces <= 1,
            "small face": width >= limits.width,
            "cut off": (left >= 0)
            & (top >= 0)
            & (right <= self.size[0])
            & (bottom <= self.size[1]),
            "turned away": (self.corners.min(1) >= low) & (self.corners.max(1) <= high),
            # Of a face's first frame it is not known how it moves.
            "moves": ~(step > limits.step),
            "trembles": ~(self.jitter > limits.jitter),
        }
        found = np.full(len(left), "", dtype=object)
        for reason, passed in reversed(tests.items()):
            found[~passed] = reason
        return found


@dataclass(frozen=True)
class Piece:
    """Frames `start` to `end` of a film, and what became of them."""

    start: int
    end: int
    reason: str = ""  # why it was dropped, or lost its sound
    measured: str = ""
    crop: Crop | None = None  # None: dropped
    heard: bool = False

    @property
    def outcome(self) -> str:
        """kept, silent (kept without its sound), or dropped."""
        return "dropped" if self.crop is None else "kept" if self.heard else "silent"


@dataclass
class Summary:
    """Seconds of all films by what became of them, and why."""

    clips: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, float] = field(default_factory=dict)


def prepare(
    raw: Path, out: Path, settings: Settings = DEFAULTS, workers: int | None = None
) -> Summary:
    """Makes `out`/clips of the films in `raw` and its folders: manifest, report and clips.

    A run that broke off goes on with the films that are not done; changed settings do all anew.

    Args:
        raw: folder of films; its name becomes the clips' source.
        out: folder that `train pack --data` is then given.
        workers: processes; all cores by default.

    Raises:
        InputError: there is no film in `raw`.
    """
    films = sorted(path for path in raw.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not films:
        raise InputError(f"{raw} holds no films; give a folder with videos like MP4.")
    notes = out / "clips" / "films"
    notes.mkdir(parents=True, exist_ok=True)
    todo = [film for film in films if not _is_done(film, raw, out, settings)]
    log.info("%d films, %d of them done", len(films), len(films) - len(todo))
    workers = min(workers or os.cpu_count() or 1, len(todo))
    if workers > 1:
        # Spawned, not forked: MediaPipe's threads do not survive a fork.
        with ProcessPoolExecutor(workers, get_context("spawn"), _one_thread) as pool:
            jobs = {pool.submit(prepare_film, film, raw, out, settings): film for film in todo}
            for number, job in enumerate(as_completed(jobs), 1):
                log.info("%d/%d %s: %d clips", number, len(todo), jobs[job].name, job.result())
                _write_tables(out)
    for film in todo if workers <= 1 else ():
        log.info("%s: %d clips", film.name, prepare_film(film, raw, out, settings))
        _write_tables(out)
    return _write_tables(out)


def prepare_film(film: Path, raw: Path, out: Path, settings: Settings) -> int:
    """Watches one film and writes its clips, and last the note that it is done; returns how many.

    A film that cannot be read is noted with that reason.
    """
    note = _note(film, raw, out)
    person = film.relative_to(raw).parts[0] if film.parent != raw else film.stem
    drawn = int(hashlib.sha256(person.encode()).hexdigest()[:8], 16) / 2**32
    split = "val" if drawn < settings.held_out else "train"
    clips: list[dict[str, str]] = []
    rows: list[dict[str, str]] = []
    sound = _sound(film)
    try:
        watched = watch(film)
        pieces = judge(watched, sound, settings)
    except InputError as error:
        pieces = [Piece(0, 0, "unreadable", str(error))]
    for number, piece in enumerate(pieces):
        row = {
            "film": str(film.relative_to(raw)),
            "start": f"{piece.start / FPS:.2f}",
            "end": f"{piece.end / FPS:.2f}",
            "outcome": piece.outcome,
            "reason": piece.reason,
            "measured": piece.measured,
            "file": "",
        }
        if piece.crop is not None:
            row["file"] = f"{split}/{note.stem}_{number:03d}.mp4"
            clips.append(
                {
                    "file": row["file"],
                    "identity": person,
                    "has_audio": str(int(piece.heard)),
                    "seconds": f"{(piece.end - piece.start) / FPS:.2f}",
                    "crop_px": f"{piece.crop.side:.0f}",
                    "source": raw.resolve().name,
                    "licence": settings.licence,
                    "transcript": "",
                }
            )
        rows.append(row)
    _cut_out(film, pieces, [out / "clips" / row["file"] for row in rows], sound)
    part = note.with_suffix(".part")
    done = {"made_of": _made_of(film, settings), "clips": clips, "report": rows}
    part.write_text(json.dumps(done, indent=1), "utf-8")
    part.rename(note)
    return len(clips)


def watch(film: Path) -> Watched:
    """Finds the cuts and follows the largest face through every frame.

    Raises:
        InputError: the film cannot be read.
    """
    detector, follower = AdaptiveDetector(min_scene_len=1), _Follower()
    cuts: list[int] = []
    rows: list[tuple[Any, ...]] = []
    size = (0, 0)
    for index, frame in enumerate(media.read_video(film)):
        size = (frame.shape[1], frame.shape[0])
        glance = cv2.resize(frame, (GLANCE, max(2, round(GLANCE * size[1] / size[0]))))
        for cut in detector.process_frame(
            FrameTimecode(index, float(FPS)), glance[..., ::-1].copy()
        ):
            cuts.append(cut.frame_num)
        rows.append(follower.follow(frame))
    box, corners, jitter, mouth, faces = (
        np.array(column, float) for column in zip(*rows, strict=True)
    )
    return Watched(size, cuts, box, corners, jitter, mouth, faces)


class _Follower:
    """Looks for a face where it was in the frame before, and in the whole frame if it is lost."""

    def __init__(self) -> None:
        self.last: np.ndarray | None = None
        self.waited = 0  # frames since the last search

    def follow(self, frame: np.ndarray) -> tuple[Any, ...]:
        """A frame -> a row of `Watched`: box, corners, jitter, mouth, faces."""
        faces: list[Face] = []
        if self.last is not None:
            view = crop_around(self.last)
            scale, origin = view.side / VIEW, np.array([view.left, view.top, 0], np.float32)
            seen = _landmarker().detect(view.extract(frame, VIEW))
            faces = [Face(face.landmarks * scale + origin, face.blendshapes) for face in seen]
        elif self.waited % LOOK == 0:
            faces = _landmarker().detect(frame)
        before, self.last = self.last, None
        self.waited = 0 if before is not None else self.waited + 1
        if not faces:
            nothing = float("nan")
            return (nothing,) * 4, (nothing,) * 2, nothing, nothing, 0
        face = faces[0]
        if before is not None:
            middle = before.mean(0)
            face = min(faces, key=lambda one: float(np.linalg.norm(one.landmarks.mean(0) - middle)))
        self.last = face.landmarks
        jitter = float("nan") if before is None else _jitter(before, face.landmarks)
        mouth = float(mesh.lip_aperture(torch.from_numpy(face.landmarks)))
        return face.box, eye_corners(face.landmarks), jitter, mouth, _count_in_crop(face, faces)


def _count_in_crop(face: Face, faces: Sequence[Face]) -> int:
    """How many faces about as large as this one are in its crop, itself among them."""
    crop = crop_around(face.landmarks)
    large = [one for one in faces if one.width >= OTHER * face.width]
    places = np.array([one.landmarks[:, :2].mean(0) for one in large])
    inside = np.abs(places - (crop.centre_x, crop.centre_y)) <= crop.side / 2
    return int(inside.all(1).sum())


def eye_corners(points: np.ndarray) -> tuple[float, float]:
    """Degrees by which each eye's outer corner lies above the nose's tip, (K, 3) px.

    Measured from the line between the corners, so that a tilted head is as an upright one.
    """
    right, left, nose = (points[index, :2] for index in (*CORNERS, NOSE_TIP))
    across = (left - right) / np.linalg.norm(left - right)
    up = np.array([across[1], -across[0]])
    angles = (
        np.arctan2((corner - nose) @ up, side * ((corner - nose) @ across))
        for corner, side in ((right, -1), (left, 1))
    )
    first, second = (float(np.degrees(angle)) for angle in angles)
    return first, second


def _jitter(before: np.ndarray, now: np.ndarray) -> float:
    shapes = []
    for points in (before[:, :2], now[:, :2]):
        low, high = points.min(0), points.max(0)
        shapes.append((points - (low + high) / 2) / (high - low)[0])
    return float(np.sqrt(np.square(shapes[1] - shapes[0]).sum(-1).mean()))


def judge(watched: Watched, sound: np.ndarray | None, settings: Settings) -> list[Piece]:
    """Every frame of a film in a piece, in order: kept, silent or dropped.

    Args:
        sound: (N,) mono at 16 kHz, or None.
    """
    loose, strict = settings.loose, settings.strict
    failures = watched.failures(loose)
    careful = watched.failures(strict)
    speaking = None if sound is None else _speaking(sound, len(failures))
    shortest, longest = (round(seconds * FPS) for seconds in loose.seconds)
    pieces = []
    for start, end in _runs(failures, watched.cuts):
        if failures[start]:
            pieces.append(Piece(start, end, str(failures[start])))
            continue
        if end - start < shortest:
            pieces.append(Piece(start, end, "short", f"{(end - start) / FPS:.2f} s"))
            continue
        count = -(-(end - start) // longest)
        edges = np.linspace(start, end, count + 1).round().astype(int).tolist()
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            crop, outside = _crop(watched.box[first:last])
            if outside > 0:
                pieces.append(Piece(first, last, "wanders", f"{outside:.2f} of the crop"))
                continue
            reason, measured = "no sound", ""
            if sound is not None and speaking is not None:
                heard = sound[first * SAMPLE_RATE // FPS : last * SAMPLE_RATE // FPS]
                reason, measured = _fault(
                    careful[first:last], speaking[first:last], watched.mouth[first:last], heard,
                    strict,
                )  # fmt: skip
            pieces.append(Piece(first, last, reason, measured, crop, not reason))
    return pieces


def _fault(
    failures: np.ndarray,
    speaking: np.ndarray,
    mouth: np.ndarray,
    heard: np.ndarray,
    strict: Thresholds,
) -> tuple[str, str]:
    """Why a clip loses its sound, and the number that says so; "" if it does not."""
    failed = failures[failures != ""]
    if len(failed) > (1 - STEADY) * len(failures):
        reason = Counter(failed.tolist()).most_common(1)[0][0]
        return reason, f"{len(failed) / len(failures):.0%} of the frames"
    if speaking.mean() < strict.speech:
        return "no speech", f"{speaking.mean():.2f}"
    if strict.lips > -1:
        match = lip_sync(mouth, _encoder().encode(heard).numpy())
        if not match >= strict.lips:
            return "lips and sound differ", f"{match:.2f}"
    return "", ""


def _runs(failures: np.ndarray, cuts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Frames of one shot that fail the same filter, or none: (start, end) of each run."""
    edges = {*cuts, *(np.flatnonzero(failures[1:] != failures[:-1]) + 1).tolist(), len(failures)}
    start = 0
    for end in sorted(edges - {0}):
        yield start, end
        start = end


def _crop(boxes: np.ndarray) -> tuple[Crop, float]:
    """Where a clip's head is on the whole, and by how much of the crop it ever leaves it."""
    left, top, right, bottom = np.median(boxes, 0)
    crop = crop_around(np.array([[left, top, 0], [right, bottom, 0]]))
    low = boxes[:, :2].min(0) - (crop.left, crop.top)
    high = (crop.left + crop.side, crop.top + crop.side) - boxes[:, 2:].max(0)
    return crop, float(-min(*low, *high)) / crop.side


def _sound(film: Path) -> np.ndarray | None:
    try:
        return media.read_audio(film, LONGEST)
    except InputError:  # silent, or not readable, which reading its frames will tell
        return None


def _speaking(sound: np.ndarray, frames: int) -> np.ndarray:
    """Whether somebody speaks in each frame: (frames,) bool."""
    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps, load_silero_vad

    torch.set_num_threads(threads)  # importing it sets this to one
    speaking = np.zeros(frames, bool)
    for span in get_speech_timestamps(torch.tensor(sound), load_silero_vad()):
        speaking[span["start"] * FPS // SAMPLE_RATE : -(-span["end"] * FPS // SAMPLE_RATE)] = True
    return speaking


def _cut_out(
    film: Path, pieces: Sequence[Piece], files: Sequence[Path], sound: np.ndarray | None
) -> None:
    """Writes the clips of one film, read once."""
    kept = [(piece, file) for piece, file in zip(pieces, files, strict=True) if piece.crop]
    if not kept:
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gaia-"))
        frames = enumerate(stack.enter_context(closing(media.read_video(film))))  # type: ignore[type-var]
        for piece, file in kept:
            assert piece.crop is not None
            track = None
            if piece.heard and sound is not None:
                track = Path(folder, "speech.wav")
                ends = (frame * SAMPLE_RATE // FPS for frame in (piece.start, piece.end))
                media.write_audio(track, sound[slice(*ends)], SAMPLE_RATE)
            file.parent.mkdir(parents=True, exist_ok=True)
            with media.VideoWriter(file, SIDE, SIDE, track, None) as writer:
                for index, frame in frames:
                    if index >= piece.start:
                        writer.write(piece.crop.extract(frame, SIDE))
                    if index == piece.end - 1:
                        break


def _note(film: Path, raw: Path, out: Path) -> Path:
    """Where it is noted that a film is done; its name is that of the film's clips."""
    name = str(film.relative_to(raw))
    slug = re.sub(r"[^A-Za-z0-9]+", "-", film.stem)[:40].strip("-")
    return out / "clips" / "films" / f"{slug}_{hashlib.sha256(name.encode()).hexdigest()[:8]}.json"


def _made_of(film: Path, settings: Settings) -> dict[str, Any]:
    """What a film's clips depend on, as JSON gives it back."""
    found = film.stat()
    made: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return {**made, "bytes": found.st_size, "changed": found.st_mtime_ns}


def _is_done(film: Path, raw: Path, out: Path, settings: Settings) -> bool:
    """Whether a film's clips are there; what is left of other settings is removed."""
    note = _note(film, raw, out)
    try:
        done = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    files = [out / "clips" / clip["file"] for clip in done["clips"]]
    if done["made_of"] == _made_of(film, settings) and all(file.is_file() for file in files):
        return True
    note.unlink()
    for file in files:
        file.unlink(missing_ok=True)
    return False


def _write_tables(out: Path) -> Summary:
    """The manifest and the report of all films that are done."""
    summary, clips, report = Summary(), list[dict[str, str]](), list[dict[str, str]]()
    for note in sorted((out / "clips" / "films").glob("*.json")):
        done = json.loads(note.read_text("utf-8"))
        clips += done["clips"]
        report += done["report"]
    for row in report:
        seconds = float(row["end"]) - float(row["start"])
        why = f"{row['outcome']}: {row['reason']}"
        summary.seconds[row["outcome"]] = summary.seconds.get(row["outcome"], 0.0) + seconds
        if row["reason"]:
            summary.reasons[why] = summary.reasons.get(why, 0.0) + seconds
    summary.clips = len(clips)
    for name, fields, rows in (("manifest", FIELDS, clips), ("report", REPORT, report)):
        path = out / "clips" / f"{name}.csv"
        part = path.with_suffix(".part")
        with open(part, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        part.rename(path)
    return summary


def _one_thread() -> None:
    """Each process of the pool has a core, not all of them."""
    torch.set_num_threads(1)


@cache
def _landmarker() -> FaceLandmarker:
    return FaceLandmarker()


@cache
def _encoder() -> SpeechEncoder:
    return SpeechEncoder.load()
