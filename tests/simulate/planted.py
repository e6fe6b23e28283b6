"""
Bugs that the simulation must find: each weakens one rule of the engine by putting another part in its place, from here.

The product has no switch for any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import anyio

from streamflow.errors import Uncertain
from streamflow.migration import absence, brought_back, cutover, holding, late_versions, rollback
from streamflow.migration.inventory import DestinationWatch
from streamflow.migration.reversals import Reversals
from streamflow.migration.undoing import Step
from streamflow.model import IntentState, Op, QueueItem
from streamflow.stages import doubt, load, resolve, updating
from streamflow.stages.doubt import DoubtResolver, QuietTime, Ruling
from streamflow.stages.extract import Intake
from streamflow.stages.load import Loader
from streamflow.stages.planning import Waiting
from streamflow.stages.progress import finishing
from streamflow.stages.undecided import Undecided
from streamflow.stages.unknown import since
from streamflow.store.change import Enqueue, PutSetting
from streamflow.store.memory import MemoryLedger
from tests.simulate.world import simulate

Plant = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A rule taken away, and the faults that this is; a world that stops, or ends by an error, shows none of them."""

    plant: Plant
    shows: tuple[str, ...]       # the first words of faults


PLANTED: dict[str, Bug] = {}
DOUBLED, OVERWRITTEN = ("doubled",), ("overwritten",)
MIXED_UP = ("lost", "wrong", "orphaned", "doubled")
LEFT_BEHIND = ("lost", "wrong", "orphaned")


def plant(name: str, shows: tuple[str, ...]) -> Callable[[Plant], Plant]:
    """Enter a bug under its name."""

    def enter(bug: Plant) -> Plant:
        PLANTED[name] = Bug(plant=bug, shows=shows)
        return bug

    return enter


# ------------------------------------------------------------------------------------------------ writing


@plant("a create whose answer was lost is sent again", DOUBLED)
def _blind_retry() -> AbstractContextManager[Any]:
    real = Loader._call

    async def call(self: Loader, write: Any, intent: Any) -> str:
        try:
            return await real(self, write, intent)
        except Uncertain:
            if write.op is not Op.CREATE:
                raise
            return await real(self, write, intent)

    return patch.object(Loader, "_call", call)


@plant("intents are committed after the send", ("unmeant",))
@contextmanager
def _sent_before_meant() -> Iterator[None]:
    mean, send = Loader._mean, Loader._send
    late: dict[int, Any] = {}

    async def keep_back(self: Loader, tracks: Any, changes: Any) -> Any:
        wave, meant = await mean(self, tracks, changes)
        late[id(wave)] = meant
        return wave, []

    async def send_first(self: Loader, wave: Any, outcomes: Any) -> None:
        await send(self, wave, outcomes)
        await self._ledger.commit(late.pop(id(wave)))

    with patch.multiple(Loader, _mean=keep_back, _send=send_first):
        yield


@plant("answers are matched by the order in which they come", MIXED_UP)
def _by_position() -> AbstractContextManager[Any]:
    async def send(self: Loader, wave: Sequence[Any], outcomes: list[Any]) -> None:
        came: list[Any] = []

        async def one(track: Any) -> None:
            came.append(await self._attempt(track))

        async with anyio.create_task_group() as group:
            for track in wave:
                group.start_soon(one, track)
        outcomes[:] = came

    return patch.object(Loader, "_send", send)


@plant("a record gets its disposition before its writes are sent", ("lost", "unexplained"))
def _finished_first() -> AbstractContextManager[Any]:
    real = load.opening

    def opening(plan: Any) -> list[Any]:
        return [*real(plan), *(finishing(plan, plan.finish) if plan.writes and plan.finish is not None else [])]

    return patch.object(load, "opening", opening)


@plant("records are planned anew while the outcome of their writes is unknown", ("doubled", "lost"))
@contextmanager
def _forgets_doubts() -> Iterator[None]:
    """The ledger refuses a second create of the same record while one is open, and the run stops there: that is taken away as well."""

    async def nothing(*_: Any, **__: Any) -> Undecided:
        return Undecided()

    def mean(self: MemoryLedger, intent: Any, at: str) -> None:
        fresh = replace(intent, meant_at=intent.meant_at or at, epoch=intent.epoch or self.epoch)
        self._book.put(self._book.intents, intent.id, fresh)

    with patch.object(resolve, "undecided", nothing), patch.object(MemoryLedger, "_mean", mean):
        yield


# ------------------------------------------------------------------------------------------------ unknown outcomes


