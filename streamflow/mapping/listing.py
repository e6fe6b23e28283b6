"""All values of a record as labelled lines, for notes that hold what has no record of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from streamflow.mapping.document import ObjectMap
from streamflow.mapping.gathering import Gatherer
from streamflow.mapping.pair import Pair
from streamflow.mapping.values import as_line, is_empty
from streamflow.model import Record


class Listing:
    """Lists what an object map moves, in the order of its rows."""

    def __init__(self, gatherer: Gatherer, one: ObjectMap, pair: Pair) -> None:
        self._gatherer = gatherer
        self._key_field = pair.source_of(one.source, "marker", one.destination)
        said = [row for row in reversed(one.rows) if "label" in row.params and row.transform != "phone_labelled"]  # there it is a stem
        self._labels = {row.source: str(row.params["label"]) for row in said}
        self._families = {row.source: row.family for row in sorted(one.rows, key=lambda row: row.family == "long")}

    def lines(self, record: Record, without: Collection[str] = ()) -> list[tuple[str, str]]:
        """Give (label, value) of every filled field but the key, what is not moved and *without*; fields without a row come last."""
        place = self._gatherer.place
        return [
            (self._labels.get(source) or _label(source), as_line(value, self._families.get(source, "")))
            for source, value in sorted(_values(record), key=lambda item: (place.get(item[0], len(place)), item[0]))
            if not (source in self._gatherer.not_moved or source in without or source == self._key_field or is_empty(value))
        ]


def _label(source: str) -> str:
    """Show a source field to people: "owner_email" as "Owner email"; labels of custom fields stay as they are."""
    return source[7:] if source.startswith("custom:") else source.replace("_", " ").capitalize()


def _values(record: Record) -> list[tuple[str, Any]]:
    values = [(name, value) for name, value in record.data.items() if name != "custom" and not name.startswith("_")]
    return values + [(f"custom:{label}", value) for label, value in (record.data.get("custom") or {}).items()]
