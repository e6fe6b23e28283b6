"""The writes of a rollback: what is not known to have happened is looked up, not said again."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import NotFound, TransientError, Uncertain
from streamflow.migration.reversal import UNDOING
from streamflow.migration.reversals import Reversals
from streamflow.migration.undoing import Step
from streamflow.model import Ending, IntentState, Link, Ref, Verdict
from streamflow.store.change import PutLink, SettleIntent
from streamflow.store.memory import MemoryLedger


class Clock(SystemClock):
    """Nobody waits."""

    async def sleep(self, seconds: float) -> None:
        """Go on at once."""


class Destination:
    """Ends every write with the errors it was given, one after the other, then well."""

    def __init__(self, *errors: Exception) -> None:
        self.calls = 0
        self._errors = list(errors)

    async def delete_all(self, kind: str, dest_ids: Any) -> bool:
        return False

    async def delete(self, kind: str, dest_id: str) -> None:
        await self._end()

    async def update(self, kind: str, dest_id: str, changes: Any, *, now: Any) -> str:
        await self._end()
        return dest_id

    async def read(self, kind: str, ids: Any, *, custom: bool) -> dict[str, Any]:
        return {dest_id: {"name": "Ann"} for dest_id in ids}

    def compare(self, kind: str, field: str, expected: Any, actual: Any) -> Verdict:
        return Verdict.EQUAL if expected == actual else Verdict.DIFFERS

    def carries(self, kind: str) -> bool:
        return True

    async def _end(self) -> None:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)


async def undoing(action: str, *errors: Exception) -> tuple[Destination, MemoryLedger, Callable[[], Awaitable[Any]]]:
    """Give a rollback about to undo what was done to one person."""
    clock, writer = Clock(), Destination(*errors)
    ledger = MemoryLedger(clock=clock)
    base = {"name": "Ann"}
    link = Link(
        ref=Ref("client", "c1"), dest_kind="contacts", dest_id="7-contacts", base=base, ours=action == "delete",
        before=None if action == "delete" else {"name": "Anna"},
    )
    await ledger.commit([PutLink(link=link)])
    migration: Any = SimpleNamespace(
        ledger=ledger, clock=clock, numbers=itertools.count(1), destination=SimpleNamespace(writer=writer, reader=writer, feed=writer),
    )
    step = Step(link=link, action=action, fields={} if action == "delete" else {"name": "Anna"})
    return writer, ledger, lambda: Reversals(migration).carry_out([step], {"7-contacts": base}, "run", "5-events")


@pytest.mark.parametrize("action", ["delete", "restore"])
async def test_an_unknown_outcome_is_not_said_again(action: str) -> None:
    """It may be carried out late, over what people do in between: it stays open until it can no longer take effect."""
    writer, ledger, carry_out = await undoing(action, Uncertain("no answer"))
    with pytest.raises(Uncertain):
        await carry_out()
    assert writer.calls == 1
    [intent] = await ledger.open_intents()
    assert intent.dest_id == "7-contacts"
    assert await ledger.links_to(["7-contacts"])


@pytest.mark.parametrize("action", ["delete", "restore"])
async def test_what_was_surely_not_done_is_said_again(action: str) -> None:
    """A refusal to take the call leaves nothing behind that could still happen."""
    writer, ledger, carry_out = await undoing(action, TransientError("no connection"))
    assert (await carry_out()).refused == {}
    assert writer.calls == 2
    assert not await ledger.open_intents()
    assert not await ledger.links_to(["7-contacts"])


@pytest.mark.parametrize("action", ["delete", "restore"])
async def test_what_is_found_to_have_happened_is_told_once(action: str) -> None:
    """However often a start is cut short after the outcome was found; it is answered to each, until it was looked after."""
    _, ledger, carry_out = await undoing(action, Uncertain("no answer"))
    with pytest.raises(Uncertain):
        await carry_out()
    [intent] = await ledger.open_intents()
    await ledger.commit([SettleIntent(id=intent.id, state=IntentState.CONFIRMED, dest_id="8-contacts")])
    migration: Any = SimpleNamespace(ledger=ledger)
    recalled = [await Reversals(migration).recall() for _ in range(3)]
    told = [row.entry async for page in ledger.audit() for row in page]
    assert [(entry.action, entry.dest_id, entry.note) for entry in told] == [(f"rollback.{action}", "8-contacts", "done")]
    assert [[each.link.base for each in found] for found in recalled] == [[{"name": "Ann"}]] * 3
    await ledger.commit([each.over for each in recalled[-1]])
    assert await ledger.settings(UNDOING) == {}


@pytest.mark.parametrize(("action", "moved"), [("delete", False), ("restore", True)])
async def test_what_people_removed_meanwhile_is_not_told_as_restored(action: str, moved: bool) -> None:
    """Gone between the read and the write is what a removal wanted; of a restoration nothing is told as done, it is planned anew."""
    _, ledger, carry_out = await undoing(action, NotFound("gone"))
    carried = await carry_out()
    assert set(carried.moved) == ({Ref("client", "c1")} if moved else set())
    told = [row.entry.note async for page in ledger.audit() for row in page if row.entry.action == f"rollback.{action}"]
    assert told == ([] if moved else ["done"])


async def test_what_is_given_up_is_known_to_every_later_start() -> None:
    """The rollback goes on without it, and says why: a restart does not begin to try it anew."""
    _, ledger, carry_out = await undoing("delete", Uncertain("no answer"))
    with pytest.raises(Uncertain):
        await carry_out()
    [intent] = await ledger.open_intents()
    await ledger.commit([SettleIntent(id=intent.id, state=IntentState.ABANDONED, reason="sent 5 times", ending=Ending.GIVEN_UP)])
    for _ in range(2):
        reversals = Reversals(SimpleNamespace(ledger=ledger))  # type: ignore[arg-type]
        assert await reversals.recall() == []
        assert reversals.given_up == {Ref("client", "c1"): "delete: sent 5 times"}
    assert await ledger.settings(UNDOING) == {}
