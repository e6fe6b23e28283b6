"""Snapshots of a source that is read from files: which one is in use, what was read from it, and one that cannot be used."""

from __future__ import annotations

from zlib import crc32

from streamflow.errors import ProtocolMismatch
from streamflow.migration.context import Migration
from streamflow.model import Kind, QueueItem
from streamflow.platforms.source import Stream
from streamflow.stages.tally import Tally
from streamflow.store.change import Enqueue, PutSetting


class Snapshots:
    """Looks for newer ones, and lets none be read twice; a source that is read by its API has none."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self.trouble = ""      # why the newest one is not read; shown with the reason

    async def newest(self, *, strict: bool = False) -> str | None:
        """
        Look for a newer snapshot; answers the name of the one in use.

        One that cannot be used is refused, and what it would bring is read when a whole one is there; with *strict* ProtocolMismatch is
        raised instead.
        """
        try:
            found = await self._m.source.refresh()
        except ProtocolMismatch as error:
            if strict:
                raise
            await self.refuse(error)
            return None
        self.trouble = ""
        return found

    async def refuse(self, error: ProtocolMismatch) -> None:
        """Tell of one that cannot be used, in `trouble` and in the queue."""
        self.trouble = f"the newest export cannot be used: {error}"
        self._m.trouble(error)
        await self._m.ledger.commit([Enqueue(item=QueueItem(
            id=f"snapshot:{crc32(error.message.encode()):08x}", cause="snapshot_damaged", kind="", key="",
            reason=f"{error}; {error.hint or 'export everything once more'}", decisions=("waive",), suggested="waive",
        ))])

    async def is_read(self, stream: Stream, snapshot: str | None) -> bool:
        """Say whether a stream that comes from files was read from this very snapshot before: the same bytes say nothing new."""
        if stream.reader != "files":
            return False
        return bool(self.trouble) or (snapshot is not None and await self._m.ledger.setting(_read(stream.kind)) == snapshot)

    async def note_read(self, stream: Stream, snapshot: str | None, tally: Tally) -> None:
        """Keep that a stream was read whole from this snapshot."""
        if stream.reader == "files" and snapshot is not None and tally.complete:
            await self._m.ledger.commit([PutSetting(name=_read(stream.kind), value=snapshot)])


def _read(kind: Kind) -> str:
    return f"snapshot:{kind}"
