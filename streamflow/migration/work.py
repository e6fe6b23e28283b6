"""The working parts of a run, joined once the map is confirmed: reading, delivering, resolving doubts, verifying."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from streamflow.errors import PlanLimit
from streamflow.ledger_names import CAPABILITIES, MAP_CONFIRMED, REFERENCE_FIRST_STAGES, REFERENCE_SOURCES, SCHEMA_DIGEST
from streamflow.mapping.compiled import Mapper
from streamflow.mapping.document import MapDocument, digest
from streamflow.mapping.document_json import from_json
from streamflow.mapping.owning import owner_keys
from streamflow.mapping.pair import Role
from streamflow.mapping.uplinks import Uplinks, uplinks_of
from streamflow.migration import drift, lookalikes
from streamflow.migration.aftermath import look_after
from streamflow.migration.archive import Archive
from streamflow.migration.companies import AMBIGUOUS, CompanyTable
from streamflow.migration.context import Migration
from streamflow.migration.inventory import DestinationWatch
from streamflow.migration.life import State
from streamflow.migration.mapper import make_mapper
from streamflow.migration.newcomers import Newcomers
from streamflow.migration.owners import OwnersGate, directory_of, unowned_changes
from streamflow.migration.reading import SourceReader
from streamflow.migration.room import Room
from streamflow.model import DestId, Key, Kind, QueueItem, RecordState, Ref
from streamflow.pipeline import Pipeline
from streamflow.platforms.destination import Capabilities
from streamflow.stages.batch import Batch
from streamflow.stages.directory import Directory
from streamflow.stages.doubt import DoubtResolver, QuietTime
from streamflow.stages.gone import GONE
from streamflow.stages.load import Loader
from streamflow.stages.pending import StagedBatches, Through, pending_pages
from streamflow.stages.questions import next_question, numbered
from streamflow.stages.reopened import run_along
from streamflow.stages.resolve import Resolver
from streamflow.stages.roles import roles_of
from streamflow.stages.transform import Transformer
from streamflow.stages.unknown import intent_awaited
from streamflow.stages.vanished import Vanished
from streamflow.stages.verify import Verifier
from streamflow.store.change import Change, Enqueue, Wake
from streamflow.wire.message import BACKFILL, DELTA

LONG_HAUL = frozenset({State.SAMPLE, State.BACKFILL})
"""States in which nobody waits for a single record."""
DOUBT_PATIENCE_S = 5.0   # how often open intents are looked at again while nothing else can be done


def quiet_time(flags: Capabilities, *, is_lag_known: bool) -> QuietTime:
    """Give the bounds after which "not there" may be believed; *is_lag_known*: it was measured, or the operator says what it is."""
    lag_s = flags.search_lag_s if is_lag_known else None
    return QuietTime(timeout_s=flags.timeout_s, late_commit_s=flags.late_commit_s, search_lag_s=lag_s)


class Work:
    """One per run of the daemon; rebuilt inside when the map or the owners change."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self.reader = SourceReader(migration)
        self.archive = Archive(migration)
        self.vanished = Vanished(ledger=migration.ledger, reader=migration.destination.reader)
        self.watch = DestinationWatch(migration, self.vanished)
        self.verifier = Verifier(
            ledger=migration.ledger, reader=migration.destination.reader, feed=migration.destination.feed, vanished=self.vanished
        )
        self.doubts = DoubtResolver(
            ledger=migration.ledger, reader=migration.destination.reader, feed=migration.destination.feed, clock=migration.clock,
            quiet=quiet_time(migration.destination.flags, is_lag_known=False),
        )
        self._document: tuple[str, MapDocument] | None = None     # the one read last, under its digest
        self._companies: CompanyTable | None = None
        self._companies_map = ""
        self.suspended: dict[Kind, str] = {}
        self.through: Through | None = None     # of what is about to be moved, gives what goes on; None: all of it

    async def document(self) -> MapDocument:
        """The confirmed map; to be called only behind the map gate."""
        stored = await self._m.ledger.setting(MAP_CONFIRMED)
        if self._document is None or self._document[0] != stored["digest"]:
            self._document = stored["digest"], from_json(stored["document"], self._m.pair)
        return self._document[1]

    async def map_has_moved(self) -> bool:
        """Say whether a map was confirmed (or taken back) since the destination was made ready: its fields must be there first."""
        confirmed = await self._m.ledger.setting(MAP_CONFIRMED)
        return confirmed is None or confirmed["digest"] != await self._m.ledger.setting(SCHEMA_DIGEST)

    async def uplinks(self) -> Uplinks:
        """Who looks at whom under the confirmed map."""
        return uplinks_of(await self.document(), self._m.pair)

    async def companies(self) -> CompanyTable:
        """The company table under the decisions of the confirmed map and of the queue."""
        document = await self.document()
        joined = {
            str(item.details.get("other")): item.key async for page in self._m.ledger.items(state="resolved", cause=AMBIGUOUS)
            for item in page if item.decision == "same"
        }
        key = f"{digest(document)}:{sorted(joined.items())}"
        if self._companies is None or key != self._companies_map:
            self._companies, self._companies_map = CompanyTable(self._m, document, joined), key
        return self._companies

    async def directory(self) -> Directory:
        """Owners, lead sources and decisions as they are now."""
        owners = await OwnersGate(self._m).table()
        roles = roles_of(self._m.pair)
        base = directory_of(owners, roles)
        self._m.decisions.update(await self._m.ledger.decisions())
        return Directory(
            roles=roles, users=base.users, fallback_user=base.fallback_user, decisions=self._m.decisions,
            sources=await self._m.ledger.setting(REFERENCE_SOURCES) or {},
            first_stages=await self._m.ledger.setting(REFERENCE_FIRST_STAGES) or {},
        )

    async def mapper(self, people_by_email: dict[str, Key] | None = None) -> Mapper:
        """The confirmed map, compiled."""
        return await make_mapper(self._m, await self.document(), await self.companies(), people_by_email)

    async def pipeline(self) -> Pipeline:
        """The stages under the confirmed map."""
        by_email: dict[str, Key] = {}
        mapper = await self.mapper(by_email)
        busy: set[DestId] = set()
        destination, is_long = self._m.destination, self._m.phase.state in LONG_HAUL
        await self._look_after()
        return Pipeline(
            ledger=self._m.ledger, transformer=Transformer(mapper, self._m.ledger, by_email),
            resolver=Resolver(
                ledger=self._m.ledger, reader=destination.reader, mapper=mapper, directory=await self.directory(), busy=busy,
                meanwhile=self._m.meanwhile, vanished=self.vanished, edits=destination.writer.edits,
                fills=destination.writer.fills,
            ),
            loader=Loader(
                ledger=self._m.ledger, writer=destination.writer, feed=destination.feed, clock=self._m.clock,
                phase=lambda: self._m.phase.state.value, numbers=self._m.numbers, busy=busy, meanwhile=self._m.meanwhile,
                vanished=self.vanished, rereader=None if is_long else destination.reader,
            ),
            verifier=self.verifier, gauges=self._m.gauges, priority=BACKFILL if is_long else DELTA,
        )

    async def _look_after(self) -> None:
        """Look after the writes of earlier rounds and starts: what they replaced is told, whatever follows."""
        await look_after(self._m)
        await self._m.meanwhile.forget()

    async def refresh_companies(self) -> int:
        """Stage the clusters that people touched since the last time bring; new ones that look like others wait for a person."""
        table = await self.companies()
        touched = self._m.touched[self._m.pair.person.kind]
        keys = sorted(touched)
        changed = await table.refresh(sorted({*keys, *await self._unfinished_people()}))
        touched.difference_update(keys)
        await lookalikes.release(self._m)
        await lookalikes.ask(self._m, table)
        return changed

    async def _unfinished_people(self) -> set[Key]:
        """
        Those who wait to be delivered while both sides go on: a pass that broke off behind the page that showed them touched nobody.

        After the switch those are who is let go.
        """
        if self._m.phase.state not in (State.TAIL, State.CUTOVER, State.WATCH):
            return set()
        pages = pending_pages(self._m.ledger, self._m.pair.person.kind)
        return {staged.record.key async for page in pages for staged in page}

    async def has_pending(self) -> bool:
        """Say whether anything waits to be delivered."""
        return any(count.state is RecordState.PENDING for count in await self._m.ledger.counts())

    async def deliver_all(self, *, last: Kind | None = None) -> int:
        """
        Deliver everything pending, parents before children, up to the kind *last*. A kind that hit a plan limit is left out and told.

        Nothing is delivered under a map that is not in force; where it turns out to be void here, `map_has_moved` says so from then on.
        """
        if await self.map_has_moved():
            return 0
        await self.refresh_companies()
        await self.wake_parked()
        await self._look_after()
        if not await self.has_pending() or not await drift.stands(self._m, within_s=self._m.terms.round_s):
            return 0
        await self._settle_owners()
        pipeline = await self.pipeline()
        total = 0
        for kind in self._m.pair.order:
            if kind in self.suspended:
                continue
            if self._m.pair.of(kind).role is Role.FILE:
                await self.archive.fill(kind)
            try:
                await Room(self._m, self.mapper).check(kind)
                if delivered := await pipeline.deliver(kind, self._batches(kind)):
                    self._m.failing.over(self._m.destination.name)
                total += delivered
            except PlanLimit as error:
                await self._suspend(kind, error)
            self._m.control.check()
            if kind == last:
                break
        return total

    async def _settle_owners(self) -> None:
        """
        Match the users who turned up or were changed after the owners gate; the gate holds for them as well.

        They are what of the roster is still to be delivered, so that neither a kill nor the way they came by is in the way of it.
        """
        if self._m.phase.state not in (State.TAIL, State.CUTOVER, State.WATCH):
            return
        if await self._m.ledger.pending(self._m.pair.kind_naming("user"), limit=1):
            await OwnersGate(self._m).recheck()
        if self._m.phase.state is not State.WATCH:      # then the destination is where people work, and nothing there is told anew
            await Newcomers(self._m).reopen()
        await self._hold_unowned()

    async def _hold_unowned(self) -> None:
        """Hold records of owners who have nobody in the destination."""
        directory = await self.directory()
        if directory.fallback_user is not None:
            return
        for kind in self._m.pair.owned:
            async for page in pending_pages(self._m.ledger, kind):
                changes: list[Change] = []
                for staged in page:
                    names = owner_keys(staged.record, self._m.pair)
                    if names and not any(directory.lookup(Ref(directory.roles.users, name)) for name in names):
                        changes += await unowned_changes(self._m.ledger, staged, names[0])
                await self._m.ledger.commit(changes)

    def _batches(self, kind: Kind) -> Callable[[], AsyncIterator[Batch]]:
        return StagedBatches(
            ledger=self._m.ledger, kind=kind, size=self._m.terms.batch_size, permit=self._m.control.permit, through=self.through
        )

    async def _suspend(self, kind: Kind, error: PlanLimit) -> None:
        """Leave a kind aside until a person has made room; each time it happens it is asked anew."""
        self.suspended[kind] = error.message
        self._m.log("stream.suspended", kind=kind, reason=error.message)
        question = await next_question(self._m.ledger, numbered(f"plan_limit:{kind}"), is_over=lambda item: item.state != "open")
        await self._m.ledger.commit([Enqueue(item=QueueItem(
            id=question.name, cause="plan_limit", kind=kind, key="", blocking=True, reason=f"{error.message}; {error.hint}".rstrip("; "),
            decisions=("retry",), suggested="retry",
        ))])

    async def settle_doubts(self, *, deliver: bool = True) -> int:
        """Look once for the outcome of open intents, and deliver what that set free; answers how many are open then, sent again or not."""
        if not (before := await self.doubts.count()):
            return 0
        self.doubts.quiet = await self._quiet_time()
        left = await self.doubts.resolve(phase=self._m.phase.state.value)
        if left == before or not deliver:
            return left
        await self.deliver_all()
        return await self.doubts.count()

    async def _quiet_time(self) -> QuietTime:
        """The bounds as they are known by now: a lag that the probe did not see the end of is none, whatever the flag says by default."""
        told = {**(await self._m.ledger.setting(CAPABILITIES) or {}), **self._m.terms.flags}
        return quiet_time(self._m.destination.flags, is_lag_known="search_lag_s" in told)

    async def wait_for_doubts(self, *, deliver: bool = False) -> None:
        """Stay until no outcome is unknown any more: the bounded quiet time, while nothing else is left to do."""
        while left := await self.settle_doubts(deliver=deliver):
            await self._m.explain(f"waiting for the outcome of {left} writes that was left unknown")
            await self._m.control.wait(min(DOUBT_PATIENCE_S, max(0.2, (self.doubts.quiet.seconds or 5.0) / 5)))

    async def wake_parked(self) -> None:
        """
        Wake records whose reason to wait is gone; makes up for a wake that crossed the parking.

        A record that people removed is waited for as long as it is known to be gone and a line leads to it: without one it is nobody's who
        may come back.
        """
        waiting = await self._m.ledger.waiting()
        refs: dict[Ref, str] = {}
        gone: list[str] = []
        removed: dict[DestId, str] = {}
        open_doubts = {intent.id for intent in await self._m.ledger.open_intents(limit=100_000)} if waiting else set()
        parked = {item.id for item in await self._m.ledger.queue(cause="in_doubt")} if waiting else set()
        for name in waiting:
            if (intent := intent_awaited(name)) is not None:
                if intent not in open_doubts and name not in parked:
                    gone.append(name)
            elif name.startswith(GONE):
                removed[DestId(name.removeprefix(GONE))] = name
            else:
                kind, _, key = name.partition(":")
                refs[Ref(kind, key)] = name
        links = await self._m.ledger.links(list(refs)) if refs else {}
        led_to = {link.dest_id for link in await self._m.ledger.links_to(sorted(removed))}
        still_gone = set(await self._m.ledger.settings(GONE)) if removed else set()
        back = [name for dest_id, name in removed.items() if dest_id not in led_to or name not in still_gone]
        woken = [*gone, *(refs[ref] for ref in links), *back]
        if woken:
            wake = Wake(on=tuple(woken))
            await self._m.ledger.commit([wake, *await run_along(self._m.ledger, [wake])])
