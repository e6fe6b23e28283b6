"""Writes by the protocol: once, in doubt, refused, and cut short."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from streamflow.errors import (
    AccessRefused,
    InvariantBroken,
    MadeLocked,
    NotFound,
    NotPermitted,
    PlanLimit,
    PlatformUnavailable,
    RecordRejected,
    Stale,
    StreamflowError,
    Throttled,
    Uncertain,
)
from streamflow.model import (
    AuditEntry,
    Disposition,
    Ending,
    Fields,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    Record,
    RecordState,
    Ref,
    Staged,
)
from streamflow.platforms.nutshell.writer import NutshellWriter
from streamflow.stages import load
from streamflow.stages.batch import Joined, Plan, Resolved, Write
from streamflow.stages.meanwhile import Meanwhile
from streamflow.stages.planning import finish_of
from streamflow.stages.progress import Outcome, Progress, changed_from, fill_refs, names_under_way, opening, perhaps_their_own, settle
from streamflow.stages.unanswered import Weighed
from streamflow.stages.unknown import ALONE, Joiner
from streamflow.store.base import Others
from streamflow.store.change import Audit, Change, DropLink, Enqueue, Finish, Fold, PutLink, PutSetting, Reopen, SettleIntent, Wake
from tests.stages.rig import call, lead, note, reminder, rig


async def test_everything_is_made_once_and_reads_back_right() -> None:
    """Leads with children of each kind arrive once, a second run writes nothing, and all of it is verified."""
    async with rig() as one:
        await one.stage(*(lead(str(n)) for n in range(5)))
        await one.stage(note("1", "0"), note("2", "1"), call("7", "2"), reminder("8", "3"))
        await one.run_dry()
        assert len(one.live("contacts")) == 5
        assert (len(one.live("notes")), len(one.live("activities")), len(one.live("tasks"))) == (2, 1, 1)
        assert await one.verify() == {"verified": 9}
        one.calls()
        await one.stage(*(lead(str(n), custom={"zz": "1"}) for n in range(2)))
        await one.stage(*(lead(str(n)) for n in range(2)))
        await one.run_dry()
        assert not [made for made in one.calls() if not made.startswith("GET")]


@pytest.mark.parametrize("fault", ["reset_after", "late_commit", "fail_5xx", "garble_after"])
async def test_an_answer_that_was_lost_makes_no_double(fault: str) -> None:
    """A create whose answer never came is found by its marker, whether it took effect at once, late or never."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        one.switch(**{fault: {"match": "POST /rest/contacts", "times": 1, "delay_s": 5.0, "status": 503}
                      if fault in ("late_commit", "fail_5xx") else {"match": "POST /rest/contacts", "times": 1}})
        await one.stage(lead("1"), lead("2"), note("5", "1"))
        await one.deliver()
        assert len(await one.ledger.open_intents()) == 1
        await one.run_dry()
        assert sorted(row["name"] for row in one.live("contacts")) == ["Person Number1", "Person Number2"]
        assert len(one.live("notes")) == 1
        one.clock.account.advance(6.0)
        assert await one.verify() == {"verified": 3}


async def test_quiet_time_counts_from_the_doubt_and_not_from_the_intent() -> None:
    """A write that waited long for its turn is not taken for settled just because it was meant long ago."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        one.switch(late_commit={"match": "POST /rest/contacts", "times": 1, "delay_s": 5.0})
        one.switch(rate_per_s=0.02, burst=1, retry_after_s=60)
        one.site.faults.throttle()   # the bucket is empty: the write waits a minute before it goes out
        await one.stage(lead("1"))
        await one.deliver("lead")
        one.switch(rate_per_s=None)
        assert await one.resolve_doubts() == 1
        await one.run_dry()
        assert len(one.live("contacts")) == 1


async def test_a_record_in_doubt_that_changes_is_not_made_again() -> None:
    """A change in the source while the create is in doubt waits for the outcome, and is then written to the one record."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        one.switch(reset_after={"match": "POST /rest/contacts", "times": 1})
        await one.stage(lead("1"))
        await one.deliver("lead")
        await one.stage(lead("1", name="Renamed Person"))
        await one.deliver("lead")
        assert (await one.staged("lead", "1")).state is RecordState.PARKED
        await one.run_dry()
        assert [row["name"] for row in one.live("contacts")] == ["Renamed Person"]


