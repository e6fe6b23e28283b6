"""
Rows as CSV for spreadsheets.

Rule: a cell that a spreadsheet would take for a formula gets an apostrophe in front; numbers are numbers and stay as they are.
Plain UTF-8 with a header line, comma and CRLF (RFC 4180).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO

import orjson

from streamflow.reports.rows import Rows

FORMULA: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\0",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # full-width twins are read as formulas too


def cell(value: Any) -> str | int | float:
    """Give one value as a CSV cell: text guarded, lists and objects as JSON, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    return f"'{text}" if text.startswith(FORMULA) else text


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give every column that any row has, in the order in which they first turn up."""
    return rows.columns if isinstance(rows, Rows) else list(dict.fromkeys(str(name) for row in rows for name in row))


class Table:
    """Writes rows into an open file, as many at a time as the caller holds."""

    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._writer = csv.writer(file)
        self.count = 0
        if self._columns:
            self._writer.writerow([cell(name) for name in self._columns])

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows; columns a row does not have stay empty."""
        for row in rows:
            self._writer.writerow([cell(row.get(name)) for name in self._columns])
            self.count += 1
