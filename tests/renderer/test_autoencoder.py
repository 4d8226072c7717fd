"""Stage 1: frames are the photo warped by the motion latent, with occlusions synthesised."""

import pytest
import torch
from torch.nn.functional import max_pool2d

from gaia_core import landmarks as mesh
from gaia_core.config import RendererCorrections
from gaia_core.landmarks import Similarity
from gaia_core.renderer.corrections import uncovered_mouth
from gaia_core.renderer.decoder import EARS
from gaia_core.renderer.relighting import relit
from gaia_core.renderer.warp import (
    double,
    draw,
    landmark_offset,
    pose_offset,
    resize,
    sample,
)

CONSTANTS = RendererCorrections()
NOSE_TIP = 1

SIDE = 64

UPRIGHT = (0.0, 0.0, 0.0, 0.5, 0.5, -0.8)


@pytest.fixture(scope="module")
def unseen(make_faces):
    """Held-out faces."""
    return make_faces(10, 2)


@pytest.fixture(scope="module")
def motion(encoder, unseen):
    """Their motion latents (80, D)."""
    return encoder(unseen.landmarks)


@pytest.fixture(scope="module")
def autoencoder(make_autoencoder):
    return make_autoencoder(image=SIDE)


@pytest.fixture(scope="module", params=[(), (8, 16, 16)], ids=["sampling", "plain"])
def trained(request, make_autoencoder, perturb):
    """With random weights in every layer, for each of the two decoders."""
    model = make_autoencoder(image=SIDE, plain=request.param)
    perturb(model.renderer)
    if request.param:  # its initial weights hardly use the portrait
        for layer in model.renderer.appearance[::2]:
            layer.weight.mul_(4)
    return model


def picture(side: int, batch: int = 1) -> torch.Tensor:
    """Smooth random colours (B, 3, side, side) in [0, 1]."""
    coarse = torch.rand(batch, 3, 9, 9, generator=torch.Generator().manual_seed(3))
    return resize(coarse, side)


def dot(point: torch.Tensor, side: int) -> torch.Tensor:
    """A white spot on black at (x, y) in crop units: (1, 1, side, side)."""
    grid = (torch.arange(side) + 0.5) / side
    x, y = (torch.exp(-(grid - p).square() / (2 * 0.02**2)) for p in point)
    return (y[:, None] * x)[None, None]


def centroid(image: torch.Tensor) -> torch.Tensor:
    """Where the spot of `dot` is: (1, 1, H, W) -> (2,)."""
    grid = (torch.arange(image.shape[-1]) + 0.5) / image.shape[-1]
    weight = image[0, 0] / image.sum()
    return torch.stack([(weight.sum(0) * grid).sum(), (weight.sum(1) * grid).sum()])


def test_the_first_channels_are_the_head_pose(autoencoder, unseen, motion):
    pose = autoencoder.head_pose(motion)
    torch.testing.assert_close(pose[:, :3], unseen.pose[:, :3], atol=0.5, rtol=0)  # degrees
    torch.testing.assert_close(pose[:, 3:], unseen.pose[:, 3:], atol=2e-3, rtol=0)


def test_skin_follows_the_landmarks(unseen):
    source = unseen.landmarks[:1, :, :2]
    target = source + torch.tensor([0.1, -0.05])
    offset, density = landmark_offset(source, target, SIDE, CONSTANTS.warp_floor)
    assert offset.shape == (1, 2, SIDE, SIDE) and density.shape == (1, 1, SIDE, SIDE)
    on_face = density[0, 0] > 50 * CONSTANTS.warp_floor
    assert on_face.sum() > 20
    expected = torch.tensor([-0.1, 0.05])[:, None].expand(2, int(on_face.sum()))
    torch.testing.assert_close(offset[0, :, on_face], expected, atol=0.003, rtol=0)
    moved = sample(dot(source[0, NOSE_TIP], SIDE), offset)
    assert torch.dist(centroid(moved), target[0, NOSE_TIP]) < 0.01


def test_skin_fades_to_rest_outside_the_face(unseen):
    source = unseen.landmarks[:1, :, :2]
    offset, density = landmark_offset(source, source + 0.1, SIDE, CONSTANTS.warp_floor)
    far = density < 1e-3
    assert far.any() and offset[far.expand_as(offset)].abs().max() < 0.001


def test_skin_is_still_where_landmarks_are(unseen):
    source = unseen.landmarks[:4, :, :2]
    assert not landmark_offset(source, source, SIDE, CONSTANTS.warp_floor)[0].any()


def parted(source, target, zoom) -> torch.Tensor:
    return uncovered_mouth(source, target, zoom, SIDE, CONSTANTS)


