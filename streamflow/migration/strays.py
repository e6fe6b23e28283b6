"""Records that do not say whose they are: the source is asked, a few a round, and what it answers is kept with the record."""

from __future__ import annotations

from collections.abc import Sequence

from streamflow.errors import NotFound, PlatformUnavailable, ProtocolMismatch
from streamflow.migration.context import Migration
from streamflow.model import Key, Record
from streamflow.platforms.base import NOBODY, Stream
from streamflow.stages.extract import Intake

BUDGET = 1000      # questions in one round; what is left is asked in the next
AT_ONCE = 50


async def ask_owners(migration: Migration, intake: Intake, stream: Stream, *, scan: str, keys: Sequence[Key] | None = None) -> int:
    """Ask whose the records of a stream are that hang on nothing, all of them or those named; answers how many got an owner."""
    found = asked = 0
    waiting: list[Record] = []
    if keys is None:
        async for page in migration.ledger.every(stream.kind):
            waiting += [each.record for each in page if is_open(each.record)]
            if len(waiting) >= BUDGET:
                break
    else:
        for start in range(0, len(keys), AT_ONCE):
            staged = await migration.ledger.staged(stream.kind, keys[start : start + AT_ONCE])
            waiting += [each.record for each in staged.values() if is_open(each.record)]
    for start in range(0, min(len(waiting), BUDGET), AT_ONCE):
        known: list[Record] = []
        given: list[Record] = []
        for record in waiting[start : min(start + AT_ONCE, BUDGET)]:
            asked += 1
            try:
                answer = await migration.source.owner_of(record)
            except (NotFound, PlatformUnavailable, ProtocolMismatch) as error:
                migration.trouble(error)
                continue
            if answer is not None:
                known.append(record)
                given.append(answer)
        if known:
            await intake.adopt(stream, known, given, scan=scan)
            found += sum(record.parent is not None for record in given)
    if asked:
        migration.log("read.owners_asked", kind=stream.kind, asked=asked, found=found)
    return found


def is_open(record: Record) -> bool:
    """Say whether it is not known whose a record is, and was not asked in vain."""
    return record.parent is None and NOBODY not in record.data
