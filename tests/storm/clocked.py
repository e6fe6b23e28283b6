"""The command line of streamflow with clocks that step on order: FILE holds how many seconds the wall and the monotonic clock are ahead."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic as really

from streamflow.cli.main import main
from streamflow.clock import SystemClock

LENGTH = 64


def put_ahead(file: Path, wall_s: float, monotonic_s: float = 0.0) -> None:
    """Set the clocks of the program that goes by *file*, in one write: it may look at any moment."""
    with file.open("r+b", buffering=0) as held:
        held.write(f"{wall_s} {monotonic_s}".ljust(LENGTH).encode())


def step_by(file: str) -> None:
    """Let the machine's clocks go ahead by what the file says at the moment of each look."""
    said = os.open(file, os.O_RDONLY)

    def ahead() -> tuple[float, float]:
        wall_s, _, monotonic_s = os.pread(said, LENGTH, 0).decode().partition(" ")
        return float(wall_s), float(monotonic_s)

    def now(self: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead()[0])

    def monotonic(self: SystemClock) -> float:
        return really() + ahead()[1]

    SystemClock.now = now  # type: ignore[method-assign]
    SystemClock.monotonic = monotonic  # type: ignore[method-assign]


if __name__ == "__main__":
    step_by(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
