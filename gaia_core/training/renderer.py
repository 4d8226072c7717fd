"""Stage 1's data and losses: a frame is reconstructed from its motion and another's appearance."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.perceptual import PerceptualFeatures, perceptual_distance
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.renderer.warp import draw, resize
from gaia_core.training.clip_frames import ClipFrames
from gaia_core.training.critic import Contest
from gaia_core.training.flow import FlowTeacher
from gaia_core.training.pack import FramePack

FOCUS = (mesh.LIPS_OUTER + mesh.LIPS_INNER, mesh.EYE_LEFT + mesh.EYE_RIGHT)
CANDIDATES = 4  # frames from which a pair is drawn
CROP = 176  # side of the perceptual loss's crop, px


class FramePairs:
    """Endless batches of (portrait, target) frames of one clip, identities in equal shares."""

    def __init__(
        self, frames: FramePack | ClipFrames, template: Tensor, batch: int, seed: int = 0
    ) -> None:
        self.frames = frames
        self.batch = batch
        self.generator = torch.Generator().manual_seed(seed)
        identities: dict[str, list[int]] = {}
        for index, name in enumerate(self.frames.names):
            identities.setdefault(name.split("|")[0], []).append(index)
        self.clips_of = [clips for _, clips in sorted(identities.items())]
        marks, template = self.frames.landmarks, template.to(self.frames.landmarks)
        looks = torch.cat(
            [
                torch.stack([mesh.lip_aperture(marks), mesh.eye_aperture(marks)], -1),
                mesh.fit_pose(marks, template)[:, :2],
            ],
            -1,
        )
        self.looks = (looks / looks.std(0)).cpu()  # lips, lids, yaw, pitch
        self.frames_of = [
            (self.frames.clip == index).nonzero()[:, 0] for index in range(len(self.frames.names))
        ]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            first, second = zip(*(self._pair() for _ in range(self.batch)), strict=True)
            index = torch.stack([torch.stack(first), torch.stack(second)], 1)  # (B, 2)
            yield self._augment(self.frames.images(index), self.frames.landmarks[index])

    def _random(self, high: int) -> int:
        return int(torch.randint(high, (), generator=self.generator))

    def _pair(self) -> tuple[Tensor, Tensor]:
        clips = self.clips_of[self._random(len(self.clips_of))]
        frames = self.frames_of[clips[self._random(len(clips))]]
        picked = frames[torch.randperm(len(frames), generator=self.generator)[:CANDIDATES]]
        # Blinks, open mouths and turned heads are rare, so the target is the candidate that differs
        # most from the portrait.
        change = (self.looks[picked[1:]] - self.looks[picked[0]]).abs().sum(-1)
        return picked[0], picked[1 + int(change.argmax())]

    def _augment(self, images: Tensor, landmarks: Tensor) -> dict[str, Tensor]:
        """Augments both frames of a pair alike, where they are: mirroring, placement and colours.

        images (B, 2, 3, H, W), landmarks (B, 2, K, 3)
        """
        count = len(images)
        draws = torch.rand(9, count, generator=self.generator).to(images.device)
        flip = draws[0] < 0.5
        landmarks = landmarks.clone()
        landmarks[flip] = mesh.mirrored(landmarks[flip], 1)
        images = torch.where(flip[:, None, None, None, None], images.flip(-1), images)
        # A similarity about the centre, from new to old pixels.
        zoom = torch.exp((draws[1] - 0.5) * 0.36)
        angle = (draws[2] - 0.5) * math.radians(24)
        shift = (draws[3:5].T - 0.5) * 0.16
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        matrix = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
        theta = torch.cat([matrix, shift[..., None]], -1)
        grid = F.affine_grid(theta, [count, 1, *images.shape[-2:]], align_corners=False)
        images = F.grid_sample(
            images.flatten(1, 2), grid, "bicubic", padding_mode="border", align_corners=False
        ).unflatten(1, (2, 3))
        inverse = torch.linalg.inv(matrix)
        centred = 2 * landmarks[..., :2] - 1 - shift[:, None, None]
        placed = torch.einsum("bij,bfkj->bfki", inverse, centred)
        landmarks = torch.cat(
            [(placed + 1) / 2, landmarks[..., 2:] / zoom[:, None, None, None]], -1
        )
        gain = 1 + (draws[5:8].T - 0.5) * 0.2
        gamma = torch.exp((draws[8] - 0.5) * 0.5)
        images = images.clamp(1e-4, 1) ** gamma[:, None, None, None, None]
        images = (images * gain[:, None, :, None, None]).clamp(0, 1)
        return {
            "portrait": images[:, 0].contiguous(),
            "target": images[:, 1].contiguous(),
            "portrait_landmarks": landmarks[:, 0],
            "target_landmarks": landmarks[:, 1],
        }


def joined(*batches: dict[str, Tensor]) -> dict[str, Tensor]:
    """Several batches as one, on the device of the first."""
    return {
        name: torch.cat([batch[name].to(first.device) for batch in batches])
        for name, first in batches[0].items()
    }


class RendererLosses(nn.Module):
    """Pixel loss with more weight on mouth and eyes, flow, texture; perceptual and adversarial."""

    def __init__(
        self,
        perceptual: float = 5.0,
        focus: float = 6.0,
        synthesis: float = 0.05,
        flow: float = 4.0,
        texture: float = 4.0,
        critic: float = 0.1,
    ) -> None:
        super().__init__()
        self.features = PerceptualFeatures()
        self.teacher = FlowTeacher()
        self.perceptual, self.focus, self.synthesis = perceptual, focus, synthesis
        self.flow, self.texture, self.critic = flow, texture, critic

    def forward(self, contest: Contest[Autoencoder], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Model with its critic and a batch of `FramePairs` -> loss terms."""
        model = contest.maker
        with torch.no_grad():
            reference = model.encode_motion(batch["portrait_landmarks"])
            motion = model.encode_motion(batch["target_landmarks"])
            # Noise of the VAE's posterior.
            expression = model.config.motion.groups["pose"].stop
            spread = (0.5 * model.motion.log_variance).exp() / model.motion.scale[expression:]
            motion[:, expression:] += torch.randn_like(motion[:, expression:]) * spread
        appearance = model.encode_appearance(batch["portrait"], reference)
        frames, mask, offset = model.renderer(
            appearance, model.motion.geometry(motion), model.config.image
        )
        target = batch["target"]
        maps = draw(batch["target_landmarks"][..., :2], FOCUS, 64, 0.02).sum(1, keepdim=True)
        weight = 1 + self.focus * resize(maps.clamp(max=1), target.shape[-1])
        pixels = ((frames - target).abs() * weight).mean() / weight.mean()
        top, left = (int(x) for x in torch.randint(target.shape[-1] - CROP + 1, (2,)))
        window = (..., slice(top, top + CROP), slice(left, left + CROP))
        with torch.no_grad():
            target_features = self.features(target[window])
        made = self.features(frames[window].clamp(0, 1))
        distance = perceptual_distance(made, target_features).mean()
        adversarial, critic_loss = contest.losses(
            made, target_features, torch.ones_like(frames[window][:, :1])
        )
        grain = (texture(frames) - texture(target)).abs().mean()
        deviation = torch.zeros(())
        if offset is not None:
            better, trust = self.teacher(appearance.photo, frames, offset, target)
            deviation = (trust * (offset - better).abs()).mean()
        return {
            # A penalty on synthesis, which is smoother than samples of the photo.
            "loss": pixels
            + self.perceptual * distance
            + self.synthesis * mask.mean()
            + self.flow * deviation
            + self.texture * grain
            + self.critic * adversarial
            + critic_loss,
            "pixels": pixels.detach(),
            "perceptual": distance.detach(),
            "synthesised": mask.mean().detach(),
            "texture": grain.detach(),
            "deviation": deviation.detach(),
            "adversarial": adversarial.detach(),
            "critic": critic_loss.detach(),
        }


def texture(frames: Tensor) -> Tensor:
    """Local strength of fine detail: (B, 3, H, W) -> (B, 1, H', W') at a quarter of the resolution

    The root mean square over 16 px of the residual of a 3 px mean. It does not depend on the exact
    position of detail, unlike a pixel loss, which prefers no hair to displaced hair.
    """
    grey = frames.mean(1, keepdim=True)
    detail = grey - F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)
    return (F.avg_pool2d(detail.square(), 16, 4) + 1e-5).sqrt()
