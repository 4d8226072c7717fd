"""The 478 points of a MediaPipe face mesh: index lists, apertures, and rigid head pose.

Indices follow the mesh's published topology. "Left" and "right" are the person's own.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

Points = tuple[int, ...] | tuple[tuple[int, ...], ...]  # one curve, or more of equal length

COUNT = 478
LIPS_OUTER = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
LIPS_INNER = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
# Opposite points of the inner lips, from the person's right to left.
INNER_TOP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
INNER_BOTTOM = (95, 88, 178, 87, 14, 317, 402, 318, 324)
EYE_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
EYE_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
IRISES = (468, 469, 470, 471, 472, 473, 474, 475, 476, 477)
BROW_RIGHT = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
BROW_LEFT = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 129, 358)
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
EYE_GAPS = ((159, 145, 133, 33), (386, 374, 362, 263))  # lids, then corners
MOUTH_CORNERS = (61, 291)
LIP_TOP, LIP_BOTTOM = 13, 14
FACE_TOP, FACE_BOTTOM, FACE_RIGHT, FACE_LEFT = 10, 152, 234, 454

# Points that speech and expression hardly move: forehead, temples, nose, upper cheeks.
RIGID = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 127, 162, 21, 54, 103, 67, 109, 234, 168, 6, 197,
    195, 5, 4, 1, 2, 98, 327, 129, 358, 151, 9, 8, 50, 280, 101, 330, 116, 345, 123, 352, 117, 346,
    118, 347,
)  # fmt: skip

# The index of each point in the mirrored face.
MIRRORED = (
    0, 1, 2, 248, 4, 5, 6, 249, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 250, 251, 252,
    253, 254, 255, 256, 257, 258, 259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 270,
    271, 272, 273, 274, 275, 276, 277, 278, 279, 280, 281, 282, 283, 284, 285, 286, 287, 288,
    289, 290, 291, 292, 293, 294, 295, 296, 297, 298, 299, 300, 301, 302, 303, 304, 305, 306,
    307, 308, 309, 310, 311, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 322, 323, 94,
    324, 325, 326, 327, 328, 329, 330, 331, 332, 333, 334, 335, 336, 337, 338, 339, 340, 341,
    342, 343, 344, 345, 346, 347, 348, 349, 350, 351, 352, 353, 354, 355, 356, 357, 358, 359,
    360, 361, 362, 363, 364, 365, 366, 367, 368, 369, 370, 371, 372, 373, 374, 375, 376, 377,
    378, 379, 151, 152, 380, 381, 382, 383, 384, 385, 386, 387, 388, 389, 390, 164, 391, 392,
    393, 168, 394, 395, 396, 397, 398, 399, 175, 400, 401, 402, 403, 404, 405, 406, 407, 408,
    409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 195, 419, 197, 420, 199, 200, 421, 422,
    423, 424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 435, 436, 437, 438, 439, 440,
    441, 442, 443, 444, 445, 446, 447, 448, 449, 450, 451, 452, 453, 454, 455, 456, 457, 458,
    459, 460, 461, 462, 463, 464, 465, 466, 467, 3, 7, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75,
    76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 95, 96, 97, 98, 99,
    100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117,
    118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135,
    136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 153, 154, 155,
    156, 157, 158, 159, 160, 161, 162, 163, 165, 166, 167, 169, 170, 171, 172, 173, 174, 176,
    177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 192, 193, 194,
    196, 198, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216,
    217, 218, 219, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234,
    235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 473, 476, 475, 474, 477,
    468, 471, 470, 469, 472,
)  # fmt: skip


def mirrored(landmarks: Tensor, width: float = 0.0) -> Tensor:
    """Landmarks of the horizontally flipped image of that width: (..., K, 3) -> (..., K, 3)"""
    landmarks = landmarks[..., index(MIRRORED, landmarks.device), :]  # a copy
    landmarks[..., 0] = width - landmarks[..., 0]
    return landmarks


def lip_aperture(landmarks: Tensor) -> Tensor:
    """Gap between the lips over the face's height: (..., K, 3) -> (...)."""
    gap = (landmarks[..., LIP_TOP, :2] - landmarks[..., LIP_BOTTOM, :2]).norm(dim=-1)
    height = (landmarks[..., FACE_TOP, :2] - landmarks[..., FACE_BOTTOM, :2]).norm(dim=-1)
    return gap / height


def eye_aperture(landmarks: Tensor) -> Tensor:
    """Gap between the lids over the eye's width, mean of both eyes: (..., K, 3) -> (...)."""
    points = landmarks[..., :2]
    sides = []
    for top, bottom, inner, outer in EYE_GAPS:
        gap = (points[..., top, :] - points[..., bottom, :]).norm(dim=-1)
        sides.append(gap / (points[..., inner, :] - points[..., outer, :]).norm(dim=-1))
    return 0.5 * (sides[0] + sides[1])