async def test_a_crash_before_the_answer_is_a_doubt_and_no_double() -> None:
    """What a process had meant and never settled is looked for by the next one before anything is sent."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(lead("1"), note("5", "1"))
        engine = await one.engine()
        original = one.nutshell.writer.create

        async def dies(*args: object, **kwargs: object) -> str:
            await original(*args, **kwargs)  # type: ignore[arg-type]
            raise RuntimeError("the process ended here")

        one.nutshell.writer.create = dies  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            await engine.pipeline.deliver("lead", one._batches("lead"))
        one.nutshell.writer.create = original  # type: ignore[method-assign]
        await one.restart()
        await one.deliver()     # a daemon that polls first meets the open write and leaves the record alone
        assert len(one.live("contacts")) == 1
        await one.run_dry()
        assert (len(one.live("contacts")), len(one.live("notes"))) == (1, 1)


async def test_a_plan_limit_in_the_middle_keeps_what_was_confirmed() -> None:
    """At the cap the confirmed people are recorded, the rest stays pending, and the limit is raised."""
    async with rig() as one:
        await one.stage(*(lead(str(n)) for n in range(6)))
        original, made = one.nutshell.writer.create, 0

        async def capped(*args: object, **kwargs: object) -> str:
            nonlocal made
            made += 1
            if made > 3:
                raise PlanLimit("the plan is full")
            return await original(*args, **kwargs)  # type: ignore[arg-type]

        one.nutshell.writer.create = capped  # type: ignore[method-assign]
        with pytest.raises(PlanLimit):
            await one.deliver("lead")
        one.nutshell.writer.create = original  # type: ignore[method-assign]
        assert await one.dispositions("lead") == {Disposition.CREATED: 3, None: 3}
        assert await one.pending() == 3
        assert not await one.ledger.open_intents()
        await one.run_dry()
        assert len(one.live("contacts")) == 6


async def test_refused_credentials_in_the_middle_stop_and_lose_nothing() -> None:
    """A revoked key ends the run with everything confirmed on record; with the key back the rest follows."""
    async with rig(batch_size=2) as one:
        await one.stage(*(lead(str(n)) for n in range(5)))
        engine = await one.engine()
        original, sent = one.nutshell.writer.create, 0

        async def revoked(*args: object, **kwargs: object) -> str:
            nonlocal sent
            sent += 1
            one.site.keys["sandbox-key"]["revoked"] = sent > 2
            return await original(*args, **kwargs)  # type: ignore[arg-type]

        one.nutshell.writer.create = revoked  # type: ignore[method-assign]
        with pytest.raises(AccessRefused):
            await engine.pipeline.deliver("lead", one._batches("lead"))
        confirmed = (await one.ledger.intent_counts()).get(IntentState.CONFIRMED, 0)
        assert confirmed == len(one.live("contacts"))
        one.nutshell.writer.create = original  # type: ignore[method-assign]
        one.site.keys["sandbox-key"]["revoked"] = False
        one.nutshell.forgive()
        await one.run_dry()
        assert len(one.live("contacts")) == 5


async def test_throttling_is_waited_out() -> None:
    """Answers of 429 are surely not applied: the same writes go out later, once."""
    async with rig() as one:
        one.switch(rate_per_s=5.0, burst=3)
        await one.stage(*(lead(str(n)) for n in range(8)))
        await one.run_dry()
        assert len(one.live("contacts")) == 8
        assert one.site.faults.log.count_429 > 0


async def test_a_refusal_is_asked_about_again_when_a_retry_is_refused() -> None:
    """A record refused after somebody said "retry" is in the queue again, as an open question."""
    async with rig() as one:
        original = one.nutshell.writer.create

        async def picky(kind: str, fields: dict[str, object], *, author: str | None = None) -> str:
            if fields.get("name") == "Bad Person":
                raise RecordRejected("the name is refused", field="name")
            return await original(kind, fields, author=author)

        one.nutshell.writer.create = picky  # type: ignore[method-assign]
        await one.stage(lead("1", name="Bad Person"), lead("2"), note("5", "1"))
        await one.run_dry()
        [first] = await one.open_items("rejected")
        assert (await one.staged("lead", "1")).disposition is Disposition.FAILED
        assert (await one.staged("note", "5")).state is RecordState.PARKED
        await one.decide(first, "retry", reopen=Ref("lead", "1"))
        await one.run_dry()
        [second] = await one.open_items("rejected")
        assert second != first
        assert await one.dispositions("lead") == {Disposition.FAILED: 1, Disposition.CREATED: 1}
        one.nutshell.writer.create = original  # type: ignore[method-assign]
        await one.decide(second, "retry", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert await one.dispositions("lead") == {Disposition.CREATED: 2}
        assert await one.dispositions("note") == {Disposition.CREATED: 1}


async def test_what_was_confirmed_is_kept_when_the_look_before_the_next_write_fails() -> None:
    """A note in parts: after the first the feed fails; that part is in the crosswalk, nothing is in doubt, and the rest follows."""
    async with rig(flags={"note_max_chars": 80}) as one:
        await one.stage(lead("1"))
        await one.run_dry()
        cursor = one.nutshell.feed.cursor

        async def away(*, fresh: bool = False) -> str:
            if one.live("notes"):
                raise PlatformUnavailable("the feed is away", platform="nutshell")
            return await cursor(fresh=fresh)

        one.nutshell.feed.cursor = away  # type: ignore[method-assign]
        await one.stage(note("5", "1", "A long story. " * 12))
        with pytest.raises(PlatformUnavailable):
            await one.deliver("note")
        assert await one.ledger.open_intents() == []
        assert len(await one.ledger.links_of("note", ["5"])) == len(one.live("notes")) == 1
        one.nutshell.feed.cursor = cursor  # type: ignore[method-assign]
        await one.deliver("note")
        parts = len(await one.ledger.links_of("note", ["5"]))
        assert parts == len(one.live("notes")) > 1


async def test_outcomes_that_wait_to_be_written_survive_a_run_cut_short() -> None:
    """Cancelled while the ledger is about to take them, they are in it all the same: nothing is in doubt, nothing is made again."""
    async with rig() as one:
        await one.stage(lead("1"))
        commit = one.ledger.commit
        with anyio.CancelScope() as scope:

            async def cut_short(changes: Iterable[Change]) -> None:
                held = tuple(changes)
                if any(isinstance(each, SettleIntent) for each in held):
                    scope.cancel()
                await commit(held)

            one.ledger.commit = cut_short  # type: ignore[method-assign]
            await one.deliver("lead")
        one.ledger.commit = commit  # type: ignore[method-assign]
        assert scope.cancelled_caught
        assert await one.ledger.open_intents() == []
        assert (await one.link("lead", "1")).dest_id == one.live("contacts")[0]["id"]


@pytest.mark.parametrize("who", ["nobody", "edited the extra one", "edited the other", "deleted the other", "deleted the extra one"])
async def test_what_was_made_twice_of_one_record_stands_once(who: str) -> None:
    """
    The extra one is removed where nobody touched it, else asked about; where people removed the other, it takes its place.
    """
    async with rig(unqualified="lead", rule="always") as one:
        await one.stage(lead("1"), call("7", "1"), call("~7", "1"))
        await one.run_dry()
        kept, extra = (await one.link("call", "7")).dest_id, (await one.link("call", "~7")).dest_id
        if who != "nobody":
            verb, _, which = who.partition(" ")
            dest_id = extra if "extra" in which else kept
            if verb == "deleted":
                one.person("delete", "activities", dest_id)
            else:
                one.person("edit", "activities", dest_id, description="what a person wrote")
        one.clock.account.advance(60.0)
        await one.ledger.commit([Fold(kind="call", old="~7", into="7"), Reopen(kind="call", keys=("7",))])
        await one.run_dry()
        there = sorted(str(row["id"]) for row in one.live("activities"))
        items = [item for item in await one.ledger.queue() if item.cause in ("conflict", "deleted_at_destination")]
        lines = {each.ref.part: each.dest_id for each in await one.ledger.links_of("call", ["7", "~7"])}
        if who == "edited the extra one":
            assert (there, [item.details["dest_id"] for item in items]) == (sorted([kept, extra]), [extra])
            return
        survivor = extra if who == "deleted the other" else kept
        assert (there, items, lines) == ([survivor], [], {"": survivor})
        assert ("what a person wrote" in str((await one.fields("activities", survivor))["description"])) == (who == "edited the other")


async def test_a_broken_promise_of_our_own_is_not_taken_for_a_busy_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at once more before a write is offered again, what breaks within us ends the run: the record does not just come again."""
    async with rig() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        await one.stage(lead("1", name="Another Name"))
        update = one.nutshell.writer.update

        async def busy(*_: object, **__: object) -> str:
            raise Throttled("later")

        moved = Meanwhile.moved

        async def breaks(self: Meanwhile, *given: Any, at_once: bool = False) -> set[str]:
            if at_once:
                raise InvariantBroken("a position goes back")
            return await moved(self, *given)

        one.nutshell.writer.update = busy  # type: ignore[method-assign]
        monkeypatch.setattr(Meanwhile, "moved", breaks)
        with pytest.raises(InvariantBroken, match="a position goes back"):
            await one.deliver()
        monkeypatch.undo()
        one.nutshell.writer.update = update  # type: ignore[method-assign]
        await one.run_dry()
        [person] = one.live("contacts")
        assert (await one.fields("contacts", person["id"]))["name"] == "Another Name"


