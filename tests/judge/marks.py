"""Which destination record says that it came from which source record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

from tests.judge.states import Destination, Finding, Identity, Row, Source

FIELD = "Streamflow ID"
_TEXT_MARK = re.compile(r"\[sf:[a-z]+:(?P<kind>[a-z]+):(?P<key>[^:\]]+)(?::(?P<part>[^\]]+))?\]")
TEXT_FIELD: Mapping[str, str] = {"notes": "body", "activities": "description", "tasks": "description"}
"""Kind whose mark is the last line of a text -> the field with that text."""
_PART = re.compile(r"(?:(.*):)?(\d+)/(\d+)")
_UNDIVIDED = ("lead", "company")
Place: TypeAlias = tuple[str, Row]
"""(destination kind, record)."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """All marked live records: (kind, key, part) -> places."""

    places: Mapping[tuple[str, str, str], list[Place]]

    def of(self, kind: str, key: str) -> list[tuple[str, Place]]:
        """Give (part, place) of everything one source record became, parts in order."""
        return self._by_identity.get((kind, key), [])

    @cached_property
    def _by_identity(self) -> Mapping[Identity, list[tuple[str, Place]]]:
        found: dict[Identity, list[tuple[str, Place]]] = defaultdict(list)
        for (kind, key, part), places in self.places.items():
            found[kind, key] += [(part, place) for place in places]
        return {each: sorted(parts, key=lambda one: (_number(one[0]), one[0])) for each, parts in found.items()}

    def identities(self) -> set[Identity]:
        """Give every source record that has left a mark."""
        return {(kind, key) for kind, key, _ in self.places}


def text_of(kind: str, row: Row) -> str:
    """Give the text of a note, activity or task."""
    return str(row.get(TEXT_FIELD[kind]) or "")


def content(kind: str, row: Row) -> str:
    """Give that text without its mark."""
    lines = text_of(kind, row).rstrip().split("\n")
    return "\n".join(lines[:-1] if lines and _TEXT_MARK.fullmatch(lines[-1].strip()) else lines)


@lru_cache
def _field_mark(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"{prefix}:(?P<kind>[a-z]+):(?P<key>[^:\s]+)(?::(?P<part>\S+))?")


def marks_on(kind: str, row: Row, prefix: str = "lt") -> Iterator[tuple[str, str, str]]:
    """Yield (kind, key, part) of each mark of the pair with this *prefix* on a record: in the field, or in the last line of the text."""
    if kind in TEXT_FIELD:
        last = text_of(kind, row).rstrip().rpartition("\n")[2].strip()
        if last.startswith(f"[sf:{prefix}:") and (found := _TEXT_MARK.fullmatch(last)):
            yield found["kind"], found["key"], found["part"] or ""
        return
    value = (row.get("customFields") or {}).get(FIELD)
    for word in str(value or "").split():
        if found := _field_mark(prefix).fullmatch(word.strip(",;")):
            yield found["kind"], found["key"], found["part"] or ""


def read_marks(destination: Destination, prefix: str = "lt") -> Marks:
    """Look at every live record."""
    places: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for kind in ("accounts", "contacts", "leads", *TEXT_FIELD):
        for row in destination.of(kind).values():
            for mark in marks_on(kind, row, prefix):
                places[mark].append((kind, row))
    return Marks(places=dict(places))


def doubled_marks(marks: Marks, undivided: Collection[str] = _UNDIVIDED) -> Iterator[Finding]:
    """Find marks that two live records carry, and sets of parts that are not whole, but for kinds whose parts are no pieces of a text."""
    for (kind, key, part), places in marks.places.items():
        if len(places) > 1:
            ids = ", ".join(row["id"] for _, row in places)
            yield Finding(fault="doubled", what=f"{kind} {key}" + (f" part {part}" if part else ""), why=f"carried by {ids}")
    for kind, key in sorted(marks.identities()):
        if kind not in undivided:
            texts: dict[str, list[str]] = defaultdict(list)
            for part, _ in marks.of(kind, key):
                texts[_text_of_part(part)].append(part)
            for text, parts in texts.items():
                yield from _parts(kind, key, ["" if part == text else part for part in parts])


def _text_of_part(part: str) -> str:
    """Give the name of the text a part is a piece of: "details:2/3" is one of "details"."""
    found = _PART.fullmatch(part)
    return (found[1] or "") if found else part


def _parts(kind: str, key: str, parts: list[str]) -> Iterator[Finding]:
    """Look at the parts of one text; its first one may go without a number."""
    numbered = [(int(found[2]), int(found[3])) for part in parts if (found := _PART.fullmatch(part))]
    if not numbered:
        return
    told = f"only parts {', '.join(part or 'the first' for part in parts)} are there"
    numbers = [number for number, _ in numbered] + [1] * parts.count("")
    totals = {total for _, total in numbered}
    if len(totals) > 1:
        yield Finding(fault="doubled", what=f"{kind} {key}", why=f"parts of two different texts: {', '.join(parts)}")
    elif len(set(numbers)) < len(numbers):
        yield Finding(fault="doubled", what=f"{kind} {key}", why=f"there whole and in parts: {', '.join(filter(None, parts))}")
    elif set(numbers) != set(range(1, totals.pop() + 1)):
        yield Finding(fault="lost", what=f"{kind} {key}", why=told)


def strays(source: Source, destination: Destination, before: Destination) -> Iterator[Finding]:
    """Find live records that were not there before and that no source record accounts for (files are told apart by their content)."""
    for kind in ("accounts", "contacts", "leads", *TEXT_FIELD):
        for rid, row in destination.of(kind).items():
            marks = list(marks_on(kind, row))
            if not marks and rid not in before.of(kind):
                yield Finding(fault="stray", what=rid, why="is new and carries no mark")
            for mark_kind, key, _ in marks:
                if mark_kind in ("company", "attachment") or key in source.of(mark_kind) or _went(source, mark_kind, key):
                    continue
                yield Finding(fault="stray", what=rid, why=f"says it came from {mark_kind} {key}, which the source never had")


def _went(source: Source, kind: str, key: str) -> bool:
    """Say whether people took a record away; what lived at a deleted lead went with it."""
    return (kind, key) in source.gone or (kind != "lead" and any(what == "under" for what, _ in source.gone))


def _number(part: str) -> int:
    found = _PART.fullmatch(part)
    return int(found[2]) if found else 0
