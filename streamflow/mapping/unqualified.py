"""Which people the map's rule calls unqualified, and the facts it is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.mapping.document import ObjectMap
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.pair import Pair
from streamflow.mapping.settings import has_intent, read_rule


class Unqualified:
    """The rule, compiled."""

    def __init__(self, one: ObjectMap, pair: Pair, settings: Mapping[str, Any]) -> None:
        self._rule = read_rule(settings["rule"])
        self._intent_fields = tuple(settings["intent_fields"])
        self._status_source = _status_field(one, pair)
        self._status_target = next((row.target for row in one.rows if row.source == self._status_source and row.target), None)

    def holds(self, found: Gathered, *, has_company: bool) -> bool:
        """Say whether a person counts as unqualified."""
        status = found.fields.get(self._status_target) if self._status_target else ""
        return self._rule.holds(
            {
                "company": has_company,
                "intent": has_intent(found.record.data.get("custom") or {}, self._intent_fields),
                "email": bool(found.addresses.valid),
                "phone": bool(found.phones.valid),
                "status": status or str(found.record.data.get(self._status_source) or ""),
            }
        )


def _status_field(one: ObjectMap, pair: Pair) -> str:
    """Give the source field with the status in words, as the pair ships it."""
    shipped, kind = pair.object(one.source, one.destination), pair.kind_naming("status")
    rows = shipped.rows if shipped is not None else ()
    return next((row.source for row in rows if row.transform == "reference_text" and row.params.get("kind") == kind), "status")
