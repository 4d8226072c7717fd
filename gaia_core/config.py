"""Sizes of both stages, their presets, and the corrections' constants. No tensors, no files.

A configuration is saved as `config.json` next to the weights it belongs to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

# The motion latent begins with the head pose, which is only normalised (`scale` is its logarithm).
# The other groups are encoded with the pose removed.
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
    appearance: int = 16  # channels of the appearance map at 1/4 of the side
    detail: int = 12  # channels of the appearance map at 1/2 of the side
    stem: tuple[int, ...] = (24, 32, 48)  # appearance encoder: two layers at 1/2, then one at 1/4
    widths: tuple[int, ...] = (40, 80, 128, 160)  # decoder, from 1/4 of the side downwards
    depth: int = 1  # residual blocks a level, in the downward and the upward path each
    refine: int = 24  # decoder at 1/2 of the side
    condition: int = 128
    # Widths at 1/2, 1/4 and 1/8 of the side of the paper's plain decoder; empty: not used.
    plain: tuple[int, ...] = ()


INPAINTED = ("mouth", "lips", "eyes")  # names of `renderer/inpainting.py: REGIONS`


@dataclass(frozen=True)
class InpainterConfig:
    """The inpainter of one of `INPAINTED`."""

    widths: tuple[int, int, int] = (32, 64, 128)  # at 32, 16 and 8 px of a window of 64


@dataclass(frozen=True)
class DetailConfig:
    """The super-resolution of inpainted regions."""

    widths: tuple[int, int] = (24, 48)  # at 64 and 32 px of a window of 128
    depth: int = 2  # residual blocks at 32 px


@dataclass(frozen=True)
class DenoiserConfig:
    """Stage 2."""

    motion: int = MotionConfig().width
    speech: int = 768
    components: int = (
        160  # leading principal components of the speech features, the network's input
    )
    context: int = 3  # frames of speech on each side in the regression of motion on speech
    width: int = 160
    layers: int = 4
    heads: int = 4
    kernel: int = 9  # frames of the depthwise convolution in a Conformer block
    dropout: float = 0.2


class Corrections:
    """Hand-set constants of a stage.

    Attributes:
        OFF: each correction in the order in which it acts, and the constants at which it does
            nothing.
    """

    OFF: ClassVar[Mapping[str, Mapping[str, Any]]]

    def without(self, names: Iterable[str]) -> Self:
        """The same with some of the corrections switched off; names of `OFF`."""
        off = {key: x for name in names for key, x in self.OFF[name].items()}
        return replace(self, **off)  # type: ignore[type-var]


@dataclass(frozen=True)
class MotionCorrections(Corrections):
    """Hand-set constants between sampler and motion latent, see `motion.corrections`.

    docs/corrections.md has the measured effect of each correction. Turn and rest depend on the
    weights, so config.json may override them.

    Attributes:
        turn_yaw, turn_pitch: gain on the target angle, since the rendered head turns less than
            its latent. Depends on the renderer; measured by `evaluate --protocol control` on
            portraits of the training set.
        join_frames: transition between sampled head motion and a pose track, frames.
        rest_aperture: lip aperture at rest while speaking: its mean over training clips with
            speech in which a frame has closed lips. From a portrait with closed lips the rest
            would be predicted lower, as of a silent subject.
        mouth_noise: standard deviation of the initial noise in the mouth's channels, 1 in the
            others. Samples of the lips follow speech less than their mean does.
        low_pass_head, low_pass_face: standard deviations in frames of the zero-phase low-pass over
            the sampled head pose, and over brows and the rest of the face.
        regression_share: weight of the regression in the lips, 0 to 1.
        regression_gain: gain on the regression, whose predictions are too small, as means are.
        closing_from, closing_to: likelihoods of a bilabial at which the lips begin to close, and
            at which they are closed.
        blink_gap, blink_most: minimum and maximum of frames between the beginnings of two blinks.
        blink_margin: frames on each side of a removed blink that are interpolated as well.
        ramp_frames: fade-in and fade-out of a re-rendered span, frames.
    """

    turn_yaw: float = 1.25
    turn_pitch: float = 1.3
    join_frames: int = 15
    rest_aperture: float = 0.042
    mouth_noise: float = 0.2
    low_pass_head: float = 1.0
    low_pass_face: float = 0.8
    regression_share: float = 0.7
    regression_gain: float = 1.6
    closing_from: float = 0.1
    closing_to: float = 0.35
    blink_gap: int = 60
    blink_most: int = 150
    blink_margin: int = 3
    ramp_frames: int = 6

    # The corrections in order of application, and the constants that switch each of them off.
    OFF: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "turn_gain": {"turn_yaw": 1.0, "turn_pitch": 1.0},
        "pose_join": {"join_frames": 0},
        "parted_rest": {"rest_aperture": 0.0},
        "mouth_noise": {"mouth_noise": 1.0},
        "low_pass": {"low_pass_head": 0.0, "low_pass_face": 0.0},
        "lip_regression": {"regression_share": 0.0},
        "closing": {"closing_to": float("inf")},
        "blink_spacing": {"blink_gap": 0, "blink_most": sys.maxsize},
        "span_ramp": {"ramp_frames": 1},
    }

    @property
    def turn(self) -> Mapping[str, float]:
        """Channel of the head pose -> gain, where it is not 1."""
        return {"yaw": self.turn_yaw, "pitch": self.turn_pitch}


@dataclass(frozen=True)
class RendererCorrections(Corrections):
    """Hand-set constants of the renderer.

    All but the gaze also act in training, so switching them off also takes the shipped weights
    out of their training distribution.

    Attributes:
        pose_clamp: maximal difference of a pose channel from the portrait's, in standard
            deviations, that the decoder is conditioned on (26 degrees of yaw). Training pairs
            hardly differ by more; beyond, hair and outlines are hallucinated. The warp is not
            clamped.
        contour_warp: whether lips and lids are warped by a narrow Gaussian.
        warp_floor: added to the sum of a warp's weights, so that the displacement fades outside
            the face.
        mouth_gap: widening of the lip gap, in crop units, beyond which the mouth is synthesised.
        mouth_shade: darkening of the mouth's inside relative to the lips, 0 to 1.
        mouth_logit: added to the mask's logit there: from its initial bias of -3 to +3.
        light_range: bound on the relighting gain (natural logarithm).
        light_gain: factor on the decoder's output of light, which would otherwise be learned last.
        light_reach: smoothing of the light in px, at a quarter of the side of 256.
        gaze: whether irises are moved between the lids.
        gaze_edge: margin within a lid's edge in px, which shows lashes and shadow.
        gaze_stretch: bound on the stretch of an eyeball's texture by its lids.
        gaze_tremor: noise of the iris landmarks in eye widths; smaller displacements are damped.
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
    # Saved with the weights, which were trained with these values.
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


MOTION_DEFAULTS, RENDERER_DEFAULTS = MotionCorrections(), RendererCorrections()
# Names that `evaluate --without` takes.
CORRECTIONS = (*MotionCorrections.OFF, *RendererCorrections.OFF)


@dataclass(frozen=True)
class Preset:
    """Both stages, and the inpainters of stage 1."""

    autoencoder: AutoencoderConfig = AutoencoderConfig()
    denoiser: DenoiserConfig = DenoiserConfig()
    inpainter: InpainterConfig = InpainterConfig()
    detail: DetailConfig = DetailConfig()


# The paper's sizes in millions of parameters (docs/paper.md), for machines that can train them. The
# paper does not report layers and widths.
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

# Every pair of the paper's stage sizes; its 2B model is about "700m-1.2b".
PRESETS: dict[str, Preset] = {
    "small": Preset(),
    "plain": Preset(AutoencoderConfig(plain=(32, 64, 160))),
    **{
        f"{first}-{second}": Preset(autoencoder, denoiser)
        for first, autoencoder in _PAPER_AUTOENCODERS.items()
        for second, denoiser in _PAPER_DENOISERS.items()
    },
}
