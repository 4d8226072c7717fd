"""State of one visitor until the tab is closed, reloads included: takes, media and uploads."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gaia_core.portrait.inspection import Inspection
from gaia_core.request import MEDIA, Request
from ui import samples
from ui.takes import store
from ui.takes.recording import Recording

MAX_TAKES = 12  # in the list; older ones stay on disk until they are swept
UNDO_SECONDS = 10.0  # for which a deleted take can be had back
KEEP_SECONDS = 300.0  # in which what was live can be kept


@dataclass(frozen=True)
class Take:
    """A finished video, or an opened recipe: how it was made, and what the page shows of it."""

    name: str  # by what was asked for
    video: Path  # not there if only the recipe was opened
    recipe: Mapping[str, Any]
    facts: str  # HTML
    code: str  # Python
    thumbnail: str  # data URL
    seconds: float | None  # None if unknown
    timeline: Mapping[str, Any] = field(default_factory=dict)  # what it shows of the take
    source: str = ""  # name of the file that it was opened from

    @property
    def file(self) -> Path:
        """The file of its recipe, beside the video."""
        return self.video.with_suffix(".json")

    def is_there(self) -> bool:
        """Whether its files are still on the disk."""
        return self.video.is_file() or self.file.is_file()

    def write_recipe(self) -> None:
        text = json.dumps(self.recipe, indent=2, ensure_ascii=False)
        self.file.write_text(text, encoding="utf-8")


@dataclass
class Session:
    """One per open page; Gradio hands out the very object, which is changed in place.

    An upload may arrive while a take is generated.

    Attributes:
        name: random; the browser finds the session by it after a reload.
        used: when, as `time.monotonic` has it.
        takes: newest first.
        files: every upload and every take of the visitor, to be found and deleted.
        open: the take that the page shows and edits.
        example: the portrait whose video is shown while no take is open.
        inspections: of the last photos.
        expected: seconds of the next take, and of the next comparison, as the page shows them.
        deleted: the last deleted take, its place in the list, and what deletes its files.
        recording: of the last live session, while it can be kept.
    """

    name: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    used: float = field(default_factory=time.monotonic)
    takes: list[Take] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    open: Take | None = None
    example: Path | None = field(default_factory=lambda: next(iter(samples.portraits()), None))
    inspections: dict[Path, Inspection] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    deleted: tuple[Take, int, threading.Timer] | None = None
    recording: Recording | None = None

    @property
    def own(self) -> bool:
        """Whether there is something of the visitor's to show or to delete."""
        there = (path for path in self.files if path.is_file())
        return bool(self.takes) or not all(map(samples.is_shipped, there))

    def add(self, take: Take, request: Request | None = None) -> None:
        """Lists a take: a new one of a request, or one from a file."""
        given = (getattr(request, name) for name in MEDIA) if request else ()
        self.files.update([take.video, take.file, *(path for path in given if path is not None)])
        self.takes = [take, *self.takes][:MAX_TAKES]
        self.used = time.monotonic()

    def offer(self, recording: Recording) -> None:
        """Holds what was live for `KEEP_SECONDS`."""

        def forget() -> None:
            if self.recording is recording:
                self.recording = None

        self.recording = recording
        timer = threading.Timer(KEEP_SECONDS, forget)
        timer.daemon = True
        timer.start()

    def drop(self, take: Take) -> None:
        """Removes one take from the list, and after `UNDO_SECONDS` from the disk.

        If it was open, the newest one is opened in its place.
        """
        timer = threading.Timer(UNDO_SECONDS, store.discard, [take.video.parent])
        timer.daemon = True
        self.deleted = take, self.takes.index(take), timer
        self.takes = [other for other in self.takes if other is not take]
        if self.open is take:
            self.open = self.takes[0] if self.takes else None
        timer.start()

    @property
    def undoable(self) -> str:
        """The name of the deleted take that can be had back; "" if there is none."""
        take, _, timer = self.deleted or (None, 0, None)
        return take.name if take and timer and timer.is_alive() else ""

    def undo(self) -> Take | None:
        """Brings the last deleted take back and opens it; None if its files are gone."""
        if self.deleted is None:
            return None
        take, place, timer = self.deleted
        self.deleted = None
        timer.cancel()
        if not take.is_there():
            return None
        self.takes.insert(place, take)
        self.open = take
        return take

    def delete(self) -> int:
        """Removes the visitor's uploads and takes from the disk; returns how many there were.

        Examples stay: their copies in the cache are everybody's.
        """
        cache, deleted = store.cache(), 0
        for path in self.files:
            if not path.is_file() or not path.is_relative_to(cache):
                continue
            if path.is_relative_to(cache / "takes"):
                store.discard(path.parent)
            elif samples.is_shipped(path):
                continue
            else:
                path.unlink(missing_ok=True)
            deleted += 1
        self.takes, self.files, self.open, self.inspections = [], set(), None, {}
        self.deleted = self.recording = None
        return deleted


class Visits:
    """The sessions by name. Those unused for as long as takes are kept are forgotten."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, name: Any, new: Session | None = None) -> Session:
        """The session of that name with the takes that are still there, or a new one.

        Args:
            new: the page's own, which may have a take by now: a click can be quicker.
        """
        with self._lock:
            now = time.monotonic()
            for session in list(self._sessions.values()):
                if now - session.used > store.KEEP:
                    del self._sessions[session.name]
            found = self._sessions.get(name) if isinstance(name, str) else None
            session = found or new or Session()
            if session is not found:
                session.name = secrets.token_urlsafe(24)  # the page's own is a copy
            self._sessions[session.name] = session
            session.used = now
        session.takes = [take for take in session.takes if take.is_there()]
        if session.open not in session.takes:
            session.open = session.takes[0] if session.takes else None
        return session
