"""What was in the destination before, and what its people did meanwhile: still there, and as they left it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.judge import texts
from tests.judge.states import RECORDS, Destination, Finding, Row

BOOKKEEPING = frozenset({"rev", "modifiedTime"})
GONE = ("deleted", "merged")
_LISTS = frozenset({"emails", "phones", "urls", "addresses"})
_REFERENCE = ("users", "stages", "stagesets", "outcomes", "activityTypes", "teams", "tags", "sources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """
    What a person did to a record in the destination.

    Args:
        field: As in the dump, "custom:<label>", a link's name, "deleted", or "merged" into the record that `value` names.
        was: The record as it was before; the comparison then looks at what the product made as if nobody had done this.
    """

    rid: str
    field: str
    value: Any = None
    was: Row | None = None

    @property
    def kind(self) -> str:
        """Give the kind of the record."""
        return self.rid.partition("-")[2]


def overwritten(destination: Destination, edits: Sequence[Edit]) -> Iterator[Finding]:
    """Find edits of people that are no longer there."""
    taken_away = {edit.rid for edit in edits if edit.field in GONE}
    for edit in edits:
        row = destination.of(edit.kind).get(edit.rid)
        if edit.field in GONE:
            if row is not None:
                yield Finding(fault="overwritten", what=edit.rid, why=f"was {edit.field} by a person and lives")
            continue
        if edit.rid in taken_away:
            continue
        has = None if row is None else _value(row, edit.field)
        if row is None or not _same(has, edit.value):
            yield Finding(fault="overwritten", what=edit.rid, why=f"a person set {edit.field} to {edit.value!r}; now {has!r}")


def _value(row: Row, name: str) -> Any:
    if name.startswith("custom:"):
        return (row.get("customFields") or {}).get(name.removeprefix("custom:"))
    return row[name] if name in row else (row.get("links") or {}).get(name)


def _same(has: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], Mapping):
        return [_part(each) for each in has or ()] == [_part(each) for each in wanted]
    return bool(has == wanted)


def _part(item: Mapping[str, Any]) -> str:
    """Give what a person typed into one e-mail, phone or address."""
    value = item.get("value")
    if isinstance(value, Mapping) and "E164" in value:
        return texts.digits(value.get("E164") or value.get("number"))
    if isinstance(value, Mapping):
        return texts.squeeze(" ".join(str(part) for part in value.values() if part))
    return texts.phone(value) or str(value)


Differing = Callable[[Row, Row], Iterator[tuple[str, Any, Any]]]
"""(before, now) -> name, what it was, what it is, of all that counts as changed."""


def foreign(before: Destination, after: Destination, edits: Sequence[Edit] = ()) -> Iterator[Finding]:
    """Find records of before that are gone, or changed by more than filling what was empty and adding to lists."""
    for kind in (*RECORDS, *_REFERENCE):
        yield from touched(kind, before, after, edits, _changes)


def touched(kind: str, before: Destination, after: Destination, edits: Sequence[Edit], differing: Differing) -> Iterator[Finding]:
    """Find records of one kind that were there before and are gone, or differ, and nobody among people did it."""
    edited = {(edit.rid, edit.field) for edit in edits}
    for rid, row in before.of(kind).items():
        now = after.of(kind).get(rid)
        if now is None:
            if not any((rid, each) in edited for each in GONE):
                yield Finding(fault="foreign touched", what=rid, why="existed before and is gone")
            continue
        for name, was, has in differing(row, now):
            if (rid, name) not in edited:
                yield Finding(fault="foreign touched", what=rid, why=f"{name} was {was!r} and is {has!r}")


def _changes(row: Row, now: Row) -> Iterator[tuple[str, Any, Any]]:
    for name, was in row.items():
        has = now.get(name)
        if name in BOOKKEEPING:
            continue
        if name in ("customFields", "links"):
            prefix = "custom:" if name == "customFields" else ""
            for key, old in (was or {}).items():
                new = (has or {}).get(key)
                if not _kept(old, new):
                    yield prefix + key, old, new
        elif not _kept(was, has, grows=name in _LISTS):
            yield name, was, has


def _kept(was: Any, has: Any, *, grows: bool = True) -> bool:
    if was in (None, "", [], {}):
        return True
    if isinstance(was, list) and grows:
        return isinstance(has, list) and all(each in has for each in was)
    return bool(was == has)


def rolled_back(before: Destination, after: Destination, *, spared: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """
    Compare the account with what it was before the run: everything of before as it was, and nothing new but what was *spared*.

    Of lead sources, tags and custom fields `left_beside` judges.
    """
    for kind in RECORDS:
        for rid in after.of(kind).keys() - before.of(kind).keys() - spared:
            yield Finding(fault="stray", what=rid, why="was made by the run and is still there")
        for rid, row in before.of(kind).items():
            now = after.of(kind).get(rid)
            if now is None:
                yield Finding(fault="foreign touched", what=rid, why="existed before and is gone")
                continue
            for name in (row.keys() | now.keys()) - BOOKKEEPING:
                if bare(row.get(name)) != bare(now.get(name)) and rid not in spared:
                    yield Finding(fault="foreign touched", what=rid, why=f"{name} was {row.get(name)!r} and is {now.get(name)!r}")


def bare(value: Any) -> Any:
    """Give a value without what says nothing: an emptied field and one that never was are the same."""
    if isinstance(value, Mapping):
        return {name: left for name, each in value.items() if (left := bare(each)) not in (None, "", [], {})}
    return None if value in ("", [], {}) else value