async def test_a_broken_promise_right_behind_a_create_makes_no_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is there already, its links are not looked after: the run ends loudly, and the next one finds it by its marker."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        async def breaks(*_: object) -> None:
            raise InvariantBroken("no id where there must be one")

        monkeypatch.setattr(NutshellWriter, "_patch", breaks)
        await one.stage(lead("1"))
        with pytest.raises(InvariantBroken, match="no id where there must be one"):
            await one.deliver()
        monkeypatch.undo()
        assert len(one.live("contacts")) == 1
        await one.run_dry()
        assert len(one.live("contacts")) == 1


async def test_a_broken_promise_beside_a_full_plan_ends_the_run() -> None:
    """Of one wave the first record meets a full plan and the second a bug: that is told, not left for when there is room."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"))
        troubles = iter([PlanLimit("no more contacts"), InvariantBroken("no id where there must be one")])

        async def fails(*_: object, **__: object) -> str:
            raise next(troubles)

        one.nutshell.writer.create = fails  # type: ignore[method-assign]
        with pytest.raises(InvariantBroken, match="no id where there must be one"):
            await one.deliver()


async def test_a_broken_promise_right_before_a_write_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read once more at the last moment: what breaks within us there is not left to a write that may go well."""
    async with rig() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        await one.stage(lead("1", name="Another Name"))

        async def breaks(*_: object) -> bool:
            raise InvariantBroken("no value where there must be one")

        monkeypatch.setattr(load, "reads_otherwise", breaks)
        with pytest.raises(InvariantBroken, match="no value where there must be one"):
            await one.deliver()


