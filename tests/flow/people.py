"""Users of the destination who work there while records come, and one of the source who goes on after the freeze."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.flow.box import Box
from tests.judge.guarding import Edit
from tests.judge.marks import read_marks
from tests.judge.states import Destination, ask

PAUSE_S = 0.7
DEEDS = 8
CHEATS = 2
"""Writes in the source once the destination is the system of record; what they bring is nobody's to move unasked."""
STATUS = "Lead Status"
WORKING = ("tail", "cutover", "watch")


class People:
    """Whoever works in the destination; `edits` is what the judge holds against the account at the end."""

    def __init__(self, box: Box, before: Destination, seed: int) -> None:
        self.edits: list[Edit] = []
        self.source: Any = None              # as it was at the switch, before somebody cheated
        self.before = before                 # with what people added meanwhile: it is theirs as much as what was there
        self._box = box
        self._dice = random.Random(f"people-{seed}")
        self._next = 0.0
        self._left = DEEDS

    def work(self, phase: str) -> None:
        """Do at most one thing, now and then; the first look after the switch is the moment to cheat."""
        if phase == "watch" and self.source is None:
            self.source = self._box.source()
            ask(f"{self._box.source_admin}freeze", {"cheat": CHEATS})
        if phase not in WORKING or not self._left or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PAUSE_S
        self._left -= 1
        deeds = (self._edit_ours, self._edit_ours, self._add, self._edit_own, self._delete_own)
        deed: Callable[[Destination], None] = self._dice.choice(deeds)
        deed(self._box.destination())

    def _edit_ours(self, now: Destination) -> None:
        """Give somebody who was moved a title, or another status: that is a field which the source changes as well."""
        places = read_marks(now, self._box.side.prefix).places.values()
        moved = {str(row["id"]): row for each in places for kind, row in each if kind == "contacts"}
        if not moved:
            return
        rid = self._dice.choice(sorted(moved))
        has_status = STATUS in (moved[rid].get("customFields") or {})
        self._set(rid, f"custom:{STATUS}" if has_status and self._dice.random() < 0.5 else "jobTitle")

    def _edit_own(self, now: Destination) -> None:
        self._set(self._dice.choice(sorted(self.before.of("contacts").keys() & now.of("contacts").keys())), "jobTitle")

    def _set(self, rid: str, field: str) -> None:
        value = f"Said by people {self._dice.randrange(1000)}"
        label = field.removeprefix("custom:")
        values = {label: value} if label == field else {"customFields": {label: value}}
        self._box.in_destination("edit", kind="contacts", id=rid, values=values)
        self.edits = [each for each in self.edits if (each.rid, each.field) != (rid, field)]
        self.edits.append(Edit(rid=rid, field=field, value=value))

    def _add(self, _: Destination) -> None:
        """Add a person of one's own."""
        name = f"Added {self._dice.randrange(10**6)}"
        made = str(self._box.in_destination("create", kind="contacts", values={"name": name})["id"])
        there = self._box.destination().of("contacts")[made]
        self.before = replace(self.before, live={**self.before.live, "contacts": {**self.before.of("contacts"), made: there}})
        self.edits.append(Edit(rid=made, field="name", value=name))

    def _delete_own(self, now: Destination) -> None:
        """Delete a note of one's own, that was there before anybody moved anything or was added since."""
        if own := sorted(self.before.of("notes").keys() & now.of("notes").keys()):
            rid = self._dice.choice(own)
            self._box.in_destination("delete", kind="notes", id=rid)
            self.edits = [*(each for each in self.edits if each.rid != rid), Edit(rid=rid, field="deleted")]
