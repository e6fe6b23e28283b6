"""Rows of several kinds out of rows of one: what is nested in them, and the reference records that they name. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from streamflow.model import Cursor, Key, Kind, Page, Record, Reject
from streamflow.platforms.rows.canon import Canon, Pass, Raw, squeezed
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec import Gather, PlatformSpec, Unfold


class Unfolder:
    """Makes the pages of one stream, with the records of other kinds that its rows bring; knows no platform."""

    def __init__(self, spec: PlatformSpec, canons: Mapping[Kind, Canon], kind: Kind) -> None:
        self.kind = kind
        self._canons = canons
        self._streams = spec.streams
        self._rules: dict[Kind, list[Unfold]] = {}
        for rule in spec.streams[kind].unfold:
            self._rules.setdefault(rule.within, []).append(rule)
        self.brings = spec.brings(kind)

    def page(
        self, rows: Iterable[Raw], *, next_cursor: Cursor | None, roster: Roster, memory: Pass, parent: Key | None = None,
        first_row: int = 1,
    ) -> Page:  # fmt: skip
        """Turn the rows of one response into a page: records of the own kind first, then those of each kind that came with them."""
        if not self.brings:
            return self._canons[self.kind].page(
                rows, next_cursor=next_cursor, roster=roster, memory=memory, parent=parent, first_row=first_row
            )
        found: dict[Kind, list[Record]] = {kind: [] for kind in (self.kind, *self.brings)}
        unknown: dict[Kind, Counter[str]] = {kind: Counter() for kind in found}
        rejects: list[Reject] = []
        for number, raw in enumerate(rows, first_row):
            # What has no id of its own is told apart within its row alone, so that a row shown twice brings the same records twice.
            inner = memory if not self._rules else Pass()
            for kind, nested in self._taken_apart(self.kind, raw, unknown):
                record = self._canons[kind].record(nested, roster=roster, memory=inner, parent=parent, unknown=unknown[kind])
                if record is None:
                    reason = f"row {number} of {self.kind}: {kind} without {self._streams[kind].key}, and nothing to make a key of"
                    rejects.append(self._canons[kind].reject(nested, reason, memory=memory, parent=parent))
                    continue
                found[kind].append(record)
                self._gather(record, found, roster)
        return Page(
            kind=self.kind, records=tuple(record for records in found.values() for record in _each_once(records)), next=next_cursor,
            unknown=dict(unknown[self.kind]), rejects=tuple(rejects),
            unknown_of={kind: dict(seen) for kind, seen in unknown.items() if seen and kind != self.kind},
        )  # fmt: skip

    # --- rows within rows

    def _taken_apart(
        self, kind: Kind, raw: Raw, unknown: Mapping[Kind, Counter[str]], around: Mapping[Kind, Mapping[str, Any]] = MappingProxyType({})
    ) -> Iterator[tuple[Kind, Raw]]:
        """Yield the row without what is nested in it, then each nested row, with what it takes of those *around* it (names squeezed)."""
        rules = self._rules.get(kind, ())
        if not rules:
            yield kind, raw
            return
        spelt = {squeezed(name): name for name in raw}
        held = [(rule, spelt[squeezed(rule.at)]) for rule in rules if squeezed(rule.at) in spelt]
        nested = {name for _, name in held}
        yield kind, {name: value for name, value in raw.items() if name not in nested}
        around = {**around, kind: {name: raw[written] for name, written in spelt.items()}}
        for rule, name in held:
            taken = {here: value for here, there in rule.take.items() for value in _told(there, kind, around)}
            places = {squeezed(here) for here in taken}
            for inner in _elements(raw[name], rule, unknown[rule.kind]):
                own = {key: value for key, value in inner.items() if squeezed(str(key)) not in places}
                yield from self._taken_apart(rule.kind, {**own, **taken}, unknown, around)

    # --- records that are named

    def _gather(self, record: Record, found: Mapping[Kind, list[Record]], roster: Roster) -> None:
        for rule in self._streams[record.kind].gather:
            for table in _tables(record, rule):
                fields = {there: table.get(here) for there, here in rule.fields.items() if table.get(here)}
                if next(iter(rule.fields)) not in fields:
                    continue
                made = self._canons[rule.kind].record({**fields, **rule.fixed}, roster=roster, memory=Pass())
                if made is not None:
                    found[rule.kind].append(made)


def _tables(record: Record, rule: Gather) -> Iterable[Mapping[str, Any]]:
    if not rule.each:
        return (record.data,)
    tables = record.data.get(rule.each)
    listed = tables if isinstance(tables, list) else ()
    return [table if isinstance(table, Mapping) else {"value": table} for table in listed]


def _told(field: str, kind: Kind, around: Mapping[Kind, Mapping[str, Any]]) -> Iterator[Any]:
    """Yield what the row of *kind* says in a field, or one further out in "kind.field"; nothing where it has no such key."""
    outer, _, name = field.rpartition(".")
    told = around.get(outer or kind, {})
    if (key := squeezed(name)) in told:
        yield told[key]


def _elements(value: Any, rule: Unfold, unknown: Counter[str]) -> Iterator[Raw]:
    """Yield the rows that a nested value holds: one that is a list, one row, or a text. A text is never taken sign by sign."""
    items = value if isinstance(value, list) else [] if value is None or value == "" else [value]
    for item in items:
        if isinstance(item, Mapping):
            yield item
        elif isinstance(item, str) and rule.text:
            yield {rule.text: item}
        else:
            unknown[f"{rule.at} (holds something that is no row)"] += 1


def _each_once(records: list[Record]) -> Iterable[Record]:
    """Give each key once, the fullest of its records: an account names its reps and codes in every row."""
    by_key: dict[Key, Record] = {}
    for record in records:
        known = by_key.get(record.key)
        if known is None or len(record.data) > len(known.data):
            by_key[record.key] = record
    return by_key.values()


def own(page: Page) -> tuple[Record, ...]:
    """Give the records of a page that are of its own kind."""
    return tuple(record for record in page.records if record.kind == page.kind)


def joined(pages: list[Page]) -> Page:
    """Give several pages of one stream as one, the last in its place."""
    if len(pages) == 1:
        return pages[0]
    unknown: Counter[str] = Counter()
    others: dict[Kind, Counter[str]] = {}
    for page in pages:
        unknown.update(page.unknown)
        for kind, seen in page.unknown_of.items():
            others.setdefault(kind, Counter()).update(seen)
    return replace(
        pages[-1], records=tuple(record for page in pages for record in page.records), unknown=dict(unknown),
        rejects=tuple(reason for page in pages for reason in page.rejects), gaps=tuple(reason for page in pages for reason in page.gaps),
        unknown_of={kind: dict(seen) for kind, seen in others.items()},
    )  # fmt: skip
