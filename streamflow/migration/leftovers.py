"""
What the write probes left behind in the destination: kept in the ledger from before it is made, removed by us as soon as that can be done.

Rule 1: what could not be removed is asked about at once, so that nobody finds it unexplained; the item closes when the record is gone.
Rule 2: a removal that failed says nothing of the next: it is tried again when the tail begins, before the switch, and in a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from streamflow.migration.context import Migration
from streamflow.migration.own_fields import note_meant
from streamflow.model import AuditEntry, DestId, Kind, QueueItem
from streamflow.platforms.destination import Reader
from streamflow.stages.questions import closed
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Enqueue, PutSetting

CAUSE = "probe_left"
BEGUN: Final = "probes:begun"
"""Setting: that a record was to be made to try out the destination; it stays when all of them are gone again."""
Left: TypeAlias = tuple[Kind, str, DestId | None]      # kind, marker, id where it is known


class LedgerJournal:
    """Keeps in the ledger what probes made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def defines(self, kind: Kind, label: str) -> None:
        await note_meant(self._ledger, [(kind, label)])

    async def meant(self, kind: Kind, marker: str) -> None:
        begun = PutSetting(name=BEGUN, value=True)
        await self._put(kind, marker, {"kind": kind, "marker": marker, "dest_id": None}, "probe.meant", more=[begun])

    async def made(self, kind: Kind, marker: str, dest_id: DestId) -> None:
        await self._put(kind, marker, {"kind": kind, "marker": marker, "dest_id": dest_id}, "probe.made", dest_id)

    async def removed(self, kind: Kind, marker: str) -> None:
        await self._put(kind, marker, None, "probe.removed")

    async def left(self) -> Sequence[Left]:
        rows = (await self._ledger.settings("probe:record:")).values()
        return [(row["kind"], row["marker"], row["dest_id"]) for row in rows]

    async def _put(
        self, kind: Kind, marker: str, value: Mapping[str, Any] | None, action: str, dest_id: DestId = "", more: Sequence[Change] = (),
    ) -> None:  # fmt: skip
        entry = AuditEntry(actor="streamflow", action=action, kind=kind, key=marker, dest_id=dest_id)
        await self._ledger.commit([PutSetting(name=f"probe:record:{kind}:{marker}", value=value), *more, Audit(entry=entry)])


async def remove(migration: Migration) -> list[Left]:
    """Remove what can be removed by now; answers what is still there."""
    journal = LedgerJournal(migration.ledger)
    if await journal.left():      # an answer or a removal may have been lost, which does not mean that it cannot be removed
        await migration.destination.prober.sweep_probes(journal)
    return await really_left(journal, migration.destination.reader)


async def really_left(journal: LedgerJournal, reader: Reader) -> list[Left]:
    """Give what probes made and is still there; what is gone, though the answer to its removal was lost, leaves the journal."""
    found: list[Left] = []
    for each in await journal.left():
        if await may_be_there(each, reader):
            found.append(each)
        else:
            await journal.removed(each[0], each[1])
    return found


async def may_be_there(left: Left, reader: Reader) -> bool:
    """Say whether it is there; of what never showed nobody can say that it is not."""
    kind, _, dest_id = left
    return dest_id is None or bool(await reader.read(kind, [dest_id], custom=False))


async def ask_about(ledger: Ledger, left: Sequence[Left]) -> None:
    """Ask a person to delete what stays."""
    await ledger.commit([Enqueue(item=_item(*each)) for each in left])


async def try_again(migration: Migration) -> None:
    """Remove what somebody is still asked to delete by hand, and close the questions about what is gone."""
    asked = await migration.ledger.queue(cause=CAUSE)
    if not asked:
        return
    stays = {_item(*each).id for each in await remove(migration)}
    changes: list[Change] = []
    for item in asked:
        if item.id not in stays:
            changes += closed(item, "done")
    await migration.ledger.commit(changes)


def _item(kind: Kind, marker: str, dest_id: DestId | None) -> QueueItem:
    record = f"the record {dest_id} among {kind}" if dest_id else f"a record among {kind}"
    return QueueItem(
        id=f"{CAUSE}:{kind}:{marker}", cause=CAUSE, kind="", key="", decisions=("done", "waive"), suggested="done",
        reason=f"{record}, named {marker!r}, was made to try out the destination and could not be removed by the API so far, which is "
        "tried again when the tail begins and before the switch, or somebody put other words into it, and it is left: else delete it in "
        "the web app",
        details={"dest_id": dest_id or "", "kind": kind, "marker": marker},
    )
