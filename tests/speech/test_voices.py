"""Speech synthesis: word times, fallback to the offline voice, and errors."""

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import imageio_ffmpeg
import numpy as np
import pytest

from gaia_core.errors import InputError
from gaia_core.request import SETTINGS, Request
from gaia_core.speech.offline_voice import _Hibari
from gaia_core.speech.synthesis import MOST, phrases, speak, synthesise
from gaia_core.speech.voices import OFFLINE_VOICE, VOICES, Spoken, find_voice

MAX_TEXT = SETTINGS["text"].longest
SENTENCE = "The quick brown fox jumps over the lazy dog. It pays $9.99!"


class FakeService:
    """A fake of `edge_tts.Communicate`: one second of tone and two words, or an error."""

    sound: ClassVar[bytes] = b""
    error: ClassVar[BaseException | None] = None
    pause: ClassVar[float] = 0.0
    arguments: ClassVar[dict[str, Any]] = {}

    def __init__(self, text: str, name: str, **options: Any) -> None:
        thread = threading.get_ident()
        FakeService.arguments = {"text": text, "name": name, "thread": thread, **options}

    async def stream(self) -> AsyncIterator[dict[str, Any]]:
        await asyncio.sleep(self.pause)
        if self.error is not None:
            raise self.error
        yield {"type": "audio", "data": self.sound[:2000]}
        yield {"type": "WordBoundary", "offset": 1_000_000, "duration": 2_000_000, "text": "Hello"}
        yield {"type": "WordBoundary", "offset": 4_000_000, "duration": 99_000_000, "text": "you"}
        yield {"type": "WordBoundary", "offset": 90_000_000, "duration": 100, "text": "lost"}
        yield {"type": "audio", "data": self.sound[2000:]}


@pytest.fixture(scope="module")
def mp3() -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi"]
    command += ["-i", "sine=frequency=300:duration=1:sample_rate=24000", "-b:a", "48k"]
    return subprocess.run([*command, "-f", "mp3", "-"], capture_output=True, check=True).stdout


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, mp3: bytes) -> type[FakeService]:
    monkeypatch.setattr("edge_tts.Communicate", FakeService)
    monkeypatch.setattr(FakeService, "sound", mp3)
    return FakeService


