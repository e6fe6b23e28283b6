"""Postal addresses written on one line, taken apart only as far as it is sure."""

from __future__ import annotations

import re
from typing import Any, Final

from streamflow.mapping.text import squeeze

_CODE: Final = {"ZA": re.compile(r"\d{4}"), "US": re.compile(r"[A-Z]{2}\s+\d{5}(?:-\d{4})?|\d{5}(?:-\d{4})?")}
_ANY_CODE: Final = re.compile(r"\d{4,6}")
_COUNTRIES: Final = {
    "south africa": "ZA",
    "suid-afrika": "ZA",
    "rsa": "ZA",
    "namibia": "NA",
    "botswana": "BW",
    "usa": "US",
    "united states": "US",
}
_TOWN: Final = re.compile(r"[^\W\d_][^\d]*")
PARTS: Final = {
    "line1": "address_1",
    "line2": "address_2",
    "line3": "address_3",
    "city": "city",
    "state": "state",
    "code": "postalCode",
    "country": "country",
}
"""Parts that a source keeps in fields of their own, and what they are called in the destination."""
_MAX_LINES: Final = 3


def read_address(text: str, region: str) -> dict[str, str]:
    """
    Give the parts of an address ("14 Loop St, Cape Town, 8001"): address_1 to 3, city, postalCode, country.

    Only "<street lines>, <town>, <code>[, <country>]" and "<street>, <town> <code>" are taken apart; anything else goes whole into
    address_1, on one line, so that nothing is guessed and nothing lost. Empty text gives no parts.
    """
    whole = squeeze(text.replace("\n", ", ").replace(",,", ","))
    whole = re.sub(r"(?:\s*,)+", ",", whole).strip(" ,")
    if not whole:
        return {}
    parts = [part.strip() for part in whole.split(",") if part.strip()]
    country = _COUNTRIES.get(parts[-1].lower(), "") if len(parts) > 1 else ""
    body = parts[:-1] if country else parts
    code_form = _CODE.get(country or region, _ANY_CODE)
    found = _town_and_code(body, code_form)
    if found is None:
        return {"address_1": ", ".join(parts)}
    lines, town, code = found
    address = {f"address_{place}": line for place, line in enumerate(lines, 1)}
    return {**address, "city": town, "postalCode": code, **({"country": country} if country else {})}


def as_fields(parts: dict[str, str]) -> list[dict[str, Any]]:
    """Give the flat form of one address."""
    return [{"name": "main", "isPrimary": True, "value": parts}] if parts else []


def _town_and_code(parts: list[str], code_form: re.Pattern[str]) -> tuple[list[str], str, str] | None:
    if len(parts) >= 3 and code_form.fullmatch(parts[-1]):
        lines, town, code = parts[:-2], parts[-2], parts[-1]
    elif len(parts) >= 2 and (split := parts[-1].rpartition(" "))[1] and code_form.fullmatch(split[2]):
        lines, town, code = parts[:-1], split[0], split[2]
    else:
        return None
    return (lines, town, code) if len(lines) <= _MAX_LINES and _TOWN.fullmatch(town) else None
