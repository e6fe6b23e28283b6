"""The dialects of export files: encodings, delimiters, dates, and what Excel does to cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

Form = Literal["csv", "xlsx"]
Encoding = Literal["utf-8", "utf-8-sig", "utf-16", "cp1252"]
Dates = Literal["iso", "day_first", "serial", "cell"]
Phones = Literal["text", "number", "scientific"]
Value = str | int | float | datetime

DATE_COLUMNS: Final = frozenset({"created", "updated", "sent", "due"})
PHONE_COLUMNS: Final = frozenset({"number"})
XLSX_CELL_CHARS: Final = 32_767
"""The most that a cell of a workbook holds; Excel drops the rest without a word, and so does this writer."""

_LOOKS_NUMERIC: Final = re.compile(r"\+?\d{6,15}")
_GUARDED: Final = ("=", "+", "-", "@", "\t")
_SERIAL_ZERO: Final = datetime(1899, 12, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How the files of one snapshot are written; the default is clean UTF-8 with ISO dates.

    Args:
        encoding: Of CSV; cp1252 turns what it has no letter for into question marks. Workbooks are always Unicode.
        delimiter: Of CSV.
        dates: `iso`; `day_first` (DD/MM/YYYY HH:MM, seconds lost); `serial` (Excel's number of days); `cell` (a true
            date cell in a workbook, `iso` in CSV). For the four date columns, never for custom fields.
        phones: `text`; `number` (digits alone are taken as a number: the leading 0 and the + are lost); `scientific`
            (as number, and shown in CSV as 8.2555E+8, which loses digits; a float in a workbook). Numbers with blanks
            or brackets stay text, as in Excel.
        formula_guard: Put an apostrophe before values that begin like a formula; the + of phones included.
        totals_row: End each file with a row "Total", row count; the manifest does not count it.
        renamed_headers: Canonical column to the header written in its place.
        duplicated_headers: Columns written a second time, at the end, under the same header.
    """

    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t"] = ","
    dates: Dates = "iso"
    phones: Phones = "text"
    formula_guard: bool = False
    totals_row: bool = False
    renamed_headers: Mapping[str, str] = field(default_factory=dict)
    duplicated_headers: tuple[str, ...] = ()


EXCEL_ZA: Final = Dialect(
    encoding="cp1252", delimiter=";", dates="day_first", phones="number", formula_guard=True, totals_row=True,
    renamed_headers={"leadid": "Lead ID", "number": "Contact Number", "owner_email": "Owner Email"},
    duplicated_headers=("email",),
)  # fmt: skip
"""A file that went through a South African Excel: every damage at once that still leaves it readable."""


def cell(column: str, text: str, form: Form, dialect: Dialect) -> Value:
    """Give a value as the dialect writes it in *column*."""
    if column in DATE_COLUMNS and text:
        return _date(text, form, dialect.dates)
    if column in PHONE_COLUMNS and dialect.phones != "text" and _LOOKS_NUMERIC.fullmatch(text):
        return _number(int(text), form, dialect.phones)
    if dialect.formula_guard and text.startswith(_GUARDED):
        return f"'{text}"
    return text


def _number(number: int, form: Form, phones: Phones) -> Value:
    if phones == "number":
        return number
    if form == "xlsx":
        return float(number)
    mantissa, exponent = f"{number:.4E}".split("E+")
    return f"{mantissa}E+{int(exponent)}"


def _date(text: str, form: Form, dates: Dates) -> Value:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if dates == "day_first":
        return f"{moment:%d/%m/%Y %H:%M}"
    if dates == "serial":
        # ten digits hold a second (1.2e-5 days) with room to spare, and are what Excel itself keeps
        return round((moment - _SERIAL_ZERO) / timedelta(days=1), 10)
    return moment if dates == "cell" and form == "xlsx" else text
