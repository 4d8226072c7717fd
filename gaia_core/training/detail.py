"""Training windows of the regions' detail: mouths and eyes of large photos, blurred in a mask.

The data's clips have no detail beyond a window of `SIDE` px, so only portraits are packed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.layers import doubled
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.renderer.detail import FINE
from gaia_core.renderer.inpainting import REGIONS
from gaia_core.renderer.region import Window, extract
from gaia_core.training.inpainting import recoloured, reconstructed
from gaia_core.training.pack import portraits, read_face

CROP = 512  # side to which portraits are scaled, px
SMALLEST = 440.0  # minimal side of a portrait's crop, px
AROUND = 1.25  # side of a packed window over that of a training one, which is cut out at random
ANGLE, SCALE = 0.15, 0.2  # that cut's rotation at most, in radians, and reduction at most
CENTRE = 0.3  # standard deviation of the mask's centre from the window's, in half sides
# Half axes of the mask's ellipse in half sides.
WIDTH, HEIGHT = (0.2, 0.9), (0.08, 0.6)
EDGE = 3.0  # px over which the mask fades
SOFT, NOISE = 0.5, 0.015  # at most: share of a mean of 3 x 3, and standard deviation


class DetailWindows:
    """Endless batches for `InpaintingLosses`: photos, an ellipse of which has lost its detail.

    Raises:
        InputError: there is no pack.
    """

    @staticmethod
    def pack(data: Path, out: Path, encoder: MotionEncoder, count: int = 1800) -> None:
        """Writes the regions' windows of the large ones of about `count` training portraits.

        Writes nothing if there are none.
        """
        photos = portraits(data)
        windows: list[Tensor] = []
        with FaceLandmarker() as landmarker:
            for _, photo in photos[:: max(1, round(len(photos) / count))]:
                if not (read := read_face(photo, landmarker, CROP, SMALLEST)):
                    continue
                image, face = reconstructed(read[0], torch.from_numpy(read[1]), encoder)
                # Mouth and lips share a window, so mouths count twice.
                for region in (region for of_name in REGIONS.values() for region in of_name):
                    matrix, shift = region.window(face.head, encoder.template)
                    around = Window(matrix * AROUND, shift)
                    window = extract(image, around, round(FINE * AROUND))[0]
                    windows.append((window.clamp(0, 1) * 255).round().byte())
        if windows:
            save_file({"window": torch.stack(windows)}, out)

    def __init__(self, pack: Path, batch: int, seed: int = 0) -> None:
        if not pack.is_file():
            raise InputError(
                "{pack} is missing; pack portraits whose face is {size} px wide or wider.",
                pack=pack,
                size=round(SMALLEST),
            )
        self.window = load_file(pack)["window"]
        self.batch = batch
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            index = torch.randint(len(self.window), (self.batch,), generator=self.generator)
            window = recoloured(self._cut(self.window[index].float() / 255), self.generator)
            mask = self._ellipse()
            rendered = window.lerp(self._coarse(window), mask)
            yield {"window": window, "mask": mask, "rendered": rendered}

    def _coarse(self, window: Tensor) -> Tensor:
        """Simulates what was inpainted: half the resolution, softer, with noise."""
        small = F.avg_pool2d(window, 2)
        soft = F.avg_pool2d(small, 3, 1, 1, count_include_pad=False)
        small = small.lerp(soft, self._uniform(0, SOFT)[..., None, None])
        noise = torch.randn(small.shape, generator=self.generator)
        return doubled(small + self._uniform(0, NOISE)[..., None, None] * noise)

    def _cut(self, window: Tensor) -> Tensor:
        """A window of `FINE` px anywhere in the packed one, perhaps mirrored."""
        scale = self._uniform(1 - SCALE, 1) / AROUND
        linear = rotation(self._uniform(-ANGLE, ANGLE)) * scale[:, None]
        linear[:, :, 0] *= 1 - 2 * (self._uniform(0, 1) < 0.5).float()
        shift = (1 - scale) * self._uniform(-1, 1, 2)
        theta = torch.cat([linear, shift[..., None]], -1)
        grid = F.affine_grid(theta, [self.batch, 1, FINE, FINE], align_corners=False)
        window = F.grid_sample(window, grid, "bicubic", "border", align_corners=False)
        return window.clamp(0, 1)

    def _ellipse(self) -> Tensor:
        """(B, 1, FINE, FINE) in [0, 1]"""
        centre = CENTRE * torch.randn(self.batch, 2, generator=self.generator)
        axes = torch.cat([self._uniform(*WIDTH), self._uniform(*HEIGHT)], 1)
        theta = torch.cat([rotation(self._uniform(-ANGLE, ANGLE)), centre[..., None]], -1)
        places = F.affine_grid(theta, [self.batch, 1, FINE, FINE], align_corners=False)
        inside = 1 - (places / axes[:, None, None]).norm(dim=-1)  # of a half axis
        return (inside * axes.amin(1)[:, None, None] * (FINE / 2) / EDGE).clamp(0, 1)[:, None]

    def _uniform(self, low: float, high: float, count: int = 1) -> Tensor:
        """(B, count)"""
        return low + (high - low) * torch.rand(self.batch, count, generator=self.generator)


def rotation(angle: Tensor) -> Tensor:
    """By angles in radians: (B, 1) -> (B, 2, 2)"""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.cat([cos, -sin], 1), torch.cat([sin, cos], 1)], 1)
