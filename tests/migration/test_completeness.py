"""Nothing lost where the source does not answer: what was not read is never taken for empty, and holds up the switch until it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import NotFound, QuestionRefused, StreamflowError
from streamflow.migration import absence, cutover
from streamflow.migration.life import State
from streamflow.migration.owed import OWED
from streamflow.migration.precheck import precheck
from streamflow.migration.rollback import Rollback
from streamflow.model import Key, Kind, Page, Record
from streamflow.platforms.source import Stream
from streamflow.reports.reconciliation import reconciliation
from streamflow.stages.extract import PARENTS_AT_ONCE, Intake
from streamflow.stages.tally import Tally
from streamflow.store.change import MarkVerified
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage, with_terms

LAST_WORD = "the last word before the freeze"


def noted(trip: Voyage, text: str) -> bool:
    return any(text in str(row["body"]) for row in trip.live("notes").values())


def last_word(trip: Voyage, lead: Key) -> Callable[[], None]:
    """A note that is written last of all, on a lead that moves with it."""

    def write() -> None:
        trip.in_source("create", "notes", leadid=lead, note=LAST_WORD)
        trip.in_source("edit", "leads", lead, number="082 555 9998")

    return write


def refusing(trip: Voyage, refuses: Callable[[Kind, Key], bool]) -> None:
    """Let the source answer for some parents that there is no such thing."""
    original = trip.doors.children

    async def children(kind: Kind, parent: Key) -> Page:
        if refuses(kind, parent):
            raise NotFound("there is no such page", platform="leadtrekker", stream=kind)
        return await original(kind, parent)  # type: ignore[no-any-return]

    trip.doors.children = children


async def try_cutover(trip: Voyage) -> State:
    """One attempt with everybody told, that must not wait for long."""
    assert await cutover.request(trip.m, "uid:7", freeze_confirmed=True) == "started"
    await trip.phase()
    return await trip.phase()


async def closings(trip: Voyage) -> list[tuple[str, str]]:
    """Give the questions of which the audit tells that they were closed without anybody's answer, each with why."""
    entries = [each.entry async for page in trip.ledger.audit() for each in page]
    told = [each.note.rpartition(": ") for each in entries if (each.action, each.actor) == ("queue.resolved", "streamflow")]
    return [(name, why) for name, _, why in told]


async def test_a_stream_that_is_no_longer_served_holds_up_the_switch_until_it_is(tmp_path: Path) -> None:
    """Told by name in the reason, the precheck and a blocking item; served again, what was missed comes and the switch goes on."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        lead = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        await in_tail(trip)
        trip.lt.faults.merge({"missing": ["getnotes"]})
        await in_tail(trip, last_word(trip, lead))
        assert "note records" in trip.m.phase.reason
        assert "getnotes" in trip.m.phase.reason
        found = await precheck(trip.m, asks_both=True)
        assert any("note records could be read at the probe" in reason for reason in found.reasons), found.reasons
        asked = await trip.items("source_unread")
        assert all(item.blocking and item.decisions == ("waive",) for item in asked)
        assert await try_cutover(trip) is State.TAIL
        assert await trip.ledger.setting("switched") is None
        trip.lt.faults.merge({"missing": []})
        await in_tail(trip)
        assert noted(trip, LAST_WORD)
        assert not await trip.items("source_unread")
        assert {name for name, _ in await closings(trip)} >= {item.id for item in asked}
        assert await try_cutover(trip) is State.WATCH


async def test_one_parent_that_is_not_answered_stays_owed_and_blocks(tmp_path: Path) -> None:
    """A refusal for one parent is an item of its own; a drain that meets it does not end; what a person waives does not block."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        lead = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        await in_tail(trip)
        refusing(trip, lambda kind, parent: kind == "note" and parent == lead)
        await in_tail(trip, last_word(trip, lead), lambda: None)
        [item] = await trip.items("source_unread")
        assert lead in item.reason
        assert item.blocking
        assert (await trip.ledger.setting(OWED))["note"] == [lead]
        assert not (await precheck(trip.m)).may_start
        await trip.resolve(item, "waive")
        await in_tail(trip)
        assert not await trip.items("source_unread"), "a person's word about it holds as long as the failure does"
        assert await try_cutover(trip) is State.WATCH
        assert not noted(trip, LAST_WORD)


