"""Messages to the user, and the one error that carries one: bad input, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Message(str):
    """A sentence for the user, in English; template and values translate it, as with gettext.

    Pickled and copied it keeps both.

    Args:
        template: English with a named field for each value, as `str.format` has them.
        values: numbers, strings, further messages, or tuples of those, joined by commas.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Message:
        message = super().__new__(cls, template.format(**{k: _text(v) for k, v in values.items()}))
        message.template, message.values = template, values
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        return (self.template,), self.values


def _text(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def join(messages: Iterable[Message]) -> Message | None:
    """Sentences as one message; None if there are none."""
    joined: Message | None = None
    for message in messages:
        joined = Message("{first} {next}", first=joined, next=message) if joined else message
    return joined


class InputError(ValueError):
    """Bad input, in one clear sentence that says what to do. CLI, API and studio show it.

    Attributes:
        message: that sentence; made of the arguments, or given as the only one.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        if not isinstance(template, Message):
            template = Message(template, **values)
        self.message = template
        super().__init__(template)


def disk_full() -> InputError:
    """The error for a full disk."""
    return InputError("The disk is full; free some space on it, then try again.")


@contextmanager
def disk_full_reported() -> Iterator[None]:
    """Turns the system's error about a full disk, or a used up quota, into `disk_full`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full() from error
        raise
