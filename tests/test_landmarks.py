"""Landmark indices, apertures, and the rigid head pose."""

import cv2
import pytest
import torch

from gaia_core import landmarks as mesh
from gaia_core.landmarks import Similarity, fit_pose, remove_pose, rotation_from_degrees
from gaia_core.portrait.face import crop_around

NOSE_TIP = 1
LISTS = ("LIPS_OUTER", "LIPS_INNER", "EYE_RIGHT", "EYE_LEFT", "IRISES", "BROW_RIGHT", "BROW_LEFT")


@pytest.fixture
def poses() -> torch.Tensor:
    """Head poses (50, 6) in the range of photos."""
    generator = torch.Generator().manual_seed(0)
    uniform = 2 * torch.rand(50, 6, generator=generator) - 1
    middle = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.5, -0.8])
    return middle + uniform * torch.tensor([70.0, 50.0, 80.0, 0.3, 0.3, 0.5])


def frontal(**changes: float) -> torch.Tensor:
    """A frontal pose in the crop's centre, with the given changes."""
    pose = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "x": 0.5, "y": 0.5, "scale": -0.8}
    return torch.tensor(list((pose | changes).values()))


# Index lists


def test_indices_are_unique_and_in_range():
    for name in (*LISTS, "NOSE", "OVAL", "RIGID"):
        points = getattr(mesh, name)
        assert len(set(points)) == len(points), name
        assert min(points) >= 0 and max(points) < mesh.COUNT, name


def test_left_is_the_persons_own(crop_landmarks):
    for part in ("EYE", "BROW"):
        right, left = (
            crop_landmarks[list(getattr(mesh, f"{part}_{side}"))].mean(0)
            for side in ("RIGHT", "LEFT")
        )
        assert right[0] < left[0] - 0.05


def test_index_lists_are_symmetric():
    order = mesh.MIRRORED
    assert {order[point] for point in mesh.EYE_RIGHT} == set(mesh.EYE_LEFT)
    assert {order[point] for point in mesh.BROW_RIGHT} == set(mesh.BROW_LEFT)
    for name in ("LIPS_OUTER", "LIPS_INNER", "OVAL"):
        points = set(getattr(mesh, name))
        assert {order[point] for point in points} == points, name


def test_mirroring_twice_is_the_identity(template):
    order = list(mesh.MIRRORED)
    assert [order[point] for point in order] == list(range(mesh.COUNT))
    mirrored = template[order] * torch.tensor([-1.0, 1.0, 1.0])
    assert (mirrored - template).abs().max() < 0.02


def test_rigid_points_exclude_moving_features():
    moving = {point for name in LISTS for point in getattr(mesh, name)}
    assert not moving & set(mesh.RIGID)


# Lips


def test_lip_aperture_is_the_gap_over_the_faces_height(template):
    shut = template.clone()
    shut[mesh.LIP_BOTTOM] = shut[mesh.LIP_TOP]
    open_by_a_tenth = shut.clone()
    height = (template[mesh.FACE_BOTTOM, :2] - template[mesh.FACE_TOP, :2]).norm()
    open_by_a_tenth[mesh.LIP_BOTTOM, 1] += 0.1 * height
    assert mesh.lip_aperture(shut) == 0
    assert mesh.lip_aperture(open_by_a_tenth) == pytest.approx(0.1, abs=1e-6)


def test_lip_aperture_ignores_place_size_and_roll(template):
    aperture = mesh.lip_aperture(template)
    assert aperture > 0
    moved = Similarity.of(frontal(roll=35.0, x=0.2, y=0.9, scale=0.4))(template)
    assert mesh.lip_aperture(moved) == pytest.approx(float(aperture), rel=1e-4)


@pytest.mark.parametrize("top", [159, 386])
def test_eye_aperture_is_the_gap_of_the_lids_over_the_eyes_width(template, top):
    both = mesh.eye_aperture(template)
    shut = template.clone()
    bottom = dict(mesh_pair[:2] for mesh_pair in mesh.EYE_GAPS)[top]
    shut[top] = shut[bottom]
    assert mesh.eye_aperture(shut) == pytest.approx(float(both) / 2, rel=0.1)  # the other is open
    moved = Similarity.of(frontal(roll=-20.0, x=0.3, scale=0.2))(template)
    assert mesh.eye_aperture(moved) == pytest.approx(float(both), rel=1e-4)


