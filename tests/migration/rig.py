"""Both simulated platforms in this process, a ledger on disk that can be opened again, and somebody who walks through the phases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from aiohttp.test_utils import TestServer

from streamflow.clock import iso
from streamflow.migration.backfill import Backfill
from streamflow.migration.context import Gate, Migration
from streamflow.migration.control import Control, Drained
from streamflow.migration.cutover import Cutover
from streamflow.migration.life import Phase, State
from streamflow.migration.owners import UNOWNED, OwnersGate
from streamflow.migration.probe import Probe
from streamflow.migration.proposal import MapGate
from streamflow.migration.rollback import Rollback
from streamflow.migration.sample import SampleGate
from streamflow.migration.schema import SchemaPhase
from streamflow.migration.tail import Tail
from streamflow.migration.terms import Terms
from streamflow.migration.watch import Watch
from streamflow.migration.work import Work
from streamflow.model import Kind, QueueItem, Staged
from streamflow.platforms.catalog import pair_of
from streamflow.platforms.nutshell.doors import connect as open_nutshell
from streamflow.platforms.nutshell.flags import Flags
from streamflow.reports.writer import ReportWriter
from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.operation import Operation
from streamflow.sandbox.leadtrekker.server import SIMULATION, Config
from streamflow.sandbox.leadtrekker.server import make_app as leadtrekker_app
from streamflow.sandbox.leadtrekker.simulation import Leadtrekker
from streamflow.sandbox.nutshell import make_app as nutshell_app
from streamflow.sandbox.nutshell import open_site
from streamflow.sandbox.nutshell.admin import act, dump
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.planting import ADMIN_EMAIL, FALLBACK_EMAIL, nutshell_settings
from streamflow.store.change import Change, Enqueue, PutSetting, Reopen, ResolveItem
from streamflow.store.sqlite import SqliteLedger
from streamflow.wire.backoff import Patience
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt, current_priority
from streamflow.wire.session import SessionSettings
from tests.hanging import HUNG_S
from tests.platforms.leadtrekker_rig import HastyClock, connect

NOW = datetime(2026, 6, 1, 10, 0, 0)
FALLBACK = FALLBACK_EMAIL
AUTO = {"map": "auto", "owners": "auto", "sample": "auto", "cutover": "auto"}
ASK_CUTOVER = {"map": "auto", "sample": "auto", "cutover": "ask"}
QUICK: dict[str, Any] = {"search_lag_s": 0.0}
NO_PROBES: dict[str, Any] = {
    "search_lag_s": 0.0, "late_commit_s": 0.0, "timeout_s": 2.0, "activity_delete": "rpc", "lead_stage_write": "patch",
    "note_edit": "rpc_24h", "task_complete": False, "task_assignee_filled": False,
    "rpc_find_custom_fields": True,
}  # fmt: skip
"""Capabilities as the probes would find them, so that most tests need not wait for probing."""


class Killed(BaseException):
    """The process ends here, as by `kill -9`."""


class Fragile:
    """A ledger that ends the process at a chosen commit: the count at 1 is the next one, *late* after it was carried out."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self.commits_left = -1
        self.late = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def commit(self, changes: Any) -> None:
        """Commit, or end."""
        changes = list(changes)
        self.commits_left -= 1
        if self.commits_left == 0:
            if self.late:
                await self._ledger.commit(changes)
            raise Killed
        await self._ledger.commit(changes)


