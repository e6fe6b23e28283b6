"""A feed that tells late: what a person edited before our write is asked about all the same, whenever it shows, and for few calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from streamflow.model import Cursor, DestId, Fields, Intent, IntentState, Kind, Op, QueueItem, Ref
from streamflow.platforms.destination import Happening, position_of
from streamflow.stages import load
from streamflow.stages.batch import Write
from streamflow.stages.meanwhile import AWAITED_S, GOOD_FOR_S, KEPT_EVENTS, LATEST_S, LEFT_AT_MOST, OVERDUE_S, Meanwhile, targets
from streamflow.stages.overwritten import UNLOOKED, Done, items_of, lost_to, ours_among
from streamflow.store.change import Enqueue, PutSetting
from tests.stages.rig import PassingClock, Rig, lead, note, rig
from tests.stages.test_meanwhile import before_write, happening

US, MARY = "9-origins", "3-users"
THEIRS = "Signed by Mary"


async def overwritten(one: Rig) -> list[QueueItem]:
    return [item for item in await one.ledger.queue() if item.id.startswith("overwritten:")]


def feed_calls(one: Rig) -> list[str]:
    return [call for call in one.calls() if "events" in call]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["", "restarted"])
@pytest.mark.parametrize("after_reading", [True, False], ids=["after our reading", "under our write"])
@pytest.mark.parametrize("lag_s", [3.0, 8.0])
async def test_what_a_late_feed_shows_is_asked_about(lag_s: float, after_reading: bool, is_restarted: bool) -> None:
    """Though the look before the write saw nothing, and that after it neither: all three values are in the queue before any switch."""
    async with rig() as one:
        one.rereads = False
        await one.stage(lead("1", status="New", statusid="1"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        one.clock.account.advance(120.0)
        one.switch(events_lag_s=lag_s)
        done = before_write(
            one, lambda: one.person("edit", "contacts", person, customFields={"Lead Status": THEIRS}), after_reading=after_reading,
        )
        await one.stage(lead("1", status="Contacted", statusid="2"))
        await one.run_dry()
        assert done
        assert await overwritten(one) == [], "nothing can be known yet"
        waited_s = 0.0
        while left_s := await one.look_after():
            if is_restarted:
                await one.restart()
            waited_s += left_s
            one.clock.account.advance(left_s)
        assert lag_s <= waited_s <= 3 * lag_s
        [item] = await overwritten(one)
        assert item.cause == "conflict"
        assert [item.details[name] for name in ("field", "base", "source", "destination")] == [
            "custom:Lead Status", "New", "Contacted", THEIRS,
        ]
        assert await one.ledger.settings(UNLOOKED) == {}


async def test_a_wall_clock_that_is_set_shortens_no_look_at_a_write_without_an_answer() -> None:
    """An update whose answer never came is looked after from when it was surely there, by the clock that nobody sets."""
    async with rig(switches={"events_lag_s": 8.0}) as one:
        await one.stage(lead("1", status="New", statusid="1"))
        await one.run_dry()
        one.clock.account.advance(120.0)
        one.switch(reset_after={"match": "PATCH /rest/contacts", "times": 1})
        await one.stage(lead("1", status="Contacted", statusid="2"))
        await one.deliver()
        one.clock.ahead_s = 3_600.0
        one.clock.account.advance(30.0)
        assert await one.resolve_doubts() == 0
        [noted] = (await one.ledger.settings(UNLOOKED)).values()
        assert noted["at"] <= one.clock.steady().timestamp()


@pytest.mark.parametrize("lag_s", [0.0, 3.0, 8.0])
async def test_what_is_read_once_more_is_not_written_over(lag_s: float) -> None:
    """While people work along, a record is read by its id right before it is changed: what was edited since the first reading stays."""
    async with rig() as one:
        await one.stage(lead("1", name="Mina Before", status="New", statusid="1"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        one.clock.account.advance(120.0)
        one.switch(events_lag_s=lag_s)
        edit = partial(one.person, "edit", "contacts", person, customFields={"Lead Status": THEIRS}, jobTitle="Boss")
        assert before_write(one, edit, after_reading=True) == []
        await one.stage(lead("1", name="Mina After", status="Contacted", statusid="2"))
        await one.run_dry()
        fields = await one.fields("contacts", person)
        assert (fields["custom:Lead Status"], fields["jobTitle"]) == (THEIRS, "Boss")
        assert await overwritten(one) == []
        [asked] = await one.open_items("conflict")
        assert "Lead Status" in asked
        assert "After" in str(fields["name"]), "what nobody touched follows"


async def test_two_ways_of_reading_that_never_agree_hold_nothing_up_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that reads otherwise each time right before it is changed is left some times, then changed; the next change begins anew."""
    asked: list[DestId | None] = []

    async def otherwise(_reader: object, write: Write) -> bool:
        asked.append(write.dest_id)
        return True

    monkeypatch.setattr(load, "reads_otherwise", otherwise)
    async with rig() as one:
        await one.stage(lead("1", status="New", statusid="1"))
        await one.run_dry()
        person, looks = (await one.link("lead", "1")).dest_id, one.looks()
        monkeypatch.setattr(Rig, "looks", lambda _one: looks)      # as in a run, whose looks outlive the stages
        for status, number in (("Contacted", "2"), ("New", "1")):
            await one.stage(lead("1", status=status, statusid=number))
            for _ in range(LEFT_AT_MOST + 1):
                await one.deliver()
            assert await one.pending() == 0
            assert (await one.fields("contacts", person))["custom:Lead Status"] == status
        assert asked == [person] * 2 * (LEFT_AT_MOST + 1)


