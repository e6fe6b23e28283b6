"""The rows of scheduled reports 133, 134 and 135, in the columns and the formats of the vendor (lead-perfection.md 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tree import Node

Row = Mapping[str, str]

JOB_STATUS: Final = (
    "id", "District", "Market", "custname", "city", "ContractDate", "grossamount", "job_id", "contractid", "ProductID",
    "ProductID2", "ProductID3", "ProductID4", "Status", "Subsourcedescr", "TotalDue", "Phone", "Email", "MostRecentNoteHOA",
    "FinanceSource1", "FinanceSource2", "FinanceSource3", "fullname", "SDate", "EDate", "xjbs_id", "CurrentDateTime", "UseColor",
)  # fmt: skip
JOBS_BY_MILESTONE: Final = (
    "contractid", "ContractDate", "SalesRepName", "CustName", "address1", "city", "MilestoneDate", "NetAmount", "GrossAmount",
    "productid", "brp_id", "JobCost", "TotalPaid", "TotalDue", "Manager", "SDate", "EDate", "MdtDescr", "SortBy", "FMOnly",
    "xbrp_id", "xMode", "FullName", "CurrentDateTime", "UseColor", "xSortBy",
)  # fmt: skip
LEAD_DISPOSITION: Final = (
    "Category", "lastname", "FirstName", "id", "Phone", "Address1", "city", "state", "Zip", "CSZ", "Email", "entrydate",
    "productid", "lastresult", "clq_id", "cqd_id", "dsp_id", "src_id", "sds_id", "brn_id", "PromoterName", "SourceSubDescr", "lr",
    "dspdescr", "NumDials", "NumSuperseded", "LastCallDescr", "GSA", "NetAmount", "ApptDate", "JobStatus", "FullName", "SDate",
    "EDate", "xsrc_id", "xbrn_id", "xSourceSubDescr", "xPromoter", "CurrentDateTime", "UseColor", "xGrade",
)  # fmt: skip
_SCHEDULER: Final = "Report, Scheduled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One scheduled report: its number, its name, its columns, and how its rows are made at a wall clock time."""

    number: str
    name: str
    columns: tuple[str, ...]
    rows: Callable[[State, datetime], Iterator[Row]]


def _job_status(state: State, now: datetime) -> Iterator[Row]:
    """One row a job, those whose lead is gone included; `id` is the prospect's."""
    for tree in state.prospects():
        for lead in tree["leads"]:
            for job in lead["jobs"]:
                contact: Node = {} if job["stray"] else tree
                yield _parameters(now) | {
                    "id": job["stray_cst_id"] or tree["cst_id"], "Market": job["brp_id"], "custname": _name(contact),
                    "city": contact.get("city", ""), "ContractDate": _day(job["contractdate"]),
                    "grossamount": _money(job["grossamount"]), "job_id": job["job_id"], "contractid": job["contractid"],
                    "ProductID": job["productid"], "Status": job["jobstatus"], "Subsourcedescr": lead["sourcesubdescr"],
                    "TotalDue": _money(job["balancedue"]), "Phone": phone(contact.get("phone1", "")),
                    "Email": contact.get("email", ""), "MostRecentNoteHOA": _newest_note(contact), "FinanceSource1": job["finco"],
                    "fullname": _SCHEDULER,
                }  # fmt: skip


def _jobs_by_milestone(state: State, now: datetime) -> Iterator[Row]:
    """One row a milestone of a job; dates of two digits a year."""
    for tree in state.prospects():
        for lead in tree["leads"]:
            for job in (job for job in lead["jobs"] if not job["stray"]):
                for milestone in job["milestones"]:
                    due = _money(job["balancedue"], comma=True)
                    gross = _money(job["grossamount"], comma=True)
                    yield _parameters(now) | {
                        "contractid": job["contractid"], "ContractDate": _short_day(job["contractdate"]),
                        "SalesRepName": job["salesrepname"], "CustName": _name(tree), "address1": tree["address1"],
                        "city": tree["city"], "MilestoneDate": _short_day(milestone["actdate"] or milestone["estdate"]),
                        "NetAmount": gross, "GrossAmount": gross, "productid": job["productid"], "brp_id": job["brp_id"],
                        "JobCost": _money(job["jobcost"], comma=True), "TotalPaid": "0.00", "TotalDue": due,
                        "MdtDescr": milestone["datetype"], "SortBy": "1", "FMOnly": "False", "FullName": _SCHEDULER,
                    }  # fmt: skip


