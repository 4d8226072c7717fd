"""A WebRTC connection to one browser: camera or microphone in, the portrait out.

It lives on a thread with an event loop of its own; the engine works on the caller's thread. Nothing
is queued that would make the portrait late: of the camera's pictures only the newest is kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler, VideoFrame

from gaia_core import FPS
from gaia_core.errors import InputError
from gaia_core.media.playback import Playback
from gaia_core.portrait.tracking import CameraFrame
from ui.i18n.text import say

CONNECT = 10.0  # seconds in which the first picture or sound has to arrive
QUIET = 1.5  # seconds without any after which the browser counts as gone
RATE = 48_000  # samples a second, of Opus
BLOCK = RATE // FPS  # samples of a frame of video
BACKLOG = 1.2  # seconds of speech that may wait for the engine; older speech is dropped
VIDEO_CLOCK = 90_000
RECALIBRATE = "recalibrate"  # what the browser sends on its data channel


class Peer:
    """A context manager: connected on entry to the browser that made `offer`, closed on exit."""

    def __init__(self, offer: str, servers: Sequence[Mapping[str, Any]] = ()) -> None:
        """
        Args:
            offer: the browser's session description (SDP), with all its candidates.
            servers: STUN and TURN servers, as the browser's `RTCPeerConnection` takes them.
        """
        self._offer, self._servers = offer, servers
        self._changed = threading.Condition()  # guards what follows
        self._picture: VideoFrame | None = None
        self._sound: list[np.ndarray] = []  # int16, not yet asked for
        self._spoken = 0  # samples, those asked for included
        self._heard = 0.0  # when the last picture or sound came, as `time.monotonic` has it
        self._recalibrate = self._closed = False
        self.dropped = 0.0  # seconds of speech, or of frames, that came too late

    def __enter__(self) -> Peer:
        """
        Raises:
            InputError: the offer is not one.
        """
        self._answer: Future[str] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        try:
            self.answer = self._answer.result()  # SDP, for the browser
        except Exception:  # the parser's own errors, of many kinds
            self._thread.join()
            raise InputError(say("error.offer")) from None
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    # On the caller's thread

    def arrives(self) -> bool:
        """Waits for the first picture or sound; False if none comes within `CONNECT` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._heard or self._closed, CONNECT)
            return bool(self._heard) and not self._closed

    @property
    def gone(self) -> bool:
        """Whether the connection has ended, or the browser sends nothing any more."""
        with self._changed:
            return self._closed or time.monotonic() - self._heard > QUIET

    @property
    def spoken(self) -> float:
        """Seconds of sound that came, less what was dropped unheard."""
        with self._changed:
            return self._spoken / RATE

    def camera(self) -> Iterator[CameraFrame]:
        """The newest picture each time one is asked for, until the browser is gone."""
        while self._wait(lambda: self._picture is not None):
            with self._changed:
                picture, self._picture = self._picture, None
                taken, recalibrate, self._recalibrate = self._heard, self._recalibrate, False
            assert picture is not None  # `_wait`
            yield CameraFrame(picture.to_ndarray(format="rgb24"), taken, recalibrate)

    def microphone(self) -> Iterator[np.ndarray]:
        """All sound since the last time, (N,) int16 at `RATE`, until the browser is gone."""
        while self._wait(lambda: bool(self._sound)):
            with self._changed:
                sound, self._sound = np.concatenate(self._sound), []
                late = max(0, len(sound) - round(BACKLOG * RATE))
                self._spoken -= late
            self.dropped += late / RATE
            yield sound[late:]

    def show(self, picture: np.ndarray, second: float) -> None:
        """Shows a picture (H, W, 3) uint8 at once; `second` orders them."""
        self._on_loop(self._film.put, picture, second)

    def play(self, picture: np.ndarray, sound: np.ndarray) -> None:
        """Shows a picture and its sound (BLOCK,) int16, a frame after the one before."""
        self._on_loop(self._enqueue, picture, sound)

    def _wait(self, there: Callable[[], bool]) -> bool:
        """Whether something came before the browser was gone."""
        with self._changed:
            while not self.gone:
                if there():
                    return True
                self._changed.wait(QUIET)
        return False

    def _on_loop(self, what: Callable[..., None], *given: Any) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(what, *given)

    # On the event loop

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._film, self._voice = _Film(), _Voice()
        self._playback = Playback()
        self._waiting: asyncio.Queue[tuple[float, np.ndarray, np.ndarray]] = asyncio.Queue()
        playing = asyncio.create_task(self._play())
        connection = RTCPeerConnection(
            RTCConfiguration([RTCIceServer(**server) for server in self._servers])
        )
        try:
            self._answer.set_result(await self._accept(connection))
            await self._over.wait()
        except Exception as error:
            self._answer.set_exception(error)
        finally:
            self._close()
            playing.cancel()
            await connection.close()

    async def _accept(self, connection: RTCPeerConnection) -> str:
        @connection.on("connectionstatechange")
        def on_change() -> None:
            if connection.connectionState in ("closed", "failed"):
                self._close()

        @connection.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            self._reading = asyncio.create_task(self._read(track))

        @connection.on("datachannel")
        def on_channel(channel: Any) -> None:
            channel.on("message", self._order)

        await connection.setRemoteDescription(RTCSessionDescription(self._offer, "offer"))
        for transceiver in connection.getTransceivers():
            connection.addTrack(self._film if transceiver.kind == "video" else self._voice)
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    def _close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _order(self, message: Any) -> None:
        with self._changed:
            self._recalibrate = self._recalibrate or message == RECALIBRATE

    async def _read(self, track: MediaStreamTrack) -> None:
        """Keeps what a track of the browser's brings."""
        mono = AudioResampler(format="s16", layout="mono", rate=RATE)
        with suppress(MediaStreamError):  # the track has ended
            while True:
                frame = await track.recv()
                with self._changed:
                    if isinstance(frame, AudioFrame):
                        new = [each.to_ndarray()[0] for each in mono.resample(frame)]
                        self._sound += new
                        self._spoken += sum(map(len, new))
                    elif isinstance(frame, VideoFrame):
                        self._picture = frame
                    self._heard = time.monotonic()
                    self._changed.notify_all()

    def _enqueue(self, picture: np.ndarray, sound: np.ndarray) -> None:
        due = self._playback.due(self._loop.time(), sound)
        if due is None:
            self.dropped += 1 / FPS
        else:
            self._waiting.put_nowait((due, picture, sound))

    async def _play(self) -> None:
        """Shows what waits, 25 frames a second."""
        frame = 0
        while True:
            due, picture, sound = await self._waiting.get()
            await asyncio.sleep(due - self._loop.time())
            self._film.put(picture, frame / FPS)
            self._voice.put(sound)
            frame += 1


class _Film(MediaStreamTrack):
    """The newest picture, whenever there is a new one."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._next: asyncio.Queue[tuple[np.ndarray, float]] = asyncio.Queue(1)

    def put(self, picture: np.ndarray, second: float) -> None:
        if self._next.full():
            self._next.get_nowait()
        self._next.put_nowait((picture, second))

    async def recv(self) -> VideoFrame:
        picture, second = await self._next.get()
        frame = VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = round(second * VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
        return frame


class _Voice(MediaStreamTrack):
    """Sound, a frame of video at a time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._next: asyncio.Queue[np.ndarray] = asyncio.Queue()
        self._count = 0

    def put(self, sound: np.ndarray) -> None:
        self._next.put_nowait(sound)

    async def recv(self) -> AudioFrame:
        sound = await self._next.get()
        frame = AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._count, Fraction(1, RATE)
        self._count += len(sound)
        return frame
