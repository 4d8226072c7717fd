"""Mirror: a face before a camera becomes the portrait's motion, frame by frame."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaia_core.latent import MotionEncoder

# The filter's cutoff at rest, Hz, at which it delays by one frame of 40 ms, and how much it rises
# with the speed of a latent, Hz per unit a second.
CUTOFF, RISE = 4.0, 1.0
SPEED_CUTOFF = 4.0  # Hz, of the speed itself
HOLD = 0.4  # seconds for which the last motion is held when the face is lost
EASE = 0.3  # seconds in which motion then fades to the portrait's own, and back when it is found


class OneEuroFilter:
    """Low-pass whose cutoff rises with speed: steady at rest, no lag in motion.

    Casiez, Roussel and Vogel, CHI 2012.
    """

    def __init__(self, cutoff: float = CUTOFF, rise: float = RISE) -> None:
        self.cutoff, self.rise = cutoff, rise
        self._value: Tensor | None = None
        self._speed: Tensor | None = None

    def __call__(self, value: Tensor, step: float) -> Tensor:
        """The filtered value (...), `step` seconds after the one before."""
        if self._value is None or self._speed is None:
            self._value, self._speed = value, torch.zeros_like(value)
            return value
        speed = (value - self._value) / step
        self._speed = self._speed.lerp(speed, _share(torch.tensor(SPEED_CUTOFF), step))
        cutoff = self.cutoff + self.rise * self._speed.abs()
        self._value = self._value + _share(cutoff, step).to(value) * (value - self._value)
        return self._value


class Mirror:
    """Motion latents of a portrait that follows a face.

    Differences of latents transfer between faces, so the motion is relative to the frame in which
    the face is first seen, or seen after `recalibrate`: there the portrait is as in its photo. A
    face that comes back stands where the portrait does.
    """

    def __init__(self, encoder: MotionEncoder, reference: Tensor) -> None:
        """reference (1, D): the portrait's latent."""
        self._encoder, self._reference = encoder, reference
        self._filter = OneEuroFilter()
        self._origin: Tensor | None = None
        self._change = torch.zeros_like(reference)
        self._share = 1.0  # of the change that shows
        self._lost = math.inf  # seconds since the face was last seen

    def recalibrate(self) -> None:
        """From the next frame with a face on, the motion is relative to that frame."""
        self._origin = None
        self._filter = OneEuroFilter()

    @torch.no_grad()
    def follow(self, landmarks: Tensor | None, step: float) -> Tensor:
        """The next latent.

        Args:
            landmarks: (K, 3) in units of a crop that stands still; None where no face is seen.
            step: seconds since the call before.

        Returns:
            (1, D)
        """
        if landmarks is None:
            self._lost += step
        else:
            driven = self._encoder(landmarks[None].to(self._reference))
            if self._origin is None:
                self._origin = driven
            if self._lost > HOLD:  # it may be somewhere else, and in another crop
                self._origin = self._origin.clone()
                self._origin[:, 3:6] = driven[:, 3:6]
                self._filter = OneEuroFilter()
            self._change, self._lost = self._filter(driven - self._origin, step), 0.0
        away = self._lost > HOLD
        self._share = min(1.0, max(0.0, self._share + (-step if away else step) / EASE))
        return self._reference + self._share * self._change


def _share(cutoff: Tensor, step: float) -> Tensor:
    """The share of the way to a new value of a first-order low-pass of that cutoff, Hz."""
    way = 2 * math.pi * cutoff * step
    return way / (way + 1)
