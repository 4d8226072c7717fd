"""Speech that is still being spoken: features, and motion, of what is known of it so far.

The same windows as for a finished recording, cut off where the speech has come to. How much must
follow what is taken is chosen here, and with it the delay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.motion.performer import OVERLAP, Performer
from gaia_core.motion.script import Script
from gaia_core.speech import encoder as sp
from gaia_core.speech.encoder import SpeechEncoder

CONTEXT = 20  # steps (50 a second) that the encoder hears after the last one that is taken
NEW = 20  # frames that a window adds
AHEAD = 8  # frames that it makes beyond, to see where speech goes; the next makes them anew

# Speech, in seconds, that must be known from the beginning of a frame on for it to come.
DELAY = (NEW + AHEAD) / FPS + (CONTEXT + 2) * sp.STEP / SAMPLE_RATE


class LiveSpeech:
    """Speech features of a waveform that comes bit by bit, however it is cut.

    They differ from `SpeechEncoder.encode`'s by what the end of a window does not hear yet, and
    by the level, which is that of the loudest sound so far.
    """

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._encoder = encoder
        self._count = 0  # samples so far
        self._samples = torch.zeros(sp.N_FFT // 2)  # not in a spectrum yet
        self._mel = torch.zeros(sp.MELS, 0)  # from step `_first` on
        self._first = self._done = 0  # steps
        self._peak = -10.0
        self._rest = torch.zeros(0, sp.FEATURES)  # steps that the next frame needs, too

    def push(self, samples: np.ndarray) -> None:
        """Hears more: (N,) float32 at 16 kHz, any N.

        Raises:
            ValueError: the samples are not one-dimensional or not finite.
        """
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise ValueError(f"Expected a finite mono waveform, got shape {samples.shape}.")
        self._count += len(samples)
        heard = torch.cat([self._samples, torch.tensor(samples, dtype=torch.float32)])
        mel = self._encoder.raw_mel(heard)
        self._samples = heard[mel.shape[1] * sp.HOP :]
        self._mel = torch.cat([self._mel, mel], 1)

    @property
    def ready(self) -> int:
        """Frames that can be taken."""
        return max(0, self._known - CONTEXT - 1) // 2 - self._done // 2

    def take(self, frames: int) -> Tensor:
        """The next features, (frames, F); no more than are `ready`."""
        end = self._done // 2 * 2 + 2 * frames + 1
        return self._take(end, end + CONTEXT)

    def finish(self) -> Tensor:
        """The features that are left when the speech has ended: (T, F)."""
        steps = sp.STEPS_PER_FRAME * sp.frame_count(self._count) + 1
        # As much silence as `encode` reads after the speech.
        end = (steps + sp.PAD_STEPS) * sp.STEP + sp.N_FFT // 2 - sp.HOP
        self.push(np.zeros(max(0, end - self._count), np.float32))
        return self._take(steps, steps + sp.PAD_STEPS)

    @property
    def _known(self) -> int:
        return self._first + self._mel.shape[1] // 2

    @torch.no_grad()
    def _take(self, end: int, known: int) -> Tensor:
        """Features of the frames that the steps before `end` complete, of those before `known`."""
        mel = self._mel[:, : 2 * (known - self._first)]
        self._peak = max(self._peak, float(mel.max()))
        mel = sp.level(mel, self._peak)
        every, weights = sp.WINDOW_STEPS - sp.OVERLAP_STEPS, sp.fade()
        total = torch.zeros(end - self._done, sp.FEATURES + 1)  # and the sum of weights
        oldest = max(0, (self._done - sp.WINDOW_STEPS) // every + 1)
        for start in range(oldest * every, end, every):
            stop = min(start + sp.WINDOW_STEPS, known)
            features = self._encoder.features(
                mel[:, 2 * (start - self._first) : 2 * (stop - self._first)]
            )
            features = functional.pad(features, (0, 1), value=1.0) * weights[: stop - start]
            low, high = max(start, self._done), min(stop, end)
            total[low - self._done : high - self._done] += features[low - start : high - start]
        new, self._rest = sp.to_frames(torch.cat([self._rest, total[:, :-1] / total[:, -1:]]))
        self._done = end
        kept = max(0, (end - sp.WINDOW_STEPS) // every + 1) * every  # where the next ones begin
        self._mel, self._first = self._mel[:, 2 * (kept - self._first) :], kept
        return new


class LiveMotion:
    """Motion latents for speech that comes bit by bit, and of any length."""

    def __init__(self, encoder: SpeechEncoder, performer: Performer, script: Script) -> None:
        """script: all but `frames` and `speech`, which come; no spans and no driving video."""
        self._speech, self._performer, self._script = LiveSpeech(encoder), performer, script
        self._generator = torch.Generator().manual_seed(script.seed)
        self._heard = torch.zeros(0, sp.FEATURES)  # from the window's first frame on
        self._made = performer.subject.reference[:, None][:, :0]  # what of the window is known
        self._blinks: tuple[int, ...] = ()

    def follow(self, chunks: Iterable[np.ndarray]) -> Iterator[Tensor]:
        """Parts (N,) of a waveform, float32 at 16 kHz -> parts (T, D) of the motion.

        Raises:
            ValueError: a part is not a finite mono waveform.
        """
        cuts = live_windows()
        start, end, known = next(cuts)
        for chunk in chunks:
            self._speech.push(chunk)
            while self._speech.ready >= (missing := end - start - len(self._heard)):
                self._heard = torch.cat([self._heard, self._speech.take(missing)])
                yield self._window(start, end, known, end - AHEAD)
                (start, end, known), before = next(cuts), start
                self._pass(start - before)
        self._heard = torch.cat([self._heard, self._speech.finish()])
        frames = start + len(self._heard)
        while known < frames:
            if frames <= end:
                yield self._window(start, frames, known, frames)
                return
            yield self._window(start, end, known, end - AHEAD)
            (start, end, known), before = next(cuts), start
            self._pass(start - before)

    def _pass(self, frames: int) -> None:
        self._heard, self._made = self._heard[frames:], self._made[:, frames:]

    @torch.no_grad()
    def _window(self, start: int, end: int, known: int, final: int) -> Tensor:
        """Makes frames `known` to `end`; keeps those to `final` and returns them edited, (T, D)."""
        performer, script = self._performer, replace(self._script, frames=end)
        asked = performer.given(script, script.controls)
        given = torch.cat([self._made, asked[:, known:]], 1)
        speech = self._heard[: end - start]
        made = performer.window(given, speech, script, self._generator, start, known, self._blinks)
        self._made, self._blinks = made.motion[:, : final - start], made.blinks
        new, free = self._made[:, known - start :], asked[:, known:final]
        return performer.edited(new, free, script.controls, known)[0]


def live_windows() -> Iterator[tuple[int, int, int]]:
    """As `sampling.windows`, short and without an end: (start, end, first new frame)."""
    known = 0
    while True:
        yield max(0, known - OVERLAP), known + NEW + AHEAD, known
        known += NEW
