"""Batch generation in several processes, on this machine or on a Ray cluster.

A job is done if its video exists and has the job's recipe. No other state is kept, so that an
interrupted batch resumes when it is started again.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaia_core import MAX_RECORDING
from gaia_core.errors import InputError
from gaia_core.media.ffmpeg import WANTED, check_file
from gaia_core.media.video import read_recipe
from gaia_core.request import MEDIA, RECIPE_VERSION, Request, Result, parse_json
from gaia_core.speech.voices import find_voice

if TYPE_CHECKING:
    from gaia_core.pipeline import Gaia

REPORT = "report.json"
MAX_NAME = 200  # bytes of a video's name; a file system allows 255, with what is put about it


@dataclass(frozen=True)
class Job:
    """A request and the path of its mp4."""

    request: Request
    out: Path


@dataclass(frozen=True)
class Outcome:
    """The result of a job: `status` is made, skipped (it existed) or failed."""

    name: str
    status: str
    frames: int = 0
    seconds: float = 0.0  # that it took
    notices: tuple[str, ...] = ()
    error: str = ""


def read_jobs(path: Path, out: Path) -> list[Job | Outcome]:
    """The jobs of a JSONL file, with invalid ones as failed outcomes.

    A line is an object with `portrait`, `speech` and `drive` (paths as seen from the file) and any
    field of a recipe; `recipe` may name a file with the others, and `name` the video.

    Raises:
        InputError: no such file, no line, a line without an object, or two videos of one name.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "{path} cannot be read; give a file with a JSON object a line.", path=path
        ) from error
    jobs: list[Job | Outcome] = []
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = parse_json(line)
            name = str(fields.pop("name", f"{number:04d}"))
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError(
                "Line {number} of {name} is not a JSON object.", number=number, name=path.name
            ) from error
        if name in names or not names_a_file(name):
            raise InputError(
                "Line {number} of {file}: choose another name than {name!r}.",
                number=number,
                file=path.name,
                name=name,
            )
        names.add(name)
        try:
            jobs.append(Job(read_request(fields, path.parent), out / f"{name}.mp4"))
        except InputError as error:
            jobs.append(Outcome(name, "failed", error=str(error)))
    if not jobs:
        raise InputError("{path} is empty; give a file with a JSON object a line.", path=path)
    return jobs


def names_a_file(name: str) -> bool:
    """Whether files can have that name: it names no folder, and is not too long."""
    size = len(name.encode("utf-8", "replace"))
    return Path(name).name == name and 0 < size <= MAX_NAME


def read_request(fields: dict[str, Any], folder: Path) -> Request:
    """The checked request of a job's fields, with paths as seen from a folder.

    Raises:
        InputError: a file is missing, or a field is unknown or invalid.
    """
    found: dict[str, Path | None] = dict.fromkeys(MEDIA)
    for name in MEDIA:
        if fields.get(name) is not None:
            found[name] = path = folder / str(fields.pop(name))
            check_file(path, WANTED[name])
    portrait = found.pop("portrait")
    if portrait is None:
        raise InputError("There is no portrait; give the path of a photo with a face.")
    base: dict[str, Any] = {}
    if (source := fields.pop("recipe", None)) is not None:
        base = read_recipe(folder / str(source))
    recipe = {"gaia_recipe": RECIPE_VERSION, **base, **fields}
    return Request.from_recipe(recipe, portrait, found["speech"], found["drive"]).check()


def is_done(job: Job) -> bool:
    """Whether the video exists and has the request's recipe."""
    if not job.out.is_file():
        return False
    try:
        made, wanted = read_recipe(job.out), json.loads(json.dumps(job.request.recipe()))
        # The offline voice may have spoken instead, which the recipe tells.
        return made == wanted or made == wanted | {"voice": find_voice(wanted["voice"]).stand_in}
    except InputError:
        return False


