"""The protocols of stage 1 on an untrained model and on planted errors."""

import csv
import json
from copy import deepcopy
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TINY

from gaia_core.errors import InputError
from gaia_core.evaluation import (
    hard_portraits,
    metrics,
    motion_range,
    mouths,
    portraits,
    protocol,
    reenactment,
    resolution,
    stability,
)
from gaia_core.evaluation.baselines import landmark_warp
from gaia_core.evaluation.tables import format_table
from gaia_core.landmarks import rotation_from_degrees
from gaia_core.media.compositing import MAX_SIDE
from gaia_core.media.video import VideoWriter
from gaia_core.portrait.face import crop_around
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.renderer.region import SIDE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def autoencoder(make_autoencoder):
    """Untrained: the portrait warped by the landmarks."""
    return make_autoencoder()


@pytest.fixture(scope="module")
def evaluators(landmarker):
    return reenactment.Evaluators(landmarker)


@pytest.fixture(scope="module")
def portrait(landmarker, photo):
    return portraits.detect_portrait(landmarker, "astronaut", photo)


@pytest.fixture(scope="module")
def talk(landmarker, photo, photo_face):
    """A clip of a closing mouth."""
    crop = crop_around(photo_face.landmarks).extract(photo, portraits.SIDE)
    face = next(landmarker.track([crop]))
    frames = []
    for closed in np.linspace(0, 1, 12):
        driving = face.landmarks.copy()
        lips = driving[[13, 14]].mean(0)
        driving[14] += closed * (lips - driving[14])
        frames.append(
            portraits.TrackedClip("talk", "a", [crop], [type(face)(driving, face.blendshapes)])
        )
    return portraits.TrackedClip("talk", "a", [crop] * 12, [x.faces[0] for x in frames])


def test_portraits_are_cropped_as_at_inference(portrait, landmarker, photo):
    assert portrait.crop.shape == (portraits.SIDE, portraits.SIDE, 3)
    (again,) = landmarker.track([portrait.crop])
    assert np.abs(again.landmarks - portrait.face.landmarks)[:, :2].mean() < 2
    assert (
        portraits.detect_portrait(landmarker, "nobody", np.zeros((300, 300, 3), np.uint8)) is None
    )
    assert portraits.detect_portrait(landmarker, "small", photo, least=200) is None


def test_turned_adds_degrees_to_the_head_pose(autoencoder, portrait):
    own = portrait.motion(autoencoder)
    degrees = torch.tensor([[10.0, 0, 0], [0, -5, 3]])
    pose = autoencoder.head_pose(portraits.turned(autoencoder, own, degrees))
    change = pose - autoencoder.head_pose(own)
    assert torch.allclose(change[:, :3], degrees, atol=1e-3)
    assert torch.allclose(change[:, 3:], torch.zeros(2, 3), atol=1e-5)


def test_a_direction_is_that_of_the_signal(autoencoder, portrait):
    """A mouth channel rises while the head turns: the direction has the channel, not the turn."""
    own = portrait.motion(autoencoder)
    mouth = autoencoder.config.motion.groups["mouth"]
    raised = torch.linspace(0, 2, 10)
    motion = own.repeat(10, 1)
    motion[:, 0] += raised
    motion[:, mouth.start] += raised
    landmarks = autoencoder.decode_landmarks(motion).numpy() * portraits.SIDE
    faces = [type(portrait.face)(points, portrait.face.blendshapes) for points in landmarks]
    clip = portraits.TrackedClip("made", "a", [portrait.crop] * 10, faces)
    found = portraits.direction(autoencoder, [clip], lambda clip: raised.numpy(), 1.0)
    assert not found[autoencoder.config.motion.groups["pose"]].any()
    assert found.abs().argmax() == mouth.start and found[mouth.start] == pytest.approx(2, abs=0.4)
    assert not portraits.direction(autoencoder, [clip], lambda clip: raised.numpy(), 3.0).any()


def test_the_range_of_motion(monkeypatch, autoencoder, evaluators, portrait, talk, tmp_path):
    monkeypatch.setattr(motion_range, "STEPS", 3)
    found = motion_range.measure(
        autoencoder, evaluators, [portrait], [(portrait, portrait)], [talk], tmp_path
    )
    assert set(found) == {"yaw", "pitch", "roll", "mouth", "eyes", "smile"}
    for axis in found.values():
        assert len(axis["reached"]) == motion_range.STEPS and axis["portraits"] == 1
    roll = found["roll"]
    assert roll["asked"] == pytest.approx(roll["amounts"], abs=0.5)
    assert roll["share_reached"] == pytest.approx(1, abs=0.15)  # a warp can roll
    assert max(roll["akd_px"]) < 4 and roll["lost_faces"] == [0, 0, 0]
    assert roll["identity_l2"][0] < 0.5 and roll["identity_l2"][1:] == [None, None]
    assert {path.name for path in tmp_path.rglob("*.png")} == {f"{name}.png" for name in found}


