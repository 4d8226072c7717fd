"""From a request to a video: length, events, files, streaming, and stopping."""

import copy
import pickle
import subprocess
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from operator import getitem
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TINY
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gaia_core import SAMPLE_RATE
from gaia_core.config import MotionCorrections
from gaia_core.errors import InputError
from gaia_core.media.audio import read_audio, write_audio
from gaia_core.media.ffmpeg import run_ffmpeg
from gaia_core.media.video import read_recipe, read_video
from gaia_core.motion.performer import AHEAD, OVERLAP, WINDOW
from gaia_core.motion.script import NO_DRIVING, Script
from gaia_core.pipeline import STAGES, Gaia
from gaia_core.portrait.face import crop_around
from gaia_core.render import (
    PIXELS_AT_ONCE,
    Networks,
    Plan,
    PortraitRenderer,
    SampledMotion,
    Step,
    _decoders,
    ahead,
)
from gaia_core.renderer.inpainting import REGIONS, Inpainter
from gaia_core.request import Preview, Progress, Request, Result, Segment, Span, Word
from gaia_core.speech.voices import Spoken

pytestmark = pytest.mark.slow


def babble(seconds: float) -> np.ndarray:
    """Amplitude-modulated noise, (N,) float32 at 16 kHz."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(0, 0.2, len(t))
    return (noise * np.sin(2 * np.pi * 2 * t) ** 2).clip(-1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    write_audio(path, babble(1.0), SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def portrait(tmp_path_factory, photo) -> Path:
    path = tmp_path_factory.mktemp("portrait") / "portrait.png"
    Image.fromarray(photo).save(path)
    return path


@pytest.fixture(scope="module")
def request_(portrait, speech) -> Request:
    return Request(portrait, speech, steps=2, size="256", seed=3)


@pytest.fixture(scope="module")
def take(gaia, request_, tmp_path_factory) -> tuple[list, Path]:
    """The events of a video, and its folder, which had been empty."""
    folder = tmp_path_factory.mktemp("take")
    return list(gaia.generate(request_, folder / "take.mp4")), folder


@pytest.fixture(scope="module")
def square(photo, photo_face) -> np.ndarray:
    """The photo's crop (64, 64, 3): small frames are fast."""
    return crop_around(photo_face.landmarks).extract(photo, 64)


@pytest.fixture(scope="module")
def plan(gaia, square, crop_landmarks) -> Plan:
    features = gaia.speech_encoder.encode(babble(0.4)).numpy()
    script = Script(len(features), features, NO_DRIVING, seed=0, steps=2, guidance=1.5)
    return Plan(square, crop_landmarks.numpy(), script)


def frames_of(gaia: Gaia, plan: Plan) -> np.ndarray:
    """(T, S, S, 3) of a plan."""
    return np.concatenate([s for s in gaia._render(plan) if isinstance(s, np.ndarray)])


def changed(plan: Plan, portrait: np.ndarray | None = None, **changes) -> Plan:
    """With another portrait or other settings of its script; speech sets the length."""
    if "speech" in changes:
        changes.setdefault("frames", len(changes["speech"]))
    script = replace(plan.script, **changes)
    return replace(plan, script=script, portrait=plan.portrait if portrait is None else portrait)


# A video


def test_a_second_of_speech_is_25_frames(take):
    events, folder = take
    assert events[-1].frames == 25
    frames = list(read_video(folder / "take.mp4"))
    assert len(frames) == 25 and frames[0].shape == (256, 256, 3)


def test_a_result_has_motion_and_curves(take, gaia):
    *_, result = take[0]
    assert result.motion.shape == (result.frames, len(gaia.networks.autoencoder.motion.mean))
    assert {"yaw", "scale", "mouth", "eyes"} <= result.traces.keys()
    for curve in result.traces.values():
        assert curve.shape == (result.frames,) and np.isfinite(curve).all()


