"""The source as stages know it: stream by stream from the API or from files, one set of records either way."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import anyio

from streamflow.errors import AccessRefused, NotFound, PlatformUnavailable, ProtocolMismatch, Unreachable
from streamflow.model import Cursor, Key, Kind, Page, Record
from streamflow.platforms.api.reader import ApiReader
from streamflow.platforms.files.reader import FilesReader
from streamflow.platforms.rows.canon import Canon
from streamflow.platforms.rows.join import joiner
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.source import NOBODY, Stream
from streamflow.platforms.spec import PlatformSpec, StreamSpec

ASKED_BY = 3      # parents by which a stream is looked at before it counts as one that cannot be read


class SpecSource:
    """
    Reads one account; there is no method that could write.

    Beside the door of `platforms.source.Source` it tells of snapshots (`refresh`, `snapshot_id`) and of what it met and did not know
    (`drift`). `attachments` is None where no inbox was named.
    """

    def __init__(
        self, spec: PlatformSpec, *, api: ApiReader | None, files: FilesReader | None, roster: Roster,
        canons: Mapping[Kind, Canon] | None = None,
    ) -> None:  # fmt: skip
        self._spec = spec
        self._api = api
        self._files = files
        self._roster = roster
        self._roster_kinds = _roster_kinds(spec)
        self._roster_known = False
        self._roster_lock = anyio.Lock()
        self._brought: dict[Kind, list[Kind]] = {}      # kind -> the streams whose rows bring it beside their own
        for stream in spec.streams.values():
            by_api = stream.reader == "api"
            is_read = stream.enabled and (stream.via is None if by_api else bool(stream.files.globs) and files is not None)
            for kind in spec.brings(stream.kind, nested=by_api) if is_read else ():
                self._brought.setdefault(kind, []).append(stream.kind)
        self._canons = canons or {}
        self._joiners = {kind: joiner(spec.streams[kind], canon) for kind, canon in self._canons.items()}
        self._drift: dict[Kind, Counter[str]] = {}

    @property
    def name(self) -> str:
        """Give the name of the platform."""
        return self._spec.platform

    @property
    def attachments(self) -> FilesReader | None:
        """Give the door to the bytes of attachments."""
        return self._files

    @property
    def snapshot_id(self) -> str | None:
        """Give the snapshot that new passes read; None before the first look, and by API alone."""
        return self._files.snapshot_id if self._files else None

    def streams(self) -> Sequence[Stream]:
        """Give the streams that are switched on, parents before children."""
        return tuple(self._stream(spec) for spec in self._spec.streams.values() if self._is_on(spec))

    async def check(self) -> Mapping[str, str]:
        """
        Look at each stream; answer kind -> "ok" or why it cannot be read, also for kinds that have no stream here.

        Raises AccessRefused, PlatformUnavailable.
        """
        state: dict[Kind, str] = {}
        parents: dict[Kind, Sequence[Key]] = {}
        for stream in sorted(self.streams(), key=lambda stream: stream.optional):      # what cannot be missing is asked first
            if stream.via is not None:
                continue
            try:
                state[stream.kind] = await self._look(stream, parents)
            except (PlatformUnavailable, AccessRefused) as error:
                if not stream.optional:
                    raise
                if isinstance(error, AccessRefused) and self._api is not None:      # the others were let through
                    self._api.forgive()
                state[stream.kind] = f"cannot be read: {error.message}"
        return {stream.kind: state[stream.via or stream.kind] for stream in self.streams()} | self._left_out()

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        """
        Yield the pages of a whole-list stream from *start*; the last has next None, and may be empty.

        Raises NotFound where the stream is not there (never an empty list in its place), ProtocolMismatch where the platform or a
        file breaks the contract, and what a session raises.
        """
        spec = self._spec_of(kind)
        if (stream := self._stream(spec)).via is not None:
            raise ProtocolMismatch(f"{kind} comes with {stream.via} and is not read by itself", platform=self.name, stream=kind)
        if stream.parent is not None:
            raise ProtocolMismatch(f"{kind} is read by {spec.parent}, not as a list", platform=self.name, stream=kind)
        if spec.complete or spec.translate:
            await self._learn_roster()
        if start is None:
            self._drift |= {each: Counter() for each in (kind, *(stream.kind for stream in self.streams() if stream.via == kind))}
        async with aclosing(self._reader_pages(spec, start)) as pages:
            async for page in pages:
                self._note(page)
                yield page

    async def children(self, kind: Kind, parent: Key) -> Page:
        """Read all rows of one parent record; only for streams that are asked per parent."""
        spec = self._spec_of(kind)
        if self._stream(spec).parent is None or self._api is None:
            raise NotFound(f"{kind} cannot be asked by its parent", platform=self.name, stream=kind)
        await self._learn_roster()
        page = await self._api.children(kind, parent)
        self._note(page)
        return page

    async def one(self, kind: Kind, key: Key) -> Record | None:
        """Read one record directly; None when the source says it is not there, NotFound where it cannot be asked so."""
        spec = self._spec_of(kind)
        if spec.reader != "api" or self._api is None:
            raise NotFound("files cannot be asked for one record", platform=self.name, stream=kind)
        await self._learn_roster()
        return await self._api.one(kind, key)

    def resign(self, kind: Kind, keys: Collection[Key]) -> None:
        """Take note of what a person gave up; files keep nobody waiting."""
        if self._api is not None:
            self._api.resign(kind, keys)

    async def refresh(self) -> str | None:
        """Look for a newer snapshot and take it for new passes; answers its id, None when there is none or no inbox."""
        if self._files is None:
            return None
        before = self._files.snapshot_id
        found = await self._files.refresh()
        if found != before:
            self._roster_known = False
        return found

    @property
    def exported_at(self) -> datetime | None:
        """Give the moment of the snapshot in use; None when nothing is read from files."""
        return self._files.exported_at if self._files is not None else None

    def changes_from(self, kind: Kind, since: datetime) -> Cursor | None:
        """Give the cursor at which a read of only what changed since then begins; None where the source has no such filter."""
        spec = self._spec_of(kind)
        return self._api.window_from(kind, since) if spec.reader == "api" and self._api is not None else None

    def recent_from(self, kind: Kind) -> Cursor | None:
        """Give the cursor at which the latest part of a whole list begins; None where the source names none."""
        spec = self._spec_of(kind)
        return self._api.recent_from(kind) if spec.reader == "api" and self._api is not None else None

    async def owner_of(self, record: Record) -> Record | None:
        """Ask whose a record is; answers what to join with it: the fields that name its owner, empty where it is nobody's."""
        spec = self._spec_of(record.kind)
        if spec.reader != "api" or self._api is None:
            return None
        given = await self._api.owner_of(record)
        if given is None:
            return None
        parent = given.get(spec.parent_field) or None
        data = dict(given) if parent else {**given, NOBODY: "nobody"}
        return Record(kind=record.kind, key=record.key, data=data, digest="", parent=parent)

    def join(self, known: Record | None, fresh: Record, *, feed: Kind) -> Record:
        """Give one record out of what is known and what one stream shows now: a field that is missing there is not empty."""
        joined = self._joiners[fresh.kind](known, fresh, feed)
        if joined.parent is None or NOBODY not in joined.data:
            return joined
        data = {name: value for name, value in joined.data.items() if name != NOBODY}
        return replace(joined, data=data, digest=self._canons[joined.kind].digest(data))

    def drift(self) -> Mapping[Kind, Mapping[str, int]]:
        """Give per kind what its spec did not know or expect, with how often; of the latest pass over each whole list."""
        return {kind: dict(found) for kind, found in self._drift.items() if found}

    @property
    def notices(self) -> Sequence[str]:
        """Give what was left aside in the inbox, each with its reason."""
        return self._files.notices if self._files else ()

    # --- below

    def _left_out(self) -> dict[Kind, str]:
        """Give the kinds that are not read at all, with the reason: switched off, without an inbox, or offered by no reader."""
        without = "no inbox of files is configured" if self._files is None else "the API alone tells it, and no file of the inbox does"
        why = {
            kind: without if spec.enabled else "switched off" for kind, spec in self._spec.streams.items() if not self._is_on(spec)
        }
        return {kind: f"not available: {reason}" for kind, reason in {**why, **self._spec.not_offered}.items()}

    def _spec_of(self, kind: Kind) -> StreamSpec:
        spec = self._spec.streams.get(kind)
        if spec is None or not self._is_on(spec):
            raise NotFound("the stream is not switched on", platform=self.name, stream=kind, hint="see [source.streams]")
        return spec

    def _is_on(self, spec: StreamSpec) -> bool:
        if spec.reader == "api":
            return spec.enabled
        return spec.enabled and self._files is not None and bool(spec.files.globs or spec.role == "file" or spec.kind in self._brought)

    def _stream(self, spec: StreamSpec) -> Stream:
        by_parent = spec.parent if spec.reader == "api" else None
        window = spec.window if spec.reader == "api" and by_parent is None else None
        by_changes = window is not None and window.changes and (spec.changed or window.by_clock)
        via = self._via(spec)
        feeds = tuple(kind for kind in self._brought.get(spec.kind, ()) if kind != via)
        is_api = spec.reader == "api"
        return Stream(
            kind=spec.kind, reader=spec.reader, parent=by_parent, refers_to=spec.refers_to, role=spec.role, optional=spec.optional,
            sweepable=not spec.retain, overlap_s=window.overlap_s if by_changes and window is not None else None,
            by_clock=window is not None and window.by_clock, has_recent=window is not None and window.recent_days > 0, via=via,
            fed_by=feeds, same_by=spec.same_by if is_api else (), rewritten=spec.rewritten if is_api else (),
            made_of=spec.key_fallback if is_api else (), asks_owner=is_api and spec.owner is not None,
            moved_by=() if is_api else spec.moved_by, poll_s=float(spec.poll_s) if is_api else 0.0,
        )

    def _via(self, spec: StreamSpec) -> Kind | None:
        """Give the stream whose rows alone bring a kind; None for one that is read by itself."""
        if spec.reader == "api":
            return spec.via
        return next(iter(self._brought.get(spec.kind, ())), None) if not spec.files.globs else None

    def _reader_pages(self, spec: StreamSpec, start: Cursor | None) -> AsyncGenerator[Page, None]:
        if spec.reader == "files":
            if self._files is None:
                raise NotFound("no inbox of files is configured", platform=self.name, stream=spec.kind, hint="set source.inbox")
            return self._files.pages(spec.kind, start)
        if self._api is None:
            raise NotFound("no address of the API is configured", platform=self.name, stream=spec.kind, hint="set source.base_url")
        return self._api.pages(spec.kind, start)

    async def _look(self, stream: Stream, parents: dict[Kind, Sequence[Key]]) -> str:
        """Look at one stream; where it is asked by parent, by a few of them: one that cannot be asked about is no fault of it."""
        if stream.reader == "files" and self._files is not None:
            return await self._files.look(stream.kind)
        if self._api is None:
            return "not available: no address of the API is configured"
        if stream.parent is not None and stream.parent not in parents:
            parents[stream.parent] = await self._some_keys(stream.parent)
        *others, last = parents.get(stream.parent or "") or (None,)
        for parent in others:
            try:
                if await self._api.look(stream.kind, parent) == "ok":
                    return "ok"
            except Unreachable:
                raise
            except PlatformUnavailable:
                continue      # of this parent alone, perhaps
        return await self._api.look(stream.kind, last)

    async def _some_keys(self, kind: Kind) -> Sequence[Key]:
        try:
            async with aclosing(self._reader_pages(self._spec_of(kind), None)) as pages:
                async for page in pages:
                    return [record.key for record in page.records[:ASKED_BY]]
        except AccessRefused:
            raise
        except (NotFound, ProtocolMismatch, PlatformUnavailable):
            pass      # reported where that stream itself is looked at
        return ()

    def _note(self, page: Page) -> None:
        found = self._drift.setdefault(page.kind, Counter())
        found.update(page.unknown)
        for kind, seen in page.unknown_of.items():
            self._drift.setdefault(kind, Counter()).update(seen)
        if page.rejects:
            found["rows without a usable key"] += len(page.rejects)

    async def _learn_roster(self) -> None:
        """Read the small lists by which users and groups are named alike, once for each snapshot."""
        async with self._roster_lock:
            if self._roster_known:
                return
            for kind in self._roster_kinds:
                rows: list[dict[str, Any]] = []
                try:
                    async with aclosing(self._reader_pages(self._spec_of(kind), None)) as pages:
                        async for page in pages:
                            rows += [record.data for record in page.records]
                except (NotFound, ProtocolMismatch):
                    continue      # said by check; records then keep the names that their own reader gave
                self._roster.learn(kind, rows)
            self._roster_known = True


def _roster_kinds(spec: PlatformSpec) -> tuple[Kind, ...]:
    """Give the reference kinds by which other records are completed, in the order of the spec."""
    used = {rule.kind for stream in spec.streams.values() for rule in (*stream.complete, *stream.translate.values())}
    return tuple(kind for kind in spec.streams if kind in used)
