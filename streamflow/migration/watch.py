"""
After the switch: writes made to the source after the freeze are found and queued, the queue is worked, then the run closes.

Rule 1: from the switch on nothing moves by itself any more; what shows up late waits for a person, each version of a record anew, also one
that it comes back to. What somebody decided on another question about a record lets it go on as it was then, and no later version; what
belongs to it goes with it, but for what was asked about or let pass itself: of that it is asked what becomes of it now.
Rule 2: a source that cannot be read any more ends nothing: the window goes on, and what was decided is still carried out.
Rule 3: the last reading is a complete one. What keeps it from being complete is waited for a while, then asked about: nobody is to take a
window that closed half blind for one in which nothing was written.
Rule 4: what is decided before the window closes is carried out first, however late it is decided; once it has closed nothing is taken that
would have to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from streamflow.clock import from_iso, iso
from streamflow.errors import AccessRefused, NotFound, PlatformUnavailable, ProtocolMismatch, StreamflowError, Throttled, TransientError
from streamflow.ledger_names import BEFORE_SWITCH, CLOSED, LATE, SWEPT, SWITCHED
from streamflow.mapping.pair import Role
from streamflow.migration import aftermath, lookalikes
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.decided import ANY, DECIDED
from streamflow.migration.life import State
from streamflow.migration.made_again import INSTEAD, WISH, by_record, wish_for
from streamflow.migration.returning import ROLLED_BACK, undone
from streamflow.migration.stopped import WHOLE
from streamflow.migration.work import Work
from streamflow.model import AuditEntry, Disposition, Key, Kind, QueueItem, RecordState, Staged
from streamflow.stages.accepted import let_go_on
from streamflow.stages.gone import BACK
from streamflow.stages.pending import pending_pages
from streamflow.stages.planning import finish_of
from streamflow.stages.questions import AGAIN, closed, next_question, repeated
from streamflow.stages.reopened import ALONG, ASKED, asked_name, runs_along, runs_by_people, version_of
from streamflow.store.change import Audit, Change, Enqueue, PutSetting
from streamflow.wire.message import DELTA, at_priority

WRITTEN_LATE = "written in the source after the switch; the destination is the system of record"
BROUGHT_BACK = "people brought back in the destination, after the switch, what it is or belongs to; what the source said of it may differ"
UNREAD = "last_read_failed"
LAST_LOOK_S = 3600.0     # a last reading that fails is tried again for so long, and for no longer than the window was


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """What of some records may go on after the switch since a person said so: versions that were taken, or another question was about."""

    taken: frozenset[str] = frozenset()                    # ids of the items about these versions, by the keys they have now
    decided: Mapping[tuple[Kind, Key], frozenset[str]] = field(default_factory=dict)    # versions then; `ANY`: it was not noted
    unnoted: Mapping[tuple[Kind, Key], tuple[str, ...]] = field(default_factory=dict)   # ids of the items of which it was not
    along: Mapping[str, Any] = field(default_factory=dict)    # settings that tell what runs again with what it belongs to
    asked: Mapping[str, Any] = field(default_factory=dict)    # settings that name the last questions about late versions
    recreated: Mapping[tuple[Kind, Key], Sequence[QueueItem]] = field(default_factory=dict)    # answers that want it made again
    goes_on: Mapping[tuple[Kind, Key, str], Sequence[str]] = field(default_factory=dict)    # ids of other answers about a version: not told
    let_back: frozenset[str] = frozenset()                 # grounds on which records were kept away that are to come back

    def holds(self, staged: Staged) -> bool:
        """Say whether a pending record waits for a person: to take one version takes no later one."""
        versions = self.decided.get((staged.record.kind, staged.record.key), frozenset())
        is_decided = bool(versions & {ANY, version_of(staged)}) or runs_along(staged, self.along, self.asked)
        is_decided = is_decided and staged.ground != LATE
        return late_id(staged) not in self.taken and not is_decided and staged.ground not in self.let_back


class Watch:
    """Looks at the source until the window ends."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work
        self._trouble = ""
        self._tried: set[str] = set()      # what was decided or pending when all was carried out last
        pair = migration.pair
        self._person = pair.person.kind
        self._references = pair.in_role(Role.REFERENCE)
        self._own = tuple(kind for kind in pair.written if not pair.of(kind).derived)   # written by people in the source

    async def run(self) -> State:
        """Answer DONE when the window has passed, at once where an earlier start closed it."""
        if await self._m.ledger.setting(CLOSED) is not None:
            return State.DONE
        since = (await self._m.ledger.setting(SWITCHED))["switched_at"]
        window = timedelta(days=self._m.terms.watch_days)
        window_s, until = window / timedelta(seconds=1), iso(from_iso(since) + window)
        number = 0
        self._work.reader.look_at_all()    # without a window there is no second look
        self._work.through = partial(self._through, since)
        while True:
            number += 1
            is_last = self._m.waits.passed_s("switch", since) >= window_s
            await self._look(number, is_last=is_last, since=since)
            passed_s = self._m.waits.passed_s("switch", since)
            if is_last and (not self._trouble or passed_s >= window_s + min(window_s, LAST_LOOK_S)):
                break
            words = "reading the source for the last time" if is_last else f"watching the source for late writes until {until}"
            await self._m.explain(f"{words}{self._trouble}")
            left_s = self._m.terms.poll_s if is_last else window_s - passed_s
            await self._m.control.wait(min(self._m.terms.poll_s, max(0.0, left_s)))
        while not await self._closed():
            await self._carry_out(since)
        return State.DONE

    async def _closed(self) -> bool:
        """Close the window; False where something was decided, or came to run again, since all was carried out last."""
        while not await aftermath.outlasted(self._m, "closing"):
            pass
        async with self._m.closing:
            if not await self._owed() <= self._tried:
                return False
            await self._close()
        return True

    async def _owed(self) -> set[str]:
        """Name what was decided, and what is pending; a record that runs once more has another name then."""
        pages = [page for kind in self._m.pair.order async for page in pending_pages(self._m.ledger, kind)]
        return {*self._m.decisions, *(f"{each.record.kind}:{each.record.key}:{each.seq}" for page in pages for each in page)}

    async def _close(self) -> None:
        note = f"the source is not read any more{self._trouble}"
        changes: list[Change] = [Audit(entry=AuditEntry(actor="streamflow", action="watch.closed", note=note))]
        if self._trouble and self._m.terms.watch_days:
            changes.append(Enqueue(item=QueueItem(
                id=UNREAD, cause=UNREAD, kind="", key="", decisions=("waive",), suggested="waive",
                reason="the window closed, and the last complete reading of the source had failed until then: what was changed there after "
                f"the freeze and shows in no list of changes was not looked for; compare by hand what matters{self._trouble}",
            )))
        await self._m.ledger.commit([PutSetting(name=CLOSED, value=iso(self._m.clock.now())), *changes])

    async def _look(self, number: int, *, is_last: bool, since: str) -> None:
        await self._hold_late(since)       # what an earlier start read and could not hold any more comes first
        await self._read(number, is_last=is_last, since=since)
        await self._carry_out(since)

    async def _carry_out(self, since: str) -> None:
        """Deliver what a person decided, and nothing else that was written late; what people did in the destination is followed."""
        self._tried = await self._owed()
        await self._hold_late(since)
        with at_priority(DELTA):
            await self._deliver()
        await aftermath.look_after(self._m)
        await self._hold_late(since)
        await self._work.watch.follow()
        await self._hold_late(since)

    async def _read(self, number: int, *, is_last: bool, since: str) -> None:
        """Poll; from time to time and at the end read everything, since a silent write shows in no poll."""
        try:
            if self._m.terms.watch_days and (is_last or await self._is_sweep_due(since)):
                begun = iso(self._m.clock.now())
                reading = await self._work.reader.everything("watch")
                await self._work.reader.suspects(reading)
                await self._m.ledger.commit([] if reading.stopped else [PutSetting(name=SWEPT, value=begun)])
            else:
                await self._work.reader.poll(number)
            self._trouble = "".join(f"; {each}" for each in (self._work.reader.snapshots.trouble, self._m.stopped.told()) if each)
        except (AccessRefused, NotFound, PlatformUnavailable, ProtocolMismatch, Throttled, TransientError) as error:
            self._note(error)

    def _note(self, error: StreamflowError) -> None:
        self._trouble = f"; it cannot be read just now: {error}"
        self._m.trouble(error)

    async def _is_sweep_due(self, since: str) -> bool:
        last = max(since, str(await self._m.ledger.setting(SWEPT) or ""))
        is_due = self._m.waits.passed_s("sweep", last) >= self._m.terms.sweep_every_s
        return is_due or self._m.stopped.holds(WHOLE)

    async def _let_go(self, since: str, kind: Kind, page: Sequence[Staged]) -> LetGo:
        """
        Look up what a person has decided of these records of a kind since the switch.

        Late writes are asked about only then, whatever the clock says.
        """
        noted, asked = await self._m.ledger.settings(DECIDED), await self._m.ledger.settings(ASKED)
        before = set(await self._m.ledger.setting(BEFORE_SWITCH) or ())

        def is_since(item: QueueItem) -> bool:
            return f"{DECIDED}{item.id}" in noted or (item.resolved_at >= since and item.id not in before)

        def sends(item: QueueItem) -> bool:
            is_heard = item.state == "resolved" and item.decision not in ("ignore", "waive", "keep", "accept", BACK, INSTEAD)
            return is_heard and (item.cause == LATE or is_since(item))

        about = await self._m.ledger.items_about(kind, [each.record.key for each in page])
        found, told = [item for item in about if sends(item)], {item.details.get(WISH) for item in about if item.cause == LATE}
        rollbacks = [item for item in await self._m.ledger.queue(state="resolved", cause=ROLLED_BACK) if sends(item)]
        decided: defaultdict[tuple[Kind, Key], set[str]] = defaultdict(set)
        unnoted: defaultdict[tuple[Kind, Key], list[str]] = defaultdict(list)
        goes_on: defaultdict[tuple[Kind, Key, str], list[str]] = defaultdict(list)
        for item in found:
            if item.cause != LATE:
                version = noted.get(f"{DECIDED}{item.id}", ANY)
                decided[item.kind, item.present_key].add(version)
                if version == ANY:
                    unnoted[item.kind, item.present_key].append(item.id)
                elif item.decision != "recreate" and item.id not in told:
                    goes_on[item.kind, item.present_key, version].append(item.id)
        return LetGo(
            recreated=by_record(item for item in found if item.decision == "recreate"),
            taken=frozenset(
                version_id(item.kind, item.present_key, _version_in(item.id)) for item in found
                if item.cause == LATE and asked.get(asked_name(item.kind, item.present_key), item.id) == item.id
            ),
            along=await self._m.ledger.settings(ALONG), asked=asked, goes_on={ref: tuple(ids) for ref, ids in goes_on.items()},
            decided={ref: frozenset(versions) for ref, versions in decided.items()},
            unnoted={ref: tuple(ids) for ref, ids in unnoted.items()},
            let_back=frozenset(undone(str(item.details.get("scope"))) for item in rollbacks),
        )

    async def _hold_late(self, since: str) -> None:
        for kind in self._own:
            async for page in pending_pages(self._m.ledger, kind):
                let_go = await self._let_go(since, kind, page)     # behind it: what it shows pending by a decision is known as decided
                await self._hold(kind, page, [each for each in page if let_go.holds(each)], let_go)

    async def _through(self, since: str, kind: Kind, page: Sequence[Staged]) -> Sequence[Staged]:
        """Of what is about to be moved, hold what is late and runs again with something else: nobody took it."""
        if kind not in self._own or all(each.ground != LATE for each in page):
            return page
        let_go = await self._let_go(since, kind, page)
        late = [each for each in page if each.ground == LATE and let_go.holds(each)]
        await self._hold(kind, page, late, let_go)
        return [each for each in page if each not in late]

    async def _hold(self, kind: Kind, page: Sequence[Staged], late: Sequence[Staged], let_go: LetGo) -> None:
        """Hold those of a page that are late, and note of the others which version goes on."""
        changes: list[Change] = []
        for each in page:
            if each in late:
                changes += await self._held(each, let_go)
                continue
            unnoted = let_go.unnoted.get((each.record.kind, each.record.key), ())
            changes += [PutSetting(name=f"{DECIDED}{id}", value=version_of(each)) for id in unnoted]
            changes += await let_go_on(self._m.ledger, each)
        await self._m.ledger.commit(changes)
        if kind == self._person:
            self._m.touched[kind].difference_update(each.record.key for each in late)

    async def _held(self, staged: Staged, let_go: LetGo) -> list[Change]:
        """Hold a record, and ask: anew where somebody has it made again since, or what it belongs to, for an answer means more then."""
        ref = staged.record.kind, staged.record.key
        last = await self._m.ledger.setting(asked_name(*ref))
        before = await self._m.ledger.item(last) if last is not None else None
        is_same = last is None or (before is not None and _version_in(last) == version_of(staged))
        wish = await wish_for(
            self._m.ledger, staged, before, let_go.recreated.get(ref, ()), let_go.goes_on.get((*ref, version_of(staged)), ()),
            let_go.along, let_go.asked,
        )  # fmt: skip
        if wish is not None and (before is None or not is_same or before.details.get(WISH) != wish.id):
            instead = closed(before, INSTEAD) if is_same and before is not None and before.state == "open" else []
            name = await self._next(staged, passing=last if instead else None)
            return [*instead, *late_changes(staged, name, wish.reason, details={WISH: wish.id})]
        is_back = runs_by_people(staged, let_go.along, let_go.asked) and staged.ground != LATE      # nobody wrote that in the source
        reason = BROUGHT_BACK if is_back else WRITTEN_LATE
        if is_same and before is not None and WISH in before.details:
            reason = before.reason
        return late_changes(staged, (last or late_id(staged)) if is_same else await self._next(staged), reason)

    async def _next(self, staged: Staged, *, passing: str | None = None) -> str:
        """Name the next question about the version that was read last; *passing* is closed along with it."""
        names = repeated(late_id(staged))
        return (await next_question(self._m.ledger, names, is_over=lambda item: item.state == "resolved" or item.id == passing)).name

    async def _deliver(self) -> None:
        """Carry out what a person decided and learn what became of it, of an earlier start's writes too; the rest was held just before."""
        released = await lookalikes.release(self._m)
        counts = await self._m.ledger.counts()
        waiting = {count.kind for count in counts if count.state is RecordState.PENDING}
        if released or waiting & set(self._own) or await self._work.doubts.count():
            await self._work.deliver_all()
            await self._work.wait_for_doubts(deliver=True)
        elif waiting & set(self._references):
            await self._work.deliver_all(last=self._references[-1])
        for dest_kind in DEST_ORDER:
            await self._work.verifier.settle(dest_kind)


