"""What a photo shows before anything is made of it: its faces, and what will not go well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaia_core.errors import InputError
from gaia_core.face import Face, choose_face, crop_around, warnings

CROP = 192  # px


@dataclass(frozen=True, eq=False)
class Seen:
    """A face of a photo.

    Attributes:
        box: left, top, right, bottom of the face, as shares of the photo's width and height.
        crop: (CROP, CROP, 3) uint8, what would be moved.
        side: of that crop in the photo, px.
        problem: why it cannot be animated and what to do, or None.
        warnings: what will not come out well, if it can be.
    """

    box: tuple[float, float, float, float]
    crop: np.ndarray
    side: float
    problem: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Look:
    """A photo's size in px, and its faces, largest first: what `Request.face` chooses from."""

    width: int
    height: int
    faces: tuple[Seen, ...]


def look(photo: np.ndarray, faces: Sequence[Face]) -> Look:
    """The faces of a photo (H, W, 3) uint8 as they may be chosen.

    Raises:
        InputError: there is none.
    """
    if not faces:
        choose_face(faces, 0, photo)
    height, width = photo.shape[:2]
    return Look(width, height, tuple(_seen(photo, faces, index) for index in range(len(faces))))


def _seen(photo: np.ndarray, faces: Sequence[Face], index: int) -> Seen:
    height, width = photo.shape[:2]
    left, top, right, bottom = faces[index].box
    box = left / width, top / height, right / width, bottom / height
    crop = crop_around(faces[index].landmarks)
    picture = crop.extract(photo, CROP)
    try:
        face = choose_face(faces, index, photo)
    except InputError as error:
        return Seen(box, picture, crop.side, problem=str(error))
    # How many faces there are need not be told where all of them are shown.
    return Seen(box, picture, crop.side, warnings=warnings(face, photo))
