"""Prepares raw videos as clips of frontal, speaking faces for `pack`.

Videos are split at cuts and where a filter fails, cropped around the head, and listed in a report:
what was kept or dropped, and why. Finished videos are skipped. Each folder of the raw ones is a
person, or else each video.
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
from gaia_core.training.face_tracks import track_faces
from gaia_core.training.filters import DEFAULTS, SIDE, Piece, Settings, judge

log = logging.getLogger(__name__)
LONGEST = 6 * 3600.0  # s of a video
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts")
FIELDS = (
    *("file", "identity", "has_audio", "seconds", "crop_px", "source", "licence", "transcript"),
)
REPORT = ("film", "start", "end", "outcome", "reason", "measured", "file")


@dataclass
class Summary:
    """Seconds of all videos by outcome and reason."""

    clips: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, float] = field(default_factory=dict)


def prepare(
    raw: Path, out: Path, settings: Settings = DEFAULTS, workers: int | None = None
) -> Summary:
    """Writes `out`/clips from the videos in `raw` and its folders: manifest, report and clips.

    An interrupted run resumes; changed settings process all videos again.

    Args:
        raw: folder of videos; its name becomes the clips' source.
        out: folder that `train pack --data` is then given.
        workers: processes; all cores by default.

    Raises:
        InputError: there is no video in `raw`.
    """
    videos = sorted(path for path in raw.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not videos:
        raise InputError("{raw} holds no films; give a folder with videos like MP4.", raw=raw)
    notes = out / "clips" / "films"
    notes.mkdir(parents=True, exist_ok=True)
    todo = [video for video in videos if not _is_done(video, raw, out, settings)]
    log.info("%d films, %d of them done", len(videos), len(videos) - len(todo))
    workers = min(workers or os.cpu_count() or 1, len(todo))
    if workers > 1:
        # Spawned, not forked: MediaPipe's threads do not survive a fork.
        with ProcessPoolExecutor(workers, get_context("spawn"), _one_thread) as pool:
            jobs = {pool.submit(prepare_video, video, raw, out, settings): video for video in todo}
            for number, job in enumerate(as_completed(jobs), 1):
                log.info("%d/%d %s: %d clips", number, len(todo), jobs[job].name, job.result())
                _write_tables(out)
    for video in todo if workers <= 1 else ():
        log.info("%s: %d clips", video.name, prepare_video(video, raw, out, settings))
        _write_tables(out)
    return _write_tables(out)


def prepare_video(video: Path, raw: Path, out: Path, settings: Settings) -> int:
    """Tracks one video, writes its clips and at last a note that it is done; returns their number.

    A video that cannot be read is noted with that reason.
    """
    note = _note(video, raw, out)
    person = video.relative_to(raw).parts[0] if video.parent != raw else video.stem
    drawn = int(hashlib.sha256(person.encode()).hexdigest()[:8], 16) / 2**32
    split = "val" if drawn < settings.held_out else "train"
    clips: list[dict[str, str]] = []
    rows: list[dict[str, str]] = []
    sound = _sound(video)
    try:
        tracked = track_faces(video)
        pieces = judge(tracked, sound, settings)
    except InputError as error:
        pieces = [Piece(0, 0, "unreadable", str(error))]
    for number, piece in enumerate(pieces):
        row = {
            "film": str(video.relative_to(raw)),
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
                    "has_audio": str(int(piece.has_sound)),
                    "seconds": f"{(piece.end - piece.start) / FPS:.2f}",
                    "crop_px": f"{piece.crop.side:.0f}",
                    "source": raw.resolve().name,
                    "licence": settings.licence,
                    "transcript": "",
                }
            )
        rows.append(row)
    _cut_out(video, pieces, [out / "clips" / row["file"] for row in rows], sound)
    part = note.with_suffix(".part")
    done = {"made_of": _made_of(video, settings), "clips": clips, "report": rows}
    part.write_text(json.dumps(done, indent=1), "utf-8")
    part.rename(note)
    return len(clips)


def _sound(video: Path) -> np.ndarray | None:
    try:
        return read_audio(video, LONGEST)
    except InputError:  # silent, or not readable, which raises again when its frames are read
        return None


def _cut_out(
    video: Path, pieces: Sequence[Piece], files: Sequence[Path], sound: np.ndarray | None
) -> None:
    """Writes the clips of one video in one pass."""
    kept = [(piece, file) for piece, file in zip(pieces, files, strict=True) if piece.crop]
    if not kept:
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gaia-"))
        frames = enumerate(stack.enter_context(closing(read_video(video))))  # type: ignore[type-var]
        for piece, file in kept:
            assert piece.crop is not None
            track = None
            if piece.has_sound and sound is not None:
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


def _note(video: Path, raw: Path, out: Path) -> Path:
    """Path of the note that a video is done; its stem begins the names of the video's clips."""
    name = str(video.relative_to(raw))
    slug = re.sub(r"[^A-Za-z0-9]+", "-", video.stem)[:40].strip("-")
    return out / "clips" / "films" / f"{slug}_{hashlib.sha256(name.encode()).hexdigest()[:8]}.json"


def _made_of(video: Path, settings: Settings) -> dict[str, Any]:
    """The inputs of a video's clips, as restored from JSON."""
    found = video.stat()
    made: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return {**made, "bytes": found.st_size, "changed": found.st_mtime_ns}


def _is_done(video: Path, raw: Path, out: Path, settings: Settings) -> bool:
    """Whether a video's clips are up to date; clips of other settings are removed."""
    note = _note(video, raw, out)
    try:
        done = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    files = [out / "clips" / clip["file"] for clip in done["clips"]]
    if done["made_of"] == _made_of(video, settings) and all(file.is_file() for file in files):
        return True
    note.unlink()
    for file in files:
        file.unlink(missing_ok=True)
    return False


def _write_tables(out: Path) -> Summary:
    """Writes manifest and report of all finished videos."""
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
    """One thread for each process of the pool."""
    torch.set_num_threads(1)
