"""Failures as toasts.

They stay until they are closed, or until the next run begins: a visitor may look elsewhere while a
run lasts, and Gradio's timer closes all toasts of a kind when the first one's time is over.
"""

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
    """Shows an InputError as a toast, any other error as a general one.

    On the page an InputError is a warning; programs get an error either way.
    """
    try:
        with disk_full_reported():
            yield
    except InputError as error:
        sentence = _plain(translate(error.message))
        if page:
            gr.Warning(sentence, duration=None)
        raise gr.Error(sentence, None, visible=not page, print_exception=False) from None
    except gr.Error:
        raise  # from ZeroGPU, for example an exhausted quota
    except Exception:
        logger.exception("a run failed")
        raise gr.Error(_plain(say("error.unexpected")), None, print_exception=False) from None


def _plain(sentence: str) -> str:
    """Escaped: toasts are drawn as HTML, and a message may quote the visitor's input."""
    return html.escape(sentence, quote=False)
