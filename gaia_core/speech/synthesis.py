"""Text to speech with word times, of a whole text or while it is written.

If the online service cannot be reached, the offline voice is used instead, with a notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from gaia_core import MAX_SECONDS
from gaia_core.errors import InputError, Message
from gaia_core.request import SETTINGS
from gaia_core.speech.offline_voice import speak_offline
from gaia_core.speech.online_voice import speak_online
from gaia_core.speech.text import without_markup
from gaia_core.speech.voices import Spoken, find_voice

# Where a text that is being written may be cut: after a sentence (not after "Dr." or an initial,
# nor within "3.5"), after a clause of CLAUSE characters or more, or after MOST at any word.
CLAUSE, MOST = 40, 200
_SENTENCE = re.compile(
    r"(?<!\b[A-Z]\.)(?<!\b[A-Z][a-z]\.)(?<=[.!?…])[\"'”’)\]]*(?=\s)|(?<=[。！？])|\n"
)
_PAUSE = re.compile(r"(?<=[,;:])(?=\s)|(?<=[，；：])")


def synthesise(text: str, voice: str, network: bool = True) -> Spoken:
    """Synthesises `text` with a voice of `VOICES`; markup (SSML) is removed.

    Word times come from the service, or from the offline voice's phoneme durations. An online
    voice is replaced by the offline one of its gender, with a notice, if the service fails or
    `network` is False. Blocks; may be called under a running event loop.

    Raises:
        InputError: no such voice; the text is empty, too long, without words, or (offline) not
            in Latin letters; the speech lasts over `MAX_SECONDS`; the offline voice is damaged.
    """
    chosen = find_voice(voice)
    SETTINGS["text"].check(text)
    text = without_markup(text)
    _check(text)
    spoken: Spoken | None = None
    reason = Message("the network is off")
    if chosen.engine == "edge" and network:
        spoken = speak_online(text, chosen)
        reason = Message("the speech service could not be reached")
    spoken = spoken or speak_offline(text, chosen, reason)
    seconds = len(spoken.waveform) / spoken.sample_rate
    if seconds > MAX_SECONDS:
        raise InputError(
            "The text takes {seconds:.0f} s to speak; shorten it to at most {most:g} s.",
            seconds=seconds,
            most=MAX_SECONDS,
        )
    return spoken


def _check(text: str) -> None:
    if not text.strip():
        raise InputError("The text is empty; write what should be said.")
    if not any(letter.isalnum() for letter in text):
        raise InputError("The text has no letter or digit to speak; write at least one word.")


def speak(pieces: Iterable[str], voice: str, network: bool = True) -> Iterator[Spoken]:
    """Synthesises a text while it is written, sentence by sentence; see `synthesise`.

    A thread reads the pieces and is one sentence ahead, so that nobody waits for the next.

    Args:
        pieces: parts of the text in order, spaces included, as language models stream them.

    Yields:
        the speech of each sentence or long clause, as soon as its end is written.

    Raises:
        InputError: no such voice; the offline voice cannot read a sentence, or is damaged.
    """
    voice = find_voice(voice).name
    legible = (phrase for phrase in phrases(pieces) if any(x.isalnum() for x in phrase))
    coming = (synthesise(phrase, voice, network) for phrase in legible)
    thread = ThreadPoolExecutor(1, thread_name_prefix="gaia-voice")
    try:
        ahead = thread.submit(next, coming, None)
        while spoken := ahead.result():
            ahead = thread.submit(next, coming, None)
            yield spoken
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def phrases(pieces: Iterable[str]) -> Iterator[str]:
    """Cuts a text that comes in pieces into sentences and long clauses, none of them empty."""
    text = ""
    for piece in pieces:
        text += piece
        while (end := _end(text)) is not None:
            if phrase := text[:end].strip():
                yield phrase
            text = text[end:]
    if phrase := text.strip():
        yield phrase


def _end(text: str) -> int | None:
    """Where the first phrase of a text ends; None if more must be written first."""
    found = (_SENTENCE.search(text), _PAUSE.search(text, CLAUSE))
    ends = [match.end() for match in found if match]
    if len(text) > MOST:
        ends.append(text.rfind(" ", 0, MOST) + 1 or MOST)
    return min(ends, default=None)
