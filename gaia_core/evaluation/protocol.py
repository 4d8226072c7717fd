"""The held-out protocol: which clips, in which order, and the report.

Clips of people that were never trained on, `val/` in the manifest; see `reenactment` and
`speech_driven` for what is done with each.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaia_core import media
from gaia_core.errors import InputError
from gaia_core.evaluation import reenactment, speech_driven
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.evaluation.speech_driven import Animator, Track
from gaia_core.face import FaceLandmarker

PROTOCOLS = ("reenactment", "speech", "all")


@dataclass(frozen=True)
class Clip:
    """A row of the manifest. `path` is the video; `name` is for reports and file names."""

    path: Path
    name: str
    identity: str
    source: str
    has_audio: bool


@torch.no_grad()
def evaluate(
    gaia: Animator,
    data_dir: Path | str,
    protocol: str = "all",
    limit: int | None = None,
    sheets: Path | str | None = None,
) -> dict[str, Any]:
    """Runs the protocol on the held-out clips.

    Args:
        data_dir: holds clips/manifest.csv and the clips it names, 256 x 256 at 25 fps.
        protocol: "reenactment", "speech" or "all".
        limit: so many clips at most (of each protocol), spread over identities.
        sheets: folder for one contact sheet per clip.

    Returns:
        {"identities": ..., "reenactment": {"ours": M, "still": M, "landmark_warp": M, ...},
        "speech": {...}} as plain JSON values; None is what could not be measured.

    Raises:
        InputError: no such protocol or data, or its val/ is not held out.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"Protocol is {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    if limit is not None and limit < 1:
        raise InputError(f"Limit is {limit}; choose at least 1 clip.")
    clips, identities = read_manifest(Path(data_dir))
    folder = None if sheets is None else Path(sheets)
    report: dict[str, Any] = {"identities": identities}
    with FaceLandmarker() as landmarker:
        if protocol != "speech":
            report["reenactment"] = _reenactment(gaia, landmarker, spread(clips, limit), folder)
        if protocol != "reenactment":
            heard = spread([clip for clip in clips if clip.has_audio], limit)
            report["speech"] = _speech(gaia, landmarker, heard, folder)
    plain: dict[str, Any] = _plain(report)
    return plain


def read_manifest(data_dir: Path) -> tuple[list[Clip], dict[str, Any]]:
    """The held-out clips in the manifest's order, and how many people train/ and val/ hold.

    Raises:
        InputError: no manifest, no held-out clip, or a person is in both halves.
    """
    path = data_dir / "clips" / "manifest.csv"
    if not path.is_file():
        raise InputError(f"{path} is missing; give the folder that holds clips/manifest.csv.")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    held_out = [row for row in rows if row["file"].startswith("val/")]
    if not held_out:
        raise InputError(f"{path} names no clip under val/; add some to evaluate on.")
    people = {row["identity"] for row in held_out}
    trained = {row["identity"] for row in rows if not row["file"].startswith("val/")}
    if shared := sorted(people & trained):
        raise InputError(f"{', '.join(shared)} are in both train/ and val/; nothing is held out.")
    clips = [
        Clip(
            path.parent / row["file"],
            Path(row["file"]).stem,
            row["identity"],
            row["source"],
            row["has_audio"] == "1",
        )
        for row in held_out
    ]
    return clips, {"val": len(people), "train": len(trained), "shared": 0}