def test_lost_faces_are_counted_by_step(monkeypatch, autoencoder, evaluators, portrait):
    drawn = portraits.draw

    def blank(*arguments):
        rendered = drawn(*arguments)
        rendered[-1] = np.zeros_like(rendered[-1])
        return rendered

    monkeypatch.setattr(motion_range, "draw", blank)
    axis = motion_range.axes(autoencoder, [])["yaw"]
    _, walk = motion_range._walk(autoencoder, evaluators, portrait, axis)
    found = motion_range._summarise(axis.amounts, [walk])
    assert found["lost_faces"] == [0] * 6 + [1]
    assert found["reached"][-1] is None and found["identity_l2"][-1] is None
    assert np.isfinite(found["share_reached"])


def test_whole_photos_keep_their_sharpness_under_the_landmark_warp(autoencoder, landmarker, photo):
    found = resolution.measure(autoencoder, landmarker, [("astronaut", photo)])
    row = found["by_photo"]["astronaut"]
    assert found["outside_identical"] and (row["width"], row["height"]) == (512, 512)
    assert row["sharpness_still"] == pytest.approx(1, abs=0.25)
    assert 0.5 < row["seam"] < 1.2


def test_an_enlarged_photo_has_the_maximal_size_and_noise(photo):
    large = resolution.enlarged(photo)
    assert large.shape == (MAX_SIDE, MAX_SIDE, 3)
    plain = cv2.resize(photo, (MAX_SIDE, MAX_SIDE), interpolation=cv2.INTER_LANCZOS4)
    everywhere = np.ones((MAX_SIDE, MAX_SIDE), bool)
    assert metrics.detail(large, everywhere) > 3 * metrics.detail(plain, everywhere)
    assert abs(large.mean() - photo.mean()) < 1


def test_a_blurred_face_and_a_seam_are_measured(monkeypatch, autoencoder, landmarker, photo):
    def spoilt(*arguments, **options):
        rendered = portraits.draw(*arguments, **options)
        return [(0.5 * reenactment_blur(x) + 100).clip(0, 255).astype(np.uint8) for x in rendered]

    def reenactment_blur(image):
        return np.asarray(Image.fromarray(image).resize((60, 60)).resize(image.shape[1::-1]))

    monkeypatch.setattr(resolution, "draw", spoilt)
    found = resolution.measure(autoencoder, landmarker, [("astronaut", photo)])
    assert found["sharpness_moved"] < 0.3
    assert found["outside_identical"]


def test_the_window_is_the_composers_opacity(photo, photo_face):
    weight = resolution.window(photo, crop_around(photo_face.landmarks))
    assert weight.shape == photo.shape[:2]
    x, y = photo_face.landmarks[1, :2].astype(int)
    assert weight[y, x] == 1 and weight[-1, 0] == 0


def test_stability_of_still_portraits_and_slow_turns(
    monkeypatch, autoencoder, evaluators, portrait
):
    generator = np.random.default_rng(0)
    images, faces = [], []
    for index in range(30):
        driving = portrait.face.landmarks.copy()
        turn = torch.tensor([0.2 * index, 0, 0])
        centre = driving.mean(0)
        rotation = rotation_from_degrees(turn).numpy()
        driving = ((driving - centre) @ rotation.T + centre).astype(np.float32)
        images.append(landmark_warp(portrait.crop, portrait.face.landmarks / 256, driving / 256))
        faces.append(type(portrait.face)(driving, portrait.face.blendshapes))
    clip = portraits.TrackedClip("turn", "a", images, faces)
    shaking = [
        type(face)(face.landmarks + np.float32(generator.normal(0, 4, 3)), face.blendshapes)
        for face in faces
    ]
    assert [x.name for x, _ in stability.slow_turns([clip])] == ["turn"]
    assert (
        stability.slow_turns([portraits.TrackedClip("still", "b", images[:1] * 30, faces[:1] * 30)])
        == []
    )
    ordered = stability.slow_turns([portraits.TrackedClip("shaking", "c", images, shaking), clip])
    assert ordered[0][0].name == "turn"
    monkeypatch.setattr(stability, "PAN_SECONDS", 0.4)
    monkeypatch.setattr(stability, "STILL_FRAMES", 6)
    found = stability.measure(autoencoder, evaluators, [portrait], [clip])
    assert found["still_std"] < 1e-4 < found["pan_flicker"]
    assert found["still_std"] < found["tracked_std"] < 0.05
    assert found["windows"] == 1 and found["real_flicker"] > 0


def test_the_mouth_is_excluded(portrait):
    outside = stability.outside_mouth(portrait.face.landmarks, portraits.SIDE)
    lips = portrait.face.landmarks[[13, 14, 61, 291], :2].astype(int)
    nose = portrait.face.landmarks[4, :2].astype(int)
    assert not outside[lips[:, 1], lips[:, 0]].any() and outside[nose[1], nose[0]]


# With a folder of data


