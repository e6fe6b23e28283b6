"""A run that is cut short at any point: what was known is kept, what was under way is in doubt, and nothing is left running."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from streamflow.errors import StoreError
from streamflow.model import Disposition, IntentState
from tests.hanging import HUNG_S
from tests.stages.rig import Rig, lead, note, rig

KINDS = ("lead", "note")


class Hang:
    """Stands before a method: lets some calls through, then holds one for ever and says so."""

    def __init__(self, owner: Any, name: str, *, after: int, effect: bool = False) -> None:
        self._original = getattr(owner, name)
        self._owner, self._name, self._left, self._effect = owner, name, after, effect
        self.reached = anyio.Event()
        self._over = anyio.Event()
        setattr(owner, name, self)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left >= 0:
            return await self._original(*args, **kwargs)
        if self._effect:
            await self._original(*args, **kwargs)
        self.reached.set()
        await self._over.wait()
        raise StoreError("the transaction takes too long")

    def give_up(self) -> None:
        """End a call that is held although everything is cancelled, as the ledger ends a transaction that takes too long."""
        self._over.set()

    def release(self) -> None:
        setattr(self._owner, self._name, self._original)


async def _deliver_and_verify(one: Rig) -> None:
    await one.deliver(*KINDS)
    await one.verify()


async def cut_short(one: Rig, hang: Hang) -> None:
    """Run until the hanging call is reached, then cancel everything."""
    with anyio.fail_after(HUNG_S):
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_deliver_and_verify, one)
                await hang.reached.wait()
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
                hang.give_up()
        except* StoreError:
            pass     # what was to be kept in spite of the cancellation could not be
    hang.release()


@pytest.mark.parametrize("effect", [False, True])
async def test_a_write_cut_short_leaves_the_others_on_record(effect: bool) -> None:
    """Writes of the same wave that were confirmed are in the ledger; the one under way is looked for and made once."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(*(lead(str(n)) for n in range(6)), note("9", "2"))
        await cut_short(one, Hang(one.nutshell.writer, "create", after=4, effect=effect))
        counts = await one.ledger.intent_counts()
        assert counts[IntentState.CONFIRMED] == 4
        assert await one.dispositions("lead") == {Disposition.CREATED: 4, None: 2}
        await one.restart()
        await one.run_dry()
        assert len(one.live("contacts")) == 6
        assert len(one.live("notes")) == 1


@pytest.mark.parametrize(("door", "method"), [("reader", "read"), ("feed", "cursor"), ("ledger", "commit"), ("ledger", "candidates")])
async def test_cut_short_at_any_door_the_run_goes_on_later(door: str, method: str) -> None:
    """Wherever the run stood still when it was cancelled, the next one ends with everything moved once."""
    async with rig(batch_size=2, flags={"payload_custom_fields": True}, switches={"payload_custom_fields": True}) as one:
        await one.stage(*(lead(str(n)) for n in range(5)), note("9", "2"))
        owner = one.ledger if door == "ledger" else getattr(one.nutshell, door)
        await cut_short(one, Hang(owner, method, after=0 if door != "ledger" else 1))
        await one.restart()
        await one.run_dry()
        assert len(one.live("contacts")) == 5
        assert len(one.live("notes")) == 1
        assert await one.verify() == {"verified": 6}


async def test_a_failing_write_stops_its_neighbours_and_keeps_what_is_known() -> None:
    """A fault of our own in one write ends the run with that fault, once; confirmed neighbours stay confirmed."""
    async with rig() as one:
        await one.stage(*(lead(str(n)) for n in range(3)))
        original = one.nutshell.writer.create
        confirmed = anyio.Event()

        async def faulty(kind: str, fields: dict[str, Any], *, author: str | None = None) -> str:
            if fields["name"] == "Person Number2":
                await confirmed.wait()
                raise ZeroDivisionError
            made = await original(kind, fields, author=author)
            if len(one.live("contacts")) == 2:
                confirmed.set()
            return made

        one.nutshell.writer.create = faulty  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            await one.deliver("lead")
        one.nutshell.writer.create = original  # type: ignore[method-assign]
        await one.restart()
        await one.run_dry()
        assert len(one.live("contacts")) == 3
