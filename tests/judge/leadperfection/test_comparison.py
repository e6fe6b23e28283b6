"""The comparison of this pair: silent about a right migration, and never silent about a wrong one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.judge.corrupting import Change, Dump, double, drop, each_of, put, reword, row_of
from tests.judge.guarding import Edit
from tests.judge.leadperfection import values
from tests.judge.leadperfection.book import Book, Seen, book_of
from tests.judge.leadperfection.comparison import compare
from tests.judge.leadperfection.owners import Owners, read_reps
from tests.judge.leadperfection.small_account import ASKED, FALLBACK, REPS, SAID, SEEN, ZONE, after, before, book, tables
from tests.judge.states import VERDICTS, Fault, Finding, Identity, Question, destination_of

DETAILS = "customFields/Lead Perfection details"
SCOPE = ("workflows: not rebuilt", "notes written to a job: no call tells them")
EDITS = (Edit(rid="7-contacts", field="jobTitle", value="Head of Roofs"),)


def _again(rid: str, old: str, new: str) -> Change:
    """A second record that differs in its mark alone."""
    name = "description" if rid.endswith("activities") else "body"

    def change(dump: Dump) -> None:
        row = row_of(dump, rid)
        dump[rid.partition("-")[2]].append({**row, "id": f"99-{rid.partition('-')[2]}", name: row[name].replace(old, new)})

    return change


CORRUPTIONS: dict[str, tuple[Fault, Change]] = {
    "a person missing": ("lost", drop("7-contacts")),
    "a person deleted": ("lost", put("7-contacts", "deletedTime", 1)),
    "a joined person nowhere": ("lost", drop("5-notes")),
    "a deal missing": ("lost", drop("32-leads")),
    "an enquiry missing": ("lost", drop("9-notes")),
    "a meeting missing": ("lost", drop("41-activities")),
    "a note missing": ("lost", drop("13-notes")),
    "the first part of a note missing": ("lost", drop("14-notes")),
    "the last part of a note missing": ("wrong", drop("15-notes")),
    "a note without an id missing": ("lost", drop("16-notes")),
    "a call missing": ("lost", drop("51-activities")),
    "a person twice": ("doubled", double("5-contacts")),
    "a twin on a contact of its own": ("doubled", lambda dump: (
        drop("5-notes")(dump), dump["contacts"].append({**row_of(dump, "6-contacts"), "id": "8-contacts", "name": "Dana Whitlock",
                                                         "customFields": {"Streamflow ID": "lp:prospect:3"}}))[0]),
    "a deal twice": ("doubled", double("31-leads")),
    "a meeting twice": ("doubled", double("41-activities")),
    "a note twice": ("doubled", double("13-notes")),
    "a note with and without its id": ("doubled", _again("17-notes", "note:56", "note:~56")),
    "a note without an id twice": ("doubled", _again("16-notes", "~ab12", "~cd34")),
    "a call twice": ("doubled", _again("51-activities", "~c1", "~c9")),
    "an enquiry as a deal beside its job": ("doubled", lambda dump: dump["leads"].append(
        {**row_of(dump, "31-leads"), "id": "99-leads", "customFields": {"Streamflow ID": "lp:lead:11"}})),
    "an old text beside its parts": ("doubled", reword("13-notes", "body", "note:51]", "note:52:1/2]")),
    "a deal of another person": ("orphaned", put("31-leads", "links/contacts", ["6-contacts"])),
    "a note beside another deal": ("orphaned", put("11-notes", "links/parent", "31-leads")),
    "an enquiry on another person": ("orphaned", put("6-notes", "links/parent", "6-contacts")),
    "a meeting with another person": ("orphaned", put("41-activities", "links/participants", ["6-contacts"])),
    "a note on another person": ("orphaned", put("13-notes", "links/parent", "6-contacts")),
    "a call with another person": ("orphaned", put("52-activities", "links/participants", ["7-contacts"])),
    "a wrong name": ("wrong", put("7-contacts", "name", "Karen Null")),
    "two people in one": ("wrong", each_of(
        drop("6-contacts"), put("5-contacts", "customFields/Streamflow ID", "lp:prospect:1 lp:prospect:2"))),
    "no e-mail": ("wrong", put("6-contacts", "emails", [])),
    "an unreadable e-mail dropped": ("wrong", reword("7-contacts", "description", "karen at mail.example", "")),
    "the second e-mail dropped": ("wrong", put("5-contacts", "customFields/Additional Email", None)),
    "a wrong number": ("wrong", put("5-contacts", "phones/0/value", {"E164": "+14075550143"})),
    "a number not in the standard field": ("wrong", each_of(
        put("6-contacts", "phones", []), put("6-contacts", "description", "Phone: (407)555-0142"))),
    "a wrong extra number": ("wrong", put("5-contacts", "customFields/Additional Phone 1", "AltPhone1 (Cell): 4075550190")),
    "a third extra number dropped": ("wrong", put("5-contacts", "description", "")),
    "no city": ("wrong", put("6-contacts", "addresses/0/value/city", "")),
    "another postal code": ("wrong", put("6-contacts", "addresses/0/value/postalCode", "32770")),
    "no state made of null": ("wrong", put("7-contacts", "addresses/0/value/state", "nu")),
    "the second line dropped": ("wrong", put("5-contacts", "customFields/Address Line 2", None)),
    "a second line out of nowhere": ("wrong", put("6-contacts", "customFields/Address Line 2", "118 Palmetto Ct")),
    "a mark not to contact dropped": ("wrong", put("5-contacts", "customFields/Do Not Contact", "call")),
    "a mark not to contact out of nowhere": ("wrong", put("6-contacts", "customFields/Do Not Contact", "mail")),
    "an extra number of nobody": ("wrong", put("6-contacts", "customFields/Additional Phone 1", "AltPhone1: 4075550100")),
    "another flag": ("wrong", put("6-contacts", "customFields/Lead Flag", "vendor")),
    "no lead flag": ("wrong", put("6-contacts", "customFields/Lead Flag", None)),
    "no day of entry": ("wrong", put("6-contacts", "customFields/Original Create Date", None)),
    "a day of entry a day off": ("wrong", put("6-contacts", "customFields/Original Create Date", "2026-03-02")),
    "a person of a rep who left kept from the fallback": ("wrong", put("7-contacts", "links/owner", "1-users")),
    "a person of the fallback": ("wrong", put("31-leads", "links/owner", "2-users")),
    "a deal that was somebody else's": ("wrong", put("31-leads", "customFields/Original Owner", "Ruizmar, Ana")),
    "a person that was somebody else's": ("wrong", put("7-contacts", "customFields/Original Owner", "Ruizmar, Ana")),
    "a deal of a namesake": ("wrong", put("31-leads", "links/owner", "3-users")),
    "the status of an older enquiry": ("wrong", put("5-contacts", "customFields/Lead Status", "Sale")),
    "the source of an older enquiry": ("wrong", put("5-contacts", "customFields/Lead Source", "Internet | Google - Windows")),
    "a joined source that does not split back": ("wrong", put("5-contacts", "customFields/Lead Source", "TV - Cable | Radio")),
    "a joined source that splits elsewhere": ("wrong", put("5-contacts", "customFields/Lead Source", "TV \\| Cable | Radio | 98.1 / AM")),
    "no joined source": ("wrong", put("7-contacts", "customFields/Lead Source", None)),
    "no sub-source": ("wrong", put("5-contacts", "customFields/Lead Subsource", None)),
    "a job not named on its person": ("wrong", put("5-contacts", "customFields/Source System ID", "31")),
    "a job named on another person": ("wrong", put("6-contacts", "customFields/Source System ID", "31")),
    "a job not named on its deal": ("wrong", put("32-leads", "customFields/Source System ID", None)),
    "another value": ("wrong", put("31-leads", "manualValue", "1425.00")),
    "a negative value dropped": ("wrong", put("32-leads", "manualValue", None)),
    "a negative value made positive": ("wrong", put("32-leads", "manualValue", "400.33")),
    "another job status": ("wrong", put("31-leads", "customFields/Job Status", "Scheduled")),
    "another outcome": ("wrong", put("32-leads", "status", "won")),
    "another stage": ("wrong", put("31-leads", "links/stage", "2-stages")),
    "no balance": ("wrong", put("31-leads", "customFields/Balance Due", None)),
    "no finance": ("wrong", reword("31-leads", DETAILS, "Credit limit: -1\n", "")),
    "no finance in the note": ("wrong", reword("11-notes", "body", "Credit limit: -1\n", "")),
    "another job cost": ("wrong", reword("31-leads", DETAILS, "Job cost: 0", "Job cost: 900")),
    "another installer": ("wrong", reword("31-leads", DETAILS, "Crew 4", "Crew 5")),
    "another product": ("wrong", each_of(
        put("31-leads", "customFields/Product", "DOR"), put("31-leads", "description", "ORL-26-1031 – DOR"))),
    "no details": ("wrong", put("31-leads", DETAILS, None)),
    "details in one line": ("wrong", reword("31-leads", DETAILS, "\n", " ")),
    "details in the field and in a note": ("wrong", put(
        "32-leads", DETAILS, "Credit limit: -1\nFinanced amount: 0\nFinanced months: 120\nJob cost: 0\nInstaller 1: Crew 4")),
    "a deal of another day": ("wrong", put("31-leads", "customFields/Original Create Date", "2026-03-05")),
    "a deal without its day": ("wrong", put("31-leads", "customFields/Original Create Date", None)),
    "a deal of another hour": ("wrong", put("31-leads", "customFields/Original Create Time", "2026-03-06T20:32:10-05:00")),
    "a deal with the disposition of another enquiry": ("wrong", put("31-leads", "customFields/Disposition", "Set")),
    "a contract a day late": ("wrong", put("31-leads", "customFields/Contract Date", "2026-03-07")),
    "a milestone dropped": ("wrong", reword("31-leads", DETAILS, "datetype: Start", "datetype: none")),
    "a milestone on another day": ("wrong", put("31-leads", "customFields/Ready Date", "2026-03-20")),
    "a custom field dropped": ("wrong", put("31-leads", "customFields/HOA Required", None)),
    "a custom field of the person dropped": ("wrong", put("5-contacts", "customFields/Gate Code", None)),
    "a custom amount wrong": ("wrong", put("31-leads", "customFields/Deposit", "120.00")),
    "a native source of another enquiry": ("wrong", put("31-leads", "links/sources", ["2-sources"])),
    "an enquiry without sub-source": ("wrong", reword("6-notes", "body", "Sub-source: Google - Windows\n", "")),
    "an enquiry without amount": ("wrong", reword("6-notes", "body", "Gross sale amount: 14250\n", "")),
    "an enquiry without promoter": ("wrong", reword("8-notes", "body", "Promoter: Internet, Vendor", "")),
    "an enquiry without rep": ("wrong", reword("7-notes", "body", "Sales rep: Okaforth, Ben - OFFICE\n", "")),
    "an enquiry at another time": ("wrong", reword("6-notes", "body", "09:41:55", "14:41:55")),
    "an enquiry confirmed by nobody": ("wrong", reword("6-notes", "body", "Confirmed by: Ruizmar, Ana\n", "")),
    "an enquiry confirmed by another": ("wrong", reword("6-notes", "body", "Confirmed by: Ruizmar, Ana", "Confirmed by: Lowe, Kim")),
    "an enquiry confirmed at no time": ("wrong", reword("6-notes", "body", "Confirmed on: 2026-03-04 11:00:00\n", "")),
    "an enquiry confirmed hours off": ("wrong", reword("6-notes", "body", "2026-03-04 11:00:00", "2026-03-04 16:00:00")),
    "an enquiry set by another": ("wrong", reword("6-notes", "body", "Set by: Lowe, Kim", "Set by: Ruizmar, Ana")),
    "a flag turned": ("wrong", reword("6-notes", "body", "Ever sat: true", "Ever sat: false")),
    "a flag out of nowhere": ("wrong", reword("8-notes", "body", "Sold: false", "Sold: true")),
    "a meeting of another type": ("wrong", put("41-activities", "links/activityType", "1-activityTypes")),
    "a meeting five hours off": ("wrong", put("41-activities", "startTime", values.instant("2026-03-05 12:00:00", ZONE))),
    "a meeting at the second of two hours": ("wrong", put(
        "44-activities", "startTime", values.instant("2025-11-02 01:30:00", ZONE) + 3600)),
    "an hour that came twice not marked": ("wrong", reword("44-activities", "description", " (ambiguous: the clock had it twice)", "")),
    "a meeting without a name": ("wrong", put("41-activities", "name", "")),
    "a meeting without its enquiry": ("wrong", reword("41-activities", "description", "Enquiry: 11\n", "")),
    "a note without its enquiry": ("wrong", reword("14-notes", "body", "Enquiry: 11\n", "")),
    "a note without a line for its time": ("wrong", reword("17-notes", "body", "Original created: 2026-08-06 18:14:08 -04:00\n", "")),
    "a call without a name": ("wrong", put("51-activities", "name", None)),
    "a meeting without length": ("wrong", put("41-activities", "endTime", values.instant("2026-03-05 17:00:00", ZONE))),
    "an end not said to be derived": ("wrong", reword("41-activities", "description", "End (derived)", "End")),
    "a meeting without its text": ("wrong", reword("41-activities", "description", "gate code 1180", "gate code")),
    "a meeting without its second text": ("wrong", reword("41-activities", "description", "Wants white\n  frames", "Wants white")),
    "a meeting without what came of it": ("wrong", reword("41-activities", "description", "Signed at once", "Signed")),
    "a meeting without product": ("wrong", reword("41-activities", "description", "WIN, DOR", "WIN")),
    "a meeting without its amount": ("wrong", reword("41-activities", "description", "Gross sale amounts: 14250\n", "")),
    "a meeting without rep": ("wrong", each_of(
        reword("41-activities", "description", " by Ben Okaforth", ""), put("41-activities", "name", "Appointment"),
        put("41-activities", "links/participants", ["5-contacts"]))),
    "a past appointment as a note": ("wrong", lambda dump: (dump["notes"].append(
        {"id": "99-notes", "body": row_of(dump, "41-activities")["description"], "links": {"parent": "5-contacts"}}),
        drop("41-activities")(dump))[1]),
    "an appointment of nobody written": ("wrong", lambda dump: dump["notes"].append(
        {"id": "99-notes", "body": "x\n[sf:lp:appointment:43]", "links": {"parent": "7-contacts"}})),
    "a job of nobody written": ("wrong", lambda dump: dump["leads"].append(
        {**row_of(dump, "31-leads"), "id": "99-leads", "customFields": {"Streamflow ID": "lp:job:39"}})),
    "a cut text": ("wrong", reword("13-notes", "body", "Call after 5", "Call after")),
    "more than the text": ("wrong", reword("17-notes", "body", "mentions", "mentions also")),
    "words swapped between parts": ("wrong", reword("15-notes", "body", "word31", "word32")),
    "a note without author": ("wrong", reword("13-notes", "body", "Ruizmar, Ana", "somebody")),
    "a note of another time": ("wrong", reword("13-notes", "body", "2026-08-06 18:14:08", "2026-08-06 22:14:08")),
    "no time of the last change": ("wrong", reword("13-notes", "body", "Original updated: 2026-08-07 09:00:00 -04:00\n", "")),
    "a note without importance": ("wrong", reword("13-notes", "body", "Important: true\n", "")),
    "a note without its appointment": ("wrong", reword("14-notes", "body", "Appointment: 2026-03-05 17:00:00 -05:00\n", "")),
    "a mention": ("wrong", reword("17-notes", "body", "@ [", "@[")),
    "a call hours off": ("wrong", put("51-activities", "startTime", values.instant("2026-08-05 12:20:11", ZONE))),
    "a call of another type": ("wrong", put("51-activities", "links/activityType", "2-activityTypes")),
    "a call without result": ("wrong", each_of(
        reword("51-activities", "description", "Result: No Answer\n", ""), put("51-activities", "name", "Outgoing call"))),
    "a call without agent's name": ("wrong", reword("51-activities", "description", " by Ruizmar, Ana", "")),
    "a call without direction": ("wrong", each_of(
        reword("51-activities", "description", "Direction: Outbound\n", ""), put("51-activities", "name", "No Answer"))),
    "a person's edit overwritten": ("overwritten", put("7-contacts", "jobTitle", "Clerk")),
    "somebody else's name changed": ("foreign touched", put("1-contacts", "name", "Nia O.")),
    "somebody else's note gone": ("foreign touched", drop("1-notes")),
    "a record out of nowhere": ("stray", lambda dump: dump["contacts"].append({"id": "98-contacts", "name": "Probe", "links": {}})),
    "a note of no source": ("stray", _again("13-notes", "note:51", "note:551")),
    "a deal of no source": ("stray", lambda dump: dump["leads"].append(
        {"id": "98-leads", "customFields": {"Streamflow ID": "lp:job:777"}})),
    "a note without an id that nobody wrote": ("stray", lambda dump: dump["notes"].append(
        {"id": "99-notes", "body": "[time unknown]\nan older text\n[sf:lp:note:~ef56]", "links": {"parent": "7-contacts"}})),
    "a call that nobody made": ("stray", lambda dump: dump["activities"].append(
        {**row_of(dump, "51-activities"), "id": "99-activities", "description": "[2026-08-05 11:00:00]\nx\n[sf:lp:call:~c9]"})),
}  # fmt: skip


def _right() -> Dump:
    dump = after()
    row_of(dump, "7-contacts")["jobTitle"] = "Head of Roofs"
    return dump


def _found(
    dump: Dump | None = None, *, source: Book | None = None, seen: Seen = SEEN, said: dict[Identity, str] | None = SAID,
    asked: Sequence[Question] = ASKED, scope: Sequence[str] | None = SCOPE, edits: Sequence[Edit] = EDITS,
) -> list[Finding]:  # fmt: skip
    return compare(
        source or book(), destination_of(copy.deepcopy(dump or _right())), before=destination_of(before()), seen=seen, reps=REPS,
        fallback=FALLBACK, explained=said, asked=asked, edits=edits, outcomes={"Dead Deal": "lost", "Awaiting Product": "open"},
        stages={"Awaiting Product": "Field/Measure"}, scope=scope,
    )  # fmt: skip


@pytest.mark.parametrize(("keys", "faults"), [(["~cd34"], []), (["~cd34", "~ef56"], ["doubled"])])
def test_two_notes_that_say_the_same_are_two(keys: list[str], faults: list[str]) -> None:
    """Of texts without an id as many may be there as the source has, and no more."""
    dump, rows = _right(), tables()
    rows["notes"].append({**next(row for row in rows["notes"] if row["id"] == "53"), "id": "57"})
    for key in keys:
        _again("16-notes", "~ab12", key)(dump)
        dump["notes"][-1]["id"] = f"{90 + len(dump['notes'])}-notes"
    assert [each.fault for each in _found(dump, source=book_of(rows))] == faults


def test_every_verdict_is_planted() -> None:
    """Whatever the judge can say of a migration, it is shown to say of one that is wrong in just that way; twelve ways at the least."""
    planted = {Finding(fault=fault, what="", why="").verdict for fault, _ in CORRUPTIONS.values()}
    assert planted == set(VERDICTS)
    assert len(CORRUPTIONS) >= 12


def test_a_right_migration_passes_in_silence() -> None:
    """Nothing is found where everything is as promised."""
    assert [str(each) for each in _found()] == []


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_corruption_is_caught(name: str) -> None:
    """A wrong migration is found out, under the right heading."""
    fault, corrupt = CORRUPTIONS[name]
    dump = _right()
    corrupt(dump)
    # A word about a person in another matter is no question who is who.
    findings = _found(dump, said={**SAID, ("prospect", "1"): "bad phone", ("prospect", "3"): "bad phone"})
    assert fault in {each.fault for each in findings}, [str(each) for each in findings]


@pytest.mark.parametrize("left", SAID)
def test_what_stays_behind_must_be_told(left: Identity) -> None:
    """Those of nobody, and what is empty: not in silence."""
    findings = _found(said={each: why for each, why in SAID.items() if each != left})
    assert [each.fault for each in findings] == ["unexplained"]
    assert all(left[1] in each.what for each in findings)


@pytest.mark.parametrize(("asked", "faults"), [
    (ASKED[:1], []), ((replace(ASKED[0], others=frozenset({"5-contacts"})),), []), (ASKED[2:], ["unexplained"]),
    ((replace(ASKED[0], cause="bad_phone"),), ["unexplained"]), ((replace(ASKED[0], kind="job"),), ["unexplained"]),
])  # fmt: skip
def test_people_who_share_an_address_are_asked_about(asked: tuple[Question, ...], faults: list[str]) -> None:
    """Only a question who is who tells of a shared address, and only one that names both people."""
    findings = _found(asked=asked)
    assert [each.fault for each in findings] == faults
    assert all("share dana@mail.example" in each.why for each in findings)


def test_notes_that_no_call_shows_must_be_in_the_scope() -> None:
    """A note of a job may stay behind where nothing tells it, and only with a line in the scope that says so."""
    findings = _found(scope=[line for line in SCOPE if "job" not in line])
    assert [(each.fault, each.what) for each in findings] == [("unexplained", "note 55")]
    assert _found(scope=SCOPE) == []


def test_an_excuse_does_not_cover_what_could_be_moved() -> None:
    """Whatever the product says, a record that could be moved is lost when it is not there."""
    dump = _right()
    for rid in ("41-activities", "13-notes", "32-leads"):
        drop(rid)(dump)
    excuses = {**SAID, ("appointment", "41"): "did not feel like it", ("note", "51"): "nor here", ("job", "32"): "nor here"}
    assert {each.what for each in _found(dump, said=excuses) if each.fault == "lost"} == {"appointment 41", "note 51", "job 32"}


def test_a_reader_of_files_has_no_excuse() -> None:
    """What the API forgets or does not show is in an extract, and has to arrive."""
    lost = {each.what for each in _found(seen=replace(SEEN, by="extract")) if each.fault == "lost"}
    assert lost == {"call of 2026-01-05T10:00:00 with prospect 1", "note 55", "note 53"}


def test_notes_of_jobs_have_to_arrive_where_a_call_for_them_is_set_up() -> None:
    """What a call of its own tells has to arrive where the reader was set up to ask it, and nowhere else."""
    told = replace(SEEN, switches={**SEEN.switches, "job_notes": "installer"})
    assert _found(seen=told, scope=SCOPE) == []
    assert [(each.fault, each.what) for each in _found(seen=replace(told, asks_jobs=True), scope=SCOPE)] == [("lost", "note 55")]
    assert _found(seen=replace(SEEN, asks_jobs=True), scope=SCOPE) == [], "a call that tells nothing"


def test_a_call_that_was_seen_stays_when_the_source_forgets_it() -> None:
    """Only what was too old when the migration began may be missing, however old it is at the end."""
    dump = _right()
    drop("52-activities")(dump)
    findings = _found(dump, seen=replace(SEEN, began="2026-08-12T16:20:00"))
    assert [each.what for each in findings] == ["call of 2026-08-05T16:20:11 with prospect 2"]
    assert _found(dump, seen=replace(SEEN, began="2026-08-12T16:21:00")) == []


def _book_after(*done: dict[str, Any], without: dict[str, set[str]]) -> Book:
    kept = {
        plural: [row for row in rows if str(row[_KEYS.get(plural, "cst_id")]) not in without.get(plural, set())]
        for plural, rows in tables().items()
    }  # fmt: skip
    return book_of(kept, list(done))


_KEYS = {"leads": "lds_id", "notes": "id"}


def test_a_deleted_person_stays_with_all_it_had() -> None:
    """What people deleted at the source is left alone, and what went with it is no stray; a later record on it is none either."""
    gone = {kind: {"4"} for kind in ("prospects", "jobs", "appointments", "calls")} | {"leads": {"14"}, "notes": {"53", "56"}}
    deed = {"op": "delete", "kind": "prospects", "id": "4", "cst_id": "4"}
    said = {key: why for key, why in SAID.items() if key == ("note", "54")}
    assert _found(source=_book_after(deed, without=gone), said=said) == []
    assert any(each.fault == "stray" for each in _found(source=_book_after(without=gone), said=said))


def test_a_deleted_note_without_an_id_is_one_note() -> None:
    """People deleted one note of this person: one text may be there that the source no longer has, and no second one."""
    deed = {"op": "delete", "kind": "notes", "id": "53", "cst_id": "4"}
    source = _book_after(deed, without={"notes": {"53"}})
    assert _found(source=source) == []
    dump = _right()
    dump["notes"].append({"id": "99-notes", "body": "[time unknown]\nanother\n[sf:lp:note:~zz]", "links": {"parent": "7-contacts"}})
    assert [each.fault for each in _found(dump, source=source)] == ["stray"]


def test_of_an_edited_note_without_an_id_the_old_text_goes() -> None:
    """Unless several notes of the person changed, so that nobody can tell which became which."""
    rows = tables()
    note = next(row for row in rows["notes"] if row["id"] == "53")
    note["note"] = "another"
    edit = {"op": "edit", "kind": "notes", "id": "53", "cst_id": "4"}
    dump = _right()
    dump["notes"].append({"id": "99-notes", "body": "[time unknown]\nanother\n[sf:lp:note:~zz]", "links": {"parent": "7-contacts"}})
    assert [each.fault for each in _found(dump, source=book_of(rows, [edit]))] == ["stray"]
    assert _found(dump, source=book_of(rows, [edit, {**edit, "id": "56"}])) == []
    merge = {"op": "merge", "kind": "prospects", "id": "9", "cst_id": "9", "into": "4"}
    assert _found(dump, source=book_of(rows, [edit, merge])) == [], "the other one's notes came along"
    drop("16-notes")(dump)
    assert _found(dump, source=book_of(rows, [edit])) == []


def test_a_note_need_not_know_of_a_later_appointment() -> None:
    """What people set up meanwhile is not what a note was written for; what stood there before is."""
    dump = _right()
    reword("14-notes", "body", "Appointment: 2026-03-05 17:00:00", "Appointment: 2026-03-04 09:00:00")(dump)
    assert [each.fault for each in _found(dump)] == ["wrong"]
    put_off = book_of(tables(), [{"op": "edit", "kind": "appointments", "id": "41", "cst_id": "1"}])
    assert _found(dump, source=put_off) == []
    reword("14-notes", "body", "Appointment: 2026-03-04 09:00:00", "")(dump)
    assert [each.fault for each in _found(dump, source=put_off)] == ["wrong"]
    later = tables()
    later["appointments"][0]["ils_id"] = "45"
    deed = {"op": "create", "kind": "appointments", "id": "45", "cst_id": "1"}
    assert not [each for each in _found(dump, source=book_of(later, [deed])) if each.what.startswith("note")]


def test_what_merged_people_had_is_on_the_survivor() -> None:
    """After a merge at the source the records of the one are those of the other."""
    rows = tables()
    rows["prospects"] = [row for row in rows["prospects"] if row["cst_id"] != "2"]
    for row in rows["calls"]:
        row["cst_id"] = "4" if row["cst_id"] == "2" else row["cst_id"]
    deed = {"op": "merge", "kind": "prospects", "id": "2", "cst_id": "2", "into": "4"}
    source = book_of(rows, [deed])
    assert [each.fault for each in _found(source=source)] == ["orphaned"]
    dump = _right()
    put("52-activities", "links/participants", ["7-contacts"])(dump)
    assert _found(dump, source=source) == []


@pytest.mark.parametrize(("field", "cause"), [("deleted", "deleted_at_destination"), ("body", "conflict")])
@pytest.mark.parametrize(("asked", "faults"), [
    (("16-notes", True), []), (("16-notes", False), ["lost", "stray"]), (("17-notes", True), ["lost", "stray"]),
])  # fmt: skip
def test_what_people_worked_on_and_the_source_rewrote_is_asked_about(
    field: str, cause: str, asked: tuple[str, bool], faults: list[str]
) -> None:
    """A note without an id was deleted or rewritten by people, and says something else in the source: its old text is no stray then."""
    rows, dump = tables(), _right()
    was = copy.deepcopy(row_of(dump, "16-notes"))
    put("16-notes", "deletedTime" if field == "deleted" else "body", "Said by people")(dump)
    next(row for row in rows["notes"] if row["id"] == "53")["note"] = "said otherwise since"
    source = book_of(rows, [{"op": "edit", "kind": "notes", "id": "53", "cst_id": "4"}])
    rid, is_right = asked
    question = Question(cause=cause if is_right else "bad_phone", kind="note", key="~cd34", others=frozenset({rid}))
    edits = (*EDITS, Edit(rid="16-notes", field=field, value="Said by people", was=was))
    assert [each.fault for each in _found(dump, source=source, edits=edits, asked=(*ASKED, question))] == faults


REWRITTEN = Question(cause="conflict", kind="note", key="~cd34", others=frozenset({"16-notes"}))


def _rewritten(dump: Dump) -> Edit:
    """Let people rewrite the note without an id."""
    was = copy.deepcopy(row_of(dump, "16-notes"))
    put("16-notes", "body", "Said by people")(dump)
    return Edit(rid="16-notes", field="body", value="Said by people", was=was)


def test_what_people_rewrote_explains_no_other_note() -> None:
    """The source rewrote the note that they worked on, and what it says now is there beside it: another note is lost."""
    rows, dump = tables(), _right()
    beside = copy.deepcopy(row_of(dump, "16-notes"))
    edit = _rewritten(dump)
    dump["notes"].append({**beside, "id": "30-notes", "body": "[time unknown]\nsaid otherwise since\n[sf:lp:note:~cd34]"})
    next(row for row in rows["notes"] if row["id"] == "53")["note"] = "said otherwise since"
    source = book_of(rows, [{"op": "edit", "kind": "notes", "id": "53", "cst_id": "4"}])
    assert _found(dump, source=source, edits=(*EDITS, edit), asked=(*ASKED, REWRITTEN)) == []
    drop("17-notes")(dump)
    found = _found(dump, source=source, edits=(*EDITS, edit), asked=(*ASKED, REWRITTEN))
    assert [(each.fault, each.what) for each in found] == [("lost", "note 56")]


def test_what_was_moved_wrong_is_not_explained_by_people_who_rewrote_it() -> None:
    """Garbled as it was moved: nothing was rewritten in the source, so that what stands there is no older text of it."""
    dump = _right()
    put("16-notes", "body", "[time unknown]\nnull and file\n[sf:lp:note:~cd34]")(dump)
    edit = _rewritten(dump)
    assert [each.fault for each in _found(dump, edits=(*EDITS, edit), asked=(*ASKED, REWRITTEN))] == ["lost", "stray"]


def test_what_a_deal_is_worth_is_not_explained_by_its_note() -> None:
    """People rewrote the note that tells more of a deal, and that is asked about: the deal itself is as the source says."""
    dump = _right()
    note = next(row for row in dump["notes"] if "[sf:lp:job:32:details]" in row["body"])
    edit = Edit(rid=note["id"], field="body", value="Said by people", was=copy.deepcopy(note))
    note["body"] = "Said by people"
    put("32-leads", "manualValue", "400.33")(dump)
    question = Question(cause="conflict", kind="job", key="32", others=frozenset({note["id"]}))
    assert [(each.fault, each.what) for each in _found(dump, edits=(*EDITS, edit), asked=(*ASKED, question))] == [
        ("wrong", "job 32 (32-leads)")
    ]


def _merged_away() -> tuple[Book, Dump]:
    """Give a book in which Karen was merged into Luis, and the account in which all that she had came to him but her person."""
    rows = {plural: [row for row in held if plural != "prospects" or row["cst_id"] != "4"] for plural, held in tables().items()}
    for held in rows.values():
        for row in held:
            row["cst_id"] = "2" if row["cst_id"] == "4" else row["cst_id"]
    dump = _right()
    for rid in ("9-notes", "16-notes", "17-notes"):
        put(rid, "links/parent", "6-contacts")(dump)
    for name, value in (("Lead Source", "Show"), ("Lead Subsource", None), ("Lead Status", None)):
        put("6-contacts", f"customFields/{name}", value)(dump)
    put("6-contacts", "links/owner", "2-users")(dump)
    return book_of(rows, [{"op": "merge", "kind": "prospects", "id": "4", "cst_id": "4", "into": "2"}]), dump


def test_a_note_without_an_id_goes_to_the_survivor() -> None:
    """One that stays on the person that is no more is not where it belongs; one that is nowhere is lost."""
    source, dump = _merged_away()
    assert [str(each) for each in _found(dump, source=source)] == []
    put("16-notes", "links/parent", "7-contacts")(dump)
    assert [(each.fault, each.what) for each in _found(dump, source=source)] == [("orphaned", "note 53 (16-notes)")]
    drop("16-notes")(dump)
    assert [(each.fault, each.what) for each in _found(dump, source=source)] == [("lost", "note 53")]


@pytest.mark.parametrize(("asked", "home", "text", "faults"), [
    ("56", "6-contacts", None, []), ("53", "6-contacts", None, ["doubled", "orphaned"]), ("", "6-contacts", None, ["doubled", "orphaned"]),
    ("56", "7-contacts", None, ["orphaned"]), ("56", "6-contacts", "Said by nobody", ["orphaned", "stray"]),
])  # fmt: skip
def test_a_note_whose_survivor_shows_texts_alone_may_be_told_anew(asked: str, home: str, text: str | None, faults: list[str]) -> None:
    """The one with the id stays with who was merged away, if it is asked about as gone and its very text is with the survivor."""
    source, dump = _merged_away()
    _again("17-notes", "note:56", "note:~ef56")(dump)
    dump["notes"][-1]["links"] = {"parent": home}
    if text is not None:
        dump["notes"][-1]["body"] = f"[time unknown]\n{text}\n[sf:lp:note:~ef56]"
    put("17-notes", "links/parent", "7-contacts")(dump)
    found = _found(dump, source=source, asked=(*ASKED, Question(cause="deleted_at_source", kind="note", key=asked)))
    assert sorted(each.fault for each in found) == faults


@pytest.mark.parametrize(("asked", "deed", "faults"), [
    ("56", "delete", []), ("56", "create", ["doubled"]), ("53", "delete", ["doubled"]), ("", "delete", ["doubled"]),
])  # fmt: skip
def test_of_two_notes_that_say_the_same_the_one_with_the_id_may_be_asked_about(asked: str, deed: str, faults: list[str]) -> None:
    """Its place was another one's before people deleted a note there, and that one had been told without its id."""
    source, dump = _merged_away()
    _again("17-notes", "note:56", "note:~ef56")(dump)
    book = replace(source, note_deeds={"2": [(deed, "99")]})
    found = _found(dump, source=book, asked=(*ASKED, Question(cause="deleted_at_source", kind="note", key=asked)))
    assert sorted(each.fault for each in found) == faults


