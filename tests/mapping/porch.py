"""A made-up source with people, deals of their own and visits: what the first pair does not use is tried on it."""

from __future__ import annotations

from typing import Any

from streamflow.mapping.compiled import Mapper, compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.mapping.observe import Observation
from streamflow.mapping.pair_toml import read_pair
from streamflow.mapping.proposal import Account, propose
from streamflow.model import Record

TEXT = """
pair = "porch-nutshell"
source = "porch"
destination = "nutshell"
title = "Porch & Sons"
prefix = "po"

[defaults]
zone = "America/New_York"
region = "US"
currency = "USD"
date_order = "month"
thousands = ","
meeting_s = 5400

[[kinds]]
kind = "rep"
role = "reference"
names = "user"
label = "name"

[[kinds]]
kind = "client"
role = "person"
owner = ["repid"]

[[kinds]]
kind = "inquiry"
role = "deal"
parent = "client"
owner = ["repid"]
yields_to = "quote"
yields_by = "inquiryid"

[[kinds]]
kind = "quote"
role = "deal"
parent = "client"
owner = ["repid", "repname"]

[[kinds]]
kind = "visit"
role = "happening"
shape = "meeting"
parent = "client"
owner = ["repid"]
address = ["client_email"]
noun = "appointment"

[[kinds]]
kind = "scan"
role = "file"
parent = "quote"

[[objects]]
source = "rep"
destination = "users"
cardinality = "reference-only"
transform = "matched"
lookup = "by e-mail"
schema = "none"
rows = [{ source = "repid", target = "id", transform = "reference" }]

[[objects]]
source = "client"
destination = "contacts"
cardinality = "n:1"
transform = "a person"
lookup = "by id"
schema = "custom fields"
takes_custom = true
rows = [
  { source = "clientid", target = "custom:Streamflow ID", transform = "marker" },
  { source = "fullname", target = "name", transform = "person_name" },
  { source = "email", target = "emails", transform = "emails" },
  { source = "phone1", target = "phones", transform = "phones" },
  { source = "more", target = "custom:Additional Phone 1", transform = "phone_labelled", params = { label = "AltPhone", slot = 1 } },
  { source = "more", target = "custom:Additional Phone 2", transform = "phone_labelled", params = { slot = 2, label = "AltPhone" } },
  { source = "street", target = "addresses", transform = "address_part", params = { part = "line1" } },
  { source = "unit", target = "addresses", transform = "address_part", params = { part = "line2" } },
  { source = "unit", target = "custom:Address line 2", transform = "text" },
  { source = "town", target = "addresses", transform = "address_part", params = { part = "city" } },
  { source = "state", target = "addresses", transform = "address_part", params = { part = "state" } },
  { source = "zip", target = "addresses", transform = "address_part", params = { part = "code" } },
  { source = "source", target = "custom:Lead Source", transform = "pair_text", params = { with = "subsource" } },
  { source = "subsource", target = "custom:Lead Subsource", transform = "text" },
  { source = "flag", target = "custom:Lead Flag", transform = "lead_flag", params = { kind = "quote", then = "Customer" } },
  { source = "origin", target = "custom:Moved from", transform = "constant", params = { value = "Porch" } },
  { source = "quote.key", target = "custom:Source System ID", transform = "rollup", params = { combine = "join" } },
  { source = "inquiry.verdict", target = "custom:Newest Inquiry", transform = "rollup", params = { pick = "newest", by = "made" } },
  { source = "quote.state", target = "custom:Newest Quote", transform = "rollup", params = { pick = "newest", by = "made" } },
  { source = "repid", target = "link:owner", transform = "owner" },
]

[[objects]]
source = "inquiry"
destination = "leads"
cardinality = "1:1"
transform = "an open deal until it is quoted"
lookup = "by id"
schema = "custom fields"
rows = [
  { source = "inquiryid", target = "custom:Streamflow ID", transform = "marker" },
  { source = "clientid", target = "link:contacts", transform = "parent" },
  { source = "wish", target = "description", transform = "lead_title" },
  { source = "source", target = "link:sources", transform = "native_source" },
  { source = "made", target = "custom:Original created", transform = "local_day", family = "date" },
  { source = "verdict", not_moved = "stands on the client" },
  { source = "repid", target = "link:owner", transform = "owner" },
]

[[objects]]
source = "quote"
destination = "leads"
cardinality = "1:1"
transform = "a deal"
lookup = "by id"
schema = "custom fields"
takes_custom = true
rows = [
  { source = "quoteid", target = "custom:Streamflow ID", transform = "marker" },
  { source = "clientid", target = "link:contacts", transform = "parent" },
  { source = "inquiryid", not_moved = "says which inquiry it came of" },
  { source = "number", target = "description", transform = "lead_title" },
  { source = "product", target = "description", transform = "lead_title" },
  { source = "amount", target = "manualValue", transform = "money_value" },
  { source = "state", target = "outcome", transform = "outcome", params = { values = { Paid = "won", Dead = "lost", Offered = "" } } },
  { source = "step", target = "stage", transform = "stage", params = { values = { Measure = "Field/Measure", Ordered = "Ordered" } } },
  { source = "steps", target = "custom:Started", transform = "milestone_date", family = "date", params = { code = "S", date = "actual" } },
  { source = "steps", target = "details", transform = "block", params = { label = "Milestones" } },
  { source = "made", target = "custom:Original created", transform = "local_day", family = "date" },
  { source = "repid", target = "link:owner", transform = "owner" },
  { source = "repname", target = "link:owner", transform = "owner" },
]

[[objects]]
source = "visit"
destination = "activities"
cardinality = "1:1"
transform = "a meeting"
lookup = "client"
schema = "none"
rows = [
  { source = "visitid", target = "description", transform = "marker" },
  { source = "clientid", target = "link:participants", transform = "parent" },
  { source = "client_email", target = "link:participants", transform = "parent_email" },
  { source = "repid", target = "link:participants", transform = "author" },
  { source = "start", target = "startTime", transform = "time" },
  { source = "start", target = "endTime", transform = "span_end" },
  { source = "product", target = "name", transform = "subject" },
  { source = "repname", target = "name", transform = "subject" },
  { source = "entered", target = "description", transform = "line", params = { label = "Entered", time = true } },
  { source = "notes", target = "description", transform = "body", family = "long" },
]

[[objects]]
source = "scan"
destination = "notes"
cardinality = "lossy"
transform = "a file"
lookup = "quote"
schema = "none"
rows = [
  { source = "scanid", target = "body", transform = "marker" },
  { source = "quoteid", target = "link:parent", transform = "parent" },
  { source = "file", target = "body", transform = "line", params = { label = "File" } },
]

[[labels]]
names = ["spouse", "spouse name"]
reason = "who else lives there"

[[purposes]]
kind = "quote"
patterns = ["spouse*", "gate code"]
pick = "newest"
reason = "tells of the people, not of the work"
"""

