"""Appointments, look-ups, schedule, searches, documents and dialer rows of the simulated Lead Perfection (lead-perfection.md 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.leadperfection_rig import ALL_TIME, PLAIN, Wire, serving

LOOKUP = "SalesApi/GetSalesApptDispProd"
SOURCES = "Leads/GetLeadsSourceSubPromoter"
APPOINTMENT_KEYS = {
    "ID", "CustName", "Address1", "CSZ", "ApptDate", "ApptDateDisplay", "Phone", "AltPhone1", "AltPhone1Type", "AltPhone2",
    "AltPhone2Type", "email", "email2", "Source", "SubSource", "Notes", "ProductID", "SalesRepName", "slr_id", "ApptStatusCode",
    "CanUpdateIndicator", "Disposition", "DispositionComments", "PresNotes",
}  # fmt: skip


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server with tidy replies."""
    async with serving(**PLAIN) as made:
        yield made


# --- appointments ---


async def test_appointments_have_text_in_one_call_and_identity_in_another(wire: Wire) -> None:
    """A row has text, phones and rep and no id of its prospect; GetLead by `ils_id` has the prospect and no text."""
    rows = await wire.appointments()
    assert len(rows) == (await wire.admin("state"))["counts"]["appointments"]
    assert all(row.keys() >= APPOINTMENT_KEYS for row in rows)
    assert not any({"cst_id", "lds_id"} & {key.lower() for key in row} for row in rows)
    row = next(row for row in rows if row["CustName"] and row["Notes"])
    [prospect] = await wire.rows("Customers/GetLead", ils_id=row["ID"])
    nested = [each for lead in prospect["leads"] for each in lead["appointments"]]
    assert {"apptdate": row["ApptDate"], "disposition": row["Disposition"]} in nested
    assert row["Notes"] not in str(nested)


async def test_an_appointment_may_name_itself_in_get_lead(wire: Wire) -> None:
    """By the switch the nested one has `ils_id` or `id`, equal to ID of the row; and the row its parents."""
    for name in ("ils_id", "id"):
        await wire.switch(appointment_id=name, appointment_parents=True)
        row = next(row for row in await wire.appointments() if row["CustName"])
        prospect = await wire.by_id(row["cst_id"])
        lead = next(lead for lead in prospect["leads"] if lead["id"] == row["lds_id"])
        assert row["ID"] in [each[name] for each in lead["appointments"]]


async def test_an_appointment_without_a_contact_is_in_the_date_range_alone(wire: Wire) -> None:
    """Its row has no name, phone or address, and GetLead knows nothing of it."""
    ils_id = await wire.example("appointment.stray")
    [row] = [row for row in await wire.appointments() if row["ID"] == ils_id]
    assert {row[name] for name in ("CustName", "Phone", "Address1", "CSZ", "email")} == {""}
    assert await wire.rows("Customers/GetLead", ils_id=ils_id) == []


async def test_days_of_appointments_are_american_and_whole(wire: Wire) -> None:
    """The range reads MM/DD/YYYY, its last day included; another form finds nothing; the switches turn both."""
    rows = await wire.appointments()
    day = next(row["ApptDate"][:10] for row in rows if row["ApptDate"][11:13] > "12")
    american = f"{day[5:7]}/{day[8:]}/{day[:4]}"
    on_day = [row for row in rows if row["ApptDate"].startswith(day)]
    assert await wire.appointments(american, american) == on_day
    assert await wire.appointments(day, day) == []
    await wire.switch(appointment_dates="iso")
    assert await wire.appointments(day, day) == on_day
    assert await wire.appointments(american, american) == []
    await wire.switch(appointment_dates="either", appointment_end="exclusive")
    assert await wire.appointments(american, american) == await wire.appointments(day, day) == []


async def test_the_call_may_show_ones_own_appointments_only(wire: Wire) -> None:
    """By the switch only the API user's rep is shown: fewer than GetLead tells of."""
    every = await wire.appointments()
    await wire.switch(appointment_rows="own")
    own = await wire.appointments()
    assert {row["slr_id"] for row in own} == {"87"}
    assert 0 < len(own) < len(every)


async def test_products_repeat_by_number_and_reps_are_spoken(wire: Wire) -> None:
    """ProductID1 to 5 with GSA1 to 5; a rep is "First Last" here and "Last, First" on the lead, and has no e-mail anywhere."""
    rows = await wire.appointments()
    five = next(row for row in rows if row["ID"] == next(r["ID"] for r in rows if "ProductID5" in r))
    assert {f"ProductID{n}" for n in range(1, 6)} | {f"GSA{n}" for n in range(1, 6)} <= five.keys()
    assert five["ProductID"] == five["ProductID1"]
    row = next(row for row in rows if row["slr_id"] == "91" and row["CustName"])
    [prospect] = await wire.rows("Customers/GetLead", ils_id=row["ID"])
    assert row["SalesRepName"] == "Dale O'Harrow"
    assert any(lead["salesrepname"].startswith("O'Harrow, Dale") for lead in prospect["leads"])
    assert "dale.oharrow" not in str([*rows, *await wire.lead()])


