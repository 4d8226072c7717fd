"""Failures as toasts."""

from __future__ import annotations

import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from gaia_core.errors import InputError, disk_full_reported
from ui.i18n.text import say, translate

logger = logging.getLogger(__name__)


@contextmanager
def toasts(page: bool = False) -> Iterator[None]:
    """Turns an InputError into a toast with its sentence, anything else into a general one.

    On the page an InputError is a warning, for it is nothing that went wrong; programs get an
    error either way.
    """
    try:
        with disk_full_reported():
            yield
    except InputError as error:
        sentence = _plain(translate(error.message))
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
