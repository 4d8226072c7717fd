"""What is installed is pinned and explained."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(ROOT.glob("requirements*.txt"))
PINNED = re.compile(r"([A-Za-z0-9_.-]+)(?:\[\w+\])?==([\w.]+)")


def lines(file: Path) -> list[str]:
    text = re.sub(r"\s*#.*", "", file.read_text("utf-8"))
    return [line for line in text.splitlines() if line and not line.startswith("-r ")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_requirement_is_pinned_and_explained(file):
    told = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    assert f"`{file.name}`" in told
    for line in lines(file):
        if line == "torch>=2.8,<2.14":
            continue
        name, version = PINNED.match(line).groups()
        rows = [row for row in told.splitlines() if re.search(rf"\b{re.escape(name)}\b", row)]
        assert any(version in row for row in rows), line


def test_no_package_is_asked_for_twice():
    names = [line.split("=")[0] + line.partition(";")[2] for file in FILES for line in lines(file)]
    assert len(names) == len(set(names))
