"""What the simulated Lead Perfection tells: windows, option bits, shapes and untidiness of lead-perfection.md 1.7, 1.8, 2 and 4."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import pytest

from tests.hanging import HUNG_S
from tests.sandbox.leadperfection_rig import ALL_TIME, ANY, NOW, PLAIN, START, Wire, serving

PATIENCE_S = 0.3
NEW_YORK = ZoneInfo("America/New_York")
LEAD_KEYS = {
    "id", "source", "sourcesubdescr", "promotername", "lognumber", "brn_id", "disposition", "salesrepname", "entrydate",
    "dateentered", "lastchangedon", "apptset", "apptdate", "confirmed", "verified", "issued", "sat", "sold", "everset",
    "everconfirmed", "everissued", "evernetissued", "eversat", "setbyname", "setdate", "confirmedbyname", "confirmeddate", "appointments",
    "notes", "jobs",
}  # fmt: skip
NOTE_KEYS = {"id", "enteredby", "enteredon", "updatedby", "updatedon", "important", "category", "note"}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server with tidy replies."""
    async with serving(**PLAIN) as made:
        yield made


def since(text: str = "2026-11-18 09:00:00") -> dict[str, str]:
    """Give a window from a time to far ahead."""
    return {"startdate": text, "enddate": "2027-01-01 00:00:00"}


async def changed(wire: Wire, options: int) -> list[str]:
    """Give the prospects of which anything was changed since the clock was started."""
    return [row["cst_id"] for row in await wire.lead(options=options, **since())]


# --- GetLead: shape ---


async def test_a_hit_is_the_whole_prospect(wire: Wire) -> None:
    """A row has the contract's keys with leads, notes, calls, appointments and jobs nested; numbers and flags are text."""
    rows = await wire.lead()
    assert len(rows) == (await wire.admin("state"))["counts"]["prospects"] == 80
    assert {"cst_id", "firstname", "lastname", "email", "phone1", "altphones", "address1", "city", "state", "zip", "dateadded",
            "lastchanged", "notes", "calls", "leads"} <= rows[0].keys()  # fmt: skip
    leads = [lead for row in rows for lead in row["leads"]]
    assert all(lead.keys() - {"gsa", "GrossSaleAmount"} == LEAD_KEYS for lead in leads)
    assert {lead[name] for lead in leads for name in ("sat", "eversat", "sold")} == {"true", "false"}
    notes = [note for holder in (*rows, *leads) for note in holder["notes"]]
    assert notes
    assert all(note.keys() == NOTE_KEYS for note in notes)
    assert {type(row["cst_id"]) for row in rows} | {type(lead["id"]) for lead in leads} == {str}


async def test_gross_sale_amount_has_two_names(wire: Wire) -> None:
    """Some leads say gsa and some GrossSaleAmount, none both."""
    leads = [lead for row in await wire.lead() for lead in row["leads"]]
    assert {name for lead in leads for name in lead if name.lower() in ("gsa", "grosssaleamount")} == {"gsa", "GrossSaleAmount"}
    assert not any("gsa" in lead and "GrossSaleAmount" in lead for lead in leads)


async def test_the_dump_and_the_replies_agree(wire: Wire) -> None:
    """Every living record that is no stray, and no note of a job, is reached by GetLead."""
    rows = await wire.lead()
    leads = [lead for row in rows for lead in row["leads"]]
    assert {lead["id"] for lead in leads} == {lead["lds_id"] for lead in await wire.dump("leads")}
    jobs = {job["id"] for lead in leads for job in lead["jobs"]}
    assert jobs == {job["job_id"] for job in await wire.dump("jobs") if not job["stray"]}
    notes = {note["id"] for holder in (*rows, *leads) for note in holder["notes"]}
    assert notes == {note["id"] for note in await wire.dump("notes") if "note.of_a_job" not in note["marks"]}
    made = sum(not row["stray"] for row in await wire.dump("appointments"))
    assert sum(len(lead["appointments"]) for lead in leads) == made


async def test_ids_find_their_prospect(wire: Wire) -> None:
    """cst_id, lds_id and ils_id lead to the same whole prospect; 0 means all; an unknown id or two that disagree none."""
    [appointment, *_] = [row for row in await wire.dump("appointments") if not row["stray"]]
    wanted = await wire.by_id(appointment["cst_id"])
    for name in ("lds_id", "ils_id"):
        form = {"cst_id": 0, "lds_id": 0, "ils_id": 0, name: appointment[name]}
        assert await wire.rows("Customers/GetLead", **form) == [wanted]
    assert await wire.rows("Customers/GetLead", cst_id=1) == []
    other = (await wire.dump("leads"))[-1]["lds_id"]
    assert await wire.rows("Customers/GetLead", cst_id=appointment["cst_id"], lds_id=other) == []


