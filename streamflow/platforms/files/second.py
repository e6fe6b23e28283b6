"""Which files of a snapshot a stream is read from, rows of a second file put into those of the first, and rows that are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from streamflow.compact import Numbers
from streamflow.platforms.files.inbox import Snapshot
from streamflow.platforms.files.manifest import FileEntry
from streamflow.platforms.files.table import TableSettings, open_table
from streamflow.platforms.rows.canon import spellings, squeezed
from streamflow.platforms.spec import FileRules, FileTable, StreamSpec

Noticed = tuple[dict[str, Any], Counter[str]]
"""A row, and where it is counted what was noticed about its file."""


@dataclass(slots=True)
class Second:
    """The rows of a second file, by the value of the column that the first file has too."""

    rules: FileTable
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)


class Shown:
    """
    Tells rows without an id that an earlier file of the same snapshot has as well: reports of days that overlap.

    Within one file equal rows are several records; the second one of a file is the second one of the other.
    """

    def __init__(self, stream: StreamSpec) -> None:
        self._names = [name for rule in stream.key_fallback for name in rule.partition("[:")[0].split("|")]
        self._every = Numbers()      # row -> how many of them the fullest file had so far
        self._here = Numbers()
        self._file: Counter[str] | None = None

    def is_new(self, values: Mapping[str, Any], file: Counter[str]) -> bool:
        """Say whether no earlier file has this row so often; files follow one another, and *file* tells them apart."""
        if self._file is not file:
            self._file, self._here = file, Numbers()
        name = orjson.dumps([_text(values.get(each)).strip() for each in self._names]).decode()
        self._here[name] = count = self._here[name] + 1
        if count <= self._every[name]:
            return False
        self._every[name] = count
        return True


def chosen(snapshot: Snapshot, globs: Sequence[str], having: Sequence[str], settings: TableSettings) -> Sequence[FileEntry]:
    """Give the tables whose name fits and whose header has the named columns."""
    entries = snapshot.tables(tuple(globs))
    return [entry for entry in entries if _has(snapshot, entry, having, settings)] if having else entries


def is_picky(rules: FileRules) -> bool:
    """Say whether rows or columns are left out."""
    return rules.only or rules.distinct or bool(rules.filled)


def read(rules: FileTable, snapshot: Snapshot, settings: TableSettings) -> Second:
    """Read a second file into memory; none in the snapshot is fine, its fields are then not offered."""
    found = Second(rules=rules)
    wanted = {squeezed(name) for name in (rules.key, *rules.fields.values(), *rules.take.values())}
    for entry in chosen(snapshot, rules.globs, rules.having, settings):
        with open_table(snapshot.path(entry), settings, lambda name: squeezed(name) in wanted) as table:
            spelt = {squeezed(header): header for header in table.header}
            for row in table.rows:
                given = {name: _text(row.get(header)) for name, header in spelt.items() if name in wanted}
                key = given.get(squeezed(rules.key), "").strip()
                if rules.fields:
                    table_row = {name: given.get(squeezed(header), "") for name, header in rules.fields.items()}
                    found.tables.setdefault(key, []).append(table_row)
                values = found.values.setdefault(key, {})
                for name, header in rules.take.items():
                    if given.get(squeezed(header), "").strip():
                        values.setdefault(name, given[squeezed(header)])
    return found


def fitted(rows: Iterator[Noticed], stream: StreamSpec, seconds: Sequence[Second]) -> Iterator[Noticed]:
    """Give the rows with what second files say of them, without columns and rows that are none of the stream's."""
    rules = stream.files
    names = spellings(stream)
    seen, shown = Numbers(), Shown(stream)
    for row, findings in rows:
        given = {header: names.get(squeezed(header), "") for header in row}
        values: dict[str, Any] = {}
        for header, name in given.items():
            if name and (name not in values or header == name):      # a column that was mapped goes before one that sounds like it
                values[name] = row[header]
        if any(not _text(values.get(name)).strip() for name in rules.filled):
            continue
        key = _text(values.get(stream.key)).strip()
        if rules.distinct and key:
            if seen[key]:
                continue
            seen[key] = 1
        if rules.only and not key and not shown.is_new(values, findings):
            continue
        fit = values if rules.only else dict(row)
        for second in seconds:
            _add(fit, second, _text(values.get(second.rules.on)).strip())
        yield fit, findings


def _add(row: dict[str, Any], second: Second, key: str) -> None:
    if not key or not (second.tables or second.values):
        return
    if second.rules.into:
        row[second.rules.into] = second.tables.get(key, [])
    for name, value in second.values.get(key, {}).items():
        if not _text(row.get(name)).strip():
            row[name] = value


def _has(snapshot: Snapshot, entry: FileEntry, having: Sequence[str], settings: TableSettings) -> bool:
    wanted = {squeezed(name) for name in having}
    with open_table(snapshot.path(entry), settings, lambda name: squeezed(name) in wanted) as table:
        return wanted <= {squeezed(header) for header in table.header}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
