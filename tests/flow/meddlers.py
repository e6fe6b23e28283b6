"""Users of the destination who work on whatever they see while a run is taken back: on records of the run as well as on their own."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.flow.box import Box
from tests.flow.people import People
from tests.judge.guarding import Edit
from tests.judge.states import Destination

AT_ONCE = 6
"""Deeds between the switch and the order to take everything back."""
MEANWHILE = 30
QUICK_S = 0.15
HANGING: tuple[tuple[str, Callable[[str, str], dict[str, Any]]], ...] = (
    ("notes", lambda rid, words: {"body": words, "parent": rid}),
    ("tasks", lambda rid, words: {"title": words, "links": {"relatedEntity": rid}}),
    ("contacts", lambda rid, words: {"name": words, "links": {"accounts": [rid]}}),
)  # fmt: skip


class Meddlers(People):
    """As `People`; and at the switch and all through the rollback they edit, hang on, and delete what the run made, and add their own."""

    def __init__(self, box: Box, before: Destination, seed: int) -> None:
        super().__init__(box, before, seed)
        self._old = before.live      # nobody of the run made these
        self._quick = MEANWHILE

    def work(self, phase: str) -> None:
        """Do at most one thing, now and then; more often while all is taken back."""
        if phase != "rollback":
            super().work(phase)
        elif self._quick and time.monotonic() >= self._next:
            self._next = time.monotonic() + QUICK_S
            self._quick -= 1
            self._meddle()

    def meddle(self) -> None:
        """Do some things one after the other."""
        for _ in range(AT_ONCE):
            self._meddle()

    def _meddle(self) -> None:
        deed: Callable[[Destination], None] = self._dice.choice((
            self._touch, self._touch, self._hand_over, self._hang, self._hang, self._delete_ours,
            self._edit_own, self._delete_own, self._add,
        ))  # fmt: skip
        try:
            deed(self._box.destination())
        except urllib.error.HTTPError:
            pass     # it is gone by now: nobody did anything

    def _ours(self, now: Destination, kind: str) -> list[str]:
        return sorted(now.of(kind).keys() - self._old.get(kind, {}).keys() - self.before.of(kind).keys())

    def _touch(self, now: Destination) -> None:
        """Change a value that the record shows."""
        kind, field = self._dice.choice((("contacts", "jobTitle"), ("leads", "priority"), ("notes", "body"), ("tasks", "title")))
        if there := self._ours(now, kind):
            number = self._dice.randrange(1, 1000)
            self._write(kind, self._dice.choice(there), field, number if field == "priority" else f"Said by people {number}")

    def _hand_over(self, now: Destination) -> None:
        """Give a person another owner: that may look as we left it, and the events alone tell."""
        if there := self._ours(now, "contacts"):
            rid, users = self._dice.choice(there), [rid for rid, user in now.of("users").items() if user.get("isEnabled")]
            owner = self._dice.choice([each for each in users if each != now.of("contacts")[rid]["links"].get("owner")])
            self._box.in_destination("edit", kind="contacts", id=rid, values={"links": {"owner": owner}})
            self._note(Edit(rid=rid, field="owner", value=owner))

    def _write(self, kind: str, rid: str, field: str, value: Any) -> None:
        self._box.in_destination("edit", kind=kind, id=rid, values={field: value})
        self._note(Edit(rid=rid, field=field, value=value))

    def _note(self, edit: Edit) -> None:
        self.edits = [each for each in self.edits if (each.rid, each.field) != (edit.rid, edit.field)]
        self.edits.append(edit)

    def _hang(self, now: Destination) -> None:
        """Add a record of one's own to one of the run."""
        kind, values = self._dice.choice(HANGING)
        if there := self._ours(now, "accounts" if kind == "contacts" else self._dice.choice(("contacts", "leads"))):
            words = f"Added {self._dice.randrange(10**6)}"
            made = self._box.in_destination("create", kind=kind, values=values(self._dice.choice(there), words))
            rows = {**self.before.of(kind), str(made["id"]): made}
            self.before = replace(self.before, live={**self.before.live, kind: rows})
            self.edits.append(Edit(rid=str(made["id"]), field=next(iter(values("", ""))), value=words))

    def _delete_ours(self, now: Destination) -> None:
        kind = self._dice.choice(("contacts", "leads", "notes"))
        if there := self._ours(now, kind):
            rid = self._dice.choice(there)
            self._box.in_destination("delete", kind=kind, id=rid)
            self.edits = [*(each for each in self.edits if each.rid != rid), Edit(rid=rid, field="deleted")]
