"""What every ledger promises, run on each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.errors import InvariantBroken
from streamflow.model import Disposition, Ending, IntentState, Op, RecordState, Ref, Verdict
from streamflow.store.base import KindCount, Ledger, Others
from streamflow.store.change import (
    Change,
    DropLink,
    DropLookup,
    Enqueue,
    Finish,
    Fold,
    MarkVerified,
    Missed,
    MoveLink,
    MoveMark,
    PutIntent,
    PutLink,
    PutLookup,
    PutSetting,
    Rekey,
    Reopen,
    ResolveItem,
    SettleIntent,
    Wake,
)
from streamflow.store.memory import MemoryLedger
from streamflow.store.sqlite import SqliteLedger

from .values import StillClock, audit, checks, finish, intent, item, link, parked, record


async def seq_of(ledger: Ledger, key: str, kind: str = "lead") -> int:
    return (await ledger.staged(kind, [key]))[key].seq


async def pages(found: Any) -> list[Any]:
    return [entry async for page in found for entry in page]


async def pending(ledger: Ledger, kind: str = "lead") -> list[str]:
    return [staged.record.key for staged in await ledger.pending(kind, limit=100)]


# ------------------------------------------------------------------------------------------------ staging


async def test_new_changed_and_same_records_are_told_apart(ledger: Ledger) -> None:
    """A page's records are new, changed or the same by their digest, and only the first two get a newer number."""
    first = await ledger.stage([record("1"), record("2")], scan="lead:1")
    assert (first.new, first.changed, first.same) == (2, 0, 0)
    second = await ledger.stage([record("1"), record("2", digest="d2"), record("3")], scan="lead:2")
    assert (second.new, second.changed, second.same) == (1, 1, 1)
    assert [key for _, key, _ in second.touched] == ["2", "3"]
    assert min(seq for *_, seq in second.touched) > max(seq for *_, seq in first.touched)
    assert (await ledger.staged("lead", ["2"]))["2"].record == record("2", digest="d2")


async def test_what_was_staged_comes_back_unchanged(ledger: Ledger) -> None:
    """Payloads survive the book exactly: empty values, nesting, numbers, control characters and every script."""
    data: dict[str, Any] = {
        "": None, "text": "Zoë \u0000 \U0001f600 \"'\\ \u2028", "list": [1, -2.5, True, {"a": []}], "big": 2**63 - 1, "tiny": 1e-300,
    }
    before = record("k/1", parent="9", **data)
    before = replace(before, changed_at="2026-03-01 10:00:00")
    await ledger.stage([before], scan="lead:1")
    held = (await ledger.staged("lead", ["k/1", "unknown"]))
    assert list(held) == ["k/1"]
    assert held["k/1"].record == before
    assert held["k/1"].state is RecordState.PENDING


async def test_nothing_inside_is_shared_with_the_caller(ledger: Ledger) -> None:
    """Changing a dict that was handed in or out changes nothing in the book."""
    mine = record("1", tags=["a"])
    await ledger.stage([mine], scan="lead:1")
    mine.data["tags"].append("b")
    (await ledger.staged("lead", ["1"]))["1"].record.data["tags"].append("c")
    assert (await ledger.staged("lead", ["1"]))["1"].record.data["tags"] == ["a"]


async def test_a_changed_record_is_pending_anew_and_keeps_its_disposition(ledger: Ledger, clock: StillClock) -> None:
    """A finished record that changes is pending again with its former disposition still readable; one that did not change stays done."""
    await ledger.stage([record("1"), record("2")], scan="lead:1")
    await ledger.commit([finish("1", await seq_of(ledger, "1"), reason="made"), finish("2", await seq_of(ledger, "2"))])
    await clock.sleep(60)
    await ledger.stage([record("1", digest="d2"), record("2")], scan="lead:2")
    held = await ledger.staged("lead", ["1", "2"])
    assert (held["1"].state, held["1"].disposition, held["1"].reason) == (RecordState.PENDING, Disposition.CREATED, "made")
    assert held["2"].state is RecordState.DONE
    assert (held["2"].first_seen, held["2"].last_seen) == ("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z")
    assert await pending(ledger) == ["1"]


async def test_a_record_twice_in_one_page_counts_as_its_later_version(ledger: Ledger) -> None:
    """Two versions in a page end as the later one, with one number told for it."""
    result = await ledger.stage([record("1"), record("1", digest="d2"), record("1", digest="d2")], scan="lead:1")
    assert (result.new, result.changed, result.same) == (1, 1, 1)
    assert result.touched == (("lead", "1", await seq_of(ledger, "1")),)
    assert (await ledger.staged("lead", ["1"]))["1"].record.digest == "d2"


@pytest.mark.parametrize("key", ["", "a\0b"])
async def test_a_record_without_usable_key_is_refused(ledger: Ledger, key: str) -> None:
    """A key that the book could confuse with another stops the page; nothing of it is kept."""
    with pytest.raises(InvariantBroken):
        await ledger.stage([record("1"), record(key)], scan="lead:1", changes=[MoveMark(name="lead", cursor="2")])
    assert await ledger.keys("lead") == []
    assert await ledger.mark("lead") is None


async def test_stage_moves_the_mark_with_the_records(ledger: Ledger) -> None:
    """The changes given with a page are in the same transaction as its records."""
    await ledger.stage([record("1")], scan="lead:1", changes=[MoveMark(name="lead", cursor="p2", note={"n": 1})])
    mark = await ledger.mark("lead")
    assert mark is not None
    assert (mark.cursor, mark.note, mark.at) == ("p2", {"n": 1}, "2026-03-01T12:00:00Z")


async def test_unseen_names_what_nothing_has_seen_since_the_scan_began(ledger: Ledger) -> None:
    """A complete scan misses only records that neither it nor another reader has seen since it started."""
    await ledger.stage([record("1"), record("2"), record("3")], scan="lead:1")
    await ledger.stage([record("1")], scan="lead:2")
    await ledger.stage([record("4")], scan="lead:now")
    await ledger.stage([record("1")], scan="lead:now")
    assert await ledger.unseen("lead", scan="lead:2") == ["2", "3"]
    assert await ledger.unseen("lead", scan="lead:1") == []
    assert await ledger.unseen("lead", scan="lead:never") == ["1", "2", "3", "4"]
    assert await ledger.unseen("note", scan="lead:2") == []


