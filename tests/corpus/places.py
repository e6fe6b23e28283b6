"""The doors that are lied to: each over its own session to a simulated platform, and what is true behind it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, cast

from aiohttp.test_utils import TestServer

from streamflow.platforms.entry import SourceSettings, Wire
from streamflow.platforms.leadperfection.doors import DOORS as LEAD_PERFECTION
from streamflow.platforms.leadtrekker.doors import DOORS as LEADTREKKER
from streamflow.platforms.spec_source import SpecSource
from streamflow.sandbox.faults import Faults
from streamflow.sandbox.leadperfection import server as leadperfection
from streamflow.sandbox.leadperfection.tokens import Credentials
from streamflow.sandbox.leadtrekker import server as leadtrekker
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.session import SessionSettings
from tests.platforms.leadperfection.rig import Clock
from tests.platforms.leadtrekker_rig import KEY, NOW, HastyClock
from tests.platforms.nutshell_rig import Rig, rig
from tests.sandbox.leadperfection_rig import NOW as LP_NOW
from tests.sandbox.leadperfection_rig import PLAIN, START

TIMEOUT_S = 3.0
ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What came of a reading: the ids, and how much of it was said to be missing or unfit."""

    keys: frozenset[str]
    told: int = 0


class Door(Protocol):
    """One thing to do at a platform that may lie."""

    faults: Faults
    path: str             # of the calls that are lied to, as a rule names them
    port: int
    also: frozenset[str]      # calls that may follow, beside those made when all is well

    async def ask(self) -> Any:
        """Do it; what comes back is for `is_true`. Raises errors of the program."""
        ...

    def is_true(self, found: Any) -> bool:
        """Say whether what came back is so."""
        ...

    def is_denied_rightly(self) -> bool:
        """Say whether it is true that the last thing asked for was surely not done; always so for a reading."""
        ...


class Reader:
    """A reading that is compared with the truth, read before anybody lied."""

    also = frozenset[str]()

    def __init__(self, faults: Faults, path: str, port: int, ask: Callable[[], Any]) -> None:
        self.faults, self.path, self.port = faults, path, port
        self.ask = ask
        self.truth: frozenset[str] = frozenset()

    def is_true(self, found: Any) -> bool:
        return not found.keys - self.truth and (found.keys == self.truth or found.told > 0)

    def is_denied_rightly(self) -> bool:
        return True


class Writer:
    """A create, of which the account behind it shows what came."""

    also = frozenset({"PATCH /rest/leads/{id}"})      # what a lead's own answer says was forgotten is set anew

    def __init__(self, made: Rig, kind: str, port: int) -> None:
        self.faults, self.path, self.port = made.site.faults, f"POST /rest/{kind}", port
        self._made, self._kind = made, kind
        self._field = "description" if kind == "leads" else "name"
        self._number = 0
        self._person = ""

    async def begin(self) -> None:
        """Make somebody who is linked to."""
        self._person = await self._made.nutshell.writer.create("contacts", {"name": "Nia Okafor"})
        await self.ask()

    async def ask(self) -> str:
        self._number += 1
        return await self._made.nutshell.writer.create(
            self._kind, {self._field: f"Hostile {self._number}", **({"link:contacts": [self._person]} if self._kind == "leads" else {})}
        )

    def is_true(self, found: Any) -> bool:
        return [row["id"] for row in self._stored()] == [found]

    def is_denied_rightly(self) -> bool:
        return not self._stored()

    def _stored(self) -> list[dict[str, Any]]:
        return [row for row in self._made.live(self._kind) if row.get(self._field) == f"Hostile {self._number}"]


_BOUNDS = SessionSettings(total_s=TIMEOUT_S, read_s=TIMEOUT_S, patience=Patience(attempts=ATTEMPTS, base_s=0.001, cap_s=0.002))


def _port(made: Rig) -> int:
    return int(made.nutshell.session._book._base.port or 0)


@asynccontextmanager
async def nutshell_list() -> AsyncIterator[Door]:
    """The list of all people of the destination."""
    async with rig(settings=_BOUNDS, existing={"contacts": 12, "accounts": 0, "leads": 0, "activities": 0, "notes": 0, "tasks": 0}) as made:

        async def ask() -> Read:
            return Read(keys=frozenset([key async for page in made.nutshell.reader.everything("contacts", custom=False) for key in page]))

        door = Reader(made.site.faults, "GET /rest/contacts", _port(made), ask)
        door.truth = (await ask()).keys
        yield door


