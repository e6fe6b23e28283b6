"""Everything an account holds comes out of the readers once, whole and under one identity, however untidily it is sent."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest

from streamflow.clock import SystemClock
from streamflow.errors import NotObeyed, ProtocolMismatch
from streamflow.model import Key, Kind, Record
from streamflow.platforms.source import Source
from streamflow.platforms.spec_source import SpecSource
from streamflow.sandbox.leadperfection.customers import METHODS
from streamflow.sandbox.leadperfection.operation import Operation, perform
from streamflow.sandbox.leadperfection.tree import nodes
from streamflow.sandbox.snapshot_folder import sha256_of
from streamflow.stages.extract import Intake
from streamflow.store.memory import MemoryLedger
from tests.sandbox.leadperfection_rig import START
from tests.stages.test_extract import yes

from .rig import Held, content, everything, files, of, reading, serving, truth

NEVER_SHOWN = {"call.old", "note.of_a_job"}
"""What the API does not tell: calls after a week, notes written to a job."""


def planted(kind: str, *, shown: bool, records: int = 400) -> list[tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any]]]:
    """Give (node, its lead, its prospect) of what the generator made; *shown*: only what the API tells."""
    return [
        (node, lead, tree) for tree in truth(records).prospects() for node, lead in nodes(tree, kind)
        if not shown or not NEVER_SHOWN & set(node["marks"])
    ]  # fmt: skip


def parents(records: dict[str, Record]) -> dict[str, str | None]:
    return {key: record.parent for key, record in records.items()}


@pytest.fixture(scope="module")
def whole() -> Held:
    """The account read by the API once, with all switches as they are shipped."""

    return anyio.run(read_all, 400)


@pytest.fixture(scope="module")
def few() -> Held:
    """A small account, likewise."""
    return anyio.run(read_all, FEW)


async def read_all(records: int) -> Held:
    async with serving(records) as wire, reading(wire) as source:
        held = await everything(source)
        assert source.drift() == {}
        assert wire.simulation.write_calls == {}
        return held


def test_every_record_that_is_shown_is_read(whole: Held) -> None:
    """Prospects, leads, jobs and appointments by their ids, notes and calls by their number; strays of the flat lists too."""
    for kind, plural, key in (
        ("prospect", "prospects", "cst_id"), ("lead", "leads", "lds_id"), ("job", "jobs", "job_id"),
        ("appointment", "appointments", "ils_id"),
    ):  # fmt: skip
        assert set(of(whole, kind)) == {node[key] for node, *_ in planted(plural, shown=True)}, kind
    for kind in ("note", "call"):
        assert len(of(whole, kind)) == len(planted(f"{kind}s", shown=True)), kind


def test_everything_hangs_on_its_prospect(whole: Held) -> None:
    """Leads, jobs, appointments, notes and calls name the prospect they are nested in; strays name nobody, or one who is gone."""
    for kind, plural, key in (("lead", "leads", "lds_id"), ("job", "jobs", "job_id"), ("appointment", "appointments", "ils_id")):
        wanted = {node[key]: tree["cst_id"] for node, _, tree in planted(plural, shown=True) if not node.get("stray")}
        found = parents(of(whole, kind))
        assert {name: found[name] for name in wanted} == wanted, kind
    strays = {node["ils_id"] for node, *_ in planted("appointments", shown=True) if node["stray"]}
    assert strays
    assert {key for key, parent in parents(of(whole, "appointment")).items() if parent is None} == strays
    dead = {node["job_id"]: node["stray_cst_id"] for node, *_ in planted("jobs", shown=True) if node["stray"]}
    assert dead
    assert {key: of(whole, "job")[key].parent for key in dead} == dead


def test_untidy_values_have_one_form(whole: Held) -> None:
    """Yes and no, amounts, codes and times read alike, however rows spell them."""
    for node, _, tree in planted("leads", shown=True):
        data = of(whole, "lead")[node["lds_id"]].data
        assert {name: data[name] for name in ("sat", "everset", "sold")} == {
            name: str(node[name]).lower() for name in ("sat", "everset", "sold")
        }
        assert float(data["gsa"]) == float(node["gsa"])
        assert data["gsa"] == "0" or not data["gsa"].endswith("0.0000")
        assert (data["brn_id"], data["cst_id"]) == (node["brn_id"], tree["cst_id"])
        assert data["dateentered"] == node["dateentered"][:19].replace("T", " "), "fractions are cut, not rounded"
        assert (data["source"], data["sourcesubdescr"]) == (node["source"], node["sourcesubdescr"])


def test_words_for_nothing_and_states_are_seen_through(whole: Held) -> None:
    """The word null is nothing, in a state cut short too; a state has one case; what stood there is kept beside."""
    for tree, *_ in planted("prospects", shown=True):
        data = of(whole, "prospect")[tree["cst_id"]].data
        assert data["email"] == ("" if tree["email"] == "null" else tree["email"])
        assert data["lastname"] == ("" if tree["lastname"] == "null" else tree["lastname"])
        if tree["state"] in ("nu", "Fl"):
            assert data["state"] == {"nu": "", "Fl": "FL"}[tree["state"]]
            assert data["_raw"]["state"] == tree["state"]
        assert data.get("address2", "") == tree["address2"]
        assert data["dnc"] == tree["dnc"]


def test_extra_phones_keep_order_and_type(whole: Held) -> None:
    """AltPhone1, 2 and 3 with their types, numbers for types too; none is dropped."""
    counts: Counter[int] = Counter()
    for tree, *_ in planted("prospects", shown=True):
        phones = of(whole, "prospect")[tree["cst_id"]].data["altphones"]
        counts[len(phones)] += 1
        assert [(each["label"], each["phone"], each["type"]) for each in phones] == [
            (f"AltPhone{n}", each["phone"], str(each["type"])) for n, each in enumerate(tree["altphones"], start=1)
        ]
    assert counts[3]


def test_notes_of_every_form_are_read(whole: Held) -> None:
    """Objects keep ids and times, bare texts their text; a text is never taken sign by sign."""
    by_id = {node["id"]: node for node, *_ in planted("notes", shown=True)}
    notes = of(whole, "note")
    named = {key: record for key, record in notes.items() if not key.startswith("~")}
    assert 0 < len(named) < len(notes)
    for key, record in named.items():
        node = by_id.pop(key)
        assert record.data["note"] == node["note"]
        assert record.data["enteredon"] == node["enteredon"][:19].replace("T", " ")
    bare = [record for key, record in notes.items() if key.startswith("~")]
    assert content(bare, "note") == Counter((node["note"],) for node in by_id.values())
    assert all(record.parent for record in notes.values())


def test_an_appointment_has_its_text_and_its_prospect(whole: Held) -> None:
    """Text, rep, products and amounts of one call, lead and prospect of another, under the id that only the first one tells."""
    for node, lead, tree in planted("appointments", shown=True):
        data = of(whole, "appointment")[node["ils_id"]].data
        note = data["notes"]
        assert (note, data["presnotes"], data["slr_id"]) == (node["notes"], node["presnotes"], node["slr_id"])
        assert data["products"] == node["products"]
        assert [float(each or 0) for each in data.get("gsas", [])] == [float(each or 0) for each in node["gsas"]]
        assert data["apptdate"] == node["apptdate"][:19].replace("T", " ")
        if not node["stray"]:
            assert lead is not None
            assert (data["lds_id"], data["cst_id"], data["email2"]) == (lead["lds_id"], tree["cst_id"], tree["email2"])


def test_a_job_is_both_of_its_shapes(whole: Held) -> None:
    """Status code, dates and balance of one shape, cost, finance, milestones and user fields of the other: empty lists empty nothing."""
    for node, *_ in planted("jobs", shown=True):
        data = of(whole, "job")[node["job_id"]].data
        assert (data["jbs_id"], data["jobstatus"], data["brp_id"]) == (node["jbs_id"], node["jobstatus"], node["brp_id"])
        assert float(data["balancedue"]) == float(node["balancedue"])
        if node["stray"]:
            continue
        assert (float(data["jobcost"]), float(data["fincrlimit"])) == (float(node["jobcost"]), float(node["fincrlimit"]))
        assert [(each["mdt_id"], each["datetype"]) for each in data["milestones"]] == [
            (each["mdt_id"], each["datetype"]) for each in node["milestones"]
        ]
        assert data["custom"] == {each["fieldtitle"]: each["fieldvalue"] for each in node["userfields"] if each["fieldvalue"].strip()}


async def test_clock_times_that_came_twice_or_never_are_marked() -> None:
    """Of a time in the night the clocks were set it is said that it is two, or none; days alone are never taken for such."""
    made: dict[str, str] = {}
    async with serving(60) as wire, reading(wire) as source:
        for at in ("2025-11-02T01:30:00", "2026-03-08T02:30:00", "2025-11-02T00:00:00", "2026-06-01T02:30:00"):
            made[at] = await wire.act("create", "notes", values={"cst_id": "400001", "note": "Called", "enteredon": at})
        notes = of(await everything(source, "prospect"), "note")
    marks = {at: notes[key].data.get("fold_ambiguous") for at, key in made.items()}
    assert list(marks.values()) == ["enteredon", "enteredon (no such time)", None, None]


def test_reps_and_codes_are_taken_from_rows(whole: Held) -> None:
    """The roster is the union of ids and names in rows and in the timetable; codes that no look-up knows are among them."""
    reps = of(whole, "rep")
    assert {"87", "92", "60"} <= set(reps)
    assert reps["87"].data["name"] == "Okaforth, Ben"
    assert reps["87"].data["home_market"] == "ORL"
    assert "Web, Integration" not in {record.data.get("name") for record in reps.values()}
    assert "Integration, Web" in reps or "Vendor, Internet" in reps
    assert not any(" - OFFICE" in str(record.data.get("name")) for record in reps.values())
    codes = of(whole, "code")
    assert {"disposition:ZZ-OldDemo", "disposition:Set", "call_type:O", "milestone:S:Start", "milestone:P:Permit Applied"} <= set(codes)
    assert codes["disposition:Set"].data["name"] == "Set"
    assert {"product:PAT", "product:WIN", "branch:ORL"} <= set(of(whole, "origin"))
    assert of(whole, "origin")["product:WIN"].data["name"] == "Windows"
    assert "Old System Import" in of(whole, "status")
    assert of(whole, "status")["Paid In Full"].data["jbs_id"] == "PF"
    assert set(of(whole, "source")) == {node["source"] for node, *_ in planted("leads", shown=True)} - {""}


def test_the_timetable_is_read_by_rep_and_day(whole: Held) -> None:
    """Slots, zip areas and what is taken stand with each rep and day."""
    schedule = of(whole, "schedule")
    assert len({record.data["slr_id"] for record in schedule.values()}) == 7
    assert len({record.data["date"] for record in schedule.values()}) >= 30
    assert {len(record.data["slots"]) for record in schedule.values()} == {3}
    assert any(slot.endswith("taken") for record in schedule.values() for slot in record.data["slots"])


FEW = 160
SAME = ("prospect", "lead", "job", "appointment", "note", "call")


@pytest.mark.parametrize("switches", [
    {"start_index": "row"}, {"start_index": {"GetLead": "row", "GetJobStatusChanges": "page"}}, {"end_bound": "inclusive"},
    {"appointment_id": "ils_id"}, {"appointment_id": "id"}, {"appointment_parents": True}, {"appointment_dates": "iso"},
    {"appointment_end": "exclusive"}, {"job_children": "full"}, {"key_case": "contract", "numbers": "text", "booleans": "text"},
    {"order": "newest"}, {"order": "shuffled"}, {"id_window": "applied"}, {"by_id": "object"},
    {"paging_required": "exception"}, {"padding": False}, {"address2": "always"},
], ids=lambda switches: "-".join(f"{name}={value}" for name, value in switches.items()).replace(" ", ""))  # fmt: skip
async def test_what_is_only_assumed_may_be_otherwise(switches: dict[str, Any], few: Held) -> None:
    """Whatever a tenant's server does where the contract only assumes, the same records come out, with the same content."""
    async with serving(FEW, **switches) as wire, reading(wire) as source:
        found = await everything(source, "prospect", "job", "appointment")
    # What is listed in a stray job only shape A can tell.
    stray = {node["job_id"] for node, *_ in planted("jobs", shown=True, records=FEW) if node["stray"]}
    for kind in SAME:
        mine, usual = of(found, kind), of(few, kind)
        assert set(mine) == set(usual), kind
        if kind == "job" and "job_children" in switches:
            mine, usual = ({key: record for key, record in each.items() if key not in stray} for each in (mine, usual))
        assert {key: record.digest for key, record in mine.items()} == {key: record.digest for key, record in usual.items()}, kind
        assert parents(mine) == parents(usual) or switches.get("appointment_parents"), kind


