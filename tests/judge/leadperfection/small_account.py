"""A small account of Lead Perfection and its right migration, both written by hand."""

from __future__ import annotations

from typing import Any

from tests.judge.corrupting import Dump
from tests.judge.leadperfection.book import Book, Seen, book_of
from tests.judge.leadperfection.values import instant
from tests.judge.states import Identity, Question

ZONE = "America/New_York"
FALLBACK = "office@sunroof.example"
REPS = """lp_rep_id,lp_name,email
"87","Okaforth, Ben","ben@sunroof.example"
"92","Okaforth, Ben","ben2@sunroof.example"
"93","Castlebay, Mia",""
"94","Okaforth, Ben","ben3@sunroof.example"
"88","Ruizmar, Ana",""
"""
SEEN = Seen(by="api", began="2026-08-10T12:00:00", switches={"call_days": 7, "notes": "mixed", "job_notes": "nowhere"}, zone=ZONE)
SAID: dict[Identity, str] = {
    ("appointment", "43"): "no contact", ("job", "39"): "its prospect is gone",
    ("note", "54"): "an empty note",
}  # fmt: skip
ASKED = (
    Question(cause="shared_email", kind="prospect", key="2", others=frozenset({"1"})),
    Question(cause="shared_email", kind="prospect", key="3", others=frozenset({"2"})),   # not about the twins 1 and 3
    Question(cause="bad_phone", kind="prospect", key="1", others=frozenset({"3"})),      # not about who is who
)
LONG = " ".join(f"word{number}" for number in range(60))
_FLAGS = (
    "apptset", "confirmed", "verified", "issued", "sat", "sold", "everset", "everconfirmed", "everissued", "evernetissued", "eversat",
)  # fmt: skip
_LABELS = (
    "Appointment set", "Confirmed", "Verified", "Issued", "Sat", "Sold", "Ever set", "Ever confirmed", "Ever issued", "Ever net issued",
    "Ever sat",
)  # fmt: skip


