"""Reading and writing sound. Files are written atomically."""

from __future__ import annotations

import os
import re
import tempfile
import wave
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from gaia_core import MAX_SECONDS, SAMPLE_RATE
from gaia_core.errors import InputError, Message
from gaia_core.media.ffmpeg import (
    WANTED,
    check_file,
    failure,
    file_url,
    from_zero,
    run_ffmpeg,
    untrusted,
)

MIN_SECONDS = 0.2  # of a recording
# Hz, of a video's sound: browsers like it, and a player that ignores AAC's priming is 21 ms late.
FILE_RATE = 48_000
LOUDEST = 100  # of a sample; full scale is 1, which a mix in floats may pass
INAUDIBLE = 1e-3  # the peak of what is not heard: -60 dB of full scale
CANCELLED = 10**-1.2  # power of a mix by that of its louder channel; of one channel alone it is 1/4
JUDGED, JUDGED_RATE = 600, 8000  # s, Hz: what is looked at to choose a track and a channel
WINDOW, SILENCE, MARGIN = 0.02, 1e-4, 0.1  # s; power, as a share of the loudest window's; s


@dataclass(frozen=True)
class Choice:
    """Which sound of a file is taken.

    Attributes:
        track: 0 but where the tracks before it are silent.
        channel: 0 or 1, left or right, where both cancel each other; None for their mix.
        silent: no track holds anything that can be heard.
    """

    track: int = 0
    channel: int | None = None
    silent: bool = False

    @property
    def filters(self) -> str:
        """ffmpeg's filters that take the channel, to be followed by others."""
        if self.channel is None:
            return ""
        return f"aformat=channel_layouts=stereo,pan=mono|c0=c{self.channel},"

    def notice(self, name: str) -> Message | None:
        """What the user reads of the choice in a file of that name; None without a choice."""
        if self.silent:
            return Message(
                "Nothing is heard in {name}, so the lips hardly move; check the recording.",
                name=name,
            )
        if self.channel is not None:
            return Message(
                "The channels of {name} cancel each other, so only the {side} one is used.",
                name=name,
                side=Message("right") if self.channel else Message("left"),
            )
        if self.track:
            return Message(
                "Sound track 1 of {name} is silent, so track {track} is used.",
                name=name,
                track=self.track + 1,
            )
        return None


PLAIN = Choice()


