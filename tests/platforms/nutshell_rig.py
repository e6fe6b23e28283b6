"""A Nutshell destination joined to the simulated account in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp.test_utils import TestServer

from streamflow.clock import SystemClock
from streamflow.model import DestId, Kind
from streamflow.platforms.nutshell.client import Nutshell
from streamflow.platforms.nutshell.doors import connect
from streamflow.platforms.nutshell.flags import Flags
from streamflow.sandbox.nutshell import make_app, open_site
from streamflow.sandbox.nutshell.site import Site
from streamflow.wire.backoff import Patience
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt
from streamflow.wire.session import SessionSettings

ADMIN = "ana.admin@blueberry.test"
OTHER = "ben.sales@blueberry.test"
QUICK: dict[str, Any] = {"search_lag_s": 0.0}
QUICKLY = SessionSettings(total_s=2.0, read_s=2.0, patience=Patience(attempts=4, base_s=0.001, cap_s=0.01))


@dataclass(slots=True)
class Rig:
    """The destination under test, the account behind it, and what went over the wire."""

    nutshell: Nutshell
    site: Site
    attempts: list[Attempt]

    def switch(self, **switches: Any) -> None:
        """Change how the simulated account behaves from now on."""
        self.site.faults.merge(switches)

    def stored(self, kind: str, dest_id: str) -> dict[str, Any]:
        """Look at a record as the account holds it."""
        record = self.site.state.get(kind, dest_id)
        assert record is not None
        return record

    def live(self, kind: str) -> list[dict[str, Any]]:
        """All records of a kind that are not deleted."""
        return [r for r in self.site.state.table(kind).values() if not r.get("deletedTime")]

    def calls(self) -> list[str]:
        """What was asked since the last time, as "METHOD endpoint"."""
        made = [f"{a.method} {a.endpoint}" for a in self.attempts]
        self.attempts.clear()
        return made


@asynccontextmanager
async def rig(
    *, switches: Mapping[str, Any] | None = None, key: str = "sandbox-key", user: str = ADMIN, impersonate: bool = False,
    flags: Mapping[str, Any] | None = None, settings: SessionSettings = QUICKLY, **config: Any,
) -> AsyncIterator[Rig]:  # fmt: skip
    """Start an account and connect to it."""
    site = open_site({"switches": {**QUICK, **(switches or {})}, **config})
    attempts: list[Attempt] = []
    async with TestServer(make_app(site=site), host="127.0.0.1") as server:
        clock = SystemClock()
        limiter = PacedLimiter(clock, rate_per_s=5_000, burst=100, max_in_flight=16)
        async with connect(
            base_url=str(server.make_url("/rest")), username=user, api_key=key, limiter=limiter, clock=clock,
            flags=Flags().with_({**QUICK, **(flags or {})}), impersonate=impersonate, hook=attempts.append, settings=settings,
        ) as nutshell:  # fmt: skip
            yield Rig(nutshell, site, attempts)


@dataclass(slots=True)
class Journal:
    """A probe journal in memory."""

    open: dict[tuple[Kind, str], DestId | None] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    async def defines(self, kind: Kind, label: str) -> None:
        """Fields stay: nothing to clean up."""

    async def meant(self, kind: Kind, marker: str) -> None:
        self.open[kind, marker] = None
        self.told.append("meant")

    async def made(self, kind: Kind, marker: str, dest_id: DestId) -> None:
        self.open[kind, marker] = dest_id
        self.told.append("made")

    async def removed(self, kind: Kind, marker: str) -> None:
        self.open.pop((kind, marker), None)
        self.told.append("removed")

    async def left(self) -> list[tuple[Kind, str, DestId | None]]:
        return [(kind, marker, dest_id) for (kind, marker), dest_id in self.open.items()]