async def test_an_account_that_tells_no_marks_not_to_contact_has_none(few: Held) -> None:
    """Without that field everybody is read all the same, with all else they have, and nobody bears a mark that was not told."""
    async with serving(FEW, dnc="absent") as wire, reading(wire) as source:
        found = of(await everything(source, "prospect"), "prospect")
    usual = of(few, "prospect")
    assert any(record.data.get("dnc") for record in usual.values())
    assert {key: {**record.data, "dnc": ""} for key, record in usual.items()} == {
        key: {"dnc": "", **record.data} for key, record in found.items()
    }  # fmt: skip


@pytest.mark.parametrize("form", ["objects", "strings", "string"])
async def test_no_form_of_notes_loses_a_text(form: str, few: Held) -> None:
    """Whichever form all notes of an account have, every word of each is there, under the prospect whose it is."""
    def words(held: Held) -> dict[str, set[str]]:
        told: dict[str, set[str]] = {}
        for record in of(held, "note").values():
            told.setdefault(str(record.data["cst_id"]), set()).update(record.data["note"].split())
        return told

    async with serving(FEW, notes=form) as wire, reading(wire) as source:
        assert words(await everything(source, "prospect", "job")) == words(few)


async def test_a_record_asked_for_by_its_id_may_come_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an array or without one, the same record and the same owner come; words about a fault are neither."""
    node, _, tree = next(each for each in planted("appointments", shown=True, records=FEW) if not each[0]["stray"])
    async with serving(FEW) as wire, reading(wire) as source:
        held = await everything(source, "prospect", "job")
        keys = {kind: next(iter(of(held, kind))) for kind in ("prospect", "lead")}
        job = next(record for record in of(held, "job").values() if record.parent)
        asked = [*keys.items(), ("job", job.key)]
        appointment = Record(kind="appointment", key=node["ils_id"], data={"ils_id": node["ils_id"]}, digest="", parent=None)
        usual = [await source.one(kind, key) for kind, key in asked], await source.owner_of(appointment)
        assert all(usual[0])
        assert usual[1] is not None
        assert usual[1].parent == tree["cst_id"]
        await wire.switch(by_id="object")
        assert ([await source.one(kind, key) for kind, key in asked], await source.owner_of(appointment)) == usual
        assert await source.one("prospect", "999999") is None

        async def words(*_: Any) -> Any:
            return {"message": "Please try later", "error": None, "status": None}

        monkeypatch.setitem(METHODS, "GetLead", words)
        for kind, key in keys.items():
            with pytest.raises(ProtocolMismatch):
                await source.one(kind, key)
        with pytest.raises(ProtocolMismatch, match="without cst_id"):
            await source.owner_of(appointment)


@pytest.mark.parametrize("form", ["array", "object"])
async def test_whose_an_appointment_is_of_two_who_are_alike_is_asked(form: str) -> None:
    """Two of one name at one time: each gets its own, whether the answer to an id is an array or the record alone."""
    made: dict[str, str] = {}
    async with serving(FEW, by_id=form) as wire, reading(wire) as source:
        for note in ("one", "other"):
            key = await wire.act("create", "prospects", values={"firstname": "Twin", "lastname": "Alike"})
            lead = await wire.act("create", "leads", values={"cst_id": key})
            start = {"lds_id": lead, "apptdate": "2026-12-01T10:00:00", "notes": note, "slr_id": "87", "salesrep": "Ben", "products": []}
            made[await wire.act("create", "appointments", values={**start, "gsas": []})] = key
        found = of(await everything(source, "prospect"), "appointment")
    assert {key: found[key].parent for key in made} == made


async def test_an_answer_about_somebody_else_gives_nobody_an_appointment() -> None:
    """Asked whose an appointment is that is nobody's, one lie names the first prospect there is: it is told, and not believed."""
    node = next(each[0] for each in planted("appointments", shown=True, records=FEW) if each[0]["stray"])
    stray = Record(kind="appointment", key=node["ils_id"], data={"ils_id": node["ils_id"]}, digest="", parent=None)
    async with serving(FEW) as wire, reading(wire) as source:
        await wire.switch(no_filter={"match": "POST /api/Customers/GetLead", "times": 1})
        with pytest.raises(NotObeyed):
            await source.owner_of(stray)
        answer = await source.owner_of(stray)
        assert answer is not None
        assert answer.parent is None


