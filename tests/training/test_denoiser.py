"""Stage 2's training windows, masks, closed-form fits and learning."""

import json

import pytest
import torch
from safetensors.torch import save_file
from tiny import CLIPS, MOTION, SPEECH, clip_of
from torch import nn

from gaia_core.training.denoiser import NO_SPEECH, WINDOWS, MotionWindows, denoiser_losses
from gaia_core.training.loop import train


@pytest.fixture
def windows(motion_pack):
    return MotionWindows(motion_pack, MOTION.groups, fill=0.5)


def test_windows_are_aligned_with_speech(windows):
    batches = iter(windows)
    seen = set()
    for _ in range(12):
        batch = next(batches)
        motion, speech = batch["motion"], batch["speech"]
        frames = motion.shape[1]
        assert frames in dict(WINDOWS) and len(motion) == round(dict(WINDOWS)[frames] * 0.5)
        seen.add(frames)
        assert (motion[..., 0].diff(dim=1) == 1).all()
        clips = clip_of(motion[:, 0])
        assert (clip_of(motion) == clips[:, None]).all()
        assert (clip_of(batch["reference"]) == clips).all()
        has_speech = batch["has_speech"]
        assert torch.equal(speech[has_speech][..., :2], motion[has_speech][..., :2])
        silent = torch.tensor([row[3] == 0 for row in CLIPS])[clips]
        assert not has_speech[silent].any()
    assert seen == set(dict(WINDOWS))


def test_some_windows_have_no_speech(windows):
    batches = iter(windows)
    has_speech, clips = [], []
    for _ in range(20):
        batch = next(batches)
        has_speech.append(batch["has_speech"])
        clips.append(clip_of(batch["motion"][:, 0]))
    dropped = 1 - torch.cat(has_speech)[torch.cat(clips) != 2].float().mean()
    assert dropped == pytest.approx(NO_SPEECH, abs=0.06)


def test_clips_without_sound_are_rare(windows):
    batches = iter(windows)
    clips = torch.cat([clip_of(next(batches)["motion"][:, 0]) for _ in range(20)])
    assert 0 < (clips == 2).float().mean() < 0.3


def test_masks_are_of_every_kind_and_never_complete(windows):
    kinds = {"nothing": 0, "start": 0, "groups": 0, "span": 0}
    for index in range(600):
        frames = (30, 75, 120)[index % 3]
        given = windows._given(frames, MOTION.width)
        assert given.shape == (frames, MOTION.width) and set(given.unique().tolist()) <= {0.0, 1.0}
        free = 1 - given
        assert free[1:].any()
        whole = given.all(1)
        if not given.any():
            kinds["nothing"] += 1
        elif not whole.any():
            kinds["groups"] += 1
        elif whole[0] and (given.any(1) == whole).all() and (whole.long().diff() <= 0).all():
            kinds["start"] += 1
        else:
            kinds["span"] += 1
    assert min(kinds.values()) > 20, kinds


def test_group_masks_never_give_the_mouth(windows, monkeypatch):
    draws = iter([0.7] + [0.0] * 100)  # groups; each of them; wholly
    monkeypatch.setattr(windows, "_uniform", lambda: next(draws))
    given = windows._given(30, MOTION.width)
    mouth = MOTION.groups["mouth"]
    assert not given[:, mouth].any()
    assert given.sum() == 30 * (MOTION.width - (mouth.stop - mouth.start))


def test_a_pack_of_short_clips(tmp_path):
    save_file(
        {"motion": torch.zeros(40, MOTION.width).half(), "speech": torch.zeros(40, SPEECH).half()},
        tmp_path / "motion.safetensors",
        metadata={
            "clips": json.dumps([{"identity": "a", "source": "s", "frames": 40, "speech": 40}])
        },
    )
    batches = iter(MotionWindows(tmp_path / "motion.safetensors", MOTION.groups, fill=0.1))
    assert {next(batches)["motion"].shape[1] for _ in range(10)} == {24}