async def test_a_reader_s_next_pass_takes_the_place_of_its_last(ledger: Ledger) -> None:
    """However often somebody polls, the book keeps when one pass of each reader began."""
    for number in range(50):
        for scan in (f"poll:lead:1.{number}", f"poll:lead:1.{number}:recent", f"poll:leads:1.{number}"):
            await ledger.stage([record("1")], scan=scan)
        await ledger.stage([record("2")], scan="sweep:lead:1")
    assert await scans_kept(ledger) == {"poll:lead:1.49:recent", "poll:leads:1.49", "sweep:lead:1"}
    assert await ledger.unseen("lead", scan="poll:leads:1.49") == []
    assert await ledger.unseen("lead", scan="sweep:lead:1") == []


async def scans_kept(ledger: Ledger) -> set[str]:
    """Name the passes a book remembers, by the inside of either."""
    if isinstance(ledger, MemoryLedger):
        return set(ledger._book.scans)
    assert isinstance(ledger, SqliteLedger)
    return {str(row[0]) for row in await ledger._connection._raw.execute_fetchall("SELECT name FROM scan")}


async def test_news_is_told_where_there_is_some(ledger: Ledger) -> None:
    """What is to be told of a page is written when one of its records is new, changed or back, and not when all are as they were."""
    for records, length in (
        ([record("1"), record("2")], 1), ([record("1"), record("2")], 1), ([record("1", digest="d2")], 2), ([], 2), ([record("2")], 2),
    ):  # fmt: skip
        await ledger.stage(records, scan="lead:1", news=[audit("read")])
        assert await ledger.audit_length() == length
    await ledger.commit([Missed(kind="lead", keys=("2",))])
    await ledger.stage([record("2")], scan="lead:1", news=[audit("read")])
    assert await ledger.audit_length() == 3


async def test_unseen_of_a_parent(ledger: Ledger) -> None:
    """Children are asked for by parent, so that one lead's scan says nothing of another lead's notes."""
    await ledger.stage([record("a", kind="note", parent="1"), record("b", kind="note", parent="1"), record("c", kind="note", parent="2")],
                       scan="note:1")
    await ledger.stage([record("a", kind="note", parent="1")], scan="note:2")
    assert await ledger.unseen("note", scan="note:2", parents=["1"]) == ["b"]
    assert await ledger.unseen("note", scan="note:2", parents=["2", "1", "2"]) == ["b", "c"]
    assert await ledger.unseen("note", scan="note:2", parents=[]) == []
    assert [staged.record.key for staged in await ledger.children("note", "1")] == ["a", "b"]


async def test_an_empty_page_starts_its_scan(ledger: Ledger) -> None:
    """A scan that shows nothing at all still has begun, and misses what was there before."""
    await ledger.stage([record("1")], scan="lead:1")
    await ledger.stage([], scan="lead:2")
    await ledger.stage([record("2")], scan="lead:3")
    assert await ledger.unseen("lead", scan="lead:2") == ["1"]


async def test_missing_scans_add_up_until_the_record_is_back(ledger: Ledger) -> None:
    """Each complete scan without the record counts, and seeing it again starts from zero and says so."""
    await ledger.stage([record("1"), record("2")], scan="lead:1")
    await ledger.commit([Missed(kind="lead", keys=("1", "2"))])
    await ledger.commit([Missed(kind="lead", keys=("1",)), Missed(kind="lead", keys=("1",))])
    assert (await ledger.staged("lead", ["1"]))["1"].missing_scans == 3
    assert await ledger.held("lead") == (2, 2)
    result = await ledger.stage([record("1"), record("2", digest="d2"), record("3")], scan="lead:2")
    assert sorted(result.revived) == ["1", "2"]
    assert {staged.missing_scans for staged in (await ledger.staged("lead", ["1", "2", "3"])).values()} == {0}


async def test_children_are_given_by_parent(ledger: Ledger) -> None:
    """Many parents are asked for at once; those without children, and children of others, are not in the answer."""
    notes = [record(key, kind="note", parent=parent) for key, parent in (("b", "1"), ("a", "1"), ("c", "2"), ("d", "3"), ("e", None))]
    await ledger.stage([*notes, record("f", kind="call", parent="1")], scan="note:1")
    found = await ledger.children_of("note", ["1", "3", "4", "1"])
    assert {parent: [each.record.key for each in children] for parent, children in found.items()} == {"1": ["b", "a"], "3": ["d"]}
    assert found["1"][0] == (await ledger.staged("note", ["b"]))["b"]


# ------------------------------------------------------------------------------------------------ dispositions


async def test_an_outdated_finish_is_ignored(ledger: Ledger) -> None:
    """Finishing an older version leaves the newer one pending: older never overwrites newer."""
    await ledger.stage([record("1")], scan="lead:1")
    old = await seq_of(ledger, "1")
    await ledger.stage([record("1", digest="d2")], scan="lead:2")
    await ledger.commit([finish("1", old), finish("unknown", 1)])
    assert (await ledger.staged("lead", ["1"]))["1"].state is RecordState.PENDING
    assert await ledger.counts() == [KindCount(kind="lead", state=RecordState.PENDING, disposition=None, count=1)]


async def test_reopening_outruns_what_is_in_flight(ledger: Ledger) -> None:
    """A record reopened while it is worked on stays pending when the work under the old decision ends."""
    await ledger.stage([record("1"), record("2")], scan="lead:1")
    in_flight = await seq_of(ledger, "1")
    await ledger.commit([Reopen(kind="lead", keys=("1", "1"))])
    await ledger.commit([finish("1", in_flight)])
    assert await pending(ledger) == ["2", "1"]


async def test_reopening_all_of_a_kind_keeps_their_order(ledger: Ledger) -> None:
    """Without keys the whole kind is pending anew, oldest first, and other kinds are left alone."""
    await ledger.stage([record(key) for key in "cab"] + [record("n", kind="note")], scan="lead:1")
    await ledger.commit([finish(key, await seq_of(ledger, key)) for key in "abc"])
    await ledger.commit([finish("n", await seq_of(ledger, "n", "note"), kind="note")])
    await ledger.commit([Reopen(kind="lead")])
    assert await pending(ledger) == ["c", "a", "b"]
    assert await pending(ledger, "note") == []


@pytest.mark.parametrize("keys", [(), ("1", "2", "3", "4")])
async def test_what_is_held_for_good_is_not_reopened_with_the_others(ledger: Ledger, keys: tuple[str, ...]) -> None:
    """Records held on a ground that begins so stay held, named or not; without such a word all of them are pending anew."""
    await ledger.stage([record(key) for key in "1234"], scan="lead:1")
    held = {"1": "undone:run", "2": "it was undone:", "3": ""}
    await ledger.commit([finish(key, await seq_of(ledger, key), state=RecordState.HELD, ground=why) for key, why in held.items()])
    await ledger.commit([finish("4", await seq_of(ledger, "4"), ground="undone:run")])
    await ledger.commit([Reopen(kind="lead", keys=keys, but="undone:")])
    assert sorted(await pending(ledger)) == ["2", "3", "4"]
    assert (await ledger.staged("lead", ["1"]))["1"].state is RecordState.HELD
    await ledger.commit([Reopen(kind="lead", keys=keys)])
    assert sorted(await pending(ledger)) == ["1", "2", "3", "4"]


