"""What all phases share: the doors, the terms, the control, and how state is persisted."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from streamflow.clock import Clock, iso
from streamflow.errors import StreamflowError
from streamflow.ledger_names import PHASE
from streamflow.mapping.pair import Pair
from streamflow.migration.control import Control
from streamflow.migration.failing import Failing
from streamflow.migration.life import Phase, State, move
from streamflow.migration.readiness import Following
from streamflow.migration.stopped import Stopped
from streamflow.migration.terms import Terms
from streamflow.migration.waits import Waits
from streamflow.model import AuditEntry, Key, Kind
from streamflow.pipeline import Gauges
from streamflow.platforms.destination import Destination, FieldSpec
from streamflow.platforms.source import Attachments, Source
from streamflow.reports.writer import ReportWriter
from streamflow.stages.meanwhile import Meanwhile
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, PutSetting

DEST_ORDER: tuple[Kind, ...] = ("accounts", "contacts", "leads", "activities", "notes", "tasks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A point where the daemon waits for a person."""

    name: str
    since: str
    what: str
    how: str


@dataclass(slots=True, kw_only=True)
class Migration:
    """One migration in this process."""

    terms: Terms
    pair: Pair
    ledger: Ledger
    source: Source
    attachments: Attachments | None
    destination: Destination
    clock: Clock
    control: Control
    log: Callable[..., None]
    report: ReportWriter                                  # name, data -> JSON, HTML, CSV
    phase: Phase
    gate: Gate | None = None
    _last_gate: Gate | None = None      # a gate that is looked at again is the same gate, waiting since it was first shown
    gauges: Gauges = field(default_factory=Gauges)
    decisions: dict[str, str] = field(default_factory=dict)   # of resolved queue items; one live dict, so that no pass works by old ones
    touched: defaultdict[Kind, set[Key]] = field(default_factory=lambda: defaultdict(set))  # since companies were looked at
    following: Following = field(default_factory=Following)   # how the tail keeps up, since this start
    stopped: Stopped = field(default_factory=Stopped)         # streams whose endpoint does not keep to the contract
    failing: Failing = field(default_factory=Failing)         # what failed last, and was not seen to go well since
    cutover_lock: anyio.Lock = field(default_factory=anyio.Lock)   # the operator and the running attempt both renew its plan
    closing: anyio.Lock = field(default_factory=anyio.Lock)        # an answer is taken, late versions are held, or the window is closed
    cutover_cancelled: bool = False                       # seen between two pages, long before the plan is looked at again
    listed: tuple[float, Sequence[FieldSpec]] | None = None   # the destination's custom fields, and when they were listed (monotonic)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))   # of intents, one run a start
    meanwhile: Meanwhile = field(init=False)              # outlives the stages, which are built anew for each round
    waits: Waits = field(init=False)                      # how long ago what the ledger knows was, whoever sets the wall clock

    def __post_init__(self) -> None:
        self.meanwhile = Meanwhile(self.destination.feed, self.clock, lambda: self.destination.flags.search_lag_s)
        self.waits = Waits(self.clock)

    async def enter(self, state: State, reason: str, *changes: Change) -> None:
        """Persist a move of the life table together with what it rests on."""
        self._last_gate = None
        move(self.phase.state, state)
        await self._persist(state, reason, *changes)

    async def explain(self, reason: str) -> None:
        """Renew the reason of the present state."""
        if reason != self.phase.reason:
            await self._persist(self.phase.state, reason)

    async def _persist(self, state: State, reason: str, *changes: Change) -> None:
        same = state is self.phase.state
        phase = Phase(state=state, reason=reason, since=self.phase.since if same else iso(self.clock.now()))
        entry = AuditEntry(actor="streamflow", action="phase", before=self.phase.state.value, after=state.value, note=reason)
        trail: list[Change] = [] if same else [Audit(entry=entry)]
        await self.ledger.commit([*changes, PutSetting(name=PHASE, value=phase.to_json()), *trail])
        if not same:
            self.log("phase.entered", state=state.value, reason=reason)
        self.phase = phase
        self.control.notify()

    @contextmanager
    def gates(self) -> Iterator[None]:
        """Bound the waiting at gates: whatever wakes it for another look, a gate stays in sight until it is passed or left."""
        try:
            yield
        finally:
            self.gate = None

    def pass_gate(self) -> None:
        """Leave a gate behind: when it is come to again it is another one, and waits from then on."""
        self.gate = self._last_gate = None

    def show_gate(self, name: str, what: str, how: str) -> None:
        """Show a gate where a person is waited for, until it is taken away (`gate = None`) or `gates` is left."""
        before = self._last_gate
        is_same = before is not None and before.name == name and before.what == what
        gate = before if is_same and before is not None else Gate(name=name, since=iso(self.clock.now()), what=what, how=how)
        self.gate = self._last_gate = gate
        if not is_same:
            self.log("gate.waiting", gate=name)
            self.control.notify()

    def asks(self, gate: str) -> bool:
        """Say whether a gate waits for a person."""
        return self.terms.gates.get(gate, "ask") == "ask"

    async def decide(self, actor: str, action: str, *changes: Change, note: str = "", after: Any = None) -> None:
        """Commit an operator's decision with its audit entry, then wake the phases."""
        await self.ledger.commit([*changes, Audit(entry=AuditEntry(actor=actor, action=action, note=note, after=after))])
        self.control.notify()

    def trouble(self, error: StreamflowError) -> None:
        """Tell the log of a foreseen failure without any payload."""
        self.log("trouble", code=error.code, message=str(error))
