"""What people see and decide before the whole account moves: fields, reps, the sample."""

from __future__ import annotations

import csv
import io

from streamflow.sandbox.leadperfection_planting import rep_file
from tests.acceptance.leadperfection.run import PairRun
from tests.acceptance.reading import rows_of
from tests.flow.sides import LEAD_PERFECTION

_CHECKED = ("email", "phone1", "city", "state", "zip")
_CUSTOM = {"Color", "Deposit", "Gate Code", "HOA Required", "Permit Expiration", "Roof Squares"}
_PROMISED = {
    ("contacts", "Lead Source"): "text", ("contacts", "Lead Subsource"): "text", ("leads", "Lead Source"): "text",
    ("leads", "Lead Subsource"): "text", ("contacts", "Additional Phone 1"): "text", ("contacts", "Additional Phone 2"): "text",
    ("contacts", "Source System ID"): "text", ("leads", "Source System ID"): "text", ("contacts", "Original Create Date"): "date",
    ("leads", "Original Create Date"): "date", ("leads", "Contract Date"): "date", ("leads", "Balance Due"): "money",
    ("leads", "Product"): "text", ("leads", "Completion Date"): "date",
}  # fmt: skip
"""Fields of the promise, the industry's own on deals among them, with their families."""


def test_lp_19_and_20_no_person_is_moved_before_every_rep_has_a_user_or_the_fallback(living: PairRun) -> None:
    """LP-19, LP-20: the gate lists each rep without a user with what they own, holds, and opens when somebody names a fallback."""
    look = living.looks["owners"]
    shown = look.answers["/v1/owners"]
    waiting = [each for each in shown["owners"] if each["match"] is None and each["records"]]
    assert len(waiting) == shown["unmatched"] > 0
    assert look.destination.of("contacts").keys() == living.before.of("contacts").keys()
    named = next(each["seq"] for each in living.audit if each["action"] == "owners.fallback")
    people = [each["seq"] for each in living.audit if each["action"] == "write.create.confirmed" and each["kind"] == "prospect"]
    assert named < min(people)


def test_lp_19_the_scope_tells_unmatched_reps_with_the_number_of_their_records(living: PairRun) -> None:
    """LP-19: before the map is confirmed, the scope lists every rep whom the owners' table knows no user for, with a table of its own."""
    told = living.looks["map"].report("scope")["owners"]
    assert told["unmatched"]
    assert all(row["via"] == "unmatched" and row["records"] > 0 and row["owner"] for row in told["unmatched"])
    assert {row["owner"] for row in told["unmatched"]} <= {row["key"] for row in living.report("owners")["owners"]}
    assert told["records_without_user"] == sum(row["records"] for row in told["unmatched"])


def test_lp_28_and_31_the_fields_are_there_before_the_first_record(living: PairRun) -> None:
    """LP-28, LP-31: with not one record written, every field of the promise exists with its type; the fields were shown before."""
    look = living.looks["owners"]
    for kind in ("contacts", "leads", "notes", "activities"):
        assert look.destination.of(kind).keys() == living.before.of(kind).keys(), kind
    there = {(kind, each["title"]) for kind, fields in look.fields.items() for each in fields}
    shown = {(each["entity"], each["label"]): each["family"] for each in living.looks["map"].report("scope")["fields_to_create"]}
    assert _PROMISED.items() <= shown.items()
    assert shown.keys() <= there


def test_lp_30_what_is_missing_is_listed_before_the_schema_is_final(living: PairRun) -> None:
    """LP-30: at the map gate the empty fields are counted and the records named; corrected in the source they leave the list."""
    before = living.looks["map"].report("quality-score")
    listed = {row["key"]: row["missing"] for row in before["rows"] if row["kind"] == "prospect"}
    assert all(name in ", ".join(listed.values()) for name in ("email", "city"))
    counted = {row["field"]: row["prospects"] for row in living.looks["map"].report("quality")["empty_fields"]}
    for name in _CHECKED:
        assert sum(name in each.split(", ") for each in listed.values()) == counted[name], name
    corrected = living.notes["corrected"]
    assert "email" in listed[corrected].split(", ")
    after = {row["key"]: row["missing"] for row in living.report("quality-score")["rows"] if row["kind"] == "prospect"}
    assert "email" not in after.get(corrected, "").split(", ")


