"""What the ledger says at one moment, in the few sums that status and metrics are made of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from streamflow.clock import from_iso
from streamflow.daemon.status import QueueStatus
from streamflow.ledger_names import CAPABILITIES, DELTA_OPENED, kind_passed
from streamflow.migration.horizon import SHOWN_LATE
from streamflow.model import Kind
from streamflow.stages.doubt import DOUBLED
from streamflow.store.base import KindCount, Ledger
from streamflow.store.files import LEDGER_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The sums; *read_at* is monotonic."""

    read_at: float
    number: int = 0                                                       # the last change number handed out
    counts: Sequence[KindCount] = ()
    oldest: Mapping[Kind, int] = field(default_factory=dict)              # kind -> lowest number of what is pending
    unverified: Mapping[Kind, int] = field(default_factory=dict)          # source kind -> records not read back in full
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    queue: QueueStatus = field(default_factory=QueueStatus)
    moved_at: datetime | None = None                                      # the last durable progress of any mark
    looked_at: Mapping[Kind, datetime] = field(default_factory=dict)      # kind -> the end of the last pass over it
    doubts: Mapping[Kind, int] = field(default_factory=dict)
    asked_of_doubts: int = 0                                              # items about unknown outcomes, resolved ones too
    left_in_doubt: int = 0                                                # of these, the ones that nobody decided yet
    doubled: int = 0                                                      # of these, the ones about a record that was found twice
    audit_entries: int = 0
    search_lag_s: float | None = None
    shown_late_s: Mapping[Kind, float] = field(default_factory=dict)      # kind -> how late the source was seen to show a change
    signed_in: bool = False


async def read_book(ledger: Ledger, *, now: float, before: Book | None = None) -> Book:
    """
    Ask the ledger for every sum; each is kept by it or found through an index, so that a large account costs no more.

    What it would have to look through items for is taken from the book *before*, unless there are more of them now.
    """
    verdicts: Counter[tuple[str, str]] = Counter()
    for (kind, _, verdict), count in (await ledger.check_counts()).items():
        verdicts[kind, verdict] += count
    links = await ledger.link_counts()
    queue = await ledger.queue_counts()
    number, oldest = await ledger.oldest_unsettled()
    marks = {mark.name: from_iso(mark.at) for mark in await ledger.marks() if mark.at}
    asked = sum(count for (_, cause, _), count in queue.items() if cause == "in_doubt")
    known = before if before is not None and asked == before.asked_of_doubts else None
    learned = await ledger.setting(CAPABILITIES) or {}
    return Book(
        read_at=now, number=number, counts=await ledger.counts(), oldest=oldest,
        unverified=await ledger.unverified_records() if any(state != "verified" for _, _, state in links) else {},
        verdicts=verdicts,
        queue=QueueStatus(
            open=sum(count for (state, _, _), count in queue.items() if state == "open"),
            blocking=sum(count for (state, _, blocking), count in queue.items() if state == "open" and blocking),
        ),
        moved_at=max(marks.values(), default=None), looked_at=_looked_at(marks), doubts=await ledger.doubts(),
        asked_of_doubts=asked, left_in_doubt=sum(n for (state, cause, _), n in queue.items() if (state, cause) == ("open", "in_doubt")),
        doubled=known.doubled if known is not None else await _doubled(ledger) if asked else 0,
        audit_entries=await ledger.audit_length(), search_lag_s=learned.get("search_lag_s"),
        shown_late_s=await ledger.setting(SHOWN_LATE) or {}, signed_in=await ledger.setting(DELTA_OPENED) is not None,
    )


async def _doubled(ledger: Ledger) -> int:
    """Count the records that were found twice; items never go, and what one was asked about stays."""
    return sum([bool(item.details.get(DOUBLED)) async for page in ledger.items(state=None, cause="in_doubt") for item in page])


def _looked_at(marks: Mapping[str, datetime]) -> dict[Kind, datetime]:
    found: dict[Kind, datetime] = {}
    for name, at in marks.items():
        if (kind := kind_passed(name)) is not None:
            found[kind] = max(at, found.get(kind, at))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the state takes on the disk, and what is left of it."""

    ledger_bytes: int = 0
    wal_bytes: int = 0
    free_bytes: int | None = None


def room(state_dir: Path) -> Room:
    """Look at the files of the ledger and the disk they are on; a disk that cannot be asked leaves gaps."""
    ledger = state_dir / LEDGER_FILE
    try:
        disk = os.statvfs(state_dir)
        free = disk.f_bavail * disk.f_frsize
    except OSError:
        free = None
    return Room(ledger_bytes=_size(ledger), wal_bytes=_size(ledger.with_name(ledger.name + "-wal")), free_bytes=free)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
