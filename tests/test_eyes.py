"""Lids are painted where they close over an eye that the portrait shows open, and nowhere else."""

import pytest
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import InpainterConfig
from gaia_core.eyes import EYES, Eyes, closing, lids, seen, window_maps
from gaia_core.inpainting import SIDE

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


def placed(template: Tensor, pose: Tensor, *amounts: float) -> tuple[Tensor, tuple]:
    faces = mesh.apply_pose(lowered(template, *amounts), pose.expand(len(amounts), -1))
    return faces, window_maps(pose.expand(len(amounts), -1), template)


@pytest.fixture
def painter(paint_red) -> Eyes:
    return paint_red(Eyes(TINY))


@pytest.mark.parametrize("pose", [USUAL, TURNED])
def test_both_eyes_look_alike_in_their_windows_however_the_head_is_turned(template, pose):
    (face, maps), (usual, usual_maps) = placed(template, pose, 0.0), placed(template, USUAL, 0.0)
    right, left = (lids(face, where, eye) for eye, where in zip(EYES, maps, strict=True))
    own = lids(usual, usual_maps[0], EYES[0])
    for one, other in [*zip(right, left, strict=True), *zip(right, own, strict=True)]:
        assert torch.minimum(one, other).sum() > 0.75 * torch.maximum(one, other).sum()
    opening, region = right
    assert opening.sum() > 50 and (region[opening > 0.9] > 0.5).all()
    assert not region[..., 0, :].any() and not region[..., -1, :].any()


def test_the_opening_shrinks_with_the_lids(template):
    face, maps = placed(template, USUAL, 0.0, 0.3, 0.6, 1.0)
    for eye, where in zip(EYES, maps, strict=True):
        areas = lids(face, where, eye)[0].sum((1, 2, 3)).tolist()
        assert areas == sorted(areas, reverse=True) and areas[-1] < 0.02 * areas[0]


def test_lids_close_by_shares_of_what_the_portrait_has(template):
    face, maps = placed(template, USUAL, 0.0, 0.1, 0.35, 0.6, 1.0)
    opening, _ = lids(face, maps[0], EYES[0])
    share = closing(opening[:1], opening).flatten()
    assert not share[:2].any() and 0 < share[2] < 1 and (share[3:] == 1).all()
    assert not closing(opening[-1:], opening).any()  # closed in the portrait: nothing to cover
    assert not closing(opening[3:4], opening[:1]).any()  # opens wider


@pytest.mark.parametrize("side", [128, 256, 600])
def test_only_closing_eyes_are_painted_and_at_any_size(painter, template, side):
    face, maps = placed(template, TURNED, 0.0, 1.0)
    # The third winks with the person's right eye.
    wink = face[:1].clone()
    wink[:, list(EYES[0].upper)] = face[1:, list(EYES[0].upper)]
    faces = torch.cat([face, wink])
    maps = tuple((matrix[:1].expand(3, 2, 2), shift[:1].expand(3, 2)) for matrix, shift in maps)
    frames = torch.full((3, 3, side, side), 0.5)
    portrait = tuple((matrix[:1], shift[:1]) for matrix, shift in maps)
    filled = painter.fill(frames, seen(frames[:1], face[:1], portrait), faces, maps)
    changed = (filled - frames).abs().amax(1) > 0.02
    assert torch.equal(filled[0], frames[0])
    middles = [faces[0, [*eye.upper, *eye.lower], :2].mean(0) * side for eye in EYES]
    for frame, painted in ((1, (True, True)), (2, (True, False))):
        for middle, expected in zip(middles, painted, strict=True):
            x, y = middle.long()
            assert bool(changed[frame, y, x]) == expected
    far = torch.ones(side, side, dtype=torch.bool)
    for middle in middles:
        x, y = (middle - 0.13 * side).long(), (middle + 0.13 * side).long()
        far[x[1] : y[1], x[0] : y[0]] = False
    assert not changed[:, far].any()


def test_the_painter_is_told_the_portraits_eye_and_how_far_lids_close():
    torch.manual_seed(0)
    painter = Eyes(TINY).eval().requires_grad_(False)
    around, shown = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 5, SIDE, SIDE)
    region = torch.zeros(1, 1, SIDE, SIDE)
    region[..., 24:40, 16:48] = 1
    painted = painter(around, region, shown)
    for channel in range(5):
        other = shown.clone()
        other[:, channel] = 0
        assert not torch.equal(painter(around, region, other), painted)
    inside = around * (1 - region)
    assert torch.equal(painter(inside, region, shown), painted)