async def test_phones_as_bare_texts_are_read(few: Held) -> None:
    """Extra phones without their types are still all there."""
    async with serving(FEW, altphones="mixed") as wire, reading(wire) as source:
        found = of(await everything(source, "prospect"), "prospect")
    for key, record in of(few, "prospect").items():
        assert [each["phone"] for each in found[key].data["altphones"]] == [each["phone"] for each in record.data["altphones"]]


JOB_NOTES = {"function": "Installer/GetInstallerJobNotes", "key_param": "jobid", "params": {"apptdate": ""}}


@pytest.mark.parametrize(("told", "streams"), [("nested", {}), ("installer", {"note": {"list": JOB_NOTES}})])
async def test_notes_of_a_job_are_read_where_they_are_told(told: str, streams: dict[str, Any]) -> None:
    """Where GetLead shows the notes of jobs, or a call for them is set up, they name job, lead and prospect, and the lead's appointment."""
    async with serving(job_notes=told) as wire, reading(wire, streams=streams) as source:
        found = of(await everything(source, "prospect"), "note")
    wanted = [(node, lead) for node, lead, _ in planted("notes", shown=False) if "note.of_a_job" in node["marks"]]
    assert any(lead and lead["apptdate"] for _, lead in wanted)
    for node, lead in wanted:
        assert lead is not None
        record = found[node["id"]]
        assert (record.data["job_id"], record.data["note"]) == (node["job_id"], node["note"])
        assert record.parent
        assert (record.data["lds_id"], record.data["apptdisposition"]) == (lead["lds_id"], lead["disposition"])
        assert record.data["apptdate"] == lead["apptdate"][:19].replace("T", " ")


