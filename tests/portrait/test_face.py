"""Crops place the face as in training, and are sampled without artefacts."""

import csv
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaia_core.media.video import read_video
from gaia_core.portrait.face import Crop, _copy, crop_around

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_the_crop_places_the_face_as_in_training(photo_face):
    crop = crop_around(photo_face.landmarks)
    points = crop.to_crop(photo_face.landmarks)
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    assert high[0] - low[0] == pytest.approx(0.46, abs=0.01)
    assert (low + high) / 2 == pytest.approx((0.50, 0.54), abs=0.01)
    assert points.dtype == np.float32
    assert np.ptp(points[:, 2]) == pytest.approx(
        np.ptp(photo_face.landmarks[:, 2]) / crop.side, rel=1e-3
    )


def test_a_narrow_face_keeps_its_height_in_the_crop():
    turned = np.zeros((478, 3), np.float32)
    turned[0, :2] = 50, 100
    crop = crop_around(turned)
    assert crop.side == pytest.approx(100 / 0.56, abs=2)


def test_extract_copies_whole_pixels(photo):
    assert (Crop(226, 117, 198).extract(photo, 198) == photo[18:216, 127:325]).all()


@pytest.mark.parametrize("size", [100, 198, 256, 400])
def test_extract_agrees_with_to_crop(size):
    photo = np.zeros((300, 300, 3), np.uint8)
    photo[148:152, 98:102] = 255
    crop = Crop(120.3, 130.7, 190.4)
    image = crop.extract(photo, size).astype(float).sum(2)
    y, x = np.mgrid[:size, :size] + 0.5
    seen = np.array([(x * image).sum(), (y * image).sum()]) / image.sum() / size
    mapped = crop.to_crop(np.array([[100, 150, 0]]))[0, :2]
    assert np.abs(seen - mapped).max() * size < 0.3  # px


def test_padding_has_no_streaks(photo):
    crop = Crop(500, 20, 100).extract(photo, 100)
    assert (crop[30:, :62] == photo[:70, 450:512]).all()  # inside, the photo is unchanged
    above, border = crop[:25, :62].astype(float), photo[0, 450:512].astype(float)
    assert np.abs(above.mean((0, 1)) - border.mean(0)).max() < 12
    assert np.abs(np.diff(above, axis=1)).mean() < 0.5 * np.abs(np.diff(border, axis=0)).mean()


@pytest.mark.parametrize("place", [(10, 20), (290, 280), (-200, 150), (150, 150)])
def test_whole_pixels_outside_the_photo_repeat_its_border(place):
    photo = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    far = np.pad(photo, ((500, 500), (500, 500), (0, 0)), "edge")
    left, top = place[0] - 100 + 500, place[1] - 100 + 500
    assert (_copy(photo, *(p - 100 for p in place), 200) == far[top:, left:][:200, :200]).all()


def test_the_margin_of_a_reduced_crop_is_blurred(photo):
    large = cv2.resize(photo, (2048, 2048), interpolation=cv2.INTER_CUBIC)
    small = Crop(2000, 80, 400).extract(large, 100)
    inside = cv2.resize(large[:280, 1800:], (62, 70), interpolation=cv2.INTER_AREA)
    assert (small[30:, :62] == inside).all()
    streaks = np.abs(np.diff(small[:25, :62].astype(float), axis=1)).mean()
    assert streaks < 0.5 * np.abs(np.diff(inside[0].astype(float), axis=0)).mean()


def test_a_large_photo_that_is_not_square_costs_little():
    photo = np.zeros((3024, 4032, 3), np.uint8)
    began = time.process_time()
    assert Crop(2016, 1512, 4032).extract(photo, 512).shape == (512, 512, 3)
    assert time.process_time() - began < 2  # s; 24 when the margin was blurred at full size


def test_extract_does_not_alias():
    checks = (np.indices((800, 800)).sum(0) % 2 * 255).astype(np.uint8)
    reduced = Crop(400, 400, 800).extract(np.repeat(checks[..., None], 3, 2), 200)
    assert np.abs(reduced.astype(int) - 127).max() <= 2


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "clips").is_dir(), reason="needs the shared data")
def test_crops_agree_with_the_framing_of_real_clips(landmarker):
    with open(SHARED / "clips" / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = [row["file"] for row in csv.DictReader(file) if row["file"].startswith("val/")]
    sides = []
    for name in rows[:: max(1, len(rows) // 12)]:
        frame = next(read_video(SHARED / "clips" / name))
        if faces := landmarker.detect(frame):
            sides.append(crop_around(faces[0].landmarks).side / frame.shape[1])
    assert len(sides) > 8
    assert 0.85 < float(np.median(sides)) < 1.2