@pytest.mark.parametrize(("field", "question", "is_excused"), [
    ("deleted", ("deleted_at_destination", "~ab12", "16-notes"), True), ("deleted", ("deleted_at_destination", "53", "16-notes"), True),
    ("deleted", ("deleted_at_destination", "~ab12", "17-notes"), False), ("deleted", ("conflict", "53", "16-notes"), False),
    ("deleted", ("", "53", "16-notes"), False), ("body", ("conflict", "~ab12", "16-notes"), True),
    ("body", ("conflict", "53", "16-notes"), True), ("body", ("conflict", "~ab12", "17-notes"), False),
    ("body", ("conflict", "56", "16-notes"), False), ("body", ("deleted_at_destination", "53", "16-notes"), False),
])  # fmt: skip
def test_what_people_worked_on_stays_where_a_merge_at_the_source_left_it(
    field: str, question: tuple[str, str, str], is_excused: bool
) -> None:
    """A note without an id is another person's now, by a made-up key or a real one: it may stay where it is asked about by its place."""
    source, dump = _merged_away()
    put("16-notes", "links/parent", "7-contacts")(dump)
    was = copy.deepcopy(row_of(dump, "16-notes"))
    if field == "deleted":
        put("16-notes", "deletedTime", 1)(dump)
    else:
        put("16-notes", "body", "Said by people")(dump)
    cause, key, rid = question
    found = _found(
        dump, source=source, edits=(*EDITS, Edit(rid="16-notes", field=field, value="Said by people", was=was)),
        asked=(*ASKED, Question(cause=cause, kind="note", key=key, others=frozenset({rid}))),
    )  # fmt: skip
    assert [(each.fault, each.what) for each in found] == ([] if is_excused else [("orphaned", "note 53 (16-notes)")])


