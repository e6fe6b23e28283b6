"""Draws states from one story after the other until there are enough, and counts what is wrong with them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from streamflow.errors import StoreError

from .judge import Course, Moment, Reader
from .medium import Medium
from .operations import State
from .story import ENDS, Log, put, story
from .work import faults

A_STORY = 20_000        # states, about, before the next story is lived
FEW = 5                 # faults told, and kept, in full


def in_memory() -> Path | None:
    """Give a folder whose files lie in memory, where there is one: nothing here asks how long a disk takes."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is asked for: how many distinct states, and how the ledger's files were written."""

    states: int
    synchronous: str = ""                # what SQLite is told in place of what the product says
    ends: tuple[str, ...] = ENDS
    turns: int = 5                       # of each life
    opened: float = 0.01                 # share of the states that the ledger opens as well


@dataclass(slots=True)
class Tally:
    """What was looked at, and what came of it."""

    operations: int = 0
    transactions: int = 0
    drawn: int = 0
    books: int = 0                       # looked at in full
    opened: int = 0
    lost: int = 0                        # states in which something acknowledged is missing
    broken: int = 0                      # states that cannot be read, hold what never was, or are refused by the ledger
    ways: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)      # the book of each state
    wrong: set[str] = field(default_factory=set)

    @property
    def distinct(self) -> int:
        """How many states there were, each counted once."""
        return len(self.seen)


class Hunt:
    """One search, in a folder of its own that holds the states with faults afterwards."""

    def __init__(self, folder: Path, dice: random.Random, aim: Aim) -> None:
        self.tally = Tally()
        self._folder, self._dice, self._aim = folder, dice, aim
        folder.mkdir()
        self._reader = Reader(folder / "reader")

    async def run(self) -> Tally:
        """Draw until there are enough."""
        lives = 1 + len(self._aim.ends)
        while (left := self._aim.states - self.tally.distinct) > 0:
            quota = -(-min(left, A_STORY) // lives)
            ends = tuple(self._dice.sample(self._aim.ends, len(self._aim.ends)))
            async for log in story(self._folder, self._dice, synchronous=self._aim.synchronous, ends=ends, turns=self._aim.turns):
                await self._search(log, min(quota, self._aim.states - self.tally.distinct))
        return self.tally

    async def _search(self, log: Log, quota: int) -> None:
        course = Course(log, self._reader)
        self.tally.operations += len(log.ops) - log.start
        self.tally.transactions += course.transactions
        if self._aim.opened:
            for number, state in course.fresh:
                if number >= log.start:
                    await self._look_closely(state, course.at(number), log)
        goal, positions = self.tally.distinct + quota, len(log.ops) + 1 - log.start
        while (left := goal - self.tally.distinct) > 0:
            before = self.tally.distinct
            await self._round(log, course, share=min(1.0, 1.2 * left / positions), goal=goal)
            if self.tally.distinct - before < left / 50:
                return

    async def _round(self, log: Log, course: Course, *, share: float, goal: int) -> None:
        medium = Medium(log.base)
        for number in range(len(log.ops) + 1):
            if number:
                medium.take(log.ops[number - 1])
            if number >= log.start and self._dice.random() < share and self.tally.distinct < goal:
                await self._judge(log, course, number, *medium.cut(self._dice))

    async def _judge(self, log: Log, course: Course, number: int, way: str, state: State) -> None:
        moment, key = course.at(number), self._reader.key(state)
        self.tally.drawn += 1
        is_new = key not in self.tally.seen
        if is_new:
            self.tally.ways[way] += 1
            self.tally.seen[key] = self._reader.book(state)
        book = self.tally.seen[key]
        words = f"after operation {number} of a life that followed on {log.how!r}, drawn by {way!r}"
        if book not in moment.books:
            if key not in self.tally.wrong:      # a state may be right at one moment and wrong at a later one
                self.tally.wrong.add(key)
                self.tally.lost += course.knows(book)
                self.tally.broken += not course.knows(book)
                self._told(f"{'acknowledged transactions are lost' if course.knows(book) else f'broken: {book}'} {words}", state)
        elif is_new and self._dice.random() < self._aim.opened:
            await self._open(state, moment, words)

    async def _look_closely(self, state: State, moment: Moment, log: Log) -> None:
        self.tally.books += 1
        words = f"a book of a life that followed on {log.how!r}"
        if found := self._reader.faults(state):
            self.tally.broken += 1
            self._told(f"{words}: {', '.join(found)}", state)
        await self._open(state, moment, words)

    async def _open(self, state: State, moment: Moment, words: str) -> None:
        self.tally.opened += 1
        home = put(state, self._folder / "opened")
        if self._dice.random() < 0.5:       # what a crash leaves of the shared memory is worth nothing
            (home / "ledger.sqlite-shm").write_bytes(self._dice.randbytes(32768))
        try:
            found = await faults(home, acked=moment.acked)
        except StoreError as error:
            found = [f"refused: {error.message}"]
        if found:
            self.tally.broken += 1
            self._told(f"{words}: {', '.join(found)}", state)

    def _told(self, words: str, state: State) -> None:
        if len(self.tally.told) < FEW:
            kept = put(state, self._folder / f"fault-{len(self.tally.told) + 1}")
            self.tally.told.append(f"{words}; its files are in {kept}")
