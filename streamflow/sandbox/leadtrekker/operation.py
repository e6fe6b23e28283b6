"""One thing a person, a web form or the life mode does to the account, and how it changes the state."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streamflow.sandbox.leadtrekker.state import CHILD_KINDS, ID_FIELD, KINDS, REFERENCE_KINDS, State

Record = dict[str, Any]

DEEDS = ("create", "edit", "delete", "merge")
_TIME_FIELD = {"notes": "created", "calls": "created", "emails": "sent", "attachments": "created"}
_BLANK: Mapping[str, Record] = {
    "leads": {
        "name": "", "email": "", "number": "", "company": "", "address": "", "sourceid": "", "source": "",
        "statusid": "", "status": "", "userid": "", "owner": "", "owner_email": "", "groupid": "",
    },
    "notes": {"userid": "", "note": ""},
    "calls": {"userid": "", "number": "", "direction": "out", "duration": "00:00:00", "disposition": "", "notes": ""},
    "emails": {"userid": "", "from": "", "to": "", "subject": "", "body": ""},
    "reminders": {"userid": "", "due": "", "note": "", "repeat": "", "done": "0"},
    "attachments": {"name": "file.txt"},
}  # fmt: skip
_LABELS = (
    ("statusid", "statuses", {"status": "name"}),
    ("sourceid", "sources", {"source": "name"}),
    ("userid", "users", {"owner": "name", "owner_email": "email"}),
)


class OperationRefused(ValueError):
    """The operation names something that does not exist or cannot be done; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    A change still to be made.

    `key` is None for a create without a wished id. `silent` leaves a lead's `updated` as it was. `values` of a merge is
    {"into": leadid}; of a lead, `custom_fields` are merged label by label, None taking one away; of a new attachment,
    `text`, `base64` or `content` (bytes) is what is in it.
    """

    do: str
    kind: str
    key: str | None = None
    values: Record = field(default_factory=dict)
    silent: bool = False


class Outcome(NamedTuple):
    """The record an operation concerned, the lead it lives at (itself for a lead, "" for a reference row), and files a merge took along."""

    key: str
    leadid: str
    files: tuple[str, ...] = ()


def perform(state: State, operation: Operation, *, at: float) -> Outcome:
    """
    Make the change at Unix second *at* and say what it concerned.

    Raises:
        OperationRefused: unknown deed, kind, record or parent.
    """
    _check(state, operation)
    if operation.do == "create":
        return _create(state, operation, at)
    key = str(operation.key)
    found = state.find(operation.kind, key)
    home = found[0] if found is not None else ""
    if operation.do == "edit":
        _edit(state, operation, key, at)
    elif operation.do == "delete":
        state.delete(operation.kind, key, at=at)
    else:
        return Outcome(key, home, _merge(state, operation, key, at))
    return Outcome(key, home)


def touch(state: State, leadid: str, *, at: float) -> None:
    """Move a lead's `updated` to *at*, as the platform does when something happens on it."""
    found = state.find("leads", leadid)
    if found is not None:
        state.put("leads", {**found[1], "updated": state.written(at)}, at=at)


def _check(state: State, operation: Operation) -> None:
    if operation.do not in DEEDS:
        raise OperationRefused(f"do must be one of {', '.join(DEEDS)}, not {operation.do!r}")
    if operation.kind not in (*KINDS, *REFERENCE_KINDS):
        raise OperationRefused(f"no such kind: {operation.kind!r}; there are {', '.join((*KINDS, *REFERENCE_KINDS))}")
    if operation.do == "merge" and operation.kind != "leads":
        raise OperationRefused("only leads can be merged")
    if operation.do != "create" and (operation.key is None or state.find(operation.kind, operation.key) is None):
        raise OperationRefused(f"no {ID_FIELD[operation.kind]} {operation.key}")


def _create(state: State, operation: Operation, at: float) -> Outcome:
    kind, values = operation.kind, dict(operation.values)
    key = operation.key or state.new_id(kind)
    if state.find(kind, key) is not None:
        raise OperationRefused(f"{ID_FIELD[kind]} {key} exists already")
    record: Record = {ID_FIELD[kind]: key, **_BLANK.get(kind, {})}
    if kind == "leads":
        custom = values.pop("custom_fields", {})
        record |= {"created": state.written(at), "updated": state.written(at), **values, "custom_fields": dict(custom)}
        _label(state, record, operation.values)
    elif kind in CHILD_KINDS:
        parent = str(values.get("leadid", ""))
        if state.find("leads", parent) is None:
            raise OperationRefused(f"no leadid {parent}")
        if kind == "attachments":
            _take_content(state, key, record, values)
        record |= {"leadid": parent, **({_TIME_FIELD[kind]: state.written(at)} if kind in _TIME_FIELD else {}), **values}
        if not operation.silent:
            touch(state, parent, at=at)
    else:
        record |= values
    state.put(kind, record, at=at)
    return Outcome(key, str(record.get("leadid", "")))


def _edit(state: State, operation: Operation, key: str, at: float) -> None:
    found = state.find(operation.kind, key)
    assert found is not None
    home, record = found
    values = dict(operation.values)
    if operation.kind == "leads":
        custom = {**record.get("custom_fields", {}), **values.pop("custom_fields", {})}
        record["custom_fields"] = {label: value for label, value in custom.items() if value is not None}
        if not operation.silent:
            record["updated"] = state.written(at)
    elif operation.kind == "attachments" and values.keys() & {"text", "base64", "content"}:
        _take_content(state, key, record, values)
    record |= values
    if operation.kind == "leads":
        _label(state, record, operation.values)
    moved = operation.kind in CHILD_KINDS and "leadid" in values
    state.put(operation.kind, record, home=str(values["leadid"]) if moved else home, at=at)
    if operation.kind in CHILD_KINDS and not operation.silent:
        touch(state, home, at=at)


def _merge(state: State, operation: Operation, loser: str, at: float) -> tuple[str, ...]:
    """Merge, and give the attachments that went over to the other lead."""
    survivor = str(operation.values.get("into", ""))
    if survivor == loser or state.find("leads", survivor) is None:
        raise OperationRefused(f"cannot merge {loser} into {survivor or 'nothing'}: name another lead in values.into")
    files = tuple(key for key, _, _ in state.children_of("attachments", loser))
    state.merge(loser, survivor, at=at)
    if not operation.silent:
        touch(state, survivor, at=at)
    return files


def _label(state: State, record: Record, values: Mapping[str, Any]) -> None:
    """Write the names that go with a status, source or owner id, unless the caller gave them."""
    for id_field, kind, names in _LABELS:
        if id_field not in values:
            continue
        row = state.find(kind, str(values[id_field]))
        for name, source in names.items():
            if name not in values:
                record[name] = row[1].get(source, "") if row is not None else ""


def _take_content(state: State, key: str, record: Record, values: Record) -> None:
    given: bytes | None = values.pop("content", None)
    encoded, text = values.pop("base64", None), values.pop("text", "")
    content = given if given is not None else base64.b64decode(encoded) if encoded is not None else str(text).encode()
    record["size"], record["sha256"] = state.put_bytes(key, content)
