"""Training of the instruction head on sentences generated from `phrases.toml`.

The sentence encoder stays frozen. Everything is drawn from a fixed seed: the same phrases give
the same weights.
"""

from __future__ import annotations

import logging
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from gaia_core.assets import seal
from gaia_core.instruction.actions import STRENGTHS
from gaia_core.instruction.language import CLASSES, FILE, METADATA, NONE, Head
from gaia_core.instruction.sentences import SentenceEncoder

log = logging.getLogger(__name__)

PHRASES = Path(__file__).with_name("phrases.toml")
PER_ACTION = 240  # sentences
PER_NONE = 2000
COMPOUND = 700  # sentences with two actions, labelled half for each
MARKED = 0.5  # share of the sentences with a strength

STEPS, BATCH, RATE, DECAY = 1500, 256, 2e-3, 0.02
DROPOUT, SMOOTHING, NOISE = 0.3, 0.05, 0.02  # NOISE is added to the vectors, of length 1
SLIGHT, NORMAL, STRONG = range(len(STRENGTHS))
UNKNOWN = -100  # no strength; ignored by `cross_entropy`

MIRRORED = {"left": "right", "lefts": "rights", "leftward": "rightward", "leftwards": "rightwards"}
_DOUBLED = {"nod", "bob", "sob", "put", "sit", "wag", "shut", "get", "stop", "step", "let", "hug"}
_DOUBLED |= {"drop", "tip", "gag", "flap", "bat", "cut", "shed", "swim", "dip", "spin", "grin"}
_DOUBLED |= {"quit", "pop", "beg", "nap", "chat", "run", "grit", "scan", "pin", "fan", "chin"}


@dataclass(frozen=True)
class Sentence:
    """An instruction with its labels: shares of the classes, and index of strength."""

    text: str
    actions: tuple[int, ...]
    strength: int = UNKNOWN


def train_language(out: Path, seed: int = 0) -> dict[str, float]:
    """Generates the sentences, fits the head, and writes it into the folder `out`.

    Returns:
        Number of sentences and the last loss.
    """
    sentences = make_sentences(seed)
    encoder = SentenceEncoder.load()
    vectors = embed(encoder, [sentence.text for sentence in sentences])
    head, loss = fit_head(vectors, sentences, seed)
    out.mkdir(parents=True, exist_ok=True)
    state = {name: value.half().contiguous() for name, value in head.state_dict().items()}
    save_file(state, out / FILE, METADATA)
    seal(out / FILE)
    log.info("%d sentences, loss %.4f", len(sentences), loss)
    return {"sentences": len(sentences), "loss": loss}


def embed(encoder: SentenceEncoder, texts: list[str], batch: int = 128) -> Tensor:
    """(N, 384); sentences of like length go together, so that little is padded."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    parts = [
        encoder.embed([texts[index] for index in order[at : at + batch]])
        for at in range(0, len(order), batch)
    ]
    vectors = torch.cat(parts)
    return vectors[torch.tensor(order).argsort()]


def fit_head(vectors: Tensor, sentences: list[Sentence], seed: int) -> tuple[Head, float]:
    """The head fitted to sentences and their vectors (N, 384), and its last loss."""
    torch.manual_seed(seed)
    target = torch.zeros(len(sentences), len(CLASSES))
    for row, sentence in enumerate(sentences):
        for action in sentence.actions:
            target[row, action] += 1 / len(sentence.actions)
    strength = torch.tensor([sentence.strength for sentence in sentences])
    head = Head(DROPOUT).train()
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(sentences), (BATCH,))
        x = vectors[rows] + NOISE * torch.randn(BATCH, vectors.shape[1])
        action, how = head(x)
        loss = functional.cross_entropy(action, target[rows], label_smoothing=SMOOTHING)
        loss = loss + functional.cross_entropy(how, strength[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return head.eval().requires_grad_(False), loss.item()


def make_sentences(seed: int = 0) -> list[Sentence]:
    """All training sentences, no text twice."""
    phrases = tomllib.loads(PHRASES.read_text("utf-8"))
    material = _material(phrases)
    made: dict[str, Sentence] = {}
    for name, kinds in material.items():
        action = CLASSES.index(name)
        # A generator for each action, so that a new phrase does not affect other actions.
        for sentence in _sentences_of(action, kinds, phrases, random.Random(f"{seed} {name}")):
            made.setdefault(sentence.text, sentence)
    draw = random.Random(seed)
    for sentence in _nothing(phrases, draw):
        made.setdefault(sentence.text, sentence)
    for sentence in _compounds(list(made.values()), draw):
        made.setdefault(sentence.text, sentence)
    return list(made.values())


def _material(phrases: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Action -> kind -> phrases; phrases that name no side are for one of the two."""
    material: dict[str, dict[str, list[str]]] = {}
    for name in CLASSES[1:]:
        source = name.replace("right", "left")
        kinds = {kind: list(found) for kind, found in phrases[source].items()}
        either = kinds.pop("either", [])
        if source != name:
            kinds = {kind: [mirror(x) for x in found] for kind, found in kinds.items()}
        elif either:
            kinds["say"] = kinds.get("say", []) + either
        material[name] = kinds
    return material


