"""Reading and writing sound. Files are written atomically."""

from __future__ import annotations

import os
import re
import tempfile
import wave
from pathlib import Path

import numpy as np

from gaia_core import MAX_SECONDS, SAMPLE_RATE
from gaia_core.errors import InputError, Message
from gaia_core.media.ffmpeg import (
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
WINDOW, SILENCE, MARGIN = 0.02, 1e-4, 0.1  # s; power, as a share of the loudest window's; s


def read_audio(
    path: Path | str, max_seconds: float = MAX_SECONDS, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """The first sound track of a file as float32 (N,) mono in [-1, 1].

    Raises:
        InputError: empty, damaged, without sound, under `MIN_SECONDS` or over `max_seconds`.
    """
    path = Path(path)
    check_file(path, Message("a recording, for example WAV, MP3 or M4A"))
    done = run_ffmpeg(
        [*untrusted(), "-map", "0:a:0", "-af", from_zero(sample_rate), "-ac", "1"],
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
    waveform = np.nan_to_num(waveform)
    return np.clip(waveform, -1, 1, out=waveform)


def length(path: Path | str) -> float | None:
    """Duration in seconds that the header of a recording or video states; None if it has none."""
    report = run_ffmpeg(["-v", "info", *untrusted()], source=Path(path)).errors
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", report)
    if found is None:
        return None
    hours, minutes, seconds = (float(part) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def has_sound(path: Path | str | None) -> bool:
    """Whether `read_audio` can read a file; False for None."""
    if path is None:
        return False
    try:
        read_audio(path)
    except InputError:
        return False
    return True


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


def cut_audio(path: Path, out: Path, start: float, end: float) -> None:
    """Writes the sound of a file from second `start` to `end` as WAV, with all channels."""
    span = f"atrim={start:.4f}:{end:.4f},asetpts=PTS-STARTPTS"
    done = run_ffmpeg(
        [*untrusted(), "-map", "0:a:0", "-af", f"{from_zero(FILE_RATE)},{span}"],
        ["-c:a", "pcm_s16le", file_url(out)],
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
