"""Single values as one form: texts, ids, dates, phones, words for nothing. Pure; used for records of both readers."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_SERIAL_ZERO = datetime(1899, 12, 30)
_SERIAL = re.compile(r"[1-9]\d{4}(\.\d+)?")           # 1927 to 2173, as Excel counts days
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?E\+?(\d{1,2})", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", " \t\u00a0()-./")
_INTERNATIONAL_ZA = re.compile(r"(?:\+|00)?27([1-9]\d{8})")


def text_of(value: Any) -> str:
    """Write a scalar as text: whole floats without a fraction, booleans as true and false, moments as local text, None as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        midnight = value.hour == value.minute == value.second == 0
        return value.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else str(value)


def tidy(text: str) -> str:
    """Give text trimmed, in NFC and with line ends as LF: the form in which values are compared."""
    trimmed = text.strip()
    if not trimmed.isascii():
        trimmed = unicodedata.normalize("NFC", trimmed)
    return trimmed.replace("\r\n", "\n").replace("\r", "\n") if "\r" in trimmed else trimmed


def tidy_label(label: str) -> str:
    """Give a human label with single blanks and in NFC; letters and case stay."""
    return unicodedata.normalize("NFC", " ".join(label.split()))


def local_time(value: Any, formats: tuple[str, ...], zone: ZoneInfo) -> str | None:
    """
    Write a moment as local "YYYY-MM-DD HH:MM:SS", or None when it is not one.

    Takes date cells, Excel serials, ISO 8601 (with an offset: turned into *zone*) and *formats*; a plain day gets 00:00:00.
    """
    if isinstance(value, datetime):
        return _written(value, zone)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_serial(float(value))
    text = text_of(value).strip()
    try:
        moment = datetime.fromisoformat(text)
        return text if len(text) == 19 and text[10] == " " and text[4] == text[7] == "-" else _written(moment, zone)
    except ValueError:
        pass
    for form in formats:
        try:
            return _written(datetime.strptime(text, form), zone)
        except ValueError:
            continue
    return _from_serial(float(text)) if _SERIAL.fullmatch(text) else None


def _written(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone) if moment.tzinfo else moment
    if local.microsecond >= 500_000:      # date cells of a workbook miss the second by a hair
        local += timedelta(seconds=1)
    return f"{local.year:04d}-{local:%m-%d %H:%M:%S}"


def _from_serial(days: float) -> str | None:
    if not 10_000 <= days < 100_000:
        return None
    return _written(_SERIAL_ZERO + timedelta(seconds=round(days * 86_400)), ZoneInfo("UTC"))


def mended_phone(value: Any, region: str) -> str:
    """
    Undo what a spreadsheet does to South African numbers where that is certain; everything else stays as it was.

    Nine digits without the leading 0 get it back; eleven with 27 get their +. 8.25550142E+8 is written out, 8.2555E+8 is not:
    its last digits are gone, and a made-up number would be worse than none.
    """
    text = text_of(value)
    if region != "ZA":
        return text
    digits = _written_out(text.strip())
    if len(digits) == 9 and digits.isascii() and digits.isdigit() and digits[0] != "0":
        return f"0{digits}"
    if len(digits) == 11 and digits.isascii() and digits.isdigit() and digits.startswith("27"):
        return f"+{digits}"
    return text


def _written_out(text: str) -> str:
    found = _SCIENTIFIC.fullmatch(text)
    if found is None:
        return text
    digits = found[1] + (found[2] or "")
    exponent = int(found[3])
    return digits if len(digits) == exponent + 1 else text


def plain_phone(text: str) -> str:
    """Give a number in the form used for comparing: separators gone, South African ones as +27 and nine digits."""
    bare = text.translate(_SEPARATORS)
    if len(bare) == 10 and bare[0] == "0" and bare.isdigit():
        return f"+27{bare[1:]}"
    found = _INTERNATIONAL_ZA.fullmatch(bare)
    return f"+27{found[1]}" if found else tidy(text)
