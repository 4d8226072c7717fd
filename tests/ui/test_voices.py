"""The voices to choose from, and the sample sentences."""

from __future__ import annotations

import base64
import io
import re
import wave
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from gaia_core.errors import Message
from gaia_core.request import Request
from gaia_core.speech.voices import OFFLINE_VOICE, VOICES, Spoken, find_voice
from ui.form import voices
from ui.i18n.text import say


def test_voices_are_grouped_by_language():
    labels = [label for label, _ in voices.choices()]
    languages = [label.split(" · ")[0] for label in labels]
    assert languages[0] == "English"
    changes = sum(a != b for a, b in zip(languages, languages[1:], strict=False))
    assert changes == len(set(languages)) - 1, "each language stands together"
    assert labels[0] == f"English · {say('voice.offline')} · US, female"
    assert {name for _, name in voices.choices()} == {voice.name for voice in VOICES}
    assert Request.voice in dict(voices.choices()).values()


def test_every_voice_has_a_greeting_in_its_language():
    assert {voice.locale.split("-")[0] for voice in VOICES} == set(voices.GREETINGS)


def test_a_sample_sentence_brings_a_voice_of_its_language():
    inputs = SimpleNamespace(text="text", voice="voice")
    choose = voices.choose_sentence(inputs)
    (_, unchosen), *languages = voices.sentences()
    assert "voice" not in choose(unchosen) and len(languages) == 8
    for _, code in languages:
        chosen = choose(code)
        assert chosen["text"] == voices.SENTENCES[code]
        assert find_voice(chosen["voice"]).locale.startswith(code)
    assert choose("en")["voice"] == OFFLINE_VOICE, "it stays on this machine"
    assert "voice" not in choose("xx")


def test_a_voice_is_heard_and_a_stand_in_is_told(monkeypatch: pytest.MonkeyPatch):
    notice, asked = Message("the network is off"), []

    def synthesise(text: str, voice: str) -> Spoken:
        asked.append((text, voice))
        alone = voice == OFFLINE_VOICE
        waveform = np.pad(np.full(24_000, 0.5, np.float32), 12_000)
        return Spoken(waveform, 24_000, (), OFFLINE_VOICE, None if alone else notice)

    monkeypatch.setattr(voices, "synthesise", synthesise)
    monkeypatch.setattr(voices, "_KEPT", {})
    for name, times in ((OFFLINE_VOICE, 1), ("de-DE-KatjaNeural", 2)):
        asked.clear()
        for _ in range(2):
            *_, heard = voices.hear(name)
            assert "autoplay" in heard and "data:audio/wav;base64," in heard
            assert (str(notice) in heard) == (name != OFFLINE_VOICE)
            (sound,) = re.findall('base64,([^"]+)', heard)
            with wave.open(io.BytesIO(base64.b64decode(sound))) as file:
                assert file.getnframes() == pytest.approx(1.2 * 24_000, rel=0.02), "no silence"
        assert len(asked) == times, "a stand-in is not kept"
    assert asked[0][0] == voices.GREETINGS["de"]
    for wrong in ("nobody", None, ["a"]):
        with pytest.raises(gr.Error):
            list(voices.hear(wrong))