def test_parting_lips_uncover_the_mouth_alone(unseen):
    source = unseen.landmarks[:1, :, :2].clone()
    source[:, list(mesh.INNER_BOTTOM)] = source[:, list(mesh.INNER_TOP)]  # shut
    target = source.clone()
    target[:, list(mesh.INNER_BOTTOM), 1] += 0.05
    opened = parted(source, target, torch.ones(1))
    assert opened.shape == (1, 1, SIDE, SIDE) and opened.min() >= 0 and opened.max() <= 1
    top, bottom = (target[:, list(points)] for points in (mesh.INNER_TOP, mesh.INNER_BOTTOM))
    middle = 0.5 * (top + bottom)
    inside = torch.nn.functional.grid_sample(opened, 2 * middle[None] - 1, align_corners=False)
    assert inside.median() > 0.9
    grid = (torch.arange(SIDE) + 0.5) / SIDE
    pixels = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1).flatten(0, 1)
    far = torch.cdist(pixels, middle[0]).min(1).values > 0.1
    assert opened.flatten()[far].max() < 0.01


def test_lips_that_part_no_further_uncover_nothing(unseen):
    source = unseen.landmarks[:1, :, :2]
    closing = source.clone()
    closing[:, list(mesh.INNER_BOTTOM)] = source[:, list(mesh.INNER_TOP)]
    for target in (source, source + 0.1, closing):
        assert parted(source, target, torch.ones(1)).max() < 1e-4


def test_a_larger_head_uncovers_nothing(unseen):
    source = unseen.landmarks[:1, :, :2].clone()
    source[:, list(mesh.INNER_BOTTOM), 1] += 0.05  # parted
    zoom = torch.tensor([1.4])
    assert parted(source, 1.4 * source - 0.2, zoom).max() < 1e-4
    assert parted(source, 1.4 * source - 0.2, zoom / 1.4).max() > 0.3


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((10.0, -20.0, 30.0, 0.4, 0.6, -0.5), (10.0, -20.0, 30.0, 0.4, 0.6, -0.5)),
        (UPRIGHT, (0.0, 0.0, 0.0, 0.62, 0.41, -0.8)),  # shifted
        (UPRIGHT, (0.0, 0.0, 25.0, 0.5, 0.5, -0.8)),  # rotated
        (UPRIGHT, (0.0, 0.0, 0.0, 0.5, 0.5, -0.5)),  # larger
        ((30.0, 10.0, -5.0, 0.45, 0.5, -0.9), (-20.0, -15.0, 12.0, 0.55, 0.52, -0.7)),
    ],
)
def test_points_of_a_rigid_plane_move_exactly(source, target):
    source, target = torch.tensor(source), torch.tensor(target)
    generator = torch.Generator().manual_seed(0)
    plane = torch.rand(100, 3, generator=generator) - 0.5
    plane[:, 2] = EARS
    before, after = (Similarity.of(pose)(plane)[:, :2] for pose in (source, target))
    heads = (Similarity.of(pose[None]) for pose in (source, target))
    field = pose_offset(*heads, SIDE, EARS)
    # The field is affine, so that interpolation between its pixels is exact.
    grid = 2 * after[None, None] - 1
    read = torch.nn.functional.grid_sample(field, grid, align_corners=False)[0, :, 0].T
    inside = ((after > 0.5 / SIDE) & (after < 1 - 0.5 / SIDE)).all(1)
    assert inside.sum() > 50
    torch.testing.assert_close(read[inside], (before - after)[inside], atol=1e-5, rtol=0)


def test_sampling_reads_at_the_pixel_plus_offset():
    image = picture(32)
    still = torch.zeros(1, 2, 32, 32)
    torch.testing.assert_close(sample(image, still), image)
    right = still.clone()
    right[:, 0] = 3 / 32
    torch.testing.assert_close(sample(image, right)[..., :-3], image[..., 3:])
    below = still.clone()
    below[:, 1] = 3 / 32
    torch.testing.assert_close(sample(image, below)[..., :-3, :], image[..., 3:, :])
    beyond = sample(image, right + 2)
    torch.testing.assert_close(beyond, image[..., -1:].expand_as(image)[:, :, -1:].expand_as(image))


def test_resize_keeps_places_and_brightness():
    image = dot(torch.tensor([0.3, 0.7]), 96)
    for side in (40, 96, 200):
        resized = resize(image, side)
        assert resized.shape[-2:] == (side, side)
        assert torch.dist(centroid(resized), torch.tensor([0.3, 0.7])) < 0.005
        assert resized.mean() == pytest.approx(float(image.mean()), rel=0.02)


