"""The motion latent encodes landmarks by groups, with little error."""

import pytest
import torch

from gaia_core import landmarks as mesh
from gaia_core.landmarks import Similarity, remove_pose


@pytest.fixture(scope="module")
def unseen(make_faces):
    """Held-out faces."""
    return make_faces(10, 2)


@pytest.fixture(scope="module")
def motion(encoder, unseen):
    """Their motion latents (80, D)."""
    return encoder(unseen.landmarks)


def test_landmarks_survive_the_latent(encoder, unseen, motion):
    rebuilt = encoder.landmarks(motion)
    error = 256 * (rebuilt - unseen.landmarks)[..., :2].norm(dim=-1)
    assert error.mean() < 0.2  # px at 256; the noise of the synthetic faces is 0.07
    assert error.max() < 1.5


def test_channels_are_of_unit_variance(encoder, make_faces):
    motion = encoder(make_faces(60, 1).landmarks)  # the training data
    torch.testing.assert_close(motion.mean(0), torch.zeros(motion.shape[1]), atol=0.01, rtol=0)
    torch.testing.assert_close(motion.std(0), torch.ones(motion.shape[1]), atol=0.01, rtol=0)


def test_head_pose_does_not_affect_the_expression(encoder, unseen, motion):
    pose = unseen.pose.roll(1, 0)  # poses swapped between faces
    face = remove_pose(unseen.landmarks, encoder.split(motion)[0])
    turned = encoder(Similarity.of(pose)(face))
    torch.testing.assert_close(turned[:, 6:], motion[:, 6:], atol=2e-3, rtol=0)
    assert (turned[:, :6] - motion[:, :6]).abs().mean() > 0.5


@pytest.mark.parametrize("name", ["eyes", "brows", "mouth", "face"])
def test_a_group_moves_its_own_landmarks_only(encoder, motion, name):
    where = encoder.config.groups[name]
    number = list(encoder.config.groups).index(name)
    edited = motion.clone()
    edited[:, where] += 1
    moved = (encoder.landmarks(edited) - encoder.landmarks(motion)).norm(dim=-1)
    inside = encoder.group == number
    assert inside.any() and moved[:, inside].mean() > 1e-3
    assert moved[:, ~inside].max() < 1e-5
    back = encoder(encoder.landmarks(edited))
    torch.testing.assert_close(back, edited, atol=0.02, rtol=0)


def test_the_groups_contain_the_features_of_their_names(encoder):
    names = list(encoder.config.groups)
    for name, points in (
        ("eyes", mesh.EYE_LEFT + mesh.EYE_RIGHT + mesh.IRISES),
        ("mouth", mesh.LIPS_OUTER + mesh.LIPS_INNER + (mesh.FACE_BOTTOM,)),
        ("face", mesh.RIGID),
    ):
        assert {names[int(encoder.group[point])] for point in points} == {name}
    brows = encoder.group[list(mesh.BROW_LEFT + mesh.BROW_RIGHT)]
    assert (brows == names.index("brows")).float().mean() > 0.8  # their lower edge meets the lids


def test_latent_differences_transfer_between_faces(encoder, motion):
    change = torch.zeros(motion.shape[1])
    change[encoder.config.groups["mouth"]] = torch.randn(6, generator=torch.Generator())
    same_head = motion.clone()
    same_head[:, :6] = 0
    moved = encoder.landmarks(same_head + change) - encoder.landmarks(same_head)
    torch.testing.assert_close(moved, moved[:1].expand_as(moved), atol=1e-5, rtol=0)


def test_any_batch_shape(encoder, unseen, motion):
    shaped = unseen.landmarks.unflatten(0, (2, 5, 8))
    torch.testing.assert_close(encoder(shaped), motion.unflatten(0, (2, 5, 8)), atol=1e-4, rtol=0)
    torch.testing.assert_close(encoder(unseen.landmarks[3]), motion[3], atol=1e-4, rtol=0)


def test_geometry_keeps_full_precision_under_autocast(encoder, unseen, motion):
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(encoder(unseen.landmarks), motion)
        assert torch.equal(encoder.landmarks(motion), encoder.landmarks(motion.clone()))
        assert encoder.landmarks(motion).dtype == torch.float32