async def test_reading_once_more_costs_a_call_or_two_for_an_update() -> None:
    """One for the record and one for its custom fields where such are changed; none for what is made or edited under a condition."""
    calls: list[Counter[str]] = []
    for is_reading in (False, True):
        async with rig() as one:
            one.rereads = is_reading
            await one.stage(lead("1", status="New", statusid="1"), note("9", "1"))
            await one.run_dry()
            one.clock.account.advance(120.0)
            await one.stage(lead("1", status="Contacted", statusid="2"), note("9", "1", text="Another text"))
            one.calls()
            await one.run_dry()
            calls.append(Counter(one.calls()))
    assert calls[1] - calls[0] == Counter({"GET contacts/{id}": 1, "GET contacts/{id}/customfields": 1})
    assert calls[0] - calls[1] == Counter()


async def test_writes_are_looked_after_together_and_once() -> None:
    """Fifteen updates cost no call to the feed when they end and one when all must have shown; after that, and where none was, none."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(*[lead(str(number), status="New", statusid="1") for number in range(15)])
        await one.run_dry()
        one.clock.account.advance(60.0)
        await one.stage(*[lead(str(number), status="Contacted", statusid="2") for number in range(15)])
        one.calls()
        await one.deliver("lead")
        before_writes = feed_calls(one)
        assert len(before_writes) <= 4, "its position, and the looks before the writes"
        assert len(await one.ledger.settings(UNLOOKED)) == 15
        assert await one.look_after() == pytest.approx(5.0, abs=0.5)
        assert feed_calls(one) == []
        one.clock.account.advance(6.0)
        assert await one.look_after() == 0.0
        assert feed_calls(one) == ["GET events"]
        assert await one.ledger.settings(UNLOOKED) == {}
        await one.restart()
        assert await one.look_after() == 0.0
        assert feed_calls(one) == []
        assert await overwritten(one) == []


# ------------------------------------------------------------------------------------------------ the looks by themselves


@dataclass(slots=True)
class Late:
    """A feed whose events show when a test says so, in the order of their numbers."""

    clock: PassingClock
    events: list[tuple[float, Happening]] = field(default_factory=list)
    walks: list[int] = field(default_factory=list)                         # where each began

    async def cursor(self, *, fresh: bool = False) -> Cursor:
        return f"{max((position_of(event.id) for _, event in self.shown()), default=0)}-events|0-events"

    def shown(self) -> list[tuple[float, Happening]]:
        return [each for each in self.events if each[0] <= self.clock.monotonic()]

    def carries(self, kind: Kind) -> bool:
        return kind != "tasks"

    async def changed(self, cursor: Cursor, kinds: Sequence[Kind] = ()) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        self.walks.append(position_of(cursor))
        fresh = [event for _, event in self.shown() if position_of(event.id) > position_of(cursor) and event.kind in (kinds or event.kind)]
        page = sorted(fresh, key=lambda event: position_of(event.id))
        if page:
            yield page, page[-1].id

    def tell(self, after_s: float, number: int, actor: str, **changes: str) -> None:
        self.events.append((self.clock.monotonic() + after_s, happening(number, actor, **changes)))


@dataclass(slots=True)
class Looks:
    """The looks over a feed that a test tells what to show."""

    told_within_s: float = 0.0
    clock: PassingClock = field(default_factory=PassingClock)
    feed: Late = field(init=False)
    looks: Meanwhile = field(init=False)
    kept: dict[str, object] = field(default_factory=dict)
    asked: list[QueueItem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.feed = Late(self.clock)
        self.looks = Meanwhile(self.feed, self.clock, lambda: self.told_within_s)  # type: ignore[arg-type]

    def write(self, number: int = 1, *, seen: int = 0, kind: Kind = "contacts", now: str = "was") -> None:
        """Confirm an update of the name."""
        self.keep(self.looks.wrote(done(number, seen=seen, kind=kind, now=now, at=self.clock.now().timestamp())))

    async def after(self, seconds: float) -> list[object]:
        """Let time pass and look; answers what is asked by then."""
        self.clock.account.advance(seconds)
        self.keep(await self.looks.finish())
        return [item.details["destination"] for item in self.asked]

    def keep(self, changes: Sequence[object]) -> None:
        for change in changes:
            if isinstance(change, PutSetting):
                self.kept = {**self.kept, change.name: change.value} if change.value else {
                    name: value for name, value in self.kept.items() if name != change.name
                }
            elif isinstance(change, Enqueue):
                self.asked.append(change.item)

    def restart(self) -> None:
        """Only what was kept is left."""
        self.looks = Meanwhile(self.feed, self.clock, lambda: self.told_within_s)  # type: ignore[arg-type]
        self.looks.recall(self.kept)  # type: ignore[arg-type]


def done(number: int = 1, *, seen: int = 0, kind: Kind = "contacts", now: str = "was", name: str = "ours", at: float = 0.0) -> Done:
    intent = Intent(
        id=f"1-{number}", ref=Ref("lead", "1"), op=Op.UPDATE, dest_kind=kind, fields={"name": name}, marker="", dest_id="1-contacts",
        state=IntentState.CONFIRMED,
    )
    return Done.of(intent, seen=f"{seen}-events|0-events", now={"name": now, "title": "not written"}, at=at)


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_shows_behind_our_own_write_is_heard(is_restarted: bool) -> None:
    """The feed tells our write at once and the person's, which came before, seconds later: as long as it is known to lag it is awaited."""
    one = Looks(told_within_s=30.0)
    one.write()
    one.feed.tell(0.0, 8, US, name="ours")
    one.feed.tell(20.0, 4, MARY, name="theirs")
    assert await one.after(1.0) == []
    assert one.looks.left_s == pytest.approx(29.0)
    if is_restarted:
        one.restart()
    assert await one.after(24.0) == []
    assert await one.after(6.0) == ["theirs"]
    assert (one.looks.left_s, one.kept) == (0.0, {})
    assert one.feed.walks == [0], "one walk, once it is over"


