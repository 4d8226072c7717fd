"""Training goes on where it stopped; its batches are in step and its losses mean what they say."""

import io
import json
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from gaia_core import checkpoint
from gaia_core import landmarks as mesh
from gaia_core.config import (
    PRESETS,
    AutoencoderConfig,
    DenoiserConfig,
    InpainterConfig,
    MotionConfig,
    Preset,
)
from gaia_core.controls import EXPRESSION
from gaia_core.errors import InputError
from gaia_core.media.audio import write_audio
from gaia_core.media.video import VideoWriter
from gaia_core.motion.smoothing import smooth
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.renderer.eyes import EYES
from gaia_core.renderer.inpainting import SIDE
from gaia_core.renderer.lips import INNER, REACH
from gaia_core.renderer.mouth import Mouth
from gaia_core.renderer.warp import resize, sample
from gaia_core.speech.encoder import FEATURES
from gaia_core.training import ablations, loop, scaling, stages
from gaia_core.training.critic import Contest
from gaia_core.training.denoiser import NO_SPEECH, WINDOWS, MotionWindows, denoiser_losses
from gaia_core.training.eyes import EyeWindows, pack_eyes
from gaia_core.training.flow import FlowTeacher
from gaia_core.training.inpainting import InpaintingLosses
from gaia_core.training.lips import LipWindows, pack_lips
from gaia_core.training.loop import Settings, train
from gaia_core.training.mouth import MouthWindows, pack_mouths
from gaia_core.training.pack import (
    NOISE_FILTER,
    FramePack,
    clip_landmarks,
    pack_frames,
    pack_motion,
    quantise,
    read_landmarks,
    read_manifest,
    restore,
)
from gaia_core.training.portraits import MADE, PortraitPairs, pack_portraits
from gaia_core.training.renderer import FramePairs, RendererLosses, texture

MOTION = MotionConfig(eyes=4, brows=3, mouth=6, face=3)
SPEECH = 12
TINY = Preset(
    AutoencoderConfig(MOTION, appearance=4, detail=4, widths=(8, 12, 16), refine=8, condition=16),
    DenoiserConfig(MOTION.width, SPEECH, 8, width=16, layers=2, heads=2, kernel=3, dropout=0.0),
    InpainterConfig((4, 4, 8)),
)
CLIPS = (  # identity, source, frames, frames of speech
    ("ann", "a", 160, 160),
    ("ann", "a", 45, 45),
    ("bob", "b", 130, 0),
)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A second passes whenever the loop looks: steps do not depend on this machine's speed."""
    now = iter(range(10**9))
    monkeypatch.setattr(loop, "time", types.SimpleNamespace(monotonic=lambda: next(now)))


def steps(count: int, **changes) -> Settings:
    """Settings of a time box that holds so many steps: the loop looks at the clock twice each."""
    usual = {"save_every": 1e9, "log_every": 5}
    return Settings(minutes=(2 * count + 0.5) / 60, **(usual | changes))


@pytest.fixture(scope="module")
def motion_pack(tmp_path_factory):
    """Channel 0 tells the frame and channel 1 the clip, of motion and speech alike; see `clip_of`.

    Each clip's channels stray by 0.1 about a mean of their own.
    """
    generator = torch.Generator().manual_seed(0)
    tensors = {"motion": [], "speech": []}
    rows = []
    for number, (identity, source, frames, heard) in enumerate(CLIPS):
        for name, count, width in (("motion", frames, MOTION.width), ("speech", heard, SPEECH)):
            mean = torch.randn(width, generator=generator)
            values = mean + 0.1 * torch.randn(count, width, generator=generator)
            values[:, 0] = torch.arange(count)
            values[:, 1] = 10 * number + torch.arange(count) % 2
            tensors[name].append(values.half())
        rows.append({"identity": identity, "source": source, "frames": frames, "speech": heard})
    path = tmp_path_factory.mktemp("pack") / "motion.safetensors"
    save_file(
        {name: torch.cat(parts) for name, parts in tensors.items()},
        path,
        metadata={"clips": json.dumps(rows)},
    )
    return path


def clip_of(values: torch.Tensor) -> torch.Tensor:
    """Which clip frames of `motion_pack` are of: (..., D) -> (...)."""
    return values[..., 1].long() // 10


def spotted(landmarks: torch.Tensor) -> np.ndarray:
    """A red spot at the outer corner of the right eye, a blue one at the left's, green lips."""
    grid = (np.arange(256) + 0.5) / 256
    image = np.zeros((256, 256, 3))
    for point, channel in ((33, 0), (mesh.LIP_BOTTOM, 1), (263, 2)):
        x, y = (np.exp(-((grid - float(p)) ** 2) / (2 * 0.012**2)) for p in landmarks[point, :2])
        image[..., channel] += y[:, None] * x
    return (255 * image).round().astype(np.uint8)


@pytest.fixture(scope="module")
def frame_pack(tmp_path_factory, make_faces):
    """Eight frames of each of three clips, the last two of one person, as pictures of spots."""
    faces = make_faces(3, 4)
    jpegs = []
    for landmarks in faces.landmarks:
        buffer = io.BytesIO()
        Image.fromarray(spotted(landmarks)).save(buffer, "jpeg", quality=95, subsampling=0)
        jpegs.append(np.frombuffer(buffer.getvalue(), np.uint8))
    path = tmp_path_factory.mktemp("pack") / "frames.safetensors"
    save_file(
        {
            "jpegs": torch.from_numpy(np.concatenate(jpegs)),
            "offsets": torch.tensor(np.cumsum([0, *map(len, jpegs)])),
            "landmarks": quantise(faces.landmarks.numpy()),
            "clip": faces.clip,
        },
        path,
        metadata={"clips": json.dumps(["ann|a|1", "bob|b|2", "bob|b|3"])},
    )
    return path


