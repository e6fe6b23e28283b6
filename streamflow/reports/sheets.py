"""
Sheets on which a team compares both sides by itself: values of deals, lead sources, and the history of appointments.

Rule: the source's side is read off the staged records, the destination's off what was written and is read back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from streamflow.ledger_names import MAP_CONFIRMED
from streamflow.mapping.dates import Moment, read_moment, zone_of
from streamflow.mapping.document_json import from_json
from streamflow.mapping.pair import KindPlan, Pair, Role
from streamflow.mapping.settings import settings_of, ways_of
from streamflow.mapping.values import Ways, decimal_of, reader_for
from streamflow.model import DestId, Key, Kind, Link, RecordState, Staged
from streamflow.reports.rows import Rows
from streamflow.reports.spoken import Spoken, spoken_of
from streamflow.stages.kept import expected, kept
from streamflow.store.base import Ledger

VALUE: Final = "manualValue"
_AMOUNT: Final = "money_value"
_NOTHING: Final[Mapping[RecordState, str]] = {RecordState.DONE: "nothing"}     # left out, or undone
_BECAME: Final[Mapping[Kind, str]] = {"activities": "meeting", "notes": "note"}


async def deal_values(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give every deal with its value on both sides, and the sums by status and by owner (LP-41, LP-48)."""
    rows, sums = Rows(), _Sums()
    usual = ways_of(await _settings(ledger, pair))
    for kind in pair.in_role(Role.DEAL):
        plan, one = pair.of(kind), pair.object(kind)
        row = next((row for row in one.rows if row.transform == _AMOUNT), None) if one is not None else None
        field, ways = (row.source, usual.of_row(row.params)) if row is not None else ("", usual)
        async for page in ledger.every(kind):
            links = await _own_links(ledger, kind, page, "leads")
            for staged in page:
                link = links.get(staged.record.key)
                if link is not None or not plan.yields_to:     # an enquiry that is no deal has no value to compare
                    rows.append(sums.add(_deal_row(staged, link, plan, _amount(staged, field, ways))))
    return {"deals": len(rows), "differing": sums.differing, "sums": sums.rows(), "rows": rows}


def _deal_row(staged: Staged, link: Link | None, plan: KindPlan, amount: Decimal | None) -> dict[str, Any]:
    record, base = staged.record, link.base if link else {}
    there = decimal_of(str(expected(base).get(VALUE) or ""))
    theirs = VALUE in kept(base)
    return {
        "kind": record.kind,
        "key": record.key,
        "person": record.parent or "",
        "name": str(plan.told(record.data, "name") or ""),
        "status": str(plan.told(record.data, "status") or ""),
        "owner": str(plan.told(record.data, "owner") or ""),
        "source_value": _shown(amount),
        "destination_value": _shown(there),
        "difference": "" if theirs else _shown((there or Decimal(0)) - (amount or Decimal(0))),
        "deal": link.dest_id if link else "",
        "remark": "a person's version stands" if theirs else "" if link else staged.reason or staged.state.value,
    }