async def test_pending_pages_by_number_through_everything(ledger: Ledger) -> None:
    """Reading pending records page by page above the last number meets each exactly once, reopened ones too."""
    await ledger.stage([record(str(n)) for n in range(7)], scan="lead:1")
    await ledger.commit([Reopen(kind="lead", keys=("1", "3", "5"))])
    seen: list[str] = []
    after = 0
    while page := await ledger.pending("lead", limit=2, after_seq=after):
        seen += [staged.record.key for staged in page]
        after = page[-1].seq
    assert seen == ["0", "2", "4", "6", "1", "3", "5"]


async def test_parked_records_wake_when_what_they_wait_for_appears(ledger: Ledger) -> None:
    """Waking makes exactly those pending that wait for one of the named things."""
    await ledger.stage([record("1", kind="note"), record("2", kind="note")], scan="note:1")
    await ledger.commit([parked("1", await seq_of(ledger, "1", "note"), "lead:7", kind="note"),
                         parked("2", await seq_of(ledger, "2", "note"), "lead:8", kind="note")])
    assert await pending(ledger, "note") == []
    assert [each.record.key for each in await ledger.parked_on(["lead:7", "lead:99"])] == ["1"]
    await ledger.commit([Wake(on=("lead:7", "lead:99"))])
    assert await pending(ledger, "note") == ["1"]
    assert [each.record.key for each in await ledger.parked_on(["lead:7", "lead:8"])] == ["2"]
    assert (await ledger.staged("note", ["1"]))["1"].waiting_on == ""


async def test_no_wake_up_is_lost(ledger: Ledger) -> None:
    """A record parked on something that was called out after the record was read is tried again, once."""
    await ledger.stage([record("1", kind="note")], scan="note:1")
    seq = await seq_of(ledger, "1", "note")
    await ledger.commit([Wake(on=("lead:7",))])
    await ledger.commit([parked("1", seq, "lead:7", kind="note")])
    assert await pending(ledger, "note") == ["1"]
    await ledger.commit([parked("1", await seq_of(ledger, "1", "note"), "lead:7", kind="note")])
    assert (await ledger.staged("note", ["1"]))["1"].state is RecordState.PARKED


@pytest.mark.parametrize("bad", [
    Finish(kind="lead", key="1", seq=1),
    Finish(kind="lead", key="1", seq=1, state=RecordState.PARKED),
])
async def test_nothing_ends_unexplained(ledger: Ledger, bad: Finish) -> None:
    """A record cannot be done without a disposition nor parked on nothing, and the commit that tries leaves no trace."""
    await ledger.stage([record("1")], scan="lead:1")
    with pytest.raises(InvariantBroken):
        await ledger.commit([MoveMark(name="m", cursor="c"), PutLink(link=link("1")), bad])
    assert await ledger.mark("m") is None
    assert await ledger.links([Ref("lead", "1")]) == {}
    assert await pending(ledger) == ["1"]


async def test_dispositions_sum_to_what_was_read(ledger: Ledger) -> None:
    """Counts by kind, state and disposition follow every change."""
    await ledger.stage([record(str(n)) for n in range(4)] + [record("n", kind="note")], scan="lead:1")
    await ledger.commit([finish("0", await seq_of(ledger, "0")), finish("1", await seq_of(ledger, "1"), disposition=Disposition.FILTERED),
                         finish("2", await seq_of(ledger, "2"), state=RecordState.HELD, disposition=Disposition.FLAGGED)])
    await ledger.stage([record("0", digest="d2")], scan="lead:2")
    counted = {(c.kind, c.state.value, c.disposition and c.disposition.value): c.count for c in await ledger.counts()}
    assert counted == {("lead", "pending", "created"): 1, ("lead", "done", "filtered"): 1, ("lead", "held", "flagged"): 1,
                       ("lead", "pending", None): 1, ("note", "pending", None): 1}


async def test_walks_go_through_everything_in_their_order(ledger: Ledger) -> None:
    """Walking by key as text and by first staging meets each record once, even when some change on the way."""
    keys = ["10", "9", "a", "Z", "é", "1"]
    await ledger.stage([record(key) for key in keys], scan="lead:1")
    seen = []
    async for page in ledger.every("lead", page=2):
        seen += [staged.record.key for staged in page]
        await ledger.stage([record(key, digest=f"d{len(seen)}") for key in keys], scan="lead:2")
    assert seen == sorted(keys)
    assert await ledger.keys("lead", after="9", limit=3) == ["a", "Z", "é"]
    assert await ledger.keys("lead") == keys


# ------------------------------------------------------------------------------------------------ crosswalk


async def test_links_are_replaced_by_reference_and_found_from_both_sides(ledger: Ledger) -> None:
    """One line a source record and part, which keeps its first phase; asked for by reference, by record, and by destination id."""
    await ledger.commit([PutLink(link=link("1", before={"name": "Old"}, ours=False, phase="backfill")),
                         PutLink(link=link("1", part="lead", dest_kind="leads")), PutLink(link=link("2", dest_id="1-contacts"))])
    await ledger.commit([PutLink(link=replace(link("1"), base={"name": "New"}, written_at="2026-01-01T00:00:00Z", phase="tail"))])
    held = await ledger.links([Ref("lead", "1"), Ref("lead", "9")])
    assert held == {Ref("lead", "1"): replace(link("1"), base={"name": "New"}, written_at="2026-01-01T00:00:00Z", phase="backfill")}
    assert [one.ref.part for one in await ledger.links_of("lead", ["1", "1"])] == ["", "lead"]
    assert [one.ref.key for one in await ledger.links_to(["1-contacts", "none"])] == ["1", "2"]
    assert (await ledger.links_to(["1-leads"]))[0].written_at == "2026-03-01T12:00:00Z"
    await ledger.commit([DropLink(ref=Ref("lead", "1")), DropLink(ref=Ref("lead", "77"))])
    assert [one.ref for one in await pages(ledger.crosswalk(page=1))] == [Ref("lead", "1", "lead"), Ref("lead", "2")]


