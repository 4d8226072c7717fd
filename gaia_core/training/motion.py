"""The closed-form fit of the motion encoder.

A linear VAE has its optimum at probabilistic PCA (Tipping and Bishop 1999; Lucas et al. 2019), so
the encoder is fitted in closed form.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.latent import MotionEncoder

BETWEEN_FACES = 0.3  # weight of the difference between faces against that within a clip
PROCRUSTES_ROUNDS = 6


def fit_template(landmarks: Tensor) -> Tensor:
    """Mean face with the pose removed, one face width wide: (N, K, 3) -> (K, 3)."""
    rigid = list(mesh.RIGID)
    template = landmarks[0] - landmarks[0, rigid].mean(0)
    for _ in range(PROCRUSTES_ROUNDS):
        pose = mesh.fit_pose(landmarks, template)
        template = mesh.remove_pose(landmarks, pose).mean(0)
        template = template - template[rigid].mean(0)
        # The mean face is frontal and symmetric.
        template = 0.5 * (template + mesh.mirrored(template))
        template = template / (template[:, 0].max() - template[:, 0].min())
    return template


def assign_groups(template: Tensor) -> Tensor:
    """The channel group (1 eyes, 2 brows, 3 mouth, 4 face) of each landmark: (K, 3) -> (K,)."""
    features = {
        1: mesh.EYE_LEFT + mesh.EYE_RIGHT + mesh.IRISES,
        2: mesh.BROW_LEFT + mesh.BROW_RIGHT,
        3: mesh.LIPS_INNER + mesh.LIPS_OUTER,
    }
    reach = {1: 0.055, 2: 0.06, 3: 0.12}
    group = torch.full((mesh.COUNT,), 4)
    nearest = torch.full((mesh.COUNT,), torch.inf)
    for number, points in features.items():
        distance = torch.cdist(template[:, :2], template[list(points), :2]).min(1).values
        closer = (distance < reach[number]) & (distance < nearest)
        group[closer] = number
        nearest = torch.minimum(nearest, distance)
    below_nose = template[:, 1] > template[2, 1] + 0.06
    group[below_nose & (group == 4)] = 3  # chin and jaw move with the mouth
    group[list(mesh.NOSE)] = 4
    return group


@torch.no_grad()
def fit_motion_encoder(encoder: MotionEncoder, landmarks: Tensor, clip: Tensor) -> dict[str, float]:
    """Fits template, groups, linear maps and normalisation in place.

    Args:
        encoder: fresh.
        landmarks: (N, K, 3) in crop units, frames of many clips.
        clip: (N,) long, which clip a frame is of.

    Returns:
        Root mean square error in px at 256 of decoding what was encoded, per group and in all.
    """
    encoder.template.copy_(fit_template(landmarks))
    encoder.group.copy_(assign_groups(encoder.template))
    pose = mesh.fit_pose(landmarks, encoder.template)
    shape = mesh.remove_pose(landmarks, pose) - encoder.template
    encoder.encode.weight.zero_()
    encoder.encode.bias.zero_()
    encoder.decode.weight.zero_()
    encoder.decode.bias.zero_()
    pose_width = encoder.config.groups["pose"].stop
    for number, (name, where) in enumerate(encoder.config.groups.items()):
        if name == "pose":
            continue
        members = torch.eq(encoder.group, number).nonzero()[:, 0]
        columns = (members[:, None] * 3 + torch.arange(3)).flatten()
        values = shape[:, members].flatten(1)
        mean = values.mean(0)
        covariance = _covariance(values - mean, clip)
        eigenvalues, vectors = torch.linalg.eigh(covariance)
        width = where.stop - where.start
        eigenvalues, vectors = eigenvalues.flip(0), vectors.flip(1)
        noise = eigenvalues[width:].mean()
        spread = eigenvalues[:width].sqrt()
        rows = slice(where.start - pose_width, where.stop - pose_width)
        encoder.encode.weight[rows, columns] = (vectors[:, :width] / spread).T
        encoder.encode.bias[rows] = -(mean @ vectors[:, :width]) / spread
        encoder.decode.weight[columns, rows] = vectors[:, :width] * spread
        encoder.decode.bias[columns] = mean
        encoder.log_variance[rows] = (noise / eigenvalues[:width]).log()
    motion = encoder(landmarks)
    encoder.mean.copy_(motion.mean(0))
    encoder.scale.copy_(motion.std(0))
    rebuilt = encoder.landmarks(encoder(landmarks))
    error = (256 * (rebuilt - landmarks)[..., :2]).square().sum(-1)
    report = {"all": error}
    for number, name in enumerate(encoder.config.groups):
        if name != "pose":
            report[name] = error[:, encoder.group == number]
    return {name: value.mean().sqrt().item() for name, value in report.items()}


def _covariance(values: Tensor, clip: Tensor) -> Tensor:
    """Covariance within clips, plus a fraction of that between clips: (N, C), (N,) -> (C, C)."""
    clips, index = clip.unique(return_inverse=True)
    sums = values.new_zeros(len(clips), values.shape[1]).index_add_(0, index, values)
    means = sums / index.bincount()[:, None]
    within = values - means[index]
    return within.T @ within / len(values) + BETWEEN_FACES * means.T @ means / len(clips)
