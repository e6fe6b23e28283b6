"""What is handed over in the end: sums, verdicts, checklists, the log."""

from __future__ import annotations

from tests.acceptance.evidence import Run
from tests.acceptance.reading import crosswalk

_KINDS = ("lead", "note", "call", "email", "reminder", "attachment")
_DISPOSITIONS = ("created", "updated", "merged", "matched", "filtered", "flagged", "failed")


def test_g_05_every_field_that_was_written_is_read_back(api: Run, files: Run) -> None:
    """G-05: each field has a verdict of the read-back, none differs, and an own read-back on demand says the same."""
    for run in (api, files):
        fields = [row for row in run.report("reconciliation")["fields"] if not row["field"].startswith("kept:")]
        assert len(fields) > 20
        for row in fields:
            judged = sum(row[verdict] for verdict in ("equal", "normalised", "lossy", "differs", "unreadable"))
            assert (judged, row["differs"], row["pending"]) == (row["written"], 0, 0), row
    assert api.notes["verify"]["result"] == "verified"
    assert api.notes["verify"]["links"].keys() == {"verified"}


def test_g_25_everything_is_in_the_log(api: Run) -> None:
    """G-25: reads, writes with before and after, decisions with their person, confirmations and undo steps all have an entry."""
    actions = {each["action"] for each in api.audit}
    assert {"read", "write.create.confirmed", "write.update.confirmed", "gate.map.confirmed", "queue.resolved", "owners.fallback",
            "rollback.delete", "cutover.switched", "gate.sample.accept"} <= actions  # fmt: skip
    assert [each["seq"] for each in api.audit] == list(range(1, len(api.audit) + 1))
    assert all(each["at"] and each["actor"] for each in api.audit)
    # A note that moves to another person is made anew, as an update of the record it stands for.
    made = {each["dest_id"] for each in api.audit if each["action"] in ("write.create.confirmed", "write.update.confirmed")}
    ours = {line["destination_id"] for line in api.tables["crosswalk"] if line["relation"] == "ours"}
    assert ours <= made
    updates = [each for each in api.audit if each["action"] == "write.update.confirmed"]
    assert all(each["after"] and each["before"] is not None and each["dest_id"] for each in updates)
    skipped = {(each["kind"], each["key"]) for each in api.audit if each["action"] == "record.done"}
    assert skipped, "records that are left out are told too"
    assert api.report("audit")["chain_intact"] is True


def test_g_27_rules_are_written_down_and_not_moved(api: Run) -> None:
    """G-27: the inventory has a line per rule with trigger, condition, action, owner and a hint how to rebuild it, to be filled in."""
    rows = api.tables["automations"]
    assert rows
    assert {"type", "trigger", "condition", "action", "owner", "rebuild_as"} <= rows[0].keys()
    assert all(row["trigger"] and row["rebuild_as"] for row in rows)
    sources = {row["source"] for row in api.report("automations")["observed"]}
    assert {row["source"] for row in api.source.of("lead").values() if row["source"].strip() == row["source"] != ""} & sources


def test_g_31_phases_run_in_order_and_report(api: Run, files: Run) -> None:
    """G-31: discovery, schema, owners, sample, records, cutover and watch follow one another, each with its report."""
    order = ["probe", "map", "schema", "owners", "sample", "backfill", "tail", "cutover", "watch"]
    assert list(dict.fromkeys(files.phases)) == order
    assert list(dict.fromkeys(api.phases)) == order
    reports = {"scope", "schema", "owners", "companies", "sample", "cutover", "reconciliation", *(f"phase-{kind}" for kind in _KINDS)}
    assert reports <= api.looks["watch"].reports.keys()


def test_g_32_flags_are_a_working_queue(api: Run) -> None:
    """G-32: each item names record, reason, suggestion and state; one that was decided is closed and its record was run again."""
    for item in api.queue:
        assert item["reason"]
        assert item["suggested"] in item["decisions"] or not item["suggested"]
        assert item["state"] in ("open", "resolved")
        assert item["key"], item["id"]
    given = api.notes["given a parent"]
    decided = next(item for item in api.queue if (item["kind"], item["key"]) == (given["kind"], given["key"]))
    assert decided["state"] == "resolved"
    assert api.traces[given["kind"], given["key"]]["state"] == "done"


def test_g_33_the_reconciliation_says_everything(api: Run) -> None:
    """G-33: counts per object, owners, unmapped fields and all flags are in one report, and agree with what is asked elsewhere."""
    report = api.report("reconciliation")
    assert {row["kind"] for row in report["kinds"]} == {"company", *_KINDS}
    assert {row["kind"] for row in report["source_counts"]} >= set(_KINDS) - {"attachment"}
    assert report["owners"]["summary"]
    assert all(row["reason"] for row in report["unmapped"])
    assert {item["id"] for item in report["queue_items"]} == {item["id"] for item in api.queue}
    assert sum(row["items"] for row in report["queue"]) == len(api.queue)


