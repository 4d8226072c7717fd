"""`Gaia`, the one assembly: a request goes in, events come out, the last of them the video.

Command line, studio, API, tests and evaluation all call this. What needs the GPU (`_render`) is
one generator that takes and yields plain arrays, so that it can run in another process; reading,
voice, compositing and encoding stay outside.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import torch
from torch import Tensor

from gaia_core import FPS, SAMPLE_RATE, checkpoint, compose, media, voice
from gaia_core.autoencoder import Autoencoder
from gaia_core.denoiser import Denoiser
from gaia_core.face import Crop, FaceLandmarker, choose_face, crop_around
from gaia_core.request import Event, Preview, Progress, Request, Result, Word
from gaia_core.sampling import sample_dpm, windows
from gaia_core.speech import SpeechEncoder

WEIGHTS = Path(__file__).parent.parent / "weights"

# A take longer than the denoiser's training windows is generated in windows of this many frames,
# each of which begins with the last frames of the one before.
WINDOW, OVERLAP = 120, 24
PREVIEW_EVERY = FPS  # frames between two previews
# How much noise each channel group starts from; the rest from 1. A fair sample of the lips would
# follow speech less than their mean does: they start near it, and the head keeps its life.
TEMPERATURE = {"mouth": 0.2}
PIXELS_PER_BATCH = 8 * 256 * 256

# The share of the whole work after which each stage begins, measured on 10 s of speech.
STAGES = {"face": 0.0, "voice": 0.05, "speech": 0.1, "motion": 0.15, "frames": 0.3, "file": 0.97}

Render = Callable[["Plan"], Generator["Step | np.ndarray", None, None]]


@dataclass(frozen=True)
class Plan:
    """What the GPU is given; plain arrays, so that it can be pickled.

    Attributes:
        portrait: (S, S, 3) uint8, the crop at the size it is rendered.
        landmarks: (K, 3) float32 in crop units.
        speech: (T, F) float32.
    """

    portrait: np.ndarray
    landmarks: np.ndarray
    speech: np.ndarray
    seed: int
    steps: int
    guidance: float


@dataclass(frozen=True)
class Step:
    """Motion sampled so far, as a fraction."""

    fraction: float


@dataclass(frozen=True)
class Speech:
    """What is said: for the encoder (16 kHz), for the file, and when each word falls."""

    waveform: np.ndarray
    file: Path
    words: tuple[Word, ...] = ()
    notice: str | None = None


class Gaia:
    """Both stages with their adapters, ready to generate. Safe to share between visitors."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        denoiser: Denoiser,
        speech_encoder: SpeechEncoder,
        gpu: Callable[[Render], Render] = lambda render: render,
    ) -> None:
        self.autoencoder, self.denoiser = autoencoder, denoiser
        self.speech_encoder = speech_encoder
        self.landmarker = FaceLandmarker()
        self._render = gpu(self._render_here)

    @classmethod
    def load(
        cls,
        weights: Path | str = WEIGHTS,
        device: str | None = None,
        gpu: Callable[[Render], Render] = lambda render: render,
    ) -> Gaia:
        """Both stages from a folder of weights.

        Args:
            weights: holds config.json and the safetensors files.
            device: "cpu" or "cuda"; by default CUDA where there is one.
            gpu: wraps the generator that runs the networks, as `spaces.GPU(...)` does.

        Raises:
            InputError: weights are missing or damaged.
        """
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        autoencoder = checkpoint.load_autoencoder(Path(weights))
        denoiser = checkpoint.load_denoiser(Path(weights), autoencoder.config.motion)
        # Convolutions run faster with channels last on every device that matters here.
        autoencoder.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(autoencoder, denoiser.to(device), SpeechEncoder.load("cpu"), gpu)

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return self.denoiser.spread.device

    def generate(self, request: Request, out: Path) -> Iterator[Event]:
        """Makes the video at `out`; the last event is its `Result`.

        Closing the generator stops the work. Unless a `Result` came, no file is left behind.

        Raises:
            InputError: the request or its media cannot be used; says what to do.
        """
        request.check()
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gaia-")))
            yield Progress("face", STAGES["face"])
            photo = media.read_image(request.portrait)
            face = choose_face(self.landmarker.detect(photo), request.face, photo)
            crop = crop_around(face.landmarks)
            yield Progress("voice", STAGES["voice"])
            speech = self._speak(request, scratch)
            yield Progress("speech", STAGES["speech"])
            composer = compose.Composer(photo, crop, request.size)
            plan = self._plan(
                crop.extract(photo, composer.render_size),
                crop.to_crop(face.landmarks),
                speech.waveform,
                request.seed,
                request.steps,
                request.guidance,
            )
            yield Progress("motion", STAGES["motion"])
            recipe = request.recipe()
            width, height = composer.frame_size
            writer = media.VideoWriter(out, width, height, speech.file, recipe)
            with writer, closing(self._render(plan)) as steps:
                yield from self._write(steps, len(plan.speech), composer, writer, request.label)
                yield Progress("file", STAGES["file"])
            notices = (speech.notice,) if speech.notice else ()
            yield Result(out, recipe, writer.frames, speech.words, notices)

    def animate(
        self,
        portrait: np.ndarray,
        waveform: np.ndarray,
        *,
        seed: int = 0,
        steps: int = Request.steps,
        guidance: float = Request.guidance,
    ) -> Iterator[np.ndarray]:
        """A crop and speech to frames, without files.

        Args:
            portrait: (S, S, 3) uint8, a square crop about twice as wide as the face.
            waveform: (N,) float32 mono at 16 kHz.

        Yields:
            (S, S, 3) uint8 frames, 25 a second.
        """
        faces = self.landmarker.detect(portrait)
        face = choose_face(faces, 0, portrait)
        side = portrait.shape[0]
        landmarks = Crop(side / 2, side / 2, side).to_crop(face.landmarks)
        plan = self._plan(portrait, landmarks, waveform, seed, steps, guidance)
        with closing(self._render(plan)) as results:
            for result in results:
                if isinstance(result, np.ndarray):
                    yield from result

    def _speak(self, request: Request, scratch: Path) -> Speech:
        if request.speech is not None:
            return Speech(media.read_audio(request.speech), request.speech)
        spoken = voice.speak(request.text or "", request.voice)
        path = scratch / "speech.wav"
        media.write_audio(path, spoken.waveform, spoken.sample_rate)
        waveform = librosa.resample(
            spoken.waveform, orig_sr=spoken.sample_rate, target_sr=SAMPLE_RATE
        )
        return Speech(waveform, path, spoken.words, spoken.notice)

    def _plan(
        self,
        portrait: np.ndarray,
        landmarks: np.ndarray,
        waveform: np.ndarray,
        seed: int,
        steps: int,
        guidance: float,
    ) -> Plan:
        speech = self.speech_encoder.encode(waveform).numpy()
        return Plan(portrait, landmarks, speech, seed, steps, guidance)

    @staticmethod
    def _write(
        steps: Iterator[Step | np.ndarray],
        frames: int,
        composer: compose.Composer,
        writer: media.VideoWriter,
        label: bool,
    ) -> Iterator[Progress | Preview]:
        for step in steps:
            if isinstance(step, Step):
                span = STAGES["frames"] - STAGES["motion"]
                stage = "motion" if step.fraction < 1 else "frames"
                yield Progress(stage, STAGES["motion"] + span * step.fraction)
                continue
            for rendered in step:
                frame = composer.compose(rendered)
                if label:
                    compose.label(frame)
                if writer.frames % PREVIEW_EVERY == 0:
                    yield Preview(rendered, writer.frames)
                writer.write(frame)
            span = STAGES["file"] - STAGES["frames"]
            yield Progress("frames", STAGES["frames"] + span * writer.frames / frames)

    @torch.no_grad()
    def _render_here(self, plan: Plan) -> Generator[Step | np.ndarray, None, None]:
        """Samples the motion, then decodes it in batches of (n, S, S, 3) uint8 frames."""
        device = self.device
        landmarks = torch.from_numpy(plan.landmarks).to(device)[None]
        reference = self.autoencoder.encode_motion(landmarks)
        speech = torch.from_numpy(plan.speech).to(device)[None]
        generator = torch.Generator().manual_seed(plan.seed)
        motion = reference.new_zeros(1, 0, reference.shape[-1])
        for start, end, known in windows(len(plan.speech), WINDOW, OVERLAP):
            noise = torch.randn(1, end - start, reference.shape[-1], generator=generator)
            for group, temperature in TEMPERATURE.items():
                noise[..., self.denoiser.groups[group]] *= temperature
            part = generate_motion(
                self.denoiser,
                reference,
                speech[:, start:end],
                noise.to(device),
                motion[:, start:known],
                plan.steps,
                plan.guidance,
            )
            motion = torch.cat([motion, part[:, known - start :]], 1)
            yield Step(end / len(plan.speech))
        side = plan.portrait.shape[0]
        batch = max(1, PIXELS_PER_BATCH // side**2)
        portrait = torch.from_numpy(plan.portrait).to(device).permute(2, 0, 1)[None].float() / 255
        half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
        with half:
            appearance = self.autoencoder.encode_appearance(portrait, reference)
        for latents in motion[0].split(batch):
            with half:
                frames = self.autoencoder.decode(appearance, latents, side)
            pixels = (frames.float() * 255).round().to(torch.uint8)
            yield pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def generate_motion(
    denoiser: Denoiser,
    reference: Tensor,
    speech: Tensor,
    noise: Tensor,
    known: Tensor,
    steps: int,
    guidance: float,
) -> Tensor:
    """Motion latents of one window.

    Args:
        reference: (B, D) the portrait's motion latent.
        speech: (B, T, F).
        noise: (B, T, D) standard normal.
        known: (B, N, D) the window's first N <= T latents, kept as they are.

    Returns:
        (B, T, D) motion latents.
    """
    given, values = torch.zeros_like(noise), torch.zeros_like(noise)
    given[:, : known.shape[1]] = 1
    values[:, : known.shape[1]] = denoiser.relative(known, reference)
    mask = given.bool()

    def predict(x_t: Tensor, t: Tensor) -> Tensor:
        x_t = torch.where(mask, values, x_t)
        x_0 = denoiser.guided(x_t, t, speech, reference, given, guidance)
        return torch.where(mask, values, x_0)

    *_, x_0 = sample_dpm(predict, noise, steps)
    return denoiser.absolute(x_0, reference)
