"""Typed values: what a text must look like to enter a date, number, money, choice or text field, and what it then is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from streamflow.mapping.dates import FAR_HINT, is_implausible, read_date
from streamflow.mapping.text import fold, literal, plain, squeeze

TEXT_MAX_CHARS: Final = 255
FAMILIES: Final = ("text", "long", "choice", "date", "money", "number")
THOUSANDS_MARKS: Final = ("", ",", ".", " ", "'")
"""What may part thousands; "": not known."""
ROUNDED: Final = "rounded_money"
"""Cause of an amount that is written to the cent and stands as text besides."""
NULL_WORDS: Final = frozenset({"null", "undefined", "none", "n/a", "-"})
"""Words that mean "nothing" in structured fields."""

_LONGEST_NULL: Final = 16  # with the blanks people put around such a word
_CURRENCIES: Final = {"r": "ZAR", "zar": "ZAR", "$": "USD", "us$": "USD", "usd": "USD", "€": "EUR", "eur": "EUR", "£": "GBP", "gbp": "GBP"}
_MONEY: Final = re.compile(r"(-)?\s*(US\$|[$€£]|R|ZAR|USD|EUR|GBP)?\s*(-)?\s*(\d[\d\s ,.']*?)\s*(ZAR|USD|EUR|GBP)?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[-+]?\d[\d\s ,.']*")
_THOUSANDS: Final = re.compile(r"\d{1,3}([ ,.' ])\d{3}(?:\1\d{3})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A value read for a typed field: a value, or the cause why there is none. Both may be set: written, and worth a look."""

    value: str | None = None
    cause: str = ""
    hint: str = ""


ReadValue: TypeAlias = Callable[[str], Read]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a source writes what can be read in more than one way; nothing said means that it is refused instead of guessed."""

    currency: str = ""  # of amounts that name none
    date_order: str = ""  # "day" | "month"
    thousands: str = ""  # one of THOUSANDS_MARKS
    rounds: bool = False  # amounts with more than two decimals are rounded and told, and not refused

    def of_row(self, params: Mapping[str, Any]) -> Ways:
        """Give the ways of one field, where its row says otherwise than the map."""
        said = {name: str(params[name]) for name in ("currency", "date_order", "thousands") if name in params}
        return replace(self, rounds=bool(params.get("rounds", self.rounds)), **said)


UNKNOWN_WAYS: Final = Ways()


def reader_for(family: str, params: Mapping[str, Any], ways: Ways = UNKNOWN_WAYS) -> ReadValue:
    """
    Give the reader of a field family. Raises KeyError for an unknown family.

    *params* of the row: choices (list of text), and what it says otherwise than *ways* (currency, date_order, thousands, rounds).
    """
    choices = tuple(str(choice) for choice in params.get("choices", ()))
    ways = ways.of_row(params)
    table: dict[str, ReadValue] = {
        "text": _read_text,
        "long": lambda text: Read(value=plain(text).strip()),
        "date": lambda text: _read_day(text, ways.date_order),
        "number": lambda text: _read_number(text, ways.thousands),
        "money": lambda text: _read_money(text, ways),
        "choice": _choice_reader(choices),
    }
    return table[family]


def is_empty(value: object) -> bool:
    """Say whether a structured value holds nothing: missing, blank, or a word that stands for nothing."""
    if isinstance(value, str):
        if len(value) > _LONGEST_NULL and not value.isspace():
            return False
        bare = value.strip()
        return not bare or bare.lower() in NULL_WORDS
    if value is None:
        return True
    return value in ([], {})


def field_of(data: Mapping[str, Any], name: str) -> Any:
    """Give what a record holds in a field, by the name it has in a map ("email", "custom:Surname"); None where it has no such field."""
    return (data.get("custom") or {}).get(name.removeprefix("custom:")) if name.startswith("custom:") else data.get(name)


def as_text(value: object) -> str:
    """Give a value as people can read it: tables and lists as lines, anything else as it stands."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {as_text(each)}" for name, each in value.items() if not is_empty(each))
    if isinstance(value, (list, tuple)):
        return "\n".join(as_text(each) for each in value if not is_empty(each))
    return str(value)


def as_line(value: object, family: str = "") -> str:
    """
    Give a value as the text of a labelled line.

    HTML is what the map calls a long text, and without a family ("") what fills several lines or is too long for one; a value of one
    line is kept to the character.
    """
    text = as_text(value)
    shown = plain(text).strip()
    is_free = family == "long" or (not family and ("\n" in shown or len(text) > TEXT_MAX_CHARS))
    return shown if is_free else literal(text).strip()


