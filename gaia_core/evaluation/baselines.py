"""The baseline without learning: the portrait warped by its landmarks.

(The other baseline, the still portrait, is the portrait.) Kept apart from the model's own
geometry, so that a change there does not move the bar.
"""

from __future__ import annotations

import cv2
import numpy as np

SIGMA = 0.03  # reach of a landmark's displacement, in crop units
FLOOR = 0.3  # added to the sum of weights: the displacement fades away from the face
GRID = 128  # side of the grid that the displacement is computed on


def displacement(reference: np.ndarray, driving: np.ndarray, side: int = GRID) -> np.ndarray:
    """Where each pixel of the target lay in the portrait, relative to it, in crop units.

    At pixel p: sum_k w_k (reference_k - driving_k) / (sum_k w_k + FLOOR),
    w_k = exp(-|p - driving_k|^2 / (2 SIGMA^2)).

    (K, 2) or (K, 3), of which x and y are used, in crop units -> (side, side, 2), x then y.
    """
    centres = (np.arange(side, dtype=np.float32) + 0.5) / side
    # A Gaussian in the plane is one along x times one along y: the sum over k is a product.
    near = np.exp(-np.square(driving[:, :2, None] - centres) / (2 * SIGMA**2)).astype(np.float32)
    columns, rows = near[:, 0], near[:, 1].T  # (K, side), (side, K)
    shift = (reference[:, :2] - driving[:, :2]).astype(np.float32)
    weights = rows @ columns + FLOOR
    return np.stack([rows @ (columns * shift[:, i : i + 1]) / weights for i in (0, 1)], -1)


def landmark_warp(portrait: np.ndarray, reference: np.ndarray, driving: np.ndarray) -> np.ndarray:
    """The portrait with its landmarks moved to the driving frame's, sampled bilinearly.

    uint8 (H, H, 3), the portrait's landmarks and the driving ones as in `displacement` ->
    uint8 (H, H, 3). Outside, the border repeats.
    """
    side = portrait.shape[0]
    offset = cv2.resize(displacement(reference, driving), (side, side)) * side
    pixels = np.arange(side, dtype=np.float32)
    return cv2.remap(
        portrait,
        offset[..., 0] + pixels,
        offset[..., 1] + pixels[:, None],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
