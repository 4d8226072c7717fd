"""The mouth region: the interior of an opened mouth, inpainted where the portrait does not show it.

The mask is the area between the lips, where they part further than in the portrait. Upper teeth
move rigidly with the head, so the portrait's mouth interior, extracted in the same window, is an
aligned reference.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.renderer.region import (
    Target,
    Window,
    between,
    extract,
    face_width,
    rigid_window,
)

WINDOW = 0.52  # side of the window in face widths
DROP = 0.06  # of its centre below the closed lips, in face widths
MARGIN = 2.0  # px at most by which the mask extends beyond the lips' inner edge
# Upper and lower inner lip, from the person's right mouth corner to the left.
INNER = (78, *mesh.INNER_TOP, 308), (78, *mesh.INNER_BOTTOM, 308)


def mouth_window(head: mesh.Similarity, template: Tensor) -> Window:
    """The window around the mouth: B heads, the canonical face (K, 3) -> in B crops"""
    width = face_width(template)
    centre = template[mesh.index(mesh.LIPS_INNER, template.device)].mean(0)
    centre[1] += width * DROP
    return rigid_window(head, centre, WINDOW * width)


def interior_mask(landmarks: Tensor, window: Window) -> Tensor:
    """Mask of the mouth's interior: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]

    It overlaps the lips by up to `MARGIN` where they are parted, and is empty where closed.
    """
    inside, gap = between(landmarks, window, *INNER)
    return (inside + (0.5 * gap).clamp(0, MARGIN)).clamp(0, 1)


def masked(image: Tensor, mask: Tensor) -> Tensor:
    """Masked pixels and the mask: (B, 3, S, S), (B, 1, S, S) -> (B, 4, S, S)"""
    return torch.cat([(image - 0.5) * mask, mask], 1)


def _widening(before: Tensor, after: Tensor) -> Tensor:
    """Opacity of the inpainted mouth by column, from how much further it is open.

    Masks (B, 1, S, S) of the portrait and of the frame -> (B, 1, 1, S) in [0, 1]
    """
    had, has = (mask.sum(-2, keepdim=True) for mask in (before, after))
    return ((has - had) / (1 + 0.5 * had)).clamp(0, 1)


class Mouth:
    """The region between parted lips; its condition is the reference alone."""

    channels = 4

    def window(self, head: mesh.Similarity, template: Tensor) -> Window:
        """See `Region.window`."""
        return mouth_window(head, template)

    def reference(self, portraits: Tensor, landmarks: Tensor, window: Window) -> Tensor:
        """See `Region.reference`: (B, 4, SIDE, SIDE), from `masked`"""
        return masked(extract(portraits, window), interior_mask(landmarks, window))

    def target(self, reference: Tensor, landmarks: Tensor, window: Window) -> Target | None:
        """See `Region.target`."""
        mask = interior_mask(landmarks, window)
        opacity = _widening(reference[:, 3:], mask)
        return Target(mask, reference, opacity) if opacity.any() else None
