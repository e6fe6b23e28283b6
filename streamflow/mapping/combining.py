"""What several source records that are one destination record want of it together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.mapping.document import ObjectMap, Row
from streamflow.model import Fields

POLICIES: Final = ("first", "join", "own")
"""Of a row's params.combine: the first value there is; the values of all; the head's alone."""
_LISTS: Final = ("emails", "phones")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combining:
    """How the fields of a group come together, by target."""

    own: frozenset[str] = frozenset()
    glue: Mapping[str, str] = field(default_factory=dict)  # targets whose values are joined -> what stands between
    lists: frozenset[str] = frozenset()                    # of these, those of which each value is a list already
    follows: Mapping[str, str] = field(default_factory=dict)  # targets -> the target whose record tells them, filled or not


def combining_of(one: ObjectMap) -> Combining:
    """Read the policies of an object map; markers are always the head's own."""
    rows = [(row.target, row.params.get("combine"), row) for row in one.rows if row.target is not None]
    return Combining(
        own=frozenset(target for target, policy, row in rows if policy == "own" or (row.transform == "marker" and policy is None)),
        glue={target: glue_of(row.family) for target, policy, row in rows if policy == "join"},
        lists=frozenset(target for target, policy, row in rows if policy == "join" and _is_list(row)),
        follows={target: str(row.params["follows"]) for target, _, row in rows if "follows" in row.params},
    )


def _is_list(row: Row) -> bool:
    return row.transform.startswith("rollup") and row.params.get("pick", "join") == "join"


def glue_of(family: str) -> str:
    """Give what stands between joined values: a line end where the field takes several lines."""
    return "\n" if family == "long" else ", "


def joined(texts: Sequence[str], glue: str, *, are_lists: bool = False) -> str:
    """
    Join values, each once; a value is compared whole, for it may hold the glue itself.

    Where they are lists, what a value has beyond those before it is added; a part that comes twice in one of them stays twice.
    """
    if not are_lists:
        return glue.join(dict.fromkeys(texts))
    parts: list[str] = []
    for text in texts:
        known = Counter(parts)
        for part in text.split(glue):
            if known[part]:
                known[part] -= 1
            else:
                parts.append(part)
    return glue.join(parts)


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
            elif mine in (None, "", [], {}) and name not in how.own:
                result[name] = value
    for name, leader in how.follows.items():
        teller = next((fields for fields in members if fields.get(leader)), result)
        if teller.get(name):
            result[name] = teller[name]
        else:
            result.pop(name, None)
    for name, glue in how.glue.items():
        texts = [str(fields[name]) for fields in members if fields.get(name)]
        if len(texts) > 1:
            result[name] = joined(texts, glue, are_lists=name in how.lists)
    return result


def _merged(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {str(each.get("value", "")).strip().lower() for each in mine}
    added = [
        {**each, "isPrimary": not mine and bool(each.get("isPrimary"))}
        for each in theirs
        if str(each.get("value", "")).strip().lower() not in known
    ]
    return [*mine, *added]