def test_rest_predicts_the_mean_of_a_clip(windows):
    weight, bias, spread = windows.fit_rest()
    pose = MOTION.groups["pose"]
    for motion in windows.motion:
        frames = motion.float()
        rest = frames @ weight + bias
        assert torch.equal(rest[:, pose], frames[:, pose])  # the head stays where it is
        moved, caught = ((x - frames.mean(0))[:, pose.stop :].std() for x in (rest, frames))
        assert moved < 0.7 * caught
    # Motion strays by 0.1 about the mean, and the pose as much about another frame's.
    assert spread[2 : pose.stop].tolist() == pytest.approx([0.1 * 2**0.5] * 4, rel=0.15)
    assert spread[pose.stop :].tolist() == pytest.approx([0.1] * (MOTION.width - 6), rel=0.25)


def test_speech_components_are_uncorrelated_and_of_unit_mean_variance(windows):
    mean, basis = windows.speech_components(8)
    features = torch.cat([s.float() for s in windows.speech if len(s)])
    components = (features - mean) @ basis
    covariance = components.T.cov()
    assert covariance.diagonal().mean() == pytest.approx(1, rel=0.05)
    assert (covariance - covariance.diagonal().diag()).abs().max() < 0.01
    assert (covariance.diagonal().diff() <= 1e-4).all()  # leading ones first


def test_the_regression_recovers_a_linear_map(tmp_path):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(SPEECH, MOTION.width, generator=generator)
    speech = torch.randn(6, 90, SPEECH, generator=generator)
    # Of the frame before, as each clip's person does it.
    own = 3 * torch.randn(6, 1, MOTION.width, generator=generator)
    motion = speech.roll(1, 1) @ weight / 4 + own
    row = {"identity": "a", "source": "s", "frames": 90, "speech": 90}
    save_file(
        {"motion": motion.flatten(0, 1).half(), "speech": speech.flatten(0, 1).half()},
        tmp_path / "motion.safetensors",
        metadata={"clips": json.dumps([row] * 6)},
    )
    windows = MotionWindows(tmp_path / "motion.safetensors", MOTION.groups)
    spread = torch.linspace(0.5, 2, MOTION.width)
    expectation = windows.fit_expectation(spread, 1)
    assert expectation.shape == (MOTION.width, SPEECH, 3)
    before, now, after = expectation.square().sum((0, 1))
    assert before > 50 * now and before > 50 * after
    found, true = expectation[..., 0].T * spread, weight / 4
    assert torch.corrcoef(torch.stack([found.flatten(), true.flatten()]))[0, 1] > 0.99
    assert 0.6 < float(found.norm() / true.norm()) < 1  # a ridge shrinks


@pytest.mark.slow
def test_the_denoiser_learns_a_clip(tmp_path, make_denoiser, steps):
    t = torch.linspace(0, 6, 30)
    speech = torch.stack([(t * (1 + k / 3)).sin() for k in range(SPEECH)], -1)
    motion = torch.stack([(t * (1 + k / 5)).cos() for k in range(MOTION.width)], -1)
    batch = {
        "motion": motion.expand(4, -1, -1),
        "speech": speech.expand(4, -1, -1),
        "reference": motion[:1].expand(4, -1),
        "given": torch.zeros(4, 30, MOTION.width),
        "has_speech": torch.ones(4, dtype=torch.bool),
    }

    def loss(model: nn.Module) -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            return sum(float(denoiser_losses(model, batch)["loss"]) for _ in range(5))

    model = make_denoiser(SPEECH)
    before = loss(model)
    torch.manual_seed(0)
    settings = steps(80, rate=3e-3, warm_up=5, average=0.9)
    average, samples = train(model, denoiser_losses, iter(lambda: batch, None), tmp_path, settings)
    assert samples == 320
    assert loss(average) < 0.5 * before
