"""Given motion is kept, the rest is sampled, and a span changes nothing outside itself."""

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from gaia_core import FPS, checkpoint
from gaia_core import landmarks as mesh
from gaia_core.assets import WEIGHTS
from gaia_core.config import POSE_CHANNELS, MotionCorrections
from gaia_core.controls import EXPRESSION, Controls, Keyframe
from gaia_core.motion.corrections import Window, spaced_blinks
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.measures import closings
from gaia_core.motion.performer import AHEAD, OVERLAP, WINDOW, Performer, sample
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.request import Span
from gaia_core.speech.encoder import FEATURES

FRAMES = 60
CONSTANTS = MotionCorrections()
EXPRESSION_NAMES = {name: index for index, name in enumerate(EXPRESSION)}


@pytest.fixture(scope="module")
def reference(gaia, crop_landmarks) -> torch.Tensor:
    return gaia.networks.autoencoder.encode_motion(crop_landmarks[None])


@pytest.fixture(scope="module")
def performer(gaia, reference) -> Performer:
    return Performer(
        gaia.networks.autoencoder.motion,
        gaia.networks.denoiser,
        gaia.networks.directions,
        reference,
    )


@pytest.fixture(scope="module")
def script(crop_landmarks) -> Script:
    speech = np.random.default_rng(0).normal(size=(FRAMES, FEATURES)).astype(np.float32)
    nothing = np.zeros((0, *crop_landmarks.shape), np.float32)
    return Script(FRAMES, speech, nothing, seed=0, steps=2, guidance=1.5)


@torch.no_grad()
def motion_of(performer: Performer, script: Script) -> torch.Tensor:
    """(T, D)"""
    *_, (done, motion) = performer.perform(script)
    assert done == 1 and motion.isfinite().all()
    return motion[0]


def keys(*values: tuple) -> tuple[Keyframe, ...]:
    return tuple(Keyframe(*value) for value in values)


def test_the_head_follows_its_pose_tracks(performer, script, gaia, reference):
    tracks = {
        "yaw": keys((0.0, 0.0), (1.0, 20.0)),
        "y": keys((0.0, 0.1)),
        "scale": keys((0.0, 1.1)),
    }
    pose = gaia.networks.autoencoder.head_pose(
        motion_of(performer, replace(script, controls=Controls(tracks)))
    )
    own = gaia.networks.autoencoder.head_pose(reference)[0]
    moved = pose - own
    assert moved[0, 0] == pytest.approx(0, abs=1e-3)
    assert moved[25:, 0].tolist() == pytest.approx(
        [20.0 * CONSTANTS.turn_yaw] * (FRAMES - 25), abs=1e-3
    )
    assert moved[:, 4].mean() == pytest.approx(-0.1 * float(own[5].exp()), abs=1e-4)  # upwards
    assert moved[:, 5].exp().mean() == pytest.approx(1.1, abs=1e-3)
    assert moved[:, 2].std() > 0  # roll is sampled


def test_gaps_of_a_pose_track_are_sampled(performer, script):
    held = Controls({"yaw": keys((0.0, 10.0))})
    free = Controls({"yaw": keys((0.0, 10.0), (0.8, 10.0, "free"), (1.6, 10.0))})
    one, other = (motion_of(performer, replace(script, controls=c))[:, 0] for c in (held, free))
    same = (one - other).abs() < 1e-5
    assert same[:21].all() and same[40:].all() and not same[21:40].any()


def test_an_expression_is_added_where_its_keys_are(performer, script):
    plain = motion_of(performer, script)
    smiling = motion_of(
        performer, replace(script, controls=Controls({"smile": keys((1.0, 0.5), (1.4, 0.5))}))
    )
    change = smiling - plain
    direction = performer.subject.directions[list(EXPRESSION).index("smile")]
    torch.testing.assert_close(change[30], 0.5 * direction, atol=1e-5, rtol=1e-4)
    assert not change[:20].any() and not change[41:].any()


