"""How records look in replies: untidy, as in life (lead-perfection.md 2.2 to 2.5, 4.1).

Plain functions of a record and the switches. A record keeps its style for ever, so that nothing seems to change by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from streamflow.sandbox.leadperfection.plan import text_of
from streamflow.sandbox.leadperfection.tree import EVER, FLAGS, Node

Switches = Mapping[str, Any]
_SPELLINGS: tuple[tuple[Any, Any], ...] = (("true", "false"), ("true", "false"), (True, False), ("1", "0"), ("True", "False"))
_NOTE_FIELDS = ("id", "enteredby", "enteredon", "updatedby", "updatedon")


def get_lead_row(tree: Node, switches: Switches, now: datetime) -> Node:
    """Give a prospect with everything nested, as GetLead does; calls reach back `call_days` from *now*, wall clock."""
    key = tree["cst_id"]
    row = prospect_row(tree, switches)
    row["notes"] = notes_of(tree, switches)
    since = text_of(now - timedelta(days=float(switches["call_days"])))
    row["calls"] = [_bare(call) for call in tree["calls"] if call["calldatetime"] >= since]
    row["leads"] = [_lead(lead, key, switches) for lead in tree["leads"]]
    return cased(row, key, switches)


def prospect_row(tree: Node, switches: Switches) -> Node:
    """Give the prospect's own fields."""
    row = {name: tree[name] for name in ("cst_id", "firstname", "lastname", "email", "phone1")}
    row["altphones"] = _altphones(tree, switches)
    row["address1"] = tree["address1"]
    if switches["address2"] == "always" or (switches["address2"] == "filled" and tree["address2"]):
        row["address2"] = tree["address2"]
    row |= {name: tree[name] for name in ("city", "state", "zip", "dateadded", "lastchanged")}
    return row | {"dnc": tree["dnc"]} if switches["dnc"] == "field" else row


def notes_of(holder: Node, switches: Switches) -> Any:
    """Give the notes of a prospect or lead in the form it keeps, or the one that the switch wants for all."""
    form, notes = switches["notes"], holder["notes"]
    if form == "string":
        return "\r\n".join(note["note"] for note in notes)
    form = holder["notes_form"] if form == "mixed" else form
    if form in ("object", "string") and len(notes) == 1:
        return note_row(notes[0], switches) if form == "object" else notes[0]["note"]
    if form in ("string", "strings"):
        return [note["note"] for note in notes]
    if form == "mixed":
        return [note["note"] if place % 2 else note_row(note, switches) for place, note in enumerate(notes)]
    return [note_row(note, switches) for note in notes]


def job_feed_row(job: Node, lead: Node, tree: Node, switches: Switches) -> Node:
    """Give shape A of a job: status, dates and parents, no finance (lead-perfection.md 2.3)."""
    row = {"job_id": job["job_id"], "lds_id": job["lds_id"] if job["stray"] else lead["lds_id"]}
    if switches["job_parent"]:
        row["cst_id"] = job["stray_cst_id"] if job["stray"] else tree["cst_id"]
    row |= {name: job[name] for name in ("contractid", "jbs_id", "jobstatus")} | {"stg_id": "0"}
    blank = dict.fromkeys(("address1", "city", "state", "zip"), "")
    contact = {"firstname": "", "lastname": "Unknown", **blank} if job["stray"] else tree
    row |= {name: contact[name] for name in ("firstname", "lastname", *blank)}
    row |= {name: job[name] for name in ("productid", "salesrepname", "salesrepid", "installer1")} | {"installer2": ""}
    row |= {name: job[name] for name in ("grossamount", "balancedue", "contractdate", "entrydate", "dateentered", "lastchanged")}
    row |= {"brp_id": _padded(job["brp_id"], switches), **_job_children(job, switches, wanted=switches["job_children"] == "full")}
    if switches["numbers"] == "mixed":
        row |= {name: int(row[name]) for name in ("job_id", "lds_id", "cst_id") if name in row}
    return cased(row, job["job_id"], switches)


def appointment_row(row: Node, lead: Node, tree: Node, switches: Switches) -> Node:
    """Give an appointment as the date-range call does: with text and phones, without the prospect (lead-perfection.md 2.4)."""
    phones = [*tree["altphones"], {"phone": "", "type": ""}, {"phone": "", "type": ""}]
    stray = row["stray"]
    name = f"{tree['firstname']} {tree['lastname']}".strip()
    shown: Node = {
        "ID": row["ils_id"],
        "CustName": "" if stray else name,
        "Address1": "" if stray else tree["address1"],
        "CSZ": "" if stray else csz(tree),
        "ApptDate": row["apptdate"],
        "ApptDateDisplay": _display(row["apptdate"]),
        "Phone": "" if stray else tree["phone1"],
    }
    for place in (1, 2):
        extra = phones[place - 1] if not stray else {"phone": "", "type": ""}
        shown |= {f"AltPhone{place}": extra["phone"], f"AltPhone{place}Type": str(extra["type"])}
    shown |= {"email": "", "email2": ""} if stray else {"email": tree["email"], "email2": tree["email2"]}
    shown |= {"Source": lead["source"], "SubSource": lead["sourcesubdescr"], "Notes": row["notes"]}
    shown["ProductID"] = row["products"][0] if row["products"] else ""
    for place, (product, amount) in enumerate(zip(row["products"], row["gsas"], strict=False), start=1):
        as_number = switches["numbers"] == "mixed" and amount
        shown |= {f"ProductID{place}": _padded(product, switches), f"GSA{place}": float(amount) if as_number else amount}
    shown |= {
        "SalesRepName": row["salesrep"], "slr_id": row["slr_id"], "ApptStatusCode": row["statuscode"], "CanUpdateIndicator": "1",
        "Disposition": row["disposition"], "DispositionComments": row["dispositioncomments"], "PresNotes": row["presnotes"],
    }  # fmt: skip
    if switches["appointment_parents"] and not stray:
        shown |= {"cst_id": tree["cst_id"], "lds_id": lead["lds_id"]}
    return cased(shown, row["ils_id"], switches)


