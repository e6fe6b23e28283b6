"""What every program of an hour has: it tells each line at once, and leaves in order when it is told to end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn


def leave(*_: Any) -> None:
    """Leave in order when told to end, so that no process, machine or sandbox is left behind; a handler of signals."""
    sys.exit(128 + signal.SIGTERM)


def say(words: str) -> None:
    """Tell a line, whatever reads it."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def begin(main: Callable[[], int]) -> NoReturn:
    """Run a program to its end, or until it is told to end."""
    signal.signal(signal.SIGTERM, leave)
    sys.exit(main())
