"""What may become of a create so that nobody who sent it can say whether it happened, and how the simulated account is told to do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streamflow.model import Key, Kind

LATE_COMMIT_S = 30.0
"""The longest that the account carries out late: the bound that ships."""
PREFIX = "lt"
PATHS: Mapping[Kind, str] = {"lead": "POST /rest/contacts", "note": "POST /rest/notes", "reminder": "POST /rest/tasks"}
TABLES: Mapping[Kind, str] = {"lead": "contacts", "note": "notes", "reminder": "tasks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One kind of unknown outcome: the switch of the simulated account that brings it about."""

    name: str
    switch: str
    rule: Mapping[str, Any] = field(default_factory=dict)


FATES = (
    Fate(name="reset, done", switch="reset_after"),
    Fate(name="reset, not done", switch="reset_before"),
    Fate(name="reset, done late", switch="late_commit"),
    Fate(name="502, done", switch="fail_5xx", rule={"status": 502, "after": True}),
    Fate(name="504, done", switch="fail_5xx", rule={"status": 504, "after": True}),
    Fate(name="504, not done", switch="fail_5xx", rule={"status": 504}),
    Fate(name="201 garbled, done", switch="garble_after"),
    Fate(name="201 cut off, done", switch="half_close"),
    Fate(name="a page in its place, done", switch="html_200", rule={"after": True}),
    Fate(name="time-out, done", switch="hang", rule={"after": True}),
    Fate(name="time-out, not done", switch="hang"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """One create of the drill: the source record it is for, and what becomes of its first request."""

    kind: Kind
    key: Key
    fate: Fate

    @property
    def marker(self) -> str:
        """Give the text that the record carries in the destination; keys are of one length, so that none begins another."""
        return f"{PREFIX}:{self.kind}:{self.key}"


def switches(creates: Sequence[Create], dice: Random) -> dict[str, Any]:
    """Give the switches by which the first request for each record, and no other one, meets its fate."""
    found: dict[str, Any] = {}
    for one in creates:
        rule: dict[str, Any] = {"path": PATHS[one.kind], "body": one.marker, "times": 1, **one.fate.rule}
        if one.fate.switch == "late_commit":
            rule["delay_s"] = round(dice.uniform(0.0, LATE_COMMIT_S), 1)
        found.setdefault(one.fate.switch, []).append(rule)
    return found
