"""The reconciliation: sums, verdicts, orphans and what is open, over an account whose fate is known."""

from __future__ import annotations

from typing import Any

from streamflow.model import Disposition, IntentState, RecordState, Ref, Verdict
from streamflow.reports.dispositions import DISPOSITIONS, phase_rows
from streamflow.reports.reconciliation import reconciliation
from streamflow.reports.spot import spot_check
from streamflow.store.base import KindCount, Ledger
from streamflow.store.change import DropLink, Enqueue, MarkVerified, PutIntent, PutLink, PutSetting, ResolveItem
from tests.mapping.builders import PAIR

from .account import OWNERS, checks_of, finish, item, lead, line, stage


def count(state: RecordState, disposition: Disposition | None, number: int, kind: str = "lead") -> KindCount:
    return KindCount(kind=kind, state=state, disposition=disposition, count=number)


def by(rows: list[dict[str, Any]], *names: str) -> dict[Any, dict[str, Any]]:
    return {tuple(row[name] for name in names) if len(names) > 1 else row[names[0]]: row for row in rows}


def states(data: dict[str, Any]) -> dict[str, str]:
    return {row["promise"]: row["state"] for row in data["summary"]}


def test_dispositions_sum_to_read() -> None:
    """The seven dispositions and pending make up what was read; other kinds do not count."""
    counts = [
        count(RecordState.DONE, Disposition.CREATED, 5),
        count(RecordState.DONE, Disposition.MERGED, 2),
        count(RecordState.PARKED, Disposition.FLAGGED, 1),
        count(RecordState.HELD, Disposition.FLAGGED, 1),
        count(RecordState.DONE, Disposition.CREATED, 9, kind="note"),
    ]
    [row] = phase_rows(counts, "lead")
    assert row["read"] == 9 == sum(row[name] for name in DISPOSITIONS)
    assert (row["created"], row["flagged"], row["pending"], row["sums"]) == (5, 2, 0, True)


def test_pending_records_do_not_sum() -> None:
    """A record that waits, or whose change is not dealt with, has no disposition to count: the row says that it does not sum."""
    counts = [count(RecordState.PENDING, None, 2), count(RecordState.PENDING, Disposition.CREATED, 1), count(RecordState.PARKED, None, 1)]
    [row] = phase_rows(counts, "lead")
    assert (row["read"], row["pending"], row["created"], row["sums"]) == (4, 4, 0, False)


def test_a_kind_without_records_is_all_zero() -> None:
    """A phase that had nothing to do reports zeros that sum."""
    [row] = phase_rows([], "call")
    assert (row["kind"], row["read"], row["sums"]) == ("call", 0, True)


async def test_every_kind_is_counted_twice_and_explained(ledger: Ledger) -> None:
    """Each moved kind has its row, recounted record by record; reference data has rows of its own that sum."""
    data = await reconciliation(ledger, PAIR)
    kinds = by(data["kinds"], "kind")
    assert list(kinds) == ["company", "lead", "note", "reminder"]
    assert {name: kinds["lead"][name] for name in ("read", "created", "merged", "matched", "filtered", "pending", "recounted")} == {
        "read": 6,
        "created": 2,
        "merged": 1,
        "matched": 1,
        "filtered": 1,
        "pending": 1,
        "recounted": 6,
    }
    assert all(row["explained"] for row in kinds.values())
    assert {"kind": "lead", "disposition": "filtered", "reason": "status Junk", "records": 1} in data["reasons"]
    assert {(row["kind"], row["state"]) for row in data["waiting"]} == {("lead", "pending"), ("note", "held")}
    assert all(row["matched"] + row["filtered"] == row["read"] for row in data["reference"])
    assert by(data["reference"], "kind")["user"]["matched"] == 1


async def test_all_fields_are_accounted_for(ledger: Ledger) -> None:
    """Fields written are counted from the crosswalk and equal verdicts plus pending ones; differences are listed with both values."""
    data = await reconciliation(ledger, PAIR)
    fields = by(data["fields"], "destination", "field")
    name = fields["contacts", "name"]
    assert (name["written"], name["equal"], name["differs"], name["pending"], name["accounted"]) == (3, 1, 1, 1, True)
    assert all(row["accounted"] for row in fields.values())
    [difference] = data["differences"]
    assert (difference["key"], difference["field"], difference["actual"]) == ("3", "name", "something else")
    assert states(data)["no field differs"] == "broken"
    assert data["verdict"]["tone"] == "bad"
    written = by(data["written"], "destination")["contacts"]
    assert (written["records"], written["created"], written["matched"], written["merged_lines"]) == (3, 2, 1, 1)


async def test_a_field_without_a_verdict_is_found(ledger: Ledger) -> None:
    """A link that is called verified though one of its fields was never judged breaks the account."""
    link = (await ledger.links([Ref("note", "11")]))[Ref("note", "11")]
    await ledger.commit([MarkVerified(ref=link.ref, verified="verified", checks=checks_of(link)[:1])])
    data = await reconciliation(ledger, PAIR)
    assert states(data)["every field is accounted for"] == "broken"
    assert sum(row["unaccounted"] for row in data["fields"]) == 1


async def test_a_record_without_its_line_is_found(ledger: Ledger) -> None:
    """A record that counts as created and has no line in the crosswalk is not explained."""
    await ledger.commit([DropLink(ref=Ref("reminder", "32"))])
    data = await reconciliation(ledger, PAIR)
    reminders = by(data["kinds"], "kind")["reminder"]
    assert (reminders["without_link"], reminders["explained"], reminders["sums"]) == (1, False, True)
    assert states(data)["records sum up and are explained"] == "broken"


