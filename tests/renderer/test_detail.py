"""Detail of inpainted regions: super-resolution of a window, around its mask alone."""

import pytest
import torch

from gaia_core.config import DetailConfig
from gaia_core.layers import doubled
from gaia_core.renderer.detail import CELL, FINE, MARGIN, Detail
from gaia_core.renderer.region import SIDE


@pytest.fixture(scope="module")
def detail():
    torch.manual_seed(0)
    return Detail(DetailConfig((8, 12), 1)).eval().requires_grad_(False)


def test_content_is_refined_around_its_mask_alone(detail):
    generator = torch.Generator().manual_seed(0)
    image, content = (torch.rand(1, 3, x, x, generator=generator) for x in (FINE, SIDE))
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 20:40, 24:30] = 1
    fine = detail.refine(image, content, mask)
    reach = MARGIN + CELL + 1
    box = (..., slice(40 - reach, 80 + reach), slice(48 - reach, 60 + reach))
    changed = torch.zeros_like(image)
    changed[box] = fine[box] - image[box]
    torch.testing.assert_close(fine - image, changed)  # of the image, nothing further away
    inside = (..., slice(44, 76), slice(50, 58))
    like = [(fine - x)[inside].abs().mean() for x in (doubled(content), image)]
    assert like[0] < 0.5 * like[1]


def test_an_empty_mask_is_refined_without_an_error(detail):
    nothing = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    assert detail.refine(torch.zeros(1, 3, FINE, FINE), *nothing).isfinite().all()
