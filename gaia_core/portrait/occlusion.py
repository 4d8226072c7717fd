"""What covers a face: colours and edges of its regions against those of its bare skin.

The landmarks tell nothing of it: they are read as if the mouth were seen through the cloth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gaia_core.landmarks import (
    EYE_LEFT,
    EYE_RIGHT,
    INNER_BOTTOM,
    INNER_TOP,
    LIPS_INNER,
    LIPS_OUTER,
)
from gaia_core.portrait.face import Face, crop_around

_SIDE, _BLUR = 384, 1.2  # px, of the crop that is looked at
_SAMPLES = 41  # across the lips
# Outlines of skin that neither mask nor scarf covers, of the chin, and between nose and lips.
_FOREHEAD = (10, 338, 297, 332, 299, 296, 336, 9, 107, 66, 69, 103, 67, 109)
_NOSE = (6, 196, 3, 236, 198, 131, 115, 220, 45, 5, 275, 440, 344, 360, 420, 456, 248, 419)
_UNDER_EYES = (
    (111, 117, 118, 119, 120, 121, 128, 232, 231, 230, 229, 228),
    (340, 346, 347, 348, 349, 350, 357, 452, 451, 450, 449, 448),
)
_CHIN = (18, 313, 406, 418, 262, 369, 396, 175, 171, 140, 32, 194, 182, 83)
_UPPER_LIP = (2, 97, 98, 165, 39, 37, 0, 267, 269, 391, 327, 326)
# Points of the outer lips above and below those of the inner lips.
_OUTER_TOP, _OUTER_BOTTOM = (40, 39, 37, 0, 267, 269, 270), (91, 181, 84, 17, 314, 405, 321)


# In units of CIELAB; what is beyond counts as much.
_CHIN_MOST, _SEAM_RANGE, _LIPS_RANGE = 25.0, (-5, 25), (-10, 40)
# Found on 290 portraits, with ten covers of the mouth and three pairs of glasses painted on them.
_CHIN_BY_SEAM, _CHIN_BY_LIPS = 2.2, 0.9
_DIM_SKIN = 40.0  # lightness; in darker skin or light lips may not show
_WHOLE = 0.83  # score of a face; of 942 readings of bare faces the lowest was 0.88
_FLAT_EYES, _DARK_UNDER_EYES = 14.0, -20.0


@dataclass(frozen=True)
class Covered:
    """Which parts of a face cannot be seen, as far as can be told from a photo."""

    mouth: bool
    eyes: bool


def find_covered(face: Face, photo: np.ndarray) -> Covered:
    """What hides a face's mouth (a mask, scarf, hand, cup, microphone) and eyes (sunglasses).

    A mouth is covered if the chin's colour is less like the skin above than lips are like lips:
    redder or darker than what surrounds them, with a dark line between them. Lighter lips are in a
    beard, which counts for nothing. It also is if the whole scores low as a face though its eyes
    are seen. Eyes are covered if they have neither whites nor a glint, and what is below them is
    far darker than the forehead.

    Args:
        photo: (H, W, 3) uint8.
    """
    crop = crop_around(face.landmarks)
    picture = crop.extract(photo, _SIDE).astype(np.float32) / 255
    lab = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), _BLUR), cv2.COLOR_RGB2LAB)
    points = crop.to_crop(face.landmarks)[:, :2] * _SIDE

    def inside(*outlines: Sequence[int]) -> np.ndarray:
        mask = np.zeros(lab.shape[:2], np.uint8)
        for outline in outlines:
            cv2.fillPoly(mask, [points[list(outline)].round().astype(np.int32)], 1)
        return mask > 0

    def colour(mask: np.ndarray) -> np.ndarray:
        return np.median(lab[mask], 0) if mask.any() else np.zeros(3)

    forehead, *under = (colour(inside(each)) for each in (_FOREHEAD, *_UNDER_EYES))
    skin = np.median([forehead, colour(inside(_NOSE)), *under], 0)
    chin = inside(_CHIN)
    around = colour(chin | inside(_UPPER_LIP))
    _, redness, _ = lips = colour(inside(LIPS_OUTER) & ~inside(LIPS_INNER)) - around
    standing_out = np.clip(redness - min(lips[0], 0.0), *_LIPS_RANGE)
    seam = np.clip(_seam(lab[..., 0], points), *_SEAM_RANGE)
    apart = min(float(np.hypot(*(colour(chin) - skin)[1:])), _CHIN_MOST)
    eyes = lab[inside(EYE_RIGHT, EYE_LEFT)][:, 0]
    dark, light = np.percentile(eyes, (10, 90)) if len(eyes) else (0.0, np.inf)
    hidden_eyes = bool(
        light - dark < _FLAT_EYES and np.mean(under, 0)[0] - forehead[0] < _DARK_UNDER_EYES
    )
    unlike = apart > _CHIN_BY_SEAM * seam + _CHIN_BY_LIPS * standing_out
    return Covered(
        mouth=bool((skin[0] > _DIM_SKIN and unlike) or (face.score < _WHOLE and not hidden_eyes)),
        eyes=hidden_eyes,
    )


def _seam(light: np.ndarray, points: np.ndarray) -> float:
    """By how much the line between the lips is darker than either lip, the median over it."""
    top, bottom = points[list(_OUTER_TOP)], points[list(_OUTER_BOTTOM)]
    share = np.linspace(0, 1, _SAMPLES)[:, None, None]
    lines = (top + share * (bottom - top)).astype(np.float32)  # (_SAMPLES, 7, 2)
    values = cv2.remap(light, lines[..., 0], lines[..., 1], cv2.INTER_LINEAR)
    height = np.linalg.norm(bottom - top, axis=1).clip(1e-3)
    first, last = (
        (_SAMPLES - 1) * np.linalg.norm(points[list(inner[1:-1])] - top, axis=1) / height
        for inner in (INNER_TOP, INNER_BOTTOM)
    )
    starts = (first - 5).clip(1, _SAMPLES - 3).astype(int)
    ends = np.maximum((last + 6).clip(2, _SAMPLES - 1).astype(int), starts + 2)
    return float(
        np.median(
            [
                min(np.median(line[:start]), np.median(line[end:])) - line[start:end].min()
                for line, start, end in zip(values.T, starts, ends, strict=True)
            ]
        )
    )