def choose_sound(path: Path | str) -> Choice | None:
    """The first track of a file in which something is heard, judged by its first `JUDGED` seconds.

    None of a file without sound, and of one whose sound is damaged: `read_audio` tells why.

    Raises:
        InputError: there is no such file, or it is empty.
    """
    path = Path(path)
    check_file(path, WANTED["speech"])
    for track in count():
        done = run_ffmpeg(
            [*untrusted(), "-map", f"0:a:{track}", "-t", str(JUDGED), "-ac", "2"],
            ["-ar", str(JUDGED_RATE), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"],
            source=path,
        )
        if "matches no streams" in done.errors:
            return Choice(silent=True) if track else None
        if done.code or not done.stdout:
            return None
        channels = np.frombuffer(done.stdout, "<f4").reshape(-1, 2)
        peak = np.abs(channels).max()
        if not peak <= LOUDEST:  # nor of what is not a number
            return None
        if peak <= INAUDIBLE:
            continue
        powers = np.square(channels, dtype=np.float64).mean(0)
        if np.square(channels.mean(1), dtype=np.float64).mean() < CANCELLED * powers.max():
            return Choice(track, int(powers.argmax()))
        return Choice(track)
    raise AssertionError  # no file has endless tracks


def read_audio(
    path: Path | str,
    max_seconds: float = MAX_SECONDS,
    sample_rate: int = SAMPLE_RATE,
    choice: Choice | None = None,
) -> np.ndarray:
    """What is heard in a file as float32 (N,) mono in [-1, 1].

    Args:
        choice: by default `choose_sound`.

    Raises:
        InputError: empty, damaged, without sound, under `MIN_SECONDS` or over `max_seconds`, or
            with samples that are not finite or over `LOUDEST`.
    """
    path = Path(path)
    choice = choice or choose_sound(path) or PLAIN
    filters = choice.filters + from_zero(sample_rate)
    done = run_ffmpeg(
        [*untrusted(), "-map", f"0:a:{choice.track}", "-af", filters, "-ac", "1"],
        ["-t", str(max_seconds + 1), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"],
        source=path,
    )
    waveform = np.frombuffer(done.stdout, "<f4")
    if "matches no streams" in done.errors:
        raise InputError("{name} has no sound; give a file with speech in it.", name=path.name)
    if done.code or (not len(waveform) and done.errors):
        raise InputError(
            "{name} cannot be read as audio; save it as WAV or MP3 and try again.", name=path.name
        )
    seconds = len(waveform) / sample_rate
    if seconds < MIN_SECONDS:
        raise InputError(
            "{name} holds {seconds:.2f} s of sound; give at least {least} s.",
            name=path.name,
            seconds=seconds,
            least=MIN_SECONDS,
        )
    if seconds > max_seconds:
        raise InputError(
            "{name} is too long; cut it to at most {most:g} s.", name=path.name, most=max_seconds
        )
    if not np.abs(waveform).max() <= LOUDEST:  # nor of what is not a number
        raise InputError(
            "{name} holds samples that are no sound (not a number, or far over full scale); "
            "export it again as 16-bit WAV.",
            name=path.name,
        )
    return np.clip(waveform, -1, 1)


def length(path: Path | str) -> float | None:
    """Duration in seconds that the header of a recording or video states; None if it has none."""
    report = run_ffmpeg(["-v", "info", *untrusted()], source=Path(path)).errors
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", report)
    if found is None:
        return None
    hours, minutes, seconds = (float(part) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def find_sound(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> tuple[float, float]:
    """Start and end of the sound in seconds, without silence at both ends.

    The threshold is 40 dB below the loudest 20 ms; a tenth of a second is kept around the sound.
    If all is silent, the whole.

    Args:
        waveform: (N,) float32.
    """
    width = round(WINDOW * sample_rate)
    windows = waveform[: len(waveform) // width * width].reshape(-1, width)
    power = np.einsum("ij,ij->i", windows, windows)
    (loud,) = np.nonzero(power > SILENCE * power.max(initial=0.0))
    length = len(waveform) / sample_rate
    if not len(loud):
        return 0.0, length
    start, end = loud[0] * WINDOW - MARGIN, (loud[-1] + 1) * WINDOW + MARGIN
    return max(0.0, float(start)), min(length, float(end))


def cut_audio(path: Path, out: Path, start: float, end: float, choice: Choice = PLAIN) -> None:
    """Writes the sound of a file from second `start` to `end` as WAV or FLAC.

    All channels, if the choice names none.
    """
    span = f"atrim={start:.4f}:{end:.4f},asetpts=PTS-STARTPTS"
    filters = f"{choice.filters}{from_zero(FILE_RATE)},{span}"
    done = run_ffmpeg(
        [*untrusted(), "-map", f"0:a:{choice.track}", "-af", filters],
        ["-sample_fmt", "s16", file_url(out)],
        source=path,
    )
    if done.code:
        out.unlink(missing_ok=True)
        raise failure("the sound could not be cut", done.errors)


def write_audio(path: Path | str, waveform: np.ndarray, sample_rate: int) -> None:
    """Writes float (N,) in [-1, 1] as a 16-bit mono WAV file."""
    path = Path(path)
    if waveform.ndim != 1:
        raise ValueError(f"the waveform has shape {waveform.shape}, not (N,)")
    samples = (np.clip(waveform, -1, 1) * 32767).round().astype("<i2")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".gaia-") as folder:
        part = Path(folder, path.name)
        with wave.open(str(part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes(samples.tobytes())
        os.replace(part, path)
