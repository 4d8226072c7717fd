"""Microsoft's online voices, through edge-tts. The text leaves the machine."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gaia_core import MAX_SECONDS
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio
from gaia_core.request import Word
from gaia_core.speech.voices import Spoken, Voice

CONNECT_SECONDS = 4
ANSWER_SECONDS = 8  # longest silence of the service, name look-up included
ONLINE_RATE = 24_000  # Hz of the service's sound


def speak_online(text: str, voice: Voice) -> Spoken | None:
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
            waveform = read_audio(path, 10 * MAX_SECONDS, ONLINE_RATE)
        except InputError:  # not the user's file, so not the user's fault
            return None
    seconds = len(waveform) / ONLINE_RATE
    kept = (Word(w.text, w.start, min(w.end, seconds)) for w in words if w.start < seconds)
    return Spoken(waveform, ONLINE_RATE, tuple(kept), voice.name)


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
