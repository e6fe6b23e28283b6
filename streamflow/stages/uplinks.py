"""
Records that are derived anew because one they look at was read: reopened in the transaction that stages or misses it.

Rule: after the switch what is read is not let go yet; who looks at it is derived anew once it is. What is gone then goes on counting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamflow.ledger_names import SWITCHED, UNDONE
from streamflow.mapping.uplinks import NO_UPLINKS, Uplinks
from streamflow.model import Key, Kind, Record, Ref
from streamflow.stages.accepted import counted_before, is_asked_about, kept
from streamflow.stages.kin import GONE_SCANS
from streamflow.stages.reopened import run_along
from streamflow.store.base import Ledger
from streamflow.store.change import Change, Reopen


class Uplinked:
    """Says who is to be opened again; asks the ledger about records of kinds that others look at alone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.links: Uplinks = NO_UPLINKS   # of the map in force; before there is one everything is pending anyway

    async def by_staging(self, records: Sequence[Record]) -> list[Change]:
        """
        Give what goes with the staging of these records: who looks at those that are new, changed or back, or did before they moved.

        To be asked right before, and by who alone stages records of these kinds.
        """
        found: set[Ref] = set()
        kinds = self.links.kinds & {record.kind for record in records}
        is_switched = bool(kinds) and await self._ledger.setting(SWITCHED) is not None
        for kind in kinds:
            fresh = [record for record in records if record.kind == kind]
            known = await self._ledger.staged(kind, [record.key for record in fresh])
            gone = [each.record for each in known.values() if each.missing_scans >= GONE_SCANS]
            back = {record.key for record in gone} - {ref.key for ref in await counted_before(self._ledger, gone)}
            for record in fresh:
                before, is_back = known.get(record.key), record.key in back
                if is_back or (not is_switched and (before is None or before.record.digest != record.digest)):
                    found |= self.links.of(record) | (self.links.of(before.record) if before is not None else frozenset())
        return _reopened(found)

    async def by_missing(self, kind: Kind, keys: Sequence[Key]) -> list[Change]:
        """Give what goes with noting that a complete pass did not show these records: who looks at those that count as gone by it."""
        if kind not in self.links.kinds:
            return []
        gone = [each for each in (await self._ledger.staged(kind, keys)).values() if each.missing_scans == GONE_SCANS - 1]
        if await self._ledger.setting(SWITCHED) is not None:
            return await kept(self._ledger, gone)
        return _reopened({ref for each in gone for ref in self.links.of(each.record)})


async def by_going_on(ledger: Ledger, links: Uplinks, record: Record) -> list[Change]:
    """
    Give what goes with letting a late version go on: who looks at it, or at what counted until then, runs along.

    To be asked right before. Who waits for an answer of their own is left alone: once they go on, they are derived from this one too.
    """
    before = (await counted_before(ledger, [record])).values()
    refs = links.of(record).union(*(links.of(each) for each in before))
    found: set[Ref] = set()
    for kind in {ref.kind for ref in refs}:
        staged = await ledger.staged(kind, sorted(ref.key for ref in refs if ref.kind == kind))
        found |= {Ref(kind, key) for key, each in staged.items() if not is_asked_about(each)}
    again = _reopened(found)
    return [*again, *await run_along(ledger, again)]


def _reopened(refs: Iterable[Ref]) -> list[Change]:
    keys: dict[Kind, list[Key]] = {}
    for ref in sorted(refs):
        keys.setdefault(ref.kind, []).append(ref.key)
    return [Reopen(kind=kind, keys=tuple(found), but=UNDONE) for kind, found in keys.items()]