ME = Ref("lead", "1")


def staged_lead(key: str = "1", seq: int = 7) -> Staged:
    return Staged(record=Record(kind="lead", key=key, data={}, digest="d"), seq=seq, state=RecordState.PENDING)


MAKING = Write(op=Op.CREATE, ref=ME, dest_kind="contacts", fields={"name": "Nia"}, base={"name": "Nia"})
CHANGE = Write(
    op=Op.UPDATE, ref=ME, dest_kind="contacts", fields={"name": "Nia"}, dest_id="5-contacts", now={"name": "Ann", "city": "Here"},
    base={"name": "Nia"},
)
REMOVAL = Write(op=Op.DELETE, ref=Ref("lead", "1", "2/2"), dest_kind="notes", fields={}, dest_id="6-notes", now={"body": "A text"})


def begun(*writes: Write, joined: tuple[Joined, ...] = (), seen: str = "") -> Progress:
    """Give the writes of a lead, with the intent for the first of them."""
    staged = staged_lead()
    finish = finish_of(staged, disposition=Disposition.CREATED)
    track = Progress(Plan(staged=staged, writes=writes, finish=finish, joined=joined), seen=seen)
    if (write := track.next) is not None:
        track.intent = Intent(
            id="i1", ref=write.ref, op=write.op, dest_kind=write.dest_kind, fields=write.fields, dest_id=write.dest_id, seq=7,
        )
    return track


