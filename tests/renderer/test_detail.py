"""Detail of inpainted regions: super-resolution that keeps the colours of what was inpainted."""

import pytest
import torch
import torch.nn.functional as F

from gaia_core.config import DetailConfig
from gaia_core.renderer.detail import FINE, Detail, coarse
from gaia_core.renderer.region import SIDE


@pytest.fixture(scope="module")
def detail():
    torch.manual_seed(0)
    return Detail(DetailConfig((8, 12), 1)).eval().requires_grad_(False)


def test_detail_adds_no_colour(detail):
    image = torch.rand(2, 3, FINE, FINE, generator=torch.Generator().manual_seed(0))
    fine = detail(image, torch.ones(2, 1, FINE, FINE))
    assert (fine - image).abs().max() > 0.02
    torch.testing.assert_close(coarse(fine), coarse(image), atol=1e-5, rtol=0)


def test_content_is_refined_inside_its_mask(detail):
    generator = torch.Generator().manual_seed(0)
    image, content = torch.rand(1, 3, FINE, FINE, generator=generator), torch.rand(1, 3, SIDE, SIDE)
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 20:40, 20:40] = 1
    means = F.avg_pool2d(detail.refine(image, content, mask), 2)
    inside = slice(21, 39)
    torch.testing.assert_close(means[..., inside, inside], content[..., inside, inside])
    torch.testing.assert_close(means[..., :18, :], F.avg_pool2d(image, 2)[..., :18, :])
