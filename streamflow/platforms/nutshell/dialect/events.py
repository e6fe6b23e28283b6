"""The events feed on the wire (nutshell.md 7)."""

from __future__ import annotations

import re
from typing import Any

from streamflow.model import DestId, Fields
from streamflow.platforms.destination import Happening
from streamflow.platforms.nutshell.dialect.envelope import rows
from streamflow.platforms.nutshell.dialect.ids import kind_of
from streamflow.platforms.nutshell.dialect.records import flat, many, one, unix

PAGE = 100          # events asked for at once
SURELY_WHOLE = 20   # a page shorter than the one size seen on the wire was not cut, whatever limit the server has of its own
_NUMBER = re.compile(r"^\d{1,18}")


def number(event_id: str) -> int:
    """Give the integer of an event's id, by which events are ordered; 0 when there is none."""
    match = _NUMBER.match(event_id)
    return int(match[0]) if match else 0


def happenings(data: Any, *, action: str = "") -> list[Happening]:
    """
    Give the events of an answer, oldest first, with the records that came inline.

    *action* is what events without one of their own are (the deleted feed says "delete" by being that feed).
    """
    payloads = {str(row["id"]): row for row in _payloads(data) if row.get("id")}
    found = [_happening(row, payloads, action) for row in rows(data, "events") if row.get("id")]
    return sorted(found, key=lambda event: number(event.id))


def _payloads(data: Any) -> list[dict[str, Any]]:
    held = data.get("payloads") if isinstance(data, dict) else None
    return [row for row in held if isinstance(row, dict)] if isinstance(held, list) else []


def _happening(row: dict[str, Any], payloads: dict[str, dict[str, Any]], action: str) -> Happening:
    held = row.get("links")
    links: dict[str, Any] = held if isinstance(held, dict) else {}
    ids = tuple(many(links.get("payloads")))
    kind = str(row.get("payloadType") or (kind_of(ids[0]) if ids else ""))
    inline: dict[DestId, Fields] = {i: flat(kind, payloads[i]) for i in ids if i in payloads}
    return Happening(
        id=str(row["id"]), at=unix(row.get("createdTime") or row.get("changeTime")) or 0, action=action or str(row.get("action") or ""),
        actor=one(links.get("actor")) or "", kind=kind, ids=ids, payloads=inline, changes=_changes(row.get("changes")),
    )  # fmt: skip


def _changes(held: Any) -> dict[str, tuple[str, str]]:
    """What an event says was changed; the contract shows only that there is such a list, so whatever is no pair of values is left out."""
    items = [each for each in held if isinstance(each, dict) and each.get("attribute")] if isinstance(held, list) else []
    return {str(each["attribute"]): (_shown(each.get("oldValue")), _shown(each.get("newValue"))) for each in items}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name") or value.get("value") or value.get("id")
    return "" if value is None else str(value)
