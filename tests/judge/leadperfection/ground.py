"""What every part of the comparison has at hand: both sides, who became whom, and what is excused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tests.judge.leadperfection.book import Book, Seen
from tests.judge.leadperfection.owners import Owners
from tests.judge.leadperfection.telling import Telling, telling
from tests.judge.marks import Marks, Place, content
from tests.judge.states import Destination, Finding, Identity, Question, Row

Found = list[tuple[str, Place]]
"""(part, place) of everything one source record became, parts in order."""


@dataclass(frozen=True)
class Ground:
    """Both sides, and what the parts of the comparison share."""

    book: Book
    seen: Seen
    destination: Destination
    marks: Marks
    owners: Owners
    edited: Callable[[str, str], bool]           # (id, field) -> whether a person in the destination set it
    was_there: frozenset[str]                    # ids of records that existed before
    explained: Mapping[Identity, str] | None     # what the product says of what it left out or asks about; None: nobody was asked
    asked: Sequence[Question] = ()               # what it asks about who is who
    scope: Sequence[str] | None = None           # what the product says it does not move at all; None: nobody was asked
    delimiter: str = "|"
    meeting_s: int = 7200
    same: Mapping[Identity, Identity] = field(default_factory=dict)   # key given to a row without an id -> record of the book

    # --- what became of what ---

    def of(self, kind: str, key: str) -> Found:
        """Give what a source record became."""
        return self.marks.of(kind, key)

    def on(self, at: str, kind: str, key: str) -> list[Row]:
        """Give the records of one destination kind that a source record became."""
        return [row for _, (where, row) in self.of(kind, key) if where == at]

    @cached_property
    def contact_of(self) -> Mapping[str, str]:
        """Give the contact of each prospect, living or gone: the one with its mark, else the one its note is on."""
        found: dict[str, str] = {}
        for key in sorted(key for kind, key in self.marks.identities() if kind == "prospect"):
            for _, (at, row) in self.of("prospect", key):
                if at == "contacts":
                    found[key] = str(row["id"])
                else:
                    found.setdefault(key, str((row.get("links") or {}).get("parent")))
        return found

    @cached_property
    def prospects_of(self) -> Mapping[str, Sequence[str]]:
        """Give the prospects, living or gone, behind each contact."""
        found: dict[str, list[str]] = defaultdict(list)
        for key, contact in self.contact_of.items():
            found[contact].append(key)
        return found

    def living(self, contact: str) -> list[Row]:
        """Give the prospects behind a contact that the source has."""
        return [self.book.of("prospect")[key] for key in self.prospects_of.get(contact, ()) if key in self.book.of("prospect")]

    def is_ghost(self, contact: str) -> bool:
        """Say whether somebody whom people took away at the source is behind a contact."""
        return any(("prospect", key) in self.book.gone for key in self.prospects_of.get(contact, ()))

    def person(self, row: Row) -> str | None:
        """Give the contact on which something of a prospect has to be."""
        return self.contact_of.get(str(row.get("cst_id") or ""))

    # --- texts ---

    def told_on(self, contact: Row, prospect: str) -> Telling:
        """Give all that tells of a prospect on its contact: fields, description, parts in full, and the notes about it."""
        parts = [f"{name}: {value}" for kind in ("emails", "phones", "addresses") for name, value in _flat(kind, contact)]
        notes = [content("notes", row) for row in self.on("notes", "prospect", prospect)]
        return telling(contact.get("customFields"), [*notes, str(contact.get("description") or ""), "\n".join(parts)])

    # --- excuses ---

    def said(self, kind: str, key: str) -> str | None:
        """Give what the product says of a record, "" when nobody was asked."""
        return "" if self.explained is None else self.explained.get((kind, key))

    def is_asked(self, one: str, other: str) -> bool:
        """Say whether anybody is asked whether the people of two contacts are one."""
        return any(each.is_about("prospect", one, other, self.contact_of.get) for each in self.asked)

    def left_out(self, kind: str, key: str, why: str) -> Iterator[Finding]:
        """Find what may stay behind but was not told of."""
        if self.said(kind, key) is None:
            yield Finding(fault="unexplained", what=f"{kind} {key}", why=f"{why}, and nobody is told that it stayed behind")

    def lost(self, kind: str, key: str, why: str) -> Finding:
        """Say that something is not there, with what the product says of it."""
        said = self.said(kind, key)
        return Finding(fault="lost", what=f"{kind} {key}", why=why + (f"; the product says: {said}" if said else ""))


def parents_of(at: str, row: Row) -> list[str]:
    """Give the people, companies and deals a note, activity or deal hangs on."""
    links = row.get("links") or {}
    if at == "activities":
        return [str(rid) for rid in links.get("participants") or () if not str(rid).endswith("-users")]
    if at == "leads":
        return [str(rid) for rid in links.get("contacts") or ()]
    return [str(links["parent"])] if links.get("parent") else []


def users_on(row: Row) -> set[str]:
    """Give the users who take part in an activity."""
    return {str(rid) for rid in (row.get("links") or {}).get("participants") or () if str(rid).endswith("-users")}


def all_text(places: Sequence[Place]) -> str:
    """Give names and texts of records, marks apart."""
    parts = (each for at, row in places for each in (row.get("name") if at == "activities" else None, content(at, row)))
    return "\n".join(str(part) for part in parts if part)


def _flat(kind: str, contact: Row) -> Iterator[tuple[str, str]]:
    for item in contact.get(kind) or ():
        value = item.get("value")
        if isinstance(value, Mapping):
            yield from ((f"{item.get('name')} {name}", str(part)) for name, part in value.items() if part)
        else:
            yield str(item.get("name")), str(value)
