"""Where takes live: one folder per request below Gradio's cache, gone after `KEEP` seconds.

Folder names are random, so no visitor can reach another's take, and nothing a visitor named is
ever part of a path. Gradio deletes old uploads by itself, but loses sight of some files that a
session's components hold; so the takes are swept here, for as long as the server runs.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ui.gradio_compat import cache

KEEP = 3600  # seconds
SWEEP_EVERY = 600  # seconds


def new_folder() -> Path:
    """A fresh folder for one request."""
    folder = cache() / "takes" / secrets.token_urlsafe(24).replace("-", "_")
    folder.mkdir(parents=True)
    return folder


def discard(folder: Path) -> None:
    """Removes a take that was not finished."""
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def swept(app: object) -> AsyncIterator[None]:
    """Sweeps now and then; a lifespan for the server's app."""

    async def forever() -> None:
        while True:
            await asyncio.to_thread(sweep)
            await asyncio.sleep(SWEEP_EVERY)

    task = asyncio.create_task(forever())
    try:
        yield
    finally:
        task.cancel()


def sweep(age: float = KEEP) -> None:
    """Removes the takes in which nothing was written for `age` seconds."""
    for folder in (cache() / "takes").glob("*/"):
        try:
            newest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
        except FileNotFoundError:
            continue  # swept by another request just now
        if time.time() - newest > age:
            discard(folder)
