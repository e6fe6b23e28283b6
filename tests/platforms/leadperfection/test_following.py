"""Following an account: what changed, what moved no date, what is gone, and whose a record is that does not say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable
from streamflow.migration import unread
from streamflow.migration.strays import is_open
from streamflow.sandbox.leadperfection import dress
from streamflow.store.change import PutSetting, ResolveItem
from streamflow.wire.message import Attempt, Request, Response
from streamflow.wire.session import Session

from .rig import Book, Clock, Wire, reading, serving

NIGHT_S = 90_000.0


@asynccontextmanager
async def book(
    records: int = 60, *, terms: dict[str, Any] | None = None, source: dict[str, Any] | None = None, **switches: Any
) -> AsyncIterator[tuple[Wire, Book]]:  # fmt: skip
    """Serve an account, read it once and give the book it is kept in."""
    async with serving(records, **switches) as wire:
        clock = Clock()
        async with reading(wire, clock=clock, **(source or {})) as opened:
            held = Book(opened, clock, **(terms or {}))
            first = await held.begin()
            assert first.is_complete
            yield wire, held


class Stopped(Exception):
    """The daemon was told to end."""


async def test_changes_that_show_late_are_not_passed_over() -> None:
    """What a list shows half an hour after its date is found although later changes were read before."""
    async with book(60, late_visibility_s=1_800) as (wire, held):
        first, second = list(await held.held("prospect"))[:2]
        await wire.act("create", "notes", values={"cst_id": first, "note": "shows late"})
        for _ in range(2):
            wire.clock.advance(1_000.0)
            held.clock.skipped_s += 1_000.0
            await held.poll()
            await wire.act("create", "notes", values={"cst_id": second, "note": "later"})
        wire.clock.advance(1_900.0)
        held.clock.skipped_s += 1_900.0
        await held.poll()
        assert {record.data["note"] for record in (await held.held("note")).values()} >= {"shows late", "later"}


async def test_a_clock_of_the_source_that_is_set_back_loses_no_change() -> None:
    """
    By ten minutes, and what changes then is in the next round; by more than is read again each time, it comes with the latest part of the
    list, or, where its enquiry is old, with the complete read that every switch waits for.
    """
    async with book(60) as (wire, held):
        leads = await held.held("lead")
        old, *between, new = sorted(leads, key=int)
        other = next(key for key in between if leads[key].parent not in (leads[old].parent, leads[new].parent))

        async def told() -> set[str]:
            return {str(record.data["note"]) for record in (await held.held("note")).values()}

        async def passes(seconds: float) -> None:
            wire.clock.advance(seconds)
            held.clock.skipped_s += seconds
            await held.poll()

        await passes(NIGHT_S)
        await wire.switch(clock_skew_s=-600)
        await wire.act("create", "notes", values={"lds_id": other, "note": "ten minutes behind"})
        await passes(60.0)
        assert "ten minutes behind" in await told()
        await wire.switch(clock_skew_s=-5 * 3_600)
        for lead, text in ((old, "of an old enquiry"), (new, "of a new one")):
            await wire.act("create", "notes", values={"lds_id": lead, "note": text})
        await passes(60.0)
        assert not {"of an old enquiry", "of a new one"} & await told()
        await passes(NIGHT_S)
        assert "of a new one" in await told()
        assert (await held.reader.everything("drain")).is_complete
        assert "of an old enquiry" in await told()


@pytest.mark.parametrize("order", ["key", "newest", "shuffled"])
async def test_changes_of_one_time_that_fill_several_pages_are_all_read(order: str) -> None:
    """Made in one moment, more than several pages hold and than a window may, which no cut can part: all are there after one round."""
    crowded = {"prospect": {"window": {"start": "2024-11-01", "split_rows": 3}, "paging": {"size": 4}}}
    async with book(40, source={"streams": crowded}, order=order) as (wire, held):
        made = [await wire.act("create", "prospects", values={"firstname": f"One {n}", "lastname": "Moment"}) for n in range(21)]
        for key in made:
            await wire.act("create", "leads", values={"cst_id": key})
        old = [key for key in await held.held("prospect") if key not in made][:9]
        for key in old:
            await wire.act("create", "notes", values={"cst_id": key, "note": f"of {key} in that moment"})
        wire.clock.advance(60.0)
        held.clock.skipped_s += 60.0
        assert (await held.poll()).is_complete
        assert set(made) <= set(await held.held("prospect"))
        assert set(made) <= {str(record.parent) for record in (await held.held("lead")).values()}
        assert {f"of {key} in that moment" for key in old} <= {record.data["note"] for record in (await held.held("note")).values()}
        assert (await held.poll()).is_quiet


async def test_look_ups_and_the_timetable_are_not_read_in_every_round() -> None:
    """A quiet round asks for what changed alone; what rows bring anyway is looked up again after its pause, or as often as it is told."""
    asked: Counter[str] = Counter()

    def note(attempt: Attempt) -> None:
        asked[attempt.endpoint] += 1

    rare = ("SalesApi/GetSalesApptDispProd", "Leads/GetLeadsSourceSubPromoter", "SalesApi/GetSalesSchedule")
    terms = {"skip": (), "stream_poll_s": {"origin": 0.0}}
    async with book(terms=terms, source={"hook": note}) as (_, held):
        counts = []
        for passed_s in (0.0, 10.0, 900.0):
            held.clock.skipped_s += passed_s
            before = asked.copy()
            assert (await held.poll()).is_complete
            counts.append([(asked - before)[name] for name in rare])
        assert counts == [[6, 3, 1], [0, 3, 0], [6, 3, 1]]


async def test_a_poll_reads_what_changed_and_joins_it() -> None:
    """A note, a job and an appointment that are new arrive by the delta with all their parts; what is the same stays as it is."""
    async with book() as (wire, held):
        lead = next(iter(await held.held("lead")))
        before = await held.ledger.mark("delta:prospect")
        assert (await held.poll()).is_quiet
        await wire.act("create", "notes", values={"lds_id": lead, "note": "fresh"})
        job = await wire.act("create", "jobs", values={"lds_id": lead, "grossamount": "1200.0000", "jobcost": "300.0000"})
        appointment = await wire.act("create", "appointments", values={
            "lds_id": lead, "notes": "bring samples", "apptdate": "2026-12-01T10:00:00", "slr_id": "87",
        })
        found = await held.poll()
        assert not found.is_quiet
        (note,) = [record for record in (await held.held("note")).values() if record.data["note"] == "fresh"]
        assert note.data["apptdate"] == "2026-12-01 10:00:00"
        data = (await held.held("job"))[job].data
        assert (data["jobcost"], data["jbs_id"], data["grossamount"]) == ("300", "SC", "1200")
        made = (await held.held("appointment"))[appointment]
        assert (made.data["notes"], made.data["lds_id"]) == ("bring samples", lead)
        assert made.parent is not None
        moved = await held.ledger.mark("delta:prospect")
        assert before is not None
        assert moved is not None
        assert moved.cursor >= before.cursor
        assert (await held.poll()).is_quiet, "read again within the overlap, it is nothing new"
        await wire.act("edit", "appointments", appointment, values={"apptdate": "2026-12-08T10:00:00"})
        await held.poll()
        assert (await held.ledger.staged("note", [note.key]))[note.key].record.digest == note.digest, "a note is not written anew for that"


async def test_the_first_read_of_changes_begins_where_the_whole_list_began() -> None:
    """What was written while the account was first read is in the delta, however long that took."""
    async with serving(60) as wire:
        clock = Clock()
        async with reading(wire, clock=clock) as source:
            held = Book(source, clock)
            await held.begin()
            mark = await held.ledger.mark("delta:prospect")
            assert mark is not None
            assert mark.cursor == "2026-11-18 09:00:00"
            assert mark.cursor < clock.now().isoformat()


async def test_edits_that_move_no_date_are_found_at_night() -> None:
    """A flag and an address that were changed silently stay unseen by the delta and come with the latest part of the list."""
    async with book() as (wire, held):
        lead = max(await held.held("lead"), key=int)
        prospect = (await held.held("lead"))[lead].parent
        await wire.act("edit", "leads", lead, values={"sat": True, "verified": True}, silent=True)
        await wire.act("edit", "prospects", prospect, values={"address1": "9 Silent Lane"}, silent=True)
        wire.clock.advance(8 * 3_600.0)
        held.clock.skipped_s += 8 * 3_600.0
        await held.poll()
        assert (await held.held("prospect"))[str(prospect)].data["address1"] != "9 Silent Lane"
        held.clock.skipped_s += NIGHT_S
        wire.clock.advance(NIGHT_S)
        await held.poll()
        assert (await held.held("prospect"))[str(prospect)].data["address1"] == "9 Silent Lane"
        assert (await held.held("lead"))[lead].data["verified"] == "true"


async def test_dates_that_no_window_finds_are_found_by_the_whole_list() -> None:
    """Where a server passes over one of the dates, what moved it alone is in no round, and comes with the next complete read."""
    async with book(blind_bits=[131_072]) as (wire, held):
        key = next(iter(await held.held("prospect")))
        wire.clock.advance(8 * 3_600.0)
        held.clock.skipped_s += 8 * 3_600.0
        await wire.act("create", "notes", values={"cst_id": key, "note": "passed over"})
        assert (await held.poll()).is_complete
        assert (await held.reader.everything("sweep")).is_complete
        assert "passed over" in {record.data["note"] for record in (await held.held("note")).values()}


async def test_edits_of_a_prospect_that_show_as_changes_of_its_leads_come_at_once() -> None:
    """Where the server says so, a new address is in the next round and needs no night."""
    async with book(prospect_edits="lead") as (wire, held):
        lead = max(await held.held("lead"), key=int)
        prospect = (await held.held("lead"))[lead].parent
        wire.clock.advance(60.0)
        held.clock.skipped_s += 60.0
        await wire.act("edit", "prospects", prospect, values={"address1": "9 Open Lane"})
        await held.poll()
        assert (await held.held("prospect"))[str(prospect)].data["address1"] == "9 Open Lane"


@pytest.mark.parametrize("days", [3, 60])
async def test_calls_that_are_shown_for_some_days_only_are_not_gone_after_them(days: int) -> None:
    """However far back calls are told, one that was read stays, and its absence later is no deletion that anybody is asked about."""
    async with book(60, call_days=days) as (wire, held):
        before = await held.held("call")
        assert before
        for _ in range(3):
            wire.clock.advance((days + 1) * 86_400.0)
            held.clock.skipped_s += (days + 1) * 86_400.0
            assert (await held.reader.everything("sweep")).is_complete
        staged = await held.ledger.staged("call", list(before))
        assert staged.keys() == before.keys()
        assert {each.missing_scans for each in staged.values()} == {0}
        assert [item for item in await held.ledger.queue(state="open") if item.kind == "call"] == []


async def test_the_text_of_an_appointment_follows_its_change() -> None:
    """A new text, and a new time, arrive under the same id; there is one record as before."""
    async with book() as (wire, held):
        before = await held.held("appointment")
        key = next(key for key, record in before.items() if record.parent)
        await wire.act("edit", "appointments", key, values={"notes": "moved to Friday", "apptdate": "2026-12-04T11:30:00"})
        await held.poll()
        after = await held.held("appointment")
        assert set(after) == set(before)
        assert (after[key].data["notes"], after[key].data["apptdate"]) == ("moved to Friday", "2026-12-04 11:30:00")
        assert after[key].parent == before[key].parent


async def test_an_appointment_that_was_read_before_it_changed_is_not_put_back() -> None:
    """A disposition and a text that changed soon after their day was read stay as they are now, whichever list shows them next."""
    async with book(60) as (wire, held):
        key, record = next((key, each) for key, each in (await held.held("appointment")).items() if each.parent)
        await wire.act("edit", "appointments", key, values={"notes": "rang back", "disposition": "CXL"})
        for read in (held.poll, lambda: held.reader.everything("sweep"), held.poll):
            await read()
            data = (await held.held("appointment"))[key].data
            assert (data["notes"], data["disposition"]) == ("rang back", "CXL")
            assert data["salesrepname"] == record.data["salesrepname"]
        assert (await held.reader.everything("drain")).is_quiet
        assert (await held.poll()).is_quiet


async def test_a_blank_of_one_call_does_not_empty_what_the_other_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the date-range call leaves the disposition blank, or as null, the one of the enquiry's appointment stays, pass after pass."""
    tidy = dress.appointment_row

    def bare(row: Any, *rest: Any) -> Any:
        return {name: None if name.lower() == "disposition" else value for name, value in tidy(row, *rest).items()}

    async with book(60) as (_, held):
        before = await held.held("appointment")
    monkeypatch.setattr(dress, "appointment_row", bare)
    async with book(60) as (_, held):
        for read in (held.poll, lambda: held.reader.everything("sweep")):
            after = await held.held("appointment")
            assert {key: each.data["disposition"] for key, each in after.items() if each.parent} == {
                key: each.data["disposition"] for key, each in before.items() if each.parent
            }
            assert any(each.data["disposition"] for each in after.values())
            await read()
        assert (await held.poll()).is_quiet


