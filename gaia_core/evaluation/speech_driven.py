"""Speech-driven protocol: a clip's first frame is animated by the clip's sound.

The rendered frames are tracked by the same landmarker as the real clip, and lips, head and
eyelids of the two are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gaia_core import FPS, SAMPLE_RATE
from gaia_core import landmarks as mesh
from gaia_core.evaluation import metrics
from gaia_core.motion.measures import correlation
from gaia_core.portrait.blendshapes import BLINKS
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.render import Networks
from gaia_core.request import Request

SILENCE_SECONDS = 2
SILENT_PORTRAITS = 4  # identities animated by silence
PAUSE = 0.5  # s of silence within speech, in which a mouth has the time to rest
# Spread of the lip aperture up to which lips are still but for tracking noise: 0.0008 in the one
# held-out clip whose sound is not the subject's, 0.005 to 0.04 in the others.
STILL = 0.003
QUIET = 0.05  # of the loudness that a twentieth of the frames surpass


class Animator(Protocol):
    """An evaluated model; `gaia_core.pipeline.Gaia` is one."""

    @property
    def networks(self) -> Networks:
        """Both stages; at least stage 1."""

    def animate(
        self,
        portrait: np.ndarray,
        waveform: np.ndarray,
        /,
        *,
        seed: int,
        steps: int,
        guidance: float,
    ) -> Iterator[np.ndarray]:
        """uint8 (256, 256, 3) crop, float32 (N,) at 16 kHz -> frames uint8 (256, 256, 3)"""


@dataclass(frozen=True)
class Track:
    """The tracked face of T frames; NaN where no face was found.

    Attributes:
        landmarks: (T, K, 3) px.
        lids: (T, 2) how far each eye is closed, 0 to 1.
    """

    landmarks: np.ndarray
    lids: np.ndarray

    @property
    def aperture(self) -> np.ndarray:
        """(T,) gap between the lips over the face's height."""
        return metrics.lip_aperture(self.landmarks)

    @property
    def found(self) -> np.ndarray:
        """(T,) whether the frame shows a face."""
        return np.isfinite(self.lids[:, 0])

    @property
    def pose(self) -> np.ndarray:
        """(T, 3) yaw, pitch and roll in degrees."""
        pose = np.full((len(self.lids), 3), np.nan)
        pose[self.found] = metrics.pose_degrees(self.landmarks[self.found])
        return pose

    def head_spread(self) -> np.ndarray:
        """Standard deviations of yaw, pitch and roll, degrees (3,)."""
        return self.pose[self.found].std(0) if self.found.any() else np.full(3, np.nan)

    def lids_between_blinks(self) -> np.ndarray:
        """(N,) `metrics.eye_aperture` of the frames without a blink."""
        lids = self.lids.mean(1)
        open_ = self.found & (lids < np.nanmedian(lids) + metrics.BLINK_RISE)
        return metrics.eye_aperture(self.landmarks[open_])

    def blinks(self) -> list[tuple[float, bool]]:
        """Of each blink how long it lasts in seconds, and whether both lids close."""
        lids = self.lids[self.found]
        rise = lids - np.median(lids, 0) if len(lids) else lids
        return [
            ((end - start) / FPS, bool(rise[start:end].max(0).min() > metrics.BLINK_RISE))
            for start, end in metrics.find_blinks(lids.mean(1))
        ]


def read_track(landmarker: FaceLandmarker, frames: Iterable[np.ndarray]) -> Track:
    """Tracks the face in frames, uint8 (H, W, 3)."""
    landmarks, lids = [], []
    for face in landmarker.track(frames):
        if face is None:
            landmarks.append(np.full((mesh.COUNT, 3), np.nan, np.float32))
            lids.append(np.full(2, np.nan, np.float32))
        else:
            landmarks.append(face.landmarks)
            lids.append(face.blendshapes[BLINKS])
    return Track(np.stack(landmarks), np.stack(lids))