async def test_a_second_email_is_on_appointment_rows_alone(wire: Wire) -> None:
    """`email2` is there, and GetLead does not tell it."""
    rows = [row for row in await wire.appointments() if row["email2"]]
    assert rows
    [prospect] = await wire.rows("Customers/GetLead", ils_id=rows[0]["ID"])
    assert rows[0]["email2"] not in str(prospect)


async def test_light_calls_of_appointments(wire: Wire) -> None:
    """List, day list, calendar, single and Customers' own show the same appointments with less."""
    rows = await wire.appointments()
    light = await wire.rows("SalesApi/GetSalesApptList", apptdatestart="01/01/2000", apptdateend="12/31/2099")
    assert [row["ID"] for row in light] == [row["ID"] for row in rows]
    assert set(light[0]) == {"ID", "CustName", "CSZ", "ApptDate", "ApptDateDisplay"}
    day = rows[0]["ApptDate"][:10]
    of_day = await wire.rows("SalesApi/GetSalesApptDayList", apptdate=day)
    assert [row["ID"] for row in of_day] == [row["ID"] for row in rows if row["ApptDate"].startswith(day)]
    [one] = await wire.rows("SalesApi/GetSalesApptDetail", apptdate=day, issuedleadid=rows[0]["ID"])
    assert one.items() >= rows[0].items()
    assert one["HshDisposition"][0].keys() == one["HshProduct"][0].keys() == {"key", "value"}
    days = Counter(row["ApptDate"][:10] for row in rows)
    for row in await wire.rows("SalesApi/GetSalesApptCal"):
        assert row["NumAppts"] == days[row["ApptDate"][:10]]
    with_ids = await wire.rows("Customers/GetSalesAppointments", **ALL_TIME)
    assert {row["ID"] for row in with_ids} < {row["ID"] for row in rows}
    await wire.switch(appointment_list="empty")
    assert await wire.rows("SalesApi/GetSalesApptList", apptdatestart="01/01/2000", apptdateend="12/31/2099") == []


# --- look-ups and schedule ---


async def test_lookups_answer_key_and_value_by_letter(wire: Wire) -> None:
    """Each letter of the contract gives pairs; another gives none; dispositions are told in part only."""
    for method, letters in ((LOOKUP, "dpqyek"), (SOURCES, "SPBR")):
        for letter in letters:
            rows = await wire.rows(method, type=letter)
            assert rows
            assert all(row.keys() == {"key", "value"} for row in rows)
        assert await wire.rows(method, type="z") == []
    told = {row["key"] for row in await wire.rows(LOOKUP, type="d")}
    used = {lead["disposition"] for row in await wire.lead() for lead in row["leads"]}
    assert told < used


async def test_sources_are_looked_up_as_ids(wire: Wire) -> None:
    """The look-up of sources gives ids for names; by the switch names."""
    assert all(row["value"].isdigit() for row in await wire.rows(SOURCES, type="S"))
    await wire.switch(sources_lookup="names")
    assert "Angi" in {row["value"] for row in await wire.rows(SOURCES, type="S")}


async def test_users_are_listed_under_an_unknown_letter(wire: Wire) -> None:
    """No letter lists users by default; by the switch one does, with names and no e-mail."""
    assert await wire.rows(LOOKUP, type="u") == []
    await wire.switch(user_type="u")
    assert {"key": "87", "value": "Okaforth, Ben"} in await wire.rows(LOOKUP, type="u")


async def test_the_schedule_lists_active_reps_with_slots(wire: Wire) -> None:
    """Each day has each active rep with id, name and slots; one rep can be asked for; who left is not in it."""
    days = await wire.rows("SalesApi/GetSalesSchedule", StartDate="2026-11-01", EndDate="2026-11-03", SlrID=0, BrnID="All")
    assert [day["Date"] for day in days] == [f"2026-11-0{n}T00:00:00" for n in (1, 2, 3)]
    reps = {rep["SlrId"]: rep["RepName"] for rep in days[0]["Availability"]}
    assert reps["87"] == reps["92"] == "Okaforth, Ben"
    assert "60" not in reps
    assert days[0]["Availability"][0]["Slots"][0].keys() == {"SlotId", "SlotDescr", "TmsTime", "HasApptScheduled"}
    [day] = await wire.rows("SalesApi/GetSalesSchedule", StartDate="2026-11-01", EndDate="2026-11-01", SlrID=88)
    assert [rep["SlrId"] for rep in day["Availability"]] == ["88"]


# --- searches, single jobs, documents, dialer ---


