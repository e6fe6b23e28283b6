"""Records that a rollback of a part keeps away: what they count as, and who brings back which."""

from __future__ import annotations

from streamflow.clock import SystemClock
from streamflow.ledger_names import LATE
from streamflow.migration.returning import kept_away, let_back
from streamflow.model import Disposition, Record, RecordState, Ref, Staged
from streamflow.platforms.catalog import pair_of
from streamflow.store.change import Finish
from streamflow.store.memory import MemoryLedger


class Undone:
    """A ledger of moved notes, of which some are taken back."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(clock=SystemClock())

    async def move(self, *keys: str) -> None:
        await self.ledger.stage([Record(kind="note", key=key, data={}, digest=key) for key in keys], scan="one")
        await self.ledger.commit([
            Finish(kind="note", key=key, seq=(await self.staged(key)).seq, disposition=Disposition.CREATED) for key in keys
        ])

    async def staged(self, key: str) -> Staged:
        return (await self.ledger.staged("note", [key]))[key]

    async def undo(self, scope: str, *keys: str) -> None:
        kept = await kept_away(self.ledger, scope, [Ref("note", key) for key in keys])
        await self.ledger.commit([change for changes in kept.values() for change in changes])

    async def pending(self) -> list[str]:
        return [each.record.key for each in await self.ledger.pending("note", limit=10)]


async def test_what_was_taken_back_does_not_count_as_moved() -> None:
    """It is held with the reason, flagged, and not pending: the report no longer counts it among what was made."""
    undone = Undone()
    await undone.move("1", "2")
    await undone.undo("record:note:1", "1")
    held, left = await undone.staged("1"), await undone.staged("2")
    assert (held.state, held.disposition) == (RecordState.HELD, Disposition.FLAGGED)
    assert "undone by a rollback of record:note:1" in held.reason
    assert (left.state, left.disposition) == (RecordState.DONE, Disposition.CREATED)


async def test_bringing_back_one_rollback_leaves_all_else_where_it_waits() -> None:
    """What another rollback took back stays away, and what waits for a person as a late write goes on waiting."""
    undone = Undone()
    await undone.move("1", "2", "3")
    await undone.undo("record:note:1", "1")
    await undone.undo("phase:tail", "2")
    late = (await undone.staged("3")).seq
    await undone.ledger.commit([
        Finish(kind="note", key="3", seq=late, state=RecordState.HELD, disposition=Disposition.CREATED, ground=LATE),
    ])
    await undone.ledger.commit(await let_back(undone.ledger, pair_of("leadtrekker", "nutshell"), "phase:tail"))
    assert await undone.pending() == ["2"]