async def test_a_read_by_id_may_answer_with_the_record_alone(wire: Wire) -> None:
    """By the switch the one row that an id leads to comes without its array; lists, and ids that lead nowhere, have theirs."""
    [appointment, *_] = [row for row in await wire.dump("appointments") if not row["stray"]]
    wanted, job = await wire.by_id(appointment["cst_id"]), (await wire.dump("jobs"))[0]["job_id"]
    [fed] = await wire.rows("Customers/GetJobStatusChanges", job_id=job)
    await wire.switch(by_id="object")
    for name in ("cst_id", "lds_id", "ils_id"):
        assert await wire.call("Customers/GetLead", PageSize=1, StartIndex=1, **{name: appointment[name]}) == (200, wanted)
    assert await wire.call("Customers/GetJobStatusChanges", PageSize=1, StartIndex=1, job_id=job) == (200, fed)
    assert await wire.rows("Customers/GetLead", cst_id=1) == []
    assert isinstance(await wire.lead(PageSize=1), list)


async def test_dates_beside_an_id_count_by_the_switch(wire: Wire) -> None:
    """Ignored by default; applied, a window without the prospect hides it."""
    cst_id = (await wire.lead(PageSize=1))[0]["cst_id"]
    window = {"startdate": "2001-01-01", "enddate": "2001-01-02", "cst_id": cst_id}
    assert len(await wire.lead(**window)) == 1
    await wire.switch(id_window="applied")
    assert await wire.lead(**window) == []
    assert len(await wire.lead(cst_id=cst_id)) == 1


# --- GetLead: windows ---


async def test_a_customer_without_an_enquiry_is_shown_by_its_notes(wire: Wire) -> None:
    """The bits of enquiries, appointments and jobs leave out a customer who has none; the bit of notes shows it, and its id does."""
    bare = {row["cst_id"] for row in await wire.dump("prospects")} - {row["cst_id"] for row in await wire.dump("leads")}
    assert await wire.example("prospect.without_leads") in bare
    assert {row["cst_id"] for row in await wire.lead(options=131072)} >= bare
    for options in (0, ANY - 131072):
        assert not bare & {row["cst_id"] for row in await wire.lead(options=options)}
    assert (await wire.by_id(min(bare)))["leads"] == []


async def test_dates_come_in_three_forms(wire: Wire) -> None:
    """ISO days, American days and full times say the same."""
    found = [
        await wire.lead(startdate=low, enddate=high)
        for low, high in (("2026-06-01", "2026-08-01"), ("06/01/2026", "08/01/2026"), ("2026-06-01 00:00:00", "2026-08-01 00:00:00"))
    ]
    assert found[0] == found[1] == found[2] != []


@pytest.mark.parametrize(
    "window",
    [
        {"startdate": "2026-11-18 09:00:00", "enddate": "2026-11-18"},  # a bare end is midnight
        {"startdate": "2026-08-01", "enddate": "2026-06-01"},
        {"startdate": "1 June 2026", "enddate": "2026-08-01"},
        {"startdate": "2026-06-01", "enddate": ""},
    ],
)
async def test_a_bad_window_is_empty_without_a_word(wire: Wire, window: dict[str, str]) -> None:
    """Inverted, unreadable or half a window: 200 and an empty list."""
    assert await wire.lead(**window) == []


async def test_the_end_of_a_window_may_count(wire: Wire) -> None:
    """By default a window ends before its end; by the switch it holds it."""
    await wire.act("edit", "leads", (await wire.dump("leads"))[0]["lds_id"], values={"disposition": "NI"})
    window = {"startdate": "2026-11-18 08:59:59", "enddate": "2026-11-18 09:00:00", "options": 2048}
    assert await wire.lead(**window) == []
    await wire.switch(end_bound="inclusive")
    assert len(await wire.lead(**window)) == 1


async def test_options_0_selects_by_entry_date(wire: Wire) -> None:
    """The default and 4096 filter on the lead's day of entry, 1024 on its moment."""
    leads = await wire.dump("leads")
    lead = leads[20]
    day = datetime.fromisoformat(lead["entrydate"])
    window = {"startdate": f"{day:%Y-%m-%d %H:%M:%S}", "enddate": f"{day + timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"}
    for options in (0, 4096):
        assert lead["cst_id"] in {row["cst_id"] for row in await wire.lead(**window, options=options)}
    assert await wire.lead(**window, options=1024) == []
    moment = datetime.fromisoformat(lead["dateentered"]).replace(microsecond=0)
    window = {"startdate": f"{moment:%Y-%m-%d %H:%M:%S}", "enddate": f"{moment + timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"}
    assert [row["cst_id"] for row in await wire.lead(**window, options=1024)] == [lead["cst_id"]]


