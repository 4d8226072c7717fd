"""Free-text instructions to controls: "smile, then look left" becomes tracks of channels.

Order and times are parsed by rules (`timing`). Each clause is embedded by a frozen sentence encoder
(`sentences`) and classified by a small trained head (`training.language`) into an action and a
strength.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from gaia_core.assets import check
from gaia_core.controls import Controls
from gaia_core.errors import InputError, Message, join
from gaia_core.instruction.actions import ACTIONS, STRENGTHS, Tracks
from gaia_core.instruction.sentences import WIDTH, SentenceEncoder
from gaia_core.instruction.timing import AND, Part, parse, schedule
from gaia_core.request import SETTINGS

FILE = "language.safetensors"
HIDDEN = 128
NONE = "none"
CLASSES = (NONE, *ACTIONS)
METADATA = {"classes": json.dumps(CLASSES)}  # in the weights file, to check that classes agree
REJECT = 0.4  # a clause is `NONE` from this probability of it on,
LEAST = 0.25  # or if no action has at least this probability
MOST_TOGETHER = 4  # maximal number of pieces between commas in one action
MOST_BORROWED = 4  # maximal number of words taken from the piece before
# Penalties, in log-probability, of a segmentation that takes words from the piece before, and of
# one that has no action.
BORROWING, NOTHING = 0.1, 0.3

HELP = Message(
    "Ask for expressions (smile, laugh, sad, surprised, angry, disgusted, afraid, relaxed), for "
    "mouth, cheeks, brows and eyes (open the mouth, pucker, puff the cheeks, raise the brows, "
    "frown, close the eyes, blink, wink, look left), or for head movements (nod, shake, turn, "
    "tilt, lean in, keep still), with “slightly” or “very”, one after another by “then” or at "
    "times as in [1-2s: smile]. Left and right are as you see them; only a wink is of the "
    "person's own left or right eye."
)


class Head(nn.Module):
    """Sentence vectors (N, 384) -> logits of `CLASSES` (N, C) and of `STRENGTHS` (N, 3)."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.action = self._layers(len(CLASSES), dropout)
        self.strength = self._layers(len(STRENGTHS), dropout)

    @staticmethod
    def _layers(outputs: int, dropout: float) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Dropout(dropout), nn.Linear(HIDDEN, outputs)
        )

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        # The vectors have length 1; this brings their 384 components to about 1.
        x = vectors * WIDTH**0.5
        return self.action(x), self.strength(x)


@dataclass(frozen=True)
class Clause:
    """A recognised action between two seconds; strength 0.8 is normal."""

    text: str
    start: float
    end: float
    action: str
    strength: float

    def __str__(self) -> str:
        how = {value: name for name, value in STRENGTHS.items()}[self.strength]
        tail = "" if how == "normally" else f", {how}"
        return f"{self.action}, {self.start:.1f}–{self.end:.1f} s{tail}"


@dataclass(frozen=True)
class Reading:
    """An instruction's controls, the recognised clauses, and a notice on the others."""

    controls: Controls
    clauses: tuple[Clause, ...]
    notice: Message | None = None


@dataclass(frozen=True)
class Guess:
    """The classification of a stretch of text; `score` is its log-probability."""

    text: str
    action: str
    strength: float
    score: float


@dataclass(frozen=True)
class _Stretch:
    """Pieces `first` to before `last` of a part: their text, and the text to classify."""

    first: int
    last: int
    text: str
    reading: str


class Instructor:
    """Parses and classifies instructions. Loads in about a second."""

    def __init__(self, encoder: SentenceEncoder, head: Head) -> None:
        self.encoder = encoder
        self.head = head

    @classmethod
    def load(cls, weights: Path) -> Instructor:
        """Loads the head of the folder `weights` and the shipped encoder.

        Raises:
            InputError: a file is missing or damaged, or the head is for other actions.
        """
        return cls(SentenceEncoder.load(), load_head(weights))

    def read(self, text: str, seconds: float) -> Reading:
        """Reads an instruction for a clip of that length in seconds.

        Raises:
            InputError: the text is too long, or its times cannot be read.
        """
        SETTINGS["instruction"].check(text)
        understood: list[tuple[Part, list[Guess]]] = []
        unclear: list[str] = []
        parts = parse(text)
        for part, guesses in zip(parts, self.understand([x.text for x in parts]), strict=True):
            unclear += [guess.text for guess in guesses if guess.action == NONE]
            actions = _without_repeats(guess for guess in guesses if guess.action != NONE)
            if actions:
                understood.append((part, actions))
        clauses: list[Clause] = []
        late: list[str] = []
        spans = schedule([part for part, _ in understood], seconds)
        for (part, actions), (start, end) in zip(understood, spans, strict=True):
            if end <= start:
                late.append(part.text)
                continue
            groups = _together(actions)
            step = (end - start) / len(groups)
            clauses += [
                Clause(x.text, start + i * step, start + (i + 1) * step, x.action, x.strength)
                for i, group in enumerate(groups)
                for x in group
            ]
        clauses.sort(key=lambda clause: clause.start)
        controls = Controls(_joined(clauses)).check()
        return Reading(controls, tuple(clauses), _notice(clauses, unclear, late, seconds))

    def classify(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """N texts -> probabilities of `CLASSES` (N, C) and of `STRENGTHS` (N, 3)."""
        with torch.no_grad():
            action, strength = self.head(self.encoder.embed(texts))
        return action.softmax(-1), strength.softmax(-1)

    def understand(self, texts: Sequence[str]) -> list[list[Guess]]:
        """The simultaneous actions of each of N parts.

        "And" and commas may separate actions ("smile and nod") or not ("a warm, friendly smile"):
        of all segmentations the most probable one is chosen. An incomplete piece may take words
        from the piece before ("look left, then right").
        """
        stretches = [_stretches(*pair) for pair in zip(texts, ["", *texts], strict=False)]
        readings = list({x.reading: None for found in stretches for x in found})
        guesses = dict(zip(readings, self.guess(readings), strict=True))
        return [_most_probable(found, guesses) for found in stretches]

    def guess(self, texts: Sequence[str]) -> list[Guess]:
        """Classifies each of N texts as a single action."""
        if not texts:
            return []
        actions, strengths = self.classify(texts)
        values = list(STRENGTHS.values())
        guesses = []
        for text, row, how in zip(texts, actions, strengths, strict=True):
            most, best = row[1:].max(0)
            accepted = row[0] < REJECT and most >= LEAST
            guesses.append(
                Guess(
                    text,
                    CLASSES[int(best) + 1] if accepted else NONE,
                    values[int(how.argmax())],
                    float((most if accepted else row[0]).log()),
                )
            )
        return guesses


def _pieces(text: str) -> list[tuple[int, int]]:
    """Start and end of the pieces between "and", "while" and commas."""
    edges = [0]
    for joint in AND.finditer(text):
        edges += joint.span()
    edges.append(len(text))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if text[a:b].strip()]


