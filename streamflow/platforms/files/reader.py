"""The reader by files: tables of a snapshot as pages of records; a pass stays with the snapshot it began with."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from anyio import to_thread

from streamflow.errors import NotFound, ProtocolMismatch
from streamflow.model import Cursor, Kind, Page, Record
from streamflow.platforms.files import attachment, second
from streamflow.platforms.files.inbox import Inbox, Snapshot
from streamflow.platforms.files.manifest import FileEntry, is_inside
from streamflow.platforms.files.table import CELL_LIMIT_CHARS, Table, TableSettings, count_rows, open_table
from streamflow.platforms.rows.canon import Canon, Pass, squeezed
from streamflow.platforms.rows.columns import Columns
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.rows.unfold import Unfolder
from streamflow.platforms.spec import FileRules, PlatformSpec, StreamSpec

PAGE_ROWS = 500
PAGE_FILES = 50      # attachments are hashed as they are listed
_EXPORT_AGAIN = "export again, or leave the stream out"


class FilesReader:
    """Reads streams from the newest complete snapshot of an inbox, page by page; only one page is in memory."""

    def __init__(self, inbox: Inbox, spec: PlatformSpec, canons: Mapping[Kind, Canon], roster: Roster) -> None:
        self._inbox = inbox
        self._spec = spec
        self._canons = canons
        self._unfolders = {kind: Unfolder(spec, canons, kind) for kind in spec.streams}
        self._roster = roster
        self._snapshot: Snapshot | None = None
        self._counted: set[tuple[str, str]] = set()

    @property
    def snapshot_id(self) -> str | None:
        """Give the snapshot that new passes read; None before the first `refresh`."""
        return self._snapshot.id if self._snapshot else None

    @property
    def exported_at(self) -> datetime | None:
        """Give the moment (aware UTC) of the snapshot that new passes read."""
        return self._snapshot.manifest.exported_at if self._snapshot else None

    @property
    def notices(self) -> tuple[str, ...]:
        """Give what was left aside in the inbox, each with its reason."""
        return self._inbox.notices

    async def refresh(self) -> str | None:
        """
        Look for a newer complete snapshot, prove it whole and take it; answers the id of the newest, None when there is none.

        Raises:
            ProtocolMismatch: the newest one is damaged; the one taken before stays.
            PlatformUnavailable: there is no inbox.
        """
        found = await to_thread.run_sync(self._newest)
        if found is not None:
            self._snapshot = found
        return found.id if found else None

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield the rows of a stream from *start*; a cursor into a snapshot that is gone begins with the newest one."""
        if self._spec.streams[kind].role == "file":
            async for found in self._attachment_pages(kind, start):
                yield found
            return
        snapshot, offset = await self._place(start)
        with ExitStack() as stack:
            rows = await to_thread.run_sync(self._open, kind, snapshot, stack)
            memory = Pass()
            pages = self._cut(kind, rows, snapshot, offset, memory)
            step: Callable[[], Page | None] = partial(next, pages, None)
            while (page := await to_thread.run_sync(step)) is not None:
                yield page

    async def look(self, kind: Kind) -> str:
        """Say "ok" or why a stream cannot be read from the newest snapshot."""
        await self.refresh()
        snapshot = self._snapshot
        if snapshot is None:
            return "not available: there is no complete snapshot in the inbox"
        try:
            if self._spec.streams[kind].role == "file":
                await to_thread.run_sync(self._with_attachments)
            else:
                with ExitStack() as stack:
                    await to_thread.run_sync(self._open, kind, snapshot, stack)
        except NotFound as error:
            return f"not available: {error.message}"
        except ProtocolMismatch as error:
            return f"cannot be read: {error.message}"
        return "ok"

    async def copy(self, record: Record, target: str) -> str:
        """Write the bytes of an attachment record to *target*, mode 0600, and answer their SHA-256. Raises NotFound, ProtocolMismatch."""
        return await to_thread.run_sync(self._copy, record, Path(target))

    # --- snapshots

    def _newest(self) -> Snapshot | None:
        found = self._inbox.complete()
        if not found:
            return None
        self._inbox.prove(found[0])
        return found[0]

    async def _place(self, cursor: Cursor | None) -> tuple[Snapshot, int]:
        if self._snapshot is None:
            await self.refresh()
        if self._snapshot is None:
            raise NotFound("there is no complete snapshot in the inbox", platform=self._spec.platform, hint=_EXPORT_AGAIN)
        if cursor is None:
            return self._snapshot, 0
        name, _, row = cursor.rpartition("/")
        if not (name and row.isascii() and row.isdigit()):
            raise ProtocolMismatch("a cursor that this reader did not write", platform=self._spec.platform, hint="the reader was changed")
        known = [self._snapshot, *await to_thread.run_sync(self._inbox.complete)]
        found = next((snapshot for snapshot in known if snapshot.id == name), None)
        if found is None:      # its rows may have changed place: begin anew, records seen before are recognised
            return self._snapshot, 0
        await to_thread.run_sync(self._inbox.prove, found)
        return found, int(row)

    # --- tables

    def _open(self, kind: Kind, snapshot: Snapshot, stack: ExitStack) -> Iterator[tuple[dict[str, Any], Counter[str]]]:
        """Open the files of a stream, see that they are whole and have the right columns, and give their rows with what was noticed."""
        stream, entries = self._chosen(self._spec.streams[kind], snapshot)
        joined = self._joined(stream, snapshot)
        seconds = [second.read(rules, snapshot, stream) for rules in stream.files.tables]
        parts = [self._table(stream, snapshot, entry, stack) for entry in entries]
        rows = (row for table, columns in parts for row in _named(table, columns, joined, stream))
        return second.fitted(rows, stream, seconds) if seconds or second.is_picky(stream.files) else rows

    def _chosen(self, stream: StreamSpec, snapshot: Snapshot) -> tuple[StreamSpec, Sequence[FileEntry]]:
        """Give the stream as it is read from the files that this snapshot has, and these. Raises NotFound."""
        rules: FileRules | None = stream.files
        while rules is not None:
            read = replace(stream, files=rules)
            entries = second.chosen(snapshot, rules, read)
            if entries:
                return read, entries
            rules = rules.instead
        raise NotFound(
            f"snapshot {snapshot.folder.name} has no file {' or '.join(stream.files.globs)}", platform=self._spec.platform,
            stream=stream.kind, hint=_EXPORT_AGAIN,
        )  # fmt: skip

    def _table(self, stream: StreamSpec, snapshot: Snapshot, entry: FileEntry, stack: ExitStack) -> tuple[Table, Columns]:
        columns = Columns(stream)
        path = snapshot.path(entry)
        settings = second.settings_of(stream)
        self._check_rows(snapshot, entry, path, settings, columns)
        table = stack.enter_context(open_table(path, settings, columns.is_known))
        fault = columns.fault(table.header)
        if fault:
            raise ProtocolMismatch(
                f"{entry.name}: {fault}", platform=self._spec.platform, stream=stream.kind,
                hint=f"name the columns under [source.streams.{stream.kind}.files.columns]",
            )  # fmt: skip
        table.findings.update(columns.remarks(table.header))
        return table, columns

    def _check_rows(self, snapshot: Snapshot, entry: FileEntry, path: Path, settings: TableSettings, columns: Columns) -> None:
        if entry.rows is None or (snapshot.id, entry.name) in self._counted:
            return
        found = count_rows(path, settings, columns.is_known, expected=entry.rows)
        if found != entry.rows:
            raise snapshot.fault(f"{entry.name} has {found} rows, its manifest says {entry.rows}", "it was cut or changed: export it again")
        self._counted.add((snapshot.id, entry.name))

    def _joined(self, stream: StreamSpec, snapshot: Snapshot) -> dict[str, list[str]] | None:
        """Give the lists of a second file by key, or None when it is not there; a small file, such as the members of groups."""
        rules = stream.files
        entries = snapshot.tables(rules.join_globs) if rules.join_globs else ()
        if not entries:
            return None
        wanted = {squeezed(name): name for name in (rules.join_on, *rules.join_take)}
        lists: dict[str, list[str]] = {}
        for entry in entries:
            with open_table(snapshot.path(entry), second.settings_of(stream), lambda name: squeezed(name) in wanted) as table:
                names = {header: wanted[squeezed(header)] for header in table.header if squeezed(header) in wanted}
                for row in table.rows:
                    values = {names[header]: str(value).strip() for header, value in row.items() if header in names and value is not None}
                    member = next((values[name] for name in rules.join_take if values.get(name)), "")
                    members = lists.setdefault(values.get(rules.join_on, ""), [])
                    if member and member not in members:
                        members.append(member)
        return lists

    def _cut(
        self, kind: Kind, rows: Iterator[tuple[dict[str, Any], Counter[str]]], snapshot: Snapshot, offset: int, memory: Pass
    ) -> Iterator[Page]:
        """Cut rows into pages; the row after a page is looked at, so that the last page knows that it is the last."""
        canon = self._canons[kind]
        for row, _ in islice(rows, offset):      # rows without an id are counted, so that twins keep their numbers
            canon.remember(row, roster=self._roster, memory=memory)
        waiting = list(islice(rows, PAGE_ROWS))
        while True:
            found, ahead = waiting, list(islice(rows, PAGE_ROWS))
            following = f"{snapshot.id}/{offset + len(found)}" if ahead else None
            page = self._unfolders[kind].page(
                (row for row, _ in found), next_cursor=following, roster=self._roster, memory=memory, first_row=offset + 1
            )
            yield _with_findings(page, found)
            if following is None:
                return
            offset += len(found)
            waiting = ahead

    # --- attachments

    def _with_attachments(self) -> Snapshot:
        """Give the newest complete snapshot that brought files; they are seldom exported each time."""
        for snapshot in self._inbox.complete():
            if attachment.has_attachments(snapshot):
                self._inbox.prove(snapshot)
                return snapshot
        raise NotFound("no snapshot has a folder of attachments", platform=self._spec.platform, hint=_EXPORT_AGAIN)

    async def _attachment_pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        snapshot = await to_thread.run_sync(self._with_attachments)
        name, _, row = (start or "").rpartition("/")
        offset = int(row) if name == snapshot.id else 0
        paths = await to_thread.run_sync(attachment.list_paths, snapshot)
        while True:
            found = await to_thread.run_sync(lambda begin: list(attachment.read(snapshot, paths[begin : begin + PAGE_FILES])), offset)
            offset += len(found)
            following = f"{snapshot.id}/{offset}" if offset < len(paths) else None
            rows = [
                {name: _fact(file, fact) for name, fact in self._spec.streams[kind].files.facts.items()}
                for file in found
            ]
            yield self._canons[kind].page(rows, next_cursor=following, roster=self._roster, memory=Pass())
            if following is None:
                return

    def _copy(self, record: Record, target: Path) -> str:
        named = {fact: name for name, fact in self._spec.streams[record.kind].files.facts.items()}
        path, expected = str(record.data.get(named["path"], "")), record.data.get(named["sha256"])
        for snapshot in self._inbox.complete():
            source = snapshot.folder / path
            if not (path.startswith(f"{attachment.FOLDER}/") and is_inside(path) and source.is_file() and not source.is_symlink()):
                continue
            digest = attachment.copy(source, target)
            if digest == expected:
                return digest
            target.unlink(missing_ok=True)      # another file of that name, of another snapshot
        raise NotFound("the bytes of an attachment are in no snapshot any more", platform=self._spec.platform, stream=record.kind)