async def test_a_drain_with_a_gap_does_not_end(tmp_path: Path) -> None:
    """What fails for the first time in the drain holds it, with the reason, until it is answered; before that nothing is switched."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        lead = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        await in_tail(trip)
        is_refused = [True]
        refusing(trip, lambda kind, parent: bool(is_refused) and kind == "note" and parent == lead)
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.phase()
        await trip.stopping(trip.phase, lambda: "1 lead records cannot be read" in trip.m.phase.reason)
        assert ((await trip.ledger.setting("cutover"))["step"], await trip.ledger.setting("switched")) == ("drain", None)
        is_refused.clear()
        assert await trip.phase() is State.WATCH
        assert not await trip.items("source_unread")


async def test_a_parent_that_is_gone_itself_is_no_gap(tmp_path: Path) -> None:
    """Refused for a lead that the list of the same round does not show any more: its children are missed with it, nothing blocks."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        lead = next(row["leadid"] for row in trip.source_rows("notes"))
        trip.in_source("delete", "leads", lead)
        refusing(trip, lambda _, parent: parent == lead)
        await in_tail(trip)
        assert not await trip.items("source_unread")
        notes = [each for each in (await trip.staged("note")).values() if each.record.parent == lead]
        assert notes
        assert all(each.missing_scans for each in notes)


async def test_a_kind_that_vanished_as_a_whole_blocks_until_it_shows_again(tmp_path: Path) -> None:
    """No note at all where there were many: a blocking item that closes itself when the notes are back."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        original, is_empty = trip.doors.children, [True]

        async def children(kind: Kind, parent: Key) -> Page:
            if kind == "note" and is_empty:
                return Page(kind=kind, records=(), next=None)
            return await original(kind, parent)  # type: ignore[no-any-return]

        trip.doors.children = children
        await in_tail(trip)
        [item] = await trip.items("source_empty")
        assert item.blocking
        assert item.decisions == ("deleted",)
        is_empty.clear()
        await in_tail(trip)
        assert not await trip.items("source_empty")
        assert await closings(trip) == [(item.id, "shown again")]


@pytest.mark.parametrize("is_true", [False, True], ids=["a lie", "the truth"])
async def test_a_list_that_is_empty_all_at_once_stops_nobody_else(tmp_path: Path, is_true: bool) -> None:
    """
    The list of leads comes empty: the tail goes on and asks. It goes on by itself when they show again, nothing missed; told that all
    were removed it asks about each as about any record that is gone.
    """
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        original, is_empty = trip.doors.pages, [True]

        def pages(kind: Kind, start: str | None) -> Any:
            async def nothing() -> Any:
                yield Page(kind=kind, records=(), next=None)

            return nothing() if kind == "lead" and is_empty else original(kind, start)

        trip.doors.pages = pages
        before = await trip.staged("lead")
        for key in before if is_true else ():
            trip.in_source("delete", "leads", key)
        for _ in range(3):
            await trip.work.reader.suspects(await trip.work.reader.everything("sweep"))
        items = {item.kind: item for item in await trip.items("source_empty")}     # with the leads their children went as well
        assert (items["lead"].blocking, items["lead"].decisions) == (True, ("deleted",))
        assert "lead" not in {item.kind for item in await trip.items("deleted_at_source")}
        assert "the source shows no lead records" in await absence.told(trip.m)
        if is_true:
            for item in items.values():
                await trip.resolve(item, "deleted")
        else:
            is_empty.clear()
        for _ in range(3):
            reading = await trip.work.reader.everything("sweep")
            await trip.work.reader.suspects(reading)
            assert reading.tallies["lead"].complete
        assert not await trip.items("source_empty")
        missed = {key for key, each in (await trip.staged("lead")).items() if each.missing_scans}
        asked = {item.key for item in await trip.items("deleted_at_source") if item.kind == "lead"}
        assert missed == asked == (before.keys() if is_true else set())


async def test_what_slipped_past_the_edge_of_a_page_is_read_before_the_switch(tmp_path: Path) -> None:
    """Rows moved while the tail read: a new lead was never shown and an old one not this time. The pass after the freeze brings both."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        new = trip.in_source("create", "leads", name="Sena Slipped", email="sena.slipped@example.com")
        slipped = {new, next(key for key in await trip.staged("lead"))}
        original = trip.doors.pages

        async def pages(kind: Kind, start: str | None) -> Any:
            async for page in original(kind, start):
                yield replace(page, records=tuple(each for each in page.records if kind != "lead" or each.key not in slipped))

        trip.doors.pages = pages
        await trip.work.reader.suspects(await trip.work.reader.everything("sweep"))
        assert new not in await trip.staged("lead")
        assert not await trip.items("deleted_at_source"), "one pass that does not show it proves nothing"
        trip.doors.pages = original
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        assert await trip.ledger.links_of("lead", [new])
        assert not [key for key, each in (await trip.staged("lead")).items() if each.missing_scans]


# ------------------------------------------------------------------------------------------------ the source's own counts


