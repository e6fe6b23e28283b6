"""What the confirmed map makes of one fact of a record, as text: read off the records once more, apart from what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.mapping.pair import Pair, Role
from streamflow.mapping.rollups import TRANSFORMS, said
from streamflow.mapping.settings import settings_of
from streamflow.model import Key, Staged
from streamflow.stages.kin import rolled_up_of
from streamflow.store.base import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A row of the confirmed map that tells a fact in a custom field."""

    one: ObjectMap
    row: Row
    delimiter: str

    @property
    def target(self) -> str:
        """The field of the destination."""
        return self.row.target or ""

    async def told(self, ledger: Ledger, page: Sequence[Staged]) -> dict[Key, str]:
        """Give what each of these records says; what is gone from the source counts as in the map: only where all values are joined."""
        if self.row.transform not in TRANSFORMS:
            return {each.record.key: said(self.row, each.record, self.row.source, self.delimiter) for each in page}
        return await rolled_up_of(ledger, self.row, [each.record.key for each in page], delimiter=self.delimiter)


def spoken_of(document: MapDocument, pair: Pair, fact: str) -> list[Spoken]:
    """Give the rows that tell a fact of people and deals in words."""
    delimiter = str(settings_of(document.settings, pair)["delimiter"])
    found: list[Spoken] = []
    for one in document.objects:
        if pair.of(one.source).role not in (Role.PERSON, Role.DEAL) or one.destination not in ("contacts", "leads"):
            continue
        names = pair.of(one.source).fields(fact)
        row = next((row for row in one.rows if row.source in names and (row.target or "").startswith("custom:")), None)
        if row is not None:
            found.append(Spoken(one=one, row=row, delimiter=delimiter))
    return found
