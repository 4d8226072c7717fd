"""The part that runs on a GPU, allocated by ZeroGPU or local: a plan to motion and frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Barrier, Lock
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from gaia_core import checkpoint
from gaia_core.config import MOTION_DEFAULTS, MotionCorrections
from gaia_core.errors import Message
from gaia_core.motion.curves import traces
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.performer import Performer
from gaia_core.motion.script import Script
from gaia_core.renderer.autoencoder import Autoencoder

# Frames of a batch: with more, a processor's allocator maps memory again for each tensor, while a
# GPU waits for launches. And pixels decoded at once, on a processor by all threads together.
FRAMES_PER_BATCH, FRAMES_PER_GPU_BATCH = 2, 32
PIXELS_AT_ONCE, PIXELS_ON_GPU = 8 * 256 * 256, FRAMES_PER_GPU_BATCH * 256 * 256

T = TypeVar("T")
Render = Callable[["Plan"], Generator["Step | SampledMotion | np.ndarray", None, None]]

ON_CPU = Message("No GPU was free for this visit, so the video was made on the CPU.")


class NoGpu(Exception):
    """Raised by a wrapper of `Networks.render` where no GPU can be allocated.

    The video is then rendered on the CPU, and its result carries `message` as a notice.
    """

    def __init__(self, message: Message = ON_CPU) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Plan:
    """The input of `Networks.render`; plain arrays, so that it can be pickled.

    Attributes:
        portrait: (S, S, 3) uint8, the crop at the resolution of rendering.
        landmarks: (K, 3) float32 in crop units.
        script: the input of stage 2.
        edge_mask: see `Composer.edge_mask`.
    """

    portrait: np.ndarray
    landmarks: np.ndarray
    script: Script
    edge_mask: np.ndarray | None = None


@dataclass(frozen=True)
class Step:
    """The fraction of the motion that has been sampled."""

    fraction: float


@dataclass(frozen=True)
class SampledMotion:
    """The motion latents of a clip, (T, D) float32, and their curves, see `curves.traces`."""

    motion: np.ndarray
    traces: dict[str, np.ndarray]


class Networks:
    """Both stages and the expression directions of the latent."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        denoiser: Denoiser,
        directions: Tensor,
        corrections: MotionCorrections = MOTION_DEFAULTS,
    ) -> None:
        """directions (C, D): latent changes of `controls.EXPRESSION`."""
        self.autoencoder, self.denoiser, self.directions = autoencoder, denoiser, directions
        self.corrections = corrections

    @classmethod
    def load(cls, weights: Path, device: str, without: Collection[str] = ()) -> Networks:
        """Loads both stages from a folder of weights.

        without: names of corrections to switch off.

        Raises:
            InputError: weights are missing or damaged, or there is no such correction.
        """
        corrections, _ = checkpoint.load_corrections(weights, without)
        autoencoder = checkpoint.load_autoencoder(weights, without)
        denoiser = checkpoint.load_denoiser(weights, autoencoder.config.motion)
        directions = checkpoint.load_directions(weights, autoencoder.config.motion)
        # Convolutions run faster with channels last, on CPU and CUDA.
        autoencoder.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(autoencoder, denoiser.to(device), directions, corrections)

    @property
    def device(self) -> torch.device:
        """The networks' device."""
        return self.denoiser.spread.device

    def capture(self, backend: str | Callable[..., Any] = "cudagraphs") -> None:
        """From now on replays both networks as graphs, one for each shape of their input.

        A GPU waits for the launch of each operation of a small batch. Left out are the inpainters,
        which run only where pixels need them.

        backend: of `torch.compile`.
        """
        for network in (self.autoencoder.renderer, self.denoiser):
            network.compile(backend=backend, fullgraph=True, dynamic=False)

    def performer(self, reference: Tensor) -> Performer:
        """Stage 2's inference for a portrait's latent (1, D)."""
        return Performer(
            self.autoencoder.motion,
            self.denoiser,
            self.directions.to(reference),
            reference,
            self.corrections,
        )

    @torch.no_grad()
    def render(self, plan: Plan) -> Generator[Step | SampledMotion | np.ndarray, None, None]:
        """Samples the motion in windows and decodes final frames at once.

        With spans to re-render no frame is final before the last window.

        Yields:
            `Step` after each window, `SampledMotion` after the last, and frames in batches of
            (n, S, S, 3) uint8.
        """
        renderer = PortraitRenderer(self, plan.portrait, plan.landmarks, plan.edge_mask)
        done = 0
        for fraction, motion in renderer.performer.perform(plan.script):
            yield Step(fraction)
            if fraction == 1:
                curves = traces(
                    self.autoencoder.motion, motion[0], renderer.reference[0], self.corrections
                )
                yield SampledMotion(motion[0].cpu().numpy(), curves)
            yield from renderer.render(motion[0, done:])
            done = motion.shape[1]