def mirror(text: str) -> str:
    """Left and right exchanged."""
    both = MIRRORED | {right: left for left, right in MIRRORED.items()}
    return re.sub(r"\b(" + "|".join(both) + r")\b", lambda found: both[found[0]], text)


def _sentences_of(
    action: int, kinds: dict[str, list[str]], phrases: dict[str, Any], draw: random.Random
) -> Iterator[Sentence]:
    """Each phrase by itself, then phrases in frames and with strengths."""
    pool = [(kind, phrase) for kind, found in kinds.items() for phrase in found]
    for kind, phrase in pool:
        text, strength = _strength(phrase)
        yield Sentence(
            _article(f"a {text}", draw) if kind == "thing" else text, (action,), strength
        )
    for index in range(PER_ACTION - len(pool)):
        kind, phrase = pool[index % len(pool)]
        text, strength = _strength(phrase)
        if kind != "say" and strength == NORMAL and draw.random() < MARKED:
            strength = draw.choice((SLIGHT, STRONG))
            frames = phrases["slight" if strength == SLIGHT else "strong"][kind]
            text = draw.choice(frames).format(text)
            frame = draw.choice(phrases["frames"][kind]) if draw.random() < 0.5 else "{}"
            if kind == "thing":
                frame = draw.choice(phrases["frames"]["thing"])
        else:
            frame, text = _framed(kind, text, phrases, draw)
        text = frame.format(text)
        yield Sentence(_article(text, draw), (action,), strength)


def _framed(kind: str, text: str, phrases: dict[str, Any], draw: random.Random) -> tuple[str, str]:
    if kind == "do":
        form = draw.choice(("do", "do", "do", "ing", "does"))
        if form == "ing":
            text = inflected(text, gerund)
        elif form == "does":
            text = inflected(text, third_person).replace("your ", draw.choice(("her ", "his ")))
        return draw.choice(phrases["frames"][form]), text
    return draw.choice(phrases["frames"][kind]), text


def _strength(phrase: str) -> tuple[str, int]:
    """A phrase without its mark, and the strength of the mark."""
    for mark, strength in (("- ", SLIGHT), ("+ ", STRONG)):
        if phrase.startswith(mark):
            return phrase[2:], strength
    return phrase, NORMAL


def _nothing(phrases: dict[str, Any], draw: random.Random) -> Iterator[Sentence]:
    """Sentences of the class `NONE`."""
    none = CLASSES.index(NONE)
    combine = phrases["combine"]
    for text in phrases[NONE]["say"]:
        yield Sentence(text, (none,))
    for _ in range(PER_NONE - len(phrases[NONE]["say"])):
        form = draw.random()
        if form < 0.4:
            text = draw.choice(phrases["frames"]["do" if draw.random() < 0.6 else "say"]).format(
                draw.choice(phrases[NONE]["say"])
            )
        elif form < 0.6:
            text = f"{draw.choice(combine['verbs'])} {draw.choice(combine['objects'])}"
            if draw.random() < 0.5:
                text = draw.choice(phrases["frames"]["do"]).format(text)
        elif form < 0.7:
            text = draw.choice(combine["wear"]).format(draw.choice(combine["clothes"]))
        elif form < 0.8:
            text = " ".join(draw.choice(combine[kind]) for kind in ("who", "does", "where"))
        else:
            text = draw.choice(combine["ask"]).format(draw.choice(combine["topics"]))
        yield Sentence(text, (none,))


def _compounds(single: list[Sentence], draw: random.Random) -> Iterator[Sentence]:
    """Two sentences in one: shares of both, and no strength."""
    for _ in range(COMPOUND):
        one, other = draw.sample(single, 2)
        if one.actions != other.actions:
            joint = draw.choice((" and ", " and ", ", ", " while "))
            yield Sentence(one.text + joint + other.text, one.actions + other.actions)


def gerund(verb: str) -> str:
    """smile -> smiling."""
    if verb in _DOUBLED:
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "be")):
        return verb[:-1] + "ing"
    return verb + "ing"


def third_person(verb: str) -> str:
    """smile -> smiles."""
    if verb in ("be", "have"):
        return {"be": "is", "have": "has"}[verb]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "o")) else "s")


def inflected(text: str, form: Any) -> str:
    """The first word in another form; "don't" and "do not" stay as they are."""
    verb, _, rest = text.partition(" ")
    if verb in ("don't", "do"):
        return text
    return f"{form(verb)} {rest}".strip()


def _article(text: str, draw: random.Random) -> str:
    """a -> an before a vowel; now and then no article at all, as people write."""
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    return re.sub(r"\ban? ", "", text, count=1) if draw.random() < 0.1 else text
