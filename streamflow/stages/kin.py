"""Records around those of a batch, as the ledger has them: what the map's roll-ups look at, and who takes whose place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from streamflow.mapping.compiled import Mapper
from streamflow.mapping.derived import NO_KIN, Kin
from streamflow.mapping.document import Row
from streamflow.mapping.rollups import child_of, rolled_up
from streamflow.model import Key, Kind, Record, Staged
from streamflow.stages.accepted import accepted_children
from streamflow.store.base import Ledger

GONE_SCANS: Final = 2
"""Complete passes in a row that must miss a record before it counts as gone."""


class Kinship:
    """Looks up kin for many records of a kind at once; asks nothing where no rule looks at any."""

    def __init__(self, ledger: Ledger, mapper: Mapper) -> None:
        self._ledger = ledger
        self._mapper = mapper

    async def of(self, records: Sequence[Record]) -> Mapping[Key, Kin]:
        """Give the kin of records of one kind, by their keys; those that have none may be missing from the answer."""
        if not records:
            return {}
        kind = records[0].kind
        child_kinds, yields = self._mapper.kin(kind), self._mapper.yields(kind)
        if not child_kinds and yields is None:
            return {}
        keys = [record.key for record in records]
        children = {child: await accepted_children(self._ledger, child, keys) for child in child_kinds}
        heirs = await self._heirs(records, *yields) if yields is not None else {}
        return {key: kin_of({child: found.get(key, ()) for child, found in children.items()}, heirs.get(key, ())) for key in keys}

    async def one(self, record: Record) -> Kin:
        """Give the kin of a single record."""
        return (await self.of([record])).get(record.key, NO_KIN)

    async def _heirs(self, records: Sequence[Record], kind: Kind, name: str) -> Mapping[Key, Sequence[Key]]:
        """Give, by record, those under the same parent that name it in the field *name*, the oldest number first."""
        siblings = await accepted_children(self._ledger, kind, [record.parent for record in records if record.parent])
        found: dict[Key, list[Key]] = {}
        for record in records:
            named = [each.record for each in siblings.get(record.parent or "", ()) if str(each.record.data.get(name) or "") == record.key]
            found[record.key] = sorted((each.key for each in named), key=in_order)
        return found


async def hanging_on(ledger: Ledger, kind: Kind, keys: Sequence[Key]) -> Mapping[Kind, Sequence[Key]]:
    """Give, by kind, the records that name any of these of a kind as their parent; kinds without any are left out."""
    found: dict[Kind, Sequence[Key]] = {}
    for child in sorted({count.kind for count in await ledger.counts()} - {kind}):
        under = (await ledger.children_of(child, keys)).values()
        if under:
            found[child] = sorted({each.record.key for children in under for each in children})
    return found


async def rolled_up_of(ledger: Ledger, row: Row, keys: Sequence[Key], *, delimiter: str) -> dict[Key, str]:
    """Give what a roll-up of the map makes of the records that hang on these, "" for none."""
    kind = child_of(row)[0]
    children = await accepted_children(ledger, kind, keys)
    return {key: rolled_up(row, kin_of({kind: children.get(key, ())}), delimiter) for key in keys}


def in_order(key: Key) -> tuple[int, Key]:
    """Order keys so that 9 comes before 10."""
    return len(key), key


def together(kin: Sequence[Kin]) -> Kin:
    """Give the kin of several records that are one person."""
    kinds = dict.fromkeys(kind for each in kin for kind in (*each.children, *each.former))
    return Kin(
        children={kind: [record for each in kin for record in each.children.get(kind, ())] for kind in kinds},
        former={kind: [record for each in kin for record in each.former.get(kind, ())] for kind in kinds},
    )


def kin_of(children: Mapping[Kind, Sequence[Staged]], heirs: Sequence[Key] = ()) -> Kin:
    """Give the kin that are made of staged children: those that the source shows apart from those that it shows no more."""
    return Kin(
        children={kind: [each.record for each in found if each.missing_scans < GONE_SCANS] for kind, found in children.items()},
        former={kind: [each.record for each in found if each.missing_scans >= GONE_SCANS] for kind, found in children.items()},
        heirs=tuple(heirs),
    )
