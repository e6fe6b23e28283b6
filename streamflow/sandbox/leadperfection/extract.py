"""The tables of a full extract, as a vendor could hand it over: the API's names, one file a kind (lead-perfection.md 3.2).

Everything is there that GetLead and the feeds tell, and calls of any age: a file does not forget after seven days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tree import EVER, FLAGS, Node

Row = Mapping[str, Any]

_CONTACT: Final = ("cst_id", "firstname", "lastname", "email", "email2", "phone1")
_PHONES: Final = tuple(f"altphone{place}{part}" for place in (1, 2, 3) for part in ("", "type"))
_AMOUNTS: Final = tuple(f"gsa{place}" for place in range(1, 6))
_NOTE: Final = ("enteredby", "enteredon", "updatedby", "updatedon", "important", "category", "note")
_CALL: Final = ("calldatetime", "phone", "resultcode", "resultdescr", "calltype", "calltypedescr", "agent", "agentname")
_MILESTONE: Final = ("mdt_id", "datetype", "estdate", "actdate", "enteredby", "enteredon", "lastchangedby", "lastchangedon")

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "prospects": (*_CONTACT, *_PHONES, "address1", "address2", "city", "state", "zip", "dnc", "dateadded", "lastchanged"),
    "leads": (
        "lds_id", "cst_id", "source", "sourcesubdescr", "promotername", "lognumber", "brn_id", "disposition", "salesrepname",
        "entrydate", "dateentered", "lastchangedon", "apptdate", *FLAGS, *EVER, "setbyname", "setdate", "confirmedbyname",
        "confirmeddate", "gsa",
    ),
    "appointments": (
        "ils_id", "lds_id", "cst_id", "apptdate", "disposition", "productid", *_AMOUNTS, "salesrepname", "slr_id", "statuscode", "notes",
        "presnotes", "dispositioncomments",
    ),
    "jobs": (
        "job_id", "lds_id", "cst_id", "contractid", "jbs_id", "jobstatus", "productid", "salesrepname", "salesrepid", "installer1",
        "grossamount", "balancedue", "jobcost", "finco", "finamount", "fincrlimit", "finmonths", "brp_id", "contractdate",
        "entrydate", "dateentered", "lastchanged",
    ),
    "milestones": ("job_id", *_MILESTONE),
    "userfields": ("job_id", "fieldtitle", "fieldvalue"),
    "notes": ("id", "cst_id", "lds_id", "job_id", *_NOTE),
    "calls": ("cst_id", *_CALL),
}  # fmt: skip


def rows(state: State, kind: str) -> Iterator[Row]:
    """Yield the rows of one file, keyed by column."""
    for tree in state.prospects():
        yield from _ROWS[kind](tree)


def _prospects(tree: Node) -> Iterator[Row]:
    phones = {f"altphone{n}": each["phone"] for n, each in enumerate(tree["altphones"], start=1)}
    types = {f"altphone{n}type": each["type"] for n, each in enumerate(tree["altphones"], start=1)}
    yield tree | phones | types


def _leads(tree: Node) -> Iterator[Row]:
    for lead in tree["leads"]:
        yield lead | {"cst_id": tree["cst_id"]}


def _appointments(tree: Node) -> Iterator[Row]:
    for lead in tree["leads"]:
        for row in lead["appointments"]:
            parents = {"lds_id": "", "cst_id": ""} if row["stray"] else {"lds_id": lead["lds_id"], "cst_id": tree["cst_id"]}
            amounts = dict(zip(_AMOUNTS, row["gsas"], strict=False))   # one a product
            yield row | parents | amounts | {"productid": ";".join(row["products"]), "salesrepname": row["salesrep"]}


def _jobs(tree: Node) -> Iterator[Row]:
    for lead in tree["leads"]:
        for job in lead["jobs"]:
            yield job | ({"cst_id": job["stray_cst_id"]} if job["stray"] else {"lds_id": lead["lds_id"], "cst_id": tree["cst_id"]})


def _of_jobs(field: str) -> Callable[[Node], Iterator[Row]]:
    def rows_of(tree: Node) -> Iterator[Row]:
        for lead in tree["leads"]:
            for job in lead["jobs"]:
                yield from ({"job_id": job["job_id"]} | row for row in job[field])

    return rows_of


def _notes(tree: Node) -> Iterator[Row]:
    yield from (note | {"cst_id": tree["cst_id"]} for note in tree["notes"])
    for lead in tree["leads"]:
        parents = {"cst_id": tree["cst_id"], "lds_id": lead["lds_id"]}
        yield from (note | parents for note in lead["notes"])
        for job in lead["jobs"]:
            yield from (note | parents | {"job_id": job["job_id"]} for note in job["notes"])


def _calls(tree: Node) -> Iterator[Row]:
    yield from (call | {"cst_id": tree["cst_id"]} for call in tree["calls"])


_ROWS: Final[Mapping[str, Callable[[Node], Iterator[Row]]]] = {
    "prospects": _prospects, "leads": _leads, "appointments": _appointments, "jobs": _jobs, "milestones": _of_jobs("milestones"),
    "userfields": _of_jobs("userfields"), "notes": _notes, "calls": _calls,
}  # fmt: skip
