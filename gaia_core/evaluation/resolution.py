"""Whole photos at full resolution: sharpness of the moved face, and seams of the compositing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from gaia_core.evaluation import metrics
from gaia_core.evaluation.portraits import Portrait, draw, turned
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.media.compositing import MAX_SIDE, Composer, fit
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Crop, Face, crop_around
from gaia_core.renderer.autoencoder import Autoencoder

# Moderate motions: yaw, pitch, roll in degrees; the first holds still.
MOTIONS = ((0.0, 0.0, 0.0), (8.0, 0.0, 0.0), (-6.0, 5.0, 3.0))
NUMBERS = ("sharpness_still", "sharpness_moved", "seam", "band_inside")
LEAST_SIDE = 1024  # px of a photo that counts as large
SHEET_SIDE = 400  # px
GRAIN, BLUR = 10.0, 0.8  # of a sensor, of 255, and of the lens in front of it, px


def measure(
    autoencoder: Autoencoder,
    landmarker: FaceLandmarker,
    photos: Iterable[tuple[str, np.ndarray]],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """(name, photo) -> report: for each photo and as a mean over photos.

    `sharpness_still` and `sharpness_moved`: detail of the face over the photo's, at its own size.
    `seam`: gradient across the band in which the crop fades into the photo, over the same in the
    untouched photo; `band_inside`: the same over that of the whole window within the band.
    `outside_identical`: whether every pixel outside the window is the photo's.
    """
    rows = {}
    for name, photo in photos:
        faces = landmarker.detect(photo)
        if faces:
            rows[name] = _photo(autoencoder, landmarker, name, photo, faces[0], sheets)
    return {
        **{name: metrics.mean([row[name] for row in rows.values()]) for name in NUMBERS},
        "outside_identical": all(row["outside_identical"] for row in rows.values()),
        "photos": len(rows),
        "by_photo": rows,
    }


def _photo(
    autoencoder: Autoencoder,
    landmarker: FaceLandmarker,
    name: str,
    photo: np.ndarray,
    face: Face,
    sheets: Path | None,
) -> dict[str, Any]:
    photo, face = fit(photo, face)
    crop = crop_around(face.landmarks)
    composer = Composer(photo, crop, "photo")
    width, height = composer.frame_size
    photo = photo[:height, :width]
    side = composer.side
    landmarks = crop.to_crop(face.landmarks) * np.float32(side)
    portrait = Portrait(name, crop.extract(photo, side), Face(landmarks, face.blendshapes))
    motion = turned(autoencoder, portrait.motion(autoencoder), torch.tensor(MOTIONS))
    rendered = draw(autoencoder, portrait, motion, batch=1, edge_mask=composer.edge_mask)
    frames = [composer.compose(x) for x in rendered]
    weight = window(photo, crop)
    before = metrics.detail(photo, metrics.face_region(face.landmarks, photo.shape[:2]))
    ratios = []
    for frame in frames:
        found = landmarker.detect(frame)
        if found:
            inside = metrics.face_region(found[0].landmarks, frame.shape[:2])
            ratios.append(metrics.detail(frame, inside) / max(before, 1e-6))
        else:
            ratios.append(float("nan"))
    if sheets is not None:
        side = SHEET_SIDE
        views = [crop.extract(x, side) for x in (photo, *frames)]
        save_sheet(sheets / "resolution" / f"{name}.png", name, {"photo, frames": views}, side)
    moved = frames[1:]
    across = _across(photo, weight)[0]
    seams = [_across(frame, weight) for frame in moved]
    return {
        "width": width,
        "height": height,
        "face_px": round(face.width),
        "crop_px": round(crop.side),
        "sharpness_still": ratios[0],
        "sharpness_moved": metrics.mean(ratios[1:]),
        "seam": metrics.mean([band for band, _ in seams]) / max(across, 1e-6),
        "band_inside": metrics.mean([band / max(inside, 1e-6) for band, inside in seams]),
        "outside_identical": all(
            np.array_equal(x[weight == 0], photo[weight == 0]) for x in frames
        ),
    }


def enlarged(photo: np.ndarray) -> np.ndarray:
    """A photo (H, W, 3) uint8 upsampled to the maximal size of a video, with sensor noise."""
    scale = MAX_SIDE / max(photo.shape[:2])
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_LANCZOS4)
    noise = np.random.default_rng(0).normal(0, GRAIN, large.shape[:2])
    grain = cv2.GaussianBlur(noise, (0, 0), BLUR)
    return (large + grain[..., None]).clip(0, 255).astype(np.uint8)


def window(photo: np.ndarray, crop: Crop) -> np.ndarray:
    """Opacity of the crop in the photo, (H, W) in [0, 1]."""
    composer = Composer(np.zeros_like(photo), crop, "photo")
    white = np.full((composer.side, composer.side, 3), 255, np.uint8)
    return composer.compose(white)[..., 0].astype(np.float32) / 255


def _across(image: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Mean gradient along the way in: in the band where the weight grows, and inside of it.

    Inside, the way in is towards the window's centre.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    band, inside = (weight > 0) & (weight < 1), weight == 1
    places = np.indices(weight.shape).astype(np.float32)
    radius = places - places[:, inside].mean(1)[:, None, None]
    normal, inwards = _unit(_gradient(weight)), _unit(radius)
    gradient = _gradient(grey)
    return (
        float(np.abs((gradient * normal).sum(0))[band].mean()),
        float(np.abs((gradient * inwards).sum(0))[inside].mean()),
    )


def _gradient(image: np.ndarray) -> np.ndarray:
    """Along rows and along columns: (H, W) -> (2, H, W)"""
    return np.stack([cv2.Sobel(image, cv2.CV_32F, *x, ksize=1) for x in ((0, 1), (1, 0))])


def _unit(field: np.ndarray) -> np.ndarray:
    """Vectors (2, H, W), each divided by its length."""
    return np.asarray(field / np.linalg.norm(field, axis=0).clip(1e-6))