async def test_searches_find_by_phone_email_and_name(wire: Wire) -> None:
    """Any form of a phone, an e-mail or a last name finds all who have it, people changed since included."""
    row = next(row for row in await wire.lead() if "@" in row["email"] and row["lastname"] and len(row["phone1"]) == 10)
    phone = f"({row['phone1'][:3]}) {row['phone1'][3:6]}-{row['phone1'][6:]}"
    assert row["cst_id"] in {each["cst_id"] for each in await wire.rows("Customers/GetCustomers2", phone=phone)}
    assert row["cst_id"] in {each["cst_id"] for each in await wire.rows("Customers/GetCustomers3", email=row["email"].upper())}
    assert row["cst_id"] in {each["cst_id"] for each in await wire.rows("Customers/GetCustomers", lastname=row["lastname"])}
    await wire.act("edit", "prospects", row["cst_id"], values={"lastname": "Renamed"})
    assert [each["cst_id"] for each in await wire.rows("Customers/GetCustomers", lastname="renamed")] == [row["cst_id"]]
    assert [each["lastname"] for each in await wire.rows("Customers/GetCustomers", prospectid=row["cst_id"])] == ["Renamed"]


async def test_no_match_is_an_empty_body_in_one_search(wire: Wire) -> None:
    """GetCustomers2 answers 200 with nothing at all, the others with an empty list."""
    assert await wire.call("Customers/GetCustomers2", phone="0000000000") == (200, "")
    assert await wire.call("Customers/GetCustomers3", email="nobody@nowhere.example") == (200, [])


async def test_a_household_shares_a_phone(wire: Wire) -> None:
    """A search by phone finds several prospects of one household."""
    cst_id = await wire.example("identity.household")
    row = await wire.by_id(cst_id)
    found = await wire.rows("Customers/GetCustomers2", phone=row["phone1"])
    assert len(found) > 1
    assert {each["lastname"] for each in found} == {row["lastname"]}


async def test_single_jobs_and_milestones(wire: Wire) -> None:
    """A job's detail, the jobs of a prospect and the milestones of a window agree with the feed."""
    feed = await wire.rows("Customers/GetJobStatusChanges", **ALL_TIME)
    job = feed[0]
    [detail] = await wire.rows("SalesApi/GetSalesJobDetail", job_id=job["job_id"])
    assert (detail["JobID"], detail["GrossAmount"]) == (job["job_id"], job["grossamount"])
    own = await wire.rows("SalesApi/GetProspectJobID", prospect_id=job["cst_id"])
    assert {"job_id": job["job_id"], "contractid": job["contractid"]} in own
    milestones = await wire.rows("Customers/GetMilestones", **ALL_TIME, mdt_id="S")
    assert {row["mdt_id"] for row in milestones} == {"S"}
    assert {row["job_id"] for row in milestones} <= {row["job_id"] for row in feed}
    assert isinstance(await wire.rows("SalesApi/GetSalesOpen"), list)


async def test_documents_of_a_job_come_as_bytes_or_base64(wire: Wire) -> None:
    """Rows have path, name and description; the content is bytes, by the switch base64 in JSON, or there is nothing at all."""
    rows = []
    for job in await wire.rows("Customers/GetJobStatusChanges", **ALL_TIME):
        rows += await wire.rows("Installer/GetJobImages", rectype="job", recid=job["job_id"])
    assert rows[0].keys() == {"path", "filename", "docdescr"}
    path = rows[0]["path"]
    status, content = await wire.call("File/DownloadWebFiles", path=path)
    assert (status, content.startswith("Document")) == (200, True)
    await wire.switch(download="base64")
    assert (await wire.call("File/DownloadWebFiles", path=path))[1].startswith("RG9jdW1lbnQ")
    assert (await wire.call("File/DownloadWebFiles", path="jobs/1/x.pdf"))[0] == 404
    await wire.switch(documents="missing")
    assert (await wire.call("Installer/GetJobImages", recid="1"))[0] == 404


async def test_dialer_rows_count_from_1_with_both_ends(wire: Wire) -> None:
    """startrow and endrow are rows, both included, at most a thousand; another queue is empty."""
    every = await wire.rows("Downloads/GetLeadsByCQDID", cqd_id=7, startrow=1, endrow=1000)
    assert len(every) == 8
    assert await wire.rows("Downloads/GetLeadsByCQDID", cqd_id=7, startrow=2, endrow=3) == every[1:3]
    assert await wire.rows("Downloads/GetLeadsByCQDID", cqd_id=8, startrow=1, endrow=9) == []
    assert {"Cst_ID", "Lds_ID", "Cqd_ID", "Phone3", "NumDialingAttempts", "LastCallResult"} <= every[0].keys()


@pytest.mark.parametrize(
    "method", ["Customers/GetServiceAppointments", "Leads/GetInboundLeadInfo", "Installer/GetInstallsOpen", "SalesApi/GetLinks"]
)
async def test_methods_of_unknown_replies_have_no_rows(wire: Wire, method: str) -> None:
    """They exist, and tell nothing."""
    assert await wire.rows(method, **ALL_TIME) == []
