"""The command line: a thin client of the control socket; the only place of the product that prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def commands() -> Sequence[Callable[[Any], None]]:
    """Give what adds each group of commands to a parser, in the order of the help."""
    from streamflow.cli import audit, cutover, demo, gates, probe, purge, queue, records, rollback, sandbox, setup, status, steer

    parts = (setup, probe, status, steer, gates, cutover, queue, records, audit, rollback, purge, sandbox, demo)
    return [part.register for part in parts]
