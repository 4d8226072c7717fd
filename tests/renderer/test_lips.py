"""The lips' seam is inpainted where they close against the portrait, and nowhere else."""

import pytest
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import InpainterConfig
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.renderer.lips import AROUND, OUTER, REACH, Lips, distances, seam_mask
from gaia_core.renderer.mouth import INNER, mouth_window
from gaia_core.renderer.region import SIDE, Window, closing, opening

TINY = InpainterConfig((4, 4, 8))
USUAL = torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.5, -0.8]])
TURNED = USUAL + torch.tensor([[12.0, -8.0, 20.0, 0.1, -0.05, 0.2]])
WIDE = 0.12  # in canonical units


def placed(template: Tensor, pose: Tensor, *gaps: float) -> tuple[Tensor, Window]:
    """Faces with lips parted by these amounts, in canonical units, most in the middle."""
    face = template.expand(len(gaps), -1, -1).clone()
    top, bottom = (list(curve)[1:-1] for curve in INNER)
    face[:, bottom] = face[:, top]
    for curve in (bottom, *(list(curve[1:-1]) for curve in (OUTER[1], AROUND[1]))):
        arch = 1 - torch.linspace(-1, 1, len(curve)).square()
        face[:, curve, 1] += torch.tensor(gaps)[:, None] * arch
    poses = pose.expand(len(gaps), -1)
    return mesh.Similarity.of(poses)(face), mouth_window(mesh.Similarity.of(poses), template)


@pytest.fixture
def inpainter(fill_red) -> Inpainter:
    return fill_red(Inpainter("lips", TINY))


def test_the_curves_are_nested(template):
    face, where = placed(template, USUAL, 0.0, WIDE)
    for curve in (*INNER, *OUTER):
        x = face[0, list(curve), 0]
        assert x[0] < x[len(x) // 2] < x[-1]
    inner, outer, around = (distances(face, where) - 0.5).unbind(1)
    middle = slice(20, 44)  # near the corners the lips have no interior
    assert (outer >= inner - 1e-6)[:, :, middle].all()
    assert (around >= outer - 1e-6)[:, :, middle].all()
    parted = opening(face, where, *INNER)[:, 0] > 0.99
    assert ((inner * 2 * REACH > 0.5) == parted)[:, :, middle].all()


@pytest.mark.parametrize("pose", [USUAL, TURNED])
def test_the_region_contains_the_seam(template, pose):
    face, where = placed(template, pose, 0.0)
    thin, usual, all_of_it = (seam_mask(distances(face, where), m) for m in (3.0, 6.0, REACH))
    assert (thin <= usual).all() and (usual <= all_of_it).all()
    assert 30 < thin.sum() < usual.sum() < all_of_it.sum() < 0.4 * SIDE**2
    assert not all_of_it[..., [0, -1], :].any() and not all_of_it[..., [0, -1]].any()
    rows = usual[0, 0, :, SIDE // 2].nonzero()[:, 0]
    line = rows.float().mean() + 0.5
    matrix, shift = where
    met = face[:, [13, 14], :2].mean(1) - shift
    place = (torch.linalg.inv(matrix) @ met[..., None])[0, 1, 0]
    assert abs(line - (place + 1) * SIDE / 2) < 1


def test_opacity_of_lips_follows_the_ratio_of_openings(template):
    face, where = placed(template, USUAL, WIDE, 0.9 * WIDE, 0.65 * WIDE, 0.4 * WIDE, 0.0)
    between = opening(face, where, *INNER)
    assert between.sum((1, 2, 3)).diff().max() < 0 and not between[-1].any()
    share = closing(between[:1], between).flatten()
    assert not share[:2].any() and 0 < share[2] < 1 and (share[3:] == 1).all()
    assert not closing(between[-1:], between).any()  # from a portrait with closed lips


@pytest.mark.parametrize("side", [128, 256, 600])
def test_only_closing_lips_are_inpainted_at_any_size(inpainter, template, side):
    faces, where = placed(template, TURNED, WIDE, 0.0)
    frames = torch.full((2, 3, side, side), 0.5)
    reference = Lips().reference(frames[:1], faces[:1], Window(where[0][:1], where[1][:1]))
    filled = inpainter.inpaint(frames, (reference,), faces, (where,))
    assert torch.equal(filled[0], frames[0])
    painted = (filled[1] - frames[1]).abs().amax(0) > 0.02
    middle = faces[1, [13, 14], :2].mean(0) * side
    x, y = middle.long()
    assert painted[y, x]
    (left, top), (right, bottom) = (middle - 0.16 * side).long(), (middle + 0.16 * side).long()
    painted[top:bottom, left:right] = False
    assert not painted.any()
    reference = Lips().reference(frames[1:], faces[1:], Window(where[0][1:], where[1][1:]))
    # A portrait of closed lips has nothing to close.
    assert inpainter.inpaint(frames, (reference,), faces, (where,)) is frames


def test_every_condition_of_the_lip_inpainter_matters():
    torch.manual_seed(0)
    inpainter = Inpainter("lips", TINY).eval().requires_grad_(False)
    around, condition = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 7, SIDE, SIDE)
    free = torch.zeros(1, 1, SIDE, SIDE)
    free[..., 24:40, 16:48] = 1
    expected = inpainter(around, free, condition)
    for channel in range(7):
        other = condition.clone()
        other[:, channel] = 0
        assert not torch.equal(inpainter(around, free, other), expected)
