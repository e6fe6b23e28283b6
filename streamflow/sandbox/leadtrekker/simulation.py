"""One simulated account as a whole: configuration, state, life, switches, and who may change it when."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio
from aiohttp import web

from streamflow.sandbox.clocks import Clock, SystemClock
from streamflow.sandbox.forms import within
from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.life import LeadtrekkerLife
from streamflow.sandbox.leadtrekker.operation import Operation, OperationRefused, perform
from streamflow.sandbox.leadtrekker.state import State, local_now
from streamflow.sandbox.leadtrekker.switches import LeadtrekkerFaults

DEFAULT_KEY = "sandbox-lt-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a simulated account starts from; `now` is when its generated past ends, the clock's time by default."""

    seed: int = 7
    records: int = 1000
    api_key: str = field(default=DEFAULT_KEY, repr=False)
    now: datetime | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    life_rate_per_s: float | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Config:
        """Read {"seed", "records", "api_key", "now" (ISO), "switches", "faults", "life_rate_per_s"}; ValueError names what is not known."""
        unknown = sorted(document.keys() - {"seed", "records", "api_key", "now", "switches", "faults", "life_rate_per_s"})
        if unknown:
            raise ValueError(f"unknown configuration: {', '.join(unknown)}")
        values = dict(document)
        if isinstance(values.get("now"), str):
            values["now"] = datetime.fromisoformat(values["now"])
        return cls(**values)


class Leadtrekker:
    """One simulated account behind its server: state, life, switches, and the count of writes by API."""

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.faults = LeadtrekkerFaults(clock=self.clock, seed=config.seed)
        self.faults.merge(config.switches)
        self.faults.profile(config.faults)
        now = config.now or local_now(self.clock.now())
        account = Account(seed=config.seed, records=config.records, now=now)
        self._late = random.Random(f"late-{config.seed}")
        self.state = State(account, clock=self.clock, late_visibility_s=self._late_visibility_s, stamp=self.faults.stamp)
        self.life = LeadtrekkerLife(self.state, clock=self.clock, seed=config.seed)
        self.write_calls: Counter[str] = Counter()
        self.still = anyio.Lock()
        """Held by whoever changes the state by hand, and by an export, which must see one moment."""
        if config.life_rate_per_s:
            self.life.switch(on=True, rate_per_s=config.life_rate_per_s)

    @property
    def switches(self) -> Mapping[str, Any]:
        """The live switches."""
        return self.faults.switches

    def catch_up(self) -> None:
        """Let life happen that fell due, unless somebody needs the state to hold still."""
        if not self.still.locked():
            self.life.silent_share, self.life.weights = self.switches["silent_edits"], self.switches["life_weights"]
            self.life.catch_up(self.clock.now())

    def write(self, operation: Operation, *, by: str, force: bool = False) -> str:
        """Make a change that is not life's and note it; OperationRefused while frozen, by the switch, unless forced."""
        if self.life.is_frozen and not force and self.switches["frozen_writes"] == "refused":
            raise OperationRefused("the account is frozen")
        at = self.clock.now()
        if operation.do == "edit" and self.life.is_hushed():
            operation = replace(operation, silent=True)
        outcome = perform(self.state, operation, at=at)
        self.life.record(operation, outcome, at, by=by)
        return outcome.key

    def _late_visibility_s(self) -> float:
        return within(self.faults.switches["late_visibility_s"], self._late.random())


SIMULATION = web.AppKey("simulation", Leadtrekker)
