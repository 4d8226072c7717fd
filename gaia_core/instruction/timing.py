"""Parsing of an instruction's order and times: its parts, and the time span of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gaia_core.errors import InputError

SHORTEST = 0.2  # minimal seconds of a part; shorter ones are dropped
_COUNT = {
    word: str(number)
    for number, word in enumerate(("one", "two", "three", "four", "five", "six"), 1)
}
_NUMBER = r"(\d+(?:\.\d+)?|" + "|".join(_COUNT) + ")"
_UNIT = r"\s*(?:s|secs?|seconds?)\b"
_SPAN = re.compile(rf"\[\s*{_NUMBER}\s*s?\s*(?:-|–|to)\s*{_NUMBER}\s*s?\s*:([^\[\]]*)\]", re.I)
_THEN = re.compile(
    r"[;\n]+|[.!?]+(?=\s|$)|,?\s*\b(?:and\s+)?(?:then|after that|afterwards|finally)\b,?"
    r"|,?\s*\bfollowed by\b",
    re.I,
)
AND = re.compile(r"\s*(?:,\s*(?:and\b)?|&|\b(?:and|while)\b)\s*", re.I)
_TIMES = (  # the groups are start, end and length
    re.compile(
        rf"\b(?:from|between)\s+{_NUMBER}(?:{_UNIT})?\s*(?:to|and|until|-|–)\s*{_NUMBER}{_UNIT}()",
        re.I,
    ),
    re.compile(rf"\b(?:at|after|from)\s+(?:second\s+)?{_NUMBER}{_UNIT}()()", re.I),
    re.compile(rf"\bat\s+second\s+{_NUMBER}()()", re.I),
    re.compile(rf"()\buntil\s+{_NUMBER}{_UNIT}()", re.I),
    re.compile(rf"()()\bfor\s+{_NUMBER}{_UNIT}", re.I),
)


@dataclass(frozen=True)
class Part:
    """A part of an instruction: its text, and the times that it states, in seconds."""

    text: str
    start: float | None = None
    end: float | None = None
    length: float | None = None

    @property
    def timed(self) -> bool:
        """Whether the text states a time."""
        return (self.start, self.end, self.length) != (None, None, None)


def parse(text: str) -> list[Part]:
    """An instruction's parts in their order.

    Raises:
        InputError: brackets that are no span, or a span that ends before it starts.
    """
    parts: list[Part] = []
    at = 0
    for span in _SPAN.finditer(text):
        parts += _in_order(text[at : span.start()])
        start, end = _seconds(span[1]), _seconds(span[2])
        if span[3].strip():
            parts.append(Part(span[3].strip(), start, end))
        at = span.end()
    parts += _in_order(text[at:])
    for part in parts:
        if re.search(r"[\[\]]", part.text):
            raise InputError("Square brackets hold a time span; write it as [1-2s: smile].")
        if part.start is not None and part.end is not None and part.end <= part.start:
            raise InputError(
                "“{text}” is to last from {start:g} s to {end:g} s; let it end after it starts.",
                text=part.text,
                start=part.start,
                end=part.end,
            )
    return parts


def _in_order(text: str) -> list[Part]:
    """The parts of a text without spans in brackets."""
    return [part for piece in _THEN.split(text) for part in _with_times(piece)]


def _with_times(text: str) -> list[Part]:
    """One part, or several if several times are stated: "smile at 1 s and nod at 2 s"."""
    if sum(len(form.findall(text)) for form in _TIMES) < 2:
        part = _timed(text)
        return [part] if part.text else []
    parts: list[Part] = []
    waiting = Part("")  # a time that precedes its action: "at 2 s, smile"
    for part in map(_timed, AND.split(text)):
        if not part.text:
            waiting = part
        elif parts and not part.timed and not waiting.timed:
            parts[-1] = replace(parts[-1], text=f"{parts[-1].text}, {part.text}")
        else:
            parts.append(part if part.timed else replace(waiting, text=part.text))
            waiting = Part("")
    return parts


def _timed(text: str) -> Part:
    """Extracts the times from a text."""
    found: list[float | None] = [None, None, None]
    for form in _TIMES:
        if match := form.search(text):
            text = text[: match.start()] + " " + text[match.end() :]
            found = [
                _seconds(x) if x else old for x, old in zip(match.groups(), found, strict=True)
            ]
    return Part(re.sub(r"\s+", " ", text).strip(" ,:"), *found)


def _seconds(number: str) -> float:
    return float(_COUNT.get(number.lower(), number))


def schedule(parts: Sequence[Part], seconds: float) -> list[tuple[float, float]]:
    """Start and end of each part in a clip; parts without times share the remaining time in order.

    A part that does not fit is empty, at the clip's end.
    """
    spans: list[tuple[float, float]] = []
    now = 0.0
    while len(spans) < len(parts):
        run, stop = _run(parts[len(spans) :], seconds)
        start = run[0].start
        if start is None:
            start = now if seconds - now >= SHORTEST else 0.0
        stop = stop if stop - start >= SHORTEST else seconds
        stated = [part.length for part in run if part.length is not None]
        share = (stop - start - sum(stated)) / max(1, len(run) - len(stated))
        now = start
        for part in run:
            end = min(seconds, now + (max(SHORTEST, share) if part.length is None else part.length))
            fits = end - now > 0.99 * min(SHORTEST, seconds)
            spans.append((now, end) if fits else (seconds, seconds))
            now = max(now, end)
    return spans


def _run(parts: Sequence[Part], seconds: float) -> tuple[list[Part], float]:
    """The first parts, up to the next stated start, and that start."""
    run: list[Part] = []
    for part in parts:
        if run and part.start is not None:
            return run, part.start
        run.append(part)
        if part.end is not None:
            return run, part.end
    return run, seconds