@torch.compiler.assume_constant_result
def index(points: Points, device: torch.device) -> Tensor:
    """Points as an index (N,), curves as one (M, N), on a device.

    Made once: a GPU would wait for the copy of a list.
    """
    return _index(points, device)


@cache
def _index(points: Points, device: torch.device) -> Tensor:
    return torch.tensor(points, device=device)


class Similarity(NamedTuple):
    """Where heads are: the map from the canonical face to a crop, x_crop = matrix @ x + shift.

    Attributes:
        matrix: (..., 3, 3) scaled rotation.
        shift: (..., 2) in crop units; depth is not shifted.
    """

    matrix: Tensor
    shift: Tensor

    @classmethod
    def of(cls, pose: Tensor) -> Similarity:
        """From head poses (..., 6)."""
        scale = pose[..., 5].exp()[..., None, None]
        return cls(scale * rotation_from_degrees(pose[..., :3]), pose[..., 3:5])

    def __call__(self, canonical: Tensor) -> Tensor:
        """Canonical faces (..., K, 3) -> landmarks (..., K, 3) in crop units

        The inverse of `remove_pose`, but for depth.
        """
        placed = canonical @ self.matrix.transpose(-1, -2)
        placed[..., :2] += self.shift.unsqueeze(-2)
        return placed


def rotation_from_degrees(angles: Tensor) -> Tensor:
    """Yaw, pitch, roll in degrees (..., 3) -> rotation matrices (..., 3, 3), roll @ yaw @ pitch.

    Axes as in a crop: x right, y down, z away from the viewer. Positive yaw turns the face to the
    viewer's right, positive pitch turns it up, positive roll tilts it clockwise as seen.
    """
    yaw, pitch, roll = torch.deg2rad(angles).unbind(-1)
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    cy, sy = yaw.cos(), yaw.sin()
    cp, sp = pitch.cos(), pitch.sin()
    cr, sr = roll.cos(), roll.sin()
    about_y = matrix((cy, zero, -sy), (zero, one, zero), (sy, zero, cy))
    about_x = matrix((one, zero, zero), (zero, cp, sp), (zero, -sp, cp))
    about_z = matrix((cr, -sr, zero), (sr, cr, zero), (zero, zero, one))
    return about_z @ about_y @ about_x


def degrees_from_rotation(rotation: Tensor) -> Tensor:
    """The inverse of `rotation_from_degrees`, for yaw within +-90: (..., 3, 3) -> (..., 3)."""
    yaw = torch.asin(rotation[..., 2, 0].clamp(-1, 1))
    pitch = torch.atan2(-rotation[..., 2, 1], rotation[..., 2, 2])
    roll = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.rad2deg(torch.stack([yaw, pitch, roll], -1))


def fit_pose(landmarks: Tensor, template: Tensor) -> Tensor:
    """The similarity transform that carries the template's rigid points onto the landmarks'.

    Least squares over `RIGID` (Kabsch 1976, with Umeyama's scale, 1991).

    Args:
        landmarks: (..., K, 3) in crop units.
        template: (K, 3), its rigid points centred on 0.

    Returns:
        (..., 6): yaw, pitch, roll in degrees, x, y in crop units, log scale. Depth is not kept:
        landmarks carry it only up to a constant.
    """
    rigid = index(RIGID, template.device)
    source = template[rigid]
    target = landmarks[..., rigid, :]
    centre = target.mean(-2, keepdim=True)
    covariance = (target - centre).transpose(-1, -2) @ source
    u, s, vt = torch.linalg.svd(covariance)
    sign = torch.ones_like(s)
    sign[..., 2] = torch.linalg.det(u @ vt).sign()  # a rotation, never a reflection
    rotation = u @ (sign.unsqueeze(-1) * vt)
    scale = (s * sign).sum(-1) / source.square().sum()
    angles = degrees_from_rotation(rotation)
    return torch.cat([angles, centre[..., 0, :2], scale.log().unsqueeze(-1)], -1)


def remove_pose(landmarks: Tensor, pose: Tensor) -> Tensor:
    """Landmarks in the template's frame: (..., K, 3), (..., 6) -> (..., K, 3)."""
    rotation = rotation_from_degrees(pose[..., :3])
    depth = landmarks[..., index(RIGID, landmarks.device), 2].mean(-1)
    shift = torch.cat([pose[..., 3:5], depth.unsqueeze(-1)], -1)
    scale = pose[..., 5].exp()[..., None, None]
    return (landmarks - shift.unsqueeze(-2)) @ rotation / scale
