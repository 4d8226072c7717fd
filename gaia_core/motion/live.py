"""Streaming: speech features and motion of a waveform that arrives in chunks.

The windows are those of a finished recording, cut off at the last sample received. The look-ahead
chosen here sets the latency.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.motion.performer import OVERLAP, Performer
from gaia_core.motion.script import Script
from gaia_core.speech import encoder as sp
from gaia_core.speech.encoder import SpeechEncoder

STEPS = 4  # of sampling by default, fewer than of a finished recording: windows must keep pace
PAST = 120  # steps of the encoder, 50 a second, before the first new one that it reads again
CONTEXT = 8  # its look-ahead in steps
NEW = 8  # frames that a window adds
AHEAD = 5  # look-ahead of a window in frames, which the next window samples again

# Latency: seconds of speech, from the beginning of a frame on, that the frame needs.
DELAY = (NEW + AHEAD) / FPS + (CONTEXT + 2) * sp.STEP / SAMPLE_RATE
# Seconds beyond it after which a frame that is not yet begun is late; each further step halves
# the frames that are rendered, down to one of each window.
LATE, LATER = 0.2, 0.1


class LiveSpeech:
    """Speech features of a waveform that arrives in chunks of any size.

    They differ from `SpeechEncoder.encode`'s by the encoder's window, which moves on with the
    speech, and by the normalisation, which uses the loudest sound so far.
    """

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._encoder = encoder
        self._count = 0  # samples so far
        self._samples = torch.zeros(sp.N_FFT // 2)  # not yet in `_mel`
        self._mel = torch.zeros(sp.MELS, 0)  # from step `_first` on
        self._first = self._done = 0  # steps
        self._peak = -10.0
        self._rest = torch.zeros(0, sp.FEATURES)  # steps that the next frame needs as well

    def push(self, samples: np.ndarray) -> None:
        """Appends samples: (N,) float32 at 16 kHz, any N.

        Raises:
            ValueError: the samples are not one-dimensional or not finite.
        """
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise ValueError(f"Expected a finite mono waveform, got shape {samples.shape}.")
        self._count += len(samples)
        pending = torch.cat([self._samples, torch.tensor(samples, dtype=torch.float32)])
        mel = self._encoder.raw_mel(pending)
        self._samples = pending[mel.shape[1] * sp.HOP :]
        self._mel = torch.cat([self._mel, mel], 1)

    @property
    def ready(self) -> int:
        """Number of frames that `take` can return now."""
        known = self._first + self._mel.shape[1] // 2
        return max(0, known - CONTEXT - 1) // 2 - self._done // 2

    def take(self, frames: int) -> Tensor:
        """The next features (frames, F); at most `ready` of them."""
        end = self._done // 2 * 2 + 2 * frames + 1
        return self._take(end, end + CONTEXT)

    def finish(self) -> Tensor:
        """Ends the speech and returns the remaining features (T, F)."""
        steps = sp.STEPS_PER_FRAME * sp.frame_count(self._count) + 1
        # The same padding with silence as in `encode`.
        end = (steps + sp.PAD_STEPS) * sp.STEP + sp.N_FFT // 2 - sp.HOP
        self.push(np.zeros(max(0, end - self._count), np.float32))
        parts = []
        while steps - self._done > PAST:
            parts.append(self.take(PAST // sp.STEPS_PER_FRAME))
        return torch.cat([*parts, self._take(steps, steps + sp.PAD_STEPS)])

    @torch.no_grad()
    def _take(self, end: int, known: int) -> Tensor:
        """Features of the frames up to step `end`, from the steps before `known`."""
        mel = self._mel[:, : 2 * (known - self._first)]
        self._peak = max(self._peak, float(mel.max()))
        features = self._encoder.features(sp.level(mel, self._peak))
        features = features[self._done - self._first : end - self._first]
        new, self._rest = sp.to_frames(torch.cat([self._rest, features]))
        kept = max(0, end - PAST)
        self._mel, self._first, self._done = self._mel[:, 2 * (kept - self._first) :], kept, end
        return new


class LiveMotion:
    """Motion latents of speech of any length that arrives in chunks."""

    def __init__(self, encoder: SpeechEncoder, performer: Performer, script: Script) -> None:
        """script: its `frames` and `speech` are not read; without spans and driving video."""
        self._speech, self._performer, self._script = LiveSpeech(encoder), performer, script
        self._generator = torch.Generator().manual_seed(script.seed)
        self._features = torch.zeros(0, sp.FEATURES)  # from the window's first frame on
        # Final frames of the window, and its look-ahead.
        self._motion = self._ahead = performer.subject.reference[:, None][:, :0]
        self._blinks: tuple[int, ...] = ()

    def follow(self, chunks: Iterable[np.ndarray]) -> Iterator[Tensor]:
        """Chunks (N,) of a waveform, float32 at 16 kHz -> chunks (T, D) of the motion.

        Raises:
            ValueError: a chunk is not a finite mono waveform.
        """
        cuts = live_windows()
        start, end, known = next(cuts)
        for chunk in chunks:
            self._speech.push(chunk)
            while self._speech.ready >= (missing := end - start - len(self._features)):
                self._features = torch.cat([self._features, self._speech.take(missing)])
                yield self._window(start, end, known, end - AHEAD)
                (start, end, known), before = next(cuts), start
                self._drop(start - before)
        self._features = torch.cat([self._features, self._speech.finish()])
        frames = start + len(self._features)
        while known < frames:
            if frames <= end:
                yield self._window(start, frames, known, frames)
                return
            yield self._window(start, end, known, end - AHEAD)
            (start, end, known), before = next(cuts), start
            self._drop(start - before)

    def _drop(self, frames: int) -> None:
        self._features, self._motion = self._features[frames:], self._motion[:, frames:]

    @torch.no_grad()
    def _window(self, start: int, end: int, known: int, final: int) -> Tensor:
        """Samples frames `known` to `end`; returns those before `final`, edited: (T, D)"""
        performer, script = self._performer, replace(self._script, frames=end)
        requested = performer.given(script, script.controls, known)
        given = torch.cat([self._motion, requested], 1)
        speech = self._features[: end - start]
        window = performer.window(
            given, speech, script, self._generator, start, known, self._blinks, self._ahead
        )
        self._motion, self._ahead = window.motion.split([final - start, end - final], 1)
        self._blinks = window.blinks
        new = self._motion[:, known - start :]
        requested = requested[:, : final - known]
        return performer.edited(new, requested, script.controls, known)[0]


def stride(behind: float) -> int:
    """Every which frame is worth rendering, that many seconds after the next one's sound began."""
    late = behind - DELAY - LATE
    return int(min(2 ** max(0, math.ceil(late / LATER)), NEW))


def live_windows() -> Iterator[tuple[int, int, int]]:
    """As `sampling.windows`, shorter and without an end: (start, end, first new frame)."""
    known = 0
    while True:
        yield max(0, known - OVERLAP), known + NEW + AHEAD, known
        known += NEW