@dataclass(slots=True, kw_only=True)
class Voyage:
    """One migration between two simulated accounts, phase by phase."""

    lt: Leadtrekker
    site: Site
    clock: HastyClock
    folder: Path
    terms: Terms
    doors: Any
    destination: Any
    ledger: Any = None
    m: Migration = None  # type: ignore[assignment]
    work: Work = None  # type: ignore[assignment]
    sample: SampleGate = None  # type: ignore[assignment]
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, str, int]] = field(default_factory=list)      # platform, "METHOD endpoint", priority
    gates: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------ starts and ends

    async def start(self) -> None:
        """Open the ledger as a new start of the daemon does."""
        self.ledger = Fragile(await self.stack.enter_async_context(SqliteLedger.open(self.folder / "state", clock=self.clock)))
        stored = await self.ledger.setting("phase")
        phase = Phase.from_json(stored) if stored else Phase(state=State.PROBE, reason="a new migration", since=iso(self.clock.now()))
        writer = ReportWriter(self.folder / "state" / "reports", self.terms.name, self.clock)

        def report(name: str, data: Mapping[str, Any]) -> None:
            self.reports[name] = dict(data)
            writer(name, data)

        self.m = Migration(
            terms=self.terms, pair=pair_of("leadtrekker", "nutshell"), ledger=self.ledger, source=self.doors,
            attachments=self.doors.attachments, destination=self.destination, clock=self.clock,
            control=Control(), log=self._log, report=report, phase=phase,  # type: ignore[arg-type]
        )
        learned = await self.ledger.setting("capabilities")
        self.destination.adopt({**(learned or {}), **self.terms.flags})
        self._join()

    def _join(self) -> None:
        self.work = Work(self.m)
        self.sample = SampleGate(self.m, self.work)

    def _log(self, event: str, **data: Any) -> None:
        self.said.append((event, data))

    async def restart(self) -> None:
        """End and start again on the same state directory."""
        await self.stack.aclose()
        await self.start()

    async def killed_at(self, commit: int, step: Callable[[], Awaitable[Any]], *, late: bool = False) -> bool:
        """Run *step* and end the process at its *commit*-th commit, then start again; False when the step ended before."""
        self.ledger.commits_left, self.ledger.late = commit, late
        killed = False
        try:
            await step()
        except BaseExceptionGroup as group:
            killed = group.subgroup(Killed) is not None
            if not killed:
                raise
        except Killed:
            killed = True
        self.ledger.commits_left = -1
        if killed:
            await self.restart()
        return killed

    # ------------------------------------------------------------------------------------------ walking

    async def phase(self) -> State:
        """Run the present phase to its end and enter the next."""
        following = await self._run(self.m.phase.state)
        if following is not self.m.phase.state:
            await self.m.enter(following, f"on to {following}")
        return following

    async def until(self, *states: State) -> None:
        """Run phases until one of these is entered."""
        while self.m.phase.state not in states:
            await self.phase()

    async def _run(self, state: State) -> State:
        match state:
            case State.PROBE:
                return await Probe(self.m, self.work.reader, self.work.watch).run()
            case State.MAP:
                return await MapGate(self.m).run()
            case State.SCHEMA:
                following = await SchemaPhase(self.m).run(await self.work.document())
                self._join()
                return following
            case State.OWNERS:
                return await OwnersGate(self.m).run()
            case State.SAMPLE:
                return await self.sample.run()
            case State.BACKFILL:
                return await Backfill(self.m, self.work).run()
            case State.TAIL:
                return await Tail(self.m, self.work).run()
            case State.CUTOVER:
                return await Cutover(self.m, self.work).run()
            case State.WATCH:
                return await Watch(self.m, self.work).run()
            case _:
                return await Rollback(self.m).carry_on()

    async def answering(self, answers: Mapping[str, Callable[[], Awaitable[Any]]], step: Callable[[], Awaitable[Any]] | None = None) -> Any:
        """Run *step* (the present phase) while a person answers each gate by its name; gates without an answer end the run."""
        result: Any = None

        async def run(scope: anyio.CancelScope) -> None:
            nonlocal result
            result = await (step or self.phase)()
            scope.cancel()

        with anyio.fail_after(HUNG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(run, group.cancel_scope)
                group.start_soon(self._answer, answers)
        return result

    async def _answer(self, answers: Mapping[str, Callable[[], Awaitable[Any]]]) -> None:
        answered: Gate | None = None
        while True:
            gate = self.m.gate
            if gate is not None and gate is not answered:     # one shown anew may bear the same second and the same words
                answered = gate
                self.gates.append(gate.name)
                if gate.name not in answers:
                    raise AssertionError(f"nobody answers the gate {gate.name}: {gate.what}")
                await answers[gate.name]()
            with anyio.move_on_after(0.05):
                await self.m.control._changed.wait()

    async def stopping(self, step: Callable[[], Awaitable[Any]], when: Callable[[], bool]) -> None:
        """Run *step* and drain as soon as *when* holds."""

        async def watch() -> None:
            while not when():
                with anyio.move_on_after(0.02):
                    await self.m.control._changed.wait()
            self.m.control.drain()

        with anyio.fail_after(HUNG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                try:
                    await step()
                except Drained:
                    pass
                group.cancel_scope.cancel()
        await self.restart()

    # ------------------------------------------------------------------------------------------ people at work

    def in_source(self, do: str, kind: str, key: str | None = None, *, force: bool = False, silent: bool = False, **values: Any) -> str:
        """Do what a person does in the source; answers the key."""
        return self.lt.write(Operation(do=do, kind=kind, key=key, values=values, silent=silent), by="test", force=force)

    def in_destination(self, do: str, **order: Any) -> dict[str, Any]:
        """Do what a person does in the destination."""
        return dict(act(self.site, {"do": do, **order})["record"])

    def live(self, kind: str) -> dict[str, dict[str, Any]]:
        """All records of a destination kind that are not deleted, custom fields by name."""
        return {str(row["id"]): row for row in dump(self.site)[kind] if not row.get("deletedTime")}

    def source_rows(self, kind: str) -> list[dict[str, Any]]:
        """The records of a source table as they truly are."""
        return list(self.lt.state.iter_records(kind))

    # ------------------------------------------------------------------------------------------ the book

    async def staged(self, kind: Kind) -> dict[str, Staged]:
        return {each.record.key: each async for page in self.ledger.every(kind) for each in page}

    async def items(self, cause: str, state: str | None = "open") -> list[QueueItem]:
        return [item for item in await self.ledger.queue(state=state) if item.cause == cause]

    async def resolve(self, item: QueueItem, decision: str, *more: Change) -> None:
        """Decide an item as the control socket does, its record pending again."""
        again: list[Change] = [Reopen(kind=item.kind, keys=(item.key,))] if item.key and decision != "waive" else []
        await self.m.decide("uid:7", "queue.resolved", ResolveItem(id=item.id, decision=decision, by="uid:7"), *again, *more)

    async def set(self, name: str, value: Any) -> None:
        await self.ledger.commit([PutSetting(name=name, value=value)])

    def wire(self, platform: str) -> list[str]:
        """What was asked of a platform since the last look."""
        found = [line for name, line, _ in self.asked if name == platform]
        self.asked[:] = [each for each in self.asked if each[0] != platform]
        return found


@asynccontextmanager
async def voyage(folder: Path, *, at: State = State.PROBE, **given: Any) -> AsyncIterator[Voyage]:
    """Start both accounts and a migration; one that stands *at* a later phase goes on where an equal one was left (see `embark`)."""
    stop = None if at is State.PROBE else await _stop(at, given)
    async with embark(folder, stop=stop, **given) as trip:
        yield trip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """Where a voyage was left, for others to go on from: each takes copies along."""

    home: TemporaryDirectory[str]
    site: Site
    skipped_s: float
    reports: dict[str, dict[str, Any]]


_STOPS: dict[str, _Stop] = {}
"""By what bears on the way there: once driven in a process, a stop serves all its tests."""
_PLACE = {state: place for place, state in enumerate(State)}
_BEARS_FROM = {
    "sample_size": State.SAMPLE, "poll_s": State.TAIL, "sweep_every_s": State.TAIL, "cutover_mode": State.TAIL,
    "cutover_deadline_s": State.TAIL, "watch_days": State.WATCH,
}  # fmt: skip
"""Terms by the first phase that obeys them: no part of the way there."""
_GATES_OF = {"map": State.MAP, "sample": State.SAMPLE, "cutover": State.TAIL}
"""Gates that a setting opens, by the phase they stand in; that of the owners is hard."""


async def _stop(at: State, given: Mapping[str, Any]) -> _Stop:
    """Drive a voyage to the beginning of a phase, from the last stop on its way; or find one that stands there already."""
    found: _Stop | None = None
    for state in reversed(list(State)[: _PLACE[at] + 1]):
        found = found or _STOPS.get(_key(state, given))
    if found is None or _key(at, given) not in _STOPS:
        home = TemporaryDirectory(prefix="streamflow-voyage-")
        async with embark(Path(home.name), stop=found, **_way(at, given)) as trip:
            await trip.until(at)
        # The site is at rest from here on: its server has ended, and whoever goes on takes a copy.
        found = _STOPS[_key(at, given)] = _Stop(home=home, site=trip.site, skipped_s=trip.clock.skipped_s, reports=trip.reports)
    return found


def _way(at: State, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what bears on the way to a phase."""
    way = {name: value for name, value in given.items() if _PLACE[_BEARS_FROM.get(name, State.PROBE)] < _PLACE[at]}
    gates = given.get("gates", AUTO)
    return {**way, "gates": {name: gates[name] for name, state in _GATES_OF.items() if _PLACE[state] < _PLACE[at]}}


def _key(at: State, given: Mapping[str, Any]) -> str:
    return repr((at, sorted(_way(at, given).items())))


@asynccontextmanager
async def embark(
    folder: Path, *, records: int = 60, seed: int = 11, gates: Mapping[str, str] | None = None, source: Mapping[str, Any] | None = None,
    destination: Mapping[str, Any] | None = None, site: Mapping[str, Any] | None = None, probed: bool = True,
    streams: Mapping[str, Mapping[str, Any]] | None = None, reader: str = "api", stop: _Stop | None = None, **terms: Any,
) -> AsyncIterator[Voyage]:  # fmt: skip
    """Start both accounts and open a migration, new or as one was left at a *stop*; *probed* spares the write probes."""
    settings = nutshell_settings(Account(seed=seed, records=records, now=NOW), seed=seed, switches={**QUICK, **(destination or {})})
    held = deepcopy(stop.site) if stop else open_site({**settings, **(site or {})})
    if stop:
        copytree(Path(stop.home.name) / "state", folder / "state")
    clock = HastyClock(stop.skipped_s if stop else 0.0)
    asked: list[tuple[str, str, int]] = []

    def hear(attempt: Attempt) -> None:
        asked.append((attempt.platform, f"{attempt.method} {attempt.endpoint}", current_priority()))

    agreed = Terms(
        name="trial", state_dir=folder / "state", timezone="Africa/Johannesburg",
        gates=dict(gates if gates is not None else AUTO), **{
            "fallback_owner": FALLBACK, "sample_size": 20, "poll_s": 0.02, "settle_s": 0.0, "watch_days": 0.0, "batch_size": 20,
            "flags": {**NO_PROBES} if probed else {}, **terms,
        },
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        source_app = leadtrekker_app(Config(seed=seed, records=records, now=NOW, switches=dict(source or {})))
        left = await stack.enter_async_context(TestServer(source_app, host="127.0.0.1"))
        right = await stack.enter_async_context(TestServer(nutshell_app(site=held), host="127.0.0.1"))
        limiters = [PacedLimiter(clock, rate_per_s=100_000.0, burst=100.0, max_in_flight=16) for _ in range(2)]
        simulation = left.app[SIMULATION]
        doors = await stack.enter_async_context(connect(
            base_url=str(left.make_url("/api/")), api_key="sandbox-lt-key", reader=reader,
            streams=streams or {"attachment": {"enabled": False}}, limiter=limiters[0], clock=clock,
            dice=lambda: 0.0, hook=hear, inbox=folder / "inbox" if reader == "files" else None,
        ))
        patient = SessionSettings(total_s=5.0, read_s=5.0, patience=Patience(attempts=4, base_s=0.001, cap_s=0.01))
        nut = await stack.enter_async_context(open_nutshell(
            base_url=str(right.make_url("/rest")), username=ADMIN_EMAIL, api_key="sandbox-key", limiter=limiters[1], clock=clock,
            flags=Flags().with_(agreed.flags), impersonate=False, hook=hear, settings=patient,
        ))
        trip = Voyage(lt=simulation, site=held, clock=clock, folder=folder, terms=agreed, doors=doors, destination=nut, asked=asked,
                      reports=deepcopy(stop.reports) if stop else {})  # fmt: skip
        (folder / "inbox").mkdir(exist_ok=True)
        await trip.start()
        if probed and not stop:
            await trip.set("capabilities", dict(NO_PROBES))
        try:
            yield trip
        finally:
            await trip.stack.aclose()


def with_terms(trip: Voyage, **changes: Any) -> None:
    """Change the agreed terms for what follows."""
    trip.terms = trip.m.terms = replace(trip.terms, **changes)


async def in_tail(trip: Voyage, *rounds: Callable[[], Any]) -> None:
    """Let the tail run until it has caught up after each thing people do."""
    for deed in rounds or (lambda: None,):
        deed()
        trip.m.gate = trip.m._last_gate = None
        await trip.stopping(trip.phase, lambda: trip.m.gate is not None)


async def lead_without_owner(trip: Voyage) -> str:
    """A question about a lead whose owner had no user, and has one by now. Returns the lead's key."""
    owner = next(each["key"] for each in await trip.ledger.setting("owners") if each["dest_id"])
    key = next(iter(await trip.staged("lead")))
    item = QueueItem(
        id=f"{UNOWNED}:lead:{key}", cause=UNOWNED, kind="lead", key=key, reason="?", decisions=("retry",), details={"owner": owner},
    )
    await trip.ledger.commit([Enqueue(item=item)])
    return key
