"""A live session: what arrives from the browser goes through the engine and back.

It is a run like any other: it waits in the same queue, holds the engine alone, and ends when its
generator is closed. It also ends by itself when the browser is gone, or its time is over.
"""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import soxr
from gradio.components import Component

from gaia_core import SAMPLE_RATE
from gaia_core.errors import InputError
from gaia_core.media.image import read_image
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
from ui.run.estimate import Clock
from ui.toasts import toasts

TELL_EVERY = 2.0  # seconds; Gradio closes a run between two updates only
MAX_OFFER = 100_000  # letters


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

    Its updates are states: {"phase": "answer", "sdp"}, then {"phase": "live", "left"} (seconds, or
    None without a limit), at last {"phase": "over", "why"}.

    Args:
        longest: seconds after which a session ends.
    """

    def told(phase: str, **more: Any) -> Updates:
        return {stage: gr.update(state={"phase": phase, **more})}

    def on_offer(values: dict[Component, Any]) -> Iterator[Updates]:
        with toasts(page=True):
            kind, sdp = _offer(values[stage])
            portrait, face = values[inputs.portrait], values[inputs.face]
            faces.check(engine, portrait, face, values[output.session])
            consent = any(values[tick] is True for tick in inputs.consent.values())
            wanted = admit(
                RawRequest(portrait=portrait, face=face, text="-", size="256", consent=consent)
            )
            run = {"mirror": _mirrored, "voice": _spoken}[kind]
            with clock.job(longest) as job, Peer(sdp, servers) as peer:
                yield told("answer", sdp=peer.answer)
                if not peer.arrives():
                    yield told("over", why="unconnected")
                    return
                yield told("live", left=longest)
                began = said = time.monotonic()
                with closing(run(engine, wanted, peer)) as frames:
                    for _ in frames:
                        now = time.monotonic()
                        passed = now - began
                        if peer.gone or (longest and passed >= longest):
                            break
                        if now - said >= TELL_EVERY:
                            said = now
                            job.fraction = passed / longest if longest else 0.0
                            yield told("live", left=longest and longest - passed)
            yield told("over", why="gone" if peer.gone else "time")

    return on_offer


def failed() -> Any:
    """The stage after a failure, which a toast explains."""
    return gr.update(state={"phase": "over", "why": "failed"})


def instead() -> list[Any]:
    """Where no connection can be made: the microphone's recording, played while it is made."""
    return [gr.update(selected="speech"), "speech", "record", streaming_possible()]


def _offer(value: Any) -> tuple[str, str]:
    """The kind of session and the description of the connection that a browser sent.

    Raises:
        InputError: it is not what the script sends.
    """
    match value:
        case {"kind": str(kind), "sdp": str(sdp)} if kind in KINDS and len(sdp) <= MAX_OFFER:
            return kind, sdp
    raise InputError(say("error.offer"))


def _mirrored(engine: Engine, wanted: Request, peer: Peer) -> Generator[None, None, None]:
    """The portrait moves as the face before the camera does, as in a mirror; a step a frame."""
    seen: CameraFrame
    began: float | None = None

    def camera() -> Iterator[CameraFrame]:
        nonlocal seen
        for frame in peer.camera():
            seen = replace(frame, picture=np.ascontiguousarray(frame.picture[:, ::-1]))
            yield seen

    photo = read_image(wanted.portrait)
    with closing(engine.mirror(photo, camera(), face=wanted.face)) as shown:  # type: ignore[type-var]
        for picture in shown:
            began = seen.second if began is None else began
            peer.show(picture, seen.second - began)
            yield


def _spoken(engine: Engine, wanted: Request, peer: Peer) -> Generator[None, None, None]:
    """The portrait says what the microphone hears; a step a frame."""
    heard = np.zeros(0, np.int16)  # what the engine has, from the next frame on
    resampler = soxr.ResampleStream(RATE, SAMPLE_RATE, 1)

    def chunks() -> Iterator[np.ndarray]:
        nonlocal heard
        for sound in peer.microphone():
            heard = np.concatenate([heard, sound])
            yield resampler.resample_chunk(sound.astype(np.float32) / 2**15)
        raise _Over  # the rest of a finished speech would be rendered for nobody

    photo = read_image(wanted.portrait)
    try:
        with closing(engine.stream(photo, chunks(), face=wanted.face)) as shown:  # type: ignore[type-var]
            for picture in shown:
                sound, heard = heard[:BLOCK], heard[BLOCK:]
                peer.play(picture, sound)
                yield
    except _Over:
        return


class _Over(Exception):
    """The browser is gone."""
