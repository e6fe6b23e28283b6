"""
Months in tail: one migration that is polled for ninety days, while people work five days in seven and processes end now and then.

What is looked at besides the promises: whether memory, open files, the ledger, its WAL and the audit grow with what people change, or
with the mere passing of time. All in one run, early against late, so that no figure depends on the machine.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from streamflow.model import Kind, Page
from tests.simulate.conditions import Conditions
from tests.simulate.disk import Disk, in_memory
from tests.simulate.doors import DestinationDoor
from tests.simulate.judge import Evidence, judge
from tests.simulate.loop import clear_graves, process, run, settled_order
from tests.simulate.process import DAY_S, daemon
from tests.simulate.source import KEYS, SourceDoor
from tests.simulate.world import World, _documents_read_once

HOUR_S = 3600.0
ENDS_AFTER_S = 3 * HOUR_S         # after the last working day everything must be done
REST = (1, 2)                     # of the seven days of a week
SHARED = Path("/dev/shm")         # files in memory where there are any: whether the disk syncs quickly is no question of this world
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen at the end of a day."""

    day: int
    rounds: int
    versions: int            # all that people ever wrote on either side
    resident: int            # bytes
    blocks: int              # of memory that Python holds
    files: int
    ledger: int              # bytes of the tables
    wal: int                 # bytes, the most that was seen at a full hour of the day
    audit: int               # entries
    rows: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Told:
    """What became of the months."""

    seed: int
    days: float
    faults: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    rounds: int = 0
    crashes: int = 0
    took_s: float = 0.0
    trace: str = ""

    def facts(self) -> Iterator[str]:
        """Give the figures in words."""
        first, last = self.warm, self.samples[-1]
        changes = max(1, last.versions - first.versions)
        lived = f"{self.days:g} days, {self.rounds:,} rounds of polls, {last.versions:,} changes by people, {self.crashes} crashes"
        yield f"seed {self.seed}: {lived}"
        yield f"{self.took_s:.0f} s of real time, {1000 * self.took_s / (self.days * 24):.0f} ms for an hour"
        yield f"from day {first.day} to day {last.day}, {changes:,} changes:"
        ratio = last.resident / first.resident
        yield f"  resident memory   {first.resident / MIB:8.1f} -> {last.resident / MIB:8.1f} MiB, ratio {ratio:.3f}"
        yield f"  blocks of memory  {first.blocks:8,} -> {last.blocks:8,}, ratio {last.blocks / first.blocks:.3f}"
        yield f"  open files        {first.files:8} -> {last.files:8}"
        yield f"  largest WAL       {max(each.wal for each in self.samples) / MIB:8.1f} MiB"
        a_change = f"{(last.ledger - first.ledger) / changes:,.0f} bytes a change"
        yield f"  ledger            {first.ledger / MIB:8.2f} -> {last.ledger / MIB:8.2f} MiB, {a_change}"
        rest = f"{max(self.idle, default=0)} on the day of rest with the most"
        yield f"  audit             {first.audit:8,} -> {last.audit:8,} entries, {rest}"
        grown = {name: rows - first.rows.get(name, 0) for name, rows in last.rows.items()}
        yield "  rows that came    " + ", ".join(f"{name} {rows:,}" for name, rows in grown.items() if rows)

    @property
    def warm(self) -> Sample:
        """The sample by which later ones are measured: a tenth of the way."""
        return self.samples[max(0, len(self.samples) // 10 - 1)]

    @property
    def idle(self) -> list[int]:
        """Entries of the audit by days on which nobody wrote anything."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return [after.audit - before.audit for before, after in pairs if after.versions == before.versions]

    def judge(self) -> Iterator[str]:
        """Name what grew with time alone."""
        first, last = self.warm, self.samples[-1]
        changes = max(1, last.versions - first.versions)
        if last.blocks > 1.15 * first.blocks + 60 * changes:
            yield f"grew: {first.blocks:,} blocks of memory became {last.blocks:,}"
        if last.resident > 1.25 * first.resident + 8 * MIB:
            yield f"grew: {first.resident / MIB:.1f} MiB became {last.resident / MIB:.1f}"
        if last.files > first.files:
            yield f"grew: {first.files} open files became {last.files}"
        if max(each.wal for each in self.samples) > 64 * MIB:
            yield "grew: the WAL went over 64 MiB"
        if last.ledger - first.ledger > 16_384 * changes + MIB // 4:
            yield f"grew: the ledger takes {(last.ledger - first.ledger) / changes:,.0f} bytes a change"
        if max(self.idle, default=0) > 100:
            yield f"grew: the audit took {max(self.idle)} entries on a day of rest"
        if (last.audit - first.audit) / (changes + 48 * (last.day - first.day)) > 12:
            yield f"grew: {last.audit - first.audit:,} entries of the audit for {changes:,} changes"


class CountedDoor(SourceDoor):
    """The source, that counts how often its shortest list was asked for: once in each round."""

    def __init__(self, books: Any, heard: Callable[[], None]) -> None:
        super().__init__(books)
        self._heard = heard

    async def pages(self, kind: Kind, start: str | None) -> Any:
        if kind == "rep":
            self._heard()
            self._books.served.clear()
        async for page in super().pages(kind, start):
            assert isinstance(page, Page)
            yield page


def conditions_of(seed: int, days: float, poll_s: float) -> Conditions:
    """Give the conditions of a long life: a calm account with faults now and then, all along."""
    until_s = days * DAY_S
    return replace(
        Conditions.of(seed), clients=8, crashes=max(1, round(days / 6)), ending="cutover", page_size=200, read_faults=0.0005, lies=3,
        write_faults=0.05, poison=0.02, works_until_s=until_s, deeds=0, edits=0, cheats=2, batch=40, part="", strays=0, poll_s=poll_s,
        sweep_every_s=HOUR_S, looks_every_s=min(3.0 * poll_s, 600.0), faults_end_s=until_s, skips=0.0,
    )  # fmt: skip


class LongWorld(World):
    """A world that is given months."""

    TURNS = 2**62

    def __init__(self, seed: int, folder: Path, *, days: float, poll_s: float) -> None:
        super().__init__(seed, conditions=conditions_of(seed, days, poll_s))
        self.told = Told(seed=seed, days=days)
        self.account.on_effect = lambda what, kind, dest_id, fields: None     # what the book holds is looked at in the end
        self.orders.manners -= {"too early"}        # nothing is polled while somebody is waited for to confirm the freeze
        self._disk = Disk(folder, self.clock)
        self._days = days
        self._wal = 0

    def live(self) -> None:
        """Let the months pass."""
        self._workers.begin()
        self._users.begin()
        self._workers.plan(self._working_hours("source", 4))
        self._users.plan(self._working_hours("destination", 1))
        ends = self._dice("crashes")
        for _ in range(self.conditions.crashes):
            self.agenda.at(ends.random() * self.conditions.works_until_s, lambda: self._strike(ends.randint(1, 400)))
        for hour in range(1, int(self._days * 24) + 1):
            self.agenda.at(hour * HOUR_S, lambda hour=hour: self._look(hour))     # type: ignore[misc]
        gc.collect()
        gc.freeze()      # what is there now stays: to look through it each hour would be most of the time
        while not self._process(self._dice(f"process {self.crashes}")):
            self.crashes += 1
            self.agenda.tell("the process ended")
            self.agenda.until(self.agenda.now + 0.5 + 3.0 * ends.random())
        self.agenda.until(self.agenda.now + 60.0)

    def _working_hours(self, name: str, a_day: int) -> list[float]:
        dice = self._dice(f"days of {name}")
        days = [day for day in range(int(self._days) + 1) if day % 7 not in REST]
        times = [day * DAY_S + (0.3 + 0.4 * dice.random()) * DAY_S for day in days for _ in range(dice.randint(1, 2 * a_day))]
        return sorted(each for each in times if each < self.conditions.works_until_s - 60.0)

    def _look(self, hour: int) -> None:
        if hour % 6 == 0:
            gc.collect()
        self._wal = max(self._wal, self._disk.wal_bytes)
        if hour % 24:
            return
        rows = self._disk.rows()
        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self.told.samples.append(Sample(
            day=hour // 24, rounds=self.told.rounds, resident=resident, blocks=sys.getallocatedblocks(),
            versions=sum(map(len, self.books.rows.values())) + len(self.account.events), files=len(os.listdir("/proc/self/fd")),
            ledger=self._disk.pages_bytes(), wal=self._wal, audit=rows.get("audit", 0), rows=rows,
        ))  # fmt: skip
        self._wal = 0

    def _process(self, dice: Any) -> bool:
        operator, source, destination = self._operator(), self._source(), DestinationDoor(self.account, dice)

        async def start() -> None:
            await daemon(self.conditions, await self._disk.open(), source, destination, self.clock, operator)

        with process(self.agenda, dice, self.TURNS) as loop:
            self._loop = loop
            loop.call_at(self.conditions.works_until_s + ENDS_AFTER_S, loop.stop)
            try:
                is_over = self._lived(loop, start())
            finally:
                destination.line.is_cut = True
                self._loop = None
                self._disk.drop()
        clear_graves()
        return is_over

    def _source(self) -> SourceDoor:
        return CountedDoor(self.books, self._count_round)

    def _count_round(self) -> None:
        self.told.rounds += 1

    def judged(self) -> list[str]:
        """Give what became of it all, by the file that is left."""
        found: list[str] = []

        async def look() -> None:
            ledger = await self._disk.open()
            kept = await in_memory(ledger, (*KEYS, "company"), self.clock)
            found.extend(judge(Evidence.of(self.books, self.account, kept, self.conditions)))

        with process(self.agenda, self._dice("judge"), self.TURNS) as loop:
            run(loop, look())
        self._disk.drop()
        return found


def live(seed: int, *, days: float, poll_s: float) -> Told:
    """Let one account be followed for months, and tell how it went."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="streamflow-days-", dir=SHARED if SHARED.is_dir() else None) as folder:
        world = LongWorld(seed, Path(folder), days=days, poll_s=poll_s)
        told = world.told
        gc.disable()
        try:
            with settled_order(), _documents_read_once():
                world.live()
                told.faults = [*dict.fromkeys(world.faults)] or world.judged()
        finally:
            clear_graves()
            gc.enable()
            gc.unfreeze()
    told.crashes, told.trace, told.took_s = world.crashes, world.agenda.trace, time.monotonic() - begun
    told.faults += told.judge()
    return told
