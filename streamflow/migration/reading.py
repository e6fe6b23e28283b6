"""Reading the source: the first complete pass, the polls of the tail, and the sweeps that prove absence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

from streamflow.errors import ProtocolMismatch
from streamflow.ledger_names import COVERAGE, MAP_CONFIRMED, MAP_PROPOSED, UNKNOWN_KEYS, poll_mark, read_mark, sweep_mark
from streamflow.mapping.document_json import from_json
from streamflow.mapping.uplinks import uplinks_of
from streamflow.migration import absence, unread
from streamflow.migration.clocked import ClockedFeed
from streamflow.migration.context import Migration
from streamflow.migration.drift import SeenFields
from streamflow.migration.finished import Finished
from streamflow.migration.freshness import Moves, NotingSource, parents_of
from streamflow.migration.holes import Holes
from streamflow.migration.horizon import Lateness, settle_of
from streamflow.migration.owed import Owed
from streamflow.migration.round import Reading
from streamflow.migration.settled import SettledFeed
from streamflow.migration.snapshots import Snapshots
from streamflow.migration.stopped import POLL, WHOLE, Apart
from streamflow.migration.strays import ask_owners
from streamflow.model import AuditEntry, Key, Kind
from streamflow.platforms.source import Source, Stream
from streamflow.stages.asking import GoneParents
from streamflow.stages.extract import Intake
from streamflow.stages.tally import Tally
from streamflow.store.change import Audit, Change, MoveMark, PutSetting

KEYS_AT_ONCE = 1000
FIRST = "first"      # the name of the round that takes stock
SWEEP = "sweep"      # the name of the round that reads everything a slice at a time, with polls in between


class SourceReader:
    """Runs rounds of reading; round numbers are durable, so an interrupted round goes on where it stopped."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self.snapshots = Snapshots(migration)
        self.between: Callable[[Kind], None] = _nothing    # called after each page of a kind; what it raises ends the round
        self._linked_by = ""                               # digest of the map whose links are in use
        self._polled: dict[Kind, float] = {}               # monotonic: when a kind was last polled
        self._lateness = Lateness(migration)
        holes = Holes(migration)
        self._noting = NotingSource(
            migration.source, SeenFields(migration.ledger).look, self._lateness.look, forewarn=holes.forewarn
        )
        self._intake = Intake(
            ledger=migration.ledger, source=cast(Source, self._noting), permit=migration.control.permit, on_page=self._heard,
            streams=migration.source.streams, settle=holes.settle, emptied=partial(absence.is_believed, migration),
        )  # fmt: skip
        self.settled = SettledFeed(migration, self._noting, self._intake)
        self.clocked = ClockedFeed(migration, self._intake)

    def _heard(self, kind: Kind, records: int) -> None:
        self._m.failing.over(self._m.source.name)
        self._m.control.notify()
        self.between(kind)

    @contextmanager
    def broken_by(self, between: Callable[[Kind], None]) -> Iterator[None]:
        """Let *between* end the rounds inside the block by what it raises after a page of a kind; they go on later."""
        self.between = between
        try:
            yield
        finally:
            self.between = _nothing

    async def round_number(self, name: str) -> int:
        """Give the number of the round of this name that is under way."""
        return int(await self._m.ledger.setting(_round(name)) or 1)

    async def has_closed(self, name: str) -> bool:
        """Say whether a round of this name was ever complete, or given up."""
        return await self._m.ledger.setting(_round(name)) is not None

    async def close_round(self, name: str, number: int, *told: Change) -> None:
        """Note that a round is complete; the next one reads everything anew."""
        await self._m.ledger.commit([PutSetting(name=_round(name), value=number + 1), *told])

    async def give_up_round(self, name: str) -> None:
        """Forget a round that may be under way: what it read was read too early to count."""
        await self.close_round(name, await self.round_number(name))

    async def streams(self) -> list[Stream]:
        """The streams this source can serve, as the probe found them; those that come with others too."""
        coverage = await self._m.ledger.setting(COVERAGE) or {}
        return [stream for stream in self._m.source.streams() if coverage.get(stream.kind, "ok") == "ok"]

    async def everything(self, name: str) -> Reading:
        """
        One complete pass over all streams, children of every parent included. Streams that are stopped leave it open, but for the first.

        What `between` raises ends the round; called again, it goes on behind the last stream that was finished, polls in between or not.
        """
        await self._look_up_links()
        number = await self.round_number(name)
        reading = Reading()
        finished = await Finished.look_up(self._m.ledger, name, number)
        owed = await Owed.look_up(self._m.ledger)
        apart = self._apart(reading, WHOLE, strict=name == FIRST)
        snapshot = await self.snapshots.newest(strict=name == FIRST)
        for stream in await self._read_streams():
            if await self.snapshots.is_read(stream, snapshot):
                reading.tallies[stream.kind] = Tally(ended=not self.snapshots.trouble)
                reading.listed |= {stream.kind}
                reading.scans |= await self._last_scan(stream)
                continue
            scan = f"{name}:{stream.kind}:{number}"
            mark = await self._m.ledger.mark(self._mark(stream))
            is_under_way = mark is not None and mark.note.get("scan") == scan
            reading.is_resumed |= is_under_way
            reading.scans[stream.kind] = scan
            if stream.kind in finished:
                reading.is_resumed = True
                before = finished.tally(stream.kind)   # this part of the round is not read a second time
                reading.listed |= {stream.kind} if before.complete else set()
                await self._judge(stream.kind, before, reading)
                continue
            if name == FIRST:
                await self._m.explain(f"reading {stream.kind} records")

            place = mark.cursor if mark is not None and is_under_way else ""

            async def part(stream: Stream = stream, scan: str = scan, after: Key = place) -> Tally:
                return await self._in_whole(stream, scan, after, name=name, reading=reading, snapshot=snapshot, owed=owed)

            await apart.read(stream.kind, part, anew=partial(self._begin_anew, stream), place=place)
            if stream.kind not in reading.stopped and reading.tallies[stream.kind].ended:
                await finished.add(stream.kind, reading.tallies[stream.kind])
            self._m.control.check()
        if reading.stopped:      # the rest of the round is read when they go on
            return reading
        shown = ", ".join(f"{tally.shown} {kind}" for kind, tally in reading.tallies.items())
        entry = AuditEntry(actor="streamflow", action="read.everything", note=f"pass {name} {number}: {shown} records shown")
        await self.close_round(name, number, Audit(entry=entry))
        if name != SWEEP:   # every parent was asked; those that could not be are asked again
            await owed.replace(reading.tallies)
        return reading

    async def _in_whole(
        self, stream: Stream, scan: str, after: Key, *, name: str, reading: Reading, snapshot: str | None, owed: Owed
    ) -> Tally:  # fmt: skip
        """Read one stream in a complete pass, from where it was left."""
        await self._follow_moves(stream)
        self._lateness.begin(stream)
        tally = await self._whole(stream, scan, after, strict=name == FIRST, listed=reading.listed)
        await self._lateness.end(tally, is_whole=True, is_resumed=bool(after))
        if name == SWEEP:
            await self._owe(stream.kind, tally, owed)     # the sweep may come to their children much later than the next poll
        else:
            await self._keep_moves(stream.kind, tally)
        await self._took(stream, tally, reading)
        await self._miss_joined(stream, reading)
        await self._ask_owners(stream, tally, scan, everybody=True)
        await self.snapshots.note_read(stream, snapshot, tally)
        await owed.add_unread(stream.kind, tally)
        return tally

    def _apart(self, reading: Reading, sort: str, *, strict: bool = False) -> Apart:
        return Apart(self._m.stopped, reading, sort, now=self._m.clock.monotonic, log=self._m.log, strict=strict)

    async def _begin_anew(self, stream: Stream) -> None:
        """Forget how far a pass over a whole list has come."""
        if stream.parent is None:
            await self._m.ledger.commit([MoveMark(name=self._mark(stream), cursor="")])

    async def _read_streams(self) -> list[Stream]:
        """The streams that are read by themselves."""
        return [stream for stream in await self.streams() if stream.via is None]

    async def _miss_joined(self, stream: Stream, reading: Reading) -> None:
        """Count what no stream showed of kinds that several bring, once the last of them was read whole in this round."""
        read = reading.tallies[stream.kind]
        for each, scan in await self._shown_by_all(reading):
            feeds = (each.via or each.kind, *each.fed_by)
            if each.fed_by and each.sweepable and stream.kind in feeds and read.complete:
                spared = {kind: keys for tally in reading.tallies.values() for kind, keys in tally.spared.items()}
                await self._intake.miss(each.kind, scan, read, spared=spared)

    async def _shown_by_all(self, reading: Reading) -> list[tuple[Stream, str]]:
        """Give the kinds of which this round has read every stream whole, each with the pass that was first to show it."""
        read = list(reading.scans)
        found: list[tuple[Stream, str]] = []
        for stream in await self.streams():
            feeds = {stream.via or stream.kind, *stream.fed_by}
            if feeds <= set(read) and all(feed in reading.tallies and reading.tallies[feed].complete for feed in feeds):
                found.append((stream, reading.scans[min(feeds, key=read.index)]))
        return found

    async def _ask_owners(self, stream: Stream, tally: Tally, scan: str, *, everybody: bool) -> None:
        if stream.asks_owner and tally.ended and (everybody or tally.touched):
            await ask_owners(self._m, self._intake, stream, scan=scan, keys=None if everybody else tally.touched)

    async def _whole(self, stream: Stream, scan: str, after: Key, *, strict: bool, listed: set[Kind]) -> Tally:
        """Read all of one stream; files that turn out to be damaged wait for better ones, unless *strict*."""
        if stream.parent is not None:
            tally = await self._intake.scan_children(
                stream, self._parents(stream.parent, after), scan=scan, name=self._mark(stream),
                vanished=self._vanished(stream.parent, listed),
            )
            if tally.halted_after is not None:   # the rest was not even asked
                tally.unread += [key async for keys in self._parents(stream.parent, tally.halted_after) for key in keys]
            return tally
        try:
            # What the first pass brings is looked at as a whole; later on people, parents and users are asked about by name.
            pair = self._m.pair
            names = not strict and stream.kind in {pair.person.kind, pair.kind_naming("user"), *parents_of(await self.streams())}
            if self.clocked.serves(stream):
                tally = await self.clocked.whole(stream, scan=scan, names_touched=names)
            else:
                tally = await self.settled.whole(stream, scan=scan, names_touched=names)
            listed |= {stream.kind} if tally.complete else set()
            return tally
        except ProtocolMismatch as error:
            if strict or stream.reader != "files":
                raise
            await self.snapshots.refuse(error)
            return Tally()

    async def poll(self, number: int) -> Reading:
        """
        A quick round: what changed, by the settled feed where the source can be asked so and else by whole lists and digests, and the
        children of parents that changed. Kinds whose own pause is not over are left out.

        Polls of different starts never share a name: a pass must not count what an earlier one of the same number saw.
        """
        await self._look_up_links()
        reading = Reading()
        apart = self._apart(reading, POLL)
        snapshot = await self.snapshots.newest()
        owed = await Owed.look_up(self._m.ledger)
        for stream in await self._read_streams():
            if await self.snapshots.is_read(stream, snapshot):
                continue
            if not self._is_due(stream):
                reading.is_postponed |= stream.kind in owed
                continue

            async def part(stream: Stream = stream) -> Tally:
                return await self._in_poll(stream, number, reading=reading, snapshot=snapshot, owed=owed)

            await apart.read(stream.kind, part, anew=partial(self._begin_anew, stream))
            if stream.kind in reading.stopped:
                self._polled.pop(stream.kind, None)     # its own pause does not keep it from going on
            self._m.control.check()
        return reading

    async def _in_poll(self, stream: Stream, number: int, *, reading: Reading, snapshot: str | None, owed: Owed) -> Tally:
        """Read what changed in one stream, or the children that it owes."""
        scan = f"poll:{stream.kind}:{self._m.ledger.epoch}.{number}"
        if stream.parent is None:
            await self._follow_moves(stream)
            self._lateness.begin(stream)
            changed = await (self.clocked if self.clocked.serves(stream) else self.settled).read(stream, scan=scan)
            if changed is None:
                reading.scans[stream.kind] = scan
            tally = changed or await self._whole(stream, scan, "", strict=False, listed=reading.listed)
            await self._lateness.end(tally, is_whole=changed is None)
            await self._owe(stream.kind, tally, owed)
        else:
            tally = await self._intake.scan_children(
                stream, _chunks(owed.to(stream.kind)), scan=scan, name=poll_mark(stream.kind),
                vanished=self._vanished(stream.parent, reading.listed),
            )
            await owed.pay(stream.kind, tally)
        await self._took(stream, tally, reading)
        await self._miss_joined(stream, reading)
        await self._ask_owners(stream, tally, scan, everybody=False)
        await self.snapshots.note_read(stream, snapshot, tally)
        return tally

    async def _look_up_links(self) -> None:
        """Take up who looks at whom under the map; before there is one everything is still to be delivered anyway."""
        stored = await self._m.ledger.setting(MAP_CONFIRMED) or await self._m.ledger.setting(MAP_PROPOSED) or {}
        if stored and stored["digest"] != self._linked_by:
            self._intake.uplinked.links = uplinks_of(from_json(stored["document"], self._m.pair), self._m.pair)
            self._linked_by = str(stored["digest"])

    def look_at_all(self) -> None:
        """Let the next poll leave out no kind for a pause of its own."""
        self._polled.clear()

    def _is_due(self, stream: Stream) -> bool:
        """Say whether a kind with a pause of its own is to be looked at again, and note that it is; the others are in each round."""
        kind = stream.kind
        pause_s, now = self._m.terms.stream_poll_s.get(kind, stream.poll_s), self._m.clock.monotonic()
        if kind in self._polled and now - self._polled[kind] < pause_s:
            return False
        self._polled[kind] = now
        return True

    async def _follow_moves(self, stream: Stream) -> None:
        """Let the pass over a kind of parents show which of them have moved on since the last one."""
        self._noting.moves.clear()
        if stream.kind in parents_of(await self.streams()):
            kept = await self._m.ledger.setting(f"newest:{stream.kind}")
            self._noting.moves[stream.kind] = Moves.against(kept, overlap_s=await settle_of(self._m, stream.kind))

    async def _keep_moves(self, kind: Kind, tally: Tally, *changes: Change) -> None:
        moves = self._noting.moves.pop(kind, None)
        renewed = [PutSetting(name=f"newest:{kind}", value=moves.kept())] if moves is not None and tally.complete else []
        if renewed or changes:
            await self._m.ledger.commit([*changes, *renewed])

    async def _owe(self, parent: Kind, tally: Tally, owed: Owed) -> None:
        """Note durably whose children have to be asked, so that neither a failure nor a restart in between forgets them."""
        moves = self._noting.moves.get(parent)
        keys = [*tally.touched, *(moves.moved if moves is not None else ())]
        if not keys:
            self._noting.moves.pop(parent, None)
            return
        kinds = [stream.kind for stream in await self.streams() if stream.parent == parent]
        await self._keep_moves(parent, tally, owed.add(kinds, keys))

    def _vanished(self, kind: Kind, listed: Collection[Kind]) -> GoneParents | None:
        """Give what names the parents that the whole list of this round does not show any more; None where it was not read."""
        if kind not in listed:
            return None

        async def gone(keys: Sequence[Key]) -> set[Key]:
            return {key for key, each in (await self._m.ledger.staged(kind, keys)).items() if each.missing_scans}

        return gone

    async def _took(self, stream: Stream, tally: Tally, reading: Reading) -> None:
        """Take the tally of one stream into the round."""
        await self._note(stream.kind, tally)
        if stream.parent is not None:      # of a list it was told at its end
            await unread.tell(self._m, stream, tally)
        await self._judge(stream.kind, tally, reading)

    async def _judge(self, kind: Kind, tally: Tally, reading: Reading) -> None:
        reading.tallies[kind] = tally
        if tally.gaps and await unread.is_given_up(self._m, kind):
            reading.given_up.add(kind)

    def _mark(self, stream: Stream) -> str:
        return read_mark(stream.kind) if stream.parent is None else sweep_mark(stream.kind)

    async def _parents(self, kind: Kind, after: Key) -> AsyncIterator[Sequence[Key]]:
        while keys := await self._m.ledger.keys(kind, after=after, limit=KEYS_AT_ONCE):
            yield keys
            after = keys[-1]

    async def _note(self, kind: Kind, tally: Tally) -> None:
        """Keep what a pass found besides records: unknown keys (drift)."""
        if tally.unknown or tally.unknown_of:
            known = await self._m.ledger.setting(UNKNOWN_KEYS) or {}
            for each, seen in {**tally.unknown_of, kind: tally.unknown}.items():
                known[each] = {**known.get(each, {}), **dict(seen)}
            await self._m.ledger.commit([PutSetting(name=UNKNOWN_KEYS, value=known)])
        person = self._m.pair.person.kind
        self._m.touched[person].update(tally.touched if kind == person else tally.touched_of.get(person, ()))
        if tally.new or tally.changed or tally.missed:
            self._m.log("read.done", kind=kind, read=tally.read, new=tally.new, changed=tally.changed, missed=tally.missed)

    async def _last_scan(self, stream: Stream) -> dict[Kind, str]:
        """Give the pass that read the snapshot in use, whichever round it was in: what that did not show is not in it."""
        mark = await self._m.ledger.mark(self._mark(stream))
        return {stream.kind: str(mark.note["scan"])} if mark is not None and mark.note.get("complete") else {}

    async def suspects(self, reading: Reading, *, is_final: bool = False) -> int:
        """
        Queue records that two complete passes in a row did not show and that the source says are gone; see `queue_gone`.

        *is_final*: no further snapshot comes, so that one of which the last one lacks a record is all there will be to tell by.
        """
        complete = {stream.kind: scan for stream, scan in await self._shown_by_all(reading)}
        streams = await self.streams()
        by_files = {stream.kind for stream in streams if stream.reader == "files"} if is_final else set()
        return await absence.queue_gone(self._m, streams, complete, once_is_enough=by_files)


def _round(name: str) -> str:
    return f"round:{name}"


def _nothing(_kind: Kind) -> None:
    """The round is not to be ended."""


async def _chunks(keys: Sequence[Key]) -> AsyncIterator[Sequence[Key]]:
    for start in range(0, len(keys), KEYS_AT_ONCE):
        yield keys[start : start + KEYS_AT_ONCE]
