"""Speech to features at the video rate: the encoder of Whisper tiny.en, frozen.

One feature vector per video frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.assets import shipped_model

WEIGHTS = "whisper_tiny_en_encoder.safetensors"  # fp16, by transformers' names

MELS, N_FFT, HOP = 80, 400, 160  # mel frames at 100 Hz
BLOCK = 3000  # mel frames computed at once
WIDTH, HEADS, MAX_STEPS = 384, 6, 1500  # encoder steps at 50 Hz, 30 s at most
DEPTH = 3  # blocks of Whisper's four: no feature comes from the last
STEP = 2 * HOP  # samples per encoder step
STEPS_PER_FRAME = SAMPLE_RATE // STEP // FPS

LAYERS = (1, DEPTH)  # blocks, counted from 1, whose outputs predict the lips best
FEATURES = WIDTH * len(LAYERS)

LOUDEST = 1.5  # every recording is normalised to this peak of the log-mel, in units of 40 dB
MOST_GAIN = 0.75  # bound on that gain, so that silence is not amplified to speech
PAD_STEPS = 25  # silence after the speech; Whisper's padding to 30 s predicts lips no better
WINDOW_STEPS = 300  # longer speech is encoded in windows of 6 s, see `SpeechEncoder`
OVERLAP_STEPS = 100  # of neighbouring windows, cross-faded


class SpeechEncoder(nn.Module):
    """Waveform -> speech features, one vector of `FEATURES` per video frame.

    Whisper's features encode the position in the window (half of the variance in the first
    layers). Short windows keep that position in the range of the training clips.
    """

    mel_bank: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MELS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(MAX_STEPS, WIDTH))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(DEPTH)
        )
        self.register_buffer("mel_bank", _mel_bank(), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, device: str | torch.device = "cpu") -> SpeechEncoder:
        """The encoder with Whisper's weights.

        Raises:
            InputError: the weights are missing, or are another file.
        """
        encoder = cls()
        encoder.load_state_dict(_state(load_file(shipped_model(WEIGHTS))), strict=True)
        return encoder.to(device)

    @torch.no_grad()
    def encode(self, waveform: np.ndarray) -> Tensor:
        """(N,) float32 mono at 16 kHz in [-1, 1] -> (T, F) float32 on the CPU, T = round(N / 640).

        Frame t is centred on second (t + 0.5) / 25. Long speech is read in overlapping windows.

        Raises:
            ValueError: the waveform is not one-dimensional or not finite.
        """
        if waveform.ndim != 1 or not np.isfinite(waveform).all():
            raise ValueError(f"Expected a finite mono waveform, got shape {waveform.shape}.")
        frames = frame_count(len(waveform))
        steps = STEPS_PER_FRAME * frames + 1  # the last frame is centred on an encoder step
        samples = torch.tensor(waveform, dtype=torch.float32, device=self.positions.device)
        samples = functional.pad(samples, (0, max(0, (steps + PAD_STEPS) * STEP - len(samples))))
        mel = self.raw_mel(functional.pad(samples[None], (N_FFT // 2,) * 2, "reflect")[0])
        mel = level(mel, float(mel.max()))
        found = torch.empty(frames, FEATURES)
        done, rest = 0, mel.new_zeros(0, FEATURES)
        for part in self._windows(mel, steps):
            new, rest = to_frames(torch.cat([rest, part]))
            found[done : done + len(new)] = new
            done += len(new)
        return found

    def raw_mel(self, samples: Tensor) -> Tensor:
        """(N,) -> (80, (N - 400) // 160 + 1), log10 mel power; frame 0 is centred on sample 200."""
        count = max(0, (len(samples) - N_FFT) // HOP + 1)
        mel = samples.new_empty(MELS, count)
        for first in range(0, count, BLOCK):  # the spectra of a long recording are large
            last = min(first + BLOCK, count)
            part = samples[first * HOP : (last - 1) * HOP + N_FFT]
            spectrum = torch.stft(
                part, N_FFT, HOP, window=self.window, center=False, return_complex=True
            )
            mel[:, first:last] = self.mel_bank @ spectrum.abs().square()
        return mel.clamp_(min=1e-10).log10_()

    def hidden(self, mel: Tensor) -> list[Tensor]:
        """Input and outputs of the blocks: (80, 2 S) -> (S, 384) each, S <= 1500."""
        x = functional.gelu(self.conv1(mel[None]))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        outputs = [x[0]]
        for block in self.blocks:
            x = block(x)
            outputs.append(x[0])
        return outputs

    def features(self, mel: Tensor) -> Tensor:
        """The layers of `LAYERS`, normalised and concatenated: (80, 2 S) -> (S, F), S <= 1500."""
        outputs = self.hidden(mel)
        chosen = [functional.layer_norm(outputs[layer], (WIDTH,)) for layer in LAYERS]
        return torch.cat(chosen, dim=-1)

    def _windows(self, mel: Tensor, steps: int) -> Iterator[Tensor]:
        """(80, 2 S) -> (steps, F) in parts, steps <= S."""
        if steps <= WINDOW_STEPS:
            yield self.features(mel[:, : 2 * (steps + PAD_STEPS)])[:steps]
            return
        starts = window_starts(steps)
        weight = fade().to(mel)
        total = mel.new_zeros(WINDOW_STEPS, FEATURES + 1)  # and the sum of weights
        for start, after in zip(starts, [*starts[1:], steps], strict=True):
            features = self.features(mel[:, 2 * start : 2 * (start + WINDOW_STEPS)])
            total += weight * functional.pad(features, (0, 1), value=1.0)
            complete, total = total.split([after - start, WINDOW_STEPS - after + start])
            yield complete[:, :-1] / complete[:, -1:]
            total = functional.pad(total, (0, 0, 0, after - start))


def level(mel: Tensor, peak: float) -> Tensor:
    """Normalises a recording's `raw_mel`, of that maximum: (80, N) -> (80, N) as Whisper's input.

    Whisper's floor lies 80 dB below the peak; the peak is set to `LOUDEST`.
    """
    gain = min(LOUDEST - (peak + 4) / 4, MOST_GAIN)
    return (mel.clamp(min=peak - 8) + 4) / 4 + gain


def fade() -> Tensor:
    """A window's weights for cross-fading, with linear ramps at both ends: (`WINDOW_STEPS`, 1)"""
    ramp = torch.arange(1, WINDOW_STEPS + 1) / (OVERLAP_STEPS + 1)
    return ramp.minimum(ramp.flip(0)).clamp(max=1.0)[:, None]


def to_frames(steps: Tensor) -> tuple[Tensor, Tensor]:
    """(S, F) at 50 Hz -> (T, F) at 25 Hz, T = (S - 1) // 2, and the steps to carry over."""
    # Step j is centred on j / 50 s, so frame t is step 2 t + 1; half of the weight is on its two
    # neighbours, against aliasing.
    end = max(0, len(steps) - 1) // 2 * 2
    before, centre, after = steps[0:end:2], steps[1:end:2], steps[2 : end + 1 : 2]
    return 0.25 * before + 0.5 * centre + 0.25 * after, steps[end:]


def frame_count(samples: int) -> int:
    """Number of video frames of `samples` at 16 kHz, rounded to the nearest."""
    return round(samples / SAMPLE_RATE * FPS)


def window_starts(steps: int) -> list[int]:
    """First step of each window that covers `steps` > `WINDOW_STEPS`; the last ends with them."""
    last = steps - WINDOW_STEPS
    return [*range(0, last, WINDOW_STEPS - OVERLAP_STEPS), last]


def _state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """transformers' names of Whisper's encoder -> the names of `SpeechEncoder`."""
    state = {"positions": weights["embed_positions.weight"]}
    for kind in ("weight", "bias"):
        state |= {f"conv{i}.{kind}": weights[f"conv{i}.{kind}"] for i in (1, 2)}
    for block, kind in itertools.product(range(DEPTH), ("weight", "bias")):
        ours, theirs = f"blocks.{block}", f"layers.{block}"
        query = weights[f"{theirs}.self_attn.q_proj.{kind}"]
        key = weights.get(f"{theirs}.self_attn.k_proj.{kind}", torch.zeros_like(query))
        value = weights[f"{theirs}.self_attn.v_proj.{kind}"]
        state[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat([query, key, value])
        for part, source in (
            ("self_attn.out_proj", "self_attn.out_proj"),
            ("norm1", "self_attn_layer_norm"),
            ("linear1", "fc1"),
            ("linear2", "fc2"),
            ("norm2", "final_layer_norm"),
        ):
            state[f"{ours}.{part}.{kind}"] = weights[f"{theirs}.{source}.{kind}"]
    return state


def _mel_bank() -> Tensor:
    """Slaney's triangles of unit area, (80, 201), from 0 to 8 kHz."""

    def to_hz(mel: np.ndarray) -> np.ndarray:
        # linear up to 1 kHz (mel 15), logarithmic above: a factor of 6.4 in 27 mels
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    top = 15 + 27 * np.log(SAMPLE_RATE / 2 / 1000) / np.log(6.4)
    edges = to_hz(np.linspace(0, top, MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(triangles.astype(np.float32))
