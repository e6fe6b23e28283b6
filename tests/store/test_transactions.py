"""What cancellation, full disks and slow disks may do to a transaction: nothing by halves."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from streamflow.errors import DiskRefused, InvariantBroken, StoreError
from streamflow.store import connection as shell
from streamflow.store.change import Change, MoveMark, PutIntent, PutLink, PutSetting
from streamflow.store.files import LEDGER_FILE
from streamflow.store.queries import SQL
from streamflow.store.sqlite import SqliteLedger

from .disk import Disk
from .values import StillClock, audit, intent, link, record


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name each write as it starts."""
    seen: list[str] = []
    change = shell.Transaction.change_many

    def told(self: shell.Transaction, name: str, *args: Any) -> int:
        seen.append(name)
        return change(self, name, *args)

    monkeypatch.setattr(shell.Transaction, "change_many", told)
    return seen


async def cancel(scope: anyio.CancelScope) -> None:
    scope.cancel()


@pytest.mark.parametrize("at_statement", [1, 2, 3])
async def test_a_cancelled_commit_is_whole(tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch, at_statement: int) -> None:
    """A caller cancelled in the middle of a commit leaves all of it, and the next writer commits nothing of his."""
    change = shell.Transaction.change_many
    loop = asyncio.get_running_loop()
    count = 0
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        with anyio.CancelScope() as scope:
            def cancelling(self: shell.Transaction, name: str, *args: Any) -> int:
                nonlocal count
                count += 1
                if count == at_statement:
                    asyncio.run_coroutine_threadsafe(cancel(scope), loop).result(timeout=10)
                return change(self, name, *args)

            monkeypatch.setattr(shell.Transaction, "change_many", cancelling)
            await ledger.commit([PutLink(link=link("1")), MoveMark(name="m", cursor="c"), audit("a")])
        monkeypatch.undo()
        assert len(await ledger.links_of("lead", ["1"])) == 1
        assert await ledger.mark("m") is not None
        await ledger.commit([audit("b")])
        assert await ledger.verify_audit() == (2, None)


