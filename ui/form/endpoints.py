"""The table of endpoints: the settings of each, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gaia_core.request import MEDIA, SETTINGS, Request
from ui.form.admission import RawRequest, admit, rerender, uploaded


@dataclass(frozen=True)
class Endpoint:
    """An endpoint whose arguments are the settings of a mode.

    Attributes:
        first: the settings that come right after the portrait.
        needs: required settings.
        shows: optional arguments that the example of a call has, besides consent.
        live: whether it streams the segments of the video.
    """

    name: str
    mode: str
    first: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shows: tuple[str, ...] = ("text",)
    live: bool = False

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of the arguments, in order.

        Consent follows the label, so that later settings do not move earlier arguments.
        """
        own = [name for name, declared in SETTINGS.items() if self.mode in declared.modes]
        own.insert(own.index("label") + 1, "consent")
        return tuple(dict.fromkeys(["portrait", *self.first, *own]))

    def request(self, given: dict[str, Any]) -> Request:
        """The checked request of a call."""
        if "drive_groups" not in self.takes and given.get("drive"):
            given = {**given, "drive_groups": ["pose"]}
        return admit(RawRequest(**given))


class Rerender(Endpoint):
    """The endpoint that re-renders a span: its settings come from the recipe."""

    @property
    def takes(self) -> tuple[str, ...]:
        span = ("recipe", "start", "end", "span_seed", "controls")
        return ("portrait", *span, "speech", "drive", "consent")

    def request(self, given: dict[str, Any]) -> Request:
        media = [uploaded(name, given[name]) for name in MEDIA if given[name] is not None]
        return rerender(
            given["recipe"],
            media,
            given["start"],
            given["end"],
            given["span_seed"],
            given["controls"],
            given["consent"],
        )


_DRIVING = ("drive", "drive_groups", "drive_mode", "drive_reference")
ENDPOINTS = (
    Endpoint("speech_driven", "speech"),
    Endpoint("stream_speech", "speech", live=True),
    Endpoint("pose_controlled", "pose", first=("controls",), shows=("controls", "text")),
    Endpoint("text_instructed", "text", first=("instruction", "controls"), needs=("instruction",)),
    Endpoint("video_driven", "video", first=(*_DRIVING, "controls"), needs=("drive",), shows=()),
    Rerender("rerender_span", "edit", shows=()),
)
