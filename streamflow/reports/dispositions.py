"""What became of the records of each source kind: counted by the ledger, and counted once more record by record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.mapping.pair import Pair, Role
from streamflow.model import Disposition, Key, Kind, RecordState, Staged
from streamflow.store.base import KindCount, Ledger

DISPOSITIONS: Final = tuple(each.value for each in Disposition)
HAS_LINE: Final = frozenset({Disposition.CREATED, Disposition.UPDATED, Disposition.MERGED, Disposition.MATCHED})
_NEEDS_REASON: Final = frozenset({Disposition.FILTERED, Disposition.FLAGGED, Disposition.FAILED})
_MAX_REASONS: Final = 500
_NUMBERS: Final = re.compile(r"\d+")


def bucket(state: RecordState, disposition: Disposition | None) -> str:
    """Give the column a record counts in: its disposition, or "pending" while it has none or its latest change is not dealt with."""
    return "pending" if disposition is None or state is RecordState.PENDING else disposition.value


def phase_rows(counts: Sequence[KindCount], kind: Kind) -> list[dict[str, Any]]:
    """
    Give the counts of one kind as a row: read, the seven dispositions, pending, and whether the dispositions alone sum to read.

    One row; all zero when nothing of the kind was read.
    """
    columns: Counter[str] = Counter()
    for count in counts:
        if count.kind == kind:
            columns[bucket(count.state, count.disposition)] += count.count
    return [_row(kind, columns)]


def kinds_in(counts: Sequence[KindCount], pair: Pair) -> list[Kind]:
    """Give the kinds that are moved, in their order of delivery; reference data is left out."""
    there = {count.kind for count in counts} - set(pair.in_role(Role.REFERENCE))
    return [kind for kind in pair.written if kind in there] + sorted(there - set(pair.written))


def _row(kind: Kind, columns: Mapping[str, int]) -> dict[str, Any]:
    named = {name: columns.get(name, 0) for name in DISPOSITIONS}
    read, pending = sum(columns.values()), columns.get("pending", 0)
    return {"kind": kind, "read": read, **named, "pending": pending, "sums": sum(named.values()) == read}


@dataclass(slots=True)
class Walk:
    """What a look at every single record found; bounded, however many records there are."""

    columns: dict[Kind, Counter[str]] = field(default_factory=dict)
    without_link: Counter[Kind] = field(default_factory=Counter)
    unexplained: Counter[Kind] = field(default_factory=Counter)
    missing: Counter[Kind] = field(default_factory=Counter)  # not shown by the last complete scan of the source
    reasons: Counter[tuple[Kind, str, str]] = field(default_factory=Counter)
    waiting: Counter[tuple[Kind, str, str]] = field(default_factory=Counter)

    def add(self, kind: Kind, page: Sequence[Staged], linked: frozenset[Key] | set[Key]) -> None:
        """Take in a page of records; *linked* are those that have a line in the crosswalk."""
        columns = self.columns.setdefault(kind, Counter())
        for staged in page:
            columns[bucket(staged.state, staged.disposition)] += 1
            if staged.missing_scans:
                self.missing[kind] += 1
            if staged.state is not RecordState.DONE:
                self._count(self.waiting, (kind, staged.state.value, _general(staged.reason or _why(staged))))
            if staged.state is RecordState.PENDING or staged.disposition is None:
                continue
            if staged.disposition in HAS_LINE and staged.record.key not in linked:
                self.without_link[kind] += 1
            if staged.disposition in _NEEDS_REASON:
                if not staged.reason:
                    self.unexplained[kind] += 1
                self._count(self.reasons, (kind, staged.disposition.value, _general(staged.reason)))

    def _count(self, counter: Counter[tuple[Kind, str, str]], name: tuple[Kind, str, str]) -> None:
        if name not in counter and len(counter) >= _MAX_REASONS:
            name = (name[0], name[1], "other reasons (see the queue)")
        counter[name] += 1

    def rows(self, counts: Sequence[KindCount], kinds: Sequence[Kind]) -> list[dict[str, Any]]:
        """Give a row a kind: the ledger's counts, and whether the count record by record says the same and finds each one explained."""
        rows = []
        for kind in kinds:
            [row] = phase_rows(counts, kind)
            again = _row(kind, self.columns.get(kind, Counter()))
            without, unexplained = self.without_link[kind], self.unexplained[kind]
            rows.append(
                {
                    **row,
                    "recounted": again["read"],
                    "without_link": without,
                    "missing_at_source": self.missing[kind],
                    "explained": again == row and not unexplained and not without,
                }
            )
        return rows

    def reason_rows(self) -> list[dict[str, Any]]:
        """Give the reasons of records left out, flagged or failed, the commonest first."""
        return _rows(self.reasons, "disposition")

    def waiting_rows(self) -> list[dict[str, Any]]:
        """Give what has not come to rest and why."""
        return _rows(self.waiting, "state")


async def walk(ledger: Ledger, kinds: Iterable[Kind]) -> Walk:
    """Look at every record of these kinds, a page at a time."""
    found = Walk()
    for kind in kinds:
        async for page in ledger.every(kind):
            keys = [staged.record.key for staged in page if staged.disposition in HAS_LINE]
            linked = {link.ref.key for link in await ledger.links_of(kind, keys)} if keys else set()
            found.add(kind, page, linked)
    return found


def _rows(counter: Counter[tuple[Kind, str, str]], middle: str) -> list[dict[str, Any]]:
    ordered = sorted(counter.items(), key=lambda item: (item[0][0], item[0][1], -item[1]))
    return [{"kind": kind, middle: what, "reason": reason, "records": count} for (kind, what, reason), count in ordered]


def _why(staged: Staged) -> str:
    if staged.state is RecordState.PENDING:
        return "waits to be moved" if staged.disposition is None else "changed or reopened; waits to be moved again"
    return f"waits for {staged.waiting_on}" if staged.waiting_on else ""


def _general(reason: str) -> str:
    """Make reasons that differ only in the record they name one."""
    return _NUMBERS.sub("#", reason)
