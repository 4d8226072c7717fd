"""Text to speech: the offline voice for real, the online one by a stand-in."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import edge_tts
import imageio_ffmpeg
import numpy as np
import pytest

from gaia_core import media, voice
from gaia_core.errors import InputError
from gaia_core.request import MAX_TEXT, Request
from gaia_core.voice import OFFLINE_VOICE, VOICES, speak

TEXT = "Good morning, everyone. We have 25 maps."


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """edge-tts that answers with one second of a tone and two words."""
    tone, mp3 = tmp_path / "tone.wav", tmp_path / "tone.mp3"
    media.write_audio(tone, 0.5 * np.sin(np.arange(24_000) * 0.1), 24_000)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", tone, mp3]
    subprocess.run(command, check=True)

    class Communicate:
        def __init__(self, text: str, name: str, **options: Any) -> None:
            assert options["boundary"] == "WordBoundary"

        async def stream(self) -> AsyncIterator[dict[str, Any]]:
            yield {"type": "WordBoundary", "text": "Good", "offset": 1e6, "duration": 3e6}
            yield {"type": "audio", "data": mp3.read_bytes()}
            yield {"type": "WordBoundary", "text": "morning", "offset": 5e6, "duration": 4e6}

    monkeypatch.setattr(edge_tts, "Communicate", Communicate)


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """edge-tts without a network."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(edge_tts, "Communicate", fail)


def test_offline_voice_speaks_with_ordered_word_times() -> None:
    spoken = speak(TEXT, OFFLINE_VOICE)
    seconds = len(spoken.waveform) / spoken.sample_rate
    assert [word.text for word in spoken.words] == TEXT.split()
    times = [time for word in spoken.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= seconds
    assert np.abs(spoken.waveform).max() > 0.05
    assert spoken.notice is None


def test_words_lie_on_sound_and_the_pause_between_sentences_does_not() -> None:
    spoken = speak("Good morning. Good evening.", OFFLINE_VOICE)
    loudness = np.abs(spoken.waveform)

    def level(start: float, end: float) -> float:
        return float(
            loudness[int(start * spoken.sample_rate) : int(end * spoken.sample_rate)].mean()
        )

    said = min(level(word.start, word.end) for word in spoken.words)
    pause = level(spoken.words[1].end, spoken.words[2].start)
    assert said > 5 * pause


def test_same_text_gives_the_same_sound() -> None:
    first, second = speak(TEXT, OFFLINE_VOICE), speak(TEXT, OFFLINE_VOICE)
    assert np.array_equal(first.waveform, second.waveform)


@pytest.mark.usefixtures("online")
def test_online_voice_keeps_its_word_times() -> None:
    spoken = speak("Good morning", Request.voice)
    assert [(w.text, w.start, w.end) for w in spoken.words] == [
        ("Good", 0.1, 0.4),
        ("morning", 0.5, 0.9),
    ]
    assert len(spoken.waveform) / spoken.sample_rate == pytest.approx(1, abs=0.06)
    assert spoken.notice is None


@pytest.mark.usefixtures("online")
def test_online_voice_works_inside_an_event_loop() -> None:
    async def inside() -> int:
        return len(speak("Good morning", Request.voice).words)

    assert asyncio.run(inside()) == 2


@pytest.mark.usefixtures("blocked")
def test_without_network_the_offline_voice_takes_over_and_says_so() -> None:
    spoken = speak(TEXT, Request.voice)
    assert "offline voice" in (spoken.notice or "")
    assert np.array_equal(spoken.waveform, speak(TEXT, OFFLINE_VOICE).waveform)
    assert "English" in (speak(TEXT, "zh-CN-XiaoxiaoNeural").notice or "")


@pytest.mark.usefixtures("online")
def test_network_false_never_asks_the_service() -> None:
    assert speak(TEXT, Request.voice, network=False).notice is not None


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("", OFFLINE_VOICE, "type a sentence"),
        (" ?! ... ", OFFLINE_VOICE, "type a sentence"),
        ("a" * (MAX_TEXT + 1), OFFLINE_VOICE, "shorten"),
        (TEXT, "nobody", "choose one"),
    ],
)
def test_bad_input_is_one_sentence(text: str, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        speak(text, name)


def test_default_voice_is_listed_and_names_are_unique() -> None:
    names = [v.name for v in VOICES]
    assert Request.voice in names
    assert OFFLINE_VOICE in names
    assert len(set(names)) == len(names)
    assert {v.engine for v in VOICES} == {"edge", "offline"}
