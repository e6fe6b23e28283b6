"""What a batch does to the ledger, done while operation after operation of the disk fails, and what must be in the book then."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from streamflow.errors import StoreError
from streamflow.model import IntentState
from streamflow.store import files
from streamflow.store.change import MoveMark, PutIntent, PutLink, SettleIntent
from streamflow.store.sqlite import SqliteLedger

from .disk import Disk, Nth
from .values import TO_FIRST, StillClock, audit, finish, intent, link, record

TURNS = 3
WAYS = ("full", "write", "sync", "torn")
MOST_OPERATIONS = 500


async def begun(home: Path, clock: StillClock) -> Path:
    """Make a ledger with one turn in it."""
    async with SqliteLedger.open(home, clock=clock) as ledger:
        await turn(ledger, 0)
    return home


async def turn(ledger: SqliteLedger, number: int) -> None:
    """Do what a batch does: stage, mean, confirm."""
    key = str(number)
    result = await ledger.stage([record(key, text="x" * 3000)], scan="lead:1", changes=[audit("read")])
    seq = next(iter(result.touched))[2]
    await ledger.commit([PutIntent(intent=intent(key, key))])
    await ledger.commit([
        SettleIntent(id=key, state=IntentState.CONFIRMED, dest_id=f"{key}-contacts"), PutLink(link=link(key)), finish(key, seq),
        audit("write.create", key), MoveMark(name="turn", cursor=key),
    ])  # fmt: skip


async def work(home: Path, clock: StillClock) -> tuple[int, StoreError | None]:
    """Do turns until one fails; answers the last that was acknowledged, and how it failed. After a failure nothing more is taken."""
    done, failure = 0, None
    try:
        async with SqliteLedger.open(home, clock=clock) as ledger:
            for number in range(1, TURNS + 1):
                try:
                    await turn(ledger, number)
                except StoreError as error:
                    failure = error
                    with pytest.raises(StoreError):
                        await ledger.commit([MoveMark(name="turn", cursor="too late")])
                    break
                done = number
    except StoreError as error:      # already while opening, or closing
        failure = failure or error
    return done, failure


async def check(home: Path, clock: StillClock, done: int) -> None:
    """See that everything acknowledged is in the book and nothing is by halves, and that it goes on."""
    async with SqliteLedger.open(home, clock=clock) as ledger:
        assert (await ledger.verify_audit())[1] is None
        mark = await ledger.mark("turn")
        assert mark is not None
        reached = int(mark.cursor)
        assert reached >= done
        counts = await ledger.intent_counts()
        assert counts.get(IntentState.CONFIRMED, 0) == reached + 1
        assert counts.get(IntentState.MEANT, 0) <= 1
        assert len([one async for page in ledger.crosswalk() for one in page]) == reached + 1
        await ledger.commit([MoveMark(name="turn", cursor="goes on")])


async def fail_at_work(folder: Path, clock: StillClock, word: str, *, for_good: bool, step: int = 1) -> None:
    """Let the first operation of the disk fail, then another, *step* further each time, until a run gets through; each run is checked."""
    template = await begun(folder / "template", clock)
    told = 0
    for number in range(1, MOST_OPERATIONS, step):
        home = folder / str(number)
        shutil.copytree(template, home)
        with Disk(fault := Nth(word, number, for_good=for_good)):
            done, failure = await work(home, clock)
        told += failure is not None
        assert failure is None or "the ledger" in failure.message
        assert failure is not None or done == TURNS
        await check(home, clock, done)
        if not fault.was_reached:
            break
    assert not fault.was_reached, "a run got through"
    assert told * step >= TURNS


async def fail_at_making(folder: Path, clock: StillClock, word: str) -> None:
    """The same while a new ledger is made: the next start makes one or has one, and it takes a turn."""
    for number in range(1, MOST_OPERATIONS):
        home = folder / str(number)
        with Disk(fault := Nth(word, number, for_good=True)):
            await opened_or_refused(home, clock)
        async with SqliteLedger.open(home, clock=clock) as ledger:
            await turn(ledger, 1)
        if not fault.was_reached:
            return
    pytest.fail("no run got through")


async def fail_at_migrating(folder: Path, clock: StillClock, word: str) -> None:
    """The same while an older ledger is brought to the present: it is of one of the versions, with all in it."""
    template = await begun(folder / "template", clock)
    with sqlite3.connect(template / files.LEDGER_FILE) as raw:
        raw.executescript(TO_FIRST)
    raw.close()
    for number in range(1, MOST_OPERATIONS):
        home = folder / str(number)
        shutil.copytree(template, home)
        with Disk(fault := Nth(word, number, for_good=True)):
            await opened_or_refused(home, clock)
        assert await files.examine(home / files.LEDGER_FILE) in range(1, files.VERSION + 1)
        await check(home, clock, 0)
        if not fault.was_reached:
            return
    pytest.fail("no run got through")


async def opened_or_refused(home: Path, clock: StillClock) -> None:
    """Open a ledger; a refusal says what to do."""
    hint = "none was needed"
    try:
        async with SqliteLedger.open(home, clock=clock):
            pass
    except StoreError as error:
        hint = error.hint
    assert hint
