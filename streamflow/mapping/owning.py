"""Who owns or wrote a record, by the fields of its kind that say so, and which users are still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from streamflow.mapping.pair import Pair
from streamflow.mapping.text import fold
from streamflow.model import Record

Named = TypeVar("Named")
_NO: Final = frozenset({"0", "false", "no"})


def owner_keys(record: Record, pair: Pair) -> tuple[str, ...]:
    """Give what names the owner or author of a record (id, address, name), best first."""
    values = (record.data.get(field) for field in pair.of(record.kind).owner)
    return tuple(str(value).strip() for value in values if value not in (None, ""))


def user_key(text: str) -> str:
    """Give the form in which records name a user: an address in lower case, an id or a name as it stands."""
    return text.lower() if "@" in text else text


def name_key(name: str) -> str:
    """Give the form in which names of users are compared: "Okafor, Ben - OFFICE" is "ben okafor"."""
    last, comma, first = name.partition(" - ")[0].partition(",")
    return fold(f"{first} {last}") if comma else fold(last)


def named_once(names: Iterable[tuple[str, Named]]) -> dict[str, Named]:
    """Give what each name stands for, by `name_key`; names of several are left out, since they tell nobody apart."""
    found: dict[str, set[Named]] = {}
    for name, what in names:
        found.setdefault(name_key(name), set()).add(what)
    return {name: next(iter(each)) for name, each in found.items() if name and len(each) == 1}


def is_active(user: Mapping[str, Any], pair: Pair) -> bool:
    """Say whether a user of the source is active; not said counts as active."""
    said = pair.plan_naming("user").told(user, "active")
    return said is None or str(said).strip().lower() not in _NO
