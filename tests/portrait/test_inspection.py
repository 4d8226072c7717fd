"""The choice of a face, and errors and warnings about photos."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaia_core.errors import InputError
from gaia_core.landmarks import LIPS_OUTER
from gaia_core.media.image import read_image
from gaia_core.portrait.face import Face
from gaia_core.portrait.inspection import choose_face, warnings

SHARED = Path(__file__).parents[3] / "shared" / "data"


def posed(yaw: float = 0, pitch: float = 0, roll: float = 0, width: float = 100) -> Face:
    """Points of an ellipsoid in that pose, with the outline's four on its axes."""
    generator = np.random.default_rng(0)
    points = generator.normal(size=(478, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True) * 1.5
    points[[10, 152, 234, 454]] = [[0, -1, 0], [0, 1, 0], [-1, 0, 0], [1, 0, 0]]
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_x = [[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]
    about_z = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    points = points @ (np.array(about_z) @ about_y @ about_x).T
    points = points * width / np.ptp(points[:, 0]) + (250, 250, 0)
    return Face(points.astype(np.float32), np.zeros(52, np.float32))


PHOTO = np.zeros((500, 500, 3), np.uint8)


def test_the_largest_face_is_the_default():
    faces = [posed(width=200), posed(), posed(yaw=80)]
    assert choose_face(faces, 0, PHOTO) is faces[0]
    assert choose_face(faces, 1, PHOTO) is faces[1]


@pytest.mark.parametrize("pose", [{}, {"yaw": 35}, {"yaw": -35}, {"pitch": 25}, {"roll": -30}])
def test_usual_poses_are_fine(pose):
    assert choose_face([posed(**pose)], 0, PHOTO)


@pytest.mark.parametrize(
    ("faces", "index", "message"),
    [
        ([], 0, "No face was found; use a photo"),
        ([posed()], 1, "no face 1; choose 0, the only face"),
        ([posed(), posed()], 5, "no face 5; choose a face from 0 to 1"),
        ([posed(width=50)], 0, "only 50 px wide; use a photo in which it is at least 64"),
        ([posed(yaw=70)], 0, "turned away"),
        ([posed(pitch=-60)], 0, "turned away"),
        ([posed(roll=88)], 0, "tilted by 88 degrees; turn the photo upright"),
    ],
)
def test_faces_that_cannot_be_animated_raise(faces, index, message):
    with pytest.raises(InputError, match=message) as error:
        choose_face(faces, index, PHOTO)
    assert str(error.value).endswith(".")


def test_a_face_cut_off_raises():
    with pytest.raises(InputError, match="cut off"):
        choose_face([posed()], 0, PHOTO[:, :230])


def textured(light: int = 220, dark: int = 60) -> np.ndarray:
    """A fine checkerboard, (500, 500, 3) uint8."""
    checks = np.indices((500, 500)).sum(0) % 2
    return np.repeat(np.where(checks, light, dark).astype(np.uint8)[..., None], 3, 2)


def with_lips(gap: float) -> Face:
    """A face with that lip aperture, in face heights."""
    one = posed(width=200)
    height = np.linalg.norm(one.landmarks[10, :2] - one.landmarks[152, :2])
    one.landmarks[13], one.landmarks[14] = one.landmarks[0], one.landmarks[0]
    one.landmarks[14, 1] += gap * height
    return one


def blinking() -> Face:
    one = with_lips(0)
    one.blendshapes[[9, 10]] = 0.8
    return one


def turned(**pose: float) -> Face:
    one = posed(**pose, width=200)
    one.landmarks[14] = one.landmarks[13]
    return one


def small() -> Face:
    one = posed(width=120)
    one.landmarks[14] = one.landmarks[13]
    return one


def test_a_good_portrait_has_no_warnings():
    assert warnings(with_lips(0), textured()) == ()
    assert warnings(turned(yaw=12, pitch=12, roll=20), textured()) == ()


@pytest.mark.parametrize(
    ("one", "photo", "message"),
    [
        (small(), textured(), "only 120 px wide.* at least 160 px"),
        (turned(yaw=24), textured(), "turned by about 24 degrees.*looks at the camera"),
        (turned(pitch=-30), textured(), "turned by about 30 degrees"),
        (with_lips(0.06), textured(), "lips are parted.*closed lips"),
        (with_lips(0.2), textured(), "wide open.*closed lips"),
        (blinking(), textured(), "eyes are closed.*open eyes"),
        (with_lips(0), textured(60, 10), "in the dark.*brighter light"),
        (with_lips(0), textured(140, 110), "little contrast.*clearer light"),
        (with_lips(0), textured()[:, :345], "cut off by the photo's border.*whole head"),
    ],
)
def test_each_defect_has_its_warning(one, photo, message):
    (said,) = warnings(one, photo)
    assert re.search(message, said) and said.endswith(".") and "; " in said


def test_all_warnings_are_reported():
    said = warnings(turned(yaw=30), textured(50, 10), 3)
    assert len(said) == 3
    assert said[0].startswith("The photo shows 3 faces")


def test_dark_skin_in_good_light_has_no_warning():
    # Most of the face is dark, but its light parts are light.
    photo = textured(50, 30)
    photo[::3] = 170
    assert warnings(with_lips(0), photo) == ()


def test_a_smile_with_teeth_has_a_warning(photo_face, photo):
    said = " ".join(warnings(photo_face, photo))
    assert "91 px" in said and "lips are parted" in said
    assert "covered" not in said and "glasses" not in said
    assert "turned" not in said and "eyes" not in said and "light" not in said


LOWER = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)


def painted(photo: np.ndarray, points: np.ndarray, what: str) -> np.ndarray:
    """A photo with something painted over its face; points (478, 2) px."""
    shape, colour, opacity = photo.copy(), (150, 185, 205), 1.0
    width = np.ptp(points[:, 0])
    if what in ("mask", "dark mask"):
        colour = colour if what == "mask" else (38, 38, 40)
        outline = points[[*LOWER, 361, 323, 280, 420, 195, 198, 50]]
        cv2.fillPoly(shape, [outline.round().astype(int)], colour)
    elif what == "beard":
        outline = points[[*LOWER, 361, 429, 2, 209]]
        cv2.fillPoly(shape, [outline.round().astype(int)], (62, 44, 36))
        lips = np.zeros(photo.shape[:2], np.uint8)
        cv2.fillPoly(lips, [points[list(LIPS_OUTER)].round().astype(int)], 1)
        shape[lips > 0] = photo[lips > 0]
    elif what == "microphone":
        middle = points[[13, 14]].mean(0).round().astype(int).tolist()
        cv2.circle(shape, middle, round(0.25 * width), (45, 45, 46), -1)
    else:
        opacity = 0.95
        for corners in ((33, 133), (362, 263)):
            middle = points[list(corners)].mean(0).tolist()
            cv2.ellipse(shape, (middle, (0.4 * width, 0.3 * width), 0), (20, 20, 22), -1)
    return (opacity * shape + (1 - opacity) * photo).astype(np.uint8)


@pytest.mark.parametrize("what", ["mask", "dark mask", "microphone", "sunglasses"])
def test_what_covers_a_face_has_a_warning(photo_face, photo, what):
    covered = painted(photo, photo_face.landmarks[:, :2], what)
    said = " ".join(warnings(photo_face, covered))
    assert ("eyes seem to be behind dark glasses" in said) == (what == "sunglasses")
    assert ("mouth seems to be covered" in said) == (what != "sunglasses")
    assert ("lips are parted" in said) == (what == "sunglasses")


def test_what_is_hardly_a_face_is_covered_unless_glasses_explain_it(photo_face, photo):
    low = replace(photo_face, score=0.8)
    assert "mouth seems to be covered" in " ".join(warnings(low, photo))
    said = " ".join(warnings(low, painted(photo, low.landmarks[:, :2], "sunglasses")))
    assert "dark glasses" in said and "mouth seems" not in said


def test_a_dark_beard_covers_no_mouth(photo_face, photo):
    bearded = painted(photo, photo_face.landmarks[:, :2], "beard")
    assert "covered" not in " ".join(warnings(photo_face, bearded))


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "portraits").is_dir(), reason="needs the shared data")
def test_real_portraits_have_one_face(landmarker):
    for path in sorted((SHARED / "portraits" / "val").glob("*.jpg"))[::12]:
        photo = read_image(path)
        face = choose_face(landmarker.detect(photo), 0, photo)
        said = " ".join(warnings(face, photo))
        assert "covered" not in said and "glasses" not in said, path.name