async def test_orphans_are_found(ledger: Ledger) -> None:
    """A child whose parent is not in the crosswalk is an orphan; one under another person than the source says is told apart."""
    assert (await reconciliation(ledger, PAIR))["orphans"] == []
    await ledger.commit(
        [
            PutLink(link=line("note", "11", "notes", "61-notes", {"body": "x", "link:parent": "999-contacts"})),
            PutLink(link=line("reminder", "32", "tasks", "72-tasks", {"title": "x", "link:relatedEntity": "53-contacts"})),
        ]
    )
    data = await reconciliation(ledger, PAIR)
    [orphan] = data["orphans"]
    assert (orphan["kind"], orphan["key"], orphan["relation"], orphan["names"]) == ("note", "11", "parent", "999-contacts")
    links = by(data["links"], "destination", "relation")
    assert links["notes", "parent"]["orphans"] == 1
    assert links["tasks", "relatedEntity"]["elsewhere"] == 1
    assert states(data)["no orphans"] == "broken"


async def test_queue_conflicts_and_fields_left_behind_are_told(ledger: Ledger) -> None:
    """All items stand by cause and state, what people touched has its values, unmapped fields and drift are listed."""
    data = await reconciliation(ledger, PAIR)
    queue = by(data["queue"], "cause", "state")
    assert queue["to_do", "resolved"]["items"] == 1
    assert sum(row["items"] for row in data["queue"]) == len(data["queue_items"]) == 5
    [touched] = data["touched"]
    assert (touched["destination"], touched["base"], touched["source"], touched["theirs"]) == (
        "51-contacts",
        "Thandi",
        "Thandi M",
        "Ms Mokoena",
    )
    assert by(data["unmapped"], "kind", "field")["lead", "custom:Mood"]["filled"] == 1
    assert all(row["reason"] for row in data["unmapped"])
    assert data["drift"] == [{"kind": "lead", "name": "score", "seen": 4}]
    assert data["owners"]["unmatched"] == ["22"]
    assert any("assignment rules" in text for text in data["out_of_scope"])


async def test_unknown_outcomes_are_told(ledger: Ledger) -> None:
    """A write whose outcome is open shows, as something that is not done yet."""
    [confirmed] = await ledger.intents_of("lead", "1")
    doubtful = type(confirmed)(id="w2", ref=Ref("lead", "6"), op=confirmed.op, dest_kind="contacts", fields={}, state=IntentState.MEANT)
    await ledger.commit([PutIntent(intent=doubtful)])
    assert states(await reconciliation(ledger, PAIR))["no write has an unknown outcome"] == "open"


async def test_an_account_that_is_done_is_called_done(empty: Ledger) -> None:
    """When all is read back, decided and matched, the verdict is good; open queue items alone make it attention."""
    link = line("lead", "1", "contacts", "51-contacts", {"name": "Ann", "link:owner": "1-users"})
    await stage(empty, lead("1", "Ann"))
    await finish(empty, "lead", "1", Disposition.CREATED)
    await empty.commit(
        [
            PutSetting(name="owners", value=OWNERS[:1]),
            PutLink(link=link),
            MarkVerified(ref=link.ref, verified="verified", checks=checks_of(link, {"name": Verdict.NORMALISED})),
        ]
    )
    assert (await reconciliation(empty, PAIR))["verdict"]["tone"] == "good"
    await empty.commit([Enqueue(item=item("q", "bad_phone", "lead", "1"))])
    assert (await reconciliation(empty, PAIR))["verdict"]["tone"] == "attention"
    await empty.commit([ResolveItem(id="q", decision="accept", by="uid:1")])
    assert (await reconciliation(empty, PAIR))["verdict"]["tone"] == "good"


async def test_nothing_read_is_a_report_too(empty: Ledger) -> None:
    """Before anything was read the reconciliation is empty and holds."""
    data = await reconciliation(empty, PAIR)
    assert data["kinds"] == []
    assert data["fields"] == []
    assert data["verdict"]["tone"] == "good"


async def test_spot_check_is_repeatable_and_shows_three_values(ledger: Ledger) -> None:
    """The same seed picks the same persons in the same order, another seed others; each field shows source, expected and actual."""
    one, again = await spot_check(ledger, PAIR, seed=7, size=2), await spot_check(ledger, PAIR, seed=7, size=2)
    assert one == again
    picks = [tuple(dict.fromkeys(row["key"] for row in (await spot_check(ledger, PAIR, seed=seed, size=2))["rows"])) for seed in range(12)]
    assert len(set(picks)) > 1
    everybody = by((await spot_check(ledger, PAIR, size=50))["rows"], "key", "field")
    thandi, zoe, script = everybody["1", "name"], everybody["4", "name"], everybody["3", "name"]
    assert (thandi["source"], thandi["expected"], thandi["actual"], thandi["verdict"]) == (
        "Thandi Mokoena",
        "Thandi Mokoena",
        "Thandi Mokoena",
        "equal",
    )
    assert (script["actual"], script["verdict"]) == ("something else", "differs")
    assert (zoe["actual"], zoe["verdict"]) == (None, "pending")
    assert everybody["2", "(person)"]["destination"] == "51-contacts"
