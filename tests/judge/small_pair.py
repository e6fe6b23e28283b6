"""A small pair of accounts written by hand: what a right migration of a dozen records looks like."""

from __future__ import annotations

import copy
from typing import Any

from tests.judge.states import Destination, Source, destination_of, source_of
from tests.judge.texts import instant

LONG = " ".join(f"word{number}" for number in range(60))
SHA = "ab" * 32
CREATED = "2026-05-11T09:14:02+02:00"


def tables() -> dict[str, list[dict[str, Any]]]:
    """Give the source's tables."""
    lead = {
        "sourceid": "9", "source": "Website <Quote>", "statusid": "3", "status": "Contacted", "userid": "27", "owner": "Pieter Nel",
        "owner_email": "pieter@example.co.za", "groupid": "4", "created": "2026-05-11 09:14:02", "updated": "2026-05-11 09:14:02",
        "company": "", "address": "", "custom_fields": {},
    }  # fmt: skip
    return {
        "leads": [
            {**lead, "leadid": "1", "name": "Thandi", "email": "thandi@example.co.za", "number": "082 555 0142",
             "company": "Karoo Solar (Pty) Ltd", "address": "14 Loop St, Cape Town, 8001",
             "custom_fields": {"Surname": "Mokoena", "Budget": "R 12 500.00", "Rooms": "3", "utm_source": "google"}},
            {**lead, "leadid": "2", "name": "T. Mokoena", "email": " THANDI@example.co.za", "number": "null", "status": "Quoted",
             "custom_fields": {"Message": "<p>Please<br>call</p>"}},
            {**lead, "leadid": "3", "name": "Dube, Sipho", "email": "joe@", "number": "call after 5", "company": "none",
             "userid": "99", "owner": "Former Colleague", "owner_email": "former@left.example"},
        ],
        "notes": [
            {"noteid": "11", "leadid": "1", "userid": "27", "created": "2026-05-12 08:05:00", "note": "Left voicemail.\r\n\tTry @[Friday]"},
            {"noteid": "12", "leadid": "2", "userid": "", "created": "2026-05-12 08:06:00", "note": LONG},
            {"noteid": "13", "leadid": "77", "userid": "27", "created": "2026-05-12 08:07:00", "note": "of nobody"},
        ],
        "calls": [{"callid": "21", "leadid": "1", "userid": "27", "created": "2026-05-12 08:03:10", "number": "0825550142",
                   "direction": "out", "duration": "00:02:41", "disposition": "No answer", "notes": "rang\ntwice"}],
        "emails": [{"emailid": "31", "leadid": "1", "userid": "27", "sent": "2026-05-13 16:40:00", "from": "pieter@example.co.za",
                    "to": "thandi@example.co.za", "subject": "Your quote", "body": "<p>Hi <b>Thandi</b></p>"}],
        "reminders": [
            {"reminderid": "41", "leadid": "1", "userid": "27", "due": "2026-12-15 10:00:00", "note": "Call back", "repeat": "weekly",
             "done": "0"},
            {"reminderid": "42", "leadid": "3", "userid": "27", "due": "2026-01-15 10:00:00", "note": "Send quote", "repeat": "",
             "done": "1"},
        ],
        "attachments": [{"attachmentid": "51", "leadid": "3", "name": "plan.pdf", "size": 12, "sha256": SHA, "created": CREATED}],
        "users": [{"userid": "27", "name": "Pieter Nel", "email": "pieter@example.co.za", "active": "1"}],
        "statuses": [{"statusid": "3", "name": "Contacted"}],
        "sources": [{"sourceid": "9", "name": "Website <Quote>"}],
        "groups": [{"groupid": "4", "name": "Western Cape", "members": ["27"]}],
    }  # fmt: skip


def before() -> dict[str, Any]:
    """Give the destination before the run."""
    return {
        "users": [{"id": "1-users", "name": "Pieter Nel", "emails": ["pieter@example.co.za"], "isEnabled": True, "links": {}},
                  {"id": "2-users", "name": "Office", "emails": ["office@example.co.za"], "isEnabled": True, "links": {}}],
        "activityTypes": [{"id": "1-activityTypes", "name": "Phone Call"}],
        "accounts": [{"id": "1-accounts", "name": "Own Firm", "customFields": {}, "links": {"owner": "2-users"}}],
        "contacts": [{"id": "1-contacts", "name": "Nia Okafor", "emails": [{"value": "nia@own.test", "name": "work", "isPrimary": True}],
                      "customFields": {}, "links": {"accounts": ["1-accounts"], "owner": "2-users"}}],
        "notes": [{"id": "1-notes", "body": "Known before.", "links": {"parent": "1-contacts"}}],
        "leads": [], "activities": [], "tasks": [], "tags": [], "sources": [],
    }  # fmt: skip