def late_id(staged: Staged) -> str:
    """Give the id of the queue item about this version of a record."""
    return version_id(staged.record.kind, staged.record.key, version_of(staged))


def version_id(kind: Kind, key: Key, version: str) -> str:
    """Give the id of the queue item about a version, by the first eight characters of its digest."""
    return f"{LATE}:{kind}:{key}:{version}"


def _version_in(id: str) -> str:
    """Give the version that a question is about, by its id, whichever time it is put."""
    while id.endswith(AGAIN):
        id = id.removesuffix(AGAIN)
    return id.rpartition(":")[2]


def late_changes(staged: Staged, name: str, reason: str = WRITTEN_LATE, *, details: Mapping[str, Any] | None = None) -> list[Change]:
    """Hold a record that was written in the source after the freeze, or is to run again for another *reason*, and ask under a *name*."""
    record, is_late = staged.record, reason != BROUGHT_BACK
    item = QueueItem(
        id=name, cause=LATE, kind=record.kind, key=record.key, reason=reason, decisions=("take", "ignore"),
        suggested="take", details=details or {},
    )
    disposition = staged.disposition or Disposition.FLAGGED
    finish = finish_of(staged, state=RecordState.HELD, disposition=disposition, reason=reason, ground=LATE if is_late else "")
    entry = AuditEntry(actor="streamflow", action="late_write.found", kind=record.kind, key=record.key, note=reason)
    asked = PutSetting(name=asked_name(record.kind, record.key), value=name)
    return [Enqueue(item=item), asked, finish, Audit(entry=entry)]