def test_strengths_scale_the_motion_about_rest(performer, script):
    plain = motion_of(performer, script)
    groups = performer.groups
    rest = performer.subject.rest[0]

    def with_(**strength) -> torch.Tensor:
        return motion_of(performer, replace(script, controls=Controls({}, strength)))

    still = with_(head=0.0)
    pose = groups["pose"]
    torch.testing.assert_close(still[:, pose], rest[pose].expand(FRAMES, -1), atol=1e-5, rtol=0)
    assert torch.equal(still[:, pose.stop :], plain[:, pose.stop :])
    double = with_(mouth=2.0)
    for name in ("mouth", "face"):
        where = groups[name]
        target = 2 * plain[:, where] - rest[where]
        torch.testing.assert_close(double[:, where], target, atol=1e-5, rtol=1e-4)
    assert torch.equal(with_(gaze=1.0, blink=1.0), plain)
    # At strength 0 gaze and blinks vanish.
    basis = performer.subject.eyes
    left = (with_(gaze=0.0, blink=0.0) - rest) @ torch.linalg.pinv(basis)
    assert left.abs().max() < 1e-4


def test_a_span_changes_nothing_outside_itself(performer, script):
    before = motion_of(performer, script)
    span = Span(0.8, 1.6, seed=5)
    after = motion_of(performer, replace(script, spans=(span,)))
    changed = (after != before).any(1).nonzero()[:, 0]
    assert changed.min() >= 20 and changed.max() < 40 and len(changed) > 10
    again = motion_of(performer, replace(script, spans=(span, replace(span, seed=6))))
    assert not torch.equal(after, again) and torch.equal(after[:20], again[:20])
    smile = Controls({"smile": keys((0.0, 1.0), (2.36, 1.0))})
    smiled = motion_of(performer, replace(script, spans=(replace(span, controls=smile),)))
    change = (smiled - after).norm(dim=1)
    assert not change[:20].any() and not change[40:].any()
    # It sets in over some frames.
    assert 0 < change[20] < change[20 + CONSTANTS.ramp_frames] and change[39] < change[30]


@pytest.mark.slow
def test_a_span_longer_than_a_window(performer, script):
    long = np.resize(script.speech, (2 * WINDOW + 50, FEATURES))
    long_script = replace(script, frames=len(long), speech=long, steps=1)
    before = motion_of(performer, long_script)
    span = Span(1.0, (len(long) - 20) / FPS, 3)
    after = motion_of(performer, replace(long_script, spans=(span,)))
    assert torch.equal(before[:25], after[:25]) and torch.equal(before[-20:], after[-20:])
    assert (before != after).any(1)[25:-20].float().mean() > 0.9


