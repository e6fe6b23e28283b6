"""
The run's own archive of files: the destination's API takes no uploads, so a note names where the bytes are kept.

Rule: the note is written only after the bytes are in the archive and their hash is what the source said.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from streamflow.errors import DiskRefused, NotFound, ProtocolMismatch, StoreError, is_of_the_disk, sure
from streamflow.mapping.files import archive_path
from streamflow.migration.context import Migration
from streamflow.model import AuditEntry, Disposition, Key, Kind, QueueItem, RecordState, Staged
from streamflow.stages.pending import pending_pages
from streamflow.stages.planning import finish_of
from streamflow.store.change import Audit, Change, Enqueue


class Archive:
    """Copies files of pending records; a copy that is there and right is left."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def fill(self, kind: Kind, keys: Sequence[Key] | None = None) -> int:
        """
        Copy what is pending of a kind, of these records alone when *keys* are given; answers how many files were copied.

        A file that cannot be had is held with its reason. Raises StoreError when the disk refuses.
        """
        if self._m.attachments is None:
            return 0
        if keys is not None:
            chosen = await self._m.ledger.staged(kind, keys)
            return sum([await self._copy(each) for each in chosen.values() if each.state is RecordState.PENDING])
        copied = 0
        async for page in pending_pages(self._m.ledger, kind):
            for staged in page:
                copied += await self._copy(staged)
                self._m.control.check()
        return copied

    async def _copy(self, staged: Staged) -> int:
        attachments = sure(self._m.attachments, "reader of attachments")
        record = staged.record
        target = self._m.terms.state_dir / archive_path(record, self._m.pair)
        expected = str(record.data.get("sha256") or "").strip().lower()
        try:
            if expected and target.exists() and await to_thread.run_sync(sha256_of, target) == expected:
                return 0
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = await attachments.copy(record, str(target))
        except (NotFound, ProtocolMismatch) as error:
            await self._m.ledger.commit(_missing(staged, error.message))
            return 0
        except OSError as error:
            hint = "make room in the state directory (or allow more open files), then start again"
            family = DiskRefused if is_of_the_disk(error) else StoreError
            raise family(f"the archive of files cannot be written: {error.strerror}", hint=hint) from error
        if expected and found != expected:
            target.unlink(missing_ok=True)
            await self._m.ledger.commit(_missing(staged, "its bytes are not those the manifest names"))
            return 0
        os.chmod(target, 0o600)
        await self._m.decide("streamflow", "file.archived", note=f"{record.kind} {record.key} sha256 {found}")
        return 1


def sha256_of(path: Path) -> str:
    """Hash a file in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(staged: Staged, why: str) -> list[Change]:
    record = staged.record
    reason = f"the file could not be archived: {why}"
    item = QueueItem(
        id=f"file:{record.key}", cause="file_missing", kind=record.kind, key=record.key, reason=reason, decisions=("retry", "waive"),
        suggested="retry",
    )
    finish = finish_of(staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=reason)
    entry = AuditEntry(actor="streamflow", action="file.missing", kind=record.kind, key=record.key)
    return [Enqueue(item=item), finish, Audit(entry=entry)]
