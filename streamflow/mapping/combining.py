"""What several source records that are one destination record want of it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.mapping.document import ObjectMap
from streamflow.model import Fields

POLICIES: Final = ("first", "join", "own")
"""Of a row's params.combine: the first value there is; the values of all; the head's alone."""
_LISTS: Final = ("emails", "phones")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combining:
    """How the fields of a group come together, by target."""

    own: frozenset[str] = frozenset()
    glue: Mapping[str, str] = field(default_factory=dict)  # targets whose values are joined -> what stands between


def combining_of(one: ObjectMap) -> Combining:
    """Read the policies of an object map; markers are always the head's own."""
    rows = [(row.target, row.params.get("combine"), row) for row in one.rows if row.target is not None]
    return Combining(
        own=frozenset(target for target, policy, row in rows if policy == "own" or (row.transform == "marker" and policy is None)),
        glue={target: glue_of(row.family) for target, policy, row in rows if policy == "join"},
    )


def glue_of(family: str) -> str:
    """Give what stands between joined values: a line end where the field takes several lines."""
    return "\n" if family == "long" else ", "


def joined(texts: Sequence[str], glue: str) -> str:
    """Join values, each once, also where one of them is a join of several."""
    return glue.join(dict.fromkeys(part for text in texts for part in text.split(glue) if part))


def combine(members: Sequence[Fields], how: Combining) -> Fields:
    """Give the head's values, blanks filled by the others in order, addresses and numbers of all, and what the map says is joined."""
    result: Fields = dict(members[0])
    for fields in members[1:]:
        for name, value in fields.items():
            mine = result.get(name)
            if name in _LISTS:
                result[name] = _merged(mine or [], value or [])
            elif name == "link:accounts":
                result[name] = list(dict.fromkeys([*(mine or []), *(value or [])]))
            elif name in how.glue and mine and value:
                result[name] = joined([str(mine), str(value)], how.glue[name])
            elif mine in (None, "", [], {}) and name not in how.own:
                result[name] = value
    return result


def _merged(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {str(each.get("value", "")).strip().lower() for each in mine}
    added = [
        {**each, "isPrimary": not mine and bool(each.get("isPrimary"))}
        for each in theirs
        if str(each.get("value", "")).strip().lower() not in known
    ]
    return [*mine, *added]
