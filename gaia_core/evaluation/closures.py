"""Lips by phone: closed on /p b m/, open on open vowels, at rest in silence.

The known text is aligned with the sound; lips are tracked in rendered frames. A phone's frames
include one on each side, since alignments may be off by a frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soxr

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.errors import InputError
from gaia_core.evaluation import metrics
from gaia_core.evaluation.portraits import Portrait
from gaia_core.evaluation.speech_driven import Animator, pauses, read_track, rest, speak
from gaia_core.media.audio import read_audio
from gaia_core.media.video import read_clip
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.speech.phones import BILABIAL, LABIAL, OPEN, SILENCE, Aligner, Phone
from gaia_core.speech.synthesis import synthesise
from gaia_core.speech.voices import VOICES

# Lip aperture that counts as closed. The real lips of 171 clips of GRID come below it in 97 % of
# their /p b m/, those of 109 held-out clips in Arabic in 89 %; at 0.01 it is 96 and 84 %.
CLOSED = 0.012
TAIL = 1.0  # s of silence behind a sentence
HIGH = 165.0  # Hz of a voice's median pitch; men are mostly below, women above

SENTENCES = (
    "My mom put a big apple pie on a map by the pump.",
    "Bob and Pam may buy a brown bamboo box in Bombay.",
    "Pop my balloon, but mop up the mud before Monday.",
    "Maybe papa made a hot pot of pumpkin and plum.",
    "Both problems may become much bigger by September.",
    "A calm farmer got a job at a far bar in a park.",
)


@dataclass(frozen=True)
class Utterance:
    """Speech with aligned phones.

    Attributes:
        kind: of voice, for the report.
        waveform: float32 (N,) at 16 kHz.
    """

    kind: str
    waveform: np.ndarray
    phones: list[Phone]


@dataclass(frozen=True)
class Recording:
    """A video of a speaker with the known text."""

    path: Path
    text: str
    held_out: bool


@dataclass
class Lips:
    """Lip apertures of some clips, over the face's height.

    Attributes:
        closures: the least in each /p b m/.
        vowels: the mean in each open vowel.
        others: the least in each phone that is neither labial nor an open vowel.
        clips: each clip's apertures (T,) and its pauses.
    """

    closures: list[float] = field(default_factory=list)
    vowels: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    clips: list[tuple[np.ndarray, list[slice]]] = field(default_factory=list)

    def read(self, aperture: np.ndarray, utterance: Utterance) -> None:
        """Adds a clip's apertures (T,); phones with a lost frame are left out."""
        self.clips.append((aperture, pauses(utterance.waveform)))
        for phone in utterance.phones:
            first = round(phone.start * FPS)
            end = max(round(phone.end * FPS), first + 1)
            own, near = aperture[first:end], aperture[max(first - 1, 0) : end + 1]
            if not len(own) or not np.isfinite(near).all():
                continue
            if phone.name in BILABIAL:
                self.closures.append(float(near.min()))
            elif phone.name in OPEN:
                self.vowels.append(float(own.mean()))
            elif phone.name not in LABIAL | {SILENCE}:
                self.others.append(float(near.min()))

    def report(self) -> dict[str, float | int]:
        """`closed_elsewhere` is the chance level of `closed`."""
        closure, vowel = metrics.mean(self.closures), metrics.mean(self.vowels)
        found = np.concatenate([aperture for aperture, _ in self.clips] or [np.zeros(0)])
        count, spread = rest(self.clips)
        return {
            "closures": len(self.closures),
            "closed": metrics.mean(x < CLOSED for x in self.closures),
            "closed_elsewhere": metrics.mean(x < CLOSED for x in self.others),
            "closure_aperture": closure,
            "vowel_aperture": vowel,
            "vowel_over_closure": vowel / closure if closure else float("nan"),
            "aperture_p95": float(np.nanpercentile(found, 95)) if len(found) else float("nan"),
            "pauses": count,
            "pause_spread": spread,
        }


def measure(
    animator: Animator,
    landmarker: FaceLandmarker,
    speakers: Sequence[Portrait],
    sentences: Sequence[str],
    recordings: Iterable[Recording],
) -> dict[str, Any]:
    """Portraits animated by the sentences, then by the recordings -> report of each kind of voice.

    Held-out recordings drive their own first frame, others the speakers in turns. `real` is the
    recorded video.
    """
    aligner = Aligner()
    lips: dict[str, dict[str, Lips]] = defaultdict(lambda: {"ours": Lips(), "real": Lips()})

    def watch(utterance: Utterance, portrait: np.ndarray, real: Sequence[np.ndarray] = ()) -> None:
        try:
            ours = speak(animator, portrait, utterance.waveform)
        except InputError:  # the portrait is turned away too far
            return
        for side, clip in (("ours", ours), ("real", real)):
            if len(clip):
                lips[utterance.kind][side].read(read_track(landmarker, clip).aperture, utterance)

    for index, sentence in enumerate(sentences):
        for utterance in spoken(aligner, sentence):
            watch(utterance, speakers[index % len(speakers)].crop)
    for index, recording in enumerate(recordings):
        if (known := recorded(aligner, recording)) is not None:
            clip = list(read_clip(recording.path))
            own = recording.held_out
            watch(known, clip[0] if own else speakers[index % len(speakers)].crop, clip)
    return {
        kind: {side: found.report() for side, found in sides.items() if found.clips}
        for kind, sides in sorted(lips.items())
    }


def spoken(aligner: Aligner, sentence: str) -> Iterator[Utterance]:
    """A sentence by each of the offline voices, followed by a pause."""
    for chosen in VOICES:
        if chosen.engine == "offline":
            waveform = say(sentence, chosen.name)
            phones = aligner.align(waveform, sentence)
            if phones is not None:
                yield Utterance(f"offline voice, {chosen.gender}", waveform, phones)


def say(text: str, name: str) -> np.ndarray:
    """A text by a voice, and a pause: float32 (N,) at 16 kHz"""
    made = synthesise(text, name)
    waveform = soxr.resample(made.waveform, made.sample_rate, SAMPLE_RATE)
    return np.append(waveform, np.zeros(round(TAIL * SAMPLE_RATE), np.float32))


def recorded(aligner: Aligner, recording: Recording) -> Utterance | None:
    """None where sound and text cannot be aligned."""
    waveform = read_audio(recording.path)
    phones = aligner.align(waveform, recording.text)
    if phones is None:
        return None
    language = "English" if recording.text.isascii() else "Arabic"
    known = "" if recording.held_out else ", heard in training"
    return Utterance(f"{language}, {_register(waveform)} voice{known}", waveform, phones)


def _register(waveform: np.ndarray) -> str:
    """The register of a voice, high or low."""
    pitch = librosa.yin(waveform, fmin=60, fmax=400, sr=SAMPLE_RATE)
    loudness = librosa.feature.rms(y=waveform)[0]
    return "high" if np.median(pitch[loudness > loudness.mean()]) > HIGH else "low"
