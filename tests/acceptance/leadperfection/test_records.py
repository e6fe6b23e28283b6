"""What arrived: people, deals and happenings, all of them, with their money and their days."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal

from streamflow.sandbox.leadperfection_planting import rep_file
from tests.acceptance.leadperfection.run import MEANWHILE, PairRun
from tests.acceptance.reading import crosswalk
from tests.flow.sides import LEAD_PERFECTION, OUTCOMES, STAGES
from tests.judge import texts
from tests.judge.leadperfection.ground import parents_of
from tests.judge.states import Row

DETAILS = "Lead Perfection details"
_KINDS = ("prospect", "lead", "job", "appointment", "note")
_CENT = Decimal("0.01")


def _deals(run: PairRun) -> dict[str, Row]:
    """Give the deal of each job that is still in the source and has one."""
    marked = {key: run.marks.of("job", key) for key in run.book.of("job")}
    return {key: row for key, places in marked.items() for _, (kind, row) in places if kind == "leads"}


def test_lp_27_all_six_are_counted(living: PairRun) -> None:
    """LP-27: jobs, leads, prospects, appointments, notes and custom fields are counted; after the freeze the counts are the book's."""
    found = living.looks["map"].report("scope")["inventory"]
    assert all(found["source"][kind] > 0 for kind in _KINDS)
    filled = (each for job in living.book.of("job").values() for each in job["userfields"] if texts.present(each["fieldvalue"]))
    titles = {str(each["fieldtitle"]).strip() for each in filled}
    assert found["custom_fields"] == len(titles) > 0
    counted = {row["kind"]: row for row in living.report("reconciliation")["source_counts"]}
    for kind in ("prospect", "lead", "job", "appointment"):
        assert counted[kind]["source"] == len(living.book.of(kind)), kind
    assert counted["note"]["source"] == len(_notes_shown(living))
    assert {row["verdict"] for row in counted.values()} == {"holds"}


def _notes_shown(run: PairRun) -> set[tuple[str, ...]]:
    """Give the notes of the book that the API shows: by id, and where only the text is shown by customer and text."""
    shown: set[tuple[str, ...]] = set()
    for key, row in run.book.of("note").items():
        if run.seen.note(row):
            is_bare = run.seen.bare(run.book, row)
            shown.add((str(row["cst_id"]), texts.squeeze(str(row["note"]))) if is_bare else (key,))
    return shown


def test_lp_37_everything_became_what_was_promised(living: PairRun) -> None:
    """LP-37: the independent comparison finds nothing; every prospect has a person, every job a deal, or the queue names it."""
    assert [str(each) for each in living.findings] == []
    told = {(item["kind"], item["key"]) for item in living.queue}
    people = crosswalk(living, "prospect")
    assert all(any(line["destination_kind"] == "contacts" for line in people[key]) for key in living.book.of("prospect"))
    deals = _deals(living)
    assert {("job", key) for key in living.book.of("job").keys() - deals.keys()} <= told
    assert len({row["id"] for row in deals.values()}) == len(deals), "a deal each"
    became = Counter(line["destination_kind"] for line in living.tables["crosswalk"] if line["source_kind"] in ("appointment", "note"))
    assert became["activities"] > 0
    assert became["notes"] > 0


def test_lp_16_notes_of_jobs_arrive_where_the_operator_names_their_call(living: PairRun) -> None:
    """LP-15, LP-16: told by no other call, each is on the person of its job, with its text."""
    notes = {key: row for key, row in living.book.of("note").items() if row.get("job_id")}
    assert notes
    for key, row in notes.items():
        person = next(line["destination_id"] for line in crosswalk(living, "prospect")[living.book.heir(str(row["cst_id"]))])
        places = [place for _, place in living.marks.of("note", key)]
        assert {parent for place in places for parent in parents_of(*place)} == {person}, key


def test_lp_38_what_people_did_meanwhile_arrived_before_the_switch(living: PairRun) -> None:
    """LP-38: changes are followed from the beginning of the run; a note, a sale and a correction made while it ran are there."""
    opened = next(each["seq"] for each in living.audit if each["action"] == "delta.opened")
    assert opened < min(each["seq"] for each in living.audit if each["action"] == "read")
    assert living.notes["life"]["done"] > 5, "people were at work"
    assert any("Called back about the gutters." in row["body"] for row in living.after.of("notes").values())
    assert "\n".join(MEANWHILE.splitlines()) in "".join(row["body"].replace("\r\n", "\n") for row in living.after.of("notes").values())
    sold = _deals(living)[living.notes["sold meanwhile"]]
    assert Decimal(str(sold["manualValue"]["amount"] if isinstance(sold["manualValue"], dict) else sold["manualValue"])) == 18250


