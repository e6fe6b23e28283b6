"""What one pass over a record has found: the values of its destination record, what did not fit, and what others are made of."""

from __future__ import annotations

from typing import Any

from streamflow.mapping.derived import NO_KIN, Issue, Kin
from streamflow.mapping.emails import Addresses
from streamflow.mapping.phones import Phones
from streamflow.mapping.text import tidy
from streamflow.model import Fields, Record


class Gathered:
    """Changed only while the pass runs."""

    __slots__ = (
        "address",
        "addresses",
        "company",
        "fields",
        "issues",
        "kin",
        "lines",
        "name",
        "outcome",
        "owner",
        "parent",
        "phones",
        "record",
        "source",
        "stage",
        "surname",
        "titles",
    )

    def __init__(self, record: Record, kin: Kin = NO_KIN) -> None:
        self.record = record
        self.kin = kin
        self.fields: Fields = {}
        self.lines: list[tuple[str, str]] = []
        self.issues: list[Issue] = []
        self.name = ""
        self.surname = ""
        self.titles: list[tuple[int, str]] = []  # (place of the row, text)
        self.company = ""
        self.owner = ""
        self.source = ""
        self.parent = ""
        self.stage = ""
        self.outcome = ""
        self.address: dict[str, str] = {}
        self.addresses = Addresses()
        self.phones = Phones()

    def __repr__(self) -> str:
        return f"<Gathered {self.record.kind} {self.record.key}>"

    def complain(self, cause: str, field: str, suggestion: str, value: str, *, is_blocking: bool = False) -> None:
        """Note an issue."""
        self.issues.append(Issue(cause=cause, field=field, suggestion=suggestion, value=value, is_blocking=is_blocking))

    def put(self, target: str, value: Any, label: str, raw: str) -> None:
        """Set a field, unless another source field filled it with something else: then the later value becomes a labelled line."""
        if self.fields.setdefault(target, value) != value:
            self.lines.append((label, tidy(raw).strip()))
