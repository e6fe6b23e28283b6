"""
The engine joined to a simulated Nutshell account, with time that passes only when somebody sleeps.

A crash is thrown-away objects: `crash` ends the run, `engine` builds everything anew on the ledger that is left.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from aiohttp.test_utils import TestServer
from anyio.lowlevel import checkpoint

from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.mapping.pair import Pair
from streamflow.mapping.uplinks import uplinks_of
from streamflow.migration.lookups import lookup_of
from streamflow.model import DestId, Disposition, Fields, Kind, Link, Record, RecordState, Ref, Staged
from streamflow.pipeline import Gauges, Pipeline
from streamflow.platforms.nutshell.client import Nutshell
from streamflow.platforms.nutshell.doors import connect
from streamflow.platforms.nutshell.flags import Flags
from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.nutshell import admin, make_app, open_site
from streamflow.sandbox.nutshell.leads import default_stageset, first_stage
from streamflow.sandbox.nutshell.site import Site
from streamflow.stages.directory import Directory
from streamflow.stages.doubt import DoubtResolver, QuietTime
from streamflow.stages.load import Loader
from streamflow.stages.meanwhile import Meanwhile
from streamflow.stages.overwritten import UNLOOKED
from streamflow.stages.pending import StagedBatches
from streamflow.stages.resolve import Resolver
from streamflow.stages.roles import roles_of
from streamflow.stages.transform import Transformer
from streamflow.stages.uplinks import Uplinked
from streamflow.stages.vanished import Vanished
from streamflow.stages.verify import Verifier
from streamflow.store.base import Ledger
from streamflow.store.change import Reopen, ResolveItem
from streamflow.store.memory import MemoryLedger
from streamflow.store.sqlite import SqliteLedger
from streamflow.wire.backoff import Patience
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt
from streamflow.wire.session import SessionSettings
from tests.mapping import builders, porch
from tests.stages.explained import unexplained

USER = "ana.admin@blueberry.test"
PERSON = "ben.sales@blueberry.test"
QUIET = QuietTime(timeout_s=2.0, late_commit_s=6.0, search_lag_s=5.0)


class PassingClock:
    """One time for the engine and the account: it stands still until somebody sleeps or a test moves it."""

    def __init__(self) -> None:
        self.account = ManualClock()
        self.ahead_s = 0.0         # by which somebody has set the wall clock
        self.began_ahead_s = 0.0   # as this process began

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.account.now() + self.ahead_s, UTC)

    def monotonic(self) -> float:
        return self.account.now()

    def steady(self) -> datetime:
        return datetime.fromtimestamp(self.account.now() + self.began_ahead_s, UTC)

    async def sleep(self, seconds: float) -> None:
        await checkpoint()
        self.account.advance(max(0.0, seconds))


@dataclass(slots=True)
class Engine:
    """Everything a run of the daemon would build."""

    pipeline: Pipeline
    doubts: DoubtResolver
    verifier: Verifier


@dataclass(slots=True)
class Rig:
    """The account, the ledger, and what goes over the wire."""

    site: Site
    nutshell: Nutshell
    ledger: Ledger
    clock: PassingClock
    attempts: list[Attempt]
    batch_size: int = 20
    settings: dict[str, Any] = field(default_factory=dict)
    disputes: dict[str, str] = field(default_factory=dict)      # field -> what the map says of it where both sides changed it
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    scans: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    quiet: QuietTime = QUIET
    pair: Pair = builders.PAIR
    activity_types: dict[str, DestId] = field(default_factory=lambda: {"phone call": "1-activityTypes"})
    rereads: bool = True                                         # as in the tail
    worked_on: set[DestId] = field(default_factory=set)          # what this process learned of removals that were refused
    url: str = ""                                                # where the account is
    _doubts: tuple[Ledger, DoubtResolver] | None = None          # one a process: what an earlier one left is waited for anew

    # --- the engine

    async def engine(self) -> Engine:
        """Build the stages anew under the decisions taken by now."""
        document = self.document()
        by_email: dict[str, str] = {}
        named = {kind: {str(row["name"]).lower(): str(row["id"]) for row in self.live(kind)} for kind in ("stagesets", "outcomes")}
        stages = {f"{row['links']['stageset']}/{row['name']}".lower(): str(row["id"]) for row in self.live("stages")}
        mapper = compile_map(document, self.pair, Context(
            activity_types=self.activity_types, person_by_email=by_email.get, company_of=lambda text, name: None,
            note_max_chars=self.nutshell.flags.note_max_chars, note_backdate=self.nutshell.flags.note_backdate,
            task_complete=self.nutshell.flags.task_complete,
            details_field=self.settings.get("details_field", ""), details_max_chars=self.nutshell.flags.long_text_max_chars,
            stagesets=named["stagesets"], stages=stages, outcomes=named["outcomes"],
            stage_write=self.nutshell.flags.lead_stage_write != "none",
        ))
        decisions = dict(await self.ledger.decisions())
        users = {"27": "3-users", "87": "13-users"}
        first_stages = {key: first_stage(self.site, key) or "" for key in named["stagesets"].values()}
        first_stages[""] = first_stages[default_stageset(self.site)]
        directory = Directory(
            roles=roles_of(self.pair), users=users, fallback_user="1-users", decisions=decisions, first_stages=first_stages
        )  # fmt: skip
        busy: set[str] = set()
        meanwhile = self.looks()
        reader, feed = self.nutshell.reader, self.nutshell.feed
        vanished = Vanished(ledger=self.ledger, reader=reader)
        verifier = Verifier(ledger=self.ledger, reader=reader, feed=feed, vanished=vanished)
        pipeline = Pipeline(
            ledger=self.ledger, transformer=Transformer(mapper, self.ledger, by_email),
            resolver=Resolver(ledger=self.ledger, reader=reader, mapper=mapper, directory=directory, busy=busy, meanwhile=meanwhile,
                              edits=self.nutshell.writer.edits, fills=self.nutshell.writer.fills, vanished=vanished),
            loader=Loader(
                ledger=self.ledger, writer=self.nutshell.writer, feed=feed, clock=self.clock, phase=lambda: "tail",
                numbers=self.numbers, busy=busy, meanwhile=meanwhile, vanished=vanished, rereader=reader if self.rereads else None,
            ),
            verifier=verifier, gauges=Gauges(),
        )
        doubts = DoubtResolver(ledger=self.ledger, reader=reader, feed=feed, clock=self.clock, quiet=self.quiet)
        return Engine(pipeline, doubts, verifier)

    def document(self) -> MapDocument:
        """The proposed map of the pair under these settings."""
        document = proposed(self.pair.name, tuple(sorted(self.settings.items())))
        return replace(document, objects=tuple(
            replace(one, rows=tuple(
                replace(row, params={**row.params, "conflict": self.disputes[row.target]}) if row.target in self.disputes else row
                for row in one.rows
            )) for one in document.objects
        )) if self.disputes else document

    async def deliver(self, *kinds: Kind) -> int:
        """Look after what was written before, then run everything pending through freshly built stages."""
        await self.look_after()
        engine = await self.engine()
        return sum([await engine.pipeline.deliver(kind, self._batches(kind)) for kind in kinds or self.pair.written])

    def _batches(self, kind: Kind) -> StagedBatches:
        async def permit() -> bool:
            return True

        return StagedBatches(ledger=self.ledger, kind=kind, size=self.batch_size, permit=permit)

    def looks(self) -> Meanwhile:
        """Build the looks of a run of the stages."""
        return Meanwhile(self.nutshell.feed, self.clock, lambda: self.nutshell.flags.search_lag_s, worked_on=self.worked_on)

    async def look_after(self) -> float:
        """Look after the writes that are due, as a daemon just started would; answers for how long the switch would wait."""
        looks = self.looks()
        looks.recall(await self.ledger.settings(UNLOOKED))
        await self.ledger.commit(await looks.finish())
        return looks.left_s

    async def resolve_doubts(self) -> int:
        """Look once for the outcome of open writes."""
        if self._doubts is None or self._doubts[0] is not self.ledger:
            self._doubts = self.ledger, (await self.engine()).doubts
        return await self._doubts[1].resolve(phase="recovery")

    async def settle_unbounded(self) -> None:
        """Look as often as it takes where no bound for the lag is known: nothing is decided before it can no longer take effect."""
        assert self.quiet.seconds is None
        assert await self.resolve_doubts() == 1
        self.clock.account.advance(1.0 + self.quiet.late_s)
        assert await self.resolve_doubts() == 0

    async def run_dry(self, rounds: int = 40) -> None:
        """Deliver and resolve until nothing is open and nothing pending, time passing in between."""
        for _ in range(rounds):
            await self.deliver()
            if not await self.resolve_doubts() and not await self.pending():
                return
            self.clock.account.advance(2.0)
        raise AssertionError(f"still pending: {await self.pending()}, open: {await self.ledger.open_intents()}")

    async def verify(self) -> dict[str, int]:
        """Settle all kinds; answers links by state."""
        engine = await self.engine()
        for kind in ("accounts", "contacts", "leads", "activities", "notes", "tasks"):
            await engine.verifier.settle(kind)
        totals: dict[str, int] = {}
        for (_, _, state), count in (await self.ledger.link_counts()).items():
            totals[state] = totals.get(state, 0) + count
        return totals

    async def restart(self) -> None:
        """Throw the process away: only what was committed is left."""
        if isinstance(self.ledger, MemoryLedger):
            self.ledger = self.ledger.reopened()
            self.clock.began_ahead_s = self.clock.ahead_s
        self.worked_on.clear()

    # --- the source

    async def stage(self, *records: Record) -> None:
        """Put records into the ledger as a pass over the source would."""
        whole = [replace(record, digest=f"{crc32(repr((record.data, record.parent)).encode()):08x}") for record in records]
        uplinked = Uplinked(self.ledger)
        uplinked.links = uplinks_of(self.document(), self.pair)
        await self.ledger.stage(whole, scan=f"scan:{next(self.scans)}", changes=await uplinked.by_staging(whole))

    async def decide(self, item: str, decision: str, *, reopen: Ref | None = None) -> None:
        """Answer a queue item as the operator would."""
        changes: list[Any] = [ResolveItem(id=item, decision=decision, by="uid:1")]
        if reopen is not None:
            changes.append(Reopen(kind=reopen.kind, keys=(reopen.key,)))
        await self.ledger.commit(changes)

    async def existing(self, name: str, email: str, **values: Any) -> DestId:
        """Put a person into the account who was there before us, and take stock of them."""
        emails = [{"name": "work", "value": email, "isPrimary": True}]
        row = admin.act(self.site, {"as": PERSON, "do": "create", "kind": "contacts", "values": {"name": name, "emails": emails, **values}})
        dest_id = str(row["record"]["id"])
        await self.ledger.commit([lookup_of("contacts", dest_id, await self.fields("contacts", dest_id))])
        return dest_id

    # --- looking

    async def staged(self, kind: Kind, key: str) -> Staged:
        return (await self.ledger.staged(kind, [key]))[key]

    async def link(self, kind: Kind, key: str, part: str = "") -> Link:
        ref = Ref(kind, key, part)
        return (await self.ledger.links([ref]))[ref]

    async def pending(self) -> int:
        return sum(count.count for count in await self.ledger.counts() if count.state is RecordState.PENDING)

    async def dispositions(self, kind: Kind) -> dict[Disposition | None, int]:
        found: dict[Disposition | None, int] = {}
        for count in await self.ledger.counts():
            if count.kind == kind:
                found[count.disposition] = found.get(count.disposition, 0) + count.count
        return found

    async def open_items(self, cause: str = "") -> list[str]:
        return [item.id for item in await self.ledger.queue() if cause in ("", item.cause)]

    async def fields(self, kind: Kind, dest_id: DestId) -> Fields:
        return dict((await self.nutshell.reader.read(kind, [dest_id], custom=True))[dest_id])

    def live(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.site.state.table(kind).values() if not row.get("deletedTime")]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.live("contacts") if row["name"] == name]

    def calls(self) -> list[str]:
        made = [f"{each.method} {each.endpoint}" for each in self.attempts]
        self.attempts.clear()
        return made

    # --- meddling

    def switch(self, **switches: Any) -> None:
        self.site.faults.merge(switches)

    def person(self, do: str, kind: Kind, dest_id: DestId, **values: Any) -> None:
        """Let somebody work in the web app."""
        admin.act(self.site, {"as": PERSON, "do": do, "kind": kind, "id": dest_id, "values": values})


@cache
def proposed(pair: str, settings: tuple[tuple[str, Any], ...]) -> MapDocument:
    """The proposed map of a pair under these settings; made once, since it never changes."""
    return porch.document(**dict(settings)) if pair == porch.PORCH.name else builders.proposed(**dict(settings))


@cache
def _custom_fields(pair: str) -> dict[str, list[dict[str, Any]]]:
    """All custom fields the proposed map writes to, as texts."""
    labels: dict[str, set[str]] = {entity: {"Streamflow ID"} for entity in ("accounts", "contacts", "leads")}
    for one in proposed(pair, ()).objects:
        for row in one.rows:
            if row.target and row.target.startswith("custom:") and one.destination in labels:
                labels[one.destination].add(row.target.removeprefix("custom:"))
    return {entity: [{"name": name, "type": "String"} for name in sorted(names)] for entity, names in labels.items()}


@asynccontextmanager
async def rig(
    path: Path | None = None, *, switches: Mapping[str, Any] | None = None, flags: Mapping[str, Any] | None = None, batch_size: int = 20,
    quiet: QuietTime = QUIET, pair: Pair = builders.PAIR, total_s: float = 2.0,
    **settings: Any,
) -> AsyncIterator[Rig]:  # fmt: skip
    """
    Start an account without records of its own and connect to it; the ledger is a file below *path*, or in memory.

    At the end of a test nothing in the ledger may be unexplained.

    *total_s* is the client's patience with a call, in seconds of the machine.
    """
    clock = PassingClock()
    site = open_site({
        "switches": {"search_lag_s": 0.0, **(switches or {})}, "existing": {"accounts": 0, "contacts": 0, "leads": 0},
        "custom_fields": _custom_fields(pair.name),
    }, clock=clock.account)
    attempts: list[Attempt] = []
    session = SessionSettings(total_s=total_s, read_s=total_s, patience=Patience(attempts=4, base_s=0.001, cap_s=0.01))
    async with TestServer(make_app(site=site), host="127.0.0.1") as server, _ledger(path, clock) as ledger:
        limiter = PacedLimiter(clock, rate_per_s=5_000, burst=200, max_in_flight=16)
        url = str(server.make_url("/rest"))
        async with connect(
            base_url=url, username=USER, api_key="sandbox-key", limiter=limiter, clock=clock,
            flags=Flags().with_({"search_lag_s": float(site.switches["search_lag_s"]), **(flags or {})}), impersonate=False,
            hook=attempts.append, settings=session,
        ) as nutshell:  # fmt: skip
            one = Rig(site, nutshell, ledger, clock, attempts, batch_size=batch_size, settings=settings, quiet=quiet, pair=pair, url=url)
            yield one
            found = await unexplained(one.ledger)
            assert found == [], found


@asynccontextmanager
async def _ledger(path: Path | None, clock: PassingClock) -> AsyncIterator[Ledger]:
    if path is None:
        yield MemoryLedger(clock=clock)
        return
    async with SqliteLedger.open(path, clock=clock) as opened:
        yield opened


def lead(key: str, name: str = "", **data: Any) -> Record:
    """Give a lead with an address of its own."""
    whole = {"name": name or f"Person Number{key}", "email": f"p{key}@x.test", "number": "", "company": "", "address": "", **data}
    return builders.bare_lead(key, custom=whole.pop("custom", {}), **whole)


def note(key: str, parent: str, text: str = "A note", **data: Any) -> Record:
    """Give a note of a lead."""
    record = builders.child("note", noteid=key, leadid=parent, lead_email="", note=text, userid="", user="", user_email="", **data)
    return replace(record, parent=parent)


def reminder(key: str, parent: str, **data: Any) -> Record:
    """Give an open reminder of a lead."""
    record = builders.child("reminder", reminderid=key, leadid=parent, userid="", **data)
    return replace(record, parent=parent)


def email(key: str, parent: str, body: str = "See this", **data: Any) -> Record:
    """Give an e-mail of a lead."""
    return replace(builders.child("email", emailid=key, leadid=parent, userid="", body=body, **data), parent=parent)


def call(key: str, parent: str, **data: Any) -> Record:
    """Give a call with a lead."""
    return replace(builders.child("call", callid=key, leadid=parent, userid="", user="", **data), parent=parent)
