"""Writes by the protocol: once, in doubt, refused, and cut short."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anyio
import pytest

from streamflow.errors import AccessRefused, InvariantBroken, PlanLimit, PlatformUnavailable, RecordRejected, Throttled
from streamflow.model import Disposition, IntentState, RecordState, Ref
from streamflow.platforms.nutshell.writer import NutshellWriter
from streamflow.stages import load
from streamflow.stages.meanwhile import Meanwhile
from streamflow.store.change import Change, Fold, Reopen, SettleIntent
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
