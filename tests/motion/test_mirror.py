"""A face before a camera moves the portrait: relative, smoothed, held and eased back."""

import numpy as np
import pytest
import torch

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.motion.mirror import EASE, HOLD, Mirror, OneEuroFilter
from gaia_core.portrait.tracking import CameraFrame

STEP = 0.04


@pytest.fixture
def mirror(encoder, crop_landmarks):
    return Mirror(encoder, encoder(crop_landmarks[None]))


@pytest.fixture
def turned(encoder, crop_landmarks):
    """Another face that is turned by so many degrees of yaw: (K, 3)."""

    def make(yaw: float) -> torch.Tensor:
        pose = mesh.fit_pose(crop_landmarks[None], encoder.template)
        shape = mesh.remove_pose(crop_landmarks[None], pose) * 1.1
        pose[:, 0] += yaw
        return mesh.Similarity.of(pose)(shape)[0]

    return make


def yaw(encoder, latent):
    return float(encoder.head_pose(latent)[0, 0])


def test_the_filter_is_steady_at_rest_and_follows_at_speed():
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.05, 200))
    at_rest = OneEuroFilter()
    still = torch.stack([at_rest(x, STEP) for x in noise])[20:]
    assert still.std() < 0.75 * noise.std()
    moving = OneEuroFilter()
    ramp = torch.arange(50) * STEP * 20.0  # 20 units a second
    late = ramp[-1] - [moving(x, STEP) for x in ramp][-1]
    assert late < 20.0 * STEP  # less than a frame behind


def test_the_first_frame_is_the_portrait_and_changes_are_relative(mirror, encoder, turned):
    for _ in range(12):
        first = mirror.follow(turned(5.0), STEP)
    own = yaw(encoder, mirror._reference)
    torch.testing.assert_close(first, mirror._reference)
    for _ in range(12):
        moved = mirror.follow(turned(20.0), STEP)
    assert yaw(encoder, moved) - own == pytest.approx(15, abs=2)
    mirror.recalibrate()
    assert yaw(encoder, mirror.follow(turned(20.0), STEP)) == pytest.approx(own, abs=0.1)


def test_a_lost_face_is_held_then_eased_back_without_a_jump(mirror, encoder, turned):
    for angle in (0.0, *[15.0] * 20):
        seen = mirror.follow(turned(angle), STEP)
    own = mirror._reference
    held = mirror.follow(None, STEP)
    torch.testing.assert_close(held, seen)
    frames = round((HOLD + EASE) / STEP) + 2
    lost = [mirror.follow(None, STEP) for _ in range(frames)]
    torch.testing.assert_close(lost[-1], own)
    again = [mirror.follow(turned(15.0), STEP) for _ in range(frames)]
    angles = np.array([yaw(encoder, x) for x in (seen, held, *lost, *again)])
    assert np.abs(np.diff(angles)).max() < 3
    assert angles[-1] == pytest.approx(angles[0], abs=0.5)


def test_nothing_seen_is_the_portrait(mirror):
    assert torch.equal(mirror.follow(None, STEP), mirror._reference)


def test_a_photo_follows_the_face_before_a_camera(gaia, photo):
    """The camera's picture goes right by 12 px, then shows nobody, then the face elsewhere."""
    empty = np.full_like(photo, 90)
    moving = [np.roll(photo, 2 * step, 1) for step in range(7)]
    pictures = [*moving, *[empty] * 20, *[np.roll(photo, 150, 1)] * 9]
    frames = [CameraFrame(picture, second / FPS) for second, picture in enumerate(pictures)]
    shown = list(gaia.mirror(photo, iter(frames), label=False))
    assert len(shown) == len(frames) and shown[0].shape == (256, 256, 3)

    def place(frame: np.ndarray) -> float:
        return float(gaia.landmarker.look(frame).landmarks[1, 0])

    start, moved, held, back, again = (place(shown[i]) for i in (0, 6, 7, 26, -1))
    width = gaia.landmarker.look(photo).width
    assert moved - start > 0.5 * 12 * 256 / (2 * width)  # a crop is twice as wide as the face
    assert held == pytest.approx(moved, abs=1) and back == pytest.approx(start, abs=1)
    assert again == pytest.approx(start, abs=3)  # a face that comes back stands where it stood
    with pytest.raises(InputError):
        next(gaia.mirror(empty, iter(frames)))
    assert list(gaia.mirror(photo, iter([]))) == []