async def test_a_meeting_is_not_read_under_another_key_while_its_text_is_held_back() -> None:
    """Where the call that tells ids answers with nothing though it told them before, its customer waits; nothing becomes two."""
    async with book(60) as (wire, held):
        before = await held.held("appointment")
        key, record = next((key, each) for key, each in before.items() if each.parent)
        await wire.switch(empty_200={"probability": 1.0, "match": "GetSalesApptDetailDateRange"})
        await wire.act("edit", "appointments", key, values={"disposition": "1Leg"})
        assert (await held.poll()).is_complete, "its id is known from before"
        assert (await held.held("appointment"))[key].data["disposition"] == "1Leg"
        await wire.act("edit", "appointments", key, values={"disposition": "CXL", "apptdate": "2026-12-04T11:30:00"})
        await wire.act("create", "notes", values={"cst_id": record.parent, "note": "rang back"})
        silent = await held.poll()
        assert [gap for gap in silent.tallies["prospect"].gaps if "appointments of" in gap]
        assert set(await held.held("appointment")) == set(before)
        await wire.switch(empty_200=None)
        assert not (await held.poll()).tallies["prospect"].gaps
        after = await held.held("appointment")
        assert (set(after), after[key].data["disposition"]) == (set(before), "CXL")
        assert "rang back" in {each.data["note"] for each in (await held.held("note")).values()}


