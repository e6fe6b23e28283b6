"""Which files of a snapshot a stream is read from, rows of a second file put into those of the first, and rows that are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from streamflow.compact import Numbers
from streamflow.platforms.files.inbox import Snapshot
from streamflow.platforms.files.manifest import FileEntry
from streamflow.platforms.files.table import TableSettings, open_table
from streamflow.platforms.rows.canon import spellings, squeezed
from streamflow.platforms.rows.values import local_time
from streamflow.platforms.spec import FileRules, FileTable, StreamSpec

Noticed = tuple[dict[str, Any], Counter[str]]
"""A row, and where it is counted what was noticed about its file."""


@dataclass(slots=True)
class Second:
    """The rows of a second file, by the value of the column that the first file has too."""

    rules: FileTable
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    strange: Counter[str] = field(default_factory=Counter)      # filled columns that nothing is taken from, and how often


class Shown:
    """
    Tells rows without an id that an earlier file of the same snapshot has as well: reports of days that overlap.

    Within one file equal rows are several records; the second one of a file is the second one of the other.
    """

    def __init__(self) -> None:
        self._every = Numbers()      # name of a row -> how many of them the fullest file had so far
        self._here = Numbers()
        self._file: object = None

    def is_new(self, values: Sequence[Any], file: object) -> bool:
        """Say whether no earlier file has these values so often; files follow one another, and *file* tells them apart."""
        if self._file is not file:
            self._file, self._here = file, Numbers()
        name = _name(values)
        self._here[name] = count = self._here[name] + 1
        if count <= self._every[name]:
            return False
        self._every[name] = count
        return True


class Spread:
    """Tells rows that show one record a second time, with another value in columns where it may have several."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._apart = {squeezed(column) for column in columns}
        self._records = Numbers()      # what rows have beside those columns -> how many records that is
        self._rows = Numbers()         # whole row -> how often it came
        self._file: object = None

    def is_new(self, row: Mapping[str, Any], file: object) -> bool:
        """Say whether a row is a record that no row of its file was before: as many as the fullest of its whole rows came are several."""
        if self._file is not file:
            self._file, self._records, self._rows = file, Numbers(), Numbers()
        record, whole = _name([value for header, value in row.items() if squeezed(header) not in self._apart]), _name(list(row.values()))
        self._rows[whole] = count = self._rows[whole] + 1
        if count <= self._records[record]:
            return False
        self._records[record] = count
        return True


def chosen(snapshot: Snapshot, rules: FileRules | FileTable, stream: StreamSpec) -> Sequence[FileEntry]:
    """Give the tables whose name fits and whose header has the named columns, the newest first where a column tells when they were made."""
    settings = settings_of(stream)
    entries = [entry for entry in snapshot.tables(rules.globs) if not rules.having or _has(snapshot, entry, rules.having, settings)]
    if not rules.as_of or len(entries) < 2:
        return entries
    return sorted(entries, key=lambda entry: _made_at(snapshot, entry, rules.as_of, stream), reverse=True)


def settings_of(stream: StreamSpec) -> TableSettings:
    """Give how the tables of a stream are written."""
    return TableSettings(encoding=stream.files.encoding, delimiter=stream.files.delimiter, sheet=stream.files.sheet)


def is_picky(rules: FileRules) -> bool:
    """Say whether rows or columns are left out."""
    return rules.only or rules.distinct or bool(rules.filled or rules.apart)


def read(rules: FileTable, snapshot: Snapshot, stream: StreamSpec) -> Second:
    """Read a second file into memory; none in the snapshot is fine, its fields are then not offered."""
    found, shown = Second(rules=rules), Shown()
    wanted = {squeezed(name) for name in (rules.key, *rules.fields.values(), *rules.take.values(), *rules.once)}
    is_missed = _missed(rules.aside)
    for entry in chosen(snapshot, rules, stream):
        with open_table(snapshot.path(entry), settings_of(stream), lambda name: squeezed(name) in wanted) as table:
            spelt = {squeezed(header): header for header in table.header}
            strangers = [header for name, header in spelt.items() if name not in wanted and is_missed(header)]
            for row in table.rows:
                found.strange.update(header for header in strangers if _text(row.get(header)).strip())
                given = {name: _text(row.get(header)) for name, header in spelt.items() if name in wanted}
                key = given.get(squeezed(rules.key), "").strip()
                if rules.fields and (not rules.once or shown.is_new([key, *(given.get(squeezed(name)) for name in rules.once)], entry)):
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
    seen, shown, spread = Numbers(), Shown(), Spread(rules.apart)
    is_missed = _missed(rules.aside if rules.only else ())
    strange = sum((second.strange for second in seconds), Counter[str]())      # told with the first row
    made_of = [name for rule in stream.key_fallback for name in rule.partition("[:")[0].split("|")]
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
        if rules.apart and not key and not spread.is_new(row, findings):
            continue
        if rules.only and not key and not shown.is_new([values.get(name) for name in made_of], findings):
            continue
        findings.update(header for header, name in given.items() if not name and is_missed(header) and _text(row[header]).strip())
        findings.update(strange)
        strange.clear()
        fit = values if rules.only else dict(row)
        for second in seconds:
            _add(fit, second, _text(values.get(second.rules.on)).strip())
        yield fit, findings


def _missed(aside: Sequence[str]) -> Callable[[str], bool]:
    """Give what says of a column whether it is missed when it is left out; of a file without such a list another stream tells."""
    patterns = [pattern.casefold() for pattern in aside]
    return cache(lambda header: bool(patterns) and not any(fnmatchcase(header.casefold(), pattern) for pattern in patterns))


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


def _made_at(snapshot: Snapshot, entry: FileEntry, column: str, stream: StreamSpec) -> str:
    """Give the moment that the first row of a file says it was made at; "" where it says none."""
    with open_table(snapshot.path(entry), settings_of(stream), lambda name: squeezed(name) == squeezed(column)) as table:
        row = next(iter(table.rows), {})
        text = next((value for header, value in row.items() if squeezed(header) == squeezed(column)), None)
        return local_time(text, stream.date_formats, ZoneInfo(stream.timezone)) or ""


def _name(values: Sequence[Any]) -> str:
    return orjson.dumps([_text(value).strip() for value in values]).decode()


def _text(value: Any) -> str:
    return "" if value is None else str(value)
