"""Text to a spoken waveform with the time of every word.

Online voices (edge-tts, Microsoft's service: the text leaves the machine) where the network
allows; the offline voice (hibari-tts) otherwise, without being asked, with a notice. Nothing is
loaded or looked up at import; the list of voices is shipped in voices.json.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from gaia_core import media
from gaia_core.errors import InputError
from gaia_core.request import MAX_TEXT, Word

EDGE_SAMPLE_RATE = 24_000
CONNECT_SECONDS, RECEIVE_SECONDS = 4, 30
MAX_SECONDS = 120.0
TICKS = 10_000_000  # edge-tts counts time in 100 ns
OFFLINE_VOICE = "offline-heart"

_PAUSE_WEIGHT = 3.0  # how many phonemes a comma or full stop is worth
_QUIET = 0.02  # of the loudest moment: below it a sentence has not begun or is over


@dataclass(frozen=True)
class Voice:
    """A voice to choose from. `engine` is "edge" (online) or "offline"."""

    name: str
    locale: str
    gender: str
    engine: str


@dataclass(frozen=True)
class Spoken:
    """A spoken text: waveform (N,) float32 in [-1, 1], word times, what the user should know."""

    waveform: np.ndarray
    sample_rate: int
    words: tuple[Word, ...]
    notice: str | None = None


VOICES: tuple[Voice, ...] = tuple(
    Voice(**entry)
    for entry in json.loads(Path(__file__).with_name("voices.json").read_text("utf-8"))
)


def speak(text: str, voice: str, network: bool = True) -> Spoken:
    """Speaks the text.

    Args:
        text: at most `MAX_TEXT` characters.
        voice: a name from `VOICES`.
        network: False never leaves the machine.

    Raises:
        InputError: nothing to speak, too long, or no such voice.
    """
    text = " ".join(text.split())
    if not re.search(r"\w", text):
        raise InputError("The text holds no words to speak; type a sentence.")
    if len(text) > MAX_TEXT:
        raise InputError(f"The text has {len(text)} characters; shorten it to at most {MAX_TEXT}.")
    chosen = next((v for v in VOICES if v.name == voice), None)
    if chosen is None:
        raise InputError(
            f"There is no voice {voice!r}; choose one from the list, "
            f"for example {VOICES[0].name} or {OFFLINE_VOICE}."
        )
    if chosen.engine == "edge" and network:
        try:
            return _speak_online(text, voice)
        except _online_errors():
            pass
    notice = None
    if chosen.engine == "edge":
        notice = "The online voice could not be reached; the offline voice speaks instead."
        if not chosen.locale.startswith("en"):
            notice += " It knows English only."
    return _speak_offline(text, notice)


def _online_errors() -> tuple[type[BaseException], ...]:
    from edge_tts.exceptions import EdgeTTSException

    # A blocked network surfaces as aiohttp's errors, not as edge-tts's own.
    return (EdgeTTSException, aiohttp.ClientError, asyncio.TimeoutError, OSError, InputError)


def _speak_online(text: str, voice: str) -> Spoken:
    # A thread of its own, since the caller may run inside an event loop.
    with ThreadPoolExecutor(1) as pool:
        sound, words = pool.submit(asyncio.run, _stream(text, voice)).result()
    with tempfile.TemporaryDirectory(prefix="gaia-") as folder:
        path = Path(folder, "speech.mp3")
        path.write_bytes(sound)
        waveform = media.read_audio(path, MAX_SECONDS, EDGE_SAMPLE_RATE)
    return Spoken(waveform, EDGE_SAMPLE_RATE, tuple(words))


async def _stream(text: str, voice: str) -> tuple[bytes, list[Word]]:
    import edge_tts

    talk = edge_tts.Communicate(
        text,
        voice,
        boundary="WordBoundary",  # the default tells sentences only
        connect_timeout=CONNECT_SECONDS,
        receive_timeout=RECEIVE_SECONDS,
    )
    sound, words = bytearray(), []
    async for chunk in talk.stream():
        if chunk["type"] == "audio":
            sound += chunk["data"]
        elif chunk["type"] == "WordBoundary":
            start = chunk["offset"] / TICKS
            words.append(Word(chunk["text"], start, start + chunk["duration"] / TICKS))
    return bytes(sound), words


@cache
def _offline() -> Any:
    from hibari import Hibari

    return Hibari(OFFLINE_VOICE.removeprefix("offline-"))


def _speak_offline(text: str, notice: str | None) -> Spoken:
    engine = _offline()
    parts: list[np.ndarray] = []
    words: list[Word] = []
    samples = 0
    for sentence in engine.split_sentences(text):
        sound = engine(sentence, seed=0)  # the noise in it is fixed: same text, same sound
        if not len(sound):
            continue
        words += _word_times(sentence, sound, samples / engine.sample_rate, engine)
        parts.append(sound)
        samples += len(sound)
    if samples < media.MIN_SECONDS * engine.sample_rate:
        raise InputError("The offline voice cannot speak this text; it knows English only.")
    if samples > MAX_SECONDS * engine.sample_rate:
        raise InputError(f"The text takes over {MAX_SECONDS:g} s to speak; shorten it.")
    waveform = np.concatenate(parts).clip(-1, 1)
    return Spoken(waveform, engine.sample_rate, tuple(words), notice)


def _word_times(sentence: str, sound: np.ndarray, offset: float, engine: Any) -> list[Word]:
    """Word times by the number of phonemes: the engine tells none.

    The sentence's sound (N,) is shared out between its first and last loud moments.
    """
    loud = np.flatnonzero(np.abs(sound) > _QUIET * np.abs(sound).max())
    start, end = (float(edge) / engine.sample_rate for edge in (loud[0], loud[-1] + 1))
    tokens = sentence.split()
    lengths = [float(len(engine.g2p(re.sub(r"\W+$", "", token)) or "")) for token in tokens]
    pauses = [_PAUSE_WEIGHT * bool(re.search(r"[,;:.!?]$", token)) for token in tokens]
    pauses[-1] = 0.0
    total = sum(lengths) + sum(pauses) or 1.0
    words, at = [], start
    for token, length, pause in zip(tokens, lengths, pauses, strict=True):
        after = at + (end - start) * length / total
        if length:
            words.append(Word(token, offset + at, offset + after))
        at = after + (end - start) * pause / total
    return words