def tables() -> dict[str, list[dict[str, Any]]]:
    """Give the book's tables, as the admin face dumps them."""
    home = {"address1": "118 Palmetto Ct", "address2": "Apt 4", "city": "Sanford", "state": "FL", "zip": "32771", "email2": "", "dnc": ""}
    return {
        "prospects": [
            {"cst_id": "1", "firstname": "Dana", "lastname": "Whitlock", "email": " DANA@mail.example ", "phone1": "4075550142", **home,
             "email2": "dana.work@mail.example", "dnc": "CT", "dateadded": "2026-03-02T00:00:00", "altphones": [
                 {"phone": "4075550199", "type": "Cell"}, {"phone": "4075550177", "type": 2}, {"phone": "4075550188", "type": "Home"}]},
            {"cst_id": "2", "firstname": "Luis", "lastname": "Whitlock", "email": "dana@mail.example", "phone1": "(407)555-0142", **home,
             "address2": "", "dateadded": "2026-03-03T00:00:00", "altphones": []},
            {"cst_id": "3", "firstname": "Dana", "lastname": "Whitlock ", "email": "", "phone1": "14075550142", **home,
             "address1": "9 Gator Run", "address2": "", "dateadded": "2026-04-04T00:00:00",
             "altphones": [{"phone": "8135550123", "type": ""}]},
            {"cst_id": "4", "firstname": "Karen", "lastname": "null", "email": "karen at mail.example", "phone1": "5550143", **home,
             "address2": "", "state": "nu", "dateadded": "2026-05-05T00:00:00", "altphones": [], "notes_form": "mixed"},
        ],
        "leads": [
            _lead("11", "1", "2026-03-02T09:41:55.3", source="Internet", sourcesubdescr="Google - Windows", disposition="Sale",
                  apptdate="2026-03-05T17:00:00", gsa="14250.0000", setbyname="Lowe, Kim",
                  setdate="2026-03-02T11:41:55", confirmedbyname="Ruizmar, Ana", confirmeddate="2026-03-04T11:00:00",
                  true=("apptset", "sat", "sold", "everset", "eversat")),
            _lead("12", "1", "2026-07-28T10:00:00", source="TV - Cable", sourcesubdescr="Radio | 98.1 / AM", disposition="Set",
                  salesrepname="Okaforth, Ben - OFFICE", apptdate="2026-09-01T10:30:00", true=("apptset", "everset")),
            _lead("13", "3", "2026-04-04T08:00:00", promotername="Internet, Vendor", disposition="NI", apptdate="2025-11-02T01:30:00"),
            _lead("14", "4", "2026-05-05T08:00:00", source="Show", disposition="", salesrepname="Formerly, Gus", lognumber="WEB-7781"),
        ],
        "jobs": [
            _job("31", "1", "11", grossamount="14250.0000", salesrepname="Okaforth, Ben", salesrepid="87", milestones=[
                     _milestone("R", "Ready", "2026-03-20", "2026-03-21"), _milestone("S", "Start", "2206-10-20", "")],
                 userfields=[{"fieldtitle": "HOA Required", "fieldvalue": "Yes"}, {"fieldtitle": "Deposit", "fieldvalue": "$1,200.00"},
                             {"fieldtitle": "Gate Code", "fieldvalue": "#1180"}, {"fieldtitle": "Old Field", "fieldvalue": ""}]),
            _job("32", "1", "12", grossamount="-400.3333", salesrepname="Castlebay, Mia", salesrepid="93", jobstatus="Dead Deal",
                 jbs_id="DD"),
            {**_job("39", "4", "607", grossamount="100.0000"), "stray": True},
        ],
        "appointments": [
            _appointment("41", "1", "11", "2026-03-05T17:00:00", notes="9 windows<br>gate code 1180", presnotes="Wants white\r\nframes",
                         dispositioncomments="Signed at once",
                         products=["WIN", "DOR"], gsas=["14250.00", ""], disposition="Sale"),
            _appointment("42", "1", "12", "2026-09-01T10:30:00"),
            {**_appointment("43", "4", "14", "2026-06-01T10:30:00"), "stray": True},
            _appointment("44", "3", "13", "2025-11-02T01:30:00", slr_id="92"),
        ],
        "notes": [
            _note("51", "1", "HOA letter needed.<br>Call after 5 &amp; wait", updatedby="Lowe, Kim", updatedon="2026-08-07T09:00:00",
                  important=True, category="Sales"),
            {**_note("52", "1", LONG), "lds_id": "11"},
            _note("53", "4", "null and void\r\nsee file"),
            _note("54", "1", "null"),
            {**_note("55", "1", "of a job"), "lds_id": "11", "job_id": "31"},
            _note("56", "4", "mentions @[Users:1]"),
        ],
        "calls": [
            _call("1", "2026-08-05T16:20:11.5"), _call("2", "2026-08-05T16:20:11", agent="", agentname=""),
            _call("1", "2026-01-05T10:00:00"),
        ],
    }  # fmt: skip


def _lead(key: str, cst_id: str, entered: str, *, true: tuple[str, ...] = (), **data: Any) -> dict[str, Any]:
    return {
        "lds_id": key, "cst_id": cst_id, "source": "", "sourcesubdescr": "", "promotername": "", "lognumber": "", "brn_id": "ORL",
        "disposition": "", "salesrepname": "", "entrydate": f"{entered[:10]}T00:00:00", "dateentered": entered, "apptdate": "",
        "setbyname": "", "setdate": "", "confirmedbyname": "", "confirmeddate": "", "gsa": "0.0000",
        **{flag: flag in true for flag in _FLAGS}, **data,
    }  # fmt: skip


def _job(key: str, cst_id: str, lds_id: str, **data: Any) -> dict[str, Any]:
    return {
        "job_id": key, "cst_id": cst_id, "lds_id": lds_id, "contractid": f"ORL-26-10{key}", "jbs_id": "AP", "jobstatus": "Awaiting Product",
        "productid": "WIN", "salesrepname": "", "salesrepid": "", "installer1": "Crew 4", "balancedue": "9250.5000", "jobcost": "0.0000",
        "finco": "", "finamount": "0.0000", "fincrlimit": "-1", "finmonths": "120", "brp_id": "ORL", "contractdate": "2026-03-06T00:00:00",
        "entrydate": "2026-03-02T00:00:00", "dateentered": "2026-03-06T19:32:10.55", "milestones": [], "userfields": [], "stray": False,
        **data,
    }  # fmt: skip


def _milestone(code: str, name: str, estimated: str, actual: str) -> dict[str, Any]:
    return {"mdt_id": code, "datetype": name, "estdate": f"{estimated}T00:00:00", "actdate": f"{actual}T00:00:00" if actual else ""}


