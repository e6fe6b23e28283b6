"""
What is owed to kinds of children: parents that have still to be asked for them.

The ledger holds it, so that neither a failure nor a restart in between forgets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from streamflow.model import Key, Kind
from streamflow.stages.tally import Tally
from streamflow.store.base import Ledger
from streamflow.store.change import PutSetting

OWED: Final = "owed"
"""Setting: keys of parents by kind of child."""


class Owed:
    """The debt as one round takes it up and hands it on. Make it with `look_up`."""

    def __init__(self, ledger: Ledger, by_kind: Mapping[Kind, list[Key]]) -> None:
        self._ledger = ledger
        self._by_kind = dict(by_kind)

    @classmethod
    async def look_up(cls, ledger: Ledger) -> Owed:
        """Give the debt as the ledger holds it."""
        return cls(ledger, await ledger.setting(OWED) or {})

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._by_kind

    def to(self, kind: Kind) -> list[Key]:
        """Give the parents that have to be asked for children of this kind, those owed longest first."""
        return self._by_kind.get(kind, [])

    def add(self, kinds: Iterable[Kind], keys: Iterable[Key]) -> PutSetting:
        """Owe these parents to several kinds; gives what makes it durable."""
        fresh = list(keys)
        for kind in kinds:
            self._by_kind[kind] = list(dict.fromkeys([*self.to(kind), *fresh]))
        return self._kept()

    async def pay(self, kind: Kind, tally: Tally) -> None:
        """Forget the parents that were asked; those that the source did not answer stay owed."""
        if tally.ended and kind in self and self.to(kind) != tally.unread:
            self._by_kind[kind] = list(tally.unread)
            await self._ledger.commit([self._kept()])

    async def add_unread(self, kind: Kind, tally: Tally) -> None:
        """Owe what a pass over all parents could not read."""
        if tally.unread:
            await self._ledger.commit([self.add([kind], tally.unread)])

    async def replace(self, tallies: Mapping[Kind, Tally]) -> None:
        """Forget all but what could not be read, after a round that has asked every parent."""
        self._by_kind = {kind: tally.unread for kind, tally in tallies.items()}
        await self._ledger.commit([self._kept()])

    def _kept(self) -> PutSetting:
        return PutSetting(name=OWED, value={kind: keys for kind, keys in self._by_kind.items() if keys} or None)
