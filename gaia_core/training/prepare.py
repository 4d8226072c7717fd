"""From a folder of raw films to the clips that `pack` reads: faces from the front that speak.

Films are split at cuts and where a filter fails, cropped around the head, and listed in a report:
what was kept, what was dropped, why. A film that is done is skipped. People are told apart by
folder: each folder of the raw ones is a person, or else each film.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio, write_audio
from gaia_core.media.video import VideoWriter, read_video
from gaia_core.training.filters import DEFAULTS, SIDE, Piece, Settings, judge
from gaia_core.training.watching import watch

log = logging.getLogger(__name__)
LONGEST = 6 * 3600.0  # s of a film
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts")
FIELDS = (
    *("file", "identity", "has_audio", "seconds", "crop_px", "source", "licence", "transcript"),
)
REPORT = ("film", "start", "end", "outcome", "reason", "measured", "file")


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
        raise InputError("{raw} holds no films; give a folder with videos like MP4.", raw=raw)
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


def _sound(film: Path) -> np.ndarray | None:
    try:
        return read_audio(film, LONGEST)
    except InputError:  # silent, or not readable, which reading its frames will tell
        return None


def _cut_out(
    film: Path, pieces: Sequence[Piece], files: Sequence[Path], sound: np.ndarray | None
) -> None:
    """Writes the clips of one film, read once."""
    kept = [(piece, file) for piece, file in zip(pieces, files, strict=True) if piece.crop]
    if not kept:
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gaia-"))
        frames = enumerate(stack.enter_context(closing(read_video(film))))  # type: ignore[type-var]
        for piece, file in kept:
            assert piece.crop is not None
            track = None
            if piece.heard and sound is not None:
                track = Path(folder, "speech.wav")
                ends = (frame * SAMPLE_RATE // FPS for frame in (piece.start, piece.end))
                write_audio(track, sound[slice(*ends)], SAMPLE_RATE)
            file.parent.mkdir(parents=True, exist_ok=True)
            with VideoWriter(file, SIDE, SIDE, track, None) as writer:
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