PORCH = read_pair(TEXT)
CLIENT: dict[str, Any] = {
    "clientid": "c7",
    "fullname": "Dana Whitlock",
    "email": "",
    "phone1": "4075550142",
    "more": [{"phone": "4075550199", "type": "Cell"}, "4075550177", {"label": "Work", "raw": "407 555 0155"}],
    "street": "118 Palmetto Ct",
    "unit": "Apt 4",
    "town": "Sanford",
    "state": "FL",
    "zip": "32771",
    "source": "Internet",
    "subsource": "Google | Windows",
    "repid": "87",
}
QUOTE: dict[str, Any] = {
    "quoteid": "q1",
    "clientid": "c7",
    "number": "ORL-26-1044",
    "product": "Windows",
    "amount": "14,250.00",
    "state": "Paid",
    "step": "Ordered",
    "steps": [{"code": "S", "actual": "2026-10-20T00:00:00"}, {"code": "M", "actual": ""}],
    "made": "2026-07-28 09:41:55",
    "repid": "87",
}
VISIT: dict[str, Any] = {
    "visitid": "v1",
    "clientid": "c7",
    "client_email": "",
    "repid": "87",
    "start": "2026-08-04 17:00:00",
    "product": "Windows",
    "repname": "Ben Okafor",
    "entered": "2026-08-01 10:00:00",
    "notes": "gate code 1180",
}
INQUIRY: dict[str, Any] = {
    "inquiryid": "i1", "clientid": "c7", "wish": "New windows", "source": "Internet", "made": "2026-07-20 08:00:00",
    "verdict": "Hot", "repid": "87",
}  # fmt: skip
SCAN: dict[str, Any] = {"scanid": "s1", "quoteid": "q1", "file": "plan.pdf"}
IDS = Context(
    activity_types={"meeting": "3-activityTypes"},
    outcomes={"won": "1-outcomes", "lost": "2-outcomes"},
    stagesets={"field": "2-stagesets"},
    stages={"1-stagesets/ordered": "5-stages", "2-stagesets/measure": "6-stages"},
    now_s=1_800_000_000,
)


def client(key: str = "c7", **data: Any) -> Record:
    """Give the client with other values in it."""
    return Record(kind="client", key=key, digest="", data={**CLIENT, "clientid": key, **data})


def inquiry(key: str = "i1", parent: str = "c7", **data: Any) -> Record:
    """Give the inquiry with other values in it."""
    return Record(kind="inquiry", key=key, digest="", parent=parent, data={**INQUIRY, "inquiryid": key, "clientid": parent, **data})


def quote(key: str = "q1", **data: Any) -> Record:
    """Give the quote with other values in it."""
    return Record(kind="quote", key=key, digest="", parent="c7", data={**QUOTE, "quoteid": key, **data})


def visit(**data: Any) -> Record:
    """Give the visit with other values in it."""
    return Record(kind="visit", key="v1", digest="", data={**VISIT, **data})


def scan(**data: Any) -> Record:
    """Give the scan with other values in it."""
    return Record(kind="scan", key="s1", digest="", data={**SCAN, **data})


def document(*records: Record, limit: int | None = None, **settings: Any) -> MapDocument:
    """Give the proposal for an account that holds these records."""
    seen = Observation(PORCH)
    seen.add([client(), inquiry(), quote(), visit(), scan(), *records])
    return propose(PORCH, Account(observation=seen, settings=settings, custom_field_limit=limit))


def mapper(*records: Record, context: Context = IDS, **settings: Any) -> Mapper:
    """Compile that proposal."""
    return compile_map(document(*records, **settings), PORCH, context)
