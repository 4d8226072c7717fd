"""Speed and memory of the shipped model on this machine: what `python -m gaia_core bench` prints.

The take is the studio's own: an example portrait, a sentence of the offline voice.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from gaia_core import media, voice
from gaia_core.pipeline import Gaia
from gaia_core.request import Preview, Progress, Request, Result

EXAMPLES = Path(__file__).parent.parent / "examples"
PORTRAIT = EXAMPLES / "portraits" / "astronaut.png"
TEXT = (
    "This sentence is spoken by the voice that needs no network, and it goes on for as long as "
    "the measurement asks, so that every machine hears the very same words in the same order. "
)
PHOTO_SIDE = 1024


def run(weights: Path, seconds: float) -> dict[str, Any]:
    """Times a load and two takes: the 256 px crop, and a whole photo of 1024 px.

    Returns:
        rtf_256, rtf_1024 (seconds of work per second of video), load_s, first_preview_s,
        peak_rss_mb, and `stages_256`, `stages_1024` with the seconds of each stage.
    """
    began = time.perf_counter()
    gaia = Gaia.load(weights)
    report: dict[str, Any] = {"load_s": time.perf_counter() - began, "seconds": seconds}
    with tempfile.TemporaryDirectory(prefix="gaia-") as folder:
        speech, photo = Path(folder, "speech.wav"), Path(folder, "photo.png")
        _write_speech(speech, seconds)
        image = media.read_image(PORTRAIT)
        large = cv2.resize(image, (PHOTO_SIDE, PHOTO_SIDE), interpolation=cv2.INTER_CUBIC)
        Image.fromarray(large).save(photo)
        for name, portrait, size in (("256", PORTRAIT, "256"), ("1024", photo, "photo")):
            request = Request(portrait=portrait, speech=speech, size=size)
            stages, preview, taken = _time(gaia, request, Path(folder, "out.mp4"))
            report[f"rtf_{name}"] = taken / seconds
            report[f"stages_{name}"] = stages
            report.setdefault("first_preview_s", preview)
    report["device"] = str(gaia.device)
    report["peak_rss_mb"] = _peak_rss_mb()
    return report


def format_table(report: dict[str, Any]) -> str:
    """The report as lines for people."""
    lines = [
        f"device             {report['device']}",
        f"load               {report['load_s']:.2f} s",
        f"first preview      {report['first_preview_s']:.2f} s",
        f"peak memory        {report['peak_rss_mb']:.0f} MB",
        f"real-time factor   {report['rtf_256']:.2f} at 256 px, "
        f"{report['rtf_1024']:.2f} for a photo of {PHOTO_SIDE} px",
        "",
        "stage     s (256)  s (1024)",
    ]
    lines += [
        f"{name:<9} {report['stages_256'][name]:7.2f}  {report['stages_1024'][name]:8.2f}"
        for name in report["stages_256"]
    ]
    return "\n".join(lines)


def _time(gaia: Gaia, request: Request, out: Path) -> tuple[dict[str, float], float, float]:
    """Seconds of each stage, until the first preview, and in all."""
    began = last = time.perf_counter()
    stages: dict[str, float] = {}
    stage, preview = "face", 0.0
    for event in gaia.generate(request, out):
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last
        last = now
        if isinstance(event, Progress):
            stage = event.stage
        elif isinstance(event, Preview):
            preview = preview or now - began
            stage = "frames"
        elif isinstance(event, Result):
            break
    return stages, preview, last - began


def _write_speech(path: Path, seconds: float) -> None:
    spoken = voice.speak(TEXT, voice.OFFLINE_VOICE, network=False)
    count = round(seconds * spoken.sample_rate)
    waveform = np.resize(spoken.waveform, count).astype(np.float32)
    media.write_audio(path, waveform, spoken.sample_rate)


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
