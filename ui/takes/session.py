"""State of one visitor until the tab is closed: takes, media and uploads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gaia_core.portrait.inspection import Inspection
from gaia_core.request import MEDIA, Request
from ui import samples
from ui.takes import store

MAX_TAKES = 12  # in the list; older ones stay on disk until they are swept


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
        takes: newest first.
        files: every upload and every take of the visitor, to be found and deleted.
        opened: the recipe on the Edit tab.
        inspections: of the last photos.
        expected: seconds of the next take, and of the next comparison, as the page shows them.
        dropped: the recipe of the last file that was opened, and its sound for the timeline.
    """

    takes: list[Take] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    opened: Mapping[str, Any] | None = None
    inspections: dict[Path, Inspection] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    dropped: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None

    def add(self, take: Take, request: Request) -> None:
        given = (getattr(request, name) for name in MEDIA)
        self.files.update([take.video, *(path for path in given if path is not None)])
        self.takes = [take, *self.takes][:MAX_TAKES]
        self.opened = take.recipe

    def sound_of(self, recipe: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The sound of an opened file, as `timeline.sound_of` gives it; {} if unknown."""
        same = self.dropped is not None and self.dropped[0] is recipe
        return self.dropped[1] if self.dropped and same else {}

    def drop(self, take: Take) -> None:
        """Removes one take, from the list and from the disk."""
        self.takes = [other for other in self.takes if other is not take]
        self.files.discard(take.video)
        if self.opened is take.recipe:
            self.opened = None
        store.discard(take.video.parent)

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
        self.dropped = None
        return deleted