@pytest.mark.parametrize(
    ("kind", "values", "bits"),
    [
        ("leads", {"disposition": "NI"}, {2048}),
        ("appointments", {"notes": "new"}, {8192, 16384}),
        ("jobs", {"jobstatus": "Dead Deal"}, {32768}),
        ("jobs", {"milestone": {"mdt_id": "C", "actdate": "2026-11-18T00:00:00"}}, {65536}),
        ("notes", {"note": "corrected"}, {131072}),
    ],
)
async def test_each_bit_selects_by_its_own_date(wire: Wire, kind: str, values: dict[str, Any], bits: set[int]) -> None:
    """An edit shows under the bits of its kind and under the sum of all, and under no other: not even its lead's."""
    field = {"leads": "lds_id", "appointments": "ils_id", "jobs": "job_id", "notes": "id"}[kind]
    [record, *_] = [row for row in await wire.dump(kind) if not row.get("stray")]
    await wire.act("edit", kind, record[field], values=values)
    for bit in (0, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072):
        assert await changed(wire, bit) == ([record["cst_id"]] if bit in bits else [])
    assert await changed(wire, ANY) == [record["cst_id"]]


async def test_a_bit_may_be_blind(wire: Wire) -> None:
    """By the switch a bit finds nothing, alone or in a sum."""
    await wire.act("edit", "notes", (await wire.dump("notes"))[0]["id"], values={"note": "corrected"})
    await wire.switch(blind_bits=[131072])
    assert await changed(wire, 131072) == await changed(wire, ANY) == []


@pytest.mark.parametrize("flag", ["sat", "apptset", "sold", "confirmed"])
async def test_flags_flip_without_a_date(wire: Wire, flag: str) -> None:
    """A flipped flag is in the reply and in no window of changes."""
    lead = (await wire.dump("leads"))[0]
    await wire.act("edit", "leads", lead["lds_id"], values={flag: not lead[flag]})
    [now] = [each for each in (await wire.by_id(lead["cst_id"]))["leads"] if each["id"] == lead["lds_id"]]
    assert now[flag] == ("false" if lead[flag] else "true")
    assert await changed(wire, ANY) == []


async def test_contact_edits_move_no_date(wire: Wire) -> None:
    """Address and phone change silently; by the switch they show as a change of the leads."""
    before = (await wire.lead(PageSize=1))[0]
    await wire.act("edit", "prospects", before["cst_id"], values={"address1": "1 New Rd", "phone1": "4075550100"})
    assert await wire.by_id(before["cst_id"]) == before | {"address1": "1 New Rd", "phone1": "4075550100"}
    assert await changed(wire, ANY) == []
    await wire.switch(prospect_edits="lead")
    await wire.act("edit", "prospects", before["cst_id"], values={"address1": "2 New Rd"})
    assert await changed(wire, 2048) == [before["cst_id"]]


async def test_a_change_may_show_late(wire: Wire) -> None:
    """By the switch a window holds a change only after a while, though its date is older; by id it shows at once."""
    await wire.switch(late_visibility_s=300)
    lead = (await wire.dump("leads"))[0]
    await wire.act("edit", "leads", lead["lds_id"], values={"disposition": "DNC"})
    assert (await wire.by_id(lead["cst_id"]))["leads"][0]["disposition"] == "DNC"
    wire.clock.advance(299)
    assert await changed(wire, ANY) == []
    wire.clock.advance(2)
    assert await changed(wire, ANY) == [lead["cst_id"]]
    assert (await wire.by_id(lead["cst_id"]))["leads"][0]["lastchangedon"] == "2026-11-18T09:00:00"


async def test_silent_edits_move_no_date(wire: Wire) -> None:
    """Whatever was changed by hand in silence keeps its old date."""
    lead = (await wire.dump("leads"))[0]
    await wire.act("edit", "leads", lead["lds_id"], values={"disposition": "NI"}, silent=True)
    assert await changed(wire, ANY) == []
    assert (await wire.by_id(lead["cst_id"]))["leads"][0]["lastchangedon"] == lead["lastchangedon"]


# --- deletions, merges, calls ---


