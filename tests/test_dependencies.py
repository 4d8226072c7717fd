"""What is installed is pinned and explained, and a Space installs the same.

`python tests/test_dependencies.py` writes requirements.txt.
"""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
TABLE = {"gaia": PROJECT["dependencies"], **EXTRAS}
PINNED = re.compile(r"([A-Za-z0-9_.-]+)(?:\[\w+\])?==([\w.]+)")
UNPINNED = {"torch>=2.8,<2.14", "gaia[studio,train]"}


def requirements() -> str:
    """A Space reads this file alone, before it has the project, so that it names no extra."""
    head = "# Of pyproject.toml, for a Space; written by `python tests/test_dependencies.py`.\n"
    return head + "".join(f"{line}\n" for line in (*EXTRAS["studio"], *PROJECT["dependencies"]))


def test_a_space_installs_the_same():
    assert (ROOT / "requirements.txt").read_text("utf-8") == requirements()


@pytest.mark.parametrize("table", TABLE)
def test_every_requirement_is_pinned_and_explained(table):
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    assert f"(`{table}`)" in text
    for line in set(TABLE[table]) - UNPINNED:
        name, version = PINNED.match(line).groups()
        rows = [row for row in text.splitlines() if re.search(rf"\b{re.escape(name)}\b", row)]
        assert any(version in row for row in rows), line


def test_no_package_is_listed_twice():
    lines = [line for table in TABLE.values() for line in table]
    names = [line.split("=")[0] + line.partition(";")[2] for line in lines]
    assert len(names) == len(set(names))


if __name__ == "__main__":
    (ROOT / "requirements.txt").write_text(requirements(), "utf-8")