async def test_what_no_list_shows_is_missed_and_what_one_shows_is_not() -> None:
    """A job that is gone from both lists is missed by each complete pass; one that only the flat list has is there; calls just end."""
    async with book(200) as (wire, held):
        jobs = await held.held("job")
        stray = next(key for key, record in jobs.items() if "jobcost" not in record.data)
        gone = next(key for key, record in jobs.items() if "jobcost" in record.data)
        note = next(key for key in await held.held("note") if not key.startswith("~"))
        await wire.act("delete", "jobs", gone)
        await wire.act("delete", "notes", note)
        calls_before = len(await held.held("call"))
        wire.clock.advance(8 * 86_400.0)
        held.clock.skipped_s += 8 * 86_400.0
        reading = await held.reader.everything("sweep")
        assert reading.is_complete
        staged = await held.ledger.staged("job", [stray, gone])
        assert (staged[gone].missing_scans, staged[stray].missing_scans) == (1, 0)
        assert (await held.ledger.staged("note", [note]))[note].missing_scans == 1
        ended = await held.held("call")
        assert len(ended) == calls_before
        counts = (await held.ledger.staged("call", list(ended))).values()
        assert {each.missing_scans for each in counts} == {0}, "the source forgets calls; that is no deletion"
        kept = await held.ledger.staged("appointment", list(await held.held("appointment")))
        assert {each.missing_scans for each in kept.values()} == {0}


