"""Self re-enactment: a clip's first frame is driven by the clip's other frames.

The model and two baselines render the same frames, and each is compared with the real one by what
is detected in its pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from gaia_core.evaluation import metrics
from gaia_core.evaluation.baselines import landmark_warp
from gaia_core.evaluation.identity import IdentityEncoder
from gaia_core.evaluation.portraits import Portrait, draw, latents
from gaia_core.perceptual import PerceptualFeatures, perceptual_distance
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face
from gaia_core.renderer.autoencoder import Autoencoder

METHODS = ("ours", "still", "landmark_warp")
METRICS = (
    "psnr",
    "psnr_head",
    "perceptual",
    "perceptual_head",
    "mouth_l1",
    "akd_px",
    "apd_deg",
    "identity_l2",
    "sharpness",
)
FRAMES = 12  # of a clip that are re-enacted, about
MIN_STEP = 3  # minimal distance of frames: neighbours are redundant
IDENTITY_STEP = 4  # embeddings are slow and hardly change within a clip: every 4th of those frames

Scores = dict[str, float]


@dataclass(frozen=True)
class Reading:
    """An image, its face, and its identity embedding where it was computed."""

    image: np.ndarray
    face: Face | None
    embedding: np.ndarray | None


class Evaluators:
    """The frozen networks that evaluate frames."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self.landmarker = landmarker
        self.features = PerceptualFeatures()
        self.identity = IdentityEncoder()

    def read(self, images: Sequence[np.ndarray]) -> list[Reading]:
        """Faces of N images, and the identity in every `IDENTITY_STEP`-th of them."""
        return [
            Reading(
                image,
                face,
                self.identity.encode(image, face.landmarks)
                if face is not None and index % IDENTITY_STEP == 0
                else None,
            )
            for index, (image, face) in enumerate(
                zip(images, self.landmarker.track(images), strict=True)
            )
        ]


@dataclass(frozen=True)
class Reenactment:
    """One clip: frames of each method, and their scores.

    Attributes:
        real: N frames, uint8 (H, H, 3).
        made: N frames of each method.
        scores: N times metric -> value of each method; `lost_faces` is 1 where the output shows
            no face, and what needs one is missing there. `perceptual_head` is the distance when
            all but the head is taken from the real frame.
        lightness: of the person's skin, `metrics.skin_lightness`.
    """

    real: list[np.ndarray]
    lightness: float
    rendered: dict[str, list[np.ndarray]] = field(default_factory=dict)
    scores: dict[str, list[Scores]] = field(default_factory=dict)


def reenact(
    autoencoder: Autoencoder, evaluators: Evaluators, frames: Sequence[np.ndarray]
) -> Reenactment | None:
    """Frames of one clip, uint8 (H, H, 3) -> Reenactment; None without a face in two frames."""
    reference, face = first_face(evaluators.landmarker, frames)
    if face is None:
        return None
    rest = range(reference + 1, len(frames))
    step = max(MIN_STEP, -(-len(rest) // FRAMES))
    # Counted from the clip's end, where it is farthest from the portrait.
    driving = [
        x for x in evaluators.read([frames[i] for i in sorted(rest[::-1][::step])]) if x.face
    ]
    if not driving:
        return None
    portrait, side = frames[reference], frames[reference].shape[0]
    real, faces = [x.image for x in driving], [x.face for x in driving if x.face]
    clip = Reenactment(real, metrics.skin_lightness(portrait, face.landmarks))
    subject = Portrait(str(reference), portrait, face)
    clip.rendered["ours"] = draw(autoencoder, subject, latents(autoencoder, faces, side))
    clip.rendered["still"] = [portrait] * len(real)
    clip.rendered["landmark_warp"] = [
        landmark_warp(portrait, face.landmarks / side, x.landmarks / side) for x in faces
    ]
    features = evaluators.features(to_tensor(real))
    regions = [metrics.head_region(x.landmarks, side) for x in faces]
    for method, rendered in clip.rendered.items():
        distinct = rendered[:1] if method == "still" else rendered
        readings = evaluators.read(distinct) * (len(rendered) // len(distinct))
        # The features of one image broadcast.
        distances = perceptual_distance(evaluators.features(to_tensor(distinct)), features)
        heads = [metrics.only_inside(*x) for x in zip(rendered, real, regions, strict=True)]
        inside = perceptual_distance(evaluators.features(to_tensor(heads)), features)
        perceptual = [
            {"perceptual": whole, "perceptual_head": head}
            for whole, head in zip(distances.tolist(), inside.tolist(), strict=True)
        ]
        clip.scores[method] = [
            _score(output, target, region) | distance
            for output, target, region, distance in zip(
                readings, driving, regions, perceptual, strict=True
            )
        ]
    return clip


def first_face(landmarker: FaceLandmarker, frames: Sequence[np.ndarray]) -> tuple[int, Face | None]:
    """Index of the first frame with a face, and the face."""
    for index, face in enumerate(landmarker.track(frames)):
        if face is not None:
            return index, face
    return 0, None


def summarise(scores: Iterable[Mapping[str, float]]) -> dict[str, float | int | None]:
    """Frame scores of one method -> means over frames (sharpness: median), and counts.

    None where nothing could be measured.
    """
    scores = list(scores)
    report: dict[str, float | int | None] = {}
    for metric in METRICS:
        values = [x[metric] for x in scores if metric in x]
        middle = np.median if metric == "sharpness" else np.mean
        report[metric] = float(middle(values)) if values else None
    report["lost_faces"] = sum(int(x["lost_faces"]) for x in scores)
    report["frames"] = len(scores)
    return report


def to_tensor(images: Sequence[np.ndarray]) -> Tensor:
    """N times uint8 (H, W, 3) -> (N, 3, H, W) in [0, 1]"""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def _score(output: Reading, real: Reading, head: np.ndarray) -> Scores:
    """All but the perceptual distances, of one frame whose head region that is."""
    assert real.face is not None
    truth, side = real.face.landmarks, real.image.shape[0]
    scores = {
        "psnr": metrics.psnr(output.image, real.image),
        "psnr_head": metrics.psnr(output.image, real.image, head),
        "mouth_l1": metrics.mouth_l1(output.image, real.image, truth),
        "sharpness": metrics.sharpness(output.image, real.image, truth),
        "lost_faces": float(output.face is None),
    }
    if output.face is None:
        return scores
    found = output.face.landmarks
    turned = metrics.pose_degrees(found) - metrics.pose_degrees(truth)
    scores["akd_px"] = metrics.landmark_distance(found, truth, side)
    scores["apd_deg"] = float(np.abs(turned).mean())
    if output.embedding is not None and real.embedding is not None:
        scores["identity_l2"] = float(np.linalg.norm(output.embedding - real.embedding))
    return scores
