"""
What the map says of a field that a person in the destination and the source both changed: `params.conflict` of a row.

`ask` (the rule): theirs stays, and a person is asked. `keep`: theirs stays, and that is all. `take`: the source's value goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamflow.mapping.changes import APPENDED, BLOCKS, Policy
from streamflow.mapping.document import MapDocument, Row
from streamflow.model import Kind

DISPUTES: Final[tuple[Policy, ...]] = ("ask", "keep", "take")
"""The most careful first."""


def disputes_of(document: MapDocument) -> Mapping[tuple[Kind, Kind], Mapping[str, Policy]]:
    """Give (source kind, destination kind) -> field -> policy; of several rows into one field the most careful that one of them names."""
    found: dict[tuple[Kind, Kind], dict[str, Policy]] = {}
    for one, row in document.rows():
        policy = next((each for each in DISPUTES if each == row.params.get("conflict")), None)
        if row.target is None or policy is None:
            continue
        fields = found.setdefault((one.source, one.destination), {})
        fields[row.target] = min(policy, fields.get(row.target, policy), key=DISPUTES.index)
    return found


def dispute_faults(row: Row) -> list[str]:
    """Name what is wrong with the policy of a row."""
    if (policy := row.params.get("conflict")) is None:
        return []
    if policy not in DISPUTES:
        return [f"params.conflict: {policy!r} is none of {', '.join(DISPUTES)}"]
    if row.target in APPENDED | BLOCKS:
        return [f"params.conflict: {row.target} is added to, never replaced, so there is nothing to choose"]
    return []