async def test_the_source_is_counted_again_after_the_freeze(tmp_path: Path) -> None:
    """A record that no pass showed stands against the switch, by its kind and figures; when all is there the report says that it holds."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        hidden = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        noting, original, hides = trip.work.reader._noting, trip.work.reader._noting.pages, [True]

        async def pages(kind: Kind, start: str | None) -> Any:
            async for each in original(kind, start):
                yield replace(each, records=tuple(one for one in each.records if not hides or one.key != hidden))

        noting.pages = pages  # type: ignore[method-assign]
        assert await try_cutover(trip) is State.TAIL
        [item] = await trip.items("counts_differ")
        read, there = len(await trip.staged("lead")), len(trip.source_rows("leads"))
        assert (item.kind, there) == ("lead", read + 1)
        assert f"holds {there} lead records" in item.reason
        assert item.reason in (await trip.ledger.setting("cutover:last"))["reason"]
        hides.clear()
        await in_tail(trip)
        assert await try_cutover(trip) is State.WATCH
        assert not await trip.items("counts_differ")
        assert await closings(trip) == [(item.id, "counted again")]
        report = await reconciliation(trip.ledger, pair=trip.m.pair)
        counted = {row["kind"]: row for row in report["source_counts"]}
        assert {kind: counted[kind]["source"] for kind in ("lead", "note", "call", "email", "reminder")} == {
            kind: len(trip.source_rows(f"{kind}s")) for kind in ("lead", "note", "call", "email", "reminder")
        }  # fmt: skip
        assert {row["verdict"] for row in counted.values()} == {"holds"}
        assert report["summary"][0]["promise"] == "the source's own counts hold"
        assert report["summary"][0]["state"] == "holds"


async def test_what_the_operator_reads_off_the_screens_is_held_against_the_count(tmp_path: Path) -> None:
    """A figure that differs stops the switch and offers the way back; a person lets it pass, and the report goes on saying so."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        there = len(trip.source_rows("leads"))
        with_terms(trip, expected_counts={"lead": there + 2, "note": len(trip.source_rows("notes"))})
        assert await try_cutover(trip) is State.TAIL
        [item] = await trip.items("counts_differ")
        assert item.kind == "lead"
        assert f"its own screens show {there + 2}" in item.reason
        offer = "a rollback is offered (`rollback --dry-run`)"
        assert offer in (await trip.ledger.setting("cutover:last"))["reason"]
        assert offer in next(data["reason"] for event, data in trip.said if event == "cutover.given_up"), "by itself"
        assert (await Rollback(trip.m).undo(dry_run=True)).to_json()["deleted"], "and to be had from there"
        await trip.resolve(item, "waive")
        with_terms(trip, expected_counts={"lead": there + 3})
        await in_tail(trip)
        assert await try_cutover(trip) is State.TAIL, "these figures were let pass, and no others"
        with_terms(trip, expected_counts={"lead": there + 2, "note": len(trip.source_rows("notes"))})
        await in_tail(trip)
        assert await try_cutover(trip) is State.WATCH
        report = await reconciliation(trip.ledger, pair=trip.m.pair)
        rows = {row["kind"]: (row["expected"], row["verdict"]) for row in report["source_counts"]}
        assert (rows["lead"], rows["note"][1]) == ((there + 2, "differs"), "holds")


