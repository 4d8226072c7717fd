"""The eye regions: inpainted where eyes close, or open wider than the portrait's.

Warping the lids of an open eye moves the lashes along and leaves a slit of compressed iris, and a
portrait with closed eyes does not show the eyeball. So the region from below the brow to below the
eye is inpainted, conditioned on the portrait's eye. One network serves both eyes; the left one is
mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.renderer.region import (
    FEATHER,
    SIDE,
    Target,
    Window,
    between,
    closing,
    extract,
    face_width,
    opening,
    opening_ratio,
    rigid_window,
    to_pixels,
)

WINDOW = 0.42  # side of a window in face widths
# Ratios of the frame's opening to the portrait's between which the inpainted content fades in.
WIDER, WIDE = 1.6, 2.4


@dataclass(frozen=True)
class Eye:
    """The region around one eye; curves run from the outer corner to the inner one.

    Attributes:
        upper, lower: landmarks of the lids, with the corners.
        top, bottom: of the region's border, with common ends.
        iris: of its centre, then of its rim.
        mirror: -1 where the window is mirrored, else 1.
    """

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    iris: tuple[int, ...]
    mirror: float

    channels = 6

    def window(self, head: mesh.Similarity, template: Tensor) -> Window:
        """See `Region.window`."""
        centre = template[mesh.index(self.upper + self.lower, template.device)].mean(0)
        matrix, shift = rigid_window(head, centre, WINDOW * face_width(template))
        across, down = matrix.unbind(-1)
        return Window(torch.stack([self.mirror * across, down], -1), shift)

    def reference(self, portraits: Tensor, landmarks: Tensor, window: Window) -> Tensor:
        """See `Region.reference`: (B, 4, SIDE, SIDE), RGB and the opening"""
        image = extract(portraits, window)
        return eye_reference(image, self.opening(landmarks, window))

    def target(self, reference: Tensor, landmarks: Tensor, window: Window) -> Target | None:
        """See `Region.target`."""
        opening = self.opening(landmarks, window)
        opacity = lid_motion(reference[:, 3:], opening)
        if not opacity.any():
            return None
        condition = eye_condition(reference, opening, self.iris_mask(landmarks, window))
        return Target(self.mask(landmarks, window), condition, opacity)

    def opening(self, landmarks: Tensor, window: Window) -> Tensor:
        """Mask of the visible eyeball: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
        return opening(landmarks, window, self.upper, self.lower)

    def mask(self, landmarks: Tensor, window: Window) -> Tensor:
        """Mask to inpaint, from below the brow to below the eye: (B, K, 3) -> (B, 1, SIDE, SIDE)"""
        inside, _ = between(landmarks, window, self.top, self.bottom)
        return (inside / FEATHER).clamp(0, 1)

    def iris_mask(self, landmarks: Tensor, window: Window) -> Tensor:
        """Mask of the iris, lids ignored: (B, K, 3) -> (B, 1, SIDE, SIDE) in [0, 1]"""
        points = to_pixels(landmarks[:, mesh.index(self.iris, landmarks.device)], window)
        centre, rim = points[:, :1], points[:, 1:]
        radius = (rim - centre).norm(dim=-1).mean(-1)
        at = torch.arange(SIDE, device=points.device) + 0.5
        pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)
        distance = (pixels - centre[:, :, None]).norm(dim=-1)
        return (radius[:, None, None] - distance + 0.5).clamp(0, 1)[:, None]


def _eye(
    ring: tuple[int, ...],
    top: tuple[int, ...],
    bottom: tuple[int, ...],
    iris: tuple[int, ...],
    mirror: float,
) -> Eye:
    """ring: of `landmarks`, from the outer corner along the lower lid, and back along the upper."""
    return Eye((ring[0], *ring[:7:-1]), ring[:9], top, bottom, iris, mirror)


EYES = (  # the person's right one, then the left
    _eye(
        mesh.EYE_RIGHT,
        (130, 225, 224, 224, 223, 222, 222, 221, 243),
        (130, 25, 110, 24, 23, 22, 26, 112, 243),
        mesh.IRISES[:5],
        1.0,
    ),
    _eye(
        mesh.EYE_LEFT,
        (359, 445, 444, 444, 443, 442, 442, 441, 463),
        (359, 255, 339, 254, 253, 252, 256, 341, 463),
        mesh.IRISES[5:],
        -1.0,
    ),
)


def eye_reference(image: Tensor, opening: Tensor) -> Tensor:
    """RGB and the opening of a portrait's eye: (B, 3, S, S), (B, 1, S, S) -> (B, 4, S, S)"""
    return torch.cat([image - 0.5, opening], 1)


def eye_condition(reference: Tensor, opening: Tensor, iris: Tensor) -> Tensor:
    """The inpainter's condition: the portrait's reference, and the frame's opening and iris.

    (B, 4, S, S), (B, 1, S, S), (B, 1, S, S) -> (B, 6, S, S)
    """
    return torch.cat([reference, opening, iris], 1)


def lid_motion(before: Tensor, after: Tensor) -> Tensor:
    """Opacity of the inpainted eye, from how far it closes or opens against the portrait.

    Openings (B, 1, S, S) of the portrait and of the frame -> (B, 1, 1, 1) in [0, 1]
    """
    opens = ((opening_ratio(before, after) - WIDER) / (WIDE - WIDER)).clamp(0, 1)
    return closing(before, after) + opens