def test_importing_loads_no_engine() -> None:
    code = (
        "import sys, gaia_core.speech.synthesis, gaia_core.speech.voices as v;"
        "assert len(v.VOICES) > 40;"
        "print([m for m in ('edge_tts', 'aiohttp', 'onnxruntime', 'hibari') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_list_of_voices() -> None:
    names = [x.name for x in VOICES]
    assert len(names) == len(set(names)) and names[0] == Request.voice
    assert {x.gender for x in VOICES} == {"female", "male"}
    assert find_voice(OFFLINE_VOICE).engine == "offline"
    assert all(x.name.startswith(x.locale + "-") for x in VOICES if x.engine == "edge")
    assert len({x.locale for x in VOICES}) >= 20


@pytest.mark.parametrize("name", [OFFLINE_VOICE, "hibari-us-male"])
def test_offline_speech_and_its_word_times(name: str) -> None:
    spoken = synthesise(SENTENCE, name)
    assert spoken.waveform.dtype == np.float32 and spoken.waveform.ndim == 1
    assert 0.5 < np.abs(spoken.waveform).max() <= 1
    assert spoken.notice is None
    assert [x.text for x in spoken.words] == SENTENCE.replace(".", "", 1).replace("!", "").split()
    seconds = len(spoken.waveform) / spoken.sample_rate
    edges = [time for word in spoken.words for time in (word.start, word.end)]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= seconds


def test_word_times_match_the_sound() -> None:
    spoken = synthesise("Book, table, garden, apple, dog.", OFFLINE_VOICE)
    rate = spoken.sample_rate

    def loudness(start: float, end: float) -> float:
        return float(np.std(spoken.waveform[round(start * rate) : round(end * rate)]))

    loud = [loudness(word.start, word.end) for word in spoken.words]
    before = loudness(0, spoken.words[0].start - 0.03)
    assert min(loud) > 10 * before
    # A comma's pause lies between the words.
    for a, b in zip(spoken.words, spoken.words[1:], strict=False):
        middle = (a.end + b.start) / 2
        assert loudness(middle - 0.01, middle + 0.01) < min(loud)


def test_synthesis_is_deterministic() -> None:
    first, second = (
        synthesise("Hello again.", OFFLINE_VOICE),
        synthesise("Hello again.", OFFLINE_VOICE),
    )
    np.testing.assert_array_equal(first.waveform, second.waveform)


def test_the_male_voice_is_lower() -> None:
    def pitch(name: str) -> float:
        spoken = synthesise("Are we nearly there now, Mary?", name)
        low, high = spoken.sample_rate // 300, spoken.sample_rate // 70
        frames = spoken.waveform[: len(spoken.waveform) // 1200 * 1200].reshape(-1, 1200)
        loud = frames[frames.std(1) > 0.5 * spoken.waveform.std()]
        correlation = np.fft.irfft(np.abs(np.fft.rfft(loud, 2400)) ** 2)
        return float(np.median(spoken.sample_rate / (low + correlation[:, low:high].argmax(1))))

    assert pitch("hibari-us-male") < 0.75 * pitch("hibari-us-female")


def test_a_respelled_sentence_keeps_one_time_per_spoken_word() -> None:
    spoken = synthesise("Call me at 9:30am on 10/12/2019.", OFFLINE_VOICE)
    assert [x.text for x in spoken.words][3:6] == ["nine", "thirty", "A.M"]


@pytest.mark.parametrize("text", ["so, " * 105, "so " * 150, "9" * 60, "- - hello - -", "😀 hi 😀"])
def test_unusual_texts_are_synthesised(text: str) -> None:
    spoken = synthesise(text, OFFLINE_VOICE)
    assert len(spoken.waveform) and spoken.words


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", OFFLINE_VOICE, "empty; write"),
        (" \n\t", Request.voice, "empty; write"),
        ("x" * (MAX_TEXT + 1), OFFLINE_VOICE, f"shorten it to at most {MAX_TEXT}"),
        ("?! ... 😀", Request.voice, "write at least one word"),
        ("hello", "en-US-Arria", "the nearest are en-US-AriaNeural, "),
        ("hello", "michelle", "the nearest are en-US-MichelleNeural, "),
        ("hello", "", "the nearest are "),
        ("Привет, как дела?", OFFLINE_VOICE, "reads English only; write English"),
    ],
)
def test_texts_that_cannot_be_synthesised_raise(text: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        synthesise(text, name)


def test_a_text_that_takes_too_long_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaia_core.speech.synthesis.MAX_SECONDS", 1)
    with pytest.raises(InputError, match=r"takes \d s to speak; shorten it to at most 1 s"):
        synthesise("1,234,567,890", OFFLINE_VOICE)


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("Guten Tag, wie geht es Ihnen heute?", True),
        ("Bonjour, je m'appelle Marie et j'habite à Paris.", True),
        ("Hello мир", True),
        ("Zendaya met Krzysztof in Wroclaw yesterday.", False),
        (SENTENCE, False),
    ],
)
def test_another_language_has_a_notice_offline(text: str, warned: bool) -> None:
    notice = synthesise(text, OFFLINE_VOICE).notice
    assert (notice is not None and "English only" in notice) == warned


def test_online_speech_and_its_word_times(service: type[FakeService]) -> None:
    spoken = synthesise("Hello you", "en-GB-RyanNeural")
    assert service.arguments["name"] == "en-GB-RyanNeural"
    assert service.arguments["text"] == "Hello you"
    assert service.arguments["boundary"] == "WordBoundary"
    assert isinstance(service.arguments["connect_timeout"], int)
    assert spoken.sample_rate == 24_000 and spoken.notice is None
    assert spoken.voice == "en-GB-RyanNeural"
    seconds = len(spoken.waveform) / 24_000
    assert seconds == pytest.approx(1, abs=0.1)
    assert [(w.text, w.start) for w in spoken.words] == [("Hello", 0.1), ("you", 0.4)]
    assert spoken.words[0].end == pytest.approx(0.3) and spoken.words[1].end == seconds


def test_speaks_under_a_running_event_loop(service: type[FakeService]) -> None:
    async def main() -> Spoken:
        return synthesise("Hello you", "en-GB-RyanNeural")

    assert len(asyncio.run(main()).words) == 2
    assert service.arguments["thread"] != threading.get_ident()


