"""A take in other forms: buttons below the result, each of which makes its file when it is pressed.

The files stand in the take's folder and go with it.
"""

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

DELAY = 150  # ms until the new file's address has arrived at the button


@dataclass(frozen=True)
class Downloads:
    """One button for each of `exports.SUFFIX`, and the hidden one that the browser downloads by."""

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
    """A download that `fetch` presses; hidden by the style sheet, for it must be on the page."""
    return gr.DownloadButton(t("download.file"), elem_id=elem_id, elem_classes="fetched")


def fetch(elem_id: str) -> str:
    """The script that presses a hidden download: one click of the visitor is enough."""
    return press(elem_id, DELAY)


def keep(result: Result) -> None:
    """Writes beside a take what only its result knows and other forms need."""
    if result.words:
        exports.make("vtt", result.video, result.words, text=result.recipe["text"] or "")
    if result.cutout is not None:
        Image.fromarray(result.cutout).save(_cutout(result.video))


def subtitles(video: Path | None) -> str:
    """The subtitles of a take, for the player; an empty file for a take without.

    Gradio ignores None: the player would keep those of the take before, and fail once they are
    deleted.
    """
    path = video and video.with_suffix(".vtt")
    if path is None or not path.is_file():
        path = store.cache() / "none.vtt"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("WEBVTT\n", "utf-8")
    return str(path)


def subtitled(recipe: Any, session: Session) -> Any:
    """The subtitles of the shown take, into a player that is there already."""
    return gr.update(subtitles=subtitles(_video(recipe, session)))


def offered(downloads: Downloads, video: Path) -> dict[Block, Any]:
    """Which forms a take has: subtitles need words, a WebM a portrait with transparency."""
    return {
        downloads.buttons["vtt"]: gr.update(visible=video.with_suffix(".vtt").is_file()),
        downloads.buttons["webm"]: gr.update(visible=_cutout(video).is_file()),
    }


def made(downloads: Downloads, kind: str) -> Callable[[Any, Session], Iterator[dict[Block, Any]]]:
    """Makes one form of the shown take and hands it to the browser."""

    def on_press(recipe: Any, session: Session) -> Iterator[dict[Block, Any]]:
        button = downloads.buttons[kind]
        with toasts(page=True):
            video = _video(recipe, session)
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
    """The button as at first."""
    return lambda: _idle(downloads, kind)


def _idle(downloads: Downloads, kind: str) -> dict[Block, Any]:
    return {downloads.buttons[kind]: gr.update(value=t(f"download.{kind}"), interactive=True)}


def _video(recipe: Any, session: Session) -> Path | None:
    """The take of this visitor whose recipe file the page shows."""
    path = recipe.get("path") if isinstance(recipe, dict) else None
    return next((x.video for x in session.takes if str(x.video.with_suffix(".json")) == path), None)


def _cutout(video: Path) -> Path:
    return video.with_suffix(".cutout.png")
