"""Records and maps that the tests of the mapping start from."""

from __future__ import annotations

from typing import Any

from streamflow.mapping.compiled import Mapper, compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.mapping.observe import Observation
from streamflow.mapping.proposal import Account, propose
from streamflow.model import Draft, Record
from streamflow.platforms.catalog import pair_of

PAIR = pair_of("leadtrekker", "nutshell")
TYPES = {"phone call": "1-activityTypes", "email": "9-activityTypes"}
SPELT = {
    "leadid": "48213",
    "name": "Thandi",
    "email": "thandi@example.co.za",
    "number": "0825550142",
    "company": "Karoo Solar (Pty) Ltd",
    "address": "14 Loop St, Cape Town, 8001",
    "sourceid": "10452",
    "source": "Website - Quote form",
    "statusid": "3",
    "status": "Contacted",
    "userid": "27",
    "owner": "Pieter Nel",
    "owner_email": "pieter@example.co.za",
    "groupid": "4",
    "group": "Western Cape",
    "created": "2026-05-11 09:14:02",
    "updated": "2026-05-13 16:40:55",
    "custom": {"Surname": "Mokoena", "Message": "Quote for 5kW<br>please call", "utm_source": "google"},
}
"""The lead of leadtrekker.md 2.2 in canonical form."""

CHILDREN: dict[str, dict[str, Any]] = {
    "note": {
        "noteid": "9001",
        "leadid": "48213",
        "lead_email": "thandi@example.co.za",
        "userid": "27",
        "user": "Pieter Nel",
        "user_email": "pieter@example.co.za",
        "created": "2026-05-12 08:05:00",
        "note": "Left voicemail.\r\nTry Friday",
    },
    "call": {
        "callid": "501",
        "leadid": "48213",
        "lead_email": "",
        "userid": "27",
        "user": "Pieter Nel",
        "user_email": "",
        "created": "2026-05-12 08:03:10",
        "number": "0825550142",
        "direction": "out",
        "duration": "00:02:41",
        "disposition": "No answer",
        "notes": "rang twice\nno voicemail",
    },
    "email": {
        "emailid": "77",
        "leadid": "48213",
        "lead_email": "",
        "userid": "27",
        "user": "",
        "user_email": "",
        "sent": "2026-05-13 16:40:00",
        "from": "pieter@example.co.za",
        "to": "thandi@example.co.za",
        "subject": "Your quote",
        "body": "<p>Hi Thandi</p><p>See <b>this</b></p>",
    },
    "reminder": {
        "reminderid": "310",
        "leadid": "48213",
        "lead_email": "",
        "userid": "27",
        "user_email": "",
        "due": "2026-05-15 10:00:00",
        "note": "Call back",
        "repeat": "weekly",
        "done": "0",
    },
    "attachment": {
        "attachmentid": "a1",
        "leadid": "48213",
        "name": "quote.pdf",
        "size": "1204",
        "sha256": "ab" * 32,
        "path": "attachments/48213/quote.pdf",
        "created": "2026-05-12 08:03:10",
    },
    "user": {"userid": "27", "name": "Pieter Nel", "email": "pieter@example.co.za", "number": "", "role": "Sales", "active": "1"},
    "group": {"groupid": "4", "name": "Western Cape", "permission": "edit", "members": ["27", "31"]},
    "source": {"sourceid": "10452", "name": "Website - Quote form", "type": "website form", "campaign": ""},
    "status": {"statusid": "3", "name": "Contacted", "order": "2", "closed": "0"},
}
"""One record of every other kind, with every field leadtrekker.md 2.2 and 3.1 name."""


def lead(key: str = "48213", custom: dict[str, Any] | None = None, **data: Any) -> Record:
    """Give the known lead with other values in it."""
    return Record(
        kind="lead", key=key, digest="", data={**SPELT, "leadid": key, **data, "custom": SPELT["custom"] if custom is None else custom}
    )


def bare_lead(key: str, custom: dict[str, Any] | None = None, **data: Any) -> Record:
    """Give a lead with nothing but what is said."""
    return Record(kind="lead", key=key, digest="", data={"leadid": key, **data, "custom": custom or {}})


def child(kind: str, **data: Any) -> Record:
    """Give a happening or reference record with other values in it."""
    whole = {**CHILDREN[kind], **data}
    return Record(kind=kind, key=str(whole[next(iter(CHILDREN[kind]))]), digest="", data=whole)


def observed(*records: Record) -> Observation:
    """Give what these records and one of every kind show."""
    seen = Observation(PAIR)
    seen.add([lead(), *(child(kind) for kind in CHILDREN), *records])
    return seen


def proposed(*records: Record, **settings: Any) -> MapDocument:
    """Give the proposal for an account that holds these records."""
    return propose(PAIR, Account(observation=observed(*records), settings=settings))


def mapper(*records: Record, context: Context | None = None, **settings: Any) -> Mapper:
    """Compile that proposal."""
    return compile_map(proposed(*records, **settings), PAIR, context or Context(activity_types=TYPES))


def only(drafts: tuple[Draft, ...]) -> Draft:
    """Give the single draft of a record."""
    assert len(drafts) == 1, [(draft.kind, draft.part) for draft in drafts]
    return drafts[0]
