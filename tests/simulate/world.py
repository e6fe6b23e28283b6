"""One world: its two accounts and their people, a ledger, and the processes of the daemon that follow one another until it is done."""

from __future__ import annotations

import gc
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

import orjson

from streamflow.errors import StreamflowError
from streamflow.ledger_names import CLOSED
from streamflow.mapping.document import MapDocument
from streamflow.mapping.document_json import from_json
from streamflow.mapping.pair import Pair
from streamflow.migration import drift, proposal, reading, work
from streamflow.migration.life import State
from streamflow.model import DestId, Fields, IntentState, Kind, Op
from streamflow.store.change import Change, PutIntent, PutSetting, SettleIntent
from streamflow.store.memory import MemoryLedger
from tests.simulate import watching
from tests.simulate.agenda import Agenda
from tests.simulate.answers import Answers
from tests.simulate.conditions import Conditions
from tests.simulate.destination import Account
from tests.simulate.doors import DestinationDoor, marker_in
from tests.simulate.hard import HardPeople
from tests.simulate.judge import Evidence, judge
from tests.simulate.loop import TURNS, Stuck, VirtualLoop, clear_graves, process, run, settled_order
from tests.simulate.orders import Orders
from tests.simulate.people import DestinationPeople, SourcePeople
from tests.simulate.process import Operator, SlowLedger, WorldClock, daemon
from tests.simulate.source import Books, SourceDoor

MOMENTS = {"callbacks": 6_000, "commits": 120, "effects": 30, "later effects": 8}
"""What the life of a process that is to end before its time is measured by, and its longest; later effects are of tail or a rollback."""
STRAY_AT = ("drain 0", "drain 1", "drain 2", "verify", "switch")
"""The steps of an attempt in which somebody writes: before, between and after the passes of the drain, the count with them."""
STRAY_S = 1.5             # within so long from the beginning of the step


@dataclass(slots=True)
class Verdict:
    """What became of a world."""

    seed: int
    faults: list[str] = field(default_factory=list)     # "lost: quote q3 ..."
    crashes: int = 0
    doubts: int = 0
    unknown: Counter[str] = field(default_factory=Counter)     # creates whose outcome was unknown, by the state they ended in
    records: int = 0
    seconds: float = 0.0
    ending: str = ""
    manners: tuple[str, ...] = ()          # how the switch was ordered
    said: Counter[str] = field(default_factory=Counter)     # answers to the orders, and what else befell the attempts
    receipts: int = 0
    trace: str = ""
    lines: list[str] = field(default_factory=list)
    deeds: Counter[str] = field(default_factory=Counter)     # of those who make it hard, and what was answered


