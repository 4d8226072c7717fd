"""The shipped examples. A folder is the list: put a file there and the studio shows it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "examples"


def portraits() -> list[Path]:
    return _files("portraits", (".png", ".jpg"))


def speeches() -> list[Path]:
    return _files("speech", (".wav",))


def words_of(speech: Path) -> str:
    """What an example recording says; it stands beside it in a text file."""
    return speech.with_suffix(".txt").read_text(encoding="utf-8").strip()


def output_of(portrait: Path) -> Path | None:
    """The video that was made beforehand from an example portrait, if one is shipped."""
    video = ROOT / "outputs" / f"{portrait.stem}.mp4"
    return video if video.is_file() else None


def is_shipped(path: Path) -> bool:
    """Whether the content, whatever its name, is one of the examples."""
    return fingerprint(path) in _shipped()


@cache
def _shipped() -> frozenset[str]:
    return frozenset(fingerprint(path) for path in (*portraits(), *speeches()))


def fingerprint(path: Path) -> str:
    """SHA-256 of the content, as recipes name media."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: str, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in (ROOT / folder).glob("*") if p.suffix in suffixes)
