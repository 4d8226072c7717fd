"""What the documents say can be followed: links, files, commands and the README's Python."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gaia_core import SAMPLE_RATE
from gaia_core.cli import _parser
from gaia_core.media.audio import read_audio, write_audio

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
FOLDERS = (ROOT, ROOT / "gaia_core")  # where the paths that are written start
COMMANDS = re.findall(r"^gaia (\w+) (.*?)(?: +#.*)?$", README, re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_files_are_there(path: Path):
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", text):
        target = "".join(link)
        assert "://" in target or (path.parent / target).exists(), target
    for file in re.findall(r"`([\w.-]+/[\w/.-]+\.(?:py|md|jsonl?|safetensors))(?::[^`]*)?`", text):
        assert any((place / file).exists() for place in (path.parent, *FOLDERS)), file


def test_the_commands_of_the_readme_are_understood():
    assert len(COMMANDS) > 8
    for command, arguments in COMMANDS:
        words = [command, *shlex.split(arguments)]
        if "--help" in words:
            with pytest.raises(SystemExit) as stop:
                _parser().parse_args(words)
            assert stop.value.code == 0
        else:
            _parser().parse_args(words)  # exits with an error where a flag is unknown


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    shutil.copy(ROOT / "examples/portraits/hopper.jpg", tmp_path / "photo.jpg")
    speech = read_audio(ROOT / "examples/speech/hello.wav")
    write_audio(tmp_path / "speech.wav", speech[:SAMPLE_RATE], SAMPLE_RATE)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"talk.mp4 \d+ frames \(", done.stdout)
    assert (tmp_path / "talk.mp4").stat().st_size > 10_000
