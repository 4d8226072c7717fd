"""Downloads of a take in other formats, made on demand in the take's folder."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.blocks import Block
from PIL import Image

from gaia_core.errors import InputError
from gaia_core.media import exports
from gaia_core.request import Result
from ui.gradio_compat import press
from ui.i18n.text import say, t
from ui.takes import store
from ui.takes.session import Session
from ui.toasts import toasts

DELAY = 150  # ms until the button has the new file's address


@dataclass(frozen=True)
class Downloads:
    """A button for each of `exports.SUFFIX`, and the hidden download button."""

    buttons: dict[str, gr.Button]
    file: gr.DownloadButton

    def all(self) -> list[Block]:
        return [*self.buttons.values(), self.file]


def row() -> Downloads:
    with gr.Row(elem_classes="chips", elem_id="downloads"):
        buttons = {
            kind: gr.Button(t(f"download.{kind}"), size="sm", elem_id=f"download-{kind}")
            for kind in exports.SUFFIX
        }
        file = hidden("download-file")
    return Downloads(buttons, file)


def hidden(elem_id: str) -> gr.DownloadButton:
    """A download button for `fetch`; hidden by the style sheet, since it must be in the DOM."""
    return gr.DownloadButton(t("download.file"), elem_id=elem_id, elem_classes="fetched")


def fetch(elem_id: str) -> str:
    """The script that presses a hidden download button."""
    return press(elem_id, DELAY)


def keep(result: Result) -> None:
    """Writes the files beside a take that its downloads need: subtitles and cutout."""
    if result.words:
        exports.make("vtt", result.video, result.words, text=result.recipe["text"] or "")
    if result.cutout is not None:
        Image.fromarray(result.cutout).save(_cutout(result.video))


def subtitles(video: Path) -> str:
    """The subtitles of a take for the player; an empty file if it has none.

    Gradio ignores None: the player would keep those of the previous take, and fail once they are
    deleted.
    """
    path = video.with_suffix(".vtt")
    if not path.is_file():
        path = store.cache() / "none.vtt"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("WEBVTT\n", "utf-8")
    return str(path)


def offered(downloads: Downloads, video: Path | None) -> dict[Block, Any]:
    """The available downloads: subtitles need words, WebM a portrait with transparency."""
    needs = {
        "vtt": video and video.with_suffix(".vtt"),
        "webm": video and _cutout(video),
    }
    return {
        button: gr.update(visible=bool((path := needs.get(kind, video)) and path.is_file()))
        for kind, button in downloads.buttons.items()
    }


def made(downloads: Downloads, kind: str) -> Callable[[Session], Iterator[dict[Block, Any]]]:
    """Makes one download of the open take and sends it to the browser."""

    def on_press(session: Session) -> Iterator[dict[Block, Any]]:
        button = downloads.buttons[kind]
        with toasts(page=True):
            video = session.open.video if session.open else None
            if video is None or not video.is_file():
                raise InputError(say("error.gone", field=say("media.take")))
            path = video.with_suffix(exports.SUFFIX[kind])
            if not path.is_file():
                yield {button: gr.update(value=t("download.making"), interactive=False)}
                cutout = _cutout(video)
                matte = np.asarray(Image.open(cutout)) if cutout.is_file() else None
                path = exports.make(kind, video, cutout=matte)
            yield {**_idle(downloads, kind), downloads.file: gr.update(value=str(path))}

    return on_press


def failed(downloads: Downloads, kind: str) -> Callable[[], dict[Block, Any]]:
    """The initial button."""
    return lambda: _idle(downloads, kind)


def _idle(downloads: Downloads, kind: str) -> dict[Block, Any]:
    return {downloads.buttons[kind]: gr.update(value=t(f"download.{kind}"), interactive=True)}


def _cutout(video: Path) -> Path:
    return video.with_suffix(".cutout.png")