# The loop


class Line(nn.Module):
    """y = weight x + bias, with a frozen scale."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(4, 1)
        self.scale = nn.Parameter(torch.ones(1), requires_grad=False)

    def losses(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        error = (self.scale * self.line(batch["x"]) - batch["y"]).float().square().mean()
        return {"loss": error, "twice": 2 * error.detach()}


def points():
    generator = torch.Generator().manual_seed(0)
    while True:
        x = torch.randn(16, 4, generator=generator)
        yield {"x": x, "y": x.sum(1, keepdim=True)}


def fit(folder, settings, seen=None):
    """Trains a `Line` of fixed first weights."""
    torch.manual_seed(0)

    def losses(model, batch):
        if seen is not None:
            seen.append(model.line.weight.detach().clone())
        return model.losses(batch)

    return train(Line(), losses, points(), folder, settings)


def test_the_time_box_is_kept(tmp_path):
    seen = []
    _, samples = fit(tmp_path, steps(7), seen)
    assert len(seen) == 7 and samples == 7 * 16


def test_a_run_resumes_where_it_stopped(tmp_path):
    first, second = [], []
    fit(tmp_path, steps(12), first)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    _, samples = fit(tmp_path, steps(5), second)
    assert samples == 17 * 16
    assert torch.equal(second[0], state["model"]["line.weight"])
    assert not torch.equal(second[0], first[0])
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (state["step"], after["step"]) == (12, 17)
    moments = after["optimiser"]["state"]
    assert all(int(moment["step"]) == 17 for moment in moments.values())


def test_a_run_that_breaks_off_keeps_its_last_whole_state(tmp_path):
    def losses(model, batch):
        losses.calls += 1
        if losses.calls == 8:
            raise KeyboardInterrupt
        return model.losses(batch)

    losses.calls = 0
    with pytest.raises(KeyboardInterrupt):
        train(Line(), losses, points(), tmp_path, steps(20, save_every=5 / 60))
    saved = torch.load(tmp_path / "state.pt", weights_only=True)["step"]
    assert 0 < saved < 8
    _, samples = fit(tmp_path, steps(2))
    assert samples == (saved + 2) * 16


def test_what_is_returned_is_the_average(tmp_path):
    seen = []
    average, _ = fit(tmp_path, steps(40, average=0.5, rate=0.05, warm_up=1), seen)
    last = torch.load(tmp_path / "state.pt", weights_only=True)["model"]["line.weight"]
    kept = average.line.weight
    assert not torch.equal(kept, last)
    assert (kept - last).norm() < (seen[0] - last).norm()
    assert not average.training and not kept.requires_grad


def test_training_descends_and_leaves_what_is_frozen(tmp_path):
    average, _ = fit(tmp_path, steps(200, rate=0.05, warm_up=1, average=0.9))
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.05 * rows[0]["loss"]
    assert average.scale == 1
    torch.testing.assert_close(average.line.weight, torch.ones(1, 4), atol=0.1, rtol=0)


def test_the_curve_tells_every_term(tmp_path):
    fit(tmp_path, steps(10))
    fit(tmp_path, steps(10))
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert [row["samples"] for row in rows] == [80, 160, 240, 320]
    for row in rows:
        assert row["twice"] == pytest.approx(2 * row["loss"], abs=1e-4)
        assert row["gradient"] > 0 and row["rate"] > 0


def test_the_rate_rises_and_falls(tmp_path):
    fit(tmp_path, steps(60, warm_up=20, log_every=1, rate=0.01))
    rates = [json.loads(line)["rate"] for line in (tmp_path / "curve.jsonl").open()]
    peak = int(np.argmax(rates))
    assert 15 <= peak <= 25 and rates[0] < 0.1 * rates[peak] and rates[-1] < 0.1 * rates[peak]
    assert max(rates) <= 0.01


# Stage 2's windows


@pytest.fixture
def windows(motion_pack):
    return MotionWindows(motion_pack, MOTION.groups, fill=0.5)


def test_windows_lie_inside_a_clip_in_step_with_its_speech(windows):
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
        heard = batch["has_speech"]
        assert torch.equal(speech[heard][..., :2], motion[heard][..., :2])
        silent = torch.tensor([row[3] == 0 for row in CLIPS])[clips]
        assert not heard[silent].any()
    assert seen == set(dict(WINDOWS))


def test_some_windows_are_deaf(windows):
    batches = iter(windows)
    heard, clips = [], []
    for _ in range(20):
        batch = next(batches)
        heard.append(batch["has_speech"])
        clips.append(clip_of(batch["motion"][:, 0]))
    deaf = 1 - torch.cat(heard)[torch.cat(clips) != 2].float().mean()
    assert deaf == pytest.approx(NO_SPEECH, abs=0.06)


def test_clips_without_sound_are_rare(windows):
    batches = iter(windows)
    clips = torch.cat([clip_of(next(batches)["motion"][:, 0]) for _ in range(20)])
    assert 0 < (clips == 2).float().mean() < 0.3


def test_masks_are_of_every_kind_and_never_give_everything(windows):
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


def test_all_groups_at_once_leave_the_mouth_to_be_made(windows, monkeypatch):
    draws = iter([0.7] + [0.0] * 100)  # groups; each of them; wholly
    monkeypatch.setattr(windows, "_uniform", lambda: next(draws))
    given = windows._given(30, MOTION.width)
    mouth = MOTION.groups["mouth"]
    assert not given[:, mouth].any()
    assert given.sum() == 30 * (MOTION.width - (mouth.stop - mouth.start))


def test_a_pack_of_short_clips_is_enough(tmp_path):
    save_file(
        {"motion": torch.zeros(40, MOTION.width).half(), "speech": torch.zeros(40, SPEECH).half()},
        tmp_path / "motion.safetensors",
        metadata={
            "clips": json.dumps([{"identity": "a", "source": "s", "frames": 40, "speech": 40}])
        },
    )
    batches = iter(MotionWindows(tmp_path / "motion.safetensors", MOTION.groups, fill=0.1))
    assert {next(batches)["motion"].shape[1] for _ in range(10)} == {30}


def test_rest_is_nearer_to_a_clips_mean_than_its_frames_are(windows):
    weight, bias, spread = windows.fit_rest()
    pose = MOTION.groups["pose"]
    for motion in windows.motion:
        frames = motion.float()
        rest = frames @ weight + bias
        assert torch.equal(rest[:, pose], frames[:, pose])  # the head stays where it is
        strayed, caught = ((x - frames.mean(0))[:, pose.stop :].std() for x in (rest, frames))
        assert strayed < 0.7 * caught
    # Motion strays by 0.1 about the mean, and the pose as much about another frame's.
    assert spread[2 : pose.stop].tolist() == pytest.approx([0.1 * 2**0.5] * 4, rel=0.15)
    assert spread[pose.stop :].tolist() == pytest.approx([0.1] * (MOTION.width - 6), rel=0.25)


def test_speech_components_are_uncorrelated_and_of_unit_mean_variance(windows):
    mean, basis = windows.speech_components(8)
    features = torch.cat([s.float() for s in windows.speech if len(s)])
    heard = (features - mean) @ basis
    covariance = heard.T.cov()
    assert covariance.diagonal().mean() == pytest.approx(1, rel=0.05)
    assert (covariance - covariance.diagonal().diag()).abs().max() < 0.01
    assert (covariance.diagonal().diff() <= 1e-4).all()  # leading ones first


def test_the_regression_finds_the_motion_that_speech_tells(tmp_path):
    generator = torch.Generator().manual_seed(0)
    tell = torch.randn(SPEECH, MOTION.width, generator=generator)
    speech = torch.randn(6, 90, SPEECH, generator=generator)
    # Of the frame before, as each clip's person does it.
    own = 3 * torch.randn(6, 1, MOTION.width, generator=generator)
    motion = speech.roll(1, 1) @ tell / 4 + own
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
    found, true = expectation[..., 0].T * spread, tell / 4
    assert torch.corrcoef(torch.stack([found.flatten(), true.flatten()]))[0, 1] > 0.99
    assert 0.6 < float(found.norm() / true.norm()) < 1  # a ridge shrinks


def test_the_denoiser_learns_a_clip(tmp_path, make_denoiser):
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


# Stage 1's pairs


@pytest.fixture
def pairs(frame_pack, template):
    return FramePairs(frame_pack, template, batch=16)


def places(images: torch.Tensor, channel: int) -> torch.Tensor:
    """Where the spots of a colour are: (B, 3, H, W) -> (B, 2) in crop units."""
    grid = (torch.arange(256) + 0.5) / 256
    weight = (images[:, channel] - 0.1).clamp(min=0).square()
    weight = weight / weight.sum((1, 2), keepdim=True)
    return torch.stack([(weight.sum(1) * grid).sum(1), (weight.sum(2) * grid).sum(1)], 1)


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


def test_both_frames_of_a_pair_are_changed_alike(pairs):
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


def test_flow_teaches_the_way_to_the_target():
    coarse = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    photo = resize(coarse, 128)
    shift = torch.tensor([0.03, -0.02])[None, :, None, None].expand(2, 2, 64, 64)
    target = sample(photo, resize(shift, 128))
    still = torch.zeros_like(shift)
    better, trust = FlowTeacher(1)(photo, photo, still, target)
    inside = (..., slice(12, -12), slice(12, -12))
    assert (better - shift)[inside].abs().mean() < 0.1 * shift.abs().mean()
    assert trust[inside].mean() > 0.5
    _, trust = FlowTeacher(1)(photo, target, shift, target)  # there already
    assert trust.mean() < 0.05


# Packs


def test_landmarks_survive_quantisation(make_faces):
    landmarks = make_faces(2, 5).landmarks
    restored = restore(quantise(landmarks.numpy()))
    assert 256 * (restored - landmarks).abs().max() < 0.01  # px


def test_frames_are_decoded_in_the_asked_order(frame_pack):
    frames = FramePack(frame_pack)
    images = frames.images(torch.tensor([[3, 0], [7, 3]]))
    assert images.shape == (2, 2, 3, 256, 256)
    assert torch.equal(images[0, 0], images[1, 1]) and not torch.equal(images[0, 0], images[0, 1])
    torch.testing.assert_close(
        places(images[:, 0], 1), frames.landmarks[[3, 7], mesh.LIP_BOTTOM, :2], atol=0.01, rtol=0
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory, photo, photo_face):
    """A data folder: two clips of a face that moves, one of them silent, and one to be held out."""
    data = tmp_path_factory.mktemp("data")
    lines = ["file,identity,source,has_audio,transcript"]
    x, y = (int(v) for v in photo_face.landmarks[1, :2])
    for name, heard in (("train/ann/1.mp4", 1), ("train/bob/2.mp4", 0), ("val/eve/3.mp4", 1)):
        path = data / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = path.with_suffix(".wav")
        noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
        write_audio(sound, noise, 16_000)
        with VideoWriter(path, 256, 256, sound if heard else None, {}) as writer:
            for frame in range(20):
                left = x - 128 + frame
                writer.write(photo[max(0, y - 140) :][:256, left : left + 256])
        lines.append(f"{name},{path.parent.name},s,{heard},hello")
    (data / "clips" / "manifest.csv").write_text("\n".join(lines) + "\n")
    return data


def test_the_manifest_is_split(clips):
    assert [clip.identity for clip in read_manifest(clips, "train")] == ["ann", "bob"]
    (held_out,) = read_manifest(clips, "val")
    assert held_out.identity == "eve" and held_out.has_audio


def test_clips_are_packed(clips, tmp_path, landmarker, encoder):
    for clip in read_manifest(clips, "train"):
        found = clip_landmarks(clip, clips, tmp_path, landmarker)
        assert found.shape == (20, mesh.COUNT, 3) and np.isfinite(found).all()
        # The camera goes right by a pixel a frame, so the face goes left.
        pace = np.diff(found[:, list(mesh.RIGID), 0].mean(1)).mean() * 256
        assert pace == pytest.approx(-1, abs=0.15)
        again = clip_landmarks(clip, tmp_path / "nowhere", tmp_path, landmarker)  # from the cache
        assert np.array_equal(found, again)
    landmarks, clip_of = read_landmarks(clips, tmp_path, per_identity=12)
    assert landmarks.shape[1:] == (mesh.COUNT, 3) and sorted(set(clip_of.tolist())) == [0, 1]

    pack_frames(clips, tmp_path, tmp_path / "frames.safetensors", per_identity=6)
    frames = FramePack(tmp_path / "frames.safetensors")
    assert [name.split("|")[0] for name in frames.names] == ["ann", "bob"]
    assert frames.clip.bincount().tolist() == [6, 6]
    assert frames.images(torch.tensor([0])).shape == (1, 3, 256, 256)

    pack_motion(clips, tmp_path, tmp_path / "motion.safetensors", encoder)
    windows = MotionWindows(tmp_path / "motion.safetensors", MOTION.groups)
    assert [(len(m), len(s)) for m, s in zip(windows.motion, windows.speech, strict=True)] == [
        (20, 20),
        (20, 0),
    ]
    assert windows.width == FEATURES
    first = torch.from_numpy(
        clip_landmarks(read_manifest(clips, "train")[0], clips, tmp_path, None)
    )
    clean = smooth(encoder(first), MOTION.groups, NOISE_FILTER)
    torch.testing.assert_close(windows.motion[0].float(), clean, atol=0.02, rtol=2e-3)


def test_people_with_several_photos_are_packed(clips, photo, tmp_path):
    data = tmp_path / "data"
    (data / "portraits" / "train").mkdir(parents=True)
    (data / "clips").symlink_to(clips / "clips")
    rows = [("train/ada_n.png", "ada"), ("train/ada_s.png", "ada"), ("train/one.png", "one")]
    for file, _ in rows:
        Image.fromarray(photo).save(data / "portraits" / file)
    rows += [("train/ada_x.png", "ada"), ("train/bea_n.png", "bea"), ("train/bea_x.png", "bea")]
    Image.fromarray(photo).save(data / "portraits" / "train/bea_n.png")
    for name in ("ada_x", "bea_x"):  # no face is seen in these
        Image.new("RGB", (256, 256), "grey").save(data / "portraits" / "train" / f"{name}.png")
    lines = ["file,identity,source,licence", *(f"{file},{who},lab,free" for file, who in rows)]
    (data / "portraits" / "manifest.csv").write_text("\n".join(lines) + "\n")
    cache = tmp_path / "cache"
    cache.mkdir()
    pack_frames(data, cache, tmp_path / "frames.safetensors", per_identity=3)
    frames = FramePack(tmp_path / "frames.safetensors")
    assert frames.names[-1].split("|")[0] == "ada" and len(frames.names) == 3
    pair = frames.clip == 2
    assert pair.sum() == 2
    width = frames.landmarks[pair, :, 0].amax(1) - frames.landmarks[pair, :, 0].amin(1)
    assert ((width > 0.4) & (width < 0.55)).all()  # cropped as the clips are
    assert next(iter(FramePairs(tmp_path / "frames.safetensors", frames.landmarks[0], 2)))


def test_portraits_are_moved_and_asked_back(
    clips, photo, packed, make_autoencoder, landmarker, encoder
):
    data = packed / "data"
    (data / "portraits" / "train").mkdir(parents=True)
    (data / "clips").symlink_to(clips / "clips")
    for name, picture in (("face", photo), ("none", photo[-100:, :100]), ("far", photo[::4, ::4])):
        Image.fromarray(picture).save(data / "portraits" / "train" / f"{name}.png")
    rows = [f"train/{name}.png,{name},lab,free" for name in ("face", "none", "far")]
    lines = ["file,identity,source,licence", *rows]
    (data / "portraits" / "manifest.csv").write_text("\n".join(lines) + "\n")
    cache = packed / "cache"
    cache.mkdir()
    for clip in read_manifest(data, "train"):
        clip_landmarks(clip, data, cache, landmarker)
    with pytest.raises(InputError, match="--start"):
        stages.pack(data, packed / "new", 3, "tiny", portraits=True)
    assert not (packed / "new").exists()
    out = packed / stages.PORTRAITS
    pack_portraits(data, cache, out, make_autoencoder(image=256))
    frames = FramePack(out)
    assert frames.names == ["face|lab"] and len(frames.clip) == 1 + MADE
    pictures = frames.images(torch.arange(1 + MADE))
    assert all((picture - pictures[0]).abs().mean() > 1e-3 for picture in pictures[1:])
    # What is wanted is the photo, whatever the augmentation did to the two.
    pairs = PortraitPairs(out, encoder.template, 8)
    assert all(int(pairs._pair()[1]) == 0 != int(pairs._pair()[0]) for _ in range(20))
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(2), 3, "tiny"))
    facts = checkpoint.read_config(weights)["autoencoder"]["trained"]
    assert facts["samples"] == 6 and facts["portraits"] == 1


# The commands


@pytest.fixture
def packed(tmp_path, motion_pack, frame_pack, encoder, monkeypatch):
    """A folder as `train pack` leaves it, for the preset "tiny"."""
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    (tmp_path / stages.MOTION).symlink_to(motion_pack)
    (tmp_path / stages.FRAMES).symlink_to(frame_pack)
    save_file(encoder.state_dict(), tmp_path / stages.ENCODER)
    checkpoint.save_directions(tmp_path, torch.ones(len(EXPRESSION), MOTION.width))
    return tmp_path


def test_stage_2_is_trained_into_weights(packed):
    weights = packed / "weights"
    for _ in range(2):
        stages.train_denoiser(stages.Run(packed, packed / "run", weights, steps(2), 1, "tiny"))
    model = checkpoint.load_denoiser(weights, MOTION)
    assert model.config == TINY.denoiser
    assert all(value.isfinite().all() for value in model.state_dict().values())
    rest_weight, _, spread = MotionWindows(packed / stages.MOTION, MOTION.groups).fit_rest()
    assert torch.equal(model.spread, spread) and torch.equal(model.rest_weight, rest_weight)
    facts = checkpoint.read_config(weights)["denoiser"]["trained"]
    assert facts["clips"] == 3 and facts["frames"] == 335 and facts["samples"] >= 4


def test_stage_1_is_trained_into_weights(packed, encoder):
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(2), 2, "tiny"))
    model = checkpoint.load_autoencoder(weights)
    for name, value in encoder.state_dict().items():
        assert torch.equal(model.motion.state_dict()[name], value), name
    assert checkpoint.load_directions(weights, MOTION).all()
    facts = checkpoint.read_config(weights)["autoencoder"]["trained"]
    assert facts == {"samples": 4, "frames": 24, "clips": 3, "portraits": 0}
    assert load_file(weights / "autoencoder.safetensors")["renderer.mix.weight"].any()


def test_training_goes_on_from_weights(packed, encoder):
    """Without a state to resume: the shipped weights have none."""
    weights, further = packed / "weights", packed / "further"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(2), 2, "tiny"))
    stages.train_denoiser(stages.Run(packed, packed / "stage 2", weights, steps(2), 1, "tiny"))
    still = replace(steps(1), rate=0.0)
    stages.train_autoencoder(
        stages.Run(packed, packed / "run 2", further, still, 2, "tiny", weights)
    )
    stages.train_denoiser(
        stages.Run(packed, packed / "stage 2 2", further, still, 1, "tiny", weights)
    )
    before, after = checkpoint.read_config(weights), checkpoint.read_config(further)
    for name in ("autoencoder", "denoiser"):
        assert after[name]["trained"]["samples"] > before[name]["trained"]["samples"] > 0
        old, new = (load_file(folder / f"{name}.safetensors") for folder in (weights, further))
        assert all(torch.equal(old[key], new[key]) for key in old)
    # Latents mean what they meant, or the rest of the weights would not fit any more.
    other = {name: value + 1 for name, value in encoder.state_dict().items()}
    save_file(other, packed / stages.ENCODER)
    with pytest.raises(InputError, match="--start"):
        stages.train_autoencoder(
            stages.Run(packed, packed / "run 3", further, still, 2, "tiny", weights)
        )
    with pytest.raises(InputError, match="--start"):
        stages.train_denoiser(
            stages.Run(packed, packed / "run 4", further, still, 1, "tiny", weights)
        )


# The scaling study


def test_a_study_measures_every_size_on_people_held_out(motion_pack, tmp_path, monkeypatch):
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


# The ablations


def test_every_variant_is_trained_alike_and_measured(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(ablations, "FRAMES", 30)
    monkeypatch.setattr(ablations, "is_held_out", lambda row, _: row["frames"] == 45)

    def study():
        return ablations.study(
            packed, tmp_path / "runs", steps(1000, steps=3), TINY.denoiser, MOTION
        )

    rows = study()
    assert [row.variant for row in rows] == list(ablations.VARIANTS)
    assert all(row.steps == 3 and row.pieces == 1 for row in rows)
    assert all(np.isfinite((row.loss, row.steadiness, row.join)).all() for row in rows)
    assert len({row.lips for row in rows}) == len(rows)
    monkeypatch.setattr(ablations, "train", None)  # what is done is not done again
    assert study() == rows


@pytest.fixture(params=ablations.VARIANTS)
def variant(request):
    """A network with open branches, and what it is given."""
    torch.manual_seed(0)
    model = ablations.VARIANTS[request.param](TINY.denoiser, MOTION).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    frames = torch.randn(2, 9, MOTION.width)
    inputs = {
        **{"x_t": frames, "t": torch.tensor([0.2, 0.8]), "speech": torch.randn(2, 9, SPEECH)},
        **{"reference": torch.randn(2, MOTION.width), "given": torch.zeros_like(frames)},
        "has_speech": torch.ones(2, dtype=torch.bool),
    }
    return request.param, model.requires_grad_(False), inputs


@pytest.mark.parametrize("name", ["x_t", "t", "speech", "reference"])
def test_every_variant_knows_every_condition(variant, name):
    _, model, inputs = variant
    changed = model(**{**inputs, name: inputs[name] * 0.5})
    assert (changed - model(**inputs)).abs().max() > 1e-3


def test_variants_differ_in_what_they_are_named_for(variant):
    name, model, inputs = variant
    pose, plain = MOTION.groups["pose"], model(**inputs)
    masked = model(**{**inputs, "given": torch.ones_like(inputs["given"])})
    assert torch.equal(masked, plain) == (name == "no masking")
    assert (plain[..., pose] == 0).all() == (name == "no head pose")
    blocks = list(model.blocks)
    assert all(hasattr(b, "convolution") != (name == "plain Transformer") for b in blocks)
    # What is added reaches its own frame alone.
    late = inputs["speech"].clone()
    late[:, -1] += 1
    tokens, block = torch.randn(2, 3, 16), blocks[0]
    heard = (
        model.speech(late @ model.speech_basis),
        model.speech(inputs["speech"] @ model.speech_basis),
    )
    added = (block.added(heard[0], tokens) - block.added(heard[1], tokens)).abs().amax((0, 2))
    assert (added[-1] > 0) == (name != "speech cross-attended") and not added[:-1].any()


def test_a_box_of_steps_is_kept_and_the_rate_falls_along_it(tmp_path):
    _, samples = fit(tmp_path, steps(1000, steps=20, log_every=1, warm_up=1, rate=0.01))
    rates = [json.loads(line)["rate"] for line in (tmp_path / "curve.jsonl").open()]
    assert samples == 20 * 16 and len(rates) == 20
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.1 * rates[0]
    _, samples = fit(tmp_path, steps(1000, steps=23))
    assert samples == 23 * 16  # a run that broke off only does the rest


def test_texture_tells_how_much_detail_there_is_and_not_where():
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    shifted, soft = noise.roll(3, -1), nn.functional.avg_pool2d(noise, 3, 1, 1)
    own = texture(noise)
    assert own.shape == (1, 1, 13, 13)
    assert (texture(shifted) - own).abs().mean() < 0.15 * (texture(soft) - own).abs().mean()
    assert (texture(soft) < own).all()


# The inpainters of mouth, lips and eyes


@pytest.fixture(scope="module")
def mouth_pack(tmp_path_factory):
    """Mouths of three people, two clips of the first: rows of teeth between lips of one colour."""
    generator = torch.Generator().manual_seed(0)
    windows = torch.empty(24, 3, SIDE, SIDE)
    region = torch.zeros(24, 1, SIDE, SIDE)
    for window, free in zip(windows, region, strict=True):
        window[:] = 0.3 + 0.4 * torch.rand(3, 1, 1, generator=generator)
        height = 8 + int(torch.randint(12, (), generator=generator))
        free[:, 24 : 24 + height, 14:50] = 1
        teeth = 0.9 * ((torch.arange(50 - 14) // 2) % 2).float()
        window[:, 24 : 24 + height, 14:50] = teeth
    path = tmp_path_factory.mktemp("pack") / "mouths.safetensors"
    save_file(
        {
            "window": (windows * 255).byte(),
            "masks": (region * 255).byte(),
            "clip": torch.arange(24) // 6,
            "person": torch.tensor([0, 0, 1, 2]).repeat_interleave(6),
            "weight": torch.tensor([1.0, 1.0, 0.0]),
        },
        path,
    )
    return path


def test_mouths_are_drawn_by_weight_and_shown_by_another_frame(mouth_pack):
    data = MouthWindows(mouth_pack, 64)
    batch = next(iter(data))
    assert {name: tuple(value.shape[1:]) for name, value in batch.items()} == {
        "window": (3, SIDE, SIDE),
        "region": (1, SIDE, SIDE),
        "around": (3, SIDE, SIDE),
        "shown": (4, SIDE, SIDE),
    }
    told = batch["shown"].flatten(1).any(1).float().mean()
    assert 0.3 < told < 0.7
    # What is shown lies where it was in the other frame, and nothing else is shown.
    assert not batch["shown"][:, :, :20].any()
    monochrome = [x.amax((1, 2)) for x in batch["window"]]
    assert len({tuple(x.tolist()) for x in monochrome}) > 30  # colours vary


def test_the_critic_learns_to_tell_and_the_painter_to_paint(mouth_pack, tmp_path):
    torch.manual_seed(0)
    model = Contest(Mouth(InpainterConfig((8, 8, 16))))
    data = iter(MouthWindows(mouth_pack, 6))
    train(model, InpaintingLosses(), data, tmp_path, steps(30, rate=2e-3, log_every=10, warm_up=1))
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").open()]
    assert curve[-1]["told"] < 1.8  # 2 is guessing
    assert curve[-1]["pixels"] < 0.9 * curve[0]["pixels"]


def test_the_mouth_is_trained_into_weights_beside_its_stage(packed, mouth_pack):
    (packed / stages.MOUTHS).symlink_to(mouth_pack)
    weights = packed / "weights"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(1), 2, "tiny"))
    assert checkpoint.load_autoencoder(weights).mouth is None
    for _ in range(2):
        stages.train_mouth(stages.Run(packed, packed / "mouth", weights, steps(1), 2, "tiny"))
    model = checkpoint.load_autoencoder(weights)
    assert model.mouth.config == TINY.inpainter
    assert checkpoint.read_config(weights)["mouth"]["trained"] == {
        "samples": 4,
        "windows": 24,
        "people": 2,
    }
    (weights / "mouth.safetensors").unlink()
    with pytest.raises(InputError, match="missing"):
        checkpoint.load_autoencoder(weights)


def test_mouths_are_packed_of_clips_and_portraits(clips, photo, encoder, tmp_path):
    data = tmp_path / "data"
    (data / "portraits" / "train").mkdir(parents=True)
    (data / "clips").symlink_to(clips / "clips")
    Image.fromarray(photo).save(data / "portraits" / "train" / "one.png")
    (data / "portraits" / "manifest.csv").write_text(
        "file,identity,source,licence\ntrain/one.png,one,lab,free\n"
    )
    cache = tmp_path / "cache"
    cache.mkdir()
    with FaceLandmarker() as landmarker:
        for clip in read_manifest(clips, "train"):
            clip_landmarks(clip, clips, cache, landmarker)
    pack_mouths(data, cache, tmp_path / "mouths.safetensors", encoder)
    pack = load_file(tmp_path / "mouths.safetensors")
    count = len(pack["window"])
    assert pack["window"].shape == (count, 3, SIDE, SIDE) and pack["masks"].any()
    assert len(pack["person"]) == len(pack["clip"]) == count
    assert pack["weight"][-1] < pack["weight"][0] and pack["person"][-1] == 2
    assert next(iter(MouthWindows(tmp_path / "mouths.safetensors", 2)))


@pytest.fixture(scope="module")
def eye_pack(tmp_path_factory):
    """Eyes of two people, open to less and less: white between lids of one colour."""
    generator = torch.Generator().manual_seed(0)
    heights = torch.tensor([14, 12, 10, 6, 4, 2]).repeat(4)
    windows, masks = torch.empty(24, 3, SIDE, SIDE), torch.zeros(24, 3, SIDE, SIDE)
    for number, height in enumerate(heights.tolist()):
        windows[number] = 0.2 + 0.5 * torch.rand(3, 1, 1, generator=generator)
        windows[number, :, 32 - height : 32, 16:48] = 1
        masks[number, 0, 32 - height : 32, 16:48] = 1
        masks[number, 1, 14:36, 12:52] = 1
        masks[number, 2, 20:32, 26:38] = 1
    path = tmp_path_factory.mktemp("pack") / "eyes.safetensors"
    save_file(
        {
            "window": (windows * 255).byte(),
            "masks": (masks * 255).byte(),
            "clip": torch.arange(24) // 6,
            "person": torch.arange(24) // 12,
            "weight": torch.tensor([1.0, 1.0]),
        },
        path,
    )
    return path


def test_lids_that_close_or_open_are_told_of_by_the_same_eye_otherwise(eye_pack):
    data = EyeWindows(eye_pack, 64)
    for index, others in enumerate(data.others):
        assert all(data.clip[other] == data.clip[index] for other in others)
        shares = [data.area[index][0] / data.area[other][0] for other in others]
        assert all(share < 0.8 or share > 1.6 for share in shares)
    # Of heights 14, 12, 10, 6, 4 and 2: the widest of what is closed, what is closed of the wider.
    assert [other % 6 for other in data.others[0]] == [3, 4, 5]
    assert [other % 6 for other in data.others[5]] == [0, 1, 2, 3, 4]
    batch = next(iter(data))
    assert batch["shown"].shape == (64, 6, SIDE, SIDE) and batch["region"].shape[1] == 1
    portrait, frame, disc = batch["shown"][:, 3:].sum((2, 3)).unbind(1)
    assert (portrait > frame).any() and (portrait < frame).any() and (disc == 12 * 12).all()
    assert (batch["region"].sum((1, 2, 3)) > portrait).all()


@pytest.fixture(scope="module")
def lip_pack(tmp_path_factory):
    """Mouths of two people, parted to less and less: white between lips of one colour."""
    generator = torch.Generator().manual_seed(0)
    heights = torch.tensor([14, 12, 10, 6, 4, 0]).repeat(4)
    windows, masks = torch.empty(24, 3, SIDE, SIDE), torch.zeros(24, 4, SIDE, SIDE)
    for number, height in enumerate(heights.tolist()):
        windows[number] = 0.2 + 0.5 * torch.rand(3, 1, 1, generator=generator)
        windows[number, :, 24 : 24 + height, 16:48] = 1
        masks[number, 0, 24 : 24 + height, 16:48] = 1
        rows = torch.arange(SIDE)[:, None] + 0.5
        inside = torch.minimum(rows - 24, 24 + height - rows).expand(SIDE, SIDE)
        for channel, wider in enumerate((0, 5, 10), 1):
            masks[number, channel] = (0.5 + (inside + wider) / (2 * REACH)).clamp(0, 1)
    path = tmp_path_factory.mktemp("pack") / "lips.safetensors"
    save_file(
        {
            "window": (windows * 255).byte(),
            "masks": (masks * 255).byte(),
            "clip": torch.arange(24) // 6,
            "person": torch.arange(24) // 12,
            "weight": torch.tensor([1.0, 1.0]),
        },
        path,
    )
    return path


def test_lips_that_close_are_told_of_by_the_same_mouth_parted_wider(lip_pack):
    data = LipWindows(lip_pack, 64)
    for index, others in enumerate(data.others):
        assert all(data.clip[other] == data.clip[index] for other in others)
    assert not data.others[0] and [other % 6 for other in data.others[5]] == [0, 1, 2, 3, 4]
    assert [other % 6 for other in data.others[3]] == [0, 1, 2]
    batch = next(iter(data))
    assert batch["shown"].shape == (64, 7, SIDE, SIDE) and batch["region"].shape[1] == 1
    # What they shall be lies where the frame's lips meet; the margin around it varies.
    wanted = (batch["shown"][:, 5] > 0.01).any(2).sum(1)
    assert (batch["shown"][:, 3].any(2).sum(1) > wanted).all()
    painted = batch["region"].sum((1, 2, 3)) / SIDE
    assert (painted > wanted).all() and len(painted.unique()) > 30


@pytest.mark.parametrize("name", ["lips", "eyes"])
def test_an_inpainter_is_trained_into_weights_beside_its_stage(packed, eye_pack, lip_pack, name):
    pack, path, train_it = {
        "lips": (lip_pack, packed / stages.LIPS, stages.train_lips),
        "eyes": (eye_pack, packed / stages.EYES, stages.train_eyes),
    }[name]
    path.unlink(missing_ok=True)
    path.symlink_to(pack)
    weights = packed / f"weights of {name}"
    stages.train_autoencoder(stages.Run(packed, packed / "run", weights, steps(1), 2, "tiny"))
    train_it(stages.Run(packed, packed / name, weights, steps(1), 2, "tiny"))
    model = checkpoint.load_autoencoder(weights)
    assert getattr(model, name).config == TINY.inpainter and model.mouth is None
    facts = {"samples": 2, "windows": 24, "people": 2}
    assert checkpoint.read_config(weights)[name]["trained"] == facts


def test_closing_lips_are_packed_of_clips(clips, encoder, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    with FaceLandmarker() as landmarker:
        for clip in read_manifest(clips, "train"):
            clip_landmarks(clip, clips, cache, landmarker)
    with pytest.raises(InputError, match="lips that close"):
        pack_lips(clips, cache, tmp_path / "lips.safetensors", encoder)
    top, bottom = (list(curve[1:-1]) for curve in INNER)
    for path in cache.iterdir():  # the lips of a still photo do not move: as if they did
        with np.load(path) as stored:
            arrays = dict(stored)
        arrays["landmarks"][:, bottom, 1] += 0.04
        arrays["landmarks"][::3, bottom] = arrays["landmarks"][::3][:, top]
        np.savez(path, **arrays)
    pack_lips(clips, cache, tmp_path / "lips.safetensors", encoder)
    pack = load_file(tmp_path / "lips.safetensors")
    count = len(pack["window"])
    assert pack["window"].shape == (count, 3, SIDE, SIDE)
    assert pack["masks"].shape == (count, 4, SIDE, SIDE)
    # The gap's area, the field of its distance and the window's place are one mouth's.
    wide = pack["masks"][:, 0].float().sum((1, 2)).argmax()
    inside = pack["masks"][wide, 1] > 127
    assert (inside == (pack["masks"][wide, 0] > 127))[:, 20:44].float().mean() > 0.98


def test_closing_lids_are_packed_of_clips(clips, encoder, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    with FaceLandmarker() as landmarker:
        for clip in read_manifest(clips, "train"):
            clip_landmarks(clip, clips, cache, landmarker)
    with pytest.raises(InputError, match="lids that close"):
        pack_eyes(clips, cache, tmp_path / "eyes.safetensors", encoder)
    for path in cache.iterdir():  # the eyes of a still photo do not blink: as if they did
        with np.load(path) as stored:
            arrays = dict(stored)
        for eye in EYES:
            arrays["landmarks"][::3, list(eye.upper[1:-1])] = arrays["landmarks"][::3][
                :, list(eye.lower[1:-1])[: len(eye.upper) - 2]
            ]
        np.savez(path, **arrays)
    pack_eyes(clips, cache, tmp_path / "eyes.safetensors", encoder)
    pack = load_file(tmp_path / "eyes.safetensors")
    count = len(pack["window"])
    assert pack["window"].shape == (count, 3, SIDE, SIDE) and count % 2 == 0
    assert pack["masks"].shape == (count, 3, SIDE, SIDE)
    # The tests' tiny latent does not know of lids: no window has one with wider ones.
    with pytest.raises(InputError, match="pack more clips"):
        EyeWindows(tmp_path / "eyes.safetensors", 2)