def _errors() -> list[BaseException]:
    import aiohttp
    from edge_tts.exceptions import NoAudioReceived

    return [NoAudioReceived("none"), aiohttp.ClientError("down"), TimeoutError(), OSError("reset")]


@pytest.mark.parametrize("error", _errors(), ids=lambda x: type(x).__name__)
def test_fallback_to_the_offline_voice(
    service: type[FakeService], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(service, "error", error)
    spoken = synthesise("Hello you", "en-GB-RyanNeural")
    assert [w.text for w in spoken.words] == ["Hello", "you"]
    assert spoken.voice == "hibari-us-male"
    expected = "offline male voice with an American accent spoke instead of Ryan"
    assert spoken.notice is not None and expected in spoken.notice
    np.testing.assert_array_equal(
        spoken.waveform, synthesise("Hello you", "hibari-us-male").waveform
    )


def test_a_programming_error_is_raised(
    service: type[FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "error", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        synthesise("Hello you", "en-GB-RyanNeural")


def test_a_service_without_answer_times_out(
    service: type[FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "pause", 30.0)
    monkeypatch.setattr("gaia_core.speech.online_voice.ANSWER_SECONDS", 0.1)
    assert "could not be reached" in (synthesise("Hello", Request.voice).notice or "")


@pytest.mark.parametrize("sound", [b"", b"this is no sound" * 200])
def test_fallback_from_an_unreadable_answer_leaves_no_file(
    service: type[FakeService],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sound: bytes,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(service, "sound", sound)
    assert "spoke instead" in (synthesise("Hello", Request.voice).notice or "")
    assert not list(tmp_path.iterdir())


def test_without_network_the_service_is_not_called(service: type[FakeService]) -> None:
    service.arguments = {}
    spoken = synthesise("Guten Tag", "de-DE-KatjaNeural", network=False)
    assert service.arguments == {}
    assert spoken.notice is not None
    assert "the network is off" in spoken.notice and "English only" in spoken.notice


def test_a_damaged_offline_voice_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaia_core.speech.offline_voice._HIBARI_SHA256", "0" * 64)
    with pytest.raises(InputError, match="damaged; install hibari-tts"):
        _Hibari()


# Text while it is written

ANSWER = (
    'Hello, I am Dr. Smith. It costs 3.5 dollars, and "really?" he said! This is rather a long '
    "clause with many words; and so on\n你好。 " + "word " * 60
)


def test_a_text_is_cut_where_one_pauses() -> None:
    found = list(phrases([ANSWER]))
    assert found[:6] == [
        "Hello, I am Dr. Smith.",
        'It costs 3.5 dollars, and "really?"',
        "he said!",
        "This is rather a long clause with many words;",
        "and so on",
        "你好。",
    ]
    assert all(len(part) <= MOST for part in found)
    assert "".join(found).replace(" ", "") == "".join(ANSWER.split()), "nothing is lost"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_phrases_do_not_depend_on_how_a_text_arrives(size: int) -> None:
    pieces = (ANSWER[i : i + size] for i in range(0, len(ANSWER), size))
    assert list(phrases(pieces)) == list(phrases([ANSWER]))


def test_a_sentence_is_spoken_before_the_next_is_written() -> None:
    heard = threading.Event()

    def pieces() -> Iterator[str]:
        yield from ("One ", "two. ", "Three ")
        assert heard.wait(60)
        yield from ("four. ", "*** ", "Five.")

    spoken = speak(pieces(), OFFLINE_VOICE)
    first = next(spoken)
    heard.set()
    assert [word.text for word in first.words] == ["One", "two"]
    seconds = len(first.waveform) / first.sample_rate
    assert len(first.speech) / 16_000 == pytest.approx(seconds, abs=1e-3)
    rest = [word.text for part in spoken for word in part.words]
    assert rest == ["Three", "four", "Five"], "*** has no sound"


def test_an_error_of_the_writer_is_not_lost() -> None:
    def pieces() -> Iterator[str]:
        yield "One two. "
        raise ConnectionError("the model is away")

    spoken = speak(pieces(), OFFLINE_VOICE)
    next(spoken)
    with pytest.raises(ConnectionError, match="away"):
        next(spoken)


def test_an_unknown_voice_is_refused_before_anything_is_written() -> None:
    def pieces() -> Iterator[str]:
        raise AssertionError
        yield

    with pytest.raises(InputError, match="nobody"):
        next(speak(pieces(), "nobody"))
