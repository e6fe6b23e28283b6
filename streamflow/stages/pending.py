"""Handing on what is staged and pending, in batches: all of a kind, or the chosen ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from streamflow.model import Key, Kind, RecordState, Staged
from streamflow.stages.batch import Batch
from streamflow.stages.permit import Permit
from streamflow.store.base import Ledger

Through = Callable[[Kind, Sequence[Staged]], Awaitable[Sequence[Staged]]]
"""Gives those of some pending records of a kind that go on; what became of the others is in the ledger by then."""


async def pending_pages(ledger: Ledger, kind: Kind, *, size: int = 500) -> AsyncIterator[Sequence[Staged]]:
    """Yield the pending records of a kind, oldest change first, so many at a time; what becomes of a page meanwhile skips no other."""
    after = 0
    while page := await ledger.pending(kind, limit=size, after_seq=after):
        after = page[-1].seq
        yield page


class StagedBatches:
    """Hands on pending records of a kind, oldest change first, each once a pass, as far as they are let *through*."""

    def __init__(self, *, ledger: Ledger, kind: Kind, size: int, permit: Permit, through: Through | None = None) -> None:
        self._ledger = ledger
        self._kind = kind
        self._size = size
        self._permit = permit
        self._through = through

    async def __call__(self) -> AsyncIterator[Batch]:
        after = 0
        while True:
            if not await self._permit():
                return
            staged = await self._ledger.pending(self._kind, limit=self._size, after_seq=after)
            if not staged:
                return
            after = staged[-1].seq
            if going := staged if self._through is None else await self._through(self._kind, staged):
                yield Batch(kind=self._kind, staged=tuple(going))


class ChosenBatches:
    """Hands on the chosen records of a kind that are still pending: the sample."""

    def __init__(self, *, ledger: Ledger, kind: Kind, keys: Sequence[Key], size: int, permit: Permit) -> None:
        self._ledger = ledger
        self._kind = kind
        self._keys = keys
        self._size = size
        self._permit = permit

    async def __call__(self) -> AsyncIterator[Batch]:
        for start in range(0, len(self._keys), self._size):
            if not await self._permit():
                return
            found: Mapping[Key, Staged] = await self._ledger.staged(self._kind, self._keys[start : start + self._size])
            staged = tuple(each for each in found.values() if each.state is RecordState.PENDING)
            if staged:
                yield Batch(kind=self._kind, staged=staged)
