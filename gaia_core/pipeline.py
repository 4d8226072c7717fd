"""`Gaia`: both stages and their adapters, from a `Request` to a video."""

from __future__ import annotations

import ctypes
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from gaia_core import FPS, MAX_SECONDS, SAMPLE_RATE
from gaia_core.assets import WEIGHTS
from gaia_core.controls import Controls
from gaia_core.errors import InputError, Message
from gaia_core.instruction import language
from gaia_core.media.audio import (
    PLAIN,
    Choice,
    choose_sound,
    cut_audio,
    find_sound,
    read_audio,
    write_audio,
)
from gaia_core.media.compositing import Composer, fit
from gaia_core.media.image import read_image, read_photo
from gaia_core.media.label import draw_label
from gaia_core.media.video import VideoWriter, read_video
from gaia_core.motion.curves import sketch
from gaia_core.motion.live import STEPS, LiveMotion, stride
from gaia_core.motion.measures import Measures, measure
from gaia_core.motion.mirror import Mirror
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.portrait.face import Crop, crop_around, turned
from gaia_core.portrait.inspection import Inspection, choose_face, inspect_photo, warnings
from gaia_core.portrait.tracking import DRIVING_SIDE, CameraFace, CameraFrame, track_face
from gaia_core.render import (
    Networks,
    NoGpu,
    Plan,
    PortraitRenderer,
    Render,
    SampledMotion,
    Step,
    ahead,
)
from gaia_core.request import Event, Preview, Progress, Request, Result, Segment, Span, Word
from gaia_core.speech import visemes
from gaia_core.speech.encoder import FEATURES, SpeechEncoder
from gaia_core.speech.synthesis import synthesise

PREVIEW_EVERY = FPS  # frames between two previews
SEGMENT = 2 * FPS  # frames of a part that can be played while the rest is rendered

# The fraction of the work after which each stage begins, measured on 10 s of speech.
STAGES = {"face": 0.0, "voice": 0.05, "speech": 0.1, "motion": 0.15, "frames": 0.3, "file": 0.97}


@dataclass(frozen=True)
class Speech:
    """The speech of a request.

    Attributes:
        waveform: (N,) at 16 kHz for the encoder; None without speech.
        file: the video's sound; None if it is silent.
        words: with their times, of synthesised speech.
        voice: the one that spoke; None without text.
        notice: of the synthesis, for the user.
    """

    waveform: np.ndarray | None
    file: Path | None
    words: tuple[Word, ...] = ()
    voice: str | None = None
    notice: Message | None = None

    def trimmed(self, folder: Path) -> Speech:
        """The same without silence at both ends; the trimmed file is written to a folder."""
        if self.waveform is None or self.file is None:
            return self
        start, end = find_sound(self.waveform)
        file = folder / "trimmed.wav"
        cut_audio(self.file, file, start, end)
        return replace(
            self,
            waveform=self.waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)],
            file=file,
            words=tuple(
                Word(word.text, max(0.0, word.start - start), max(0.0, word.end - start))
                for word in self.words
            ),
        )