@plant("no quiet time before a record is made again", ("doubled", "unmeant"))
def _no_quiet_time() -> AbstractContextManager[Any]:
    return patch.multiple(QuietTime, seconds=property(lambda self: 0.0), late_s=property(lambda self: 0.0))


@plant("a quiet time that leaves out the lag of the search", DOUBLED)
def _no_lag() -> AbstractContextManager[Any]:
    return patch.object(QuietTime, "seconds", property(lambda self: self.late_s))


@plant("the quiet time goes by a clock that somebody sets meanwhile", DOUBLED)
def _wall_clock() -> AbstractContextManager[Any]:
    def waited_s(self: DoubtResolver, intent: Any) -> float:
        began = since(intent)
        return 0.0 if began is None else (self._clock.now() - began).total_seconds()

    return patch.object(DoubtResolver, "_waited_s", waited_s)


@plant("whatever was made since is adopted, whatever marker it carries", ("unexplained", *MIXED_UP))
def _adopts_anything() -> AbstractContextManager[Any]:
    """Where several were made nothing is adopted: a person is asked about doubles that are none, and the run waits for the answer."""

    async def carrying(self: DoubtResolver, intent: Any, ids: Sequence[str]) -> list[str]:
        return list(ids)

    return patch.multiple(DoubtResolver, _carrying=carrying, _may_be=lambda self, intent, payload: True)


@plant("the first record that was made since is adopted", MIXED_UP)
@contextmanager
def _adopts_first() -> Iterator[None]:
    async def first_there(self: DoubtResolver, intent: Any, ids: Sequence[str]) -> list[str]:
        live = await self._reader.read(intent.dest_kind, ids, custom=True)
        return [each for each in ids if each in live][:1]

    with patch.multiple(DoubtResolver, _carrying=first_there, _may_be=lambda self, intent, payload: True):
        yield


@plant("an update or a removal without an answer counts as done", ("wrong", "orphaned", "not undone", "unmeant"))
def _taken_for_done() -> AbstractContextManager[Any]:
    """Reading back mostly finds an update that did not happen, and the switch waits for a person; a rollback has nothing behind it."""

    def rule(intent: Any, now: Any, replacements: Any, **_: Any) -> Ruling:
        return Ruling(state=IntentState.CONFIRMED, dest_id=intent.dest_id, reason="taken for done")

    return patch.object(doubt, "rule_change", rule)


# ------------------------------------------------------------------------------------------------ people's work


@plant("an update does not look what people changed", OVERWRITTEN)
@contextmanager
def _two_way() -> Iterator[None]:
    """The last reading before a write would find fields that nobody had read for it, and hold it back for ever: it goes as well."""
    real = updating.merge

    def merge(base: Any, wanted: Any, now: Any, **more: Any) -> Any:
        return real({}, wanted, now, **{**more, "policies": {"*": "take"}})

    async def no(*_: Any) -> bool:
        return False

    with patch.object(updating, "merge", merge), patch.object(load, "reads_otherwise", no):
        yield


