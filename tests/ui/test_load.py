"""Load: many visitors at once, visitors who leave, and processes that die."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from fake_engine import FakeEngine, Studio, until
from gradio_client import Client, handle_file
from PIL import Image

from gaia_core.media.video import read_video
from ui import studio as studio_module
from ui.studio import LAUNCH_KWARGS, build_studio
from ui.takes import store

pytestmark = pytest.mark.slow

API = "/speech_driven"
VISITORS, JOBS, PLACES = 8, 3, 3
BUSY = "queue is full"


@pytest.fixture(scope="module")
def few_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with a short queue."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        patch.setattr(studio_module, "QUEUE", PLACES)
        engine = FakeEngine()
        page = build_studio(engine)
        # A launch adds its own lifespan to its arguments.
        given = {**LAUNCH_KWARGS, "app_kwargs": {"lifespan": store.swept}}
        _, url, _ = page.launch(**given, quiet=True, prevent_thread_lock=True)
        yield Studio(url, engine, FakeEngine(), cache)
        page.close()


@pytest.fixture
def small(few_places: Studio) -> Studio:
    """The same with a reset engine."""
    assert until(lambda: not few_places.engine.running)
    few_places.engine.__init__()  # type: ignore[misc]
    return few_places


def grey_photo(folder: Path, level: int) -> Path:
    path = folder / f"{level}.png"
    Image.fromarray(np.full((96, 64, 3), level, np.uint8)).save(path)
    return path


def test_every_visitor_gets_their_own_video_or_an_error_of_a_full_queue(
    small: Studio, tmp_path: Path
):
    small.engine.frames, small.engine.pause = 12, 0.03
    videos: list[tuple[int, Path]] = []
    refused: list[str] = []

    def visit(number: int) -> None:
        level = 40 + 20 * number
        mine = tmp_path / str(number)
        mine.mkdir()
        photo = grey_photo(mine, level)
        client = Client(small.url, verbose=False, download_files=mine)
        for seed in range(JOBS):
            try:
                video, _ = client.predict(
                    portrait=handle_file(photo),
                    text="Hello.",
                    seed=seed,
                    consent=True,
                    api_name=API,
                )
                videos.append((level, Path(video["video"] if isinstance(video, dict) else video)))
            except Exception as error:
                refused.append(str(error))

    visitors = [threading.Thread(target=visit, args=(i,)) for i in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()

    assert len(videos) + len(refused) == VISITORS * JOBS
    assert len(videos) >= VISITORS
    assert refused and all(BUSY in message.lower() for message in refused), refused
    for level, video in videos:
        frame = next(iter(read_video(video)))
        assert abs(float(frame.mean()) - level) < 4  # the video of one's own photo
    assert not small.engine.running
    assert len(small.folders()) == len(videos)
    assert not list(small.cache.rglob(".gaia-*"))


def test_a_program_that_dies_holds_nobody_up(small: Studio, tmp_path: Path):
    small.engine.frames, small.engine.pause = 150, 0.02
    photo = grey_photo(tmp_path, 120)
    program = (
        "import sys\n"
        "from gradio_client import Client, handle_file\n"
        "client = Client(sys.argv[1], verbose=False)\n"
        "photo = handle_file(sys.argv[2])\n"
        f"client.predict(portrait=photo, text='Hello.', consent=True, api_name={API!r})\n"
    )
    dying = subprocess.Popen([sys.executable, "-c", program, small.url, str(photo)])
    try:
        assert until(lambda: small.engine.running == 1)
    finally:
        dying.kill()
        dying.wait()
    client = Client(small.url, verbose=False, download_files=tmp_path)
    assert client.predict(portrait=handle_file(photo), text="Hello.", consent=True, api_name=API)
    assert not small.engine.running


def test_an_encoder_that_is_killed_spoils_one_take(small: Studio, tmp_path: Path):
    small.engine.frames, small.engine.pause = 400, 0.02
    client = Client(small.url, verbose=False, download_files=tmp_path)
    photo = handle_file(grey_photo(tmp_path, 120))
    job = client.submit(portrait=photo, text="Hello.", consent=True, api_name=API)

    def encoders() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if "ffmpeg" in child.name()]

    assert until(lambda: bool(encoders()))
    for encoder in encoders():
        encoder.kill()
    with pytest.raises(Exception, match="Something went wrong on our side"):
        job.result()
    assert until(lambda: not small.folders())
    small.engine.frames = 5
    assert client.predict(portrait=photo, text="Hello.", consent=True, api_name=API)
