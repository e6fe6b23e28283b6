"""Asking the source whose records are that do not say it: how many questions a round puts, and to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import NotFound, PlatformUnavailable
from streamflow.migration import strays
from streamflow.migration.context import Migration
from streamflow.migration.control import Control
from streamflow.migration.strays import ask_owners
from streamflow.model import Key, Record
from streamflow.platforms.source import Stream
from streamflow.stages.extract import Intake
from streamflow.store.memory import MemoryLedger

STREAM = Stream(kind="visit", reader="api")
NOTHING, AWAY, UNKNOWN = "nothing to ask by", "away", "unknown"


class Desk:
    """A source that answers by key, and what was asked of it; what it answers is only counted."""

    def __init__(self, answers: dict[Key, str]) -> None:
        self.answers = answers
        self.asked: list[Key] = []
        self.owned: Counter[Key] = Counter()
        self.ledger = MemoryLedger(clock=SystemClock())
        self.control = Control()
        self.migration = cast(Migration, SimpleNamespace(
            ledger=self.ledger, source=self, control=self.control, trouble=lambda error: None, log=lambda name, **fields: None,
        ))

    async def owner_of(self, record: Record) -> Record | None:
        self.asked.append(record.key)
        answer = self.answers.get(record.key, "7")
        if answer == AWAY:
            raise PlatformUnavailable("no answer", platform="x")
        if answer == UNKNOWN:
            raise NotFound("no such record", platform="x")
        return None if answer == NOTHING else Record(kind="visit", key=record.key, data={}, digest="", parent=answer)

    async def adopt(self, _stream: Stream, known: Sequence[Record], given: Sequence[Record], *, scan: str) -> Any:
        self.owned.update(record.key for record in given)

    async def round(self, keys: Sequence[Key] | None = None) -> int:
        self.asked.clear()
        return await ask_owners(self.migration, cast(Intake, self), STREAM, scan="s", keys=keys)


async def desk(count: int, answers: dict[Key, str] | None = None) -> Desk:
    made = Desk(answers or {})
    await made.ledger.stage([Record(kind="visit", key=f"{n:03}", data={}, digest="a") for n in range(count)], scan="s")
    return made


async def test_a_source_that_is_away_is_not_asked_about_everybody() -> None:
    """Three questions in a row without an answer end it, since each costs its whole patience; one that fails by itself ends nothing."""
    away = await desk(120, {"000": AWAY, "001": UNKNOWN, "060": AWAY, "061": AWAY, "062": AWAY})
    assert await away.round() == 58
    assert away.asked == [f"{n:03}" for n in range(63)]
    assert set(away.owned) == {f"{n:03}" for n in range(2, 60)}, "what was answered before is kept"
    assert await away.round(["100", "101"]) == 2


async def test_what_cannot_be_asked_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records with nothing to ask by do not use up the questions of a round: those behind them get theirs."""
    monkeypatch.setattr(strays, "BUDGET", 2)
    made = await desk(120, {f"{n:03}": NOTHING for n in range(110)})
    assert await made.round() == 2
    assert set(made.owned) == {"110", "111"}


async def test_nobody_is_asked_while_the_daemon_ends() -> None:
    """A round of questions takes as long as the pace wants; the end of the daemon does not wait for it."""
    made = await desk(3)
    made.control.drain()
    assert await made.round() == 0
    assert made.asked == []