@plant("the image of what was there before is not kept", ("not undone",))
def _no_image() -> AbstractContextManager[Any]:
    real = resolve.update_part

    def update(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        writes = tuple(replace(write, before=None if write.before is None else {}) for write in found.writes)
        return replace(found, writes=writes, links=tuple(replace(each, before=each.before and {}) for each in found.links))

    return patch.object(resolve, "update_part", update)


@plant("a rollback removes what people worked on", OVERWRITTEN)
def _removes_touched() -> AbstractContextManager[Any]:
    def step(link: Any, now: Any, *_: Any, **__: Any) -> Step:
        return Step(link=link, action="delete" if link.ours and now is not None else "forget")

    return patch.object(rollback, "plan_step", step)


@plant("what people bring back is not looked at", ("doubled", "unexplained"))
def _not_taken_back() -> AbstractContextManager[Any]:
    async def nothing(*_: Any) -> None:
        return None

    return patch.object(brought_back, "take", nothing)


@plant("who is entered by hand while all is moved is not taken in", DOUBLED)
def _no_strangers() -> AbstractContextManager[Any]:
    async def nobody(*_: Any) -> dict[str, Any]:
        return {}

    return patch.object(DestinationWatch, "_foreign", nobody)


@plant("a rollback forgets what it removed when it is cut short", ("overwritten", "lost"))
def _forgets_removals() -> AbstractContextManager[Any]:
    async def recall(_: Reversals) -> list[Any]:
        return []

    return patch.object(Reversals, "recall", recall)


# ------------------------------------------------------------------------------------------------ reading


@plant("a mark moves before its records are in the ledger", ("mark ahead",))
def _mark_first() -> AbstractContextManager[Any]:
    real = Intake._stage

    async def stage(self: Intake, records: Any, scan: str, changes: Any = (), *news: Any) -> Any:
        await self._ledger.commit(changes)
        return await real(self, records, scan, (), *news)

    return patch.object(Intake, "_stage", stage)


@plant("absence is believed after one look", ("unexplained",))
@contextmanager
def _one_look() -> Iterator[None]:
    async def gone(*_: Any) -> bool:
        return False

    with patch.multiple(absence, GONE_SCANS=1, _is_there=gone):     # both, since either one saves what the other one does not
        yield


@plant("an empty answer counts as the end of the list, and as all deleted", ("unexplained",))
@contextmanager
def _empty_is_end() -> Iterator[None]:
    async def no(*_: Any) -> bool:
        return False

    async def yes(*_: Any) -> bool:
        return True

    async def miss(self: Intake, kind: str, scan: str, *_: Any, **__: Any) -> None:
        unseen = await self._ledger.unseen(kind, scan=scan)
        await self._ledger.commit([Enqueue(item=_gone(kind, key)) for key in unseen])

    with patch.multiple(Intake, miss=miss, _may_be_empty=yes), patch.multiple(absence, is_believed=yes, _is_there=no):
        yield


def _gone(kind: str, key: str) -> Any:
    return QueueItem(
        id=f"deleted:{kind}:{key}", cause="deleted_at_source", kind=kind, key=key, reason="not shown", decisions=("keep",),
    )


@plant("a child is made before what it belongs to", ("orphaned",))
def _orphans() -> AbstractContextManager[Any]:
    real = resolve.resolve_links

    def links(draft: Any, own: Any, facts: Any) -> Any:
        found = real(draft, own, facts)
        if not isinstance(found, Waiting):
            return found
        return {name: value for name, value in draft.fields.items() if not name.startswith("link:") or isinstance(value, str)}

    return patch.object(resolve, "resolve_links", links)


# ------------------------------------------------------------------------------------------------ the switch


@plant("the drain does not read everything once more", ("unexplained", *LEFT_BEHIND))
def _short_drain() -> AbstractContextManager[Any]:
    return patch.object(cutover, "PASSES", {"freeze": ("what changed",), "live": ("what changed",)})


@plant("the drain does not wait until late changes show", LEFT_BEHIND)
def _no_horizon() -> AbstractContextManager[Any]:
    async def none(_: Any) -> float:
        return 0.0

    return patch.object(cutover, "horizon_of", none)


@plant("what is written in the source after the switch is carried over unasked", ("unasked", "unexplained"))
def _late_writes() -> AbstractContextManager[Any]:
    async def through(_: Any, since: str, kind: str, page: Any) -> Any:
        return page

    return patch.object(holding.Holding, "through", through)


@plant("a late write is held and nobody is asked", ("unexplained", "lost"))
def _held_in_silence() -> AbstractContextManager[Any]:
    real = late_versions.late_changes

    def silent(*args: Any, **more: Any) -> list[Any]:
        return [each for each in real(*args, **more) if not isinstance(each, Enqueue)]

    return patch.object(late_versions, "late_changes", silent)


@plant("a late version that comes back is not asked about again", ("unexplained", "unasked"))
def _asked_once() -> AbstractContextManager[Any]:
    async def first(_: Any, staged: Any, **__: Any) -> str:
        return late_versions.late_id(staged)

    return patch.object(late_versions, "next_name", first)


@plant("an order of the switch while one is under way begins another one", ("cutover",))
def _second_attempt() -> AbstractContextManager[Any]:
    real = cutover.request

    async def request(migration: Any, actor: str, *, freeze_confirmed: bool) -> str:
        await migration.ledger.commit([PutSetting(name="cutover", value=None)])
        return await real(migration, actor, freeze_confirmed=freeze_confirmed)

    return patch.object(cutover, "request", request)


# ------------------------------------------------------------------------------------------------ looking for them


def found_by(name: str, seeds: Iterable[int]) -> tuple[int | None, str]:
    """Give the first seed whose world shows a planted bug by one of the faults that it is and is clean without it, and that fault."""
    bug = PLANTED[name]
    for seed in seeds:
        shown = [each for each in simulate(seed, planted=bug.plant).faults if each.partition(":")[0] in bug.shows]
        if shown and not simulate(seed).faults:
            return seed, shown[0]
    return None, ""
