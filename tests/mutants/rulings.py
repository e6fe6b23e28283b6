"""
The modules whose rulings are put on trial, and the tests that are to hold each: those that take seconds.

Of these modules the functions that wait for nothing are tried; the others only carry out what these decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def _stages(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/stages/test_{name}.py" for name in names)


def _migration(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/migration/test_{name}.py" for name in names)


_WRITES = _stages(
    "planning", "parents", "matched", "deals", "confirmation", "agreement", "disputes", "details", "types", "writing", "vanished",
)
"""Small accounts to which records of all kinds are written, and written again."""

_INTENTS: Mapping[str, Sequence[str]] = {
    "streamflow/stages/conflicts.py": _stages("disputes", "agreement", "matched", "details", "lists"),
    "streamflow/stages/confirmation.py": _stages("confirmation", "people", "types", "doubt", "late_feed"),
    "streamflow/stages/disposition.py": _stages("disposition", "confirmation", "matched", "people"),
    "streamflow/stages/doubt.py": _stages("planning", "doubt", "confirmation", "protocol_model", "protocol_changes"),
    "streamflow/stages/formerly.py": _stages("formerly", "confirmation", "doubt", "vanished", "following"),
    "streamflow/stages/gone.py": _stages("vanished", "matched", "moved", "parents", "kin"),
    "streamflow/stages/in_part.py": _stages("in_part", "doubt", "agreement", "deals"),
    "streamflow/stages/kept.py": _stages("kept", "planning", "agreement", "lists", "matched", "vanished"),
    "streamflow/stages/marks.py": _stages("doubt"),
    "streamflow/stages/meanwhile.py": _stages("late_feed", "meanwhile"),
    "streamflow/stages/overwritten.py": _stages("late_feed", "meanwhile"),
    "streamflow/stages/planning.py": _WRITES,
    "streamflow/stages/progress.py": (*_WRITES, *_stages("people")),
    "streamflow/stages/questions.py": (*_stages("questions"), *_migration("unread")),
    "streamflow/stages/removed.py": _stages("doubt"),
    "streamflow/stages/stale.py": _stages("types", "parents", "writing", "meanwhile", "deals", "vanished"),
    "streamflow/stages/unanswered.py": _stages("unanswered"),
    "streamflow/stages/undecided.py": _stages("confirmation", "doubt", "writing", "people"),
    "streamflow/stages/unknown.py": _stages("unknown", "planning", "confirmation", "doubt"),
    "streamflow/stages/updating.py": (*_WRITES, *_stages("people", "lists")),
    "streamflow/stages/written.py": _stages("written"),
}
_CHECKPOINTS: Mapping[str, Sequence[str]] = {
    "streamflow/migration/finished.py": _migration("stopped", "readiness"),
    "streamflow/migration/freshness.py": _migration("bounded", "settled", "aftermath"),
    "streamflow/migration/horizon.py": _migration("horizon"),
    "streamflow/migration/reading.py": _migration("stopped", "readiness"),
    "streamflow/migration/round.py": (*_migration("late_writer_model", "cutover_model", "readiness"),),
    "streamflow/migration/settled.py": _migration("settled"),
    "streamflow/migration/stopped.py": _migration("stopped"),
    "streamflow/stages/extract.py": _stages("extract", "moved", "rejected", "reading_in_parallel"),
    "streamflow/stages/tally.py": (*_stages("extract", "rejected", "resume_model", "following"), *_migration("waits", "unread")),
}
_CUTOVER: Mapping[str, Sequence[str]] = {
    "streamflow/migration/control.py": _migration("control", "stopped"),
    "streamflow/migration/counting.py": _migration("stopped", "readiness", "aftermath"),
    "streamflow/migration/cutover.py": _migration("cutover_model", "aftermath", "waits", "readiness"),
    "streamflow/migration/late_questions.py": _migration("late_writes", "late_writer_model"),
    "streamflow/migration/let_go.py": _migration("late_writes", "late_writer_model"),
    "streamflow/migration/life.py": _migration("aftermath", "readiness"),
    "streamflow/migration/precheck.py": _migration("readiness", "aftermath"),
    "streamflow/migration/readiness.py": _migration("readiness", "aftermath"),
    "streamflow/migration/waits.py": _migration("waits"),
    "streamflow/stages/accepted.py": _migration("late_writes"),
}
HELD_BY: Mapping[str, Sequence[str]] = {**_INTENTS, **_CHECKPOINTS, **_CUTOVER}
"""Module -> tests: what rules on writes under way, on how far reading has come, and on the switch."""
