"""Eyes are inpainted where they close or open against the portrait, and nowhere else."""

import pytest
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import RENDERER_DEFAULTS, InpainterConfig
from gaia_core.renderer.eyes import EYES, Eye, lid_motion
from gaia_core.renderer.gaze import eye_poses, redirect_gaze
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.renderer.region import SIDE, Window

TINY = InpainterConfig((4, 4, 8))
USUAL = torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.5, -0.8]])
TURNED = USUAL + torch.tensor([[12.0, -8.0, 20.0, 0.1, -0.05, 0.2]])
SIDES = (0, 1)


def lowered(template: Tensor, *amounts: float) -> Tensor:
    """The template with both upper lids lowered: at 1 they meet the lower ones."""
    face = template.expand(len(amounts), -1, -1).clone()
    for eye in EYES:
        upper, lower = list(eye.upper), list(eye.lower)
        by = torch.tensor(amounts)[:, None, None]
        face[:, upper] = face[:, upper].lerp(template[lower].expand(len(amounts), -1, -1), by)
    return face


def windows_of(pose: Tensor, template: Tensor) -> tuple[Window, ...]:
    return tuple(eye.window(mesh.Similarity.of(pose), template) for eye in EYES)


def placed(template: Tensor, pose: Tensor, *amounts: float) -> tuple[Tensor, tuple]:
    faces = mesh.Similarity.of(pose.expand(len(amounts), -1))(lowered(template, *amounts))
    return faces, windows_of(pose.expand(len(amounts), -1), template)


@pytest.fixture
def inpainter(fill_red) -> Inpainter:
    return fill_red(Inpainter("eyes", TINY))


@pytest.mark.parametrize("pose", [USUAL, TURNED])
@pytest.mark.parametrize("part", [Eye.opening, Eye.mask, Eye.iris_mask])
def test_windows_align_both_eyes_at_any_head_pose(template, pose, part):
    (face, maps), (usual, usual_maps) = placed(template, pose, 0.0), placed(template, USUAL, 0.0)
    right, left = (part(eye, face, where) for eye, where in zip(EYES, maps, strict=True))
    own = part(EYES[0], usual, usual_maps[0])
    for one, other in ((right, left), (right, own)):
        assert torch.minimum(one, other).sum() > 0.75 * torch.maximum(one, other).sum()


def test_the_region_contains_the_eye_and_the_iris(template):
    face, maps = placed(template, USUAL, 0.0)
    eye = EYES[0]
    inside, around, disc = (part(face, maps[0]) for part in (eye.opening, eye.mask, eye.iris_mask))
    assert inside.sum() > 50 and (around[inside > 0.9] > 0.5).all()
    assert not around[..., 0, :].any() and not around[..., -1, :].any()
    assert 30 < disc.sum() < 300 and (disc * inside).sum() > 0.6 * disc.sum()
    face[:, list(eye.iris), 0] += 0.01
    moved = eye.iris_mask(face, maps[0])
    columns = torch.arange(SIDE) + 0.5
    assert (moved * columns).sum() / moved.sum() > (disc * columns).sum() / disc.sum() + 1


def test_the_opening_shrinks_with_the_lids(template):
    face, maps = placed(template, USUAL, 0.0, 0.3, 0.6, 1.0)
    for eye, where in zip(EYES, maps, strict=True):
        areas = eye.opening(face, where).sum((1, 2, 3)).tolist()
        assert areas == sorted(areas, reverse=True) and areas[-1] < 0.02 * areas[0]


def test_opacity_of_eyes_follows_the_ratio_of_openings(template):
    face, maps = placed(template, USUAL, 0.0, 0.1, 0.35, 0.6, 1.0)
    inside = EYES[0].opening(face, maps[0])
    share = lid_motion(inside[:1], inside).flatten()
    assert not share[:2].any() and 0 < share[2] < 1 and (share[3:] == 1).all()
    again = lid_motion(inside[-1:], inside).flatten()  # from a portrait with closed eyes
    assert (again[:3] == 1).all() and again[-1] == 0
    # Slightly wider eyes are sampled from the photo.
    assert not lid_motion(inside[2:3], inside[:1]).any()
    assert lid_motion(inside[3:4], inside[:1]).all()