class Stage1:
    """A fake pipeline for the protocols of portraits."""

    def __init__(self, autoencoder):
        self.networks = SimpleNamespace(autoencoder=autoencoder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo):
    """Two held-out portraits of one person and one of another, and only names of clips."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("clips", "portraits/val"):
        (folder / part).mkdir(parents=True)
    large = Image.fromarray(photo).crop((110, 10, 350, 250)).resize((1024, 1024))
    rows = []
    for name, identity, source in (
        ("omi_839_6ca28e", "one", "x"),
        ("one_s", "one", "x"),
        ("two", "two", "y"),
    ):
        large.save(folder / "portraits" / "val" / f"{name}.jpg")
        rows.append((f"val/{name}.jpg", identity, source))
    write(folder / "portraits" / "manifest.csv", ("file", "identity", "source"), rows)
    with VideoWriter(folder / "clips" / "val.mp4", 256, 256, None, {}) as writer:
        for _ in range(8):
            writer.write(np.asarray(large.resize((256, 256))))
    (folder / "clips" / "val").mkdir()
    (folder / "clips" / "val.mp4").rename(folder / "clips" / "val" / "a.mp4")
    columns = ("file", "identity", "has_audio", "source")
    write(folder / "clips" / "manifest.csv", columns, [("val/a.mp4", "a", "0", "x")])
    return folder


def write(path, columns, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def test_portraits_are_round_robin_by_source(folder):
    names = [photo.name for photo in portraits.read_photos(folder)]
    assert names == ["omi_839_6ca28e", "two", "one_s"]


@pytest.mark.parametrize("name", protocol.OF_PORTRAITS)
def test_protocols_of_portraits_report_json(monkeypatch, folder, autoencoder, tmp_path, name):
    monkeypatch.setattr(stability, "PAN_SECONDS", 0.4)
    monkeypatch.setattr(stability, "STILL_FRAMES", 6)
    monkeypatch.setattr(motion_range, "STEPS", 3)
    autoencoder = deepcopy(autoencoder)
    autoencoder.inpainters["mouth"] = Inpainter("mouth", TINY.inpainter).eval()
    report = protocol.evaluate(Stage1(autoencoder), folder, name, limit=1, sheets=tmp_path)
    assert set(report) == {"identities", name}
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert list((tmp_path / name).glob("*.png"))
    table = format_table(report)
    assert len(table.splitlines()) > 3 and max(map(len, table.splitlines())) <= 100


class Painted(torch.nn.Module):
    """An inpainter that knows but one mouth."""

    def __init__(self, mouth: torch.Tensor) -> None:
        super().__init__()
        self.mouth = mouth

    def forward(self, image, mask, condition):
        return self.mouth.expand(image.shape)


def test_an_inpainted_mouth_is_compared_with_the_real_one(autoencoder, talk):
    model = deepcopy(autoencoder)
    with pytest.raises(InputError, match="no inpainter"):
        mouths.measure(model, [], [talk])
    model.inpainters["mouth"] = Painted(torch.tensor(0.5))
    flat = mouths.measure(model, [], [talk])["clips"]
    assert flat["windows"] > 0 and flat["l1"] > 0 and flat["perceptual"] > 0
    assert flat["sharpness"] < 0.1

    real = mouths._mouths(model, [talk.images[0]], talk.first().motion(model)).windows
    real = torch.nn.functional.avg_pool2d(real, 2)
    model.inpainters["mouth"] = Painted(real)
    perfect = mouths.measure(model, [], [talk])
    assert real.shape == (1, 3, SIDE, SIDE) and perfect["photos"]["windows"] == 0
    assert perfect["clips"]["l1"] < 0.3 * flat["l1"]
    assert perfect["clips"]["sharpness"] == pytest.approx(1, abs=0.3)


def test_hard_portraits_are_found_by_name(folder, autoencoder, evaluators, talk):
    photos = {photo.name: photo for photo in portraits.read_photos(folder)}
    report = hard_portraits.measure(autoencoder, evaluators, photos, [talk])
    assert [row["portrait"] for row in report.values()] == ["omi_839_6ca28e"]
    assert hard_portraits.measure(autoencoder, evaluators, photos, []) == {}


def test_low_light_and_illustration(photo):
    dark = hard_portraits.darken(photo)
    assert dark.mean() < 0.3 * photo.mean() and dark.shape == photo.shape
    assert np.array_equal(dark, hard_portraits.darken(photo))
    stylised = hard_portraits.stylise(photo)
    flat = [np.abs(np.diff(x.astype(int), axis=1)) < 2 for x in (stylised, photo)]
    assert stylised.shape == photo.shape and flat[0].mean() > 1.3 * flat[1].mean()


def test_no_portraits_raise(folder, autoencoder, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "manifest.csv").write_text(
        (folder / "clips" / "manifest.csv").read_text()
    )
    with pytest.raises(InputError, match="portraits/manifest.csv"):
        protocol.evaluate(Stage1(autoencoder), tmp_path, "range")