def settled(track: Progress, outcome: Outcome) -> list[Change]:
    return settle(track, outcome, phase="tail", at="2026-06-01T10:00:00Z", since="2026-06-01T09:00:00Z", written={})


def audited(write: Write, state: str, dest_id: str = "", before: Fields | None = None) -> Audit:
    return Audit(entry=AuditEntry(
        actor="streamflow", action=f"write.{write.op.value}.{state}", kind="lead", key="1", dest_id=dest_id, before=before,
        after=write.fields, note=write.dest_kind,
    ))  # fmt: skip


def test_a_record_that_was_made_is_in_the_crosswalk_the_audit_and_done() -> None:
    """All of it is one commit: the outcome, who wrote what, the line with its base, the disposition, and who waited for it goes on."""
    track = begun(MAKING)
    assert settled(track, Outcome(state=IntentState.CONFIRMED, dest_id="5-contacts")) == [
        SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="5-contacts"), audited(MAKING, "confirmed", "5-contacts"),
        PutLink(link=Link(
            ref=ME, dest_kind="contacts", dest_id="5-contacts", base={"name": "Nia"}, ours=True, phase="tail",
            written_at="2026-06-01T10:00:00Z",
        )),
        Finish(kind="lead", key="1", seq=7, state=RecordState.DONE, disposition=Disposition.CREATED), Wake(on=("lead:1",)),
    ]
    assert (track.next, track.stopped, track.has_moved, track.ids) == (None, False, True, {ME: "5-contacts"})


def test_a_change_that_was_carried_out_tells_what_it_replaced() -> None:
    """The audit holds what was there and what was written, of the fields that were written; the meaning of the write is done with."""
    assert settled(begun(CHANGE), Outcome(state=IntentState.CONFIRMED, dest_id="5-contacts"))[:3] == [
        SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="5-contacts"), PutSetting(name="meant:i1", value=None),
        audited(CHANGE, "confirmed", "5-contacts", {"name": "Ann"}),
    ]
    assert [changed_from(each) for each in (MAKING, CHANGE, REMOVAL)] == [None, {"name": "Ann"}, {"body": "A text"}]


def test_the_image_of_what_was_there_before_us_is_what_the_audit_tells() -> None:
    """Of a record of theirs it holds what a rollback gives back, not what an earlier write of ours had put there."""
    theirs = replace(CHANGE, before={"name": "Theirs"}, ours=False)
    assert audited(CHANGE, "confirmed", "5-contacts", {"name": "Theirs"}) in settled(
        begun(theirs), Outcome(state=IntentState.CONFIRMED, dest_id="5-contacts"),
    )


def test_what_was_removed_leaves_the_crosswalk() -> None:
    """Its line goes, with the outcome; more of the plan is to come, so the record is not done with."""
    track = begun(REMOVAL, CHANGE)
    changes = settled(track, Outcome(state=IntentState.CONFIRMED, dest_id="6-notes"))
    assert DropLink(ref=REMOVAL.ref) in changes
    assert not [each for each in changes if isinstance(each, Finish | PutLink)]
    assert (track.next, track.has_moved) == (CHANGE, False)


def test_a_write_in_doubt_parks_its_record_until_the_outcome_is_known() -> None:
    """Since when is noted by the steady clock; nothing is asked yet, and nothing more of the plan is sent."""
    track = begun(CHANGE, REMOVAL)
    assert settled(track, Outcome(state=IntentState.IN_DOUBT, error=Uncertain("no answer"))) == [
        SettleIntent(id="i1", state=IntentState.IN_DOUBT, reason="no answer", unknown_since="2026-06-01T09:00:00Z"),
        audited(CHANGE, "in_doubt", before={"name": "Ann"}),
        Finish(kind="lead", key="1", seq=7, state=RecordState.PARKED, waiting_on="doubt:i1", reason="outcome of a write unknown",
               ground=ALONE),
    ]  # fmt: skip
    assert (track.next, track.stopped, track.has_moved) == (None, True, True)


