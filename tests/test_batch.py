"""Batches: job files, failures, interruption, and Ray."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from gaia_core import SAMPLE_RATE, batch, checkpoint
from gaia_core.batch import Job, Outcome, format_report, is_done, read_jobs, run
from gaia_core.cli import main
from gaia_core.controls import EXPRESSION
from gaia_core.errors import InputError
from gaia_core.media.audio import write_audio
from gaia_core.media.video import read_recipe
from gaia_core.request import Request
from gaia_core.speech.encoder import FEATURES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo, make_autoencoder, make_denoiser) -> Path:
    """Media, a file of four jobs of which one cannot be made, and small weights."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "media").mkdir()
    Image.fromarray(photo).save(folder / "media" / "portrait.png")
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(folder / "media" / "wall.png")
    sound = 0.3 * np.random.default_rng(0).normal(size=SAMPLE_RATE // 2).clip(-1, 1)
    write_audio(folder / "media" / "speech.wav", sound.astype(np.float32), SAMPLE_RATE)
    fields = {"portrait": "media/portrait.png", "speech": "media/speech.wav"}
    fields |= {"steps": 1, "size": "256"}
    jobs = [
        {**fields, "name": "first", "seed": 1},
        {**fields, "seed": 2},
        {**fields, "portrait": "media/wall.png"},
        {**fields, "name": "last", "seed": 3, "guidance": 1.5},
    ]
    (folder / "jobs.jsonl").write_text("\n".join(json.dumps(job) for job in jobs) + "\n\n")
    checkpoint.save(folder / "weights", make_autoencoder(), {})
    checkpoint.save(folder / "weights", make_denoiser(FEATURES), {})
    width = make_autoencoder().config.motion.width
    checkpoint.save_directions(folder / "weights", torch.ones(len(EXPRESSION), width))
    return folder


@pytest.fixture
def here(gaia, monkeypatch):
    """Jobs are made in this process by small networks; tells their names."""
    made = []

    def make(jobs, weights, workers):
        worker = batch.Worker.__new__(batch.Worker)
        worker.gaia = gaia
        for job in jobs:
            made.append(job.out.stem)
            yield worker.make(job)

    monkeypatch.setattr(batch, "_here", make)
    return made


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.name: outcome.status for outcome in outcomes}


ALL = {"first": "made", "0002": "made", "0003": "failed", "last": "made"}


def test_jobs_are_read_with_paths_as_seen_from_their_file(folder, tmp_path):
    jobs = read_jobs(folder / "jobs.jsonl", tmp_path)
    assert [job.out for job in jobs] == [tmp_path / f"{name}.mp4" for name in ALL]
    last = jobs[-1].request
    assert (last.seed, last.guidance, last.size) == (3, 1.5, "256")
    assert last.portrait.is_file() and last.speech.is_file()


def test_a_job_can_take_a_recipe_and_change_it(folder, tmp_path):
    recipe = read_jobs(folder / "jobs.jsonl", tmp_path)[-1].request.recipe()
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    fields = {"portrait": str(folder / "media" / "portrait.png"), "recipe": "recipe.json"}
    fields |= {"text": "hello", "seed": 9}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(fields))
    (job,) = read_jobs(tmp_path / "jobs.jsonl", tmp_path)
    assert (job.request.seed, job.request.guidance, job.request.text) == (9, 1.5, "hello")
    assert job.request.speech is None  # media are not restored


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"portrait": "nobody.png", "text": "a"}, "nobody.png"),
        ({"portrait": "media", "text": "a"}, "media is a folder; give a JPEG or PNG photo"),
        ({"text": "a"}, "portrait"),
        ({"portrait": "media/portrait.png"}, "Give a speech recording"),
        ({"portrait": "media/portrait.png", "text": "a", "colour": 1}, "colour"),
        ({"portrait": "media/portrait.png", "text": "a", "seed": "x"}, "seed"),
        ({"portrait": "media/portrait.png", "text": "a", "recipe": "no.json"}, "no.json"),
        ({"portrait": "media/portrait.png", "recipe": None}, "Give a speech recording"),
    ],
)
def test_a_bad_job_fails_alone(folder, tmp_path, fields, named):
    path = folder / "bad.jsonl"
    path.write_text(json.dumps(fields))
    (outcome,) = read_jobs(path, tmp_path)
    assert isinstance(outcome, Outcome) and outcome.status == "failed" and named in outcome.error


