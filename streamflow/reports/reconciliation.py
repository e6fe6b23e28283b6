"""
The reconciliation: does everything that was read end somewhere, is every field that was written accounted for, what is open?

Rule: nothing here is taken on trust that can be counted twice. The ledger's sums stand beside a count record by record, the fields
of the crosswalk beside the verdicts of the read-back, every parent and owner is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from streamflow.ledger_names import MAP_CONFIRMED, OBSERVATION, OWNERS, REFERENCE_SOURCES, SOURCE_COUNTS, UNKNOWN_KEYS
from streamflow.mapping.pair import Pair, Role
from streamflow.model import IntentState, Kind, Verdict
from streamflow.reports.about import LIST
from streamflow.reports.dispositions import kinds_in, walk
from streamflow.reports.listings import listed
from streamflow.reports.lookalikes import lookalikes
from streamflow.reports.people import owners
from streamflow.reports.queue import cause_rows, view
from streamflow.reports.spot import spot_check
from streamflow.reports.totals import totals
from streamflow.reports.verification import survey
from streamflow.store.base import KindCount, Ledger

MAX_DIFFERENCES: Final = 1000
HOLDS, OPEN, BROKEN = "holds", "open", "broken"  # open: not done yet; broken: must not be


async def reconciliation(ledger: Ledger, pair: Pair, *, seed: int = 7, spot_size: int = 25) -> dict[str, Any]:
    """
    Give the whole reconciliation as data for the writer; writes nothing.

    Keys: verdict, summary, kinds, source_counts, reference, reasons, waiting, written, writes, fields, null_rates, sums, segments,
    differences, links, orphans, owners, unmapped, drift, queue, touched, lookalikes, queue_items, out_of_scope, spot_check. However long
    the queue, little of it is in memory.
    """
    counts = await ledger.counts()
    kinds = kinds_in(counts, pair)
    records = await walk(ledger, kinds)
    places = await survey(ledger, pair)
    queue = await view(ledger)
    intents = await ledger.intent_counts()
    data: dict[str, Any] = {
        "kinds": records.rows(counts, kinds),
        "source_counts": _source_counts(await ledger.setting(SOURCE_COUNTS)),
        "reference": await _reference(ledger, pair, counts),
        "reasons": records.reason_rows(),
        "waiting": records.waiting_rows(),
        "written": places.written_rows(),
        "writes": {state.value: intents.get(state, 0) for state in IntentState},
        "fields": places.field_rows(await ledger.check_counts()),
        **await totals(ledger, pair, queue.told),
        "differences": await _differences(ledger),
        "links": places.link_rows(),
        "orphans": places.orphans,
        "owners": await owners(ledger),
        **_unmapped(await ledger.setting(MAP_CONFIRMED), await ledger.setting(OBSERVATION), queue.unmapped),
        "drift": _drift(await ledger.setting(UNKNOWN_KEYS)),
        "queue": cause_rows(await ledger.queue_counts()),
        "touched": queue.touched,
        "lookalikes": await lookalikes(ledger),
        "queue_items": queue.items,
        "out_of_scope": list(pair.out_of_scope),
        "spot_check": await spot_check(ledger, pair, seed=seed, size=spot_size),
    }
    summary = _summary(data)
    return {"verdict": _verdict(summary), "summary": summary, **data}


def _summary(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say each promise in a line: whether it holds, is not kept yet, or is broken, and the figure that rests on."""
    read, pending = _sum(data["kinds"], "read"), _sum(data["kinds"], "pending")
    unexplained = [row["kind"] for row in data["kinds"] if not row["explained"]]
    orphans, differs = _sum(data["links"], "orphans"), _sum(data["fields"], Verdict.DIFFERS.value)
    fields, waiting = _sum(data["fields"], "written"), _sum(data["fields"], "pending")
    unreadable, unaccounted = _sum(data["fields"], Verdict.UNREADABLE.value), sum(abs(row["unaccounted"]) for row in data["fields"])
    left = data["writes"][IntentState.MEANT.value] + data["writes"][IntentState.IN_DOUBT.value] + data["writes"][IntentState.PARKED.value]
    refused = _sum(data["kinds"], "failed")
    open_items = sum(row["items"] for row in data["queue"] if row["state"] == "open")
    blocking = _sum(data["queue"], "blocking")
    unmatched = len(data["owners"]["unmatched"])
    promises = (
        *_counted(data["source_counts"]),
        ("records sum up and are explained", not unexplained, f"{read:,} read", f"look at {', '.join(unexplained)}", True),
        ("nothing is pending", not pending, f"{pending:,} pending", "see waiting", False),
        ("every field is accounted for", not unaccounted, f"{fields:,} fields written", f"{unaccounted:,} have no verdict", True),
        (
            "every field was read back",
            not waiting and not unreadable,
            f"{waiting:,} not yet, {unreadable:,} unreadable",
            "see fields",
            False,
        ),
        ("no field differs", not differs, f"{differs:,} differ", "see differences; a rollback is offered", True),
        (
            "what is filled in the source is filled in the destination",
            not (gaps := sum(row["unaccounted"] for row in data["null_rates"])),
            f"{gaps:,} missing",
            "see filled fields",
            not pending,
        ),
        ("sums of amounts match", not (wrong := sum(not row["ok"] for row in data["sums"])), f"{wrong:,} differ", "see sums", not pending),
        ("no orphans", not orphans, f"{orphans:,} orphans", "see orphans", True),
        ("no write has an unknown outcome", not left, f"{left:,} open", "they are looked up until they are known", False),
        ("nothing was refused", not refused, f"{refused:,} failed", "see reasons", False),
        ("every owner has a user", not unmatched, f"{unmatched:,} unmatched", "see owners", False),
        ("the review queue is worked off", not open_items, f"{open_items:,} open, {blocking:,} blocking", "see its items", False),
    )
    return [
        {"promise": name, "state": HOLDS if ok else BROKEN if grave else OPEN, "figure": figure, "remark": "" if ok else remark}
        for name, ok, figure, remark, grave in promises
    ]


