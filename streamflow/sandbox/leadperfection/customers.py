"""The methods of /api/Customers/: prospects with all under them, the feed of jobs, searches (lead-perfection.md 2.1 to 2.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
from aiohttp import web

from streamflow.sandbox.leadperfection import dress
from streamflow.sandbox.leadperfection.forms import Form, HandlerFault
from streamflow.sandbox.leadperfection.hits import Key
from streamflow.sandbox.leadperfection.paging import page
from streamflow.sandbox.leadperfection.simulation import LeadPerfection
from streamflow.sandbox.leadperfection.tree import Node
from streamflow.sandbox.lying import lies

Answer = Any
"""A JSON value, or a whole response."""
Method = Callable[[LeadPerfection, Form], Awaitable[Answer]]
IDS = {"prospects": "cst_id", "leads": "lds_id", "appointments": "ils_id"}
EVER = (-1e11, 1e11)
"""A window that holds every moment, in seconds of the wall clock."""


async def get_lead(simulation: LeadPerfection, form: Form) -> Answer:
    """Give whole prospects by window or by id."""
    trees = await _prospects(simulation, form, "GetLead")
    now = simulation.wall_clock()
    rows = [dress.get_lead_row(tree, simulation.switches, now) for tree in trees]
    return _given(rows, simulation, by_id=any(form.whole(name, 0) for name in IDS.values()))


async def get_prospect_data(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the prospects' own fields alone."""
    trees = await _prospects(simulation, form, "GetProspectData")
    rows = [dress.cased(dress.prospect_row(tree, simulation.switches), tree["cst_id"], simulation.switches) for tree in trees]
    return _given(rows, simulation, by_id=any(form.whole(name, 0) for name in IDS.values()))


async def get_job_status_changes(simulation: LeadPerfection, form: Form) -> Answer:
    """Give jobs in shape A by the window of their change, or by id."""
    job_id, cst_id, status = form.whole("job_id", 0), form.whole("cst_id", 0), form.text("jbs_id").lower()
    found: Sequence[Key]
    if job_id:
        known = simulation.state.find("jobs", str(job_id))
        found = [(known[0]["cst_id"], str(job_id))] if known else []
    elif cst_id:
        tree = simulation.state.prospect(str(cst_id))
        found = [(tree["cst_id"], job["job_id"]) for lead in tree["leads"] for job in lead["jobs"]] if tree else []
    else:
        window = _window(form)
        found = simulation.hits.jobs(*window) if window else []
    if status:
        found = [key for key in found if (job := simulation.state.find("jobs", key[1])) and job[1]["jbs_id"].lower() == status]
    rows = [simulation.state.find("jobs", job_id) for _, job_id in page(found, form, "GetJobStatusChanges", simulation.switches)]
    for row in filter(None, rows):
        await _reach(simulation, row[0]["cst_id"], by_id=bool(job_id or cst_id))
    dressed = [dress.job_feed_row(job, lead or {}, tree, simulation.switches) for tree, job, lead in filter(None, rows)]
    return _given(dressed, simulation, by_id=bool(job_id))


