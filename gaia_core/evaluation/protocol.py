"""The held-out protocol: which clips and portraits, in which order, and the report.

Held-out people are `val/` in the manifests; each protocol's module describes its measurements.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaia_core import FPS
from gaia_core.errors import InputError
from gaia_core.evaluation import (
    closures,
    control,
    groups,
    hard_portraits,
    instructions,
    lip_timing,
    metrics,
    motion_range,
    mouths,
    reenactment,
    resolution,
    spans,
    speech_driven,
    stability,
    steadiness,
    swap,
    sweep,
    variation,
)
from gaia_core.evaluation.portraits import (
    SIDE,
    Photo,
    Portrait,
    TrackedClip,
    detect_portrait,
    manifest_rows,
    read_photos,
    take_turns,
    track_clip,
)
from gaia_core.evaluation.sheets import save_sheet
from gaia_core.evaluation.speech_driven import Animator, Track
from gaia_core.media.audio import read_audio
from gaia_core.media.image import read_image
from gaia_core.media.video import read_clip
from gaia_core.pipeline import Gaia
from gaia_core.portrait.detector import FaceLandmarker
from gaia_core.renderer.autoencoder import Autoencoder
from gaia_core.speech.voices import OFFLINE_VOICE

OF_CLIPS = ("reenactment", "speech", "swap")
OF_PORTRAITS = ("range", "resolution", "mouths", "calm", "hard")
OF_CONTROLS = ("control", "instructions", "steady")  # of portraits too, and of the whole engine
OF_SPEECH = ("phones", "life", "spans", "sweep")  # of clips, and of the whole engine
PROTOCOLS = (*OF_CLIPS, *OF_SPEECH, *OF_PORTRAITS, *OF_CONTROLS, "all")

TRACK_STEP, TRACK_FRAMES = 3, 60  # of a clip that motion is taken from: every 3rd frame, so many
LONG, LONG_FRAMES = 50, 75  # consecutive frames of clips in which slow turns are searched
# Portraits of the protocols by default, and clips.
PORTRAITS, SMILES, PHOTOS, PANNED, INSTRUCTED = 6, 3, 6, 2, 5
SPEAKERS, LIVELY, RENEWED, SWEPT = 4, 2, 2, 28
RECORDED = 12  # clips of known text, from held-out and from trained people each
TALKING = 8  # clips whose lip timing is measured with pose tracks, and with a smile
LEAST_WIDTH = 200  # minimal width of a portrait's face, px
SMILE = 0.03  # lip aperture that shows teeth


@dataclass(frozen=True)
class Clip:
    """A row of the manifest. `path` is the video; `name` is for reports and file names."""

    path: Path
    name: str
    identity: str
    source: str
    has_audio: bool
    transcript: str = ""


@torch.no_grad()
def evaluate(
    gaia: Animator,
    data_dir: Path | str,
    protocol: str = "all",
    limit: int | None = None,
    sheets: Path | str | None = None,
) -> dict[str, Any]:
    """Runs protocols on the held-out clips and portraits.

    Args:
        data_dir: holds clips/manifest.csv and the clips it names, 256 x 256 at 25 fps.
        protocol: one of `PROTOCOLS`; "all" leaves out those of portraits where there are none.
            Those of controls, and of speech beyond "speech" itself, need a `Gaia`.
        limit: maximal number of clips, pairs or portraits of each protocol, spread over people.
        sheets: folder for the contact sheets, one folder for each protocol.

    Returns:
        {"identities": ..., protocol: its report, ...} as plain JSON values; None is what could not
        be measured.

    Raises:
        InputError: no such protocol or data, or its val/ is not held out.
    """
    if protocol not in PROTOCOLS:
        raise InputError(
            "Protocol is {protocol!r}; choose one of {names}.",
            protocol=protocol,
            names=tuple(PROTOCOLS),
        )
    if limit is not None and limit < 1:
        raise InputError("Limit is {limit}; choose at least 1 clip.", limit=limit)
    clips, trained = read_manifest(Path(data_dir))
    folder = None if sheets is None else Path(sheets)
    people, others = (len({clip.identity for clip in part}) for part in (clips, trained))
    report: dict[str, Any] = {"identities": {"val": people, "train": others, "shared": 0}}
    selected: Sequence[str] = PROTOCOLS if protocol == "all" else (protocol,)
    if protocol == "all" and not (Path(data_dir) / "portraits" / "manifest.csv").is_file():
        selected = OF_CLIPS
    of_photos = {*OF_PORTRAITS, *OF_CONTROLS}
    photos = read_photos(Path(data_dir)) if set(selected) & of_photos else []
    with FaceLandmarker() as landmarker:
        if "reenactment" in selected:
            report["reenactment"] = _reenactment(gaia, landmarker, spread(clips, limit), folder)
        if "speech" in selected:
            with_sound = spread([clip for clip in clips if clip.has_audio], limit)
            report["speech"] = _speech(gaia, landmarker, with_sound, folder)
        rest = [name for name in _MEASURES if name in selected]
        if rest:
            held = HeldOut(gaia, reenactment.Evaluators(landmarker), clips, photos, folder, trained)
        for name in rest:
            start = time.monotonic()
            report[name] = {**_MEASURES[name](held, limit), "seconds": time.monotonic() - start}
    plain: dict[str, Any] = _plain(report)
    return plain


def read_manifest(data_dir: Path) -> tuple[list[Clip], list[Clip]]:
    """The held-out clips, and those that were trained on, in the manifest's order.

    Raises:
        InputError: no such manifest, no held-out clip, or a person is in both halves.
    """
    path = data_dir / "clips" / "manifest.csv"
    clips = [
        Clip(
            path.parent / row["file"],
            Path(row["file"]).stem,
            row["identity"],
            row["source"],
            row["has_audio"] == "1",
            row.get("transcript") or "",
        )
        for row in manifest_rows(path, ("file", "identity", "source", "has_audio"))
    ]
    held_out = [clip for clip in clips if clip.path.parent.name == "val"]
    trained = [clip for clip in clips if clip.path.parent.name != "val"]
    if not held_out:
        raise InputError("{path} names no clip under val/; add some to evaluate on.", path=path)
    people, others = ({clip.identity for clip in part} for part in (held_out, trained))
    if shared := sorted(people & others):
        raise InputError(
            "{names} are in both train/ and val/; nothing is held out.", names=tuple(shared)
        )
    return held_out, trained


def spread(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most `limit` clips: each identity's first in the manifest's order, then the next."""
    return take_turns(clips, lambda clip: clip.identity)[:limit]


