"""The Live tab: camera and microphone through the engine and back, and what ends it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from av import VideoFrame
from fake_engine import FakeEngine, Studio, until
from gradio_client import Client, handle_file
from gradio_client.utils import Status

from gaia_core.pipeline import Gaia
from gaia_core.portrait.tracking import CameraFrame
from ui import studio as studio_module
from ui.engine import Engine
from ui.i18n.text import say
from ui.live import events, live
from ui.live.peer import RATE, Peer
from ui.run.estimate import Clock
from ui.samples import portraits
from ui.takes.session import Session

pytest.importorskip("playwright")

from playwright.sync_api import Page, expect
from visitor import button, shown, tab

FREED = 2.0  # seconds within which a visitor who vanishes frees the engine

# Settings


def test_a_session_is_short_only_where_others_may_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(studio_module, "ON_SPACES", False)
    for name in ("GRADIO_SERVER_NAME", "GAIA_LIVE_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    assert studio_module.live_seconds() is None
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert studio_module.live_seconds() == 120
    monkeypatch.setenv("GAIA_LIVE_SECONDS", "45")
    assert studio_module.live_seconds() == 45
    monkeypatch.setenv("GAIA_LIVE_SECONDS", "0")
    assert studio_module.live_seconds() is None


def test_ice_servers_are_those_of_a_browser():
    turn = '[{"urls": "turn:turn.example.org", "username": "me", "credential": "secret"}]'
    assert live.ice_servers(turn)[0]["username"] == "me" and live.ice_servers("[]") == []
    for wrong in ("turn:turn.example.org", '["turn:turn.example.org"]', '[{"url": "turn:x"}]', "3"):
        with pytest.raises(ValueError, match="JSON list"):
            live.ice_servers(wrong)


# The connection, to a stand-in for the browser


class Grey(VideoStreamTrack):
    """Pictures that get brighter."""

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        grey = np.full((120, 160, 3), min(255, 40 + 2 * pts // 3000), np.uint8)
        frame = VideoFrame.from_ndarray(grey, "rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Visitor:
    """A browser with a camera, on a thread of its own that can be made to fall silent."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.offer: str = self._run(self._offers())

    def connect(self, answer: str) -> None:
        self._run(self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer")))

    def recalibrate(self) -> None:
        assert until(lambda: self._orders.readyState == "open")
        self.loop.call_soon_threadsafe(self._orders.send, "recalibrate")

    def leave(self) -> None:
        self._run(self._connection.close())

    def vanish(self) -> None:
        """Without a goodbye, as when the network fails."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _offers(self) -> str:
        self._connection = RTCPeerConnection()
        self._connection.addTrack(Grey())
        self._orders = self._connection.createDataChannel("orders")
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return self._connection.localDescription.sdp


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    visitor = Visitor()
    yield visitor
    if visitor.loop.is_running():
        visitor.leave()
        visitor.vanish()


@pytest.mark.parametrize("how", [Visitor.leave, Visitor.vanish])
def test_the_newest_picture_comes_until_the_visitor_is_gone(
    visitor: Visitor, how: Callable[[Visitor], None]
):
    with Peer(visitor.offer) as peer:
        visitor.connect(peer.answer)
        assert peer.arrives() and not peer.gone
        pictures = peer.camera()
        first = next(pictures)
        time.sleep(0.5)  # of the pictures of a slow frame only the last is wanted
        later = next(pictures)
        assert later.second - first.second > 0.3
        assert later.picture.mean() - first.picture.mean() > 6
        visitor.recalibrate()
        assert any(next(pictures).recalibrate for _ in range(100))
        assert not next(pictures).recalibrate
        how(visitor)
        began = time.monotonic()
        for _ in pictures:
            pass
        assert time.monotonic() - began < FREED and peer.gone
    assert time.monotonic() - began < FREED


# The session, over a connection that is always there


class Connected:
    """What `Peer` is to a session; the browser is gone after some pictures."""

    answer = "answer"
    spoken = 0.0
    pictures = 10**6
    arrived = True

    def __init__(self, offer: str, servers: object) -> None:
        self.gone, self.shown = False, 0

    def __enter__(self) -> Connected:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def arrives(self) -> bool:
        return self.arrived

    def camera(self) -> Iterator[CameraFrame]:
        for number in range(self.pictures):
            time.sleep(0.01)
            yield CameraFrame(np.zeros((8, 8, 3), np.uint8), number / 25)
        self.gone = True

    def microphone(self) -> Iterator[np.ndarray]:
        tone = (8000 * np.sin(np.arange(RATE // 10) / 30)).astype(np.int16)
        yield from [tone] * (self.pictures // 4)
        self.gone = True

    def show(self, picture: np.ndarray, second: float) -> None:
        self.shown += 1

    def play(self, picture: np.ndarray, sound: np.ndarray) -> None:
        assert sound.shape == (RATE // 25,)
        self.shown += 1


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Runs a session over a fake engine: the states that it tells."""

    def run(engine: Engine, longest: float | None = None, **given: Any) -> list[dict[str, Any]]:
        monkeypatch.setattr(events, "Peer", Connected)
        monkeypatch.setattr("ui.takes.store.cache", lambda: Path("/"))
        parts = {name: object() for name in ("stage", "portrait", "face", "session", "tick")}
        values = {
            parts["stage"]: {"kind": "mirror", "number": 1, "sdp": "v=0"},
            parts["portrait"]: {"path": str(portraits()[0])},
            parts["face"]: 0,
            parts["session"]: Session(),
            parts["tick"]: False,
        }
        values |= {parts[name]: value for name, value in given.items()}
        inputs = SimpleNamespace(**parts, consent={"portrait": parts["tick"]})
        output = SimpleNamespace(session=parts["session"])
        handler = events.start(engine, Clock(engine), parts["stage"], inputs, output, longest, ())
        return [update["state"] for each in handler(values) for update in each.values()]

    return run


def test_a_session_ends_when_its_time_is_over(session):
    engine = FakeEngine()
    answer, first, last = session(engine, longest=0.2)
    assert answer == {"phase": "answer", "number": 1, "sdp": "answer"}
    assert first == {"phase": "live", "number": 1, "left": 0.2}
    assert (last["phase"], last["why"]) == ("over", "time")
    assert not engine.running


def test_a_session_tells_how_it_goes_and_ends_with_the_visitor(session, monkeypatch):
    monkeypatch.setattr(events, "TELL_EVERY", 0.1)
    monkeypatch.setattr(Connected, "pictures", 30)
    _, first, *more, last = session(FakeEngine())
    assert first["left"] is None
    assert more and set(map(str, more)) == {str(first)}
    assert last == {"phase": "over", "number": 1, "why": "gone", "keep": True}


def test_a_browser_that_never_connects_does_not_hold_the_engine(session, monkeypatch):
    monkeypatch.setattr(Connected, "arrived", False)
    _, last = session(FakeEngine())
    assert last == {"phase": "over", "number": 1, "why": "unconnected"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", live.KINDS)
def test_the_engine_itself_is_live(session, monkeypatch, gaia: Gaia, kind: str):
    monkeypatch.setattr(Connected, "pictures", 100 if kind == "voice" else 20)
    visitor = Session()
    *_, last = session(gaia, stage={"kind": kind, "number": 1, "sdp": "v=0"}, session=visitor)
    assert (last["why"], last["keep"]) == ("gone", True)
    assert visitor.recording and visitor.recording.first().shape == (256, 256, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stage": {"kind": "film", "number": 1, "sdp": "v=0"}}, "error.offer"),
        ({"stage": {"kind": "mirror", "number": 1, "sdp": "v" * 10**6}}, "error.offer"),
        ({"stage": None}, "error.offer"),
        ({"portrait": None}, "error.portrait"),
    ],
)
def test_what_a_program_may_send_is_checked(session, given: dict[str, Any], message: str):
    with pytest.raises(gr.Error) as error:
        session(FakeEngine(), **given)
    assert str(say(message))[:30] in error.value.message


def test_a_photo_of_ones_own_needs_consent(session, photos: dict[str, Path]):
    with pytest.raises(gr.Error) as error:
        session(FakeEngine(), portrait={"path": str(photos["fine"])})
    assert str(say("error.consent"))[:30] in error.value.message
    given = {"portrait": {"path": str(photos["fine"])}, "tick": True}
    assert session(FakeEngine(), 0.1, **given)[-1]["why"] == "time"


def test_nonsense_is_no_connection():
    with pytest.raises(Exception, match="connection could not be read"), Peer("v=nonsense"):
        pass


# The page

LEVEL = """() => {
  const film = document.querySelector(".lv-film"), canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(film, 0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data[0];
}"""


def go_live(page: Page, kind: str) -> None:
    page.get_by_role("radio", name=say(f"live.{kind}"), exact=True).check()
    expect(page.get_by_text(say(f"live.{kind}.info"))).to_be_visible()
    button(page, say("live.start")).click()
    page.locator('.lv[data-phase="live"]').wait_for()


def changes(page: Page) -> bool:
    """Whether the portrait gets brighter and darker."""
    levels: set[int] = set()
    return until(lambda: levels.add(page.evaluate(LEVEL)) or max(levels) - min(levels) > 60, 20)


def test_it_comes_back_as_it_happens_and_nothing_is_stored(opened, studio: Studio):
    page = opened()
    tab(page, "live")
    before = set(studio.cache.rglob("*"))
    go_live(page, "mirror")
    expect(button(page, say("live.start"))).to_be_hidden()
    assert changes(page)
    button(page, say("live.recalibrate")).click()
    assert until(lambda: studio.engine.recalibrated == 1)
    tab(page, "speech")  # which ends it
    assert until(lambda: not studio.engine.running, FREED)
    expect(page.locator(".lv")).to_be_hidden()

    tab(page, "live")
    assert set(studio.cache.rglob("*")) == before
    button(page, say("live.keep")).click()
    shown(page)
    expect(page.get_by_text(say("live.kept.info"))).to_be_visible()
    names = {path.name for path in set(studio.cache.rglob("*")) - before}
    assert names >= {"gaia-live.mp4", "gaia-live.json", "camera.mp4"}

    go_live(page, "voice")
    assert changes(page)
    film = page.locator(".lv-film")
    assert film.evaluate("film => film.muted && film.srcObject.getAudioTracks().length === 1")
    page.get_by_label(say("live.hear")).check()
    assert not film.evaluate("film => film.muted")

    # It holds the engine alone, until its visitor vanishes.
    client = Client(studio.url, verbose=False)
    portrait = handle_file(portraits()[0])
    other = client.submit(portrait, text="Hello.", api_name="/speech_driven")
    assert until(lambda: other.status().code is Status.IN_QUEUE)
    page.close()
    assert until(lambda: bool(studio.engine.requests), FREED)
    other.result()
    client.close()


def test_what_goes_wrong_is_explained(opened, studio: Studio, monkeypatch):
    monkeypatch.setattr("ui.live.peer.CONNECT", 0.5)
    page = opened()
    tab(page, "live")
    page.evaluate(
        """() => {
          window.given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async () => {
            throw new DOMException("no", "NotFoundError");
          };
        }"""
    )
    button(page, say("live.start")).click()
    expect(page.get_by_text(say("live.missing.mirror"))).to_be_visible()
    page.evaluate(
        """() => {
          navigator.mediaDevices.getUserMedia = window.given;
          RTCPeerConnection.prototype.setRemoteDescription = async () => {};
        }"""
    )
    page.get_by_role("radio", name=say("live.voice"), exact=True).check()
    button(page, say("live.start")).click()
    expect(page.get_by_text(say("live.unconnected"))).to_be_visible()
    assert not studio.engine.running
    button(page, say("live.instead")).click()
    expect(page.get_by_text(say("intro.speech"))).to_be_visible()
    expect(page.locator("#recording")).to_be_visible()
