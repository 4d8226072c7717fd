"""Words to controls: "smile, then look left" becomes tracks of the avatar's channels.

Order and time are read from the text's form (`timing`). What a clause asks for is not looked up in
a list of words: a frozen sentence encoder (`sentences`) turns it into a vector and a small trained
head (`training.language`) into an action and a strength.
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
METADATA = {"classes": json.dumps(CLASSES)}  # beside the weights: a head of others is refused
REJECT = 0.4  # a clause is `NONE` from this probability on,
LEAST = 0.25  # or where no action has at least this one
MOST_TOGETHER = 4  # pieces between commas that may be one action
MOST_BORROWED = 4  # words that a piece may borrow from the one before it
# What borrowing, and finding nothing, costs of a reading's score, a logarithm of probabilities.
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
        # Of length 1, 384 numbers are small; this brings them to about 1.
        x = vectors * WIDTH**0.5
        return self.action(x), self.strength(x)


@dataclass(frozen=True)
class Clause:
    """What was understood: an action between two seconds; strength 0.8 is normal."""

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
    """An instruction's controls, what was understood, and a sentence on what was not."""

    controls: Controls
    clauses: tuple[Clause, ...]
    notice: Message | None = None


@dataclass(frozen=True)
class Guess:
    """What a stretch of text asks for; `score` is the logarithm of how sure that is."""

    text: str
    action: str
    strength: float
    score: float


@dataclass(frozen=True)
class _Stretch:
    """Pieces `first` to before `last` of a part: their text, and as what it is read."""

    first: int
    last: int
    text: str
    reading: str


class Instructor:
    """Reads instructions. Lasts about a second to load and hundredths to read."""

    def __init__(self, encoder: SentenceEncoder, head: Head) -> None:
        self.encoder = encoder
        self.head = head

    @classmethod
    def load(cls, weights: Path) -> Instructor:
        """With the head of the folder `weights` and the shipped encoder.

        Raises:
            InputError: a file is missing or damaged, or the head is for other actions.
        """
        return cls(SentenceEncoder.load(), load_head(weights))

    def read(self, text: str, seconds: float) -> Reading:
        """An instruction for a take of so many seconds.

        Raises:
            InputError: the text is too long, or its times cannot be read.
        """
        SETTINGS["instruction"].check(text)
        understood: list[tuple[Part, list[Guess]]] = []
        unclear: list[str] = []
        parts = parse(text)
        for part, guesses in zip(parts, self.understand([x.text for x in parts]), strict=True):
            unclear += [guess.text for guess in guesses if guess.action == NONE]
            asked = _without_repeats(guess for guess in guesses if guess.action != NONE)
            if asked:
                understood.append((part, asked))
        clauses: list[Clause] = []
        late: list[str] = []
        spans = schedule([part for part, _ in understood], seconds)
        for (part, asked), (start, end) in zip(understood, spans, strict=True):
            if end <= start:
                late.append(part.text)
                continue
            groups = _together(asked)
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
        """What each of N parts asks for at the same time.

        "And" and commas part what is asked for ("smile and nod"), or do not ("a warm, friendly
        smile"): of all ways to cut, the one of which the head is surest is taken. What says too
        little by itself may borrow the words before it ("look left, then right").
        """
        stretches = [_stretches(*pair) for pair in zip(texts, ["", *texts], strict=False)]
        readings = list({x.reading: None for found in stretches for x in found})
        guesses = dict(zip(readings, self.guess(readings), strict=True))
        return [_surest(found, guesses) for found in stretches]

    def guess(self, texts: Sequence[str]) -> list[Guess]:
        """What each of N texts asks for, taken as one thing."""
        if not texts:
            return []
        actions, strengths = self.classify(texts)
        values = list(STRENGTHS.values())
        guesses = []
        for text, row, how in zip(texts, actions, strengths, strict=True):
            most, best = row[1:].max(0)
            asked = row[0] < REJECT and most >= LEAST
            guesses.append(
                Guess(
                    text,
                    CLASSES[int(best) + 1] if asked else NONE,
                    values[int(how.argmax())],
                    float((most if asked else row[0]).log()),
                )
            )
        return guesses


def _pieces(text: str) -> list[tuple[int, int]]:
    """Where the pieces between "and", "while" and commas begin and end."""
    edges = [0]
    for joint in AND.finditer(text):
        edges += joint.span()
    edges.append(len(text))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if text[a:b].strip()]


def _stretches(text: str, before: str) -> list[_Stretch]:
    """Neighbouring pieces of a part, and each piece behind words of what is before it."""
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


def _surest(stretches: Sequence[_Stretch], guesses: Mapping[str, Guess]) -> list[Guess]:
    """The stretches that cover a text once with the highest sum of scores, as their guesses."""
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
    """Each action once, as strongly as it is asked for anywhere."""
    kept: dict[str, Guess] = {}
    for guess in guesses:
        old = kept.get(guess.action)
        if old is None or guess.strength > old.strength:
            kept[guess.action] = guess
    return list(kept.values())


def _together(guesses: Sequence[Guess]) -> list[list[Guess]]:
    """Actions that need the same channel cannot be at once: they become one group after another."""
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
    """The tracks of clauses in order of their starts; a later one cuts off an earlier one."""
    tracks: Tracks = {}
    for clause in clauses:
        for name, keys in ACTIONS[clause.action](clause.start, clause.end, clause.strength).items():
            before = tracks.get(name, ())
            if before and abs(before[-1].time - keys[0].time) < 1e-3:
                # From one value straight to the next, not by way of rest.
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