async def test_the_crosswalk_is_walked_whole_or_by_kind(ledger: Ledger) -> None:
    """Walking the crosswalk meets each line once, of one destination kind if asked."""
    await ledger.commit([PutLink(link=link(str(n), dest_kind=kind, part=kind)) for n in range(5) for kind in ("contacts", "leads")])
    assert len(await pages(ledger.crosswalk(page=3))) == 10
    assert [one.ref.key for one in await pages(ledger.crosswalk(dest_kind="leads", page=2))] == ["0", "1", "2", "3", "4"]


async def test_a_before_image_of_nothing_differs_from_an_empty_one(ledger: Ledger) -> None:
    """What was there before our first change is kept as it was: unknown is not the same as empty."""
    await ledger.commit([PutLink(link=link("1", before={})), PutLink(link=link("2"))])
    held = await ledger.links([Ref("lead", "1"), Ref("lead", "2")])
    assert (held[Ref("lead", "1")].before, held[Ref("lead", "2")].before) == ({}, None)


async def test_unverified_pages_lose_no_line_that_shares_a_destination_record(ledger: Ledger) -> None:
    """Paging unverified links by destination id meets merged ones together."""
    await ledger.commit([PutLink(link=link(str(n), dest_id=f"{n // 2}-contacts")) for n in range(6)])
    await ledger.commit([PutLink(link=link("x", verified="verified"))])
    first = await ledger.unverified("contacts", limit=3)
    assert [one.ref.key for one in first] == ["0", "1", "2", "3"]
    assert [one.ref.key for one in await ledger.unverified("contacts", limit=3, after=first[-1].dest_id)] == ["4", "5"]
    assert await ledger.unverified("leads", limit=3) == []


# ------------------------------------------------------------------------------------------------ verification


async def test_differing_links_are_paged_in_order_of_their_records(ledger: Ledger) -> None:
    """Each link that was read back with a difference is met once; those read right, and those not read, are not."""
    await ledger.commit([PutLink(link=link(str(n))) for n in range(8)])
    for n, verdict in ((n, Verdict.EQUAL if n == 3 else Verdict.DIFFERS) for n in range(7)):
        state = "verified" if verdict is Verdict.EQUAL else "differs"
        await ledger.commit([MarkVerified(ref=Ref("lead", str(n)), verified=state, checks=checks(str(n), [("name", verdict)]))])
    await ledger.commit([PutLink(link=link("5"))])
    first = await ledger.differing("contacts", limit=3)
    assert [one.ref.key for one in first] == ["0", "1", "2"]
    assert [one.ref.key for one in await ledger.differing("contacts", limit=3, after=first[-1].ref)] == ["4", "6"]
    assert await ledger.differing("leads", limit=3) == []


async def test_verdicts_are_counted_per_field_and_kept_where_a_person_must_look(ledger: Ledger) -> None:
    """Every verdict is counted; both values are kept only where they differ or cannot be read."""
    await ledger.commit([PutLink(link=link("1")), PutLink(link=link("2"))])
    good, bad = (checks(key, [("name", Verdict.EQUAL), ("phones", verdict)]) for key, verdict in (
        ("1", Verdict.NORMALISED), ("2", Verdict.DIFFERS)))
    await ledger.commit([
        MarkVerified(ref=Ref("lead", "1"), verified="verified", checks=good),
        MarkVerified(ref=Ref("lead", "2"), verified="differs", checks=bad),
        MarkVerified(ref=Ref("lead", "gone"), verified="verified", checks=checks("gone", [("name", Verdict.EQUAL)])),
    ])
    assert await ledger.check_counts() == {("contacts", "name", "equal"): 2, ("contacts", "phones", "normalised"): 1,
                                           ("contacts", "phones", "differs"): 1}
    assert await ledger.link_counts() == {("lead", "contacts", "verified"): 1, ("lead", "contacts", "differs"): 1}
    assert await ledger.checks(verdicts=["differs", "unreadable"]) == list(checks("2", [("phones", Verdict.DIFFERS)]))
    [normalised] = await ledger.checks(verdicts=["normalised"])
    assert (normalised.ref, normalised.field, normalised.expected) == (Ref("lead", "1"), "phones", None)
    assert [check.field for check in await ledger.checks_of("lead", "2")] == ["name", "phones"]
    assert await ledger.unverified("contacts", limit=9) == []


async def test_a_new_verdict_replaces_the_former_one(ledger: Ledger) -> None:
    """Verifying again, writing again and dropping a link each leave exactly what is true now."""
    await ledger.commit([PutLink(link=link("1")), PutLink(link=link("2"))])
    bad = checks("1", [("name", Verdict.DIFFERS), ("city", Verdict.UNREADABLE)])
    await ledger.commit([MarkVerified(ref=Ref("lead", "1"), verified="differs", checks=bad)])
    again = tuple(replace(check, actual={"now": 1}) for check in bad)
    await ledger.commit([MarkVerified(ref=Ref("lead", "1"), verified="differs", checks=again)])
    assert [check.actual for check in await ledger.checks_of("lead", "1")] == [{"now": 1}, {"now": 1}]
    await ledger.commit([PutLink(link=replace(link("1"), verified="differs", phase="tail"))])
    assert len(await ledger.checks(verdicts=["differs"])) == 1
    await ledger.commit([PutLink(link=link("1"))])
    assert await ledger.checks_of("lead", "1") == []
    assert await ledger.check_counts() == {}
    await ledger.commit([MarkVerified(ref=Ref("lead", "1"), verified="verified", checks=checks("1", [("name", Verdict.EQUAL)]))])
    assert await ledger.check_counts() == {("contacts", "name", "equal"): 1}
    await ledger.commit([DropLink(ref=Ref("lead", "1"))])
    assert await ledger.check_counts() == {}
    assert await ledger.link_counts() == {("lead", "contacts", "pending"): 1}


# ------------------------------------------------------------------------------------------------ intents


