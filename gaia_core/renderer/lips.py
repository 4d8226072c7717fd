"""The lip region: inpainted where lips close that the portrait shows parted.

Closing lips that are warped from a portrait with parted lips keep a line of compressed teeth,
which looks like an open mouth. So a band about the line in which they meet is inpainted,
conditioned on the portrait's mouth; the rest of the lips keeps the photo's texture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.renderer.mouth import INNER, mouth_window
from gaia_core.renderer.region import (
    FEATHER,
    Target,
    Window,
    between,
    closing,
    extract,
    opening,
)

# Upper and lower curves from the person's right mouth corner to the left, with common ends.
OUTER = (61, *mesh.LIPS_OUTER[:10:-1], 291), mesh.LIPS_OUTER[:11]
AROUND = (
    (57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287),
    (57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287),
)
REACH = 12.0  # px from a curve at which distances saturate
MARGIN = 6.0  # px by which the mask extends beyond the lips' inner edge


def distances(landmarks: Tensor, window: Window) -> Tensor:
    """Signed distances to the inner lips, to the outer lips, and to a contour around them.

    (B, K, 3) -> (B, 3, SIDE, SIDE): 0.5 on the contour, 1 from `REACH` px inside on, 0 from
    `REACH` px outside on.
    """
    curves = (INNER, OUTER, AROUND)
    inside = [between(landmarks, window, *curve)[0] for curve in curves]
    return (0.5 + torch.cat(inside, 1) / (2 * REACH)).clamp(0, 1)


def seam_mask(distances: Tensor, margin: float | Tensor = MARGIN) -> Tensor:
    """Mask of `margin` px about the lips' gap: (B, 3, S, S) -> (B, 1, S, S) in [0, 1]"""
    inner, _, around = ((distances - 0.5) * 2 * REACH).split(1, 1)
    side = distances.shape[-1]
    edge = torch.arange(side, device=distances.device)
    edge = torch.minimum(edge, side - 1 - edge)  # a wide smile reaches the window's border
    return torch.minimum(inner + margin, around).minimum(edge).div(FEATHER).clamp(0, 1)


def mouth_reference(image: Tensor, opening: Tensor, distances: Tensor) -> Tensor:
    """RGB, opening and outer distance of a portrait's mouth.

    (B, 3, S, S), (B, 1, S, S), (B, 3, S, S) -> (B, 5, S, S)
    """
    return torch.cat([image - 0.5, opening, distances[:, 1:2] - 0.5], 1)


def seam_condition(reference: Tensor, distances: Tensor) -> Tensor:
    """The inpainter's condition: the portrait's reference, and the frame's lip distances.

    (B, 5, S, S), (B, 3, S, S) -> (B, 7, S, S)
    """
    return torch.cat([reference, distances[:, :2] - 0.5], 1)


class Lips:
    """The region about the line in which closing lips meet."""

    channels = 7

    def window(self, head: mesh.Similarity, template: Tensor) -> Window:
        """See `Region.window`."""
        return mouth_window(head, template)

    def reference(self, portraits: Tensor, landmarks: Tensor, window: Window) -> Tensor:
        """See `Region.reference`: (B, 5, SIDE, SIDE), from `mouth_reference`"""
        parted, edges = opening(landmarks, window, *INNER), distances(landmarks, window)
        return mouth_reference(extract(portraits, window), parted, edges)

    def target(self, reference: Tensor, landmarks: Tensor, window: Window) -> Target | None:
        """See `Region.target`."""
        opacity = closing(reference[:, 3:4], opening(landmarks, window, *INNER))
        if not opacity.any():
            return None
        edges = distances(landmarks, window)
        return Target(seam_mask(edges), seam_condition(reference, edges), opacity)
