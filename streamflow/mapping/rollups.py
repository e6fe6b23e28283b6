"""Values of a record that follow from the records hanging on it: all its job numbers, the newest one's status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamflow.mapping.combining import glue_of
from streamflow.mapping.delimited import join
from streamflow.mapping.derived import Kin
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.pair import Pair
from streamflow.mapping.text import squeeze, tidy
from streamflow.mapping.values import field_of, is_empty
from streamflow.model import Kind, Record

TRANSFORMS: Final = ("rollup", "rollup_owner")
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
    found = [child_of(row)[0] for row in one.rows if row.target is not None and row.transform in TRANSFORMS]
    found += [str(row.params["kind"]) for row in one.rows if row.transform == "lead_flag" and row.target and "kind" in row.params]
    return tuple(kind for kind in dict.fromkeys(found) if pair.knows(kind))


def rollup_faults(one: ObjectMap, row: Row, pair: Pair) -> list[str]:
    """List what is wrong with a row that looks at children."""
    if row.target is None:
        return []
    hanging = pair.hanging_on(one.source)
    if row.transform == "lead_flag" and (kind := row.params.get("kind")) is not None and kind not in hanging:
        return [f"params.kind: records of kind {kind!r} do not hang on {one.source}"]
    if row.transform not in TRANSFORMS:
        return []
    kind, name = child_of(row)
    faults: list[str] = []
    if kind not in hanging or not name:
        faults.append(f'a roll-up reads "kind.field" of what hangs on {one.source}: {", ".join(hanging) or "nothing"}')
    if row.params.get("pick", PICKS[0]) not in PICKS:
        faults.append(f"params.pick: {row.params['pick']!r} is none of {', '.join(PICKS)}")
    return faults


def rolled_up(row: Row, kin: Kin, delimiter: str = "") -> str:
    """
    Give the value that follows from the children, "" for none; *params.by* names the fields (by "|") by which they are ordered.

    *params.among* names the fields (by "|") one of which a child must have filled to speak at all, so that several rows hear the same
    one; *params.with* is a second field of it, written after *delimiter* (of the params, else as given) so that both come back.
    """
    kind, name = child_of(row)
    pick = row.params.get("pick", PICKS[0])
    former = kin.former.get(kind, ()) if pick == "join" else ()
    children = _ordered([*kin.children.get(kind, ()), *former], str(row.params.get("by", "")).split("|"))
    if pick == "count":
        return str(len(children)) if children else ""
    if among := str(row.params.get("among", "")):
        values = [said(row, child, name, delimiter) for child in children if any(value_of(child, each) for each in among.split("|"))]
    else:
        values = [text for child in children if (text := said(row, child, name, delimiter))]
    if pick == "any":
        return str(row.params.get("value", "")) if values else ""
    if pick == "join":
        return glue_of(row.family).join(dict.fromkeys(filter(None, values)))   # each value whole: one may hold the glue itself
    return (values[-1] if pick == "newest" else values[0]) if values else ""


def said(row: Row, record: Record, name: str, delimiter: str) -> str:
    """Give a field of a record with the second one that *params.with* names, "" when it holds nothing."""
    if (other := str(row.params.get("with", ""))) == "":
        return value_of(record, name)
    return join(value_of(record, name), value_of(record, other), str(row.params.get("delimiter", delimiter)))


def value_of(record: Record, name: str) -> str:
    """Give a field of a record as text, "" when it holds nothing."""
    if name == "key":
        return record.key
    value = field_of(record.data, name)
    return "" if is_empty(value) else squeeze(tidy(str(value)))


def _ordered(children: Sequence[Record], by: Sequence[str]) -> list[Record]:
    """Oldest first, by the first of the fields that is filled; the same order whatever the ledger's is."""

    def place(record: Record) -> tuple[str, int, str]:
        return next((text for name in by if name and (text := value_of(record, name))), ""), len(record.key), record.key

    return sorted(children, key=place)
