"""State of one visitor until the tab is closed, reloads included: takes, media and uploads."""

from __future__ import annotations

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

MAX_TAKES = 12  # in the list; older ones stay on disk until they are swept
UNDO_SECONDS = 10.0  # for which a deleted take can be had back


@dataclass(frozen=True)
class Take:
    """A finished video: how it was made, and what the page shows of it."""

    name: str  # by what was asked for
    video: Path
    recipe: Mapping[str, Any]
    facts: str  # HTML
    code: str  # Python
    thumbnail: str  # data URL
    seconds: float
    timeline: Mapping[str, Any] = field(default_factory=dict)  # its properties for the take


@dataclass
class Session:
    """One per open page; Gradio hands out the very object, which is changed in place.

    An upload may arrive while a take is generated.

    Attributes:
        name: random; the browser finds the session by it after a reload.
        used: when, as `time.monotonic` has it.
        takes: newest first.
        files: every upload and every take of the visitor, to be found and deleted.
        opened: the recipe on the Edit tab.
        inspections: of the last photos.
        expected: seconds of the next take, and of the next comparison, as the page shows them.
        deleted: the last deleted take, its place in the list, and what deletes its files.
        dropped: the recipe of the last file that was opened, and its sound for the timeline.
    """

    name: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    used: float = field(default_factory=time.monotonic)
    takes: list[Take] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    opened: Mapping[str, Any] | None = None
    inspections: dict[Path, Inspection] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    deleted: tuple[Take, int, threading.Timer] | None = None
    dropped: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None

    def add(self, take: Take, request: Request) -> None:
        given = (getattr(request, name) for name in MEDIA)
        self.files.update([take.video, *(path for path in given if path is not None)])
        self.takes = [take, *self.takes][:MAX_TAKES]
        self.opened = take.recipe
        self.used = time.monotonic()

    def sound_of(self, recipe: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The sound of an opened file, as `timeline.sound_of` gives it; {} if unknown."""
        same = self.dropped is not None and self.dropped[0] is recipe
        return self.dropped[1] if self.dropped and same else {}

    def drop(self, take: Take) -> None:
        """Removes one take from the list, and after `UNDO_SECONDS` from the disk."""
        timer = threading.Timer(UNDO_SECONDS, store.discard, [take.video.parent])
        timer.daemon = True
        self.deleted = take, self.takes.index(take), timer
        self.takes = [other for other in self.takes if other is not take]
        if self.opened is take.recipe:
            self.opened = None
        timer.start()

    def undo(self) -> Take | None:
        """Brings the last deleted take back; None if its files are gone."""
        if self.deleted is None:
            return None
        take, place, timer = self.deleted
        self.deleted = None
        timer.cancel()
        if not take.video.is_file():
            return None
        self.takes.insert(place, take)
        self.opened = take.recipe
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
        self.takes, self.files, self.opened, self.inspections = [], set(), None, {}
        self.deleted = self.dropped = None
        return deleted


class Visits:
    """The sessions by name. Those unused for as long as takes are kept are forgotten."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, name: Any) -> Session:
        """The session of that name with the takes that are still there, or a new one."""
        with self._lock:
            now = time.monotonic()
            for session in list(self._sessions.values()):
                if now - session.used > store.KEEP:
                    del self._sessions[session.name]
            found = self._sessions.get(name) if isinstance(name, str) else None
            session = found or Session()
            self._sessions[session.name] = session
            session.used = now
        session.takes = [take for take in session.takes if take.video.is_file()]
        return session
