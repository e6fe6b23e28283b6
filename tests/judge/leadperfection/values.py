"""How values of this pair are judged to be the same: the tenant's clock, dates month first, dollars, flags, names, joined texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

import phonenumbers

from tests.judge import texts

REGION = "US"
PLACEHOLDERS = frozenset({"noemail", "none", "no", "na", "unknown", "noreply"})
"""Mailboxes that mean that there is none: who shares one of them shares nothing."""
STATES = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX "
    "UT VT VA WA WV WI WY DC PR VI GU AS MP".split()
)
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_YES_NO: Mapping[str, str] = {"y": "yes", "n": "no", "true": "yes", "false": "no"}
_OFFICE = re.compile(r"\s+-\s+OFFICE\s*$", re.IGNORECASE)


def clock(local: object) -> str:
    """Give a moment of the tenant as "YYYY-MM-DD HH:MM:SS", fractions cut."""
    return str(local).replace("T", " ")[:19]


def instant(local: object, zone: str) -> int:
    """Give Unix seconds of a moment of the tenant: of one that the clock had twice the first (lead-perfection.md 1.7)."""
    return int(datetime.fromisoformat(clock(local)).replace(tzinfo=ZoneInfo(zone), fold=0).timestamp())


def is_odd(local: object, zone: str) -> bool:
    """Say whether the tenant's clock had this moment twice, or not at all."""
    moment = datetime.fromisoformat(clock(local))
    tz = ZoneInfo(zone)
    twice = moment.replace(tzinfo=tz, fold=0).utcoffset() != moment.replace(tzinfo=tz, fold=1).utcoffset()
    back = moment.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None)
    return twice or back != moment


def day(value: object) -> date | None:
    """Give the day a text means, month first."""
    text = str(value or "").strip()
    for form in _DAYS:
        try:
            return datetime.strptime(text[:19], form).date()
        except ValueError:
            continue
    return None


def amount(value: object) -> Decimal | None:
    """Give an amount in dollars."""
    try:
        found = Decimal(re.sub(r"^(-?)\$\s*|,|^usd\s*", r"\1", str(value if value is not None else "").strip().lower()))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def same(one: object, other: object) -> bool:
    """Say whether two written values mean the same: as text, as yes or no, as a day, or as an amount to the cent."""
    if isinstance(other, list):
        return any(same(one, each) for each in other)
    first, second = texts.squeeze(str(one)), texts.squeeze(str(other))
    if _YES_NO.get(first, first) == _YES_NO.get(second, second):
        return True
    if (wanted := day(first)) is not None:
        return wanted == day(second)
    if (money := amount(first)) is not None and (held := amount(second)) is not None:
        return money == held or money.quantize(Decimal("0.01")) == held
    return False


def phone(text: object) -> str | None:
    """Give a number as digits with country code; None when it cannot be read as one."""
    return texts.phone(text, REGION)


def is_sure(text: object) -> bool:
    """Say whether a written number is beyond doubt one that can be called."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(str(text or ""), REGION))
    except phonenumbers.NumberParseException:
        return False


def bare_digits(text: object) -> str:
    """Give the digits of a number without country code."""
    found = texts.digits(text)
    return found[1:] if len(found) == 11 and found.startswith("1") else found


def person_name(row: Mapping[str, object]) -> list[str]:
    """Give the words of a prospect's name, first name first."""
    return texts.name_parts(texts.present(row.get("firstname")), texts.present(row.get("lastname")))


def rep_name(text: object) -> frozenset[str]:
    """Give the words of a rep's name, however it is written: "Last, First", "First Last", "Last, First - OFFICE"."""
    return frozenset(texts.words(_OFFICE.sub("", str(text or ""))))


def is_placeholder(mail: str) -> bool:
    """Say whether an address stands for "there is none"."""
    return mail.partition("@")[0] in PLACEHOLDERS


def split_pair(held: str, sign: str = "|") -> tuple[str, str]:
    """Split "source | sub-source" where the sign is not escaped by a backslash, and give both as they were."""
    parts = re.split(rf"(?<!\\)((?:\\\\)*){re.escape(sign)}", held, maxsplit=1)
    one, other = (parts[0] + parts[1], parts[2]) if len(parts) == 3 else (held, "")
    return _unescaped(one).strip(), _unescaped(other).strip()


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