async def test_the_call_for_notes_of_jobs_is_off() -> None:
    """Nobody asks for them until the configuration names that call: the form of its answer is only assumed."""
    asked: set[str] = set()
    async with (
        serving(60, job_notes="installer") as wire, reading(wire, hook=lambda attempt: asked.add(attempt.endpoint)) as source,
    ):  # fmt: skip
        notes = of(await everything(source, "prospect"), "note")
    assert JOB_NOTES["function"] not in asked > {"Customers/GetLead"}
    assert not any(record.data.get("job_id") for record in notes.values())


async def test_without_a_second_list_appointments_are_named_by_lead_and_time() -> None:
    """Where the user may not read the texts, an appointment is still there, once, under its prospect."""
    async with serving(FEW, no_right={"GetSalesApptDetailDateRange": "empty"}) as wire, reading(wire) as source:
        found = of(await everything(source, "prospect"), "appointment")
    wanted = [node for node, *_ in planted("appointments", shown=True, records=FEW) if not node["stray"]]
    assert len(found) == len(wanted)
    assert all(key.startswith("~") and record.parent for key, record in found.items())


async def test_appointments_whose_ids_come_later_are_known_once() -> None:
    """Named by lead and time while their list answers with nothing, then read by that list before their prospects: each is one record."""
    ledger = MemoryLedger(clock=SystemClock())

    async def walk(source: Source, *kinds: Kind) -> set[Key]:
        intake = Intake(ledger=ledger, source=source, permit=yes, on_page=lambda kind, rows: None, streams=source.streams)
        for stream in [each for each in source.streams() if each.kind in kinds]:
            await intake.scan(stream, scan=f"{stream.kind}:{next(passes)}")
        return set(await ledger.keys("appointment"))

    passes = count(1)
    async with serving(FEW, no_right={"GetSalesApptDetailDateRange": "empty"}) as wire, reading(wire) as source:
        made = await walk(source, "prospect")
    async with serving(FEW) as wire, reading(wire) as source:
        assert made < await walk(source, "appointment")
        found = await walk(source, "prospect")
    assert made
    assert found == {node["ils_id"] for node, *_ in planted("appointments", shown=True, records=FEW)}


