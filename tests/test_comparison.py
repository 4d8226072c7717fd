"""Comparisons: read, made, written, and made again from what was written."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaia_core import SAMPLE_RATE, comparison
from gaia_core.cli import main
from gaia_core.errors import InputError
from gaia_core.media.audio import write_audio
from gaia_core.media.video import read_recipe, read_video
from gaia_core.pipeline import Gaia

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path: Path, photo: np.ndarray) -> Path:
    """A comparison of three takes of half a second."""
    folder = tmp_path / "given"
    (folder / "own").mkdir(parents=True)
    Image.fromarray(photo).save(folder / "own" / "me.png")
    sound = 0.3 * np.random.default_rng(0).normal(size=SAMPLE_RATE // 2).clip(-1, 1)
    write_audio(folder / "words.wav", sound.astype(np.float32), SAMPLE_RATE)
    shared = {"gaia_compare": 1, "portrait": "own/me.png", "speech": "words.wav", "size": "256"}
    strength = {"tracks": {}, "strength": {"head": 0.5}}
    takes = [{"name": "A"}, {"name": "B", "seed": 3}, {"name": "C", "controls": strength}]
    given = {**shared, "steps": 1, "columns": 2, "takes": takes}
    (folder / "compare.json").write_text(json.dumps(given))
    return folder / "compare.json"


def changed(file: Path, **fields: object) -> Path:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
    return file


def test_a_comparison_is_made_again_by_what_it_wrote(file, gaia, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Gaia, "load", lambda *_: gaia)
    assert main(["compare", str(file), "--out", str(tmp_path / "first")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and printed[0].split()[:3] == ["lips", "steadiness", "yaw"]
    assert printed[2].endswith("seed 3")
    again = tmp_path / "first" / "compare.json"
    (file.parent / "words.wav").unlink()  # it holds its media itself
    assert main(["compare", str(again), "--out", str(tmp_path / "second")]) == 0
    first, second = tmp_path / "first", tmp_path / "second"
    assert {path.relative_to(first) for path in first.rglob("*")} == {
        path.relative_to(second) for path in second.rglob("*")
    }
    assert json.loads(again.read_text()) == json.loads((second / "compare.json").read_text())
    for name in "ABC":
        films = first / f"{name}.mp4", second / f"{name}.mp4"
        one, other = (read_recipe(film) for film in films)
        assert one == other == json.loads((first / f"{name}.json").read_text())
        assert all(np.array_equal(*pair) for pair in zip(*map(read_video, films), strict=True))
    rows = {row[0]: row[1:] for row in csv.reader((first / "comparison.csv").open())}
    assert rows["seed"] == ["0", "3", "0"] and rows["controls.strength.head"] == ["", "", "0.5"]
    assert "steps" not in rows and float(rows["lips"][0]) >= 0
    height = next(read_video(first / "side-by-side.mp4")).shape[0]
    assert height > 2 * 256, "two rows"


def test_a_take_may_have_weights_of_its_own(file, gaia, tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(Gaia, "load", lambda weights: loaded.append(weights) or gaia)
    takes = [{"name": "A"}, {"name": "B", "weights": "other"}]
    variants, _ = comparison.read(changed(file, takes=takes))
    made = list(comparison.make(variants, tmp_path, Path("shipped")))
    assert loaded == [Path("shipped"), file.parent / "other"]
    described, _ = comparison.describe(made, 2)
    assert described["takes"][1]["weights"] == str(file.parent / "other")
    rows = list(csv.reader(io.StringIO(comparison.as_csv(made))))
    assert ["weights", "", "other"] in rows


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"gaia_compare": 2}, "not a comparison of version 1"),
        ({"takes": "A"}, "no comparison"),
        ({"takes": []}, "1 to 9 takes"),
        ({"takes": [{"name": str(i)} for i in range(10)]}, "1 to 9 takes"),
        ({"columns": 0}, "1 to 9 columns"),
        ({"columns": 2.0}, "1 to 9 columns"),
        ({"takes": [{"name": "A"}, {"name": "A"}]}, "a name of its own"),
        ({"takes": [{"name": "../A"}]}, "a name of its own"),
        ({"takes": [{"name": "A", "steps": 0}]}, "Take A: Steps is 0"),
        ({"takes": [{"name": "A", "colour": 1}]}, "Take A: .*colour"),
        ({"portrait": "nobody.png"}, "Take A: There is no file"),
    ],
)
def test_what_cannot_be_compared_is_an_error(file, fields, sentence):
    with pytest.raises(InputError, match=sentence):
        comparison.read(changed(file, **fields))


def test_a_file_that_is_no_comparison(tmp_path):
    for content in ("", "[]", '{"takes": 1}', 20_000 * "["):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(InputError, match="no comparison"):
            comparison.read(tmp_path / "a.json")
    with pytest.raises(InputError, match="no comparison"):
        comparison.read(tmp_path / "none.json")
