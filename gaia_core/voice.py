"""Text to speech with word times: Microsoft's online voices, or an offline one (English only).

Where the online service cannot be reached the offline voice speaks instead, and says so in the
notice. Online voices send the text away; offline ones keep it here. Knows nothing of faces.
"""

from __future__ import annotations

import asyncio
import difflib
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gaia_core import media
from gaia_core.assets import hash_file
from gaia_core.errors import InputError
from gaia_core.request import MAX_TEXT, Word

Gender = Literal["female", "male"]

CONNECT_SECONDS = 4
ANSWER_SECONDS = 8  # longest silence of the service, name look-up included
MAX_SECONDS = 120
ONLINE_RATE = 24_000  # Hz of the service's sound

# The service's list changes and needs the network, so these are shipped: locale, women | men.
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

# hibari-tts 0.2.1: the one voice inside the package; its other voices are downloads.
_HIBARI = "heart"
_HIBARI_SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
_DURATIONS = b"/Clip_output_0"  # tensor in its graph: every phoneme's length in frames
_LEAD = 0.05  # s by which the sound runs ahead of those lengths, measured on onsets after pauses
_MAX_PHONEMES = 400  # as in hibari; longer sentences are spoken in parts
_LONG_NUMBER = re.compile(r"\d(?:[,.]?\d){20,}")  # hibari counts to 10^36; these are read by digit
_PEAK = 0.8
# From the packaged woman's voice to a man's: the pitch, and the spectrum's envelope (the throat).
_MAN_PITCH, _MAN_ENVELOPE = 0.56, 0.86


@dataclass(frozen=True)
class Voice:
    """A voice to choose by `name`; `locale` is like en-US."""

    name: str
    locale: str
    gender: Gender
    engine: Literal["edge", "offline"]


@dataclass(frozen=True)
class Spoken:
    """Speech (N,) float32 in [-1, 1] with its words' times, and what the user should be told."""

    waveform: np.ndarray
    sample_rate: int
    words: tuple[Word, ...]
    notice: str | None = None


def _voices() -> Iterator[Voice]:
    genders: tuple[Gender, Gender] = ("female", "male")
    for gender in genders:
        yield Voice(f"hibari-us-{gender}", "en-US", gender, "offline")
    for line in _ONLINE.split("\n")[1:-1]:
        locale, names = line.split(" ", 1)
        for gender, part in zip(genders, names.split("|"), strict=True):
            for name in part.split():
                yield Voice(f"{locale}-{name}Neural", locale, gender, "edge")


# Online voices first; the default of `Request` leads.
VOICES = sorted(_voices(), key=lambda voice: voice.engine == "offline")
OFFLINE_VOICE = "hibari-us-female"


def find_voice(name: str) -> Voice:
    """The voice of `VOICES` with this name.

    Raises:
        InputError: there is none; names the nearest.
    """
    for voice in VOICES:
        if voice.name == name:
            return voice
    near = difflib.get_close_matches(name, [voice.name for voice in VOICES], 1, 0.5)
    guess = f"did you mean {near[0]}? " if near else ""
    raise InputError(f"There is no voice {name!r}; {guess}gaia_core.voice.VOICES lists all.")


def speak(text: str, voice: str, network: bool = True) -> Spoken:
    """Speaks `text` with a voice of `VOICES`.

    Word times come with the sound: from the service, or from the offline voice's phoneme lengths.
    An online voice is replaced by the offline one of its gender, with a notice, if the service
    fails or `network` is False. Blocks, also under a running event loop, which stays untouched.

    Raises:
        InputError: no such voice; the text is empty, too long, without words, or (offline) not
            in Latin letters; the speech lasts over `MAX_SECONDS`; the offline voice is damaged.
    """
    chosen = find_voice(voice)
    _check(text)
    spoken: Spoken | None = None
    reason = "the network is off"
    if chosen.engine == "edge" and network:
        spoken = _speak_online(text, chosen)
        reason = "the speech service could not be reached"
    spoken = spoken or _speak_offline(text, chosen, reason)
    seconds = len(spoken.waveform) / spoken.sample_rate
    if seconds > MAX_SECONDS:
        raise InputError(
            f"The text takes {seconds:.0f} s to speak; shorten it to at most {MAX_SECONDS} s."
        )
    return spoken


def _check(text: str) -> None:
    if not text.strip():
        raise InputError("The text is empty; write what should be said.")
    if len(text) > MAX_TEXT:
        raise InputError(f"The text has {len(text)} characters; shorten it to at most {MAX_TEXT}.")
    if not any(letter.isalnum() for letter in text):
        raise InputError("The text has no letter or digit to speak; write at least one word.")


# --- online ---


