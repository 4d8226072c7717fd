"""Synthetic speech with phone labels, by free voices of Debian: festival's and flite's.

They report the time of each phone. Many voices make the classifier independent of the speaker; no
video is needed. Each sentence is repeated with another vocal tract length:
resampled, so that pitch and formants shift.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soxr

from gaia_core import SAMPLE_RATE
from gaia_core.media.audio import read_audio

# festival's voices, and whether they read English; the others read pseudo-words.
FESTIVAL = {
    "kal_diphone": True,
    "ked_diphone": True,
    "cmu_us_slt_arctic_hts": True,
    "lp_diphone": False,
    "pc_diphone": False,
    "czech_dita": False,
    "czech_krb": False,
    "czech_machac": False,
    "czech_ph": False,
    "hy_fi_mv_diphone": False,
    "suo_fi_lj_diphone": False,
    "upc_ca_ona_hts": False,
}
FLITE = ("kal16", "awb", "rms", "slt")
THROATS = (0.86, 1.17)  # range of the speed of the repeated sentence

CONSONANTS = (*"pbmpbmfvtdnlrszkghj", "st", "tr", "pr", "br", "nt")
VOWELS = tuple("aeiou")
FINALS = ("", "", "n", "s", "r", "m", "l")


@dataclass(frozen=True)
class Made:
    """A synthesised sentence: float32 (N,) at 16 kHz, and the end of each phone in seconds."""

    voice: str
    waveform: np.ndarray
    phones: list[tuple[str, float]]


def speak(count: int, words: Sequence[str], seed: int = 0) -> Iterator[Made]:
    """`count` sentences by each installed voice, each at two speeds.

    words: English ones, from which random sentences are drawn.
    """
    draw = np.random.default_rng(seed)
    for voice, english in installed().items():
        write = partial(_sentence, draw, words) if english else partial(_nonsense, draw)
        texts = [write() for _ in range(count)]
        with TemporaryDirectory() as folder:
            make = _flite if voice in FLITE else _festival
            for sound, phones in make(voice, texts, Path(folder)):
                waveform = read_audio(sound)
                yield Made(voice, waveform, phones)
                faster = draw.choice(THROATS)
                yield Made(voice, *at_speed(waveform, phones, float(faster)))


def installed() -> dict[str, bool]:
    """The installed voices, and whether they read English."""
    found: dict[str, bool] = {}
    if shutil.which("festival"):
        known = _run(["festival", "-b", "(print (voice.list))"]).strip("()\n").split()
        found = {voice: english for voice, english in FESTIVAL.items() if voice in known}
    if shutil.which("flite"):
        found |= dict.fromkeys(FLITE, True)
    return found


def at_speed(
    waveform: np.ndarray, phones: Sequence[tuple[str, float]], speed: float
) -> tuple[np.ndarray, list[tuple[str, float]]]:
    """A sentence played faster by a factor, with higher pitch."""
    played = soxr.resample(waveform, SAMPLE_RATE * speed, SAMPLE_RATE)
    return played.astype(np.float32), [(name, end / speed) for name, end in phones]


def read_segments(text: str) -> list[tuple[str, float]]:
    """festival's label file: a line "end colour phone" for each phone, behind a header."""
    rows = [line.split() for line in text.splitlines()]
    return [(row[2], float(row[0])) for row in rows if len(row) == 3]


def read_durations(text: str) -> list[tuple[str, float]]:
    """Parses the output of `flite -psdur`: "phone:end phone:end ..."."""
    return [(name, float(end)) for name, end in (part.rsplit(":", 1) for part in text.split())]


def _festival(
    voice: str, texts: Sequence[str], folder: Path
) -> Iterator[tuple[Path, list[tuple[str, float]]]]:
    lines = [f"(voice_{voice})"]
    for index, text in enumerate(texts):
        lines.append(f'(set! said (utt.synth (Utterance Text "{text}")))')
        lines.append(f'(utt.save.wave said "{folder}/{index}.wav" \'riff)')
        lines.append(f'(utt.save.segs said "{folder}/{index}.lab")')
    (folder / "all.scm").write_text("\n".join(lines), "utf-8")
    _run(["festival", "-b", str(folder / "all.scm")])
    for index in range(len(texts)):
        yield folder / f"{index}.wav", read_segments((folder / f"{index}.lab").read_text("utf-8"))


def _flite(
    voice: str, texts: Sequence[str], folder: Path
) -> Iterator[tuple[Path, list[tuple[str, float]]]]:
    sound = folder / "said.wav"
    for text in texts:
        report = _run(["flite", "-voice", voice, "-t", text, "-o", str(sound), "-psdur"])
        yield sound, read_durations(report)


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout


def _sentence(draw: np.random.Generator, words: Sequence[str]) -> str:
    return " ".join(draw.choice(words, draw.integers(5, 11))) + "."


def _nonsense(draw: np.random.Generator) -> str:
    """Pseudo-words of simple syllables."""

    def word() -> str:
        syllables = draw.integers(1, 5)
        pairs = zip(draw.choice(CONSONANTS, syllables), draw.choice(VOWELS, syllables), strict=True)
        return "".join(a + b for a, b in pairs) + str(draw.choice(FINALS))

    return " ".join(word() for _ in range(draw.integers(5, 10))) + "."
