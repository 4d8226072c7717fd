"""Tracking a face in a video."""

import numpy as np

from gaia_core.portrait.tracking import fill_gaps


def test_frames_without_a_face_are_filled_from_the_nearest():
    seen = np.array([False, True, True, False, False, False, True, False])
    known = np.array([1.0, 2.0, 6.0])[:, None]
    filled = fill_gaps(known, seen)[:, 0]
    assert np.isfinite(filled).all()
    assert filled[[1, 2, 6]].tolist() == [1, 2, 6]
    assert filled[[0, 3, 5, 7]].tolist() == [1, 2, 6, 6]
