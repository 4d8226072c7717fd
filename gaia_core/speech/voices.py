"""The list of voices: Microsoft's online ones, and an offline one (English only)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr

from gaia_core import SAMPLE_RATE
from gaia_core.errors import InputError, Message
from gaia_core.request import Word

Gender = Literal["female", "male"]

OFFLINE_VOICES: dict[Gender, str] = {"female": "hibari-us-female", "male": "hibari-us-male"}

# The service's list changes and needs the network, so a list is shipped: locale, female | male.
_ONLINE = """
en-US Aria Jenny Ava Emma Michelle | Guy Andrew Brian Christopher Eric
en-GB Sonia Libby | Ryan Thomas
en-AU Natasha | WilliamMultilingual
en-CA Clara | Liam
en-IN Neerja | Prabhat
de-DE Katja | Conrad
fr-FR Denise | Henri
es-ES Elvira | Alvaro
es-MX Dalia | Jorge
it-IT Elsa | Diego
pt-BR Francisca | Antonio
nl-NL Colette | Maarten
pl-PL Zofia | Marek
sv-SE Sofie | Mattias
uk-UA Polina | Ostap
tr-TR Emel | Ahmet
ar-SA Zariyah | Hamed
ar-EG Salma | Shakir
hi-IN Swara | Madhur
zh-CN Xiaoxiao | Yunxi
ja-JP Nanami | Keita
ko-KR SunHi | InJoon
"""


@dataclass(frozen=True)
class Voice:
    """A voice; `locale` is like en-US."""

    name: str
    locale: str
    gender: Gender
    engine: Literal["edge", "offline"]

    @property
    def stand_in(self) -> str:
        """The name of the offline voice that replaces it."""
        return OFFLINE_VOICES[self.gender]


@dataclass(frozen=True)
class Spoken:
    """Speech (N,) float32 in [-1, 1], the times of its words, and a notice for the user.

    `voice` is the name of the one that spoke, which may be a stand-in.
    """

    waveform: np.ndarray
    sample_rate: int
    words: tuple[Word, ...]
    voice: str
    notice: Message | None = None

    @property
    def speech(self) -> np.ndarray:
        """The waveform at the speech encoder's rate: (M,) float32 at 16 kHz."""
        return soxr.resample(self.waveform, self.sample_rate, SAMPLE_RATE)


def _voices() -> Iterator[Voice]:
    genders: tuple[Gender, Gender] = ("female", "male")
    for gender, name in OFFLINE_VOICES.items():
        yield Voice(name, "en-US", gender, "offline")
    for line in _ONLINE.split("\n")[1:-1]:
        locale, names = line.split(" ", 1)
        for gender, part in zip(genders, names.split("|"), strict=True):
            for name in part.split():
                yield Voice(f"{locale}-{name}Neural", locale, gender, "edge")


# Online voices first; the default of `Request` leads.
VOICES = sorted(_voices(), key=lambda voice: voice.engine == "offline")
OFFLINE_VOICE = OFFLINE_VOICES["female"]
NEAREST = 3  # voices that are named if one is unknown


def find_voice(name: str) -> Voice:
    """The voice of `VOICES` with this name.

    Raises:
        InputError: there is none; names the nearest.
    """
    for voice in VOICES:
        if voice.name == name:
            return voice
    # A first name alone is found too: it is compared with that part of the names.
    known = {first_name(voice.name).lower(): voice.name for voice in VOICES}
    near = difflib.get_close_matches(first_name(name).lower(), known, NEAREST, cutoff=0.0)
    raise InputError(
        "There is no voice {name!r}; the nearest are {near}.",
        name=name,
        near=tuple(known[each] for each in near),
    )


def first_name(name: str) -> str:
    """en-US-AriaNeural -> Aria, as people say it"""
    return name.split("-", 2)[-1].removesuffix("Neural")