def test_upsampling_keeps_the_photos_frequencies():
    positions = torch.arange(SIDE, dtype=torch.float32)
    between = (torch.arange(2 * SIDE) + 0.5) / 2 - 0.5

    def picture_at(places: torch.Tensor) -> torch.Tensor:
        return torch.sin(1.5 * places + 0.4 * places[:, None])[None, None]

    doubled = double(picture_at(positions))
    inside = (..., slice(8, -8), slice(8, -8))
    assert (doubled - picture_at(between))[inside].abs().max() < 0.05
    flat = torch.full((2, 3, 5, 7), 0.3)
    torch.testing.assert_close(double(flat), torch.full((2, 3, 10, 14), 0.3))


@pytest.mark.parametrize("side", [SIDE, 48, 200])
def test_an_untrained_renderer_returns_the_photo(autoencoder, motion, side):
    photo = picture(side)
    appearance = autoencoder.encode_appearance(photo, motion[:1])
    frame = autoencoder.decode(appearance, motion[:1], side)
    assert (frame - photo).abs().max() < 0.05  # the initial mask blends in a little synthesis


def test_an_untrained_renderer_moves_the_face(autoencoder, motion):
    pose, expression = autoencoder.motion.split(motion[:1])
    pose[:, 3] += 0.08
    shifted = torch.cat([pose, expression], -1)
    shifted = (shifted - autoencoder.motion.mean) / autoencoder.motion.scale
    source, target = (
        autoencoder.decode_landmarks(m)[0, NOSE_TIP, :2] for m in (motion[:1], shifted)
    )
    assert target[0] - source[0] == pytest.approx(0.08, abs=1e-4)
    photo = dot(source, SIDE).expand(1, 3, SIDE, SIDE)
    appearance = autoencoder.encode_appearance(photo, motion[:1])
    frame = autoencoder.decode(appearance, shifted)
    bright = frame.mean(1, keepdim=True)
    assert torch.dist(centroid((bright - 0.2).clamp(min=0)), target) < 0.01


@pytest.mark.parametrize("side", [40, SIDE, 131])
def test_frames_of_any_side(trained, motion, side):
    appearance = trained.encode_appearance(picture(100), motion[:1])
    frames = trained.decode(appearance, motion[1:4], side)
    assert frames.shape == (3, 3, side, side)
    assert frames.min() >= 0 and frames.max() <= 1 and frames.isfinite().all()


def test_without_a_side_frames_are_of_the_configured_one(trained, motion):
    appearance = trained.encode_appearance(picture(100), motion[:1])
    assert trained.decode(appearance, motion[:1]).shape[-1] == SIDE


