"""Stage 1: the autoencoder that separates a frame's appearance from its motion.

Appearance comes from the portrait, motion from landmarks alone.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from gaia_core.config import RENDERER_DEFAULTS, AutoencoderConfig, RendererCorrections
from gaia_core.latent import Geometry, MotionEncoder
from gaia_core.layers import full_precision
from gaia_core.renderer.appearance import Appearance
from gaia_core.renderer.decoder import Renderer
from gaia_core.renderer.detail import Detail
from gaia_core.renderer.gaze import eye_poses, redirect_gaze
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.renderer.plain_decoder import PlainDecoder
from gaia_core.renderer.warp import resize


class Autoencoder(nn.Module):
    """Motion encoder, renderer and inpainters."""

    def __init__(
        self, config: AutoencoderConfig, corrections: RendererCorrections = RENDERER_DEFAULTS
    ) -> None:
        super().__init__()
        self.config, self.corrections = config, corrections
        self.motion = MotionEncoder(config.motion)
        self.renderer = PlainDecoder(config) if config.plain else Renderer(config, corrections)
        # In the order of `REGIONS`; trained separately, see `checkpoint.load_autoencoder`.
        self.inpainters = cast(dict[str, Inpainter], nn.ModuleDict())
        self.detail: Detail | None = None

    def encode_motion(self, landmarks: Tensor) -> Tensor:
        """(..., K, 3) in crop units -> (..., D)"""
        return self.motion(landmarks)

    def decode_landmarks(self, motion: Tensor) -> Tensor:
        """(..., D) -> (..., K, 3) in crop units"""
        return self.motion.landmarks(motion)

    def head_pose(self, motion: Tensor) -> Tensor:
        """(..., D) -> (..., 6): yaw, pitch, roll in degrees, x, y in crop units, log scale"""
        return self.motion.head_pose(motion)

    def encode_appearance(self, portrait: Tensor, motion: Tensor) -> Appearance:
        """Crop (B, 3, H, W) in [0, 1] at any resolution, its latent (B, D) -> Appearance"""
        geometry = self.motion.geometry(motion)
        appearance = self.renderer.encode_appearance(portrait, geometry)
        with full_precision(motion):
            small = resize(portrait.float(), self.config.image)
            for name, inpainter in self.inpainters.items():
                windows = inpainter.windows(geometry.head, self.motion.template)
                references = inpainter.references(small, geometry.landmarks, windows)
                appearance.references[name] = references
                if name == "eyes":
                    appearance.eyes = eye_poses(geometry.landmarks, windows)
        return appearance

    def decode(self, appearance: Appearance, motion: Tensor, side: int | None = None) -> Tensor:
        """Appearance of one portrait or of B, (B, D) -> frames (B, 3, side, side) in [0, 1]

        side: in px, the configured one by default.
        """
        geometry = self.motion.geometry(motion)
        frames, _, _ = self.renderer(appearance, geometry, side or self.config.image)
        if self.inpainters:
            with full_precision(motion):
                frames = self._inpainted(frames.float(), appearance, geometry)
        return frames.clamp(0, 1)

    def _inpainted(self, frames: Tensor, appearance: Appearance, geometry: Geometry) -> Tensor:
        landmarks = geometry.landmarks
        for name, inpainter in self.inpainters.items():
            windows = inpainter.windows(geometry.head, self.motion.template)
            if name == "eyes" and self.corrections.gaze:  # before the lids occlude the irises
                frames = redirect_gaze(
                    frames, appearance.eyes, landmarks, windows, self.corrections
                )
            references = appearance.references[name]
            frames = inpainter.inpaint(frames, references, landmarks, windows, self.detail)
        return frames
