"""The write methods: they exist so that a test can prove that nobody calls them; every call of one is counted."""

from __future__ import annotations

from typing import Final

from streamflow.sandbox.leadperfection.customers import Answer
from streamflow.sandbox.leadperfection.forms import Form
from streamflow.sandbox.leadperfection.operation import Operation, OperationRefused
from streamflow.sandbox.leadperfection.simulation import LeadPerfection

WRITES: Final = {
    "Leads": ("LeadAdd",),
    "Customers": (
        "AddNotes", "AddCallHistory", "UpdateCustomer", "UpdateProspectInfo", "UpdateDNCStatus", "AddJobImages", "UpdateLead",
    ),
    "Installer": ("AddJobImages", "UpdateJob"),
    "SalesApi": ("AddNotes", "AddJobImages", "UpdateSalesAppt"),
}  # fmt: skip
_PARENTS: Final = {"cst": "cst_id", "lds": "lds_id", "job": "job_id", "": "cst_id"}


async def write(simulation: LeadPerfection, method: str, form: Form) -> Answer:
    """Count a write; LeadAdd and AddNotes are done, all others refused, as is everything by the switch."""
    simulation.write_calls[method] += 1
    if simulation.switches["writes"] == "refused":
        return _refused("Error: no rights")
    try:
        async with simulation.still:
            if method == "LeadAdd":
                return _add_lead(simulation, form)
            if method == "AddNotes":
                return _add_note(simulation, form)
    except OperationRefused as error:
        return _refused(f"Error: {error}")
    return _refused("Error: not simulated")


def _add_lead(simulation: LeadPerfection, form: Form) -> Answer:
    names = ("firstname", "lastname", "address1", "address2", "city", "state", "zip", "phone1", "email")
    values = {name: form.text(name) for name in names if form.has(name)}
    key = simulation.write(Operation(do="create", kind="prospects", values=values), by="api")
    simulation.write(Operation(do="create", kind="leads", values={"cst_id": key, "source": form.text("source")}), by="api")
    return [{"Result": 1, "Message": key}]


def _add_note(simulation: LeadPerfection, form: Form) -> Answer:
    parent = _PARENTS.get(form.text("rectype"))
    if parent is None:
        return _refused("Error: unknown rectype")
    values = {parent: form.text("recid"), "note": form.text("notes", "note"), "enteredby": "Integration, Web"}
    simulation.write(Operation(do="create", kind="notes", values=values), by="api")
    return "UPDATED SUCCESSFULLY!"


def _refused(message: str) -> Answer:
    return [{"Result": 0, "Message": message}]
