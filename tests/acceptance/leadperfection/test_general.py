"""General promises that ask the same of every pair, asked of this one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance import test_map
from tests.acceptance.evidence import Run
from tests.acceptance.leadperfection.run import PairRun
from tests.acceptance.reading import custom, rows_of

_SAME: tuple[Callable[[Run], None], ...] = (
    test_map.test_g_04_the_schema_is_there_before_the_first_record,
    test_map.test_g_06_nothing_is_written_before_the_map_is_confirmed,
    test_map.test_g_12_each_object_says_transform_lookup_and_schema,
    test_map.test_g_13_the_compatibility_summary_counts_the_map,
    test_map.test_g_14_the_grade_shows_its_four_inputs,
    test_map.test_g_20_email_sequences_are_said_to_be_out_of_scope,
)
"""What the first pair is asked, and no word of which is about that pair."""


@pytest.mark.parametrize("promise", _SAME, ids=lambda promise: promise.__name__.removeprefix("test_")[:4])
def test_what_every_pair_promises_holds_for_this_one(living: PairRun, promise: Callable[[Run], None]) -> None:
    """G-04, G-06, G-12, G-13, G-14, G-20, by the very questions that the first pair is asked."""
    promise(living)


def test_g_01_every_field_of_the_source_has_a_place_or_a_reason(living: PairRun) -> None:
    """G-01, G-07: every row of the map has a target with a transform, or says why it has none; each with confidence and reason."""
    for one, row in rows_of(living.looks["watch"].answers["/v1/map"]["document"]):
        assert row["transform"] != "none" if row["target"] else row["not_moved"], (one["source"], row["source"])
        assert 0 <= row["confidence"] <= 1
    assert all(row["state"] == "holds" for row in living.report("reconciliation")["summary"] if "field" in row["promise"])


def test_g_05_and_33_every_field_is_read_back_and_accounted_for(living: PairRun) -> None:
    """G-05, G-33: each field has a verdict on every record that bears it; all the reconciliation promises holds but the open queue."""
    fields = [row for row in living.report("reconciliation")["fields"] if not row["field"].startswith("kept:")]
    assert len(fields) > 30
    for row in fields:
        judged = sum(row[verdict] for verdict in ("equal", "normalised", "lossy", "differs", "unreadable"))
        assert (judged, row["differs"], row["pending"]) == (row["written"], 0, 0), row
    states = {row["promise"]: row["state"] for row in living.report("reconciliation")["summary"]}
    states.pop("the review queue is worked off")
    assert set(states.values()) == {"holds"}, states


def test_g_28_ids_can_be_followed_both_ways(living: PairRun) -> None:
    """G-28: the source id is on each record that was made, and the crosswalk leads to it."""
    judged = 0
    for line in living.tables["crosswalk"]:
        row = living.after.of(line["destination_kind"]).get(line["destination_id"])
        if line["relation"] != "ours" or row is None:
            continue
        told = custom(row, "Streamflow ID") or str(row.get("body") or row.get("description") or "")
        assert f"lp:{line['source_kind']}:{line['source_key']}" in told, line
        judged += 1
    assert judged > 200


def test_g_31_phases_run_in_order_with_a_report_each(living: PairRun) -> None:
    """G-31, G-32: the same order as for the first pair; the queue's items name record, reason, suggestion and state."""
    assert living.gates == ["map", "owners", "sample"]
    order = ["probe", "map", "schema", "owners", "sample", "backfill", "tail", "cutover", "watch"]
    seen = list(dict.fromkeys(living.phases))
    assert [phase for phase in order if phase in seen] == seen
    for kind in ("prospect", "lead", "job", "appointment", "note", "call"):
        phase = living.tables[f"phase-{kind}"][0]
        assert int(phase["read"]) > 0
    assert all(item["reason"] and item["state"] in ("open", "resolved") for item in living.queue)


def test_g_36_no_two_people_share_a_primary_address_unasked(living: PairRun) -> None:
    """G-36: of the people made, no two bear the same primary address as their own, but those that the queue asks about."""
    asked = {str(item["key"]) for item in living.items("shared_email", "identity")}
    seen: dict[str, str] = {}
    for person in living.after.of("contacts").values():
        mark = custom(person, "Streamflow ID")
        for each in person.get("emails") or ():
            if isinstance(each, dict) and each.get("isPrimary") and each["name"] != "shared" and mark:
                address = str(each["value"]).strip().lower()
                keys = {word.rpartition(":")[2] for word in f"{mark} {seen.get(address, '')}".split()}
                assert address not in seen or keys & asked, address
                seen[address] = mark
