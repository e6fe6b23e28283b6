"""Reading into the ledger: what a pass proves, and where it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from streamflow.clock import SystemClock
from streamflow.model import Key, Page, Record
from streamflow.platforms.source import Source, Stream
from streamflow.stages.extract import Intake, Settling, is_emptied
from streamflow.stages.tally import Tally
from streamflow.store.base import Mark, StageResult
from streamflow.store.change import Change, PutSetting
from streamflow.store.memory import MemoryLedger


def bell(number: int) -> Record:
    return Record(kind="bell", key=str(number), data={"bellid": str(number)}, digest=str(number), parent="p")


class Bells:
    """A source of one kind, which shows what it is told to."""

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.size = 100                     # of a page
        self.gaps: tuple[str, ...] = ()     # of the last one

    def _page(self) -> Page:
        return Page(kind="bell", records=tuple(map(bell, self.shown)), next=None)

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        place = int(start or 0)
        while place == 0 or place < len(self.shown):
            records, place = tuple(map(bell, self.shown[place : place + self.size])), place + self.size
            is_last = place >= len(self.shown)
            yield Page(kind="bell", records=records, next=None if is_last else str(place), gaps=self.gaps if is_last else ())

    async def children(self, kind: str, parent: Key) -> Page:
        return self._page()


async def yes() -> bool:
    return True


async def parents() -> AsyncIterator[list[Key]]:
    yield ["p"]


@pytest.mark.parametrize("way", ["scan", "scan_children"])
async def test_what_a_source_forgets_is_not_missed(way: str) -> None:
    """Rows that a source keeps for a while only go without a word, even all at once; of any other stream they are missed."""
    for sweepable in (False, True):
        ledger, source = MemoryLedger(clock=SystemClock()), Bells()
        intake = Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: None)
        stream = Stream(kind="bell", reader="api", sweepable=sweepable)

        async def read(scan: str, intake: Any = intake, stream: Stream = stream) -> int:
            tally = await (intake.scan(stream, scan=scan) if way == "scan" else
                           intake.scan_children(stream, parents(), scan=scan, name="read:bell"))
            return int(tally.missed)

        source.shown = [1, 2, 3, 4, 5]
        assert await read("a") == 0
        source.shown = [4, 5]
        assert await read("b") == (3 if sweepable else 0)
        source.shown = []
        if not sweepable or way == "scan":     # all at once is not believed
            assert await read("c") == 0
        assert set(await ledger.staged("bell", ["1", "2", "3", "4", "5"])) == {"1", "2", "3", "4", "5"}


BELLS = Stream(kind="bell", reader="api")
CLOSED = "closed"


class Torn(Exception):
    """The ledger took nothing of it."""


class Brittle(MemoryLedger):
    """A ledger that takes pages with one record not at all."""

    refused = ""

    async def stage(self, records: Any, **rest: Any) -> Any:
        if self.refused in [record.key for record in records]:
            raise Torn
        return await super().stage(records, **rest)


def intake_of(ledger: MemoryLedger, source: Bells, settle: Settling | None = None) -> Intake:
    return Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: None, settle=settle)


async def closing() -> list[Change]:
    return [PutSetting(name=CLOSED, value=True)]


@pytest.mark.parametrize("way", ["scan", "scan_children"])
async def test_what_was_not_staged_is_read_again(way: str) -> None:
    """A page and the mark behind it are one: where the ledger did not take the one, the other has not moved either."""
    ledger, source = Brittle(clock=SystemClock()), Bells()
    source.shown, source.size, ledger.refused = [1, 2, 3, 4], 2, "3"
    intake = intake_of(ledger, source)

    async def read() -> Tally:
        if way == "scan":
            return await intake.scan(BELLS, scan="a", closing=closing)
        return await intake.scan_children(BELLS, parents(), scan="a", name="read:bell")

    with pytest.raises(Torn):
        await read()
    mark = await ledger.mark("read:bell")
    assert (mark.cursor if mark else "") == ("2" if way == "scan" else "")
    assert await ledger.setting(CLOSED) is None
    ledger.refused = ""
    assert (await read()).complete
    assert set(await ledger.staged("bell", ["1", "2", "3", "4"])) == {"1", "2", "3", "4"}


@pytest.mark.parametrize(("given_up", "accounted", "spared", "missed", "closed"), [
    (False, False, [], [], False),          # a gap hides anything
    (True, False, [], [], True),            # given up: the read is over, and still nobody knows whom it hides
    (True, True, ["4"], ["3"], True),       # it is known whom it may hide: all others are absent
])
async def test_a_pass_with_gaps_proves_absence_of_nobody_it_may_hide(
    given_up: bool, accounted: bool, spared: list[Key], missed: list[Key], closed: bool
) -> None:
    """Nothing is missed, and nothing closed, by a pass that did not show all there is, but as far as a person gave up the rest."""
    async def settle(stream: Stream, tally: Tally, scan: str) -> None:
        tally.given_up, tally.accounted, tally.spared = given_up, accounted, {"bell": spared}

    ledger, source = MemoryLedger(clock=SystemClock()), Bells()
    intake = intake_of(ledger, source, settle)
    source.shown = [1, 2, 3, 4]
    await intake.scan(BELLS, scan="a")
    source.shown, source.gaps = [1, 2], ("a row does not come",)
    tally = await intake.scan(BELLS, scan="b", closing=closing)
    held = await ledger.staged("bell", ["1", "2", "3", "4"])
    assert [key for key, each in sorted(held.items()) if each.missing_scans] == missed
    assert (tally.missed, await ledger.setting(CLOSED)) == (len(missed), True if closed else None)


async def test_an_empty_list_where_there_was_much_ends_nothing() -> None:
    """All rows gone at once are a fault of the source: none is missed, and the read is not closed."""
    ledger, source = MemoryLedger(clock=SystemClock()), Bells()
    intake = intake_of(ledger, source)
    source.shown = [1, 2, 3, 4]
    await intake.scan(BELLS, scan="a")
    source.shown = []
    tally = await intake.scan(BELLS, scan="b", closing=closing)
    assert not tally.complete
    assert await ledger.setting(CLOSED) is None
    assert not any(each.missing_scans for each in (await ledger.staged("bell", ["1", "2", "3", "4"])).values())


@pytest.mark.parametrize(("missed", "total", "is_doubted"), [(3, 3, False), (4, 4, True), (3, 4, False), (99, 100, False), (0, 0, False)])
def test_a_kind_that_vanished_as_a_whole_is_doubted(missed: int, total: int, is_doubted: bool) -> None:
    """Three records may well have been deleted; more of them, down to the last, are rather a list that does not come."""
    assert is_emptied(missed, total) is is_doubted


async def test_what_is_read_is_told_by_kind() -> None:
    """Each page tells how many records came, of its own kind last, also where that is none."""
    heard: list[tuple[str, int]] = []
    source, own, other = Bells(), bell(1), Record(kind="ring", key="1", data={}, digest="1")
    shown: list[tuple[Record, ...]] = [(own, other, other), (own, own), ()]

    async def pages(kind: str, start: str | None) -> AsyncIterator[Page]:
        for place, records in enumerate(shown):
            yield Page(kind="bell", records=records, next=str(place + 1) if place < len(shown) - 1 else None)

    source.pages = pages  # type: ignore[method-assign]
    ledger = MemoryLedger(clock=SystemClock())
    intake = Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: heard.append((kind, count)))
    await intake.scan(BELLS, scan="a")
    assert heard == [("ring", 2), ("bell", 1), ("bell", 2), ("bell", 0)]


def found(number: int, *, ended: bool = True) -> Tally:
    """Give what a pass found that met each thing so many times."""
    return Tally(
        read=number, new=10 + number, changed=20 + number, missed=30 + number, asked=40 + number, shown=50 + number, ended=ended,
        touched=[f"bell {number}"], touched_of={"note": [f"note {number}"]}, unknown=Counter(tone=number),
        unknown_of={"note": Counter(colour=number)}, gaps=Counter(unreadable=number),
    )


def test_two_reads_of_a_stream_are_told_as_one() -> None:
    """Whatever either of them found counts, by number and by name."""
    both = found(1)
    both.take(found(2))
    assert both == Tally(
        read=3, new=23, changed=43, missed=63, asked=83, shown=103, ended=True, touched=["bell 1", "bell 2"],
        touched_of={"note": ["note 1", "note 2"]}, unknown=Counter(tone=3), unknown_of={"note": Counter(colour=3)},
        gaps=Counter(unreadable=3),
    )


@pytest.mark.parametrize(("one", "other"), [(True, False), (False, True), (False, False)])
def test_two_reads_are_at_their_end_together(one: bool, other: bool) -> None:
    """A stream of which a part was not read to its end has not shown everything, whatever the other part did."""
    both = found(0, ended=one)
    both.take(found(0, ended=other))
    assert not both.ended
    assert not both.complete


def test_a_read_that_is_taken_in_stays_what_it_was() -> None:
    """What another read adds later is not told of the first one's list of names."""
    first, both = found(2), Tally(ended=True)
    both.take(first)
    both.take(found(3))
    assert first == found(2)