async def test_intents_live_from_meant_to_their_answer(ledger: Ledger, clock: StillClock) -> None:
    """An intent is open until a definite answer, keeps all it was, and its history stays."""
    await ledger.commit([PutIntent(intent=intent("a", "1", marker="lt:lead:1", author="7", seq=3, feed_cursor="e9"))])
    [meant] = await ledger.open_intents()
    assert meant == intent("a", "1", marker="lt:lead:1", author="7", seq=3, feed_cursor="e9", meant_at="2026-03-01T12:00:00Z", epoch=1)
    await clock.sleep(5)
    await ledger.commit([SettleIntent(id="a", state=IntentState.IN_DOUBT, reason="timeout", unknown_since="2026-03-01T12:00:04Z")])
    [doubted] = await ledger.open_intents()
    assert (doubted.state, doubted.settled_at, doubted.reason) == (IntentState.IN_DOUBT, "", "timeout")
    assert doubted.unknown_since == "2026-03-01T12:00:04Z"
    await ledger.commit([SettleIntent(id="a", state=IntentState.CONFIRMED, dest_id="5-contacts"), PutIntent(intent=intent("b", "1"))])
    assert [one.id for one in await ledger.open_intents()] == ["b"]
    settled = (await ledger.intents_of("lead", "1"))[0]
    assert (settled.state, settled.dest_id, settled.settled_at) == (IntentState.CONFIRMED, "5-contacts", "2026-03-01T12:00:05Z")
    assert await ledger.intent_counts() == {IntentState.CONFIRMED: 1, IntentState.MEANT: 1}


@pytest.mark.parametrize("state", [IntentState.MEANT, IntentState.IN_DOUBT, IntentState.PARKED])
async def test_a_record_is_never_meant_to_be_created_twice_at_once(ledger: Ledger, state: IntentState) -> None:
    """While a create is open or awaits a person, a second one for the same part of a record is refused; other parts and updates are not."""
    await ledger.commit([PutIntent(intent=intent("a"))])
    await ledger.commit([SettleIntent(id="a", state=state)])
    with pytest.raises(InvariantBroken):
        await ledger.commit([MoveMark(name="m", cursor="c"), PutIntent(intent=intent("b"))])
    assert await ledger.mark("m") is None
    await ledger.commit([PutIntent(intent=intent("c", part="lead")), PutIntent(intent=intent("d", op=Op.UPDATE))])
    await ledger.commit([SettleIntent(id="a", state=IntentState.ABANDONED), PutIntent(intent=intent("e"))])
    assert [one.id for one in await ledger.intents_of("lead", "1")] == ["a", "c", "d", "e"]


async def test_writes_of_several_records_are_told_apart(ledger: Ledger) -> None:
    """Those of each record are given by its key, oldest first, a key that is asked for twice once; records without any are left out."""
    await ledger.commit([PutIntent(intent=intent(id, key, op=Op.UPDATE)) for id, key in (("a", "2"), ("b", "1"), ("c", "2"), ("d", "3"))])
    found = await ledger.intents_by_key("lead", ["1", "2", "2", "none"])
    assert {key: [each.id for each in intents] for key, intents in found.items()} == {"1": ["b"], "2": ["a", "c"]}
    assert await ledger.intents_by_key("note", ["1"]) == {}


async def test_what_became_of_others_meanwhile(ledger: Ledger, clock: StillClock) -> None:
    """Only what was meant no sooner counts, of other records; taken is what its own answer confirmed; each record is named once."""
    await ledger.commit([PutIntent(intent=intent("a", "9"))])
    await ledger.commit([SettleIntent(id="a", state=IntentState.CONFIRMED, dest_id="9-contacts")])
    await clock.sleep(1.0)
    await ledger.commit([PutIntent(intent=intent(name, key)) for name, key in (("b", "8"), ("c", "1"), ("d", "2"), ("e", "3"))])
    assert await ledger.others_meanwhile("c", limit=9) == Others(taken=False)
    found = SettleIntent(id="b", state=IntentState.CONFIRMED, dest_id="8-contacts", ending=Ending.FOUND)
    lost = [SettleIntent(id="d", state=IntentState.ABANDONED), SettleIntent(id="e", state=IntentState.IN_DOUBT)]
    await ledger.commit([found, *lost, PutIntent(intent=intent("f", "2")), PutIntent(intent=intent("g", "1", part="lead"))])
    await ledger.commit([SettleIntent(id="f", state=IntentState.IN_DOUBT), SettleIntent(id="g", state=IntentState.CONFIRMED, dest_id="1")])
    others = await ledger.others_meanwhile("c", limit=9)
    assert (others.taken, sorted(others.unanswered)) == (False, [("lead", "2"), ("lead", "3")])
    assert len((await ledger.others_meanwhile("c", limit=1)).unanswered) == 1
    await ledger.commit([SettleIntent(id="f", state=IntentState.CONFIRMED, dest_id="2-contacts", reason="whatever")])
    assert (await ledger.others_meanwhile("c", limit=9)).taken


async def test_an_outcome_is_noted_once(ledger: Ledger) -> None:
    """A definite answer may be repeated but never turned into another; unknown intents and used names are refused; nothing is written."""
    await ledger.commit([PutIntent(intent=intent("a")), SettleIntent(id="a", state=IntentState.CONFIRMED, dest_id="5-contacts")])
    await ledger.commit([SettleIntent(id="a", state=IntentState.CONFIRMED, dest_id="6-contacts", reason="again")])
    assert (await ledger.intents_of("lead", "1"))[0].dest_id == "5-contacts"
    wrong: list[Change] = [SettleIntent(id=name, state=IntentState.REJECTED) for name in ("a", "unknown")]
    for bad in (*wrong, PutIntent(intent=intent("a"))):
        with pytest.raises(InvariantBroken):
            await ledger.commit([MoveMark(name="m", cursor="c"), audit("x"), bad])
    assert await ledger.mark("m") is None
    await ledger.commit([audit("after")])
    assert await ledger.verify_audit() == (1, None)


async def test_open_intents_come_oldest_first(ledger: Ledger) -> None:
    """Whatever their names, intents are handed out in the order in which they were meant."""
    await ledger.commit([PutIntent(intent=intent(name, name)) for name in ("z", "a", "m")])
    assert [one.id for one in await ledger.open_intents(limit=2)] == ["z", "a"]


# ------------------------------------------------------------------------------------------------ other names


