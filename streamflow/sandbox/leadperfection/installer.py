"""The methods of /api/Installer/, /api/File/ and /api/Downloads/: documents, notes of jobs, dialer rows (lead-perfection.md 2.8, 2.9)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from streamflow.sandbox.leadperfection import dress
from streamflow.sandbox.leadperfection.customers import Answer, Method, nothing
from streamflow.sandbox.leadperfection.forms import Form
from streamflow.sandbox.leadperfection.simulation import LeadPerfection
from streamflow.sandbox.leadperfection.tree import Node

QUEUE: Final = "7"
_QUEUE_STEP: Final = 10
_ROWS_MAX: Final = 1000


async def get_job_images(simulation: LeadPerfection, form: Form) -> Answer:
    """List the documents of a job."""
    if simulation.switches["documents"] == "missing":
        return web.Response(status=404, text="Not Found")
    found = simulation.state.find("jobs", form.text("recid"))
    count = found[1]["documents"] if found is not None else 0
    rows = [(f"contract {n}.pdf", "Contract") if n == 0 else (f"photo {n}.jpg", "Photo") for n in range(count)]
    return [{"path": f"jobs/{form.text('recid')}/{name}", "filename": name, "docdescr": words} for name, words in rows]


async def download(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the content of a document, as bytes or as base64 within JSON."""
    parts = form.text("path").split("/")
    found = simulation.state.find("jobs", parts[1]) if len(parts) == 3 and parts[0] == "jobs" else None
    if simulation.switches["documents"] == "missing" or found is None or not found[1]["documents"]:
        return web.Response(status=404, text="Not Found")
    content = f"Document {parts[2]} of job {parts[1]}\n".encode() * 40
    if simulation.switches["download"] == "base64":
        return base64.b64encode(content).decode()
    return web.Response(body=content, content_type="application/octet-stream")


async def get_job_notes(simulation: LeadPerfection, form: Form) -> Answer:
    """Give the notes of a job, where the switch has them here."""
    found = simulation.state.find("jobs", form.text("jobid"))
    if found is None or simulation.switches["job_notes"] != "installer":
        return []
    return [dress.note_row(note, simulation.switches) for note in found[1]["notes"]]


async def get_dialer_rows(simulation: LeadPerfection, form: Form) -> Answer:
    """Give rows of the dialer's one queue, every tenth generated prospect, from startrow to endrow, counted from 1."""
    if form.text("cqd_id") != QUEUE:
        return []
    first, last = form.whole("startrow", 1), form.whole("endrow", _ROWS_MAX)
    count = (simulation.state.account.prospect_count + _QUEUE_STEP - 1) // _QUEUE_STEP
    rows = []
    for number in range(max(1, first), min(last, count, first + _ROWS_MAX - 1) + 1):
        tree = simulation.state.nth((number - 1) * _QUEUE_STEP)
        if tree is not None and tree["leads"]:
            rows.append(_dialer_row(tree))
    return rows


def _dialer_row(tree: Node) -> dict[str, str]:
    lead, last = tree["leads"][-1], tree["calls"][-1] if tree["calls"] else None
    phones = [tree["phone1"], *(each["phone"] for each in tree["altphones"]), "", ""]
    return {
        "Cst_ID": tree["cst_id"], "Lds_ID": lead["lds_id"], "Cqd_ID": QUEUE, "Phone": phones[0], "Phone2": phones[1],
        "Phone3": phones[2], "FirstName": tree["firstname"], "LastName": tree["lastname"], "Source": lead["source"],
        "SubSourceDescr": lead["sourcesubdescr"], "Product": "", "CurrentDisposition": lead["disposition"],
        "NumDialingAttempts": str(len(tree["calls"])), "LastCallDatetime": last["calldatetime"] if last else "",
        "LastCallResult": last["resultcode"] if last else "",
    }  # fmt: skip


INSTALLER: Mapping[str, Method] = {
    "GetJobImages": get_job_images, "GetInstallerJobNotes": get_job_notes, "GetInstallerApptCal": nothing,
    "GetInstallerApptDayList": nothing, "GetInstallerApptDetail": nothing, "GetInstallerJobDetail": nothing,
    "GetInstallsOpen": nothing, "GetInstallerStats": nothing,
}  # fmt: skip
FILES: Mapping[str, Method] = {"DownloadWebFiles": download}
DOWNLOADS: Mapping[str, Method] = {"GetLeadsByCQDID": get_dialer_rows, "GetLeadsByCQDIDLong": get_dialer_rows}
