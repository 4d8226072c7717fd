"""Live playback of a take during generation: the checkbox and the player of segments.

Gradio's streaming player calls ffmpeg and ffprobe; without them the checkbox is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gaia_core.request import Segment
from ui.gradio_compat import film, streaming_possible
from ui.i18n.text import t

# The finished video continues at the position of the segments.
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
    """Shown by its column: a player cannot take a segment and another update at once."""

    column: gr.Column
    video: gr.Video

    def play(self, part: Segment) -> dict[Any, Any]:
        """The updates for a new segment."""
        shown = {self.column: gr.update(visible=True)} if part.start == 0 else {}
        return {**shown, self.video: str(part.video)}

    def hidden(self) -> dict[Any, Any]:
        """The updates that remove the player."""
        return {self.column: gr.update(visible=False)}

    def behind(self) -> dict[Any, Any]:
        """The updates when the take is finished: hidden, but in the DOM for `HAND_OVER`."""
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
