"""One simulated account as a whole: configuration, state, life, switches, tokens, and who may change it when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import anyio
from aiohttp import web

from streamflow.sandbox.clocks import Clock, SystemClock
from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.hits import Hits
from streamflow.sandbox.leadperfection.life import LeadPerfectionLife
from streamflow.sandbox.leadperfection.operation import Operation, OperationRefused, perform
from streamflow.sandbox.leadperfection.search import Directory
from streamflow.sandbox.leadperfection.stamps import local_now
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.switches import LeadPerfectionFaults
from streamflow.sandbox.leadperfection.tokens import Credentials, Tokens

_SETTINGS = {"seed", "records", "now", "timezone", "credentials", "switches", "faults", "life_rate_per_s"}
_SLOW_S = 130.0
_SLOW_INDEX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a simulated account starts from; `now`, on the tenant's wall clock, is when its generated past ends."""

    seed: int = 7
    records: int = 1000
    now: datetime | None = None
    timezone: str = "America/New_York"
    credentials: Credentials = field(default_factory=Credentials)
    switches: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    life_rate_per_s: float | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Config:
        """Read a JSON object of these settings, `now` as ISO; ValueError names what is not known."""
        unknown = sorted(document.keys() - _SETTINGS)
        if unknown:
            raise ValueError(f"unknown configuration: {', '.join(unknown)}")
        values = dict(document)
        if isinstance(values.get("now"), str):
            values["now"] = datetime.fromisoformat(values["now"])
        if "credentials" in values:
            values["credentials"] = Credentials(**values["credentials"])
        return cls(**values)


class LeadPerfection:
    """One simulated account behind its server."""

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.faults = LeadPerfectionFaults(clock=self.clock, seed=config.seed)
        self.faults.merge(config.switches)
        self.faults.profile(config.faults)
        self.zone = ZoneInfo(config.timezone)
        account = Account(seed=config.seed, records=config.records, now=config.now or self.wall_clock())
        self.state = State(account, zone=self.zone)
        self.hits = Hits(self.state, self.faults.switches, wall_clock=self.wall_clock)
        self.directory = Directory(self.state)
        self.life = LeadPerfectionLife(self.state, clock=self.clock, seed=config.seed)
        self.life.stamp = self.faults.stamp
        self.tokens = Tokens(config.credentials)
        self.write_calls: Counter[str] = Counter()
        self.still = anyio.Lock()
        """Held by whoever changes the state by hand, and by an export, which must see one moment."""
        if config.life_rate_per_s:
            self.life.switch(on=True, rate_per_s=config.life_rate_per_s)

    @property
    def switches(self) -> Mapping[str, Any]:
        """The live switches."""
        return self.faults.switches

    def wall_clock(self) -> datetime:
        """Give the tenant's time of day, naive."""
        return local_now(self.faults.platform_now(), self.zone)

    def catch_up(self) -> None:
        """Let life happen that fell due, unless somebody needs the state to hold still."""
        if not self.still.locked():
            self.life.silent_share, self.life.weights = self.switches["silent_edits"], self.switches["life_weights"]
            self.life.touches_leads = self.switches["prospect_edits"] == "lead"
            self.life.catch_up(self.clock.now())

    def write(self, operation: Operation, *, by: str, force: bool = False) -> str:
        """Make a change that is not life's and note it; OperationRefused while frozen, by the switch, unless forced."""
        if self.life.is_frozen and not force and self.switches["frozen_writes"] == "refused":
            raise OperationRefused("the account is frozen")
        at = self.faults.stamp(self.clock.now())
        if operation.do == "edit" and self.life.is_hushed():
            operation = replace(operation, silent=True)
        key, cst_id = perform(self.state, operation, at=at)
        self.life.record(operation, key, cst_id, at, by=by)
        return key

    def slow_s(self, cst_id: str, *, by_id: bool) -> float:
        """Give the seconds that a call with this prospect takes; nearly always 0."""
        slow = self.switches["slow"]
        return float(slow.get("seconds", _SLOW_S)) if self._is_meant("slow", cst_id, by_id=by_id) else 0.0

    def is_spoilt(self, cst_id: str, *, by_id: bool) -> bool:
        """Say whether the row of this prospect cannot be converted; nearly never."""
        return self._is_meant("spoilt", cst_id, by_id=by_id)

    def _is_meant(self, switch: str, cst_id: str, *, by_id: bool) -> bool:
        meant = self.switches[switch]
        if meant is None or (meant.get("where", "any") == "by_id" and not by_id):
            return False
        wanted = str(meant.get("cst_id", "auto"))
        if wanted == "auto":
            wanted = str(self.state.account.plan.cst_id(min(_SLOW_INDEX, self.state.account.prospect_count - 1)))
        return cst_id in wanted.split()


SIMULATION = web.AppKey("simulation", LeadPerfection)
