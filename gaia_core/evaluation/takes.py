"""A portrait and the whole engine: takes as motion latents, and what films of them show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gaia_core.evaluation.people import Sitter, draw
from gaia_core.evaluation.speech_driven import Track, read_track
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.request import Request


class Actor:
    """Makes takes of a sitter."""

    def __init__(self, gaia: Gaia, sitter: Sitter) -> None:
        self.gaia, self.sitter = gaia, sitter
        own = sitter.motion(gaia.networks.autoencoder)
        self.performer = gaia.networks.performer(own)

    def script(self, waveform: np.ndarray, **changes: object) -> Script:
        """What to do with speech (N,) at 16 kHz at a request's defaults, but for the changes."""
        speech = self.gaia.speech_encoder.encode(waveform).numpy()
        plain = Script(
            len(speech), speech, NO_DRIVING, Request.seed, Request.steps, Request.guidance
        )
        return replace(plain, **changes)  # type: ignore[arg-type]

    @torch.no_grad()
    def perform(self, script: Script) -> Tensor:
        """(T, D) motion latents"""
        *_, (_, motion) = self.performer.perform(script)
        return motion[0]

    @torch.no_grad()
    def draw(self, motion: Tensor) -> list[np.ndarray]:
        """(T, D) -> T frames, uint8 (S, S, 3)"""
        return draw(self.gaia.networks.autoencoder, self.sitter, motion)

    def film(self, landmarker: FaceLandmarker, motion: Tensor) -> Track:
        """What the pictures of (T, D) show."""
        return read_track(landmarker, self.draw(motion))