def _speak_online(text: str, voice: Voice) -> Spoken | None:
    """The service's speech, or None if it cannot be reached or answers with nothing usable."""
    import aiohttp
    from edge_tts.exceptions import EdgeTTSException

    # A loop of its own in a thread of its own: this thread may be running one already.
    with ThreadPoolExecutor(1, thread_name_prefix="gaia-voice") as pool:
        try:
            sound, words = pool.submit(asyncio.run, _stream(text, voice.name)).result()
        except (EdgeTTSException, aiohttp.ClientError, OSError):  # a time-out is an OSError
            return None
    with tempfile.TemporaryDirectory(prefix="gaia-") as folder:
        path = Path(folder, "speech.mp3")
        path.write_bytes(sound)
        try:
            waveform = media.read_audio(path, 10 * MAX_SECONDS, ONLINE_RATE)
        except InputError:  # not the user's file, so not the user's fault
            return None
    seconds = len(waveform) / ONLINE_RATE
    kept = (Word(w.text, w.start, min(w.end, seconds)) for w in words if w.start < seconds)
    return Spoken(waveform, ONLINE_RATE, tuple(kept))


async def _stream(text: str, name: str) -> tuple[bytes, list[Word]]:
    """The service's MP3 and the words it announces."""
    import edge_tts

    ticks = 1e7  # per second
    sound, words = bytearray(), []
    # Without `boundary` the service stops telling word times.
    request = edge_tts.Communicate(
        text,
        name,
        boundary="WordBoundary",
        connect_timeout=CONNECT_SECONDS,
        receive_timeout=ANSWER_SECONDS,
    )
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ANSWER_SECONDS) as limit:
        async for chunk in request.stream():
            limit.reschedule(loop.time() + ANSWER_SECONDS)
            if chunk["type"] == "audio":
                sound += chunk["data"]
            elif chunk["type"] == "WordBoundary":
                start = chunk["offset"] / ticks
                words.append(Word(chunk["text"], start, start + chunk["duration"] / ticks))
    return bytes(sound), words


# --- offline ---


@dataclass(frozen=True)
class _Spelled:
    """A word and the phonemes it is spoken with, punctuation included."""

    text: str
    phonemes: str


def _speak_offline(text: str, voice: Voice, reason: str) -> Spoken:
    replaced = voice.engine == "edge"
    latin = " ".join(word for word in text.split() if _is_latin(word))
    if not any(letter.isalnum() for letter in latin):
        because = f", and {reason}" if replaced else ""
        raise InputError(
            f"The offline voice reads English only{because}; write English, or give a recording."
        )
    engine = _engine()
    waveform, words, unknown = engine.speak(text if latin == text else latin, voice.gender)
    foreign = unknown or len(latin.split()) < len(text.split())
    notices = []
    if replaced:
        accent = "" if voice.locale == "en-US" else " with an American accent"
        notices.append(
            f"The offline {voice.gender} voice{accent} spoke instead of {voice.name}, "
            f"because {reason}."
        )
    if foreign or not voice.locale.startswith("en-"):
        notices.append("It reads English only: text in another language sounds wrong.")
    return Spoken(waveform, engine.sample_rate, words, " ".join(notices) or None)


def _is_latin(word: str) -> bool:
    return all("LATIN" in unicodedata.name(x, "") for x in word if x.isalpha())


