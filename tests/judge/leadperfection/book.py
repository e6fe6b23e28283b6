"""What the simulated Lead Perfection's own book says the source holds, and how much of it a reader could see."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, TypeAlias

from tests.judge.states import Identity, Row, ask, lines

Reader: TypeAlias = Literal["api", "extract", "reports"]
PLURAL: Mapping[str, str] = {
    "prospect": "prospects", "lead": "leads", "appointment": "appointments", "job": "jobs", "note": "notes", "call": "calls",
}  # fmt: skip
KEYS: Mapping[str, str] = {"prospect": "cst_id", "lead": "lds_id", "appointment": "ils_id", "job": "job_id", "note": "id"}
OWN_REP = "87"
"""The rep whom the API's user is (switch `appointment_rows`)."""


@dataclass(frozen=True)
class Book:
    """Every record by kind and key; calls, which have no id, by what tells them apart."""

    rows: Mapping[str, Mapping[str, Row]]
    gone: frozenset[Identity] = frozenset()             # what people deleted, or merged into another
    made: frozenset[Identity] = frozenset()             # what people created
    edited: frozenset[Identity] = frozenset()
    note_deeds: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)   # prospect -> (deed, note) people did to its notes
    changes: Mapping[Identity, int] = field(default_factory=dict)   # (kind, prospect) -> how often people changed one of its records
    heirs: Mapping[str, str] = field(default_factory=dict)   # prospect merged away -> prospect that has its records now

    def of(self, kind: str) -> Mapping[str, Row]:
        """Give the records of a kind by key."""
        return self.rows.get(kind, {})

    def every(self) -> Iterator[tuple[str, str, Row]]:
        """Yield (kind, key, record) of everything that has a key at the source."""
        for kind in KEYS:
            for key, row in self.of(kind).items():
                yield kind, key, row

    def under(self, kind: str, cst_id: str) -> list[Row]:
        """Give what a prospect has of a kind, in the order of the book; strays are nobody's."""
        return self._by_prospect[kind].get(cst_id, [])

    def of_lead(self, kind: str, lds_id: str) -> list[Row]:
        """Give what a lead has of a kind; strays are nobody's."""
        return self._by_lead[kind].get(lds_id, [])

    def heir(self, cst_id: str) -> str:
        """Give who has now what a prospect had: itself, unless it was merged away."""
        seen = set()
        while cst_id in self.heirs and cst_id not in self.of("prospect") and cst_id not in seen:
            seen.add(cst_id)
            cst_id = self.heirs[cst_id]
        return cst_id

    @cached_property
    def _by_prospect(self) -> Mapping[str, Mapping[str, list[Row]]]:
        return self._grouped("cst_id")

    @cached_property
    def _by_lead(self) -> Mapping[str, Mapping[str, list[Row]]]:
        return self._grouped("lds_id")

    def _grouped(self, name: str) -> Mapping[str, Mapping[str, list[Row]]]:
        found: dict[str, dict[str, list[Row]]] = {kind: defaultdict(list) for kind in PLURAL}
        for kind in PLURAL:
            for row in self.of(kind).values():
                if row.get(name) and not row.get("stray"):
                    found[kind][str(row[name])].append(row)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    How much of the book a reader of the migration can see; asked of the sandbox before the first reading.

    Args:
        by: `extract`: the tables of a vendor's extract, which hold everything; `api`: what the calls show by the switches; `reports`:
            scheduled reports 133, 134 and 135, and no more.
        began: Wall clock of the tenant when the migration began.
        asks_jobs: The reader was set up to ask for the notes of each job, by a call that is not asked otherwise.
    """

    by: Reader = "api"
    began: str = "2000-01-01T00:00:00"
    switches: Mapping[str, Any] = field(default_factory=dict)
    zone: str = "America/New_York"
    asks_jobs: bool = False

    def call(self, row: Row) -> bool:
        """Say whether a call must have been seen: the API forgets it after some days (lead-perfection.md 2.9)."""
        oldest = datetime.fromisoformat(self.began) - timedelta(days=float(self.switches.get("call_days", 7)))
        return self.by == "extract" or datetime.fromisoformat(str(row["calldatetime"])) >= oldest

    def note(self, row: Row) -> bool:
        """Say whether a note can be seen: those of jobs may be nowhere, or told by a call of their own alone (lead-perfection.md 3)."""
        told = self.switches.get("job_notes", "nowhere")
        return self.by == "extract" or not row.get("job_id") or told == "nested" or (told == "installer" and self.asks_jobs)

    def bare(self, book: Book, row: Row) -> bool:
        """Say whether a note may come as a text alone, without id, time and author: by the form in which its holder shows notes."""
        forms = self.switches.get("notes", "mixed")
        if self.by == "extract" or row.get("job_id") or forms == "objects":
            return False
        holder = book.of("lead").get(str(row.get("lds_id"))) or book.of("prospect").get(str(row["cst_id"])) or {}
        may_be_of_others = str(row["cst_id"]) in book.heirs.values()   # then it was shown as theirs
        return forms != "mixed" or may_be_of_others or holder.get("notes_form", "objects") not in ("objects", "object")

    def stray(self, row: Row) -> bool:
        """Say whether a stray appointment or job is shown at all."""
        own_only = self.by == "api" and "ils_id" in row and self.switches.get("appointment_rows") == "own"
        return not own_only or row.get("slr_id") == OWN_REP

    def field(self, name: str) -> bool:
        """Say whether a field of the prospect that some accounts do not show is shown."""
        hidden = {"dnc": ("dnc", "absent"), "address2": ("address2", "never")}
        switch, value = hidden.get(name, (name, None))
        return self.by != "api" or value is None or self.switches.get(switch) != value

    @property
    def phone_types(self) -> bool:
        """Say whether every extra phone shows its type."""
        return self.by == "extract" or self.switches.get("altphones", "objects") == "objects"

    @property
    def is_reported(self) -> bool:
        """Say whether enquiries and appointments show no ids, and nothing shows a time of entry: so it is with reports."""
        return self.by == "reports"

    @property
    def amounts(self) -> bool:
        """Say whether appointments show what each product came to: the table of an extract has no such column."""
        return self.by == "api"

    def was_to_come(self, local: str) -> bool:
        """Say whether a moment was still to come when the migration began."""
        return local > self.began


def call_key(row: Row) -> str:
    """Give what tells calls apart (lead-perfection.md 2.2): two that agree in all of it are one."""
    return "|".join(str(row.get(name) or "") for name in ("cst_id", "calldatetime", "phone", "resultcode", "agent"))


def book_of(tables: Mapping[str, list[Row]], done: list[Row] | None = None) -> Book:
    """Make a book of tables by plural name and of what people did, as the admin face tells them."""
    done = done or []
    rows: dict[str, dict[str, Row]] = {kind: {str(row[KEYS[kind]]): row for row in tables.get(PLURAL[kind], [])} for kind in KEYS}
    rows["call"] = {call_key(row): row for row in tables.get("calls", [])}
    singular = {plural: kind for kind, plural in PLURAL.items()}
    gone = {(singular[row["kind"]], str(row["id"])) for row in done if row["op"] in ("delete", "merge")}
    deeds = {op: frozenset((singular[row["kind"]], str(row["id"])) for row in done if row["op"] == op) for op in ("create", "edit")}
    notes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in done:
        if row["kind"] == "notes":
            notes[str(row["cst_id"])].append((row["op"], str(row["id"])))
    changes = Counter((singular[row["kind"]], str(row["cst_id"])) for row in done if _is_change(row))
    heirs = {str(row["id"]): str(row["into"]) for row in done if row["op"] == "merge"}
    return Book(
        rows=rows, gone=frozenset(each for each in gone if each[1] not in rows[each[0]]), made=deeds["create"], edited=deeds["edit"],
        note_deeds=dict(notes), changes=changes, heirs=heirs,
    )  # fmt: skip


def _is_change(row: Row) -> bool:
    """Say whether an enquiry's line in a report reads otherwise after it: a new appointment is told there as well."""
    return row["op"] == "edit" or (row["op"], row["kind"]) == ("create", "appointments")


def read_book(admin: str) -> Book:
    """Read the whole book from the source's admin face (`.../_sandbox/`)."""
    tables = {plural: lines(f"{admin}dump?kind={plural}") for plural in PLURAL.values()}
    return book_of(tables, ask(f"{admin}life?since=0")["operations"])


def read_seen(admin: str, *, by: Reader = "api", zone: str = "America/New_York") -> Seen:
    """Ask the source's admin face what a reader that begins now can see."""
    return Seen(by=by, began=str(ask(f"{admin}state")["now"]), switches=ask(f"{admin}switches"), zone=zone)
