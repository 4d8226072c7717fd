"""How far a portrait can be moved: one axis at a time, from end to end.

What is asked is read from the landmarks of the asked latent, what is reached from the pixels, both
with the same ruler and both as a change from the portrait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaia_core import landmarks as mesh
from gaia_core.evaluation import metrics
from gaia_core.evaluation.people import Film, Sitter, direction, draw, turned
from gaia_core.evaluation.reenactment import Judges
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.renderer.autoencoder import Autoencoder

STEPS = 7
POSE = {"yaw": 30.0, "pitch": 20.0, "roll": 25.0}  # degrees to either side
# Where films' highest frames lie above their lowest ones is 1.
OPEN, SHUT = 1.5, 0.9
LEAST_OPEN, LEAST_SHUT = 0.06, 0.3  # what a film must span to tell of it
SHEET_SIDE = 224  # px
IDENTITY_STEP = 3  # embeddings are slow: at both ends and in the middle

_BLINK = [9, 10]  # eyeBlink scores in MediaPipe's blendshapes


@dataclass(frozen=True)
class Axis:
    """What is moved, and how the move is read.

    Attributes:
        amounts: the steps, 0 for the portrait as it is.
        moved: sitter -> latents (len(amounts), D).
        read: landmarks (N, K, 3) -> (N,)
    """

    amounts: tuple[float, ...]
    moved: Callable[[Sitter], Tensor]
    read: Callable[[np.ndarray], np.ndarray]


def axes(autoencoder: Autoencoder, films: Sequence[Film]) -> dict[str, Axis]:
    """Head pose by degrees; mouth and eyes as the films open and close them."""

    def pose(number: int, most: float) -> Axis:
        amounts = np.linspace(-most, most, STEPS)
        degrees = torch.zeros(STEPS, 3)
        degrees[:, number] = torch.from_numpy(amounts).float()
        return Axis(
            tuple(amounts.tolist()),
            lambda sitter: turned(autoencoder, sitter.motion(autoencoder), degrees),
            lambda landmarks: metrics.pose_degrees(landmarks)[..., number],
        )

    def expression(change: Tensor, most: float, read: Callable[[np.ndarray], np.ndarray]) -> Axis:
        amounts = np.linspace(0, most, STEPS)
        steps = torch.from_numpy(amounts).float().to(change.device)[:, None] * change
        return Axis(
            tuple(amounts.tolist()), lambda sitter: sitter.motion(autoencoder) + steps, read
        )

    opened = direction(
        autoencoder, films, lambda film: metrics.lip_aperture(film.landmarks), LEAST_OPEN
    )
    shut = direction(
        autoencoder,
        films,
        lambda film: np.array([face.blendshapes[_BLINK].mean() for face in film.faces]),
        LEAST_SHUT,
    )
    return {
        **{name: pose(number, most) for number, (name, most) in enumerate(POSE.items())},
        "mouth": expression(opened, OPEN, metrics.lip_aperture),
        "eyes": expression(shut, SHUT, eye_aperture),
    }


def eye_aperture(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the lids over the eye's width: (..., K, 3) -> (...)"""
    return mesh.eye_aperture(torch.from_numpy(landmarks)).numpy()


def closing(autoencoder: Autoencoder, neutral: Sitter) -> Axis:
    """From a smile to the same person's closed mouth, the head as it is."""

    def moved(sitter: Sitter) -> Tensor:
        own = sitter.motion(autoencoder)
        change = neutral.motion(autoencoder) - own
        change[:, autoencoder.config.motion.groups["pose"]] = 0
        return own + torch.linspace(0, 1, STEPS, device=own.device)[:, None] * change

    return Axis(tuple(np.linspace(0, 1, STEPS).tolist()), moved, metrics.lip_aperture)


