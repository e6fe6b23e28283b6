"""The methods of /api/SalesApi/ and /api/Leads/: appointments with their text, schedule and look-ups (lead-perfection.md 2.4 to 2.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import anyio.lowlevel

from streamflow.sandbox.leadperfection import codes, dress
from streamflow.sandbox.leadperfection.customers import Answer, Method, nothing
from streamflow.sandbox.leadperfection.forms import Form, day_or_time, forms_of
from streamflow.sandbox.leadperfection.plan import day_of
from streamflow.sandbox.leadperfection.simulation import LeadPerfection
from streamflow.sandbox.leadperfection.stamps import number_of, number_of_text
from streamflow.sandbox.leadperfection.state import Found

OWN_REP: Final = "87"
"""The rep whom the API user is, where a call shows one's own rows only."""
_SLOTS: Final = (("1", "Morning", "10:00 AM"), ("2", "Afternoon", "2:00 PM"), ("3", "Evening", "6:00 PM"))


async def get_appointments(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the appointments of a range of days with text, phones and rep."""
    forms = forms_of(simulation.switches["appointment_dates"])
    window = _days(simulation, day_or_time(form.text("apptdates"), forms), day_or_time(form.text("apptdatee"), forms))
    own_only = simulation.switches["appointment_rows"] == "own"
    shown = []
    for place, (tree, row, lead) in enumerate(_appointments(simulation, window)):
        if not own_only or row["slr_id"] == OWN_REP:
            shown.append(dress.appointment_row(row, lead or {}, tree, simulation.switches))
        if place % 100 == 99:
            await anyio.lowlevel.checkpoint()  # years in one call must not keep other callers waiting
    return shown


async def get_appointment_list(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the appointments of a range of days, light."""
    if simulation.switches["appointment_list"] == "empty":
        return []
    window = _days(simulation, day_or_time(form.text("apptdatestart")), day_or_time(form.text("apptdateend")))
    return [dress.light_appointment_row(row, tree) for tree, row, _ in _appointments(simulation, window)]


async def get_appointment_days(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the days from a week ago to a month ahead that have appointments, with their number."""
    today = simulation.wall_clock()
    found = _appointments(simulation, _days(simulation, today - timedelta(days=7), today + timedelta(days=30)))
    days = Counter(row["apptdate"][:10] for _, row, _ in found)
    return [{"ApptDate": f"{day}T00:00:00", "NumAppts": count} for day, count in sorted(days.items())]


async def get_appointment_day(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the appointments of one day, light."""
    day = day_or_time(form.text("apptdate"))
    window = None if day is None else (number_of(day), number_of(day + timedelta(days=1)))
    return [dress.light_appointment_row(row, tree) for tree, row, _ in _appointments(simulation, window)]


async def get_appointment(simulation: LeadPerfection, form: Form) -> Answer:
    """Give one appointment by its id, with two look-up lists within."""
    found = simulation.state.find("appointments", form.text("issuedleadid"))
    if found is None:
        return []
    tree, row, lead = found
    lists = {"HshDisposition": _pairs(codes.DISPOSITIONS), "HshProduct": _pairs(codes.PRODUCTS)}
    return [{**dress.appointment_row(row, lead or {}, tree, simulation.switches), **lists}]


async def get_job(simulation: LeadPerfection, form: Form) -> Answer:
    """Give one job as the sales app shows it."""
    found = simulation.state.find("jobs", form.text("jobid", "job_id"))
    if found is None:
        return []
    tree, job, _ = found
    extra = tree["altphones"][0] if tree["altphones"] else {"phone": "", "type": ""}
    place = {"Address1": tree["address1"], "CSZ": dress.csz(tree), "Phone": tree["phone1"], "AltPhone1": extra["phone"]}
    return [{**_job_head(found), **place, "AltPhone1Type": str(extra["type"])}] if not job["stray"] else [_job_head(found)]


async def get_open_jobs(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the unfinished jobs of the API user's rep that changed within a month."""
    now = number_of(simulation.wall_clock())
    found = [simulation.state.find("jobs", key) for _, key in simulation.hits.jobs(now - 30 * 86_400, now + 1)]
    return [_job_head(job) for job in filter(None, found) if job[1]["salesrepid"] == OWN_REP and job[1]["jbs_id"] in ("SC", "AP")]


async def get_prospect_jobs(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the ids of a prospect's jobs."""
    tree, wanted = simulation.state.prospect(form.text("prospect_id")), form.text("contractid")
    jobs = [job for lead in tree["leads"] for job in lead["jobs"]] if tree else []
    return [{"job_id": job["job_id"], "contractid": job["contractid"]} for job in jobs if wanted in ("", job["contractid"])]


async def get_lookup(simulation: LeadPerfection, form: Form) -> Answer:
    """Give dispositions (some), products, queues, document types, call results or call types by letter."""
    kind = form.text("type")
    if kind and kind == simulation.switches["user_type"]:
        return [{"key": rep.slr_id, "value": rep.name} for rep in codes.ACTIVE]
    lists: Mapping[str, tuple[tuple[str, str], ...]] = {
        "d": tuple(row for row in codes.DISPOSITIONS if row[0] in codes.LOOKED_UP_DISPOSITIONS), "p": codes.PRODUCTS,
        "q": (("7", "Rehash"),), "y": (("12", "Contract"), ("13", "Photo")), "e": codes.CALL_RESULTS, "k": codes.CALL_TYPES,
    }  # fmt: skip
    return _pairs(lists.get(kind, ()))


async def get_sources(simulation: LeadPerfection, form: Form) -> Answer:
    """Give sources, promoters, branches or products by letter; sources with ids where names belong, by the switch."""
    kind = form.text("type").upper()
    if kind == "S":
        names = [sub for subs in codes.SOURCES.values() for sub in subs]
        as_ids = simulation.switches["sources_lookup"] == "ids"
        return [{"key": str(5000 + n), "value": str(5000 + n) if as_ids else name} for n, name in enumerate(names)]
    lists = {"P": codes.PROMOTERS, "B": codes.BRANCHES, "R": codes.PRODUCTS}
    return _pairs(lists.get(kind, ()))


async def get_schedule(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the timetable of the active reps for a range of at most 31 days, or of one rep."""
    first, last = day_or_time(form.text("StartDate")), day_or_time(form.text("EndDate"))
    if first is None or last is None or last < first:
        return []
    wanted = form.text("SlrID")
    reps = [rep for rep in codes.ACTIVE if wanted in ("", "0", rep.slr_id)]
    days = [first + timedelta(days=n) for n in range(min(31, (last - first).days + 1))]
    return [{"Date": day_of(day), "SlotsPerDay": len(_SLOTS), "Availability": [_available(rep, day) for rep in reps]} for day in days]


def _available(rep: codes.Rep, day: datetime) -> dict[str, Any]:
    slots = [
        {"SlotId": slot, "SlotDescr": name, "TmsTime": at, "HasApptScheduled": (day.day + int(slot) + int(rep.slr_id)) % 3 == 0}
        for slot, name, at in _SLOTS
    ]
    return {"SlrId": rep.slr_id, "RepName": rep.name, "RepHomeMarket": "ORL", "Attributes": "327,328", "Slots": slots}


def _days(simulation: LeadPerfection, first: datetime | None, last: datetime | None) -> tuple[float, float] | None:
    if first is None or last is None or last < first:
        return None
    end = last.replace(hour=0, minute=0, second=0, microsecond=0)
    extra = 1 if simulation.switches["appointment_end"] == "inclusive" else 0
    return number_of(first.replace(hour=0, minute=0, second=0, microsecond=0)), number_of(end + timedelta(days=extra))


def _appointments(simulation: LeadPerfection, window: tuple[float, float] | None) -> Iterator[Found]:
    for _, key in simulation.hits.appointments(*window) if window else ():
        found = simulation.state.find("appointments", key)
        if found is not None:
            yield found


def _job_head(found: Found) -> dict[str, Any]:
    tree, job, _ = found
    at = number_of_text(job["contractdate"])
    shown = datetime.fromisoformat(job["contractdate"]) if at is not None else None
    return {
        "JobID": job["job_id"], "CustName": "" if job["stray"] else f"{tree['firstname']} {tree['lastname']}".strip(),
        "ProductID": job["productid"], "ContractDate": job["contractdate"],
        "ContractDateDisplay": f"{shown.month}/{shown.day}/{shown.year}" if shown else "", "GrossAmount": job["grossamount"],
        "BalanceDue": job["balancedue"], "JobStatusDescr": job["jobstatus"],
    }  # fmt: skip


def _pairs(rows: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in rows]


SALES: Mapping[str, Method] = {
    "GetSalesApptDetailDateRange": get_appointments, "GetSalesApptList": get_appointment_list,
    "GetSalesApptCal": get_appointment_days, "GetSalesApptDayList": get_appointment_day, "GetSalesApptDetail": get_appointment,
    "GetSalesJobDetail": get_job, "GetSalesOpen": get_open_jobs, "GetProspectJobID": get_prospect_jobs,
    "GetProspectJobID2": get_prospect_jobs, "GetSalesApptDispProd": get_lookup, "GetSalesSchedule": get_schedule, "GetLinks": nothing,
}  # fmt: skip
LEADS: Mapping[str, Method] = {
    "GetLeadsSourceSubPromoter": get_sources, "GetInboundLeadInfo": nothing, "GetLeadsForwardLook": nothing,
    "GetLeadData": nothing,  # deprecated, and without rows since
}
