"""The paper's decoder: convolutions and cross-attention alone, as a baseline."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core.config import AutoencoderConfig
from gaia_core.latent import Geometry
from gaia_core.layers import Attention, Residual, full_precision
from gaia_core.renderer.appearance import Appearance, per_frame
from gaia_core.renderer.decoder import DRAWN
from gaia_core.renderer.warp import draw, resize


class PlainDecoder(nn.Module):
    """Appearance and motion to a frame as in the paper: convolutions and cross-attention alone.

    Queries from the portrait's features at 1/8 of the side and from the rasterised landmarks of
    portrait and frame attend to those features; convolutions decode the result. Every pixel is
    synthesised. A baseline for `Renderer`, with the same interface.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        fine, middle, width = config.plain
        self.appearance = nn.Sequential(
            nn.Conv2d(3, fine, 5, 2, 2),
            nn.SiLU(),
            nn.Conv2d(fine, middle, 3, 2, 1),
            nn.SiLU(),
            nn.Conv2d(middle, width, 3, 2, 1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        cells = (config.image // 8) ** 2
        self.place = nn.Parameter(torch.randn(cells, width) * 0.2)
        self.condition = nn.Sequential(
            nn.Linear(2 * config.motion.width, config.condition),
            nn.SiLU(),
            nn.Linear(config.condition, config.condition),
        )
        self.query = nn.Conv2d(width + 2 * len(DRAWN), width, 3, padding=1)
        self.blocks = nn.ModuleList(Residual(width, config.condition) for _ in range(3))
        self.attend = nn.ModuleList(Attention(width, 4, 0.0) for _ in range(3))
        self.up = nn.ModuleList(
            nn.Conv2d(a, 4 * b, 3, padding=1) for a, b in ((width, middle), (middle, fine))
        )
        self.refine = nn.ModuleList(Residual(w, config.condition) for w in (middle, fine))
        self.paint = nn.Conv2d(fine, 12, 3, padding=1)

    def encode_appearance(self, portrait: Tensor, geometry: Geometry) -> Appearance:
        """As `Renderer.encode_appearance`; fields that are not used stay empty."""
        coarse = self.appearance(resize(portrait, self.config.image) - 0.5)
        none = coarse[:, :0]
        return Appearance(none, coarse, none, self._draw(geometry), geometry)

    def forward(
        self, appearance: Appearance, geometry: Geometry, side: int
    ) -> tuple[Tensor, Tensor, None]:
        """As `Renderer.forward`, with a mask of ones and no offset field."""
        motion = geometry.motion
        coarse, drawn, reference = (
            per_frame(x, len(motion))
            for x in (appearance.coarse, appearance.drawn, appearance.geometry.motion)
        )
        condition = self.condition(torch.cat([motion - reference, reference], -1))
        tokens = coarse.flatten(2).transpose(1, 2) + self.place
        x = self.query(torch.cat([coarse, drawn, self._draw(geometry)], 1))
        for block, attend in zip(self.blocks, self.attend, strict=True):
            queries = x.flatten(2).transpose(1, 2) + self.place
            gathered = attend(F.layer_norm(queries, queries.shape[-1:]), tokens)
            x = block(x + gathered.transpose(1, 2).unflatten(2, x.shape[-2:]), condition)
        for up, block in zip(self.up, self.refine, strict=True):
            x = block(F.pixel_shuffle(up(F.silu(x)), 2), condition)
        frames = resize(F.pixel_shuffle(self.paint(F.silu(x)), 2).float() + 0.5, side)
        return frames, torch.ones_like(frames[:, :1]), None

    def _draw(self, geometry: Geometry) -> Tensor:
        with full_precision(geometry.landmarks):
            return draw(geometry.landmarks[..., :2], DRAWN, self.config.image // 8, 0.02)
