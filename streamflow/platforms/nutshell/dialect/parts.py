"""The parts records share: e-mails, phones, URLs, addresses, custom values, links; both ways (nutshell.md 3, 5.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamflow.errors import InvariantBroken
from streamflow.model import Fields
from streamflow.platforms.nutshell.flags import Flags

ADDRESS_PARTS = ("address_1", "address_2", "address_3", "city", "state", "postalCode", "country")
MULTI = ("emails", "phones", "urls", "addresses")
_LABELS = {"emails": "email", "phones": "phone", "urls": "url", "addresses": "address"}
CUSTOM = "custom:"
LINK = "link:"


def multi_to_wire(name: str, items: Iterable[dict[str, Any]] | None, flags: Flags) -> list[dict[str, Any]]:
    """Give a multi-valued field as it is written; every item carries a label, which PATCH insists on (1.11)."""
    made = []
    for item in items or ():
        value = item["value"]
        if name == "phones" and flags.phone_value_form == "object":
            value = {"number": value}
        elif name == "addresses":
            value = {part: value[part] for part in ADDRESS_PARTS if value.get(part)}
        made.append({"isPrimary": bool(item.get("isPrimary")), "name": item.get("name") or _LABELS[name], "value": value})
    return made


def multi_from_wire(name: str, items: Any) -> list[dict[str, Any]]:
    """Give a multi-valued field in flat form; items that make no sense are left out."""
    found = []
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        value = item.get("value")
        if name == "phones":
            value = phone_text(value)
        elif name == "addresses":
            value = _address(value if isinstance(value, dict) else item)
        if value:
            found.append({"name": str(item.get("name") or ""), "value": value, "isPrimary": bool(item.get("isPrimary"))})
    return found


def phone_text(value: Any) -> str:
    """Give a phone as E.164 where Nutshell could parse it, else as near to what was typed as it keeps."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    for part in ("E164", "countryCodeAndNumber", "numberFormatted", "number"):
        if value.get(part):
            text = str(value[part])
            return f"{text} x{value['extension']}" if value.get("extension") else text
    return ""


def _address(value: dict[str, Any]) -> dict[str, str]:
    return {part: str(value[part]) for part in ADDRESS_PARTS if value.get(part)}


def custom_to_wire(value: Any, flags: Flags) -> Any:
    """Give a custom value as it is written: text or a list of text; None and "" clear (5.2)."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    if flags.cf_value_forms == "typed" and isinstance(value, int | float):
        return value
    return str(value)


def customs_to_wire(fields: Fields, flags: Flags) -> dict[str, Any]:
    """Give the `customFields` of a create; empty values are not sent."""
    named = ((name[len(CUSTOM):], value) for name, value in fields.items() if name.startswith(CUSTOM))
    return {label: custom_to_wire(value, flags) for label, value in named if value not in (None, "", [], ())}


def custom_from_wire(value: Any) -> Any:
    """Give a custom value in flat form (text, list of text), None when it is empty."""
    if value in (None, "", [], {}):
        return None
    if isinstance(value, list):
        return [str(item.get("value", item)) if isinstance(item, dict) else str(item) for item in value]
    if isinstance(value, dict):
        for part in ("value", "amount", "timestamp"):
            if part in value:
                return custom_from_wire(value[part])
        return str(value)
    return str(value)


def customs_from_wire(held: Any) -> Fields:
    """Give the flat custom fields of a record's `customFields`: a map by name, or a list of definitions with values (5.1)."""
    if isinstance(held, dict):
        pairs: Iterable[tuple[Any, Any]] = held.items()
    else:
        rows = held if isinstance(held, list) else []
        pairs = ((row.get("title") or row.get("name"), row.get("value")) for row in rows if isinstance(row, dict))
    found: Fields = {}
    for label, value in pairs:
        flat = custom_from_wire(value)
        if label and flat is not None:
            found[f"{CUSTOM}{label}"] = flat
    return found


def link_ids(fields: Fields, relation: str) -> list[str]:
    """Give the ids of a relation as a list. Raises InvariantBroken when a link was not resolved to an id."""
    value = fields.get(f"{LINK}{relation}")
    ids = list(value) if isinstance(value, list | tuple) else [] if value in (None, "") else [value]
    if not all(isinstance(item, str) for item in ids):
        raise InvariantBroken(f"the link {relation} was not resolved before it was written", platform="nutshell")
    return ids