def test_an_open_enquiry_may_be_a_deal() -> None:
    """Where the map wants it, an enquiry without a job is a deal of the person, with all that it says."""
    dump = _right()
    note = row_of(dump, "9-notes")
    fields = {"Streamflow ID": "lp:lead:14", "Lead Source": "Show"}
    links = {"contacts": ["7-contacts"], "owner": "2-users"}
    dump["leads"].append({"id": "14-leads", "description": "Enquiry", "manualValue": "0.00", "customFields": fields, "links": links})
    note["links"]["parent"] = "14-leads"
    assert _found(dump) == []
    put("14-leads", "links/contacts", ["6-contacts"])(dump)
    assert [each.fault for each in _found(dump)] == ["orphaned"]


@pytest.mark.parametrize(
    ("rep_id", "name", "users"),
    [("87", "Okaforth, Ben", {"1-users"}), ("92", "", {"3-users"}), ("94", "Okaforth, Ben", {"2-users"}), ("", "Desk, Front", {"2-users"}),
     ("", "Ben Okaforth - OFFICE", {"1-users", "3-users", "2-users"}), ("93", "Castlebay, Mia", {"2-users"}),
     ("88", "Ruizmar, Ana", {"4-users"}), ("", "Ruizmar, Ana", {"4-users"}), ("", "Zo\u00eb Lake", {"5-users"}), ("", "", None)],
)  # fmt: skip
def test_whose_it_is(rep_id: str, name: str, users: set[str | None] | None) -> None:
    """By id and the file, else by name; a namesake's user is nobody else's, and who cannot be told apart may go to the fallback."""
    dump = before()
    dump["users"] += [{"id": "4-users", "name": "Ana Ruizmar", "emails": []}, {"id": "5-users", "name": "Zo\u00eb Lake", "emails": []},
                      {"id": "6-users", "name": "Front Desk", "emails": [], "isEnabled": False}]  # fmt: skip
    owners = Owners(reps=read_reps(REPS), destination=destination_of(dump), fallback=FALLBACK)
    assert owners.of(rep_id, name) == users


