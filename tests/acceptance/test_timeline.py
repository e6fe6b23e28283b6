"""What happened to a lead: notes, calls, e-mails, reminders and files, on the right person, with text, time and author."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from tests.acceptance.evidence import Run
from tests.acceptance.reading import born, crosswalk, head, moment, people_of, persons
from tests.judge import texts
from tests.judge.marks import content
from tests.judge.states import Row

_KINDS = ("note", "call", "email", "reminder", "attachment")


def _type_of(run: Run, row: Row) -> str:
    return str(run.after.of("activityTypes")[row["links"]["activityType"]]["name"])


def _author(run: Run, row: Row) -> str:
    """Give the name of the user who wrote something, "" when the list of users does not know them."""
    return str(run.source.of("user").get(row["userid"], {}).get("name") or "").strip()


def test_g_08_everything_hangs_on_the_record_born_of_its_parent(api: Run, files: Run) -> None:
    """G-08: each note, call, e-mail, reminder and file is linked to the person its lead became; every owner is a user; no orphans."""
    for run in (api, files):
        there, checked = persons(run), 0
        for kind in _KINDS:
            for row, place, record in born(run, kind):
                if row["leadid"] in there:
                    assert people_of(place, record) == [there[row["leadid"]]["id"]], (kind, record["id"])
                    checked += 1
        assert checked > 100
        users = run.after.of("users")
        for kind in ("accounts", "contacts", "leads", "tasks"):
            for record in run.after.of(kind).values():
                owners = [record["links"].get(name) for name in ("owner", "assignee")]
                assert all(owner in users for owner in owners if owner), record["id"]
        assert run.report("reconciliation")["orphans"] == []


def test_g_09_times_are_kept_to_the_second(api: Run) -> None:
    """G-09: calls and e-mails start at the very instant of the source; of notes the first line tells it."""
    for kind, name in (("call", "created"), ("email", "sent")):
        for row, place, record in born(api, kind):
            assert place == "activities"
            assert record["startTime"] == moment(row[name]), record["id"]
    for row, _, record in born(api, "note"):
        assert head(record["body"])[0] == moment(row["created"]), record["id"]


def test_g_10_files_are_kept_with_their_checksum(api: Run) -> None:
    """G-10: each file lies in the archive byte by byte; a note on the right person names it with size, checksum and place."""
    lines = crosswalk(api, "lead")
    attachments = api.source.of("attachment")
    assert attachments
    told = {row["body"]: row for row in api.after.of("notes").values() if "SHA-256: " in row["body"]}
    for key, row in attachments.items():
        assert row["sha256"] in api.notes["digests"], row["name"]
        notes = [note for body, note in told.items() if f"SHA-256: {row['sha256']}" in body and f"Size: {row['size']} bytes" in body]
        homes = [note["links"]["parent"] for note in notes]
        leads = {row["leadid"], *api.source.moved_files.get(key, ())}      # a merge after the export leaves it in the folder it was in
        right = {line["destination_id"] for lead in leads for line in lines.get(lead, ()) if line["destination_kind"] == "contacts"}
        assert not right or right & {*homes}, row["name"]
    assert len(told) >= len(attachments)


def test_lt_19_notes_are_on_the_person(api: Run, files: Run) -> None:
    """LT-19: a note of a lead is a note on the person the lead became, also where several leads became one."""
    for run in (api, files):
        there, merged = persons(run), 0
        homes = [person["id"] for person in there.values()]
        for row, place, record in born(run, "note"):
            assert place == "notes"
            if row["leadid"] in there:
                assert record["links"]["parent"] == there[row["leadid"]]["id"]
                merged += homes.count(record["links"]["parent"]) > 1
        assert merged


def test_lt_20_text_time_and_author_of_notes_are_kept(api: Run) -> None:
    """LT-20: body (line breaks, unicode, HTML as plain text), time and author of a note are all there, of long ones in parts."""
    seen = 0
    for key, row in api.source.of("note").items():
        parts = [record for _, (_, record) in api.marks.of("note", key)]
        if not parts:
            continue
        whole = "\n".join(content("notes", part) for part in parts)
        assert texts.in_order(texts.words(whole), texts.words(texts.without_markup(row["note"]))), key
        if len(parts) == 1 and not texts.has_markup(row["note"]):
            assert texts.lines_of(row["note"]) in texts.lines_of(whole), key
        assert head(parts[0]["body"])[1] in ("", _author(api, row)) or not _author(api, row), key
        if _author(api, row):
            assert head(parts[0]["body"])[1] == _author(api, row), key
        seen += 1
    assert seen > 50


def test_lt_21_parents_are_found_by_the_leads_address(files: Run) -> None:
    """LT-21: in files, where a note may name a lead that is merged away, the lead's e-mail finds the person."""
    there = persons(files)
    homes = {person["id"] for lead, person in there.items() if texts.mails(files.source.of("lead")[lead]["email"])}
    gone = [(row, record) for kind in ("note", "call", "email", "reminder") for row, place, record in born(files, kind)
            if row["leadid"] not in files.source.of("lead")]  # fmt: skip
    assert gone
    assert all(set(people_of("", record)) & homes for _, record in gone)


def test_lt_22_calls_are_activities_of_type_call(api: Run) -> None:
    """LT-22: a call is a logged activity of the account's type for phone calls."""
    seen = [record for _, place, record in born(api, "call") if place == "activities"]
    assert len(seen) > 20
    assert {_type_of(api, record) for record in seen} == {"Phone Call"}
    assert all(record["isLogged"] for record in seen)


