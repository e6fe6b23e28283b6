"""The comparison itself: silent about a right migration, and never silent about a wrong one."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.judge import texts
from tests.judge.comparison import compare
from tests.judge.corrupting import Change, Dump, double, drop, each_of, put, reword, row_of
from tests.judge.guarding import Edit, rolled_back
from tests.judge.small_pair import SHA, after, before, states, tables
from tests.judge.states import VERDICTS, Fault, Finding, Identity, Question, Row, as_exported, destination_of, source_of

SAID = {("note", "13"): "its lead does not exist"}
ASKED = (
    Question(cause="bad_phone", kind="lead", key="1", others=frozenset({"2"})),
    Question(cause="shared_email", kind="lead", key="2", others=frozenset({"3"})),
)
EDITS = (Edit(rid="5-contacts", field="jobTitle", value="Head of Sun"),)


CORRUPTIONS: dict[str, tuple[Fault, Change]] = {
    "a person missing": ("lost", drop("9-contacts")),
    "a person deleted": ("lost", put("9-contacts", "deletedTime", 1)),
    "a note missing": ("lost", drop("6-notes")),
    "a part of a note missing": ("lost", drop("8-notes")),
    "a call missing": ("lost", drop("5-activities")),
    "a task missing": ("lost", drop("5-tasks")),
    "a person twice": ("doubled", double("5-contacts")),
    "a second lead on a contact of its own": ("doubled", lambda dump: (
        drop("5-notes")(dump), dump["contacts"].append({**row_of(dump, "5-contacts"), "id": "99-contacts", "customFields": {
            "Streamflow ID": "lt:lead:2"}}))[0]),
    "a company twice": ("doubled", lambda dump: dump["accounts"].append({"id": "9-accounts", "name": "KAROO SOLAR", "customFields": {
        "Streamflow ID": "lt:company:c2"}, "links": {}})),
    "a note twice": ("doubled", double("6-notes")),
    "a task twice": ("doubled", double("5-tasks")),
    "an old text beside its parts": ("doubled", reword("6-notes", "body", "[sf:lt:note:11]", "[sf:lt:note:12]")),
    "a note on another person": ("orphaned", put("6-notes", "links/parent", "9-contacts")),
    "a call with another person": ("orphaned", put("5-activities", "links/participants", ["9-contacts"])),
    "a task with nobody": ("orphaned", put("5-tasks", "links/relatedEntity", None)),
    "a wrong name": ("wrong", put("9-contacts", "name", "Sipho Nel")),
    "a wrong e-mail": ("wrong", put("5-contacts", "emails/0/value", "thandy@example.co.za")),
    "a wrong number": ("wrong", put("5-contacts", "phones/0/value", {"E164": "+27825550143"})),
    "a number nobody can read, dropped": ("wrong", reword("9-contacts", "description", "call after 5", "")),
    "a wrong address": ("wrong", put("5-contacts", "addresses/0/value/city", "Durban")),
    "a wrong owner": ("wrong", put("5-contacts", "links/owner", "2-users")),
    "a wrong status": ("wrong", put("9-contacts", "customFields/Lead Status", "New")),
    "a source label not to the letter": ("wrong", put("9-contacts", "customFields/Lead Source", "Website")),
    "a wrong custom value": ("wrong", put("5-contacts", "customFields/Budget", "1250.00")),
    "a wrong short value": ("wrong", put("5-contacts", "customFields/Rooms", "4")),
    "a value lost in merging": ("wrong", reword("5-notes", "body", "call", "")),
    "no creation time": ("wrong", put("9-contacts", "customFields/Original created at", None)),
    "no company": ("wrong", put("5-contacts", "links/accounts", [])),
    "another company": ("wrong", put("5-contacts", "links/accounts", ["1-accounts"])),
    "a company of nothing": ("wrong", lambda dump: dump["accounts"].append({"id": "9-accounts", "name": "None", "customFields": {
        "Streamflow ID": "lt:company:c2"}, "links": {}})),
    "a cut text": ("wrong", reword("6-notes", "body", "Friday", "Fri")),
    "lost line breaks": ("wrong", reword("6-notes", "body", "voicemail.\n\tTry", "voicemail.Try")),
    "a source by its id alone": ("wrong", put("9-contacts", "customFields/Lead Source", "9")),
    "words swapped between parts": ("wrong", reword("8-notes", "body", "word31", "word32")),
    "a mention": ("wrong", reword("6-notes", "body", "@ [", "@[")),
    "a header without time": ("wrong", reword("6-notes", "body", "2026-05-12 08:05", "2026-05-12 06:05")),
    "a header without author": ("wrong", reword("6-notes", "body", "Pieter Nel", "somebody")),
    "a call two hours off": ("wrong", put("5-activities", "startTime", texts.instant("2026-05-12 10:03:10"))),
    "a call too short": ("wrong", put("5-activities", "endTime", texts.instant("2026-05-12 08:03:10"))),
    "a call without disposition": ("wrong", each_of(reword("5-activities", "name", "No answer", ""),
                                                  reword("5-activities", "description", "No answer", ""))),
    "a call without direction": ("wrong", each_of(reword("5-activities", "name", "Outgoing", ""),
                                                reword("5-activities", "description", "out\n", "\n"))),
    "an e-mail without subject": ("wrong", reword("9-notes", "body", "Your quote", "")),
    "an e-mail without body": ("wrong", reword("9-notes", "body", "Hi Thandi", "")),
    "a task due another day": ("wrong", put("5-tasks", "dueTime", str(texts.instant("2026-12-16 10:00:00")))),
    "a task of another user": ("wrong", put("5-tasks", "links/assignee", "2-users")),
    "a pattern forgotten": ("wrong", reword("5-tasks", "description", "Repeat: every week", "")),
    "a completed state forgotten": ("wrong", reword("10-notes", "body", "Completed reminder", "Reminder")),
    "a checksum forgotten": ("wrong", reword("11-notes", "body", SHA, "")),
    "a person's edit overwritten": ("overwritten", put("5-contacts", "jobTitle", "Clerk")),
    "somebody else's name changed": ("foreign touched", put("1-contacts", "name", "Nia O.")),
    "somebody else's address taken": ("foreign touched", put("1-contacts", "emails", [])),
    "somebody else's note gone": ("foreign touched", drop("1-notes")),
    "somebody else's company deleted": ("foreign touched", put("1-accounts", "deletedTime", 5)),
    "a record out of nowhere": ("stray", lambda dump: dump["contacts"].append({"id": "98-contacts", "name": "Probe", "links": {}})),
    "a note of no source": ("stray", reword("6-notes", "body", "note:11", "note:111")),
    "a file of no source": ("stray", reword("11-notes", "body", SHA, "cd" * 32)),
    "a file told of twice": ("doubled", lambda dump: dump["notes"].append(
        {**row_of(dump, "11-notes"), "id": "99-notes", "body": row_of(dump, "11-notes")["body"].replace(":51]", ":52]")})),
}  # fmt: skip


def _right() -> Dump:
    dump = after()
    row_of(dump, "5-contacts")["jobTitle"] = "Head of Sun"
    return dump


def test_every_verdict_is_planted() -> None:
    """Whatever the judge can say of a migration, it is shown to say of one that is wrong in just that way; twelve ways at the least."""
    planted = {Finding(fault=fault, what="", why="").verdict for fault, _ in CORRUPTIONS.values()}
    assert planted == set(VERDICTS)
    assert len(CORRUPTIONS) >= 12


def test_a_right_migration_passes_in_silence() -> None:
    """Nothing is found where everything is as promised."""
    source, destination, there = states(_right())
    findings = compare(source, destination, before=there, fallback="office@example.co.za", explained=SAID, edits=EDITS)
    assert [str(each) for each in findings] == []


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_corruption_is_caught(name: str) -> None:
    """A wrong migration is found out, under the right heading."""
    fault, corrupt = CORRUPTIONS[name]
    dump = _right()
    corrupt(dump)
    source, destination, there = states(dump)
    said = {**SAID, ("lead", "1"): "bad phone", ("lead", "2"): "bad phone"}   # no question who is who
    findings = compare(
        source, destination, before=there, fallback="office@example.co.za", explained=said, asked=ASKED, edits=EDITS
    )
    assert fault in {each.fault for each in findings}, [str(each) for each in findings]


def test_what_stays_behind_must_be_told() -> None:
    """A child of no lead may stay behind, but not in silence."""
    source, destination, there = states(_right())
    findings = compare(source, destination, before=there, fallback="office@example.co.za", explained={}, edits=EDITS)
    assert [(each.fault, each.what) for each in findings] == [("unexplained", "note 13")]


def test_an_excuse_does_not_cover_what_could_be_moved() -> None:
    """Whatever the product says, a record that could be moved is lost when it is not there."""
    dump = _right()
    drop("6-notes")(dump)
    source, destination, there = states(dump)
    excuses = {**SAID, ("note", "11"): "did not feel like it"}
    findings = compare(source, destination, before=there, fallback="office@example.co.za", explained=excuses, edits=EDITS)
    assert [(each.fault, each.what) for each in findings] == [("lost", "note 11")]


@pytest.mark.parametrize(("moved", "faults"), [("51", []), ("52", ["lost"]), ("", ["lost"])])
def test_a_file_stays_with_the_lead_whose_folder_was_exported(moved: str, faults: list[str]) -> None:
    """A lead merged away after the export leaves its file on its own person; a file that was never there is lost all the same."""
    dump, rows = _right(), tables()
    note = next(row for row in dump["notes"] if "[sf:lt:attachment:51]" in str(row.get("note") or row.get("body")))
    name = "note" if "note" in note else "body"
    note[name] = note[name].replace("attachment:51", "attachment:" + "c" * 32)
    rows["leads"] = [row for row in rows["leads"] if row["leadid"] != "3"]
    rows["attachments"][0]["leadid"] = "1"
    source = source_of(rows, gone=frozenset({("lead", "3"), ("under", "3")}), moved_files={moved: frozenset({"3"})})
    findings = compare(source, destination_of(dump), before=destination_of(before()), fallback="office@example.co.za", edits=EDITS)
    assert [each.fault for each in findings if each.what.startswith("attachment")] == faults


@pytest.mark.parametrize(("gone", "is_found"), [(frozenset({("lead", "9")}), False), (frozenset(), True)])
@pytest.mark.parametrize(("spoil", "said"), [
    (lambda row: row["links"].update(owner="2-users"), "belongs to"), (lambda row: row.update(name="A. Nobody"), "is named"),
], ids=["owner", "name"])  # fmt: skip
def test_whom_a_lead_that_is_no_more_made_keeps_owner_and_name(
    gone: frozenset[Identity], is_found: bool, spoil: Callable[[Row], object], said: str,
) -> None:  # fmt: skip
    """Nobody is given to another user, or named anew, because a lead was merged away; without that, the wrong one is found."""
    dump = _right()
    row_of(dump, "5-contacts")["customFields"]["Streamflow ID"] = "lt:lead:9"
    spoil(row_of(dump, "5-contacts"))
    findings = compare(
        source_of(tables(), gone=gone), destination_of(dump), before=destination_of(before()), fallback="office@example.co.za",
        explained=SAID, edits=EDITS,
    )  # fmt: skip
    assert any(each.why.startswith(said) for each in findings) is is_found


def test_two_people_with_one_address_are_not_one() -> None:
    """Leads of clearly different people on one contact are found."""
    source, destination, there = states(_right())
    source.rows["lead"]["2"]["name"] = "Bongani Mokoena"
    findings = compare(source, destination, before=there, fallback="office@example.co.za", explained=SAID, edits=EDITS)
    assert any("two people" in each.why for each in findings)


@pytest.mark.parametrize(("cause", "key", "other", "faults"), [
    ("shared_email", "3", "1", []), ("shared_email", "2", "3", []), ("shared_email", "3", "5-contacts", []),
    ("shared_email", "1", "2", ["unexplained"] * 2), ("shared_email", "3", "7", ["unexplained"] * 2),
    ("bad_phone", "3", "1", ["unexplained"] * 2),
])  # fmt: skip
def test_two_people_who_share_an_address_are_asked_about(cause: str, key: str, other: str, faults: list[str]) -> None:
    """A question who is who that names both people, by any of the leads that became them, tells of their shared address."""
    dump, rows = _right(), tables()
    rows["leads"][2]["email"] = "thandi@example.co.za"
    row = row_of(dump, "9-contacts")
    row["emails"] = copy.deepcopy(row_of(dump, "5-contacts")["emails"])
    asked = (Question(cause=cause, kind="lead", key=key, others=frozenset({other})),)
    findings = compare(
        source_of(rows), destination_of(dump), before=destination_of(before()), fallback="office@example.co.za", explained=SAID,
        asked=asked, edits=EDITS,
    )  # fmt: skip
    assert [each.fault for each in findings if "share" in each.why] == faults


def test_a_rollback_must_leave_everything_as_it_was() -> None:
    """What a run left behind or changed for good is found; what was spared is not held against it."""
    there = destination_of(before())
    assert list(rolled_back(there, destination_of(before()))) == []
    left = destination_of(after())
    assert any(each.what == "9-contacts" for each in rolled_back(there, left))
    changed = before()
    row_of(changed, "1-contacts")["customFields"] = {"Streamflow ID": "lt:lead:1"}
    assert [each.what for each in rolled_back(there, destination_of(changed))] == ["1-contacts"]
    assert list(rolled_back(there, destination_of(changed), spared=frozenset({"1-contacts"}))) == []


@pytest.mark.parametrize(("second", "faults"), [("+27215550100", []), ("+27215550199", ["wrong"])])
def test_two_numbers_in_one_cell_are_two_numbers(second: str, faults: list[str]) -> None:
    """Both numbers of a cell on the person are as good as the cell as written; one of them is not."""
    dump = _right()
    row_of(dump, "5-contacts")["phones"].append({"name": "work", "isPrimary": False, "value": {"E164": second}})
    source, destination, there = states(dump)
    source.rows["lead"]["1"]["number"] = "0825550142 / 0215550100"
    findings = compare(source, destination, before=there, fallback="office@example.co.za", explained=SAID, edits=EDITS)
    assert [each.fault for each in findings] == faults


ONE_LINE = "Mokoena, <script>x</script>"


@pytest.mark.parametrize("shown", [ONE_LINE, "Mokoena, x"])
@pytest.mark.parametrize("what", ["a mail's receiver", "a copy's receiver", "a name", "a custom value", "a disposition"])
def test_signs_of_html_in_a_line_are_to_the_character(what: str, shown: str) -> None:
    """Values of one line are no HTML: all of their signs are there, or something is wrong."""
    dump, rows = _right(), tables()
    if what in ("a mail's receiver", "a copy's receiver"):
        rows["emails"][0]["to" if what == "a mail's receiver" else "cc"] = f'"{ONE_LINE}" <a@b.example>'
        reword("9-notes", "body", "To: ", f'To: "{shown}" <a@b.example> ')(dump)
    elif what == "a name":
        rows["leads"][2]["name"] = ONE_LINE
        put("9-contacts", "name", shown)(dump)
    elif what == "a custom value":
        rows["leads"][0]["custom_fields"]["Suburb"] = ONE_LINE
        put("5-contacts", "customFields/Suburb", shown)(dump)
    else:
        rows["calls"][0]["disposition"] = ONE_LINE
        reword("5-activities", "description", "Disposition: No answer", f"Disposition: {shown}")(dump)
    there = destination_of(before())
    findings = compare(source_of(rows), destination_of(dump), before=there, fallback="office@example.co.za", explained=SAID, edits=EDITS)
    assert [each.fault for each in findings] == ([] if shown == ONE_LINE else ["wrong"])


def test_an_export_names_users_of_reminders_by_e_mail_alone() -> None:
    """A reminder of somebody without an e-mail is nobody's there, everybody else's is as it was."""
    users = [{"userid": "1", "email": ""}, {"userid": "2", "email": "nia@example.co.za"}]
    reminders = [
        {"reminderid": "1", "userid": "1"}, {"reminderid": "2", "userid": "2"},
        {"reminderid": "3", "userid": "9", "user_email": "former@left.example"},
    ]  # fmt: skip
    told = as_exported(source_of({"users": users, "reminders": reminders}))
    assert {key: row["userid"] for key, row in told.of("reminder").items()} == {"1": "", "2": "2", "3": "9"}
    assert told.of("user").keys() == {"1", "2"}
