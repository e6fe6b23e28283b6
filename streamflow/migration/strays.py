"""
Records that do not say whose they are: the source is asked, a few a round, and what it answers is kept with the record.

What was not asked in one round, for want of time or because the source does not answer, is asked in the next complete one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from streamflow.errors import NotFound, PlatformUnavailable, ProtocolMismatch
from streamflow.migration.context import Migration
from streamflow.model import Key, Record
from streamflow.platforms.source import NOBODY, Stream
from streamflow.stages.extract import Intake

BUDGET = 1000      # questions in one round
AT_ONCE = 50
SILENT = 3         # questions in a row without an answer: the source is away, and each of them costs its whole patience


class _Asking:
    """Puts the questions of one round, and knows when it is enough."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._silent = 0
        self.asked = 0

    @property
    def is_over(self) -> bool:
        return self.asked >= BUDGET or self._silent >= SILENT

    async def owner_of(self, record: Record) -> Record | None:
        """Give what the source says of a record; None where there is nothing to ask by, or no answer."""
        try:
            answer = await self._m.source.owner_of(record)
        except (NotFound, PlatformUnavailable, ProtocolMismatch) as error:
            self.asked += 1
            self._silent = self._silent + 1 if isinstance(error, PlatformUnavailable) else 0
            self._m.trouble(error)
            return None
        self._silent = 0
        self.asked += answer is not None
        return answer


async def ask_owners(migration: Migration, intake: Intake, stream: Stream, *, scan: str, keys: Sequence[Key] | None = None) -> int:
    """Ask whose the records of a stream are that hang on nothing, all of them or those named; answers how many got an owner."""
    found, asking = 0, _Asking(migration)
    async for some in _open_ones(migration, stream, keys):
        if asking.is_over or not await migration.control.permit():
            break
        known: list[Record] = []
        given: list[Record] = []
        for record in some:
            if asking.is_over:
                break
            if (answer := await asking.owner_of(record)) is not None:
                known.append(record)
                given.append(answer)
        if known:
            await intake.adopt(stream, known, given, scan=scan)
            found += sum(record.parent is not None for record in given)
    if asking.asked:
        migration.log("read.owners_asked", kind=stream.kind, asked=asking.asked, found=found)
    return found


async def _open_ones(migration: Migration, stream: Stream, keys: Sequence[Key] | None) -> AsyncIterator[list[Record]]:
    """Give the records that are to be asked about, a few at a time; of all there are where none are named."""
    if keys is None:
        async for page in migration.ledger.every(stream.kind):
            some = [each.record for each in page if is_open(each.record)]
            for start in range(0, len(some), AT_ONCE):
                yield some[start : start + AT_ONCE]
        return
    for start in range(0, len(keys), AT_ONCE):
        staged = await migration.ledger.staged(stream.kind, keys[start : start + AT_ONCE])
        yield [each.record for each in staged.values() if is_open(each.record)]


def is_open(record: Record) -> bool:
    """Say whether it is not known whose a record is, and was not asked in vain."""
    return record.parent is None and NOBODY not in record.data
