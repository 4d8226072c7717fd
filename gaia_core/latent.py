"""The motion latent, the only interface between the two stages: landmarks to latent and back."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.config import MotionConfig
from gaia_core.layers import full_precision


class Geometry(NamedTuple):
    """What motion latents tell of faces in a crop, in fp32.

    Attributes:
        motion: (..., D) the latents.
        pose: (..., 6) head pose: yaw, pitch, roll in degrees, x, y in crop units, log scale.
        head: the same as a similarity.
        landmarks: (..., K, 3) in crop units.
    """

    motion: Tensor
    pose: Tensor
    head: mesh.Similarity
    landmarks: Tensor


class MotionEncoder(nn.Module):
    """Landmarks <-> motion latent, in the channel groups of `MotionConfig`.

    The first six channels are the head pose. Each other group is a linear VAE over its own
    landmarks with the pose removed, so that groups can be edited independently and differences of
    latents transfer between faces. (A linear VAE's optimum spans the principal subspace: Lucas et
    al. 2019.)
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
        with full_precision(landmarks):
            landmarks = landmarks.float()
            pose = mesh.fit_pose(landmarks, self.template)
            shape = mesh.remove_pose(landmarks, pose) - self.template
            motion = torch.cat([pose, self.encode(shape.flatten(-2))], -1)
            return (motion - self.mean) / self.scale

    def landmarks(self, motion: Tensor) -> Tensor:
        """(..., D) -> (..., K, 3) in crop units."""
        return self.geometry(motion).landmarks

    def geometry(self, motion: Tensor) -> Geometry:
        """(..., D) -> head pose and landmarks"""
        with full_precision(motion):
            pose, expression = self.split(motion)
            head = mesh.Similarity.of(pose)
            shape = self.decode(expression).unflatten(-1, (mesh.COUNT, 3)) + self.template
            return Geometry(motion.float(), pose, head, head(shape))

    def head_pose(self, motion: Tensor) -> Tensor:
        """(..., D) -> (..., 6): yaw, pitch, roll in degrees, x, y in crop units, log scale"""
        return self.split(motion)[0]

    def split(self, motion: Tensor) -> tuple[Tensor, Tensor]:
        """(..., D) -> head pose (..., 6) in degrees, crop units and log scale; the rest."""
        motion = motion.float() * self.scale + self.mean
        end = self.config.groups["pose"].stop
        return motion[..., :end], motion[..., end:]
