"""A table of an export being written, row by row, in either form."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from streamflow.sandbox.leadtrekker.export_dialect import Dialect, Form, Value


class Table(Protocol):
    """One file being written, row by row."""

    def row(self, values: Sequence[Value]) -> None:
        """Append one row."""


@contextmanager
def table(path: Path, form: Form, dialect: Dialect) -> Iterator[Table]:
    """Open one file for writing; it is whole on disk when the block has ended."""
    if form == "xlsx":
        # Taken in when a workbook is asked for: every server would wait for it at its start, and few ever write one.
        from streamflow.sandbox.leadtrekker.export_workbook import workbook

        with workbook(path) as sheet:
            yield sheet
        return
    errors = "replace" if dialect.encoding == "cp1252" else "strict"
    with path.open("w", encoding=dialect.encoding, errors=errors, newline="") as file:
        yield _Lines(csv.writer(file, delimiter=dialect.delimiter))


class _Lines:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def row(self, values: Sequence[Value]) -> None:
        self._writer.writerow(values)