async def test_a_record_goes_by_another_key(ledger: Ledger) -> None:
    """All that is known of a record follows its new key; items of the queue keep their ids and name it."""
    await ledger.stage([record("1"), record("a", kind="note", parent="1")], scan="lead:1")
    found = await ledger.staged("note", ["a"])
    await ledger.commit([
        PutIntent(intent=intent("i1")), SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="1-contacts"),
        PutLink(link=link("1")), PutLink(link=link("1", part="x", dest_kind="notes")),
        MarkVerified(ref=Ref("lead", "1"), verified="differs", checks=checks("1", [("name", Verdict.DIFFERS)])),
        PutLookup(side="src", kind="lead", id="1", values={"email": ("a@x",)}), Enqueue(item=item("q1", details={"field": "name"})),
        Enqueue(item=item("gone:lead:1::5")), parked("a", found["a"].seq, "lead:1", kind="note"),
    ])
    await ledger.commit([Rekey(kind="lead", old="1", new="2"), finish("2", await seq_of(ledger, "1"))])
    staged = (await ledger.staged("lead", ["1", "2"]))
    assert list(staged) == ["2"]
    assert (staged["2"].record.key, staged["2"].state) == ("2", RecordState.DONE)
    assert [each.ref for each in await ledger.links_of("lead", ["1", "2"])] == [Ref("lead", "2"), Ref("lead", "2", "x")]
    assert ([each.id for each in await ledger.intents_of("lead", "2")], await ledger.intents_of("lead", "1")) == (["i1"], [])
    assert [each.ref for each in await ledger.checks_of("lead", "2")] == [Ref("lead", "2")]
    assert [each.id for each in await ledger.candidates("lead", {"email": ["a@x"]}, side="src")] == ["2"]
    assert await ledger.waiting() == ["lead:2"]
    held = await ledger.item("q1")
    assert held is not None
    assert (held.key, dict(held.details)) == ("1", {"field": "name", "now": "2"})
    await ledger.commit([Rekey(kind="lead", old="2", new="3"), Wake(on=("lead:3",))])
    held = await ledger.item("q1")
    assert held is not None
    assert held.details["now"] == "3"
    assert [each.id for each in await ledger.items_about("lead", ["1", "3"])] == ["q1", "gone:lead:1::5"]
    assert await ledger.items_about("lead", ["1"]) == []
    await ledger.commit([ResolveItem(id=name, decision="keep", by="uid:1") for name in ("q1", "gone:lead:1::5")])
    assert await ledger.decisions() == {"q1": "keep", "gone:lead:1::5": "keep", "gone:lead:3::5": "keep"}
    assert await pending(ledger, "note") == ["a"]
    again = await ledger.stage([record("3")], scan="lead:2")
    assert (again.new, again.same) == (0, 1)


@pytest.mark.parametrize("state", [IntentState.MEANT, IntentState.IN_DOUBT, IntentState.PARKED])
@pytest.mark.parametrize("key", ["1", "2"])
async def test_names_stay_while_a_write_is_open(ledger: Ledger, state: IntentState, key: str) -> None:
    """Neither a key nor a line moves while a write of either record has no definite answer; nothing else of the commit happens."""
    await ledger.stage([record("1")], scan="lead:1")
    await ledger.commit([PutLink(link=link("1")), PutIntent(intent=intent("i1", key, part="x", state=state))])
    for change in (Rekey(kind="lead", old="1", new="2"), MoveLink(old=Ref("lead", "1"), new=Ref("lead", "2"))):
        with pytest.raises(InvariantBroken):
            await ledger.commit([PutSetting(name="s", value=1), change])
    assert await ledger.setting("s") is None
    assert [each.ref.key for each in await ledger.links_of("lead", ["1", "2"])] == ["1"]
    await ledger.commit([SettleIntent(id="i1", state=IntentState.REJECTED)])
    await ledger.commit([Rekey(kind="lead", old="1", new="2")])


async def test_a_key_that_is_taken_or_unknown_is_refused(ledger: Ledger) -> None:
    """No record swallows another, nor the lines of one that is not staged any more."""
    await ledger.stage([record("1"), record("2")], scan="lead:1")
    await ledger.commit([PutLink(link=link("3"))])
    for old, new in (("1", "2"), ("1", "3"), ("9", "8"), ("1", "1")):
        with pytest.raises(InvariantBroken):
            await ledger.commit([Rekey(kind="lead", old=old, new=new)])
    assert await pending(ledger) == ["1", "2"]


async def test_a_record_goes_up_in_another_one(ledger: Ledger) -> None:
    """What is known of it follows; a line that the other one has too stands beside it, so that what was made twice can be removed."""
    await ledger.stage([record("1"), record("2"), record("a", kind="note", parent="1")], scan="lead:1")
    await ledger.commit([
        PutIntent(intent=intent("i1")), SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="1-contacts"),
        PutLink(link=link("1")), PutLink(link=link("1", part="x", dest_kind="notes")), PutLink(link=link("2")),
        MarkVerified(ref=Ref("lead", "1"), verified="differs", checks=checks("1", [("name", Verdict.DIFFERS)])),
        PutLookup(side="src", kind="lead", id="1", values={"email": ("a@x",)}), Enqueue(item=item("q1")),
        parked("a", (await ledger.staged("note", ["a"]))["a"].seq, "lead:1", kind="note"),
    ])
    kept = (await ledger.links([Ref("lead", "2")]))[Ref("lead", "2")]
    await ledger.commit([Fold(kind="lead", old="1", into="2"), Reopen(kind="lead", keys=("2",))])
    assert [await ledger.keys("lead"), await pending(ledger), await ledger.held("lead")] == [["2"], ["2"], (1, 0)]
    assert sum(count.count for count in await ledger.counts() if count.kind == "lead") == 1
    lines = {each.ref: (each.dest_id, each.verified) for each in await ledger.links_of("lead", ["1", "2"])}
    assert lines == {
        Ref("lead", "2"): (kept.dest_id, "pending"), Ref("lead", "2", "x"): ("1-notes", "pending"),
        Ref("lead", "2", "~1-contacts"): ("1-contacts", "verified"),
    }
    assert (await ledger.links([kept.ref]))[kept.ref] == kept
    assert [each.id for each in await ledger.intents_of("lead", "2")] == ["i1"]
    assert await ledger.candidates("lead", {"email": ["a@x"]}, side="src") == []
    assert await ledger.waiting() == ["lead:2"]
    held = await ledger.item("q1")
    assert (held.key, held.present_key) == ("1", "2") if held is not None else False
    assert (await ledger.stage([record("5")], scan="lead:2")).new == 1
    assert await ledger.keys("lead") == ["2", "5"]
    await ledger.commit([PutIntent(intent=intent("i2", "5", state=IntentState.IN_DOUBT))])
    for old, into in (("2", "9"), ("9", "2"), ("2", "2"), ("2", "5"), ("5", "2")):
        with pytest.raises(InvariantBroken):
            await ledger.commit([Fold(kind="lead", old=old, into=into)])