def _stretches(text: str, before: str) -> list[_Stretch]:
    """Runs of pieces of a part, and each piece preceded by words of the piece before."""
    pieces = _pieces(text)
    lenders = [before[a:b] for a, b in _pieces(before)[-1:]] or [""]
    lenders += [text[a:b] for a, b in pieces]
    found = []
    for first, last in itertools.combinations(range(len(pieces) + 1), 2):
        if last - first > MOST_TOGETHER:
            continue
        own = text[pieces[first][0] : pieces[last - 1][1]].strip()
        found.append(_Stretch(first, last, own, own))
        if last == first + 1:
            words = lenders[first].split()[:-1]
            for count in range(1, min(len(words), MOST_BORROWED) + 1):
                found.append(_Stretch(first, last, own, " ".join((*words[:count], own))))
    return found


def _most_probable(stretches: Sequence[_Stretch], guesses: Mapping[str, Guess]) -> list[Guess]:
    """The classifications of the segmentation with the highest sum of scores."""
    best: list[tuple[float, list[Guess]]] = [(0.0, [])]
    for end in range(1, max((x.last for x in stretches), default=0) + 1):
        ways = []
        for stretch in stretches:
            guess = guesses[stretch.reading]
            borrowed = stretch.reading != stretch.text
            if stretch.last == end and not (borrowed and guess.action == NONE):
                score, kept = best[stretch.first]
                score += guess.score - BORROWING * borrowed - NOTHING * (guess.action == NONE)
                ways.append((score, [*kept, replace(guess, text=stretch.text)]))
        best.append(max(ways, key=lambda way: way[0]))
    return best[-1][1]


def load_head(weights: Path) -> Head:
    """The head of a folder of weights.

    Raises:
        InputError: its file is missing, damaged, or for other actions.
    """
    path = weights / FILE
    if not path.is_file():
        raise InputError(
            "The weights file {path} is missing; restore it from the project.", path=path
        )
    check(path)
    head = Head()
    try:
        with safe_open(path, "pt") as file:
            if file.metadata() != METADATA:
                raise KeyError("classes")
        head.load_state_dict({k: v.float() for k, v in load_file(path).items()}, strict=True)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise InputError(
            "The weights file {path} is damaged or for other actions; restore it "
            "from the project or train it as docs/training.md tells.",
            path=path,
        ) from error
    return head.eval().requires_grad_(False)


def _without_repeats(guesses: Iterable[Guess]) -> list[Guess]:
    """Each action once, with its maximal strength."""
    kept: dict[str, Guess] = {}
    for guess in guesses:
        old = kept.get(guess.action)
        if old is None or guess.strength > old.strength:
            kept[guess.action] = guess
    return list(kept.values())


def _together(guesses: Sequence[Guess]) -> list[list[Guess]]:
    """Groups of simultaneous actions; actions that share a channel go into successive groups."""
    groups: list[list[Guess]] = []
    used: set[str] = set()
    for guess in guesses:
        channels = set(ACTIONS[guess.action](0.0, 1.0, 1.0))
        if not groups or channels & used:
            groups.append([])
            used = set()
        groups[-1].append(guess)
        used |= channels
    return groups


def _joined(clauses: Sequence[Clause]) -> Tracks:
    """The tracks of clauses in order of their starts; a later one ends an earlier one."""
    tracks: Tracks = {}
    for clause in clauses:
        for name, keys in ACTIONS[clause.action](clause.start, clause.end, clause.strength).items():
            before = tracks.get(name, ())
            if before and abs(before[-1].time - keys[0].time) < 1e-3:
                # Directly from one value to the next, without returning to rest.
                before, keys = before[:-1], keys[1:]
            tracks[name] = (*(key for key in before if key.time < keys[0].time), *keys)
    return tracks


def _notice(
    clauses: Sequence[Clause], unclear: Sequence[str], late: Sequence[str], seconds: float
) -> Message | None:
    if not clauses and not late:
        return Message("The instruction asks for nothing that this face can do. {help}", help=HELP)
    sentences = []
    if late:
        sentences.append(
            Message(
                "There is no time for {clauses} in the take of {seconds:g} s.",
                clauses=_quoted(late),
                seconds=seconds,
            )
        )
    if unclear:
        sentences.append(
            Message(
                "Nothing was found that this face can do for {clauses}.", clauses=_quoted(unclear)
            )
        )
    return join(sentences)


def _quoted(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"“{text}”" for text in texts)
