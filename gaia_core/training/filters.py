"""Filters of raw videos, after the paper's, with our thresholds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaia_core import FPS, SAMPLE_RATE, checkpoint
from gaia_core.assets import WEIGHTS
from gaia_core.errors import InputError
from gaia_core.latent import MotionEncoder
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.lips import predicted_aperture
from gaia_core.motion.measures import correlation
from gaia_core.portrait.face import Crop, crop_around
from gaia_core.speech.encoder import SpeechEncoder

SIDE = 256  # px of a clip
STEADY = 0.95  # share of a clip's frames that must pass `strict` for its sound to be kept
CORNERS, NOSE_TIP = (33, 263), 4


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the filters. The paper names the filters, but not the numbers.

    Attributes:
        seconds: minimal and maximal length of a clip; longer ones are split.
        width: minimal width of the face in the video, px.
        corners: degrees between which the outer corners of both eyes lie about the tip of the
            nose, above the line between the eyes: about 35 from the front, 25 and 50 at 20
            degrees of yaw.
        step: maximal motion of the face's box between frames, face widths.
        jitter: maximal motion of landmarks relative to the box, root mean square, face widths.
        speech: minimal share of the clip with speech.
        lips: minimal correlation of the lip aperture with its prediction, see `lips_follow`.
    """

    seconds: tuple[float, float] = (1.0, 10.0)
    width: float = 100.0
    corners: tuple[float, float] = (20.0, 65.0)
    step: float = 0.08
    jitter: float = 0.05
    speech: float = 0.0
    lips: float = -1.0


# For a clip to be kept, and to be kept with its sound: stage 1 is trained on every head, stage 2
# only where the sound belongs to the mouth.
LOOSE = Thresholds()
STRICT = Thresholds(corners=(25.0, 52.0), step=0.05, jitter=0.03, speech=0.4, lips=0.15)


@dataclass(frozen=True)
class Settings:
    """Settings of `prepare`.

    Attributes:
        loose: for a clip to be kept.
        strict: for a clip to keep its sound.
        licence: of the videos, for the manifest.
        held_out: share of people in `val/`, by a hash of their names.
    """

    loose: Thresholds = LOOSE
    strict: Thresholds = STRICT
    licence: str = ""
    held_out: float = 0.05


DEFAULTS = Settings()