async def test_a_merge_moves_what_was_under_the_loser() -> None:
    """What a prospect had that was merged away is what it was and names the other one as theirs, also what has no id of its own."""
    async with book() as (wire, held):
        leads = await held.held("lead")
        called = {record.parent for record in (await held.held("call")).values()}
        loser = next(record.parent for record in leads.values() if record.parent in called)
        loose = {kind: len(await held.held(kind)) for kind in ("call", "note")}
        winner = next(record.parent for record in leads.values() if record.parent not in (None, loser))
        mine = {key for key, record in leads.items() if record.parent == loser}
        jobs = {key for key, record in (await held.held("job")).items() if record.parent == loser}
        await wire.act("merge", "prospects", loser, values={"into": winner})
        await held.reader.everything("sweep")
        after = await held.held("lead")
        assert set(after) == set(leads)
        assert {after[key].parent for key in mine} == {winner}
        assert {kind: len(await held.held(kind)) for kind in loose} == loose, "none became two"
        assert loser not in {record.parent for kind in loose for record in (await held.held(kind)).values()}
        assert {(await held.held("job"))[key].parent for key in jobs} <= {winner}
        assert (await held.ledger.staged("prospect", [str(loser)]))[str(loser)].missing_scans == 1


async def test_records_that_do_not_say_whose_they_are_are_asked_about_once() -> None:
    """An appointment without a contact is known to be nobody's; a job whose row names no prospect gets it by its lead."""
    async with book(200, job_parent=False) as (_, held):
        appointments = await held.held("appointment")
        strays = [record for record in appointments.values() if record.parent is None]
        assert strays
        assert all(record.data["belongs_to"] == "nobody" and record.data["cst_id"] == "" for record in strays)
        assert not any(is_open(record) for record in appointments.values())
        jobs = await held.held("job")
        assert all(record.parent for record in jobs.values() if "jobcost" in record.data)
        asked = len([name for name, _ in held.said if name == "read.owners_asked"])
        await held.reader.everything("sweep")
        assert len([name for name, _ in held.said if name == "read.owners_asked"]) == asked


