"""Tables for people: owners, groups, invitations, companies, repeats, checklists, quality, and all of them in one go."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import orjson
import pytest

from streamflow.errors import StoreError
from streamflow.mapping.pair import MORE_REPORTS, REPORTS
from streamflow.model import Disposition, RecordState
from streamflow.platforms.catalog import pair_of
from streamflow.reports import inventories, people, trail
from streamflow.reports.crosswalk import write_crosswalk
from streamflow.reports.final import DRAWN_BY_PAIR, write_all
from streamflow.reports.people import permission_note
from streamflow.reports.writer import ReportWriter
from streamflow.stages.unknown import outcome_name
from streamflow.store.base import Ledger
from streamflow.store.change import Rekey

from .account import FORMULA, cluster, finish, lead, record, stage

PAIR = pair_of("leadtrekker", "nutshell")


async def test_groups_are_whole(ledger: Ledger) -> None:
    """Every member of every group has a line, each group a team or "none yet" and a note on its rights."""
    data = await people.groups(ledger, PAIR)
    assert [(row["group"], row["member"], row["name"]) for row in data["rows"]] == [
        ("Western Cape", "21", "Pieter Nel"),
        ("Western Cape", "22", "Lerato Windpan"),
        ("Managers", "21", "Pieter Nel"),
        ("Managers", "77", ""),
    ]
    assert data["rows"][-1]["remark"] == "not in the list of users"
    assert [(row["group"], row["destination_team"]) for row in data["teams"]] == [
        ("Western Cape", "7-teams"),
        ("Managers", "none yet"),
        ("Old team", "none yet"),
    ]
    assert all(row["set_by_hand"] for row in data["teams"])
    assert data["users_without_group"] == ["Front Desk", "Gideon Nagdrif"]


@pytest.mark.parametrize(
    ("right", "says"), [("edit", "change"), ("view all", "every record"), ("", "ask the customer"), ("zebra", "decide")]
)
def test_rights_are_put_into_words(right: str, says: str) -> None:
    """Each right of a group, known or not, becomes something an admin can do."""
    assert says in permission_note(right, 3)


async def test_owners_and_invitations(ledger: Ledger) -> None:
    """Owners stand with their records and match; invitations say who is active, who is to be invited and who needs something else."""
    table = await people.owners(ledger)
    assert table["unmatched"] == ["22"]
    assert table["owners"][0]["key"] == "22"
    assert [(row["email"], row["email_records"]) for row in table["owners"] if row["key"] == "21"] == [("pieter@example.co.za", 1)]
    assert table["summary"]["email"] == {"users": 1, "records": 4}
    found = {row["key"]: row["status"] for row in (await people.invitations(ledger, PAIR))["rows"]}
    assert found == {"21": "already active", "22": "to invite", "28": "no e-mail", "29": "has left"}


async def test_company_table(ledger: Ledger) -> None:
    """Each raw text has its cluster and company or the reason for none."""
    rows = {row["text"]: row for row in (await inventories.companies(ledger, PAIR))["rows"]}
    key = cluster().key
    assert {text: (row["cluster"], row["company"]) for text, row in rows.items()} == {
        "Karoo Solar (Pty) Ltd": (key, "41-accounts"),
        "karoo solar": (key, "41-accounts"),
        "private": (None, None),
    }
    assert all(row["reason"] for row in rows.values())


async def test_repeats_are_in_words(ledger: Ledger) -> None:
    """Only reminders with a pattern are listed, in words, with assignee and the task they became."""
    [row] = (await inventories.repeats(ledger, PAIR))["rows"]
    assert (row["reminder"], row["assignee"], row["became"]) == ("31", "Pieter Nel", "71-tasks")
    assert row["in_words"].startswith("every week")


async def test_automation_inventory_can_be_filled_in(ledger: Ledger) -> None:
    """Lines with all columns are there to fill in, one for each rule of the pair, and what looks like a rule is pointed out."""
    await stage(ledger, *(lead(f"9{number}", "x", source="Expo", owner="Lerato Windpan") for number in range(12)))
    data = await inventories.automations(ledger, PAIR)
    assert [(row["type"], row["trigger"]) for row in data["rows"]] == [(rule.type, rule.trigger) for rule in PAIR.blank_rules]
    assert all({"trigger", "condition", "action", "owner", "rebuild_as"} <= set(row) for row in data["rows"])
    [rule] = [row for row in data["observed"] if row["suggests"]]
    assert (rule["source"], rule["leads"], rule["commonest_owner"], rule["share_percent"]) == ("Expo", 12, "Lerato Windpan", 100.0)


async def test_notification_checklist(ledger: Ledger) -> None:
    """Each active user has a line for each channel."""
    rows = (await people.notifications(ledger, PAIR))["rows"]
    assert [(row["key"], row["channel"]) for row in rows] == [(key, channel) for key in ("21", "22", "28") for channel in ("email", "SMS")]
    assert rows[1]["address"] == "0825550100"


async def test_quality_and_unmatched(ledger: Ledger) -> None:
    """Faults of the data are listed with field and value, conflicts are not among them; activities without a person have their own list."""
    data = await inventories.quality(ledger, PAIR)
    assert {row["cause"] for row in data["causes"]} == {"bad_email", "unknown_parent", "unmapped_field"}
    assert {row["field"]: row["leads"] for row in data["empty_fields"]}["email"] == 3
    assert [row["value"] for row in data["items"] if row["cause"] == "bad_email"] == [FORMULA]
    [row] = (await inventories.unmatched(ledger, PAIR))["rows"]
    assert (row["kind"], row["key"], row["state"], row["queue_item"]) == ("note", "12", "held", "unknown_parent:note:12")


async def test_a_question_is_named_also_where_its_record_has_another_key_by_now(ledger: Ledger) -> None:
    """Who reads which activities have no person finds the question about each, under whatever key the source calls it since."""
    await ledger.commit([Rekey(kind="note", old="12", new="n12")])
    [row] = (await inventories.unmatched(ledger, PAIR))["rows"]
    assert (row["key"], row["queue_item"]) == ("n12", "unknown_parent:note:12")


async def test_audit_summary(ledger: Ledger) -> None:
    """The chain is walked, entries are counted by action, and decisions of people are listed."""
    data = await trail.audit_summary(ledger)
    assert data["chain_intact"] is True
    assert data["entries"] == sum(row["entries"] for row in data["actions"]) == 2
    assert [(row["actor"], row["action"]) for row in data["decisions"]] == [("uid:1000", "gate.map.confirmed")]


async def test_crosswalk_has_every_line(ledger: Ledger, writer: ReportWriter, tmp_path: Path) -> None:
    """The CSV and the JSON lines hold each line of the crosswalk once, with how it came to be."""
    await write_crosswalk(ledger, writer, json_lines=tmp_path / "crosswalk.jsonl")
    rows = list(csv.DictReader(io.StringIO((writer.folder / "crosswalk.csv").read_text(encoding="utf-8"))))
    links = [link async for page in ledger.crosswalk(page=2) for link in page]
    assert [(row["source_kind"], row["source_key"], row["destination_id"]) for row in rows] == [
        (link.ref.kind, link.ref.key, link.dest_id) for link in links
    ]
    assert {row["source_key"]: row["relation"] for row in rows if row["source_kind"] == "lead"} == {
        "1": "ours",
        "2": "merged",
        "3": "ours",
        "4": "matched",
    }
    lines = [orjson.loads(text) for text in (tmp_path / "crosswalk.jsonl").read_bytes().splitlines()]
    assert lines == rows
    assert orjson.loads((writer.folder / "crosswalk.json").read_bytes())["data"]["lines"] == len(links)


async def test_write_all_is_repeatable(ledger: Ledger, writer: ReportWriter) -> None:
    """Every report is written with JSON and page; writing them again says the same."""
    names = await write_all(ledger, writer, pair=PAIR, seed=3)
    listed = writer.listing()
    assert {report["name"] for report in listed} == set(names)
    assert all(report["html"] and report["json"] and report["at"] for report in listed)
    assert listed[0]["name"] == "reconciliation"
    before = {path: path.read_bytes() for path in writer.folder.rglob("*") if path.is_file()}
    assert await write_all(ledger, writer, pair=PAIR, seed=3) == names
    assert {path: path.read_bytes() for path in writer.folder.rglob("*") if path.is_file()} == before


async def test_write_all_of_an_empty_ledger(empty: Ledger, writer: ReportWriter) -> None:
    """Reports can be asked for before anything was read."""
    assert "reconciliation" in await write_all(empty, writer, pair=PAIR)


async def test_a_full_disk_is_told(ledger: Ledger, writer: ReportWriter) -> None:
    """A crosswalk that cannot be written is a store error, not half a file."""
    writer.folder.mkdir()
    (writer.folder / ".crosswalk.csv.part").mkdir()
    with pytest.raises(StoreError):
        await write_crosswalk(ledger, writer)
    assert not (writer.folder / "crosswalk.csv").exists()


def test_a_pair_can_name_every_report_there_is() -> None:
    """The names that a pair may list are those of the reports that are drawn by it."""
    assert set(DRAWN_BY_PAIR) == {*REPORTS, *MORE_REPORTS}


@pytest.mark.parametrize(("kind", "key"), [("prospect", "2"), ("lead", "7"), ("job", "8"), ("appointment", "9")])
@pytest.mark.parametrize(("state", "on", "is_told"), [
    (RecordState.PARKED, "gone:5-contacts", {"prospect", "lead", "job", "appointment"}),
    (RecordState.PARKED, outcome_name("w1"), {"appointment"}),
    (RecordState.HELD, "", {"appointment"}),
])  # fmt: skip
async def test_whatever_waits_for_another_is_named(
    empty: Ledger, kind: str, key: str, state: RecordState, on: str, is_told: set[str]
) -> None:
    """What waits for a record that is not there is listed with its reason, an enquiry no less than a note; what is asked about is not."""
    await stage(empty, record(kind, key, parent=None if kind == "prospect" else "4"))
    why = "belongs to 5-contacts, which people deleted in the destination"
    await finish(empty, kind, key, Disposition.FLAGGED, state=state, reason=why, waiting_on=on)
    told = (await inventories.unmatched(empty, pair_of("lead_perfection", "nutshell")))["rows"]
    assert [(row["kind"], row["key"], row["reason"]) for row in told] == ([(kind, key, why)] if kind in is_told else [])
