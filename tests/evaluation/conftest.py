"""A crop of the photo and its landmarks."""

import numpy as np
import pytest

from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face, crop_around

SIDE = 256  # px


@pytest.fixture(scope="session")
def crop(photo: np.ndarray, photo_face: Face) -> np.ndarray:
    return crop_around(photo_face.landmarks).extract(photo, SIDE)


@pytest.fixture(scope="session")
def points(landmarker: FaceLandmarker, crop: np.ndarray) -> np.ndarray:
    """Landmarks of the crop (K, 3), px."""
    return next(landmarker.track([crop])).landmarks