def _appointment(key: str, cst_id: str, lds_id: str, at: str, **data: Any) -> dict[str, Any]:
    return {
        "ils_id": key, "cst_id": cst_id, "lds_id": lds_id, "apptdate": at, "disposition": "Set", "products": [], "gsas": [], "notes": "",
        "presnotes": "", "dispositioncomments": "", "slr_id": "87", "salesrep": "Ben Okaforth", "statuscode": "C", "stray": False, **data,
    }  # fmt: skip


def _note(key: str, cst_id: str, text: str, **data: Any) -> dict[str, Any]:
    return {
        "id": key, "cst_id": cst_id, "enteredby": "Ruizmar, Ana", "enteredon": "2026-08-06T18:14:08.96", "updatedby": "", "updatedon": "",
        "important": False, "category": "", "note": text, **data,
    }  # fmt: skip


def _call(cst_id: str, at: str, **data: Any) -> dict[str, Any]:
    return {
        "cst_id": cst_id, "calldatetime": at, "phone": "4075550142", "resultcode": "NA", "resultdescr": "No Answer", "calltype": "O",
        "calltypedescr": "Outbound", "agent": "212", "agentname": "Ruizmar, Ana", **data,
    }  # fmt: skip


def book() -> Book:
    """Give the book."""
    return book_of(tables())


def before() -> Dump:
    """Give the destination before the run."""
    return {
        "users": [_user("1-users", "Ben Okaforth", "ben@sunroof.example"), _user("2-users", "Office", FALLBACK),
                  _user("3-users", "Ben Okaforth", "ben2@sunroof.example")],
        "activityTypes": [{"id": "1-activityTypes", "name": "Phone Call"}, {"id": "2-activityTypes", "name": "Meeting"}],
        "stages": [{"id": "1-stages", "name": "Measure", "links": {"stageset": "1-stagesets"}}],
        "stagesets": [{"id": "1-stagesets", "name": "Field"}],
        "accounts": [], "leads": [], "activities": [], "tasks": [], "tags": [],
        "contacts": [{"id": "1-contacts", "name": "Nia Okafor", "emails": [], "customFields": {}, "links": {"owner": "2-users"}}],
        "notes": [{"id": "1-notes", "body": "Known before.", "links": {"parent": "1-contacts"}}],
        "sources": [{"id": "1-sources", "name": "Internet"}, {"id": "2-sources", "name": "TV - Cable"}],
    }  # fmt: skip


def _user(rid: str, name: str, mail: str) -> dict[str, Any]:
    return {"id": rid, "name": name, "emails": [mail], "isEnabled": True, "links": {}}


def after() -> Dump:
    """Give the destination after a right migration."""
    dump = before()
    dump["contacts"] += _contacts()
    dump["leads"] = _deals()
    notes = enumerate(_notes(), 5)
    dump["notes"] += [{"id": f"{number}-notes", "body": body, "links": {"parent": parent}} for number, (parent, body) in notes if body]
    dump["activities"] = _activities()
    return dump


def _contacts() -> list[dict[str, Any]]:
    home = {"address_1": "118 Palmetto Ct", "city": "Sanford", "state": "FL", "postalCode": "32771"}
    mail = {"value": "dana@mail.example", "name": "work", "isPrimary": True}
    return [
        {"id": "5-contacts", "name": "Dana Whitlock", "emails": [mail], "phones": [_phone("+14075550142")], "addresses": [_at(home)],
         "description": "[Lead Perfection prospect 1]\nAltPhone3 (Home): 4075550188",
         "customFields": {
             "Streamflow ID": "lp:prospect:1", "Lead Flag": "Lead", "Original Create Date": "2026-03-02", "Address Line 2": "Apt 4",
             "Additional Phone 1": "AltPhone1 (Cell): 4075550199", "Additional Phone 2": "AltPhone2 (2): 4075550177",
             "Additional Email": "dana.work@mail.example", "Lead Source": "TV - Cable | Radio \\| 98.1 / AM",
             "Lead Subsource": "Radio | 98.1 / AM", "Lead Status": "Set", "Do Not Contact": "call, text", "Source System ID": "31\n32",
             "Gate Code": "#1180"},
         "links": {"owner": "1-users"}},
        {"id": "6-contacts", "name": "Luis Whitlock", "emails": [{**mail, "name": "shared"}], "phones": [_phone("+14075550142")],
         "addresses": [_at(home)], "links": {"owner": None},
         "customFields": {"Streamflow ID": "lp:prospect:2", "Lead Flag": "Lead", "Original Create Date": "2026-03-03"}},
        {"id": "7-contacts", "name": "Karen", "emails": [], "phones": [_phone("+15550143")], "addresses": [_at({**home, "state": None})],
         "description": "[Lead Perfection prospect 4]\nE-mail as written: karen at mail.example\nState: nu", "links": {"owner": "2-users"},
         "customFields": {"Streamflow ID": "lp:prospect:4", "Lead Flag": "Lead", "Original Create Date": "2026-05-05",
                          "Lead Source": "Show"}},
    ]  # fmt: skip


