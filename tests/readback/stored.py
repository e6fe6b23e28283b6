"""
The records as the simulated destination holds them, changed behind its own back or by a person.

Behind its back leaves no event, no revision and no time: just as if the platform had held that value since it was written.
"""

from __future__ import annotations

from typing import Any

from streamflow.sandbox.nutshell.customfields import by_title
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record
from streamflow.sandbox.nutshell.values import parse_phone

_LINKED = ("activityType", "stageset")


def put(site: Site, dest_id: str, field: str, value: Any, *, by: Actor | None = None) -> None:
    """Set the flat value of a field; None empties it."""
    kind = dest_id.partition("-")[2]
    record = site.state.edit(kind, dest_id)
    if field.startswith("custom:"):
        _put_custom(site, record, field.removeprefix("custom:"), value)
    elif field.startswith("link:") or field in _LINKED:
        record["links"][field.removeprefix("link:")] = value
    elif field == "phones":
        record[field] = [{**item, "value": _phone(item["value"])} for item in value]
    else:
        record[field] = str(value) if isinstance(record.get(field), str) and value is not None else value
    standing = (record["rev"], record["modifiedTime"])
    site.state.save(record, by)
    if by is None:
        record["rev"], record["modifiedTime"] = standing


def drop(site: Site, dest_id: str) -> None:
    """Let a record be as if it had never been stored."""
    site.state.drop(dest_id.partition("-")[2], dest_id)


def person(site: Site, email: str) -> Actor:
    """Somebody who works there."""
    user = site.user_by_email(email)
    assert user is not None
    return Actor(id=str(user["id"]), user=str(user["id"]))


def _put_custom(site: Site, record: Record, label: str, value: Any) -> None:
    definition = by_title(site, record["type"], label)
    assert definition is not None
    held = {name: each for name, each in record["customFields"].items() if name != definition["id"]}
    record["customFields"] = held if value is None else {**held, definition["id"]: value}


def _phone(text: str) -> dict[str, Any]:
    """What is no whole number any more the platform cannot read as one."""
    return dict(parse_phone(text, "ZA")) if text.startswith("+") else {"number": text, "numberFormatted": text, "E164": None}
