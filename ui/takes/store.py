"""Storage of takes: a folder per request below Gradio's cache, deleted after `KEEP` seconds.

Folder names are random, so no visitor can reach another's take, and no input is part of a path.
Gradio deletes old uploads but misses some files of a session's components, so takes are swept here.
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
    """Removes the folder of a take."""
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def swept(app: object) -> AsyncIterator[None]:
    """The lifespan of the server's app, which sweeps periodically."""

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
    """Removes the takes that were not written to for `age` seconds."""
    for folder in (cache() / "takes").glob("*/"):
        try:
            newest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
        except FileNotFoundError:
            continue  # deleted by another request meanwhile
        if time.time() - newest > age:
            discard(folder)
