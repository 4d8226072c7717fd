"""The endpoints as programs use them, and the files that remain."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from fake_engine import NO_FACE, NOTICE, SECRET, FakeEngine, Studio, until
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from gaia_core import SAMPLE_RATE
from gaia_core.media.audio import read_audio, write_audio
from gaia_core.media.video import read_recipe, read_video
from gaia_core.request import Request
from gaia_core.speech.voices import VOICES
from ui import samples
from ui.form.admission import RawRequest, admit
from ui.i18n.text import say
from ui.samples import output_of
from ui.studio import build_studio
from ui.takes import store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
API = "/speech_driven"


@pytest.fixture
def client(studio: Studio, tmp_path: Path) -> Client:
    return Client(studio.url, verbose=False, download_files=tmp_path)


def example() -> dict:
    return handle_file(samples.portraits()[0])


def one_of(words: Iterable[str]) -> str:
    return f"Literal[{', '.join(repr(word) for word in words)}]"


NEEDED = object()
SPEECH = {
    "speech": ("None | filepath", None),
    "text": ("str", ""),
    "voice": (one_of(voice.name for voice in VOICES), Request.voice),
}
SECONDS = {"seconds": ("float", 4.0)}
CONTROLS = {"controls": ("None | dict(str, Any)", None)}
MODE = one_of(["relative", "absolute"])
DRIVEN = {"drive_mode": (MODE, "relative"), "drive_reference": ("float", 0.0)}
SETTINGS = {
    "face": ("int", 0),
    "seed": ("int", 0),
    "steps": ("int", Request.steps),
    "guidance": ("float", Request.guidance),
    "size": (one_of(["256", "512", "photo"]), "photo"),
    "label": ("bool", True),
}
PORTRAIT, CONSENT = {"portrait": ("filepath", NEEDED)}, {"consent": ("bool", False)}
SETTINGS |= CONSENT | {"trim": ("bool", False), "liveliness": ("float", 1.0)}
DRIVE = {"drive": ("None | filepath", None)}
GROUPS = ["pose", "eyes", "brows", "mouth", "face"]
# The contract: names, order, types and defaults. A change needs a new endpoint.
SCHEMA = {
    "/speech_driven": PORTRAIT | SPEECH | SETTINGS,
    "/stream_speech": PORTRAIT | SPEECH | SETTINGS,
    "/pose_controlled": PORTRAIT | CONTROLS | SPEECH | SECONDS | DRIVE | DRIVEN | SETTINGS,
    "/text_instructed": (
        PORTRAIT | {"instruction": ("str", NEEDED)} | CONTROLS | SPEECH | SECONDS | SETTINGS
    ),
    "/video_driven": (
        PORTRAIT
        | {"drive": ("filepath", NEEDED), "drive_groups": (f"list[{one_of(GROUPS)}]", GROUPS)}
        | DRIVEN
        | CONTROLS
        | SPEECH
        | SETTINGS
    ),
    "/rerender_span": (
        PORTRAIT
        | {"recipe": ("dict(str, Any)", NEEDED)}
        | {"start": ("float", NEEDED), "end": ("float", NEEDED), "span_seed": ("int", NEEDED)}
        | CONTROLS
        | {"speech": ("None | filepath", None)}
        | DRIVE
        | CONSENT
    ),
    "/faces": PORTRAIT,
}


def test_the_public_endpoints_and_their_plain_arguments(client: Client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    found = {
        name: {
            a["parameter_name"]: (
                a["python_type"]["type"],
                a["parameter_default"] if a["parameter_has_default"] else NEEDED,
            )
            for a in endpoint["parameters"]
        }
        for name, endpoint in endpoints.items()
    }
    assert found == SCHEMA
    assert {name: list(a) for name, a in found.items()} == {n: list(a) for n, a in SCHEMA.items()}


def test_each_argument_is_described_and_the_examples_run(
    studio: Studio, photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    endpoints = httpx.get(f"{studio.url}gradio_api/info").json()["named_endpoints"]
    given = [argument for each in endpoints.values() for argument in each["parameters"]]
    assert all(argument["python_type"]["description"] for argument in given)
    assert all(argument["label"] == argument["parameter_name"] for argument in given)
    shutil.copy(photos["fine"], tmp_path / "portrait.jpg")
    shutil.copy(photos["fine"], tmp_path / "driving.mp4")
    monkeypatch.chdir(tmp_path)
    for name in endpoints.keys() - {"/rerender_span"}:  # which needs the recipe of a take
        exec(endpoints[name]["code_snippets"]["python"], {})
    assert len(studio.engine.requests) == 5


def test_agents_find_them_too(studio: Studio):
    pytest.importorskip("mcp")
    tools = httpx.get(f"{studio.url}gradio_api/mcp/schema").json()
    assert [f"/{tool['name']}" for tool in tools] == list(SCHEMA)
    assert "the face of a portrait speaks" in tools[0]["description"]
    for tool in tools:
        fields = tool["inputSchema"]["properties"]
        assert fields.keys() == SCHEMA[f"/{tool['name']}"].keys()
        assert all(field.get("description") for field in fields.values())


def test_text_becomes_a_video_with_its_facts(client: Client, studio: Studio):
    video, info = client.predict(portrait=example(), text="Hello there.", seed=5, api_name=API)
    assert sum(1 for _ in read_video(video)) == studio.engine.frames
    assert info["seed"] == 5 and info["seconds"] == 1.0 and info["notices"] == [NOTICE]
    assert [word["text"] for word in info["words"]] == ["Hello", "there."]
    assert read_recipe(video) == info["recipe"]


def test_speech_is_streamed_in_parts(client: Client, studio: Studio):
    job = client.submit(portrait=example(), text="Hello there.", api_name="/stream_speech")
    whole, info = job.result()
    parts = [(video, part) for video, part in job.outputs() if video and "start" in part]
    assert [(part["start"], part["end"]) for _, part in parts] == [(0, 0.4), (0.4, 0.8), (0.8, 1.0)]
    assert sum(len(list(read_video(video))) for video, _ in parts) == studio.engine.frames
    assert len(list(read_video(whole))) == studio.engine.frames
    assert read_recipe(parts[0][0]) == read_recipe(whole) == info["recipe"]


def test_a_recording_and_all_settings_reach_the_engine(client: Client, studio: Studio):
    speech = handle_file(samples.speeches()[0])
    wanted = {"face": 1, "seed": 9, "steps": 4, "guidance": 3.0, "size": "512", "label": False}
    wanted |= {"trim": True, "liveliness": 1.5}
    client.predict(portrait=example(), speech=speech, **wanted, consent=True, api_name=API)
    request = studio.engine.requests[0]
    assert request.text is None and request.speech
    assert {name: getattr(request, name) for name in wanted} == wanted


def test_silence_at_both_ends_of_a_recording_is_cut_on_request(gaia, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    silence, tone = np.zeros(SAMPLE_RATE), np.sin(np.arange(SAMPLE_RATE) / 9)
    write_audio(tmp_path / "a.wav", np.concatenate([silence, tone, silence]), SAMPLE_RATE)
    shutil.copy(samples.portraits()[0], tmp_path / "a.png")
    given = {name: {"path": str(tmp_path / name)} for name in ("a.png", "a.wav")}
    raw = RawRequest(given["a.png"], given["a.wav"], steps=1, size="256", consent=True)
    for trim, frames in ((False, 75), (True, 30)):  # a tenth of a second is kept around the tone
        *_, result = gaia.generate(admit(replace(raw, trim=trim)), tmp_path / "out.mp4")
        assert result.frames == frames and result.recipe["trim"] == trim
        loud = np.flatnonzero(np.abs(read_audio(result.video)) > 0.5) / SAMPLE_RATE
        assert loud[0] == pytest.approx(0.1 if trim else 1.0, abs=0.03)


YAW = {"tracks": {"yaw": [[0.0, 0.0, "ease"], [1.0, 20.0, "ease"]]}, "strength": {"head": 0.5}}


@pytest.mark.parametrize("written", [YAW, json.dumps(YAW)], ids=["object", "string"])
def test_a_pose_without_speech(client: Client, studio: Studio, written):
    _, info = client.predict(
        portrait=example(), controls=written, seconds=2.0, api_name="/pose_controlled"
    )
    request = studio.engine.requests[0]
    assert request.controls.to_json() == YAW == info["recipe"]["controls"]
    assert request.seconds == 2.0 and not request.text and not request.speech


def test_a_head_that_follows_a_video(client: Client, studio: Studio, photos):
    drive = handle_file(photos["fine"])
    client.predict(portrait=example(), drive=drive, consent=True, api_name="/pose_controlled")
    assert studio.engine.requests[0].drive_groups == ("pose",)


def test_an_instruction(client: Client, studio: Studio):
    words = "Smile, then nod."
    client.predict(portrait=example(), instruction=words, text="Hi.", api_name="/text_instructed")
    assert studio.engine.requests[0].instruction == words
    assert studio.engine.requests[0].text == "Hi."


def test_a_driving_video(client: Client, studio: Studio, photos):
    wanted = {"drive_groups": ["eyes"], "drive_mode": "absolute", "drive_reference": 0.5}
    driven = {"portrait": example(), "drive": handle_file(photos["fine"]), **wanted}
    with pytest.raises(AppError, match="confirm that you have the right"):
        client.predict(**driven, api_name="/video_driven")
    client.predict(**driven, consent=True, api_name="/video_driven")
    request = studio.engine.requests[0]
    assert request.drive and request.drive_groups == ("eyes",)
    assert (request.drive_mode, request.drive_reference) == ("absolute", 0.5)


def test_a_span_of_an_earlier_take(client: Client, studio: Studio, photos):
    portrait = handle_file(photos["fine"])
    made = {"portrait": portrait, "consent": True}
    _, info = client.predict(**made, text="Hello.", seed=8, api_name=API)
    span = {"recipe": info["recipe"], "start": 0.2, "end": 0.6, "span_seed": 3}
    for wrong in ({"portrait": example()}, {"recipe": {"gaia_recipe": 1, "nose": 1}}):
        with pytest.raises(AppError):
            client.predict(**{**made, **span, **wrong}, api_name="/rerender_span")
    _, info = client.predict(**made, **span, controls=YAW, api_name="/rerender_span")
    wanted = {"start": 0.2, "end": 0.6, "seed": 3, "controls": YAW}
    assert info["recipe"]["spans"] == [wanted] and info["seed"] == 8
    assert studio.engine.requests[-1].text == "Hello."


def test_it_says_how_far_it_is(client: Client, studio: Studio):
    studio.engine.pause = 0.02
    job = client.submit(portrait=example(), text="Hello.", api_name=API)
    *steps, (_, last) = list(job)
    assert steps and all(video is None for video, _ in steps)
    assert {info["stage"] for _, info in steps} <= {"face", "voice", "motion", "frames"}
    assert "recipe" in last


@pytest.mark.parametrize(
    ("photo", "arguments", "sentence"),
    [
        ("faceless", {"consent": True}, NO_FACE),
        ("fine", {}, say("error.consent")),
        ("fine", {"text": ""}, "Give a speech recording"),
        ("fine", {"steps": "many"}, "Steps must be a whole number."),
        ("crash", {"consent": True}, say("error.unexpected")),
    ],
)
def test_errors_are_sentences(client, studio, photos, photo, arguments, sentence):
    with pytest.raises(AppError) as caught:
        arguments = {"text": "Hello.", **arguments}
        client.predict(portrait=handle_file(photos[photo]), **arguments, api_name=API)
    assert sentence in str(caught.value) and SECRET not in str(caught.value)
    assert until(lambda: not studio.folders())


@pytest.mark.parametrize("path", ["/etc/passwd", {"path": "/etc/passwd"}])
def test_files_of_the_server_cannot_be_requested(client: Client, studio: Studio, path):
    with pytest.raises(AppError, match="must be an uploaded file"):
        client.predict(portrait=path, text="Hello.", consent=True, api_name=API)
    assert not studio.engine.requests


def test_cancel_stops_the_engine_and_leaves_nothing(client: Client, studio: Studio):
    studio.engine.frames, studio.engine.pause = 500, 0.02
    job = client.submit(portrait=example(), text="Hello.", api_name=API)
    assert until(lambda: len(job.outputs()) > 2)
    job.cancel()
    assert until(lambda: studio.engine.closed_early == 1)
    assert until(lambda: not studio.folders())


def test_each_take_has_a_folder_of_its_own_without_the_uploads(client, studio, photos):
    portrait = handle_file(photos["fine"])
    for _ in range(2):
        client.predict(portrait=portrait, text="Hello.", seed=3, consent=True, api_name=API)
    new = studio.folders()
    assert len(set(new)) == 2
    assert all([path.name for path in folder.iterdir()] == ["gaia-3.mp4"] for folder in new)


def test_old_takes_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old, new = store.new_folder(), store.new_folder()
    (old / "gaia-0.mp4").touch()
    for path in (old / "gaia-0.mp4", old):
        os.utime(path, (time.time() - 2 * store.KEEP,) * 2)

    async def serve() -> None:
        async with store.swept(None):
            for _ in range(100):
                await asyncio.sleep(0.02 if old.exists() else 0)

    asyncio.run(serve())
    assert not old.exists() and new.exists()


def test_a_video_made_beforehand_is_shown_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    shutil.copytree(samples.ROOT, tmp_path / "examples")
    monkeypatch.setattr(samples, "ROOT", tmp_path / "examples")
    monkeypatch.setattr(samples, "output_of", output_of)  # patched for the page of the other tests
    ready = tmp_path / "examples/outputs/hopper.mp4"
    ready.touch()
    page = build_studio(FakeEngine())
    parts = {block.elem_id: block for block in page.blocks.values()}
    assert f'src="gradio_api/file={ready}"' in parts["status"].value
    assert parts["video"].value is None


@pytest.mark.parametrize(
    ("script", "arguments", "notice"),
    [
        ("01_speech_driven", ["--text", "Hello."], NOTICE),
        ("02_pose_controlled", ["--preset", "nod", "--seconds", "2"], ""),
        ("03_text_instructed", ["Smile, then nod.", "--text", "Hello."], NOTICE),
        ("04_video_driven", ["VIDEO", "--consent"], ""),
        ("04_video_driven", ["VIDEO", "--consent", "--text", "Hello."], NOTICE),
    ],
)
def test_the_example_scripts_run(studio: Studio, tmp_path, photos, script, arguments, notice):
    out = tmp_path / "out.mp4"
    arguments = [str(photos["fine"]) if word == "VIDEO" else word for word in arguments]
    portrait = str(samples.portraits()[0])
    done = subprocess.run(
        [sys.executable, str(ROOT / f"examples/{script}.py"), portrait, *arguments]
        + ["--seed", "4", "--url", studio.url, "-o", str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size and notice in done.stdout
    assert json.loads(done.stdout[done.stdout.index("{") :])["seed"] == 4


def test_the_client_of_the_readme_runs(studio: Studio):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    code = next(block for block in blocks if "gradio_client" in block)
    here = {"http://127.0.0.1:7860": studio.url, "photo.jpg": str(samples.portraits()[0])}
    for written, real in here.items():
        assert written in code
        code = code.replace(written, real)
    found: dict[str, Any] = {}
    exec(code, found)
    assert (
        Path(found["video"]).stat().st_size and found["info"]["recipe"]["text"] == "Good morning."
    )


def test_all_scripts_are_explained():
    readme = (ROOT / "examples/README.md").read_text()
    scripts = [path.name for path in (ROOT / "examples").glob("*.py")]
    assert scripts and all(name in readme for name in scripts)


def test_examples_are_complete():
    readme = (ROOT / "examples/README.md").read_text()
    assert samples.portraits() and samples.speeches()
    for path in (*samples.portraits(), *samples.speeches()):
        assert path.name in readme
    assert all(samples.words_of(path) for path in samples.speeches())


def test_spaces_is_imported_first():
    tree = ast.parse((ROOT / "app.py").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert isinstance(imports[0], ast.Import) and imports[0].names[0].name == "spaces"


def test_requirements_name_the_gradio_that_is_tested():
    assert f"gradio[mcp]=={gr.__version__}\n" in (ROOT / "requirements.txt").read_text()