class World:
    """Everything that outlives a process."""

    ENDS_AFTER_S = 2_000.0     # one process
    TURNS = TURNS              # of its loop

    def __init__(self, seed: int, *, keep_lines: bool = False, conditions: Conditions | None = None) -> None:
        self.conditions = conditions or Conditions.of(seed)
        self.agenda = Agenda()
        self.agenda.lines = [] if keep_lines else None
        self._seed = seed
        self.books = Books(self.agenda, self.conditions, self._dice("source"), lies_left=self.conditions.lies)
        self.account = Account(self.agenda, self.conditions, self._dice("destination"))
        self.clock = WorldClock(self.agenda, self.conditions.steps)
        self.ledger = MemoryLedger(clock=self.clock)
        self.faults: list[str] = []
        self.is_whole = True       # it came to its end: else there is nothing to be judged
        self.crashes = 0
        self.answers = Answers(self.agenda, self.conditions)
        self.orders = Orders(self.agenda, self.conditions, storm=self._storm, strike=self._strike)
        self._workers = SourcePeople(self.books, self.conditions, self._dice("workers"))
        self._users = DestinationPeople(self.account, self.books, self.conditions, self._dice("users"))
        self._others = HardPeople(self.account, self.books, self._workers, self.conditions, self._dice("others"), lambda: self._phase)
        self._switched = False
        self.in_doubt: set[str] = set()          # intents whose outcome was unknown at some time
        self._heard: dict[str, int] = {}         # marker -> how far the feed was followed when its create was meant
        self._removals: dict[DestId, set[str]] = {}       # what a rollback noted before it removed it, and what that was related to
        self._strays: list[str] = []      # the steps in which somebody is still going to write
        self._ends_by, self._left = "", 0
        self._loop: VirtualLoop | None = None
        self.account.poisoned = self._is_poisoned
        self.account.on_effect = self._on_effect

    def _dice(self, name: str) -> Random:
        return Random(f"{name} {self._seed}")

    @property
    def _phase(self) -> str:
        return str((self.ledger._book.settings.get("phase") or {}).get("state", ""))

    # --- the course of things

    def live(self) -> None:
        """Let processes follow one another until the migration is done."""
        self._workers.begin()
        self._users.begin()
        self._others.begin()
        self._workers.plan()
        self._users.plan()
        self._others.plan()
        ends = self._dice("crashes")
        is_over = False
        while not is_over:
            self._ends_by = ends.choice(list(MOMENTS)) if self.crashes < self.conditions.crashes else ""
            self._left = ends.randint(1, MOMENTS.get(self._ends_by, 1))
            is_over = self._process(self._dice(f"process {self.crashes}"))
            if not is_over:
                self.crashes += 1
                self.agenda.tell("the process ended")
                self.orders.said["killed"] += self._phase == State.CUTOVER
                self.agenda.until(self.agenda.now + 0.5 + 3.0 * ends.random())
                self.ledger = self.ledger.reopened()
        self.agenda.until(self.agenda.now + 60.0)       # what was still on its way arrives

    def _process(self, dice: Random) -> bool:
        operator = self._operator()
        ledger = SlowLedger(self.ledger, self.agenda, dice, self._on_commit)
        self.books.served.clear()
        self.books.begun_at = self.agenda.now
        self.clock.begin()
        with process(self.agenda, dice, self.TURNS) as loop:
            self._loop = loop
            loop.end_after(self._left if self._ends_by == "callbacks" else -1)
            loop.call_later(self.ENDS_AFTER_S, loop.stop)
            source, destination = self._source(), DestinationDoor(self.account, dice)
            try:
                return self._lived(loop, daemon(self.conditions, ledger, source, destination, self.clock, operator))
            finally:
                destination.line.is_cut = True

    def _lived(self, loop: Any, life: Coroutine[Any, Any, Any]) -> bool:
        """Run a life to its end; one that ends by a fault is noted, and is over."""
        try:
            return run(loop, life)
        except (Stuck, RuntimeError) as error:
            self.is_whole = False
            self.faults.append(f"stuck: {error}")
        except BaseExceptionGroup as group:
            self.is_whole = False
            self.faults.append(f"ended by {_told(group)}")
        except StreamflowError as error:
            self.is_whole = False
            self.faults.append(f"ended by {type(error).__name__}: {error}")
        return True

    def _operator(self) -> Operator:
        return Operator(self.agenda, self.conditions, self.orders, self.answers, on_freeze=self._freeze, on_switch=self._switch)

    def _source(self) -> SourceDoor:
        return SourceDoor(self.books)

    def _storm(self, begins: float, ends: float) -> None:
        self.account.away = (begins, ends)

    def _strike(self, callbacks: int) -> None:
        """Let the process end a moment from now."""
        if self._loop is not None:
            self._loop.end_after(callbacks)

    def _count(self, moment: str) -> None:
        """Let the process end when its moment has come."""
        if moment == self._ends_by and self._loop is not None:
            self._left -= 1
            if self._left == 0:
                self._loop.end_now()

    def _freeze(self) -> None:
        if self.books.frozen_at is None:
            self._workers.finish()
            self.books.frozen_at = self.agenda.now
            self.agenda.tell("people stop writing")
            dice = self._dice("strays")
            self._strays = [dice.choice(STRAY_AT) for _ in range(self.conditions.strays)]

    def _on_plan(self, plan: Mapping[str, Any]) -> None:
        """Somebody has not stopped, and writes just when an attempt is in one of its steps."""
        step = str(plan.get("step"))
        step = f"{step} {plan['quiet']}" if step == "drain" else step
        if step == "switched" and self.books.switched_at is None:
            self.books.switched_at, self.books.heard_at_switch = self.agenda.now, watching.heard(self.ledger)
            self.faults += watching.switched(self.ledger, self.books)
        dice = self._dice(f"stray {step} {len(self._strays)}")
        while step in self._strays:
            self._strays.remove(step)
            self.agenda.at(self.agenda.now + STRAY_S * dice.random(), self._stray)

    def _stray(self) -> None:
        self.agenda.tell("somebody has not stopped")
        self._workers.stray()

    def _switch(self) -> None:
        if not self._switched:
            self._switched = True
            self._workers.cheat()
            self._others.toggle()

    # --- looking over its shoulder

    def _is_poisoned(self, fields: Fields) -> bool:
        marker = str(fields.get("custom:Streamflow ID") or fields.get("body") or fields.get("description") or "").rsplit("\n", 1)[-1]
        return bool(marker) and Random(f"{marker} {self._seed}").random() < self.conditions.poison

    def _on_effect(self, what: str, kind: Kind, dest_id: DestId | None, fields: Fields) -> None:
        held = self.account.records.get(dest_id or "")
        if held is None or not watching.brings_back(self._removals, what, held, fields):
            self.faults += watching.effect(self.ledger, what, kind, dest_id, fields)
            self.faults += watching.doubled(self.account, what, fields, heard=self._heard.get(marker_in(fields), 0))
        self._count("effects")
        if self._phase in (State.TAIL, State.ROLLBACK):
            self._count("later effects")

    def _on_commit(self, changes: Sequence[Change], is_done: bool) -> None:
        self._count("commits")      # twice: before it and after it
        for change in changes if is_done else ():
            if isinstance(change, PutIntent) and change.intent.marker:
                self._heard[change.intent.marker] = watching.heard(self.ledger)
            self._removals |= watching.removal(change)
            if isinstance(change, PutSetting) and change.name == "rollback" and change.value and change.value["scope"] == "run":
                self.books.undoing_at = self.books.undoing_at or self.agenda.now
            if isinstance(change, PutSetting) and change.name == CLOSED:
                self.books.closed_at = self.agenda.now
            if isinstance(change, SettleIntent) and change.state is IntentState.IN_DOUBT:
                self.in_doubt.add(change.id)
            if isinstance(change, PutSetting) and change.name == "cutover" and change.value and self.books.frozen_at is not None:
                self._on_plan(change.value)
        if is_done:
            self.faults += watching.marks(self.ledger, self.books, changes)
            self.faults += watching.questions(self.books, self.account, changes)
            self.faults += watching.strangers(self.ledger, self.account, changes)
            self.faults += watching.confirmed(self.ledger, self.account, changes)