async def test_while_people_go_on_writing_a_count_is_told_and_holds_nothing_up(tmp_path: Path) -> None:
    """In a live cutover no two looks at the source need agree: the report says what was counted, nobody is asked."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, cutover_mode="live") as trip:
        await in_tail(trip)
        with_terms(trip, expected_counts={"lead": len(trip.source_rows("leads")) + 2})
        assert await try_cutover(trip) is State.WATCH
        assert await trip.items("counts_differ") == []
        report = await reconciliation(trip.ledger, pair=trip.m.pair)
        assert {row["kind"]: row["verdict"] for row in report["source_counts"]}["lead"] == "differs"


# ------------------------------------------------------------------------------------------------ passes with holes


class Holey:
    """A source whose pages are what the test says."""

    def __init__(self, pages: Sequence[Page], children: Callable[[Key], Page] | None = None) -> None:
        self._pages = pages
        self._children = children
        self.asked: list[Key] = []

    async def pages(self, kind: Kind, start: str | None) -> Any:
        for page in self._pages[int(start or 0) :]:
            yield page

    async def children(self, kind: Kind, parent: Key) -> Page:
        self.asked.append(parent)
        assert self._children is not None
        return self._children(parent)


def record(key: Key, parent: Key | None = None) -> Record:
    return Record(kind="note" if parent else "lead", key=key, data={"name": key}, digest=key, parent=parent)


def page(*keys: Key, following: str | None = None, gaps: tuple[str, ...] = ()) -> Page:
    return Page(kind="lead", records=tuple(record(key) for key in keys), next=following, gaps=gaps)


async def intake(trip: Voyage, source: Holey) -> Intake:
    return Intake(ledger=trip.ledger, source=source, permit=trip.m.control.permit, on_page=lambda *_: None)  # type: ignore[arg-type]


LEADS = Stream(kind="lead", reader="api")
NOTES = Stream(kind="note", reader="api", parent="lead")


async def test_a_pass_with_holes_proves_no_absence(tmp_path: Path) -> None:
    """A gap on any page, before or after a restart, and nothing counts as missed; without it the same pass misses what is not shown."""
    async with voyage(tmp_path, records=10) as trip:
        keys = [f"x{number}" for number in range(6)]
        await (await intake(trip, Holey([page(*keys)]))).scan(LEADS, scan="one")
        holed = [page("x0", following="1", gaps=("one row cannot be read",)), page("x1", following="2"), page("x2")]
        tally = await (await intake(trip, Holey(holed))).scan(LEADS, scan="two")
        assert (tally.complete, tally.ended, tally.missed, dict(tally.gaps)) == (False, True, 0, {"one row cannot be read": 1})

        class Ends(Exception):
            pass

        def first_page_only(*_: Any) -> None:
            raise Ends

        broken = Intake(ledger=trip.ledger, source=Holey(holed), permit=trip.m.control.permit, on_page=first_page_only)  # type: ignore[arg-type]
        try:
            await broken.scan(LEADS, scan="three")
        except Ends:
            pass
        again = await (await intake(trip, Holey(holed))).scan(LEADS, scan="three")
        assert (again.read, again.complete, again.missed) == (2, False, 0), "the gap before the restart is not forgotten"
        whole = await (await intake(trip, Holey([page("x0", "x1", "x2")]))).scan(LEADS, scan="four")
        assert (whole.complete, whole.missed) == (True, 3)
        assert {key: each.missing_scans for key, each in (await trip.staged("lead")).items() if each.missing_scans} == {
            "x3": 1, "x4": 1, "x5": 1,
        }  # fmt: skip


@pytest.mark.parametrize("error", [NotFound, QuestionRefused])
async def test_the_pass_over_parents_ends_where_none_of_a_group_is_answered(tmp_path: Path, error: type[StreamflowError]) -> None:
    """A missing function costs one group of calls and not one a parent; single refusals leave out their own parent only."""
    async with voyage(tmp_path, records=10) as trip:
        parents = [f"p{number:03}" for number in range(3 * PARENTS_AT_ONCE)]

        async def groups() -> Any:
            yield parents

        def gone(parent: Key) -> Page:
            raise error("no function getnotes")

        source = Holey([], gone)
        tally: Tally = await (await intake(trip, source)).scan_children(NOTES, groups(), scan="one", name="sweep:note")
        assert len(source.asked) == PARENTS_AT_ONCE
        assert tally.halted_after == parents[PARENTS_AT_ONCE - 1]
        assert (tally.complete, tally.ended, tally.unread) == (False, False, parents[:PARENTS_AT_ONCE])

        def some(parent: Key) -> Page:
            if parent == parents[5]:
                raise error("no such page")
            return Page(kind="note", records=(record(f"n{parent}", parent),), next=None)

        single = await (await intake(trip, Holey([], some))).scan_children(NOTES, groups(), scan="two", name="sweep:note")
        assert (single.ended, single.complete, single.unread, single.read) == (True, False, [parents[5]], len(parents) - 1)


async def test_what_reads_back_differently_stops_the_switch(tmp_path: Path) -> None:
    """A value that the destination does not hold as it was written leads back to the tail with the reason; once it is right, on it goes."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        link = next(each for each in await trip.ledger.links_of("lead", await trip.ledger.keys("lead")) if "phones" in each.base)
        row = trip.site.state.edit("contacts", link.dest_id)
        for phones, outcome in (([], State.TAIL), (row["phones"], State.WATCH)):
            trip.site.state.save({**trip.site.state.edit("contacts", link.dest_id), "phones": phones}, None)
            await trip.ledger.commit([MarkVerified(ref=link.ref, verified="pending")])
            await in_tail(trip)
            assert (await precheck(trip.m)).facts["differs"] == (outcome is State.TAIL)
            assert await try_cutover(trip) is outcome
            last = await trip.ledger.setting("cutover:last")
            assert outcome is State.WATCH or last["reason"].startswith("1 records read back differently"), last