def test_driving_motion_is_relative_to_the_portrait(performer, script, gaia, crop_landmarks):
    driving = crop_landmarks.expand(30, -1, -1).clone()
    driving[:, :, 0] += torch.linspace(0, 0.1, 30)[:, None]  # it goes to the right
    other_face = driving * torch.tensor([1.1, 0.9, 1.0])
    every = tuple(performer.groups)
    given = replace(
        script, frames=30, speech=script.speech[:0], driving=other_face.numpy(), groups=every
    )
    motion = motion_of(performer, given)
    torch.testing.assert_close(motion[0], performer.subject.reference[0], atol=1e-4, rtol=1e-4)
    pose = gaia.networks.autoencoder.head_pose(motion)
    assert pose[-1, 3] - pose[0, 3] == pytest.approx(0.11, abs=0.01)
    pose_only = motion_of(performer, replace(script, driving=other_face.numpy(), groups=("pose",)))
    torch.testing.assert_close(pose_only[:30, :6], motion[:, :6], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(pose_only[:30, 6:], motion[:, 6:], atol=1e-2)
    assert len(pose_only) == FRAMES  # the speech goes on after the video's end


def test_motion_without_speech(performer, script):
    silent = replace(script, frames=30, speech=script.speech[:0])
    one, other = (motion_of(performer, replace(silent, seed=seed)) for seed in (0, 1))
    assert one.shape == other.shape and not torch.allclose(one, other)


def test_a_pose_track_changes_nothing_beyond_its_transitions(performer, script):
    track = {"roll": keys((1.0, 0.0), (1.2, 12.0), (1.4, 0.0, "free"))}
    tilted = motion_of(performer, replace(script, controls=Controls(track)))
    roll = performer.groups["pose"].start + POSE_CHANNELS.index("roll")
    apart = (tilted - motion_of(performer, script))[:, roll].abs()
    join = CONSTANTS.join_frames
    assert apart[: 25 - join].max() == 0
    assert apart[36 + join :].max() == 0
    assert apart[30] > apart[24 - join // 2]


@pytest.fixture(scope="module")
def shipped() -> tuple[Autoencoder, Denoiser, torch.Tensor]:
    """The shipped weights and their expression directions."""
    autoencoder = checkpoint.load_autoencoder(WEIGHTS)
    motion = autoencoder.config.motion
    directions = checkpoint.load_directions(WEIGHTS, motion)
    return autoencoder, checkpoint.load_denoiser(WEIGHTS, motion), directions


@torch.no_grad()
@pytest.mark.parametrize("opened", [-1.0, -0.5, 1.5])
def test_closed_lips_are_parted_to_the_rest_aperture(shipped, crop_landmarks, opened):
    autoencoder, denoiser, directions = shipped
    own = autoencoder.encode_motion(crop_landmarks[None])
    own = own + opened * directions[EXPRESSION_NAMES["mouth"]]
    performer = Performer(autoencoder.motion, denoiser, directions, own)

    def aperture(latent: torch.Tensor) -> float:
        return mesh.lip_aperture(autoencoder.decode_landmarks(denoiser.rest(latent))).item()

    target = CONSTANTS.rest_aperture
    if aperture(own) >= target:
        assert opened == 1.5 and torch.equal(performer.speaking_reference, own)
    else:
        assert opened < 1 and aperture(performer.speaking_reference) == pytest.approx(
            target, abs=0.002
        )


@torch.no_grad()
def test_without_speech_the_rest_is_the_portraits(performer, script):
    silent = replace(script, guidance=0.0)
    before = motion_of(performer, silent)
    other = copy.copy(performer)
    other.speaking_reference = (
        performer.speaking_reference + performer.subject.directions[EXPRESSION_NAMES["mouth"]]
    )
    assert torch.equal(motion_of(other, silent), before)
    assert not torch.equal(motion_of(other, script), motion_of(performer, script))


@torch.no_grad()
def test_without_corrections_a_window_is_the_samplers_output(performer, script):
    subject, off = performer.subject, CONSTANTS.without(CONSTANTS.OFF)
    plain = Performer(subject.encoder, subject.denoiser, subject.directions, subject.reference, off)
    speech, free = torch.from_numpy(script.speech), torch.full((1, FRAMES, 46), torch.nan)
    free = free[..., : subject.reference.shape[-1]]
    windows = [
        each.window(free, speech, script, torch.Generator().manual_seed(0)).motion
        for each in (plain, performer)
    ]
    noise = torch.randn(free.shape, generator=torch.Generator().manual_seed(0))
    expected = sample(
        subject.denoiser, subject.reference, speech[None], noise, free, script.steps, 1.5
    )
    torch.testing.assert_close(windows[0], expected)
    assert not torch.allclose(windows[1], expected, atol=1e-3)


@torch.no_grad()
def test_windows_join_without_a_step(shipped, crop_landmarks):
    """The head's change of speed across a window's first frame, beside that of all frames."""
    autoencoder, denoiser, directions = shipped
    own = autoencoder.encode_motion(crop_landmarks[None])
    performer = Performer(autoencoder.motion, denoiser, directions, own)
    speech = torch.randn(WINDOW + 160, FEATURES, generator=torch.Generator().manual_seed(0))
    bends = []
    for seed in range(4):
        script = Script(len(speech), speech.numpy(), NO_DRIVING, seed=seed, steps=4, guidance=1.0)
        *parts, (_, motion) = ((done, part.clone()) for done, part in performer.perform(script))
        assert len(parts) == 2
        assert all(torch.equal(part, motion[:, : part.shape[1]]) for _, part in parts), "final"
        bends.append(autoencoder.head_pose(motion[0])[:, :3].diff(n=2, dim=0).norm(dim=1))
    bend = torch.stack(bends)  # of frames 1, 2, ...
    first = torch.arange(WINDOW - AHEAD, bend.shape[1], WINDOW - AHEAD - OVERLAP)
    assert len(first) == 3
    assert torch.stack([bend[:, first - 2], bend[:, first - 1]]).mean() < 1.5 * bend.mean()


@torch.no_grad()
def test_blinks_are_neither_too_close_nor_too_rare(shipped, crop_landmarks):
    autoencoder, denoiser, directions = shipped
    own = autoencoder.encode_motion(crop_landmarks[None])
    performer = Performer(autoencoder.motion, denoiser, directions, own)

    def blinks(motion: torch.Tensor) -> list[int]:
        apart = mesh.eye_aperture(autoencoder.decode_landmarks(motion))[0]
        return [first for first, _ in closings((1 - apart / apart.median()).numpy())]

    gap = CONSTANTS.blink_gap
    frames, at = 4 * gap, (20, 20 + gap // 2, 20 + 2 * gap, 30 + 2 * gap)
    shut = torch.zeros(frames)
    for frame in at:
        shut[frame : frame + 5] = torch.tensor([0.4, 0.8, 1.0, 0.7, 0.3])
    motion = own.repeat(frames, 1)[None] + shut[:, None] * directions[EXPRESSION_NAMES["blink"]]
    free = torch.full_like(motion, torch.nan)
    assert len(blinks(motion)) == 4

    def spaced(motion: torch.Tensor, given: torch.Tensor, *at) -> Window:
        return spaced_blinks(Window(motion, given, None, own, *at), performer.subject, CONSTANTS)

    whole = spaced(motion, free)
    motion_spaced = whole.motion
    assert len(blinks(motion_spaced)) == 2 and blinks(motion_spaced) == list(whole.blinks)
    # Final frames are kept, and their blinks count for the next window.
    start, known = 10 + 2 * gap, 28 + 2 * gap
    first = spaced(motion[:, :known], free[:, :known])
    second = spaced(motion[:, start:], free[:, start:], start, known, first.blinks).motion
    assert torch.equal(second[:, : known - start], motion[:, start:known])
    assert blinks(torch.cat([first.motion, second[:, known - start :]], 1)) == blinks(motion_spaced)
    # Long without any, the lids close once at the latest after `blink_most`, in each window anew.
    awake = own.repeat(5 * CONSTANTS.blink_most, 1)[None]
    first = spaced(awake[:, :400], torch.full_like(awake[:, :400], torch.nan))
    times = (0, *first.blinks)
    assert len(times) > 2 and max(b - a for a, b in pairwise(times)) <= CONSTANTS.blink_most
    assert blinks(first.motion) == pytest.approx(list(first.blinks), abs=1)
    rest = spaced(
        awake[:, 380:], torch.full_like(awake[:, 380:], torch.nan), 380, 400, first.blinks
    )
    after = [blink for blink in rest.blinks if blink >= 400]
    assert after and after[0] - first.blinks[-1] <= CONSTANTS.blink_most
    # Eyes that are given are not changed.
    assert torch.equal(spaced(motion, motion).motion, motion)
