"""What was written in the source after the switch, version by version: what waits for a person, and what it counts as meanwhile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from streamflow.clock import SystemClock
from streamflow.ledger_names import LATE, RETURNED, SWITCHED
from streamflow.mapping.uplinks import NO_UPLINKS, Uplinks
from streamflow.migration.decided import decided_on
from streamflow.migration.holding import Holding
from streamflow.migration.late_questions import WRITTEN_LATE
from streamflow.migration.made_again import GOES_ON, MADE_AGAIN
from streamflow.model import Disposition, Link, QueueItem, Record, RecordState, Ref, Staged
from streamflow.platforms.catalog import pair_of
from streamflow.stages.accepted import accepted_children, as_accepted, is_asked_about, is_held_late, kept, kept_by_staging, ref_of
from streamflow.stages.rekey import renamed
from streamflow.store.change import Enqueue, Finish, Missed, PutLink, PutSetting, Reopen, ResolveItem
from streamflow.store.memory import MemoryLedger

SINCE = "2026-06-01T10:00:00Z"


class Held:
    """A ledger behind the switch, and what holds in it what came late."""

    def __init__(self, links: Uplinks = NO_UPLINKS) -> None:
        async def uplinks() -> Uplinks:
            return links

        self.ledger = MemoryLedger(clock=SystemClock())
        self.touched: defaultdict[str, set[str]] = defaultdict(set)
        migration = SimpleNamespace(ledger=self.ledger, pair=pair_of("leadtrekker", "nutshell"), touched=self.touched, closing=anyio.Lock())
        self.holding = Holding(cast(Any, migration), uplinks)

    async def moved(self, key: str) -> None:
        """Let a lead be moved before the switch."""
        await self.write(key, "as it was moved")
        staged = await self.staged(key)
        done = Finish(kind="lead", key=key, seq=staged.seq, disposition=Disposition.CREATED)
        await self.ledger.commit([done, PutSetting(name=SWITCHED, value={"switched_at": SINCE})])

    async def write(self, key: str, text: str) -> None:
        """Read a version of a lead."""
        read = [Record(kind="lead", key=key, data={"name": text}, digest=f"{hash(text):016x}"[-12:])]
        await self.ledger.stage(read, scan=text, changes=await kept_by_staging(self.ledger, read))
        self.touched["lead"].add(key)

    async def staged(self, key: str) -> Staged:
        return (await self.ledger.staged("lead", [key]))[key]

    async def held(self) -> list[str]:
        """Hold what is late, and give the leads that somebody is asked about."""
        await self.holding.hold(SINCE)
        return [item.key for item in await self.ledger.queue(cause=LATE)]

    async def answer(self, item: QueueItem, decision: str) -> None:
        """Answer a question as the operator's desk does, the record pending again."""
        await self.ledger.commit([
            *await decided_on(self.ledger, item), ResolveItem(id=item.id, decision=decision, by="uid:7"),
            Reopen(kind="lead", keys=(item.key,)),
        ])

    async def answer_late(self, decision: str) -> RecordState:
        """Answer what is asked about as late, look again, and give the state of that lead; nobody is asked any more."""
        [late] = await self.ledger.queue(cause=LATE)
        await self.answer(late, decision)
        assert await self.held() == []
        return (await self.staged(late.key)).state

    async def asked(self, key: str) -> QueueItem:
        """Put another question about a lead."""
        item = QueueItem(id=f"rejected:lead:{key}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry", "waive"))
        await self.ledger.commit([Enqueue(item=item)])
        return item


async def test_a_record_that_was_moved_counts_as_moved_while_its_late_version_waits() -> None:
    """The report goes on telling what became of it; one that was never moved is flagged, so that none is without a disposition."""
    held = Held()
    await held.moved("1")
    await held.write("1", "written late")
    await held.write("2", "made late")
    assert await held.held() == ["1", "2"]
    assert [(each.state, each.disposition) for each in [await held.staged("1"), await held.staged("2")]] == [
        (RecordState.HELD, Disposition.CREATED), (RecordState.HELD, Disposition.FLAGGED),
    ]


LEFT = ("waive", "keep", "accept", "ignore", "note", "done")


