"""Metrics of a frame and of a clip: pure functions of pixels and landmarks.

Pictures are uint8 (H, W, 3); landmarks (..., K, 3) in px of their picture unless stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from gaia_core import FPS
from gaia_core import landmarks as mesh
from gaia_core.motion.measures import closings, correlation

SIDE = 256  # px; distances between landmarks are given at this side
MAX_PSNR = 60.0  # dB; about what rounding to 8 bits leaves of a perfect copy
MAX_LAG = 5  # frames
BLINK_RISE = 0.25  # of the blendshape score above the clip's median
HEAD = 1.5  # the head region's size over the face oval's
HEAD_BLUR = 1 / 64  # of a picture's side, by which the head region's border is softened
CHEEKS = (50, 280, 205, 425, 101, 330)  # mesh points that lie on bare skin
CHEEK_RADIUS = 0.04  # of the face's width

# MediaPipe's canonical face (Apache-2.0), in cm, x right, y down, z away from the viewer: the
# points its own head pose is fitted on, and their weights. (right point, left point, weight, x,
# y, z of the right one); the left one is the mirror image.
_CANONICAL = (
    (4, 4, 0.0709, 0.000, 0.463, -7.587),
    (6, 6, 0.0321, 0.000, -2.473, -5.789),
    (10, 10, 0.0084, 0.000, -8.262, -4.482),
    (33, 263, 0.0587, -4.446, -2.664, -3.173),
    (54, 284, 0.0077, -6.279, -6.615, -1.426),
    (67, 297, 0.0091, -3.524, -8.006, -3.729),
    (117, 346, 0.0098, -5.259, -0.946, -2.974),
    (119, 348, 0.0146, -3.301, -0.862, -3.873),
    (121, 350, 0.0186, -1.821, -1.468, -4.224),
    (127, 356, 0.0052, -7.743, -2.365, 2.005),
    (129, 358, 0.1206, -1.786, 0.978, -4.850),
    (132, 361, 0.0056, -7.271, 2.891, 2.252),
    (133, 362, 0.0533, -1.856, -2.585, -3.758),
    (136, 365, 0.0669, -5.085, 7.179, -0.715),
    (143, 372, 0.0148, -6.408, -2.236, -1.561),
    (147, 376, 0.0143, -6.235, 1.944, -1.664),
    (198, 420, 0.0255, -1.247, -0.230, -5.681),
    (205, 425, 0.0473, -3.833, 1.537, -4.138),
)
# Landmarks are a parallel projection. With their depth shortened so, a rigid fit turns by as many
# degrees as MediaPipe's perspective head pose (slope 1.00 in yaw and pitch over the val clips).
_DEPTH = 0.7


def psnr(output: np.ndarray, real: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most `MAX_PSNR` (two equal pictures).

    weight (H, W): how much a pixel counts; all alike by default.
    """
    squares = np.square(output.astype(np.float32) - real)
    error = squares.mean() if weight is None else np.average(squares.mean(-1), weights=weight)
    return MAX_PSNR if error == 0 else min(float(10 * np.log10(255**2 / error)), MAX_PSNR)