@pytest.mark.parametrize("side", [128, 256, 600])
def test_only_closing_eyes_are_inpainted_at_any_size(inpainter, template, side):
    face, maps = placed(template, TURNED, 0.0, 1.0)
    # In the third frame only the person's right eye closes.
    wink = face[:1].clone()
    wink[:, list(EYES[0].upper)] = face[1:, list(EYES[0].upper)]
    faces = torch.cat([face, wink])
    maps = tuple(Window(m[:1].expand(3, 2, 2), shift[:1].expand(3, 2)) for m, shift in maps)
    frames = torch.full((3, 3, side, side), 0.5)
    portrait = tuple(Window(matrix[:1], shift[:1]) for matrix, shift in maps)
    references = inpainter.references(frames[:1], face[:1], portrait)
    filled = inpainter.inpaint(frames, references, faces, maps)
    painted = (filled - frames).abs().amax(1) > 0.02
    assert torch.equal(filled[0], frames[0])
    middles = [faces[0, [*eye.upper, *eye.lower], :2].mean(0) * side for eye in EYES]
    for frame, eyes in ((1, (True, True)), (2, (True, False))):
        for middle, expected in zip(middles, eyes, strict=True):
            x, y = middle.long()
            assert bool(painted[frame, y, x]) == expected
    far = torch.ones(side, side, dtype=torch.bool)
    for middle in middles:
        x, y = (middle - 0.13 * side).long(), (middle + 0.13 * side).long()
        far[x[1] : y[1], x[0] : y[0]] = False
    assert not painted[:, far].any()


def test_eyes_that_open_from_closed_are_inpainted(inpainter, template):
    face, maps = placed(template, TURNED, 1.0, 0.0)
    frames = torch.full((2, 3, 256, 256), 0.5)
    portrait = tuple(Window(matrix[:1], shift[:1]) for matrix, shift in maps)
    references = inpainter.references(frames[:1], face[:1], portrait)
    filled = inpainter.inpaint(frames, references, face, maps)
    assert torch.equal(filled[0], frames[0])
    for eye in EYES:
        x, y = (face[1, [*eye.upper, *eye.lower], :2].mean(0) * 256).long()
        assert (filled[1, :, y, x] - 0.5).abs().max() > 0.02


def test_every_condition_of_the_eye_inpainter_matters():
    torch.manual_seed(0)
    inpainter = Inpainter("eyes", TINY).eval().requires_grad_(False)
    around, condition = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 6, SIDE, SIDE)
    region = torch.zeros(1, 1, SIDE, SIDE)
    region[..., 24:40, 16:48] = 1
    expected = inpainter(around, region, condition)
    for channel in range(6):
        other = condition.clone()
        other[:, channel] = 0
        assert not torch.equal(inpainter(around, region, other), expected)
    inside = around * (1 - region)
    assert torch.equal(inpainter(inside, region, condition), expected)


def drawn(face: Tensor, side: int, tall: float = 1.0) -> Tensor:
    """A white frame with a dark disc for every pupil, `tall` times as high as wide."""
    at = (torch.arange(side) + 0.5) / side
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)
    frame = torch.ones(1, 3, side, side)
    for eye in EYES:
        points = face[0, list(eye.iris), :2]
        radius = 0.2 * (points[1:] - points[0]).norm(dim=-1).mean()
        far = ((pixels - points[0]) / torch.tensor([1.0, tall])).norm(dim=-1)
        frame *= 1 - (0.5 + (radius - far) * side).clamp(0, 1)
    return frame


