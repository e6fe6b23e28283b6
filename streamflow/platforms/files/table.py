"""
The rows of one exported file, CSV or workbook, one at a time.

What spreadsheets do to files is undone here, as far as it needs no knowledge of columns: byte-order marks, delimiters, "sep=;" lines,
apostrophes before formulas, escaped control signs, columns with the same header, blank rows, a row of totals at the end.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.files.encoding import detect_delimiter, detect_encoding

CELL_LIMIT_CHARS = 32_767      # a workbook cell holds no more, and Excel drops the rest without a word
UNPACKED_CAP_BYTES = 4 << 30
FIELD_CAP_CHARS = 16 << 20
csv.field_size_limit(FIELD_CAP_CHARS)      # the library's own limit is below the longest notes

_NO_DELIMITER = "\"'\0"
_GUARDED = re.compile(r"'(?=[=+\-@\t])")
_TOTALS = re.compile(r"\s*(grand\s+)?totals?\b.{0,20}", re.IGNORECASE)
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f])_")
_ROW_TAG = re.compile(rb"<row[\s>/]")

_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, SyntaxError, TypeError, ValueError, AttributeError, LookupError,
    ArithmeticError,
)  # fmt: skip
"""What the library lets through of XML that is broken or only looks like a workbook's; parts of it may be encrypted, too."""

IsKnown = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """How a file is to be read; "auto" finds out, an empty sheet name takes the first."""

    encoding: str = "auto"
    delimiter: str = "auto"
    sheet: str = ""


@dataclass(slots=True)
class Table:
    """A file that is open: its header, and its rows as {header: value}. *findings* counts what a person should know."""

    header: tuple[str, ...]
    rows: Iterator[dict[str, Any]]
    findings: Counter[str] = field(default_factory=Counter)


@contextmanager
def open_table(path: Path, settings: TableSettings, is_known: IsKnown) -> Iterator[Table]:
    """
    Open a file for one pass over its rows.

    Args:
        is_known: Says whether a header is one that the reader of the rows knows; used to tell delimiters apart.

    Raises:
        ProtocolMismatch: it cannot be opened, decoded or has no header; the message names the file and says what to set.
    """
    opened = _workbook(path, settings) if path.suffix.lower() == ".xlsx" else _text(path, settings, is_known)
    with opened as cells:
        lines = _translated(cells, path)
        first = next((line for line in lines if not _is_blank(line)), None)
        if first is None:
            raise ProtocolMismatch(f"{path.name} has no header row", platform="files", hint="export it again with column names")
        findings: Counter[str] = Counter()
        header, twins = _header(first, findings)
        if path.suffix.lower() == ".xlsx":      # a workbook leaves out the empty cells at the end of a row
            lines = ([*cells, *[None] * (len(header) - len(cells))] for cells in lines)
        yield Table(header=header, rows=_rows(lines, header, twins, findings), findings=findings)


def count_rows(path: Path, settings: TableSettings, is_known: IsKnown, *, expected: int) -> int:
    """Count rows without header, blank rows and totals; a workbook whose row tags agree with *expected* is not read cell by cell."""
    if path.suffix.lower() == ".xlsx" and _row_tags(path) - expected in (1, 2):
        return expected
    with open_table(path, settings, is_known) as table:
        return sum(1 for _ in table.rows)


# --- cells to rows


def _header(cells: Sequence[Any], findings: Counter[str]) -> tuple[tuple[str, ...], dict[int, int]]:
    """Give one distinct name for each column, and which columns repeat the header of an earlier one."""
    names: list[str] = []
    first_at: dict[str, int] = {}
    twins: dict[int, int] = {}
    for place, cell in enumerate(cells):
        name = ("" if cell is None else str(cell)).strip().strip("\ufeff") or f"column {place + 1}"
        if name in first_at:
            twins[place] = first_at[name]
            findings[f"column {name!r} comes more than once"] += 1
            name = next(f"{name} ({n})" for n in range(2, 10_000) if f"{name} ({n})" not in first_at)
        first_at[name] = place
        names.append(name)
    return tuple(names), twins


def _rows(
    lines: Iterator[Sequence[Any]], header: tuple[str, ...], twins: dict[int, int], findings: Counter[str]
) -> Iterator[dict[str, Any]]:
    waiting: Sequence[Any] | None = None      # one row behind, since only the last can be totals
    for line in lines:
        if _is_blank(line):
            continue
        if waiting is not None:
            yield _row(waiting, header, twins, findings)
        waiting = line
    if waiting is None:
        return
    if _is_totals(waiting):
        findings["row of totals left out"] += 1
    else:
        yield _row(waiting, header, twins, findings)