def _source_counts(kept: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Give what the source held when it was counted after the freeze, beside what had been read and what its own screens show."""
    return [
        {
            "kind": row["kind"], "source": row["source"], "counted": row["how"], "read": row["ledger"], "gone": row["gone"],
            "expected": row["expected"], "verdict": "holds" if row["holds"] else "differs", "at": (kept or {})["at"],
        }
        for row in (kept or {}).get("rows", ())
    ]  # fmt: skip


def _counted(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bool, str, str, bool]]:
    """Say whether the source's own counts hold, once they were taken."""
    if rows:
        wrong = [row["kind"] for row in rows if row["verdict"] != "holds"]
        total, remark = _sum(rows, "source"), f"look at {', '.join(wrong)}"
        yield "the source's own counts hold", not wrong, f"{total:,} in the source after the freeze", remark, True


def _verdict(summary: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    broken = [f"{row['promise']} ({row['figure']})" for row in summary if row["state"] == BROKEN]
    left = [f"{row['promise']} ({row['figure']})" for row in summary if row["state"] == OPEN]
    if broken:
        return {"tone": "bad", "text": f"Does not hold: {'; '.join(broken)}."}
    if left:
        return {"tone": "attention", "text": f"Everything is accounted for. Still open: {'; '.join(left)}."}
    return {"tone": "good", "text": "Everything that was read is explained, every field written was read back, nothing is open."}


async def _reference(ledger: Ledger, pair: Pair, counts: Sequence[KindCount]) -> list[dict[str, Any]]:
    """Say what became of users, groups, sources and statuses, which are looked up and not written."""
    read: dict[Kind, int] = {}
    for count in counts:
        read[count.kind] = read.get(count.kind, 0) + count.count
    roster = [staged.record.key async for page in ledger.every(pair.kind_naming("user")) for staged in page]
    via = {owner["key"]: owner.get("via") for owner in await ledger.setting(OWNERS) or []}
    users = sum(via.get(key) in ("email", "file") for key in roster)
    known = await ledger.setting(REFERENCE_SOURCES) or {}
    sources = sum([staged.record.key in known async for page in ledger.every(pair.kind_naming("source")) for staged in page])
    said = {
        "user": (users, "the rest: see owners and the list of users to invite"),
        "group": (0, "delivered as the group table; the name stays on each person"),
        "source": (sources, "the label stays on each person"),
    }
    rows = []
    for kind in pair.in_role(Role.REFERENCE):
        matched, remark = said.get(pair.of(kind).names, (0, "the label stays on each person"))
        if kind in listed(pair):
            remark = f"listed whole in the report {LIST}{kind}"
        if kind in read:
            rows.append({"kind": kind, "read": read[kind], "matched": matched, "filtered": read[kind] - matched, "remark": remark})
    return rows


async def _differences(ledger: Ledger) -> list[dict[str, Any]]:
    found = await ledger.checks(verdicts=(Verdict.DIFFERS.value, Verdict.UNREADABLE.value), limit=MAX_DIFFERENCES)
    return [
        {
            "kind": check.ref.kind,
            "key": check.ref.key,
            "part": check.ref.part,
            "destination": check.dest_id,
            "field": check.field,
            "expected": check.expected,
            "actual": check.actual,
            "verdict": check.verdict.value,
        }
        for check in found
    ]


def _unmapped(
    confirmed: Mapping[str, Any] | None, observation: Mapping[str, Any] | None, told: Mapping[tuple[Kind, str], int]
) -> dict[str, Any]:
    """List source fields that the confirmed map does not move, with reason and how often they are filled, and those it did not know of."""
    seen = (observation or {}).get("kinds") or {}
    objects = ((confirmed or {}).get("document") or {}).get("objects") or []
    moved = {(one["source"], row["source"]) for one in objects for row in one["rows"] if row["target"]}
    rows: dict[tuple[Kind, str], dict[str, Any]] = {}
    for one in objects:
        for row in one["rows"]:
            place = (one["source"], row["source"])
            if place not in moved and (place[1] in seen.get(place[0], {}) or not seen):
                filled = (seen.get(place[0], {}).get(place[1]) or {}).get("filled", 0)
                rows[place] = {"kind": place[0], "field": place[1], "filled": filled, "reason": row["not_moved"]}
    for place, count in told.items():
        row = rows.setdefault(
            place, {"kind": place[0], "field": place[1], "filled": 0, "reason": "not in the confirmed map; kept as a labelled line"}
        )
        row["filled"] += count if place not in moved else 0
    return {"unmapped": [rows[place] for place in sorted(rows)]}


def _drift(drift: Mapping[str, Mapping[str, int]] | None) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": name, "seen": count}
        for kind, names in sorted((drift or {}).items())
        for name, count in sorted(names.items())
    ]


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)
