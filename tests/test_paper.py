"""The map from the paper to the code names what there is."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "paper.md").read_text("utf-8")
FILES = re.findall(r"`([a-z_/]+\.py)(?:: ([\w.]+))?`", TEXT)


def names(tree: ast.AST, prefix: str = "") -> set[str]:
    """Functions, classes, their methods, and constants of a module."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                found |= names(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {prefix + one.id for one in targets if isinstance(one, ast.Name)}
    return found


def test_what_the_map_names_exists():
    assert len(FILES) > 30
    for file, name in FILES:
        path = ROOT / "gaia_core" / file
        assert path.is_file(), file
        assert not name or name in names(ast.parse(path.read_text("utf-8"))), f"{file}: {name}"


def test_every_part_has_its_evidence():
    rows = [row.split("|")[1:-1] for row in TEXT.splitlines() if row.startswith("| ")]
    parts = [row for row in rows if row[0].strip() != "part of the paper"]
    assert len(parts) > 30 and all(len(row) == 4 for row in parts)
    for part, evidence, _, _ in parts:
        tags = set(re.findall(r"\b[ARNM]\b", evidence))
        assert tags or "unknown" in evidence, part
