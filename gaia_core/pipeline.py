"""`Gaia`, the one assembly: a request goes in, events come out, the last of them the video.

Command line, studio, API, tests and evaluation all call this. What needs the GPU (`_render`) is
one generator that takes and yields plain arrays, so that it can run in another process; reading,
voice, compositing and encoding stay outside.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import librosa
import numpy as np
import torch
from torch import Tensor

from gaia_core import FPS, SAMPLE_RATE, checkpoint, compose, language, media, visemes, voice
from gaia_core.autoencoder import Autoencoder
from gaia_core.controls import Controls
from gaia_core.denoiser import Denoiser
from gaia_core.driving import read_driving
from gaia_core.errors import InputError
from gaia_core.face import Crop, FaceLandmarker, choose_face, crop_around, warnings
from gaia_core.landmarks import COUNT
from gaia_core.look import Look, look
from gaia_core.measures import Measures, measure
from gaia_core.performance import Performer, Script
from gaia_core.request import Event, Preview, Progress, Request, Result, Segment, Word
from gaia_core.speech import FEATURES, SpeechEncoder
from gaia_core.streaming import LiveMotion
from gaia_core.traces import sketch, traces

WEIGHTS = Path(__file__).parent.parent / "weights"

PREVIEW_EVERY = FPS  # frames between two previews
SEGMENT = 2 * FPS  # frames of a part that can be played while the rest is made
# Frames decoded at once. Of more the tensors are so large that the system maps each anew.
FRAMES_PER_BATCH, PIXELS_PER_BATCH = 4, 8 * 256 * 256

# The share of the whole work after which each stage begins, measured on 10 s of speech.
STAGES = {"face": 0.0, "voice": 0.05, "speech": 0.1, "motion": 0.15, "frames": 0.3, "file": 0.97}

NO_DRIVING = np.zeros((0, COUNT, 3), np.float32)

Render = Callable[["Plan"], Generator["Step | Moved | np.ndarray", None, None]]


class NoGpu(Exception):
    """What a wrapper of the generator that runs the networks raises where no GPU is to be had.

    Its text is the notice that the take comes with, for it is then made on the CPU.
    """


@dataclass(frozen=True)
class Plan:
    """What the GPU is given; plain arrays, so that it can be pickled.

    Attributes:
        portrait: (S, S, 3) uint8, the crop at the size it is rendered.
        landmarks: (K, 3) float32 in crop units.
        script: what the face shall do.
        loose: see `Composer.loose`.
    """

    portrait: np.ndarray
    landmarks: np.ndarray
    script: Script
    loose: np.ndarray | None = None


@dataclass(frozen=True)
class Step:
    """Motion sampled so far, as a fraction."""

    fraction: float


@dataclass(frozen=True)
class Moved:
    """All motion of a take, (T, D) float32, and what it means, as `traces.traces` has it."""

    motion: np.ndarray
    traces: dict[str, np.ndarray]


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
        self.sketch = sketch(autoencoder, directions)
        self._motion = deepcopy(autoencoder.motion)  # stays here when the networks move to the GPU
        self._reader: language.Instructor | None = None
        self._spare: Gaia | None = None
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
        visemes.shipped_reader()  # it is needed soon, and is damaged or not
        gaia = cls(
            autoencoder,
            denoiser,
            checkpoint.load_directions(Path(weights), autoencoder.config.motion),
            SpeechEncoder.load("cpu"),
            gpu,
            Path(weights),
        )
        # Convolutions run faster with channels last on every device that matters here.
        autoencoder.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        denoiser.to(device)
        return gaia

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return self.denoiser.spread.device

    def generate(
        self,
        request: Request,
        out: Path,
        *,
        segments: Path | None = None,
        max_seconds: float = media.MAX_SECONDS,
    ) -> Iterator[Event]:
        """Makes the video at `out`; the last event is its `Result`.

        Closing the generator stops the work. Unless a `Result` came, no file is left behind.

        Args:
            segments: a folder that the film's parts are put into as they are made, which
                `Segment` events tell; they are the caller's to remove.
            max_seconds: of a recording; memory does not grow with it, but for 5 MB a minute.

        Raises:
            InputError: the request or its media cannot be used; says what to do.
        """
        request.check()
        with ExitStack() as stack:
            stack.callback(_release)
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gaia-")))
            yield Progress("face", STAGES["face"])
            photo = media.read_image(request.portrait)
            faces = self.landmarker.detect(photo)
            face = choose_face(faces, request.face, photo)
            foreseen = warnings(face, photo, len(faces))
            if request.size == "photo":
                photo, face = compose.fit(photo, face)
            crop = crop_around(face.landmarks)
            yield Progress("voice", STAGES["voice"])
            speech = self._speak(request, scratch, max_seconds)
            yield Progress("speech", STAGES["speech"])
            composer = compose.Composer(photo, crop, request.size)
            driving = NO_DRIVING
            if request.drive is not None:
                driving = read_driving(self.landmarker, request.drive)
            script, notices = self._script(request, speech, driving)
            speech = replace(speech, waveform=None)  # of a long take this is much
            plan = Plan(
                crop.extract(photo, composer.side),
                crop.to_crop(face.landmarks),
                script,
                composer.loose,
            )
            yield Progress("motion", STAGES["motion"])
            recipe = request.recipe()
            width, height = composer.frame_size
            writer = media.VideoWriter(out, width, height, speech.file, recipe)
            with writer, closing(self._rendered(plan)) as steps:
                moved, notice = yield from self._write(
                    steps, script.frames, composer, writer, request.label, segments
                )
                yield Progress("file", STAGES["file"])
            yield Result(
                out,
                recipe,
                writer.frames,
                speech.words,
                (*foreseen, *notices, *([notice] if notice else [])),
                moved.motion if moved else None,
                moved.traces if moved else None,
                _cutout(composer, photo, request.portrait),
            )

    def read(self, instruction: str, seconds: float) -> language.Reading:
        """How an instruction is understood in a take of so many seconds.

        Raises:
            InputError: it is too long, or names a time outside the take.
        """
        if self._reader is None:  # most takes have no instruction
            self._reader = language.Instructor.load(self.weights)
        return self._reader.read(instruction, seconds)

    def look(self, portrait: Path) -> Look:
        """What a photo shows: its faces, and what stands in the way of animating them.

        Raises:
            InputError: it cannot be read, or shows no face.
        """
        photo = media.read_image(portrait)
        return look(photo, self.landmarker.detect(photo))

    def measure(self, result: Result) -> Measures | None:
        """What can be said of a take in numbers, if its engine told its motion."""
        if result.motion is None or result.traces is None:
            return None
        speech = None
        if media.has_sound(result.video):
            speech = self.speech_encoder.encode(media.read_audio(result.video)).numpy()
        return measure(self._motion, result.motion, result.traces, speech)

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

    def stream(
        self,
        portrait: np.ndarray,
        chunks: Iterable[np.ndarray],
        *,
        face: int = Request.face,
        size: str = "256",
        seed: int = Request.seed,
        steps: int = Request.steps,
        guidance: float = Request.guidance,
        controls: Controls = Request.controls,
        label: bool = Request.label,
    ) -> Iterator[np.ndarray]:
        """Frames while the speech comes, from a microphone or a voice, without files.

        A frame comes when `streaming.DELAY` seconds of speech after its beginning are there. The
        networks run in this process.

        Args:
            portrait: (H, W, 3) uint8, a photo.
            chunks: parts (N,) of the speech, of any length, float32 mono at 16 kHz; the film ends
                when they end.

        Yields:
            (h, w, 3) uint8 frames, 25 a second.

        Raises:
            InputError: the photo shows no face, or a setting is out of range.
            ValueError: a chunk is not such a waveform.
        """
        asked = {"size": size, "seed": seed, "steps": steps, "guidance": guidance, "face": face}
        Request(Path(), text="-", controls=controls, label=label, **asked).check()  # type: ignore[arg-type]
        found = choose_face(self.landmarker.detect(portrait), face, portrait)
        if size == "photo":
            portrait, found = compose.fit(portrait, found)
        crop = crop_around(found.landmarks)
        composer = compose.Composer(portrait, crop, size)
        painter = Painter(
            self,
            crop.extract(portrait, composer.side),
            crop.to_crop(found.landmarks),
            composer.loose,
        )
        silence = np.zeros((0, FEATURES), np.float32)
        script = Script(0, silence, NO_DRIVING, seed, steps, guidance, controls)
        for latents in LiveMotion(self.speech_encoder, painter.performer, script).follow(chunks):
            for pixels in painter.paint(latents):
                for rendered in pixels:
                    frame = composer.compose(rendered)
                    yield compose.label(frame) if label else frame

    def _speak(self, request: Request, scratch: Path, max_seconds: float) -> Speech:
        if request.speech is not None:
            return Speech(media.read_audio(request.speech, max_seconds), request.speech)
        if not (request.text or "").strip():
            return Speech(None, request.drive if media.has_sound(request.drive) else None)
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
        steps: Iterator[Step | Moved | str | np.ndarray],
        frames: int,
        composer: compose.Composer,
        writer: media.VideoWriter,
        label: bool,
        segments: Path | None,
    ) -> Generator[Progress | Preview | Segment, None, tuple[Moved | None, str | None]]:
        """Writes the frames as they come; returns the motion they were made of, and a notice."""
        moved, notice, sampled = None, None, 0.0
        for step in steps:
            if isinstance(step, Moved):
                moved = step
                continue
            if isinstance(step, str):
                notice = step
                continue
            if isinstance(step, Step):
                sampled = step.fraction
            else:
                for rendered in step:
                    frame = composer.compose(rendered)
                    if label:
                        compose.label(frame)
                    if writer.frames % PREVIEW_EVERY == 0:
                        yield Preview(rendered, writer.frames)
                    writer.write(frame)
                    if segments and writer.frames in (writer.cut_at + SEGMENT, frames):
                        first = writer.cut_at
                        part = segments / f"part-{first:06}.mp4"
                        writer.cut(part)
                        yield Segment(part, first / FPS, writer.frames / FPS)
            stage = "frames" if sampled == 1 or writer.frames else "motion"
            done = STAGES["motion"] + sampled * (STAGES["frames"] - STAGES["motion"])
            done += writer.frames / frames * (STAGES["file"] - STAGES["frames"])
            yield Progress(stage, done)
        return moved, notice

    def _rendered(self, plan: Plan) -> Generator[Step | Moved | str | np.ndarray, None, None]:
        """What the networks make, on the GPU or else, after a notice, on the CPU."""
        try:
            yield from self._render(plan)
        except NoGpu as refusal:
            yield str(refusal)
            if self._spare is None:
                self._spare = Gaia.load(self.weights, "cpu")
            yield from self._spare._render_here(plan)

    @torch.no_grad()
    def _render_here(self, plan: Plan) -> Generator[Step | Moved | np.ndarray, None, None]:
        """Samples the motion window by window; each is decoded at once, if no span is to follow.

        Frames come in batches of (n, S, S, 3) uint8.
        """
        painter = Painter(self, plan.portrait, plan.landmarks, plan.loose)
        painted = 0
        for fraction, motion in painter.performer.perform(plan.script):
            yield Step(fraction)
            if fraction == 1:
                meaning = traces(self.autoencoder, motion[0], painter.reference[0])
                yield Moved(motion[0].cpu().numpy(), meaning)
            yield from painter.paint(motion[0, painted:])
            painted = motion.shape[1]


class Painter:
    """A portrait as the networks know it: what makes its motion, and frames of that motion."""

    @torch.no_grad()
    def __init__(
        self,
        gaia: Gaia,
        portrait: np.ndarray,
        landmarks: np.ndarray,
        loose: np.ndarray | None = None,
    ) -> None:
        """portrait (S, S, 3) uint8; landmarks (K, 3) in crop units; loose: see `Composer.loose`."""
        device = gaia.device
        self.autoencoder, self.side = gaia.autoencoder, portrait.shape[0]
        points = torch.from_numpy(landmarks).to(device)[None]
        self.reference = self.autoencoder.encode_motion(points)
        self.performer = Performer(
            self.autoencoder, gaia.denoiser, gaia.directions.to(device), self.reference
        )
        self.half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
        pixels = torch.from_numpy(portrait).to(device).permute(2, 0, 1)[None].float() / 255
        with self.half:
            self.appearance = self.autoencoder.encode_appearance(pixels, self.reference)
        if loose is not None:
            self.appearance.loose = torch.from_numpy(loose).to(device)[None, None]

    @torch.no_grad()
    def paint(self, motion: Tensor) -> Iterator[np.ndarray]:
        """(T, D) -> frames in batches of (n, S, S, 3) uint8."""
        if not len(motion):
            return
        for latents in motion.split(
            min(FRAMES_PER_BATCH, max(1, PIXELS_PER_BATCH // self.side**2))
        ):
            yield self.decode(latents).cpu().numpy()

    def decode(self, motion: Tensor) -> Tensor:
        """(n, D) -> (n, S, S, 3) uint8, all at once."""
        with self.half:
            frames = self.autoencoder.decode(self.appearance, motion, self.side)
        pixels = (frames.float() * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous()


def _release() -> None:
    """Gives freed memory back to the system where the C library can (glibc).

    It would keep some for each thread that ever made a take: a service grew by a third.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows takes no None
        ctypes.CDLL(None).malloc_trim(0)


def _cutout(composer: compose.Composer, photo: np.ndarray, path: Path) -> np.ndarray | None:
    matte = media.read_matte(path)
    if matte is None:
        return None
    pictures = composer.still(photo), composer.still(np.repeat(matte[..., None], 3, -1))
    return np.concatenate([pictures[0], pictures[1][..., :1]], -1)