def test_events_come_in_order(take):
    events, folder = take
    *before, result = events
    assert isinstance(result, Result) and not any(isinstance(e, Result) for e in before)
    assert result.video == folder / "take.mp4" and result.video.is_file()
    progress = [event for event in before if isinstance(event, Progress)]
    fractions = [event.fraction for event in progress]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] <= 1
    stages = list(dict.fromkeys(event.stage for event in progress))
    assert stages == list(STAGES)
    assert list(STAGES.values()) == sorted(STAGES.values())
    previews = [event for event in before if isinstance(event, Preview)]
    assert [event.index for event in previews] == [0]
    assert previews[0].frame.shape == (256, 256, 3) and previews[0].frame.dtype == np.uint8


def test_only_the_video_is_left(take):
    _, folder = take
    assert [path.name for path in folder.iterdir()] == ["take.mp4"]


def test_the_video_carries_its_recipe(take, request_):
    events, folder = take
    recipe = read_recipe(folder / "take.mp4")
    assert recipe == events[-1].recipe == request_.recipe()
    assert Request.from_recipe(recipe, request_.portrait, request_.speech) == request_


def test_the_whole_photo_with_its_label(gaia, request_, photo, tmp_path):
    def frame(label: bool) -> np.ndarray:
        request = Request(request_.portrait, request_.speech, steps=1, label=label)
        *_, result = gaia.generate(request, tmp_path / "a.mp4")
        return next(read_video(result.video)).astype(int)

    marked, plain = frame(True), frame(False)
    assert marked.shape == plain.shape == photo.shape
    height = photo.shape[0]
    difference = np.abs(marked - plain).max(2)
    corner = difference[7 * height // 8 :, height // 2 :]
    assert corner.max() > 60
    assert difference[: height // 2].max() < 20  # the encoder's rounding
    assert np.abs(plain - photo)[-60:, :60].mean() < 4  # far from the face: the photo


def test_the_video_of_a_phones_photo_is_playable(gaia, photo, speech, tmp_path):
    size = 5 * photo.shape[1], 5 * photo.shape[0]
    opaque = Image.fromarray(photo).resize(size).convert("RGBA")
    opaque.putpixel((0, 0), (0, 0, 0, 0))
    opaque.save(tmp_path / "large.png")
    *_, result = gaia.generate(Request(tmp_path / "large.png", speech, steps=1), tmp_path / "a.mp4")
    frame = next(read_video(result.video))
    assert max(frame.shape) == 2048
    assert result.cutout.shape == (*frame.shape[:2], 4)
    small = np.asarray(Image.fromarray(frame).resize(photo.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(small.astype(int) - photo)[-60:, :60].mean() < 6


def test_a_text_is_spoken(gaia, request_, tmp_path, monkeypatch):
    calls = []
    words = (Word("Hello", 0.1, 0.5),)

    def synthesise(text, voice):
        calls.append((text, voice))
        notice = "The other voice speaks."
        return Spoken(babble(0.75 * 1.5), 24_000, words, "other-voice", notice)  # 0.75 s

    monkeypatch.setattr("gaia_core.pipeline.synthesise", synthesise)
    request = Request(request_.portrait, text="Hello", voice="some-voice", steps=1, size="256")
    *_, result = gaia.generate(request, tmp_path / "a.mp4")
    assert calls == [("Hello", "some-voice")]
    assert result.frames == 19 and result.words == words
    assert result.notices[-1] == "The other voice speaks."
    assert result.recipe == read_recipe(result.video) == request.recipe() | {"voice": "other-voice"}
    assert read_audio(result.video).any()


def test_what_is_chosen_of_a_recording_is_told_and_heard(gaia, request_, tmp_path):
    write_audio(tmp_path / "empty.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    tracks = tmp_path / "tracks.mka"
    inputs = ("-i", str(tmp_path / "empty.wav"), "-i", str(request_.speech))
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([exe, "-v", "error", *inputs, "-map", "0", "-map", "1", tracks], check=True)
    for file, said, heard in (
        (tracks, "track 2", True),
        (tmp_path / "empty.wav", "Nothing", False),
    ):
        request = replace(request_, speech=file, steps=1)
        *_, result = gaia.generate(request, tmp_path / "a.mp4")
        assert any(said in str(notice) for notice in result.notices)
        assert read_audio(result.video).any() == heard


def test_a_driving_videos_sound_is_looked_at_once_and_heard(
    gaia, request_, take, tmp_path, monkeypatch
):
    looks = []

    def counted(*arguments, source):
        looks.append(source)
        return run_ffmpeg(*arguments, source=source)

    monkeypatch.setattr("gaia_core.media.audio.run_ffmpeg", counted)
    request = replace(request_, speech=None, drive=take[1] / "take.mp4", steps=1)
    *_, result = gaia.generate(request, tmp_path / "a.mp4")
    assert looks == [request.drive]
    assert result.frames == 25 and read_audio(result.video).any()


# Stopping and failing


@pytest.mark.parametrize("stop_at", [Progress, Preview])
def test_closing_leaves_no_file(gaia, request_, tmp_path, scratch, stop_at):
    out = tmp_path / "out"
    out.mkdir()
    events = gaia.generate(request_, out / "take.mp4")
    assert any(isinstance(event, stop_at) for event in events)  # up to the first of them
    events.close()
    assert not list(out.iterdir()) and not list(scratch.iterdir())


def test_an_aborted_video_keeps_an_older_one(gaia, request_, tmp_path):
    out = tmp_path / "take.mp4"
    out.write_bytes(b"older")
    events = gaia.generate(request_, out)
    assert any(isinstance(event, Preview) for event in events)
    events.close()
    assert out.read_bytes() == b"older"


def test_a_failing_network_leaves_no_file(gaia, request_, tmp_path, scratch, monkeypatch):
    def broken(plan):
        yield Step(0.5)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(gaia, "_render", broken)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(RuntimeError, match="out of memory"):
        list(gaia.generate(request_, out / "take.mp4"))
    assert not list(out.iterdir()) and not list(scratch.iterdir())


def test_closing_stops_the_networks(gaia, request_, tmp_path, monkeypatch):
    closed = []

    def render(plan):
        try:
            while True:
                yield np.zeros((1, 256, 256, 3), np.uint8)
        finally:
            closed.append(True)

    held = []  # so that the garbage collector does not close it
    monkeypatch.setattr(gaia, "_render", lambda plan: held.append(render(plan)) or held[0])
    events = gaia.generate(request_, tmp_path / "take.mp4")
    assert any(isinstance(event, Preview) for event in events)
    assert not closed
    events.close()
    assert closed


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"portrait": Path("missing.png")}, "missing.png"),
        ({"speech": Path("missing.wav")}, "missing.wav"),
        ({"face": 5}, "face 5"),
        ({"size": "7"}, "Size"),
    ],
)
def test_bad_input_leaves_no_file(gaia, request_, tmp_path, scratch, changes, named):
    request = Request(**{**vars(request_), **changes})
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match=named):
        list(gaia.generate(request, out / "take.mp4"))
    assert not list(out.iterdir()) and not list(scratch.iterdir())