@pytest.mark.parametrize(
    "text",
    [
        *("nonsense", "[1]", '{"a":' * 20_000),
        *('{"name": "../out"}', '{"name": ""}', f'{{"name": "{"a" * 300}"}}'),
        '{"name": "a"}\n{"name": "a"}',
    ],
)
def test_a_bad_file_raises(tmp_path, text):
    path = tmp_path / "jobs.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="Line"):
        read_jobs(path, tmp_path)
    with pytest.raises(InputError, match="JSON object a line"):
        read_jobs(tmp_path / "none.jsonl", tmp_path)
    path.write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        read_jobs(path, tmp_path)


def test_finished_jobs_are_skipped_and_changed_ones_run_again(here, folder, tmp_path, capsys):
    command = ["batch", str(folder / "jobs.jsonl"), "--out", str(tmp_path)]
    assert main(command) == 1
    output = capsys.readouterr()
    assert "3 made, 0 skipped, 1 failed" in output.out and "0003: " in output.out
    assert "1 of 4 jobs failed" in output.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert {row["name"]: row["status"] for row in report} == ALL
    assert all(row["frames"] == 12 for row in report if row["status"] == "made")
    (tmp_path / "last.mp4").unlink()
    (tmp_path / ".gaia-left").mkdir()
    del here[:]
    jobs = read_jobs(folder / "jobs.jsonl", tmp_path)
    changed = read_jobs(folder / "jobs.jsonl", tmp_path)[0].request
    jobs[0] = Job(type(changed)(**{**vars(changed), "seed": 8}), jobs[0].out)
    found = statuses(list(run(jobs, tmp_path, folder / "weights")))
    assert found == {**ALL, "0002": "skipped"} and here == ["first", "0003", "last"]
    assert read_recipe(tmp_path / "first.mp4")["seed"] == 8
    assert not list(tmp_path.glob(".gaia-*"))


def test_a_job_for_which_the_offline_voice_spoke_is_done(folder, tmp_path, monkeypatch):
    portrait = folder / "media" / "portrait.png"
    job = Job(Request(portrait, text="Hello.", voice="en-GB-RyanNeural"), tmp_path / "a.mp4")
    job.out.touch()
    for voice, done in (("en-GB-RyanNeural", True), ("hibari-us-male", True), ("", False)):
        made = job.request.recipe() | {"voice": voice}
        monkeypatch.setattr(batch, "read_recipe", lambda video, made=made: made)
        assert is_done(job) == done


def test_a_file_that_is_no_video_is_not_done(folder, tmp_path):
    job = read_jobs(folder / "jobs.jsonl", tmp_path)[0]
    assert not is_done(job)
    job.out.write_bytes(b"half a video")
    assert not is_done(job)


def test_a_killed_batch_resumes(folder, tmp_path):
    command = [sys.executable, "-m", "gaia_core", "batch", str(folder / "jobs.jsonl")]
    command += ["--out", str(tmp_path), "--workers", "1", "--weights", str(folder / "weights")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 300
        while not (tmp_path / "first.mp4").exists():
            assert killed.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        children = psutil.Process(killed.pid).children(recursive=True)
        killed.send_signal(signal.SIGKILL)
    assert children
    assert not psutil.wait_procs(children, timeout=60)[1], "processes were left behind"
    done = subprocess.run(command[:-4] + command[-2:], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stderr
    report = {
        row["name"]: row["status"] for row in json.loads((tmp_path / "report.json").read_text())
    }
    assert report["first"] == "skipped" and report["last"] in ("made", "skipped")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0002.mp4",
        "first.mp4",
        "last.mp4",
        "report.json",
    ]


def test_ray_gives_the_same_videos(folder, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        logging_level="error",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path))}},
    )
    try:
        jobs = read_jobs(folder / "jobs.jsonl", tmp_path)
        found = list(run(jobs, tmp_path, folder / "weights", workers=2, ray=True))
    finally:
        ray.shutdown()
    assert statuses(found) == ALL
    assert all(
        is_done(job) for job, status in zip(jobs, ALL.values(), strict=True) if status == "made"
    )


def test_missing_ray_raises(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    jobs = read_jobs(folder / "jobs.jsonl", tmp_path)
    with pytest.raises(InputError, match="the extra ray"):
        list(run(jobs, tmp_path, folder / "weights", ray=True))


def test_the_report_counts():
    made = Outcome("a", "made", 50, 10.0, ("Another voice spoke.",))
    outcomes = [made, Outcome("b", "failed", error="No face.")]
    assert format_report(outcomes).splitlines() == [
        "1 made, 0 skipped, 1 failed",
        "50 frames in 10 s of work, 5.0 a second",
        "a: Another voice spoke.",
        "b: No face.",
    ]
