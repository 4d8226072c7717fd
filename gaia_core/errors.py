"""The one error a user is meant to read: what is wrong with the input, and what to do about it."""


class InputError(ValueError):
    """Bad input. The message is one clear sentence, shown as it is by CLI, API and studio."""
