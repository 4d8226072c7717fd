"""Tracking a face in a video."""

import numpy as np
import pytest
from skimage import data

from gaia_core.errors import InputError
from gaia_core.portrait.tracking import fill_gaps, track_face


class Blind:
    """A landmarker that sees nothing, and how many pictures it searched."""

    searched = 0

    def look(self, image: np.ndarray) -> None:
        return None

    def detect(self, image: np.ndarray) -> list:
        self.searched += 1
        return []


def test_a_film_without_a_face_is_refused_after_a_few_searches():
    landmarker = Blind()
    frames = (np.zeros((72, 128, 3), np.uint8) for _ in range(1000))
    with pytest.raises(InputError, match="no face in its first 2 seconds"):
        track_face(landmarker, frames)
    assert landmarker.searched == 3
    assert sum(1 for _ in frames) >= 940  # the others were not read


def test_what_a_quick_look_takes_for_a_face_is_not_searched_in_every_frame(landmarker, monkeypatch):
    searched: list[np.ndarray] = []
    monkeypatch.setattr(landmarker, "detect", lambda image: searched.append(image) or [])
    frame = data.cat()[50:248, 75:372]  # a quick look finds a face in it
    with pytest.raises(InputError, match="no face in its first 2 seconds"):
        track_face(landmarker, iter([frame] * 60))
    assert len(searched) == 3


def test_a_small_face_is_followed_at_the_films_own_size(landmarker, photo):
    large = np.full((900, 1600, 3), 120, np.uint8)
    large[500:, 1100:] = np.repeat(np.repeat(photo[20:220, 126:376], 2, 0), 2, 1)
    points = track_face(landmarker, iter([large] * 2))
    assert points.shape == (2, 478, 3) and np.abs(points.mean(1)[:, :2] - 0.5).max() < 0.1


def test_frames_without_a_face_are_filled_from_the_nearest():
    seen = np.array([False, True, True, False, False, False, True, False])
    known = np.array([1.0, 2.0, 6.0])[:, None]
    filled = fill_gaps(known, seen)[:, 0]
    assert np.isfinite(filled).all()
    assert filled[[1, 2, 6]].tolist() == [1, 2, 6]
    assert filled[[0, 3, 5, 7]].tolist() == [1, 2, 6, 6]