async def test_looks_before_other_writes_lose_nothing_of_earlier_ones() -> None:
    """They go on from where the last one ended, past what shows late; a write is looked after from before it was read."""
    one = Looks(told_within_s=30.0)
    one.write()
    one.feed.tell(0.0, 8, US, name="ours")
    one.feed.tell(20.0, 4, MARY, name="theirs")
    assert await one.looks.moved({"2-contacts": "contacts"}, "0-events|0-events") == set()
    one.clock.account.advance(25.0)
    assert await one.looks.moved({"1-contacts": "contacts"}, "8-events|0-events") == set()
    await one.looks.forget()
    assert await one.after(6.0) == ["theirs"]


async def test_a_long_run_of_writes_looks_after_the_earlier_ones() -> None:
    """Where passes go on for hours, a look before a write takes along what is long due, so that it does not pile up."""
    one = Looks(told_within_s=2.0)
    one.write()
    one.feed.tell(0.0, 8, US, name="ours")
    one.clock.account.advance(OVERDUE_S)
    await one.looks.moved({"2-contacts": "contacts"}, "8-events|0-events")
    assert one.kept
    one.clock.account.advance(10.0)
    await one.looks.moved({"2-contacts": "contacts"}, "8-events|0-events")
    one.keep(one.looks.take())
    assert one.kept == {}


