"""
Runs the phases one after the other, by the life table, and reacts to failures by their class.

Rule 1: what may pass by itself is waited for, with the reason shown; what a person must mend pauses the run or ends it with its exit code.
A platform that refuses us or lies lastingly pauses it, too, and is tried again by itself: it may recover while nobody looks.
Rule 2: a restart enters the phase that was persisted; nothing is done twice because every phase looks first at what the ledger holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Hashable
from dataclasses import replace
from typing import Any

import anyio

from streamflow.clock import Clock, iso
from streamflow.daemon.chain import Chain
from streamflow.daemon.contact import explained
from streamflow.daemon.exits import Exit
from streamflow.daemon.perseverance import PASSING, QUIET_S, Perseverance
from streamflow.errors import (
    AccessRefused,
    ConfigError,
    Faults,
    NotFound,
    PlanLimit,
    ProtocolMismatch,
    RecordRejected,
    StreamflowError,
)
from streamflow.ledger_names import CAPABILITIES, DELTA_OPENED, PAUSED, PHASE, ROLLBACK, ROLLBACK_RESULT
from streamflow.migration.backfill import Backfill
from streamflow.migration.context import Migration
from streamflow.migration.cutover import Cutover
from streamflow.migration.life import CAN_ROLL_BACK, FINAL, Phase, State
from streamflow.migration.owners import OwnersGate
from streamflow.migration.probe import Probe
from streamflow.migration.proposal import MapGate
from streamflow.migration.rollback import Rollback
from streamflow.migration.sample import SampleGate
from streamflow.migration.schema import SchemaPhase
from streamflow.migration.tail import Tail
from streamflow.migration.watch import Watch
from streamflow.migration.work import Work
from streamflow.model import RecordState
from streamflow.pipeline import first_cause
from streamflow.reports.final import write_all
from streamflow.reports.writer import ReportWriter
from streamflow.store.base import Ledger

FOR_A_PERSON = (RecordRejected, PlanLimit)
"""What pauses the run until somebody has mended its cause: asking again does not help."""
REFUSED = (ProtocolMismatch, NotFound, AccessRefused)
"""
What pauses the run and is tried again now and then: an answer outside the contract when it stays, credentials and permissions that a
platform took before. Those it did not take since the start end it.
"""


class Supervisor:
    """Drives one migration from where it is to its end."""

    def __init__(
        self, migration: Migration, reports: ReportWriter, *, let_in: Container[str], look_at_keys: Callable[[], None],
        chain: Chain | None = None, on_start: Callable[[], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self.m = migration
        self._let_in = let_in                # the platforms that took our credentials since the start
        self._look_at_keys = look_at_keys    # goes over to keys that were put into their files meanwhile
        self.chain = chain                   # of the audit
        self._on_start = on_start            # called once the chain was walked, before anything is done
        self._again_at = 0.0                 # monotonic: when a pause that ends by itself is over
        self._reports = reports
        self.work = Work(migration)
        self.map_gate = MapGate(migration)
        self.owners = OwnersGate(migration)
        self.sample = SampleGate(migration, self.work)
        self._scope: anyio.CancelScope | None = None
        self._is_interrupted = False
        self._perseverance = Perseverance(migration.clock)

    async def run(self) -> Exit:
        """Go through the phases until the end; raises what a person must mend, Drained when asked to end."""
        await self._take_up()
        while True:
            self.m.control.check()
            await self._turn_back()
            if self.m.phase.state in FINAL:
                break
            if self.m.control.paused is None:
                await self._step()
            else:
                await self._sit_out()
        return await self._exit_code()

    async def _sit_out(self) -> None:
        """Wait out a pause. One that ends by itself lasts until it is time to look again, with the keys as their files hold them then."""
        left_s = self._again_at - self.m.clock.monotonic()
        with anyio.move_on_after(max(0.0, left_s) if self.m.control.ends_itself else None):
            await self.m.control.permit()
        if self.m.control.ends_itself and self.m.clock.monotonic() >= self._again_at:
            self._look_at_keys()
            self.m.control.lift()

    async def _take_up(self) -> None:
        """Adopt what earlier starts persisted: capabilities, a pause, and an audit that holds."""
        learned = await self.m.ledger.setting(CAPABILITIES)
        if learned is not None:
            self.m.destination.adopt({**learned, **self.m.terms.flags})
        elif self.m.terms.flags:
            self.m.destination.adopt(dict(self.m.terms.flags))
        self.work = Work(self.m)
        self.sample = SampleGate(self.m, self.work)
        paused = await self.m.ledger.setting(PAUSED)
        if paused is not None:
            self.m.control.pause(str(paused.get("reason") or "by the operator"))
        if self.chain is not None:
            await self.chain.look()
        if self._on_start is not None:
            await self._on_start()

    async def is_turning_back(self) -> bool:
        """Say whether a rollback was asked for that has not begun."""
        return self.m.phase.state in CAN_ROLL_BACK and await self.m.ledger.setting(ROLLBACK) is not None

    async def _turn_back(self) -> None:
        """Take the way of a rollback that was asked for, in whatever moment it was, also before a restart."""
        if await self.is_turning_back():
            self._is_interrupted = False
            await self.m.enter(State.ROLLBACK, "the operator asked for a rollback")

    async def _step(self) -> None:
        try:
            with anyio.CancelScope() as self._scope:
                if self._is_interrupted:
                    self._scope.cancel()
                following = await self._run_phase(self.m.phase.state)
                self._perseverance.arrived()
                self.m.failing.over()
                await self._enter(following)
        except (*PASSING, *FOR_A_PERSON, *REFUSED) as error:
            if await self._is_first_contact() or (isinstance(error, AccessRefused) and error.platform not in self._let_in):
                raise explained(error, self._side(error)) from error
            self.m.trouble(error)
            await self._bear(error)
        finally:
            self._scope = None

    async def _bear(self, error: StreamflowError) -> None:
        """Wait as long as perseverance says, with the reason shown; pause where waiting alone does not help."""
        reason = self.m.phase.reason
        wait_s = self._perseverance.after(error, await self._place(error))
        self.m.failing.note(error, until=self.m.clock.monotonic() + (wait_s or 0.0) + QUIET_S)
        if wait_s is None:
            self.m.control.hold_up(f"{error}; {error.hint or 'mend the cause, then `resume`'}")
        elif self._perseverance.is_lasting(error):
            self._again_at = self.m.clock.monotonic() + wait_s
            hint = error.hint or ("mend the key or its permissions" if isinstance(error, AccessRefused) else "see what it answers")
            self.m.control.hold_up(f"{error}; {hint}; tried again in {wait_s:.0f} s, or at once by `resume`", ends_itself=True)
        else:
            await self.m.explain(f"{error}; trying again in {wait_s:.0f} s")
            await self.m.control.wait(wait_s)
            await self.m.explain(reason)

    async def _place(self, error: StreamflowError) -> Hashable:
        """Say how far the run has come, as far as the platform that failed has a share in it, and of what sort a refusal there is."""
        is_source = self._side(error) == "source"
        counts = [each for each in await self.m.ledger.counts() if is_source or each.state is not RecordState.PENDING]
        links = {} if is_source else await self.m.ledger.link_counts()
        refusal = type(error) if isinstance(error, AccessRefused) else None
        return refusal, self.m.phase.state, self.m.phase.reason, frozenset(counts), frozenset(links.items())

    async def _run_phase(self, state: State) -> State:
        try:
            return await self._phase(state)
        except BaseExceptionGroup as failures:   # of tasks that a phase ran side by side
            raise first_cause(failures) from failures

    async def _map(self) -> State:
        try:
            return await self.map_gate.run()
        except Faults as error:
            # Edits of the operator are refused on the socket; here only the file of the configuration can be meant.
            hint = f"correct {self.m.terms.map_file} and start again; what was read is kept"
            raise ConfigError([f"map.file: {fault}" for fault in error.faults], hint=hint) from error

    async def _phase(self, state: State) -> State:
        if state is State.PROBE:
            return await Probe(self.m, self.work.reader, self.work.watch).run()
        if state is State.MAP:
            return await self._map()
        if state is State.SCHEMA:
            following = await SchemaPhase(self.m).run(await self.work.document())
            self.work = Work(self.m)     # the flags are known now
            self.sample = SampleGate(self.m, self.work)
            return following
        if state is State.OWNERS:
            return await self.owners.run()
        if state is State.SAMPLE:
            return await self.sample.run()
        if state is State.BACKFILL:
            following = await Backfill(self.m, self.work).run()
            await self.write_reports()
            return following
        if state is State.TAIL:
            return await Tail(self.m, self.work).run()
        if state is State.CUTOVER:
            following = await Cutover(self.m, self.work).run()
            if following is State.WATCH:
                await self.write_reports()
            return following
        if state is State.WATCH:
            following = await Watch(self.m, self.work).run()
            await self.write_reports()
            return following
        if state is State.ROLLBACK:
            return await Rollback(self.m).carry_on()
        return state

    async def _enter(self, following: State) -> None:
        if following is self.m.phase.state:
            return
        reasons = {
            State.MAP: "the map is proposed", State.SCHEMA: "the map is confirmed", State.OWNERS: "the destination is ready for the map",
            State.SAMPLE: "every owner has a user", State.BACKFILL: "the sample is accepted", State.TAIL: "everything staged is delivered",
            State.CUTOVER: "a cutover was asked for", State.WATCH: "switched: the destination is the system of record",
            State.DONE: "done", State.ROLLED_BACK: "rolled back",
        }
        await self.m.enter(following, reasons.get(following, following.value))

    async def _is_first_contact(self) -> bool:
        """Before anything was read there is nothing to go on with: a wrong address or server ends the run with its message."""
        return self.m.phase.state is State.PROBE and await self.m.ledger.setting(DELTA_OPENED) is None

    def _side(self, error: StreamflowError) -> str:
        return "destination" if error.platform == self.m.destination.name else "source"

    async def write_reports(self) -> None:
        """Write all reports as they are now."""
        await write_all(self.m.ledger, self.m.report, pair=self.m.pair, seed=self.m.terms.seed)

    async def _exit_code(self) -> Exit:
        await self.write_reports()
        if self.m.phase.state is State.ROLLED_BACK:
            result = await self.m.ledger.setting(ROLLBACK_RESULT) or {}
            return Exit.OPEN_ITEMS if result.get("spared") or result.get("unclear") else Exit.DONE
        links = await self.m.ledger.link_counts()
        wrong = sum(count for (_, _, state), count in links.items() if state in ("differs", "unreadable", "pending"))
        is_open = any(state == "open" for state, _, _ in await self.m.ledger.queue_counts())
        return Exit.OPEN_ITEMS if wrong or is_open else Exit.DONE

    def interrupt(self) -> None:
        """Leave the phase under way for a rollback: its batches end by cancellation, and their intents are looked at first."""
        self._is_interrupted = True
        if self._scope is not None:
            self._scope.cancel()

    def adopt_live(self, **changes: Any) -> None:
        """Take over settings that may change in a run."""
        self.m.terms = replace(self.m.terms, **changes)
        self.m.control.notify()


def first_phase(at: str) -> Phase:
    """Where a new migration starts."""
    return Phase(state=State.PROBE, reason="a new migration", since=at)


async def load_phase(ledger: Ledger, clock: Clock) -> Phase:
    """Give the persisted phase, or the first."""
    stored = await ledger.setting(PHASE)
    return Phase.from_json(stored) if stored else first_phase(iso(clock.now()))
