"""Multi-valued parts of people and companies: e-mails, phones, URLs, addresses (nutshell.md 3)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import phonenumbers

from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.site import Site

ADDRESS_PARTS = ("address_1", "address_2", "address_3", "city", "state", "postalCode", "country", "timezone")
MULTI = ("emails", "phones", "urls", "addresses")
_DEFAULT_LABEL = {"emails": "email", "phones": "phone", "urls": "url", "addresses": "address"}


def read_multi(site: Site, field: str, value: Any, *, patching: bool) -> list[dict[str, Any]]:
    """Return the stored form of a multi-valued field, exactly one item primary.

    On PATCH each e-mail and phone must carry its label `name` (nutshell.md 1.11). Raises a 400 for other shapes.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"{field} must be an array.", field=field)
    items = [x for x in (_read_item(site, field, item, patching) for item in value) if x is not None]
    marked = [i for i, x in enumerate(items) if x["isPrimary"]]
    for i, item in enumerate(items):
        item["isPrimary"] = i == (marked[0] if marked else 0)
    return items


def _read_item(site: Site, field: str, item: Any, patching: bool) -> dict[str, Any] | None:
    if not isinstance(item, dict):
        raise invalid(f"Each of {field} must be an object.", field=field)
    label = item.get("name")
    if patching and field in ("emails", "phones") and not label:
        raise invalid(f"Each of {field} must have a name.", field=field)
    if "value" not in item:
        raise invalid(f"Each of {field} must have a value.", field=field)
    read = {"emails": _email, "phones": _phone, "urls": _url, "addresses": _address}[field]
    value = read(site, item["value"])
    if value is None:
        return None
    return {"isPrimary": bool(item.get("isPrimary")), "name": str(label or _DEFAULT_LABEL[field]), "value": value}


def _email(site: Site, value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip():
        raise invalid("An email value must be a string.", field="emails")
    if "@" not in value:
        check = site.switches["email_check"]
        if check == "refused":
            raise invalid("Invalid email address", detail="The value is not an e-mail address.", field="emails")
        if check == "dropped":
            return None
    return value.strip()


def _url(site: Site, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid("A url value must be a string.", field="urls")
    return value


def _address(site: Site, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid("An address value must be an object.", field="addresses")
    parts: dict[str, Any] = {part: value.get(part) or None for part in ADDRESS_PARTS}
    return {**parts, "location": None, "locationAccuracy": None}


def _phone(site: Site, value: Any) -> dict[str, Any]:
    form = site.switches["phone_value_form"]
    if isinstance(value, dict) and form in ("object", "both"):
        text, extension = str(value.get("number") or value.get("E164") or ""), value.get("extension")
    elif isinstance(value, str) and form in ("string", "both"):
        text, extension = value, None
    else:
        raise invalid("Invalid phone value", field="phones")
    parsed = dict(parse_phone(text, site.switches["phone_country"] or site.instance["country"]))
    if extension:
        parsed["extension"] = str(extension)
    return parsed


@lru_cache(maxsize=4096)
def parse_phone(text: str, country: str) -> dict[str, Any]:
    """Return Nutshell's phone object for a text; what cannot be parsed is kept as typed, without E164."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        digits = "".join(c for c in text if c.isdigit())
        return {
            "countryCode": None, "number": digits or text, "extension": None,
            "numberFormatted": text, "E164": None, "countryCodeAndNumber": text,
        }  # fmt: skip
    national = phonenumbers.national_significant_number(number)
    shown = f"{national[:3]}-{national[3:6]}-{national[6:]}" if number.country_code == 1 else national
    return {
        "countryCode": str(number.country_code),
        "number": national,
        "extension": number.extension or None,
        "numberFormatted": shown,
        "E164": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        "countryCodeAndNumber": f"+{number.country_code} {shown}",
    }