@pytest.mark.parametrize(("decision", "goes"), [("retry", True), *((word, False) for word in LEFT)])
async def test_only_an_answer_that_sends_it_lets_a_record_go(decision: str, goes: bool) -> None:
    """Who leaves a record as it is has not asked for what is written in it later: that waits for a person of its own."""
    held = Held()
    await held.moved("1")
    await held.answer(await held.asked("1"), decision)
    assert (await held.held() == []) is goes
    assert ((await held.staged("1")).state is RecordState.PENDING) is goes


async def test_a_late_version_waits_for_its_own_answer_whatever_else_is_decided() -> None:
    """Held already and asked about, it is not let go by a question on the same record that is answered meanwhile."""
    held = Held()
    await held.moved("1")
    question = await held.asked("1")
    await held.write("1", "written late")
    assert await held.held() == ["1"]
    await held.answer(question, "retry")
    await held.held()
    assert (await held.staged("1")).state is RecordState.HELD
    assert await held.answer_late("take") is RecordState.PENDING


@pytest.mark.parametrize("first", ["", "ignore"])
async def test_an_answer_that_a_late_version_keeps_from_being_carried_out_is_told(first: str) -> None:
    """Whoever is asked about the late version hears what their answer means for it; each is asked once, and later versions likewise."""
    held = Held()
    await held.moved("1")
    question = await held.asked("1")
    await held.write("1", "written late")
    await held.held()
    if first:
        await held.answer((await held.ledger.queue(cause=LATE))[0], first)
        assert await held.held() == []
    await held.answer(question, "retry")
    assert await held.held() == ["1"]
    [late] = await held.ledger.queue(cause=LATE)
    assert late.reason == GOES_ON
    await held.write("1", "written later still")
    await held.held()
    [late] = await held.ledger.queue(cause=LATE)
    assert late.reason == GOES_ON, "of the version that is there by now"
    await held.answer(late, "ignore")
    assert await held.held() == []
    assert (await held.staged("1")).state is RecordState.HELD
    await held.write("1", "written last")
    await held.held()
    [late] = await held.ledger.queue(cause=LATE)
    assert late.reason == WRITTEN_LATE


async def test_who_was_told_what_an_answer_means_is_asked_no_second_time() -> None:
    """However often the record runs again meanwhile, as when people bring back what it belongs to, one question stands, as it was asked."""
    held = Held()
    await held.moved("1")
    question = await held.asked("1")
    await held.write("1", "written late")
    await held.answer(question, "retry")
    await held.held()
    [told] = await held.ledger.queue(cause=LATE)
    assert told.reason == GOES_ON
    for _ in range(3):
        await held.ledger.commit([Reopen(kind="lead", keys=("1",))])
        await held.held()
    assert await held.ledger.queue(cause=LATE) == [told]


async def test_a_version_that_is_taken_while_records_are_moved_is_the_one_that_counts() -> None:
    """Its answer comes when what is late was held already, and it is moved at once: who shares its person sees it, and no later one."""
    held = Held()
    await held.moved("1")
    await held.write("1", "written late")
    await held.held()
    await held.answer((await held.ledger.queue(cause=LATE))[0], "take")
    [moving] = await held.holding.through(SINCE, "lead", await held.ledger.pending("lead", limit=10))
    await held.ledger.commit([Finish(kind="lead", key="1", seq=moving.seq, disposition=Disposition.UPDATED)])
    await held.write("1", "written later still")
    assert await held.held() == ["1"]
    [seen] = await as_accepted(held.ledger, [await held.staged("1")])
    assert seen.record.data == {"name": "written late"}


async def test_what_counts_of_who_is_held_is_what_was_let_go_on_last() -> None:
    """The version before the late one; the one there is, where the record is only looked at again; nothing of one that was made late."""
    held = Held()
    for key in ("1", "2"):
        await held.moved(key)
    await held.write("1", "written late")
    await held.ledger.commit([Reopen(kind="lead", keys=("2",))])     # something that it looks at was written late
    await held.write("3", "made late")
    assert await held.held() == ["1", "2", "3"]
    seen = await as_accepted(held.ledger, [await held.staged(key) for key in ("1", "2", "3")])
    assert [(each.record.key, each.record.data["name"]) for each in seen] == [("1", "as it was moved"), ("2", "as it was moved")]


async def test_a_version_that_was_ignored_stays_where_it_is() -> None:
    """It is not sent when the record is looked at again for another reason, and nobody is asked twice."""
    held = Held()
    await held.moved("1")
    await held.write("1", "written late")
    await held.held()
    assert await held.answer_late("ignore") is RecordState.HELD


