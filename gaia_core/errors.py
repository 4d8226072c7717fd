"""The one error a user is meant to read: what is wrong with the input, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Bad input. The message is one clear sentence, shown as it is by CLI, API and studio."""


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