class _Sums:
    """Sums of values by what a deal is."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
        self.differing = 0

    def add(self, row: dict[str, Any]) -> dict[str, Any]:
        here, there = (Decimal(row[name] or 0) for name in ("source_value", "destination_value"))
        self.differing += row["difference"] not in ("", "0.00")
        for place in (("all", "all deals"), ("status", row["status"]), ("owner", row["owner"])):
            count, one, other = self._sums[place]
            self._sums[place] = [count + 1, one + here, other + there]
        return row

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                **{"by": by, "value": value or "(none)", "deals": int(count)},
                **{"source_sum": _shown(here), "destination_sum": _shown(there), "difference": _shown(there - here)},
            }
            for (by, value), (count, here, there) in sorted(self._sums.items())
        ]


async def lead_sources(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give how many people and deals each lead source has on both sides, and every one that differs (LP-41)."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    differing = Rows()
    confirmed = await ledger.setting(MAP_CONFIRMED)
    document = from_json(confirmed["document"], pair) if confirmed else None
    for spoken in spoken_of(document, pair, "source") if document is not None else ():
        kind, place = spoken.one.source, (spoken.one.source, spoken.target)
        async for page in ledger.every(kind):
            links = await _own_links(ledger, kind, page, spoken.one.destination)
            told = await spoken.told(ledger, [staged for staged in page if staged.record.key in links])
            values = {key: (here.strip(), str(expected(links[key].base).get(spoken.target) or "").strip()) for key, here in told.items()}
            for here, there in values.values():
                counted[(*place, here, "source")] += 1
                counted[(*place, there, "destination")] += 1
            odd = {key: each for key, each in values.items() if each[0] != each[1]}
            shared = {each.dest_id for each in await ledger.links_to([links[key].dest_id for key in odd]) if each.is_merged}
            differing.extend(_source_row(kind, key, *each, links[key], spoken, shared) for key, each in odd.items())
    return {"differing": len(differing), "rows": _source_rows(counted), "differences": differing}


def _source_row(kind: Kind, key: Key, here: str, there: str, link: Link, spoken: Spoken, shared: Collection[DestId]) -> dict[str, Any]:
    is_another_s = link.dest_id in shared or not here
    remark = "of another record of the same person" if is_another_s else ""
    remark = "a person's version stands" if spoken.target in kept(link.base) else remark
    return {"kind": kind, "key": key, "source": here, "destination": there, "record": link.dest_id, "remark": remark}


def _source_rows(counted: Mapping[tuple[str, str, str, str], int]) -> list[dict[str, Any]]:
    places = sorted({place[:3] for place in counted})
    rows = []
    for kind, target, value in places:
        here, there = (counted[kind, target, value, side] for side in ("source", "destination"))
        rows.append(
            {
                **{"kind": kind, "field": target.removeprefix("custom:"), "value": value or "(none)"},
                **{"source": here, "destination": there, "difference": there - here},
            }
        )
    return rows


async def appointment_history(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give every appointment with its time on both sides and what became of it, and how many there are a month (LP-41)."""
    rows, months = Rows(), Counter[tuple[str, str]]()
    zone = zone_of((await _settings(ledger, pair))["zone"])
    moved = 0
    for plan in (pair.of(kind) for kind in pair.written if pair.of(kind).shape == "meeting"):
        async for page in ledger.every(plan.kind):
            links = await _own_links(ledger, plan.kind, page)
            for staged in page:
                link, when = links.get(staged.record.key), str(plan.told(staged.record.data, "when") or "")
                moment = read_moment(when, zone) if when else None
                start = expected(link.base).get("startTime") if link else None
                off = "" if start is None or moment is None else int(start) - moment.unix_s
                moved += off not in ("", 0)
                became = _BECAME.get(link.dest_kind, link.dest_kind) if link else _NOTHING.get(staged.state, staged.state.value)
                months[when[:7] or "(none)", became] += 1
                rows.append(
                    {
                        "key": staged.record.key,
                        "person": staged.record.parent or "",
                        "source_start": moment.header() if moment else when,
                        "destination_start": _moment(int(start), zone) if start is not None else "",
                        "seconds_off": off,
                        "name": str(expected(link.base).get("name") or "") if link else "",
                        "became": became,
                        "record": link.dest_id if link else "",
                        "remark": "" if link else staged.reason or "",
                    }
                )
    by_month = [{"month": month, "became": became, "appointments": count} for (month, became), count in sorted(months.items())]
    return {"appointments": len(rows), "moved_in_time": moved, "months": by_month, "rows": rows}


# -------------------------------------------------------------------------------------------------- shared by the sheets


async def _settings(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    confirmed = await ledger.setting(MAP_CONFIRMED) or {}
    return settings_of((confirmed.get("document") or {}).get("settings") or {}, pair)


async def _own_links(ledger: Ledger, kind: Kind, page: Sequence[Staged], dest_kind: Kind | None = None) -> dict[Key, Link]:
    """Give the main line of the crosswalk of each record; merged records and notes beside others have none."""
    links = await ledger.links_of(kind, [staged.record.key for staged in page])
    return {link.ref.key: link for link in links if not link.ref.part and not link.is_merged and dest_kind in (None, link.dest_kind)}


def _amount(staged: Staged, field: str, ways: Ways) -> Decimal | None:
    value = staged.record.data.get(field)
    return None if value in (None, "") else decimal_of(reader_for("money", {}, ways)(str(value)).value or "")


def _moment(unix_s: int, zone: ZoneInfo) -> str:
    return Moment(local=datetime.fromtimestamp(unix_s, zone), unix_s=unix_s).header()


def _shown(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"