def _fact(file: attachment.Attachment, fact: str) -> str:
    """Give one of `spec.FILE_FACTS` of a file."""
    known = {"id": file.id, "owner": file.owner, "name": file.name, "size": str(file.size_bytes), "sha256": file.sha256, "path": file.path}
    return known[fact]


def _named(
    table: Table, columns: Columns, joined: dict[str, list[str]] | None, stream: StreamSpec
) -> Iterator[tuple[dict[str, Any], Counter[str]]]:
    """Give rows under their mapped names, with the list of the second file; cells at the limit of a workbook are counted."""
    renamed = columns.renamed(table.header)
    key = next((header for header in table.header if columns.canonical(header) == stream.files.join_on), "")
    for row in table.rows:
        named = {renamed.get(header, header): value for header, value in row.items()} if renamed else row
        for header, value in row.items():
            if isinstance(value, str) and len(value) == CELL_LIMIT_CHARS:
                table.findings[f"{header} (cut at {CELL_LIMIT_CHARS} characters by the spreadsheet)"] += 1
        if joined is not None:
            named[stream.files.join_into] = joined.get(str(row.get(key, "")).strip(), [])
        yield named, table.findings


def _with_findings(page: Page, found: list[tuple[dict[str, Any], Counter[str]]]) -> Page:
    """Move what was noticed about the files into the page that shows it first."""
    unknown = Counter(page.unknown)
    for findings in {id(findings): findings for _, findings in found}.values():
        unknown.update(findings)
        findings.clear()
    return replace(page, unknown=dict(unknown))
