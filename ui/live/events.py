"""A live session: what arrives from the browser goes through the engine and back.

It is a run like any other: it waits in the same queue, holds the engine alone, and ends when its
generator is closed. It also ends by itself when the browser is gone, or its time is over.
"""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import cv2
import gradio as gr
import numpy as np
import soxr
from gradio.components import Component

from gaia_core import FPS, SAMPLE_RATE
from gaia_core.errors import InputError
from gaia_core.media.image import read_image
from gaia_core.motion.live import STEPS
from gaia_core.portrait.tracking import CameraFrame
from gaia_core.request import Request
from ui.components import Inputs, Output, Updates
from ui.engine import Engine
from ui.faces import faces
from ui.form.admission import RawRequest, admit
from ui.gradio_compat import streaming_possible
from ui.i18n.text import say
from ui.live.live import KINDS
from ui.live.peer import BLOCK, RATE, Peer
from ui.run import view
from ui.run.estimate import Clock
from ui.run.events import address_of, take_of
from ui.takes import result_view, store
from ui.takes.recording import Recording
from ui.takes.session import Session
from ui.timeline import timeline
from ui.toasts import toasts

TELL_EVERY = 2.0  # seconds; Gradio closes a run between two updates only
MAX_OFFER = 100_000  # letters
SHORTEST = 0.5  # seconds that can be kept


def start(
    engine: Engine,
    clock: Clock,
    stage: gr.HTML,
    inputs: Inputs,
    output: Output,
    longest: float | None,
    servers: Sequence[Mapping[str, Any]],
) -> Callable[[dict[Component, Any]], Iterator[Updates]]:
    """The handler of the stage's offer.

    Its updates are states, each with the offer's number: {"phase": "answer", "sdp"}, then
    {"phase": "live", "left"} (seconds, or None without a limit), at last {"phase": "over", "why",
    "keep"} (whether there is something to keep).

    Args:
        longest: seconds after which a session ends.
    """

    def told(phase: str, number: int, **more: Any) -> Updates:
        return {stage: gr.update(state={"phase": phase, "number": number, **more})}

    def on_offer(values: dict[Component, Any]) -> Iterator[Updates]:
        with toasts(page=True):
            session: Session = values[output.session]
            kind, sdp, number = _offer(values[stage])
            portrait, face = values[inputs.portrait], values[inputs.face]
            faces.check(engine, portrait, face, session)
            wanted = admit(
                RawRequest(
                    portrait=portrait,
                    face=face,
                    text="-",
                    steps=STEPS,
                    size="256",
                    consent=any(values[tick] is True for tick in inputs.consent.values()),
                )
            )
            run = {"mirror": _mirrored, "voice": _spoken}[kind]
            session.recording = None
            recording = Recording(wanted, RATE)
            with clock.job(longest) as job, Peer(sdp, servers) as peer:
                yield told("answer", number, sdp=peer.answer)
                if not peer.arrives():
                    yield told("over", number, why="unconnected")
                    return
                yield told("live", number, left=longest)
                began = said = time.monotonic()
                with closing(run(engine, wanted, peer, recording)) as frames:
                    for _ in frames:
                        now = time.monotonic()
                        passed = now - began
                        if peer.gone or (longest and passed >= longest):
                            break
                        if now - said >= TELL_EVERY:
                            said = now
                            job.fraction = passed / longest if longest else 0.0
                            yield told("live", number, left=longest and longest - passed)
            kept = recording.seconds >= SHORTEST
            if kept:
                session.offer(recording)
            yield told("over", number, why="gone" if peer.gone else "time", keep=kept)

    return on_offer


def keep(
    engine: Engine, stage: gr.HTML, output: Output
) -> Callable[[dict[Component, Any], gr.Request], Updates]:
    """Writes what was live as a take of the session, and opens it."""

    def on_keep(values: dict[Component, Any], request: gr.Request) -> Updates:
        with toasts(page=True):
            session: Session = values[output.session]
            recording, session.recording = session.recording, None
            if recording is None:
                raise InputError(say("error.gone", field=say("media.take")))
            folder = store.new_folder()
            try:
                made, result = recording.save(folder)
            except BaseException:
                store.discard(folder)
                raise
            line = timeline.of_take(engine, result, made)
            picture = result_view.data_url(recording.first())
            kind = "voice" if made.speech else "mirror"
            name = say("take.name", mode=say("tab.live"), asked=say(f"live.{kind}"))
            take = take_of(result, made, picture, address_of(request), line, name)
            session.add(take, made)
            session.open = take
            shown = view.show(session, output, running=values[output.running])
            return {**shown, stage: gr.update(state={"phase": "kept"})}

    return on_keep


def failed(value: Any) -> Any:
    """The stage after a failure, which a toast explains."""
    with suppress(InputError):
        *_, number = _offer(value)
        return gr.update(state={"phase": "over", "number": number, "why": "failed"})
    return gr.skip()


def instead() -> list[Any]:
    """Where no connection can be made: the microphone's recording, played while it is made."""
    return [gr.update(selected="speech"), "speech", "record", streaming_possible()]


def _offer(value: Any) -> tuple[str, str, int]:
    """What a browser sent: the kind of session, its connection's description, and its number.

    Raises:
        InputError: it is not what the script sends.
    """
    match value:
        case {"kind": str(kind), "sdp": str(sdp), "number": int(number)}:
            if kind in KINDS and len(sdp) <= MAX_OFFER:
                return kind, sdp, number
    raise InputError(say("error.offer"))


def _mirrored(
    engine: Engine, wanted: Request, peer: Peer, recording: Recording
) -> Generator[None, None, None]:
    """The portrait moves as the face before the camera does, as in a mirror; a step a frame."""
    seen: deque[CameraFrame] = deque()
    began: float | None = None

    def camera() -> Iterator[CameraFrame]:
        for frame in peer.camera():
            seen.append(replace(frame, picture=cv2.flip(frame.picture, 1)))
            yield seen[-1]

    photo = read_image(wanted.portrait)
    with closing(engine.mirror(photo, camera(), face=wanted.face)) as shown:  # type: ignore[type-var]
        for picture in shown:
            of = seen.popleft()
            began = of.second if began is None else began
            peer.show(picture, of.second - began)
            recording.add(of.second, picture, camera=of.picture)
            yield


def _spoken(
    engine: Engine, wanted: Request, peer: Peer, recording: Recording
) -> Generator[None, None, None]:
    """The portrait says what the microphone hears; a step a frame."""
    heard: deque[np.ndarray] = deque()  # by the engine, which listens on a thread of its own
    sound = np.zeros(0, np.int16)  # from the next frame on
    resampler = soxr.ResampleStream(RATE, SAMPLE_RATE, 1)

    def chunks() -> Iterator[np.ndarray]:
        for new in peer.microphone():
            heard.append(new)
            yield resampler.resample_chunk(new.astype(np.float32) / 2**15)
        raise _Over  # the rest of a finished speech would be rendered for nobody

    photo = read_image(wanted.portrait)
    speaking = engine.stream(photo, chunks(), face=wanted.face, clock=lambda: peer.spoken)
    try:
        with closing(speaking) as shown:  # type: ignore[type-var]
            for count, picture in enumerate(shown):
                while heard and len(sound) < BLOCK:
                    sound = np.concatenate([sound, heard.popleft()])
                mine, sound = sound[:BLOCK], sound[BLOCK:]
                peer.play(picture, mine)
                recording.add(count / FPS, picture, sound=mine)
                yield
    except _Over:
        return


class _Over(Exception):
    """The browser is gone."""