@pytest.mark.parametrize(("error", "reason", "why"), [
    (RecordRejected("no such stage"), "no such stage", "contacts update: no such stage"),
    (None, "refused", "contacts update: the destination refused the record"),
])
@pytest.mark.parametrize("question", ["", "rejected:lead:1::again"])
def test_a_record_that_is_refused_has_failed_and_a_person_is_asked(
    error: RecordRejected | None, reason: str, why: str, question: str
) -> None:
    """Once, under the name that the plan knows for it, with the reason and what can be done; nothing more of the plan is sent."""
    track = begun(CHANGE)
    track.question = question
    changes = settled(track, Outcome(state=IntentState.REJECTED, error=error))
    assert changes[0] == SettleIntent(id="i1", state=IntentState.REJECTED, reason=error.message if error else "")
    assert changes[-2:] == [
        Finish(kind="lead", key="1", seq=7, disposition=Disposition.FAILED, reason=reason),
        Enqueue(item=QueueItem(
            id=question or "rejected:lead:1:", cause="rejected", kind="lead", key="1", reason=why, decisions=("retry", "waive"),
            suggested="retry",
        )),
    ]
    assert (track.next, track.has_moved) == (None, True)


JOINED = (Joined(staged=staged_lead("2", 8), reason="the same address"),)


def test_a_refused_create_for_two_is_tried_by_itself() -> None:
    """Whose value was refused is not known: nobody has failed, the record is made anew alone, and what was meant is forgotten."""
    track = begun(MAKING, joined=JOINED)
    changes = settled(track, Outcome(state=IntentState.REJECTED, error=RecordRejected("no")))
    assert changes == [
        SettleIntent(id="i1", state=IntentState.REJECTED, reason="no"), PutSetting(name="meant:i1", value=None),
        audited(MAKING, "rejected"),
        Finish(kind="lead", key="1", seq=7, state=RecordState.PENDING, reason="refused together with those it is one person with",
               ground=ALONE),
    ]  # fmt: skip


def test_who_is_in_a_create_is_meant_with_it() -> None:
    """Only with the create of the main record: what follows it, and the create of a further part, bring nobody a line."""
    joiners = (Joiner(key="2", seq=8, reason="the same address"),)
    part = replace(MAKING, ref=Ref("lead", "1", "2/2"))
    assert [begun(each, joined=JOINED).meaning.joiners for each in (MAKING, part, CHANGE)] == [joiners, (), ()]


def test_what_was_read_before_a_change_is_meant_with_it() -> None:
    """Where the feed stood counts for records that were there; of what was there the fields that are written."""
    meaning = begun(replace(CHANGE, phase="adopted"), seen="9").meaning
    assert (meaning.seen, meaning.now, meaning.phase) == ("9", {"name": "Ann"}, "adopted")
    assert begun(MAKING, seen="9").meaning.seen == ""


def test_a_write_that_was_not_sent_leaves_its_record_as_it_was() -> None:
    """It comes again, with no disposition and no question; the intent says why."""
    track = begun(CHANGE)
    assert settled(track, Outcome(state=IntentState.ABANDONED, unsent="changed since it was read")) == [
        SettleIntent(id="i1", state=IntentState.ABANDONED, reason="changed since it was read"), PutSetting(name="meant:i1", value=None),
        audited(CHANGE, "abandoned", before={"name": "Ann"}),
    ]
    assert (track.next, track.has_moved) == (None, False)


def test_a_try_in_vain_is_counted_in_the_ledger() -> None:
    """What people are told of it is what was weighed, and so a restart does not begin the count anew."""
    weighed = Weighed(reason="sent 2 times", ending=Ending.COUNTED)
    changes = settled(begun(CHANGE), Outcome(state=IntentState.ABANDONED, error=PlatformUnavailable("503"), weighed=weighed))
    assert changes[0] == SettleIntent(id="i1", state=IntentState.ABANDONED, reason="sent 2 times", ending=Ending.COUNTED)


