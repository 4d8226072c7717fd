"""A photo's landmarks, synthetic faces, and small models with random weights.

Everything made once for all tests is to be read only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from tiny import MOTION, SPEECH, TINY
from torch import Tensor, nn

from gaia_core import landmarks as mesh
from gaia_core.assets import WEIGHTS
from gaia_core.controls import EXPRESSION
from gaia_core.instruction.language import Instructor
from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Face, crop_around
from gaia_core.render import Networks
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.renderer.inpainting import Inpainter
from gaia_core.speech.encoder import FEATURES, SpeechEncoder
from gaia_core.training.motion import assign_groups, fit_motion_encoder, fit_template

if "PYTEST_XDIST_WORKER" in os.environ:  # more threads than cores would slow all workers down
    os.environ["OMP_NUM_THREADS"] = "1"  # of subprocesses
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
else:
    torch.set_num_threads(min(2, torch.get_num_threads()))

NOISE = 2e-4  # of the synthetic faces' landmarks, crop units; real ones jitter more


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@dataclass(frozen=True)
class Faces:
    """Landmarks of a synthetic population.

    Attributes:
        landmarks: (N, K, 3) in crop units.
        pose: (N, 6) the head poses they were made with.
        clip: (N,) which person a face is of.
    """

    landmarks: Tensor
    pose: Tensor
    clip: Tensor


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A public domain portrait, (512, 512, 3) uint8."""
    return data.astronaut()


@pytest.fixture(scope="session")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker


@pytest.fixture(scope="session")
def photo_face(landmarker: FaceLandmarker, photo: np.ndarray) -> Face:
    return landmarker.detect(photo)[0]


@pytest.fixture(scope="session")
def crop_landmarks(photo_face: Face) -> Tensor:
    """The photo's landmarks (K, 3) in crop units."""
    crop = crop_around(photo_face.landmarks)
    return torch.from_numpy(crop.to_crop(photo_face.landmarks))


@pytest.fixture(scope="session")
def template(landmarker: FaceLandmarker, photo: np.ndarray, crop_landmarks: Tensor) -> Tensor:
    """A plausible mean face (K, 3): symmetric, gazing straight ahead, one face width wide."""
    face = landmarker.detect(photo[:, ::-1].copy())[0]
    mirrored = torch.from_numpy(crop_around(face.landmarks).to_crop(face.landmarks))
    return fit_template(torch.stack([crop_landmarks, mirrored]))


@pytest.fixture(scope="session")
def make_faces(template: Tensor) -> Callable[[int, int], Faces]:
    """people, seed -> eight faces of each, which differ in as many ways as the latent has channels.

    The points that pose is read from hold still but for noise, so that the poses are known.
    """
    group = assign_groups(template)
    generator = torch.Generator().manual_seed(0)
    modes = []  # displacements of each channel's group, face widths
    for number, where in enumerate(MOTION.groups.values()):
        for _ in range(where.stop - where.start if number else 0):
            mode = 0.02 * torch.randn(mesh.COUNT, 3, generator=generator)
            mode[group != number] = 0
            mode[list(mesh.RIGID)] = 0
            modes.append(mode)
    basis = torch.stack(modes)

    def make(people: int, seed: int) -> Faces:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        clip = torch.arange(people).repeat_interleave(8)
        amounts = 0.5 * normal(people, len(basis))[clip] + normal(len(clip), len(basis))
        amounts = amounts - amounts.mean(0)
        shape = template + torch.einsum("nm,mkc->nkc", amounts, basis)
        usual = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.5, -0.8])
        pose = usual + normal(len(clip), 6) * torch.tensor([12.0, 8.0, 6.0, 0.03, 0.03, 0.08])
        pose[0] = usual  # a fitted template's zero of pitch is that of its first face
        landmarks = mesh.Similarity.of(pose)(shape)
        return Faces(landmarks + NOISE * normal(*landmarks.shape), pose, clip)

    return make


@pytest.fixture(scope="session")
def encoder(make_faces: Callable[[int, int], Faces]) -> MotionEncoder:
    """A motion encoder fitted to 60 synthetic people; its latent has the channels of `MOTION`."""
    encoder = MotionEncoder(MOTION)
    faces = make_faces(60, 1)
    fit_motion_encoder(encoder, faces.landmarks, faces.clip)
    return encoder.requires_grad_(False)


@pytest.fixture(scope="session")
def make_autoencoder(encoder: MotionEncoder) -> Callable[..., Autoencoder]:
    """A small untrained stage 1 whose motion encoder is fitted; sizes can be given by name."""

    def make(**sizes: int) -> Autoencoder:
        torch.manual_seed(0)
        model = Autoencoder(replace(TINY.autoencoder, **{"image": 64, **sizes}))
        model.motion.load_state_dict(encoder.state_dict())
        return model.eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def make_denoiser(perturb: Callable[[nn.Module], None]) -> Callable[..., Denoiser]:
    """A small stage 2 with random weights, including layers that are initialised to zero."""

    def make(speech: int = SPEECH, kind: type[Denoiser] = Denoiser) -> Denoiser:
        torch.manual_seed(0)
        model = kind(replace(TINY.denoiser, speech=speech, context=1), MOTION)
        perturb(model)
        model.expectation.normal_(0, 0.1 * speech**-0.5)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def perturb() -> Callable[[nn.Module], None]:
    """Gives random values to the parameters of a module that start at zero."""

    @torch.no_grad()
    def fill(module: nn.Module) -> None:
        generator = torch.Generator().manual_seed(1)
        for parameter in module.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))

    return fill


@pytest.fixture(scope="session")
def gaia(
    make_autoencoder: Callable[..., Autoencoder], make_denoiser: Callable[..., Denoiser]
) -> Iterator[Gaia]:
    """The pipeline with real adapters and small networks of random weights."""
    directions = torch.randn(
        len(EXPRESSION), MOTION.width, generator=torch.Generator().manual_seed(2)
    )
    engine = Gaia(
        Networks(make_autoencoder(), make_denoiser(FEATURES), directions), SpeechEncoder.load()
    )
    yield engine
    engine.landmarker.close()


@pytest.fixture(scope="session")
def instructor() -> Instructor:
    """Reads instructions with the shipped weights."""
    return Instructor.load(WEIGHTS)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(scope="session")
def fill_red() -> Callable[[Inpainter], Inpainter]:
    """Makes an inpainter return red for every input."""

    def make(inpainter: Inpainter) -> Inpainter:
        inpainter.eval().requires_grad_(False)
        inpainter.paint.weight.zero_()
        inpainter.paint.bias.copy_(torch.tensor([0.65, -0.35, -0.35]).repeat_interleave(4))
        return inpainter

    return make