class Gaia:
    """Both stages with their adapters. Thread-safe."""

    def __init__(
        self,
        networks: Networks,
        speech_encoder: SpeechEncoder,
        gpu: Callable[[Render], Render] = lambda render: render,
        weights: Path = WEIGHTS,
        without: Collection[str] = (),
    ) -> None:
        """weights, without: of the CPU copy that is loaded if no GPU can be allocated."""
        self.networks, self.speech_encoder, self.weights = networks, speech_encoder, weights
        # A copy that stays on the CPU when the networks move to the GPU.
        self.encoder = deepcopy(networks.autoencoder.motion)
        self.sketch = sketch(self.encoder, networks.directions)
        self.landmarker = FaceLandmarker()
        self._without = without
        self._instructor: language.Instructor | None = None
        self._render, self._on_cpu = gpu(networks.render), cache(self._load_cpu)
        self._lent = self._render != networks.render  # whether a GPU is lent for each take

    @classmethod
    def load(
        cls,
        weights: Path | str = WEIGHTS,
        device: str | None = None,
        gpu: Callable[[Render], Render] = lambda render: render,
        without: Collection[str] = (),
    ) -> Gaia:
        """Loads both stages from a folder of weights.

        Args:
            weights: folder with config.json and the safetensors files.
            device: "cpu" or "cuda"; by default CUDA if available.
            gpu: wraps `Networks.render`, as `spaces.GPU(...)` does.
            without: names of corrections to switch off, see docs/corrections.md.

        Raises:
            InputError: weights are missing or damaged, or there is no such correction.
        """
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        visemes.shipped_reader()  # so that damaged weights raise here
        networks = Networks.load(Path(weights), device, without)
        return cls(networks, SpeechEncoder.load("cpu"), gpu, Path(weights), without)

    @property
    def device(self) -> torch.device:
        """The networks' device."""
        return self.networks.device

    def generate(
        self,
        request: Request,
        out: Path,
        *,
        segments: Path | None = None,
        max_seconds: float = MAX_SECONDS,
    ) -> Iterator[Event]:
        """Renders the video to `out`; the last event is its `Result`.

        Closing the generator stops the work. Without a `Result` no file is left behind.

        Args:
            segments: a folder for parts of the video, written while it is rendered and reported
                by `Segment` events; the caller removes them.
            max_seconds: bound on a recording; memory grows by 5 MB a minute.

        Raises:
            InputError: the request or its media cannot be used.
        """
        request.check()
        with ExitStack() as stack:
            stack.callback(_release)
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gaia-")))
            yield Progress("face", STAGES["face"])
            photo, matte = read_photo(request.portrait)
            seen = self.landmarker.detect_upright(photo)
            photo = seen.photo
            face = choose_face(seen.faces, request.face, photo)
            foreseen = warnings(face, photo, len(seen.faces), seen.turn)
            if request.size == "photo":
                photo, face = fit(photo, face)
            crop = crop_around(face.landmarks)
            yield Progress("voice", STAGES["voice"])
            speech = self._speak(request, scratch, max_seconds)
            if request.trim:
                speech = speech.trimmed(scratch)
            yield Progress("speech", STAGES["speech"])
            composer = Composer(photo, crop, request.size)
            driving = NO_DRIVING
            if request.drive is not None:
                driving = track_face(self.landmarker, read_video(request.drive, DRIVING_SIDE))
            script, notices = self._script(request, speech, driving)
            speech = replace(speech, waveform=None)  # frees the memory of a long recording
            plan = Plan(
                crop.extract(photo, composer.side),
                crop.to_crop(face.landmarks),
                script,
                composer.edge_mask,
            )
            yield Progress("motion", STAGES["motion"])
            # With the voice that spoke, so that the recipe repeats the take.
            recipe = replace(request, voice=speech.voice or request.voice).recipe()
            width, height = composer.frame_size
            writer = VideoWriter(out, width, height, speech.file, recipe)
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
                _cutout(composer, photo, matte, seen.turn),
            )

    def read(self, instruction: str, seconds: float) -> language.Reading:
        """Interprets an instruction for a clip of that length.

        Raises:
            InputError: it is too long, or names a time outside the clip.
        """
        if self._instructor is None:  # loaded lazily, since most requests have no instruction
            self._instructor = language.Instructor.load(self.weights)
        return self._instructor.read(instruction, seconds)

    def inspect(self, portrait: Path) -> Inspection:
        """The faces of a photo, with problems and warnings of each.

        Raises:
            InputError: it cannot be read, or shows no face.
        """
        return inspect_photo(self.landmarker.detect_upright(read_image(portrait)))

    def measure(self, result: Result) -> Measures | None:
        """Measures of a clip; None if the result has no motion."""
        if result.motion is None or result.traces is None:
            return None
        return measure(self.encoder, result.motion, result.traces)

    def animate(
        self,
        portrait: np.ndarray,
        waveform: np.ndarray,
        *,
        seed: int = 0,
        steps: int = Request.steps,
        guidance: float = Request.guidance,
    ) -> Iterator[np.ndarray]:
        """Animates a crop by speech, without files.

        Args:
            portrait: (S, S, 3) uint8, a square crop about twice as wide as the face.
            waveform: (N,) float32 mono at 16 kHz.

        Yields:
            (S, S, 3) uint8 frames, 25 a second.

        Raises:
            InputError: the crop shows no face that can be animated.
            ValueError: the waveform is not mono or not finite.
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
        steps: int = STEPS,
        guidance: float = Request.guidance,
        liveliness: float = Request.liveliness,
        controls: Controls = Request.controls,
        label: bool = Request.label,
        clock: Callable[[], float] | None = None,
    ) -> Iterator[np.ndarray]:
        """Animates a photo by speech that arrives in chunks, without files.

        A frame is yielded once `motion.live.DELAY` seconds of speech from its beginning on have
        arrived. The networks run in this process.

        Args:
            portrait: (H, W, 3) uint8, a photo.
            chunks: parts (N,) of the speech of any length, float32 mono at 16 kHz; the video ends
                with them.
            clock: seconds of the speech that have been spoken by now, of speech that is not to be
                waited for. Where this machine does not keep pace, frames are then dropped; and
                `chunks` are asked for on a thread of their own, as motion is sampled while frames
                are decoded.

        Yields:
            (h, w, 3) uint8 frames, 25 a second; for one that is dropped, that before it again.

        Raises:
            InputError: the photo shows no face, or a setting is out of range.
            ValueError: a chunk is not such a waveform.
        """
        given = {"size": size, "seed": seed, "steps": steps, "guidance": guidance, "face": face}
        given |= {"liveliness": liveliness}
        Request(Path(), text="-", controls=controls, label=label, **given).check()  # type: ignore[arg-type]
        composer, renderer = self.renderer(portrait, face, size)
        silence = np.zeros((0, FEATURES), np.float32)
        lively = controls.enlivened(liveliness)
        script = Script(0, silence, NO_DRIVING, seed, steps, guidance, lively)
        count, frame = 0, portrait  # which is not yielded, as the first is always rendered
        motion = LiveMotion(self.speech_encoder, renderer.performer, script).follow(chunks)
        for latents in motion if clock is None else ahead(motion):
            for part in latents.split(renderer.at_once):
                step = 1 if clock is None else stride(clock() - count / FPS)
                skipped = min(-count % step, len(part))
                yield from [frame] * skipped
                count, left = count + len(part), len(part) - skipped
                for rendered in chain.from_iterable(renderer.render(part[skipped::step])):
                    frame = composer.compose(rendered)
                    if label:
                        draw_label(frame)
                    yield from [frame] * min(step, left)
                    left -= step

    def mirror(
        self,
        portrait: np.ndarray,
        frames: Iterable[CameraFrame],
        *,
        face: int = Request.face,
        size: str = "256",
        label: bool = Request.label,
    ) -> Iterator[np.ndarray]:
        """A photo that follows the face before a camera, one frame for each of the camera's.

        Nothing is queued: two frames at most are worked on at once, so give the newest. The motion
        is relative to the first frame with a face, see `motion.mirror`. The networks run in this
        process.

        Args:
            portrait: (H, W, 3) uint8, a photo.

        Yields:
            (h, w, 3) uint8 frames.

        Raises:
            InputError: the photo shows no face, or a setting is out of range.
        """
        Request(Path(), text="-", label=label, size=size, face=face).check()
        composer, renderer = self.renderer(portrait, face, size)
        camera = CameraFace(self.landmarker)
        mirror, before = Mirror(self.encoder, renderer.reference), None
        begun: deque[Future[np.ndarray]] = deque()

        def shown(rendered: Future[np.ndarray]) -> np.ndarray:
            frame = composer.compose(rendered.result()[0])
            return draw_label(frame) if label else frame

        for frame in frames:
            asked = time.monotonic()
            if frame.recalibrate:
                mirror.recalibrate()
            points = camera.read(frame)
            step = 1 / FPS if before is None else max(frame.second - before, 1e-3)
            before = frame.second
            landmarks = None if points is None else torch.from_numpy(points)
            begun.append(renderer.begin(mirror.follow(landmarks, step)))
            # One is decoded while the next is seen, if it is not done before that comes.
            while begun and (len(begun) > 1 or _done(begun[0], asked + 1 / FPS)):
                yield shown(begun.popleft())
        yield from map(shown, begun)

    def renderer(
        self, portrait: np.ndarray, face: int, size: str
    ) -> tuple[Composer, PortraitRenderer]:
        """For frames that are shown as they are made.

        A GPU is not lent for something without an end, which then runs on the CPU.

        Args:
            portrait: (H, W, 3) uint8, a photo.
            face: index of the face in the photo, 0 for the largest.
            size: one of `SIZES`, see `Composer`.

        Raises:
            InputError: the photo shows no such face, or one that cannot be animated.
        """
        seen = self.landmarker.detect_upright(portrait)
        portrait, found = seen.photo, choose_face(seen.faces, face, seen.photo)
        if size == "photo":
            portrait, found = fit(portrait, found)
        crop = crop_around(found.landmarks)
        composer = Composer(portrait, crop, size)
        renderer = PortraitRenderer(
            self._on_cpu() if self._lent else self.networks,
            crop.extract(portrait, composer.side),
            crop.to_crop(found.landmarks),
            composer.edge_mask,
        )
        return composer, renderer

    def _speak(self, request: Request, scratch: Path, max_seconds: float) -> Speech:
        if request.speech is not None:
            choice = choose_sound(request.speech) or PLAIN
            waveform = read_audio(request.speech, max_seconds, choice=choice)
            file = _chosen(request.speech, choice, scratch, max_seconds)
            return Speech(waveform, file, notice=choice.notice(request.speech.name))
        if not (request.text or "").strip():
            if request.drive is None or not (heard := choose_sound(request.drive)):
                return Speech(None, None)
            return Speech(None, _chosen(request.drive, heard, scratch, max_seconds))
        spoken = synthesise(request.text or "", request.voice)
        path = scratch / "speech.wav"
        write_audio(path, spoken.waveform, spoken.sample_rate)
        return Speech(spoken.speech, path, spoken.words, spoken.voice, spoken.notice)

    def _script(
        self, request: Request, speech: Speech, driving: np.ndarray
    ) -> tuple[Script, tuple[Message, ...]]:
        """The input of stage 2, and notices for the user."""
        features = np.zeros((0, FEATURES), np.float32)
        frames = len(driving) or round(request.seconds * FPS)
        if speech.waveform is not None:
            features = self.speech_encoder.encode(speech.waveform).numpy()
            frames = len(features)
        for span in request.spans:
            if span.end > frames / FPS + 1 / FPS:
                raise InputError(
                    "The span from {start:g} to {end:g} s ends after the take, which lasts "
                    "{length:.1f} s; choose an earlier end.",
                    start=span.start,
                    end=span.end,
                    length=frames / FPS,
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
            controls.enlivened(request.liveliness),
            tuple(_enlivened(span, request.liveliness) for span in request.spans),
            request.drive_groups if request.drive else (),
            request.drive_mode == "absolute",
            round(request.drive_reference * FPS),
        )
        return script, tuple(notice for notice in notices if notice)

    @staticmethod
    def _write(
        steps: Iterator[Step | SampledMotion | Message | np.ndarray],
        frames: int,
        composer: Composer,
        writer: VideoWriter,
        label: bool,
        segments: Path | None,
    ) -> Generator[Progress | Preview | Segment, None, tuple[SampledMotion | None, Message | None]]:
        """Writes frames as they are rendered; returns their motion and a notice."""
        moved, notice, sampled = None, None, 0.0
        for step in steps:
            if isinstance(step, SampledMotion):
                moved = step
                continue
            if isinstance(step, Message):
                notice = step
                continue
            if isinstance(step, Step):
                sampled = step.fraction
            else:
                for rendered in step:
                    frame = composer.compose(rendered)
                    if label:
                        draw_label(frame)
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

    def _rendered(
        self, plan: Plan
    ) -> Generator[Step | SampledMotion | Message | np.ndarray, None, None]:
        """Renders on the GPU or, after a notice, on the CPU."""
        try:
            yield from self._render(plan)
        except NoGpu as refusal:
            yield refusal.message
            yield from self._on_cpu().render(plan)

    def _load_cpu(self) -> Networks:
        return Networks.load(self.weights, "cpu", self._without)


def _done(future: Future[np.ndarray], until: float) -> bool:
    """Waits for it, until that second of `time.monotonic` at most."""
    return not wait([future], max(0.0, until - time.monotonic())).not_done


def _enlivened(span: Span, liveliness: float) -> Span:
    own = span.controls
    return span if own is None else replace(span, controls=own.enlivened(liveliness))


def _release() -> None:
    """Returns freed memory to the system where the C library can (glibc).

    glibc keeps an arena for each thread; without this a service's memory grew by a third.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows takes no None
        ctypes.CDLL(None).malloc_trim(0)


def _chosen(path: Path, choice: Choice, folder: Path, max_seconds: float) -> Path:
    """A file whose first track is the sound that was chosen; it may be the file itself."""
    if not choice.track and choice.channel is None:
        return path
    file = folder / "chosen.flac"
    cut_audio(path, file, 0, max_seconds, choice)
    return file


def _cutout(
    composer: Composer, photo: np.ndarray, matte: np.ndarray | None, turn: int
) -> np.ndarray | None:
    if matte is None:
        return None
    matte = turned(matte, turn)
    pictures = composer.still(photo), composer.still(np.repeat(matte[..., None], 3, -1))
    return np.concatenate([pictures[0], pictures[1][..., :1]], -1)
