"""Range of motion of a portrait, one axis at a time.

The requested motion is measured on the landmarks of the latent, the reached one on rendered frames,
both by the same measure and relative to the portrait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaia_core.evaluation import metrics
from gaia_core.evaluation.portraits import Portrait, TrackedClip, direction, draw, turned
from gaia_core.evaluation.reenactment import Evaluators
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.portrait.blendshapes import BLINKS
from gaia_core.renderer.autoencoder import Autoencoder

STEPS = 7
POSE = {"yaw": 30.0, "pitch": 20.0, "roll": 25.0}  # degrees to either side
# In units of the difference between the clips' highest and lowest frames.
OPEN, SHUT = 1.5, 0.9
LEAST_OPEN, LEAST_SHUT = 0.06, 0.3  # minimal range of a clip that is used
SHEET_SIDE = 224  # px
IDENTITY_STEP = 3  # embeddings are slow: at both ends and in the middle


@dataclass(frozen=True)
class Axis:
    """An axis of motion, and how it is measured.

    Attributes:
        amounts: the steps, 0 for the portrait.
        moved: portrait -> latents (len(amounts), D).
        read: landmarks (N, K, 3) -> (N,)
    """

    amounts: tuple[float, ...]
    moved: Callable[[Portrait], Tensor]
    read: Callable[[np.ndarray], np.ndarray]


def axes(autoencoder: Autoencoder, clips: Sequence[TrackedClip]) -> dict[str, Axis]:
    """Head pose by degrees; mouth and eyes in the range of the clips."""

    def pose(number: int, most: float) -> Axis:
        amounts = np.linspace(-most, most, STEPS)
        degrees = torch.zeros(STEPS, 3)
        degrees[:, number] = torch.from_numpy(amounts).float()
        return Axis(
            tuple(amounts.tolist()),
            lambda portrait: turned(autoencoder, portrait.motion(autoencoder), degrees),
            lambda landmarks: metrics.pose_degrees(landmarks)[..., number],
        )

    def expression(change: Tensor, most: float, read: Callable[[np.ndarray], np.ndarray]) -> Axis:
        amounts = np.linspace(0, most, STEPS)
        steps = torch.from_numpy(amounts).float().to(change.device)[:, None] * change
        return Axis(
            tuple(amounts.tolist()), lambda portrait: portrait.motion(autoencoder) + steps, read
        )

    opened = direction(
        autoencoder, clips, lambda clip: metrics.lip_aperture(clip.landmarks), LEAST_OPEN
    )
    shut = direction(
        autoencoder,
        clips,
        lambda clip: np.array([face.blendshapes[BLINKS].mean() for face in clip.faces]),
        LEAST_SHUT,
    )
    return {
        **{name: pose(number, most) for number, (name, most) in enumerate(POSE.items())},
        "mouth": expression(opened, OPEN, metrics.lip_aperture),
        "eyes": expression(shut, SHUT, metrics.eye_aperture),
    }


def closing(autoencoder: Autoencoder, neutral: Portrait) -> Axis:
    """From a smile to the same person's closed mouth."""

    def moved(portrait: Portrait) -> Tensor:
        own = portrait.motion(autoencoder)
        change = neutral.motion(autoencoder) - own
        change[:, autoencoder.config.motion.groups["pose"]] = 0
        return own + torch.linspace(0, 1, STEPS, device=own.device)[:, None] * change

    return Axis(tuple(np.linspace(0, 1, STEPS).tolist()), moved, metrics.lip_aperture)


