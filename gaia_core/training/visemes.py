"""Trains the viseme classifier on synthetic voices, and on recordings with a transcript.

Synthesisers report their phones; recordings are aligned with their transcripts. The random seed
is fixed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from gaia_core import FPS, assets
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio
from gaia_core.speech.encoder import SpeechEncoder
from gaia_core.speech.phones import SILENCE, Aligner, Phone
from gaia_core.speech.visemes import NAMES, VISEMES, WEIGHTS, VisemeReader
from gaia_core.training import voices
from gaia_core.training.pack import Clip, read_manifest

log = logging.getLogger(__name__)

SENTENCES = 60  # by each synthetic voice
PER_PERSON = 60  # maximal number of recordings, against imbalance
STEPS, BATCH, FRAMES = 1600, 48, 30
RATE, DECAY, WARM = 1e-3, 0.05, 50
SHARE = 0.4  # a speaker's weight is the number of frames to this power

_OF_PHONE = {phone: NAMES.index(name) for name, all_ in VISEMES.items() for phone in all_.split()}


@dataclass(frozen=True)
class Utterance:
    """Features (T, F) float16 of a speaker, and the share of each viseme (T, V)."""

    speaker: str
    features: Tensor
    shares: Tensor


def train_visemes(data: Path, out: Path) -> dict[str, float]:
    """Trains on all synthetic voices of this machine and on the clips with a transcript.

    Returns:
        Number of speakers and frames, and the accuracy on sounding frames of held-out speakers (a
        tenth) of a classifier trained without them; the shipped one is trained on all.

    Raises:
        InputError: pocketsphinx is missing, or the data has no bilabial.
    """
    aligner, encoder = Aligner(), SpeechEncoder.load()
    utterances = [*recorded(data, aligner, encoder), *made(aligner.words(), encoder)]
    bilabial = NAMES.index("bilabial")
    if not any(each.shares[:, bilabial].any() for each in utterances):
        raise InputError(
            "No p, b or m is heard in {data}; give clips with sound and an English "
            "or Arabic transcript in clips/manifest.csv, or install voices as "
            "docs/training.md tells.",
            data=data,
        )
    speakers = sorted({each.speaker for each in utterances})
    held = set(speakers[::10]) if len(speakers) > 1 else set()
    facts: dict[str, float] = {
        "speakers": len(speakers),
        "frames": sum(len(each.features) for each in utterances),
    }
    if held:
        trial = fit([each for each in utterances if each.speaker not in held])
        facts["right"] = right(trial, [each for each in utterances if each.speaker in held])
    reader = fit(utterances)
    out.mkdir(parents=True, exist_ok=True)
    state = {key: value.half().contiguous() for key, value in reader.state_dict().items()}
    save_file(state, out / WEIGHTS.name)
    assets.seal(out / WEIGHTS.name)
    log.info("%s", facts)
    return facts


def recorded(data: Path, aligner: Aligner, encoder: SpeechEncoder) -> Iterator[Utterance]:
    """Clips of the training set whose text can be aligned with the sound."""
    for clip in choose(read_manifest(data, "train")):
        waveform = read_audio(data / "clips" / clip.file)
        phones = aligner.align(waveform, clip.transcript)
        if phones is not None:
            # ARPABET is upper case, but in a voice's alphabet "S" differs from "s".
            small = [(name.lower(), end) for name, end in ends(phones)]
            yield _utterance(clip.identity, waveform, small, encoder)


def made(words: Sequence[str], encoder: SpeechEncoder) -> Iterator[Utterance]:
    """Utterances of the synthetic voices."""
    for sample in voices.speak(SENTENCES, words):
        yield _utterance(sample.voice, sample.waveform, sample.phones, encoder)


def choose(clips: Iterable[Clip]) -> list[Clip]:
    """Clips with a transcript, at most `PER_PERSON` of each person."""
    known = [clip for clip in clips if clip.has_audio and clip.transcript.strip()]
    of_person: Counter[str] = Counter()
    chosen = []
    for index in np.random.default_rng(0).permutation(len(known)):
        of_person[known[index].identity] += 1
        if of_person[known[index].identity] <= PER_PERSON:
            chosen.append(known[index])
    return chosen


def ends(phones: Sequence[Phone]) -> list[tuple[str, float]]:
    """Aligned phones in the synthesisers' format: the end of each, with silence in gaps."""
    found: list[tuple[str, float]] = []
    for phone in phones:
        if phone.start > (found[-1][1] if found else 0.0):
            found.append((SILENCE, phone.start))
        found.append((phone.name, phone.end))
    return found


def shares(phones: Sequence[tuple[str, float]], frames: int) -> Tensor:
    """The share of each viseme in each frame: (frames, V). Unlabelled time is silence."""
    found = torch.zeros(frames, len(NAMES))
    edges = torch.arange(frames + 1) / FPS
    start = 0.0
    for name, end in phones:
        inside = (edges[1:].clamp(max=end) - edges[:-1].clamp(min=start)).clamp(min=0) * FPS
        found[:, viseme(name)] += inside
        start = end
    found[:, 0] += (1 - found.sum(1)).clamp(min=0)
    return found


def viseme(phone: str) -> int:
    """The viseme of a phone, length and tone marks ignored; unknown phones are silence."""
    for name in (phone, phone.lower(), phone.lower().rstrip("0123456789:")):
        if name in _OF_PHONE:
            return _OF_PHONE[name]
    return 0


def fit(utterances: Sequence[Utterance]) -> VisemeReader:
    """A classifier trained on windows, with speakers weighted by `SHARE`."""
    torch.manual_seed(0)
    reader = VisemeReader(utterances[0].features.shape[1])
    every = torch.cat([each.features for each in utterances]).float()
    reader.mean.copy_(every.mean(0))
    reader.deviation.copy_(every.std(0).clamp(min=1e-3))
    frames: Counter[str] = Counter()
    for each in utterances:
        frames[each.speaker] += len(each.features)
    weight = torch.tensor(
        [len(each.features) / frames[each.speaker] ** (1 - SHARE) for each in utterances]
    )
    optimiser = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / WARM) * (1 - step / STEPS)
    )
    for _ in range(STEPS):
        windows = [_window(utterances[int(i)]) for i in torch.multinomial(weight, BATCH, True)]
        features, target = (torch.stack(parts) for parts in zip(*windows, strict=True))
        loss = -(target * reader(features).log_softmax(-1)).sum(-1).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        rate.step()
    return reader.eval()


@torch.no_grad()
def right(reader: VisemeReader, utterances: Sequence[Utterance]) -> float:
    """Accuracy on frames that are not silent."""
    hits = torch.cat(
        [
            (reader(each.features.float()[None])[0].argmax(-1) == each.shares.argmax(-1))[
                each.shares[:, 0] < 0.5
            ]
            for each in utterances
        ]
    )
    return float(hits.float().mean())


def _utterance(
    speaker: str, waveform: np.ndarray, phones: Sequence[tuple[str, float]], encoder: SpeechEncoder
) -> Utterance:
    features = encoder.encode(waveform).half()
    return Utterance(speaker, features, shares(phones, len(features)))


def _window(utterances: Utterance) -> tuple[Tensor, Tensor]:
    """`FRAMES` frames of speech, padded by the last one."""
    start = int(torch.randint(max(len(utterances.features) - FRAMES, 0) + 1, ()))
    rows = torch.arange(start, start + FRAMES).clamp(max=len(utterances.features) - 1)
    return utterances.features[rows].float(), utterances.shares[rows]