def lived(seed: int, *, keep_lines: bool = False, planted: Callable[[], AbstractContextManager[None]] = nullcontext) -> World:
    """Run one world to its end."""
    world = World(seed, keep_lines=keep_lines)
    with settled_order():
        with _documents_read_once(), planted(), _no_collector():
            world.live()
        clear_graves()
    world.faults += world.orders.faults
    return world


def simulate(seed: int, *, keep_lines: bool = False, planted: Callable[[], AbstractContextManager[None]] = nullcontext) -> Verdict:
    """Run one world and judge it."""
    world = lived(seed, keep_lines=keep_lines, planted=planted)
    found = judge(Evidence.of(world.books, world.account, world.ledger, world.conditions, world.answers.times)) if world.is_whole else []
    manners = {*world.orders.manners} - ({"killed", "mid-batch"} - world.orders.said.keys())
    manners |= {"killed"} if world.orders.said["killed"] else set()
    manners |= {"late to show"} if world.books.showed_late() and "started" in world.orders.said else set()
    actions = Counter(orjson.loads(line.text)["action"] for line in world.ledger._book.audit.values())
    world.orders.said["given up"] = actions["cutover.given_up"]
    intents = world.ledger._book.intents.values()
    return Verdict(
        seed=seed, faults=[*dict.fromkeys(world.faults), *found], crashes=world.crashes, ending=world.conditions.ending,
        doubts=sum(each.unknown_since != "" or "quiet time" in each.reason or "marker" in each.reason for each in intents),
        unknown=Counter(each.state.value for each in intents if each.op is Op.CREATE and each.id in world.in_doubt),
        records=len(world.books.rows), manners=tuple(sorted(manners)), said=+world.orders.said, receipts=actions["cutover.switched"],
        deeds=world.answers.counted + world._others.done,
        seconds=world.agenda.now, trace=world.agenda.trace, lines=world.agenda.lines or [],
    )


@contextmanager
def _no_collector() -> Iterator[None]:
    """When the collector finds a generator nobody closed depends on what ran before: no part of a world."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


_DOCUMENTS: dict[bytes, MapDocument] = {}


@contextmanager
def _documents_read_once() -> Iterator[None]:
    """All worlds confirm the same map: read anew in each round it would be a tenth of the time."""

    def remembered(data: object, pair: Pair) -> MapDocument:
        text = orjson.dumps(data)
        if text not in _DOCUMENTS:
            _DOCUMENTS[text] = from_json(data, pair)
        return _DOCUMENTS[text]

    with ExitStack() as stack:
        for module in (drift, proposal, reading, work):
            stack.enter_context(patch.object(module, "from_json", remembered))
        yield


def _told(group: BaseExceptionGroup[BaseException]) -> str:
    each: BaseException = group
    while isinstance(each, BaseExceptionGroup):
        each = each.exceptions[0]
    where = traceback.extract_tb(each.__traceback__)[-1]
    return f"{type(each).__name__}: {each} ({where.filename.rpartition('/')[2]}:{where.lineno})"