class _Hibari:
    """The packaged voice of hibari-tts, with the lengths of its phonemes."""

    def __init__(self) -> None:
        import onnxruntime
        from hibari import SAMPLE_RATE as RATE
        from hibari import Hibari
        from hibari.voices import voice_path

        # Its file lies where hibari says, which may be outside the package.
        path = Path(voice_path(_HIBARI, download_missing=False))
        if not path.is_file() or hash_file(path) != _HIBARI_SHA256:
            raise InputError("The offline voice is damaged; install hibari-tts==0.2.1 again.")
        model = path.read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            _with_output(model, _DURATIONS), options, providers=["CPUExecutionProvider"]
        )
        self.sample_rate: int = RATE
        self.text = Hibari(_HIBARI)

    def speak(self, text: str, gender: Gender) -> tuple[np.ndarray, tuple[Word, ...], bool]:
        """The waveform (N,), its words, and whether the text looks like another language."""
        generator = np.random.default_rng(0)  # the same text sounds the same
        parts: list[np.ndarray] = []
        words: list[Word] = []
        unknown = total = length = 0
        for sentence in self.text.split_sentences(text):
            spelled, strange = self._spell(sentence)
            unknown, total = unknown + strange, total + len(spelled)
            for chunk in _chunks(spelled):
                waveform, ends = self._sound(chunk, gender, generator)
                seconds = np.maximum((length + ends) / self.sample_rate - _LEAD, 0)
                words += _times(chunk, self.text.vocab, seconds)
                parts.append(waveform)
                length += len(waveform)
        if not words:
            raise InputError("The offline voice finds no word to speak; write it in English.")
        waveform = np.concatenate(parts)
        waveform *= _PEAK / max(float(np.abs(waveform).max()), 1e-6)
        return waveform, tuple(words), unknown >= 2 and unknown > 0.25 * total

    def _spell(self, sentence: str) -> tuple[list[_Spelled], int]:
        """The words of a sentence, and how many common nouns or the like no lexicon knows."""
        from hibari.g2p.normalize import normalize

        g2p = self.text.g2p
        sentence = _LONG_NUMBER.sub(lambda number: " ".join(number[0]), sentence)
        words: list[str] = []
        texts: list[str] = []
        strange = 0
        shown = spoken = ""
        for token in g2p.phonemize_tokens(g2p.tokenize(normalize(sentence))):
            shown, spoken = shown + token.text, spoken + (token.phonemes or "")
            strange += token.rating == 2 and token.text[:1].islower()  # capitals: names
            if token.whitespace:
                words.append(spoken)
                texts.append(shown)
                shown = spoken = ""
        words.append(spoken)
        texts.append(shown)
        # Dates and the like are respelled; where they are not, words stay as the user wrote them.
        written = sentence.split()
        texts = written if len(written) == len(texts) else texts
        return [_Spelled(*pair) for pair in zip(texts, words, strict=True)], strange

    def _sound(
        self, words: list[_Spelled], gender: Gender, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The waveform (N,), and where each phoneme ends in it, in samples."""
        from hibari import dsp

        ids = self.text.ids(" ".join(word.phonemes for word in words))
        names = ["lh", "theta", "ln", "lr", "phi", "f0", _DURATIONS.decode()]
        feed = {"ids": np.asarray([ids], np.int64), "speed": np.ones(1, np.float32)}
        *batches, durations = self.session.run(names, feed)
        spectrum = [batch[0] for batch in batches]
        if gender == "male":
            spectrum = _deepen(spectrum)
        waveform = dsp.synth(*spectrum, generator)
        ends = np.cumsum(durations)
        return waveform, ends * (len(waveform) / ends[-1])


@lru_cache(maxsize=1)
def _engine() -> _Hibari:
    return _Hibari()


def _with_output(model: bytes, tensor: bytes) -> bytes:
    """An ONNX file that also returns an inner tensor.

    Protobuf messages one after the other are merged: a model with nothing but one graph output
    (field 12 of the graph, field 7 of the model) adds that output.
    """
    for field in (1, 12, 7):
        tensor = bytes([field << 3 | 2, len(tensor)]) + tensor
    return model + tensor


def _chunks(words: list[_Spelled]) -> Iterator[list[_Spelled]]:
    """A sentence in parts short enough to be spoken at once, cut behind a comma if there is one."""
    chunk: list[_Spelled] = []
    for word in words:
        if chunk and sum(len(w.phonemes) + 1 for w in [*chunk, word]) > _MAX_PHONEMES:
            commas = [i for i, w in enumerate(chunk, 1) if w.phonemes.endswith(tuple(",;:—"))]
            cut = commas[-1] if commas else len(chunk)
            yield chunk[:cut]
            chunk = chunk[cut:]
        chunk.append(word)
    if any(letter.isalpha() for word in chunk for letter in word.phonemes):
        yield chunk


def _times(words: list[_Spelled], vocabulary: dict[str, int], ends: np.ndarray) -> Iterator[Word]:
    """Words from the ends of phonemes in seconds; the first belongs to the silence before."""
    position = 1
    for word in words:
        phonemes = [x for x in word.phonemes if x in vocabulary]
        # Stress marks are spoken with what follows them, commas and dots are pauses.
        voiced = [i for i, x in enumerate(phonemes, position) if x.isalpha() or x in "ˈˌ"]
        position += len(phonemes) + 1
        if voiced:
            text = word.text.strip("\"'“”‘’.,;:!?…—()[]{}¿¡")
            yield Word(text or word.text, float(ends[voiced[0] - 1]), float(ends[voiced[-1]]))


def _deepen(spectrum: list[Any]) -> list[Any]:
    """hibari's outputs for a woman's voice (five (601, frames), and f0) -> for a man's."""
    *parts, pitch = spectrum
    source = np.arange(len(parts[0])) / _MAN_ENVELOPE
    low = np.minimum(source.astype(int), len(source) - 2)
    share = np.clip(source - low, 0, 1).astype(np.float32)[:, None]
    harmonic, twist, noise, free, phase = parts
    harmonic, twist, noise, free = (
        part[low] * (1 - share) + part[low + 1] * share for part in (harmonic, twist, noise, free)
    )
    # Log magnitudes fade where the envelope's source lies above the spectrum.
    fade = (-0.12 * np.maximum(source - len(source) + 1, 0)).astype(np.float32)[:, None]
    phase = phase[np.minimum(np.rint(source).astype(int), len(source) - 1)]  # wraps: not blended
    pitch = pitch * np.float32(_MAN_PITCH)
    return [harmonic + fade, twist, noise + fade, free + fade, phase, pitch]