@dataclass(frozen=True)
class HeldOut:
    """The inputs of the other protocols: model, evaluators and held-out data."""

    gaia: Animator
    evaluators: reenactment.Evaluators
    clips: list[Clip]
    photos: list[Photo]
    sheets: Path | None
    trained: list[Clip]

    @property
    def autoencoder(self) -> Autoencoder:
        """Stage 1."""
        return self.gaia.networks.autoencoder

    @property
    def engine(self) -> Gaia:
        """Both stages with their controls.

        Raises:
            InputError: the evaluated model has none.
        """
        if not isinstance(self.gaia, Gaia):
            raise InputError("This protocol is measured on a loaded `Gaia`; give one.")
        return self.gaia

    @cached_property
    def tracked_clips(self) -> list[TrackedClip]:
        """One clip of each person."""
        return [
            tracked
            for clip in self._people(self.clips)
            if (tracked := self._tracked(clip)) is not None
        ]

    def long_clips(self) -> list[TrackedClip]:
        """Consecutive frames of one longer clip of each person."""
        tracked_clips = (self._tracked(clip, LONG_FRAMES, 1) for clip in self._people(self.clips))
        return [
            tracked
            for tracked in tracked_clips
            if tracked is not None and len(tracked.images) >= LONG
        ]

    def speakers(self, count: int) -> list[Portrait]:
        """First frames of clips with sound, one of each person."""
        tracked_clips = (self._tracked(clip, 2, 1) for clip in self._people(self.with_sound()))
        return list(
            islice((tracked.first() for tracked in tracked_clips if tracked is not None), count)
        )

    def with_sound(self) -> list[Clip]:
        """Clips with sound, spread over people."""
        return spread([clip for clip in self.clips if clip.has_audio], None)

    def talking(self) -> Iterator[tuple[TrackedClip, np.ndarray]]:
        """Clips that are long enough, and their sound, round-robin over people."""
        count = round(lip_timing.SECONDS * FPS / lip_timing.STEP)
        for clip in self.with_sound():
            tracked = self._tracked(clip, count, lip_timing.STEP)
            if tracked is not None and len(tracked.faces) == count:
                yield tracked, read_audio(clip.path)

    def portraits(self, count: int, side: int = SIDE) -> list[Portrait]:
        """Portraits with a face large enough, round-robin over sources, one of each person.

        side: of their crops in px.
        """
        found: dict[str, Portrait] = {}
        for photo in self.photos:
            if len(found) == count:
                break
            if photo.identity not in found and (portrait := self.portrait(photo, side)) is not None:
                found[photo.identity] = portrait
        return list(found.values())

    def smiles(self, count: int) -> list[tuple[Portrait, Portrait]]:
        """(showing teeth, mouth closed) portraits of the same person."""
        of: dict[str, list[Photo]] = {}
        for photo in self.photos:
            of.setdefault(photo.identity, []).append(photo)
        pairs: list[tuple[Portrait, Portrait]] = []
        for same in of.values():
            if len(same) < 2 or len(pairs) == count:
                continue
            detected = [
                portrait for photo in same if (portrait := self.portrait(photo)) is not None
            ]
            detected.sort(key=lambda portrait: float(metrics.lip_aperture(portrait.face.landmarks)))
            if len(detected) > 1 and metrics.lip_aperture(detected[-1].face.landmarks) > SMILE:
                pairs.append((detected[-1], detected[0]))
        return pairs

    def _people(self, clips: list[Clip]) -> list[Clip]:
        """A clip of each person."""
        return spread(clips, len({clip.identity for clip in clips}))

    def _tracked(
        self, clip: Clip, count: int = TRACK_FRAMES, step: int = TRACK_STEP
    ) -> TrackedClip | None:
        landmarker = self.evaluators.landmarker
        return track_clip(landmarker, clip.path, clip.name, clip.identity, count, step)

    def portrait(self, photo: Photo, side: int = SIDE) -> Portrait | None:
        """A photo's portrait; None without a face large enough."""
        least = max(LEAST_WIDTH, side / 2)  # a crop is about twice as wide as the face
        return detect_portrait(
            self.evaluators.landmarker, photo.name, read_image(photo.path), side, least
        )