async def test_a_line_is_handed_to_another_record(ledger: Ledger) -> None:
    """The line keeps its base, its verdicts and its writes under the new name, and is counted there."""
    await ledger.commit([
        PutIntent(intent=intent("i1")), SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="1-contacts"), PutLink(link=link("1")),
        MarkVerified(ref=Ref("lead", "1"), verified="differs", checks=checks("1", [("name", Verdict.DIFFERS), ("phone", Verdict.EQUAL)])),
    ])
    before, verdicts = (await ledger.links([Ref("lead", "1")]))[Ref("lead", "1")], await ledger.check_counts()
    home = Ref("job", "7", "main")
    await ledger.commit([MoveLink(old=Ref("lead", "1"), new=home)])
    assert await ledger.links([Ref("lead", "1"), home]) == {home: replace(before, ref=home)}
    assert [(each.ref, each.field, each.expected) for each in await ledger.checks(verdicts=["differs"])] == [(home, "name", "want name")]
    assert await ledger.check_counts() == verdicts
    assert await ledger.link_counts() == {("job", "contacts", "differs"): 1}
    assert [each.ref for each in await ledger.intents_of("job", "7")] == [home]
    await ledger.commit([PutLink(link=link("1"))])
    for old, new in ((Ref("lead", "1"), home), (Ref("lead", "9"), Ref("job", "9"))):
        with pytest.raises(InvariantBroken):
            await ledger.commit([MoveLink(old=old, new=new)])


# ------------------------------------------------------------------------------------------------ lookups


async def test_candidates_are_found_by_any_shared_value(ledger: Ledger) -> None:
    """Records are found by e-mail, phone or name, on either side, with the facts to judge them."""
    await ledger.commit([
        PutLookup(side="src", kind="contacts", id="1", values={"email": ("a@x", "b@x"), "name": ("ann",)}, info={"name": "Ann"}),
        PutLookup(side="dest", kind="contacts", id="5-contacts", values={"email": ("b@x",), "phone": ("+1",)}),
        PutLookup(side="dest", kind="accounts", id="6-accounts", values={"email": ("b@x",)}),
    ])
    found = await ledger.candidates("contacts", {"phone": ["+1"], "email": ["b@x", "none", "b@x"]})
    assert [(one.by, one.value, one.side, one.id) for one in found] == [
        ("phone", "+1", "dest", "5-contacts"), ("email", "b@x", "dest", "5-contacts"), ("email", "b@x", "src", "1")]
    assert found[2].info == {"name": "Ann"}
    assert [one.id for one in await ledger.candidates("contacts", {"email": ["b@x"]}, side="src")] == ["1"]
    assert await ledger.candidates("contacts", {}) == []


async def test_lookups_are_replaced_and_dropped_whole(ledger: Ledger) -> None:
    """Putting lookups of a record again forgets its former values; dropping forgets it altogether."""
    await ledger.commit([PutLookup(side="src", kind="contacts", id="1", values={"email": ("a@x", "a@x")})])
    await ledger.commit([PutLookup(side="src", kind="contacts", id="1", values={"email": ("c@x",)})])
    assert await ledger.candidates("contacts", {"email": ["a@x"]}) == []
    assert len(await ledger.candidates("contacts", {"email": ["c@x"]})) == 1
    await ledger.commit([DropLookup(side="src", kind="contacts", id="1"), DropLookup(side="dest", kind="contacts", id="none")])
    assert await ledger.candidates("contacts", {"email": ["c@x"]}) == []


# ------------------------------------------------------------------------------------------------ queue, marks, settings


async def test_the_queue_keeps_decisions_and_renews_details(ledger: Ledger, clock: StillClock) -> None:
    """The same cause never queues twice; a decision stays when the cause shows again, and details are renewed."""
    await ledger.commit([Enqueue(item=item("q2", blocking=True, details={"n": 1})), Enqueue(item=item("q1"))])
    await clock.sleep(1)
    await ledger.commit([ResolveItem(id="q2", decision="keep", by="uid:0")])
    await ledger.commit([Enqueue(item=item("q2", reason="still", details={"n": [2]}))])
    assert [one.id for one in await ledger.queue()] == ["q1"]
    assert [one.id for one in await ledger.queue(state=None)] == ["q2", "q1"]
    held = await ledger.item("q2")
    assert held is not None
    assert (held.state, held.decision, held.resolved_by, held.opened_at, held.resolved_at) == (
        "resolved", "keep", "uid:0", "2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z")
    assert (held.reason, held.details, held.decisions) == ("still", {"n": [2]}, ("keep", "replace"))
    assert await ledger.item("none") is None
    with pytest.raises(InvariantBroken):
        await ledger.commit([MoveMark(name="m", cursor="c"), ResolveItem(id="none", decision="keep", by="uid:0")])
    assert await ledger.mark("m") is None


async def test_the_queue_is_counted_and_narrowed_without_being_read_whole(ledger: Ledger) -> None:
    """Counts tell states, causes and what blocks apart; a named cause leaves out the others, in whatever state they are."""
    assert await ledger.queue_counts() == {}
    await ledger.commit([
        *(Enqueue(item=each) for each in (item("q1", blocking=True), item("q2"), item("q3"), item("q4", cause="to_do"))),
        ResolveItem(id="q3", decision="keep", by="uid:0"),
    ])
    assert await ledger.queue_counts() == {
        ("open", "conflict", True): 1, ("open", "conflict", False): 1, ("resolved", "conflict", False): 1, ("open", "to_do", False): 1}
    assert [one.id for one in await ledger.queue(cause="conflict")] == ["q1", "q2"]
    assert [one.id for one in await ledger.queue(state=None, cause="conflict")] == ["q1", "q2", "q3"]
    assert await ledger.queue(state="resolved", cause="to_do") == []
    assert [[one.id for one in page] async for page in ledger.items(state=None, page=3)] == [["q1", "q2", "q3"], ["q4"]]
    assert [[one.id for one in page] async for page in ledger.items(cause="conflict", page=1)] == [["q1"], ["q2"]]
    assert await ledger.decisions() == {"q3": "keep"}
    about = (await ledger.queue())[0]
    assert [one.id for one in await ledger.items_about(about.kind, [about.key, "none"])] == ["q1", "q2", "q3", "q4"]
    assert await ledger.items_about("none", [about.key]) == []


async def test_marks_and_settings_hold_their_last_value(ledger: Ledger) -> None:
    """Named values are replaced, removed by None, and listed by prefix taken literally."""
    await ledger.commit([MoveMark(name="b", cursor="1"), MoveMark(name="a", cursor="1"), MoveMark(name="b", cursor="2", note={"x": None})])
    assert [(mark.name, mark.cursor) for mark in await ledger.marks()] == [("a", "1"), ("b", "2")]
    await ledger.commit([PutSetting(name="map_1", value={"v": [1, "é"]}), PutSetting(name="map%2", value=False)])
    await ledger.commit([PutSetting(name="phase", value="probe")])
    assert await ledger.settings("map_") == {"map_1": {"v": [1, "é"]}}
    assert await ledger.setting("map%2") is False
    assert await ledger.settings_named(["phase", "map%2", "none", "phase", "map_"]) == {"map%2": False, "phase": "probe"}
    assert await ledger.settings_named([]) == {}
    await ledger.commit([PutSetting(name="phase", value=None)])
    await ledger.commit([PutSetting(name="map_1", value=None), PutSetting(name="map_1", value="back")])
    assert await ledger.setting("phase") is None
    assert await ledger.settings("") == {"map%2": False, "map_1": "back"}


