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
    stem: tuple[int, ...] = (24, 32, 48)  # appearance encoder: twice at half of the side, then 1/4
    widths: tuple[int, ...] = (40, 80, 128, 160)  # decoder, from 1/4 of the side downwards
    depth: int = 1  # residual blocks at each of those levels, on the way down and up
    refine: int = 24  # decoder at half of the side
    condition: int = 128
    # Widths of the paper's plain decoder at 1/2, 1/4 and 1/8 of the side, to use it instead.
    plain: tuple[int, ...] = ()


INPAINTED = ("mouth", "lips", "eyes")  # names of `renderer/inpainting.py: REGIONS`


@dataclass(frozen=True)
class InpainterConfig:
    """The inpainter of one of `INPAINTED`."""

    widths: tuple[int, int, int] = (32, 64, 128)  # at 32, 16 and 8 px of a window of 64


@dataclass(frozen=True)
class DenoiserConfig:
    """Stage 2."""

    motion: int = MotionConfig().width
    speech: int = 768
    components: int = 160  # principal components of the speech features that are heard
    context: int = 3  # frames of speech on each side that the regression of motion sees
    width: int = 160
    layers: int = 4
    heads: int = 4
    kernel: int = 9  # frames seen by the depthwise convolution of a Conformer block
    dropout: float = 0.2


@dataclass(frozen=True)
class Preset:
    """Both stages, and the inpainters of stage 1."""

    autoencoder: AutoencoderConfig = AutoencoderConfig()
    denoiser: DenoiserConfig = DenoiserConfig()
    inpainter: InpainterConfig = InpainterConfig()


# The paper's sizes in millions of parameters (docs/paper.md), for machines that can train them. How
# it spends them is not known.
_PAPER_AUTOENCODERS = {
    "80m": AutoencoderConfig(
        appearance=64,
        detail=32,
        stem=(48, 96, 192),
        widths=(160, 320, 512, 640),
        depth=3,
        refine=64,
        condition=512,
    ),
    "700m": AutoencoderConfig(
        appearance=128,
        detail=48,
        stem=(96, 192, 384),
        widths=(384, 768, 1280, 1536),
        depth=5,
        refine=96,
        condition=768,
    ),
    "1.7b": AutoencoderConfig(
        appearance=192,
        detail=64,
        stem=(128, 256, 512),
        widths=(512, 1024, 1920, 2048),
        depth=6,
        refine=128,
        condition=1024,
    ),
}
_PAPER_DENOISERS = {
    "180m": DenoiserConfig(components=512, width=640, layers=12, heads=10, dropout=0.1),
    "600m": DenoiserConfig(components=768, width=1024, layers=16, heads=16, dropout=0.1),
    "1.2b": DenoiserConfig(components=768, width=1280, layers=21, heads=20, dropout=0.1),
}

# Of the paper's sizes every pair of stages can be asked for; its 2B are about "700m-1.2b".
PRESETS: dict[str, Preset] = {
    "small": Preset(),
    "plain": Preset(AutoencoderConfig(plain=(32, 64, 160))),
    **{
        f"{first}-{second}": Preset(autoencoder, denoiser)
        for first, autoencoder in _PAPER_AUTOENCODERS.items()
        for second, denoiser in _PAPER_DENOISERS.items()
    },
}
