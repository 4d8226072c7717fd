"""The offline voice: hibari-tts in English, female and, pitch-shifted, male."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gaia_core.assets import hash_file
from gaia_core.errors import InputError, Message, join
from gaia_core.request import Word
from gaia_core.speech.text import normalise
from gaia_core.speech.voices import Gender, Spoken, Voice, first_name

# hibari-tts 0.2.1: the one voice inside the package; its other voices are downloads.
_HIBARI = "heart"
_HIBARI_SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
_DURATIONS = b"/Clip_output_0"  # tensor in its graph: durations of the phonemes in frames
_LEAD = 0.05  # s by which the sound is ahead of those durations, measured on onsets after pauses
_MAX_PHONEMES = 400  # as in hibari; longer sentences are synthesised in parts
_LONG_NUMBER = re.compile(r"\d(?:[,.]?\d){20,}")  # hibari counts to 10^36; these are read by digit
_CAPITALS = re.compile(r"\b[A-Z]{3,}\b")
_NAMED = 20  # of what was left out
_PEAK = 0.8
# Factors from the female to the male voice: pitch, and formants (the spectral envelope).
_MAN_PITCH, _MAN_ENVELOPE = 0.56, 0.86


@dataclass(frozen=True)
class _Spelled:
    """A word and the phonemes it is spoken with, punctuation included."""

    text: str
    phonemes: str


def speak_offline(text: str, voice: Voice, reason: Message) -> Spoken:
    """The text by the offline voice of that voice's gender.

    Args:
        reason: why it speaks instead of an online voice, as the end of a sentence.

    Raises:
        InputError: the text has no word that it can read, or its model is damaged.
    """
    replaced = voice.engine == "edge"
    readable = normalise(text)
    if not any(letter.isalnum() for letter in readable.text):
        if replaced:
            raise InputError(
                "The offline voice reads English only, and {reason}; write English, or give a "
                "recording.",
                reason=reason,
            )
        raise InputError(
            "The offline voice reads English only; write English, or give a recording."
        )
    engine = _engine()
    waveform, words, mute, foreign = engine.speak(readable.text, voice.gender)
    notices = []
    if replaced:
        gender = Message("female") if voice.gender == "female" else Message("male")
        notices.append(
            Message(
                "The offline {gender} voice spoke instead of {name}, because {reason}.",
                gender=gender,
                name=first_name(voice.name),
                reason=reason,
            )
            if voice.locale == "en-US"
            else Message(
                "The offline {gender} voice with an American accent spoke instead of {name}, "
                "because {reason}.",
                gender=gender,
                name=first_name(voice.name),
                reason=reason,
            )
        )
    if left_out := (*readable.left_out, *mute):
        parts, more = left_out[:_NAMED], len(left_out) - _NAMED
        notices.append(
            Message("It reads English only and left out: {parts}.", parts=parts)
            if more <= 0
            else Message(
                "It reads English only and left out: {parts} and {more} more.",
                parts=parts,
                more=more,
            )
        )
    if foreign or not voice.locale.startswith("en-"):
        notices.append(Message("It reads English only: text in another language sounds wrong."))
    return Spoken(waveform, engine.sample_rate, words, voice.stand_in, join(notices))


class _Hibari:
    """The packaged voice of hibari-tts, with the durations of its phonemes."""

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

    def speak(
        self, text: str, gender: Gender
    ) -> tuple[np.ndarray, tuple[Word, ...], tuple[str, ...], bool]:
        """The waveform (N,), its words, what has no sound, and whether it seems not English."""
        generator = np.random.default_rng(0)  # the same text sounds the same
        parts: list[np.ndarray] = []
        words: list[Word] = []
        mute: list[str] = []
        unknown = total = length = 0
        for sentence in self.text.split_sentences(text):
            spelled, strange = self._spell(sentence)
            mute += [word.text for word in spelled if _is_mute(word)]
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
        return waveform, tuple(words), tuple(mute), unknown >= 2 and unknown > 0.25 * total

    def _spell(self, sentence: str) -> tuple[list[_Spelled], int]:
        """The words of a sentence, and how many words but names are in no lexicon."""
        from hibari.g2p.normalize import normalize

        g2p = self.text.g2p
        sentence = _LONG_NUMBER.sub(lambda number: " ".join(number[0]), sentence)
        words: list[str] = []
        texts: list[str] = []
        strange = 0
        shown = spoken = ""
        read = _CAPITALS.sub(lambda word: self._lower_if_unstressed(word[0]), normalize(sentence))
        for token in g2p.phonemize_tokens(g2p.tokenize(read)):
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

    def _lower_if_unstressed(self, capitals: str) -> str:
        """A word in capitals, in small letters if hibari would spell it out as no name can be.

        Those are the words without a stress of their own: SHOULD, THIS, WAS.
        """
        known = self.text.g2p.lexicon.golds.get(capitals.lower())
        sounds = known.get("DEFAULT") if isinstance(known, dict) else known
        return capitals.lower() if sounds and "ˈ" not in sounds else capitals

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


def _is_mute(word: _Spelled) -> bool:
    return any(x.isalnum() for x in word.text) and not any(x.isalpha() for x in word.phonemes)


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
