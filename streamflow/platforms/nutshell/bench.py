"""Where probes make their records: each one named by its marker, journalled before and after, and removed again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from streamflow.clock import Clock
from streamflow.errors import (
    OURS,
    AccessRefused,
    NotFound,
    PlanLimit,
    ProtocolMismatch,
    RecordRejected,
    Stale,
    StreamflowError,
    Throttled,
    Uncertain,
)
from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.destination import ProbeJournal
from streamflow.platforms.nutshell.calls import PATCH, Calls
from streamflow.platforms.nutshell.dialect.bodies import create_body
from streamflow.platforms.nutshell.dialect.envelope import is_gone, made_id, rows
from streamflow.platforms.nutshell.dialect.records import flat
from streamflow.platforms.nutshell.flags import Flags
from streamflow.platforms.nutshell.writer import NutshellWriter

REMOVAL_S = 60.0
LOOKS = 3        # at a record that an answer leaves out, before nothing is said of it
PROGRAM = "Streamflow"
NAMED = f"{PROGRAM} probe"
_TEXTS: Mapping[Kind, Sequence[str]] = {
    "accounts": ("name",), "contacts": ("name",), "leads": ("description",), "notes": ("body",), "tasks": ("title", "description"),
    "activities": ("name", "description"),
}
"""What says what a probe's record is, where it holds a text at all."""


class Bench:
    """One run of probes: its records, what was learned so far, and the way to undo it."""

    def __init__(self, calls: Calls, writer: NutshellWriter, journal: ProbeJournal, clock: Clock) -> None:
        self.calls = calls
        self.clock = clock
        self.flags: Flags = calls.flags
        self.known: dict[Kind, tuple[DestId, str]] = {}     # the record of each kind that later probes build on, with its marker
        self.made_at_s: dict[Kind, float] = {}
        self._writer = writer
        self._journal = journal
        self._token = secrets.token_hex(4)
        self._count = 0
        self._standing: list[tuple[Kind, str, DestId]] = []

    def marker(self) -> str:
        """Give a new name that nobody else uses; it says what the record is, should it be left behind."""
        self._count += 1
        return f"{NAMED} {self._token}-{self._count}"

    def learn(self, values: dict[str, Any]) -> None:
        """Use what was learned for the probes that follow."""
        self.flags = self.flags.with_(values)

    def anchor(self, kind: Kind) -> DestId:
        """Give the record of this kind that was made before. Raises RecordRejected when that failed."""
        if kind not in self.known:
            raise RecordRejected(f"there is no probe record among {kind} to build on", platform="nutshell")
        return self.known[kind][0]

    async def defines(self, kind: Kind, label: str) -> None:
        """Say to the journal that a custom field is to be made."""
        await self._journal.defines(kind, label)

    async def make(self, kind: Kind, marker: str, fields: Fields, *, auth: str | None = None, **flags: Any) -> DestId:
        """Make one record, with flags as they would be; it is removed at the end whatever happens."""
        body = create_body(kind, fields, self.flags.with_(flags))
        await self._journal.meant(kind, marker)
        try:
            data = await self.calls.send("POST", kind, body, auth=auth)
        except (RecordRejected, AccessRefused, PlanLimit, NotFound, Throttled):
            await self._journal.removed(kind, marker)    # surely nothing was made
            raise
        dest_id = made_id(data, kind)
        if dest_id is None:
            raise Uncertain(f"POST {kind} was confirmed without an id", platform="nutshell")
        self._standing.append((kind, marker, dest_id))
        await self._journal.made(kind, marker, dest_id)
        self.known.setdefault(kind, (dest_id, marker))
        self.made_at_s.setdefault(kind, self.clock.monotonic())
        return dest_id

    async def row(self, kind: Kind, dest_id: DestId) -> dict[str, Any]:
        """Read a record as it is on the wire. Raises NotFound when it is gone, ProtocolMismatch when no answer shows it."""
        row = await self._shown(kind, dest_id)
        if row is None:
            raise ProtocolMismatch(f"a probe record among {kind} is not in the answers about it", platform="nutshell")
        return row

    async def fields(self, kind: Kind, dest_id: DestId) -> Fields:
        """Read a record in flat form."""
        return flat(kind, await self.row(kind, dest_id))

    async def patch(self, kind: Kind, dest_id: DestId, path: str, value: Any, *, media: str = PATCH) -> None:
        """Replace one value by PATCH."""
        body = [{"op": "replace", "path": path, "value": value}]
        await self.calls.send("PATCH", f"{kind}/{dest_id}", body, endpoint=f"{kind}/{{id}}", media=media)

    async def remove(self, kind: Kind, marker: str, dest_id: DestId) -> None:
        """
        Remove one record and say so to the journal. Raises Stale for one that somebody worked on: it is theirs by now.

        Of one that no answer shows the removal itself says whether it is gone.
        """
        try:
            row = await self._shown(kind, dest_id)
            if row is not None and _was_reworded(kind, flat(kind, row)):
                raise Stale(f"somebody worked on {dest_id}, which was made to try out the destination", platform="nutshell")
            await self._writer.delete(kind, dest_id)
        except NotFound:
            pass
        await self._journal.removed(kind, marker)
        self._standing = [held for held in self._standing if held[2] != dest_id]

    async def clear(self) -> dict[str, str]:
        """Remove everything in reverse order, even when cancelled; gives what could not be removed and why."""
        stuck: dict[str, str] = {}
        with anyio.move_on_after(REMOVAL_S, shield=True):
            for kind, marker, dest_id in reversed(self._standing):
                try:
                    await self.remove(kind, marker, dest_id)
                except OURS:
                    raise
                except StreamflowError as error:
                    stuck[dest_id] = error.message
        return stuck

    async def _shown(self, kind: Kind, dest_id: DestId) -> dict[str, Any] | None:
        """Read a record, None when answer after answer leaves it out. Raises NotFound when it is said to be gone."""
        for _ in range(LOOKS):
            found = rows(await self.calls.get(f"{kind}/{dest_id}", endpoint=f"{kind}/{{id}}"), kind)
            row = next((row for row in found if row.get("id") == dest_id), None)
            if row is not None and is_gone(row):
                raise NotFound(f"a probe record among {kind} is gone", platform="nutshell")
            if row is not None:
                return row
        return None


def _was_reworded(kind: Kind, fields: Fields) -> bool:
    """Say whether somebody put other words where a probe had put what the record is."""
    return any(text and PROGRAM not in text for text in (str(fields.get(name) or "") for name in _TEXTS[kind]))
