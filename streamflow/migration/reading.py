"""Reading the source: the first complete pass, the polls of the tail, and the sweeps that prove absence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from streamflow.clock import iso
from streamflow.errors import NotFound
from streamflow.migration.context import Migration
from streamflow.model import Key, Kind, QueueItem
from streamflow.platforms.base import Stream
from streamflow.stages.extract import Intake, Tally
from streamflow.store.base import Change, Enqueue, PutSetting

KEYS_AT_ONCE = 1000
ABSENT_SCANS = 2   # complete scans in a row that must miss a record before it counts as deleted


@dataclass(slots=True)
class Reading:
    """The tallies of one round over all streams."""

    tallies: dict[Kind, Tally] = field(default_factory=dict)

    @property
    def is_quiet(self) -> bool:
        return all(tally.is_quiet for tally in self.tallies.values())

    @property
    def is_complete(self) -> bool:
        return all(tally.complete for tally in self.tallies.values())

    @property
    def changes(self) -> int:
        return sum(tally.new + tally.changed for tally in self.tallies.values())


class SourceReader:
    """Runs rounds of reading; round numbers are durable, so an interrupted round goes on where it stopped."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._intake = Intake(
            ledger=migration.ledger, source=migration.source, permit=migration.control.permit, on_page=self._count
        )

    def _count(self, kind: Kind, records: int) -> None:
        self._m.read[kind] += records
        self._m.control.notify()

    async def round_number(self, name: str) -> int:
        """Give the number of the round of this name that is under way."""
        return int(await self._m.ledger.setting(f"round:{name}") or 1)

    async def close_round(self, name: str, number: int) -> None:
        """Note that a round is complete; the next one reads everything anew."""
        await self._m.ledger.commit([PutSetting(name=f"round:{name}", value=number + 1)])

    async def streams(self) -> list[Stream]:
        """The streams this source can serve, as the probe found them."""
        coverage = await self._m.ledger.setting("coverage") or {}
        return [stream for stream in self._m.source.streams() if coverage.get(stream.kind, "ok") == "ok"]

    async def everything(self, name: str) -> Reading:
        """One complete pass over all streams, children of every parent included."""
        number = await self.round_number(name)
        reading = Reading()
        snapshot = await self._m.source.refresh()
        for stream in await self.streams():
            if await self._is_read(stream, snapshot):
                reading.tallies[stream.kind] = Tally(complete=True)
                continue
            scan = f"{name}:{stream.kind}:{number}"
            mark = await self._m.ledger.mark(self._mark(stream))
            if mark is not None and mark.note.get("scan") == scan and mark.note.get("complete"):
                reading.tallies[stream.kind] = Tally(complete=True)   # this part of the round was finished before a restart
                continue
            if name == "first":
                await self._m.explain(f"reading {stream.kind} records")
            if stream.parent is None:
                tally = await self._intake.scan(stream, scan=scan)
            else:
                after = mark.cursor if mark is not None and mark.note.get("scan") == scan else ""
                tally = await self._intake.scan_children(stream, self._parents(stream.parent, after), scan=scan, name=self._mark(stream))
            reading.tallies[stream.kind] = tally
            await self._note(stream.kind, tally)
            await self._was_read(stream, snapshot, tally)
            self._m.control.check()
        await self.close_round(name, number)
        return reading

    async def poll(self, number: int) -> Reading:
        """A quick round: whole-list streams, and the children of parents that changed."""
        reading = Reading()
        changed: dict[Kind, list[Key]] = {}
        snapshot = await self._m.source.refresh()
        for stream in await self.streams():
            if await self._is_read(stream, snapshot):
                continue
            scan = f"poll:{stream.kind}:{number}"
            if stream.parent is None:
                tally = await self._intake.scan(stream, scan=scan)
                changed[stream.kind] = tally.touched
            else:
                parents = changed.get(stream.parent, [])
                tally = await self._intake.scan_children(
                    stream, _chunks(parents), scan=f"{scan}:{iso(self._m.clock.now())}", name=f"poll:{stream.kind}"
                )
            reading.tallies[stream.kind] = tally
            await self._note(stream.kind, tally)
            await self._was_read(stream, snapshot, tally)
            self._m.control.check()
        self._m.last_poll_at = iso(self._m.clock.now())
        return reading

    async def _is_read(self, stream: Stream, snapshot: str | None) -> bool:
        """Say whether a stream that comes from files was read from this very snapshot before: the same bytes say nothing new."""
        return stream.reader == "files" and snapshot is not None and await self._m.ledger.setting(f"snapshot:{stream.kind}") == snapshot

    async def _was_read(self, stream: Stream, snapshot: str | None, tally: Tally) -> None:
        if stream.reader == "files" and snapshot is not None and tally.complete:
            await self._m.ledger.commit([PutSetting(name=f"snapshot:{stream.kind}", value=snapshot)])

    def _mark(self, stream: Stream) -> str:
        return f"read:{stream.kind}" if stream.parent is None else f"sweep:{stream.kind}"

    async def _parents(self, kind: Kind, after: Key) -> AsyncIterator[Sequence[Key]]:
        while keys := await self._m.ledger.keys(kind, after=after, limit=KEYS_AT_ONCE):
            yield keys
            after = keys[-1]

    async def _note(self, kind: Kind, tally: Tally) -> None:
        """Keep what a pass found besides records: unknown keys (drift) and rows that cannot be records."""
        changes: list[Change] = []
        if tally.unknown:
            known = await self._m.ledger.setting("drift") or {}
            known[kind] = {**known.get(kind, {}), **dict(tally.unknown)}
            changes.append(PutSetting(name="drift", value=known))
        for reason in dict.fromkeys(tally.rejects):
            changes.append(Enqueue(item=QueueItem(
                id=f"reject:{kind}:{crc32(reason.encode()):08x}", cause="row_rejected", kind=kind, key="", reason=reason,
                decisions=("waive",), suggested="waive",
            )))
        if changes:
            await self._m.ledger.commit(changes)
        if kind == "lead":
            self._m.touched_leads.update(tally.touched)
        if tally.new or tally.changed or tally.missed:
            self._m.log("read.done", kind=kind, read=tally.read, new=tally.new, changed=tally.changed, missed=tally.missed)

    async def suspects(self) -> int:
        """Queue records that two complete scans in a row did not show and that the source, asked directly, says are gone."""
        queued = 0
        for stream in await self.streams():
            if not stream.sweepable:
                continue
            async for page in self._m.ledger.every(stream.kind):
                for staged in page:
                    if staged.missing_scans < ABSENT_SCANS:
                        continue
                    item = f"deleted:{stream.kind}:{staged.record.key}"
                    if await self._m.ledger.item(item) is not None or await self._is_there(stream, staged.record.key):
                        continue
                    queued += 1
                    await self._m.ledger.commit([Enqueue(item=QueueItem(
                        id=item, cause="deleted_at_source", kind=stream.kind, key=staged.record.key,
                        reason="gone from the source since it was read; nothing was removed in the destination",
                        decisions=("keep", "note"), suggested="keep",
                    ))])
        return queued

    async def _is_there(self, stream: Stream, key: Key) -> bool:
        try:
            return await self._m.source.one(stream.kind, key) is not None
        except NotFound:
            return False


async def _chunks(keys: Sequence[Key]) -> AsyncIterator[Sequence[Key]]:
    for start in range(0, len(keys), KEYS_AT_ONCE):
        yield keys[start : start + KEYS_AT_ONCE]
