"""Messages keep their template and values, in an error and through a process boundary."""

from __future__ import annotations

import copy
import pickle

import pytest

from gaia_core.errors import InputError, Message, join

TEMPLATE = "{name!r} lasts {seconds:.1f} s; choose {names}."
VALUES = {"name": "a{b}", "seconds": 2.04, "names": ("one", Message("two of {count}", count=3))}
SENTENCE = "'a{b}' lasts 2.0 s; choose one, two of 3."


def test_a_message_is_its_sentence():
    message = Message(TEMPLATE, **VALUES)
    assert message == SENTENCE and isinstance(message, str)
    assert message.template == TEMPLATE and message.values == VALUES


def test_an_error_is_its_message():
    for error in (InputError(TEMPLATE, **VALUES), InputError(Message(TEMPLATE, **VALUES))):
        assert str(error) == SENTENCE
        assert error.message.template == TEMPLATE and error.message.values == VALUES


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_template_and_values(copied):
    message = copied(Message(TEMPLATE, **VALUES))
    assert message == SENTENCE and message.template == TEMPLATE and message.values == VALUES
    assert message.values["names"][1].template == "two of {count}"
    error = copied(InputError(TEMPLATE, **VALUES))
    assert str(error) == SENTENCE and error.message.values == VALUES


def test_a_missing_value_is_a_mistake():
    with pytest.raises(KeyError):
        Message(TEMPLATE, name="a")


def test_sentences_are_joined():
    assert join([]) is None
    one, two = Message("One."), Message("Two.")
    assert join([one]) is one
    assert join([one, two, one]) == "One. Two. One."
