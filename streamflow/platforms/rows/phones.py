"""Phone numbers by region: what a spreadsheet did to them undone where that is certain, and one form in which they compare. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from streamflow.platforms.rows.values import text_of, tidy

_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?E\+?(\d{1,2})", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", " \t\u00a0()-./")
_INTERNATIONAL_ZA = re.compile(r"(?:\+|00)?27([1-9]\d{8})")
_INTERNATIONAL_US = re.compile(r"(?:\+?1)?([2-9]\d{2}[2-9]\d{6})")


def mended_phone(value: Any, region: str) -> str:
    """
    Undo what a spreadsheet does to numbers of the region where that is certain; everything else stays as it was.

    ZA: nine digits without the leading 0 get it back; eleven with 27 get their +. 8.25550142E+8 is written out, 8.2555E+8 is not: its
    last digits are gone, and a made-up number would be worse than none. US: ten digits lose nothing, so they are only written out.
    """
    text = text_of(value)
    mend = _MENDING.get(region)
    return mend(text) if mend is not None else text


def plain_phone(text: str, region: str) -> str:
    """Give a number in the form used for comparing: separators gone, those of the region with + and its country code."""
    plain = _COMPARED.get(region)
    return plain(text.translate(_SEPARATORS)) or tidy(text) if plain is not None else tidy(text)


def _mended_za(text: str) -> str:
    digits = _written_out(text.strip())
    if len(digits) == 9 and digits.isascii() and digits.isdigit() and digits[0] != "0":
        return f"0{digits}"
    if len(digits) == 11 and digits.isascii() and digits.isdigit() and digits.startswith("27"):
        return f"+{digits}"
    return text


def _mended_us(text: str) -> str:
    digits = _written_out(text.strip())
    return digits if len(digits) == 10 and digits.isascii() and digits.isdigit() else text


def _written_out(text: str) -> str:
    found = _SCIENTIFIC.fullmatch(text)
    if found is None:
        return text
    digits = found[1] + (found[2] or "")
    exponent = int(found[3])
    return digits if len(digits) == exponent + 1 else text


def _plain_za(bare: str) -> str:
    if len(bare) == 10 and bare[0] == "0" and bare.isdigit():
        return f"+27{bare[1:]}"
    found = _INTERNATIONAL_ZA.fullmatch(bare)
    return f"+27{found[1]}" if found else ""


def _plain_us(bare: str) -> str:
    found = _INTERNATIONAL_US.fullmatch(bare)
    return f"+1{found[1]}" if found else ""


_MENDING: dict[str, Callable[[str], str]] = {"ZA": _mended_za, "US": _mended_us}
_COMPARED: dict[str, Callable[[str], str]] = {"ZA": _plain_za, "US": _plain_us}
