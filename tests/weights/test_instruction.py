"""Accuracy of the shipped instruction head.

The bounds are such that a head trained alike from another seed passes. Of 181 and 177 phrases of
movements and 62 and 64 of other things, the shipped head and one of seed 1 read 92 to 93 % right,
refuse 1 to 3 % of the movements and 92 to 100 % of the rest, and read 70 to 88 % of 25 and 20
strengths as marked. Each bound lies two to three standard deviations of such a share, of so many
phrases, beyond the mean of the two.
"""

import tomllib

import pytest

from gaia_core.assets import WEIGHTS
from gaia_core.evaluation.instructions import MARKS, PHRASES
from gaia_core.instruction import language
from gaia_core.instruction.actions import STRENGTHS
from gaia_core.instruction.language import NONE

INSTRUCTIONS = tomllib.loads(PHRASES.read_text("utf-8"))


def numbers(instructor, name):
    """Accuracies: actions; rejected instructions; rejected noise; strengths."""
    items = []
    for action, phrases in INSTRUCTIONS[name].items():
        for phrase in phrases:
            mark = MARKS.get(phrase[:2])
            items.append((phrase[2:] if mark else phrase, action, mark))
    guesses = instructor.guess([text for text, _, _ in items])
    names = {value: how for how, value in STRENGTHS.items()}
    pairs = list(zip(items, guesses, strict=True))
    real = [(item, guess) for item, guess in pairs if item[1] != NONE]
    noise = [guess for item, guess in pairs if item[1] == NONE]
    marked = [(item[2], names[guess.strength]) for item, guess in real if item[2]]
    return {
        "right": sum(item[1] == guess.action for item, guess in real) / len(real),
        "refused": sum(guess.action == NONE for _, guess in real) / len(real),
        "noise refused": sum(guess.action == NONE for guess in noise) / len(noise),
        "strength": sum(label == found for label, found in marked) / len(marked),
        "opposite": sum({label, found} == set(MARKS.values()) for label, found in marked),
    }


@pytest.mark.parametrize("name", ["held_out", "final"])
def test_held_out_phrases(instructor, name):
    found = numbers(instructor, name)
    assert found["right"] >= 0.88, found
    assert found["refused"] < 0.06, found
    assert found["noise refused"] >= 0.9, found
    # Slight is sometimes taken for normal, but never for strong.
    assert found["strength"] >= 0.6 and not found["opposite"], found


@pytest.mark.parametrize("name", ["held_out_compound", "final_compound"])
def test_several_actions_in_one_part(instructor, name):
    cases = INSTRUCTIONS[name]
    understood = instructor.understand([case["text"] for case in cases])
    right = [
        [x.action for x in guesses if x.action != NONE] == case["actions"]
        for case, guesses in zip(cases, understood, strict=True)
    ]
    assert sum(right) / len(right) >= 0.75


def test_weights_are_small():
    assert (WEIGHTS / language.FILE).stat().st_size < 500_000
