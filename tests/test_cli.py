"""The commands, and their one-line errors."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_core import SAMPLE_RATE, __version__, checkpoint
from gaia_core.cli import main
from gaia_core.controls import EXPRESSION
from gaia_core.media.audio import write_audio
from gaia_core.media.video import read_recipe
from gaia_core.pipeline import Gaia
from gaia_core.request import SETTINGS
from gaia_core.speech.encoder import FEATURES

ROOT = Path(__file__).parents[1]
MAX_TEXT = SETTINGS["text"].longest
COMMANDS = ("animate", "batch", "compare", "prepare", "train", "evaluate", "bench", "info")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo) -> Path:
    """A portrait, a wall, a second of sound, and files that are not what their names say."""
    folder = tmp_path_factory.mktemp("media")
    Image.fromarray(photo).save(folder / "portrait.png")
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(folder / "wall.png")
    sound = 0.3 * np.random.default_rng(0).normal(size=SAMPLE_RATE).clip(-1, 1)
    write_audio(folder / "speech.wav", sound.astype(np.float32), SAMPLE_RATE)
    write_audio(folder / "click.wav", np.ones(100, np.float32), SAMPLE_RATE)
    (folder / "notes.wav").write_text("not sound")
    (folder / "notes.png").write_text("not a picture")
    (folder / "empty.png").touch()
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory, make_autoencoder, make_denoiser) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    checkpoint.save(folder, make_autoencoder(), {"samples": 12})
    checkpoint.save(folder, make_denoiser(FEATURES), {"samples": 34})
    width = make_autoencoder().config.motion.width
    checkpoint.save_directions(folder, torch.ones(len(EXPRESSION), width))
    return folder


@pytest.fixture
def loaded(gaia, monkeypatch):
    """Loading takes no time; everything behind it is real."""
    monkeypatch.setattr(Gaia, "load", lambda *_: gaia)


def animate(folder: Path, out: Path, **options: str | Path | None) -> list[str]:
    """Arguments of a good call, with some options changed, or left out if None."""
    options = {
        "portrait": folder / "portrait.png",
        "speech": folder / "speech.wav",
        "out": out,
        "steps": "1",
        "size": "256",
    } | options
    arguments = ["animate"]
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name}", str(value)]
    return arguments


def refusal(capsys, arguments: list[str]) -> str:
    """The one line on standard error of a command that must fail."""
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert output.err.endswith(".\n")
    return output.err


# Animating


@pytest.mark.slow
def test_animate_writes_a_video(loaded, folder, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert main(animate(folder, out, seed="5")) == 0
    output = capsys.readouterr()
    assert output.out == f"{out}: 25 frames, seed 5\n"
    assert "lips are parted" in output.err  # the portrait smiles
    recipe = read_recipe(out)
    assert (recipe["seed"], recipe["steps"], recipe["size"]) == (5, 1, "256")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.slow
def test_each_call_prints_its_random_seed(loaded, folder, tmp_path, capsys):
    seeds = []
    for name in ("a.mp4", "b.mp4"):
        assert main(animate(folder, tmp_path / name)) == 0
        seed = int(re.search(r"seed (\d+)", capsys.readouterr().out)[1])
        assert read_recipe(tmp_path / name)["seed"] == seed
        seeds.append(seed)
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"portrait": "missing.png"}, "missing.png"),
        ({"portrait": "empty.png"}, "empty.png"),
        ({"portrait": "notes.png"}, "notes.png"),
        ({"portrait": 300 * "x"}, "There is no file x"),
        ({"portrait": "."}, "is a folder; give a JPEG"),
        ({"portrait": "wall.png"}, "No face"),
        ({"speech": "missing.wav"}, "missing.wav"),
        ({"speech": "notes.wav"}, "notes.wav"),
        ({"speech": "click.wav"}, "click.wav"),
        ({"speech": "portrait.png"}, "portrait.png"),
        ({"speech": None, "text": ""}, "text to speak"),
        ({"speech": None, "text": "?!"}, "text"),
        ({"speech": None, "text": "a" * (MAX_TEXT + 1)}, str(MAX_TEXT)),
        ({"speech": None, "text": "Hello.", "voice": "Nobody"}, "Nobody"),
        ({"size": "1024"}, "1024.*256, 512, photo"),
        ({"steps": "0"}, "Steps"),
        ({"guidance": "-1"}, "Guidance"),
        ({"guidance": "nan"}, "Guidance"),
        ({"seed": "-4"}, "Seed"),
        ({"face": "3"}, "face 3"),
    ],
)
def test_bad_input_is_one_line_and_no_file(loaded, folder, tmp_path, capsys, options, named):
    paths = {
        name: folder / value
        for name, value in options.items()
        if name in ("portrait", "speech") and value
    }
    line = refusal(capsys, animate(folder, tmp_path / "out.mp4", **(options | paths)))
    assert re.search(named, line)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "named"), [("webm", "transparency"), ("vtt", "times of words")])
def test_a_form_that_cannot_be_made_is_refused_before_the_take(
    loaded, folder, tmp_path, capsys, kind, named
):
    line = refusal(capsys, [*animate(folder, tmp_path / "out.mp4"), "--also", kind])
    assert named in line and not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["nowhere/out.mp4", "out.avi", "out"])
def test_a_bad_place_for_the_video(loaded, folder, tmp_path, capsys, out):
    line = refusal(capsys, animate(folder, tmp_path / out))
    assert out.split("/")[-1] in line and not list(tmp_path.iterdir())


def test_a_place_for_results_is_checked_before_the_work(folder, tmp_path, capsys, monkeypatch):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "jobs.jsonl").write_text("{}")
    take = {"name": "A", "portrait": str(folder / "portrait.png"), "text": "Hello."}
    (tmp_path / "compare.json").write_text(json.dumps({"gaia_compare": 1, "takes": [take]}))
    made, file = str(tmp_path / "folder.mp4"), str(tmp_path / "file")
    for arguments, named in (
        (animate(folder, Path(made)), "is a folder"),
        (animate(folder, tmp_path / "in.mp4", speech=tmp_path / "." / "in.mp4"), "an input"),
        (["bench", "--json", made], "is a folder"),
        (["batch", str(tmp_path / "jobs.jsonl"), "--out", file], "cannot be made a folder"),
        (["compare", str(tmp_path / "compare.json"), "--out", f"{file}/in"], "cannot be made"),
    ):
        assert named in refusal(capsys, arguments)
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "Nothing can be written" in refusal(capsys, animate(folder, tmp_path / "out.mp4"))


@pytest.mark.parametrize("content", ["[]", "5", "nothing", 20_000 * "["])
def test_a_file_without_a_recipe_or_controls(folder, tmp_path, capsys, content):
    path = tmp_path / "given.json"
    path.write_text(content)
    for flag, named in (("recipe", "carries no recipe"), ("controls", "JSON|Controls look")):
        line = refusal(capsys, animate(folder, tmp_path / "out.mp4", **{flag: path}))
        assert re.search(named, line)


def test_a_recipes_settings_are_taken(loaded, folder, tmp_path, capsys):
    path = tmp_path / "take.json"
    path.write_text(json.dumps({"gaia_recipe": 1, "steps": 101}))
    line = refusal(capsys, animate(folder, tmp_path / "out.mp4", recipe=path, steps=None))
    assert "Steps is 101" in line


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_bench_of_no_length(loaded, capsys, seconds):
    for live in ([], ["--live"]):
        assert "choose 1 to 3600 s" in refusal(capsys, ["bench", "--seconds", seconds, *live])


def test_missing_weights(folder, tmp_path, capsys):
    nothing = tmp_path / "nothing"
    for arguments in (
        animate(folder, tmp_path / "out.mp4", weights=nothing),
        ["info", "--weights", str(nothing)],
        ["bench", "--weights", str(nothing)],
    ):
        assert "nothing" in refusal(capsys, arguments)
    assert not list(tmp_path.iterdir())


def test_stopping_is_no_error_to_explain(loaded, folder, tmp_path, capsys, monkeypatch, gaia):
    def interrupted(request, out, **settings):
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(gaia, "generate", interrupted)
    assert main(animate(folder, tmp_path / "out.mp4")) == 130
    assert capsys.readouterr().err == "stopped\n"


# Other commands


def test_info_prints_what_is_loaded(weights, capsys):
    assert main(["info", "--weights", str(weights)]) == 0
    lines = capsys.readouterr().out
    facts = ("samples: 12", "samples: 34")
    for word in (str(weights), "torch ", "autoencoder: ", "denoiser: ", *facts):
        assert word in lines


def test_portraits_are_packed_by_trained_weights_alone(tmp_path, capsys):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "manifest.csv").write_text("file,identity,source,has_audio,transcript\n")
    data, pack = str(tmp_path), str(tmp_path / "pack")
    assert "--start" in refusal(
        capsys, ["train", "pack", "--data", data, "--pack", pack, "--portraits"]
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "pack", "--pack", "{}"], "--data"),
        (["train", "pack", "--pack", "{}", "--data", "{}"], "manifest.csv"),
        (["train", "visemes"], "--data"),
        (["train", "visemes", "--data", "{}"], "manifest.csv"),
        (["train", "autoencoder", "--pack", "{}"], "train pack"),
        (["train", "denoiser", "--pack", "{}"], "train pack"),
        (["evaluate", "--data", "{}"], "manifest.csv"),
    ],
)
def test_commands_without_their_data(tmp_path, capsys, arguments, named):
    line = refusal(capsys, [argument.format(tmp_path) for argument in arguments])
    assert named in line and not list(tmp_path.iterdir())


def test_evaluate_without_an_unknown_correction(tmp_path, capsys):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "manifest.csv").touch()
    data = str(tmp_path)
    line = refusal(capsys, ["evaluate", "--data", data, "--without", "blink_spacing", "rouge"])
    assert "no correction rouge;" in line and "closing" in line and "pose_clamp" in line


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in COMMANDS) or len(arguments) > 1
    # No command takes weights that it does not read.
    assert ("--weights" in text) == (not {"--help", "prepare", "train"} & {arguments[0]})


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"gaia {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["animate"],
        ["animate", "--portrait", "a", "--speech", "b", "--text", "c"],
        ["batch", "jobs.jsonl", "--out", "takes", "--workers", "-1"],
    ],
)
def test_misuse_prints_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


# The real thing, in its own process


@pytest.mark.slow
def test_native_code_does_not_write_to_stderr(folder, weights, tmp_path):
    arguments = animate(folder, tmp_path / "out.mp4", portrait=folder / "wall.png", weights=weights)
    done = subprocess.run(
        [sys.executable, "-m", "gaia_core", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(r"error: No face .*\.\n", done.stderr)
    assert not list(tmp_path.iterdir())


def test_names_that_a_terminal_cannot_show(tmp_path):
    environment = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    path, out = tmp_path / "né🙂.jsonl", tmp_path / "out"
    path.write_text('{"portrait": "né\\ud800🙂.png"}', "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gaia_core", "batch", str(path), "--out", str(out)],
        **{"cwd": ROOT, "env": os.environ | environment, "capture_output": True, "text": True},
    )
    assert done.stdout.endswith(
        "There is no file n\\xe9\\ud800\\U0001f642.png; give a JPEG or PNG photo.\n"
    )
    assert done.returncode == 1 and done.stderr.startswith("error: 1 of 1 jobs failed")


HELP = """
import sys

from gaia_core.cli import main

try:
    main(["animate", "--help"])
finally:
    heavy = {"torch", "mediapipe", "cv2", "PIL", "onnxruntime"} & set(sys.modules)
    assert not heavy, heavy
"""


def test_help_loads_no_network():
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: gaia animate")
