"""The source is only read, changes made meanwhile arrive, the switch is one dated act, and all of it can be undone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.acceptance.evidence import Run
from tests.acceptance.reading import moment, persons
from tests.acceptance.runs import LATE_NOTE
from tests.judge.beside import left_beside
from tests.judge.guarding import rolled_back

_GRAVE = ("lost", "doubled", "overwritten", "foreign touched", "orphaned", "wrong", "stray")


def test_g_24_the_source_is_only_read(api: Run) -> None:
    """G-24: of all calls that reached the source not one writes, by its own account and by its log."""
    assert api.source_writes == {}
    assert api.source_calls
    assert all(name.removeprefix("POST /api/").startswith("get") for name in api.source_calls)


def test_g_37_secrets_do_not_travel(api: Run) -> None:
    """G-37: no key stands in the ledger, the reports, the log or the configuration; nothing asks the source for a password."""
    assert api.notes["leaks"] == []
    names = {name.lower() for rows in api.source.rows.values() for row in rows.values() for name in row}
    assert not any("password" in name or "token" in name for name in names)
    fields = {each["title"].lower() for rows in api.looks["watch"].fields.values() for each in rows}
    assert not any("password" in name or "token" in name for name in fields)


def test_no_personal_value_is_in_the_log_or_the_status(api: Run) -> None:
    """No address, phone, name or text of a person whom the source knows is in a line of the log or in a status."""
    common = {value for kind in ("user", "group", "source", "status") for row in api.source.of(kind).values() for value in _texts(row)}
    kinds = ("lead", "note", "call", "email", "reminder")
    values = {value for kind in kinds for row in api.source.of(kind).values() for value in _texts(row)}
    personal = {value for value in values - common if _is_personal(value)}
    assert len(personal) > 300
    shown = api.log + json.dumps([look.status for look in api.looks.values()])
    assert [value[:4] for value in personal if value in shown] == []


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    for value in row.values():
        yield from _texts(value) if isinstance(value, Mapping) else [value] if isinstance(value, str) else []


def _is_personal(text: str) -> bool:
    """Say whether a value is long enough to be somebody's, and no date."""
    digits = sum(letter.isdigit() for letter in text)
    return "@" in text or (digits >= 9 and "-" not in text[:5]) or (len(text) >= 9 and " " in text and digits < len(text) / 2)


def test_g_35_what_people_did_meanwhile_arrives(api: Run) -> None:
    """G-35: leads and activities created during the run are in the destination before the switch; deletions are reported."""
    begun = moment_of(api, "delta.opened")
    new = [key for key, row in api.source.of("lead").items() if moment(row["created"]) > begun]
    assert new
    assert set(new) <= persons(api).keys()
    later = [key for key, row in api.source.of("note").items() if moment(row["created"]) > begun]
    assert later
    assert all(api.marks.of("note", key) for key in later)
    assert api.items("deleted_at_source")


def moment_of(run: Run, action: str) -> float:
    """Give when something was first done, in Unix seconds."""
    return datetime.fromisoformat(next(each["at"] for each in run.audit if each["action"] == action)).timestamp()


def test_lt_48_the_freeze_is_recorded_and_late_writes_are_found(api: Run) -> None:
    """LT-48: when people stopped writing is on record; a note written after that is reported and moved only when a person says so."""
    assert api.report("cutover")["receipt"]["frozen_at"]
    late = next(item for item in api.looks["late"].answers["/v1/queue?state=all"]["items"] if item["cause"] == "after_freeze")
    assert (late["kind"], late["key"], late["state"]) == ("note", api.notes["late"], "open")
    assert [row["key"] for row in api.looks["late"].report("cutover")["writes_after_freeze"]] == [api.notes["late"]]
    assert not [row for row in api.looks["late"].destination.of("notes").values() if LATE_NOTE in row["body"]]
    assert [row for row in api.looks["end"].destination.of("notes").values() if LATE_NOTE in row["body"]]


