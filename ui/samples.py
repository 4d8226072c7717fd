"""The shipped examples: the files in the folders of `examples/`."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FIRST = "hopper"  # large and in focus: none of the warnings applies
ROOT = Path(__file__).resolve().parent.parent / "examples"


def portraits() -> list[Path]:
    """The portraits; the first is chosen as the page opens."""
    found = _files("portraits", (".png", ".jpg"))
    return sorted(found, key=lambda path: path.stem != FIRST)


def speeches() -> list[Path]:
    return _files("speech", (".wav",))


def words_of(speech: Path) -> str:
    """The transcript of an example recording, from the text file beside it."""
    return speech.with_suffix(".txt").read_text(encoding="utf-8").strip()


def output_of(portrait: Path) -> Path | None:
    """The shipped video of an example portrait, if there is one."""
    video = ROOT / "outputs" / f"{portrait.stem}.mp4"
    return video if video.is_file() else None


def is_shipped(path: Path) -> bool:
    """Whether there is such a file, with the content of an example."""
    return path.is_file() and fingerprint(path) in _shipped()


@cache
def _shipped() -> frozenset[str]:
    return frozenset(fingerprint(path) for path in (*portraits(), *speeches()))


def fingerprint(path: Path) -> str:
    """SHA-256 of the content, as recipes name media."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: str, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in (ROOT / folder).glob("*") if p.suffix in suffixes)