def decimal_of(text: str, thousands: str = "") -> Decimal | None:
    """
    Read a number with blanks, points or commas as thousands marks and either as decimal mark; None when that is not sure.

    "1,234" is one thousand and more only where *thousands* is the comma, one and a bit where it is another mark, and else nothing.
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    sign = -1 if text.startswith("-") else 1
    digits = re.sub(r"[\s ']", "" if _is_grouped(text.lstrip("+-")) else "x", text.lstrip("+-"))
    commas, points = digits.count(","), digits.count(".")
    if commas and points:
        mark, other = (",", ".") if digits.rfind(",") > digits.rfind(".") else (".", ",")
        whole, _, fraction = digits.rpartition(mark)
        if mark in whole or not _THOUSANDS.fullmatch(whole):
            return None
        digits = f"{whole.replace(other, '')}.{fraction}"
    elif commas > 1 or points > 1:
        if not _THOUSANDS.fullmatch(digits):
            return None
        digits = digits.replace(",", "").replace(".", "")
    elif commas or points:
        if (single := _single_mark(digits, "," if commas else ".", thousands)) is None:
            return None
        digits = single
    try:
        return sign * Decimal(digits)
    except InvalidOperation:
        return None


def _single_mark(digits: str, mark: str, thousands: str) -> str | None:
    """Settle what a single comma or point means; a comma before three digits is not ours to say unless the map says it."""
    is_group = _THOUSANDS.fullmatch(digits) is not None
    if mark == thousands:
        return digits.replace(mark, "") if is_group else None
    if is_group and mark == "," and not thousands:
        return None
    return digits.replace(mark, ".")


def _is_grouped(text: str) -> bool:
    """Say whether blanks stand only where thousands are parted: "12 500.00", not "12 5"."""
    whole = re.split(r"[.,](?=\d{1,2}$)", text, maxsplit=1)[0]
    return bool(re.fullmatch(r"\d+|\d{1,3}(?:[\s ',.]\d{3})+", whole)) or not re.search(r"[\s ']", text)


def _read_text(text: str) -> Read:
    value = literal(text).strip()
    if "\n" in value or len(value) > TEXT_MAX_CHARS:
        return Read(cause="too_long", hint="make the field a long text in the map")
    return Read(value=value)


def _read_day(text: str, order: str) -> Read:
    if (day := read_date(text, order)) is None:
        forms = {"day": "YYYY-MM-DD or DD/MM/YYYY", "month": "YYYY-MM-DD or MM/DD/YYYY"}.get(order, "YYYY-MM-DD")
        return Read(cause="bad_date", hint=f"correct the date in the source ({forms}), or make the field a text in the map")
    if is_implausible(day):
        return Read(value=day, cause="implausible_date", hint=FAR_HINT)
    return Read(value=day)


def _read_number(text: str, thousands: str) -> Read:
    if (number := decimal_of(text, thousands)) is None:
        return Read(cause="bad_number", hint="correct the number in the source, or make the field a text in the map")
    return Read(value=_shown(number))


def _read_money(text: str, ways: Ways) -> Read:
    match = _MONEY.fullmatch(squeeze(text))
    amount = decimal_of(match[4], ways.thousands) if match else None
    if match is None or amount is None:
        return Read(cause="bad_money", hint="correct the amount in the source, or make the field a text in the map")
    named = _CURRENCIES.get((match[2] or match[5] or "").lower(), ways.currency)
    if named != ways.currency:
        return Read(cause="foreign_currency", hint=f"the account holds {ways.currency}; the amount in {named} is kept as text")
    if match[1] or match[3]:
        amount = -amount
    whole = amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) + 0  # no minus before nothing
    if amount == whole:
        return Read(value=f"{whole:.2f}")
    if ways.rounds:
        return Read(value=f"{whole:.2f}", cause=ROUNDED, hint="the destination holds cents; the exact amount is kept as text")
    return Read(cause="bad_money", hint="more than two decimals; kept as text")


def _choice_reader(choices: tuple[str, ...]) -> ReadValue:
    exact = frozenset(choices)
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(fold(choice), choice)

    def read(text: str) -> Read:
        text = squeeze(text)
        if text in exact:
            return Read(value=text)
        if (found := folded.get(fold(text))) is not None:
            return Read(value=found)
        return Read(cause="unknown_choice", hint="add the option to the field in the destination and to the map, or make the field a text")

    return read


def _shown(number: Decimal) -> str:
    shown = f"{number:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
