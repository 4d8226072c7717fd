"""Curves of a clip have the units of controls; the sketch is the mean face."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gaia_core import landmarks as mesh
from gaia_core.config import MotionCorrections
from gaia_core.controls import EXPRESSION
from gaia_core.motion.curves import LINES, sketch, traces


@pytest.fixture(scope="module")
def reference(gaia, crop_landmarks) -> torch.Tensor:
    """(D,) of the photo's face."""
    return gaia.networks.autoencoder.encode_motion(crop_landmarks)


def posed(gaia, reference, *pose: float) -> torch.Tensor:
    """(1, D): the face after a change of its head pose, in the encoder's own units."""
    motion, end = reference.clone()[None], len(pose)
    motion[:, :end] += torch.tensor(pose) / gaia.networks.autoencoder.motion.scale[:end]
    return motion


def test_traces_have_the_units_of_controls(gaia, reference):
    wide = float(
        gaia.networks.autoencoder.head_pose(reference)[5].exp()
    )  # face widths to crop units
    turn = MotionCorrections().turn
    yaw, pitch = 12.0 * turn["yaw"], -5.0 * turn["pitch"]
    moved = posed(gaia, reference, yaw, pitch, 3.0, 0.1 * wide, -0.2 * wide, float(np.log(1.1)))
    found = traces(gaia.networks.autoencoder.motion, moved, reference)
    target = {"yaw": 12.0, "pitch": -5.0, "roll": 3.0, "x": 0.1, "y": 0.2, "scale": 1.1}
    assert {name: float(found[name][0]) for name in target} == pytest.approx(target, abs=1e-3)
    same = traces(gaia.networks.autoencoder.motion, reference[None].repeat(7, 1), reference)
    assert all(len(curve) == 7 for curve in same.values())
    assert same["yaw"] == pytest.approx(0, abs=1e-4) and same["scale"] == pytest.approx(1, abs=1e-4)


def test_apertures_are_those_of_the_landmarks(gaia, reference):
    points = gaia.networks.autoencoder.decode_landmarks(reference)
    found = traces(gaia.networks.autoencoder.motion, reference[None], reference)
    assert found["mouth"][0] == pytest.approx(float(mesh.lip_aperture(points)), abs=1e-5)
    assert found["eyes"][0] == pytest.approx(float(mesh.eye_aperture(points)), abs=1e-5)


def test_a_sketch_is_the_mean_face_and_what_moves_it(gaia):
    drawn = sketch(gaia.networks.autoencoder.motion, gaia.networks.directions)
    index = [point for line, _ in LINES for point in line]
    template = gaia.networks.autoencoder.motion.template[index].numpy()
    assert drawn.points == pytest.approx(template, abs=1e-4)
    assert drawn.shifts.shape == (len(EXPRESSION), len(index), 2)
    assert sum(count for count, _ in drawn.lines) == len(index)
    # A direction moves the points as it moves the decoded face.
    motion = torch.zeros(2, len(gaia.networks.autoencoder.motion.mean))
    motion[:, :6] = (
        -gaia.networks.autoencoder.motion.mean / gaia.networks.autoencoder.motion.scale
    )[:6]
    motion[1] += gaia.networks.directions[3]
    before, after = gaia.networks.autoencoder.decode_landmarks(motion)[:, index, :2]
    assert drawn.shifts[3] == pytest.approx((after - before).numpy(), abs=1e-4)