def _phone(number: str) -> dict[str, Any]:
    return {"name": "mobile", "isPrimary": True, "value": {"E164": number, "number": number[2:]}}


def _at(value: dict[str, Any]) -> dict[str, Any]:
    return {"name": "main", "isPrimary": True, "value": value}


_BESIDE = "Credit limit: -1\nFinanced amount: 0\nFinanced months: 120\nJob cost: 0\nInstaller 1: Crew 4"
_IN_FIELD = (
    f"{_BESIDE}\nEnquiry: 11\nMilestones: mdt_id: R; datetype: Ready; estdate: 2026-03-20; actdate: 2026-03-21\n"
    "  mdt_id: S; datetype: Start; estdate: 2206-10-20\nStatus code: AP"
)


def _deals() -> list[dict[str, Any]]:
    told = {
        "Balance Due": "9250.50", "Branch": "ORL", "Contract Date": "2026-03-06", "Original Create Date": "2026-03-06", "Product": "WIN",
        "Entry Date": "2026-03-02", "Original Create Time": "2026-03-06T19:32:10-05:00",
    }  # fmt: skip
    return [
        {"id": "31-leads", "description": "ORL-26-1031 – WIN", "manualValue": "14250.00", "status": "open", "links": {
            "contacts": ["5-contacts"], "owner": "1-users", "stage": "1-stages", "sources": ["1-sources"]}, "customFields": {
            **told, "Streamflow ID": "lp:job:31", "Source System ID": "31", "Job Status": "Awaiting Product", "HOA Required": "Yes",
            "Lead Perfection details": _IN_FIELD,
            "Deposit": "1200.00", "Ready Date": "2026-03-21", "Lead Source": "Internet | Google - Windows",
            "Original Owner": "Okaforth, Ben"}},
        {"id": "32-leads", "description": "ORL-26-1032 – WIN", "manualValue": "-400.33", "status": "lost", "links": {
            "contacts": ["5-contacts"], "owner": "2-users", "sources": ["2-sources"]}, "customFields": {
            **told, "Streamflow ID": "lp:job:32", "Source System ID": "32", "Job Status": "Dead Deal", "Original Owner": "Castlebay, Mia"}},
    ]  # fmt: skip


