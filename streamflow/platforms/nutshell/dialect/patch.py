"""JSON Patch in Nutshell's grammar (nutshell.md 1.11): operations from flat changes, grouped by field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamflow.errors import RecordRejected
from streamflow.model import Fields
from streamflow.platforms.nutshell.dialect.bodies import contact_name, due_time, owner_ids
from streamflow.platforms.nutshell.dialect.parts import CUSTOM, LINK, MULTI, custom_to_wire, link_ids, multi_to_wire
from streamflow.platforms.nutshell.flags import Flags

Operation = dict[str, Any]
Group = tuple[str, list[Operation]]    # a field and the operations that change it
_NAME_PARTS = ("firstName", "lastName")
_LISTS = ("accounts", "contacts", "sources", "tags")


def escaped(name: str) -> str:
    """Give a name as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def custom_path(kind: str, label: str, flags: Flags) -> str:
    """Give the path of a custom field (flag cf_patch_path)."""
    return flags.cf_patch_path.replace("{e}", kind).replace("{name}", escaped(label))


def patch_groups(kind: str, changes: Fields, now: Fields, flags: Flags) -> list[Group]:
    """
    Give the operations for *changes*, field by field, in an order that is safe when only the first few are applied.

    *now* holds the present values: relations are changed by single additions and removals. The actions of a lead are not among them.
    """
    groups: list[Group] = []
    for field, value in _ordered(kind, changes, now, flags):
        operations = _operations(kind, field, value, now, flags)
        if operations:
            groups.append((field, operations))
    return groups


def _ordered(kind: str, changes: Fields, now: Fields, flags: Flags) -> Sequence[tuple[str, Any]]:
    """A person's whole name goes before its parts, since writing it splits it anew; without the right to write parts it goes alone."""
    if kind == "contacts" and not flags.contact_name_patch and any(part in changes for part in _NAME_PARTS):
        whole = {k: v for k, v in {**now, **changes}.items() if k in _NAME_PARTS}
        changes = {k: v for k, v in changes.items() if k not in _NAME_PARTS}
        changes.setdefault("name", contact_name(whole))
    return sorted(changes.items(), key=lambda item: (item[0].startswith(LINK), item[0].startswith(CUSTOM), item[0] != "name"))


def _operations(kind: str, field: str, value: Any, now: Fields, flags: Flags) -> list[Operation]:
    if field in MULTI:
        return [_replace(f"/{kind}/0/{field}", multi_to_wire(field, value, flags))]
    if field.startswith(CUSTOM):
        return [_replace(custom_path(kind, field[len(CUSTOM):], flags), custom_to_wire(value, flags))]
    if field == f"{LINK}owner":
        owner = owner_ids({field: value}, flags)
        if owner:
            return [_replace(f"/{kind}/0/links/owner", owner[0])]
        former = now.get(field) if value is None else None      # taken back: a relation is removed by its id (nutshell.md 1.11)
        return [{"op": "remove", "path": f"/{kind}/0/links/owner/{former}"}] if former else []
    if field.startswith(LINK):
        return _relation(kind, field[len(LINK):], {field: value}, now)
    if kind == "leads" and field == "dueTime":
        return [_replace("/leads/0/dueTime", due_time(value, flags))]
    return [_replace(f"/{kind}/0/{field}", None if value is None else str(value))]


def _relation(kind: str, relation: str, wanted: Fields, now: Fields) -> list[Operation]:
    if relation not in _LISTS:
        raise RecordRejected(f"the link {relation} of {kind} cannot be changed", field=f"{LINK}{relation}", platform="nutshell")
    want, have = link_ids(wanted, relation), link_ids(now, relation)
    added = [{"op": "add", "path": f"/{kind}/0/links/{relation}/-", "value": i} for i in want if i not in have]
    removed = [{"op": "remove", "path": f"/{kind}/0/links/{relation}/{i}"} for i in have if i not in want]
    return [*added, *removed]


def _replace(path: str, value: Any) -> Operation:
    return {"op": "replace", "path": path, "value": value}
