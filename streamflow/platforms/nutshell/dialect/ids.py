"""Ids `<integer>-<type>` and their JSON-RPC twins (nutshell.md 1.4, 8)."""

from __future__ import annotations

import re
from typing import Any

_ID = re.compile(r"^(\d{1,15})-([A-Za-z]+)$")
RPC_TYPES = {
    "contacts": "Contacts", "accounts": "Accounts", "leads": "Leads", "users": "Users", "teams": "Teams", "activities": "Activities",
    "activityTypes": "Activity_Types", "notes": "Notes", "tasks": "Tasks", "outcomes": "Lead_Outcomes", "stages": "Milestones",
    "stagesets": "Stagesets", "sources": "Sources", "products": "Products", "markets": "Markets", "tags": "Tags",
}  # fmt: skip
_KINDS = {name: kind for kind, name in RPC_TYPES.items()}


def number_of(full: str) -> int:
    """Give the integer of a full id. Raises ValueError for anything else."""
    match = _ID.match(full)
    if match is None:
        raise ValueError("not an id of the form <integer>-<type>")
    return int(match[1])


def kind_of(full: str) -> str:
    """Give the type part of a full id, "" when it is none."""
    match = _ID.match(full)
    return match[2] if match else ""


def full_id(value: Any, kind: str) -> str | None:
    """Give a full id from a full id or a bare integer (text or number); None for anything else."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _ID.match(text):
        return text
    return f"{text}-{kind}" if text.isascii() and text.isdigit() else None


def rpc_entity(full: str) -> dict[str, Any]:
    """Give `{entityType, id}` for a full id."""
    return {"entityType": RPC_TYPES.get(kind_of(full), kind_of(full)), "id": number_of(full)}


def from_rpc_entity(entity: Any) -> str | None:
    """Give the full id of an `{entityType, id}`; None when it is none."""
    if not isinstance(entity, dict):
        return None
    name = str(entity.get("entityType", ""))
    return full_id(entity.get("id"), _KINDS.get(name, name.lower()))
