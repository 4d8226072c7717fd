"""Stage 1: a frame is its appearance (from the portrait) and its motion (from landmarks only).

`MotionEncoder` turns landmarks into the motion latent and back; it never sees a pixel.
`Renderer` makes frames from one appearance and many motions. `Autoencoder` joins the two.
Knows nothing of speech, of diffusion or of whole photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core import eyes, lips
from gaia_core import landmarks as mesh
from gaia_core.config import AutoencoderConfig, MotionConfig
from gaia_core.conformer import Attention
from gaia_core.eyes import Eyes, window_maps
from gaia_core.inpainting import extract
from gaia_core.lips import Lips
from gaia_core.mouth import Mouth, between_lips, seen_between, window_map


def _full_precision(x: Tensor) -> torch.autocast:
    """Geometry stays in fp32: a half-precision place is off by whole pixels."""
    return torch.autocast(x.device.type, enabled=False)


class MotionEncoder(nn.Module):
    """Landmarks <-> motion latent, in the channel groups of `MotionConfig`.

    The first six channels are the head pose. Each other group is a linear VAE over its own
    landmarks with the pose removed, so that a group can be edited or replaced alone, and a
    difference of latents means the same on every face. (A linear VAE's optimum spans the
    principal subspace: Lucas et al. 2019; `fit` starts there.)
    """

    template: Tensor
    group: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.config = config
        count, width = mesh.COUNT, config.width
        self.register_buffer("template", torch.zeros(count, 3))
        self.register_buffer("group", torch.zeros(count, dtype=torch.long))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        expression = width - config.groups["pose"].stop
        self.encode = nn.Linear(count * 3, expression)
        self.decode = nn.Linear(expression, count * 3)
        self.log_variance = nn.Parameter(torch.full((expression,), -4.0))

    def forward(self, landmarks: Tensor) -> Tensor:
        """(..., K, 3) in crop units -> (..., D), each channel of about unit variance."""
        with _full_precision(landmarks):
            landmarks = landmarks.float()
            pose = mesh.fit_pose(landmarks, self.template)
            shape = mesh.remove_pose(landmarks, pose) - self.template
            motion = torch.cat([pose, self.encode(shape.flatten(-2))], -1)
            return (motion - self.mean) / self.scale

    def landmarks(self, motion: Tensor) -> Tensor:
        """(..., D) -> (..., K, 3) in crop units."""
        with _full_precision(motion):
            pose, expression = self.split(motion)
            shape = self.decode(expression).unflatten(-1, (mesh.COUNT, 3)) + self.template
            return mesh.apply_pose(shape, pose)

    def split(self, motion: Tensor) -> tuple[Tensor, Tensor]:
        """(..., D) -> head pose (..., 6) in degrees, crop units and log scale; the rest."""
        motion = motion.float() * self.scale + self.mean
        end = self.config.groups["pose"].stop
        return motion[..., :end], motion[..., end:]


@dataclass
class Appearance:
    """What the renderer keeps of a portrait; made once, used for every frame.

    Attributes:
        photo: (B, 3, 2H, 2W) the crop in [0, 1], at any resolution, interpolated to twice that:
            samples of it between the pixels keep the photo's sharpness.
        small: (B, 3, S/2, S/2) the crop at half of the configured side S.
        coarse: (B, C, H/4, W/4) features at a quarter of the configured side.
        fine: (B, C', H/2, W/2) features at half of it.
        motion: (B, D) the portrait's own motion latent.
        mouth: (B, 4, 64, 64) what it shows between its lips, see `mouth.seen_between`.
        lips: (B, 5, 64, 64) what it shows of its mouth, see `lips.seen`.
        eyes: (B, 2, 4, 64, 64) what it shows of its eyes, see `eyes.seen`.
        matte: (B, 1, S/4, S/4) in [0, 1], what goes with the head, see `Renderer.matte`; None in
            training.
        backdrop: (B, 3, S, S) in [0, 1], the background where the head hides it, too; None as well.
        loose: (1, 1, H, H) in [0, 1], how far each place may leave where the portrait has it, for
            crops that return into a still photo; None where all of it moves freely.
    """

    photo: Tensor
    small: Tensor
    coarse: Tensor
    fine: Tensor
    motion: Tensor
    mouth: Tensor | None = None
    lips: Tensor | None = None
    eyes: Tensor | None = None
    matte: Tensor | None = None
    backdrop: Tensor | None = None
    loose: Tensor | None = None


class Scene(NamedTuple):
    """Where a portrait's places have gone in each of B frames, at a quarter of the side.

    Attributes:
        entering: (B, C, S/4, S/4) what the decoder sees.
        motion: (B, 2 D) away from the portrait's, a pose by `FARTHEST` at most; the portrait's.
        skin, head, back: (B, 2, S/4, S/4) in crop units, offsets to where the skin was, and the
            head as a rigid board, at the depth of ears and of the back of the head.
        face: (B, 1, S/4, S/4) in [0, 1], where landmarks are dense.
        source, target: (1 or B, K, 2) and (B, K, 2) landmarks in crop units.
        zoom: (B,) how much larger the head is.
        turned: (B,) how far its pose is from the portrait's, in deviations.
    """

    entering: Tensor
    motion: Tensor
    skin: Tensor
    head: Tensor
    back: Tensor
    face: Tensor
    source: Tensor
    target: Tensor
    zoom: Tensor
    turned: Tensor


class Residual(nn.Module):
    """Two convolutions whose middle is scaled and shifted by the motion condition."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulate = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, C, H, W), (B, condition) -> (B, C, H, W)"""
        scale, shift = self.modulate(condition)[..., None, None].chunk(2, 1)
        hidden = torch.addcmul(shift, self.first(F.silu(x)), 1 + scale)
        return x + self.second(F.silu(hidden))


# Curves drawn into the decoder's input, so that it sees where lips, eyes and brows shall be.
DRAWN = (
    mesh.LIPS_OUTER,
    mesh.LIPS_INNER,
    mesh.EYE_RIGHT + mesh.EYE_LEFT,
    mesh.IRISES,
    mesh.BROW_RIGHT + mesh.BROW_LEFT,
    mesh.NOSE,
    mesh.OVAL,
)
FINE_DRAWN = DRAWN[:4]  # what needs detail at half of the side
# Lips part and lids close within a few pixels: there each landmark moves its own surroundings.
CONTOURS = mesh.LIPS_OUTER + mesh.LIPS_INNER + mesh.EYE_RIGHT + mesh.EYE_LEFT
WARP_SIGMA, CONTOUR_SIGMA = 0.03, 0.01  # reach of a landmark's displacement, crop units
MOUTH_GAP = 0.02  # crop units of further opening after which the mouth is synthesised
MOUTH_SHADE = 0.65  # how much darker than lips the mouth's inside is taken to be
MOUTH_LOGIT = 6.0  # by how much that raises the mask: from its first bias of -3 to +3
WARP_FLOOR = 0.3  # added to the weights' sum, so that the displacement fades outside the face
FACE_DENSITY = 2.0  # of landmarks, from which on a place is the face's own
# Small motions (channel, degrees or crop units) that tell what goes with the head, and the share of
# all but the skin's offset from which on, and from which on surely, a place does.
HEAD_TRIALS = (0, 6.0), (0, -6.0), (3, 0.02), (3, -0.02)
HEAD_SHARES = 0.25, 0.65
# Crop units by which it must have gone for what it leaves to be filled in.
LEAVING = 0.03, 0.06
CHIN = 0.06  # crop units above the chin in which the body begins
# Light on a face changes by at most so much (natural logarithm); what the decoder says of it counts
# so much more, or it would learn of it only after all else; how far around the face, and over
# what, it fades, at a quarter of the side of 256.
LIGHT, LIGHT_GAIN, LIGHT_REACH = 0.4, 8.0, 9
# The decoder has hardly seen pairs whose head poses differ by more, in deviations of a channel (26
# degrees of yaw): told of it, it makes up hair and outlines. Beyond, it is told so much, while
# the places go all the way.
FARTHEST = 2.5
# How far behind the face's rigid centre ears and the back of the head are, in face widths.
EARS, BACK = 0.1, 0.6


def _each(x: Tensor, count: int) -> Tensor:
    """One portrait's for each of its frames, without a copy: (1 or count, ...) -> (count, ...)"""
    return x.expand(count, *x.shape[1:])


def splat(points: Tensor, side: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Gaussian weights of points on a square grid, one factor per axis.

    (B, K, 2) in crop units -> (B, K, side) over rows, (B, K, side) over columns.
    """
    unit = 2**0.5 * sigma
    grid = (torch.arange(side, device=points.device, dtype=points.dtype) + 0.5) / (side * unit)
    weights = (points.unsqueeze(-1) / unit - grid).square().neg_().exp_()
    return weights[:, :, 1], weights[:, :, 0]


def draw(points: Tensor, curves: tuple[tuple[int, ...], ...], side: int, sigma: float) -> Tensor:
    """Soft drawings of the curves' points: (B, K, 2) -> (B, len(curves), side, side)."""
    maps = []
    for curve in curves:
        rows, columns = splat(points[:, list(curve)], side, sigma)
        maps.append(rows.transpose(1, 2) @ columns)
    return torch.stack(maps, 1).clamp_(max=1.5)


def landmark_offset(
    source: Tensor, target: Tensor, side: int, sigma: float = WARP_SIGMA
) -> tuple[Tensor, Tensor]:
    """Where each pixel of the target lay in the source, if skin follows the landmarks.

    Normalised Gaussian weights. (B, K, 2), (B, K, 2) in crop units ->
    offset (B, 2, side, side) in crop units, density (B, 1, side, side).
    """
    rows, columns = splat(target, side, sigma)
    values = torch.cat([source - target, torch.ones_like(target[..., :1])], -1)
    sums = torch.stack(
        [rows.transpose(1, 2) @ (columns * values[..., c : c + 1]) for c in range(3)], 1
    )
    return sums[:, :2] / (sums[:, 2:] + WARP_FLOOR), sums[:, 2:]


def uncovered_mouth(source: Tensor, target: Tensor, zoom: Tensor, side: int) -> Tensor:
    """Where the lips part further than in the portrait, which cannot know what lies there.

    (B, K, 2), (B, K, 2) in crop units, (B,) how much larger the head is in the target ->
    (B, 1, side, side) in [0, 1].
    """
    top, bottom = list(mesh.INNER_TOP), list(mesh.INNER_BOTTOM)
    parted = [(points[:, bottom] - points[:, top]).norm(dim=-1) for points in (source, target)]
    share = ((parted[1] / zoom[:, None] - parted[0]) / MOUTH_GAP).clamp(0, 1)
    between = [target[:, top].lerp(target[:, bottom], t) for t in (1 / 6, 1 / 2, 5 / 6)]
    rows, columns = splat(torch.cat(between, 1), side, CONTOUR_SIGMA)
    weight = share.repeat(1, len(between)).unsqueeze(-1)
    return torch.einsum("bky,bkx->byx", rows * weight, columns).clamp(max=1).unsqueeze(1)


def pose_offset(source: Tensor, target: Tensor, side: int, depth: float) -> Tensor:
    """Where each pixel of the target lay in the source, if the head moved as one rigid board.

    (B, 6), (B, 6) head poses, the board's depth behind the face's rigid centre in face widths ->
    offset (B, 2, side, side) in crop units.
    """
    # A canonical point p lies at s R p + t. With p's depth fixed, the map between the two
    # images is affine: x_source = A (x_target - t_target - b) + ...
    source_matrix = source[:, 5].exp()[:, None, None] * mesh.rotation_from_degrees(source[:, :3])
    target_matrix = target[:, 5].exp()[:, None, None] * mesh.rotation_from_degrees(target[:, :3])
    forward = target_matrix[:, :2, :2]
    inverse = torch.linalg.inv(forward)
    affine = source_matrix[:, :2, :2] @ inverse
    shift = depth * (source_matrix[:, :2, 2:] - affine @ target_matrix[:, :2, 2:])  # (B, 2, 1)
    grid = (torch.arange(side, device=source.device, dtype=source.dtype) + 0.5) / side
    pixels = torch.stack(torch.meshgrid(grid, grid, indexing="xy")).flatten(1)  # (2, side^2)
    moved = affine @ (pixels - target[:, 3:5, None]) + shift + source[:, 3:5, None]
    return (moved - pixels).unflatten(-1, (side, side))


def sample(image: Tensor, offset: Tensor, mode: str = "bilinear") -> Tensor:
    """Samples of an image at every pixel's place plus offset.

    (B, C, H, W), (B, 2, h, w) in crop units -> (B, C, h, w). Outside, the border repeats.
    """
    height, width = offset.shape[-2:]
    y = (2 * torch.arange(height, device=offset.device, dtype=offset.dtype) + 1) / height - 1
    x = (2 * torch.arange(width, device=offset.device, dtype=offset.dtype) + 1) / width - 1
    still = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    grid = torch.add(still, offset.permute(0, 2, 3, 1), alpha=2)
    return F.grid_sample(
        image.to(grid.dtype), grid, mode, padding_mode="border", align_corners=False
    )


def resize(image: Tensor, side: int) -> Tensor:
    """Bilinear, antialiased when it shrinks: (B, C, H, W) -> (B, C, side, side)."""
    if image.shape[-1] == side:
        return image
    smaller = side < image.shape[-1]
    return F.interpolate(
        image, size=(side, side), mode="bilinear", align_corners=False, antialias=smaller
    )


def double(image: Tensor) -> Tensor:
    """Twice as many pixels: (B, C, H, W) -> (B, C, 2H, 2W), each old one between four new.

    Windowed-sinc interpolation, quarter of a pixel to either side (Lanczos, three lobes).
    """
    x = torch.arange(-3, 4, device=image.device, dtype=torch.float32) + 0.25
    kernel = torch.sinc(x) * torch.sinc(x / 3) * (x.abs() < 3)
    kernel = kernel / kernel.sum()
    kernels = torch.stack([kernel, kernel.flip(0)])  # new pixels lie at -1/4 and +1/4
    count, channels, height, width = image.shape
    rows = F.pad(image.float().reshape(-1, 1, height, width), (0, 0, 3, 3), mode="replicate")
    rows = F.conv2d(rows, kernels[:, None, :, None])
    rows = rows.transpose(1, 2).reshape(-1, 1, 2 * height, width)
    columns = F.pad(rows, (3, 3, 0, 0), mode="replicate")
    columns = F.conv2d(columns, kernels[:, None, None, :])
    return columns.permute(0, 2, 3, 1).reshape(count, channels, 2 * height, 2 * width)


def background(portrait: Tensor, matte: Tensor, chin: Tensor) -> Tensor:
    """The portrait with its head filled in from what surrounds it, smoothly.

    Push-pull (Gortler et al. 1996): means of what is known at coarser and coarser scales. The body,
    below the chin, is not known either.
    (B, 3, S, S), (B, 1, H, H) in [0, 1], (B,) in crop units -> (B, 3, S, S)
    """
    body = (_rows(matte) > chin[:, None, None, None]).to(matte)
    known = 1 - resize(F.max_pool2d(matte, 5, 1, 2).maximum(body), portrait.shape[-1])
    scales = [(portrait * known, known)]
    while scales[-1][1].shape[-1] > 1:
        colours, weight = (F.avg_pool2d(x, 2, ceil_mode=True) for x in scales[-1])
        # A quarter that is known is enough, so that what is near comes before what is far.
        full = (4 * weight).clamp(max=1) / weight.clamp(min=1e-4)
        scales.append((colours * full, weight * full))
    filled = scales[-1][0] / scales[-1][1].clamp(min=1e-4)
    for colours, weight in reversed(scales[:-1]):
        filled = resize(filled, weight.shape[-1]).lerp(colours / weight.clamp(min=1e-4), weight)
    return filled


def left_behind(matte: Tensor, offset: Tensor, scene: Scene) -> Tensor:
    """Where a part of the head is sampled though the head has left: hair that stays in the air.

    What of the head comes to a place is known, for it is rigid and between the depth of its ears
    and of its back. Below the chin is the body, which stays.
    (B, 1, H, H) in [0, 1], (B, 2, H, H) in crop units, see `Scene` -> (B, 1, H, H) in [0, 1]
    """
    comes = sample(matte, scene.head).maximum(sample(matte, scene.back))
    comes = (2 * comes - 1).clamp(0, 1)  # the matte's edge is soft
    left = ((sample(matte, offset) - comes - 0.1) / 0.3).clamp(0, 1)
    left = F.avg_pool2d(F.max_pool2d(left, 5, 1, 2) * (1 - comes), 3, 1, 1)
    above = (scene.source[:, mesh.FACE_BOTTOM, 1, None, None, None] - _rows(matte)) / CHIN - 1
    gone = scene.head.square().sum(1, keepdim=True).sqrt()  # a norm over channels is slow
    far = (gone - LEAVING[0]) / (LEAVING[1] - LEAVING[0])
    return left * above.clamp(0, 1) * far.clamp(0, 1) * (1 - scene.face)


def relit(light: Tensor, scene: Scene) -> Tensor:
    """How much brighter each place of a face has become, for light stays where heads turn in it.

    Smooth, of the face and what surrounds it alone, and 1 where the head has not moved.
    (B, 1, H, H) what the decoder says, see `Scene` -> (B, 1, H, H)
    """
    face = F.max_pool2d(scene.face, LIGHT_REACH, 1, LIGHT_REACH // 2)
    change = face * (LIGHT_GAIN * _smooth(light)).tanh()
    moved = (scene.turned / (1 + scene.turned))[:, None, None, None]
    return (LIGHT * moved * _smooth(change)).exp()


def _smooth(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, LIGHT_REACH, 1, LIGHT_REACH // 2, count_include_pad=False)


def _rows(x: Tensor) -> Tensor:
    """Where rows are, in crop units: (B, C, H, W) -> (H, 1)"""
    return ((torch.arange(x.shape[-2], device=x.device) + 0.5) / x.shape[-2])[:, None]


class Renderer(nn.Module):
    """Appearance and motion -> frame, by learned sampling.

    Every pixel asks the portrait for its colour: the decoder weighs three places where it may
    have been (moved with the skin, moved with the head, not at all), adds an offset of its own,
    and synthesises what the portrait does not show (mouth interior, opened eyes, what the head
    uncovers). The samples come from the photo at any resolution; offsets are an attention
    pattern, motion stays a latent.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
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
        entering = 3 * config.appearance + 2 * 2 + 1 + 2 * len(DRAWN)
        self.enter = nn.Conv2d(entering, widths[0], 3, padding=1)
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
        # An untrained decoder is the plain landmark warp: training starts from there.
        for layer in (self.mix, self.nudge, self.light):
            nn.init.zeros_(layer.weight)
        nn.init.normal_(self.synthesise.weight, std=1e-3)
        self.nudge.bias = nn.Parameter(torch.zeros(2))
        self.light.bias = nn.Parameter(torch.zeros(1))
        self.mix.bias = nn.Parameter(torch.tensor([3.0, 0.0, 0.0, 0.0, 0.0]))
        self.synthesise.bias = nn.Parameter(torch.tensor([0.0] * 12 + [-3.0] * 4))

    def encode_appearance(self, portrait: Tensor, motion: Tensor) -> Appearance:
        """(B, 3, H, W) the crop at any resolution, (B, D) its motion -> Appearance"""
        features = self.stem(resize(portrait, self.config.image) - 0.5)
        return Appearance(
            double(portrait),
            resize(portrait, self.config.image // 2),
            self.coarse(features),
            self.fine(features),
            motion,
        )

    def forward(
        self, appearance: Appearance, motion: Tensor, geometry: MotionEncoder, side: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Appearance of one portrait or B, (B, D) -> frames (B, 3, side, side), mask, offset

        Frames lie about in [0, 1]; the mask (B, 1, side, side) is the share that was synthesised,
        not sampled; the offset (B, 2, S/2, S/2) in crop units is where it was sampled.
        """
        half, count = self.config.image // 2, len(motion)
        scene = self._scene(appearance, motion, geometry)
        source, target = scene.source, scene.target
        hidden = self._decode(scene)
        mix, light = self.mix(hidden), self.light(hidden)
        with _full_precision(motion):
            lines = draw(target, FINE_DRAWN, half, 0.006)
            weights, own = mix[:, :3].float().softmax(1), 0.05 * mix[:, 3:].float()
            offset = weights[:, :1] * scene.skin + weights[:, 1:2] * scene.head + own
            if appearance.matte is not None:
                left = left_behind(_each(appearance.matte, count), offset, scene)
                if appearance.loose is not None:
                    left = left * resize(appearance.loose, left.shape[-1])
            offset = resize(offset, half)
            contours = list(CONTOURS)
            near, density = landmark_offset(
                source[:, contours], target[:, contours], half, CONTOUR_SIGMA
            )
            # What `near` leaves by fading away from the contours is the wide offset's.
            offset = near + offset * WARP_FLOOR / (density + WARP_FLOOR)
            detail = torch.cat([appearance.fine.float(), appearance.small.float()], 1)
            gathered = sample(_each(detail, count), offset)
        fine = self.gather(torch.cat([gathered, lines], 1))
        condition = self.condition(scene.motion)
        fine = self.refine(fine + resize(self.widen(hidden), half), condition)
        hidden = F.silu(fine)
        synthesis = F.pixel_shuffle(self.synthesise(hidden), 2)
        offset = offset + 0.01 * self.nudge(hidden).float()
        with _full_precision(motion):
            if appearance.loose is not None:
                offset = offset * resize(appearance.loose, half)
            # Bilinear samples would lose a third of the photo's sharpness.
            sampled = sample(_each(appearance.photo, count), resize(offset, side), "bicubic")
            brighter = relit(light.float(), scene)
            if appearance.loose is not None:
                brighter = 1 + (brighter - 1) * resize(appearance.loose, brighter.shape[-1])
            sampled = sampled * resize(brighter, side)
            if appearance.backdrop is not None:
                sampled = sampled.lerp(resize(appearance.backdrop, side), resize(left, side))
            opened = uncovered_mouth(source, target, scene.zoom, side)
            # What stretched lips cover is dark, until the network paints teeth and tongue.
            sampled = torch.addcmul(sampled, sampled, opened, value=-MOUTH_SHADE)
            synthesis = resize(synthesis.float(), side).contiguous()
            mask = torch.add(synthesis[:, 3:], opened, alpha=MOUTH_LOGIT).sigmoid()
            if appearance.loose is not None:
                mask = mask * resize(appearance.loose, side)
            return sampled.lerp(synthesis[:, :3] + 0.5, mask), mask, offset

    def matte(self, appearance: Appearance, motion: Tensor, geometry: MotionEncoder) -> Tensor:
        """What of portraits goes with the head, hair and hats too: (B, 1, S/4, S/4) in [0, 1]

        The decoder knows it: what it moves where it turns and shifts the head a little.
        Appearance of B portraits and their own motion (B, D).
        """
        shares = []
        for channel, amount in HEAD_TRIALS:
            tried = motion.clone()
            tried[:, channel] += amount / geometry.scale[channel]
            scene = self._scene(appearance, tried, geometry)
            mix = self.mix(self._decode(scene))
            shares.append(1 - mix[:, :3].float().softmax(1)[:, :1])
        low, high = HEAD_SHARES
        share = (torch.stack(shares).mean(0) - low) / (high - low)
        return share.clamp(0, 1).maximum(scene.face)

    def _scene(self, appearance: Appearance, motion: Tensor, geometry: MotionEncoder) -> Scene:
        """Where the portrait's places have gone: appearance of one portrait or B, (B, D)."""
        quarter, count = self.config.image // 4, len(motion)
        with _full_precision(motion):
            reference = appearance.motion.float()
            source = geometry.landmarks(reference)[..., :2]
            target = geometry.landmarks(motion)[..., :2]
            skin, density = landmark_offset(source, target, quarter)
            pose, wanted = geometry.split(reference)[0], geometry.split(motion)[0]
            head, back = (pose_offset(pose, wanted, quarter, far) for far in (EARS, BACK))
            zoom = (wanted - pose)[:, 5].exp()
            drawn = [_each(draw(at, DRAWN, quarter, 0.012), count) for at in (source, target)]
            coarse = _each(appearance.coarse.float(), count)
            places = [sample(coarse, skin), sample(coarse, head), coarse]
            entering = [*places, 10 * skin, 10 * head, density.clamp(max=8) / 8, *drawn]
        away, end = motion - reference, geometry.config.groups["pose"].stop
        away = torch.cat([away[:, :end].clamp(-FARTHEST, FARTHEST), away[:, end:]], -1)
        return Scene(
            torch.cat(entering, 1),
            torch.cat([away, _each(reference, count)], -1),
            skin,
            head,
            back,
            (density / FACE_DENSITY).clamp(max=1),
            source,
            target,
            zoom,
            away[:, :end].square().sum(1).sqrt(),
        )

    def _decode(self, scene: Scene) -> Tensor:
        """-> (B, C, S/4, S/4)"""
        condition = self.condition(scene.motion)
        x = self.enter(scene.entering)
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


class PlainDecoder(nn.Module):
    """Appearance and motion -> frame as in the paper: convolutions and cross-attention alone.

    Queries made of the portrait's features at an eighth of the side and of its landmarks and the
    wanted ones, drawn, attend to those features; convolutions make the frame of what they gather.
    Every pixel is synthesised. Kept to compare with `Renderer`, whose interface it has.
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

    def encode_appearance(self, portrait: Tensor, motion: Tensor) -> Appearance:
        """As `Renderer`'s; what is not used stays empty."""
        coarse = self.appearance(resize(portrait, self.config.image) - 0.5)
        none = coarse[:, :0]
        return Appearance(none, none, coarse, none, motion)

    def forward(
        self, appearance: Appearance, motion: Tensor, geometry: MotionEncoder, side: int
    ) -> tuple[Tensor, Tensor, None]:
        """As `Renderer`'s, all of it synthesised and nothing sampled."""
        coarse, reference = (_each(x, len(motion)) for x in (appearance.coarse, appearance.motion))
        with _full_precision(motion):
            reference = reference.float()
            drawn = [
                draw(geometry.landmarks(latents)[..., :2], DRAWN, self.config.image // 8, 0.02)
                for latents in (reference, motion)
            ]
        condition = self.condition(torch.cat([motion - reference, reference], -1))
        tokens = coarse.flatten(2).transpose(1, 2) + self.place
        x = self.query(torch.cat([coarse, *drawn], 1))
        for block, attend in zip(self.blocks, self.attend, strict=True):
            queries = x.flatten(2).transpose(1, 2) + self.place
            gathered = attend(F.layer_norm(queries, queries.shape[-1:]), tokens)
            x = block(x + gathered.transpose(1, 2).unflatten(2, x.shape[-2:]), condition)
        for up, block in zip(self.up, self.refine, strict=True):
            x = block(F.pixel_shuffle(up(F.silu(x)), 2), condition)
        frames = resize(F.pixel_shuffle(self.paint(F.silu(x)), 2).float() + 0.5, side)
        return frames, torch.ones_like(frames[:, :1]), None


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
        return self.motion.split(motion)[0]

    def encode_appearance(self, portrait: Tensor, motion: Tensor) -> Appearance:
        """(B, 3, H, W) crop in [0, 1] at any resolution, (B, D) its motion -> Appearance"""
        appearance = self.renderer.encode_appearance(portrait, motion)
        with _full_precision(motion):
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
                appearance.eyes = eyes.seen(small, landmarks, maps)
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
        with _full_precision(motion):
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
                frames = eyes.look(frames.float(), shown, landmarks, past, maps)
                frames = self.eyes.fill(frames, appearance.eyes, landmarks, maps)
        return frames.clamp(0, 1)