def measure(
    autoencoder: Autoencoder,
    judges: Judges,
    sitters: Sequence[Sitter],
    smiles: Sequence[tuple[Sitter, Sitter]],
    films: Sequence[Film],
    sheets: Path | None = None,
) -> dict[str, Any]:
    """Portraits along every axis, and (smiling, neutral) pairs from one to the other -> report."""
    report: dict[str, Any] = {}
    for name, axis in axes(autoencoder, films).items():
        rows = {sitter.name: _walk(autoencoder, judges, sitter, axis) for sitter in sitters}
        report[name] = _summarise(axis.amounts, [scores for _, scores in rows.values()])
        if sheets is not None:
            steps = ", ".join(f"{x:.3g}" for x in axis.amounts)
            _save(sheets, name, f"{name}: {steps}; last the portrait", rows, sitters)
    if smiles:
        walks = {
            smiling.name: _walk(autoencoder, judges, smiling, closing(autoencoder, neutral))
            for smiling, neutral in smiles
        }
        amounts = tuple(np.linspace(0, 1, STEPS).tolist())
        report["smile"] = _summarise(amounts, [scores for _, scores in walks.values()])
        if sheets is not None:
            title = "smile to closed mouth; last a real photo of it"
            _save(sheets, "smile", title, walks, [neutral for _, neutral in smiles])
    return report


Walk = tuple[list[np.ndarray], dict[str, np.ndarray]]


def _walk(autoencoder: Autoencoder, judges: Judges, sitter: Sitter, axis: Axis) -> Walk:
    """One portrait along an axis -> its frames, and what was read of each; NaN without a face."""
    motion = axis.moved(sitter)
    side = sitter.crop.shape[0]
    made = draw(autoencoder, sitter, motion)
    wanted = autoencoder.decode_landmarks(motion).cpu().numpy() * side
    found = list(judges.landmarker.track(made))
    start = int(np.abs(axis.amounts).argmin())
    own = judges.identity.encode(sitter.crop, sitter.face.landmarks)
    reached = [np.nan if x is None else float(axis.read(x.landmarks[None])[0]) for x in found]
    distance = [
        np.nan
        if face is None or index % IDENTITY_STEP
        else float(np.linalg.norm(judges.identity.encode(image, face.landmarks) - own))
        for index, (image, face) in enumerate(zip(made, found, strict=True))
    ]
    apart = [
        np.nan if face is None else metrics.landmark_distance(face.landmarks, points, side)
        for face, points in zip(found, wanted, strict=True)
    ]
    asked = axis.read(wanted)
    before = float(axis.read(sitter.face.landmarks[None])[0])
    return made, {
        "asked": asked - asked[start],
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
    asked, reached = (np.stack([walk[name] for walk in walks]) for name in ("asked", "reached"))
    lost = np.stack([walk["lost"] for walk in walks])
    seen = np.isfinite(reached)
    power = float(np.square(asked[seen]).sum())
    return {
        "portraits": len(walks),
        "amounts": [float(x) for x in amounts],
        "asked": _means(asked),
        "reached": _means(reached),
        # Least squares through the portrait: 1 where all that is asked is reached.
        "share_reached": float((asked[seen] * reached[seen]).sum() / power) if power else None,
        "error": float(np.abs(asked - reached)[seen].mean()) if seen.any() else None,
        "akd_px": _means(np.stack([walk["akd_px"] for walk in walks])),
        "identity_l2": _means(np.stack([walk["identity_l2"] for walk in walks])),
        "lost_faces": [int(x) for x in lost.sum(0)],
    }


def _means(values: np.ndarray) -> list[float | None]:
    """(portraits, steps) -> mean of the finite ones of each step"""
    columns = [column[np.isfinite(column)] for column in values.T]
    return [float(column.mean()) if len(column) else None for column in columns]


def _save(
    sheets: Path, name: str, title: str, walks: Mapping[str, Walk], last: Sequence[Sitter]
) -> None:
    rows = {
        who: [*made, sitter.crop]
        for (who, (made, _)), sitter in zip(walks.items(), last, strict=True)
    }
    save_sheet(sheets / "range" / f"{name}.png", title, rows, SHEET_SIDE)
