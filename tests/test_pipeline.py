"""Whole passes: crashes at every call, errors that arrive once, what a pass hands on, and the places in the line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable, ProtocolMismatch
from streamflow.model import Disposition, IntentState
from streamflow.wire.message import BACKFILL, current_priority
from tests.stages.rig import Rig, call, lead, note, rig

ONE_PERSON = {"name": "Thandi Mokoena", "email": "t@x.test"}


class Killed(Exception):
    """The process ended at this call."""


class Kill:
    """Ends the process at the Nth call that reaches the far side, before or after it takes effect."""

    def __init__(self, one: Rig, at: int, *, after: bool) -> None:
        self.left, self.after, self.struck = at, after, False
        for owner, name in ((one.nutshell.writer, "create"), (one.nutshell.writer, "update"), (one.nutshell.reader, "read"),
                            (one.ledger, "commit")):
            self._guard(owner, name)

    def _guard(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        async def guarded(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                self.struck = True
                if self.after:
                    await original(*args, **kwargs)
                raise Killed
            return await original(*args, **kwargs)

        setattr(owner, name, guarded)


async def _everything(one: Rig) -> None:
    await one.stage(lead("1", **ONE_PERSON), lead("2", **ONE_PERSON, number="0825550102"), lead("3"))
    await one.stage(note("5", "1"), note("6", "2"), call("7", "3"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_call_ends_in_the_same_account(after: bool) -> None:
    """For each call of a run: the process ends there, a new one goes on, and the account is the one of a run without crashes."""
    at, struck = 1, True
    while struck:
        async with rig(switches={"search_lag_s": 5.0}) as one:
            await _everything(one)
            kill = Kill(one, at, after=after)
            try:
                await one.run_dry()
            except Killed:
                await one.restart()
                await one.run_dry()
            struck = kill.struck
            assert (len(one.live("contacts")), len(one.live("notes")), len(one.live("activities"))) == (2, 3, 1), f"killed at call {at}"
            assert await one.dispositions("lead") == {Disposition.CREATED: 2, Disposition.MERGED: 1}
            assert not await one.open_items()
        at += 1 if at < 12 else 4
    assert at > 14


async def test_a_crash_with_the_ledger_in_a_file(tmp_path: Path) -> None:
    """The same with the ledger on disk: the intent is there before the write, and the chain of the audit holds."""
    async with rig(tmp_path / "state", switches={"search_lag_s": 5.0}) as one:
        await _everything(one)
        create = one.nutshell.writer.create
        Kill(one, 9, after=True)
        with pytest.raises(Killed):
            await one.run_dry()
        one.nutshell.writer.create = create  # type: ignore[method-assign]
        await one.run_dry()
        assert (len(one.live("contacts")), len(one.live("notes"))) == (2, 3)
        assert (await one.ledger.verify_audit())[1] is None
        assert set(await one.ledger.intent_counts()) <= {IntentState.CONFIRMED, IntentState.ABANDONED}


@pytest.mark.parametrize("error", [PlatformUnavailable("away"), ProtocolMismatch("odd")])
async def test_an_error_of_the_far_side_arrives_as_itself(error: Exception) -> None:
    """What stops a pass is raised once, not as a group, and it does not run in circles."""
    async with rig(batch_size=1) as one:
        await one.stage(*(lead(str(n)) for n in range(6)))

        async def away(*args: Any, **kwargs: Any) -> str:
            raise error

        one.nutshell.writer.create = away  # type: ignore[method-assign]
        with pytest.raises(type(error)):
            await one.deliver("lead")
        assert await one.pending() == 6


async def test_a_pass_hands_on_everything_once() -> None:
    """One pass finishes every batch and leaves nothing in its streams; the next one has nothing to do."""
    async with rig(batch_size=2) as one:
        await one.stage(*(lead(str(n)) for n in range(5)))
        engine = await one.engine()
        assert await engine.pipeline.run_pass("lead", one._batches("lead")) == 5
        assert await one.pending() == 0
        assert engine.pipeline.gauges.queues == {}
        assert await engine.pipeline.run_pass("lead", one._batches("lead")) == 0


async def test_a_pass_has_its_place_in_the_line() -> None:
    """Every call of a pass carries the priority the pipeline was made with, in all of its tasks."""
    async with rig() as one:
        await one.stage(lead("1"), note("5", "1"))
        seen: set[int] = set()
        original = one.nutshell.writer.create

        async def noting(*args: Any, **kwargs: Any) -> str:
            seen.add(current_priority())
            return await original(*args, **kwargs)

        one.nutshell.writer.create = noting  # type: ignore[method-assign]
        engine = await one.engine()
        pipeline = replace(engine.pipeline, priority=BACKFILL)
        for kind in ("lead", "note"):
            await pipeline.deliver(kind, one._batches(kind))
        assert seen == {BACKFILL}
        assert current_priority() != BACKFILL