async def test_a_commit_cancelled_before_its_turn_is_nothing(tmp_path: Path, clock: StillClock) -> None:
    """A caller cancelled while another transaction runs has written nothing."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.lowlevel.checkpoint_if_cancelled()
            await ledger.commit([MoveMark(name="m", cursor="c")])
        assert await ledger.mark("m") is None


async def test_even_a_bare_cancellation_leaves_no_half(tmp_path: Path, clock: StillClock) -> None:
    """A cancellation that no scope can shield from (the event loop's own) undoes the transaction or finds it committed, never half."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        for delay in range(12):
            before = (await ledger.verify_audit())[0]
            task = asyncio.ensure_future(ledger.commit([audit("a"), PutSetting(name=f"s{delay}", value=1), audit("b")]))
            for _ in range(delay):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            entries, broken = await ledger.verify_audit()
            assert broken is None
            assert entries - before == (2 if await ledger.setting(f"s{delay}") else 0)
        await ledger.commit([audit("end")])
        assert (await ledger.verify_audit())[1] is None


async def test_readers_never_see_half_a_transaction(tmp_path: Path, clock: StillClock) -> None:
    """A question asked while a transaction runs is answered from before or after it."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        seen: set[tuple[int, int]] = set()

        async def look() -> None:
            for _ in range(60):
                seen.add((len(await ledger.links_of("lead", ["1"])), 0 if await ledger.mark("m") is None else 1))
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(look)
            changes: list[Change] = [MoveMark(name="m", cursor="c"), PutLink(link=link("1"))]
            group.start_soon(ledger.commit, changes)
        # Asked in two questions, so that the commit may fall between them; the reverse would be half a transaction.
        assert seen <= {(0, 0), (0, 1), (1, 1)}


async def test_many_writers_take_turns(tmp_path: Path, clock: StillClock) -> None:
    """Concurrent commits and stagings each happen whole, with numbers never given twice."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        async def write(n: int) -> None:
            await ledger.stage([record(f"{n}-{m}") for m in range(5)], scan=f"lead:{n}", changes=[audit("s")])
            await ledger.commit([audit("c")])

        async with anyio.create_task_group() as group:
            for n in range(20):
                group.start_soon(write, n)
        found = await ledger.pending("lead", limit=1000)
        assert len({staged.seq for staged in found}) == len(found) == 100
        assert await ledger.verify_audit() == (40, None)


async def test_a_full_disk_stops_writing_and_loses_nothing(tmp_path: Path, clock: StillClock) -> None:
    """When the disk is full the commit fails whole, no later one is tried on that handle, and reopening finds what was acknowledged."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([MoveMark(name="m", cursor="good")])
        [(pages,)] = await ledger._connection._raw.execute_fetchall("PRAGMA page_count")
        await ledger._connection._raw.execute_fetchall(f"PRAGMA max_page_count = {pages + 4}")
        big = [record(str(n), text="x" * 4000) for n in range(20)]
        with pytest.raises(StoreError, match="SQLITE_FULL") as caught:
            await ledger.stage(big, scan="lead:1", changes=[MoveMark(name="m", cursor="bad")])
        assert "space" in caught.value.hint
        with pytest.raises(StoreError):
            await ledger.commit([MoveMark(name="m", cursor="later")])
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        mark = await ledger.mark("m")
        assert mark is not None
        assert mark.cursor == "good"
        assert await ledger.keys("lead") == []


async def test_a_failure_that_cannot_be_undone_is_of_the_disk_for_readers_too(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads after a disk failed in the middle of a write hears of the disk: the run that ends by it is started again."""

    async def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    failing = ""
    with Disk(lambda _: failing):
        async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
            monkeypatch.setattr(ledger._connection._raw, "rollback", fail)
            failing = "write"
            with pytest.raises(DiskRefused):
                await ledger.commit([audit("a")])
            with pytest.raises(DiskRefused, match="SQLITE_IOERR_WRITE"):
                await ledger.setting("phase")


async def test_a_transaction_that_takes_too_long_is_given_up(tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction has a time limit; past it it is undone, the ledger takes no more writes, and whoever watches it is told."""
    async with SqliteLedger.open(tmp_path, clock=clock, limit_s=0.2) as ledger:
        ledger.check()
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        stuck = f"{endless} INSERT INTO setting SELECT 'x', max(i) FROM n, (:rows)"
        monkeypatch.setattr(shell, "SQL", {**SQL, "put_settings": stuck})
        with pytest.raises(StoreError, match="took longer"):
            await ledger.commit([MoveMark(name="m", cursor="c"), PutSetting(name="x", value=1)])
        monkeypatch.undo()
        with pytest.raises(DiskRefused, match="took longer"):
            ledger.check()
        with pytest.raises(StoreError):
            await ledger.commit([MoveMark(name="m", cursor="c")])
        assert await ledger.mark("m") is None


async def test_a_change_that_is_refused_and_cannot_be_undone_is_told_to_whoever_watches(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that takes no more, since the disk failed as a refused change was undone, says so without another write."""

    async def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        monkeypatch.setattr(ledger._connection._raw, "rollback", fail)
        meant = PutIntent(intent=intent("1"))
        await ledger.commit([meant])
        with pytest.raises(InvariantBroken):
            await ledger.commit([meant])
        with pytest.raises(StoreError, match="cannot undo"):
            ledger.check()


async def test_a_ledger_that_another_program_holds_for_a_while_is_sound(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written meanwhile is told, nothing ends by it, and the next commit is taken."""
    monkeypatch.setattr(shell, "BUSY_TIMEOUT_S", 0.01)
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        with closing(sqlite3.connect(tmp_path / LEDGER_FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(shell.LedgerHeld):
                await ledger.commit([audit("a")])
            ledger.check()
            other.execute("ROLLBACK")
        await ledger.commit([audit("b")])
        assert await ledger.verify_audit() == (1, None)


async def test_a_closed_ledger_says_so(tmp_path: Path, clock: StillClock) -> None:
    """Using a ledger after its end is one clear error."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.close()
        await ledger.close()
        for attempt in (ledger.mark("m"), ledger.commit([MoveMark(name="m", cursor="c")])):
            with pytest.raises(StoreError, match="closed"):
                await attempt


@pytest.mark.parametrize("harm", ["work", "binding"])
async def test_an_error_of_ours_is_told_as_it_is_and_leaves_nothing_open(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    """A fault in what a transaction does is no closed ledger: it is told by its own name, undone, and the next commit is taken."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([MoveMark(name="m", cursor="before")])
        if harm == "work":
            change = shell.Transaction.change_many

            def failing(self: shell.Transaction, name: str, *args: Any) -> int:
                if name == "put_audit":
                    raise ValueError("a fault of ours")
                return change(self, name, *args)

            monkeypatch.setattr(shell.Transaction, "change_many", failing)
        text = "half a sign \ud800" if harm == "binding" else "a"
        with pytest.raises(ValueError, match=r"fault of ours|surrogates"):
            await ledger.commit([MoveMark(name="m", cursor=text), audit("a")])
        monkeypatch.undo()
        await ledger.commit([MoveMark(name="n", cursor="later")])
        held = {mark.name: mark.cursor for mark in await ledger.marks()}
        assert held == {"m": "before", "n": "later"}
        with pytest.raises(ValueError, match="surrogates"):
            await ledger.mark("\ud800")


async def test_a_commit_is_few_statements_however_many_records(tmp_path: Path, clock: StillClock, statements: list[str]) -> None:
    """Changes of one table travel together, in whatever order they are mixed with others."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        statements.clear()
        await ledger.commit([change for n in range(100) for change in (PutLink(link=link(str(n))), audit("a", str(n)))])
        assert statements == [*["put_links"] * 3, *["put_audit"] * 3]     # of 64, 32 and 4


async def test_entries_added_while_the_audit_is_walked_break_nothing(
    tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain that grows under the eyes of whoever walks it is whole."""
    async with SqliteLedger.open(tmp_path, clock=clock) as ledger:
        await ledger.commit([audit("a"), audit("b")])
        rows = shell.Connection.rows

        async def growing(self: shell.Connection, name: str, *args: Any) -> Any:
            found = await rows(self, name, *args)
            if name == "audit" and not found:
                await ledger.commit([audit("late")])
            return found

        monkeypatch.setattr(shell.Connection, "rows", growing)
        assert await ledger.verify_audit() == (2, None)
