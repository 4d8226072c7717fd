"""Streamed motion equals that of the whole recording, within the stated latency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gaia_core import FPS, SAMPLE_RATE, checkpoint
from gaia_core import landmarks as mesh
from gaia_core.assets import WEIGHTS
from gaia_core.config import MotionCorrections
from gaia_core.controls import EXPRESSION, Controls, Keyframe
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio
from gaia_core.motion.lips import predicted_aperture
from gaia_core.motion.live import (
    AHEAD,
    DELAY,
    LATE,
    LATER,
    NEW,
    PAST,
    LiveMotion,
    LiveSpeech,
    live_windows,
)
from gaia_core.motion.measures import correlation
from gaia_core.motion.performer import Performer
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.render import FRAMES_PER_BATCH, PortraitRenderer
from gaia_core.speech.encoder import FEATURES, STEP

pytestmark = pytest.mark.slow

SPEECH = Path(__file__).parents[2] / "examples" / "speech"


def babble(seconds: float) -> np.ndarray:
    """Syllables of a moving resonance, (N,) float32 at 16 kHz."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 2 * np.pi * (120 * time + 3 * np.sin(3 * time))
    voice = sum(np.sin(k * pitch) / k * (1 + np.cos(k * time)) for k in range(1, 20))
    noise = np.random.default_rng(0).standard_normal(len(time))
    envelope = np.clip(np.sin(2 * np.pi * 2 * time), 0, 1)
    return (0.05 * envelope * voice + 1e-3 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    """The recordings of the examples, (N,) float32 at 16 kHz."""
    return np.concatenate([read_audio(path) for path in sorted(SPEECH.glob("*.wav"))])


def parts(waveform: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(waveform), size):
        yield waveform[start : start + size]


def features_of(gaia: Gaia, waveform: np.ndarray, size: int) -> torch.Tensor:
    """(T, F) of speech that comes in parts of that size."""
    live, found, wanted = LiveSpeech(gaia.speech_encoder), [], NEW + AHEAD
    for part in parts(waveform, size):
        live.push(part)
        while live.ready >= wanted:
            found.append(live.take(wanted))
            wanted = NEW
    return torch.cat([*found, live.finish()])


@pytest.fixture(scope="module")
def performer(gaia, crop_landmarks) -> Performer:
    reference = gaia.networks.autoencoder.encode_motion(crop_landmarks[None])
    return Performer(
        gaia.networks.autoencoder.motion,
        gaia.networks.denoiser,
        gaia.networks.directions,
        reference,
    )


@pytest.fixture(scope="module")
def shipped(crop_landmarks) -> Performer:
    """With the shipped weights."""
    autoencoder = checkpoint.load_autoencoder(WEIGHTS)
    motion = autoencoder.config.motion
    return Performer(
        autoencoder.motion,
        checkpoint.load_denoiser(WEIGHTS, motion),
        checkpoint.load_directions(WEIGHTS, motion),
        autoencoder.encode_motion(crop_landmarks[None]),
    )


@pytest.fixture(scope="module")
def script() -> Script:
    return Script(0, np.zeros((0, FEATURES), np.float32), NO_DRIVING, seed=1, steps=2, guidance=2.0)


def motion_of(gaia: Gaia, performer: Performer, script: Script, waveform, size) -> torch.Tensor:
    """(T, D)"""
    live = LiveMotion(gaia.speech_encoder, performer, script)
    return torch.cat(list(live.follow(parts(waveform, size))))


# Speech features


@pytest.mark.parametrize("samples", [0, 1, 5_000, 16_000, 96_001])
def test_one_feature_for_every_video_frame(gaia, samples):
    features = features_of(gaia, babble(7)[:samples], 7_000)
    assert features.shape == (round(samples / 640), FEATURES)
    assert features.isfinite().all()


def test_a_short_recording_in_one_chunk_has_the_usual_features(gaia):
    waveform = babble(PAST * STEP / SAMPLE_RATE - 0.1)
    live = LiveSpeech(gaia.speech_encoder)
    live.push(waveform)
    # The beginning of the very first spectra is silence here, and mirrored there.
    torch.testing.assert_close(
        live.finish()[5:], gaia.speech_encoder.encode(waveform)[5:], atol=0.2, rtol=0
    )


def test_lips_are_near_those_of_the_whole(gaia, shipped, spoken):
    """The features differ by the position in the encoder's window, the lips they predict do not."""
    encoder, denoiser = shipped.subject.encoder, shipped.subject.denoiser
    whole, live = (
        predicted_aperture(encoder, denoiser, features).flatten().numpy()
        for features in (gaia.speech_encoder.encode(spoken), features_of(gaia, spoken, 3_200))
    )
    assert len(live) == len(whole) > 5 * FPS
    assert correlation(live, whole) > 0.97
    assert np.abs(live - whole).mean() < 0.2 * whole.std()


def test_features_do_not_depend_on_how_speech_is_cut(gaia):
    waveform = babble(5)
    fine, coarse = features_of(gaia, waveform, 1_000), features_of(gaia, waveform, 7_000)
    torch.testing.assert_close(fine, coarse, atol=1e-4, rtol=1e-4)


def test_a_waveform_must_be_mono_and_finite(gaia):
    live = LiveSpeech(gaia.speech_encoder)
    with pytest.raises(ValueError, match="mono"):
        live.push(np.zeros((2, 100), np.float32))
    with pytest.raises(ValueError, match="finite"):
        live.push(np.full(100, np.nan, np.float32))


def test_memory_of_speech_does_not_grow(gaia):
    live = LiveSpeech(gaia.speech_encoder)
    held = []
    for part in parts(babble(20), 16_000):
        live.push(part)
        live.take(live.ready)
        held.append(sum(x.numel() for x in vars(live).values() if isinstance(x, torch.Tensor)))
    assert max(held[12:]) <= max(held[:12])


# Motion


@pytest.mark.parametrize("seconds", [0.3, 2.0, 5.3])
def test_motion_equals_that_of_the_whole_in_the_same_windows(gaia, performer, script, seconds):
    waveform = babble(seconds)
    features = features_of(gaia, waveform, 2_000)
    offline = replace(script, frames=len(features), speech=features.numpy())
    cuts = []
    for start, end, known in live_windows():
        cuts.append((start, min(end, len(features)), known))
        if end >= len(features):
            break
    with torch.no_grad():
        given = performer.given(offline, offline.controls)
        *_, (_, _, expected) = performer.fill(given, offline, offline.seed, cuts=cuts)
    got = motion_of(gaia, performer, script, waveform, 2_000)
    torch.testing.assert_close(got, expected[0], atol=1e-5, rtol=1e-4)


def test_lips_agree_with_features_of_the_whole(gaia, shipped, script, spoken):
    """The missing context at the end of each window changes little."""
    whole = gaia.speech_encoder.encode(spoken)
    live = motion_of(gaia, shipped, script, spoken, 4_000)

    class Known:
        """The whole's features, delivered as they become available."""

        def __init__(self) -> None:
            self.left = whole

        ready = 0

        def push(self, samples):
            self.ready += len(samples) // 640

        def take(self, frames):
            new, self.left = self.left[:frames], self.left[frames:]
            self.ready -= frames
            return new

        def finish(self):
            return self.left

    known = LiveMotion(gaia.speech_encoder, shipped, script)
    known._speech = Known()
    offline = torch.cat(list(known.follow(parts(spoken, 4_000))))
    assert live.shape == offline.shape
    encoder = shipped.subject.encoder
    lips, expected = (mesh.lip_aperture(encoder.landmarks(x)).numpy() for x in (live, offline))
    assert correlation(lips, expected) > 0.97


def test_windows_join_without_a_step(gaia, shipped, script, spoken):
    """The head's change of speed across a window's first frame, beside that of all frames."""
    bends = []
    for seed in range(3):
        motion = motion_of(gaia, shipped, replace(script, seed=seed), spoken, 4_000)
        bends.append(shipped.subject.encoder.head_pose(motion)[:, :3].diff(n=2, dim=0).norm(dim=1))
    bend = torch.stack(bends)  # of frames 1, 2, ...
    first = torch.arange(NEW, bend.shape[1], NEW)
    assert torch.stack([bend[:, first - 2], bend[:, first - 1]]).mean() < 1.5 * bend.mean()


def test_controls_are_kept(gaia, performer, script):
    keys = (Keyframe(0.0, 20.0), Keyframe(1.0, 0.0))
    smile = (Keyframe(0.0, 0.5), Keyframe(4.0, 0.5))
    plain = motion_of(gaia, performer, script, babble(3), 8_000)
    turned = replace(script, controls=Controls({"yaw": keys}))
    moved = motion_of(gaia, performer, turned, babble(3), 8_000)
    yaw = gaia.networks.autoencoder.head_pose(moved)[:, 0]
    yaw = yaw - gaia.networks.autoencoder.head_pose(performer.subject.reference)[0, 0]
    assert (
        yaw[0] == pytest.approx(20 * MotionCorrections().turn_yaw, abs=1e-3)
        and yaw[25:].abs().max() < 1e-3
    )
    smiling = replace(script, controls=Controls({"smile": smile}))
    change = motion_of(gaia, performer, smiling, babble(3), 8_000) - plain
    expected = 0.5 * performer.subject.directions[list(EXPRESSION).index("smile")].expand_as(change)
    torch.testing.assert_close(change, expected, atol=1e-5, rtol=1e-4)


# Frames


@pytest.fixture(scope="module")
def frames(gaia, photo) -> list[np.ndarray]:
    return list(gaia.stream(photo, parts(babble(2), 4_000), steps=1, seed=2))


def test_frames_at_25_a_second(gaia, frames, photo):
    assert len(frames) == 50
    assert all(frame.shape == (256, 256, 3) and frame.dtype == np.uint8 for frame in frames)
    whole = next(gaia.stream(photo, parts(babble(2), 8_000), steps=1, size="photo"))
    assert whole.shape == (photo.shape[0] // 2 * 2, photo.shape[1] // 2 * 2, 3)


def test_the_latency_is_at_most_the_stated_delay(gaia, photo, monkeypatch):
    monkeypatch.setattr("gaia_core.render.PIXELS_AT_ONCE", 1)
    given = 0

    def chunks() -> Iterator[np.ndarray]:
        nonlocal given
        for part in parts(babble(4), 320):
            given += len(part)
            yield part

    stream = gaia.stream(photo, chunks(), steps=1)
    known = [given / SAMPLE_RATE for _ in stream]
    delays = [at - index / FPS for index, at in enumerate(known)]
    middle = delays[: -NEW - AHEAD]  # the last come when the speech ends
    assert max(middle) <= DELAY + 320 / SAMPLE_RATE
    assert max(middle) - min(middle) <= NEW / FPS  # a window's frames come together
    assert max(delays) <= DELAY + 320 / SAMPLE_RATE


@pytest.mark.parametrize("cost", [0.0, 0.12, 0.24])
def test_a_slow_machine_drops_frames_and_falls_no_further_behind(gaia, photo, monkeypatch, cost):
    """cost: seconds that a frame takes to render, and nothing else takes any."""
    monkeypatch.setattr("gaia_core.pipeline.ahead", iter)  # one thread has one time
    now, seconds = 0.0, 4
    decode = PortraitRenderer.decode

    def slow(self: PortraitRenderer, motion: torch.Tensor) -> torch.Tensor:
        nonlocal now
        now += cost * len(motion)
        return decode(self, motion[:1]).expand(len(motion), -1, -1, -1)

    def microphone() -> Iterator[np.ndarray]:
        nonlocal now
        speech, given = babble(seconds), 0
        while given < len(speech):
            now = max(now, (given + 320) / SAMPLE_RATE)
            heard = round(now * SAMPLE_RATE)
            yield speech[given:heard]
            given = heard

    monkeypatch.setattr(PortraitRenderer, "decode", slow)
    behind, shown = [], []
    for picture in gaia.stream(photo, microphone(), steps=1, clock=lambda: now):
        behind.append(now - len(behind) / FPS)
        shown.append(picture)
    assert len(shown) == seconds * FPS
    pictures = len(set(map(id, shown)))
    if not cost:
        assert pictures == len(shown) and max(behind) <= DELAY + 0.02
        return
    # It works for the most part of the time, and the delay is at most that of the first frames, or
    # of a window's first, which is always rendered, after one at every fourth.
    assert 0.6 * seconds < cost * pictures < 1.5 * seconds
    first = FRAMES_PER_BATCH * torch.get_num_threads() * cost
    always = 2 * LATER + 2 * cost - 4 / FPS
    assert max(behind) <= DELAY + LATE + max(first, always) + 1e-6


def test_same_seed_same_frames(gaia, frames, photo):
    again = list(gaia.stream(photo, parts(babble(2), 4_000), steps=1, seed=2))
    other = list(gaia.stream(photo, parts(babble(2), 4_000), steps=1, seed=3))
    assert np.array_equal(frames, again) and not np.array_equal(frames, other)


def test_the_label_is_optional(gaia, frames, photo):
    plain = next(gaia.stream(photo, parts(babble(2), 4_000), steps=1, seed=2, label=False))
    difference = np.abs(plain.astype(int) - frames[0])
    assert difference[200:, 128:].max() > 60 and not difference[:128].any()


def test_unusable_input_raises(gaia, photo):
    with pytest.raises(InputError, match="No face"):
        next(gaia.stream(np.full((300, 300, 3), 120, np.uint8), []))
    with pytest.raises(InputError, match="Steps"):
        next(gaia.stream(photo, [], steps=0))
    assert list(gaia.stream(photo, [])) == []