def test_a_record_that_is_locked_is_made_and_somebody_is_told() -> None:
    """It is there and in the crosswalk; whoever has the plan of the account learns which one nobody can work with, and why."""
    error = MadeLocked("no room for more people", dest_id="5-contacts", hint="ask for more")
    changes = settled(begun(MAKING), Outcome(state=IntentState.CONFIRMED, dest_id="5-contacts", error=error))
    assert any(isinstance(each, PutLink) for each in changes)
    assert changes[-1] == Enqueue(item=QueueItem(
        id="locked:lead:1:", cause="locked", kind="lead", key="1", reason="5-contacts: no room for more people; ask for more",
        decisions=("accept",), suggested="accept", details={"dest_id": "5-contacts"},
    ))


@pytest.mark.parametrize(("error", "ending", "stops"), [
    (None, None, False), (Throttled("wait"), None, True), (PlatformUnavailable("503"), None, True), (Uncertain("?"), None, False),
    (RecordRejected("no"), None, False), (NotFound("gone"), None, False), (Stale("old"), None, False),
    (PlatformUnavailable("503"), Ending.COUNTED, False), (PlatformUnavailable("503"), Ending.UNCOUNTED, True),
])  # fmt: skip
def test_only_what_concerns_everybody_stops_the_run(error: StreamflowError | None, ending: Ending | None, stops: bool) -> None:
    """A record's own affair costs no other record anything, as long as others were taken at the same time."""
    weighed = None if ending is None else Weighed(reason="", ending=ending)
    assert Outcome(state=IntentState.ABANDONED, error=error, weighed=weighed).stops is stops


def test_what_a_plan_ties_without_a_write_is_told() -> None:
    """Each line is in the audit, as what it is: merged into another's record, there before us, or as it was."""
    ours = Link(ref=ME, dest_kind="contacts", dest_id="5-contacts", base={}, ours=True)
    lines = (ours, replace(ours, ours=False), replace(ours, ours=False, before={}))
    changes = opening(Plan(staged=staged_lead(), links=lines, writes=(MAKING,), finish=finish_of(staged_lead())))
    assert changes == [each for line, word in zip(lines, ("unchanged", "merged", "matched"), strict=True) for each in (
        PutLink(link=line),
        Audit(entry=AuditEntry(actor="streamflow", action="link", kind="lead", key="1", dest_id="5-contacts", note=word)),
    )]  # fmt: skip


@pytest.mark.parametrize(("state", "is_done"), [(RecordState.DONE, True), (RecordState.HELD, False)])
def test_a_record_that_needs_no_write_has_its_disposition_at_once(state: RecordState, is_done: bool) -> None:
    """The audit says which one and why; only one that is done wakes whoever waited for it."""
    finish = finish_of(staged_lead(), state=state, disposition=Disposition.FLAGGED, reason="asked")
    assert opening(Plan(staged=staged_lead(), finish=finish)) == [
        finish, *([Wake(on=("lead:1",))] if is_done else []),
        Audit(entry=AuditEntry(actor="streamflow", action=f"record.{state.value}", kind="lead", key="1", note="flagged asked")),
    ]
    assert Progress(Plan(staged=staged_lead(), finish=finish)).has_moved
    assert not Progress(Plan(staged=staged_lead())).has_moved
    assert not Progress(Plan(staged=staged_lead(), writes=(MAKING,), finish=finish)).has_moved
    assert Progress(Plan(staged=staged_lead(), changes=(finish,))).has_moved


def test_others_are_kept_from_what_a_plan_writes_to() -> None:
    """The records it changes, and its own; a plan that writes nothing stands in nobody's way."""
    plans = (Plan(staged=staged_lead("1"), writes=(MAKING, CHANGE)), Plan(staged=staged_lead("2")))
    assert names_under_way(Resolved(kind="lead", plans=plans)) == {"5-contacts", "lead:1"}


def test_what_was_made_is_named_in_what_follows() -> None:
    """References to parts of the same record become ids, alone and in lists; others, and texts, stay."""
    made, other = Ref("lead", "1"), Ref("lead", "2")
    fields = {"link:lead": made, "link:tags": [made, other, "1-tags"], "link:none": other, "name": made}
    assert fill_refs(fields, {made: "5-contacts"}) == {
        "link:lead": "5-contacts", "link:tags": ["5-contacts", other, "1-tags"], "link:none": other, "name": made,
    }


