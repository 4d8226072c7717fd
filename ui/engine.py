"""One run of the engine, for the page and for programs alike, and how its failures are told.

Each run is one generator. When a visitor presses Stop, closes the page or cancels a job, Gradio
closes it, which closes the engine's generator and removes the unfinished take.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import gradio as gr

from gaia_core.errors import InputError, full_disk_told
from gaia_core.portrait.inspection import Look
from gaia_core.request import Event, Request
from ui.i18n.text import say, told
from ui.takes import store

logger = logging.getLogger(__name__)

UPDATE_EVERY = 0.1  # seconds; also the longest time between two chances to stop


class Engine(Protocol):
    """What the studio needs of `gaia_core.pipeline.Gaia`."""

    def generate(
        self, request: Request, out: Path, *, segments: Path | None = None
    ) -> Iterator[Event]: ...

    def look(self, portrait: Path) -> Look: ...


def run(engine: Engine, request: Request, live: bool = False) -> Generator[Event, None, None]:
    """The engine's events, the film's parts among them if it is watched `live`.

    A take that is not finished leaves nothing behind.
    """
    folder = store.new_folder()
    parts = folder / "parts" if live else None
    try:
        if parts is not None:
            parts.mkdir()
        yield from engine.generate(request, folder / f"gaia-{request.seed}.mp4", segments=parts)
    except BaseException:  # also when closed, which stops the engine's generator first
        store.discard(folder)
        raise


@contextmanager
def toasts(page: bool = False) -> Iterator[None]:
    """Turns an InputError into a toast with its sentence, anything else into a general one.

    On the page an InputError is a warning, for it is nothing that went wrong; programs get an
    error either way.
    """
    try:
        with full_disk_told():
            yield
    except InputError as error:
        sentence = _plain(told(str(error)))
        if page:
            gr.Warning(sentence)
        raise gr.Error(sentence, visible=not page, print_exception=False) from None
    except gr.Error:
        raise  # from the GPU's keeper: the visitor's quota is used up, say
    except Exception:
        logger.exception("a run failed")
        raise gr.Error(_plain(say("error.unexpected")), print_exception=False) from None


def _plain(sentence: str) -> str:
    """Toasts are drawn as HTML, and a sentence may quote what the visitor typed."""
    return html.escape(sentence, quote=False)