def test_the_frame_equals_the_photo_where_the_edge_mask_is_zero(autoencoder, motion):
    photo = picture(SIDE)
    appearance = autoencoder.encode_appearance(photo, motion[:1])
    free = autoencoder.decode(appearance, motion[1:3])
    appearance.edge_mask = torch.zeros(1, 1, SIDE // 2, SIDE // 2)
    appearance.edge_mask[..., SIDE // 8 : -SIDE // 8, SIDE // 8 : -SIDE // 8] = 1
    held = autoencoder.decode(appearance, motion[1:3])
    inner, edge = slice(SIDE // 2 - 4, SIDE // 2 + 4), slice(SIDE // 4 - 4)
    assert torch.equal(held[..., inner, inner], free[..., inner, inner])
    moved, stayed = ((x - photo)[..., edge, :].abs().max() for x in (free, held))
    assert moved > 0.03 and stayed < 0.01


def test_the_conditioning_pose_is_clamped(autoencoder, motion):
    own = motion[:1]
    appearance = autoencoder.encode_appearance(picture(SIDE), own)
    turned = own.repeat(3, 1)
    most = CONSTANTS.pose_clamp
    turned[:, 0] += torch.tensor([most, most + 1, 0])
    turned[2, -1] += most + 1  # expressions are not clamped
    scene = autoencoder.renderer._scene(appearance, autoencoder.motion.geometry(turned))
    width = motion.shape[1]
    assert torch.equal(scene.motion[0], scene.motion[1])
    assert torch.allclose(scene.motion[2, width - 1], torch.tensor(most + 1))
    assert torch.allclose(scene.target, autoencoder.decode_landmarks(turned)[..., :2])


def test_relighting_acts_on_moving_faces_only(autoencoder, motion):
    model, side = autoencoder, SIDE // 4
    turned = motion[:1].repeat(3, 1)
    turned[1:, 0] += torch.tensor([1.0, 9.0])
    appearance = model.encode_appearance(picture(SIDE), motion[:1])
    scene = model.renderer._scene(appearance, model.motion.geometry(turned))
    for light in (-1e3, 1e3):
        still, moved, far = relit(torch.full((3, 1, side, side), light), scene, CONSTANTS)
        assert torch.equal(still, torch.ones_like(still))
        change = moved.log().abs() / CONSTANTS.light_range
        assert 0.3 < change.max() < far.log().abs().max() / CONSTANTS.light_range <= 1
        reach = 2 * (CONSTANTS.light_reach // 2)
        beside = max_pool2d(scene.face[1:2], 2 * reach + 1, 1, reach)[0] == 0
        assert (change[beside] == 0).all()


def test_detail_comes_from_the_photo_at_its_own_resolution(autoencoder, motion):
    stripes = (torch.arange(4 * SIDE) // 2 % 2).float().expand(1, 3, 4 * SIDE, 4 * SIDE)
    appearance = autoencoder.encode_appearance(stripes, motion[:1])
    frame = autoencoder.decode(appearance, motion[:1], 4 * SIDE)
    # Stripes of 2 px would average to grey at the network's resolution.
    assert (frame - stripes).abs().max() < 0.05


def test_a_frame_does_not_depend_on_its_batch(trained, motion):
    portraits = picture(SIDE, 3)
    together = trained.decode(trained.encode_appearance(portraits, motion[:3]), motion[3:6])
    for index in range(3):
        one = slice(index, index + 1)
        alone = trained.encode_appearance(portraits[one], motion[one])
        frame = trained.decode(alone, motion[3:6][one])
        torch.testing.assert_close(frame, together[one], atol=1e-4, rtol=0)


def test_one_portrait_serves_many_motions(trained, motion):
    appearance = trained.encode_appearance(picture(SIDE), motion[:1])
    before = [x.clone() for x in (appearance.photo, appearance.coarse, appearance.fine)]
    frames = trained.decode(appearance, motion[:5])
    for index in range(5):
        frame = trained.decode(appearance, motion[index : index + 1])
        torch.testing.assert_close(frame, frames[index : index + 1], atol=1e-4, rtol=0)
    assert (frames.diff(dim=0).abs().amax((1, 2, 3)) > 0.01).all()
    for kept, now in zip(
        before, (appearance.photo, appearance.coarse, appearance.fine), strict=True
    ):
        assert torch.equal(kept, now)


def test_one_appearance_is_broadcast_to_all_frames(trained, motion):
    photo = picture(SIDE)
    once = trained.decode(trained.encode_appearance(photo, motion[:1]), motion[1:4])
    portraits, latents = photo.expand(3, -1, -1, -1), motion[:1].expand(3, -1)
    each = trained.decode(trained.encode_appearance(portraits, latents), motion[1:4])
    torch.testing.assert_close(once, each, atol=1e-4, rtol=0)


def test_curves_are_drawn_where_their_points_are():
    points = torch.rand(2, mesh.COUNT, 2, generator=torch.Generator().manual_seed(5))
    curves, sigma = (mesh.IRISES, mesh.LIPS_INNER), 0.03
    grid = (torch.arange(SIDE) + 0.5) / SIDE
    pixels = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1)  # (SIDE, SIDE, 2)
    for curve, drawn in zip(curves, draw(points, curves, SIDE, sigma).unbind(1), strict=True):
        apart = (points[:, list(curve), None, None] - pixels).square().sum(-1)
        plain = torch.exp(-apart / (2 * sigma**2)).sum(1).clamp(max=1.5)
        torch.testing.assert_close(drawn, plain, atol=1e-4, rtol=0)


def test_swapped_portraits_swap_the_frames(trained, motion):
    portraits = picture(SIDE, 2)
    appearance = trained.encode_appearance(portraits, motion[:1].expand(2, -1))
    a, b = trained.decode(appearance, motion[1:2].expand(2, -1))
    swapped = trained.encode_appearance(portraits.flip(0), motion[:1].expand(2, -1))
    torch.testing.assert_close(
        trained.decode(swapped, motion[1:2].expand(2, -1)), torch.stack([b, a]), atol=1e-4, rtol=0
    )
    assert (a - b).abs().max() > 1e-3


def test_half_precision_hardly_changes_a_frame(trained, motion):
    def render():
        appearance = trained.encode_appearance(picture(SIDE), motion[:1])
        return trained.decode(appearance, motion[1:2]).float()

    full = render()
    with torch.autocast("cpu", torch.bfloat16):
        half = render()
    assert 0 < (half - full).abs().mean() < 0.01


def test_every_weight_is_used(trained, motion):
    trained.renderer.requires_grad_(True).zero_grad()
    frames = trained.decode(trained.encode_appearance(picture(SIDE), motion[:1]), motion[1:3])
    frames.square().sum().backward()
    idle = [n for n, p in trained.renderer.named_parameters() if not p.grad.any()]
    trained.renderer.requires_grad_(False)
    assert not idle