async def test_appointments_of_other_reps_are_no_gap_where_the_user_sees_but_its_own() -> None:
    """Days for which that call truly has nothing are believed once a day that has something was shown with them."""
    async with serving(400, appointment_rows="own") as wire, reading(wire) as source:
        found = of(await everything(source, "prospect"), "appointment")
    wanted = [node for node, *_ in planted("appointments", shown=True) if not node["stray"]]
    assert len(found) == len(wanted)
    assert {key.startswith("~") for key in found} == {True, False}


async def test_an_extract_has_the_same_content(tmp_path: Path, whole: Held) -> None:
    """A vendor's tables give the records of the API, field by field, and what it does not show as well."""
    async with files(tmp_path) as source:
        assert (await source.check())["schedule"] == "not available: the API alone tells it, and no file of the inbox does"
        found = await everything(source)
    stray = {node["job_id"] for node, *_ in planted("jobs", shown=True) if node["stray"]}
    for kind, plural in (("prospect", "prospects"), ("lead", "leads"), ("job", "jobs"), ("appointment", "appointments")):
        mine, usual = of(found, kind), of(whole, kind)
        assert set(mine) == set(usual)
        assert parents(mine) == parents(usual), kind
        for key, record in usual.items():
            both = (record.data.keys() & mine[key].data.keys()) - {"_raw", "salesrepname", "rep"}
            both -= {"milestones", "custom"} if kind == "job" and key in stray else set()
            assert {name: mine[key].data[name] for name in both} == {name: record.data[name] for name in both}, (kind, key, plural)
    assert set(of(found, "note")) == {node["id"] for node, *_ in planted("notes", shown=False)}
    assert len(of(found, "call")) == len(planted("calls", shown=False))
    assert set(of(whole, "call")) <= set(of(found, "call")), "a call has one key by both readers"
    assert {record.data["email2"] for record in of(found, "prospect").values()} - {""}