@asynccontextmanager
async def nutshell_ids() -> AsyncIterator[Door]:
    """Some people of the destination, by their ids."""
    async with rig(settings=_BOUNDS, existing={"contacts": 12, "accounts": 0, "leads": 0, "activities": 0, "notes": 0, "tasks": 0}) as made:
        wanted = [row["id"] for row in made.live("contacts")][:4]

        async def ask() -> Read:
            return Read(keys=frozenset(await made.nutshell.reader.read("contacts", wanted, custom=False)))

        door = Reader(made.site.faults, "GET /rest/contacts/*", _port(made), ask)
        door.truth = (await ask()).keys
        yield door


@asynccontextmanager
async def _nutshell_create(kind: str) -> AsyncIterator[Door]:
    async with rig(settings=_BOUNDS) as made:
        door = Writer(made, kind, _port(made))
        await door.begin()
        yield door


def nutshell_person() -> AbstractAsyncContextManager[Door]:
    """A person made in the destination."""
    return _nutshell_create("contacts")


def nutshell_lead() -> AbstractAsyncContextManager[Door]:
    """A lead made in the destination, with somebody linked to it."""
    return _nutshell_create("leads")


@dataclass(frozen=True, slots=True)
class _Hasty:
    """A shipped spec with less patience."""

    shipped: Any

    def read_text(self, encoding: str) -> str:
        text = re.sub(r"\btimeout_s = \d+", f"timeout_s = {TIMEOUT_S}", self.shipped.read_text(encoding=encoding))
        return text.replace("attempts = 4", f"attempts = {ATTEMPTS}")


async def _read(source: SpecSource, kind: str) -> Read:
    pages = [page async for page in source.pages(kind, None)]
    told = sum(len(page.gaps) + len(page.rejects) for page in pages)
    return Read(keys=frozenset(record.key for page in pages for record in page.records if record.kind == kind), told=told)


@asynccontextmanager
async def leadtrekker_leads() -> AsyncIterator[Door]:
    """The list of leads of one source."""
    app = leadtrekker.make_app(leadtrekker.Config(seed=7, records=60, now=NOW))
    async with TestServer(app, host="127.0.0.1") as server:
        options = {"base_url": str(server.make_url("/api/")), "api_key": Masked(KEY)}
        doors = replace(LEADTREKKER, shipped=cast(Any, _Hasty(LEADTREKKER.shipped)))
        async with _source(doors, SourceSettings(options=options), HastyClock()) as source:
            door = Reader(app[leadtrekker.SIMULATION].faults, "POST /api/getleads", server.port or 0, lambda: _read(source, "lead"))
            door.truth = (await door.ask()).keys
            yield door


@asynccontextmanager
async def lead_perfection_people() -> AsyncIterator[Door]:
    """The list of prospects of the other source, a window of time after the other."""
    app = leadperfection.make_app(leadperfection.Config(seed=7, records=150, now=cast(datetime, LP_NOW), switches=PLAIN))
    app[leadperfection.SIMULATION].faults.clock.now = lambda: START  # type: ignore[method-assign]
    right = Credentials()
    async with TestServer(app, host="127.0.0.1") as server:
        options = {
            "base_url": str(server.make_url("/")), "username": right.username, "password": Masked(right.password),
            "clientid": right.clientid, "appkey": Masked(right.appkey),
        }  # fmt: skip
        doors = replace(LEAD_PERFECTION, shipped=cast(Any, _Hasty(LEAD_PERFECTION.shipped)))
        settings = SourceSettings(options=options, streams={"prospect": {"window": {"start": "2026-09-01"}}})
        async with _source(doors, settings, Clock()) as source:
            faults = app[leadperfection.SIMULATION].faults
            door = Reader(faults, "POST /api/Customers/GetLead", server.port or 0, lambda: _read(source, "prospect"))
            door.truth = (await door.ask()).keys
            yield door


def _source(doors: Any, settings: SourceSettings, clock: Any) -> AbstractAsyncContextManager[SpecSource]:
    limiter = PacedLimiter(clock, rate_per_s=100_000.0, burst=100.0, max_in_flight=8)
    return cast(
        AbstractAsyncContextManager[SpecSource], doors.connect(settings, Wire(limiter=limiter, clock=clock, hook=None, dice=lambda: 0.0))
    )


PLACES: dict[str, Callable[[], AbstractAsyncContextManager[Door]]] = {
    "nutshell list": nutshell_list, "nutshell by id": nutshell_ids, "nutshell create": nutshell_person, "nutshell lead": nutshell_lead,
    "leadtrekker list": leadtrekker_leads, "lead perfection list": lead_perfection_people,
}  # fmt: skip