def after() -> dict[str, Any]:
    """Give the destination after a right migration."""
    dump = before()
    marked = {"Streamflow ID": "lt:company:c1"}
    told = {"Lead Status": "Contacted", "Lead Source": "Website <Quote>", "Group": "Western Cape", "Original created at": CREATED}
    address = {"address_1": "14 Loop St", "city": "Cape Town", "postalCode": "8001"}
    dump["accounts"].append({"id": "5-accounts", "name": "Karoo Solar (Pty) Ltd", "customFields": marked, "links": {}})
    dump["contacts"] += [
        {"id": "5-contacts", "name": "Thandi Mokoena", "emails": [_mail("thandi@example.co.za")],
         "phones": [{"name": "mobile", "isPrimary": True, "value": {"E164": "+27825550142", "number": "825550142"}}],
         "addresses": [{"name": "main", "isPrimary": True, "value": address}],
         "customFields": {"Streamflow ID": "lt:lead:1", **told, "Budget": "12500.00", "Rooms": "3"},
         "links": {"accounts": ["5-accounts"], "owner": "1-users"}},
        {"id": "9-contacts", "name": "Sipho Dube", "emails": [], "phones": [],
         "description": "[Leadtrekker lead 3]\nE-mail as written: joe@\nNumber as written: call after 5",
         "customFields": {"Streamflow ID": "lt:lead:3", **told, "Original owner": "Former Colleague"},
         "links": {"accounts": [], "owner": "2-users"}},
    ]  # fmt: skip
    dump["notes"] += _notes()
    dump["activities"] = [{
        "id": "5-activities", "name": "Outgoing call: No answer", "startTime": instant("2026-05-12 08:03:10"),
        "endTime": instant("2026-05-12 08:03:10") + 161,
        "description": "[2026-05-12 08:03:10 +02:00 by Pieter Nel]\nDirection: out\nDuration: 00:02:41\nDisposition: No answer\n"
                       "Number: 0825550142\nNotes: rang\n  twice\n[sf:lt:call:21]",
        "links": {"activityType": "1-activityTypes", "participants": ["5-contacts", "1-users"]},
    }]  # fmt: skip
    dump["tasks"] = [{
        "id": "5-tasks", "title": "Call back", "description": "Call back\nRepeat: every week\n[sf:lt:reminder:41]",
        "dueTime": str(instant("2026-12-15 10:00:00")), "links": {"relatedEntity": "5-contacts", "assignee": "1-users"},
    }]  # fmt: skip
    return dump


def _notes() -> list[dict[str, Any]]:
    half = LONG.index("word30")
    bodies = [
        ("5-contacts", "[2026-05-11 09:14:02] Another lead\nName: T. Mokoena\nStatus: Quoted\nSource: Website <Quote>\n"
                       "Group: Western Cape\nCreated: 2026-05-11 09:14:02\nMessage: Please\n  call\n[sf:lt:lead:2:merged]"),
        ("5-contacts", "[2026-05-12 08:05:00 by Pieter Nel]\nLeft voicemail.\n\tTry @ [Friday]\n[sf:lt:note:11]"),
        ("5-contacts", f"[2026-05-12 08:06:00] (1/2)\n{LONG[:half].strip()}\n[sf:lt:note:12:1/2]"),
        ("5-contacts", f"[2026-05-12 08:06:00] (2/2)\n{LONG[half:]}\n[sf:lt:note:12:2/2]"),
        ("5-contacts", "[2026-05-13 16:40:00 by Pieter Nel]\nFrom: pieter@example.co.za\nTo: thandi@example.co.za\nSubject: Your quote\n\n"
                       "Hi Thandi\n[sf:lt:email:31]"),
        ("9-contacts", "Completed reminder\nDue: 2026-01-15 10:00:00\nSend quote\n[sf:lt:reminder:42]"),
        ("9-contacts", f"[2026-05-12 08:03:10]\nFile: plan.pdf\nSize: 12 bytes\nSHA-256: {SHA}\n[sf:lt:attachment:51]"),
    ]  # fmt: skip
    return [{"id": f"{number}-notes", "body": body, "links": {"parent": parent}} for number, (parent, body) in enumerate(bodies, 5)]


def _mail(value: str) -> dict[str, Any]:
    return {"value": value, "name": "email", "isPrimary": True}


def states(dump: dict[str, Any] | None = None) -> tuple[Source, Destination, Destination]:
    """Give source, destination (of *dump*, else the right one) and the destination before."""
    return source_of(tables()), destination_of(copy.deepcopy(dump if dump is not None else after())), destination_of(before())