@pytest.mark.parametrize(
    ("held", "pair"),
    [("Internet | Google - Windows", ("Internet", "Google - Windows")), ("Show", ("Show", "")), (" | A/B", ("", "A/B")),
     ("a\\|b | c\\|d \\\\ e", ("a|b", "c|d \\ e")), ("a\\\\ | b | c", ("a\\", "b | c"))],
)  # fmt: skip
def test_joined_texts_split_back(held: str, pair: tuple[str, str]) -> None:
    """The first sign that is not escaped parts them."""
    assert values.split_pair(held) == pair


def test_the_clock_of_the_tenant() -> None:
    """Of an hour that came twice the first; an hour that never was is as far behind the one before as the clock said."""
    assert values.instant("2026-11-01T01:30:00", ZONE) == 1793511000
    assert values.instant("2026-03-08T02:30:00.96", ZONE) == 1772955000
    odd = ("2026-11-01T01:30:00", "2026-03-08T02:30:00", "2026-11-01T02:00:00", "2026-03-08T03:00:00", "2026-08-01T01:30:00")
    assert [values.is_odd(each, ZONE) for each in odd] == [True, True, False, False, False]


MOVED = {
    "leads": ("lead", "14"), "jobs": ("job", "32"), "appointments": ("appointment", "41"), "notes": ("note", "56"),
    "calls": ("call", "~zz"),
}  # fmt: skip
"""By table: a record of it, as the product would tell of it; of calls the first, by a key that it made up."""