def test_a_photo_without_a_face(gaia, speech, tmp_path):
    Image.fromarray(np.full((300, 300, 3), 120, np.uint8)).save(tmp_path / "wall.png")
    with pytest.raises(InputError, match="No face"):
        list(gaia.generate(Request(tmp_path / "wall.png", speech), tmp_path / "take.mp4"))
    assert not (tmp_path / "take.mp4").exists()


# Rendering


def test_the_same_seed_gives_the_same_frames(gaia, plan):
    frames = frames_of(gaia, plan)
    assert frames.shape == (10, 64, 64, 3) and frames.dtype == np.uint8
    assert np.array_equal(frames_of(gaia, plan), frames)


def test_a_photo_on_its_head_is_shown_upright(gaia, request_, photo, tmp_path):
    portrait = tmp_path / "turned.png"
    matte = np.where(np.arange(512) < 60, 0, 255) * np.ones((512, 1), int)
    whole = np.concatenate([photo, matte[..., None].astype(np.uint8)], -1)
    Image.fromarray(np.rot90(whole, 2).copy()).save(portrait)
    wanted = replace(request_, portrait=portrait, size="photo", label=False)
    *_, result = gaia.generate(wanted, tmp_path / "take.mp4")
    frame = next(read_video(result.video)).astype(float)
    upright, turned = (np.abs(each - photo)[300:, 70:] for each in (frame, frame[::-1, ::-1]))
    assert upright.mean() < 6 < turned.mean()
    assert (result.cutout[:, :60, 3] == 0).all() and (result.cutout[:, 60:, 3] == 255).all()
    assert any("turned by 180 degrees" in notice for notice in result.notices)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"steps": 5}, {"guidance": 4.0}])