def measure(
    autoencoder: Autoencoder,
    evaluators: Evaluators,
    portraits: Sequence[Portrait],
    smiles: Sequence[tuple[Portrait, Portrait]],
    clips: Sequence[TrackedClip],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Portraits along every axis, and (smiling, neutral) pairs from one to the other -> report."""
    report: dict[str, Any] = {}
    for name, axis in axes(autoencoder, clips).items():
        rows = {
            portrait.name: _walk(autoencoder, evaluators, portrait, axis) for portrait in portraits
        }
        report[name] = _summarise(axis.amounts, [scores for _, scores in rows.values()])
        if sheets is not None:
            steps = ", ".join(f"{x:.3g}" for x in axis.amounts)
            _save(sheets, name, f"{name}: {steps}; last the portrait", rows, portraits)
    if smiles:
        walks = {
            smiling.name: _walk(autoencoder, evaluators, smiling, closing(autoencoder, neutral))
            for smiling, neutral in smiles
        }
        amounts = tuple(np.linspace(0, 1, STEPS).tolist())
        report["smile"] = _summarise(amounts, [scores for _, scores in walks.values()])
        if sheets is not None:
            title = "smile to closed mouth; last a real photo of it"
            _save(sheets, "smile", title, walks, [neutral for _, neutral in smiles])
    return report


Walk = tuple[list[np.ndarray], dict[str, np.ndarray]]


def _walk(autoencoder: Autoencoder, evaluators: Evaluators, portrait: Portrait, axis: Axis) -> Walk:
    """One portrait along an axis -> its frames, and their readings; NaN without a face."""
    motion = axis.moved(portrait)
    side = portrait.crop.shape[0]
    rendered = draw(autoencoder, portrait, motion)
    target = autoencoder.decode_landmarks(motion).cpu().numpy() * side
    found = list(evaluators.landmarker.track(rendered))
    start = int(np.abs(axis.amounts).argmin())
    own = evaluators.identity.encode(portrait.crop, portrait.face.landmarks)
    reached = [np.nan if x is None else float(axis.read(x.landmarks[None])[0]) for x in found]
    distance = [
        np.nan
        if face is None or index % IDENTITY_STEP
        else float(np.linalg.norm(evaluators.identity.encode(image, face.landmarks) - own))
        for index, (image, face) in enumerate(zip(rendered, found, strict=True))
    ]
    apart = [
        np.nan if face is None else metrics.landmark_distance(face.landmarks, points, side)
        for face, points in zip(found, target, strict=True)
    ]
    requested = axis.read(target)
    before = float(axis.read(portrait.face.landmarks[None])[0])
    return rendered, {
        "asked": requested - requested[start],
        "reached": np.array(reached) - before,
        "akd_px": np.array(apart),
        "identity_l2": np.array(distance),
        "lost": np.array([face is None for face in found]),
    }


def _summarise(
    amounts: Sequence[float], walks: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, Any]:
    """Walks of several portraits -> per step, mean over portraits; slope and error over all."""
    if not walks:
        return {"portraits": 0}
    requested, reached = (np.stack([walk[name] for walk in walks]) for name in ("asked", "reached"))
    lost = np.stack([walk["lost"] for walk in walks])
    seen = np.isfinite(reached)
    power = float(np.square(requested[seen]).sum())
    return {
        "portraits": len(walks),
        "amounts": [float(x) for x in amounts],
        "asked": _means(requested),
        "reached": _means(reached),
        # Least squares through the portrait: 1 if the requested motion is reached.
        "share_reached": float((requested[seen] * reached[seen]).sum() / power) if power else None,
        "error": float(np.abs(requested - reached)[seen].mean()) if seen.any() else None,
        "akd_px": _means(np.stack([walk["akd_px"] for walk in walks])),
        "identity_l2": _means(np.stack([walk["identity_l2"] for walk in walks])),
        "lost_faces": [int(x) for x in lost.sum(0)],
    }


def _means(values: np.ndarray) -> list[float | None]:
    """(portraits, steps) -> mean of the finite ones of each step"""
    columns = [column[np.isfinite(column)] for column in values.T]
    return [float(column.mean()) if len(column) else None for column in columns]


def _save(
    sheets: Path, name: str, title: str, walks: Mapping[str, Walk], last: Sequence[Portrait]
) -> None:
    rows = {
        who: [*rendered, portrait.crop]
        for (who, (rendered, _)), portrait in zip(walks.items(), last, strict=True)
    }
    save_sheet(sheets / "range" / f"{name}.png", title, rows, SHEET_SIDE)