async def test_what_the_source_shows_no_more_is_not_called_written_late() -> None:
    """Gone since the switch it goes on counting as it was: an answer about it is about just that, and is carried out."""
    held = Held()
    await held.moved("1")
    await held.ledger.commit([Missed(kind="lead", keys=("1",)), Missed(kind="lead", keys=("1",))])
    await held.ledger.commit(await kept(held.ledger, [await held.staged("1")]))
    await held.answer(await held.asked("1"), "retry")
    assert await held.held() == []
    assert (await held.staged("1")).state is RecordState.PENDING


async def test_what_was_decided_before_the_switch_lets_nothing_go_after_it() -> None:
    """A question that was answered while the tail still ran is over: a later version of its record is a late write."""
    held = Held()
    await held.write("1", "as it was moved")
    await held.answer(await held.asked("1"), "retry")
    staged = await held.staged("1")
    since = "9999-01-01T00:00:00Z"      # the switch, behind what our clock gives the answer
    await held.ledger.commit([Finish(kind="lead", key="1", seq=staged.seq, disposition=Disposition.CREATED)])
    await held.write("1", "written late")
    await held.holding.hold(since)
    assert [item.key for item in await held.ledger.queue(cause=LATE)] == ["1"]


async def test_a_late_person_makes_no_company_before_somebody_takes_it() -> None:
    """What is held is not among those whose companies are looked at next."""
    held = Held()
    await held.moved("1")
    await held.write("2", "made late")
    await held.held()
    assert held.touched["lead"] == {"1"}


@pytest.mark.parametrize("decision", ["ignore", "take"])
async def test_what_was_said_of_a_version_is_over_also_where_the_record_goes_by_other_keys(decision: str) -> None:
    """A key made of the text changes with it: a version that the record comes back to is asked about anew, and nothing of it goes."""
    held = Held()
    await held.moved("1")
    await held.write("1", "written late")
    await held.held()
    [first] = await held.ledger.queue(cause=LATE)
    await held.answer(first, decision)
    assert await renamed(held.ledger, "lead", "1", "2")
    await held.write("2", "written later")
    assert await held.held() == ["2"]
    assert await renamed(held.ledger, "lead", "2", "1")
    await held.write("1", "written late")
    await held.held()
    assert (await held.staged("1")).state is RecordState.HELD
    assert f"{first.id}:again" in [item.id for item in await held.ledger.queue(cause=LATE)]


async def ignored_then_gone() -> tuple[Held, QueueItem, QueueItem]:
    """Let a late version be ignored, then its record be deleted in the destination; gives both questions."""
    held = Held()
    await held.moved("1")
    await held.write("1", "written late")
    await held.held()
    [late] = await held.ledger.queue(cause=LATE)
    await held.answer(late, "ignore")
    words = ("keep", "recreate")
    gone = QueueItem(
        id="gone:lead:1::9-contacts", cause="deleted_at_destination", kind="lead", key="1", reason="?", decisions=words,
        details={"dest_id": "9-contacts"},
    )
    line = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="9-contacts", base={}, ours=True)
    await held.ledger.commit([Enqueue(item=gone), PutLink(link=line)])
    return held, late, gone


async def test_what_is_to_be_made_again_is_asked_about_once_more_where_its_version_was_ignored() -> None:
    """A late version was let pass, then somebody has the record, deleted meanwhile, made again: that answer is heard, once."""
    held, late, gone = await ignored_then_gone()
    await held.answer(gone, "recreate")
    assert await held.held() == ["1"]
    [again] = await held.ledger.queue(cause=LATE)
    assert (again.id, again.reason) == (f"{late.id}:again", MADE_AGAIN)
    await held.answer(again, "ignore")
    assert await held.held() == [], "who says that it stays as it is is not asked again"
    assert (await held.staged("1")).state is RecordState.HELD


@pytest.mark.parametrize("decision", ["take", "ignore"])
async def test_an_answer_to_the_repeated_question_decides_whether_it_is_made_again(decision: str) -> None:
    """Taken, what was let pass goes after all; a record that was only to stay removed is not asked about."""
    held, _, gone = await ignored_then_gone()
    await held.answer(gone, "recreate" if decision == "take" else "keep")
    assert await held.held() == (["1"] if decision == "take" else [])
    for item in await held.ledger.queue(cause=LATE):
        await held.answer(item, decision)
    await held.held()
    assert (await held.staged("1")).state is (RecordState.PENDING if decision == "take" else RecordState.HELD)


