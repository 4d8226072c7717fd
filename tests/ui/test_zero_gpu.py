"""ZeroGPU: the decorated run, the requested seconds, and the CPU without a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import spaces
from PIL import Image

from gaia_core import running_time
from gaia_core.controls import PRESETS
from gaia_core.errors import Message
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.portrait.tracking import CameraFrame
from gaia_core.render import ON_CPU, NoGpu, Plan, Step
from gaia_core.request import Request, Result, Span
from ui.run import zero_gpu

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent


def plan(frames: int = 250, side: int = 256, steps: int = 10, spans: tuple = ()) -> Plan:
    script = Script(frames, np.zeros((0, 3), np.float32), NO_DRIVING, 0, steps, 2.0, spans=spans)
    return Plan(np.zeros((side, side, 3), np.uint8), np.zeros((478, 3), np.float32), script)


@pytest.mark.parametrize("service", ["grants", "refuses"])
def test_the_decorated_path(service: str):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("zero_gpu.py")), service],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    if service == "grants":
        assert report["came"] == ["Step", "SampledMotion", "ndarray"] and report["elsewhere"]
    else:
        assert report["came"] == [] and report["refusal"] == ON_CPU
    assert report["requested"] == [zero_gpu.duration(plan())]


def test_where_gpus_are_not_lent_nothing_is_wrapped():
    def render(plan: Plan) -> Iterator[Step]:
        yield Step(1.0)

    assert zero_gpu.on_zero_gpu(render) is render


def test_other_errors_are_not_taken_for_refusals(monkeypatch):
    def broken(began: bool, title: str):
        def run(plan: Plan) -> Iterator[Step]:
            if began:
                yield Step(0.5)
            raise gr.Error("refused", title=title)

        monkeypatch.setattr(spaces, "GPU", lambda duration: lambda render: run)
        return zero_gpu.on_zero_gpu(lambda plan: iter(()))(plan())

    with pytest.raises(NoGpu):
        list(broken(False, "ZeroGPU quota exceeded"))
    with pytest.raises(gr.Error):
        list(broken(False, "Error"))
    with pytest.raises(gr.Error):  # half a take cannot be continued on the CPU
        list(broken(True, "ZeroGPU worker error"))


def test_more_work_asks_for_more_seconds():
    base = zero_gpu.duration(plan())
    assert base < zero_gpu.duration(plan(side=512)) < zero_gpu.duration(plan(side=1024))
    assert base < zero_gpu.duration(plan(frames=500))
    assert base < zero_gpu.duration(plan(steps=100))
    assert base < zero_gpu.duration(plan(steps=100, spans=(Span(0, 9, 1),)))
    assert running_time.seconds(250, (), 16, 256, "cpu") == pytest.approx(8.9, rel=0.1)


def test_a_refused_take_is_made_on_the_cpu_and_says_so(gaia: Gaia, photo, tmp_path, monkeypatch):
    def refuse(plan: Plan) -> Iterator[Step]:
        raise NoGpu(Message("There was no GPU."))
        yield

    Image.fromarray(photo).save(tmp_path / "photo.png")
    monkeypatch.setattr(gaia, "_on_cpu", lambda: gaia.networks)
    monkeypatch.setattr(gaia, "_render", refuse)
    settings = {"seconds": 0.5, "steps": 1, "size": "256", "controls": PRESETS["nod"](0.5)}
    request = Request(tmp_path / "photo.png", **settings)
    *_, last = gaia.generate(request, tmp_path / "out.mp4")
    assert isinstance(last, Result) and last.frames in (12, 13)
    assert "There was no GPU." in last.notices


def test_what_is_live_runs_on_the_cpu_where_gpus_are_lent(gaia: Gaia, photo, monkeypatch):
    def refuse(plan: Plan) -> Iterator[Step]:
        raise NoGpu(Message("There was no GPU."))
        yield

    copies = []
    lent = Gaia(gaia.networks, gaia.speech_encoder, gpu=lambda render: refuse)
    for engine in (gaia, lent):
        monkeypatch.setattr(engine, "_on_cpu", lambda: copies.append(1) or gaia.networks)
        (frame,) = engine.mirror(photo, [CameraFrame(photo, 0.0)])
        assert frame.shape == (256, 256, 3)
        assert len(copies) == (engine is lent)
    lent.landmarker.close()