async def test_a_record_that_was_read_earlier_is_looked_at_from_there() -> None:
    """Looks that began later for another batch do not hide what happened before them from one that was read earlier."""
    one = Looks()
    one.feed.tell(0.0, 4, MARY, name="theirs")
    one.feed.tell(0.0, 8, MARY, title="theirs")
    assert await one.looks.moved({"1-contacts": "contacts"}, "8-events|0-events") == set()
    assert await one.looks.moved({"1-contacts": "contacts"}, "0-events|0-events") == {"1-contacts"}
    assert await one.looks.moved({"1-contacts": "contacts"}, "8-events|0-events") == set()
    assert one.feed.walks == [8, 0]


async def test_a_look_after_a_write_does_not_stand_for_what_lies_before_it() -> None:
    """It begins where that record was read; what happened between the last look and there is still looked at, for whoever read before."""
    one = Looks()
    assert await one.looks.moved({"2-contacts": "contacts"}, "0-events|0-events") == set()
    one.feed.tell(0.0, 4, MARY, title="theirs")
    one.write(seen=6)      # it has not shown yet
    assert await one.after(1.0) == []
    assert one.feed.walks == [0, 6]
    assert await one.looks.moved({"1-contacts": "contacts"}, "0-events|0-events") == {"1-contacts"}


async def test_the_switch_waits_as_long_as_the_account_is_known_to_lag() -> None:
    """Where that is longer than an account is given otherwise, a write that has not shown by then is waited for all the same."""
    one = Looks(told_within_s=3 * AWAITED_S)
    one.write()
    one.feed.tell(0.0, 8, US, name="ours")
    one.feed.tell(2 * AWAITED_S, 4, MARY, name="theirs")
    assert await one.after(2.5 * AWAITED_S) == []
    assert one.looks.left_s == pytest.approx(0.5 * AWAITED_S)
    assert await one.after(0.5 * AWAITED_S) == ["theirs"]


async def test_a_write_that_never_shows_holds_up_the_switch_for_a_while_only() -> None:
    """It is looked for less and less often, for longer than the switch waits; then the person's edits that did show are judged alone."""
    one = Looks()
    one.write()
    one.feed.tell(0.0, 4, MARY, name="theirs")
    waited_s = 0.0
    while left_s := one.looks.left_s:
        assert await one.after(left_s) == []
        waited_s += left_s
    assert AWAITED_S <= waited_s <= 2 * AWAITED_S
    assert one.kept, "it is still looked for"
    one.feed.tell(0.0, 8, US, name="ours")
    assert await one.after(LATEST_S) == ["theirs"]
    assert len(one.feed.walks) <= 12


