"""
How soon a change in the source is seen in the destination, and whether the figures that are told of it are true.

People make a change a second in a calm account; once the destination is away for a few minutes. Each change carries a number that the
destination shows, so who looks from outside knows when it was made, when it was handed out to the program, and when it arrived.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import anyio

from streamflow.daemon.picture import CallCount, Picture
from streamflow.daemon.supervisor import Supervisor
from streamflow.migration.life import State
from streamflow.model import Cursor, DestId, Fields, Key, Kind, Page
from tests.simulate.conditions import Conditions
from tests.simulate.destination import PERSON
from tests.simulate.judge import Evidence, judge
from tests.simulate.loop import clear_graves, settled_order
from tests.simulate.process import Operator
from tests.simulate.source import CHILDREN, Row, SourceDoor
from tests.simulate.world import World, _documents_read_once, _no_collector

BEGINS_S = 60.0            # by then the account is in tail
LOOKS_EVERY_S = 1.0         # as the daemon takes its picture
ROOM_S = 5.0
LEAST_S = 1.25              # how much too low the told age may be: as far as two looks of the daemon are apart, and what one takes
BATCH_S = 5.0               # and too high: what is there is known to be when its whole batch is in the ledger
TOKEN = re.compile(r"T(\d+)\.")
FIELD = {"client": "town", "quote": "phase", "visit": "text", "remark": "text", "errand": "text"}


@dataclass(slots=True, kw_only=True)
class Told:
    """What was measured; all seconds are virtual."""

    seed: int
    poll_s: float
    changes: int = 0
    rounds: list[float] = field(default_factory=list)        # when the source was looked at
    waits_s: list[float] = field(default_factory=list)       # from a change to its being there, while all was calm
    off_s: list[float] = field(default_factory=list)         # the told age of the oldest change less the true one
    most_s: float = 0.0                                      # the oldest change that was told of
    looks: int = 0
    below: int = 0                                           # looks at which the lag of the precheck was less than the truth
    above_s: float = 0.0                                     # by how much it was more, at most, while all was calm
    faults: list[str] = field(default_factory=list)
    took_s: float = 0.0
    trace: str = ""

    @property
    def interval_s(self) -> float:
        """Give what lies between the beginnings of two looks at the source: the pause, and the look with all that is done about it."""
        return quantile([after - before for before, after in pairwise(self.rounds)], 0.5)

    def facts(self) -> Iterator[str]:
        """Give the figures in words."""
        polls = f"{self.poll_s:g} s between polls, one each {self.interval_s:.1f} s"
        yield f"seed {self.seed}: {self.changes} changes at 60 a minute, {polls}, in {self.took_s:.0f} s of real time"
        yield (f"  there after {quantile(self.waits_s, 0.5):.1f} s (half), {quantile(self.waits_s, 0.99):.1f} s (99 of 100), "
               f"{max(self.waits_s):.1f} s (all {len(self.waits_s)})")
        yield (f"  told age of the oldest change up to {self.most_s:.0f} s, off by {min(self.off_s):+.2f} to {max(self.off_s):+.2f} s "
               f"in {len(self.off_s)} looks")
        yield f"  lag of the precheck: below the truth in {self.below} of {self.looks} looks, above it by {self.above_s:.1f} s at most"

    def judge(self) -> Iterator[str]:
        """Name what is not as it should be."""
        if quantile(self.waits_s, 0.99) > self.interval_s + ROOM_S:
            yield f"late: 99 of 100 changes were there after {quantile(self.waits_s, 0.99):.1f} s, polls are every {self.interval_s:.1f} s"
        if min(self.off_s) < -LEAST_S or max(self.off_s) > BATCH_S:
            yield f"untrue: the told age of the oldest change was off by {min(self.off_s):+.2f} to {max(self.off_s):+.2f} s"
        if self.below:
            yield f"untrue: the lag of the precheck was below the truth in {self.below} looks"


def quantile(values: list[float], share: float) -> float:
    """Give the value that so much of all does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass(slots=True, kw_only=True)
