"""Values of a record that follow from the records hanging on it: all its job numbers, the newest one's status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamflow.mapping.combining import glue_of
from streamflow.mapping.derived import Kin
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.pair import Pair
from streamflow.mapping.text import squeeze, tidy
from streamflow.mapping.values import is_empty
from streamflow.model import Kind, Record

TRANSFORM: Final = "rollup"
PICKS: Final = ("join", "newest", "oldest", "count", "any")
"""
Of params.pick: all values; the one of the latest or earliest record that has any; how many records; params.value once there is one.

Records that the source shows no more count for "join" alone: what was made of them stays, and stays findable.
"""


def child_of(row: Row) -> tuple[Kind, str]:
    """Give kind and field that a roll-up reads: "job.custom:Spouse" reads ("job", "custom:Spouse"); the field "key" is the record's key."""
    kind, _, name = row.source.partition(".")
    return kind, name


def needed_kinds(one: ObjectMap, pair: Pair) -> tuple[Kind, ...]:
    """Give the kinds of children that rules of an object map look at."""
    found = [child_of(row)[0] for row in one.rows if row.target is not None and row.transform == TRANSFORM]
    found += [str(row.params["kind"]) for row in one.rows if row.transform == "lead_flag" and row.target and "kind" in row.params]
    return tuple(kind for kind in dict.fromkeys(found) if pair.knows(kind))


def rollup_faults(one: ObjectMap, row: Row, pair: Pair) -> list[str]:
    """List what is wrong with a row that looks at children."""
    if row.target is None:
        return []
    hanging = pair.hanging_on(one.source)
    if row.transform == "lead_flag" and (kind := row.params.get("kind")) is not None and kind not in hanging:
        return [f"params.kind: records of kind {kind!r} do not hang on {one.source}"]
    if row.transform != TRANSFORM:
        return []
    kind, name = child_of(row)
    faults: list[str] = []
    if kind not in hanging or not name:
        faults.append(f'a roll-up reads "kind.field" of what hangs on {one.source}: {", ".join(hanging) or "nothing"}')
    if row.params.get("pick", PICKS[0]) not in PICKS:
        faults.append(f"params.pick: {row.params['pick']!r} is none of {', '.join(PICKS)}")
    return faults


def rolled_up(row: Row, kin: Kin) -> str:
    """Give the value that follows from the children, "" for none; *params.by* names the field by which they are ordered."""
    kind, name = child_of(row)
    pick = row.params.get("pick", PICKS[0])
    former = kin.former.get(kind, ()) if pick == "join" else ()
    children = _ordered([*kin.children.get(kind, ()), *former], str(row.params.get("by", "")))
    if pick == "count":
        return str(len(children)) if children else ""
    values = [text for child in children if (text := value_of(child, name))]
    if pick == "any":
        return str(row.params.get("value", "")) if values else ""
    if pick == "join":
        return glue_of(row.family).join(dict.fromkeys(values))   # each value whole: one may hold the glue itself
    return (values[-1] if pick == "newest" else values[0]) if values else ""


def value_of(record: Record, name: str) -> str:
    """Give a field of a record as text, "" when it holds nothing."""
    if name == "key":
        return record.key
    value = (record.data.get("custom") or {}).get(name[7:]) if name.startswith("custom:") else record.data.get(name)
    return "" if is_empty(value) else squeeze(tidy(str(value)))


def _ordered(children: Sequence[Record], by: str) -> list[Record]:
    """Oldest first; the same order whatever the ledger's is."""
    return sorted(children, key=lambda record: (value_of(record, by) if by else "", len(record.key), record.key))
