"""The voices by language, a word of each to hear, and sample sentences."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import base64
import io
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from gaia_core.errors import InputError
from gaia_core.media.audio import find_sound
from gaia_core.request import Request
from gaia_core.speech.synthesis import synthesise
from gaia_core.speech.voices import VOICES, Spoken, Voice, find_voice, first_name
from ui.components import Inputs, Updates, hint
from ui.i18n.text import say, t
from ui.takes import result_view
from ui.toasts import toasts

# Spoken by a voice of the language when it is tried: about a second.
GREETINGS = {
    "en": "Hello there.",
    "de": "Hallo zusammen.",
    "fr": "Bonjour à tous.",
    "es": "Hola a todos.",
    "it": "Ciao a tutti.",
    "pt": "Olá a todos.",
    "nl": "Hallo allemaal.",
    "pl": "Cześć wszystkim.",
    "sv": "Hej allihop.",
    "uk": "Привіт усім.",
    "tr": "Herkese merhaba.",
    "ar": "مرحبا بكم.",
    "hi": "आप सबको नमस्ते।",
    "zh": "大家好。",
    "ja": "みなさん、こんにちは。",
    "ko": "여러분, 안녕하세요.",
}
# Rich in closed lips and open vowels, so that a mistake of the lips is seen.
SENTENCES = {
    "en": "Maybe by spring, we will paint the big blue boat together.",
    "de": "Im Mai bauen Mama und Papa am Bach ein kleines blaues Boot.",
    "fr": "Ma petite maman peint un beau bateau bleu au bord de la mer.",
    "es": "Mi papá pinta un barco blanco y mi mamá prueba la sopa.",
    "it": "La mamma prepara il pane mentre il bambino beve l'acqua.",
    "pt": "A minha mãe põe a mesa e o bebê bebe água bem devagar.",
    "zh": "爸爸妈妈不忙的时候，我们一起爬北边的山。",
    "ja": "ママはパンを、パパはぶどうを、毎朝みんなで食べます。",
}
_KEPT: dict[str, Spoken] = {}  # greetings by voice


@dataclass(frozen=True)
class Choice:
    """The voice, and a button that lets it be heard."""

    voice: gr.Dropdown
    hear: gr.Button
    heard: gr.HTML


def sentence() -> gr.Dropdown:
    return gr.Dropdown(
        sentences(),
        value="",
        label=t("sentence.label"),
        elem_id="sentence",
    )


def choice() -> Choice:
    with gr.Row(elem_id="voice-row", equal_height=False):
        voice = gr.Dropdown(
            choices(),
            value=Request.voice,
            label=t("voice.label"),
            elem_id="voice",
        )
        hear = gr.Button(t("voice.hear"), size="sm", scale=0, min_width=72, elem_id="voice-hear")
    hint("voice.info")
    return Choice(voice, hear, gr.HTML("", apply_default_css=False, elem_id="voice-heard"))


def choices() -> list[tuple[str, str]]:
    """Labels and names of all voices: English first, then by language; the offline ones lead.

    A label begins with the language, so that typing it in the list finds its voices.
    """

    def place(voice: Voice) -> tuple[bool, str, bool]:
        spoken = _language(voice)
        return spoken != "en", say(f"language.{spoken}"), voice.engine != "offline"

    return [(_label(voice), voice.name) for voice in sorted(VOICES, key=place)]


def sentences() -> list[tuple[str, str]]:
    """The languages of the sample sentences, after a prompt to choose one."""
    languages = [(say(f"language.{code}"), code) for code in SENTENCES]
    return [(say("sentence.choose"), ""), *languages]


def choose_sentence(inputs: Inputs) -> Callable[[Any], Updates]:
    """Puts a sample sentence into the text, with a voice of its language."""

    def on_choose(code: Any) -> Updates:
        if code not in SENTENCES:
            return {inputs.text: gr.skip()}
        # Those of English stay on this machine.
        fitting = (name for _, name in choices() if _language(find_voice(name)) == code)
        return {inputs.text: SENTENCES[code], inputs.voice: next(fitting)}

    return on_choose


def hear(name: Any) -> Iterator[Any]:
    """Says a greeting in a voice: a player that starts at once, as HTML."""
    with toasts(page=True):
        if not isinstance(name, str):
            raise InputError(say("error.string", field=say("voice.label")))
        voice = find_voice(name)
        yield result_view.notice(say("voice.speaking"))
        spoken = _greeting(voice)
        told = result_view.notice(spoken.notice) if spoken.notice else ""
        yield (
            f'<audio controls autoplay src="{_data_url(spoken)}" '
            f'aria-label="{escape(_label(voice))}"></audio>{told}'
        )


def _greeting(voice: Voice) -> Spoken:
    """A voice's greeting, without silence at both ends."""
    if voice.name in _KEPT:
        return _KEPT[voice.name]
    spoken = synthesise(GREETINGS[_language(voice)], voice.name)
    rate = spoken.sample_rate
    start, end = (round(at * rate) for at in find_sound(spoken.waveform, rate))
    spoken = replace(spoken, waveform=spoken.waveform[start:end])
    if spoken.voice == voice.name:  # not what stood in for it
        _KEPT[voice.name] = spoken
    return spoken


def _language(voice: Voice) -> str:
    return voice.locale.split("-")[0]


def _label(voice: Voice) -> str:
    offline = voice.engine == "offline"
    return " · ".join(
        [
            say(f"language.{_language(voice)}"),
            say("voice.offline") if offline else first_name(voice.name),
            f"{voice.locale.split('-')[1]}, {say(f'voice.{voice.gender}')}",
        ]
    )


def _data_url(spoken: Spoken) -> str:
    """The sound as WAV in a URL: there is no file to be deleted."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.sample_rate)
        file.writeframes((spoken.waveform.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(out.getvalue()).decode()
