"""The mouth's inpainter alone: real mouths of held-out people, hidden and inpainted.

Look at takes as well: an inpainter that was better in all of these numbers had blurrier teeth
(docs/failed.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_core.errors import InputError
from gaia_core.evaluation.portraits import Portrait, TrackedClip, latents, to_images
from gaia_core.evaluation.reenactment import to_tensor
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.landmarks import lip_aperture
from gaia_core.perceptual import PerceptualFeatures, perceptual_distance
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.renderer.detail import FINE, Detail, enlarged
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.renderer.mouth import interior_mask, masked, mouth_window
from gaia_core.renderer.region import SIDE, extract

CROP = 512  # px; of a crop, the mouth's window is about a quarter
PARTED = 0.02  # minimal lip aperture
FRAMES = 6  # of each clip
BORDER = 5  # px of the window at the mask's border, which do not count for sharpness
NUMBERS = ("perceptual", "l1", "sharpness")
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)


class Mouths(NamedTuple):
    """Windows (N, 3, FINE, FINE) and masks (N, 1, SIDE, SIDE) of parted lips, in [0, 1]."""

    windows: Tensor
    masks: Tensor


@torch.no_grad()
def measure(
    autoencoder: Autoencoder,
    portraits: Iterable[Portrait],
    clips: Iterable[TrackedClip],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Report of portraits, which have detail at `FINE` px, and of clips, which have at `SIDE`.

    `perceptual` and `l1`: distance from the real mouth over the mask's share of the window.
    `sharpness`: edges within the mask over the real ones', median. Of clips also `referenced`, with
    another frame's mouth given as the portrait's.

    Raises:
        InputError: the weights have no inpainter of the mouth.
    """
    if "mouth" not in autoencoder.inpainters:
        raise InputError("The weights have no inpainter of the mouth; train it first.")
    inpainter, features = autoencoder.inpainters["mouth"], PerceptualFeatures()
    photos = [
        _mouths(autoencoder, [x.crop], latents(autoencoder, [x.face], len(x.crop)))
        for x in portraits
    ]
    frames = [_mouths(autoencoder, clip.images, clip.motion(autoencoder)) for clip in clips]
    frames = [
        Mouths(*(x[:: -(-len(x) // FRAMES)] for x in found))
        for found in frames
        if len(found.masks) > 1
    ]
    others = [Mouths(*(x.roll(1, 0) for x in found)) for found in frames]
    report = {}
    for name, found, references, side in (
        ("photos", photos, None, FINE),
        ("clips", frames, None, SIDE),
        ("referenced", frames, others, SIDE),
    ):
        real = _joined(found)
        reference = None if references is None else _joined(references)
        made = _inpainted(inpainter, autoencoder.detail, real, reference)
        report[name] = _compared(features, real, made, side)
        if sheets is not None and len(made):
            rows = {"real": to_images(real.windows), "inpainted": to_images(made)}
            save_sheet(sheets / "mouths" / f"{name}.png", name, rows)
    return report


def _mouths(autoencoder: Autoencoder, images: list[np.ndarray], motion: Tensor) -> Mouths:
    """Of the pictures (H, H, 3) uint8 with latents (N, D), those with parted lips."""
    face = autoencoder.motion.geometry(motion)
    parted = lip_aperture(face.landmarks) > PARTED
    window = mouth_window(face.head, autoencoder.motion.template)
    windows = extract(to_tensor(images).to(motion.device), window, FINE).clamp(0, 1)
    return Mouths(windows[parted], interior_mask(face.landmarks, window)[parted])


def _joined(found: list[Mouths]) -> Mouths:
    if not found:
        return Mouths(torch.zeros(0, 3, FINE, FINE), torch.zeros(0, 1, SIDE, SIDE))
    return Mouths(*(torch.cat(part) for part in zip(*found, strict=True)))


def _inpainted(
    inpainter: Inpainter, detail: Detail | None, real: Mouths, reference: Mouths | None
) -> Tensor:
    """(N, 3, FINE, FINE) in [0, 1]"""
    windows, masks = real
    if not len(windows):
        return windows
    known = torch.zeros(len(masks), 4, SIDE, SIDE, device=masks.device)
    if reference is not None:
        known = masked(F.adaptive_avg_pool2d(reference.windows, SIDE), reference.masks)
    made = []
    for image, mask, condition in zip(*(x.split(16) for x in (windows, masks, known)), strict=True):
        content = inpainter(F.avg_pool2d(image, 2), mask, condition)
        if detail is None:
            content = F.interpolate(content, scale_factor=2.0, mode="bicubic", align_corners=False)
        else:
            content = detail.refine(image, content, mask)
        made.append(image.lerp(content, enlarged(mask)).clamp(0, 1))
    return torch.cat(made)


def _compared(
    features: PerceptualFeatures, real: Mouths, made: Tensor, side: int
) -> dict[str, Any]:
    """Scores of windows at the resolution that the real ones have."""
    if not len(made):
        return {"windows": 0, **dict.fromkeys(NUMBERS, float("nan"))}
    a, b = (F.adaptive_avg_pool2d(x.cpu(), side) for x in (made, real.windows))
    mask = F.interpolate(real.masks.cpu(), size=(side, side))
    area = mask.mean((1, 2, 3))
    inner = 1 - F.max_pool2d((mask < 0.9).float(), BORDER, 1, BORDER // 2)
    sharpness = [
        (F.conv2d(x.mean(1, keepdim=True), LAPLACIAN, padding=1).abs() * inner).sum((1, 2, 3))
        for x in (a, b)
    ]
    seen = inner.amax((1, 2, 3)) > 0
    large = [
        F.interpolate(x, size=(FINE, FINE), mode="bilinear", align_corners=False) for x in (a, b)
    ]
    distance = perceptual_distance(*(features(x) for x in large))
    return {
        "windows": len(made),
        "perceptual": float((distance / area).mean()),
        "l1": float(((a - b).abs().mean((1, 2, 3)) / area).mean()),
        "sharpness": float((sharpness[0] / sharpness[1])[seen].nanmedian()),
    }
