"""Visitors without pause: the real studio on the CPU, asked for short takes by eight at once.

Each visitor has a photo in a colour of their own, and asks again as soon as a take is there or the
queue is full. Fails if a job ends in anything but one's own video or the sentence that the queue is
full, or if something is left behind. Not part of `make test`; see docs/bench.md.

    python tests/load.py --minutes 10 [--visitors 8] [--places 4] [--json FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
import numpy as np
import psutil
from gradio_client import Client, handle_file
from PIL import Image

from gaia_core.media.image import read_image
from gaia_core.media.video import read_recipe, read_video
from gaia_core.speech.voices import OFFLINE_VOICE

ROOT = Path(__file__).resolve().parents[1]
PORTRAIT = ROOT / "examples" / "portraits" / "astronaut.png"
# As `python app.py`, but for fewer places in the queue: eight visitors never fill the usual ones.
SERVE = """
import runpy
from ui import studio
studio.QUEUE = {places}
runpy.run_path("app.py", run_name="__main__")
"""
WORDS = ("Hello.", "Good day.", "Well, yes.")
BUSY = "queue is full"
# A visitor's share of the photo's red, green and blue: eight corners of a cube.
TINTS = tuple(itertools.product((1.0, 0.6), repeat=3))
PAUSE = 1.0  # s before one who was turned away asks again
STARTS, JOB = 300.0, 600.0  # s that a start and a job may take on a busy machine


@dataclass(frozen=True)
class State:
    """What the server holds: megabytes, files in its cache, and handles of files and sockets."""

    rss_mb: float
    files: int
    handles: int


@dataclass
class Tally:
    """What became of the jobs; `wrong` is what must not be."""

    done: Counter[int] = field(default_factory=Counter)  # by visitor
    busy: int = 0
    seconds: list[float] = field(default_factory=list)  # of the jobs that were done
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--visitors", type=int, default=8, choices=range(1, len(TINTS) + 1))
    parser.add_argument("--places", type=int, default=4, help="in the queue")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gaia-load-") as name:
        folder = Path(name)
        cache = folder / "cache"
        cache.mkdir()
        with served(cache, folder / "log.txt", options.places) as (url, server):
            plain = first_colour(ask(Client(url, verbose=False, download_files=folder), PORTRAIT))
            start = state(server, cache)
            tally, most = Tally(), start.rss_mb
            end = time.monotonic() + 60 * options.minutes
            visitors = [
                threading.Thread(target=visit, args=(number, url, folder, plain, end, tally))
                for number in range(options.visitors)
            ]
            for visitor in visitors:
                visitor.start()
            while any(visitor.is_alive() for visitor in visitors):
                most = max(most, state(server, cache).rss_mb)
                time.sleep(2)
            over = state(server, cache)
            tally.wrong += left_behind(server, cache, 1 + tally.done.total())
        log = (folder / "log.txt").read_text("utf-8", "replace")
        tally.wrong += [f"the server's log holds: {log[-2000:]}"] if "Traceback" in log else []
    report = {
        "minutes": options.minutes,
        "visitors": options.visitors,
        "places": options.places,
        "done": tally.done.total(),
        "done_of_each": [tally.done[number] for number in range(options.visitors)],
        "busy": tally.busy,
        "median_seconds": round(float(np.median(tally.seconds)), 1) if tally.seconds else None,
        "start": asdict(start),
        "most_rss_mb": most,
        "end": asdict(over),
        "wrong": tally.wrong,
    }
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 1 if tally.wrong or not tally.done else 0


@contextmanager
def served(cache: Path, log: Path, places: int) -> Iterator[tuple[str, psutil.Process]]:
    """A studio of its own process; its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(cache), "TMPDIR": str(cache)}
    own["GRADIO_ANALYTICS_ENABLED"] = "False"
    url = f"http://127.0.0.1:{port}/"
    with open(log, "wb") as output:
        server = psutil.Popen(
            [sys.executable, "-c", SERVE.format(places=places)],
            cwd=ROOT,
            env=os.environ | own,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + STARTS
        while not answers(url):
            if server.poll() is not None or time.monotonic() > end:
                sys.exit(f"The studio did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(1)
        yield url, server
    finally:
        server.terminate()
        try:
            server.wait(30)
        except psutil.TimeoutExpired:
            server.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def visit(number: int, url: str, folder: Path, plain: np.ndarray, end: float, tally: Tally) -> None:
    """Asks for one take after the other until the time is over."""
    mine = folder / f"visitor {number}"
    mine.mkdir()
    photo = mine / "photo.png"
    tint = np.array(TINTS[number])
    Image.fromarray((read_image(PORTRAIT) * tint).astype(np.uint8)).save(photo)
    hash_of_photo = sha256(photo.read_bytes()).hexdigest()
    try:
        client = Client(url, verbose=False, download_files=mine)
        for index in itertools.count():
            if time.monotonic() > end:
                return
            seed, text = 1000 * number + index, WORDS[index % len(WORDS)]
            began = time.monotonic()
            try:
                video = ask(client, photo, seed, text)
            except Exception as error:
                if BUSY not in str(error).lower():
                    tally.wrong.append(f"visitor {number} was told: {type(error).__name__} {error}")
                else:
                    tally.busy += 1
                time.sleep(PAUSE)
                continue
            tally.done[number] += 1
            tally.seconds.append(time.monotonic() - began)
            recipe = read_recipe(video)
            got = (recipe["portrait"], recipe["seed"], recipe["text"])
            shown = TINTS[int(np.abs(TINTS - first_colour(video) / plain).sum(1).argmin())]
            if got != (hash_of_photo, seed, text) or shown != TINTS[number]:
                tally.wrong.append(f"visitor {number} got another's video: {got}, {shown}")
            video.unlink()
    except Exception as error:
        tally.wrong.append(f"visitor {number} was lost: {type(error).__name__} {error}")


def ask(client: Client, photo: Path, seed: int = 0, text: str = "Hello.") -> Path:
    """One short take; the downloaded video."""
    job = client.submit(
        portrait=handle_file(photo),
        text=text,
        voice=OFFLINE_VOICE,
        seed=seed,
        steps=4,
        consent=True,
        api_name="/speech_driven",
    )
    video, _ = job.result(timeout=JOB)
    return Path(video["video"] if isinstance(video, dict) else video)


def first_colour(video: Path) -> np.ndarray:
    """Mean red, green and blue of the first frame."""
    frames = read_video(video)
    colour = next(frames).mean((0, 1))
    frames.close()  # type: ignore[attr-defined]
    return np.asarray(colour)


def state(server: psutil.Process, cache: Path) -> State:
    files = sum(len(names) for _, _, names in os.walk(cache))
    return State(round(server.memory_info().rss / 1e6, 1), files, server.num_fds())


def left_behind(server: psutil.Process, cache: Path, takes: int) -> list[str]:
    """What a studio without visitors should not hold."""
    time.sleep(2)  # the last take's folder of work goes after its video
    found = [f"{path.name} is left" for path in cache.rglob("*gaia-*") if path.is_dir()]
    found += [f"{child.name()} still runs" for child in server.children(recursive=True)]
    kept = len(list((cache / "takes").iterdir()))
    return found + ([f"{kept} takes are kept of {takes}"] if kept != takes else [])


if __name__ == "__main__":
    sys.exit(main())
