"""Detail of inpainted regions: super-resolution of a window by its surroundings.

Regions are inpainted in windows of `SIDE` px. In larger crops such a window would be blurrier than
the face around it, so a small network doubles its resolution, in the grain of the pixels around
the mask.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core.config import DetailConfig
from gaia_core.layers import ResidualBlock, doubled

FINE = 128  # px of a window with detail
MARGIN = 12  # px around a mask that the network sees
CELL = 4  # px of an activation of the inner layers


class Detail(nn.Module):
    """The network of all regions."""

    def __init__(self, config: DetailConfig) -> None:
        super().__init__()
        self.config = config
        first, second = config.widths
        self.enter = nn.Conv2d(4 * 4, first, 3, padding=1)
        self.halve = nn.Conv2d(first, second, 4, 2, 1)
        self.inner = nn.Sequential(*(ResidualBlock(second) for _ in range(config.depth)))
        self.back = nn.Conv2d(second, first, 1)
        self.outer = ResidualBlock(first)
        self.paint = nn.Conv2d(first, 4 * 3, 3, padding=1)

    def refine(self, image: Tensor, content: Tensor, mask: Tensor) -> Tensor:
        """Doubles the resolution of inpainted content.

        (B, 3, 2 S, 2 S) of the frame, (B, 3, S, S), (B, 1, S, S) -> (B, 3, 2 S, 2 S)
        """
        mask = enlarged(mask)
        refined = image.lerp(doubled(content), mask)
        box = _box_around(mask)
        refined[box] = self(refined[box], mask[box])
        return refined

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Adds detail to windows.

        Args:
            image: (B, 3, S, S) in [0, 1], of half the resolution inside the mask: 2 x 2 px alike.
            mask: (B, 1, S, S) in [0, 1], 1 where to add detail.

        Returns:
            (B, 3, S, S) in about [0, 1].
        """
        x = self.enter(F.pixel_unshuffle(torch.cat([image, mask], 1) - 0.5, 2))
        x = self.outer(doubled(self.back(self.inner(self.halve(x)))) + x)
        return image + F.pixel_shuffle(self.paint(F.silu(x)), 2)


def enlarged(mask: Tensor) -> Tensor:
    """A mask of a window at twice its resolution: (B, 1, S, S) -> (B, 1, 2 S, 2 S)"""
    return F.interpolate(mask, scale_factor=2.0, mode="bilinear", align_corners=False)


def _box_around(mask: Tensor) -> tuple[slice, ...]:
    """The mask's bounding box and `MARGIN`, as an index; its sides are multiples of `CELL`."""
    box = [slice(None), slice(None)]
    for axis in (3, 2):  # maximal over columns: the rows
        inside = mask.amax((0, 1, axis)).nonzero().flatten().tolist() or [0]
        low = max(0, inside[0] - MARGIN) // CELL * CELL
        high = min(mask.shape[axis], inside[-1] + 1 + MARGIN)
        box.append(slice(low, -(-high // CELL) * CELL))
    return tuple(box)