async def test_a_clock_that_was_set_back_holds_up_nothing() -> None:
    """A write that bears a time to come is as old as can be, and so is one that an older version noted without a time."""
    one = Looks(told_within_s=30.0)
    one.keep(one.looks.wrote(done(at=one.clock.now().timestamp() + 86_400.0)))
    [noted] = one.kept.values()
    assert one.looks.left_s == 0.0
    await one.after(0.0)
    assert one.kept == {}
    assert isinstance(noted, dict)
    one.looks.recall({f"{UNLOOKED}1-7": {name: value for name, value in noted.items() if name != "at"}})
    assert one.looks.left_s == 0.0


@pytest.mark.parametrize("kind", ["tasks", "notes"])
async def test_what_cannot_show_is_not_waited_for(kind: Kind) -> None:
    """Tasks are in no feed; notes may be made anew under another id, and are written under a condition."""
    one = Looks(told_within_s=30.0)
    one.write(kind=kind)
    assert bool(one.kept) is (kind == "notes")
    await one.after(31.0)
    assert (one.looks.left_s, one.kept) == (0.0, {})


@pytest.mark.parametrize(("events", "told"), [
    ([(4, MARY, {"name": "theirs"}), (8, US, {"name": "ours"}), (12, US, {"title": "ours"})], ["theirs"]),
    ([(4, MARY, {"name": "was"}), (8, US, {"name": "ours"})], []),
    ([(4, MARY, {"name": "theirs"}), (6, MARY, {"name": "was"}), (8, US, {"name": "ours"})], []),
    ([(4, MARY, {"name": "theirs"}), (6, "7-origins", {"title": "else"})], []),
    ([(4, MARY, {"name": "theirs"}), (6, "7-origins", {"name": "else"}), (8, US, {"name": "ours"})], ["theirs"]),
    ([(4, MARY, {"name": "theirs"}), (8, "1-users", {"name": "ours"}), (12, MARY, {"name": "again"})], ["theirs"]),
    ([(4, MARY, {"name": "theirs"}), (6, MARY, {"name": "again"})], []),
    ([(8, US, {"name": "ours"}), (9, MARY, {"name": "theirs"}), (12, US, {"name": "later"})], []),
])
async def test_only_what_nobody_had_read_is_lost(events: list[tuple[int, str, dict[str, str]]], told: list[str]) -> None:
    """What we had read, what came after us, what our later writes knew of, what programs or one person replaced: none of it is."""
    one = Looks()
    one.write()
    for number, actor, changes in events:
        one.feed.tell(0.0, number, actor, **changes)
    assert await one.after(0.0) == told


def test_the_last_guess_is_what_touched_our_fields() -> None:
    """Where we write under the name of a person and no value tells ours from theirs, it is the last one; never before the end."""
    events = [happening(4, MARY, name="theirs"), happening(8, "1-users", name="[a list]"), happening(12, MARY, title="theirs")]
    assert ours_among(done(), events, guess=False) == []
    ours = ours_among(done(), events, guess=True)
    assert [item.details["destination"] for item in items_of(done(), events, ours)] == ["theirs"]
    assert sorted(lost_to(events, ours)) == ["name"]


LONG = "A very long job title that goes on and on, " * 3
WHOLE = [{"name": "work", "value": "a@x.test"}]


def sent(fields: Fields, before: Fields | None = None) -> Done:
    """Give a confirmed update of these fields, each of which held "was"."""
    intent = replace(_INTENT, fields=fields)
    return Done.of(intent, seen="0-events|0-events", now=dict.fromkeys(fields, "was"), before=before, at=5.0)


_INTENT = Intent(id="1-1", ref=Ref("lead", "1"), op=Op.UPDATE, dest_kind="contacts", fields={}, dest_id="1-contacts", seq=1)