@pytest.mark.parametrize("plural", MOVED)
@pytest.mark.parametrize(("said", "is_excused"), [
    ("belongs to 6-contacts, which people deleted in the destination", True), ("belongs to 7-contacts, which people deleted", False),
    ("", False),
])  # fmt: skip
def test_what_the_source_moves_to_somebody_deleted_waits_and_says_so(plural: str, said: str, is_excused: bool) -> None:
    """An enquiry, a job, an appointment, a note or a call is Luis' now, whom people deleted: it may stay where that is told of it."""
    kind, key = MOVED[plural]
    dump, rows = _right(), tables()
    name = {"leads": "lds_id", "jobs": "job_id", "appointments": "ils_id", "notes": "id"}.get(plural)
    next(row for row in rows[plural] if name is None or row.get(name, row.get("id")) == key)["cst_id"] = "2"
    gone = Edit(rid="6-contacts", field="deleted", was=copy.deepcopy(row_of(dump, "6-contacts")))
    put("6-contacts", "deletedTime", 1)(dump)
    found = compare(
        book_of(rows), destination_of(dump), before=destination_of(before()), seen=SEEN, reps=REPS, fallback=FALLBACK, asked=ASKED,
        explained={**SAID, (kind, key): said} if said else SAID, edits=(*EDITS, gone), scope=SCOPE,
    )  # fmt: skip
    astray = [each.what.partition(" ")[0] for each in found if each.fault == "orphaned"]
    assert astray == ([] if is_excused else [kind])