def dark(frame: Tensor, face: Tensor, eye) -> tuple[Tensor, Tensor]:
    """Centre (2,) and spread (2,) of dark pixels around an eye, crop units."""
    side = frame.shape[-1]
    at = (torch.arange(side) + 0.5) / side
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)
    near = (pixels - face[0, [*eye.upper, *eye.lower], :2].mean(0)).norm(dim=-1) < 0.1
    weight = ((1 - frame[0, 0]) * near)[..., None]
    middle = (pixels * weight).sum((0, 1)) / weight.sum()
    return middle, ((pixels - middle).square() * weight).sum((0, 1)).sqrt() / weight.sum().sqrt()


def gazing(template: Tensor, pose: Tensor, by: tuple[float, float]) -> tuple[Tensor, tuple]:
    """Landmarks whose irises are shifted by `by` eye widths."""
    face = template[None].clone()
    for eye in EYES:
        width = (template[eye.upper[0]] - template[eye.upper[-1]]).norm()
        face[:, list(eye.iris), :2] += width * torch.tensor(by)
    return mesh.Similarity.of(pose)(face), windows_of(pose, template)


@pytest.mark.parametrize("side", [256, 600])
def test_the_portraits_own_gaze_changes_nothing(template, side):
    face, maps = placed(template, TURNED, 0.0)
    frame = torch.rand(1, 3, side, side)
    same = redirect_gaze(frame, eye_poses(face, maps), face, maps, RENDERER_DEFAULTS)
    torch.testing.assert_close(same, frame, atol=1e-3, rtol=0)


@pytest.mark.parametrize("pose", [USUAL, TURNED])
@pytest.mark.parametrize("by", [0.15, -0.15])
def test_irises_follow_the_landmarks_and_nothing_else_moves(template, pose, by):
    face, maps = placed(template, USUAL, 0.0)
    gone, there = gazing(template, pose, (by, 0.0))
    still, _ = placed(template, pose, 0.0)
    frame = drawn(still, 512)
    moved = redirect_gaze(frame, eye_poses(face, maps), gone, there, RENDERER_DEFAULTS)
    for eye in EYES:
        shift = gone[0, eye.iris[0], :2] - still[0, eye.iris[0], :2]
        found = dark(moved, still, eye)[0] - dark(frame, still, eye)[0]
        assert (found - shift).norm() < 0.3 * shift.norm()
    outside = torch.ones(512, 512, dtype=torch.bool)
    for eye in EYES:
        points = still[0, [*eye.upper, *eye.lower], :2] * 512
        (left, top), (right, bottom) = points.amin(0).long() - 6, points.amax(0).long() + 7
        outside[top:bottom, left:right] = False
    torch.testing.assert_close(moved[..., outside], frame[..., outside], atol=0.02, rtol=0)


def test_noise_of_iris_landmarks_is_damped(template):
    face, maps = placed(template, USUAL, 0.0)
    frame = drawn(face, 512)
    noisy, _ = gazing(template, USUAL, (0.008, 0.0))
    moved = redirect_gaze(frame, eye_poses(face, maps), noisy, maps, RENDERER_DEFAULTS)
    for eye in EYES:
        shift = (noisy - face)[0, eye.iris[0], 0]
        assert (dark(moved, face, eye)[0] - dark(frame, face, eye)[0])[0].abs() < 0.3 * shift


def test_irises_stay_round_in_eyes_that_open_wider(template):
    wide, maps = placed(template, USUAL, 0.0)
    face = wide.clone()
    for eye in EYES:
        lids, row = [*eye.upper[1:-1], *eye.lower[1:-1]], wide[0, eye.iris[0], 1]
        face[:, lids, 1] = row + (wide[:, lids, 1] - row) / 1.6
    stretched = drawn(wide, 512, 1.6)
    made = redirect_gaze(stretched, eye_poses(face, maps), wide, maps, RENDERER_DEFAULTS)
    for eye in EYES:
        across, down = dark(stretched, wide, eye)[1]
        assert down > 1.3 * across
        across, down = dark(made, wide, eye)[1]
        assert 0.75 < down / across < 1.2
