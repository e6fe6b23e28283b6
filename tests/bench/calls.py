"""Calls per migrated record at the destination, and on both sides against the least possible."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from tests.bench.least import LEAST, Written, nutshell
from tests.bench.rig import Case, Run, measured
from tests.bench.table import Figure

SAMPLE_SHARE_PERCENT = 3      # as 300 of 10,000: the sample is read back by itself, whatever the size of the account
WRITES = ("POST /rest/", "PATCH /rest/", "PUT /rest/", "DELETE /rest/")
MANY = "custom fields many at a time (RPC find*)"
SINGLE = "custom fields one at a time"


async def figures(pair: str, records: int) -> list[Figure]:
    """Measure both routes on accounts of this size."""
    case = Case(pair=pair, records=records, sample=max(20, records * SAMPLE_SHARE_PERCENT // 100))
    many = await measured(case)
    switches = {"nutshell": {"rpc_whole_records": False}}
    single = await measured(replace(case, flags={"rpc_find_custom_fields": False}, switches=switches))
    return [
        _destination(many, f"destination calls per migrated record, {MANY}", 1.15),
        _destination(single, f"destination calls per migrated record, {SINGLE}", 2.2),
        _against_least(many, f"destination calls against the least possible by this map, {MANY}", 1.1),
        _overhead(many, f"destination calls per write that the map asks for, {MANY}", 1.15),
        _source(many),
    ]


def _destination(run: Run, name: str, at_most: float) -> Figure:
    spent = run.at("tail").destination
    total = sum(spent.values())
    schema = sum((run.at("sample").destination).values())
    unverified = sum(number for state, number in run.links.items() if state != "verified")
    made = sum(run.made.values())
    return Figure(
        name=name, value=(total - schema) / max(1, run.migrated), at_most=at_most, unit="calls/record",
        details={
            "records": run.migrated, "calls": total - schema, "destination_records_made": made,
            "calls_per_made": round((total - schema) / max(1, made), 3), "calls_before_sample": schema,
            "with_them": round(total / max(1, run.migrated), 3), "least_per_record": round(_least(run) / max(1, run.migrated), 3),
            "writes_of": dict(run.writes_of), "links": dict(run.links), "not_verified": unverified,
            "dispositions": dict(run.dispositions), "by_name": _top(spent - run.at("sample").destination), "made": dict(run.made),
        },
    )  # fmt: skip


def _least(run: Run) -> int:
    is_shared = run.case.flags.get("rpc_find_custom_fields") is not False
    return nutshell(Written(made=run.made, changed=run.changed, actions=run.actions), many=is_shared)


def _against_least(run: Run, name: str, at_most: float) -> Figure:
    """
    Set all calls of the move against what its records cannot be moved and read back without.

    A migrated record is one of the source that is in the destination now, by itself or joined to another. One of them may ask for more
    than one write: a deal that is closed, and what of it has no field on a deal and does not fit into one long one.
    """
    calls, least = sum((run.at("tail").destination - run.at("sample").destination).values()), _least(run)
    return Figure(
        name=name, value=calls / max(1, least), at_most=at_most, unit="x",
        details={"calls": calls, "least": least, "actions": run.actions, "made": dict(run.made), "changed": dict(run.changed)},
    )  # fmt: skip


def _overhead(run: Run, name: str, at_most: float) -> Figure:
    """
    Set all calls of the move against those that write.

    A source record may be several in the destination (an enquiry is a note, and a deal that is closed by a call of its own), so that
    writes alone may come to more than one a record: what is left above them is reading, looking up and proving.
    """
    spent = run.at("tail").destination - run.at("sample").destination
    writes = sum(number for call, number in spent.items() if call.startswith(WRITES))
    return Figure(
        name=name, value=sum(spent.values()) / max(1, writes), at_most=at_most, unit="calls/write",
        details={"writes": writes, "writes_per_record": round(writes / max(1, run.migrated), 3), "calls": sum(spent.values())},
    )  # fmt: skip


def _source(run: Run) -> Figure:
    spent = run.at("tail").source
    least = LEAST[run.case.pair](run.source_counts)
    return Figure(
        name="source calls against the least possible", value=sum(spent.values()) / least, at_most=1.1, unit="x",
        details={"calls": sum(spent.values()), "least": least, "by_name": _top(spent), "counts": run.source_counts},
    )  # fmt: skip


def _top(calls: Counter[str], number: int = 40) -> dict[str, Any]:
    return dict(calls.most_common(number))
