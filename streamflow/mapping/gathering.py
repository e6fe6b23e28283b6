"""The rows of an object map compiled into steps; one pass over a record collects everything its drafts need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamflow.mapping.derived import NO_KIN, Kin
from streamflow.mapping.document import Row
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.labels import label_key
from streamflow.mapping.late_steps import LATE_STEPS
from streamflow.mapping.postal import as_fields as address_fields
from streamflow.mapping.steps import Step, Tools, step_of
from streamflow.mapping.values import as_line, as_text, is_empty
from streamflow.model import Record

WHO: Final = frozenset({"person_name", "surname", "emails", "phones", "company"})
"""Transforms that tell who a person is and whose company is named; for questions about that and nothing else."""

_MOST_DRIFTED: Final = 5_000


class Gatherer:
    """One object map of people or deals, compiled: steps by source field."""

    def __init__(self, tools: Tools, *, is_partial: bool = False, only: frozenset[str] | None = None) -> None:
        """
        Compile *tools.one*, or of its rows those of some transforms alone (*only*).

        A partial one stands beside another map of the same records, which covers the fields it does not name.
        """
        self._tools = tools
        self._is_partial = is_partial
        self._plain: dict[str, tuple[Step, ...]] = {}
        self._late: list[tuple[int, Step]] = []
        self._custom: dict[str, tuple[Step, ...]] = {}
        self._drifted: dict[str, tuple[Step, ...] | None] = {}
        self.not_moved: set[str] = set()
        self.place = {row.source: place for place, row in reversed(list(enumerate(tools.one.rows)))}
        for row in tools.one.rows:
            self._compile(row, is_wanted=only is None or row.transform in only)
        self._by_key = {label_key(label): steps for label, steps in self._custom.items()}
        self._late.sort(key=lambda item: item[0])

    def gather(self, record: Record, kin: Kin = NO_KIN) -> Gathered:
        """Take one record apart."""
        found = Gathered(record, kin)
        data = record.data
        for name in sorted(data):  # so that no reader's order of keys shows in the outcome
            value = data[name]
            steps = self._plain.get(name)
            if steps is None:
                if name != "custom" and name[:1] != "_" and not is_empty(value):
                    self._unmapped(found, name, value)
            elif value and steps and not is_empty(value):
                text = value if type(value) is str else as_text(value)
                for step in steps:
                    step(found, text)
        if custom := data.get("custom"):
            self._gather_custom(found, custom)
        for _, late in self._late:
            late(found, "")
        if found.address:
            found.fields["addresses"] = address_fields(found.address)
        return found

    def _gather_custom(self, found: Gathered, custom: Mapping[str, Any]) -> None:
        for label in sorted(custom):
            value = custom[label]
            steps = self._custom.get(label)
            if steps == () or not value or is_empty(value):
                continue
            if steps is None and (steps := self._by_drift(label)) is None:
                self._unmapped(found, f"custom:{label}", value)
                continue
            text = value if type(value) is str else as_text(value)
            for step in steps:
                step(found, text)

    def _by_drift(self, label: str) -> tuple[Step, ...] | None:
        """Find the steps of a label that is written otherwise than in the map; remembers, since drifted labels come again and again."""
        if label not in self._drifted:
            if len(self._drifted) > _MOST_DRIFTED:
                self._drifted.clear()
            self._drifted[label] = () if self._tools.pair.why_not_moved(label) else self._by_key.get(label_key(label))
        return self._drifted[label]

    def _unmapped(self, found: Gathered, name: str, value: Any) -> None:
        if self._is_partial:
            return
        label = name.removeprefix("custom:")
        found.lines.append((label, as_line(value)))
        found.complain("unmapped_field", name, "kept in the description; add a row for this field to the map", "")

    def _compile(self, row: Row, *, is_wanted: bool) -> None:
        table, name = (self._custom, row.source[7:]) if row.source.startswith("custom:") else (self._plain, row.source)
        if row.target is None:
            table.setdefault(name, ())
            self.not_moved.add(row.source)
            return
        if not is_wanted:
            table.setdefault(name, ())
            return
        if row.transform in LATE_STEPS:
            place = list(LATE_STEPS).index(row.transform)
            self._late.append((place, LATE_STEPS[row.transform](row, self._tools)))
            table.setdefault(name, ())
            return
        table[name] = (*table.get(name, ()), step_of(row, self._tools))
