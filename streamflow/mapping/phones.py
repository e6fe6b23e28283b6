"""Phone numbers: parsed for a home region, kept raw when they cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from streamflow.mapping.text import squeeze, tidy
from streamflow.mapping.values import is_empty

_SEVERAL: Final = re.compile(r"\s*(?:[/;|\n]|,|\bor\b|\bof\b)\s*", re.IGNORECASE)
_NOISE: Final = str.maketrans("", "", " -()\u00a0.\t")
_ZA: Final = re.compile(r"(?:0|\+27|\+270|0027)(?:((?:[67]\d|8[1-4])\d{7})|(?:1[0-8]|2[1-378]|3[1-69]|4\d|5[1346-8])\d{7})")
"""South African numbers that need no library: mobile, or geographic; nine digits after the 0."""
_ZA_COUNTRY: Final = 27
_ZA_DIGITS: Final = 9
_SCIENTIFIC: Final = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_NUMBER_KEYS: Final = ("raw", "phone", "number", "value")
_MOBILE_TYPES: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One number as understood."""

    value: str  # E.164
    label: str  # mobile | work
    extension: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phones:
    """What a phone cell held."""

    valid: tuple[Phone, ...] = ()
    unparsable: tuple[str, ...] = ()  # raw, never dropped


def read_phones(cell: str, region: str) -> Phones:
    """Find every number of a cell; what is no possible number in the home *region* ("ZA") is given back raw."""
    cell = cell.strip()
    if not cell:
        return Phones()
    if (whole := _read(cell, region)) is not None:
        return Phones(valid=(whole,))
    parts = [part for part in _SEVERAL.split(cell) if part]
    valid: dict[str, Phone] = {}
    raw: list[str] = []
    for part in parts if len(parts) > 1 else ():
        if (phone := _read(part, region)) is None:
            raw.append(part)
        else:
            valid.setdefault(phone.value, phone)
    return Phones(valid=tuple(valid.values()), unparsable=tuple(raw)) if valid else Phones(unparsable=(cell,))


def labelled(value: Any, stem: str) -> list[tuple[str, str]]:
    """Give (label, number as written) of every number: a list of tables, of texts, or one text; the sort of number follows its label."""
    found: list[tuple[str, str]] = []
    for item in value if isinstance(value, list) else [value]:
        table = item if isinstance(item, Mapping) else {"raw": item}
        number = next((str(table[name]) for name in _NUMBER_KEYS if not is_empty(table.get(name))), "")
        if number:
            label = str(table.get("label") or f"{stem}{len(found) + 1}")
            sort = squeeze(str(table.get("type") or ""))
            found.append((f"{label} ({sort})" if sort else label, squeeze(tidy(number))))
    return found


def as_fields(phones: Phones) -> list[dict[str, Any]]:
    """Give the flat form: E.164 values first, then what could not be parsed as "other"; the first parsed one is primary."""
    found = [{"name": phone.label, "value": phone.value, "isPrimary": place == 0} for place, phone in enumerate(phones.valid)]
    return found + [{"name": "other", "value": raw, "isPrimary": False} for raw in phones.unparsable]


def _read(text: str, region: str) -> Phone | None:
    if region == "ZA" and (quick := _read_za(text)) is not None:
        return quick
    if _SCIENTIFIC.fullmatch(text):  # a spreadsheet has rounded it: the digits shown are not the number
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or _is_cut_short(number):
        return None
    label = "mobile" if phonenumbers.number_type(number) in _MOBILE_TYPES else "work"
    return Phone(value=phonenumbers.format_number(number, PhoneNumberFormat.E164), label=label, extension=number.extension or "")


def _read_za(text: str) -> Phone | None:
    """Read the common South African forms without the library, which takes fifty times as long; anything unusual is left to it."""
    digits = text.translate(_NOISE)
    if (match := _ZA.fullmatch(digits)) is None:
        return None
    national = digits[-_ZA_DIGITS:]
    if match[1] is None and "49" in national[:6]:  # islands of mobile numbers inside geographic ranges
        return None
    return Phone(value=f"+27{national}", label="mobile" if match[1] else "work")


def _is_cut_short(number: phonenumbers.PhoneNumber) -> bool:
    """The library lets short test numbers of mobile ranges pass ("082 555"), which nobody can be reached at."""
    return number.country_code == _ZA_COUNTRY and len(str(number.national_number)) < _ZA_DIGITS