def _lead_disposition(state: State, now: datetime) -> Iterator[Row]:
    """One row a lead; `id` is the prospect's and repeats."""
    for tree in state.prospects():
        for lead in tree["leads"]:
            last = tree["calls"][-1] if tree["calls"] else None
            sold = [job for job in lead["jobs"] if not job["stray"]]
            products = [row["products"][0] for row in lead["appointments"] if row["products"] and not row["stray"]]
            town = f"{tree['city']}, {tree['state']} {tree['zip']}" if tree["city"] else ""
            yield _parameters(now) | {
                "Category": lead["source"], "lastname": tree["lastname"], "FirstName": tree["firstname"], "id": tree["cst_id"],
                "Phone": phone(tree["phone1"]), "Address1": tree["address1"], "city": tree["city"], "state": tree["state"],
                "Zip": tree["zip"], "CSZ": town, "Email": tree["email"], "entrydate": _day(lead["entrydate"]),
                "productid": products[0] if products else "", "lastresult": last["resultcode"] if last else "",
                "dsp_id": lead["disposition"], "src_id": lead["source"][:3].upper(), "sds_id": lead["srs_id"],
                "brn_id": lead["brn_id"], "PromoterName": lead["promotername"], "SourceSubDescr": lead["sourcesubdescr"],
                "dspdescr": lead["disposition"], "NumDials": str(len(tree["calls"])), "NumSuperseded": "0",
                "LastCallDescr": last["resultdescr"] if last else "", "GSA": _money(lead["gsa"]), "NetAmount": _money(lead["gsa"]),
                "ApptDate": _moment(lead["apptdate"]), "JobStatus": sold[0]["jobstatus"] if sold else "", "FullName": _SCHEDULER,
            }  # fmt: skip


REPORTS: Final = (
    Report(number="133", name="Job Status", columns=JOB_STATUS, rows=_job_status),
    Report(number="134", name="Jobs by Milestone", columns=JOBS_BY_MILESTONE, rows=_jobs_by_milestone),
    Report(number="135", name="Lead Disposition Detail", columns=LEAD_DISPOSITION, rows=_lead_disposition),
)


def phone(number: str) -> str:
    """Write ten digits as reports do, "(407)555-0142"; anything else as it stands."""
    digits = number if number.isdigit() and len(number) == 10 else ""
    return f"({digits[:3]}){digits[3:6]}-{digits[6:]}" if digits else number


def _parameters(now: datetime) -> dict[str, str]:
    """Give the report's parameters, which stand on every row."""
    at = now.replace(microsecond=0).isoformat()
    return {"SDate": "1/1/2000", "EDate": _day(at), "CurrentDateTime": _moment(at), "UseColor": "True"}


def _name(contact: Mapping[str, str]) -> str:
    return f"{contact.get('firstname', '')} {contact.get('lastname', '')}".strip()


def _newest_note(tree: Node) -> str:
    notes = [] if not tree else [*tree["notes"], *(note for lead in tree["leads"] for note in lead["notes"])]
    return str(max(notes, key=lambda note: note["enteredon"])["note"]) if notes else ""


def _money(text: str, *, comma: bool = False) -> str:
    return f"{float(text):,.2f}" if comma else f"{float(text):.2f}"


def _day(text: str) -> str:
    at = datetime.fromisoformat(text) if text else None
    return f"{at.month}/{at.day}/{at.year}" if at else ""


def _short_day(text: str) -> str:
    at = datetime.fromisoformat(text) if text else None
    return f"{at:%m/%d/%y}" if at else ""


def _moment(text: str) -> str:
    at = datetime.fromisoformat(text) if text else None
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S} {at:%p}" if at else ""