def test_lp_48_sums_of_deals_are_equal_by_owner_and_status(living: PairRun) -> None:
    """LP-48, LP-04: counted by hand in book and destination, the values of deals sum up alike for every rep's user and every status."""
    here: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    there: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for key, row in _deals(living).items():
        job = living.book.of("job")[key]
        worth, status = Decimal(str(job.get("grossamount") or 0)).quantize(_CENT), ("status", str(job.get("jobstatus") or ""))
        here[status] += worth
        there[status] += _worth(row)
        if job["salesrepid"]:   # of what was nobody's anybody may be the owner
            here["owner", _user_of(living, str(job["salesrepid"]))] += worth
            there["owner", str((row.get("links") or {}).get("owner"))] += _worth(row)
    assert here == there
    assert len([name for group, name in here if group == "owner"]) > 4, "most reps have a user of their own"
    assert sum(here.values()) > 0


def _user_of(run: PairRun, rep: str) -> str:
    """Give the user of a rep: by the e-mail that the customer's file gives its id, else who takes over from those without a user."""
    mails = {row["id"]: row["email"] for row in csv.DictReader(io.StringIO(rep_file()))}
    return str(run.after.user_by_email(mails.get(rep, "")) or run.after.user_by_email(LEAD_PERFECTION.fallback))


def test_lp_48_a_wrong_outcome_or_stage_is_found(living: PairRun) -> None:
    """LP-48: whole runs look at state and stage of every deal: one of each, changed by hand after the run, is found and named."""
    deals = _deals(living)
    jobs = living.book.of("job")
    states = {key for key in deals if str(jobs[key]["jobstatus"] or "") in OUTCOMES}
    placed = {key for key in deals if jobs[key]["jobstatus"] in STAGES}
    assert {OUTCOMES[str(jobs[key]["jobstatus"] or "")] for key in states} == {"open", "won", "lost", "cancelled"}
    assert {jobs[key]["jobstatus"] for key in placed} == STAGES.keys()
    closed = next(key for key in sorted(states) if OUTCOMES[jobs[key]["jobstatus"]] == "lost")
    moved = min(placed)
    start = next(rid for rid, row in living.after.of("stages").items() if row["name"] == "Reported")
    leads = dict(living.after.of("leads"))
    leads |= {deals[closed]["id"]: {**deals[closed], "status": "won"}}
    leads |= {deals[moved]["id"]: {**deals[moved], "links": {**deals[moved]["links"], "stage": start}}}
    planted = replace(living.after, live={**living.after.live, "leads": leads})
    found = LEAD_PERFECTION.compare(
        living.book, planted, before=living.before, seen=living.seen, explained=None, asked=(), edits=living.edits
    )
    told = {each.what: each.why for each in found if each.fault == "wrong"}
    assert told.get(f"job {closed} ({deals[closed]['id']})", "").startswith("is won, and ")
    assert told.get(f"job {moved} ({deals[moved]['id']})", "").startswith("is in Repairs/Reported, and ")


def test_lp_48_what_has_no_field_of_its_own_stands_on_the_deal(living: PairRun) -> None:
    """LP-48: cost, finance, enquiry and all milestones are lines of one long field of the deal, and no note is made for them."""
    asked = living.looks["map"].report("scope")["fields_to_create"]
    assert [(each["entity"], each["family"]) for each in asked if each["label"] == DETAILS] == [("leads", "long")]
    for key, row in _deals(living).items():
        job, lines = living.book.of("job")[key], row["customFields"][DETAILS].split("\n")
        assert f"Enquiry: {job['lds_id']}" in lines
        assert not living.marks.of("job", key)[1:], key


def test_lp_05_and_06_a_deal_hangs_on_its_person_and_both_bear_the_job(living: PairRun) -> None:
    """LP-04, LP-05, LP-06: each deal's person is its prospect's; deal and person both name the job; some person has several."""
    several = Counter[str]()
    for key, row in _deals(living).items():
        prospect = living.book.heir(str(living.book.of("job")[key]["cst_id"]))
        person = next(line["destination_id"] for line in crosswalk(living, "prospect")[prospect] if line["destination_kind"] == "contacts")
        contacts = [str(each) for each in (row.get("links") or {}).get("contacts") or ()]
        assert person in contacts, key
        assert str(row["customFields"]["Source System ID"]) == key
        assert key in str(living.after.of("contacts")[person]["customFields"]["Source System ID"]).split(", ")
        several[person] += 1
    assert max(several.values()) > 1


def _worth(row: Row) -> Decimal:
    value = row.get("manualValue")
    return Decimal(str((value or {}).get("amount", 0) if isinstance(value, dict) else value or 0)).quantize(_CENT)
