"""The mouth's interior is inpainted between parted lips, in a window that moves with the head."""

import pytest
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.config import DetailConfig, InpainterConfig
from gaia_core.layers import ResidualBlock
from gaia_core.renderer import mouth
from gaia_core.renderer.detail import Detail
from gaia_core.renderer.inpainting import DETAILED, Inpainter
from gaia_core.renderer.mouth import Mouth, interior_mask, mouth_window
from gaia_core.renderer.region import SIDE, Window, extract, paste

LOWER = list(mesh.INNER_BOTTOM)
TINY = InpainterConfig((4, 4, 8))
USUAL = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.5, -0.8])


def parted(template: Tensor, gap: float) -> Tensor:
    """The template with lips closed, and opened by a fraction of the face's width."""
    face = template.clone()
    width = (template[454, 0] - template[234, 0]).abs()
    face[LOWER] = face[list(mesh.INNER_TOP)]
    face[LOWER, 1] += gap * width
    return face


def placed(face: Tensor, *poses: Tensor) -> tuple[Tensor, Tensor]:
    pose = torch.stack(poses)
    return mesh.Similarity.of(pose)(face.expand(len(pose), -1, -1)), pose


@pytest.fixture
def inpainter(fill_red) -> Inpainter:
    return fill_red(Inpainter("mouth", TINY))


def test_the_window_moves_rigidly_with_the_head(template):
    turned = USUAL + torch.tensor([12.0, -8.0, 20.0, 0.1, -0.05, 0.2])
    closed, poses = placed(parted(template, 0.0), USUAL, turned)
    opened, _ = placed(parted(template, 0.2), USUAL, turned)
    matrix, shift = where = mouth_window(mesh.Similarity.of(poses), template)
    # The upper lip has the same position in the window at any head pose...
    upper = closed[:, mesh.LIP_TOP, :2]
    at = torch.linalg.solve(matrix, (upper - shift)[..., None])[..., 0]
    # (lips are not flat: two pixels)
    torch.testing.assert_close(at[0], at[1], atol=4 / SIDE, rtol=0)
    assert at.abs().max() < 0.4
    # ...and so does the mouth's interior.
    one, other = interior_mask(opened, where)
    assert torch.minimum(one, other).sum() > 0.7 * torch.maximum(one, other).sum()


def test_the_mask_is_empty_for_closed_lips_and_grows_with_their_gap(template):
    areas = []
    for gap in (0.0, 0.02, 0.05, 0.1, 0.2):
        face, pose = placed(parted(template, gap), USUAL)
        region = interior_mask(face, mouth_window(mesh.Similarity.of(pose), template))
        assert region.shape == (1, 1, SIDE, SIDE) and region.min() >= 0 and region.max() <= 1
        areas.append(float(region.sum()))
    assert areas[0] == 0 and areas == sorted(areas) and areas[-1] > 4 * areas[1] > 0


def test_the_mask_lies_between_the_lips(template):
    face, pose = placed(parted(template, 0.2), USUAL)
    matrix, shift = where = mouth_window(mesh.Similarity.of(pose), template)
    region = interior_mask(face, where)[0, 0]
    points = torch.linalg.solve(matrix, (face[..., :2] - shift[:, None]).transpose(1, 2))[0]
    points = (points.T + 1) * SIDE / 2
    rows, columns = region.nonzero().T
    inner = points[list(mesh.LIPS_INNER)]
    for axis, places in ((0, columns), (1, rows)):
        assert places.min() >= inner[:, axis].min() - mouth.MARGIN - 1
        assert places.max() <= inner[:, axis].max() + mouth.MARGIN + 1
    x, y = (points[mesh.LIP_TOP] + points[mesh.LIP_BOTTOM]) / 2
    assert region[int(y), int(x)] == 1


def test_paste_inverts_extract(template):
    poses = torch.stack([USUAL, USUAL + torch.tensor([15.0, 5.0, -10.0, 0.05, 0.0, 0.1])])
    where = mouth_window(mesh.Similarity.of(poses), template)
    grid = torch.arange(256) / 256
    smooth = torch.stack([grid[:, None] + 0 * grid, grid + 0 * grid[:, None]])[None]
    frames = smooth.expand(2, -1, -1, -1)
    back = paste(frames, extract(frames, where), torch.ones(2, 1, SIDE, SIDE), where)
    # Where the window's border cuts a pixel it mixes with nothing.
    assert ((back - frames).abs().amax(1) > 0.01).float().mean() < 0.02