async def test_a_deletion_has_no_feed(wire: Wire) -> None:
    """A deleted prospect is in no reply any more, and nothing tells of it; its ids find nothing."""
    row = (await wire.lead(PageSize=1))[0]
    await wire.act("delete", "prospects", row["cst_id"])
    assert row["cst_id"] not in {each["cst_id"] for each in await wire.lead()}
    assert await wire.rows("Customers/GetLead", cst_id=row["cst_id"]) == []
    assert await wire.rows("Customers/GetLead", lds_id=row["leads"][0]["id"]) == []
    assert await changed(wire, ANY) == []


async def test_a_merge_moves_leads_to_another_prospect(wire: Wire) -> None:
    """The old cst_id vanishes, its leads and notes reappear under the survivor with their dates, and no window tells."""
    loser, survivor = [row for row in await wire.lead() if row["notes"]][:2]
    await wire.act("merge", "prospects", loser["cst_id"], values={"into": survivor["cst_id"]})
    after = await wire.by_id(survivor["cst_id"])
    assert await wire.rows("Customers/GetLead", cst_id=loser["cst_id"]) == []
    assert after["leads"] == survivor["leads"] + loser["leads"]
    assert after["notes"] == survivor["notes"] + loser["notes"]
    assert await wire.rows("Customers/GetLead", lds_id=loser["leads"][0]["id"]) == [after]
    assert await changed(wire, ANY) == []
    day = {"startdate": loser["leads"][0]["entrydate"][:10], "enddate": "2100-01-01", "options": 0}
    assert survivor["cst_id"] in {row["cst_id"] for row in await wire.lead(**day)}


async def test_calls_vanish_after_seven_days(wire: Wire) -> None:
    """Only calls of the last week are shown, without an id, and with time they go; by the switch more days count."""
    calls = [call for row in await wire.lead() for call in row["calls"]]
    every = await wire.dump("calls")
    assert 0 < len(calls) < len(every)
    assert min(call["calldatetime"] for call in calls) >= "2026-11-11T09:00:00"
    assert "id" not in {key.lower() for call in calls for key in call}
    wire.clock.advance(8 * 86_400)
    await wire.sign_in()
    assert not any(row["calls"] for row in await wire.lead())
    await wire.switch(call_days=10_000)
    assert sum(len(row["calls"]) for row in await wire.lead()) == len(every)


# --- time ---


async def test_times_are_naive_and_local_with_ragged_fractions(wire: Wire) -> None:
    """No zone anywhere; fractions have no to three digits; date-only fields are midnight."""
    rows = await wire.lead()
    times = [lead[name] for row in rows for lead in row["leads"] for name in ("dateentered", "lastchangedon")]
    assert {len(text.partition(".")[2]) for text in times} >= {0, 1, 2, 3}
    assert all(datetime.fromisoformat(text).tzinfo is None for text in times)
    assert {lead["entrydate"][10:] for row in rows for lead in row["leads"]} == {"T00:00:00"}
    await wire.act("edit", "leads", rows[0]["leads"][0]["id"], values={"disposition": "NI"})
    assert (await wire.by_id(rows[0]["cst_id"]))["leads"][0]["lastchangedon"] == "2026-11-18T09:00:00"
    assert datetime.fromtimestamp(START, NEW_YORK).replace(tzinfo=None) == NOW


async def test_both_changes_of_the_clocks_are_lived_through(wire: Wire) -> None:
    """The doubled hour of autumn is written alike both times, the missing one of spring is jumped over."""
    cst_id = (await wire.lead(PageSize=1))[0]["cst_id"]
    written = []
    for moment in ("2027-03-14T06:59:00+00:00", "2027-03-14T07:01:00+00:00", "2027-11-07T05:30:00+00:00", "2027-11-07T06:30:00+00:00"):
        wire.clock.advance(datetime.fromisoformat(moment).timestamp() - wire.clock.now())
        key = await wire.act("create", "notes", values={"cst_id": cst_id, "note": moment})
        written.append(next(row["enteredon"] for row in await wire.dump("notes") if row["id"] == key))
    assert written == ["2027-03-14T01:59:00", "2027-03-14T03:01:00", "2027-11-07T01:30:00", "2027-11-07T01:30:00"]


# --- untidiness ---


async def test_notes_come_in_many_forms() -> None:
    """By default a holder's notes are objects, texts, a bare object, a bare text or a mixture; by the switch one form for all."""
    async with serving(1500, key_case="contract") as wire:
        forms = set()
        for row in await wire.lead():
            for holder in (row, *row["leads"]):
                notes = holder["notes"]
                forms.add(type(notes).__name__ if not isinstance(notes, list) else frozenset(type(note).__name__ for note in notes))
        assert forms == {"dict", "str", frozenset(), frozenset({"dict"}), frozenset({"str"}), frozenset({"dict", "str"})}
        await wire.switch(notes="string")
        assert {type(row["notes"]) for row in await wire.lead()} == {str}
        await wire.switch(notes="strings")
        assert {type(note) for row in await wire.lead() for note in row["notes"]} == {str}