def spread(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most `limit` clips: each identity's first in the manifest's order, then the next."""
    of: dict[str, list[Clip]] = {}
    for clip in clips:
        of.setdefault(clip.identity, []).append(clip)
    turns = chain.from_iterable(zip_longest(*of.values()))
    return [clip for clip in turns if clip is not None][:limit]


def _reenactment(
    gaia: Animator, landmarker: FaceLandmarker, clips: Sequence[Clip], sheets: Path | None
) -> dict[str, Any]:
    start = time.monotonic()
    judges = reenactment.Judges(landmarker)
    done: list[tuple[Clip, dict[str, list[reenactment.Scores]]]] = []
    for clip in clips:
        made = reenactment.reenact(gaia.autoencoder, judges, list(media.read_video(clip.path)))
        if made is None:
            continue
        done.append((clip, made.scores))
        if sheets is not None:
            order = {name: made.made[name] for name in ("ours", "landmark_warp", "still")}
            path = sheets / "reenactment" / f"{clip.name}.png"
            save_sheet(path, f"{clip.name} ({clip.source})", {"real": made.real, **order})

    def methods(source: str | None) -> dict[str, Any]:
        chosen = [scores for clip, scores in done if source in (None, clip.source)]
        return {
            method: {
                **reenactment.summarise(chain.from_iterable(x[method] for x in chosen)),
                "clips": len(chosen),
            }
            for method in reenactment.METHODS
        }

    return {
        **methods(None),
        "by_source": {source: methods(source) for source in _sources(done)},
        "clips_without_face": len(clips) - len(done),
        "seconds": time.monotonic() - start,
    }


def _speech(
    gaia: Animator, landmarker: FaceLandmarker, clips: Sequence[Clip], sheets: Path | None
) -> dict[str, Any]:
    start = time.monotonic()
    done: list[tuple[Clip, tuple[Track, Track]]] = []
    portraits: dict[str, np.ndarray] = {}
    for clip in clips:
        real = list(media.read_video(clip.path))
        index, face = reenactment.first_face(landmarker, real)
        if face is None:
            continue
        try:
            ours = speech_driven.speak(gaia, real[index], media.read_audio(clip.path))
        except InputError:  # no sound after all, or a first frame that is turned away too far
            continue
        portraits.setdefault(clip.identity, real[index])
        count = min(len(ours), len(real))
        films = ours[:count], real[:count]
        tracks = tuple(speech_driven.read_track(landmarker, film) for film in films)
        done.append((clip, (tracks[0], tracks[1])))
        if sheets is not None:
            path = sheets / "speech" / f"{clip.name}.png"
            title = f"{clip.name} ({clip.source})"
            save_sheet(path, title, {"real": films[1], "ours": films[0]})
    silent = list(portraits.values())[: speech_driven.SILENT_PORTRAITS]
    return {
        **speech_driven.compare([tracks for _, tracks in done]),
        "silence_aperture_std": speech_driven.silent_aperture(gaia, landmarker, silent),
        "by_source": {
            source: speech_driven.compare([x for clip, x in done if clip.source == source])
            for source in _sources(done)
        },
        "clips_refused": len(clips) - len(done),
        "seconds": time.monotonic() - start,
    }


def _sources(done: Sequence[tuple[Clip, Any]]) -> list[str]:
    return sorted({clip.source for clip, _ in done})


def format_table(report: Mapping[str, Any]) -> str:
    """What `evaluate` returned, as text of at most 100 columns."""
    parts = []
    if found := report.get("reenactment"):
        parts += [_reenactment_table("Self re-enactment", found)]
        parts += [_reenactment_table(f"  {name}", x) for name, x in found["by_source"].items()]
    if found := report.get("speech"):
        parts += [_speech_table(found)]
    people = report["identities"]
    parts += [
        f"{people['val']} held-out people, none of them among the {people['train']} trained on."
    ]
    return "\n\n".join(parts)


def _reenactment_table(title: str, report: Mapping[str, Any]) -> str:
    columns = (*reenactment.METRICS, "lost_faces")
    counts = report["ours"]
    lines = [f"{title}: {counts['clips']} clips, {counts['frames']} frames"]
    lines += ["".ljust(14) + "".join(name.rjust(12) for name in columns[:-1]) + "lost".rjust(6)]
    for method in reenactment.METHODS:
        values = [_number(report[method][name]) for name in columns]
        cells = "".join(value.rjust(12) for value in values[:-1]) + values[-1].rjust(6)
        lines += [method.ljust(14) + cells]
    return "\n".join(lines)


def _speech_table(report: Mapping[str, Any]) -> str:
    lines = [f"Speech-driven: {report['clips']} clips, {report['frames']} frames"]
    pairs = {"": ("ours", "real")} | {
        name: tuple(_number(report[side][name]) for side in ("ours", "real"))
        for name in report["real"]
    }
    lines += [name.ljust(24) + "".join(x.rjust(12) for x in pair) for name, pair in pairs.items()]
    lines += [
        name.ljust(24) + _number(value).rjust(12)
        for name, value in report.items()
        if isinstance(value, int | float | None) and name not in ("clips", "frames", "seconds")
    ]
    return "\n".join(lines)


def _number(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _plain(value: Any) -> Any:
    """JSON values: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(x) for key, x in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