@pytest.mark.parametrize("side", [128, 256, 600])
def test_only_the_interior_is_inpainted_at_any_size(inpainter, template, side):
    faces, pose = placed(parted(template, 0.2), USUAL, USUAL)
    faces[1] = placed(parted(template, 0.0), USUAL)[0][0]
    where = mouth_window(mesh.Similarity.of(pose), template)
    frames = torch.full((2, 3, side, side), 0.5)
    nothing = torch.zeros(1, 4, SIDE, SIDE)
    filled = inpainter.inpaint(frames, (nothing,), faces, (where,))
    changed = (filled - frames).abs().amax(1) > 0.02
    assert not changed[1].any()  # closed lips
    rows, columns = ((changed[0].nonzero() + 0.5) / side).T
    inner = faces[0, list(mesh.LIPS_INNER), :2]
    assert columns.min() > inner[:, 0].min() - 0.02 and columns.max() < inner[:, 0].max() + 0.02
    assert rows.min() > inner[:, 1].min() - 0.02 and rows.max() < inner[:, 1].max() + 0.02
    x, y = (faces[0, [mesh.LIP_TOP, mesh.LIP_BOTTOM], :2].mean(0) * side).long()
    torch.testing.assert_close(filled[0, :, y, x], torch.tensor([1.0, 0.0, 0.0]), atol=0.01, rtol=0)


@pytest.mark.parametrize("side", [DETAILED - 1, DETAILED, 1100])
def test_the_interior_of_large_frames_alone_gets_detail(inpainter, template, side):
    torch.manual_seed(0)
    detail = Detail(DetailConfig((4, 8), 1)).eval().requires_grad_(False)
    faces, pose = placed(parted(template, 0.2), USUAL)
    where = (mouth_window(mesh.Similarity.of(pose), template),)
    frames = torch.rand(1, 3, side, side)
    nothing = (torch.zeros(1, 4, SIDE, SIDE),)
    plain, fine = (inpainter.inpaint(frames, nothing, faces, where, x) for x in (None, detail))
    assert torch.equal(plain, fine) == (side < DETAILED)
    # Both change the same pixels, but for those at the mask's border.
    changed = [((x - frames).abs().amax(1) > 0.02) for x in (plain, fine)]
    assert (changed[0] != changed[1]).sum() < 0.1 * changed[0].sum()


def test_an_interior_that_the_portrait_shows_is_kept(inpainter, template):
    """Lips as far apart as in the portrait: its teeth are sampled, not inpainted."""
    (open_face, wide_face), pose = (
        torch.cat([placed(parted(template, gap), USUAL)[0] for gap in (0.1, 0.25)]),
        USUAL.expand(2, 6),
    )
    where = mouth_window(mesh.Similarity.of(pose), template)
    frames = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    own = Window(where.matrix[:1], where.shift[:1])
    reference = Mouth().reference(frames[:1], open_face[None], own)
    filled = inpainter.inpaint(frames, (reference,), torch.stack([open_face, wide_face]), (where,))
    assert torch.equal(filled[0], frames[0]) and not torch.equal(filled[1], frames[1])


def test_the_inpainters_inputs_are_the_surroundings_and_the_reference():
    torch.manual_seed(0)
    inpainter = Inpainter("mouth", InpainterConfig()).eval().requires_grad_(False)
    for module in inpainter.modules():
        if isinstance(module, ResidualBlock):
            torch.nn.init.normal_(module.second.weight, std=0.05)
    around, condition = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 4, SIDE, SIDE)
    region = torch.zeros(1, 1, SIDE, SIDE)
    region[..., 24:40, 16:48] = 1
    expected = inpainter(around, region, condition)
    inside, outside = around.clone(), around.clone()
    inside[..., 24:40, 16:48] = 0
    outside[..., 44:50, 20:40] = 0
    assert torch.equal(inpainter(inside, region, condition), expected)
    assert not torch.equal(inpainter(outside, region, condition), expected)
    assert not torch.equal(inpainter(around, region, 0 * condition), expected)