@pytest.mark.parametrize(("fields", "events", "sure", "guessed"), [
    ({"name": "ours"}, [(4, US, {"name": "ours", "title": "x"}), (8, US, {"name": "else"})], [4], [4]),
    ({"name": "ours"}, [(4, US, {"name": "[hidden]"}), (8, US, {"title": "x"})], [4], [4]),
    ({"name": "ours"}, [(4, US, {}), (8, US, {"title": "x"})], [4], [4, 8]),
    ({"name": "ours"}, [(4, MARY, {"name": "theirs"}), (8, MARY, {"title": "x"})], [], [4]),
    ({"name": "ours"}, [(4, MARY, {"name": "ours"}), (8, US, {"title": "x"})], [], [8]),
    ({"emails": WHOLE}, [(4, MARY, {"emails": str(WHOLE)})], [], [4]),
    ({"name": LONG}, [(4, MARY, {"name": LONG[:60]}), (8, MARY, {"name": "theirs"})], [4], [4]),
    ({"name": LONG}, [(4, MARY, {"name": LONG[:59]}), (8, MARY, {"name": "theirs"})], [], [8]),
    ({"name": None}, [(4, MARY, {"name": ""}), (8, MARY, {"name": "theirs"})], [4], [4]),
    ({"custom:Lead Status": "ours"}, [(4, MARY, {"Lead Status": "ours"}), (8, MARY, {"Lead Status": "theirs"})], [4], [4]),
], ids=["what shows our value", "a program that hides it", "a program that says nothing", "people alone", "a program beside people",
        "a list", "cut short", "a beginning of it", "emptied", "a custom field"])
def test_which_events_are_our_write(
    fields: Fields, events: list[tuple[int, str, dict[str, str]]], sure: list[int], guessed: list[int],
) -> None:  # fmt: skip
    """Surely ours is what shows the value that we wrote, and what a program did to our fields or does not say; the rest is a last guess."""
    told = [happening(number, actor, **changes) for number, actor, changes in events]
    assert [event.at for event in ours_among(sent(fields), told, guess=False)] == sure
    assert [event.at for event in ours_among(sent(fields), told, guess=True)] == guessed


@pytest.mark.parametrize(("wrote", "shown", "theirs", "is_whole"), [
    ("ours", "ours", "Mary's", True),
    ("ours", "ours", LONG[:59], True),
    ("ours", "ours", LONG[:60], False),
    ("ours", "[hidden]", "Mary's", False),
    (7, "7", "Mary's", False),
])
def test_what_people_lost_is_told_with_what_may_be_given_back(wrote: Any, shown: str, theirs: str, is_whole: bool) -> None:
    """All values are in the question, and who it was; whether theirs is known in full only where the feed shows ours as we wrote it."""
    one = sent({"custom:Lead Status": wrote, "name": "x"}, before={"custom:Lead Status": "first", "other": "y"})
    events = [happening(4, MARY, **{"Lead Status": theirs}), happening(8, US, **{"Lead Status": shown})]
    [item] = items_of(one, events, events[1:])
    assert (item.cause, item.kind, item.key, item.suggested, item.decisions) == ("conflict", "lead", "1", "accept", ("accept",))
    assert item.details == {
        "field": "custom:Lead Status", "base": "was", "source": wrote, "destination": theirs, "dest_id": "1-contacts", "by": MARY,
        "before": "first", "is_whole": is_whole,
    }
    [bare] = items_of(sent({"custom:Lead Status": wrote}), events, events[1:])
    assert bare.details.keys() == item.details.keys() - {"before", "is_whole"}


def test_what_is_noted_of_a_write_is_all_that_is_needed_of_it() -> None:
    """The next start looks after it as this one would have; what an older version noted without an image has none."""
    one = sent({"name": "ours", "title": "x"}, before={"name": "first"})
    note = one.noted
    assert isinstance(note, PutSetting)
    assert Done.from_setting(note.name, note.value) == one
    older = {name: value for name, value in note.value.items() if name not in ("before", "at")}
    assert Done.from_setting(note.name, older) == replace(one, before={}, at=0.0)
    assert isinstance(one.over, PutSetting)
    assert (one.over.name, one.over.value) == (note.name, None)