@pytest.mark.parametrize("names", ["vendor", "report"])
async def test_scheduled_reports_give_what_they_show(tmp_path: Path, names: str, whole: Held) -> None:
    """Reports are known by their columns; people, leads, jobs and appointments come out of them, their parameters do not."""
    async with files(tmp_path, extract=False, names=names) as source:
        state = await source.check()
        assert {kind for kind, each in state.items() if each != "ok"} >= {"note", "call"}
        found = await everything(source, "prospect", "lead", "job", "appointment")
    usual = of(whole, "prospect")
    enquired = {record.parent for record in of(whole, "lead").values()}
    assert set(of(found, "prospect")) == enquired < set(usual), "rows of reports are enquiries"
    for key, record in of(found, "prospect").items():
        assert (record.data["email"], record.data["city"]) == (usual[key].data["email"], usual[key].data["city"])
        assert "".join(sign for sign in record.data["phone1"] if sign.isdigit()) == "".join(
            sign for sign in usual[key].data["phone1"] if sign.isdigit()
        )
        assert "currentdatetime" not in {name.lower() for name in record.data}
    jobs = of(whole, "job")
    assert set(of(found, "job")) == set(jobs)
    for key, record in of(found, "job").items():
        assert (float(record.data["grossamount"]), record.data["jobstatus"]) == (
            pytest.approx(float(jobs[key].data["grossamount"]), abs=0.01), jobs[key].data["jobstatus"],
        )  # fmt: skip
        told = [each for each in jobs[key].data.get("milestones", []) if each["actdate"] or each["estdate"]]
        assert [each["datetype"] for each in record.data.get("milestones", [])] == [each["datetype"] for each in told]
    assert content(of(found, "lead").values(), "cst_id", "source", "sourcesubdescr") == content(
        of(whole, "lead").values(), "cst_id", "source", "sourcesubdescr"
    )
    dated = [record for record in of(whole, "lead").values() if record.data["apptdate"]]
    assert content(of(found, "appointment").values(), "cst_id", "apptdate") == content(dated, "cst_id", "apptdate")