async def test_extra_phones_come_as_objects_or_texts(wire: Wire) -> None:
    """An element is an object of phone and type, the type perhaps a number; by the switch a bare text."""
    rows = [row for row in await wire.lead() if row["altphones"]]
    assert {frozenset(phone) for row in rows for phone in row["altphones"]} == {frozenset({"phone", "type"})}
    assert {type(phone["type"]) for row in rows for phone in row["altphones"]} == {str, int}
    assert max(len(row["altphones"]) for row in rows) == 3
    await wire.switch(altphones="texts")
    assert {type(phone) for row in await wire.lead() for phone in row["altphones"]} == {str}


async def test_booleans_have_many_spellings() -> None:
    """Flags are "true", true, "1" or "True" by record, and a record keeps its spelling."""
    async with serving(key_case="contract") as wire:
        rows = await wire.lead()
        spelt = {repr(lead[name]) for row in rows for lead in row["leads"] for name in ("sat", "sold", "everset")}
        assert spelt == {"'true'", "'false'", "True", "False", "'1'", "'0'", "'True'", "'False'"}
        assert rows == await wire.lead()


async def test_keys_come_in_other_cases() -> None:
    """Some rows write all their keys with a capital or in capitals, nested ones too."""
    async with serving() as wire:
        rows = await wire.lead()
        assert {key for row in rows for key in row if key.lower() == "cst_id"} == {"cst_id", "Cst_id", "CST_ID"}
        loud = next(row for row in rows if "CST_ID" in row)
        assert "LASTCHANGEDON" in loud["LEADS"][0]


async def test_codes_and_labels_are_padded() -> None:
    """Branch codes and titles of user fields end in blanks; the switch takes them off."""
    async with serving(key_case="contract") as wire:

        async def job() -> dict[str, Any]:
            jobs = (job for row in await wire.lead() for lead in row["leads"] for job in lead["jobs"])
            return next(job for job in jobs if job["userfields"])

        untidy = await job()
        assert len(untidy["brp_id"]) == 5
        assert untidy["userfields"][0]["fieldtitle"] == "Permit Expiration "
        await wire.switch(padding=False)
        assert (await job())["userfields"][0]["fieldtitle"] == "Permit Expiration"


async def test_line_2_is_there_when_it_is_filled(wire: Wire) -> None:
    """By default the key is there with a value; by the switch always, or never."""
    with_unit = await wire.example("address.line2")
    assert (await wire.by_id(with_unit))["address2"]
    rows = await wire.lead()
    assert {"address2" in row for row in rows} == {True, False}
    assert all(row.get("address2", "x") for row in rows)
    await wire.switch(address2="always")
    assert all("address2" in row for row in await wire.lead())
    await wire.switch(address2="never")
    assert not any("address2" in row for row in await wire.lead())


async def test_marks_not_to_contact_come_in_a_field(wire: Wire) -> None:
    """`dnc` holds the codes; the switch takes the field away."""
    assert (await wire.by_id(await wire.example("dnc.CT")))["dnc"] == "CT"
    await wire.switch(dnc="absent")
    assert "dnc" not in (await wire.lead(PageSize=1))[0]


# --- one slow prospect ---


async def test_one_prospect_is_always_slow(wire: Wire) -> None:
    """Every call with it outlasts the caller's patience, all others answer; by the switch only calls by its id."""
    slow = (await wire.lead())[3]["cst_id"]
    quick = (await wire.lead(PageSize=1))[0]["cst_id"]
    await wire.switch(slow={"cst_id": "auto", "seconds": 600})

    async def answers(within_s: float = HUNG_S, **form: Any) -> bool:
        with anyio.move_on_after(within_s) as scope:
            await wire.rows("Customers/GetLead", **form)
        return not scope.cancelled_caught

    assert not await answers(PATIENCE_S, cst_id=slow)
    assert not await answers(PATIENCE_S, **ALL_TIME, options=ANY)
    assert await answers(cst_id=quick)
    assert await answers(**ALL_TIME, options=ANY, PageSize=1, StartIndex=5)
    await wire.switch(slow={"cst_id": slow, "seconds": 600, "where": "by_id"})
    assert await answers(**ALL_TIME, options=ANY)
    assert not await answers(PATIENCE_S, cst_id=slow)