def head_region(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The face oval of (K, 3), `HEAD` times as large about its centre: (side, side) in [0, 1].

    It includes hair, ears and neck, but not torso and most of the background, whose motion cannot
    be predicted from landmarks.
    """
    oval = landmarks[list(mesh.OVAL), :2]
    centre = oval.mean(0)
    hull = cv2.convexHull((centre + HEAD * (oval - centre)).round().astype(np.int32))
    inside = cv2.fillConvexPoly(np.zeros((side, side), np.float32), hull, 1)
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), side * HEAD_BLUR))


def only_inside(output: np.ndarray, real: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Blends the output into the real frame by the weight (H, W): uint8."""
    mixed = real + weight[..., None] * (output.astype(np.float32) - real)
    return mixed.round().astype(np.uint8)


def mouth_l1(output: np.ndarray, real: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean absolute difference, in [0, 1], in the box of the real lips widened by 30 %.

    landmarks (K, 3) of the real frame.
    """
    lips = landmarks[list(mesh.LIPS_OUTER), :2]
    low, high = lips.min(0), lips.max(0)
    centre, half = (low + high) / 2, (high - low) / 2 * 1.3
    left, top = np.floor(centre - half).astype(int).clip(0)
    right, bottom = np.ceil(centre + half).astype(int)
    box = (slice(top, bottom), slice(left, right))
    return float(np.abs(output[box].astype(np.float32) - real[box]).mean() / 255)


def landmark_distance(a: np.ndarray, b: np.ndarray, side: int) -> float:
    """Mean distance of the points (K, 3) in x and y, in px of a crop of side `SIDE`.

    side: of the pictures that the landmarks are px of.
    """
    return float(np.linalg.norm(a[:, :2] - b[:, :2], axis=-1).mean() * SIDE / side)


def sharpness(output: np.ndarray, real: np.ndarray, landmarks: np.ndarray) -> float:
    """Variance of the Laplacian inside the real face's oval, output over real.

    landmarks (K, 3) of the real frame.
    """
    inside = face_region(landmarks, real.shape[:2])
    return detail(output, inside) / max(detail(real, inside), 1e-6)


def face_region(landmarks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The face oval of (K, 3) in a picture of (height, width): (H, W) bool."""
    oval = landmarks[list(mesh.OVAL), :2].round().astype(np.int32)
    return cv2.fillPoly(np.zeros(shape, np.uint8), [oval], 1).astype(bool)


def detail(image: np.ndarray, inside: np.ndarray) -> float:
    """Variance of the Laplacian where `inside` (H, W) is true."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[inside].var())


def skin_lightness(image: np.ndarray, landmarks: np.ndarray) -> float:
    """Individual typology angle of the cheeks, degrees: about 60 very light, under 10 dark.

    atan2(L* - 50, b*) of the median colour (Chardon et al. 1991). It is measured in the picture as
    it is, so light and camera are in it.
    """
    width = np.ptp(landmarks[:, 0])
    skin = np.zeros(image.shape[:2], np.uint8)
    for x, y in landmarks[list(CHEEKS), :2].round().astype(int).tolist():
        cv2.circle(skin, (x, y), max(1, round(CHEEK_RADIUS * width)), 1, -1)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness, _, yellow = np.median(lab[skin.astype(bool)], 0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def flicker(frames: Sequence[np.ndarray], inside: np.ndarray) -> float:
    """Mean absolute second difference in time where `inside` (H, W) is true, in [0, 1].

    Low for even motion, high for jitter.
    """
    clip = np.stack([frame[inside] for frame in frames]).astype(np.float32) / 255
    return float(np.abs(np.diff(clip, n=2, axis=0)).mean())


def restlessness(frames: Sequence[np.ndarray], inside: np.ndarray) -> float:
    """Standard deviation in time, mean over the pixels where `inside` (H, W) is true, in [0, 1]."""
    clip = np.stack([frame[inside] for frame in frames]).astype(np.float32) / 255
    return float(clip.std(0).mean())


@dataclass(frozen=True)
class HeadFit:
    """The pose of a head: landmarks = scale * canonical @ rotation^T + centre.

    Attributes:
        rotation: (..., 3, 3)
        scale: (...) px per cm of the canonical face.
        centre: (..., 3) of the stable points, px.
    """

    rotation: np.ndarray
    scale: np.ndarray
    centre: np.ndarray


def fit_head(landmarks: np.ndarray) -> HeadFit:
    """Similarity from the canonical face's stable points to the landmarks' (..., K, 3).

    Weighted least squares: Kabsch 1976, with Umeyama's scale, 1991.
    """
    index, weight, canonical = _stable_points()
    points = landmarks[..., index, :].astype(np.float64) * (1, 1, _DEPTH)
    centre = (weight * points).sum(-2, keepdims=True)
    covariance = np.swapaxes(weight * (points - centre), -1, -2) @ canonical
    u, s, vt = np.linalg.svd(covariance)
    sign = np.ones_like(s)
    sign[..., 2] = np.sign(np.linalg.det(u @ vt))  # a rotation, never a reflection
    scale = (s * sign).sum(-1) / (weight * canonical**2).sum()
    return HeadFit(u @ (sign[..., None] * vt), scale, centre[..., 0, :])


def pose_degrees(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll in degrees, signs as in `gaia_core.landmarks`: (..., K, 3) -> (..., 3).

    Fitted on the stable points of MediaPipe's canonical face, apart from any model of ours.
    """
    rotation = torch.from_numpy(fit_head(landmarks).rotation)
    return mesh.degrees_from_rotation(rotation).numpy()


def lip_aperture(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the lips over the face's height: (..., K, 3) -> (...)."""
    return mesh.lip_aperture(torch.from_numpy(landmarks)).numpy()


def lagged_correlations(ours: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Correlation at lags -MAX_LAG to MAX_LAG in frames: (T,), (T,) -> (2 * MAX_LAG + 1,).

    At a positive lag, frame t + lag of ours is compared with the real frame t: ours is late.
    """
    count = len(real)
    return np.array(
        [
            correlation(ours[max(lag, 0) : count + lag], real[max(-lag, 0) : count - lag])
            for lag in range(-MAX_LAG, MAX_LAG + 1)
        ]
    )


def canonical_face(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks without the head's pose and size, in mm of the canonical face.

    (T, K, 3) -> (T, K, 3); NaN where no face was found.
    """
    seen = np.isfinite(landmarks[:, 0, 0])
    face = np.full(landmarks.shape, np.nan)
    if seen.any():
        head = fit_head(landmarks[seen])
        rigid = landmarks[seen].astype(np.float64) * (1, 1, _DEPTH) - head.centre[:, None]
        face[seen] = 10 * rigid @ head.rotation / head.scale[:, None, None]
    return face


def acceleration_variance(landmarks: np.ndarray) -> float:
    """Variance of the facial motion's acceleration, in (mm per frame squared)^2, of one clip.

    The reciprocal of its mean over clips is the motion stability index (MSI). The head's own
    motion and size are taken out; mm are of the canonical face, in x and y.

    landmarks (T, K, 3), NaN where no face was found.
    """
    return _variance(np.diff(canonical_face(landmarks)[..., :2], n=2, axis=0))


def head_tremor(landmarks: np.ndarray) -> float:
    """Variance of the head's acceleration, in (mm per frame squared)^2, of one clip.

    Of the points that expression hardly moves, relative to the frame; mm of the canonical face.
    Landmarks must be read at the clip's own resolution: the landmarker's noise in a face of 130 px
    is as large as the motion.

    landmarks (T, K, 3), NaN where no face was found.
    """
    found = landmarks[np.isfinite(landmarks[:, 0, 0])]
    if not len(found):
        return float("nan")
    scale = np.median(fit_head(found).scale) / 10  # px per mm
    return _variance(np.diff(landmarks[:, list(mesh.RIGID), :2] / scale, n=2, axis=0))


def _variance(acceleration: np.ndarray) -> float:
    """Mean over the points of the variance in time, without frames of NaN: (T, K, 2) -> float"""
    found = acceleration[np.isfinite(acceleration[:, 0, 0])]
    return float(found.var(0).mean()) if len(found) > 1 else float("nan")


def brow_height(landmarks: np.ndarray) -> np.ndarray:
    """Height of the brows over the eyes' corners, mm of the canonical face: (T, K, 3) -> (T,)"""
    face = canonical_face(landmarks)[..., 1]
    brows = face[:, [*mesh.BROW_LEFT, *mesh.BROW_RIGHT]].mean(1)
    corners = [corner for _, _, *both in mesh.EYE_GAPS for corner in both]
    return np.asarray(face[:, corners].mean(1) - brows)


def mouth_width(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the mouth's corners, mm of the canonical face: (T, K, 3) -> (T,)"""
    corners = canonical_face(landmarks)[:, list(mesh.MOUTH_CORNERS)]
    return np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)


def eye_aperture(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the lids over the eye's width: (..., K, 3) -> (...)."""
    return mesh.eye_aperture(torch.from_numpy(landmarks)).numpy()


def accelerations(landmarks: np.ndarray) -> np.ndarray:
    """Acceleration of a face's points, head included: (T, K, 3) -> (T,), NaN at both ends.

    Mean over the points, in mm of the canonical face per frame squared, in x and y; NaN about
    frames where no face was found.
    """
    found = landmarks[np.isfinite(landmarks[:, 0, 0])]
    change = np.full(len(landmarks), np.nan)
    if len(found):
        scale = np.median(fit_head(found).scale) / 10  # px per mm
        second = np.diff(landmarks[..., :2], n=2, axis=0) / scale
        change[1:-1] = np.linalg.norm(second, axis=-1).mean(-1)
    return change


def find_blinks(closed: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame, exclusive, of the blinks in a track (T,) of scores in [0, 1].

    A blink rises by `BLINK_RISE` over the clip's median and ends when it has fallen by half of it.
    """
    return closings(closed - np.median(closed), BLINK_RISE) if len(closed) else []


def per_minute(count: int, frames: int) -> float:
    """Events per minute."""
    return count / frames * FPS * 60 if frames else float("nan")


def mean(values: Iterable[float] | np.ndarray) -> float:
    """Mean of the finite values; NaN if there are none."""
    finite = [x for x in values if np.isfinite(x)]
    return float(np.mean(finite)) if finite else float("nan")


def _stable_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices (S,), weights (S, 1) of sum 1, canonical points (S, 3) centred on 0."""
    rows = [(a, w, x, y, z) for a, _, w, x, y, z in _CANONICAL]
    rows += [(b, w, -x, y, z) for a, b, w, x, y, z in _CANONICAL if a != b]
    table = np.array(rows)
    weight = table[:, 1:2] / table[:, 1].sum()
    canonical = table[:, 2:]
    return table[:, 0].astype(int), weight, canonical - (weight * canonical).sum(0)