async def test_every_column_of_a_report_is_read_or_counted(tmp_path: Path) -> None:
    """Columns that the simulated reports leave empty are read as well; one that nobody knows is counted, once a row."""
    async with files(tmp_path, records=60, extract=False) as source:
        usual = await everything(source, "prospect", "lead", "job", "appointment")
        assert strange(source) == {}
    assert {record.data["numdials"] for record in of(usual, "lead").values()} > {"0"}
    assert {record.data["lastresult"] for record in of(usual, "lead").values()} > {""}
    assert any(record.data["mostrecentnotehoa"] for record in of(usual, "job").values())
    finance = {f"FinanceSource{n}": f"Bank {n}" for n in (1, 2, 3)}
    for number, values in (
        ("133", {"District": "North", **finance, "Wing": "West"}), ("134", {"Manager": "Lowe, Kim", "Crew": "4"}),
        ("135", {"clq_id": "7", "cqd_id": "71", "lr": "L", "NumSuperseded": "2", "Loft": "yes"}),
    ):  # fmt: skip
        told = {**values, "CurrentDateTime": "11/19/2026 1:00:00 PM"}
        mailed_again(tmp_path, number, f"{number}.csv", lambda rows, told=told: [{**row, **told} for row in rows])
    async with reading(None, reader="files", inbox=tmp_path) as source:
        found = await everything(source, "prospect", "lead", "job", "appointment")
        drift = strange(source)
    jobs, leads = of(found, "job").values(), of(found, "lead").values()
    assert {tuple(job.data[name] for name in ("district", "finco", "finco2", "finco3")) for job in jobs} == {("North", *finance.values())}
    assert {job.data.get("manager") for job in jobs if job.data.get("milestones")} == {"Lowe, Kim"}
    assert {tuple(lead.data[name] for name in ("clq_id", "cqd_id", "lr", "numsuperseded")) for lead in leads} == {("7", "71", "L", "2")}
    assert {kind: set(seen) for kind, seen in drift.items()} == {"job": {"Wing", "Crew"}, "lead": {"Loft"}}
    assert (drift["job"]["Wing"], drift["lead"]["Loft"]) == (len(jobs), len(leads))


def strange(source: SpecSource) -> dict[str, dict[str, int]]:
    """Give what was met and is not known, but for the ids that reports lack."""
    found = {
        kind: {name: count for name, count in seen.items() if not name.startswith("no column")} for kind, seen in source.drift().items()
    }  # fmt: skip
    return {kind: seen for kind, seen in found.items() if seen}


async def test_customers_without_a_day_of_entry_are_read_by_what_else_is_dated() -> None:
    """Without an enquiry but with a note, or with an enquiry that has no day: the second walk finds them, the list by entry does not."""
    async with serving(20) as wire:
        state = wire.simulation.state
        people = [perform(state, Operation(do="create", kind="prospects", values={"lastname": name}), at=START - 4e7)[0]
                  for name in ("Noted", "Undated", "Changed", "Bare")]  # fmt: skip
        noted, undated, changed, bare = people
        perform(state, Operation(do="create", kind="notes", values={"cst_id": noted, "note": "rang"}), at=START - 9e8)
        perform(state, Operation(do="create", kind="leads", values={"cst_id": undated, "entrydate": ""}), at=START - 3e7)
        values = {"cst_id": changed, "entrydate": "", "dateentered": ""}
        perform(state, Operation(do="create", kind="leads", values=values), at=START - 3e7)
        for twice in (True, False):
            async with reading(wire, streams={"prospect": {"window": {"twice": twice}}}) as source:
                shown = set(of(await everything(source, "prospect"), "prospect"))
            assert ({noted, undated, changed} <= shown) is twice
            assert bare not in shown, "of whom nothing is dated no call lists"
        async with reading(wire, streams={"prospect": {"window": {}}}) as source:
            found = await everything(source, "prospect")
            assert {record.parent for record in of(found, "lead").values()} >= {undated, changed}
            assert [record.parent for record in of(found, "note").values() if record.data["note"] == "rang"] == [noted]


@pytest.mark.parametrize("day", ["1900-01-01T00:00:00", "1999-05-01T00:00:00", "2046-03-01T00:00:00"])
async def test_a_customer_whose_day_of_entry_is_absurd_is_read(day: str) -> None:
    """The list goes by days that people typed: by the spec as it is shipped it begins before all of them and ends after all."""
    async with serving(20) as wire, reading(wire, streams={"prospect": {"window": {}}}) as source:
        state = wire.simulation.state
        key, _ = perform(state, Operation(do="create", kind="prospects", values={"lastname": "Whitlock"}), at=START - 4e7)
        perform(state, Operation(do="create", kind="leads", values={"cst_id": key, "entrydate": day}), at=START - 4e7)
        found = await everything(source, "prospect")
    assert {record.parent for record in of(found, "lead").values()} >= {key}


