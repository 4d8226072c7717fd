"""Model files in the project, the weights' folder or a package, checked by sha256.

A package is not imported for its file, since its imports may not be needed.
"""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

from gaia_core.errors import InputError


def _shipped(name: str) -> Path:
    """A folder of the project, or the package's own copy of it once that is installed."""
    folders = Path(__file__).parent.parent / name, Path(__file__).parent / name
    return next(filter(Path.is_dir, folders), folders[0])


WEIGHTS = Path(os.environ.get("GAIA_WEIGHTS") or _shipped("weights"))
# Further folders, between which the studio's Compare tab chooses.
MORE_WEIGHTS = tuple(
    Path(folder).resolve()
    for folder in os.environ.get("GAIA_MORE_WEIGHTS", "").split(os.pathsep)
    if folder
)
EXAMPLES = _shipped("examples")
SUMS = "SHA256SUMS"


def shipped_model(file: str) -> Path:
    """Path of a third-party model that the project ships in `third_party`.

    Raises:
        InputError: the file is missing or has another checksum.
    """
    path = _shipped("weights") / "third_party" / file
    if not path.is_file():
        raise InputError(
            "The model file {path} is missing; restore it from the project.", path=path
        )
    check(path)
    return path


def packaged_file(package: str, file: str, sha256: str, requirement: str = "") -> Path:
    """A data file of an installed package.

    Args:
        package: the name it is imported by.
        file: path inside it.
        sha256: of the file.
        requirement: for the error message; the package's name by default.

    Raises:
        InputError: the package is missing, or its file is not the expected one.
    """
    spec = find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    for folder in folders:
        path = Path(folder, file)
        if path.is_file() and hash_file(path) == sha256:
            return path
    name = requirement or package.replace("_", "-")
    raise InputError(
        "The model file {file} is missing or damaged; install {name} again.", file=file, name=name
    )


def hash_file(path: Path) -> str:
    """The sha256 of a file, as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(path: Path) -> None:
    """Writes a file's sha256 into the `SHA256SUMS` beside it, which `sha256sum -c` reads."""
    sums = _sums(path.parent) | {path.name: hash_file(path)}
    lines = [f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items())]
    (path.parent / SUMS).write_text("".join(lines), "utf-8")


def check(path: Path) -> None:
    """Compares a file with `SHA256SUMS`; files that are not listed pass.

    Raises:
        InputError: the checksum differs.
    """
    expected = _sums(path.parent).get(path.name)
    if expected is not None and path.is_file() and hash_file(path) != expected:
        raise InputError(
            "The weights file {path} is not the one that {sums} tells of; restore "
            "both from the project.",
            path=path,
            sums=SUMS,
        )


def _sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
