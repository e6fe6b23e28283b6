"""Judging a value read back, after Nutshell's own normalisation (nutshell.md 3, 4, 5.2)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers

from streamflow.model import Verdict
from streamflow.platforms.nutshell.dialect.parts import ADDRESS_PARTS, CUSTOM, LINK, phone_text
from streamflow.platforms.nutshell.dialect.records import unix

_NUMBER = re.compile(r"^-?(0|[1-9]\d*)(\.\d+)?$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$")
_SPACE = re.compile(r"[ \t\u00a0]+")
_LIST_LINKS = ("accounts", "contacts", "sources", "tags", "participants")
_CALLING_CODES = frozenset(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
_TIMES = ("startTime", "endTime", "dueTime", "createdTime")


def compare(kind: str, field: str, expected: Any, actual: Any) -> Verdict:
    """
    Say whether *actual* is *expected*: EQUAL, NORMALISED (the same to a person) or DIFFERS.

    Empty and absent are the same. Relations, addresses and numbers that hold many are NORMALISED when ours are among theirs: people
    add to them. Who asks whether two lists are the same asks both ways round. The order of lists does not count.
    """
    if _is_empty(expected) and _is_empty(actual):
        return Verdict.EQUAL
    if expected == actual and not isinstance(expected, bool):
        return Verdict.EQUAL
    if isinstance(expected, bool) or isinstance(actual, bool):
        return Verdict.EQUAL if bool(expected) == bool(actual) else Verdict.DIFFERS
    if _is_empty(expected) or _is_empty(actual):
        return Verdict.NORMALISED if _blank(expected) and _blank(actual) else Verdict.DIFFERS
    return _judge(kind, field)(expected, actual)


def _judge(kind: str, field: str) -> Callable[[Any, Any], Verdict]:
    if field in _MULTI:
        return _MULTI[field]
    if field.startswith(LINK):
        return _relation if field[len(LINK):] in _LIST_LINKS else _same_text
    if field.startswith(CUSTOM):
        return _custom
    if field in _TIMES:
        return _time
    if field == "manualValue":
        return _money
    return _text


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {} or value == ()


def _blank(value: Any) -> bool:
    return _is_empty(value) or (isinstance(value, str) and not value.strip())


def _verdict(same: bool) -> Verdict:
    return Verdict.NORMALISED if same else Verdict.DIFFERS


# --- text


def tidy(text: str) -> str:
    """Give a text with line ends, spaces and outer blank lines as they matter to nobody."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_SPACE.sub(" ", line).strip() for line in lines).strip()


def _same_text(expected: Any, actual: Any) -> Verdict:
    return _verdict(tidy(str(expected)) == tidy(str(actual)))


def _text(expected: Any, actual: Any) -> Verdict:
    want, have = tidy(str(expected)), tidy(str(actual))
    return _verdict(want == have or want == tidy(html.unescape(have)))


# --- multi-valued


def _digits(value: Any) -> str:
    return "".join(c for c in phone_text(value).partition(" x")[0] if c.isdigit())


def same_phone(one: Any, other: Any) -> bool:
    """Say whether two phones are one: the same digits, or the same but for a trunk zero, or a country code that one of them lacks."""
    a, b = _digits(one), _digits(other)
    if not a or not b:
        return phone_text(one).strip().lower() == phone_text(other).strip().lower()
    short, long = sorted((a.lstrip("0"), b.lstrip("0")), key=len)
    if short == long or len(short) < 7 or not long.endswith(short):
        return short == long
    lacks_code = not all(phone_text(each).lstrip().startswith("+") for each in (one, other))
    return lacks_code and long.removesuffix(short) in _CALLING_CODES     # anything else before it was a part of the number


def _values(items: Any) -> list[Any]:
    return [item.get("value") if isinstance(item, dict) else item for item in (items if isinstance(items, list) else [items])]


def _paired(expected: Any, actual: Any, same: Callable[[Any, Any], bool]) -> Verdict:
    """Each of ours has one of theirs to itself; what people added beside them is theirs and no difference."""
    left = _values(actual)
    for want in _values(expected):
        match = next((i for i, have in enumerate(left) if same(want, have)), None)
        if match is None:
            return Verdict.DIFFERS
        left.pop(match)
    return Verdict.NORMALISED


def _primary(items: Any) -> Any:
    marked = [item.get("value") for item in items if isinstance(item, dict) and item.get("isPrimary")] if isinstance(items, list) else []
    return marked[0] if len(marked) == 1 else None


def _ranked(expected: Any, actual: Any, same: Callable[[Any, Any], bool]) -> Verdict:
    """As paired, and the one that comes first for people is the same where both sides name one."""
    want, have = _primary(expected), _primary(actual)
    if want is not None and have is not None and not same(want, have):
        return Verdict.DIFFERS
    return _paired(expected, actual, same)


def _emails(expected: Any, actual: Any) -> Verdict:
    return _ranked(expected, actual, lambda a, b: str(a).strip().lower() == str(b).strip().lower())


def _phones(expected: Any, actual: Any) -> Verdict:
    return _ranked(expected, actual, same_phone)


def _urls(expected: Any, actual: Any) -> Verdict:
    return _paired(expected, actual, lambda a, b: str(a).strip().rstrip("/").lower() == str(b).strip().rstrip("/").lower())


def _addresses(expected: Any, actual: Any) -> Verdict:
    return _paired(expected, actual, _same_address)


def _same_address(one: Any, other: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    return all(tidy(str(one.get(part) or "")).lower() == tidy(str(other.get(part) or "")).lower() for part in ADDRESS_PARTS)


_MULTI: dict[str, Callable[[Any, Any], Verdict]] = {"emails": _emails, "phones": _phones, "urls": _urls, "addresses": _addresses}


# --- links, times, money, custom values


def _relation(expected: Any, actual: Any) -> Verdict:
    want, have = ({str(i) for i in (ids if isinstance(ids, list | tuple | set) else [ids])} for ids in (expected, actual))
    return Verdict.EQUAL if want == have else _verdict(want <= have)


def _time(expected: Any, actual: Any) -> Verdict:
    want, have = unix(expected), unix(actual)
    return _verdict(want is not None and want == have)


def _decimal(value: Any) -> Decimal | None:
    text = str(value.get("amount") if isinstance(value, dict) else value).strip()
    if not _NUMBER.match(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _money(expected: Any, actual: Any) -> Verdict:
    want, have = _decimal(expected), _decimal(actual)
    return _verdict(want is not None and want == have)


def _custom(expected: Any, actual: Any) -> Verdict:
    if isinstance(expected, list | tuple) or isinstance(actual, list | tuple):
        want = sorted(tidy(str(v)) for v in _values(list(expected) if isinstance(expected, tuple) else expected))
        have = sorted(tidy(str(v)) for v in _values(list(actual) if isinstance(actual, tuple) else actual))
        return _verdict(want == have)
    if _money(expected, actual) is Verdict.NORMALISED:
        return Verdict.NORMALISED
    want_text, have_text = str(expected).strip(), str(actual).strip()
    if _DATE.match(want_text) and _MOMENT.match(have_text):
        return _verdict(have_text[:10] == want_text)
    if (want_at := _moment(want_text)) is not None and (have_at := _moment(have_text)) is not None:
        return _verdict(want_at == have_at)
    return _text(expected, actual)


def _moment(text: str) -> datetime | None:
    """Read a moment; None for other texts, and for what looks like one and is in no calendar."""
    if not _MOMENT.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