def test_every_setting_matters(gaia, plan, changes):
    assert not np.array_equal(frames_of(gaia, changed(plan, **changes)), frames_of(gaia, plan))


def test_speech_matters(gaia, plan):
    other = changed(plan, speech=plan.script.speech[::-1].copy())
    assert not np.array_equal(frames_of(gaia, other), frames_of(gaia, plan))


def test_frames_do_not_depend_on_how_they_are_batched(gaia, plan, monkeypatch):
    together = frames_of(gaia, plan).astype(int)
    monkeypatch.setattr("gaia_core.render.PIXELS_AT_ONCE", 1)
    singly = list(gaia._render(plan))
    frames = [step for step in singly if isinstance(step, np.ndarray)]
    assert all(len(part) == 1 for part in frames)
    assert np.abs(np.concatenate(frames) - together).max() <= 1


def test_batches_in_parallel_are_the_same_frames_in_order(gaia, plan):
    alone, threads = frames_of(gaia, plan).astype(int), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        together = frames_of(gaia, plan)
        assert torch.get_num_threads() == 3, "other threads keep the default"
        inside = _decoders(3).map(lambda _: torch.get_num_threads(), range(9))
        assert set(inside) == {1}
    finally:
        torch.set_num_threads(threads)
    assert np.abs(together - alone).max() <= 1


def test_the_next_item_is_computed_while_the_last_is_used():
    asked, failing = threading.Event(), threading.Event()

    def items():
        yield torch.get_num_threads()
        asked.set()
        yield 2
        failing.wait(10)
        raise InputError("The microphone is gone.")

    threads, found = torch.get_num_threads(), ahead(items())
    assert next(found) == 1, "one thread, as the others decode"
    assert torch.get_num_threads() == threads
    assert asked.wait(10), "before the next is asked for"
    assert next(found) == 2
    failing.set()
    with pytest.raises(InputError, match="gone"):
        next(found)


def test_what_is_computed_ahead_is_not_waited_for_at_the_end():
    heard = threading.Event()

    def items():
        yield 1
        heard.wait(30)

    found = ahead(items())
    next(found)
    began = time.monotonic()
    found.close()
    assert time.monotonic() - began < 5
    heard.set()


def test_large_portraits_are_rendered_in_small_batches(gaia, plan, photo):
    large = changed(plan, portrait=photo)
    largest = max(len(s) for s in gaia._render(large) if isinstance(s, np.ndarray))
    assert largest * photo.shape[0] ** 2 <= PIXELS_AT_ONCE


@pytest.mark.parametrize("frames", [WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 7])
def test_clips_around_and_over_a_window(gaia, plan, frames, monkeypatch):
    monkeypatch.setattr("gaia_core.render.PIXELS_AT_ONCE", 50 * 16 * 16)
    speech = np.resize(plan.script.speech, (frames, plan.script.speech.shape[1]))
    small = changed(plan, portrait=plan.portrait[::4, ::4].copy(), speech=speech, steps=1)
    steps = [step for step in gaia._render(small) if isinstance(step, Step)]
    assert steps[-1].fraction == 1 and all(step.fraction < 1 for step in steps[:-1])
    assert len(frames_of(gaia, small)) == frames


