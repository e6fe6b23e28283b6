"""Times of the source: local clock texts made into instants, with a mark where the clock shows an hour twice or never."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
DATE_ORDERS: Final = ("day", "month", "")
"""Which comes first in 8/7/2026; "": not known."""
FAR_HINT: Final = "written as it stands; correct it in the source if it is a filler"
FOLD_HINT: Final = "the clock shows this time twice or never; the first reading is taken"
"""What is told of days that are far off, and of times with a mark."""
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?")
_MONTH_FIRST: Final = re.compile(r"(\d{1,2})([-/])(\d{1,2})\2(\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?)?")
_NAMED: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[- ]([A-Za-z]{3,9})\.?,?[- ](\d{4})")
_MONTH_NAMED: Final = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR: Final = 1990
_YEARS_AHEAD: Final = 5
_LAST_YEAR: Final = 9999
_NO_YEAR_S: Final = 2**37  # about the year 6300: no clock says that, so none was given
_DURATION: Final = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant as its source showed it."""

    local: datetime  # aware, in the source's zone
    unix_s: int
    mark: str = ""  # "ambiguous": the clock showed it twice, the first is taken; "nonexistent": it never did

    def header(self) -> str:
        """Write it with its zone, to the second, and with its mark: "2026-05-12 08:05:00 +02:00", "… (ambiguous)"."""
        offset = self.local.strftime("%z")
        return f"{self.local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}" + (f" ({self.mark})" if self.mark else "")

    def iso(self) -> str:
        """Write it as ISO 8601 with its zone: "2026-05-12T08:05:00+02:00"."""
        return self.local.isoformat()


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Give a zone by its IANA name; raises ZoneInfoNotFoundError (a KeyError) or ValueError for what is none."""
    return ZoneInfo(name)


@lru_cache(maxsize=1024)  # several rows ask for the same time of a record
def read_moment(text: str, zone: ZoneInfo) -> Moment | None:
    """Read "YYYY-MM-DD[ HH:MM[:SS]]" in the source's zone, or an ISO text with an offset of its own; None when it is neither."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if local.tzinfo is not None:
        return Moment(local=local, unix_s=int(local.timestamp())) if local.year > 1 else None
    if not 1 < local.year < 9999:
        return None
    early = local.replace(tzinfo=zone, fold=0)
    before, after = early.utcoffset(), early.replace(fold=1).utcoffset()
    mark = "" if before == after else ("ambiguous" if (before or timedelta()) > (after or timedelta()) else "nonexistent")
    return Moment(local=early, unix_s=int(early.timestamp()), mark=mark)


def read_date(text: str, order: str) -> str | None:
    """
    Read a calendar day as "YYYY-MM-DD"; None when it is no such day.

    *order* says which comes first where the year comes last: "day", "month", or "" for not known. A day that can be read both ways is
    then none at all; nothing but the order decides between 8 July and August 7th.
    """
    text = text.strip()
    if match := _ISO.fullmatch(text):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if (match := _NAMED.fullmatch(text)) and match[2][:3].lower() in _MONTHS:
        return _day(int(match[3]), _MONTHS.index(match[2][:3].lower()) + 1, int(match[1]))
    found = {day for day in (_day_first(text) if order != "month" else None, _month_first(text) if order != "day" else None) if day}
    return found.pop() if len(found) == 1 else None


def is_far(day: str, now_s: int) -> bool:
    """Say whether a day is outside 1990 to five years from *now_s*: a typing error or a filler in the data of a running business."""
    last = _YEARS_AHEAD + datetime.fromtimestamp(now_s, UTC).year if now_s < _NO_YEAR_S else _LAST_YEAR
    return not _FIRST_YEAR <= int(day[:4]) <= last


def is_implausible(day: str) -> bool:
    """Say whether a day looks like a filler ("1900-01-01", "2099-12-31") rather than a date somebody meant."""
    return not "1905" <= day[:4] <= "2090"


def read_duration_s(text: str) -> int | None:
    """Read "HH:MM:SS", "MM:SS" or whole seconds; None when it is none of them."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        return int(text)
    if (match := _DURATION.fullmatch(text)) and int(match[3]) < 60 and (match[1] is None or int(match[2]) < 60):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3])
    return None


def _day_first(text: str) -> str | None:
    match = _DAY_FIRST.fullmatch(text)
    return _day(int(match[3]), int(match[2]), int(match[1])) if match else None


def _month_first(text: str) -> str | None:
    if match := _MONTH_FIRST.fullmatch(text):
        return _day(int(match[4]), int(match[1]), int(match[3]))
    if (match := _MONTH_NAMED.fullmatch(text)) and match[1][:3].lower() in _MONTHS:
        return _day(int(match[3]), _MONTHS.index(match[1][:3].lower()) + 1, int(match[2]))
    return None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
