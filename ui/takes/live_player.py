"""Live playback of a take during generation: the checkbox, when to start, the player of segments.

Gradio's streaming player calls ffmpeg and ffprobe; without them the checkbox is hidden.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from gaia_core.request import Event, Progress, Segment
from ui.gradio_compat import film, streaming_possible
from ui.i18n.text import t

MARGIN = 1.15  # of the estimated rest, since a busy machine gets slower

# The finished video continues at the position of the segments.
HAND_OVER = """() => {
  const [parts, film] = ["PARTS", "FILM"].map((name) => document.querySelector(name));
  if (parts && film && parts.currentTime > 0) {
    parts.pause();
    film.currentTime = parts.currentTime;
    film.play().catch(() => {}); // a browser may refuse it, or the visitor may go on
  }
  return [];
}""".replace("PARTS", film("live")).replace("FILM", film("video"))


# Says that the player waits for the next part.
_WAITING = """const waits = (yes) => (event) =>
  event.target.closest?.("#live")?.classList.toggle("is-waiting", yes);
document.addEventListener("waiting", waits(true), true);
document.addEventListener("playing", waits(false), true);"""


class Pace:
    """Whether what is made stays ahead of what is played, from the speed so far.

    Attributes:
        made: seconds of video that are made.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.made = 0.0
        self._clock, self._fraction, self._longest = clock, 0.0, 0.0
        self._start: tuple[float, float] | None = None  # time and fraction at the first frame
        self._now = 0.0

    def watched(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, noting how fast they come."""
        for event in events:
            self._now = self._clock()
            if isinstance(event, Progress):
                self._fraction = event.fraction
                if event.stage == "frames" and self._start is None:
                    self._start = self._now, self._fraction
            elif isinstance(event, Segment):
                self.made = event.end
                self._longest = max(self._longest, event.end - event.start)
            yield event

    def ready(self) -> bool:
        """Whether playback can start at second 0 now and go on to the end without a pause.

        The last part arrives when all is made, and must not be due before.
        """
        if self._start is None or not self.made:
            return False
        took, share = self._now - self._start[0], self._fraction - self._start[1]
        if took <= 0 or share <= 0:
            return False
        rest = (1 - self._fraction) / share  # as a multiple of what was made since the start
        return MARGIN * rest * took <= (1 + rest) * self.made - self._longest


@dataclass(frozen=True)
class Player:
    """Shown by its column: a player cannot take a segment and another update at once."""

    column: gr.Column
    video: gr.Video
    note: gr.HTML  # how far the take is

    def all(self) -> list[Block]:
        """The components."""
        return [self.column, self.video, self.note]

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
        label=t("watch.label"),
        info=t("watch.info"),
        visible=streaming_possible(),
        elem_id="watch",
    )


def player() -> Player:
    with gr.Column(visible=False, elem_id="live") as column:
        video = gr.Video(
            streaming=True,
            autoplay=True,
            interactive=False,
            label=t("watch.label"),
            show_label=False,
            buttons=[],
        )
        note = gr.HTML("", js_on_load=_WAITING, apply_default_css=False, elem_id="live-note")
    return Player(column, video, note)