def test_a_long_clip_is_decoded_while_it_is_sampled(gaia, plan):
    frames = 2 * WINDOW
    speech = np.resize(plan.script.speech, (frames, plan.script.speech.shape[1]))
    small = changed(plan, portrait=plan.portrait[::4, ::4].copy(), speech=speech, steps=1)
    results = list(gaia._render(small))
    made = [len(step) if isinstance(step, np.ndarray) else 0 for step in results]
    steps = [i for i, step in enumerate(results) if isinstance(step, Step)]
    # After each step come the frames that it has made final.
    assert sum(made[: steps[1]]) == WINDOW - AHEAD and sum(made) == frames
    with_span = changed(small, spans=(Span(1.0, 2.0, 5),))
    results = list(gaia._render(with_span))
    last = max(i for i, step in enumerate(results) if isinstance(step, Step))
    assert not any(isinstance(step, np.ndarray) for step in results[:last])
    motions = [step.motion for step in results if isinstance(step, SampledMotion)]
    assert len(motions) == 1 and len(motions[0]) == frames


def test_yielded_frames_are_not_kept_in_memory(gaia, plan):
    """Memory does not depend on the number of batches."""
    speech = np.resize(plan.script.speech, (3 * WINDOW, plan.script.speech.shape[1]))
    small = changed(plan, portrait=plan.portrait[::4, ::4].copy(), speech=speech, steps=1)
    alive: list[weakref.ref] = []
    for step in gaia._render(small):
        if isinstance(step, np.ndarray):
            alive = [ref for ref in alive if ref() is not None]
            assert len(alive) <= 1
            alive.append(weakref.ref(step))


def test_segments_come_while_the_video_is_rendered(gaia, request_, tmp_path, monkeypatch):
    monkeypatch.setattr("gaia_core.pipeline.SEGMENT", 10)
    monkeypatch.setattr("gaia_core.render.PIXELS_AT_ONCE", 10 * 256 * 256)
    folder = tmp_path / "parts"
    folder.mkdir()
    *before, result = gaia.generate(request_, tmp_path / "take.mp4", segments=folder)
    parts = [event for event in before if isinstance(event, Segment)]
    assert [(part.start, part.end) for part in parts] == [(0, 0.4), (0.4, 0.8), (0.8, 1.0)]
    first = before.index(parts[0])
    assert max(e.fraction for e in before[:first] if isinstance(e, Progress)) < 0.7
    lengths = [len(list(read_video(part.video))) for part in parts]
    assert lengths == [10, 10, 5] and result.frames == 25
    assert len(list(read_video(result.video))) == 25
    sound = np.concatenate([read_audio(part.video) for part in parts])
    whole = read_audio(request_.speech)
    assert len(sound) == len(whole) and np.corrcoef(sound, whole)[0, 1] > 0.95  # resampled noise
    assert read_recipe(parts[0].video) == result.recipe


def test_the_callers_bound_on_recordings(gaia, request_, tmp_path):
    with pytest.raises(InputError, match=r"too long; cut it to at most 0\.5 s"):
        list(gaia.generate(request_, tmp_path / "take.mp4", max_seconds=0.5))


def test_windows_begin_with_the_last_frames_of_the_one_before(gaia, plan, monkeypatch):
    inputs = []

    def generate(denoiser, reference, speech, noise, given, steps, guidance):
        inputs.append((given.clone(), speech))
        made.append(torch.where(given.isnan(), noise, given))
        return made[-1]

    made: list = []
    monkeypatch.setattr("gaia_core.motion.performer.sample", generate)
    off = MotionCorrections().without(MotionCorrections.OFF)
    monkeypatch.setattr(gaia.networks, "corrections", off)
    speech = np.resize(plan.script.speech, (WINDOW + 50, plan.script.speech.shape[1]))
    speech[:, 0] = np.arange(len(speech))
    gaia_frames = frames_of(gaia, changed(plan, speech=speech))
    assert len(gaia_frames) == WINDOW + 50
    (first, _), (second, features) = inputs
    assert first.isnan().all()
    known = WINDOW - AHEAD
    assert torch.equal(second[:, :OVERLAP], made[0][:, known - OVERLAP : known])
    assert second[:, OVERLAP:].isnan().all()
    assert features[0, :, 0].tolist() == list(range(known - OVERLAP, WINDOW + 50))