async def get_milestones(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the milestones of jobs by the window of their change; `mdt_id` chooses a code."""
    window, code = _window(form), form.text("mdt_id")
    found = simulation.hits.milestones(*window) if window else []
    rows = []
    for _, job_id in page(found, form, "GetMilestones", simulation.switches):
        job = simulation.state.find("jobs", job_id)
        if job is not None:
            rows += [{"job_id": job_id, **each} for each in job[1]["milestones"] if code in ("", each["mdt_id"])]
    return rows


async def get_sales_appointments(simulation: LeadPerfection, form: Form) -> Answer:
    """Give appointments by the window of their start, light."""
    window = _window(form)
    found = simulation.hits.appointments(*window) if window else []
    rows = [simulation.state.find("appointments", key) for _, key in page(found, form, "GetSalesAppointments", simulation.switches)]
    return [
        {"cst_id": tree["cst_id"], "lds_id": lead["lds_id"], **dress.light_appointment_row(row, tree)}
        for tree, row, lead in filter(None, rows) if lead is not None and not row["stray"]
    ]  # fmt: skip


async def get_customers(simulation: LeadPerfection, form: Form) -> Answer:
    """Search by prospect id or last name."""
    return [_found(tree) for tree in _searched(simulation, form)]


async def get_customers2(simulation: LeadPerfection, form: Form) -> Answer:
    """Search by phone too; no match is an empty body, not an empty list (lead-perfection.md 1.5)."""
    found = _searched(simulation, form)
    return [_found(tree) for tree in found] if found else web.Response(content_type="application/json")


async def nothing(simulation: LeadPerfection, form: Form) -> Answer:
    """Give no rows: a deprecated method, or one whose replies nobody knows."""
    return []


async def _prospects(simulation: LeadPerfection, form: Form, method: str) -> list[Node]:
    """Give the trees one call asks for, as slowly as the slowest of them."""
    ids = {kind: form.whole(name, 0) for kind, name in IDS.items()}
    named = {kind: str(key) for kind, key in ids.items() if key and not lies("no_filter")}
    options, window = form.whole("options", 0), _window(form)
    cst_ids = _named(simulation, named) if named else []
    if not named or simulation.switches["id_window"] == "applied":
        within = simulation.hits.prospects(options, *window) if window else []
        cst_ids = [cst_id for cst_id in cst_ids if cst_id in within] if named else within
    trees = [simulation.state.prospect(cst_id) for cst_id in page(cst_ids, form, method, simulation.switches)]
    found = [tree for tree in trees if tree is not None]
    for tree in found:
        await _reach(simulation, tree["cst_id"], by_id=bool(named))
    return found


def _given(rows: list[Node], simulation: LeadPerfection, *, by_id: bool) -> Answer:
    """Give rows; the one that was asked for by its id alone, where the switch says so (lead-perfection.md 1.5)."""
    return rows[0] if by_id and len(rows) == 1 and simulation.switches["by_id"] == "object" else rows


def _named(simulation: LeadPerfection, named: Mapping[str, str]) -> list[str]:
    """Give the prospect that all ids lead to; none where one is a stray's or they disagree."""
    homes = set()
    for kind, key in named.items():
        found = simulation.state.find(kind, key)
        homes.add(found[0]["cst_id"] if found and not found[1].get("stray") else "")
    return [] if len(homes) > 1 or "" in homes else list(homes)


def _window(form: Form) -> tuple[float, float] | None:
    """Give startdate and enddate; None where one is missing, unreadable or the window inverted."""
    if lies("no_filter"):
        return EVER
    low, high = form.moment("startdate"), form.moment("enddate")
    return None if low is None or high is None or low > high else (low, high)


async def _reach(simulation: LeadPerfection, cst_id: str, *, by_id: bool) -> None:
    """Take as long as this prospect takes. Raises HandlerFault where its row cannot be converted."""
    wait_s = simulation.slow_s(cst_id, by_id=by_id)
    if wait_s:
        await anyio.sleep(wait_s)
    if simulation.is_spoilt(cst_id, by_id=by_id):
        raise HandlerFault("Conversion failed when converting the row.")


def _searched(simulation: LeadPerfection, form: Form) -> list[Node]:
    key = form.whole("prospectid", 0)
    if key:
        tree = simulation.state.prospect(str(key))
        return [tree] if tree is not None else []
    terms = {name: form.text(name) for name in ("email", "lastname")}
    terms["phone"] = "".join(sign for sign in form.text("phone") if sign.isdigit())
    return simulation.directory.search(phone=terms["phone"], email=terms["email"], lastname=terms["lastname"])


def _found(tree: Node) -> Node:
    names = ("cst_id", "firstname", "lastname", "address1", "city", "state", "zip", "phone1", "email")
    return {name: tree[name] for name in names}


METHODS: Mapping[str, Method] = {
    "GetLead": get_lead, "GetProspectData": get_prospect_data, "GetJobStatusChanges": get_job_status_changes,
    "GetMilestones": get_milestones, "GetSalesAppointments": get_sales_appointments, "GetServiceAppointments": nothing,
    "GetCustomers": get_customers, "GetCustomers2": get_customers2, "GetCustomers3": get_customers,
    "GetCustomersByProspectID": get_customers, "GetLeadInfo": nothing,
}  # fmt: skip