class Change:
    """One change, as who stands outside knows it."""

    kind: Kind
    key: Key
    made: float
    handed: float | None = None
    there: float | None = None


def _latest(changes: Sequence[Change]) -> float | None:
    """Give when the latest change of a record was handed out: the program knows one age of a record, that of what it read last."""
    return max((change.handed for change in changes if change.handed is not None), default=None)


class NotingDoor(SourceDoor):
    """The source, that notes when it handed out what."""

    def __init__(self, world: BusyWorld) -> None:
        super().__init__(world.books)
        self._world = world

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        if kind == "rep" and start is None:
            self._world.round_begins()
        async for page in super().pages(kind, start):
            self._world.handed(page)
            yield page

    async def children(self, kind: Kind, parent: Key) -> Page:
        page = await super().children(kind, parent)
        self._world.handed(page)
        return page


class LookingOperator(Operator):
    """An operator who takes the picture every second, as the daemon does, and holds it against the truth."""

    def __init__(self, world: BusyWorld, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._world = world

    async def attend(self, engine: Supervisor) -> None:
        """Run it, and look."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._look, engine)
            await super().attend(engine)
            group.cancel_scope.cancel()

    async def _look(self, engine: Supervisor) -> None:
        picture = Picture(engine.m, {}, CallCount())
        while True:
            await anyio.sleep(LOOKS_EVERY_S)
            snapshot = await picture.take()
            if engine.m.phase.state is State.TAIL:
                self._world.compare({kind: stream.lag_s or 0.0 for kind, stream in snapshot.streams.items()}, engine)


class BusyWorld(World):
    """A calm account in which something is written every second."""

    ENDS_AFTER_S = 20_000.0
    TURNS = 2**62

    def __init__(self, seed: int, *, minutes: float, poll_s: float) -> None:
        until_s = BEGINS_S + 60.0 * minutes
        super().__init__(seed, conditions=conditions_of(seed, until_s, poll_s))
        self.told = Told(seed=seed, poll_s=poll_s)
        self.orders.manners.clear()      # the switch is ordered once, in the end
        self.changes: list[Change] = []
        self._open: dict[tuple[Kind, Key], list[Change]] = defaultdict(list)     # not there yet
        away_s = BEGINS_S + 40.0 * minutes
        self.account.away = (away_s, away_s + min(180.0, 6.0 * minutes))
        self.account.on_effect = self._arrived
        self._alone: set[Key] = set()
        self._makes = self._dice("changes")
        for second in range(int(60.0 * minutes) - 5):
            self.agenda.at(BEGINS_S + second + self._makes.random(), self._change)

    def _operator(self) -> Operator:
        return LookingOperator(
            self, self.agenda, self.conditions, self.orders, self.answers, on_freeze=self._freeze, on_switch=self._switch,
        )

    def _source(self) -> SourceDoor:
        return NotingDoor(self)

    def _change(self) -> None:
        """Write a number somewhere, or somebody's first remark of that number."""
        kind = self._makes.choices(("client", *CHILDREN), (5, 2, 1, 1, 1))[0]
        rows = self.books.true(kind)
        self._alone = self._alone or {key for key, row in self.books.true("client").items() if self._is_alone(row)}
        rows = {key: row for key, row in rows.items() if row["clientid"] in self._alone}
        key, text = self._makes.choice(sorted(rows)), f"T{len(self.changes)}."
        if kind == "remark" and self._makes.random() < 0.5:
            owner, key = rows[key]["clientid"], f"x{len(self.changes)}"
            row: Row = {"remarkid": key, "clientid": owner, "repid": "r1", "made": "2026-04-01 09:00:00", "text": text}
        else:
            row = {**rows[key], FIELD[kind]: text}
        change = Change(kind=kind, key=key, made=self.agenda.now)
        self.changes.append(change)
        self._open[kind, key].append(change)
        self.books.put(kind, key, row)
        if kind != "client":
            self.books.touch(row["clientid"])

    def _is_alone(self, client: Row) -> bool:
        """Say whether nobody shares the address: of somebody who is one with another it is not said whose town is shown."""
        known = [each["value"] for held in self.account.records.values() if held.maker == PERSON for each in held.fields.get("emails", ())]
        return [*known, *(row["email"] for row in self.books.true("client").values())].count(client["email"]) == 1

    def round_begins(self) -> None:
        """Note that the source is looked at once more."""
        if self._is_calm(self.agenda.now) and BEGINS_S < self.agenda.now < self.conditions.works_until_s:
            self.told.rounds.append(self.agenda.now)

    def handed(self, page: Page) -> None:
        """Note the numbers that a page shows."""
        for record in page.records:
            found = TOKEN.search(str(record.data.get(FIELD.get(record.kind, ""), "")))
            if found and (change := self.changes[int(found[1])]).handed is None:
                change.handed = self.agenda.now

    def _arrived(self, what: str, kind: Kind, dest_id: DestId | None, fields: Fields) -> None:
        """Note the numbers that a write shows; what was written over on the way is there with what took its place."""
        for found in TOKEN.finditer(" ".join(str(value) for value in fields.values())) if what != "delete" else ():
            last = int(found[1])
            waiting = self._open[self.changes[last].kind, self.changes[last].key]
            for change in [each for each in waiting if each.made <= self.changes[last].made]:
                change.there = self.agenda.now
                waiting.remove(change)

    def compare(self, told: Mapping[Kind, float], engine: Supervisor) -> None:
        """Hold the figures that are told at this moment against the truth."""
        now = self.agenda.now
        waiting = [change for changes in self._open.values() for change in changes]
        for kind, lag_s in told.items():
            ages = [now - at for (each, _), changes in self._open.items() if each == kind and (at := _latest(changes)) is not None]
            if ages or lag_s:
                off_s = lag_s - max(ages, default=0.0)
                self.told.off_s.append(off_s if self._is_calm(now) else min(0.0, off_s))
                self.told.most_s = max(self.told.most_s, lag_s)
        as_of = engine.m.following.as_of
        if as_of is not None:
            bound_s = (engine.m.clock.now() - as_of) / timedelta(seconds=1)
            true_s = max((now - change.made for change in waiting), default=0.0)
            self.told.looks += 1
            self.told.below += bound_s < true_s - 0.001
            if self._is_calm(now):
                self.told.above_s = max(self.told.above_s, bound_s - true_s)

    def _is_calm(self, at: float) -> bool:
        begins, ends = self.account.away
        return not begins - 2 * self.conditions.poll_s - 10.0 <= at <= ends + 2 * self.conditions.poll_s + 60.0

    def measured(self) -> Told:
        """Give what was measured, with everything that is not as it should be."""
        told = self.told
        told.changes, told.trace = len(self.changes), self.agenda.trace
        told.waits_s = [each.there - each.made for each in self.changes if each.there is not None and self._is_calm(each.made)]
        told.faults = [*dict.fromkeys(self.faults)] or judge(Evidence.of(self.books, self.account, self.ledger, self.conditions))
        lost = sum(each.there is None for each in self.changes)
        told.faults += [f"lost: {lost} changes never came"] if lost else []
        told.faults += told.judge()
        return told


def conditions_of(seed: int, until_s: float, poll_s: float) -> Conditions:
    """Give the conditions of a calm, busy account."""
    return replace(
        Conditions.of(seed), clients=24, crashes=0, ending="cutover", page_size=100, shows_late_s=0.0, silent=0.0, read_faults=0.0, lies=0,
        late_commit_s=0.0, search_lag_s=0.0, write_faults=0.0, poison=0.0, works_until_s=until_s, deeds=0, edits=0, cheats=0, batch=40,
        part="", strays=0, poll_s=poll_s, sweep_every_s=600.0, clock_off_s=0, skips=0.0,
    )  # fmt: skip


def live(seed: int, *, minutes: float, poll_s: float) -> Told:
    """Let people write for so long, and tell how soon it was there."""
    begun = time.monotonic()
    world = BusyWorld(seed, minutes=minutes, poll_s=poll_s)
    with settled_order(), _documents_read_once(), _no_collector():
        world.live()
    told = world.measured()
    clear_graves()
    told.took_s = time.monotonic() - begun
    return told