# Rotations


def test_rotation_matrices_are_orthogonal(poses):
    rotation = rotation_from_degrees(poses[:, :3])
    identity = torch.eye(3).expand_as(rotation)
    torch.testing.assert_close(rotation @ rotation.transpose(-1, -2), identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(len(poses)))


def test_angles_and_rotations_are_inverse(poses):
    angles = mesh.degrees_from_rotation(rotation_from_degrees(poses[:, :3]))
    torch.testing.assert_close(angles, poses[:, :3], atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("angle", "point", "axis", "sign"),
    [
        ("yaw", NOSE_TIP, 0, 1),  # the viewer's right
        ("pitch", NOSE_TIP, 1, -1),  # up
        ("roll", mesh.FACE_TOP, 0, 1),  # clockwise: the forehead goes right
    ],
)
def test_directions(template, angle, point, axis, sign):
    before, after = (
        Similarity.of(frontal(**{angle: degrees}))(template) for degrees in (0.0, 10.0)
    )
    assert sign * (after - before)[point, axis] > 0.005


# Pose


def test_fit_pose_inverts_a_similarity(template, poses):
    fitted = fit_pose(Similarity.of(poses)(template), template)
    torch.testing.assert_close(fitted[:, :3], poses[:, :3], atol=0.01, rtol=0)  # degrees
    torch.testing.assert_close(fitted[:, 3:], poses[:, 3:], atol=1e-5, rtol=0)


def test_expression_does_not_affect_the_pose(template, poses):
    grimace = template + 0.05 * torch.randn(mesh.COUNT, 3, generator=torch.Generator())
    grimace[list(mesh.RIGID)] = template[list(mesh.RIGID)]
    fitted = fit_pose(Similarity.of(poses)(grimace), template)
    torch.testing.assert_close(fitted, poses, atol=0.01, rtol=0)


def test_depth_of_the_whole_head_does_not_matter(template, poses):
    landmarks = Similarity.of(poses)(template)
    nearer = landmarks - torch.tensor([0.0, 0.0, 0.7])
    torch.testing.assert_close(
        fit_pose(nearer, template), fit_pose(landmarks, template), atol=0.01, rtol=0
    )
    torch.testing.assert_close(
        remove_pose(nearer, poses), template.expand_as(nearer), atol=1e-5, rtol=0
    )


def test_remove_pose_inverts_a_similarity(template, poses):
    removed = remove_pose(Similarity.of(poses)(template), poses)
    torch.testing.assert_close(removed, template.expand_as(removed), atol=1e-5, rtol=0)


def test_the_fitted_pose_is_never_a_reflection(template):
    mirrored = template * torch.tensor([-1.0, 1.0, 1.0])
    inside_out = template * torch.tensor([1.0, 1.0, -1.0])
    for landmarks in (mirrored, inside_out):
        pose = fit_pose(landmarks, template)
        assert pose.isfinite().all()
        # A reflection would fit at scale 1; no rotation fits so well.
        assert pose[5].exp() < 0.95


def test_pose_of_a_turned_and_of_a_mirrored_photo(landmarker, photo, photo_face, template):
    def pose_of(image):
        face = landmarker.detect(image)[0]
        crop = crop_around(face.landmarks)
        return fit_pose(torch.from_numpy(crop.to_crop(face.landmarks)), template)

    straight = pose_of(photo)
    centre = tuple(photo_face.landmarks[NOSE_TIP, :2].tolist())
    turn = cv2.getRotationMatrix2D(centre, -15, 1)  # OpenCV's angles are counter-clockwise
    turned = pose_of(cv2.warpAffine(photo, turn, photo.shape[1::-1]))
    assert turned[2] - straight[2] == pytest.approx(15, abs=1.5)
    mirrored = pose_of(photo[:, ::-1].copy())
    expected = straight[:3] * torch.tensor([-1.0, 1.0, -1.0])
    # The landmarker itself is not more symmetric than that.
    torch.testing.assert_close(mirrored[:3], expected, atol=3.0, rtol=0)
    assert straight[2].abs() > 1  # so that a wrong sign would fail
