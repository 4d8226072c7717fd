"""The only caller of ffmpeg.

A user's file is opened as a file descriptor and no other protocol is allowed, so that a playlist
disguised as a recording cannot make ffmpeg open anything else.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from gaia_core.errors import InputError, Message, disk_full

# The media of a request, in words.
WANTED = {
    "portrait": Message("a JPEG or PNG photo"),
    "speech": Message("a recording, for example WAV, MP3 or M4A"),
    "drive": Message("a video, for example MP4"),
}


class Ffmpeg:
    """A running ffmpeg whose messages are drained by a thread, so that it never blocks on them."""

    def __init__(
        self,
        *arguments: Sequence[str],
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> None:
        self._process = subprocess.Popen(
            _command(*arguments), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE
        )
        self._errors = b""
        self._drain = threading.Thread(target=self._read_errors, daemon=True)
        self._drain.start()

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def errors(self) -> str:
        """The last 2,000 characters of ffmpeg's messages; complete after `wait`."""
        return self._errors.decode("utf-8", "replace").strip()

    def wait(self) -> int:
        """Ends the input and returns ffmpeg's exit code."""
        self._close()
        code = self._process.wait()
        self._drain.join()
        return code

    def kill(self) -> None:
        """Kills ffmpeg, if it still runs, and closes its pipes."""
        self._process.kill()
        self.wait()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # closing flushes to an ffmpeg that has ended
                    pipe.close()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            for line in pipe:
                self._errors = (self._errors + line)[-2000:]


@dataclass(frozen=True)
class _Done:
    """A finished ffmpeg."""

    code: int
    stdout: bytes
    errors: str


def failure(what: str, errors: str) -> Exception:
    """The error to raise when ffmpeg could not write."""
    if "No space left" in errors:
        return disk_full()
    return RuntimeError(f"{what}: {errors}")


def run_ffmpeg(*arguments: Sequence[str], source: Path | None) -> _Done:
    """Runs ffmpeg to its end, with `source` as its file descriptor 0."""
    with open(source or os.devnull, "rb") as stdin:
        done = subprocess.run(_command(*arguments), stdin=stdin, capture_output=True)
    return _Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip())


def _command(*arguments: Sequence[str]) -> list[str]:
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", "-y"]
    return start + [argument for group in arguments for argument in group]


def file_url(path: Path) -> str:
    """A path of ours as an argument: ffmpeg takes what stands before a colon for a protocol."""
    return f"file:{path.absolute()}"


def untrusted() -> list[str]:
    """Input arguments for a user's file, which is ffmpeg's standard input."""
    return ["-protocol_whitelist", "fd", "-fd", "0", "-i", "fd:"]


def from_zero(rate: int) -> str:
    """A filter that resamples, and pads the start if a file's timestamps begin after zero.

    Timestamps that begin before zero (some Opus files) are shifted, since ffmpeg would drop them.
    """
    return f"asetpts='PTS-min(STARTPTS,0)',aresample={rate}:async=1:first_pts=0"


def check_file(path: Path, wanted: Message) -> None:
    """Checks that there is such a file, with content.

    Args:
        wanted: what to give instead, in words.

    Raises:
        InputError: it is none.
    """
    if path.parts[:1] in (("http:",), ("https:",)):
        raise InputError(
            "{name} is an address in the web; download the file and give {wanted}.",
            name=path.name,
            wanted=wanted,
        )
    if os.path.isdir(path):  # false, too, of what can be no file's name
        name = path.name or str(path)
        raise InputError("{name} is a folder; give {wanted}.", name=name, wanted=wanted)
    if not os.path.isfile(path):
        raise InputError("There is no file {name}; give {wanted}.", name=path.name, wanted=wanted)
    if not path.stat().st_size:
        raise InputError("{name} is empty; give {wanted}.", name=path.name, wanted=wanted)