def test_lp_18_and_32_the_table_of_owners_says_who_takes_over_from_whom(living: PairRun) -> None:
    """LP-18, LP-32: every rep of the customer's file whose address is a user's goes to that user, all others to the fallback."""
    rows = {row["key"]: row for row in living.report("owners")["owners"]}
    by_id = {row["id"]: row["email"] for row in csv.DictReader(io.StringIO(rep_file()))}
    fallback = living.after.user_by_email(LEAD_PERFECTION.fallback)
    judged = 0
    for key in rows.keys() & by_id.keys():
        user = living.after.user_by_email(by_id[key]) if by_id[key] else None
        assert rows[key]["destination_user"] == (user or fallback), rows[key]
        judged += user is not None
    assert judged > 3, "most reps have a user of their own"
    assert living.report("owners")["unmatched"] == []


def test_lp_33_34_the_sample_spans_all_kinds_and_shows_each_field(living: PairRun) -> None:
    """LP-33, LP-34: 200 to 500 records of all kinds with their parents, each field with source, expected, actual value and verdict."""
    sample = living.looks["sample"].report("sample")
    assert 200 <= sample["size"] <= 500
    rows = sample["rows"]
    assert {row["kind"] for row in rows} >= {"prospect", "lead", "job", "appointment", "note"}
    assert {"source", "expected", "actual", "verdict"} <= rows[0].keys()
    assert {row["verdict"] for row in rows} <= {"equal", "normalised"}
    prospects = {row["key"] for row in rows if row["kind"] == "prospect"}
    jobs = {row["key"] for row in rows if row["kind"] == "job"}
    parents = {living.book.of("job")[key]["cst_id"] for key in jobs if key in living.book.of("job")}
    assert jobs
    assert {living.book.heir(key) for key in parents} <= {living.book.heir(key) for key in prospects}


def test_lp_35_four_checks_are_named_in_the_sample(living: PairRun) -> None:
    """LP-35: phone types, source concatenation, appointment linking and owner resolution were compared, and all hold."""
    checks = {row["check"]: row for row in living.looks["sample"].report("sample")["checks"]}
    assert checks.keys() == {"phone types", "source concatenation", "appointment linking", "owner resolution"}
    assert all(row["ok"] and row["compared"] > 0 for row in checks.values()), checks


def test_lp_36_nothing_beyond_the_sample_moves_before_it_is_accepted(living: PairRun) -> None:
    """LP-36: at the gate the destination holds the sample alone; the first record after it is written when a person has accepted it."""
    chosen = {(row["kind"], row["key"]) for row in living.looks["sample"].report("sample")["rows"]}
    accepted = next(each for each in living.audit if each["action"] == "gate.sample.accept")
    assert accepted["actor"] != "streamflow"
    made = [each for each in living.audit if each["action"] == "write.create.confirmed"]
    assert {(each["kind"], each["key"]) for each in made if each["seq"] < accepted["seq"]} <= chosen
    assert any(each["seq"] > accepted["seq"] for each in made)


def test_lp_23_and_24_custom_fields_of_jobs_are_shown_with_place_and_type(living: PairRun) -> None:
    """LP-23, LP-24: each stands in the proposed map with samples, a reason and a target on person or deal, for a person to confirm."""
    document = living.looks["map"].answers["/v1/map"]["document"]
    rows = [(one["destination"], row) for one, row in rows_of(document) if "custom:" in row["source"]]
    assert {row["source"].rpartition("custom:")[2] for _, row in rows} >= _CUSTOM
    assert {where for where, row in rows if row["target"]} <= {"contacts", "leads"}
    assert all(row["reason"] and row["samples"] for _, row in rows)
