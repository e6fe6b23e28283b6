"""What somebody can do in the destination's web app, one deed at a time, and the book of it that the judge holds against the account."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from tests.flow.box import Box
from tests.judge.guarding import Edit
from tests.judge.marks import FIELD, marks_on, read_marks
from tests.judge.states import Destination, Row

STATUS = "Lead Status"
HANGING: tuple[tuple[str, Callable[[str, str], dict[str, Any]]], ...] = (
    ("notes", lambda rid, words: {"body": words, "parent": rid}),
    ("tasks", lambda rid, words: {"title": words, "links": {"relatedEntity": rid}}),
    ("contacts", lambda rid, words: {"name": words, "links": {"accounts": [rid]}}),
)  # fmt: skip
TOUCHED: Mapping[str, tuple[str, ...]] = {
    "contacts": ("jobTitle", "owner"), "leads": ("priority", "description", "owner"), "notes": ("body",),
    "tasks": ("title", "assignee"), "activities": ("description", "location"), "accounts": ("name", "industry", "owner"),
}  # fmt: skip
"""
Fields that people set on records of the run, by kind: some that a map writes, and some that none does. What no API shows is not among
them: nobody can keep what they cannot see.
"""
_USERS = ("owner", "assignee")
_DELETED = ("contacts", "leads", "notes", "tasks")
_PEOPLE = ("lead", "prospect")


class Deeds:
    """
    Whoever works in the destination: `edits` is what they did, `before` what was theirs before they did it.

    Unless they *go_back*, nobody sets a user that was set before: a comparison of values takes that for no change at all.
    """

    def __init__(self, box: Box, before: Destination, seed: int, *, go_back: bool) -> None:
        self.edits: list[Edit] = []
        self.before = before         # with what people added meanwhile: it is theirs as much as what was there
        self.box = box
        self.dice = random.Random(f"people-{seed}")
        self._old = before.live      # nobody of the run made these
        self._go_back = go_back
        self._were: dict[tuple[str, str], set[Any]] = {}      # users that a record had

    def ours(self, now: Destination, kind: str) -> list[str]:
        """Give the records of a kind that the run made."""
        return sorted(now.of(kind).keys() - self._old.get(kind, {}).keys() - self.before.of(kind).keys())

    # --- on records of the run ---

    def touch(self, now: Destination) -> None:
        """Change a value that a record shows, whether our map writes it or not."""
        kind = self.dice.choice(self._there(now, TOUCHED))
        if there := self.ours(now, kind):
            self._set(now, kind, self.dice.choice(there), self.dice.choice(TOUCHED[kind]))

    def edit_person(self, now: Destination) -> None:
        """Give somebody who was moved a title, or another status: that is a field which the source changes as well."""
        places = read_marks(now, self.box.side.prefix).places.values()
        moved = {str(row["id"]): row for each in places for kind, row in each if kind == "contacts"}
        if moved:
            rid = self.dice.choice(sorted(moved))
            has_status = STATUS in (moved[rid].get("customFields") or {})
            self._set(now, "contacts", rid, f"custom:{STATUS}" if has_status and self.dice.random() < 0.5 else "jobTitle")

    def hand_over(self, now: Destination) -> None:
        """Give a person another owner: that may look as we left it, and the events alone tell."""
        if there := self.ours(now, "contacts"):
            self._set(now, "contacts", self.dice.choice(there), "owner")

    def delete_ours(self, now: Destination) -> None:
        """Delete a record of the run."""
        kind = self.dice.choice(self._there(now, _DELETED))
        if there := self.ours(now, kind):
            self._delete(kind, self.dice.choice(there))

    def merge_ours(self, now: Destination) -> None:
        """Merge a person of the run, made of one record alone, into another one of the run."""
        there = [rid for rid in self.ours(now, "contacts") if now.of("contacts")[rid].get("customFields", {}).get(FIELD)]
        alone = sorted(set(there) - self._told_of(now))
        if len(there) > 1 and alone:
            rid = self.dice.choice(alone)
            into = self.dice.choice([each for each in there if each != rid])
            was = self.box.in_destination_on("merge", kind="contacts", id=rid, values={"into": into})
            self.edits.append(Edit(rid=rid, field="merged", value=into, was=was))

    def _told_of(self, now: Destination) -> set[str]:
        """Give the people on whom notes tell of further records of the source, or who bear several marks."""
        prefix = self.box.side.prefix
        joined = {rid for rid, row in now.of("contacts").items() if len(list(marks_on("contacts", row, prefix))) > 1}
        notes = (row for row in now.of("notes").values() if any(kind in _PEOPLE for kind, _, _ in marks_on("notes", row, prefix)))
        return joined | {str((row.get("links") or {}).get("parent")) for row in notes}

    # --- on their own ---

    def add(self, now: Destination) -> None:
        """Add a person of one's own."""
        words = f"Added {self.dice.randrange(10**6)}"
        self._create("contacts", {"name": words}, "name", words)

    def hang(self, now: Destination) -> None:
        """Add a record of one's own to one of the run."""
        kind, values = self.dice.choice(HANGING)
        if there := self.ours(now, "accounts" if kind == "contacts" else self.dice.choice(("contacts", "leads"))):
            words = f"Added {self.dice.randrange(10**6)}"
            self._create(kind, values(self.dice.choice(there), words), next(iter(values("", ""))), words)

    def use_source(self, now: Destination) -> None:
        """Make a deal of one's own that names a lead source of the run."""
        if there := self.ours(now, "sources"):
            words = f"Added {self.dice.randrange(10**6)}"
            self._create("leads", {"description": words, "links": {"sources": [self.dice.choice(there)]}}, "description", words)

    def sell(self, now: Destination) -> None:
        """Add a deal of one's own to a person or company of the run."""
        kind = self.dice.choice(("contacts", "accounts"))
        if there := self.ours(now, kind):
            words = f"Added {self.dice.randrange(10**6)}"
            values = {"description": words, "links": {kind: [self.dice.choice(there)]}}
            self._create("leads", values, "description", words)

    def edit_own(self, now: Destination) -> None:
        """Give a person of one's own a title."""
        rid = self.dice.choice(sorted(self.before.of("contacts").keys() & now.of("contacts").keys()))
        self._set(now, "contacts", rid, "jobTitle")

    def delete_own(self, now: Destination) -> None:
        """Delete a note of one's own, that was there before anybody moved anything or was added since."""
        if own := sorted(self.before.of("notes").keys() & now.of("notes").keys()):
            self._delete("notes", self.dice.choice(own))

    # --- each deed, and its line in the book ---

    def _there(self, now: Destination, kinds: Collection[str]) -> list[str]:
        return [kind for kind in kinds if self.ours(now, kind)] or list(kinds)

    def _set(self, now: Destination, kind: str, rid: str, field: str) -> None:
        value = self._value(now, now.of(kind)[rid], field)
        label = field.removeprefix("custom:")
        values = {"customFields": {label: value}} if label != field else {"links": {label: value}} if field in _USERS else {label: value}
        held = self.box.in_destination_on("edit", kind=kind, id=rid, values=values)
        earlier = next((each for each in self.edits if (each.rid, each.field) == (rid, field)), None)
        was = None if kind == "contacts" else earlier.was if earlier else held    # of people the judge looks field by field
        self.edits = [each for each in self.edits if each is not earlier]
        self.edits.append(Edit(rid=rid, field=field, value=value, was=was))

    def _value(self, now: Destination, row: Row, field: str) -> Any:
        number = self.dice.randrange(1, 1000)
        if field == "priority":
            return number
        if field in _USERS:
            held = (row.get("links") or {}).get(field)
            were = self._were.setdefault((str(row["id"]), field), set())
            were.add(held)
            users = [rid for rid, user in now.of("users").items() if user.get("isEnabled") and rid != held]
            return self.dice.choice([each for each in users if self._go_back or each not in were] or users)
        return f"Said by people {number}"

    def _create(self, kind: str, values: dict[str, Any], field: str, words: str) -> None:
        made = str(self.box.in_destination("create", kind=kind, values=values)["id"])
        there = self.box.destination().of(kind)[made]
        self.before = replace(self.before, live={**self.before.live, kind: {**self.before.of(kind), made: there}})
        self.edits.append(Edit(rid=made, field=field, value=words))

    def _delete(self, kind: str, rid: str) -> None:
        was = self.box.in_destination_on("delete", kind=kind, id=rid)
        self.edits.append(Edit(rid=rid, field="deleted", was=was))
