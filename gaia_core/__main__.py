"""The command `gaia`, also as `python -m gaia_core`."""

import os
import sys
from io import TextIOWrapper

from gaia_core.cli import main


def run() -> None:
    """Runs the command line and exits with its status."""
    if isinstance(sys.stdout, TextIOWrapper):  # names of files that it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    if "--verbose" not in sys.argv:
        _only_python_on_stderr()
    sys.exit(main())


def _only_python_on_stderr() -> None:
    """Keeps standard error for messages that are meant for the user.

    MediaPipe's native code writes its warnings there and offers no switch.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    run()
