"""A take that plays while it is made: the checkbox that asks for it, and the player of its parts.

The parts go through Gradio's streaming player, which calls ffmpeg and ffprobe; where they are not
installed there is no checkbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gaia_core.request import Segment
from ui.gradio_compat import film, streaming_possible
from ui.i18n.text import t

# The finished film goes on where its parts were being watched.
HAND_OVER = """() => {
  const [parts, film] = ["PARTS", "FILM"].map((name) => document.querySelector(name));
  if (parts && film && parts.currentTime > 0) {
    parts.pause();
    film.currentTime = parts.currentTime;
    film.play();
  }
  return [];
}""".replace("PARTS", film("live")).replace("FILM", film("video"))


@dataclass(frozen=True)
class Player:
    """Shown from the first part on, by its column: a player cannot take a part and a change."""

    column: gr.Column
    video: gr.Video

    def play(self, part: Segment) -> dict[Any, Any]:
        """The page when a part has come."""
        shown = {self.column: gr.update(visible=True)} if part.start == 0 else {}
        return {**shown, self.video: str(part.video)}

    def hidden(self) -> dict[Any, Any]:
        """The page without it; the browser forgets what it was playing."""
        return {self.column: gr.update(visible=False)}

    def behind(self) -> dict[Any, Any]:
        """The page when the film is there: out of sight, but still known to `HAND_OVER`."""
        return {self.column: gr.update(visible="hidden")}


def checkbox() -> gr.Checkbox:
    return gr.Checkbox(
        False,
        label=t("live.label"),
        info=t("live.info"),
        visible=streaming_possible(),
        elem_id="watch",
    )


def player() -> Player:
    with gr.Column(visible=False, elem_id="live") as column:
        video = gr.Video(
            streaming=True,
            autoplay=True,
            interactive=False,
            label=t("live.label"),
            show_label=False,
            buttons=[],
        )
    return Player(column, video)
