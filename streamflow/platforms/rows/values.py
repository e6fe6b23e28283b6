"""Single values as one form: texts, ids, dates, words for nothing. Pure; used for records of both readers."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

_SERIAL_ZERO = datetime(1899, 12, 30)
_FLAGS = {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_SERIAL = re.compile(r"[1-9]\d{4}(\.\d+)?")           # 1927 to 2173, as Excel counts days


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


def is_blank(value: Any) -> bool:
    """Say whether a value says nothing: none, blanks, or nothing in it."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


def tidy(text: str) -> str:
    """Give text trimmed, in NFC and with line ends as LF: the form in which values are compared."""
    trimmed = text.strip()
    if not trimmed.isascii():
        trimmed = unicodedata.normalize("NFC", trimmed)
    return trimmed.replace("\r\n", "\n").replace("\r", "\n") if "\r" in trimmed else trimmed


def tidy_label(label: str) -> str:
    """Give a human label with single blanks and in NFC; letters and case stay."""
    return unicodedata.normalize("NFC", " ".join(label.split()))


def flag_of(text: str) -> str:
    """Give "true" or "false" for the ways to write them; "" for anything else."""
    return _FLAGS.get(text.strip().lower(), "")


def amount_of(text: str) -> str:
    """Give a decimal without marks of thousands, signs of money and idle zeros; "" for what is none."""
    bare = text.strip().replace("$", "").replace(",", "")
    if not _DECIMAL.fullmatch(bare):
        return ""
    plain = format(Decimal(bare), "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def clock_oddity(text: str, zone: ZoneInfo) -> str:
    """Give "twice" or "never" for a local "YYYY-MM-DD HH:MM:SS" that the zone's clock showed so often; "" for all others."""
    if len(text) != 19 or text.endswith(" 00:00:00"):      # days alone are never shifted
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    first, second = (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None or first == second:
        return ""
    return "twice" if first > second else "never"


def local_time(value: Any, formats: tuple[str, ...], zone: ZoneInfo, *, cut: bool = False) -> str | None:
    """
    Write a moment as local "YYYY-MM-DD HH:MM:SS", or None when it is not one.

    Takes date cells, Excel serials, ISO 8601 (with an offset: turned into *zone*) and *formats*; a plain day gets 00:00:00.
    Fractions of a second go to the nearest one, since cells of a workbook miss theirs by a hair; with *cut* they are cut off.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_serial(value)
    if isinstance(value, datetime):
        try:
            return _written(value, zone, cut=cut)
        except OverflowError:
            return None
    text = text_of(value).strip()
    try:
        moment = datetime.fromisoformat(text)
        return text if len(text) == 19 and text[10] == " " and text[4] == text[7] == "-" else _written(moment, zone, cut=cut)
    except (ValueError, OverflowError):      # in another zone the first and the last day there is are none
        pass
    for form in formats:
        try:
            return _written(datetime.strptime(text, form), zone, cut=cut)
        except (ValueError, OverflowError):
            continue
    return _from_serial(float(text)) if _SERIAL.fullmatch(text) else None


def _written(moment: datetime, zone: ZoneInfo, *, cut: bool) -> str:
    local = moment.astimezone(zone) if moment.tzinfo else moment
    if local.microsecond >= 500_000 and not cut:
        local += timedelta(seconds=1)
    return f"{local.year:04d}-{local:%m-%d %H:%M:%S}"


def _from_serial(days: float) -> str | None:
    if not 10_000 <= days < 100_000:
        return None
    return _written(_SERIAL_ZERO + timedelta(seconds=round(days * 86_400)), ZoneInfo("UTC"), cut=True)