def pauses(waveform: np.ndarray) -> list[slice]:
    """The frames of each silence of `PAUSE` seconds and more: (N,) at 16 kHz -> slices"""
    step = SAMPLE_RATE // FPS
    frames = waveform[: len(waveform) // step * step].reshape(-1, step)
    if not len(frames):
        return []
    loudness = np.sqrt(np.square(frames).mean(1))
    quiet = np.r_[0, loudness <= QUIET * np.percentile(loudness, 95), 0]
    starts, ends = (np.flatnonzero(np.diff(quiet) == sign).tolist() for sign in (1, -1))
    runs = [slice(a, b) for a, b in zip(starts, ends, strict=True)]
    return [run for run in runs if run.stop - run.start >= PAUSE * FPS]


def rest(clips: Iterable[tuple[np.ndarray, Sequence[slice]]]) -> tuple[int, float]:
    """(apertures (T,), pauses) of each clip -> number of pauses, and the aperture's mean spread."""
    parts = [aperture[pause] for aperture, found in clips for pause in found]
    spreads = [float(x.std()) for x in parts if len(x) >= PAUSE * FPS and np.isfinite(x).all()]
    return len(spreads), metrics.mean(spreads)


def speak(animator: Animator, portrait: np.ndarray, waveform: np.ndarray) -> list[np.ndarray]:
    """A portrait speaks, at a request's default settings; see `Animator.animate`."""
    return list(
        animator.animate(
            portrait,
            waveform,
            seed=Request.seed,
            steps=Request.steps,
            guidance=Request.guidance,
        )
    )


def silent_aperture(
    animator: Animator, landmarker: FaceLandmarker, portraits: Sequence[np.ndarray]
) -> float:
    """Standard deviation of the lip aperture over silence, mean over crops, uint8 (256, 256, 3)."""
    silence = np.zeros(SILENCE_SECONDS * SAMPLE_RATE, np.float32)
    clips = [read_track(landmarker, speak(animator, x, silence)) for x in portraits]
    return metrics.mean(np.nanstd(clip.aperture) for clip in clips if clip.found.any())


def compare(pairs: Sequence[tuple[Track, Track]]) -> dict[str, Any]:
    """(ours, real) of each clip, equally long -> report.

    A lag is in frames, positive where ours is late. Apertures are in face heights, spreads in
    degrees, `msi` in (mm per frame squared)^-2 of the canonical face. Clips whose real lips cannot
    be read or do not move (`STILL`) are left out of the correlations; where ours do not move they
    count as 0.
    """
    readable = [(a, b) for a, b in pairs if b.found.any() and float(np.nanstd(b.aperture)) > STILL]
    lags = np.array([metrics.lagged_correlations(a.aperture, b.aperture) for a, b in readable])
    lags = lags.reshape(-1, 2 * metrics.MAX_LAG + 1)
    moving = np.isfinite(lags).any(1)
    lags = np.nan_to_num(lags)
    best = lags[moving].argmax(1) - metrics.MAX_LAG
    return {
        "correlation_pooled": correlation(
            _pooled(ours for ours, _ in readable), _pooled(real for _, real in readable)
        ),
        "correlation_lag0": metrics.mean(lags[:, metrics.MAX_LAG]),
        "correlation_best": metrics.mean(lags.max(1)),
        "best_lag_mean": metrics.mean(best),
        "lag_within_1": float((np.abs(best) <= 1).sum()) / len(lags) if len(lags) else None,
        "clips": len(pairs),
        "clips_unreadable": len(pairs) - len(readable),
        "frames": sum(len(ours.lids) for ours, _ in pairs),
        "lost_faces": sum(int((~ours.found).sum()) for ours, _ in pairs),
        "ours": liveliness([ours for ours, _ in pairs]),
        "real": liveliness([real for _, real in pairs]),
    }


def _pooled(clips: Iterable[Track]) -> np.ndarray:
    """Apertures of all clips concatenated, each with its mean removed."""
    rows = [clip.aperture for clip in clips]
    return np.concatenate([row - metrics.mean(row) for row in rows] or [np.zeros(0)])


def liveliness(tracks: Sequence[Track]) -> dict[str, float]:
    """Amount of motion in a set of clips.

    Spreads are means over clips of standard deviations in time: of the head in degrees, of brows
    and the mouth's width in mm of the canonical face, of the lids' gap in eye widths. `steadiness`
    is one over the median clip's `metrics.head_tremor`.
    """
    seen = [track for track in tracks if track.found.any()]
    spread = np.array([track.head_spread() for track in tracks]).reshape(-1, 3)
    blinks = [blink for track in tracks for blink in track.blinks()]
    frames = sum(int(track.found.sum()) for track in tracks)
    aperture = np.concatenate([track.aperture[track.found] for track in tracks] or [np.zeros(0)])
    tremor = [metrics.head_tremor(track.landmarks) for track in tracks]
    tracking_jitter = metrics.mean(
        metrics.acceleration_variance(track.landmarks) for track in tracks
    )
    return {
        "aperture_p95": float(np.percentile(aperture, 95)) if len(aperture) else float("nan"),
        "aperture_std": metrics.mean(np.nanstd(x.aperture) for x in seen),
        "brow_spread": metrics.mean(np.nanstd(metrics.brow_height(x.landmarks)) for x in seen),
        "lid_spread": metrics.mean(x.lids_between_blinks().std() for x in seen),
        "mouth_width_spread": metrics.mean(
            np.nanstd(metrics.mouth_width(x.landmarks)) for x in seen
        ),
        "steadiness": 1 / float(np.nanmedian(tremor)) if np.nansum(tremor) else float("inf"),
        "msi": 1 / tracking_jitter if tracking_jitter else float("inf"),
        "yaw_spread": metrics.mean(spread[:, 0]),
        "pitch_spread": metrics.mean(spread[:, 1]),
        "roll_spread": metrics.mean(spread[:, 2]),
        "blinks_per_minute": metrics.per_minute(len(blinks), frames),
        "blink_seconds": metrics.mean(seconds for seconds, _ in blinks),
        "blinks_of_both_lids": metrics.mean(float(both) for _, both in blinks),
    }
