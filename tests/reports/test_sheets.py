"""The sheets a team compares by itself, the data quality score, and lists of what the destination has nothing like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.mapping.document import digest
from streamflow.mapping.document_json import to_json
from streamflow.model import Disposition, Fields, Key, Kind, Link, QueueItem, Record, RecordState, Ref
from streamflow.reports import inventories, listings, scores, sheets
from streamflow.store.base import Ledger
from streamflow.store.change import Enqueue, Finish, Missed, PutLink, PutSetting
from streamflow.store.memory import MemoryLedger
from tests.mapping.lead_perfection import account as lp

from .account import StillClock, stage

PAIR = lp.PAIR
AT = "2026-09-01T12:00:00Z"


def line(kind: Kind, key: Key, dest_kind: Kind, dest_id: str, base: Fields, **more: Any) -> Link:
    """Give a line of the crosswalk."""
    known = {"ours": True, "phase": "backfill", "written_at": AT, **more}
    return Link(ref=Ref(kind, key), dest_kind=dest_kind, dest_id=dest_id, base=base, **known)


RECORDS: tuple[Record, ...] = (
    lp.prospect(),
    lp.prospect("2", email="", zip=""),
    lp.lead("1", dateentered="2025-01-01 10:00:00", source="Radio"),
    lp.lead(),
    lp.job(),
    lp.job("58123", grossamount="-1", jobstatus="Dead Deal", rep=""),
    lp.job("58124", grossamount="100.5"),
    lp.appointment(),
    lp.appointment("771205", apptdate="2026-08-05 10:00:00"),
    replace(lp.appointment("771206", cst_id="", apptdate="2026-09-05 10:00:00"), parent=None),
    *(lp.reference(kind) for kind in lp.REFERENCES),
)
LINKS = (
    line("prospect", "418207", "contacts", "1-contacts", {"custom:Lead Source": "Internet | Google - Windows"}),
    line("prospect", "2", "contacts", "1-contacts", {}, ours=False),
    line("job", "58122", "leads", "1-leads", {"manualValue": "14250.00", "custom:Lead Source": "Internet | Google - Windows"}),
    line("job", "58123", "leads", "2-leads", {"manualValue": "5.00", "custom:Lead Source": "Radio"}),
    line("appointment", "771204", "activities", "1-activities", {"startTime": 1785877200, "name": "Appointment"}),
    line("appointment", "771205", "notes", "9-notes", {"body": "to come"}),
)


@pytest.fixture
async def ledger() -> Ledger:
    """An account of Lead Perfection in a ledger, part of it moved."""
    found = MemoryLedger(clock=StillClock())
    await stage(found, *(replace(record, digest=record.key) for record in RECORDS))
    document = lp.document()
    confirmed = {"digest": digest(document), "document": to_json(document)}
    item = QueueItem(
        id="bad_phone:prospect:2", cause="bad_phone", kind="prospect", key="2", reason="kept", decisions=("waive",), suggested="waive"
    )
    (stray,) = (await found.staged("appointment", ["771206"])).values()
    held = Finish(
        kind="appointment", key="771206", seq=stray.seq, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason="name the prospect"
    )
    changes = [*(PutLink(link=link) for link in LINKS), PutSetting(name="map:confirmed", value=confirmed), Enqueue(item=item), held]
    await found.commit(changes)
    return found


async def test_lp_41_deal_values_stand_side_by_side(ledger: Ledger) -> None:
    """Every job has its value on both sides, what is not there yet with its state, and sums by status and owner."""
    data = await sheets.deal_values(ledger, PAIR)
    rows = {row["key"]: row for row in data["rows"]}
    assert set(rows) == {"58122", "58123", "58124"}
    assert [rows["58122"][name] for name in ("source_value", "destination_value", "difference")] == ["14250.00", "14250.00", "0.00"]
    assert (rows["58123"]["source_value"], rows["58123"]["difference"]) == ("-1.00", "6.00")
    assert (rows["58124"]["destination_value"], rows["58124"]["deal"], rows["58124"]["remark"]) == ("", "", "pending")
    sums = {(row["by"], row["value"]): row for row in data["sums"]}
    assert (sums["all", "all deals"]["source_sum"], sums["all", "all deals"]["destination_sum"]) == ("14349.50", "14255.00")
    assert sums["status", "Dead Deal"]["difference"] == "6.00"
    assert sums["owner", "87"]["deals"] == 1
    assert data["differing"] == 2


async def test_lp_41_lead_sources_stand_side_by_side(ledger: Ledger) -> None:
    """People by the source of their newest enquiry and deals by theirs; what differs is named with both values."""
    data = await sheets.lead_sources(ledger, PAIR)
    counts = {(row["kind"], row["value"]): (row["source"], row["destination"]) for row in data["rows"]}
    assert counts["prospect", "Internet | Google - Windows"] == (1, 1)
    assert counts["job", "Radio"] == (0, 1)
    assert [(row["key"], row["source"], row["destination"]) for row in data["differences"]] == [
        ("58123", "Internet | Google - Windows", "Radio")
    ]


async def test_lp_41_what_only_looks_different_is_no_difference(ledger: Ledger) -> None:
    """An enquiry that is gone tells nothing, a trimmed blank is none, and who shares a person is told to do so."""
    gone = replace(lp.lead("9", cst_id="3", source="Radio"), parent="3", digest="9")
    blank = replace(lp.lead("10", cst_id="4", source="", sourcesubdescr="Expo"), parent="4", digest="10")
    shared = replace(lp.lead("11", cst_id="5", source="Show", sourcesubdescr="Expo"), parent="5", digest="11")
    people = [replace(lp.prospect(key), digest=key) for key in ("3", "4", "5")]
    await stage(ledger, *people, gone, blank, shared)
    spoken = {"3": "", "4": "| Expo", "5": "Radio"}
    lines = [line("prospect", key, "contacts", f"1{key}-contacts", {"custom:Lead Source": value}) for key, value in spoken.items()]
    other = line("prospect", "6", "contacts", "15-contacts", {}, ours=False)
    await ledger.commit([Missed(kind="lead", keys=("9",)), *(PutLink(link=each) for each in (*lines, other))])
    await ledger.commit([Missed(kind="lead", keys=("9",))])
    found = {row["key"]: row["remark"] for row in (await sheets.lead_sources(ledger, PAIR))["differences"] if row["kind"] == "prospect"}
    assert found == {"5": "of another record of the same person"}


async def test_lp_41_what_is_gone_speaks_where_the_map_joins(ledger: Ledger) -> None:
    """Where a person's sources are all joined, that of an enquiry which is gone stays on both sides and is no difference."""
    document = lp.document()
    people = next(one for one in document.objects if one.source == "prospect")
    rows = tuple(
        replace(row, params={**row.params, "pick": "join"}) if row.target == "custom:Lead Source" else row for row in people.rows
    )
    joined = replace(document, objects=tuple(replace(one, rows=rows) if one is people else one for one in document.objects))
    await ledger.commit([PutSetting(name="map:confirmed", value={"digest": digest(joined), "document": to_json(joined)})])
    await stage(
        ledger, replace(lp.prospect("3"), digest="3"),
        replace(lp.lead("9", cst_id="3", source="Radio", sourcesubdescr=""), parent="3", digest="9"),
    )
    await ledger.commit([PutLink(link=line("prospect", "3", "contacts", "13-contacts", {"custom:Lead Source": "Radio"}))])
    for _ in range(2):
        await ledger.commit([Missed(kind="lead", keys=("9",))])
    assert "3" not in {row["key"] for row in (await sheets.lead_sources(ledger, PAIR))["differences"]}


