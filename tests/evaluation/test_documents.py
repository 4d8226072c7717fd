"""The documents' tables are those of the files they name."""

import json
import re
from pathlib import Path

import pytest

from gaia_core.cli import main
from gaia_core.errors import InputError
from gaia_core.evaluation.documents import BLOCK, DOCUMENTS, TABLES, fill

ROOT = Path(__file__).parents[2]


def block(name: str, file: str) -> str:
    return f"before\n<!-- table: {name} {file} -->\nold\n<!-- end -->\nafter\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables_are_up_to_date(name: str):
    path = ROOT / name
    text = path.read_text("utf-8")
    assert fill(text, ROOT, path.parent) == text, "run `gaia evaluate --tables`"


def test_every_table_stands_in_one_document():
    found = [
        name for path in DOCUMENTS for _, name, _, _ in BLOCK.findall((ROOT / path).read_text())
    ]
    assert sorted(found) == sorted(TABLES)


def test_a_mark_at_another_file_shows_its_numbers(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    bench = json.loads((ROOT / "docs/log/2026-11-26-bench.json").read_text())
    for name, factor in (("slow", 3.0), ("fast", 0.5)):
        report = bench | {"rtf_256": factor, "rtf_1024": 2 * factor}
        (tmp_path / f"docs/{name}.json").write_text(json.dumps(report))
    slow, fast = (
        fill(block("speed", f"docs/{name}.json"), tmp_path, tmp_path / "docs")
        for name in ("slow", "fast")
    )
    assert "256 px in 30 s" in slow and "1024 px in 60 s" in slow and "(slow.json)" in slow
    assert "256 px in 5 s" in fast and "1024 px in 10 s" in fast
    assert slow.startswith("before\n<!-- table") and slow.endswith("<!-- end -->\nafter\n")
    again = slow.replace("docs/slow", "docs/fast")
    assert fill(again, tmp_path, tmp_path / "docs") == fast, "nothing of the old table stays"


def test_what_was_not_measured_is_a_dash(tmp_path: Path):
    report = json.loads((ROOT / "docs/log/2026-11-26-light.json").read_text())
    report["reenactment"]["ours"]["sharpness"] = None
    del report["reenactment"]["ours"]["psnr_head"]
    (tmp_path / "report.json").write_text(json.dumps(report))
    text = fill(block("reenactment", "report.json"), tmp_path, tmp_path)
    ours = next(line for line in text.splitlines() if "**ours**" in line)
    cells = [cell.strip() for cell in ours.split("|")]
    assert cells.count("-") == 2 and cells[2] == "21.43"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (block("rouge", "report.json"), "no table 'rouge'"),
        (block("speed", "missing.json"), "needs missing.json"),
        (block("speed", "report.json"), "report.json does not hold"),
        (block("speed", "broken.json"), "needs broken.json"),
        (block("speed", "report.json").replace("<!-- end -->", ""), "not closed"),
        ("<!-- table: speed -->\n<!-- end -->\n", "lacks name or file"),
    ],
)
def test_a_mark_that_leads_nowhere(tmp_path: Path, text: str, said: str):
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match=re.escape(said)):
        fill(text, tmp_path, tmp_path)


def test_the_command_rewrites_what_is_old(tmp_path: Path, monkeypatch, capsys):
    for name in DOCUMENTS:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no table\n")
    (tmp_path / "numbers.json").write_bytes((ROOT / "docs/log/2026-11-26-bench.json").read_bytes())
    (tmp_path / DOCUMENTS[0]).write_text(block("speed", "numbers.json"))
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--tables"]) == 0
    assert capsys.readouterr().out.split() == [DOCUMENTS[0]]
    assert "s of speech" in (tmp_path / DOCUMENTS[0]).read_text()
    assert main(["evaluate", "--tables"]) == 0
    assert not capsys.readouterr().out, "nothing is left to do"


def test_the_command_elsewhere_says_where_to_go(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--tables"]) == 1
    assert "in the project's folder" in capsys.readouterr().err