def _row(cells: Sequence[Any], header: tuple[str, ...], twins: dict[int, int], findings: Counter[str]) -> dict[str, Any]:
    row = dict(zip(header, cells, strict=False))
    for place, first in twins.items():
        if place < len(cells) and (cells[place] == cells[first] or _is_empty(cells[place])):
            del row[header[place]]
    if len(cells) > len(header):
        for place, cell in enumerate(cells[len(header) :], len(header) + 1):
            if not _is_empty(cell):
                row[f"column {place}"] = cell
    elif len(cells) < len(header):
        findings["rows with fewer cells than columns"] += 1
    return row


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == ""


def _is_blank(cells: Sequence[Any]) -> bool:
    return all(_is_empty(cell) or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def _is_totals(cells: Sequence[Any]) -> bool:
    filled = [cell for cell in cells if not _is_empty(cell)]
    return isinstance(filled[0], str) and len(filled) <= max(2, len(cells) // 3) and bool(_TOTALS.fullmatch(filled[0]))


# --- files to cells


@contextmanager
def _text(path: Path, settings: TableSettings, is_known: IsKnown) -> Iterator[Iterator[Sequence[Any]]]:
    encoding = detect_encoding(path) if settings.encoding == "auto" else settings.encoding
    try:
        file = path.open(encoding=encoding, newline="")
    except LookupError as error:
        raise ProtocolMismatch(f"{path.name}: unknown encoding {encoding!r}", platform="files", hint="set files.encoding") from error
    with file:
        delimiter = settings.delimiter
        try:
            head = [file.readline()]
            if head[0][:4].lower() == "sep=" and len(head[0].strip()) == 5 and head[0][4] not in _NO_DELIMITER:
                delimiter, head = head[0][4], [file.readline()]
            while sum(line.count('"') for line in head) % 2 and (more := file.readline()):      # a header with a line end inside quotes
                head.append(more)
        except UnicodeError as error:
            raise _undecodable(path, encoding) from error
        if delimiter == "auto":
            delimiter = detect_delimiter(head, is_known)
        yield ([_unguarded(cell) for cell in row] for row in csv.reader(chain(head, file), delimiter=delimiter))


@contextmanager
def _workbook(path: Path, settings: TableSettings) -> Iterator[Iterator[Sequence[Any]]]:
    # Loaded with the first workbook: the library takes as much memory as all readers of text together.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _check_size(path)
        book = load_workbook(path, read_only=True, data_only=True)
    except (*_UNREADABLE, InvalidFileException) as error:
        raise _no_workbook(path) from error
    try:
        try:
            sheet = _sheet(book, path, settings)
        except _UNREADABLE as error:
            raise _no_workbook(path) from error
        yield ([_plain(cell) for cell in row] for row in sheet.iter_rows(values_only=True))
    finally:
        book.close()


def _sheet(book: Any, path: Path, settings: TableSettings) -> Any:
    if settings.sheet and settings.sheet not in book.sheetnames:
        sheets = ", ".join(book.sheetnames)
        raise ProtocolMismatch(f"{path.name} has no sheet {settings.sheet!r}", platform="files", hint=f"it has: {sheets}")
    sheet = book[settings.sheet] if settings.sheet else book.worksheets[0]
    sheet.reset_dimensions()      # what a writer says of its own size is often wrong
    return sheet


def _no_workbook(path: Path) -> ProtocolMismatch:
    return ProtocolMismatch(f"{path.name} cannot be opened as a workbook", platform="files", hint="export it again, as .xlsx")


def _translated(cells: Iterator[Sequence[Any]], path: Path) -> Iterator[Sequence[Any]]:
    """Give foreign exceptions that come up while rows are read the form the caller knows."""
    try:
        yield from cells
    except UnicodeError as error:
        raise _undecodable(path, "its encoding") from error
    except csv.Error as error:
        raise ProtocolMismatch(f"{path.name} is not a readable table: {error}", platform="files", hint="set files.delimiter") from error
    except _UNREADABLE as error:
        raise ProtocolMismatch(f"{path.name}: its sheet cannot be read to the end", platform="files", hint="export it again") from error


def _undecodable(path: Path, encoding: str) -> ProtocolMismatch:
    return ProtocolMismatch(f"{path.name} holds bytes that are not {encoding}", platform="files", hint="set files.encoding for this stream")


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell


def _plain(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    if "_x00" in cell:
        cell = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), cell)
    return _unguarded(cell)


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > UNPACKED_CAP_BYTES:
        raise ProtocolMismatch(f"{path.name} unpacks to more than 4 GiB", platform="files", hint="export it in parts, or as CSV")


def _row_tags(path: Path) -> int:
    """Count the rows of the only sheet of a workbook by their tags; -1 when there are more sheets or it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            sheets = [name for name in archive.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name)]
            if len(sheets) != 1:
                return -1
            count, tail = 0, b""
            with archive.open(sheets[0]) as sheet:
                while piece := sheet.read(1 << 20):
                    window = tail + piece
                    count += len(_ROW_TAG.findall(window))
                    tail = window[-4:]      # a tag that the cut went through; too short to hold a whole one
            return count
    except (zipfile.BadZipFile, OSError, EOFError):
        return -1
