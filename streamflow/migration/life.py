"""
The life of a migration: one table of allowed moves.

Rule: a state is always shown with its reason, is persisted before it is acted on, and a restart goes on exactly there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from streamflow.errors import InvariantBroken


class State(StrEnum):
    """Where a migration is. PAUSED is laid over any working state by the operator and taken off again."""

    PROBE = "probe"
    MAP = "map"
    SCHEMA = "schema"
    OWNERS = "owners"
    SAMPLE = "sample"
    BACKFILL = "backfill"
    TAIL = "tail"
    CUTOVER = "cutover"
    WATCH = "watch"
    DONE = "done"
    ROLLBACK = "rollback"
    ROLLED_BACK = "rolled_back"
    PAUSED = "paused"


MOVES: dict[State, frozenset[State]] = {
    State.PROBE: frozenset({State.MAP}),
    State.MAP: frozenset({State.SCHEMA, State.ROLLBACK}),
    State.SCHEMA: frozenset({State.OWNERS, State.MAP, State.ROLLBACK}),
    State.OWNERS: frozenset({State.SAMPLE, State.MAP, State.ROLLBACK}),
    State.SAMPLE: frozenset({State.BACKFILL, State.MAP, State.ROLLBACK}),
    State.BACKFILL: frozenset({State.TAIL, State.MAP, State.ROLLBACK}),
    State.TAIL: frozenset({State.CUTOVER, State.BACKFILL, State.MAP, State.ROLLBACK}),
    State.CUTOVER: frozenset({State.TAIL, State.WATCH, State.ROLLBACK}),
    State.WATCH: frozenset({State.DONE, State.ROLLBACK}),
    State.ROLLBACK: frozenset({State.ROLLED_BACK, State.BACKFILL, State.TAIL, State.WATCH, State.DONE}),   # back after a part of it
    State.DONE: frozenset({State.ROLLBACK}),
    State.ROLLED_BACK: frozenset(),
    State.PAUSED: frozenset(),
}

AFTER_A_PART = {
    State.BACKFILL: State.BACKFILL, State.TAIL: State.TAIL, State.CUTOVER: State.TAIL, State.WATCH: State.WATCH, State.DONE: State.DONE,
}
"""Where a rollback of a part of the run leads, by where it was asked for; in other states only the whole run can be undone."""
FINAL = frozenset({State.DONE, State.ROLLED_BACK})
CAN_ROLL_BACK = frozenset(state for state, nexts in MOVES.items() if State.ROLLBACK in nexts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The persisted state, why it is so, and since when."""

    state: State
    reason: str
    since: str

    def to_json(self) -> dict[str, str]:
        return {"state": self.state.value, "reason": self.reason, "since": self.since}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> Phase:
        return cls(state=State(value["state"]), reason=value["reason"], since=value["since"])


def move(now: State, to: State) -> State:
    """Check a move against the table. Raises InvariantBroken on one it does not hold."""
    if to not in MOVES[now]:
        raise InvariantBroken(f"a migration cannot move from {now} to {to}")
    return to
