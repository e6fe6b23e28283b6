"""Reading answers: "plural key, else top-level array, else object" (nutshell.md 1.5), and what makes a record gone (7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.nutshell.dialect.ids import kind_of


def rows(data: Any, plural: str) -> list[dict[str, Any]]:
    """
    Give the records of an answer, whichever wrapping it came in.

    Raises ProtocolMismatch when there is nothing that could be a list of records, and for one that holds anything else.
    """
    if isinstance(data, dict):
        held = data.get(plural)
        if held is None:
            held = next((value for key, value in data.items() if key.lower() == plural.lower()), None)
        if held is None and has_id(data):
            held = [data]
        if isinstance(held, dict):
            held = [held]
    else:
        held = data
    if not isinstance(held, list):
        raise ProtocolMismatch(f"an answer holds no {plural}", platform="nutshell", hint="the shape of this answer is not in the contract")
    if not all(isinstance(row, dict) for row in held):
        hint = "a row that cannot be read is not passed over: somebody would be missing"
        raise ProtocolMismatch(f"an answer holds {plural} that are no records", platform="nutshell", hint=hint)
    return held


def total(data: Any) -> int | None:
    """Give `meta.total` of a list answer, None when there is none."""
    meta = data.get("meta") if isinstance(data, dict) else None
    value = meta.get("total") if isinstance(meta, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_answer(data: Any) -> bool:
    """Say whether this can be an answer by REST at all: an object or an array of objects, whose id is one where it stands alone (1.4)."""
    if isinstance(data, list):
        return all(isinstance(row, dict) for row in data)
    return isinstance(data, dict) and ("id" not in data or has_id(data)) and not tells_errors(data)


def holds_records(kind: str) -> Callable[[Any], bool]:
    """Give what says whether an answer can be one that holds records of *kind*: whoever it names, it names by an id of that kind (1.4)."""

    def holds(data: Any) -> bool:
        if not is_answer(data):
            return False
        try:
            return all(is_of_kind(row.get("id"), kind) for row in rows(data, kind))
        except ProtocolMismatch:
            return False

    return holds


def is_of_kind(value: Any, kind: str) -> bool:
    """Say whether this is an id `<integer>-<type>` of a kind."""
    return isinstance(value, str) and kind_of(value).lower() == kind.lower()


def tells_errors(data: Any) -> bool:
    """Say whether an envelope holds `errors`: its list is empty then, whatever there is, and whatever the status says (1.7)."""
    return isinstance(data, dict) and bool(data.get("errors"))


def has_id(row: dict[str, Any]) -> bool:
    """Say whether an object is a record with an id: `<integer>-<type>`, by JSON-RPC a bare integer (1.4)."""
    value = row.get("id")
    return bool(kind_of(value)) if isinstance(value, str) else isinstance(value, int) and not isinstance(value, bool)


def made_id(data: Any, plural: str) -> str | None:
    """Give the id of the one record a create answered with; None when it cannot be told, and for what is no id of this kind."""
    try:
        found = rows(data, plural)
    except ProtocolMismatch:
        return None
    ids = [row["id"] for row in found if isinstance(row.get("id"), str)]
    return ids[0] if len(ids) == 1 and is_of_kind(ids[0], plural) else None


def is_gone(row: dict[str, Any]) -> bool:
    """Say whether a record that can still be read is deleted or merged away."""
    return bool(row.get("deletedTime")) or merged_with(row) is not None


def merged_with(row: dict[str, Any]) -> str | None:
    """Give the id of the record that people merged this one into, None when they did not (nutshell.md 7)."""
    links = row.get("links")
    value = links.get("mergedWith") if isinstance(links, dict) else None
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) and value else None
