"""
What must be known of a write whose outcome is not: since when, and what the crosswalk is to say if it turns out to have happened.

Both are in the ledger before they are needed: the moment in the intent, the meaning of the write in a setting of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from streamflow.clock import from_iso
from streamflow.model import Cursor, Fields, Intent, IntentState, Key, Kind, Op

REMADE_KINDS: Final[frozenset[Kind]] = frozenset({"notes", "tasks"})
"""Kinds whose update may delete the record and make it anew under another id (`Writer.update`)."""

STAMP: Final = timedelta(seconds=1)
"""How much earlier than the moment itself a time in the ledger may be."""

ALONE: Final = "alone"
"""The ground of a record whose write is in doubt, or was refused with others in it: made by itself, each of them answers for its own."""

_OUTCOME: Final = "doubt:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joiner:
    """A source record whose values are in the create of another one, since both are one person."""

    key: Key
    seq: int                                       # change number under which its values went in
    reason: str                                    # why it is the same person


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The line of the crosswalk that a confirmed create or update leads to, who gets one with it, and what is needed to look after it."""

    base: Fields
    before: Fields | None
    ours: bool
    seen: Cursor = ""                              # where the feed stood before the record was read; "": not to be looked after
    now: Fields = field(default_factory=dict)      # what the fields held then
    phase: str = ""                                # of the line, where it is not that of whoever confirms it
    joiners: tuple[Joiner, ...] = ()               # their lines come with this one

    def is_kept_for(self, intent: Intent) -> bool:
        """Say whether it has to be in the ledger beside the intent: a create that nobody joins says all of it itself."""
        return intent.op is Op.UPDATE or bool(self.joiners)

    def to_json(self) -> dict[str, Any]:
        return {
            "base": self.base, "before": self.before, "ours": self.ours, "seen": self.seen, "now": self.now, "phase": self.phase,
            "joiners": [[each.key, each.seq, each.reason] for each in self.joiners],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Meaning:
        return cls(
            base=dict(value["base"]), before=value["before"], ours=bool(value["ours"]), seen=value.get("seen", ""),
            now=dict(value.get("now") or {}), phase=value.get("phase", ""),
            joiners=tuple(Joiner(key=key, seq=seq, reason=reason) for key, seq, reason in value.get("joiners", ())),
        )


def meaning_name(intent: Intent) -> str:
    """Name the setting that keeps the meaning of a write while its outcome is open."""
    return f"meant:{intent.id}"


def outcome_name(intent_id: str) -> str:
    """Name the outcome of a write: what its record waits for, and the question about it once a person has to tell."""
    return f"{_OUTCOME}{intent_id}"


def intent_awaited(name: str) -> str | None:
    """Give the id of the intent whose outcome is waited for under this name; None where it names something else."""
    return name.removeprefix(_OUTCOME) if name.startswith(_OUTCOME) else None


def since(intent: Intent) -> datetime | None:
    """
    Give the moment from which the quiet time counts, by the steady clock of the process that noted it; None when none did.

    Not the moment it was meant: a write may have waited long for its turn before it was sent. What is noted is cut to its second, so the
    end of that second counts: a bound that is waited for is waited for in full.
    """
    noted = intent.unknown_since if intent.state is IntentState.IN_DOUBT else ""
    return from_iso(noted) + STAMP if noted else None