def _swap(held: HeldOut, limit: int | None) -> dict[str, Any]:
    count = swap.PAIRS if limit is None else limit
    return swap.measure(held.autoencoder, held.evaluators, held.tracked_clips, count, held.sheets)


def _range(held: HeldOut, limit: int | None) -> dict[str, Any]:
    return motion_range.measure(
        held.autoencoder,
        held.evaluators,
        held.portraits(PORTRAITS if limit is None else limit),
        held.smiles(SMILES if limit is None else limit),
        held.tracked_clips,
        held.sheets,
    )


def _resolution(held: HeldOut, limit: int | None) -> dict[str, Any]:
    photos = (
        (photo.name, image)
        for photo in held.photos
        if max((image := read_image(photo.path)).shape) >= resolution.LEAST_SIDE
    )
    some = list(islice(photos, PHOTOS if limit is None else limit))
    measured = partial(resolution.measure, held.autoencoder, held.evaluators.landmarker)
    large = ((f"{name}_enlarged", resolution.enlarged(image)) for name, image in some)
    return {**measured(some, held.sheets), "enlarged": measured(large, held.sheets)}


def _mouths(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = (held.portrait(photo, mouths.CROP) for photo in held.photos[:limit])
    found = [portrait for portrait in portraits if portrait is not None]
    return mouths.measure(held.autoencoder, found, held.tracked_clips[:limit], held.sheets)


def _stability(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = held.portraits(PANNED if limit is None else limit)
    return stability.measure(
        held.autoencoder, held.evaluators, portraits, held.long_clips(), held.sheets
    )


def _hard_portraits(held: HeldOut, limit: int | None) -> dict[str, Any]:
    photos = {photo.name: photo for photo in held.photos}
    return hard_portraits.measure(
        held.autoencoder, held.evaluators, photos, held.tracked_clips, held.sheets
    )


def _control(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = held.portraits(PORTRAITS if limit is None else limit)
    talking = islice(held.talking(), TALKING if limit is None else limit)
    return {
        **control.measure(held.engine, portraits, held.sheets),
        "lips": lip_timing.measure(held.engine, talking),
    }


def _instructions(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = held.portraits(INSTRUCTED if limit is None else limit)
    return instructions.measure(held.engine, portraits, list(instructions.phrases()))


def _phones(held: HeldOut, limit: int | None) -> dict[str, Any]:
    some = RECORDED if limit is None else limit
    transcribed = [clip for clip in held.with_sound() if clip.transcript][:some]
    # No held-out clip with a transcript is in English, so English ones are of training people.
    english = [x for x in held.trained if x.has_audio and x.transcript and x.transcript.isascii()]
    return closures.measure(
        held.gaia,
        held.evaluators.landmarker,
        held.speakers(SPEAKERS),
        closures.SENTENCES[:limit],
        [closures.Recording(x.path, x.transcript, True) for x in transcribed]
        + [closures.Recording(x.path, x.transcript, False) for x in spread(english, some)],
    )


def _steadiness(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = held.portraits(PORTRAITS if limit is None else limit, steadiness.SIDE)
    return steadiness.measure(
        held.engine, held.evaluators.landmarker, portraits, _sentences(), held.sheets
    )


def _variation(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = held.speakers(LIVELY if limit is None else limit)
    return variation.measure(held.engine, held.evaluators.landmarker, portraits, _sentences())


def _spans(held: HeldOut, limit: int | None) -> dict[str, Any]:
    portraits = held.speakers(RENEWED if limit is None else limit)
    return spans.measure(held.engine, held.evaluators.landmarker, portraits, _sentences())


def _sentences() -> np.ndarray:
    """Default speech of protocols that need no recording."""
    return closures.say(" ".join(closures.SENTENCES), OFFLINE_VOICE)


def _sweep(held: HeldOut, limit: int | None) -> dict[str, Any]:
    clips = (clip.path for clip in held.with_sound())
    count = SWEPT if limit is None else limit
    return sweep.measure(held.engine, held.evaluators.landmarker, clips, count)


_MEASURES: Mapping[str, Callable[[HeldOut, int | None], dict[str, Any]]] = {
    "swap": _swap,
    "phones": _phones,
    "life": _variation,
    "spans": _spans,
    "sweep": _sweep,
    "range": _range,
    "resolution": _resolution,
    "mouths": _mouths,
    "calm": _stability,
    "hard": _hard_portraits,
    "control": _control,
    "instructions": _instructions,
    "steady": _steadiness,
}


def _reenactment(
    gaia: Animator, landmarker: FaceLandmarker, clips: Sequence[Clip], sheets: Path | None
) -> dict[str, Any]:
    start = time.monotonic()
    evaluators = reenactment.Evaluators(landmarker)
    done: list[tuple[Clip, dict[str, list[reenactment.Scores]]]] = []
    lightness: list[float] = []
    for clip in clips:
        rendered = reenactment.reenact(
            gaia.networks.autoencoder, evaluators, list(read_clip(clip.path))
        )
        if rendered is None:
            continue
        done.append((clip, rendered.scores))
        lightness.append(rendered.lightness)
        if sheets is not None:
            order = {name: rendered.rendered[name] for name in ("ours", "landmark_warp", "still")}
            path = sheets / "reenactment" / f"{clip.name}.png"
            save_sheet(path, f"{clip.name} ({clip.source})", {"real": rendered.real, **order})
    everyone = [groups.Measured(clip.identity, scores) for clip, scores in done]
    sources = [clip.source for clip, _ in done]
    skins = groups.skins(everyone, lightness)
    return {
        **groups.summarise(everyone),
        "by_source": groups.by(everyone, sources),
        "by_skin": groups.by(everyone, skins),
        **{
            f"by_{trait}": groups.by(everyone, own)
            for trait, own in groups.impressions(everyone).items()
        },
        "clips_without_face": len(clips) - len(done),
        "seconds": time.monotonic() - start,
    }


def _speech(
    gaia: Animator, landmarker: FaceLandmarker, clips: Sequence[Clip], sheets: Path | None
) -> dict[str, Any]:
    start = time.monotonic()
    done: list[tuple[Clip, tuple[Track, Track]]] = []
    silences: list[list[slice]] = []
    portraits: dict[str, np.ndarray] = {}
    for clip in clips:
        real = list(read_clip(clip.path))
        index, face = reenactment.first_face(landmarker, real)
        if face is None:
            continue
        try:
            waveform = read_audio(clip.path)
            ours = speech_driven.speak(gaia, real[index], waveform)
        except InputError:  # no sound after all, or a first frame that is turned away too far
            continue
        portraits.setdefault(clip.identity, real[index])
        count = min(len(ours), len(real))
        tracked_clips = ours[:count], real[:count]
        tracks = tuple(speech_driven.read_track(landmarker, tracked) for tracked in tracked_clips)
        done.append((clip, (tracks[0], tracks[1])))
        silences.append(speech_driven.pauses(waveform))
        if sheets is not None:
            path = sheets / "speech" / f"{clip.name}.png"
            title = f"{clip.name} ({clip.source})"
            save_sheet(path, title, {"real": tracked_clips[1], "ours": tracked_clips[0]})
    silent = list(portraits.values())[: speech_driven.SILENT_PORTRAITS]
    compared = speech_driven.compare([tracks for _, tracks in done])
    for side, index in (("ours", 0), ("real", 1)):
        apertures = [tracks[index].aperture for _, tracks in done]
        compared["pauses"], compared[side]["pause_spread"] = speech_driven.rest(
            zip(apertures, silences, strict=True)
        )
    return {
        **compared,
        "silence_aperture_std": speech_driven.silent_aperture(gaia, landmarker, silent),
        "by_source": {
            source: speech_driven.compare([x for clip, x in done if clip.source == source])
            for source in _sources(done)
        },
        "clips_refused": len(clips) - len(done),
        "seconds": time.monotonic() - start,
    }


def _sources(done: Sequence[tuple[Clip, Any]]) -> list[str]:
    return sorted({clip.source for clip, _ in done})


def _plain(value: Any) -> Any:
    """JSON values: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(x) for key, x in value.items()}
    if isinstance(value, list):
        return [_plain(x) for x in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
