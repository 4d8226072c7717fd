"""Text to speech with word times.

If the online service cannot be reached, the offline voice is used instead, with a notice.
"""

from __future__ import annotations

from gaia_core import MAX_SECONDS
from gaia_core.errors import InputError, Message
from gaia_core.request import SETTINGS
from gaia_core.speech.offline_voice import speak_offline
from gaia_core.speech.online_voice import speak_online
from gaia_core.speech.text import without_markup
from gaia_core.speech.voices import Spoken, find_voice


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
