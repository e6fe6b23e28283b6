"""One process of the daemon: the real engine, built anew on whatever the ledger holds, with an operator at its side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import anyio

from streamflow.clock import iso
from streamflow.daemon.supervisor import Supervisor, load_phase
from streamflow.mapping.pair_toml import read_pair
from streamflow.migration.context import Migration
from streamflow.migration.control import Control
from streamflow.migration.life import FINAL, State
from streamflow.migration.terms import Terms
from streamflow.model import AuditEntry, Record
from streamflow.store.base import StageResult
from streamflow.store.change import Audit, Change, PutSetting
from streamflow.store.memory import MemoryLedger
from tests.simulate.agenda import Agenda
from tests.simulate.answers import Answers
from tests.simulate.conditions import Conditions, ahead_s
from tests.simulate.orders import Orders
from tests.simulate.source import BEGIN

PAIR = read_pair((Path(__file__).parent / "pair.toml").read_text(encoding="utf-8"))
SETTLE_S = 7.0
DAY_S = 86_400.0


class WorldClock:
    """The clock of a process: the world's time, and a wall clock that somebody sets."""

    def __init__(self, agenda: Agenda, steps: Sequence[tuple[float, float]] = ()) -> None:
        self._agenda, self._steps = agenda, steps
        self.begin()

    def begin(self) -> None:
        """Let another process begin: it knows nothing of what the clock was before it was set."""
        self._ahead_s = ahead_s(self._steps, self._agenda.now)

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self._agenda.now + ahead_s(self._steps, self._agenda.now))

    def monotonic(self) -> float:
        return self._agenda.now

    def steady(self) -> datetime:
        return BEGIN + timedelta(seconds=self._agenda.now + self._ahead_s)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds))


class SlowLedger:
    """The ledger as a process has it: each transaction takes a moment, and the process may end before or after it."""

    def __init__(self, ledger: MemoryLedger, agenda: Agenda, dice: Random, hook: Callable[[Sequence[Change], bool], None]) -> None:
        self._ledger, self._agenda, self._dice, self._hook = ledger, agenda, dice, hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def commit(self, changes: Iterable[Change]) -> None:
        """Commit; the caller learns of it later."""
        held = tuple(changes)
        if not held:
            return
        await anyio.sleep(0.002 * self._dice.random())
        self._hook(held, False)
        await self._ledger.commit(held)
        self._agenda.tell("commit", *(type(change).__name__ for change in held))
        self._hook(held, True)
        await anyio.sleep(0.002 * self._dice.random())

    async def stage(
        self, records: Sequence[Record], *, scan: str, changes: Sequence[Change] = (), news: Sequence[Change] = ()
    ) -> StageResult:
        """Stage a page; the caller learns of it later."""
        await anyio.sleep(0.002 * self._dice.random())
        result = await self._ledger.stage(records, scan=scan, changes=changes, news=news)
        self._agenda.tell("staged", scan, result.new, result.changed)
        self._hook(tuple(changes), True)
        await anyio.sleep(0.002 * self._dice.random())
        return result


class Engine(Supervisor):
    """The supervisor, that spares itself the reports."""

    async def write_reports(self) -> None:
        """Nobody reads them here."""


def terms_of(conditions: Conditions) -> Terms:
    """Give the terms that the operator of a world has agreed to: bounds that are true."""
    return Terms(
        name="sim", state_dir=Path("/nonexistent"), timezone="UTC", gates={"map": "auto", "sample": "auto", "cutover": "ask"},
        fallback_owner="office@sim.test", sample_size=2, batch_size=conditions.batch, cutover_deadline_s=900.0,
        watch_days=conditions.watch_s / DAY_S, poll_s=conditions.poll_s, settle_s=SETTLE_S, sweep_every_s=conditions.sweep_every_s,
        future_activities="send",
        flags={
            "search_lag_s": conditions.search_lag_s, "late_commit_s": conditions.late_commit_s, "timeout_s": conditions.timeout_s,
            "lead_stage_write": "patch", "note_edit": "rpc_24h" if conditions.edits_notes else "none",
        },
    )  # fmt: skip


async def daemon(
    conditions: Conditions, ledger: Any, source: Any, destination: Any, clock: WorldClock, operator: Operator
) -> None:  # fmt: skip
    """Be the daemon until it is done."""
    phase = await load_phase(ledger, clock)
    migration = Migration(
        terms=terms_of(conditions), pair=PAIR, ledger=ledger, source=source, attachments=None, destination=destination,
        clock=clock, control=Control(), log=lambda event, **data: None, report=lambda name, data: None, phase=phase,
    )  # fmt: skip
    engine = Engine(migration, migration.report, let_in=(), look_at_keys=lambda: None)
    async with anyio.create_task_group() as group:
        group.start_soon(operator.attend, engine)
        await engine.run()
        group.cancel_scope.cancel()


class Operator:
    """Who runs the daemon: takes off a pause, answers, asks for a part to be undone, in the end for the switch or to undo it all."""

    def __init__(
        self, agenda: Agenda, conditions: Conditions, orders: Orders, answers: Answers, *, on_freeze: Callable[[], None],
        on_switch: Callable[[], None],
    ) -> None:  # fmt: skip
        self._agenda, self._conditions, self._orders, self._answers = agenda, conditions, orders, answers
        self._on_freeze, self._on_switch = on_freeze, on_switch

    async def attend(self, engine: Supervisor) -> None:
        """Look every few seconds."""
        migration = engine.m
        while True:
            await anyio.sleep(self._orders.pause_s)
            if migration.control.paused is not None:
                migration.control.resume()
            await self._answer(engine)
            await self._answers.look(engine)
            state = migration.phase.state
            if state in FINAL:
                return
            if state is State.WATCH:
                self._on_switch()
                await self._orders.look(engine, self._on_freeze)
                if self._conditions.ending == "rollback after the switch":
                    await self._undo(engine, "run")
            elif self._conditions.part and state is State.TAIL and await migration.ledger.setting("rollback:result") is None:
                await self._undo(engine, self._conditions.part)
            elif self._conditions.ending != "rollback in tail":
                await self._orders.look(engine, self._on_freeze)
            elif self._agenda.now >= self._conditions.works_until_s and state is State.TAIL:
                self._on_freeze()
                await self._undo(engine, "run")

    async def _answer(self, engine: Supervisor) -> None:
        """Answer the gates that stand open."""
        gate = engine.m.gate.name if engine.m.gate is not None else ""
        if gate == "map":
            await engine.map_gate.confirm("uid:1", (await engine.m.ledger.setting("map:proposed"))["digest"])
        elif gate == "owners":
            await engine.owners.recheck("uid:1")

    async def _undo(self, engine: Supervisor, scope: str) -> None:
        if await engine.m.ledger.setting("rollback") is not None:
            return
        plan = {"scope": scope, "by": "uid:1", "at": iso(engine.m.clock.now()), "asked_in": engine.m.phase.state.value}
        asked = Audit(entry=AuditEntry(actor="uid:1", action="rollback.requested", note=scope))
        await engine.m.ledger.commit([PutSetting(name="rollback", value=plan), asked])
        engine.interrupt()
