"""
Values of which a person's version stands: remembered in the base of a link, neither written again nor verified.

The base says what we wrote and expect to find. Under "kept:<field>" it says what the source held when theirs was kept: as long as
the source does not change that value again there is nothing to decide and nothing to do. Under "theirs:<field>" it says which items of
what the source says of a list people had put there before the source came to say them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from streamflow.model import DestId, Fields

KEPT = "kept:"
THEIRS = "theirs:"


def expected(base: Mapping[str, Any]) -> Fields:
    """Give what we wrote and expect to read back."""
    return {name: value for name, value in base.items() if not name.startswith((KEPT, THEIRS))}


def known(base: Mapping[str, Any]) -> Fields:
    """Give what the source is compared with: what we wrote, and for kept fields what was wanted when theirs was kept."""
    return {name.removeprefix(KEPT): value for name, value in base.items() if not name.startswith(THEIRS)}


def kept(base: Mapping[str, Any]) -> Fields:
    """Give the fields of which theirs stands, with what was wanted at that time."""
    return {name.removeprefix(KEPT): value for name, value in base.items() if name.startswith(KEPT)}


def put_there(base: Mapping[str, Any]) -> Fields:
    """Give, by list, the items that people had put there before the source came to say them, and that it still says."""
    return {name.removeprefix(THEIRS): value for name, value in base.items() if name.startswith(THEIRS)}


def of_people(base: Mapping[str, Any]) -> set[str]:
    """Name the fields that are known to hold what people put there."""
    return {*kept(base), *put_there(base)}


def field_of(name: str) -> str:
    """Give the field that an entry of a base is about."""
    return name.removeprefix(KEPT).removeprefix(THEIRS)


def rebuilt(values: Mapping[str, Any], theirs: Mapping[str, Any], items: Mapping[str, Any] = MappingProxyType({})) -> Fields:
    """Put a base together from what is ours and what is theirs, a field being one of the two, and from *items* of lists of theirs."""
    return {
        **{name: value for name, value in values.items() if name not in theirs},
        **{f"{KEPT}{name}": value for name, value in theirs.items()},
        **{f"{THEIRS}{name}": value for name, value in items.items() if value},
    }


def unlisted(base: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, set[DestId]]:
    """Give whom lists of relations of ours named and name no more; people may have taken them out, or deleted them (nobody shows those)."""
    named = {name: value for name, value in expected(base).items() if name.startswith("link:") and isinstance(value, list)}
    lacking = {name: set(value) - set(shown.get(name) or ()) for name, value in named.items()}
    return {name: ids for name, ids in lacking.items() if ids}


def with_deleted(base: Mapping[str, Any], shown: Mapping[str, Any], gone: Collection[DestId]) -> Fields:
    """Give what is shown of a record with those whom lists of ours named and who are *gone*: the destination shows nobody deleted."""
    back = {name: sorted(ids.intersection(gone)) for name, ids in unlisted(base, shown).items()}
    return {**shown, **{name: [*(shown.get(name) or ()), *ids] for name, ids in back.items() if ids}}


def unnamed(base: Mapping[str, Any], shown: Mapping[str, Any]) -> set[DestId]:
    """Give whom relations of ours named and name no more, another one or nobody in their place: people may have merged them away."""
    named = {name: value for name, value in expected(base).items() if name.startswith("link:") and isinstance(value, str)}
    swapped = {DestId(value) for name, value in named.items() if shown.get(name) and shown[name] != value}
    return swapped.union(*unlisted(base, shown).values())


def released(base: Mapping[str, Any], fields: Iterable[str]) -> Fields:
    """Let a person's version of these fields stand from now on."""
    ours, names = expected(base), set(fields)
    theirs = {**kept(base), **{name: value for name, value in ours.items() if name in names}}
    return rebuilt(ours, theirs, put_there(base))
