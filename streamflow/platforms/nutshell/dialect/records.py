"""
From the wire to flat fields, for each kind (nutshell.md 3, 4). Empty values are left out.

What we never write is read as well (comments, files, a completion): it tells whether a person worked on the record. It stands under
plain names, so that nobody takes it for a relation by which records hang on each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamflow.model import Fields
from streamflow.platforms.nutshell.dialect.ids import full_id
from streamflow.platforms.nutshell.dialect.parts import LINK, MULTI, customs_from_wire, link_ids, multi_from_wire

Row = dict[str, Any]
LATEST_S = 253_402_300_799      # the end of the year 9999: the ledger keeps whole numbers of 64 bits


def flat(kind: str, row: Row) -> Fields:
    """Give a record in flat form; kinds without a form of their own give their name. Custom fields only when the row carries them."""
    reader = _READERS.get(kind)
    fields = reader(row) if reader else {"name": row.get("name")}
    found: Fields = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    if "customFields" in row:
        found.update(customs_from_wire(row["customFields"]))
    return found


def _texts(row: Row, *names: str) -> Fields:
    return {name: str(row[name]) for name in names if row.get(name) not in (None, "")}


def _links(row: Row, singles: tuple[str, ...], lists: tuple[str, ...]) -> Fields:
    held = row.get("links")
    links = held if isinstance(held, dict) else {}
    found: Fields = {f"link:{name}": one(links.get(name)) for name in singles}
    found.update({f"link:{name}": many(links.get(name)) for name in lists})
    return found


def forgotten_links(kind: str, fields: Fields, row: Row) -> Fields:
    """Give the relations among *fields* that the answer to a create tells of and does not hold; {} where it tells of none."""
    held = row.get("links")
    if kind not in ("accounts", "contacts", "leads") or not isinstance(held, dict):
        return {}
    relations = [field.removeprefix(LINK) for field in fields if field.startswith(LINK)]
    return {
        f"{LINK}{name}": fields[f"{LINK}{name}"] for name in relations
        if name in held and not set(link_ids(fields, name)) <= set(many(held[name]))
    }


def one(value: Any) -> str | None:
    """Give the id of a single relation, written as text, as a list of one or as an object."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("id")
    return str(value) if value not in (None, "") else None


def many(value: Any) -> list[str]:
    """Give the ids of a relation."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [found for found in (one(item) for item in items) if found]


def unix(value: Any) -> int | None:
    """Give Unix seconds from a number, digits in text, or the object form of a lead's times (10.7); None for what is no time of day."""
    if isinstance(value, dict):
        value = value.get("timestamp")
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        seconds = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if abs(seconds) <= LATEST_S else None


def amount(value: Any) -> str | None:
    """Give an amount of money as text from text, number or `{amount, currency}`."""
    if isinstance(value, dict):
        value = value.get("amount")
    return None if value in (None, "") or isinstance(value, bool) else str(value)


def _peoples(row: Row, *relations: str, own: tuple[str, ...] = ()) -> Fields:
    """What only people put there: relations in order of their ids, and fields as they are."""
    held = row.get("links")
    links: Row = held if isinstance(held, dict) else {}
    found: Fields = {name: sorted(many(links.get(name))) for name in ("comments", "files", *relations)}
    found.update({name: row[name] for name in own if row.get(name) not in (None, False, 0, "0", "")})
    return found


def _account(row: Row) -> Fields:
    found = _texts(row, "name", "description")
    found.update({name: multi_from_wire(name, row.get(name)) for name in MULTI})
    found.update(_peoples(row, "territory", "industry", "followup", "recurringTask", own=("employeeCount",)))
    found["revenue"] = amount(row.get("revenue"))
    return {**found, **_links(row, ("owner",), ("tags",))}


def _contact(row: Row) -> Fields:
    found = _texts(row, "name", "firstName", "lastName", "jobTitle", "description")
    found.update({name: multi_from_wire(name, row.get(name)) for name in MULTI})
    found.update(_peoples(row, "territory", "emAudiences", "followup", "recurringTask"))
    return {**found, **_links(row, ("owner",), ("accounts", "tags"))}


def _lead(row: Row) -> Fields:
    found: Fields = {"description": row.get("description") or row.get("name")}   # the description is the name (3.3)
    held = row.get("links")
    links: Row = held if isinstance(held, dict) else {}
    found.update(
        manualValue=amount(row.get("manualValue") or row.get("value")), dueTime=unix(row.get("dueTime")), status=row.get("status"),
        stage=one(links.get("stage")), stageset=one(links.get("stageset")), outcome=one(links.get("outcome")),
    )  # fmt: skip
    found.update(_peoples(row, "territory", "watchers", "products", "competitors", own=("confidence", "priority")))
    return {**found, **_links(row, ("owner",), ("contacts", "accounts", "sources", "tags"))}


def _note(row: Row) -> Fields:
    held = row.get("links")
    links: Row = held if isinstance(held, dict) else {}
    parents = [one(links.get("parent")), *(i for kind in ("leads", "contacts", "accounts") for i in many(links.get(kind)))]
    parent = next((parent for parent in parents if parent), None)
    return {"body": row.get("body"), "link:parent": parent, "createdTime": unix(row.get("createdTime")), **_peoples(row)}


def _activity(row: Row) -> Fields:
    held = row.get("links")
    links: Row = held if isinstance(held, dict) else {}
    found = _texts(row, "name", "location")
    found["description"] = row.get("description") or row.get("agenda")
    kind = one(links.get("activityType")) or one(row.get("activityType"))
    found["activityType"] = full_id(kind, "activityTypes") if kind else None
    found.update(startTime=unix(row.get("startTime")), endTime=unix(row.get("endTime")))
    found.update({name: bool(row[name]) for name in ("isLogged", "isAllDay", "isFlagged") if name in row})
    split = [i for kind in ("contacts", "leads", "accounts", "users") for i in many(links.get(kind))]
    found["link:participants"] = list(dict.fromkeys([*many(links.get("participants")), *split]))
    found.update(_peoples(row, "logNote", own=("transcription", "isCancelled")))
    return found


def _task(row: Row) -> Fields:
    found = _texts(row, "title", "description")
    found["dueTime"] = unix(row.get("dueTime"))
    if row.get("isCompleted") or row.get("completedTime"):
        found["isCompleted"] = True      # an open task says nothing
    rule = row.get("recurrenceRule")
    found["recurrenceRule"] = rule.get("rule") if isinstance(rule, dict) else rule
    found.update(_peoples(row))
    return {**found, **_links(row, ("relatedEntity", "assignee"), ())}


_READERS: dict[str, Callable[[Row], Fields]] = {
    "accounts": _account, "contacts": _contact, "leads": _lead, "notes": _note, "activities": _activity, "tasks": _task,
}  # fmt: skip
