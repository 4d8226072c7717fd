"""The faces of a portrait are shown and chosen before a run, and detected only once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_engine import NO_FACE, RED, SOFT, TOO_SMALL, FakeEngine, Studio
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from gaia_core.errors import InputError
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import MIN_WIDTH, Seen
from gaia_core.portrait.inspection import CROP, inspect_photo
from ui.faces import faces
from ui.i18n.text import say
from ui.takes import store
from ui.takes.session import Session


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An uploaded photo of three."""
    monkeypatch.setattr(store, "cache", lambda: tmp_path)
    pixels = np.full((90, 160, 3), 150, np.uint8)
    pixels[0, 0] = RED
    Image.fromarray(pixels).save(tmp_path / "group.png")
    return tmp_path / "group.png"


def shown(engine: FakeEngine, photo: Path | None, face: object, session: Session) -> tuple:
    return faces.show(engine)(photo and {"path": str(photo)}, face, session)


# The inspection of a photo


def test_faces_of_a_photo_and_what_they_are_worth(photo: np.ndarray, landmarker: FaceLandmarker):
    found = inspect_photo(landmarker.detect_upright(photo))
    assert (found.width, found.height) == (512, 512) and len(found.faces) == 1
    face = found.faces[0]
    left, top, right, bottom = face.box
    assert 0.3 < left < right < 0.6 and 0.05 < top < bottom < 0.4
    assert face.crop.shape == (CROP, CROP, 3) and face.problem is None
    assert any("px wide" in sentence for sentence in face.warnings)
    # The crop holds the face about as large as training clips do.
    assert face.side == pytest.approx((right - left) * 512 / 0.46, rel=0.25)


def test_a_face_that_cannot_be_animated_says_why(photo: np.ndarray, landmarker: FaceLandmarker):
    face = landmarker.detect(photo)[0]
    seen = inspect_photo(Seen(photo, [replace(face, landmarks=face.landmarks / 2)])).faces
    assert len(seen) == 1 and f"at least {MIN_WIDTH} px" in (seen[0].problem or "")
    assert seen[0].warnings == ()


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_faces_of_a_turned_photo(photo: np.ndarray, landmarker: FaceLandmarker, turn: int):
    """Boxes lie where the visitor sees the photo; what moves is shown upright, which is told."""
    wide = np.pad(photo, ((0, 0), (0, 128), (0, 0)))
    upright = inspect_photo(landmarker.detect_upright(wide))
    found = inspect_photo(landmarker.detect_upright(np.rot90(wide, turn).copy()))
    height, width = np.rot90(wide, turn).shape[:2]
    assert (found.width, found.height) == (width, height)
    left, top, right, bottom = upright.faces[0].box
    corners = np.zeros(wide.shape[:2], bool)
    corners[round(top * 512) : round(bottom * 512), round(left * 640) : round(right * 640)] = True
    rows, columns = np.nonzero(np.rot90(corners, turn))
    expected = columns.min() / width, rows.min() / height, columns.max() / width
    assert found.faces[0].box[:3] == pytest.approx(expected, abs=0.01)
    difference = found.faces[0].crop.astype(float) - upright.faces[0].crop
    assert np.abs(difference).mean() < 8
    told = f"turned by {90 * turn} degrees clockwise"
    assert told in found.faces[0].warnings[0] and told not in str(upright.faces[0].warnings)


def test_no_face_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match="No face was found; use a photo"):
        inspect_photo(Seen(np.zeros((64, 64, 3), np.uint8), []))


# The page


def test_boxes_lie_where_the_faces_are(engine: FakeEngine, group: Path):
    boxes, crops, _ = shown(engine, group, 1, Session())
    assert "--wide:160;--high:90" in boxes
    assert "left:10.00%;top:20.00%;width:30.00%;height:40.00%" in boxes
    pressed = re.findall(r'data-face="(\d)" aria-pressed="true"', boxes + crops)
    assert pressed == ["1", "1"]
    assert say("face.name.problem", number=3, count=3) in boxes
    assert SOFT in crops and TOO_SMALL not in crops
    assert TOO_SMALL in shown(engine, group, 2, Session())[1]


@pytest.mark.parametrize("face", [3, -1, None, "1", 1.5])
def test_a_face_that_is_not_there_becomes_the_first(engine: FakeEngine, group: Path, face: object):
    boxes, _, chosen = shown(engine, group, face, Session())
    assert chosen == 0 and 'data-face="0" aria-pressed="true"' in boxes


def test_no_portrait_no_face_and_no_photo(engine: FakeEngine, group: Path):
    assert shown(engine, None, 0, Session())[:2] == ("", "")
    Image.new("RGB", (64, 64)).save(group)
    assert NO_FACE in shown(engine, group, 0, Session())[1]
    group.write_text("<b>no photo</b>")
    boxes, crops, _ = shown(engine, group, 0, Session())
    assert boxes == "" and "JPEG or PNG" in crops


def test_a_photo_is_inspected_once_in_a_session(engine: FakeEngine, group: Path):
    session, other = Session(), Session()
    for face in (0, 1, 2):
        shown(engine, group, face, session)
    assert engine.inspected == 1
    shown(engine, group, 0, other)
    assert engine.inspected == 2
    for index in range(faces.MAX_INSPECTIONS + 3):
        copy = group.with_name(f"{index}.png")
        copy.write_bytes(group.read_bytes())
        shown(engine, copy, 0, session)
    assert len(session.inspections) == faces.MAX_INSPECTIONS
    session.delete()
    assert not session.inspections


@pytest.mark.parametrize("data", [None, [], {}, {"index": "1"}, {"index": -1}, {"index": 1.0}])
def test_only_numbers_of_faces_are_taken_for_a_choice(data: object):
    assert not isinstance(faces.choose(SimpleNamespace(_data=data)), int)


# The API


def test_the_endpoint_tells_the_faces(studio: Studio, photos: dict[str, Path]):
    client = Client(studio.url, verbose=False)
    found = client.predict(portrait=handle_file(photos["group"]), api_name="/faces")
    assert [face["face"] for face in found] == [0, 1, 2]
    assert found[0]["box"] == [0.1, 0.2, 0.4, 0.6] and found[0]["problem"] is None
    assert found[1]["warnings"] == [SOFT] and found[2]["problem"] == TOO_SMALL
    with pytest.raises(AppError, match="There is no face in this photo"):
        client.predict(portrait=handle_file(photos["faceless"]), api_name="/faces")
    assert not studio.engine.requests