def test_gradients_are_not_switched_off_for_the_caller(gaia, plan):
    steps = gaia._render(plan)
    next(steps)
    assert torch.is_grad_enabled()
    steps.close()


# A GPU in another process


def test_the_networks_run_inside_the_gpu_wrapper(gaia, plan):
    inside = []

    def gpu(render):
        def wrapped(plan):
            inside.append(plan)
            for step in render(pickle.loads(pickle.dumps(plan))):
                yield pickle.loads(pickle.dumps(step))

        return wrapped

    wrapped = Gaia(gaia.networks, gaia.speech_encoder, gpu)
    assert np.array_equal(frames_of(wrapped, plan), frames_of(gaia, plan))
    assert inside == [plan]
    wrapped.landmarker.close()


def test_a_crop_and_speech_without_files(gaia, photo, photo_face):
    crop = crop_around(photo_face.landmarks).extract(photo, 192)
    frames = list(gaia.animate(crop, babble(0.4), seed=1, steps=1))
    assert len(frames) == 10
    assert all(frame.shape == (192, 192, 3) and frame.dtype == np.uint8 for frame in frames)
    other = list(gaia.animate(crop, babble(0.4), seed=2, steps=1))
    assert not np.array_equal(frames, other)


def test_networks_can_be_captured_as_graphs(gaia, plan):
    """No operation waits for a value, or for a list that goes to the device."""
    graphs: list[torch.fx.Graph] = []

    def eager(module: torch.fx.GraphModule, _: object) -> Callable[..., object]:
        graphs.append(module.graph)
        return module.forward

    first, second = copy.deepcopy((gaia.networks.autoencoder, gaia.networks.denoiser))
    networks = Networks(first, second, gaia.networks.directions)
    frames = frames_of(gaia, plan)
    networks.capture(eager)
    captured = [step for step in networks.render(plan) if isinstance(step, np.ndarray)]
    torch.compiler.reset()
    assert np.array_equal(frames, np.concatenate(captured))
    assert len(graphs) == 2, "one of each network"
    calls = [(node.target, node.args) for graph in graphs for node in graph.nodes]
    assert getitem in dict(calls) and not any(copies_a_list(*call) for call in calls)


def test_no_frame_copies_a_list_to_the_device(gaia, square, crop_landmarks):
    """Inpainters included, which no graph captures."""
    autoencoder = copy.deepcopy(gaia.networks.autoencoder)
    for name in REGIONS:
        autoencoder.inpainters[name] = Inpainter(name, TINY.inpainter)
    networks = Networks(autoencoder, gaia.networks.denoiser, gaia.networks.directions)
    renderer = PortraitRenderer(networks, square, crop_landmarks.numpy())
    copied: list[object] = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, called, types, args=(), kwargs=None):
            if copies_a_list(called, args):
                copied.append((called, args[-1]))
            return called(*args, **kwargs or {})

    motion = renderer.reference + torch.linspace(-3, 3, 8)[:, None]
    renderer.decode(motion)  # makes the indices
    with Watch():
        renderer.decode(motion)
    assert not copied


def copies_a_list(called: object, args: tuple) -> bool:
    """Whether an operation makes a tensor of a list, as an index by one does."""
    if called in (torch.tensor, torch.as_tensor):
        return True
    if called not in (getitem, Tensor.__getitem__):
        return False
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    return any(isinstance(part, list) for part in index)