async def test_lp_41_appointments_stand_side_by_side(ledger: Ledger) -> None:
    """Each has its start on both sides to the second, what it became, and the reason where it became nothing."""
    data = await sheets.appointment_history(ledger, PAIR)
    rows = {row["key"]: row for row in data["rows"]}
    assert rows["771204"]["destination_start"] == "2026-08-04 17:00:00 -04:00" == rows["771204"]["source_start"]
    assert (rows["771204"]["seconds_off"], rows["771205"]["became"], rows["771206"]["became"]) == (0, "note", "held")
    assert rows["771206"]["remark"] == "name the prospect"
    assert {(row["month"], row["became"]): row["appointments"] for row in data["months"]}["2026-08", "meeting"] == 1
    assert (data["appointments"], data["moved_in_time"]) == (3, 0)


async def test_lp_43_each_kind_has_a_score_with_its_parts(ledger: Ledger) -> None:
    """The score is the mean of its parts, and the parts are told with it."""
    data = await scores.quality_score(ledger, PAIR)
    found = {row["kind"]: row for row in data["scores"]}
    people = found["prospect"]
    assert (people["records"], people["filled"], people["sound"], people["linked"], people["single"]) == (2, 85.7, 50.0, None, 50.0)
    assert people["score"] == round((85.7 + 50 + 50) / 3, 1)
    assert (found["appointment"]["linked"], found["appointment"]["single"]) == (66.7, None)
    assert data["formula"]
    assert {part["part"] for part in data["parts"]} == {"filled", "sound", "linked", "single"}


async def test_lp_44_the_work_list_begins_with_what_needs_it_most(ledger: Ledger) -> None:
    """Records with empty fields, flags, or a person shared with others are listed in order of need, with what to do."""
    rows = list((await scores.quality_score(ledger, PAIR))["rows"])
    assert [row["weight"] for row in rows] == sorted((row["weight"] for row in rows), reverse=True)
    assert (rows[0]["key"], rows[0]["missing"], rows[0]["flagged"]) == ("2", "email, zip", "bad_phone")
    assert rows[0]["to_do"] == "look at what is flagged; fill in what is missing; see whether both are one person"
    assert any(row["key"] == "771206" and row["to_do"].startswith("name its parent") for row in rows)


async def test_lp_25_the_timetable_of_reps_is_listed(ledger: Ledger) -> None:
    """Days, slots, zip areas and availability are there to be entered again, with the kind of tool that takes them."""
    data = await listings.listing(ledger, PAIR, "schedule")
    (row,) = data["rows"]
    assert (row["name"], row["attributes"], row["slots"]) == ("Okafor, Ben", "327, 328", "Morning 10:00 AM: taken\nEvening 5:00 PM: free")
    assert "scheduling tool" in data["what"]
    assert "Calendly" in data["by_hand"]
    assert listings.listed(PAIR) == ("code", "origin", "schedule")


async def test_lp_26_workflows_have_lines_to_fill_in(ledger: Ledger) -> None:
    """Routing, assignment and follow-up have lines; who the enquiries of a source went to is observed."""
    data = await inventories.automations(ledger, PAIR)
    assert {"lead routing", "assignment rule", "follow-up trigger"} <= {row["type"] for row in data["rows"]}
    assert {(row["source"], row["commonest_owner"]) for row in data["observed"]} == {("Radio", "Okafor, Ben"), ("Internet", "Okafor, Ben")}
