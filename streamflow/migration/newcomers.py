"""
Users, statuses and the like that the source shows only after records naming them were moved: those records are derived once more.

A new colleague writes a note before the list of users is read again, or a list left somebody out: until then the note names them by id,
and their people belong to the fallback.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streamflow.mapping.owning import name_key
from streamflow.mapping.pair import Pair, Role
from streamflow.migration.context import Migration
from streamflow.model import Disposition, Kind, Record, RecordState, Staged
from streamflow.stages.pending import pending_pages
from streamflow.stages.reopened import run_along
from streamflow.store.change import Reopen

MOVED = frozenset({Disposition.CREATED, Disposition.UPDATED, Disposition.MERGED, Disposition.MATCHED})


class Newcomers:
    """Opens records again for those of the reference data who turned up since; to be asked right before these are delivered."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def reopen(self) -> int:
        """
        Open what names a newcomer, and answer how many records those are.

        Who is new stays so until the delivery of their kind: a kill in between does it once more.
        """
        words: set[str] = set()
        for kind in self._m.pair.in_role(Role.REFERENCE):
            async for page in pending_pages(self._m.ledger, kind):
                words |= {word for staged in page if is_new(staged) for word in names_of(staged.record, self._m.pair)}
        return sum([await self._reopen(kind, words) for kind in self._m.pair.written]) if words else 0

    async def _reopen(self, kind: Kind, words: set[str]) -> int:
        opened = 0
        async for page in self._m.ledger.every(kind):
            if keys := tuple(staged.record.key for staged in page if is_there(staged) and says(staged.record.data, words)):
                again = Reopen(kind=kind, keys=keys)
                await self._m.ledger.commit([again, *await run_along(self._m.ledger, [again])])
                opened += len(keys)
        return opened


def is_new(staged: Staged) -> bool:
    """Say whether a record was never dealt with."""
    return staged.disposition is None


def is_there(staged: Staged) -> bool:
    """Say whether a record was moved: what is kept away (undone, left out, refused) is not brought back by who turned up."""
    return staged.disposition in MOVED and staged.state is RecordState.DONE


def names_of(record: Record, pair: Pair) -> frozenset[str]:
    """Give the forms in which others may name this one: its key, and of a user the address and the name."""
    plan = pair.of(record.kind)
    told = (record.data.get(plan.label), plan.told(record.data, "email"))
    return frozenset(form for text in (record.key, *told) if text for form in _forms(text))


def says(data: Mapping[str, Any], words: set[str]) -> bool:
    """
    Say whether any value is one of these words.

    A number that means something else may be one too: such a record is derived once more, and comes out as it was.
    """
    return any(form in words for value in _scalars(data.values()) for form in _forms(value))


def _scalars(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, Mapping):
            yield from _scalars(value.values())
        elif isinstance(value, (list, tuple)):
            yield from _scalars(value)
        elif value is not None:
            yield value


def _forms(value: Any) -> tuple[str, ...]:
    text = str(value).strip().lower()
    return (text, name_key(text)) if len(text) < 200 else ()
