"""What companies become."""

from __future__ import annotations

from streamflow.mapping.derived import NO_KIN, Derived, Kin
from streamflow.mapping.document import ObjectMap
from streamflow.mapping.marker import FIELD, field_marker
from streamflow.mapping.text import literal, squeeze
from streamflow.model import Draft, Fields, Kind, Record


class AccountMapper:
    """The compiled map of companies that were made out of what people say (`Cluster.record`). Stateless between records."""

    def __init__(self, one: ObjectMap | None, prefix: str) -> None:
        self._prefix = prefix
        self._targets = {row.transform: row.target for row in one.rows if row.target} if one is not None else {}

    def needs(self) -> tuple[Kind, ...]:
        """Give the kinds of children that rules look at: none."""
        return ()

    def derive(self, record: Record, kin: Kin = NO_KIN) -> Derived:
        """Give the company."""
        marker = field_marker(self._prefix, record.kind, record.key)
        fields: Fields = {"name": squeeze(literal(str(record.data["name"]))), FIELD: marker}
        if (target := self._targets.get("joined")) is not None:
            fields[target] = "\n".join(literal(str(text)) for text in record.data.get("spellings", ()))
        return Derived(drafts=(Draft(kind="accounts", fields=fields, marker=marker),))
