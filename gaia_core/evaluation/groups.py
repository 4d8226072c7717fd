"""Self re-enactment by groups of clips: where they come from, and how light the skin is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Any

from gaia_core.evaluation import reenactment

# Lower ends of the bins in degrees of `metrics.skin_lightness`; the usual six classes in pairs.
SKIN = {"light (over 41 deg)": 41.0, "medium (10 to 41 deg)": 10.0, "dark (under 10 deg)": -90.0}
NOT_MEASURED = {
    "glasses": "no trustworthy detector among the packages used; see the sheet of `hard`",
    "age": "an impression of age is not measured by anything here; see the sheet of `hard`",
}


@dataclass(frozen=True)
class Measured:
    """One clip: whose, and its scores frame by frame for each method."""

    identity: str
    scores: dict[str, list[reenactment.Scores]]


def skin(degrees: float) -> str:
    """The bin of a lightness."""
    return next(name for name, least in SKIN.items() if degrees >= least or least == -90)


def skins(clips: Sequence[Measured], lightness: Sequence[float]) -> list[str]:
    """The bin of each clip's person, by the median lightness of that person's clips."""
    of: dict[str, list[float]] = {}
    for clip, degrees in zip(clips, lightness, strict=True):
        of.setdefault(clip.identity, []).append(degrees)
    return [skin(median(of[clip.identity])) for clip in clips]


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