async def test_a_write_that_shows_late_is_looked_at_soon_after() -> None:
    """It is looked for again within half as long as it has been waited for, so that nobody waits twice as long as the account lags."""
    one = Looks()
    one.write()
    one.feed.tell(40.0, 4, MARY, name="theirs")
    one.feed.tell(40.0, 8, US, name="ours")
    waited_s, asked = 0.0, list[object]()
    while not asked:
        left_s = one.looks.left_s
        asked, waited_s = await one.after(left_s), waited_s + left_s
    assert 40.0 <= waited_s <= 1.5 * 40.0 + GOOD_FOR_S
    assert one.looks.left_s == 0.0


async def test_a_record_that_is_changed_all_the_time_fills_no_memory() -> None:
    """Of its many changes the latest are remembered, which tell that it changed since it was read."""
    one = Looks()
    last = 2 * KEPT_EVENTS
    for number in range(1, last + 1):
        one.feed.tell(0.0, number, MARY, name=str(number))
    assert await one.looks.moved({"1-contacts": "contacts"}, f"{last - 1}-events|0-events") == {"1-contacts"}
    assert await one.looks.moved({"1-contacts": "contacts"}, "0-events|0-events") == {"1-contacts"}
    assert await one.looks.moved({"1-contacts": "contacts"}, f"{last - 1}-events|0-events") == {"1-contacts"}
    assert len(one.looks._events["1-contacts"]) == KEPT_EVENTS


def test_a_record_that_never_reads_the_same_is_written_at_last() -> None:
    """So many times it is left for another plan, then written; one that reads as it was planned begins to count anew."""
    looks = Looks().looks
    times = [looks.puts_off("1-contacts", is_other=True) for _ in range(LEFT_AT_MOST + 2)]
    assert times == [*[True] * LEFT_AT_MOST, False, True]
    assert not looks.puts_off("1-contacts", is_other=False)
    assert [looks.puts_off("1-contacts", is_other=True) for _ in range(LEFT_AT_MOST + 1)] == [*[True] * LEFT_AT_MOST, False]
    assert looks.puts_off("2-contacts", is_other=True)


async def test_what_is_in_no_feed_any_more_is_looked_after_once() -> None:
    """What an earlier version noted of a kind that no feed tells of is over with the first look."""
    one = Looks()
    note = done(kind="tasks", at=one.clock.now().timestamp()).noted
    assert isinstance(note, PutSetting)
    one.kept = {note.name: note.value}
    one.restart()
    await one.after(1.0)
    assert one.kept == {}


def test_only_what_was_read_to_be_changed_is_looked_at() -> None:
    """Not what is made, of which nobody knows yet, and nothing where a plan came to no write."""
    def write(op: Op, dest_id: str | None) -> Write:
        return Write(op=op, ref=Ref("lead", "1"), dest_kind="contacts", fields={}, marker="", dest_id=dest_id)

    writes = [write(Op.UPDATE, "1-contacts"), None, write(Op.CREATE, "2-contacts"), write(Op.DELETE, "3-contacts"), write(Op.UPDATE, None)]
    assert targets(writes) == {"1-contacts": "contacts", "3-contacts": "contacts"}


async def test_the_switch_looks_again_when_the_first_of_several_writes_is_due() -> None:
    """It waits no longer than for that one, and then for the next; a moment where one is due already."""
    one = Looks(told_within_s=30.0)
    one.write(1)
    one.clock.account.advance(10.0)
    one.write(2)
    assert one.looks.left_s == pytest.approx(20.0)
    one.clock.account.advance(25.0)
    assert one.looks.left_s == pytest.approx(0.1)


def test_who_is_no_person_loses_nothing_and_our_last_event_need_not_tell_every_field() -> None:
    """Where nobody says which events are ours they are those of programs; a later event of ours that tells of another field hides none."""
    events = [happening(4, MARY, name="theirs"), happening(8, US, name="ours"), happening(12, US, title="x")]
    assert sorted(lost_to(events)) == ["name"]
    one = sent({"name": "ours"}, before={"name": "first"})
    [item] = items_of(one, events, events[1:])
    assert item.details["is_whole"] is True
    assert sorted(lost_to([happening(4, "7-origins", name="else"), happening(8, US, name="ours")])) == []