def page(*keys: str, gaps: tuple[str, ...] = (), walk: str = "") -> Page:
    records = tuple(Record(kind="bell", key=key, data={}, digest=key) for key in keys)
    return Page(
        kind="bell", records=records, next=None, gaps=gaps, walk=walk, unknown={"tone": len(keys)}, unknown_of={"note": {"colour": 1}},
    )


@pytest.mark.parametrize("names_touched", [True, False])
def test_what_a_page_brought_is_counted_and_named_by_its_kind(names_touched: bool) -> None:
    """New and changed records are counted apart; those of other kinds are always named, its own where they are asked for."""
    tally = Tally(names_touched=names_touched)
    for number in (1, 2):
        touched = (("bell", f"b{number}", 1), ("note", f"n{number}", 2))
        tally.add(page("1", "2", "3"), StageResult(new=2, changed=5, same=0, touched=touched))
    assert (tally.read, tally.new, tally.changed) == (6, 4, 10)
    assert tally.touched == (["b1", "b2"] if names_touched else [])
    assert tally.touched_of == {"note": ["n1", "n2"]}


def test_a_page_with_a_gap_is_no_answer_and_its_rows_count_all_the_same() -> None:
    """Shown are all rows; answered are the pages that hid none; each gap has its reason, and its walk through the list."""
    tally = Tally()
    tally.look(page("1", "2", walk="by name"))
    tally.look(page("3", gaps=("unreadable", "too large"), walk="by name"))
    tally.look(page(gaps=("unreadable",), walk="by date"))
    assert (tally.shown, tally.asked) == (3, 1)
    assert tally.gaps == {"unreadable": 2, "too large": 1}
    assert tally.holes == {"by name": 2, "by date": 1}
    assert tally.unknown == {"tone": 3}
    assert tally.unknown_of == {"note": {"colour": 3}}


