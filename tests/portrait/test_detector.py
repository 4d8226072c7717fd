"""Detection of faces of any size, and the precision of their landmarks."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from skimage import data

from gaia_core.errors import InputError
from gaia_core.landmarks import MIRRORED
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face, crop_around


def centre(one: Face) -> np.ndarray:
    return (np.array(one.box[:2]) + one.box[2:]) / 2


def test_one_face(photo_face):
    assert photo_face.landmarks.shape == (478, 3) and photo_face.landmarks.dtype == np.float32
    assert photo_face.blendshapes.shape == (52,) and photo_face.blendshapes.dtype == np.float32
    assert np.abs(centre(photo_face) - (226, 125)).max() < 5
    assert photo_face.width == pytest.approx(91, abs=4)
    names_smile = (44, 45)  # mouthSmileLeft, mouthSmileRight
    assert photo_face.blendshapes[list(names_smile)].min() > 0.5
    assert np.abs(photo_face.angles()).max() < 20


def test_a_mask_lowers_the_score(landmarker, photo, photo_face):
    masked = photo.copy()
    lower = photo_face.landmarks[[234, 6, 454, 361, 397, 152, 172, 132], :2]
    cv2.fillPoly(masked, [lower.round().astype(np.int32)], (38, 38, 40))
    (face,) = landmarker.detect(masked)
    assert 0.7 < face.score < 0.83 < 0.88 < photo_face.score <= 1


def test_a_group_largest_first(landmarker, photo, photo_face):
    group = np.full((768, 1280, 3), 120, np.uint8)
    group[200:712, 0:512] = photo
    group[:, 512:] = cv2.resize(photo, (768, 768), interpolation=cv2.INTER_CUBIC)
    large, small = landmarker.detect(group)
    assert np.abs(centre(small) - centre(photo_face) - (0, 200)).max() < 3
    assert np.abs(centre(large) - centre(photo_face) * 1.5 - (512, 0)).max() < 4
    assert large.width > small.width


def test_a_crowd(landmarker, photo):
    assert len(landmarker.detect(np.tile(photo[:256], (3, 2, 1)))) == 6


def test_a_small_face_in_the_corner_of_a_large_photo(landmarker, photo, photo_face):
    large = np.full((900, 1600, 3), 120, np.uint8)
    large[600:, 1250:] = photo[:300, 50:400]
    (small,) = landmarker.detect(large)
    shift = np.array([1200, 600, 0])
    assert np.abs(small.landmarks - shift - photo_face.landmarks)[:, :2].max() < 3


def test_landmarks_scale_with_the_photo(landmarker, photo, photo_face):
    large = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    again = landmarker.detect(large)[0].landmarks / 3
    assert np.abs(again - photo_face.landmarks).mean(0).max() < 1  # px, z too


def test_a_face_that_fills_the_photo(landmarker, photo):
    assert len(landmarker.detect(photo[70:182, 175:280])) == 1


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("small", [False, True])
def test_a_photo_is_seen_upright(landmarker, photo, photo_face, turn, small):
    """As a JPEG the portrait's upside-down copy was read as an upright face."""
    if small:  # too small to be seen in the photo as a whole
        photo = np.pad(photo[:300, 50:400], ((600, 0), (1250, 0), (0, 0)), constant_values=120)
    _, file = cv2.imencode(".jpg", np.rot90(photo, turn)[..., ::-1])
    picture = cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)
    seen = landmarker.detect_upright(picture)
    assert seen.turn == -turn % 4 and seen.photo.shape == photo.shape
    shift = (1200, 600) if small else (0, 0)
    assert np.abs(centre(seen.faces[0]) - centre(photo_face) - shift).max() < 3
    assert abs(seen.faces[0].angles()[2]) < 10


def test_one_who_lies_among_the_upright_turns_no_photo(landmarker, photo):
    pair = np.concatenate([np.rot90(photo), photo], 1)
    seen = landmarker.detect_upright(pair)
    assert seen.turn == 0 and seen.photo is pair and len(seen.faces) == 2


def test_what_looks_like_a_face_on_its_side_turns_no_upright_faces(landmarker, photo, photo_face):
    """A quick look at the whole sees a face in the cup; the real one is too small for it."""
    scene = cv2.resize(data.coffee(), (2048, 1536), interpolation=cv2.INTER_CUBIC)
    scene[1000:1300, 1300:1650] = photo[:300, 50:400]
    seen = landmarker.detect_upright(scene)
    assert seen.turn == 0
    assert np.abs(centre(seen.faces[0]) - centre(photo_face) - (1250, 1000)).max() < 3


def test_small_faces_in_a_large_photo_cost_quick_looks(landmarker, photo):
    large = np.full((3072, 4096, 3), 120, np.uint8)
    for left, top in ((300, 400), (1700, 1500), (3500, 2600)):
        large[top : top + 220, left : left + 220] = photo[10:230, 120:340]
    began = time.process_time()
    assert len(landmarker.detect(large)) == 3
    assert time.process_time() - began < 1.5  # s; more when each tile was sampled and read


def test_no_face(landmarker):
    assert landmarker.detect(np.full((700, 900, 3), 120, np.uint8)) == []
    assert landmarker.detect(np.zeros((1, 3, 3), np.uint8)) == []


def test_stones_that_resemble_a_face_are_none(landmarker):
    gravel = cv2.resize(data.gravel(), (4096, 4096), interpolation=cv2.INTER_CUBIC)
    # Seen as faces in 200 and 120 px of it, with a score of 0.66 at most.
    assert landmarker.detect(cv2.cvtColor(gravel, cv2.COLOR_GRAY2RGB)) == []


def test_track_treats_frames_independently(landmarker, photo):
    crop = photo[20:220, 126:326]
    first, nothing, again = landmarker.track([crop, np.zeros_like(crop), crop])
    assert nothing is None
    assert (first.landmarks == again.landmarks).all()
    assert first.landmarks[:, :2].max() < 200


def test_landmarks_are_equivariant_to_mirroring(landmarker, photo, photo_face):
    crop = crop_around(photo_face.landmarks).extract(photo, 256)
    face, mirrored = landmarker.track([crop, crop[:, ::-1]])
    expected = face.landmarks[list(MIRRORED)] * [-1, 1, 1] + [256, 0, 0]
    assert np.abs(mirrored.landmarks - expected).max() < 0.01


def test_threads_share_a_landmarker(landmarker, photo):
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    alone = [landmarker.detect(image)[0].landmarks for image in (photo, mirrored)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(landmarker.detect, [photo, mirrored] * 4))
    for index, faces in enumerate(together):
        assert (faces[0].landmarks == alone[index % 2]).all()


def test_a_missing_model_file_raises(monkeypatch):
    monkeypatch.setattr("gaia_core.portrait.detector.MODEL", "none.task")
    with pytest.raises(InputError, match="none.task is missing; restore it"):
        FaceLandmarker()


FORGOTTEN = """
import gc
from gaia_core.portrait.detector import FaceLandmarker

holder = {"landmarker": FaceLandmarker()}
holder["itself"] = holder
del holder
print(gc.collect() > 0)
"""


@pytest.mark.slow
def test_an_unclosed_landmarker_is_garbage_collected():
    # In a subprocess, since a failure would hang.
    code = [sys.executable, "-c", FORGOTTEN]
    done = subprocess.run(code, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "True"