def _notes() -> list[tuple[str, str]]:
    half = LONG.index("word30")
    top = "[2026-08-06 18:14:08 -04:00 by Ruizmar, Ana]"
    made = "Original created: 2026-08-06 18:14:08 -04:00"
    context = "Appointment: 2026-03-05 17:00:00 -05:00\nEnquiry: 11"
    return [
        ("5-contacts", "[2026-04-04] Prospect 3 in Lead Perfection\nName: Dana Whitlock\nPhone: 14075550142\nAltPhone1: 8135550123\n"
                       "Address: 9 Gator Run\nCity: Sanford\nState: FL\nZip: 32771\nCreated: 2026-04-04\n[sf:lp:prospect:3:merged]"),
        ("5-contacts", _enquiry("11", "2026-03-02 09:41:55", "Source: Internet\nSub-source: Google - Windows\nDisposition: Sale\n"
                                "Gross sale amount: 14250\nAppointment: 2026-03-05 17:00:00\n"
                                "Set by: Lowe, Kim\nSet on: 2026-03-02 11:41:55\n"
                                "Confirmed by: Ruizmar, Ana\nConfirmed on: 2026-03-04 11:00:00", "apptset sat sold everset eversat")),
        ("5-contacts", _enquiry("12", "2026-07-28 10:00:00", "Source: TV - Cable\nSub-source: Radio | 98.1 / AM\nDisposition: Set\n"
                                "Gross sale amount: 0\nSales rep: Okaforth, Ben - OFFICE\nAppointment: 2026-09-01 10:30:00",
                                "apptset everset")),
        ("5-contacts", _enquiry("13", "2026-04-04 08:00:00", "Promoter: Internet, Vendor\nDisposition: NI\nGross sale amount: 0\n"
                                "Appointment: 2025-11-02 01:30:00", "")),
        ("7-contacts", _enquiry("14", "2026-05-05 08:00:00", "Source: Show\nGross sale amount: 0\nSales rep: Formerly, Gus\n"
                                "Log number: WEB-7781", "")),
        ("31-leads", ""),   # in the deal's long field
        ("32-leads", f"[Lead Perfection job 32]\n{_BESIDE}\nEnquiry: 12\nStatus code: DD\n[sf:lp:job:32:details]"),
        ("5-contacts", "[2026-09-01 10:30:00 -04:00 by Ben Okaforth]\nDisposition: Set\nStatus code: C\n"
                       "Enquiry: 12\nEnd (derived): 2026-09-01 12:30:00 -04:00\n[sf:lp:appointment:42]"),
        ("5-contacts", f"{top}\n{made}\nOriginal updated: 2026-08-07 09:00:00 -04:00\nUpdated by: Lowe, Kim\nImportant: true\n"
                       "Category: Sales\n\nHOA letter needed.\nCall after 5 & wait\n[sf:lp:note:51]"),
        ("5-contacts", f"{top}\n{context}\n{made}\n\n{LONG[:half].strip()}\n[sf:lp:note:52]"),
        ("5-contacts", f"{top} (2/2)\n{LONG[half:]}\n[sf:lp:note:52:2/2]"),
        ("7-contacts", "[time unknown]\nnull and void\nsee file\n[sf:lp:note:~ab12]"),
        ("7-contacts", f"{top}\n{made}\n\nmentions @ [Users:1]\n[sf:lp:note:56]"),
    ]  # fmt: skip


def _enquiry(key: str, entered: str, told: str, true: str) -> str:
    flags = "\n".join(f"{label}: {'true' if flag in true.split() else 'false'}" for flag, label in zip(_FLAGS, _LABELS, strict=True))
    head = f"[{entered} -04:00] Enquiry {key} in Lead Perfection\n{told}\nEntered: {entered}\nEntry date: {entered[:10]}\nBranch: ORL"
    return f"{head}\n{flags}\n[sf:lp:lead:{key}:details]"


def _activities() -> list[dict[str, Any]]:
    calls = [("51", "5-contacts", "[2026-08-05 16:20:11 -04:00 by Ruizmar, Ana]\nAgent: 212", "~c1"),
             ("52", "6-contacts", "[2026-08-05 16:20:11 -04:00]", "~c2")]  # fmt: skip
    return [
        _meeting("41", "2026-03-05 17:00:00", "[2026-03-05 17:00:00 -05:00 by Ben Okaforth]\nProducts: WIN, DOR\n"
                 "Gross sale amounts: 14250\nPresentation notes: Wants white\n  frames\nDisposition: Sale\n"
                 "Disposition comments: Signed at once\nStatus code: C\nEnquiry: 11\n"
                 "End (derived): 2026-03-05 19:00:00 -05:00\n\n9 windows\ngate code 1180"),
        _meeting("44", "2025-11-02 01:30:00", "[2025-11-02 01:30:00 -04:00 (ambiguous: the clock had it twice) by Ben Okaforth]\n"
                 "Disposition: Set\nStatus code: C\nEnquiry: 13\nEnd (derived): 2025-11-02 02:30:00 -05:00"),
        *({"id": f"{rid}-activities", "name": "Outgoing call: No Answer", "startTime": instant("2026-08-05 16:20:11", ZONE),
           "endTime": instant("2026-08-05 16:20:11", ZONE), "links": {"activityType": "1-activityTypes", "participants": [contact]},
           "description": f"{top}\nDirection: Outbound\nCall type: O\nResult: No Answer\nResult code: NA\nNumber: 4075550142\n"
                          f"[sf:lp:call:{key}]"} for rid, contact, top, key in calls),
    ]  # fmt: skip


def _meeting(key: str, at: str, text: str) -> dict[str, Any]:
    start = instant(at, ZONE)
    return {
        "id": f"{key}-activities", "name": "Appointment – Ben Okaforth", "startTime": start, "endTime": start + 7200,
        "description": f"{text}\n[sf:lp:appointment:{key}]",
        "links": {"activityType": "2-activityTypes", "participants": ["5-contacts", "1-users" if key == "41" else "3-users"]},
    }  # fmt: skip
