"""Records of Lead Perfection as its readers give them, the map proposed for them, and that map compiled."""

from __future__ import annotations

from typing import Any

from streamflow.mapping.compiled import Mapper, compile_map
from streamflow.mapping.derived import Context, Derived, Kin
from streamflow.mapping.document import MapDocument
from streamflow.mapping.observe import Observation
from streamflow.mapping.proposal import Account, propose
from streamflow.model import Draft, Record
from streamflow.platforms.catalog import pair_of

PAIR = pair_of("lead_perfection", "nutshell")
NOW_S = 1_800_000_000  # January 2027: what is dated later is still to come
IDS = Context(
    activity_types={"meeting": "3-activityTypes", "phone call": "1-activityTypes"},
    outcomes={"won": "1-outcomes", "lost": "2-outcomes", "cancelled": "3-outcomes"},
    stagesets={"field": "2-stagesets"},
    stages={"2-stagesets/measure": "6-stages", "2-stagesets/ordered": "7-stages"},
    now_s=NOW_S,
)
PROSPECT: dict[str, Any] = {
    "cst_id": "418207",
    "firstname": "Dana",
    "lastname": "Whitlock",
    "email": "Dana.Whitlock@Example.com",
    "phone1": "4075550142",
    "altphones": [{"label": "AltPhone1", "phone": "4075550199", "type": "Cell"}],
    "address1": "118 Palmetto Ct",
    "address2": "",
    "city": "Sanford",
    "state": "FL",
    "zip": "32771",
    "dateadded": "2026-03-02 00:00:00",
    "lastchanged": "2026-08-06 18:14:08",
    "dnc": "",
}
LEAD: dict[str, Any] = {
    "lds_id": "603915",
    "cst_id": "418207",
    "source": "Internet",
    "sourcesubdescr": "Google - Windows",
    "promotername": "Internet, Vendor",
    "lognumber": "WEB-7781",
    "brn_id": "ORL",
    "disposition": "Sale",
    "salesrepname": "Okafor, Ben - OFFICE",
    "rep": "Okafor, Ben",
    "entrydate": "2026-07-28 00:00:00",
    "dateentered": "2026-07-28 09:41:55",
    "lastchangedon": "2026-08-06 18:10:02",
    "apptset": "true",
    "apptdate": "2026-08-04 17:00:00",
    "confirmed": "true",
    "verified": "false",
    "issued": "true",
    "sat": "true",
    "sold": "true",
    "everset": "true",
    "everconfirmed": "true",
    "everissued": "true",
    "evernetissued": "true",
    "eversat": "true",
    "setbyname": "Ruiz, Ana",
    "setdate": "2026-07-29 10:05:00",
    "confirmedbyname": "Lowe, Kim",
    "confirmeddate": "2026-08-03 11:00:00",
    "gsa": "14250",
}
JOB: dict[str, Any] = {
    "job_id": "58122",
    "lds_id": "603915",
    "cst_id": "418207",
    "contractid": "ORL-26-1044",
    "jbs_id": "AP",
    "jobstatus": "Awaiting Product",
    "stg_id": "0",
    "productid": "WIN",
    "salesrepname": "Okafor, Ben",
    "salesrepid": "87",
    "rep": "Okafor, Ben",
    "installer1": "Crew 4",
    "installer2": "",
    "grossamount": "14250",
    "balancedue": "9250.5",
    "jobcost": "0",
    "finco": "",
    "finamount": "0",
    "fincrlimit": "-1",
    "finmonths": "",
    "contractdate": "2026-08-04 00:00:00",
    "entrydate": "2026-07-28 00:00:00",
    "dateentered": "2026-08-04 19:32:10",
    "lastchanged": "2026-08-06 18:00:01",
    "brp_id": "ORL",
    "firstname": "Dana",
    "lastname": "Whitlock",
    "address1": "118 Palmetto Ct",
    "city": "Sanford",
    "state": "FL",
    "zip": "32771",
    "source": "Internet",
    "sourcesubdescr": "Google - Windows",
    "promotername": "Internet, Vendor",
    "disposition": "Sale",
    "milestones": [
        {"mdt_id": "S", "datetype": "Start", "estdate": "2026-10-20 00:00:00", "actdate": "2026-10-21 00:00:00", "enteredby": "Lowe, Kim"},
        {"mdt_id": "F", "datetype": "Install End", "estdate": "2026-10-25 00:00:00", "actdate": ""},
    ],
}
APPOINTMENT: dict[str, Any] = {
    "ils_id": "771204",
    "lds_id": "603915",
    "cst_id": "418207",
    "apptdate": "2026-08-04 17:00:00",
    "disposition": "Sale",
    "dispositioncomments": "",
    "notes": "9 windows, gate code 1180",
    "presnotes": "Wants white<br>frames",
    "products": ["WIN", "DOR"],
    "gsas": ["14250", "900.5"],
    "salesrepname": "Ben Okafor",
    "slr_id": "87",
    "rep": "Ben Okafor",
    "apptstatuscode": "C",
    "source": "Internet",
    "subsource": "Google - Windows",
    "custname": "Dana Whitlock",
    "address1": "118 Palmetto Ct",
    "csz": "Sanford, FL  32771",
    "phone": "4075550142",
    "altphone1": "4075550199",
    "altphone1type": "Cell",
    "altphone2": "",
    "altphone2type": "",
    "email": "",
    "email2": "dw@home.example",
}
NOTE: dict[str, Any] = {
    "note_id": "990311",
    "cst_id": "418207",
    "lds_id": "603915",
    "note": "HOA letter needed.<br>Call after 5",
    "enteredby": "Ruiz, Ana",
    "enteredon": "2026-08-06 18:14:08",
    "updatedby": "Lowe, Kim",
    "updatedon": "2026-08-07 09:00:00",
    "important": "false",
    "category": "HOA",
    "apptdate": "2026-08-04 17:00:00",
    "apptdisposition": "Sale",
}
CALL: dict[str, Any] = {
    "cst_id": "418207",
    "calldatetime": "2026-08-05 16:20:11",
    "phone": "4075550142",
    "resultcode": "NA",
    "resultdescr": "No Answer",
    "calltype": "O",
    "calltypedescr": "Outbound",
    "agent": "212",
    "agentname": "Ruiz, Ana",
}
REFERENCES: dict[str, dict[str, Any]] = {
    "rep": {"rep_id": "87", "slr_id": "87", "name": "Okafor, Ben", "spoken": "Ben Okafor", "home_market": "ORL", "attributes": "327, 328"},
    "source": {"name": "Internet"},
    "status": {"name": "Awaiting Product", "jbs_id": "AP"},
    "code": {"code_id": "disposition:Sale", "table": "disposition", "code": "Sale", "name": "Sale"},
    "origin": {"code_id": "branch:ORL", "table": "branch", "code": "ORL", "name": "Orlando"},
    "schedule": {
        "schedule_id": "87:2026-08-04", "date": "2026-08-04 00:00:00", "slr_id": "87", "name": "Okafor, Ben", "home_market": "ORL",
        "attributes": "327, 328", "slots": ["Morning 10:00 AM: taken", "Evening 5:00 PM: free"],
    },
}  # fmt: skip


