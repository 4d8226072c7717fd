"""The readout that closes the lips: whether a frame of speech lies in a /p b m/.

Phones come from texts aligned with their recordings, and a logistic regression finds them again in
the features of a frame and its neighbours. Everything is drawn from a fixed seed: the same clips
give the same readout. `gaia_core.closing` reads it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gaia_core import FPS, media
from gaia_core.closing import READOUT
from gaia_core.errors import InputError
from gaia_core.evaluation.phones import BILABIAL, Aligner, Phone
from gaia_core.speech import SpeechEncoder
from gaia_core.training.pack import Clip, read_manifest

log = logging.getLogger(__name__)

BESIDE = 2  # frames heard on either side of the one that is told of
PER_PERSON, PER_LANGUAGE = 30, 130  # clips at most, so that nobody speaks for all

EPOCHS, BATCH, RATE, DECAY = 12, 256, 2e-3, 0.1
DROPOUT = 0.2  # of the features
SHARE = 3000  # frames that each language counts for, however many it has


@dataclass(frozen=True)
class Heard:
    """A recording: its language, speech features (T, F), and which frames are /p b m/, bool (T,)"""

    language: str
    features: Tensor
    bilabial: Tensor


def train_closing(data: Path, out: Path) -> dict[str, float]:
    """Aligns transcripts of training clips, fits the readout, and writes it into the folder `out`.

    Returns:
        Number of clips and frames, share of /p b m/ among them, and the last loss.

    Raises:
        InputError: pocketsphinx is missing, or no clip has a transcript that tells of a /p b m/.
    """
    aligner, encoder = Aligner(), SpeechEncoder.load()
    heard = [
        found
        for clip in choose(read_manifest(data, "train"))
        if (found := hear(data / "clips" / clip.file, clip.transcript, aligner, encoder))
    ]
    bilabial = torch.cat([each.bilabial for each in heard]) if heard else torch.zeros(0)
    if not bilabial.any():
        raise InputError(
            f"No p, b or m is heard in {data}; give clips with sound and an English or Arabic "
            "transcript in clips/manifest.csv."
        )
    readout, loss = fit_readout(heard)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / READOUT.name, readout.numpy())
    told = {"clips": len(heard), "frames": len(bilabial), "share": float(bilabial.float().mean())}
    log.info("%s, loss %.4f", told, loss)
    return {**told, "loss": loss}


def choose(clips: Sequence[Clip]) -> list[Clip]:
    """Some clips of each language that are spoken to a known text."""
    by_language: dict[str, list[Clip]] = {"English": [], "Arabic": []}
    for clip in clips:
        if clip.has_audio and clip.transcript.strip():
            by_language[_language(clip.transcript)].append(clip)
    chosen: list[Clip] = []
    for known in by_language.values():
        of_person: Counter[str] = Counter()
        few: list[Clip] = []
        for index in np.random.default_rng(0).permutation(len(known)):
            clip = known[index]
            of_person[clip.identity] += 1
            if of_person[clip.identity] <= PER_PERSON:
                few.append(clip)
        chosen += few[:PER_LANGUAGE]
    return chosen


def hear(path: Path, text: str, aligner: Aligner, encoder: SpeechEncoder) -> Heard | None:
    """A clip's features and phones; None where sound and text cannot be aligned."""
    waveform = media.read_audio(path)
    phones = aligner.align(waveform, text)
    if phones is None:
        return None
    # Whatever is fitted on them is stored in half precision elsewhere, too.
    features = encoder.encode(waveform).half().float()
    return Heard(_language(text), features, mark(phones, len(features)))


def mark(phones: Sequence[Phone], frames: int) -> Tensor:
    """Which frames touch a /p b m/: bool (frames,)"""
    middle = torch.arange(frames) + 0.5
    marked = torch.zeros(frames, dtype=torch.bool)
    for phone in phones:
        if phone.name in BILABIAL:
            marked |= (middle >= phone.start * FPS - 0.5) & (middle <= phone.end * FPS + 0.5)
    return marked


def fit_readout(heard: Sequence[Heard]) -> tuple[Tensor, float]:
    """Weights of the features of `2 * BESIDE + 1` frames, the bias last, and the last loss.

    Each language counts the same, whatever its number of frames.

    Returns:
        ((2 * BESIDE + 1) * F + 1,) float32, in the features' own units.
    """
    torch.manual_seed(0)
    every = torch.cat([each.features for each in heard])
    mean, deviation = every.mean(0), every.std(0).clamp(min=1e-6)
    x = torch.cat([_surrounded((each.features - mean) / deviation) for each in heard]).half()
    y = torch.cat([each.bilabial for each in heard]).float()
    frames: Counter[str] = Counter()
    for each in heard:
        frames[each.language] += len(each.bilabial)
    weight = torch.cat(
        [torch.full((len(each.bilabial),), SHARE / frames[each.language]) for each in heard]
    )
    readout = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.AdamW([readout], lr=RATE, weight_decay=DECAY)
    for epoch in range(EPOCHS):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - epoch / EPOCHS)
        for rows in torch.randperm(len(x)).split(BATCH):
            kept = x[rows].float()
            kept = kept * (torch.rand_like(kept) > DROPOUT) / (1 - DROPOUT)
            loss = functional.binary_cross_entropy_with_logits(
                kept @ readout[:-1] + readout[-1], y[rows], weight=weight[rows]
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    found = readout.detach()
    weights = found[:-1].view(2 * BESIDE + 1, -1) / deviation
    bias = found[-1] - (weights * mean).sum()
    return torch.cat([weights.flatten(), bias[None]]), loss.item()


def _surrounded(features: Tensor) -> Tensor:
    """(T, F) -> (T, (2 * BESIDE + 1) * F): each frame and its neighbours, the ends repeated."""
    first, last = features[:1].expand(BESIDE, -1), features[-1:].expand(BESIDE, -1)
    padded = torch.cat([first, features, last])
    return torch.cat([padded[at : at + len(features)] for at in range(2 * BESIDE + 1)], 1)


def _language(text: str) -> str:
    return "English" if text.isascii() else "Arabic"
