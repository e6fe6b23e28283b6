"""What a ledger is given to do between two crashes, and what must be in it whenever it is opened again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from streamflow.model import IntentState, RecordState
from streamflow.store.change import MoveMark, PutIntent, PutLink, PutSetting, SettleIntent
from streamflow.store.sqlite import SqliteLedger
from tests.store.values import StillClock, audit, finish, intent, link, record

LONGEST = 9000      # characters of a record's text: more than a page


async def life(home: Path, dice: random.Random, acknowledged: Callable[[int], None], *, turns: int) -> None:
    """Open the ledger and do that many turns; each answer of the ledger is told, with the number of the last whole turn."""
    async with SqliteLedger.open(home, clock=StillClock()) as ledger:
        begun = await _reached(ledger) + 1
        acknowledged(begun - 1)
        for number in range(begun, begun + turns):
            await turn(ledger, number, dice, acknowledged)


async def turn(ledger: SqliteLedger, number: int, dice: random.Random, acknowledged: Callable[[int], None]) -> None:
    """Do what a batch does: stage, mean, confirm; what an earlier life did of this turn already is not done again."""
    keys = _keys(number)
    read = [record(key, text="x" * dice.randrange(LONGEST)) for key in keys]
    await ledger.stage(read, scan="lead:1", changes=[audit("read", key) for key in keys])
    acknowledged(number - 1)
    if not await ledger.intents_of("lead", keys[0]):
        await ledger.commit([PutIntent(intent=intent(key, key)) for key in keys])
        acknowledged(number - 1)
    staged = await ledger.staged("lead", keys)
    await ledger.commit([
        *(change for key in keys for change in (
            SettleIntent(id=key, state=IntentState.CONFIRMED, dest_id=f"{key}-contacts"), PutLink(link=link(key)),
            finish(key, staged[key].seq), audit("write.create", key))),
        PutSetting(name="large", value="y" * LONGEST if number % 2 else None),      # pages are given back, and taken again
        MoveMark(name="turn", cursor=str(number)),
    ])  # fmt: skip
    acknowledged(number)


async def faults(home: Path, *, acked: int) -> list[str]:
    """
    Open the ledger as the daemon would, and tell what is wrong with it; *acked* is the last turn that was acknowledged.

    It must open, verify its audit, hold whole turns and at most one begun one, and take a further turn.
    """
    async with SqliteLedger.open(home, clock=StillClock()) as ledger:
        entries, broken = await ledger.verify_audit()
        reached = await _reached(ledger)
        whole = sum(len(_keys(number)) for number in range(reached + 1))
        begun = len(_keys(reached + 1))
        intents = await ledger.intent_counts()
        states = {count.state: count.count for count in await ledger.counts()}
        links = [one async for page in ledger.crosswalk() for one in page]
        rules = {
            "the audit's chain is broken": broken is None,
            "an acknowledged turn is lost": reached >= acked,
            "links": len(links) == whole,
            "confirmed intents": intents.get(IntentState.CONFIRMED, 0) == whole,
            "meant intents": intents.get(IntentState.MEANT, 0) in (0, begun),
            "finished records": states.get(RecordState.DONE, 0) == whole,
            "waiting records": states.get(RecordState.PENDING, 0) in (0, begun),
            "audit entries": entries >= 2 * whole,
        }
        await turn(ledger, reached + 1, random.Random(reached), lambda _: None)
        rules["it does not go on"] = await _reached(ledger) == reached + 1
    return [name for name, holds in rules.items() if not holds]


def _keys(number: int) -> list[str]:
    return [f"{number}-{n}" for n in range(1 + number % 3)]


async def _reached(ledger: SqliteLedger) -> int:
    mark = await ledger.mark("turn")
    return int(mark.cursor) if mark else -1
