"""The interface of the engine, and one run of it, for the page and the API.

A run is a generator. On Stop, a closed page or a cancelled job Gradio closes it, which closes the
engine's generator and removes the unfinished take.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from gaia_core.portrait.inspection import Inspection
from gaia_core.portrait.tracking import CameraFrame
from gaia_core.request import Event, Request
from ui.takes import store

UPDATE_EVERY = 0.1  # seconds; also the longest delay of Stop


class Engine(Protocol):
    """What the studio uses of `gaia_core.pipeline.Gaia`.

    Attributes:
        weights: the folder of its trained weights.
    """

    weights: Path

    def generate(
        self, request: Request, out: Path, *, segments: Path | None = None
    ) -> Iterator[Event]: ...

    def inspect(self, portrait: Path) -> Inspection: ...

    def mirror(
        self, portrait: np.ndarray, frames: Iterable[CameraFrame], *, face: int
    ) -> Iterator[np.ndarray]: ...

    def stream(
        self,
        portrait: np.ndarray,
        chunks: Iterable[np.ndarray],
        *,
        face: int,
        clock: Callable[[], float],
    ) -> Iterator[np.ndarray]: ...


def run(engine: Engine, request: Request, live: bool = False) -> Generator[Event, None, None]:
    """The engine's events, with the video's segments if `live`. An unfinished take is removed."""
    folder = store.new_folder()
    parts = folder / "parts" if live else None
    try:
        if parts is not None:
            parts.mkdir()
        yield from engine.generate(request, folder / f"gaia-{request.seed}.mp4", segments=parts)
    except BaseException:  # also when closed, which stops the engine's generator first
        store.discard(folder)
        raise