# ------------------------------------------------------------------------------------------------ audit


async def test_the_audit_is_one_unbroken_chain(ledger: Ledger) -> None:
    """Entries are numbered without gaps in their order, each bound to the one before, whatever else a commit holds."""
    await ledger.commit([audit("a", before={"z": 1, "a": [None]}), MoveMark(name="m", cursor="c"), audit("b", "2", after="x", note="n")])
    await ledger.stage([record("1")], scan="lead:1", changes=[audit("c")])
    rows = await pages(ledger.audit(page=2))
    assert [(row.seq, row.entry.action) for row in rows] == [(1, "a"), (2, "b"), (3, "c")]
    assert [row.previous for row in rows] == ["", rows[0].hash, rows[1].hash]
    assert rows[0].entry.before == {"z": 1, "a": [None]}
    assert [row.entry.action for row in await ledger.audit_of("lead", "1")] == ["a", "c"]
    assert [row.entry.action for row in await ledger.audit_of("lead", "1", limit=1)] == ["c"]
    assert [row.seq for row in await pages(ledger.audit(after=2))] == [3]
    assert await ledger.verify_audit() == (3, None)


async def test_a_commit_of_nothing_is_nothing(ledger: Ledger) -> None:
    """An empty commit is fine and leaves an empty book."""
    await ledger.commit([])
    assert await ledger.counts() == []
    assert await ledger.verify_audit() == (0, None)
    assert ledger.epoch == 1


async def test_the_oldest_of_what_waits_is_told_by_kind(ledger: Ledger) -> None:
    """
    By kind the lowest number of its records that are not settled, beside the last number handed out.

    What waits for the outcome of a write is not settled yet; what is at rest, or waits for people to decide, is.
    """
    await ledger.stage([record("1"), record("2"), record("9", kind="note")], scan="lead:1")
    first, note = await seq_of(ledger, "1"), await seq_of(ledger, "9", "note")
    number, oldest = await ledger.oldest_unsettled()
    assert (oldest, number >= max(first, note)) == ({"lead": first, "note": note}, True)
    await ledger.commit([finish("1", first), finish("9", note, kind="note")])
    second = await seq_of(ledger, "2")
    assert (await ledger.oldest_unsettled())[1] == {"lead": second}
    await ledger.stage([record("3")], scan="lead:2")
    waiting = finish("2", second, state=RecordState.PARKED, disposition=None, waiting_on="doubt:i1")
    await ledger.commit([PutIntent(intent=intent("i1", "2")), waiting])
    assert (await ledger.oldest_unsettled())[1] == {"lead": second}, "pending ones do not hide it"
    await ledger.commit([SettleIntent(id="i1", state=IntentState.PARKED)])
    assert (await ledger.oldest_unsettled())[1] == {"lead": await seq_of(ledger, "3")}


async def test_a_change_of_what_is_there_waits_no_less(ledger: Ledger) -> None:
    """A record that was settled before counts as well while the write of its change is not answered: its disposition stays meanwhile."""
    await ledger.stage([record("1")], scan="lead:1")
    await ledger.commit([finish("1", await seq_of(ledger, "1"))])
    await ledger.stage([record("1", digest="d2")], scan="lead:2")
    seq = await seq_of(ledger, "1")
    changing = PutIntent(intent=intent("i1", "1", op=Op.UPDATE, dest_id="1-contacts"))
    await ledger.commit([changing, finish("1", seq, state=RecordState.PARKED, disposition=None, waiting_on="doubt:i1")])
    assert (await ledger.oldest_unsettled())[1] == {"lead": seq}
    await ledger.commit([SettleIntent(id="i1", state=IntentState.CONFIRMED), finish("1", seq)])
    assert (await ledger.oldest_unsettled())[1] == {}


async def test_records_that_are_not_read_back_in_full_are_counted_once(ledger: Ledger) -> None:
    """A record at rest counts however many of its parts wait or differ; pending ones and those without a line do not."""
    await ledger.stage([record(str(n)) for n in range(1, 6)], scan="lead:1")
    await ledger.commit([
        *[finish(str(n), await seq_of(ledger, str(n))) for n in (1, 2, 3)],
        finish("5", await seq_of(ledger, "5"), disposition=Disposition.FLAGGED, reason="why"),
        *[PutLink(link=link(str(n), part=part, dest_id=f"{n}{part}-contacts")) for n in (1, 2, 3, 4, 5) for part in ("", "2/2")],
    ])
    assert await ledger.unverified_records() == {"lead": 3}

    def judged(key: str, part: str, verdict: Verdict, state: str) -> Change:
        found = tuple(replace(check, ref=Ref("lead", key, part)) for check in checks(key, [("name", verdict)]))
        return MarkVerified(ref=Ref("lead", key, part), verified=state, checks=found)

    await ledger.commit([
        judged("1", "", Verdict.EQUAL, "verified"), judged("1", "2/2", Verdict.EQUAL, "verified"),
        judged("2", "", Verdict.EQUAL, "verified"), judged("2", "2/2", Verdict.DIFFERS, "differs"),
    ])
    assert await ledger.unverified_records() == {"lead": 2}


async def test_doubts_and_the_audit_are_counted(ledger: Ledger) -> None:
    """Writes in doubt, and those that another start left open, count by destination kind until they are settled; so does the audit."""
    assert (await ledger.doubts(), await ledger.audit_length()) == ({}, 0)
    await ledger.commit([PutIntent(intent=intent("i1")), PutIntent(intent=intent("i2", key="2")), audit("a"), audit("b")])
    await ledger.commit([SettleIntent(id="i1", state=IntentState.IN_DOUBT)])
    assert (await ledger.doubts(), await ledger.audit_length()) == ({"contacts": 1}, 2)
    await ledger.commit([PutIntent(intent=intent("i3", key="3", epoch=ledger.epoch + 1))])
    assert await ledger.doubts() == {"contacts": 2}
    await ledger.commit([SettleIntent(id=each, state=IntentState.PARKED) for each in ("i1", "i3")])
    assert await ledger.doubts() == {}