async def waive(held: Book) -> set[str]:
    """Give up all that is asked about, and say whom that names."""
    items = [item for item in await held.ledger.queue() if item.cause == "source_unread"]
    assert all(item.blocking for item in items)
    await held.ledger.commit([ResolveItem(id=item.id, decision="waive", by="uid:7") for item in items])
    return {item.key for item in items}


async def test_a_hole_proves_nothing_and_hides_nothing_but_itself_once_it_is_given_up() -> None:
    """
    While a prospect never comes, nothing is missed and no mark moves; it is asked about by its id. Given up, it alone stays away.

    Deletions of others are found then, and another that does not come is a new question, and holds the mark.
    """
    at_once = {"prospect": {"window": {"start": "2024-11-01", "step_days": 40_000}}}      # fewer calls that time out
    async with book(60, source={"timeout_s": 0.8, "streams": at_once}) as (wire, held):
        first, second, gone = sorted(await held.held("prospect"), key=int)[3:6]
        begun = await held.ledger.mark("delta:prospect")
        await wire.switch(slow={"cst_id": first, "seconds": 30.0})
        await wire.act("delete", "prospects", gone)
        held.clock.skipped_s += 600.0
        assert not (await held.reader.everything("sweep")).is_complete
        assert (await held.ledger.staged("prospect", [gone]))[gone].missing_scans == 0
        assert await held.ledger.mark("delta:prospect") == begun
        assert await waive(held) == {first}
        assert (await held.reader.everything("sweep")).is_complete
        staged = await held.ledger.staged("prospect", [first, second, gone])
        assert [staged[key].missing_scans for key in (first, second, gone)] == [0, 0, 1]
        assert {each.missing_scans for kind in ("lead", "note") for each in await held.ledger.children(kind, first)} == {0}
        moved = await held.ledger.mark("delta:prospect")
        assert moved != begun
        await wire.act("create", "notes", values={"cst_id": second, "note": "cannot be seen"})
        await wire.switch(slow={"cst_id": f"{first} {second}", "seconds": 30.0})
        held.clock.skipped_s += 600.0
        assert not (await held.poll()).is_complete
        assert await held.ledger.mark("delta:prospect") == moved
        [said] = await unread.look_again(held.migration)
        assert "of the prospect records changed from" in said
        assert first not in said
        assert not (await held.reader.everything("sweep")).is_complete
        [said] = await unread.look_again(held.migration)
        assert f"prospect {second} never comes" in said
        assert first not in said
        assert await held.ledger.mark("delta:prospect") == moved
        await wire.switch(slow=None)
        await held.poll()
        assert any(record.data["note"] == "cannot be seen" for record in (await held.held("note")).values())
        assert await held.ledger.mark("delta:prospect") != moved
        assert (await held.reader.everything("sweep")).is_complete
        assert not [item for item in await held.ledger.queue() if item.cause == "source_unread"]