def test_lt_46_sums_of_each_phase_match(api: Run, files: Run) -> None:
    """LT-46: for each kind what was read is what was written, merged, left out, flagged or refused; the crosswalk has as many lines."""
    for run in (api, files):
        for row in run.report("reconciliation")["kinds"]:
            assert row["read"] == sum(row[name] for name in _DISPOSITIONS), row["kind"]
            assert row["sums"] is row["explained"] is True
            assert len(crosswalk(run, row["kind"])) == sum(row[name] for name in ("created", "updated", "merged", "matched")), row["kind"]
            phase = run.tables[f"phase-{row['kind']}"][0]
            assert {name: int(phase[name]) for name in ("read", *_DISPOSITIONS)} == {name: row[name] for name in ("read", *_DISPOSITIONS)}


def test_lt_51_counts_hold_across_all_objects(api: Run, files: Run) -> None:
    """LT-51: the source's own numbers are those of the report and of the count after the freeze; by API deletions meanwhile are more."""
    for row in files.report("reconciliation")["source_counts"]:
        assert row["source"] == row["read"] - row["gone"] == len(files.source.of(row["kind"])), row["kind"]
    for row in files.report("reconciliation")["kinds"]:
        if row["kind"] != "company":
            assert row["read"] == len(files.source.of(row["kind"])), row["kind"]
    gone = {(item["kind"], item["key"]) for item in api.items("deleted_at_source")}
    for row in api.report("reconciliation")["kinds"]:
        if row["kind"] != "company":
            there = len(api.source.of(row["kind"]))
            assert there <= row["read"] <= there + max(row["missing_at_source"], sum(kind == row["kind"] for kind, _ in gone)), row["kind"]


def test_lt_52_the_spot_check_is_random_and_repeatable(api: Run) -> None:
    """LT-52: the same seed shows the same persons with source, expected and actual values; they are not the first ones."""
    one, other = api.notes["spot checks"]
    assert one["rows"] == other["rows"]
    assert one["seed"] == other["seed"]
    picked = list(dict.fromkeys(row["key"] for row in one["rows"]))
    assert len(picked) == one["persons"] == min(50, len(crosswalk(api, "lead")))
    assert picked != sorted(picked)
    assert {"source", "expected", "actual", "verdict"} <= one["rows"][0].keys()
    assert one["differs"] == 0
    told = {row["source"] for row in one["rows"]}
    assert any(row["email"] in told for row in api.source.of("lead").values() if row["email"])


def test_lt_53_a_checklist_of_notifications_is_delivered(api: Run) -> None:
    """LT-53: one line per active user and channel, with places to fill in and tick off."""
    lines = {(row["key"], row["channel"]) for row in api.tables["notifications"]}
    active = [key for key, row in api.source.of("user").items() if row["active"] == "1"]
    assert {(key, channel) for key in active for channel in ("email", "SMS")} <= lines
    assert {"on_new_lead", "on_reminder", "done"} <= api.tables["notifications"][0].keys()


def test_lt_54_the_inventory_covers_rules_and_autoresponders(api: Run) -> None:
    """LT-54: the automation document has places for assignment rules and autoresponders, and says what the source cannot tell."""
    assert {row["type"] for row in api.tables["automations"]} >= {"assignment rule", "autoresponder"}
    assert api.report("automations")["source_offers"]


def test_lt_56_no_automation_is_made(api: Run, files: Run) -> None:
    """LT-56: nothing but records, fields, tags and sources is ever written; no rule, sequence or template."""
    for run in (api, files):
        for name in run.looks["end"].calls:
            words = ("automation", "sequence", "template", "assignment", "audience")
            assert name.startswith("GET") or not any(word in name.lower() for word in words), name


def test_lt_57_currency_is_kept(api: Run) -> None:
    """LT-57: money stands in money fields in the account's currency; amounts in another one keep theirs as text."""
    settings = api.looks["watch"].answers["/v1/map"]["document"]["settings"]
    assert settings["currency"] == "ZAR"
    assert "ZAR" in api.looks["watch"].report("scope")["currency"]
    held = {str((row.get("customFields") or {}).get("Property value") or "") for row in api.after.of("contacts").values()}
    foreign = {row["custom_fields"].get("Property value", "") for row in api.source.of("lead").values()}
    assert {value for value in foreign if value.startswith("USD")} & held