def light_appointment_row(row: Node, tree: Node) -> Node:
    """Give an appointment as the list and day calls do."""
    name = "" if row["stray"] else f"{tree['firstname']} {tree['lastname']}".strip()
    return {
        "ID": row["ils_id"], "CustName": name, "CSZ": "" if row["stray"] else csz(tree), "ApptDate": row["apptdate"],
        "ApptDateDisplay": _display(row["apptdate"]),
    }  # fmt: skip


def _display(text: str) -> str:
    at = datetime.fromisoformat(text)
    return f"{at:%a} {at.month}/{at.day} {at.hour % 12 or 12}:{at:%M} {at:%p}"


def csz(tree: Node) -> str:
    """Give city, state and zip as one text."""
    return f"{tree['city']}, {tree['state']}  {tree['zip']}" if tree["city"] else ""


def cased(row: Node, key: str, switches: Switches) -> Node:
    """Write the keys of a row, and of all within it, in the case its id stands for."""
    style = zlib.crc32(key.encode()) % 5 if switches["key_case"] == "mixed" else 2
    return _recased(row, style) if style < 2 else row


def _recased(value: Any, style: int) -> Any:
    if isinstance(value, dict):
        return {name.upper() if style else name[:1].upper() + name[1:]: _recased(inner, style) for name, inner in value.items()}
    return [_recased(inner, style) for inner in value] if isinstance(value, list) else value


def _lead(lead: Node, cst_id: str, switches: Switches) -> Node:
    flag = _spelling(cst_id, switches)
    row = {"id": lead["lds_id"], "source": lead["source"], "sourcesubdescr": lead["sourcesubdescr"]}
    row |= {"promotername": lead["promotername"], "lognumber": lead["lognumber"], "brn_id": lead["brn_id"]}
    row |= {name: lead[name] for name in ("disposition", "salesrepname", "entrydate", "dateentered", "lastchangedon")}
    row |= {name: flag[0] if lead[name] else flag[1] for name in (*FLAGS, *EVER)} | {"apptdate": lead["apptdate"]}
    row |= {name: lead[name] for name in ("setbyname", "setdate", "confirmedbyname", "confirmeddate")}
    row["GrossSaleAmount" if zlib.crc32(lead["lds_id"].encode()) % 8 == 0 else "gsa"] = lead["gsa"]
    row["appointments"] = [_nested_appointment(each, switches) for each in lead["appointments"] if not each["stray"]]
    row["notes"] = notes_of(lead, switches)
    row["jobs"] = [_nested_job(each, switches) for each in lead["jobs"] if not each["stray"]]
    return row


def _nested_appointment(row: Node, switches: Switches) -> Node:
    named = {} if switches["appointment_id"] == "absent" else {switches["appointment_id"]: row["ils_id"]}
    return {**named, "apptdate": row["apptdate"], "disposition": row["disposition"]}


def _nested_job(job: Node, switches: Switches) -> Node:
    """Give shape B of a job: with cost and finance, without status code, dates and balance."""
    row = {"id": job["job_id"], **{name: job[name] for name in ("contractid", "jobstatus", "grossamount")}}
    row |= {"brp_id": _padded(job["brp_id"], switches), "salesrepname": job["salesrepname"], "salesrepid": job["salesrepid"]}
    row |= {name: job[name] for name in ("jobcost", "finco", "finamount", "fincrlimit", "finmonths")}
    row |= _job_children(job, switches, wanted=True)
    return row | {"notes": [note_row(note, switches) for note in job["notes"]]} if switches["job_notes"] == "nested" else row


def _job_children(job: Node, switches: Switches, *, wanted: bool) -> Node:
    if not wanted:
        return {"milestones": [], "userfields": []}
    pad = " " if switches["padding"] else ""
    fields = [{"fieldtitle": f"{field['fieldtitle']}{pad}", "fieldvalue": field["fieldvalue"]} for field in job["userfields"]]
    return {"milestones": [dict(row) for row in job["milestones"]], "userfields": fields}


def note_row(note: Node, switches: Switches) -> Node:
    flag = _spelling(note["id"], switches)
    row = {name: note[name] for name in _NOTE_FIELDS}
    return row | {"important": flag[0] if note["important"] else flag[1], "category": note["category"], "note": note["note"]}


def _altphones(tree: Node, switches: Switches) -> list[Any]:
    form, phones = switches["altphones"], tree["altphones"]
    if form == "mixed":
        form = ("objects", "texts")[zlib.crc32(tree["cst_id"].encode()) % 2]
    return [phone["phone"] for phone in phones] if form == "texts" else [dict(phone) for phone in phones]


def _spelling(key: str, switches: Switches) -> tuple[Any, Any]:
    return _SPELLINGS[zlib.crc32(key.encode()) % len(_SPELLINGS)] if switches["booleans"] == "mixed" else _SPELLINGS[0]


def _padded(code: str, switches: Switches) -> str:
    return f"{code:<5}" if switches["padding"] and code else code


def _bare(node: Node) -> Node:
    return {name: value for name, value in node.items() if name != "marks"}