def single_threaded(count: int) -> ThreadPoolExecutor:
    """Threads that work in parallel, without threads of torch's operations.

    Those wait for each other at every operation: work in parallel is faster, and does not come to a
    stop where another program needs a core.
    """
    started = Barrier(count + 1)

    def start() -> None:
        torch.get_num_threads()  # reads the default, which would be read later and win
        torch.set_num_threads(1)
        started.wait()

    with _starting:
        threads = torch.get_num_threads()
        pool = ThreadPoolExecutor(count, "torch", start)
        for _ in range(count):
            pool.submit(int)
        started.wait()
        torch.set_num_threads(threads)  # the default of all other threads again
    return pool


_starting = Lock()
_decoders = cache(single_threaded)  # of batches


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Computes the next item on a thread of its own while the last one is used."""
    pool = single_threaded(1)
    try:
        upcoming = pool.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = pool.submit(next, items, None)
            yield item
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class PortraitRenderer:
    """A portrait encoded by both stages: renders motion latents, `performer` generates them.

    Attributes:
        at_once: frames that are decoded at once.
    """

    @torch.no_grad()
    def __init__(
        self,
        networks: Networks,
        portrait: np.ndarray,
        landmarks: np.ndarray,
        edge_mask: np.ndarray | None = None,
    ) -> None:
        """portrait (S, S, 3) uint8; landmarks (K, 3) in crop units; see `Composer.edge_mask`."""
        device = networks.device
        self.autoencoder, self.side = networks.autoencoder, portrait.shape[0]
        points = torch.from_numpy(landmarks).to(device)[None]
        self.reference = self.autoencoder.encode_motion(points)
        self.performer = networks.performer(self.reference)
        self._cuda = device.type == "cuda"
        most = (PIXELS_ON_GPU if self._cuda else PIXELS_AT_ONCE) // self.side**2
        self._threads = 1 if self._cuda or most < 2 else torch.get_num_threads()
        batch = FRAMES_PER_GPU_BATCH if self._cuda else FRAMES_PER_BATCH
        self.at_once = max(1, min(self._threads * batch, most))
        self._batch = max(1, self.at_once // self._threads)
        pixels = torch.from_numpy(portrait).to(device).permute(2, 0, 1)[None].float() / 255
        with self._half():
            self.appearance = self.autoencoder.encode_appearance(pixels, self.reference)
        if edge_mask is not None:
            self.appearance.edge_mask = torch.from_numpy(edge_mask).to(device)[None, None]

    def render(self, motion: Tensor) -> Iterator[np.ndarray]:
        """Latents (T, D) -> frames in batches of (n, S, S, 3) uint8."""
        begun: deque[Future[np.ndarray]] = deque()
        size = min(self._batch, -(-len(motion) // self._threads))  # none idles at the end
        try:
            for latents in motion.split(size) if size else ():
                begun.append(self.begin(latents))
                if len(begun) >= self._threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()

    def begin(self, motion: Tensor) -> Future[np.ndarray]:
        """Latents (n, D) -> frames (n, S, S, 3) uint8 in one batch, to come."""

        def pixels() -> np.ndarray:
            return self.decode(motion).cpu().numpy()

        if self._threads > 1:
            return _decoders(self._threads).submit(pixels)
        done: Future[np.ndarray] = Future()
        done.set_result(pixels())
        return done

    @torch.no_grad()
    def decode(self, motion: Tensor) -> Tensor:
        """Latents (n, D) -> frames (n, S, S, 3) uint8 in one batch."""
        with self._half():
            frames = self.autoencoder.decode(self.appearance, motion, self.side)
        pixels = (frames.float() * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous()

    def _half(self) -> torch.autocast:
        return torch.autocast("cuda", torch.bfloat16, enabled=self._cuda)
