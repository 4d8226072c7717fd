"""Every word of the studio, in one dictionary per language.

`t(key)` is for what Gradio draws (labels, help, buttons): the browser picks the language.
`say(key)` is for what Python writes (toasts, progress): plain text, filled in with values.
Another language is another dictionary with the same keys, added to `LANGUAGES`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

EN = {
    "title": "GAIA studio",
    "tagline": "One portrait and a voice become a talking video.",
    "research": "Research preview, non-commercial",
    # Tabs
    "tab.speech": "Speech",
    "tab.about": "About",
    # Portrait
    "portrait.label": "Portrait",
    "portrait.heading": "### Portrait\nA clear photo, facing the camera. Group photos work too.",
    "portrait.upload": "Upload",
    # Speech
    "speech.label": "Speech",
    "speech.heading": "### Speech\nWhat the portrait will say.",
    "speech.text": "Type",
    "speech.upload": "Upload",
    "speech.record": "Record",
    "text.label": "Text",
    "text.info": "Up to 1000 characters.",
    "text.placeholder": "Type what the portrait should say",
    "text.start": "Hello! I am made of a single photograph and one sentence.",
    "voice.label": "Voice",
    "voice.info": (
        "Online voices send the text to Microsoft's speech service. "
        "The offline voice keeps it here, and steps in when the service cannot be reached."
    ),
    "voice.offline": "Offline",
    "upload.label": "Recording",
    "upload.info": "WAV, MP3, M4A and others, up to two minutes. Or try one of ours:",
    "record.label": "Microphone",
    "record.info": "Up to two minutes. The browser will ask to use the microphone.",
    # Settings
    "settings.label": "Advanced",
    "seed.label": "Seed",
    "seed.info": "The same seed and settings give the same video.",
    "random.label": "New seed every time",
    "random.info": "Off keeps the seed beside it.",
    "steps.label": "Steps",
    "steps.info": "More is slower and a little more careful.",
    "guidance.label": "Guidance",
    "guidance.info": "How closely the motion follows the speech. 1 is neutral.",
    "size.label": "Picture",
    "size.info": "The whole photo at its own resolution, or a crop of the face.",
    "size.photo": "Whole photo",
    "size.512": "Crop, 512 px",
    "size.256": "Crop, 256 px",
    "face.label": "Face",
    "face.info": "In group photos: 0 is the largest face, 1 the next.",
    "label.label": "Visible AI label",
    "label.info": "A small mark in a corner. Can be turned off once you confirm your rights below.",
    "consent.label": "I have the right to use this face and voice",
    "consent.info": "Needed for your own photo or recording. The examples need none.",
    # Actions
    "generate": "Generate",
    "stop": "Stop",
    # Result
    "result.label": "Video",
    "result.empty": "Your video will appear here.",
    "result.empty.hint": "The example is ready: press Generate.",
    "result.waiting": "Waiting for a free place",
    "result.stopped": "Stopped.",
    "result.stopped.hint": "Nothing was kept. Your inputs are as you left them.",
    "result.failed": "No video this time.",
    "result.failed.hint": "Your inputs are as you left them.",
    "result.example": "An example, made with this model.",
    "result.preview": "Latest frame",
    "fact.seed": "Seed",
    "fact.length": "Length",
    "fact.seconds": "{seconds:.1f} s",
    "fact.label": "AI-generated",
    "fact.label.visible": "label in picture and file",
    "fact.label.hidden": "label in file",
    "recipe.label": "Recipe",
    "recipe.info": "Everything that makes this video again, with the media as fingerprints.",
    "recipe.download": "Download recipe",
    "stage.start": "Starting",
    "stage.voice": "Preparing the speech",
    "stage.face": "Finding the face",
    "stage.speech": "Listening to the speech",
    "stage.motion": "Imagining the motion",
    "stage.frames": "Drawing the frames",
    "stage.file": "Writing the video",
    # Sentences for a toast
    "error.title": "Please check",
    "error.title.unexpected": "Sorry",
    "error.unexpected": "Something went wrong on our side; try again, or try another portrait.",
    "error.portrait": "There is no portrait; upload a photo or choose an example.",
    "error.upload": "There is no recording; upload one, or choose another way to give speech.",
    "error.record": "There is no recording; record one, or choose another way to give speech.",
    "error.text": "There is no text; type what the portrait should say.",
    "error.source": "Choose how to give the speech: type, upload or record.",
    "error.gone": "The {field} is no longer on the server; please give it again.",
    "error.file": "The {field} must be an uploaded file.",
    "error.consent": (
        "Please confirm that you have the right to use this face and voice, or choose an example."
    ),
    "error.label": (
        "The visible label can only be turned off once you confirm "
        "that you have the right to use this face and voice."
    ),
    "error.whole": "{field} must be a whole number.",
    "error.number": "{field} must be a number.",
    "error.switch": "{field} must be true or false.",
    "error.string": "{field} must be text.",
    "about": """
## What this is

GAIA turns one portrait and speech into a video of that face saying it. A first network separates
how a face looks from how it moves, and a second one imagines the motion from the voice: lips,
blinks, gaze and the head.

## Limits

- Best with one sharp, evenly lit face that looks towards the camera. Profiles, hands in front of
  the mouth, heavy beards and strong shadows are harder.
- Teeth and whatever the photo does not show are guessed.
- English speech is known best. Other languages move the lips, less exactly.
- Up to two minutes of speech at a time.

## Your responsibility

Make only videos of people who agreed to it, or of yourself. Do not deceive, harass or
impersonate. The examples are free to use: the NASA and US Navy portraits are in the public domain.

## AI label

Every video says in its file metadata that it is AI-generated, and carries its recipe there. A
visible mark is on by default. Metadata is lost when a site re-encodes the video: it is a label,
not a proof.

## Privacy

- Your photo, recording and videos stay on this server for about an hour and are then deleted.
  They are not used for anything else, and no other visitor is shown them.
- Their addresses cannot be guessed, but whoever has the address of a video can open it.
- An online voice sends your text to Microsoft's speech service through `edge-tts`. The offline
  voice does not; nor do uploads and recordings.

## Licence

The weights were trained on research data and may be used for **non-commercial research only**;
the model card beside them names the sources. The sources and licences of the examples are in
`examples/README.md`.

## For programs

The endpoint `/speech_driven` makes the same videos: see *Use via API* at the foot of the page and
`examples/01_speech_driven.py`.
""",
}

LANGUAGES = {"en": EN}
I18N = gr.I18n(**LANGUAGES)


def t(key: str) -> Any:
    """A text that the browser shows in its own language (Gradio's I18nData)."""
    if key not in EN:
        raise KeyError(key)
    return I18N(key)


def say(key: str, **values: object) -> str:
    """A text as plain words, with `values` filled in."""
    return EN[key].format(**values) if values else EN[key]
