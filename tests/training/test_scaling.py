"""The scaling study measures every size on people held out."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import MOTION, TINY

from gaia_core.training import scaling

pytestmark = pytest.mark.slow


def test_a_study_measures_every_size_on_people_held_out(motion_pack, tmp_path, monkeypatch, steps):
    monkeypatch.setattr(scaling, "BATCHES", 2)
    monkeypatch.setattr(scaling, "is_held_out", lambda row, _: row["identity"] == "bob")
    sizes = [TINY.denoiser, replace(TINY.denoiser, layers=1)]
    settings = steps(1000, steps=3)

    def study():
        return scaling.study(motion_pack, tmp_path, settings, sizes, (0.5, 1.0), MOTION)

    points = study()
    assert [(point.fraction, point.steps) for point in points] == [(0.5, 3)] * 2 + [(1.0, 3)] * 2
    assert points[0].parameters > points[1].parameters == points[3].parameters
    # Half of Ann's two clips is the first; Bob's are nobody's.
    assert [round(3600 * 25 * point.hours) for point in points] == [160, 160, 205, 205]
    assert all(np.isfinite((point.loss, point.trained)).all() for point in points)
    assert (tmp_path / scaling.PLOT).stat().st_size > 1000
    monkeypatch.setattr(scaling, "train", None)  # what is done is not done again
    assert study() == points
