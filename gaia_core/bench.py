"""Speed and memory of the shipped model on this machine, printed by `gaia bench`.

The input is an example portrait and a sentence of the offline voice.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.assets import EXAMPLES
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio, write_audio
from gaia_core.media.ffmpeg import run_ffmpeg, untrusted
from gaia_core.media.image import read_image
from gaia_core.media.playback import Playback
from gaia_core.media.video import VideoWriter, read_video
from gaia_core.motion.live import DELAY
from gaia_core.motion.performer import WINDOW
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import Gaia
from gaia_core.portrait.face import crop_around
from gaia_core.portrait.tracking import DRIVING_SIDE, CameraFrame, track_face
from gaia_core.render import PortraitRenderer
from gaia_core.request import Preview, Progress, Request, Result
from gaia_core.speech.synthesis import synthesise
from gaia_core.speech.voices import OFFLINE_VOICE

PORTRAIT = EXAMPLES / "portraits" / "astronaut.png"
TEXT = (
    "This sentence is spoken by the voice that needs no network, and it goes on for as long as "
    "the measurement asks, so that every machine hears the very same words in the same order. "
)
PHOTO_SIDE = 1024
PHOTO_50 = (8192, 6144)  # px
CROP_SIDE = 256
CHUNK = SAMPLE_RATE // 50  # samples that come from a microphone at once, a packet of Opus
BATCHES = (1, 2, 4, 8, 25, 32, 64)  # on CUDA
MATRIX = 2048  # side of the matrices whose product measures the machine's peak rate
SHORTEST, LONGEST = 1.0, 3600.0  # seconds of speech
ROUNDS = 3  # the fastest counts


@dataclass(frozen=True)
class Peer:
    """Published speed of another model: seconds of work per second of video, and the source."""

    name: str
    parameters: str
    seconds: str
    source: str


# As stated by the models' authors; Hallo's speed by Teller's.
PEERS = (
    Peer(
        "GAIA (He et al.)",
        "80 M, 700 M or 1.7 B, and 180 M, 600 M or 1.2 B",
        "",
        "arXiv 2311.15230, scaling tables; about 2 B together",
    ),
    Peer(
        "LivePortrait (video-driven)",
        "130.1 M (0.84 + 28.12 + 55.37 + 45.53 + 0.23)",
        "0.37 (14.8 ms a frame at 25 a second, RTX 4090)",
        "github.com/KwaiVGI/LivePortrait, assets/docs/speed.md",
    ),
    Peer("Teller", "", "0.92", "arXiv 2503.18429, abstract"),
    Peer("Hallo", "", "20.93", "arXiv 2503.18429, abstract"),
)


def run(weights: Path, seconds: float) -> dict[str, Any]:
    """Times loading, two videos (the 256 px crop, a whole photo of 1024 px), and live speech.

    Returns:
        rtf_256, rtf_1024 (seconds of work per second of video), load_s, first_preview_s,
        peak_rss_mb, `stages_256`, `stages_1024` with the seconds of each stage, and what `parts`,
        `live`, `voice`, `mirror` and `uploads` return; on CUDA what `on_gpu` does, as `launched`
        and, with graphs of the networks, as `captured`.
    """
    began = time.perf_counter()
    gaia = Gaia.load(weights)
    report: dict[str, Any] = {"load_s": time.perf_counter() - began, "seconds": seconds}
    with tempfile.TemporaryDirectory(prefix="gaia-") as folder:
        speech, photo = Path(folder, "speech.wav"), Path(folder, "photo.png")
        _write_speech(speech, seconds)
        image = read_image(PORTRAIT)
        large = cv2.resize(image, (PHOTO_SIDE, PHOTO_SIDE), interpolation=cv2.INTER_CUBIC)
        Image.fromarray(large).save(photo)
        for name, portrait, size in (("256", PORTRAIT, "256"), ("1024", photo, "photo")):
            request = Request(portrait=portrait, speech=speech, size=size)
            stages, preview, taken = _time(gaia, request, Path(folder, "out.mp4"))
            report[f"rtf_{name}"] = taken / seconds
            report[f"stages_{name}"] = stages
            report.setdefault("first_preview_s", preview)
        report["peak_rss_mb"] = _peak_rss_mb()  # of the videos alone
        waveform = read_audio(speech, LONGEST)
        report |= live(gaia, image, waveform) | voice(gaia, image, waveform) | mirror(gaia, image)
        report |= parts(gaia, large, waveform, Path(folder))
        report |= uploads(gaia, image, Path(folder))
        if gaia.device.type == "cuda":
            report["launched"] = on_gpu(gaia, image, waveform)
            gaia.networks.capture()
            report["captured"] = on_gpu(gaia, image, waveform)
    report["device"] = str(gaia.device)
    report["parameters"] = parameters(gaia)
    return report


def run_live(weights: Path, seconds: float) -> dict[str, Any]:
    """What `run` measures of live speech and the mirror, each for so many seconds."""
    gaia, image = Gaia.load(weights), read_image(PORTRAIT)
    with tempfile.TemporaryDirectory(prefix="gaia-") as folder:
        speech = Path(folder, "speech.wav")
        _write_speech(speech, seconds)
        waveform = read_audio(speech, LONGEST)
    report = {"device": str(gaia.device), "seconds": seconds, **live(gaia, image, waveform)}
    return report | voice(gaia, image, waveform) | mirror(gaia, image, seconds)


def live(gaia: Gaia, photo: np.ndarray, waveform: np.ndarray) -> dict[str, float]:
    """Latency and throughput of live speech at 256 px.

    photo (H, W, 3) uint8; waveform (N,) at 16 kHz, given as fast as it is read.

    Returns:
        live_speech_s (look-ahead of the first frame), live_promised_s (its bound),
        live_delay_s (look-ahead and work), live_fps (frames per second of work; real time is 25).
    """
    given = 0
    began = time.perf_counter()

    def chunks() -> Iterator[np.ndarray]:
        nonlocal given
        for start in range(0, len(waveform), CHUNK):
            given += CHUNK
            yield waveform[start : start + CHUNK]

    frames = gaia.stream(photo, chunks(), size=str(CROP_SIDE))
    next(frames)
    first, needed = time.perf_counter(), given
    count = sum(1 for _ in frames)
    return {
        "live_speech_s": needed / SAMPLE_RATE,
        "live_promised_s": DELAY,
        "live_delay_s": needed / SAMPLE_RATE + first - began,
        "live_fps": count / (time.perf_counter() - first),
    }


def voice(gaia: Gaia, photo: np.ndarray, waveform: np.ndarray) -> dict[str, float]:
    """Live speech at 256 px at the speed of a microphone, shown by a `Playback` as in the studio.

    photo (H, W, 3) uint8; waveform (N,) at 16 kHz. Where the machine does not keep pace, frames are
    dropped.

    Returns:
        voice_fps (pictures a second, once the first is there), voice_p50_ms and voice_p95_ms
        (from the beginning of a frame's sound to its picture), voice_paused (share of the time),
        voice_dropped (share of the frames).
    """
    frames = gaia.stream(photo, (waveform[:0] for _ in range(1)), size=str(CROP_SIDE))
    list(frames)  # warms up
    began = time.perf_counter()

    def microphone() -> Iterator[np.ndarray]:
        given = 0
        while given < len(waveform):
            heard = int((time.perf_counter() - began) * SAMPLE_RATE) // CHUNK * CHUNK
            if heard <= given:
                time.sleep((given + CHUNK) / SAMPLE_RATE - (time.perf_counter() - began))
                continue
            yield waveform[given:heard]
            given = min(heard, len(waveform))

    def clock() -> float:
        return time.perf_counter() - began

    playback, before, pictures = Playback(), None, 0
    shown: dict[int, float] = {}  # when, by frame
    spoken = gaia.stream(photo, microphone(), size=str(CROP_SIDE), clock=clock)
    for index, picture in enumerate(spoken):
        sound = waveform[SAMPLE_RATE * index // FPS : SAMPLE_RATE * (index + 1) // FPS]
        if (due := playback.due(clock(), sound)) is None:
            continue
        shown[index] = due
        pictures += picture is not before
        before = picture
    lasted = max(shown.values()) - min(shown.values()) + 1 / FPS
    delays = [1e3 * (due - index / FPS) for index, due in shown.items()]
    return {
        "voice_fps": pictures / lasted,
        "voice_p50_ms": float(np.median(delays)),
        "voice_p95_ms": float(np.percentile(delays, 95)),
        "voice_paused": max(0.0, 1 - len(shown) / FPS / lasted),
        "voice_dropped": 1 - pictures / (index + 1),
    }


def mirror(gaia: Gaia, photo: np.ndarray, seconds: float = 5.0) -> dict[str, float]:
    """A photo that follows a face, at 256 px; the camera takes 640 x 480 px, 25 times a second.

    photo (H, W, 3) uint8, which also is before the camera, swaying. A frame that is not asked for
    before the next one comes is dropped.

    Returns:
        mirror_fps (frames shown a second), mirror_p50_ms and mirror_p95_ms (from a camera frame to
        the picture), mirror_dropped (share of the camera's frames).
    """
    height, width = photo.shape[:2]
    side = min(height, width)
    square = cv2.resize(photo[:side, (width - side) // 2 :][:, :side], (480, 480))
    still = cv2.copyMakeBorder(square, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    taken: list[float] = []
    began = 0.0

    def camera() -> Iterator[CameraFrame]:
        last = -1
        while (now := time.perf_counter() - began) < seconds:
            newest = int(now * FPS)
            if newest == last:
                time.sleep((newest + 1) / FPS - now)
                newest += 1
            last = newest
            taken.append(began + newest / FPS)
            sway = round(20 * np.sin(2 * np.pi * newest / FPS / 2))
            yield CameraFrame(np.roll(still, sway, 1), newest / FPS)

    shown = gaia.mirror(photo, camera(), size=str(CROP_SIDE))
    began = time.perf_counter()
    next(shown)  # encodes the portrait
    began = time.perf_counter()
    done = [time.perf_counter() for _ in shown]
    # Less those that were begun beside the first.
    delays = [now - at for at, now in zip(taken[1:], done, strict=True) if at >= began]
    frames = max(1, round((taken[-1] - began) * FPS) + 1)
    return {
        "mirror_fps": len(delays) / seconds,
        "mirror_p50_ms": 1e3 * float(np.median(delays)),
        "mirror_p95_ms": 1e3 * float(np.percentile(delays, 95)),
        "mirror_dropped": 1 - len(delays) / frames,
    }


def parts(gaia: Gaia, photo: np.ndarray, waveform: np.ndarray, folder: Path) -> dict[str, Any]:
    """Each step of a video separately, the fastest of `ROUNDS`, with its networks' operations.

    Returns:
        `parts`: name, ms (a frame of video), gflop (the same), and gflops, the rate reached;
        `ceiling_gflops`: the rate of a product of large matrices, in fp32 and (on CUDA) bf16.
    """
    encode = _portrait_encoder(gaia, photo)
    small, (composer, large) = encode(), gaia.renderer(photo, Request.face, "photo")
    sample = _sampler(gaia, small, waveform)
    *_, (_, motion) = _without_gradients(sample)
    count, few = motion.shape[1], motion[0, :FPS]
    picture = next(large.render(few))[0]
    cut, frame = next(small.render(few))[0], composer.compose(picture)

    def write(frame: np.ndarray) -> None:
        height, width = frame.shape[:2]
        with VideoWriter(folder / "part.mp4", width, height, None, {}) as writer:
            for _ in range(FPS):
                writer.write(frame)

    jobs: list[tuple[str, Callable[[], object], int]] = [
        ("face", lambda: gaia.landmarker.detect(photo), count),
        ("speech", lambda: gaia.speech_encoder.encode(waveform), count),
        ("motion", sample, count),
        ("appearance", encode, count),
        (f"decode {CROP_SIDE}", lambda: list(small.render(few)), FPS),
        (f"decode {composer.side}", lambda: list(large.render(few)), FPS),
        (f"compose {PHOTO_SIDE}", lambda: composer.compose(picture), 1),
        (f"encode {CROP_SIDE}", partial(write, cut), FPS),
        (f"encode {PHOTO_SIDE}", partial(write, frame), FPS),
    ]
    counted = {
        f"decode {renderer.side}": partial(renderer.decode, few) for renderer in (small, large)
    }
    rows = []
    for name, job, frames in jobs:
        # Of one thread, as operations of others are not counted.
        seconds, work = _fastest(job, gaia.device), _flops(counted.get(name, job))
        row = {"name": name, "ms": 1e3 * seconds / frames, "gflop": work / 1e9 / frames}
        rows.append({**row, "gflops": work / 1e9 / seconds})
    return {"parts": rows, "ceiling_gflops": ceiling(gaia.device)}


def on_gpu(gaia: Gaia, photo: np.ndarray, waveform: np.ndarray) -> dict[str, Any]:
    """Decoding at 256 px by batch size, and sampling of one window.

    photo (H, W, 3) uint8; waveform (N,) at 16 kHz.

    Returns:
        `fps_by_batch` (frames decoded a second for each batch size), `sampling_ms`.
    """
    renderer = _portrait_encoder(gaia, photo)()
    sample = _sampler(gaia, renderer, waveform[: WINDOW * SAMPLE_RATE // FPS])
    *_, (_, motion) = _without_gradients(sample)
    decode = {size: partial(renderer.decode, motion[0, :1].expand(size, -1)) for size in BATCHES}
    return {
        "fps_by_batch": {size: size / _fastest(decode[size], gaia.device) for size in BATCHES},
        "sampling_ms": 1e3 * _fastest(sample, gaia.device),
    }


def _portrait_encoder(gaia: Gaia, photo: np.ndarray) -> Callable[[], PortraitRenderer]:
    """Encodes the crop of a photo (H, W, 3) uint8 at 256 px, with both stages."""
    face = gaia.landmarker.detect(photo)[0]
    crop = crop_around(face.landmarks)
    points = crop.to_crop(face.landmarks)
    return lambda: PortraitRenderer(gaia.networks, crop.extract(photo, CROP_SIDE), points)


def _sampler(
    gaia: Gaia, renderer: PortraitRenderer, waveform: np.ndarray
) -> Callable[[], list[tuple[float, Tensor]]]:
    """Samples the motion of speech (N,) at 16 kHz, with the default settings."""
    features = gaia.speech_encoder.encode(waveform).numpy()
    script = Script(len(features), features, NO_DRIVING, 0, Request.steps, Request.guidance)
    return lambda: list(renderer.performer.perform(script))


def uploads(gaia: Gaia, image: np.ndarray, folder: Path) -> dict[str, float]:
    """Processor time of large uploads, ffmpeg's included.

    image (H, W, 3) uint8 shows one face.

    Returns:
        photo_50_s (until the faces of a photo of 50 megapixels are known, a small one among
        them), drive_720_ms and drive_2160_ms (a frame of a driving video that high, followed, less
        its decoding).
    """
    photo = cv2.resize(cv2.copyMakeBorder(image, 0, 1200, 0, 1800, cv2.BORDER_REPLICATE), PHOTO_50)
    path = folder / "photo.jpg"
    Image.fromarray(photo).save(path)
    report = {"photo_50_s": _processor_time(lambda: gaia.inspect(path))}
    for height in (720, 2160):
        frame = cv2.resize(image, (height, height), interpolation=cv2.INTER_CUBIC)
        side = (height * 16 // 9 - height) // 2
        frame = cv2.copyMakeBorder(frame, 0, 0, side, side, cv2.BORDER_REPLICATE)
        path = folder / f"{height}.mp4"
        with VideoWriter(path, frame.shape[1], height, None, {}) as writer:
            for _ in range(FPS):
                writer.write(frame)
        decoding = _processor_time(
            partial(run_ffmpeg, untrusted(), ["-f", "null", "-"], source=path)
        )
        following = _processor_time(partial(_follow, gaia, path))
        report[f"drive_{height}_ms"] = 1e3 * (following - decoding) / FPS
    return report


def _follow(gaia: Gaia, video: Path) -> None:
    track_face(gaia.landmarker, read_video(video, DRIVING_SIDE))


def ceiling(device: torch.device) -> dict[str, float]:
    """GFLOP/s of a product of two large matrices, by data type."""
    kinds = {"fp32": torch.float32}
    if device.type == "cuda":
        kinds["bf16"] = torch.bfloat16
    found = {}
    for name, kind in kinds.items():
        matrix = torch.rand(MATRIX, MATRIX, device=device, dtype=kind)
        found[name] = 2 * MATRIX**3 / 1e9 / _fastest(partial(torch.mm, matrix, matrix), device)
    return found


def parameters(gaia: Gaia) -> dict[str, float]:
    """Millions of parameters of each network, the speech encoder included."""
    networks: tuple[torch.nn.Module, ...] = (
        gaia.networks.autoencoder,
        gaia.networks.denoiser,
        gaia.speech_encoder,
    )
    return {
        type(network).__name__: sum(p.numel() for p in network.parameters()) / 1e6
        for network in networks
    }


def format_live(report: dict[str, Any]) -> str:
    """The report of `run_live` as text."""
    return "\n".join([f"device             {report['device']}", *_live_lines(report)])


def _live_lines(report: dict[str, Any]) -> list[str]:
    return [
        f"live speech        first frame after {report['live_delay_s']:.2f} s "
        f"({report['live_speech_s']:.2f} s of it speech), {report['live_fps']:.1f} frames a second",
        f"from a microphone  {report['voice_fps']:.1f} frames a second, delay "
        f"{report['voice_p50_ms']:.0f} ms (95 %: {report['voice_p95_ms']:.0f}), "
        f"{report['voice_paused']:.0%} paused, {report['voice_dropped']:.0%} dropped",
        f"mirror             {report['mirror_fps']:.1f} frames a second, delay "
        f"{report['mirror_p50_ms']:.0f} ms (95 %: {report['mirror_p95_ms']:.0f}), "
        f"{report['mirror_dropped']:.0%} dropped",
    ]


def format_table(report: dict[str, Any], peers: bool = False) -> str:
    """The report as text; with `peers`, beside published numbers of other models."""
    lines = [
        f"device             {report['device']}",
        f"load               {report['load_s']:.2f} s",
        f"first preview      {report['first_preview_s']:.2f} s",
        f"peak memory        {report['peak_rss_mb']:.0f} MB",
        f"real-time factor   {report['rtf_256']:.2f} at 256 px, "
        f"{report['rtf_1024']:.2f} for a photo of {PHOTO_SIDE} px",
        *_live_lines(report),
        f"large uploads      photo of 50 megapixels {report['photo_50_s']:.2f} s, driving video "
        f"{report['drive_720_ms']:.0f} ms a frame at 720p, {report['drive_2160_ms']:.0f} at 4K",
        "",
        "stage     s (256)  s (1024)",
    ]
    lines += [
        f"{name:<9} {report['stages_256'][name]:7.2f}  {report['stages_1024'][name]:8.2f}"
        for name in report["stages_256"]
    ]
    lines += ["", "part          ms/frame  GFLOP/frame   GFLOP/s"]
    lines += [
        f"{row['name']:<13} {row['ms']:8.2f}"
        + (f"  {row['gflop']:11.3f}  {row['gflops']:8.0f}" if row["gflop"] else "")
        for row in report["parts"]
    ]
    reached = ", ".join(f"{name} {rate:.0f}" for name, rate in report["ceiling_gflops"].items())
    lines += [f"a product of matrices of {MATRIX} rows reaches {reached} GFLOP/s"]
    if "captured" in report:
        both = [report["launched"], report["captured"]]
        lines += ["", "bf16               launched  captured"]
        lines += ["sampling, ms     " + "".join(f"{each['sampling_ms']:10.1f}" for each in both)]
        lines += [
            f"batches of {size:<3}, /s"
            + "".join(f"{each['fps_by_batch'][size]:10.0f}" for each in both)
            for size in BATCHES
        ]
    return "\n".join(lines + (["", *_peers(report)] if peers else []))


def _peers(report: dict[str, Any]) -> list[str]:
    own = report["parameters"]
    ours = f"{sum(own.values()):.1f} M ({' + '.join(f'{value:.2f}' for value in own.values())})"
    speed = f"{report['rtf_256']:.2f} at 256 px, {report['device']}"
    rows = [
        ("model", "parameters", "s per s of video", "source"),
        ("this one", ours, speed, "measured here, now"),
        *((peer.name, peer.parameters, peer.seconds, peer.source) for peer in PEERS),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]


def _processor_time(job: Callable[[], object]) -> float:
    """Seconds on all cores of a job and its ffmpeg, the least of `ROUNDS` after a warm-up."""

    def now() -> float:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(each.ru_utime + each.ru_stime for each in used)

    found = []
    for _ in range(ROUNDS + 1):
        began = now()
        job()
        found.append(now() - began)
    return min(found[1:])


def _fastest(job: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of `ROUNDS`, after one to warm up."""
    found = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        _without_gradients(job)
        if device.type == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found[1:])


def _flops(job: Callable[[], object]) -> int:
    """Floating-point operations of the networks in a job: products and convolutions."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the counter misses fused kernels
    try:
        with FlopCounterMode(display=False) as counter:
            _without_gradients(job)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops()


@torch.no_grad()
def _without_gradients(job: Callable[[], Any]) -> Any:
    return job()


def _time(gaia: Gaia, request: Request, out: Path) -> tuple[dict[str, float], float, float]:
    """Seconds of each stage, until the first preview, and in all."""
    began = last = time.perf_counter()
    stages: dict[str, float] = {}
    stage, preview = "face", 0.0
    for event in gaia.generate(request, out, max_seconds=LONGEST):
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
    if not SHORTEST <= seconds <= LONGEST:
        raise InputError(
            "The speech is to last {seconds:g} s; choose {least:g} to {most:g} s.",
            seconds=seconds,
            least=SHORTEST,
            most=LONGEST,
        )
    spoken = synthesise(TEXT, OFFLINE_VOICE, network=False)
    count = round(seconds * spoken.sample_rate)
    waveform = np.resize(spoken.waveform, count).astype(np.float32)
    write_audio(path, waveform, spoken.sample_rate)


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