async def test_what_hangs_on_somebody_counts_as_it_was_let_go_on_last() -> None:
    """For what follows from it: one that moved late is where it was, with what it said there, and one that was made late nowhere."""
    held = Held()
    ledger = held.ledger

    async def write(key: str, parent: str, text: str) -> None:
        read = [Record(kind="note", key=key, data={"note": text}, digest=f"{text}{parent}".ljust(8, "0"), parent=parent)]
        await ledger.stage(read, scan=text, changes=await kept_by_staging(ledger, read))

    async def seen() -> dict[str, list[str]]:
        found = await accepted_children(ledger, "note", ["1", "2"])
        return {parent: sorted(str(each.record.data["note"]) for each in notes) for parent, notes in found.items()}

    await write("11", "1", "moved")
    await write("12", "1", "stays")
    for each in (await ledger.staged("note", ["11", "12"])).values():
        await ledger.commit([Finish(kind="note", key=each.record.key, seq=each.seq, disposition=Disposition.CREATED)])
    await ledger.commit([PutSetting(name=SWITCHED, value={"switched_at": SINCE})])
    await write("11", "2", "moved late")
    await write("13", "2", "made late")
    await held.held()
    assert await seen() == {"1": ["moved", "stays"]}
    for item in await ledger.queue(cause=LATE):
        await ledger.commit([ResolveItem(id=item.id, decision="take", by="uid:7"), Reopen(kind="note", keys=(item.key,))])
    assert await held.held() == []
    assert await seen() == {"1": ["stays"], "2": ["made late", "moved late"]}


async def test_who_looks_at_a_version_that_is_taken_runs_along_and_asks_nobody() -> None:
    """Who it hung on, and who it hangs on: both are derived anew, once, by that one answer; who waits for an answer stays where it is."""
    held = Held(Uplinks(parents={"note": ("lead",)}))
    for key in ("1", "2", "3"):
        await held.moved(key)
    await held.ledger.commit([PutSetting(name=SWITCHED, value=None)])
    first = Record(kind="note", key="11", data={}, digest="first000", parent="1")
    await held.ledger.stage([first], scan="first")
    [staged] = (await held.ledger.staged("note", ["11"])).values()
    done = Finish(kind="note", key="11", seq=staged.seq, disposition=Disposition.CREATED)
    await held.ledger.commit([done, PutSetting(name=SWITCHED, value={"switched_at": SINCE})])
    later = [replace(first, digest="later000", parent="2"), Record(kind="note", key="13", data={}, digest="made0000", parent="3")]
    await held.ledger.stage(later, scan="later", changes=await kept_by_staging(held.ledger, later))
    await held.write("3", "written late")
    await held.held()
    for item in await held.ledger.queue(cause=LATE):
        if item.kind == "note":
            await held.ledger.commit([ResolveItem(id=item.id, decision="take", by="uid:7"), Reopen(kind="note", keys=(item.key,))])
    for _ in range(2):      # looked at again before anything is delivered, it is not opened once more
        assert await held.held() == ["3"]
    states = {key: (await held.staged(key)).state for key in ("1", "2", "3")}
    assert states == {"1": RecordState.PENDING, "2": RecordState.PENDING, "3": RecordState.HELD}
    for key in ("1", "2"):
        await held.ledger.commit([Finish(kind="lead", key=key, seq=(await held.staged(key)).seq, disposition=Disposition.UPDATED)])
    assert await held.held() == ["3"]
    assert {(await held.staged(key)).state for key in ("1", "2")} == {RecordState.DONE}


@pytest.mark.parametrize(("state", "ground", "is_late", "is_asked"), [
    (RecordState.HELD, LATE, True, True), (RecordState.HELD, RETURNED, False, True), (RecordState.HELD, "", False, False),
    (RecordState.PENDING, LATE, False, False), (RecordState.DONE, RETURNED, False, False),
])  # fmt: skip
def test_who_waits_for_their_own_answer_is_known_by_the_ground(state: RecordState, ground: str, is_late: bool, is_asked: bool) -> None:
    """Only while it is held: written late, or brought back by people; what is held for another reason runs again with the others."""
    record = Record(kind="lead", key="1", data={}, digest="d")
    staged = Staged(record=record, seq=1, state=state, ground=ground)
    assert (is_held_late(staged), is_asked_about(staged)) == (is_late, is_asked)
    assert ref_of(record) == Ref("lead", "1")
