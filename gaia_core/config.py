"""The sizes of both stages as frozen dataclasses, and the presets. No tensors, no files.

A configuration is saved as `config.json` next to the weights it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

# Channel groups of the motion latent, in order, with their widths. Head pose comes first and is
# kept as it is: yaw, pitch, roll, x, y, log scale. The rest is encoded with the pose removed.
POSE_CHANNELS = ("yaw", "pitch", "roll", "x", "y", "scale")


@dataclass(frozen=True)
class MotionConfig:
    """Widths of the expression groups of the motion latent."""

    eyes: int = 10
    brows: int = 6
    mouth: int = 16
    face: int = 8

    @property
    def groups(self) -> dict[str, slice]:
        """Name of each channel group -> its slice of the latent's last axis."""
        widths = {
            "pose": len(POSE_CHANNELS),
            "eyes": self.eyes,
            "brows": self.brows,
            "mouth": self.mouth,
            "face": self.face,
        }
        slices, start = {}, 0
        for name, width in widths.items():
            slices[name] = slice(start, start + width)
            start += width
        return slices

    @property
    def width(self) -> int:
        """D, the width of the motion latent."""
        return self.groups["face"].stop


@dataclass(frozen=True)
class AutoencoderConfig:
    """Stage 1."""

    motion: MotionConfig = MotionConfig()
    image: int = 256  # side of the crop, px
    appearance: int = 16  # channels of the appearance map at a quarter of the side
    detail: int = 12  # channels of the appearance map at half of the side
    widths: tuple[int, ...] = (40, 80, 128, 160)  # decoder, from 1/4 of the side downwards
    refine: int = 24  # decoder at half of the side
    condition: int = 128
    # Widths of the paper's plain decoder at 1/2, 1/4 and 1/8 of the side, to use it instead.
    plain: tuple[int, ...] = ()


@dataclass(frozen=True)
class DenoiserConfig:
    """Stage 2."""

    motion: int = MotionConfig().width
    speech: int = 768
    components: int = 160  # principal components of the speech features that are heard
    width: int = 160
    layers: int = 4
    heads: int = 4
    kernel: int = 9  # frames seen by the depthwise convolution of a Conformer block
    dropout: float = 0.2


@dataclass(frozen=True)
class Preset:
    """Both stages."""

    autoencoder: AutoencoderConfig = AutoencoderConfig()
    denoiser: DenoiserConfig = DenoiserConfig()


PRESETS: dict[str, Preset] = {
    "small": Preset(),
    "plain": Preset(AutoencoderConfig(plain=(32, 64, 160))),
}
