"""A table of an export as a workbook of one sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from streamflow.sandbox.leadtrekker.export_dialect import XLSX_CELL_CHARS, Value


@contextmanager
def workbook(path: Path) -> Iterator[Sheet]:
    """Open one workbook for writing; it is whole on disk when the block has ended."""
    book = Workbook(write_only=True)
    yield Sheet(book.create_sheet(path.stem))
    book.save(path)


class Sheet:
    """The one sheet of a workbook, row by row."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet

    def row(self, values: Sequence[Value]) -> None:
        """Append one row."""
        self._sheet.append([self._cell(value) for value in values])

    def _cell(self, value: Value) -> Any:
        if not isinstance(value, str):
            return value
        if value[:1] not in ("=", "#"):
            return ILLEGAL_CHARACTERS_RE.sub("", value)[:XLSX_CELL_CHARS]
        cell = WriteOnlyCell(self._sheet, value=ILLEGAL_CHARACTERS_RE.sub("", value)[:XLSX_CELL_CHARS])
        cell.data_type = "s"  # else "=..." becomes a live formula and "#N/A" an error
        return cell
