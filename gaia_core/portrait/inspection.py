"""Inspection of a photo before generation: its faces, problems and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError, Message
from gaia_core.portrait.blendshapes import BLINKS
from gaia_core.portrait.face import MIN_WIDTH, Face, Seen, crop_around, turned
from gaia_core.portrait.occlusion import find_covered

MAX_YAW, MAX_PITCH, MAX_ROLL = 50.0, 40.0, 45.0  # degrees
MIN_INSIDE = 0.9  # share of the landmarks that must lie in the photo

# Thresholds of warnings.
SOFT_WIDTH = 160  # px; the face's box
TURNED, TILTED_UP = 20.0, 25.0  # degrees of yaw, of pitch
PARTED, WIDE_OPEN = 0.03, 0.12  # gap between the lips over the face's height
CLOSED = 0.5  # eyeBlink score
DARK, FLAT = 100.0, 55.0  # grey level of the face's light parts; their distance from the dark ones


def choose_face(faces: Sequence[Face], index: int, image: np.ndarray) -> Face:
    """The face of that index, largest first, if it can be animated.

    Args:
        faces: of the photo, largest first.
        index: from 0.
        image: (H, W, 3) the photo.

    Raises:
        InputError: no such face; too small; cut off by the photo's edge; turned away too far.
    """
    if not faces:
        raise InputError(
            "No face was found; use a photo that shows a face from the front, at "
            "least {least} px wide.",
            least=MIN_WIDTH,
        )
    if not 0 <= index < len(faces):
        choice = (
            Message("0, the only face")
            if len(faces) == 1
            else Message("a face from 0 to {last}", last=len(faces) - 1)
        )
        raise InputError(
            "The photo shows no face {index}; choose {choice}.", index=index, choice=choice
        )
    face = faces[index]
    if face.width < MIN_WIDTH:
        raise InputError(
            "The face is only {width:.0f} px wide; use a photo in which it is at "
            "least {least} px wide.",
            width=face.width,
            least=MIN_WIDTH,
        )
    size = np.array([image.shape[1], image.shape[0]])
    points = face.landmarks[:, :2]
    if ((points >= 0) & (points <= size)).all(1).mean() < MIN_INSIDE:
        raise InputError(
            "The face is cut off by the photo's edge; use a photo that shows it whole."
        )
    yaw, pitch, roll = face.angles()
    if abs(roll) > MAX_ROLL:
        raise InputError(
            "The head is tilted by {angle:.0f} degrees; turn the photo upright.", angle=abs(roll)
        )
    if abs(yaw) > MAX_YAW or abs(pitch) > MAX_PITCH:
        raise InputError("The face is turned away too far; use a photo that looks at the camera.")
    return face


def warnings(face: Face, photo: np.ndarray, count: int = 1, turn: int = 0) -> tuple[Message, ...]:
    """Expected defects of a face that can be animated, with advice.

    Args:
        face: as `choose_face` returns it.
        photo: (H, W, 3) uint8.
        count: how many faces the photo shows.
        turn: quarter turns anticlockwise by which the photo was set upright.

    Returns:
        One sentence for each; none for a good portrait.
    """
    said: list[Message | None] = []
    if turn:
        said.append(
            Message(
                "The photo was turned by {degrees} degrees clockwise, so that the face is upright.",
                degrees=360 - 90 * turn,
            )
        )
    if count > 1:
        said.append(
            Message(
                "The photo shows {count} faces and one of them moves; crop the photo or choose "
                "the face if it should be another.",
                count=count,
            )
        )
    if face.width < SOFT_WIDTH:
        said.append(
            Message(
                "The face is only {width:.0f} px wide, so the video will look soft; use a photo in "
                "which it is at least {least} px wide.",
                width=face.width,
                least=SOFT_WIDTH,
            )
        )
    yaw, pitch, _ = face.angles()
    if abs(yaw) >= TURNED or abs(pitch) >= TILTED_UP:
        said.append(
            Message(
                "The head is turned by about {angle:.0f} degrees, so its hidden side may smear; "
                "use a photo that looks at the camera.",
                angle=max(abs(yaw), abs(pitch)),
            )
        )
    size = np.array([photo.shape[1], photo.shape[0]])
    points = face.landmarks[:, :2]
    if ((points < 0) | (points > size)).any():
        said.append(
            Message(
                "Part of the face is cut off by the photo's border and will not move well; use a "
                "photo that shows the whole head."
            )
        )
    covered = find_covered(face, photo)
    said += [_mouth(face, covered.mouth), _eyes(face, covered.eyes), _light(face, photo)]
    return tuple(each for each in said if each)


def _mouth(face: Face, covered: bool) -> Message | None:
    """A warning about the mouth, which may be covered."""
    if covered:
        return Message(
            "The mouth seems to be covered, so what covers it will move like lips; use a photo in "
            "which mouth and chin are bare."
        )
    gap = float(mesh.lip_aperture(torch.from_numpy(face.landmarks)))
    if gap >= WIDE_OPEN:
        return Message(
            "The mouth is wide open, so it may smear when it closes; use a photo with closed lips."
        )
    if gap >= PARTED:
        return Message(
            "The lips are parted, so teeth that show may smear in speech; use a photo with closed "
            "lips."
        )
    return None


def _eyes(face: Face, covered: bool) -> Message | None:
    """A warning about the eyes, which may be covered."""
    if covered:
        return Message(
            "The eyes seem to be behind dark glasses, which will hide how they move; use a photo "
            "without them."
        )
    if face.blendshapes[BLINKS].mean() >= CLOSED:
        return Message(
            "The eyes are closed, so what they look like open is made up; use a photo with open "
            "eyes."
        )
    return None


def _light(face: Face, photo: np.ndarray) -> Message | None:
    """A warning about the light on a face."""
    left, top, right, bottom = (round(x) for x in face.box)
    inside = photo[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    dark, light = np.percentile(cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY), (5, 95))
    # Of the light parts, not of the mean, so that dark skin in good light is not reported.
    if light < DARK:
        return Message(
            "The face is in the dark, so grain will move with it; use a photo in brighter light."
        )
    elif light - dark < FLAT:
        return Message(
            "The face has little contrast, so it may be read wrongly; use a photo in clearer light."
        )
    return None


CROP = 192  # px


@dataclass(frozen=True, eq=False)
class InspectedFace:
    """A face of a photo.

    Attributes:
        box: left, top, right, bottom of the face, as shares of the photo's width and height, of
            the uploaded photo.
        crop: (CROP, CROP, 3) uint8, the area that would be animated, upright.
        side: of that crop in the photo, px.
        problem: why it cannot be animated, with advice, or None.
        warnings: of a face that can be animated, see `warnings`.
    """

    box: tuple[float, float, float, float]
    crop: np.ndarray
    side: float
    problem: Message | None = None
    warnings: tuple[Message, ...] = ()


@dataclass(frozen=True, eq=False)
class Inspection:
    """A photo's size in px, and its faces, largest first, as `Request.face` indexes them."""

    width: int
    height: int
    faces: tuple[InspectedFace, ...]


def inspect_photo(seen: Seen) -> Inspection:
    """Inspects a photo with its detected faces.

    Raises:
        InputError: there is no face.
    """
    if not seen.faces:
        choose_face(seen.faces, 0, seen.photo)
    height, width = turned(seen.photo, -seen.turn).shape[:2]
    return Inspection(
        width, height, tuple(_inspected(seen, index) for index in range(len(seen.faces)))
    )


def _inspected(seen: Seen, index: int) -> InspectedFace:
    height, width = seen.photo.shape[:2]
    left, top, right, bottom = seen.faces[index].box
    box = left / width, top / height, right / width, bottom / height
    for _ in range(seen.turn):  # back, clockwise
        box = 1 - box[3], box[0], 1 - box[1], box[2]
    crop = crop_around(seen.faces[index].landmarks)
    picture = crop.extract(seen.photo, CROP)
    try:
        face = choose_face(seen.faces, index, seen.photo)
    except InputError as error:
        return InspectedFace(box, picture, crop.side, problem=error.message)
    # No warning about the number of faces, since the caller gets all of them.
    return InspectedFace(
        box, picture, crop.side, warnings=warnings(face, seen.photo, turn=seen.turn)
    )