def read_thresholds(path: Path) -> tuple[Thresholds, Thresholds]:
    """The default thresholds with the changes of a JSON file like {"loose": {"width": 80}}.

    Raises:
        InputError: no such file, or no such thresholds.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        changes: list[dict[str, Any]] = [
            {
                name: tuple(value) if isinstance(value, list) else float(value)
                for name, value in values.get(kind, {}).items()
            }
            for kind in ("loose", "strict")
        ]
        return replace(LOOSE, **changes[0]), replace(STRICT, **changes[1])
    except (OSError, ValueError, TypeError, AttributeError) as error:
        names = ", ".join(asdict(LOOSE))
        raise InputError(
            '{path} does not change thresholds; write JSON like {{"loose": '
            '{{"width": 80}}, "strict": {{}}}} with {names}.',
            path=path,
            names=names,
        ) from error


@dataclass(frozen=True)
class Watched:
    """A video's tracked face by frame; NaN where there is none.

    Attributes:
        size: width and height, px.
        cuts: the first frame of each shot but the first.
        box: (T, 4) left, top, right, bottom of the face, px.
        corners: (T, 2) degrees, see `Thresholds`.
        jitter: (T,) see `Thresholds`.
        mouth: (T,) lip aperture.
        faces: (T,) number of faces of about its size in its crop.
    """

    size: tuple[int, int]
    cuts: list[int]
    box: np.ndarray
    corners: np.ndarray
    jitter: np.ndarray
    mouth: np.ndarray
    faces: np.ndarray

    def failures(self, limits: Thresholds) -> np.ndarray:
        """The first filter that each frame fails, "" if none: (T,) str."""
        left, top, right, bottom = self.box.T
        width = right - left
        centre = np.stack([left + right, top + bottom], -1) / 2
        step = np.linalg.norm(np.diff(centre, axis=0, prepend=centre[:1]), axis=1) / width
        low, high = limits.corners
        tests = {
            "no face": np.isfinite(left),
            "several faces": self.faces <= 1,
            "small face": width >= limits.width,
            "cut off": (left >= 0)
            & (top >= 0)
            & (right <= self.size[0])
            & (bottom <= self.size[1]),
            "turned away": (self.corners.min(1) >= low) & (self.corners.max(1) <= high),
            # The motion of a face's first frame is unknown.
            "moves": ~(step > limits.step),
            "trembles": ~(self.jitter > limits.jitter),
        }
        found = np.full(len(left), "", dtype=object)
        for reason, passed in reversed(tests.items()):
            found[~passed] = reason
        return found


@dataclass(frozen=True)
class Piece:
    """Frames `start` to `end` of a video, and the outcome."""

    start: int
    end: int
    reason: str = ""  # for being dropped, or losing its sound
    measured: str = ""
    crop: Crop | None = None  # None: dropped
    has_sound: bool = False

    @property
    def outcome(self) -> str:
        """kept, silent (kept without its sound), or dropped."""
        return "dropped" if self.crop is None else "kept" if self.has_sound else "silent"


def eye_corners(points: np.ndarray) -> tuple[float, float]:
    """Elevation of each eye's outer corner above the tip of the nose in degrees, (K, 3) px.

    Measured from the line between the corners, so that roll has no effect.
    """
    right, left, nose = (points[index, :2] for index in (*CORNERS, NOSE_TIP))
    across = (left - right) / np.linalg.norm(left - right)
    up = np.array([across[1], -across[0]])
    angles = (
        np.arctan2((corner - nose) @ up, side * ((corner - nose) @ across))
        for corner, side in ((right, -1), (left, 1))
    )
    first, second = (float(np.degrees(angle)) for angle in angles)
    return first, second


def landmark_jitter(before: np.ndarray, now: np.ndarray) -> float:
    shapes = []
    for points in (before[:, :2], now[:, :2]):
        low, high = points.min(0), points.max(0)
        shapes.append((points - (low + high) / 2) / (high - low)[0])
    return float(np.sqrt(np.square(shapes[1] - shapes[0]).sum(-1).mean()))


def judge(tracked: Watched, sound: np.ndarray | None, settings: Settings) -> list[Piece]:
    """Splits a video into pieces: kept, silent or dropped.

    Args:
        sound: (N,) mono at 16 kHz, or None.
    """
    loose, strict = settings.loose, settings.strict
    failures = tracked.failures(loose)
    careful = tracked.failures(strict)
    spoken = None if sound is None else speaking(sound, len(failures))
    shortest, longest = (round(seconds * FPS) for seconds in loose.seconds)
    pieces = []
    for start, end in _runs(failures, tracked.cuts):
        if failures[start]:
            pieces.append(Piece(start, end, str(failures[start])))
            continue
        if end - start < shortest:
            pieces.append(Piece(start, end, "short", f"{(end - start) / FPS:.2f} s"))
            continue
        count = -(-(end - start) // longest)
        edges = np.linspace(start, end, count + 1).round().astype(int).tolist()
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            crop, outside = _crop(tracked.box[first:last])
            if outside > 0:
                pieces.append(Piece(first, last, "wanders", f"{outside:.2f} of the crop"))
                continue
            reason, measured = "no sound", ""
            if sound is not None and spoken is not None:
                speech = sound[first * SAMPLE_RATE // FPS : last * SAMPLE_RATE // FPS]
                reason, measured = _fault(
                    careful[first:last], spoken[first:last], tracked.mouth[first:last], speech,
                    strict,
                )  # fmt: skip
            pieces.append(Piece(first, last, reason, measured, crop, not reason))
    return pieces


def _fault(
    failures: np.ndarray,
    spoken: np.ndarray,
    mouth: np.ndarray,
    speech: np.ndarray,
    strict: Thresholds,
) -> tuple[str, str]:
    """Reason and measurement of a clip that loses its sound; "" if it is kept."""
    failed = failures[failures != ""]
    if len(failed) > (1 - STEADY) * len(failures):
        reason = Counter(failed.tolist()).most_common(1)[0][0]
        return reason, f"{len(failed) / len(failures):.0%} of the frames"
    if spoken.mean() < strict.speech:
        return "no speech", f"{spoken.mean():.2f}"
    if strict.lips > -1:
        match = lips_follow(mouth, speech)
        if not match >= strict.lips:
            return "lips and sound differ", f"{match:.2f}"
    return "", ""


def _runs(failures: np.ndarray, cuts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of frames of one shot that fail the same filter, or none."""
    edges = {*cuts, *(np.flatnonzero(failures[1:] != failures[:-1]) + 1).tolist(), len(failures)}
    start = 0
    for end in sorted(edges - {0}):
        yield start, end
        start = end


def _crop(boxes: np.ndarray) -> tuple[Crop, float]:
    """A fixed crop for a clip, and the maximal excess of the face beyond it, in crop sides."""
    left, top, right, bottom = np.median(boxes, 0)
    crop = crop_around(np.array([[left, top, 0], [right, bottom, 0]]))
    low = boxes[:, :2].min(0) - (crop.left, crop.top)
    high = (crop.left + crop.side, crop.top + crop.side) - boxes[:, 2:].max(0)
    return crop, float(-min(*low, *high)) / crop.side


def speaking(sound: np.ndarray, frames: int) -> np.ndarray:
    """Voice activity by frame: (frames,) bool."""
    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps, load_silero_vad

    torch.set_num_threads(threads)  # importing it sets this to one
    spoken = np.zeros(frames, bool)
    for span in get_speech_timestamps(torch.tensor(sound), load_silero_vad()):
        spoken[span["start"] * FPS // SAMPLE_RATE : -(-span["end"] * FPS // SAMPLE_RATE)] = True
    return spoken


@torch.no_grad()
def lips_follow(mouth: np.ndarray, sound: np.ndarray) -> float:
    """Correlation of a lip aperture (T,) with the shipped regression's prediction from sound.

    On clips of at most 2.4 s of 14 held-out people it is 0.51 on average, with another's sound
    0.00 and a deviation of 0.28. `STRICT.lips` of 0.15 keeps 12 of the 14, and takes 2 of them
    with lips 0.4 s late and 58 of the 182 pairs with another's sound.

    sound: (N,) mono at 16 kHz. NaN as in `measures.correlation`.
    """
    encoder, motion, denoiser = _networks()
    predicted = predicted_aperture(motion, denoiser, encoder.encode(sound).float()).numpy()
    count = min(len(mouth), len(predicted))
    return correlation(mouth[:count], predicted[:count])


@cache
def _networks() -> tuple[SpeechEncoder, MotionEncoder, Denoiser]:
    motion = checkpoint.load_autoencoder(WEIGHTS).motion
    return SpeechEncoder.load(), motion, checkpoint.load_denoiser(WEIGHTS, motion.config)
