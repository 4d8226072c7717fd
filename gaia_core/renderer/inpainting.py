"""Inpainting of regions that the portrait may not show: mouth interior, closing lips, eyes.

A small network inpaints the masked part of a window that moves rigidly with the head, conditioned
on the surrounding pixels and on the region's condition.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core.config import InpainterConfig
from gaia_core.landmarks import Similarity
from gaia_core.layers import ResidualBlock, doubled
from gaia_core.renderer.detail import FINE, Detail, enlarged
from gaia_core.renderer.eyes import EYES
from gaia_core.renderer.lips import Lips
from gaia_core.renderer.mouth import Mouth
from gaia_core.renderer.region import SIDE, Region, Target, Window, extract, paste

PHOTO = 256  # side of a crop at which a window has about the crop's resolution, px
DETAILED = 384  # side of a crop from which on a window would be too blurry, px

# By the names of their weights, in order of application; regions of one entry share a network.
REGIONS: dict[str, tuple[Region, ...]] = {
    "mouth": (Mouth(),),
    "lips": (Lips(),),
    "eyes": EYES,
}


class Inpainter(nn.Module):
    """The network of one entry of `REGIONS`.

    Args:
        name: of the entry.
        config: widths of the network.
    """

    def __init__(self, name: str, config: InpainterConfig) -> None:
        super().__init__()
        self.name, self.config, self.regions = name, config, REGIONS[name]
        first, second, third = config.widths
        # Learned positional features: the rows of teeth, the line in which lids meet.
        self.place = nn.Parameter(0.1 * torch.randn(8, SIDE, SIDE))
        channels = 3 + 1 + self.regions[0].channels + 8
        self.enter = nn.Conv2d(4 * channels, first, 3, padding=1)
        self.outer = ResidualBlock(first)
        self.halve = nn.Conv2d(first, second, 4, 2, 1)
        self.middle = nn.Sequential(ResidualBlock(second), ResidualBlock(second))
        self.quarter = nn.Conv2d(second, third, 4, 2, 1)
        self.inner = nn.Sequential(ResidualBlock(third), ResidualBlock(third))
        self.back = nn.ModuleList([nn.Conv2d(third, second, 1), nn.Conv2d(second, first, 1)])
        self.middle_again, self.outer_again = ResidualBlock(second), ResidualBlock(first)
        self.paint = nn.Conv2d(first, 12, 3, padding=1)

    def windows(self, head: Similarity, template: Tensor) -> tuple[Window, ...]:
        """Windows of the regions: B heads, the canonical face (K, 3) -> in B crops"""
        return tuple(region.window(head, template) for region in self.regions)

    def references(
        self, portraits: Tensor, landmarks: Tensor, windows: tuple[Window, ...]
    ) -> tuple[Tensor, ...]:
        """The portraits' content of the regions: (B, 3, H, H), (B, K, 3) -> (B, C, SIDE, SIDE)"""
        pairs = zip(self.regions, windows, strict=True)
        return tuple(region.reference(portraits, landmarks, window) for region, window in pairs)

    def inpaint(
        self,
        frames: Tensor,
        references: tuple[Tensor, ...],
        landmarks: Tensor,
        windows: tuple[Window, ...],
        detail: Detail | None = None,
    ) -> Tensor:
        """Inpaints the regions of frames where the portrait does not show what they need.

        Args:
            frames: (B, 3, H, H) in about [0, 1].
            references: of one portrait or of B, see `references`.
            landmarks: (B, K, 3) of the frames, in crop units.
            windows: of the frames, see `windows`.
            detail: super-resolution of what is inpainted, where frames are large enough for it.

        Returns:
            (B, 3, H, H)
        """
        if frames.shape[-1] < DETAILED:
            detail = None
        for region, reference, window in zip(self.regions, references, windows, strict=True):
            reference = reference.expand(len(frames), -1, -1, -1)
            target = region.target(reference, landmarks, window)
            if target is not None:
                frames = self._inpainted(frames, target, window, detail)
        return frames

    def _inpainted(
        self, frames: Tensor, target: Target, window: Window, detail: Detail | None
    ) -> Tensor:
        side, usual = (SIDE, PHOTO) if detail is None else (FINE, 2 * PHOTO)
        # Averaged first, since bicubic samples of a much larger frame would alias.
        image = extract(_averaged(frames, frames.shape[-1] // usual), window, side)
        small = _averaged(image, side // SIDE)
        mask, opacity = target.mask, target.mask * target.opacity
        content = self(small, mask, target.condition).float()
        if detail is not None:
            content, opacity = detail.refine(image, content, mask).float(), enlarged(opacity)
        return paste(frames, content, opacity, window)

    def forward(self, image: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
        """Inpaints windows.

        Args:
            image: (B, 3, SIDE, SIDE) of the frame; ignored inside the mask.
            mask: (B, 1, SIDE, SIDE) in [0, 1], 1 where to inpaint.
            condition: (B, C, SIDE, SIDE), see `Target`.

        Returns:
            RGB in about [0, 1], (B, 3, SIDE, SIDE).
        """
        place = self.place.expand(len(image), -1, -1, -1)
        x = torch.cat([(image - 0.5) * (1 - mask), mask - 0.5, condition, place], 1)
        fine = self.outer(self.enter(F.pixel_unshuffle(x, 2)))
        middle = self.middle(self.halve(fine))
        x = self.inner(self.quarter(middle))
        x = self.middle_again(doubled(self.back[0](x)) + middle)
        x = self.outer_again(doubled(self.back[1](x)) + fine)
        return F.pixel_shuffle(self.paint(F.silu(x)), 2) + 0.35


def _averaged(x: Tensor, times: int) -> Tensor:
    return F.avg_pool2d(x, times) if times > 1 else x