def wave(*outcomes: tuple[Write, Outcome | None]) -> list[tuple[int, Others]]:
    """Give, by place, the writes of a wave that may be the only ones of their kind to come to nothing, with what became of others."""
    tracks = [begun(replace(write, ref=Ref("lead", f"{number}"))) for number, (write, _) in enumerate(outcomes)]
    return [(place, others) for place, track, others in perhaps_their_own(tracks, [each for _, each in outcomes]) if track is tracks[place]]


def in_vain(error: StreamflowError) -> Outcome:
    return Outcome(state=IntentState.ABANDONED, error=error)


TAKEN = Outcome(state=IntentState.CONFIRMED, dest_id="5-contacts")


@pytest.mark.parametrize("error", [PlatformUnavailable("503"), NotPermitted("403")])
def test_a_write_is_alone_in_its_trouble_where_another_of_its_kind_was_taken(error: StreamflowError) -> None:
    """One that was taken proves it; one of another kind proves nothing, nor does one that came to nothing, which is named."""
    assert wave((CHANGE, in_vain(error)), (CHANGE, TAKEN)) == [(0, Others(taken=True))]
    assert wave((CHANGE, in_vain(error)), (REMOVAL, TAKEN)) == [(0, Others(taken=False))]
    assert wave((CHANGE, in_vain(error)), (CHANGE, None)) == [(0, Others(taken=False))]
    doubt = Outcome(state=IntentState.IN_DOUBT, error=Uncertain("?"))
    refused = Outcome(state=IntentState.REJECTED, error=RecordRejected("no"))
    assert wave((CHANGE, in_vain(error)), (CHANGE, doubt), (CHANGE, refused)) == [
        (0, Others(taken=False, unanswered=(("lead", "1"),))),
    ]
    assert wave((CHANGE, in_vain(error)), (CHANGE, in_vain(error))) == [
        (0, Others(taken=False, unanswered=(("lead", "1"),))), (1, Others(taken=False, unanswered=(("lead", "0"),))),
    ]


def test_who_was_answered_is_not_taken_for_an_outage() -> None:
    """The destination spoke about this very record: that counts as others taken, also where it was the only one."""
    assert wave((CHANGE, in_vain(RecordRejected("names somebody who is gone")))) == [(0, Others(taken=True))]


def test_who_was_overtaken_by_people_is_weighed_though_nothing_else_was_taken() -> None:
    """What became of others says nothing of it, so nothing is made up of that."""
    assert wave((CHANGE, in_vain(Stale("somebody was at it")))) == [(0, Others(taken=False))]


def test_what_is_no_record_s_own_affair_is_not_weighed() -> None:
    """A change to what is gone, a pace that is asked for, a doubt, a refusal: each has its own way; a create finds no address."""
    assert wave((CHANGE, in_vain(NotFound("404")))) == []
    assert wave((MAKING, in_vain(NotFound("404"))), (MAKING, TAKEN)) == [(0, Others(taken=True))]
    assert wave((CHANGE, in_vain(Throttled("429")))) == []
    assert wave((CHANGE, Outcome(state=IntentState.REJECTED, error=RecordRejected("no")))) == []
    assert wave((CHANGE, TAKEN)) == []


def test_a_create_for_two_that_was_not_sent_changes_nothing_of_either() -> None:
    """It was refused to nobody: the record is not made alone for that."""
    changes = settled(begun(MAKING, joined=JOINED), in_vain(PlatformUnavailable("503")))
    assert not [each for each in changes if isinstance(each, Finish)]


def test_a_plan_without_an_ending_leaves_its_record_pending() -> None:
    """What was written is in the crosswalk, and the record comes again with what is known then."""
    track = begun(MAKING)
    track.plan = replace(track.plan, finish=None)
    changes = settled(track, TAKEN)
    assert any(isinstance(each, PutLink) for each in changes)
    assert not [each for each in changes if isinstance(each, Finish | Wake)]


def test_who_has_sent_nothing_tells_nothing_of_an_outage() -> None:
    """A record of the wave without a write of its own is passed over."""
    tracks = [begun(CHANGE), Progress(Plan(staged=staged_lead("2")))]
    [(_, _, others)] = perhaps_their_own(tracks, [in_vain(PlatformUnavailable("503")), TAKEN])
    assert others == Others(taken=False)
