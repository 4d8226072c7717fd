"""Sizes of both stages, their presets, and the corrections' constants. No tensors, no files.

A configuration is saved as `config.json` next to the weights it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

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
class MotionCorrections:
    """Hand-set constants between sampler and motion latent, see `motion.corrections`.

    What each correction does to the numbers is measured in docs/corrections.md. The turn and the
    rest belong to the shipped weights, and stand in their config.json.

    Attributes:
        turn_yaw, turn_pitch: a picture turns less than its latent: how much further the latent
            goes than is asked. Measured by `evaluate --protocol control` on portraits of the
            training set; renderers differ.
        join_frames: in which the head comes to a pose track, and leaves it.
        rest_aperture: mean lip aperture of those training clips with speech of which a frame shows
            closed lips. A still photo's closed lips predict less: they are as somebody's who is
            silent.
        mouth_noise: standard deviation of the initial noise of the mouth's channels; of the others
            it is 1. A fair sample of the lips follows speech less than their mean does.
        low_pass_head, low_pass_face: widths in frames of the zero-phase low-pass over the sampled
            head pose, and over brows and the rest of the face.
        regression_share: how far the lips go to the regression's prediction.
        regression_gain: of that prediction, which as a mean is too small.
        closing_from, closing_to: likelihoods of a bilabial at which lips begin to close, and are
            closed.
        blink_gap: frames between the beginnings of two blinks at least.
        blink_margin: frames of a removed blink, beside what is below its half.
        ramp_frames: in which a span's own controls set in and fade.
    """

    turn_yaw: float = 1.25
    turn_pitch: float = 1.3
    join_frames: int = 15
    rest_aperture: float = 0.042
    mouth_noise: float = 0.2
    low_pass_head: float = 0.8
    low_pass_face: float = 0.8
    regression_share: float = 0.7
    regression_gain: float = 1.6
    closing_from: float = 0.1
    closing_to: float = 0.35
    blink_gap: int = 60
    blink_margin: int = 3
    ramp_frames: int = 6

    # Each correction, in the order in which it acts, and the constants at which it does nothing.
    OFF: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "turn_gain": {"turn_yaw": 1.0, "turn_pitch": 1.0},
        "pose_join": {"join_frames": 0},
        "parted_rest": {"rest_aperture": 0.0},
        "mouth_noise": {"mouth_noise": 1.0},
        "low_pass": {"low_pass_head": 0.0, "low_pass_face": 0.0},
        "lip_regression": {"regression_share": 0.0},
        "closing": {"closing_to": float("inf")},
        "blink_spacing": {"blink_gap": 0},
        "span_ramp": {"ramp_frames": 1},
    }

    def without(self, names: Iterable[str]) -> MotionCorrections:
        """The same with some of the corrections switched off; names of `OFF`."""
        return replace(self, **{key: x for name in names for key, x in self.OFF[name].items()})

    @property
    def turn(self) -> Mapping[str, float]:
        """Channel of the head pose -> gain, where it is not 1."""
        return {"yaw": self.turn_yaw, "pitch": self.turn_pitch}


@dataclass(frozen=True)
class RendererCorrections:
    """Hand-set constants of the renderer.

    All but the gaze also act in training: the shipped weights know them, and switching them off
    measures what these weights make of their absence.

    Attributes:
        pose_clamp: deviations of a pose channel from the portrait's that the decoder is told at
            most (26 degrees of yaw). It has hardly seen pairs that differ by more, and makes up
            hair and outlines; the places that it samples go all the way.
        contour_warp: whether lips and lids are warped by a narrow Gaussian of their own.
        warp_floor: added to the sum of a warp's weights, so that the displacement fades outside
            the face.
        mouth_gap: crop units of further opening after which the mouth is synthesised.
        mouth_shade: how much darker than lips the mouth's inside is taken to be.
        mouth_logit: by how much that raises the mask: from its first bias of -3 to +3.
        light_range: by which a face's light changes at most (natural logarithm).
        light_gain: of what the decoder says of light, or it would learn of it only after all else.
        light_reach: px, at a quarter of the side of 256, over which light is smooth.
        gaze: whether irises are moved between the lids.
        gaze_edge: px of lashes and shadow within a lid's edge, which are not of the eyeball.
        gaze_stretch: by how much at most an eye's inside is taken to be stretched by its lids.
        gaze_tremor: eye widths by which landmarks of irises tremble while eyes rest: so far irises
            hardly follow them.
    """

    pose_clamp: float = 2.5
    contour_warp: bool = True
    warp_floor: float = 0.3
    mouth_gap: float = 0.02
    mouth_shade: float = 0.65
    mouth_logit: float = 6.0
    light_range: float = 0.4
    light_gain: float = 8.0
    light_reach: int = 9
    gaze: bool = True
    gaze_edge: float = 1.5
    gaze_stretch: float = 2.0
    gaze_tremor: float = 0.02

    # As in `MotionCorrections`.
    OFF: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pose_clamp": {"pose_clamp": float("inf")},
        "warp_floor": {"warp_floor": 1e-6},
        "contour_warp": {"contour_warp": False},
        "light": {"light_range": 0.0},
        "uncovered_mouth": {"mouth_gap": float("inf")},
        "gaze": {"gaze": False},
        "round_iris": {"gaze_stretch": 1.0},
        "iris_tremor": {"gaze_tremor": 1e-6},
    }
    # What weights are saved with, for they know no other values.
    OF_WEIGHTS: ClassVar[tuple[str, ...]] = (
        "pose_clamp",
        "warp_floor",
        "mouth_gap",
        "mouth_shade",
        "mouth_logit",
        "light_range",
        "light_gain",
        "light_reach",
    )

    def without(self, names: Iterable[str]) -> RendererCorrections:
        """The same with some of the corrections switched off; names of `OFF`."""
        return replace(self, **{key: x for name in names for key, x in self.OFF[name].items()})


MOTION_DEFAULTS, RENDERER_DEFAULTS = MotionCorrections(), RendererCorrections()
# What `evaluate --without` can switch off.
CORRECTIONS = (*MotionCorrections.OFF, *RendererCorrections.OFF)


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
