"""What is looked up beside rows of prospects: their appointments by the diary, and the notes of their jobs where a call is named for them.

Notes written to a job may be in no answer of GetLead, and the form of the call that may tell them is not public (lead-perfection.md 3, 5).
So nothing is asked until the operator names that call under `[source.streams.note.list]`, with the parameter that takes a job's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from streamflow.clock import Clock
from streamflow.model import Kind
from streamflow.platforms.api.forms import Completed, LookUp, Raw
from streamflow.platforms.leadperfection.dialect import LeadPerfectionDialect
from streamflow.platforms.leadperfection.diary import Diary
from streamflow.platforms.rows.canon import squeezed
from streamflow.platforms.rows.values import text_of

_PROSPECT, _NOTE = "prospect", "note"
_NOTES = "notes"


class Beside:
    """Completes rows of prospects; for one session."""

    def __init__(self, dialect: LeadPerfectionDialect, clock: Clock) -> None:
        self._diary = Diary(dialect, clock)
        self._job_param = dialect.job_param

    async def complete(self, kind: Kind, rows: Sequence[Raw], look_up: LookUp, *, are_changed: bool) -> Completed:
        """Give rows of prospects with their appointments' texts and, where that is set up, with notes in their jobs; others as they are."""
        done = await self._diary.complete(kind, rows, look_up, are_changed=are_changed)
        if kind != _PROSPECT or not self._job_param:
            return done
        return replace(done, rows=[await self._with_notes(row, look_up) for row in done.rows])

    def begins(self, kind: Kind) -> date | None:
        """Give the earliest day of a kind that its list is known to come to."""
        return self._diary.begins(kind)

    async def _with_notes(self, row: Raw, look_up: LookUp) -> Raw:
        async def job(inner: Raw) -> Raw:
            names = {squeezed(str(name)): name for name in inner}
            key = text_of(inner.get(names.get("id", "id"))).strip()
            if _NOTES in names or not key:      # told already, or nothing to ask by
                return inner
            return {**inner, _NOTES: list(await look_up(_NOTE, {self._job_param: key}))}

        async def lead(inner: Raw) -> Raw:
            return {**inner, **{name: [await job(each) for each in listed] for name, listed in _rows(inner, "jobs")}}

        return {**row, **{name: [await lead(each) for each in listed] for name, listed in _rows(row, "leads")}}


def _rows(row: Raw, field: str) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Give the list of rows under a key, however that is cased, with the key; none where it holds anything else."""
    found = [(name, value) for name, value in row.items() if squeezed(str(name)) == field and isinstance(value, list)]
    return [(name, value) for name, value in found if all(isinstance(each, Mapping) for each in value)]
