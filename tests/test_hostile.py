"""Whatever is sent: a checked value or one sentence, soon, and nothing written beside it.

Real files are cut, overwritten and lied about; JSON is grown from any values. The draws are the
same in every run.
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gaia_core import cli
from gaia_core.controls import Controls
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio
from gaia_core.media.image import read_image
from gaia_core.media.video import VideoWriter, read_video
from gaia_core.media.video import read_recipe as recipe_of
from gaia_core.request import Request
from ui import samples
from ui.form.admission import RawRequest, admit, controls_of, read_recipe
from ui.form.restore import form_values

pytestmark = pytest.mark.slow

SECONDS = 30
NAMES = (
    "plain",
    "-i",
    "%d",
    "$(touch owned)",
    "`touch owned`",
    "; touch owned",
    "a;rm -rf",
    "concat:a|b",
    "file:a",
    "a\nb",
    "人\u202egpj",
    "x" * 200,
    "..",
)


def fuzzed(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def answered(call: Callable[[], Any]) -> Any:
    """What it returns, or None after one sentence; soon."""
    start = time.monotonic()
    try:
        return call()
    except InputError as error:
        text = str(error).replace("a\nb", "")  # a name of ours
        assert text.endswith((".", "?")) and "\n" not in text and "Traceback" not in text
        return None
    finally:
        assert time.monotonic() - start < SECONDS


# Files


def _picture(kind: str) -> bytes:
    ramp = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(ramp).save(out, kind)
    return out.getvalue()


def _float_sound() -> bytes:
    samples = (0.1 * np.sin(np.arange(8000) / 9)).astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32)  # IEEE float
    chunks = form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def _sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((3000 * np.sin(np.arange(8000) / 9)).astype("<i2").tobytes())
    return out.getvalue()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small whole file of each kind, by its ending."""
    folder = tmp_path_factory.mktemp("real")
    sound = folder / "a.wav"
    sound.write_bytes(_sound())
    with VideoWriter(folder / "a.mp4", 64, 64, sound, {"gaia_recipe": 1}) as writer:
        for grey in range(0, 250, 20):
            writer.write(np.full((64, 64, 3), grey, np.uint8))
    encode = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(sound)]
    subprocess.run([*encode, "-metadata", "title=a", str(folder / "a.mp3")], check=True)
    hdr = ["-vf", "format=yuv420p10le", "-color_trc", "arib-std-b67", "-c:v", "libx264"]
    encode[4] = str(folder / "a.mp4")
    subprocess.run([*encode, *hdr, str(folder / "hdr.mp4")], check=True)
    return {
        "heic": _picture("HEIF"),
        "float.wav": _float_sound(),
        "hdr.mp4": (folder / "hdr.mp4").read_bytes(),
        "png": _picture("PNG"),
        "jpg": _picture("JPEG"),
        "webp": _picture("WEBP"),
        "gif": _picture("GIF"),
        "wav": sound.read_bytes(),
        "mp3": (folder / "a.mp3").read_bytes(),
        "mp4": (folder / "a.mp4").read_bytes(),
    }


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Cuts, overwritten bytes, doubled parts and numbers that lie, mostly near the start."""
    kind = draw(st.sampled_from(("cut", "bytes", "number", "doubled", "noise")))
    places = draw(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    fill = draw(st.binary(min_size=1, max_size=64))
    large = draw(
        st.sampled_from((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4, b"\xff\xff\xff\x7f"))
    )

    def apply(whole: bytes) -> bytes:
        data = bytearray(whole)
        at = [int(place**3 * (len(data) - 1)) for place in places]
        if kind == "cut":
            return bytes(data[: at[0]])
        if kind == "doubled":
            return bytes(data[: at[0]] + data)
        if kind == "noise":
            return fill * 40
        for position in at:
            new = large if kind == "number" else fill[:1]
            data[position : position + len(new)] = new
        return bytes(data)

    return apply


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def sent(folder: Path, name: str, ending: str, content: bytes) -> Path:
    """The file by itself in the folder, to be read by a path that begins with its name."""
    for old in folder.iterdir():
        old.unlink()
    path = Path(f"{name}.{ending}")
    path.write_bytes(content)
    return path


def beside(folder: Path, path: Path) -> list[str]:
    return [found.name for found in folder.iterdir() if found.name != path.name]


def first_frames(frames: Iterator[np.ndarray]) -> int:
    return sum(1 for _ in frames)


READERS = {
    "image": (read_image, ("png", "jpg", "webp", "gif", "heic", "wav", "mp4"), 150),
    "audio": (read_audio, ("wav", "float.wav", "mp3", "mp4", "png"), 100),
    "video": (lambda path: first_frames(read_video(path)), ("mp4", "hdr.mp4", "gif", "wav"), 50),
    "recipe": (recipe_of, ("mp4", "png"), 30),
}


@pytest.mark.parametrize("what", READERS)
def test_damaged_files(what: str, real: dict[str, bytes], folder: Path) -> None:
    read, endings, examples = READERS[what]

    @fuzzed(examples)
    @given(st.sampled_from(endings), st.sampled_from(NAMES), damage())
    def check(ending: str, name: str, harm: Callable[[bytes], bytes]) -> None:
        path = sent(folder, name, ending, harm(real[ending]))
        answered(lambda: read(path))
        assert not beside(folder, path)

    check()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", ["png", "heic", "wav", "float.wav", "mp3", "mp4", "hdr.mp4"])
def test_whole_files_are_read_whatever_their_name(
    name: str, ending: str, real: dict[str, bytes], folder: Path
) -> None:
    path = sent(folder, name, ending, real[ending])
    if ending in ("png", "heic"):
        assert read_image(path).shape == (48, 64, 3)
    else:
        assert len(read_audio(path)) >= 8000
    if ending.endswith("mp4"):
        assert first_frames(read_video(path)) == 13
    if ending == "mp4":
        assert recipe_of(path) == {"gaia_recipe": 1}
    assert not beside(folder, path)


# JSON

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -1, 1e308, "../../etc/passwd", "__class__", "\0", "\ud800"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
RECIPE = Request(Path(samples.portraits()[0]), text="Hello.").recipe()
CHANNELS = ("yaw", "smile", "scale", "blink", "none")


@st.composite
def recipes(draw: st.DrawFn) -> Any:
    """A recipe with some fields replaced, lost or added."""
    recipe = dict(RECIPE)
    for name in draw(st.lists(st.sampled_from([*RECIPE, "extra"]), min_size=1, max_size=4)):
        if draw(st.booleans()):
            recipe[name] = draw(VALUES)
        else:
            recipe.pop(name, None)
    return recipe


@st.composite
def timelines(draw: st.DrawFn) -> Any:
    """Controls whose channels, times, values and easings may be anything."""
    number = st.floats(-10, 200) | SCALARS
    easing = st.sampled_from(("linear", "smooth", "hold")) | SCALARS
    key = st.tuples(number, number, easing).map(list) | VALUES
    tracks = st.dictionaries(
        st.sampled_from(CHANNELS) | st.text(max_size=5), st.lists(key, max_size=4) | VALUES
    )
    strength = st.dictionaries(st.sampled_from(("head", "mouth", "x")), number) | VALUES
    return {"tracks": draw(tracks | VALUES), "strength": draw(strength)} | draw(
        st.dictionaries(st.text(max_size=4), VALUES, max_size=1)
    )


@fuzzed(120)
@given(recipes() | VALUES | st.text(max_size=40))
def test_recipes(recipe: Any) -> None:
    read = answered(lambda: read_recipe(recipe))
    if read is not None:
        assert answered(lambda: form_values(read, {})) is not None


@fuzzed(120)
@given(timelines() | VALUES)
def test_timelines(controls: Any) -> None:
    read = answered(lambda: controls_of(controls))
    assert read is None or isinstance(read.check(), Controls)
    assert read is None or json.loads(json.dumps(read.to_json())) == read.to_json()


# Spans come from a recipe alone.
FIELDS = sorted(RawRequest.__dataclass_fields__.keys() - {"portrait", "consent", "spans"})


@fuzzed(150)
@given(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3),
    st.sampled_from(("example", "outside", "gone", "link", "any")),
    VALUES,
)
def test_requests(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], whose: str, anything: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.getbasetemp() / "hostile"
        folder.mkdir(exist_ok=True)
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        own, link = folder / "own.png", folder / "link.png"
        own.write_bytes(samples.portraits()[0].read_bytes())
        if not link.is_symlink():
            link.symlink_to("/etc/passwd")
        portraits = {"outside": "/etc/passwd", "gone": str(folder / "x.png"), "link": str(link)}
        portrait = {"path": portraits.get(whose, str(own))} if whose != "any" else anything
        request = answered(lambda: admit(RawRequest(portrait, **{"text": "Hello.", **changes})))
        assert request is None or request.portrait.is_relative_to(folder)
        assert request is None or request.check() == request
        assert sorted(path.name for path in folder.iterdir()) == ["link.png", "own.png"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 10**400}, "Seed must be a whole number"),
        ({"guidance": 10**400}, "Guidance must be a number"),
        ({"controls": {"tracks": {"yaw": [[10**400, 1, "smooth"]]}}}, "keyframe of 'yaw'"),
        ({"controls": {"tracks": {}, "strength": {"head": 10**400}}}, "strength"),
        ({"portrait": {"path": "a\0.png"}}, "The portrait must be an uploaded file"),
        ({"portrait": {"path": "x" * 5000}}, "The portrait must be an uploaded file"),
        ({"portrait": {"path": "\ud800"}}, "The portrait must be an uploaded file"),
        ({"speech": {"path": "\0"}}, "recording must be an uploaded file"),
    ],
)
def test_what_no_number_and_no_file_can_be(
    folder: Path, changes: dict[str, Any], sentence: str
) -> None:
    own = folder / "own.png"
    own.write_bytes(samples.portraits()[0].read_bytes())
    sent = {"portrait": {"path": str(own)}, "text": "Hello."}
    assert admit(RawRequest(**sent)).portrait == own
    with pytest.raises(InputError, match=sentence):
        admit(RawRequest(**{**sent, **changes}))


def test_half_a_character_is_left_out(folder: Path) -> None:
    own = folder / "own.png"
    own.write_bytes(samples.portraits()[0].read_bytes())
    assert admit(RawRequest({"path": str(own)}, text="He\ud800llo.")).text == "Hello."


def test_a_full_disk_is_one_line_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def info(_: object) -> None:
        Path("/dev/full").write_text("x")

    monkeypatch.setattr(cli, "info", info)
    assert cli.main(["info"]) == 1
    output = capsys.readouterr()
    assert output.err == "error: The disk is full; free some space on it, then try again.\n"
