"""A simulated Lead Perfection on a loopback socket, a source that reads it, and a book in which what it reads is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from streamflow.migration.context import Migration
from streamflow.migration.control import Control
from streamflow.migration.failing import Failing
from streamflow.migration.reading import SourceReader
from streamflow.migration.round import Reading
from streamflow.migration.stopped import Stopped
from streamflow.migration.terms import Terms
from streamflow.migration.waits import Waits
from streamflow.model import Key, Kind, Page, Record
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.entry import Wire as Lines
from streamflow.platforms.leadperfection.doors import DOORS
from streamflow.platforms.spec_source import SpecSource
from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.export import write_snapshot
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tokens import Credentials
from streamflow.store.change import PutSetting
from streamflow.store.memory import MemoryLedger
from streamflow.wire.credentials import Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import AttemptHook
from tests.platforms.leadtrekker_rig import HastyClock
from tests.sandbox.leadperfection_rig import NOW, START, Wire
from tests.sandbox.leadperfection_rig import serving as serving

RIGHT = Credentials()
ZONE = ZoneInfo("America/New_York")
RECENT: dict[Kind, dict[str, Any]] = {kind: {"window": {"start": "2024-11-01"}} for kind in ("prospect", "job", "appointment")}
"""The account begins there; the years before it would only take time."""
Held = dict[tuple[Kind, Key], Record]


class Clock(HastyClock):
    """Stands where the simulator's stands, and moves by what was slept."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(START, UTC) + timedelta(seconds=self.skipped_s)

    def steady(self) -> datetime:
        return self.now()


@asynccontextmanager
async def reading(
    wire: Wire | str | None, *, clock: Clock | None = None, password: str = RIGHT.password, reader: str = "api", inbox: Path | None = None,
    streams: Mapping[Kind, Mapping[str, Any]] | None = None, timeout_s: float | None = None, brief_s: float = 15.0,
    hook: AttemptHook | None = None,
) -> AsyncIterator[SpecSource]:  # fmt: skip
    """Open a source on a server at a pace that holds nobody up."""
    time, asked = clock or Clock(), streams or {}
    address = wire if isinstance(wire, str) else str(wire.server.make_url("/")) if wire is not None else ""
    settings = SourceSettings(
        reader=reader, inbox=inbox, streams={kind: {**RECENT.get(kind, {}), **asked.get(kind, {})} for kind in {*RECENT, *asked}},
        options={
            "base_url": address, "username": RIGHT.username, "password": Masked(password), "clientid": RIGHT.clientid,
            "appkey": Masked(RIGHT.appkey),
        },
    )  # fmt: skip
    limiter = PacedLimiter(time, rate_per_s=100_000.0, burst=100.0, max_in_flight=8)
    doors = DOORS if timeout_s is None else replace(DOORS, shipped=cast(Traversable, _Hasty(timeout_s, brief_s)))
    async with doors.connect(settings, Lines(limiter=limiter, clock=time, hook=hook, dice=lambda: 0.0)) as source:
        yield source


class _Hasty:
    """The shipped spec with less patience for one answer."""

    def __init__(self, timeout_s: float, brief_s: float) -> None:
        self.timeout_s = timeout_s
        self.brief_s = brief_s

    def read_text(self, encoding: str) -> str:
        shipped = DOORS.shipped.read_text(encoding=encoding)
        hasty = shipped.replace("timeout_s = 120 ", f"timeout_s = {self.timeout_s} ").replace("attempts = 4\n", "attempts = 2\n")
        return hasty.replace("brief_s = 15 ", f"brief_s = {self.brief_s} ")


@asynccontextmanager
async def files(folder: Path, *, records: int = 400, extract: bool = True, **given: Any) -> AsyncIterator[SpecSource]:
    """Open a source on a snapshot of the account that `serving` serves."""
    write_snapshot(
        truth(records), folder, stamp=datetime(2026, 11, 18, 14, tzinfo=UTC), taken_at=NOW, extract=extract, **given
    )  # fmt: skip
    async with reading(None, reader="files", inbox=folder) as source:
        yield source


def truth(records: int = 400) -> State:
    """Give the account that `serving` serves, as it was made."""
    return State(Account(seed=7, records=records, now=NOW), zone=ZONE)


async def pages(source: SpecSource, kind: Kind, start: str | None = None) -> list[Page]:
    """Read a whole list."""
    return [page async for page in source.pages(kind, start)]


async def everything(source: SpecSource, *kinds: Kind) -> Held:
    """Read all streams, or those named, joined as the intake joins them."""
    held: Held = {}
    for stream in source.streams():
        if stream.via is None and (not kinds or stream.kind in kinds):
            for page in await pages(source, stream.kind):
                assert page.rejects == () == page.gaps
                for record in page.records:
                    name = (record.kind, record.key)
                    held[name] = source.join(held.get(name), record, feed=stream.kind)
    return held


def of(held: Mapping[tuple[Kind, Key], Record], kind: Kind) -> dict[Key, Record]:
    """Give the records of one kind."""
    return {key: record for (each, key), record in held.items() if each == kind}


def content(records: Iterable[Record], *names: str) -> Counter[tuple[str, ...]]:
    """Count what records say in some fields."""
    return Counter(tuple(str(record.data.get(name, "")) for name in names) for record in records)


class Book:
    """The phases' own reader on a source, with a book in memory."""

    def __init__(self, source: SpecSource, clock: Clock, *, skip: Iterable[Kind] = ("schedule", "code", "origin"), **terms: Any) -> None:
        self.clock = clock
        self.ledger = MemoryLedger(clock=clock)
        self.source = source
        self.troubles: list[str] = []
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.numbers = iter(range(1, 1000))
        person = SimpleNamespace(kind="prospect")
        pair = SimpleNamespace(person=person, kind_naming=lambda what: {"user": "rep"}.get(what, what))
        self.skip = frozenset(skip)
        self.migration = cast(Migration, SimpleNamespace(
            ledger=self.ledger, source=source, control=Control(), clock=clock, pair=pair, touched={"prospect": set()},
            stopped=Stopped(), failing=Failing(), waits=Waits(clock),
            terms=Terms(name="t", state_dir=Path("."), timezone="America/New_York", **terms),
            explain=self._explain, log=lambda name, **fields: self.said.append((name, fields)),
            trouble=lambda error: self.troubles.append(str(error)),
        ))
        self.reader = SourceReader(self.migration)

    async def _explain(self, reason: str) -> None:
        """Nobody listens."""

    async def begin(self) -> Reading:
        """Read everything for the first time, but for what is not asked about."""
        await self.ledger.commit([PutSetting(name="coverage", value=dict.fromkeys(self.skip, "not available"))])
        return await self.reader.everything("first")

    async def poll(self) -> Reading:
        """Read one round of the tail."""
        return await self.reader.poll(next(self.numbers))

    async def held(self, kind: Kind) -> dict[Key, Record]:
        """Give the records of a kind as they are in the book."""
        return {each.record.key: each.record async for page in self.ledger.every(kind) for each in page}