def record(kind: str, whole: dict[str, Any], key: str, **data: Any) -> Record:
    """Give a record with other values in it; None takes a field out."""
    shown = {name: value for name, value in {**whole, **data}.items() if value is not None}
    parent = str(shown.get("cst_id") or "") if kind != "prospect" else None
    return Record(kind=kind, key=key, digest="", parent=parent or None, data=shown)


def prospect(key: str = "418207", **data: Any) -> Record:
    """Give the known prospect with other values."""
    return record("prospect", PROSPECT, key, **{"cst_id": key, **data})


def lead(key: str = "603915", **data: Any) -> Record:
    """Give the known enquiry with other values."""
    return record("lead", LEAD, key, **{"lds_id": key, **data})


def job(key: str = "58122", custom: dict[str, Any] | None = None, **data: Any) -> Record:
    """Give the known job with other values."""
    return record("job", JOB, key, **{"job_id": key, **({"custom": custom} if custom else {}), **data})


def appointment(key: str = "771204", **data: Any) -> Record:
    """Give the known appointment with other values."""
    return record("appointment", APPOINTMENT, key, **{"ils_id": key, **data})


def note(key: str = "990311", **data: Any) -> Record:
    """Give the known note with other values."""
    return record("note", NOTE, key, **{"note_id": key, **data})


def call(key: str = "~c1", **data: Any) -> Record:
    """Give the known call with other values."""
    return record("call", CALL, key, **data)


def reference(kind: str) -> Record:
    """Give a record of a kind that is looked up."""
    whole = REFERENCES[kind]
    return Record(kind=kind, key=str(next(iter(whole.values()))), digest="", data=whole)


def observed(*records: Record) -> Observation:
    """Give what these records and one of every kind show."""
    seen = Observation(PAIR)
    seen.add([prospect(), lead(), job(), appointment(), note(), call(), *(reference(kind) for kind in REFERENCES), *records])
    return seen


def document(*records: Record, limit: int | None = None, **settings: Any) -> MapDocument:
    """Give the proposal for an account that holds these records."""
    return propose(PAIR, Account(observation=observed(*records), settings=settings, custom_field_limit=limit))


def mapper(*records: Record, context: Context = IDS, **settings: Any) -> Mapper:
    """Compile that proposal."""
    return compile_map(document(*records, **settings), PAIR, context)


def kin(*children: Record, former: tuple[Record, ...] = (), heirs: tuple[str, ...] = ()) -> Kin:
    """Give records around one, by kind."""
    kinds = {each.kind for each in (*children, *former)}
    return Kin(
        children={kind: [each for each in children if each.kind == kind] for kind in kinds},
        former={kind: [each for each in former if each.kind == kind] for kind in kinds},
        heirs=heirs,
    )


def main(derived: Derived) -> Draft:
    """Give the record's own draft."""
    return next(draft for draft in derived.drafts if draft.kind != "notes" or not draft.part)


def beside(derived: Derived) -> Draft:
    """Give the note beside a deal, or in its place on the person."""
    return next(draft for draft in derived.drafts if draft.kind == "notes" and draft.part == "details")


def causes(derived: Derived) -> list[tuple[str, str]]:
    """Give cause and field of what is told."""
    return sorted((issue.cause, issue.field) for issue in derived.issues)
