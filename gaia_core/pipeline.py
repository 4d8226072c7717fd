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

from gaia_core import FPS, SAMPLE_RATE, checkpoint, compose, language, media, voice
from gaia_core.autoencoder import Autoencoder
from gaia_core.denoiser import Denoiser
from gaia_core.driving import read_driving
from gaia_core.errors import InputError
from gaia_core.face import Crop, FaceLandmarker, choose_face, crop_around, warnings
from gaia_core.landmarks import COUNT
from gaia_core.performance import Performer, Script
from gaia_core.request import Event, Preview, Progress, Request, Result, Word
from gaia_core.speech import FEATURES, SpeechEncoder

WEIGHTS = Path(__file__).parent.parent / "weights"

PREVIEW_EVERY = FPS  # frames between two previews
PIXELS_PER_BATCH = 8 * 256 * 256

# The share of the whole work after which each stage begins, measured on 10 s of speech.
STAGES = {"face": 0.0, "voice": 0.05, "speech": 0.1, "motion": 0.15, "frames": 0.3, "file": 0.97}

NO_DRIVING = np.zeros((0, COUNT, 3), np.float32)

Render = Callable[["Plan"], Generator["Step | np.ndarray", None, None]]


@dataclass(frozen=True)
class Plan:
    """What the GPU is given; plain arrays, so that it can be pickled.

    Attributes:
        portrait: (S, S, 3) uint8, the crop at the size it is rendered.
        landmarks: (K, 3) float32 in crop units.
        script: what the face shall do.
    """

    portrait: np.ndarray
    landmarks: np.ndarray
    script: Script


@dataclass(frozen=True)
class Step:
    """Motion sampled so far, as a fraction."""

    fraction: float


@dataclass(frozen=True)
class Speech:
    """What is said: for the encoder (16 kHz), for the file, and when each word falls.

    A silent take has no waveform, and perhaps no file.
    """

    waveform: np.ndarray | None
    file: Path | None
    words: tuple[Word, ...] = ()
    notice: str | None = None


class Gaia:
    """Both stages with their adapters, ready to generate. Safe to share between visitors."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        denoiser: Denoiser,
        directions: Tensor,
        speech_encoder: SpeechEncoder,
        gpu: Callable[[Render], Render] = lambda render: render,
        weights: Path = WEIGHTS,
    ) -> None:
        """directions (C, D): the latent changes of `controls.EXPRESSION`; weights: their folder."""
        self.autoencoder, self.denoiser = autoencoder, denoiser
        self.directions, self.speech_encoder = directions, speech_encoder
        self.weights = weights
        self._reader: language.Instructor | None = None
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
        return cls(
            autoencoder,
            denoiser.to(device),
            checkpoint.load_directions(Path(weights), autoencoder.config.motion),
            SpeechEncoder.load("cpu"),
            gpu,
            Path(weights),
        )

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
            faces = self.landmarker.detect(photo)
            face = choose_face(faces, request.face, photo)
            crop = crop_around(face.landmarks)
            yield Progress("voice", STAGES["voice"])
            speech = self._speak(request, scratch)
            yield Progress("speech", STAGES["speech"])
            composer = compose.Composer(photo, crop, request.size)
            driving = NO_DRIVING
            if request.drive is not None:
                driving = read_driving(self.landmarker, request.drive)
            script, notices = self._script(request, speech, driving)
            plan = Plan(
                crop.extract(photo, composer.render_size), crop.to_crop(face.landmarks), script
            )
            yield Progress("motion", STAGES["motion"])
            recipe = request.recipe()
            width, height = composer.frame_size
            writer = media.VideoWriter(out, width, height, speech.file, recipe)
            with writer, closing(self._render(plan)) as steps:
                yield from self._write(steps, script.frames, composer, writer, request.label)
                yield Progress("file", STAGES["file"])
            foreseen = warnings(face, photo, len(faces))
            yield Result(out, recipe, writer.frames, speech.words, (*foreseen, *notices))

    def read(self, instruction: str, seconds: float) -> language.Reading:
        """How an instruction is understood in a take of so many seconds.

        Raises:
            InputError: it is too long, or names a time outside the take.
        """
        if self._reader is None:  # most takes have no instruction
            self._reader = language.Instructor.load(self.weights)
        return self._reader.read(instruction, seconds)

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
        speech = self.speech_encoder.encode(waveform).numpy()
        script = Script(len(speech), speech, NO_DRIVING, seed, steps, guidance)
        plan = Plan(portrait, landmarks, script)
        with closing(self._render(plan)) as results:
            for result in results:
                if isinstance(result, np.ndarray):
                    yield from result

    def _speak(self, request: Request, scratch: Path) -> Speech:
        if request.speech is not None:
            return Speech(media.read_audio(request.speech), request.speech)
        if not (request.text or "").strip():
            return Speech(None, request.drive if _has_sound(request.drive) else None)
        spoken = voice.speak(request.text or "", request.voice)
        path = scratch / "speech.wav"
        media.write_audio(path, spoken.waveform, spoken.sample_rate)
        waveform = librosa.resample(
            spoken.waveform, orig_sr=spoken.sample_rate, target_sr=SAMPLE_RATE
        )
        return Speech(waveform, path, spoken.words, spoken.notice)

    def _script(
        self, request: Request, speech: Speech, driving: np.ndarray
    ) -> tuple[Script, tuple[str, ...]]:
        """What the face shall do, and the sentences that the user should see."""
        features = np.zeros((0, FEATURES), np.float32)
        frames = len(driving) or round(request.seconds * FPS)
        if speech.waveform is not None:
            features = self.speech_encoder.encode(speech.waveform).numpy()
            frames = len(features)
        for span in request.spans:
            if span.end > frames / FPS + 1 / FPS:
                raise InputError(
                    f"The span from {span.start:g} to {span.end:g} s ends after the take, which "
                    f"lasts {frames / FPS:.1f} s; choose an earlier end."
                )
        controls, notices = request.controls, [speech.notice]
        if (request.instruction or "").strip():
            reading = self.read(request.instruction or "", frames / FPS)
            controls = reading.controls + controls
            notices.append(reading.notice)
        script = Script(
            frames,
            features,
            driving,
            request.seed,
            request.steps,
            request.guidance,
            controls,
            request.spans,
            request.drive_groups if request.drive else (),
            request.drive_mode == "absolute",
            round(request.drive_reference * FPS),
        )
        return script, tuple(notice for notice in notices if notice)

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
        performer = Performer(
            self.autoencoder, self.denoiser, self.directions.to(device), reference
        )
        motion = reference[:, None]
        for done, motion in performer.perform(plan.script):  # noqa: B007 (the last is decoded)
            yield Step(done)
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


def _has_sound(path: Path | None) -> bool:
    if path is None:
        return False
    try:
        media.read_audio(path)
    except InputError:
        return False
    return True