def test_lt_49_the_last_delta_is_empty_at_the_switch(api: Run, files: Run) -> None:
    """LT-49: nothing is waiting or unknown when it is switched, and everything the source holds is in the destination or explained."""
    assert [str(each) for each in api.notes["findings"] if each.fault in _GRAVE] == []
    for run in (api, files):
        report = run.report("reconciliation")
        assert all(row["pending"] == 0 for row in report["kinds"])
        counted = report["source_counts"]
        assert {row["kind"] for row in counted} >= {"lead", "note", "call", "email", "reminder"}
        assert {row["verdict"] for row in counted} == {"holds"}, "the source was asked itself, past the ledger"
        assert min(row["at"] for row in counted) >= run.report("cutover")["receipt"]["frozen_at"]
        assert report["writes"]["meant"] == report["writes"]["in_doubt"] == 0
        told = {(item["kind"], item["key"]) for item in run.queue}
        empty = {("note", key) for key, row in run.source.of("note").items() if not row["note"].strip() or row["note"] == "null"}
        for kind in ("note", "call", "email", "reminder"):
            missing = {(kind, key) for key in run.source.of(kind) if not run.marks.of(kind, key)}
            parked = {(row["kind"], row["key"]) for row in run.report("unmatched")["rows"]}
            assert missing <= told | empty | parked, kind


def test_lt_50_the_destination_becomes_the_system_of_record(api: Run) -> None:
    """LT-50: the switch is a dated state with a receipt, in the log with who ordered it; the window after it is closed."""
    receipt = api.report("cutover")["receipt"]
    assert receipt["switched_at"] >= receipt["frozen_at"]
    entry = next(each for each in api.audit if each["action"] == "cutover.switched")
    assert entry["actor"] == receipt["by"] != "streamflow"
    assert "system of record" in entry["note"]
    assert [row["step"] for row in api.report("cutover")["steps"]] == ["precheck", "freeze", "drain", "verify", "switch", "switched"]
    assert api.looks["end"].report("cutover")["closed_at"]


def test_lt_55_the_window_closes_with_a_report(api: Run) -> None:
    """LT-55: after the switch issues are still worked on; when the time is over the run ends by itself and says what is open."""
    status = api.looks["watch"].status
    assert status["phase"] == "watch"
    assert "until" in status["reason"]
    assert api.notes["late decision"]["result"] == "resolved"
    report = api.looks["end"].report("reconciliation")
    still_open = [item for item in report["queue_items"] if item["state"] == "open"]
    assert api.code == (1 if still_open else 0)
    assert any(item["cause"] == "after_freeze" and item["state"] == "resolved" for item in report["queue_items"])


def test_g_03_a_rollback_leaves_what_was_there(files: Run) -> None:
    """G-03: after the switch everything that was made is gone again; custom fields, which cannot be taken back by API, are listed."""
    after = files.looks["end"].destination
    assert files.after.of("contacts").keys() - files.before.of("contacts").keys(), "people had been made"
    beside = left_beside(files.before, after, files.looks["end"].report("rollback"))
    assert [str(each) for each in (*rolled_back(files.before, after), *beside)] == []
    assert after.of("sources").keys() == files.before.of("sources").keys()
    listed = files.looks["end"].report("rollback")["cannot_be_removed_by_api"]
    added = {(kind, each["title"]) for kind, fields in files.looks["end"].fields.items() for each in fields}
    assert {(each["entity"], each["label"]) for each in listed["custom_fields"]} >= added
    assert files.notes["planned"]["deleted"] == files.looks["end"].report("rollback")["deleted"]


def test_g_26_undoing_is_one_order(files: Run) -> None:
    """G-26: one order undoes the run, its preview says what it will do, it is in the log, and the migration says what it is then."""
    assert files.notes["planned"]["result"] == "planned"
    assert files.code in (0, 1)
    actions = [each["action"] for each in files.notes["audit at the end"]]
    assert "rollback.requested" in actions
    assert actions.index("rollback.requested") < len(actions) - 1
    assert "rollback.delete" in actions[actions.index("rollback.requested"):]

