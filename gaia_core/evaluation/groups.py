"""Self re-enactment by groups of clips: source, skin lightness, and visible traits."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from gaia_core.evaluation import reenactment

# Lower ends of the bins in degrees of `metrics.skin_lightness`; the usual six classes in pairs.
SKIN = {"light (over 41 deg)": 41.0, "medium (10 to 41 deg)": 10.0, "dark (under 10 deg)": -90.0}
# Glasses, beard and age as annotated by one viewer on a frame of each held-out person, since no
# package in use classifies them reliably.
IMPRESSIONS = Path(__file__).with_name("impressions.csv")


@dataclass(frozen=True)
class Measured:
    """One clip: its identity, and the scores of each method by frame."""

    identity: str
    scores: dict[str, list[reenactment.Scores]]


def skin(degrees: float) -> str:
    """The bin of a skin lightness in degrees."""
    return next(name for name, least in SKIN.items() if degrees >= least or least == -90)


def skins(clips: Sequence[Measured], lightness: Sequence[float]) -> list[str]:
    """The bin of each clip's person, by the median lightness of that person's clips."""
    of: dict[str, list[float]] = {}
    for clip, degrees in zip(clips, lightness, strict=True):
        of.setdefault(clip.identity, []).append(degrees)
    return [skin(median(of[clip.identity])) for clip in clips]


def impressions(clips: Sequence[Measured]) -> dict[str, list[str]]:
    """Of each trait in `IMPRESSIONS` what each clip's person has; "unknown" for others."""
    with IMPRESSIONS.open(encoding="utf-8", newline="") as file:
        rows = {row.pop("identity"): row for row in csv.DictReader(file)}
    traits = next(iter(rows.values()))
    return {
        trait: [rows.get(clip.identity, {}).get(trait, "unknown") for clip in clips]
        for trait in traits
    }


def summarise(clips: Sequence[Measured]) -> dict[str, Any]:
    """Clips -> means of each method, with counts."""
    return {
        method: {
            **reenactment.summarise(chain.from_iterable(x.scores[method] for x in clips)),
            "clips": len(clips),
            "people": len({x.identity for x in clips}),
        }
        for method in reenactment.METHODS
    }


def by(clips: Sequence[Measured], group: Sequence[str]) -> dict[str, Any]:
    """Clips and the group of each -> summary of each group."""
    return {
        name: summarise([x for x, own in zip(clips, group, strict=True) if own == name])
        for name in sorted(set(group))
    }
