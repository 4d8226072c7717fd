"""Generation of a held-out portrait's motion and frames by the whole pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gaia_core.evaluation.portraits import Portrait, draw
from gaia_core.evaluation.speech_driven import Track, read_track
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.request import Request


class Actor:
    """Generates motion and frames of a portrait."""

    def __init__(self, gaia: Gaia, portrait: Portrait) -> None:
        self.gaia, self.portrait = gaia, portrait
        own = portrait.motion(gaia.networks.autoencoder)
        self.performer = gaia.networks.performer(own)

    def script(self, waveform: np.ndarray, **changes: object) -> Script:
        """Stage 2's input for speech (N,) at 16 kHz: a request's defaults and `changes`."""
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
        return draw(self.gaia.networks.autoencoder, self.portrait, motion)

    def track(self, landmarker: FaceLandmarker, motion: Tensor) -> Track:
        """Renders latents (T, D) and tracks the face in the frames."""
        return read_track(landmarker, self.draw(motion))
