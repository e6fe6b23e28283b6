"""Where random kills strike: dealt out evenly over the life of a run, each soon after its phase shows that it is at work."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

PHASES = ("probe", "map", "schema", "owners", "sample", "backfill", "tail", "cutover", "watch", "rollback", "rolled_back", "done")
PLACES: Mapping[str, tuple[str, ...]] = {
    "probe": ("probe", "map", "schema", "owners"), "sample": ("sample",), "backfill": ("backfill",), "tail": ("tail",),
    "cutover": ("cutover",), "watch": ("watch",),
}  # fmt: skip
"""Parts of a run that get alike many kills -> their phases: of all that comes before anybody's record is written, none is long."""
PROBES = ("probe", "map", "schema")
"""Where a kill of the first place is meant to strike; owners are soon known, and struck by those that come late."""
LIFETIME_S = (0.1, 3.0)
"""
How long the daemon lives at most before a kill, from when it is where it is to be struck: from hardly begun to well under way. Not all
that it does shows.
"""
AT_WORK_S = (0.0, 0.5)
"""The same from when something of it shows in this life: what is soon over is struck in the middle."""
UNDOING_S = (0.0, 1.2)
"""How long it lives while all is taken back, which takes a few seconds in all."""
_MOVING = ("lag_s", "eta_s")


def dealt(kills: int, dice: random.Random) -> list[str]:
    """Give the phase from which on each kill is to strike, in order; a kill that finds its phase over strikes in a later one."""
    places = [*list(PLACES) * (kills // len(PLACES)), *dice.sample(list(PLACES), kills % len(PLACES))]
    return sorted((dice.choice(PROBES) if place == "probe" else place for place in places), key=PHASES.index)


def is_come(phase: str, wanted: str) -> bool:
    """Say whether a run is in the phase that is wanted, or past it."""
    return PHASES.index(phase) >= PHASES.index(wanted)


def done_so_far(status: Mapping[str, Any]) -> Any:
    """Give from a status what changes by work alone, and not by the time that passes."""
    streams = status["streams"].items()
    return status["phase"], {kind: {name: value for name, value in each.items() if name not in _MOVING} for kind, each in streams}


def by_place(phases: Mapping[str, int]) -> dict[str, int]:
    """Give how many kills each part of a run got, from how many each phase did."""
    return {place: sum(phases.get(phase, 0) for phase in of_it) for place, of_it in PLACES.items()}


def told(phases: Mapping[str, int]) -> str:
    """Give in words how many kills struck in each phase, in the order of a life, and where none did that should have."""
    all_of_them = {*phases, *(place for place, kills in by_place(phases).items() if not kills)}
    return ", ".join(f"{phase} {phases.get(phase, 0)}" for phase in sorted(all_of_them, key=PHASES.index))