def run(
    jobs: Sequence[Job | Outcome],
    out: Path,
    weights: Path,
    workers: int | None = None,
    ray: bool = False,
) -> Iterator[Outcome]:
    """Runs the jobs that are not done; yields each outcome, and writes `REPORT` to `out`.

    Args:
        jobs: as `read_jobs` returns them.
        out: folder of the videos.
        workers: processes; by default one for two cores, or for each GPU of the Ray cluster.
        ray: whether to work on the Ray cluster that RAY_ADDRESS names, or a local one. All its
            machines must see the files under the same paths.

    Raises:
        InputError: `ray` is true, but Ray is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".gaia-*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    outcomes: list[Outcome] = []
    todo: list[Job] = []
    try:
        for job in jobs:
            if isinstance(job, Job) and not is_done(job):
                todo.append(job)
                continue
            outcomes.append(Outcome(job.out.stem, "skipped") if isinstance(job, Job) else job)
            yield outcomes[-1]
        for outcome in (_on_ray if ray else _here)(todo, weights, workers) if todo else ():
            outcomes.append(outcome)
            yield outcome
    finally:
        report = [asdict(outcome) for outcome in sorted(outcomes, key=lambda one: one.name)]
        (out / REPORT).write_text(json.dumps(report, indent=1) + "\n", "utf-8")


class Worker:
    """A loaded pipeline that runs jobs one after the other."""

    def __init__(self, weights: Path, threads: int | None = None) -> None:
        import torch

        from gaia_core.pipeline import Gaia

        if threads is not None:
            torch.set_num_threads(threads)
        self.gaia: Gaia = Gaia.load(weights)

    def make(self, job: Job) -> Outcome:
        """Runs a job; any error makes it a failed outcome."""
        began = time.monotonic()
        try:
            for event in self.gaia.generate(job.request, job.out, max_seconds=MAX_RECORDING):
                if isinstance(event, Result):
                    result = event
        except Exception as error:
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            return Outcome(job.out.stem, "failed", error=f"{kind}{error}")
        seconds = round(time.monotonic() - began, 2)
        return Outcome(job.out.stem, "made", result.frames, seconds, result.notices)


_worker: Worker | None = None  # of a process of the pool


def _here(jobs: list[Job], weights: Path, workers: int | None) -> Iterator[Outcome]:
    cores = os.cpu_count() or 1
    workers = min(workers or max(1, cores // 2), len(jobs))
    # Spawned, not forked: neither CUDA nor MediaPipe's threads survive a fork.
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), _start, (weights, max(1, cores // workers))
    )
    try:
        futures = {pool.submit(_make, job): job for job in jobs}
        for future in as_completed(futures):
            try:
                yield future.result()
            except BrokenProcessPool:
                name = futures[future].out.stem
                yield Outcome(name, "failed", error="A process was stopped; run the batch again.")
    finally:
        pool.shutdown(cancel_futures=True)


def _start(weights: Path, threads: int) -> None:
    global _worker
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = Worker(weights, threads)


def _end_with_parent() -> None:
    """Ends this process with its parent, or it would write into the next batch's folder."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _make(job: Job) -> Outcome:
    assert _worker is not None
    return _worker.make(job)


def _on_ray(jobs: list[Job], weights: Path, workers: int | None) -> Iterator[Outcome]:
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise InputError(
            "Ray is not installed; install the extra ray or leave --ray out."
        ) from error
    with _cluster(ray, workers):
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0))
        count = min(workers or gpus or max(1, int(found.get("CPU", 1)) // 2), len(jobs))
        share = min(1.0, gpus / count)
        actor = ray.remote(num_cpus=1, num_gpus=share)(Worker)
        pool = ActorPool([actor.remote(weights) for _ in range(count)])
        yield from pool.map_unordered(lambda worker, job: worker.make.remote(job), jobs)


@contextmanager
def _cluster(ray: Any, workers: int | None) -> Iterator[None]:
    """The existing cluster, or a local one for the time of the batch."""
    if ray.is_initialized():
        yield
        return
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level="error")
    else:
        ray.init(num_cpus=workers, include_dashboard=False, logging_level="error")
    try:
        yield
    finally:
        ray.shutdown()


def format_report(outcomes: Sequence[Outcome]) -> str:
    """Counts, the total time, and a line for each notice and each failed job."""
    counts = {status: 0 for status in ("made", "skipped", "failed")}
    for outcome in outcomes:
        counts[outcome.status] += 1
    frames, seconds = (
        sum(getattr(one, name) for one in outcomes) for name in ("frames", "seconds")
    )
    lines = [", ".join(f"{count} {status}" for status, count in counts.items())]
    if seconds:
        lines.append(f"{frames} frames in {seconds:.0f} s of work, {frames / seconds:.1f} a second")
    lines += [f"{one.name}: {notice}" for one in outcomes for notice in one.notices]
    lines += [f"{one.name}: {one.error}" for one in outcomes if one.status == "failed"]
    return "\n".join(lines)
