"""
The small reference lists as an index: who is the user with this e-mail, what is the name of this group.

The API names a user by id, the files by e-mail and name. Filling in what one reader leaves out makes a record look the same through
both. Only what is absent is filled in; what is there and empty stays empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streamflow.model import Kind
from streamflow.platforms.rows.values import tidy
from streamflow.platforms.spec import Completion

Row = Mapping[str, Any]


class Roster:
    """Reference rows by each of their values; a value that two rows share names neither."""

    def __init__(self) -> None:
        self._index: dict[tuple[Kind, str, str], Row | None] = {}

    def learn(self, kind: Kind, rows: Iterable[Row]) -> None:
        """Take the rows of one reference kind, in place of what was known of it."""
        self._index = {place: row for place, row in self._index.items() if place[0] != kind}
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str) and value.strip():
                    place = (kind, name, _form(value))
                    known = self._index.get(place, row)
                    self._index[place] = row if known is row else None

    def complete(self, data: dict[str, Any], rule: Completion) -> None:
        """Fill in the absent fields of one record, if the ones it has name exactly one reference row."""
        if not self._index or all(name in data for name in rule.fields):
            return
        row = self._row(data, rule)
        if row is None:
            return
        for name, reference_field in rule.fields.items():
            if name not in data and row.get(reference_field):
                data[name] = row[reference_field]

    def named_alike(self, value: str, rule: Completion) -> str:
        """Give a reference by the first of the rule's fields, however it was named; unknown ones stay as they are."""
        wanted = next(iter(rule.fields.values()))
        for reference_field in rule.fields.values():
            row = self._index.get((rule.kind, reference_field, _form(value)))
            if row is not None and row.get(wanted):
                return str(row[wanted])
        return value

    def _row(self, data: Mapping[str, Any], rule: Completion) -> Row | None:
        for name, reference_field in rule.fields.items():
            value = data.get(name)
            if isinstance(value, str) and value.strip():
                row = self._index.get((rule.kind, reference_field, _form(value)))
                if row is not None:
                    return row
        return None


def _form(value: str) -> str:
    return tidy(value).casefold()
