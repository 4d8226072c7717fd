"""Stage 1's frame pairs, augmentation and losses."""

import pytest
import torch
from tiny import places
from torch import nn

from gaia_core import landmarks as mesh
from gaia_core.renderer.warp import resize, sample
from gaia_core.training.critic import Contest
from gaia_core.training.flow import FlowTeacher
from gaia_core.training.pack import FramePack
from gaia_core.training.renderer import FramePairs, RendererLosses, texture


@pytest.fixture
def pairs(frame_pack, template):
    return FramePairs(FramePack(frame_pack), template, batch=16)


def test_augmented_landmarks_stay_on_their_pixels(pairs):
    batch = next(iter(pairs))
    flips = 0
    for name in ("portrait", "target"):
        images, landmarks = batch[name], batch[f"{name}_landmarks"]
        assert images.shape == (16, 3, 256, 256) and images.min() >= 0 and images.max() <= 1
        lips = landmarks[:, mesh.LIP_BOTTOM, :2]
        torch.testing.assert_close(places(images, 1), lips, atol=1.5 / 256, rtol=0)
        red, blue = places(images, 0), places(images, 2)
        right, left = landmarks[:, 33, :2], landmarks[:, 263, :2]
        mirrored = (red - right).norm(dim=1) > (red - left).norm(dim=1)
        flips += int(mirrored.sum())
        # In a mirror the right eye is a left one.
        for spot, same, other in ((red, right, left), (blue, left, right)):
            expected = torch.where(mirrored[:, None], other, same)
            torch.testing.assert_close(spot, expected, atol=1.5 / 256, rtol=0)
        assert (right[:, 0] < left[:, 0]).all()
    assert 0 < flips < 32


def test_both_frames_of_a_pair_are_augmented_alike(pairs):
    images = pairs.frames.images(torch.tensor([[0, 0], [9, 9]]))
    landmarks = pairs.frames.landmarks[torch.tensor([[0, 0], [9, 9]])]
    batch = pairs._augment(images, landmarks)
    assert torch.equal(batch["portrait"], batch["target"])
    assert torch.equal(batch["portrait_landmarks"], batch["target_landmarks"])
    assert not torch.equal(batch["portrait"], images[:, 0])


def test_pairs_are_two_frames_of_one_clip_people_in_equal_shares(pairs):
    picked = [pairs._pair() for _ in range(200)]
    clips = torch.stack([pairs.frames.clip[torch.stack(pair)] for pair in picked])
    assert (clips[:, 0] == clips[:, 1]).all()
    assert all(first != second for first, second in picked)
    assert (clips[:, 0] == 0).float().mean() == pytest.approx(0.5, abs=0.12)  # one of two people


@pytest.fixture(scope="module")
def renderer_losses():
    return RendererLosses()


@pytest.mark.slow
def test_renderer_losses(renderer_losses, pairs, make_autoencoder, perturb):
    model = make_autoencoder(image=256)
    contest = Contest(model)
    batch = {name: value[:2] for name, value in next(iter(pairs)).items()}
    still = batch | {
        "target": batch["portrait"],
        "target_landmarks": batch["portrait_landmarks"],
    }
    torch.manual_seed(0)
    same, moved = renderer_losses(contest, still), renderer_losses(contest, batch)
    assert 0 < same["pixels"] < moved["pixels"]
    assert same["perceptual"] < moved["perceptual"]
    perturb(model.renderer)
    model.renderer.requires_grad_(True)
    renderer_losses(contest, batch)["loss"].backward()
    idle = [name for name, p in model.renderer.named_parameters() if not p.grad.any()]
    assert not idle
    assert any(p.grad.any() for p in contest.critic.parameters())
    assert not any(p.requires_grad for p in renderer_losses.features.parameters())


def test_flow_gives_the_offset_to_the_target():
    coarse = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    photo = resize(coarse, 128)
    shift = torch.tensor([0.03, -0.02])[None, :, None, None].expand(2, 2, 64, 64)
    target = sample(photo, resize(shift, 128))
    still = torch.zeros_like(shift)
    better, trust = FlowTeacher()(photo, photo, still, target)
    inside = (..., slice(12, -12), slice(12, -12))
    assert (better - shift)[inside].abs().mean() < 0.1 * shift.abs().mean()
    assert trust[inside].mean() > 0.5
    _, trust = FlowTeacher()(photo, target, shift, target)  # there already
    assert trust.mean() < 0.05


def test_texture_measures_the_amount_of_detail():
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    shifted, soft = noise.roll(3, -1), nn.functional.avg_pool2d(noise, 3, 1, 1)
    own = texture(noise)
    assert own.shape == (1, 1, 13, 13)
    assert (texture(shifted) - own).abs().mean() < 0.15 * (texture(soft) - own).abs().mean()
    assert (texture(soft) < own).all()
