"""Forced alignment of phones with a known text, by pocketsphinx's English model.

Pronunciations of English words come from its dictionary (CMUdict, ARPABET), of Arabic ones letter
by letter with the nearest English phones: in 109 held-out clips lips close at 89 % of the aligned
/b m/, and at 27 % of the phones that are not labial (`evaluation/closures.py`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaia_core import SAMPLE_RATE
from gaia_core.errors import InputError

BILABIAL = frozenset({"P", "B", "M"})
OPEN = frozenset({"AA", "AE", "AH", "AO", "AW", "AY"})
LABIAL = BILABIAL | {"F", "V", "W"}  # phones with narrowed lips
SILENCE = "SIL"

_TICKS = 100  # a second, of pocketsphinx
# Phones, and the Arabic letters and vowel signs pronounced so.
_LETTERS = (
    "AA:اآى B:ب T:تط TH:ث JH:ج HH:حخه D:دض DH:ذظ R:ر Z:ز S:سص SH:ش AH:ع G:غ F:ف K:قك L:ل M:مۢ N:ن "
    "W:و Y:ي AE:\u064e IH:\u0650 UH:\u064f AE-N:\u064b IH-N:\u064d UH-N:\u064c"
)
_ARABIC = {
    letter: phones.split("-")
    for phones, letters in (pair.split(":") for pair in _LETTERS.split())
    for letter in letters
}
_LONG = {("AE", "AA"): "AA", ("IH", "Y"): "IY", ("UH", "W"): "UW"}  # long vowels


@dataclass(frozen=True)
class Phone:
    """A phone in ARPABET, or `SILENCE`, from `start` to `end` in seconds."""

    name: str
    start: float
    end: float


class Aligner:
    """Aligns the phones of a text with its recording.

    Raises:
        InputError: pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise InputError("pocketsphinx is missing; install the extra dev.") from error
        # Without `bestpath` off, half of the second passes fail (cmusphinx/pocketsphinx#339).
        # Beams so wide that nothing of a known text is pruned.
        self._decoder = Decoder(
            lm=None,
            bestpath=False,
            beam=1e-100,
            wbeam=1e-80,
            pbeam=1e-100,
            samprate=SAMPLE_RATE,
            loglevel="FATAL",
        )

    def align(self, waveform: np.ndarray, text: str) -> list[Phone] | None:
        """float32 (N,) at 16 kHz and its text in English or Arabic -> phones in order.

        None if a word is in no dictionary, or if the text does not fit the sound.
        """
        words = [self._word(word) for word in _words(text)]
        if not words or None in words:
            return None
        pcm = (np.clip(waveform, -1, 1) * 32767).astype(np.int16).tobytes()
        self._decoder.set_align_text(" ".join(word for word in words if word))
        try:
            self._listen(pcm)
            if self._decoder.hyp() is None:
                return None
            self._decoder.set_alignment()  # a second pass, which aligns phones
            self._listen(pcm)
        except RuntimeError:
            return None
        return [
            Phone(phone.name, phone.start / _TICKS, (phone.start + phone.duration) / _TICKS)
            for word in self._decoder.get_alignment()
            for phone in word
        ]

    def words(self) -> list[str]:
        """The English words of the dictionary, without names of letters and apostrophes."""
        lines = Path(self._decoder.config["dict"]).read_text("utf-8").splitlines()
        known = (line.split(maxsplit=1)[0] for line in lines)
        return [word for word in known if word.isalpha() and len(word) > 1]

    def _listen(self, pcm: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()

    def _word(self, word: str) -> str | None:
        """The dictionary's name of a word; an Arabic one is added by its phones."""
        if word.isascii():
            return word if self._decoder.lookup_word(word) else None
        phones = spell_arabic(word)
        name = "_".join(["spelled", *phones])
        if phones and self._decoder.lookup_word(name) is None:
            self._decoder.add_word(name, " ".join(phones))
        return name if phones else None


def spell_arabic(word: str) -> list[str]:
    """The phones of a word with vowel signs; letters without a near English phone are silent."""
    phones: list[str] = []
    for letter in unicodedata.normalize("NFC", word):
        for phone in _ARABIC.get(letter, []):
            long = _LONG.get((phones[-1], phone)) if phones else None
            phones[-1:] = [long] if long else [*phones[-1:], phone]
    return phones


def _words(text: str) -> list[str]:
    """Lower case, without punctuation."""
    return re.findall(r"[^\W\d_](?:[\w'\u0610-\u06ed])*", text.lower())
