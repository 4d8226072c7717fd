"""Stage 1: a frame is its appearance (from the portrait) and its motion (from landmarks only).

Joins the motion encoder, a decoder and the inpainters. Knows nothing of speech, of diffusion or of
whole photos.
"""

from __future__ import annotations

from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.config import AutoencoderConfig
from gaia_core.latent import MotionEncoder
from gaia_core.layers import full_precision
from gaia_core.renderer import lips
from gaia_core.renderer.appearance import Appearance
from gaia_core.renderer.background import background
from gaia_core.renderer.decoder import Renderer
from gaia_core.renderer.eyes import Eyes, seen, window_maps
from gaia_core.renderer.gaze import look
from gaia_core.renderer.inpainting import extract
from gaia_core.renderer.lips import Lips
from gaia_core.renderer.mouth import Mouth, between_lips, seen_between, window_map
from gaia_core.renderer.plain_decoder import PlainDecoder
from gaia_core.renderer.warp import resize


class Autoencoder(nn.Module):
    """Both halves, and the only owner of what a motion latent means."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.motion = MotionEncoder(config.motion)
        self.renderer = (PlainDecoder if config.plain else Renderer)(config)
        # Trained by themselves, see `checkpoint.load_autoencoder`.
        self.mouth: Mouth | None = None
        self.lips: Lips | None = None
        self.eyes: Eyes | None = None

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
        """(B, 3, H, W) crop in [0, 1] at any resolution, (B, D) its motion -> Appearance"""
        appearance = self.renderer.encode_appearance(portrait, motion)
        with full_precision(motion):
            small = resize(portrait.float(), self.config.image)
            pose, landmarks = self.head_pose(motion), self.decode_landmarks(motion)
            where = window_map(pose, self.motion.template)
            if self.mouth:
                between = between_lips(landmarks, where)
                appearance.mouth = seen_between(extract(small, where), between)
            if self.lips:
                appearance.lips = lips.seen(small, landmarks, where)
            if self.eyes:
                maps = window_maps(pose, self.motion.template)
                appearance.eyes = seen(small, landmarks, maps)
        if isinstance(self.renderer, Renderer) and not self.training:
            # In training the decoder has to find out by itself.
            appearance.matte = self.renderer.matte(appearance, motion, self.motion)
            chin = landmarks[:, mesh.FACE_BOTTOM, 1]
            appearance.backdrop = background(small, appearance.matte, chin)
        return appearance

    def decode(self, appearance: Appearance, motion: Tensor, side: int | None = None) -> Tensor:
        """Appearance of one portrait or B, (B, D) -> frames (B, 3, side, side) in [0, 1]"""
        frames, _, _ = self.renderer(appearance, motion, self.motion, side or self.config.image)
        if not (self.mouth or self.lips or self.eyes):
            return frames.clamp(0, 1)
        with full_precision(motion):
            pose, landmarks = self.head_pose(motion), self.decode_landmarks(motion)
            where = window_map(pose, self.motion.template)
            if self.mouth and appearance.mouth is not None:
                frames = self.mouth.fill(frames.float(), appearance.mouth, landmarks, where)
            if self.lips and appearance.lips is not None:
                frames = self.lips.fill(frames.float(), appearance.lips, landmarks, where)
            if self.eyes and appearance.eyes is not None:
                template, own = self.motion.template, appearance.motion.float()
                maps = window_maps(pose, template)
                past = window_maps(self.head_pose(own), template)
                shown = self.decode_landmarks(own)
                frames = look(frames.float(), shown, landmarks, past, maps)
                frames = self.eyes.fill(frames, appearance.eyes, landmarks, maps)
        return frames.clamp(0, 1)