def test_lt_23_duration_and_disposition_of_calls_can_be_read(api: Run) -> None:
    """LT-23: duration and disposition stand as labelled lines in the activity (it takes no custom fields); its length is the duration."""
    for row, _, record in born(api, "call"):
        lines = content("activities", record).split("\n")
        if row["duration"]:
            assert f"Duration: {row['duration']}" in lines, record["id"]
            assert record["endTime"] - record["startTime"] == texts.seconds(row["duration"])
        if texts.present(row["disposition"]):
            assert f"Disposition: {row['disposition']}" in lines, record["id"]


def test_lt_24_calls_keep_their_order(api: Run) -> None:
    """LT-24: of each person the calls follow one another as they did in the source."""
    by_person: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, place, record in born(api, "call"):
        by_person[people_of(place, record)[0]].append((moment(row["created"]), record["startTime"]))
    assert any(len(each) > 1 for each in by_person.values())
    for each in by_person.values():
        assert all(one[1] <= other[1] for one, other in pairwise(sorted(each)))


def test_lt_25_emails_are_activities_of_type_email(api: Run, files: Run) -> None:
    """LT-25: an e-mail is an activity of the type e-mail; where the account has none it is a note, and a to-do says so."""
    mails = list(born(api, "email"))
    assert mails
    assert {(place, _type_of(api, record)) for _, place, record in mails} == {("activities", "Email")}
    assert {place for _, place, _ in born(files, "email")} == {"notes"}
    assert any("activity type" in item["reason"] for item in files.items("to_do"))


def test_lt_26_subject_and_body_arrive(api: Run) -> None:
    """LT-26: subject and every word of the body are in the activity."""
    for key, row in api.source.of("email").items():
        parts = [(place, record) for _, (place, record) in api.marks.of("email", key)]
        if not parts:
            continue
        whole = "\n".join(f"{record.get('name') or ''}\n{content(place, record)}" for place, record in parts)
        assert texts.squeeze(row["subject"]) in texts.squeeze(whole), key
        assert texts.in_order(texts.words(whole), texts.words(texts.without_markup(row["body"]))), key


def test_lt_27_emails_to_a_second_address_find_their_person(api: Run, files: Run) -> None:
    """LT-27: an e-mail hangs on the right person, also when it went to another address of theirs."""
    second = 0
    for run in (api, files):
        there = persons(run)
        for row, place, record in born(run, "email"):
            person = there.get(row["leadid"])
            if person is None:
                continue
            assert people_of(place, record) == [person["id"]]
            first = {str(each["value"]).lower() for each in person.get("emails") or () if each["isPrimary"]}
            staff = {each["email"].strip().lower() for each in run.source.of("user").values()}
            second += bool(set(texts.mails(row["to"])) - first - staff)
    assert second


def test_lt_38_reminders_are_tasks_of_the_person(api: Run) -> None:
    """LT-38: an open reminder is a task on the person its lead became."""
    there = persons(api)
    tasks = [(row, record) for row, place, record in born(api, "reminder") if place == "tasks"]
    assert len(tasks) > 5
    for row, record in tasks:
        assert row["leadid"] not in there or record["links"]["relatedEntity"] == there[row["leadid"]]["id"]


def test_lt_39_due_date_assignee_and_done_are_kept(api: Run) -> None:
    """LT-39: a task is due when the reminder was, and falls to its user; one that was done is no open task but says that it is done."""
    done = 0
    for row, place, record in born(api, "reminder"):
        if row["done"] == "1":
            assert place == "notes"
            assert "done" in texts.squeeze(record["body"]) or "completed" in texts.squeeze(record["body"])
            done += 1
        elif place == "tasks":
            assert int(record["dueTime"]) == moment(row["due"]), record["id"]
            email = str(api.source.of("user").get(row["userid"], {}).get("email") or "")
            user = api.after.user_by_email(email) if email else None
            assert user is None or record["links"].get("assignee") == user, record["id"]
    assert done


def test_lt_40_repeat_patterns_are_noted(api: Run) -> None:
    """LT-40: every repeating reminder is listed with its pattern in words and the task it became."""
    wanted = {key for key, row in api.source.of("reminder").items() if texts.present(row["repeat"])}
    rows = {row["reminder"]: row for row in api.report("repeats")["rows"]}
    assert wanted
    assert wanted <= rows.keys()
    assert all(rows[key]["in_words"] and rows[key]["pattern"] == api.source.of("reminder")[key]["repeat"] for key in wanted)
    moved = {key for key in wanted if api.marks.of("reminder", key)}
    assert all(rows[key]["became"] for key in moved)


def test_lt_47_activities_without_a_person_wait_in_a_queue(api: Run, files: Run) -> None:
    """LT-47: what names a lead that is gone is queued and has a report of its own; given a parent by hand it is moved."""
    for run in (api, files):
        open_items = {(item["kind"], item["key"]) for item in run.items("unknown_parent") if item["state"] == "open"}
        listed = {(row["kind"], row["key"]) for row in run.report("unmatched")["rows"]}
        assert {each for each in open_items if each[0] in _KINDS and each[1] in run.source.of(each[0])} <= listed
    given = api.notes["given a parent"]
    moved = [record for _, (_, record) in api.marks.of(given["kind"], given["key"])]
    assert moved
    assert all(people_of("", record) == [persons(api)[given["lead"]]["id"]] for record in moved)
    assert api.traces[given["kind"], given["key"]]["disposition"] == "created"