async def test_a_prospect_whose_row_spoils_each_answer_costs_one_question() -> None:
    """It is asked about by its id, while others who are changed arrive; once it can be read again the question closes by itself."""
    at_once = {"prospect": {"window": {"start": "2024-11-01", "step_days": 40_000}}}      # it stands in one place of each list
    async with book(60, source={"streams": at_once}) as (wire, held):
        first, second = sorted(await held.held("prospect"), key=int)[3:5]
        await wire.switch(spoilt={"cst_id": first})
        for key in (first, second):
            await wire.act("create", "notes", values={"cst_id": key, "note": f"of {key}"})
        held.clock.skipped_s += 600.0
        assert not (await held.reader.everything("sweep")).is_complete
        assert [item.key for item in await held.ledger.queue(state="open")] == [first]
        assert held.troubles == []
        told = {record.data["note"] for record in (await held.held("note")).values()}
        assert (f"of {second}" in told, f"of {first}" in told) == (True, False)
        await wire.switch(spoilt=None)
        assert (await held.reader.everything("sweep")).is_complete
        assert not await held.ledger.queue(state="open")
        assert f"of {first}" in {record.data["note"] for record in (await held.held("note")).values()}


async def test_what_was_given_up_is_waited_for_once_and_briefly_until_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each walk asks for its page and its row once, in a short while; what is no silence is asked again; healed, it comes back."""
    silent: list[str] = []
    waited: list[float | None] = []
    usual = Session.read

    async def read(session: Session, request: Request, **rules: Any) -> Response:
        try:
            return await usual(session, request, **rules)
        except PlatformUnavailable:
            waited.append(request.timeout_s)
            raise

    def note(attempt: Attempt) -> None:
        silent.extend([attempt.endpoint] if not attempt.status else [])

    monkeypatch.setattr(Session, "read", read)
    at_once = {"prospect": {"window": {"start": "2024-11-01", "step_days": 40_000}}}
    async with book(40, source={"timeout_s": 1.2, "brief_s": 1.0, "streams": at_once, "hook": note}) as (wire, held):
        first = sorted(await held.held("prospect"), key=int)[3]
        await wire.switch(slow={"cst_id": first, "seconds": 30.0})
        await held.reader.everything("sweep")
        assert (len(silent), set(waited)) == (10, {1.2}), "two walks with a page and a row, and by its id: each of them twice"
        assert await waive(held) == {first}
        silent.clear()
        waited.clear()
        await wire.switch(fail_5xx={"every": 3})
        assert (await held.reader.everything("sweep")).is_complete
        assert (len(silent), set(waited)) == (5, {1.0})
        await wire.switch(fail_5xx=None, slow=None)
        assert (await held.reader.everything("sweep")).is_complete
        assert not [item for item in await held.ledger.queue() if item.cause == "source_unread"]


async def test_a_pass_goes_on_where_it_was_interrupted() -> None:
    """After a stop in the middle, the same pass reads on from its mark, and the delta begins where the pass began."""
    async with serving(600) as wire:
        clock = Clock()
        async with reading(wire, clock=clock) as source:
            held = Book(source, clock)
            await held.ledger.commit([PutSetting(name="coverage", value=dict.fromkeys(held.skip, "not available"))])

            heard: list[str] = []

            def stop(kind: str) -> None:
                heard.append(kind)
                if heard.count("prospect") == 2:
                    raise Stopped

            with pytest.raises(Stopped), held.reader.broken_by(stop):
                await held.reader.everything("first")
            clock.skipped_s += 3_600.0
            before = await held.held("prospect")
            assert 0 < len(before) < 120
            resumed = await held.reader.everything("first")
            assert resumed.is_complete
            assert resumed.tallies["prospect"].new > 0
            mark = await held.ledger.mark("delta:prospect")
            assert mark is not None
            assert mark.cursor == "2026-11-18 09:00:00"
            assert len(await held.held("prospect")) == 120
