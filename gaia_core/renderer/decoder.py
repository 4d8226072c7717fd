"""The renderer: appearance and motion to a frame, by warping the photo and synthesis."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.config import RENDERER_DEFAULTS, AutoencoderConfig, RendererCorrections
from gaia_core.latent import Geometry
from gaia_core.layers import Residual, full_precision
from gaia_core.renderer.appearance import Appearance, Scene, per_frame
from gaia_core.renderer.corrections import clamped_pose, uncovered_mouth, warped_contours
from gaia_core.renderer.relighting import relit
from gaia_core.renderer.warp import (
    double,
    draw,
    landmark_offset,
    pose_offset,
    resize,
    sample,
)

# Curves rasterised into the decoder's input, at the portrait's and the frame's landmarks.
DRAWN = (
    mesh.LIPS_OUTER,
    mesh.LIPS_INNER,
    mesh.EYE_RIGHT + mesh.EYE_LEFT,
    mesh.IRISES,
    mesh.BROW_RIGHT + mesh.BROW_LEFT,
    mesh.NOSE,
    mesh.OVAL,
)
FINE_DRAWN = DRAWN[:4]  # of these, the ones in the input at half of the side
LINE, FINE_LINE = 0.012, 0.006  # standard deviations of the lines, crop units
FACE_DENSITY = 2.0  # density of landmarks from which on the face mask is 1
EARS = 0.1  # depth of the ears behind the face's rigid centre, in face widths


class Renderer(nn.Module):
    """Appearance and motion to a frame: a predicted offset field, a mask and synthesised colours.

    The offset field is a predicted convex combination of three (landmark warp, rigid plane of the
    head, identity) plus a residual. It samples the photo at any resolution. Where the mask says
    that the photo does not show what is needed (mouth interior, opened eyes, disoccluded
    background), synthesised colours replace the samples.
    """

    def __init__(
        self, config: AutoencoderConfig, corrections: RendererCorrections = RENDERER_DEFAULTS
    ) -> None:
        super().__init__()
        self.config, self.corrections = config, corrections
        widths, condition = config.widths, config.condition
        first, second, third = config.stem
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 5, 2, 2),
            nn.SiLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.SiLU(),
        )
        self.fine = nn.Conv2d(second, config.detail, 3, padding=1)
        self.coarse = nn.Sequential(
            nn.Conv2d(second, third, 3, 2, 1),
            nn.SiLU(),
            nn.Conv2d(third, third, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(third, config.appearance, 1),
        )
        self.condition = nn.Sequential(
            nn.Linear(2 * config.motion.width, condition),
            nn.SiLU(),
            nn.Linear(condition, condition),
        )
        channels = 3 * config.appearance + 2 * 2 + 1 + 2 * len(DRAWN)
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairs)
        self.encode = nn.ModuleList(
            Residual(b, condition) for _, b in pairs for _ in range(config.depth)
        )
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.decode = nn.ModuleList(
            Residual(a, condition) for a, _ in pairs for _ in range(config.depth)
        )
        self.mix = nn.Conv2d(widths[0], 5, 3, padding=1)
        self.light = nn.Conv2d(widths[0], 1, 3, padding=1)
        refined = config.refine
        self.widen = nn.Conv2d(widths[0], refined, 1)
        self.gather = nn.Conv2d(config.detail + 3 + len(FINE_DRAWN), refined, 3, padding=1)
        self.refine = Residual(refined, condition)
        self.nudge = nn.Conv2d(refined, 2, 3, padding=1)
        self.synthesise = nn.Conv2d(refined, 16, 3, padding=1)
        # Training starts from the plain landmark warp.
        for layer in (self.mix, self.nudge, self.light):
            nn.init.zeros_(layer.weight)
        nn.init.normal_(self.synthesise.weight, std=1e-3)
        self.nudge.bias = nn.Parameter(torch.zeros(2))
        self.light.bias = nn.Parameter(torch.zeros(1))
        self.mix.bias = nn.Parameter(torch.tensor([3.0, 0.0, 0.0, 0.0, 0.0]))
        self.synthesise.bias = nn.Parameter(torch.tensor([0.0] * 12 + [-3.0] * 4))

    def encode_appearance(self, portrait: Tensor, geometry: Geometry) -> Appearance:
        """(B, 3, H, W) the crop at any resolution, the B faces in it -> Appearance"""
        side = self.config.image
        features = self.stem(resize(portrait, side) - 0.5)
        coarse, fine = self.coarse(features), self.fine(features)
        with full_precision(portrait):
            return Appearance(
                double(portrait),
                coarse.float(),
                torch.cat([fine.float(), resize(portrait.float(), side // 2)], 1),
                draw(geometry.landmarks[..., :2], DRAWN, side // 4, LINE),
                geometry,
            )

    def forward(
        self, appearance: Appearance, geometry: Geometry, side: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Renders frames.

        Args:
            appearance: of one portrait or of B.
            geometry: of B frames.
            side: of the frames, px.

        Returns:
            Frames (B, 3, side, side) in about [0, 1], not clamped; the mask (B, 1, side, side) of
            synthesised colours, in [0, 1]; the offset field (B, 2, S/2, S/2) in crop units.
        """
        half, count = self.config.image // 2, len(geometry.motion)
        scene, constants = self._scene(appearance, geometry), self.corrections
        source, target = scene.source, scene.target
        hidden = self._decode(scene)
        mix, light = self.mix(hidden), self.light(hidden)
        with full_precision(hidden):
            lines = draw(target, FINE_DRAWN, half, FINE_LINE)
            weights, residual = mix[:, :3].float().softmax(1), 0.05 * mix[:, 3:].float()
            offset = weights[:, :1] * scene.skin + weights[:, 1:2] * scene.head + residual
            offset = resize(offset, half)
            offset = warped_contours(offset, source, target, constants)
            gathered = sample(per_frame(appearance.fine, count), offset)
        fine = self.gather(torch.cat([gathered, lines], 1))
        condition = self.condition(scene.motion)
        fine = self.refine(fine + resize(self.widen(hidden), half), condition)
        hidden = F.silu(fine)
        synthesis = F.pixel_shuffle(self.synthesise(hidden), 2)
        offset = offset + 0.01 * self.nudge(hidden).float()
        with full_precision(hidden):
            if appearance.edge_mask is not None:
                offset = offset * resize(appearance.edge_mask, half)
            # Bilinear sampling would lose a third of the photo's sharpness.
            sampled = sample(per_frame(appearance.photo, count), resize(offset, side), "bicubic")
            gain = relit(light.float(), scene, constants)
            if appearance.edge_mask is not None:
                gain = 1 + (gain - 1) * resize(appearance.edge_mask, gain.shape[-1])
            sampled = sampled * resize(gain, side)
            opened = uncovered_mouth(source, target, scene.zoom, side, constants)
            # Stretched lips would cover the mouth's interior; it starts as a dark area.
            sampled = torch.addcmul(sampled, sampled, opened, value=-constants.mouth_shade)
            synthesis = resize(synthesis.float(), side).contiguous()
            mask = torch.add(synthesis[:, 3:], opened, alpha=constants.mouth_logit).sigmoid()
            if appearance.edge_mask is not None:
                mask = mask * resize(appearance.edge_mask, side)
            return sampled.lerp(synthesis[:, :3] + 0.5, mask), mask, offset

    def _scene(self, appearance: Appearance, geometry: Geometry) -> Scene:
        """The decoder's input: appearance of one portrait or of B, geometry of B frames."""
        quarter, count, own = self.config.image // 4, len(geometry.motion), appearance.geometry
        source, target = own.landmarks[..., :2], geometry.landmarks[..., :2]
        with full_precision(source):
            skin, density = landmark_offset(source, target, quarter, self.corrections.warp_floor)
            head = pose_offset(own.head, geometry.head, quarter, EARS)
            zoom = (geometry.pose - own.pose)[:, 5].exp()
            drawn = per_frame(appearance.drawn, count), draw(target, DRAWN, quarter, LINE)
            coarse = per_frame(appearance.coarse, count)
            warped = [sample(coarse, skin), sample(coarse, head), coarse]
            features = [*warped, 10 * skin, 10 * head, density.clamp(max=8) / 8, *drawn]
        end = self.config.motion.groups["pose"].stop
        away = clamped_pose(geometry.motion - own.motion, end, self.corrections)
        return Scene(
            torch.cat(features, 1),
            torch.cat([away, per_frame(own.motion, count)], -1),
            skin,
            head,
            (density / FACE_DENSITY).clamp(max=1),
            source,
            target,
            zoom,
            away[:, :end].square().sum(1).sqrt(),
        )

    def _decode(self, scene: Scene) -> Tensor:
        """The U-Net's output (B, C, S/4, S/4)."""
        condition = self.condition(scene.motion)
        x = self.enter(scene.features)
        skips = []
        for down, blocks in zip(self.down, self._levels(self.encode), strict=True):
            skips.append(x)
            x = down(x)
            for block in blocks:
                x = block(x, condition)
        for up, blocks in reversed(list(zip(self.up, self._levels(self.decode), strict=True))):
            x = F.interpolate(up(x), scale_factor=2.0, mode="nearest") + skips.pop()
            for block in blocks:
                x = block(x, condition)
        return F.silu(x)

    def _levels(self, blocks: nn.ModuleList) -> list[list[nn.Module]]:
        """The residual blocks of each level."""
        every, depth = list(blocks), self.config.depth
        return [every[at : at + depth] for at in range(0, len(every), depth)]
