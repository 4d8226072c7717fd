"""Compositing changes the crop alone, without visible seams; and the label."""

import time

import cv2
import numpy as np
import pytest
from skimage import data

from gaia_core.media.compositing import MAX_SIDE, Composer, fit
from gaia_core.media.label import draw_label
from gaia_core.portrait.face import Crop, Face, crop_around

CROP = Crop(226, 117, 198)
LEAVING = Crop(30, 500, 200)  # beyond the left and lower edge of the photo


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return data.astronaut()


def rendered(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


@pytest.mark.parametrize("size", ["256", "512"])
def test_crop_sizes_are_the_crop_itself(photo, size):
    composer = Composer(photo, CROP, size)
    frame = rendered(int(size))
    composed = composer.compose(frame)
    assert composer.side == int(size) and composer.frame_size == (int(size), int(size))
    assert (composed == frame).all() and not np.shares_memory(composed, frame)


def test_an_unknown_size_raises(photo):
    with pytest.raises(ValueError, match="'1024'"):
        Composer(photo, CROP, "1024")


def test_a_crop_outside_the_photo_raises(photo):
    with pytest.raises(ValueError, match="does not touch"):
        Composer(photo, Crop(-300, 100, 100), "photo")


@pytest.mark.parametrize("crop", [CROP, LEAVING, Crop(256, 256, 900)])
def test_an_unmoved_face_restores_the_photo(photo, crop):
    composer = Composer(photo, crop, "photo")
    composed = composer.compose(crop.extract(photo, composer.side))
    assert (composed == photo).all()


@pytest.mark.parametrize("crop", [CROP, LEAVING])
def test_only_the_crop_changes(photo, crop):
    composer = Composer(photo, crop, "photo")
    before = photo.copy()
    frames = [composer.compose(rendered(composer.side, seed)) for seed in range(3)]
    outside = np.ones(photo.shape[:2], bool)
    top, left, side = int(crop.top), int(crop.left), int(crop.side)
    outside[max(0, top) : top + side, max(0, left) : left + side] = False
    for frame in frames:
        assert (frame[outside] == photo[outside]).all()
    assert (frames[0] != frames[1]).any()
    assert (photo == before).all()


def test_the_whole_face_is_replaced(photo):
    composer = Composer(photo, CROP, "photo")
    frame = rendered(198)
    # The landmarks' box and some skin around it: 0.25 to 0.85 of the crop.
    inside, across = slice(50, 168), slice(40, 158)
    composed = composer.compose(frame)[18:216, 127:325]
    assert (composed[inside, across] == frame[inside, across]).all()


def test_there_is_no_visible_seam():
    grey = np.full((400, 400, 3), 100, np.uint8)
    composer = Composer(grey, Crop(200, 200, 200), "photo")
    composed = composer.compose(np.full((200, 200, 3), 160, np.uint8)).astype(int)
    steps = [np.abs(np.diff(composed, axis=axis)).max() for axis in (0, 1)]
    assert composed.max() == 160 and max(steps) <= 5  # 60 levels apart, 24 px of feather


def test_the_edge_mask_is_zero_where_the_crop_fades(photo):
    composer = Composer(photo, CROP, "photo")
    edge_mask = composer.edge_mask
    white = Composer(np.zeros_like(photo), CROP, "photo").compose(
        np.full((198, 198, 3), 255, np.uint8)
    )
    opacity = cv2.resize(CROP.extract(white, 198)[..., 0], edge_mask.shape) / 255
    assert edge_mask.dtype == np.float32 and edge_mask.min() == 0 and edge_mask.max() == 1
    assert edge_mask[opacity < 0.5].max() < 0.1  # or a moved collar would show over the still one
    assert (edge_mask[32:-32, 32:-32] == 1).all()  # crop units 0.25 to 0.75
    assert Composer(photo, CROP, "256").edge_mask is None  # the crop alone has nothing to join


def test_the_edge_mask_is_zero_at_the_photos_edges(photo):
    whole, cut = (Composer(photo, crop, "photo").edge_mask for crop in (CROP, LEAVING))
    # The crop begins 70 px left of the photo and ends 88 px below it; it is 200 px wide.
    place = (np.arange(len(cut)) + 0.5) / len(cut) * 200
    assert cut[:, (place > 60) & (place < 72)].max() < 0.05
    assert cut[(place > 110) & (place < 124)].max() < 0.1
    free = np.ix_((place > 50) & (place < 95), (place > 90) & (place < 150))
    assert (cut[free] == whole[free]).all() and cut[free].max() == 1


def test_the_largest_photos_are_reduced(photo):
    face = Face(np.full((478, 3), 200, np.float32), np.zeros(52, np.float32))
    assert fit(photo, face) == (photo, face)
    large = cv2.resize(photo, (3000, 4000))
    face = Face(face.landmarks * 8, face.blendshapes)
    fitted, found = fit(large, face)
    assert fitted.shape == (MAX_SIDE, 1536, 3)
    np.testing.assert_allclose(found.landmarks, face.landmarks * MAX_SIDE / 4000)
    composer = Composer(fitted, Crop(700, 500, 600), "photo")
    np.testing.assert_array_equal(composer.still(large), fitted)


def test_a_photo_with_a_large_face_is_reduced_to_the_maximal_crop(photo):
    wide = np.zeros((478, 3), np.float32)
    wide[:, :2] = np.linspace(100, 1500, 478)[:, None]
    fitted, found = fit(cv2.resize(photo, (1600, 1600)), Face(wide, np.zeros(52, np.float32)))
    assert crop_around(wide).side > MAX_SIDE and fitted.shape[0] < 1600
    crop = crop_around(found.landmarks)
    assert abs(crop.side - MAX_SIDE) <= 2
    assert Composer(fitted, crop, "photo").side == crop.side


def test_odd_photos_become_even(photo):
    odd, crop = photo[:401, :333], Crop(300, 360, 160)
    composer = Composer(odd, crop, "photo")
    assert composer.frame_size == (332, 400)
    composed = composer.compose(crop.extract(odd, composer.side))
    assert (composed == odd[:400, :332]).all()


def test_frames_from_a_tensor_need_no_copy(photo):
    channels_first = np.ascontiguousarray(rendered(198).transpose(2, 0, 1))
    composed = Composer(photo, CROP, "photo").compose(channels_first.transpose(1, 2, 0))
    assert (composed == Composer(photo, CROP, "photo").compose(rendered(198))).all()


def test_composing_is_quick():
    large = np.zeros((1024, 1024, 3), np.uint8)
    composer = Composer(large, Crop(500, 500, 600), "photo")
    frame = rendered(composer.side)
    seconds = []
    for _ in range(15):
        start = time.process_time()
        draw_label(composer.compose(frame))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.01


@pytest.mark.parametrize("shape", [(64, 64), (256, 256), (512, 400), (1024, 1024)])
@pytest.mark.parametrize("brightness", [0, 128, 255])
def test_label_is_small_and_visible(shape, brightness):
    plain = np.full((*shape, 3), brightness, np.uint8)
    marked = draw_label(plain.copy())
    changed = (marked != plain).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert 0 < changed.mean() < 0.12
    assert rows[0] > shape[0] * 0.7 and rows[-1] < shape[0] - 1 and columns[-1] < shape[1] - 1
    within = marked[rows[0] : rows[-1], columns[0] : columns[-1]].astype(int)
    assert np.ptp(within) > 100  # letters against their background
    assert (draw_label(plain.copy()) == marked).all()