def test_more_are_lacking_than_can_be_named() -> None:
    """A record may be met once in each walk: the walk with the most holes tells how many lack, less those that are known."""
    assert Tally(holes=Counter({"by name": 5, "by date": 3}), named=["1", "2"]).more_holes == 3
    assert Tally(named=[]).more_holes == 0


@pytest.mark.parametrize(("tally", "is_complete"), [
    (Tally(ended=True), True), (Tally(ended=False), False), (Tally(ended=True, disbelieved=True), False),
    (Tally(ended=True, gaps=Counter(x=1)), False), (Tally(ended=True, gaps=Counter(x=1), given_up=True, accounted=True), True),
    (Tally(ended=True, gaps=Counter(x=1), given_up=True), False), (Tally(ended=True, gaps=Counter(x=1), accounted=True), False),
])  # fmt: skip
def test_only_a_pass_that_showed_everything_proves_what_is_gone(tally: Tally, is_complete: bool) -> None:
    """At its end, believed, and without a gap but those that a person gave up and that hide nothing."""
    assert tally.complete is is_complete


@pytest.mark.parametrize(("tally", "is_quiet"), [
    (Tally(read=5), True), (Tally(new=1), False), (Tally(changed=1), False), (Tally(new=1, changed=1), False),
])  # fmt: skip
def test_a_pass_is_quiet_where_nothing_is_new(tally: Tally, is_quiet: bool) -> None:
    """One record that is new or changed is news."""
    assert tally.is_quiet is is_quiet


def test_a_pass_that_goes_on_knows_what_its_first_part_met() -> None:
    """What could not be read, what is not known, and how much was shown are told of the whole pass, over a restart."""
    first = Tally(unread=["p1"])
    first.look(page("1", "2", gaps=("unreadable",), walk="by name"))
    again = Tally(unread=["p0"])
    again.look(page("3", gaps=("unreadable",), walk="by name"))
    mark = Mark(name="read:bell", cursor="2", note=first.note("scan:1", ended=False), at="")
    again.recall(mark, "scan:1")
    assert again.shown == 3
    assert (again.gaps, again.holes, again.unread) == ({"unreadable": 2}, {"by name": 2}, ["p0", "p1"])
    assert (again.unknown, again.unknown_of) == ({"tone": 3}, {"note": {"colour": 2}})


@pytest.mark.parametrize(("note", "scan"), [
    (found(1).note("scan:1", ended=True), "scan:1"), (found(1).note("scan:1", ended=False), "scan:2"), (None, "scan:1"),
])  # fmt: skip
def test_another_pass_begins_with_nothing(note: dict[str, Any] | None, scan: str) -> None:
    """What one pass met is not told of the next, nor of itself once it is over."""
    tally = Tally()
    tally.recall(None if note is None else Mark(name="read:bell", cursor="2", note=note, at=""), scan)
    assert tally == Tally()


def test_a_mark_from_before_such_things_were_kept_says_nothing_of_them() -> None:
    """A ledger of an earlier version has no word of rows and gaps: the pass goes on from none."""
    tally = Tally()
    tally.recall(Mark(name="read:bell", cursor="2", note={"scan": "scan:1"}, at=""), "scan:1")
    assert tally == Tally()


def test_a_mark_keeps_no_more_than_there_is() -> None:
    """What went well is in a few words; keys that nobody knows are kept whether the list's own rows held them or others."""
    assert Tally(shown=7).note("scan:1", ended=True) == {"scan": "scan:1", "complete": True, "shown": 7}
    own, others = Tally(unknown=Counter(tone=1)), Tally(unknown_of={"note": Counter(colour=1)})
    assert own.note("s", ended=False)["unknown"] == {"tone": 1}
    assert others.note("s", ended=False)["unknown_of"] == {"note": {"colour": 1}}


async def test_what_was_read_is_in_the_audit() -> None:
    """How many records of which kind, in which pass; never whose."""
    ledger, source = MemoryLedger(clock=SystemClock()), Bells()
    source.shown = [1, 2, 3]
    await intake_of(ledger, source).scan(BELLS, scan="a")
    entries = [each.entry async for page in ledger.audit() for each in page]
    assert [(each.actor, each.kind, each.key, each.note) for each in entries if each.action == "read"] == [
        ("streamflow", "bell", "", "3 records, pass a"),
    ]