def mailed_again(inbox: Path, number: str, name: str, change: Callable[[list[dict[str, str]]], Iterable[dict[str, str]]] = list) -> None:
    """Put a report into the snapshot a second time, with its rows changed."""
    manifest = next(inbox.rglob("manifest.json"))
    told = json.loads(manifest.read_text(encoding="utf-8"))
    entry = next(entry for entry in told["files"] if entry["report"] == number)
    with (manifest.parent / entry["file"]).open(encoding="utf-8", newline="") as file:
        rows = list(change(list(csv.DictReader(file))))
    with (manifest.parent / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    told["files"].append({"file": name, "rows": len(rows), "sha256": sha256_of(manifest.parent / name), "report": number})
    manifest.write_text(json.dumps(told), encoding="utf-8")


@pytest.mark.parametrize("name", ["0.csv", "zz.csv"])
async def test_the_newer_of_two_reports_tells_a_record(tmp_path: Path, name: str) -> None:
    """Whichever file name comes first: status, date of a milestone and disposition are those of the report that was made later."""
    async with files(tmp_path, records=60, extract=False) as source:
        before = await everything(source, "prospect", "lead", "job")

    def later(values: dict[str, str]) -> Callable[[list[dict[str, str]]], Iterable[dict[str, str]]]:
        return lambda rows: [{**row, **values, "CurrentDateTime": "11/19/2026 1:00:00 PM"} for row in rows]

    mailed_again(tmp_path, "133", f"3{name}", later({"Status": "Paid In Full"}))
    mailed_again(tmp_path, "134", f"4{name}", later({"MilestoneDate": "12/24/26"}))
    mailed_again(tmp_path, "135", f"5{name}", later({"dspdescr": "1Leg", "Email": "new@example.com"}))
    async with reading(None, reader="files", inbox=tmp_path) as source:
        after = await everything(source, "prospect", "lead", "job")
    assert all(of(after, kind).keys() == of(before, kind).keys() for kind in ("prospect", "lead", "job"))
    assert {record.data["email"] for record in of(after, "prospect").values()} == {"new@example.com"}
    assert {record.data["disposition"] for record in of(after, "lead").values()} == {"1Leg"}
    jobs = of(after, "job")
    assert {record.data["jobstatus"] for record in jobs.values()} == {"Paid In Full"}
    for key, record in of(before, "job").items():
        steps = jobs[key].data.get("milestones", [])
        assert [each["datetype"] for each in steps] == [each["datetype"] for each in record.data.get("milestones", [])]
        assert {each["date"] for each in steps} <= {"2026-12-24 00:00:00"}
    assert any(record.data.get("milestones") for record in jobs.values())


async def test_an_enquiry_on_two_rows_of_a_report_is_one(tmp_path: Path) -> None:
    """Rows that differ in appointment or job alone are one enquiry, as its first row says, with an appointment for each time."""
    async with files(tmp_path, records=60, extract=False) as source:
        before = await everything(source, "lead", "appointment")
    mailed_again(tmp_path, "135", "twice.csv", lambda rows: [
        {**row, **more} for row in rows for more in ({}, {"productid": "GUT", "JobStatus": "Hold"}, {"ApptDate": "12/24/2026 5:00:00 PM"})
    ])
    async with reading(None, reader="files", inbox=tmp_path) as source:
        after = await everything(source, "lead", "appointment")
    assert of(after, "lead").keys() == of(before, "lead").keys()
    assert {record.data["apptdate"] for record in of(after, "appointment").values()} == {
        "2026-12-24 17:00:00", *(record.data["apptdate"] for record in of(before, "appointment").values()),
    }  # fmt: skip
    dated = {key: each for key, each in of(after, "appointment").items() if each.data["apptdate"] != "2026-12-24 17:00:00"}
    assert dated.keys() == of(before, "appointment").keys()
    assert len(of(after, "appointment")) == len(dated) + len(of(before, "lead"))


async def test_reports_whose_days_overlap_double_nothing(tmp_path: Path) -> None:
    """Rows that a second report 135 shows once more are the same enquiries and appointments; equal rows of one report stay several."""
    async with files(tmp_path, records=60, extract=False) as source:
        once = await everything(source, "prospect", "lead", "job", "appointment")
    mailed_again(tmp_path, "135", "later.csv")
    async with reading(None, reader="files", inbox=tmp_path) as source:
        twice = await everything(source, "prospect", "lead", "job", "appointment")
    assert of(once, "lead")
    assert of(once, "appointment")
    assert twice.keys() == once.keys()
