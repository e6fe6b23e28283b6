"""Reading back what a rollback did: what was deleted must be gone, what was restored must hold its former values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.reversals import NOTHING_TO_UNDO
from streamflow.migration.undoing import GONE
from streamflow.model import AuditEntry, DestId, Fields, Kind, kind_of
from streamflow.stages.verify import GOOD

READ_AT_ONCE = 40
ASKED = "rollback.requested"


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the audit says was done since the rollback was asked for, and what reading it back showed."""

    deleted: int = 0
    restored: int = 0
    gone: int = 0
    left: list[dict[str, str]] = field(default_factory=list)           # of which nobody keeps a line any more, and why it is not as before
    still_there: list[DestId] = field(default_factory=list)
    not_restored: list[dict[str, str]] = field(default_factory=list)
    overtaken: list[dict[str, str]] = field(default_factory=list)      # changed by people while they were restored, and what became of it

    def to_json(self) -> dict[str, Any]:
        return {
            "deleted": self.deleted, "restored": self.restored, "gone_already": self.gone, "still_there": self.still_there,
            "not_restored": self.not_restored, "overtaken": self.overtaken,
            "read_back": "as before" if not self.still_there and not self.not_restored else "differs",
        }

    def with_left(self, spared: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """Give what this start spared, and what earlier ones left and let go of."""
        told = {(each["id"], each["source"]) for each in spared}
        return [*spared, *({(each["id"], each["source"]): each for each in self.left if (each["id"], each["source"]) not in told}.values())]


class Proof:
    """Walks the audit, which holds every step of every start, and looks at the destination; holds one batch at a time."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._deleted: dict[Kind, list[DestId]] = defaultdict(list)
        self._restored: dict[Kind, dict[DestId, Fields]] = defaultdict(dict)
        self._found = Findings()

    async def read(self) -> Findings:
        """Read everything back; raises what the destination raises."""
        async for page in self._m.ledger.audit():
            for row in page:
                if row.entry.action == ASKED:
                    self._begin()
                else:
                    self._take(row.entry)
            await self._look(at_least=READ_AT_ONCE)
        await self._look(at_least=1)
        return self._found

    def _begin(self) -> None:
        self._found = Findings()
        self._deleted.clear()
        self._restored.clear()

    def _take(self, entry: AuditEntry) -> None:
        kind = kind_of(entry.dest_id)
        if entry.action == "rollback.kept":
            self._take_back(entry)
        if entry.action == "rollback.overtaken":
            self._leave_to_people(entry)
        if entry.action in ("rollback.forget", "rollback.left", "rollback.lost"):
            self._leave(kind, entry)
        if entry.note != "done" or kind not in DEST_ORDER:
            return
        if entry.action == "rollback.delete":
            self._found.deleted += 1
            self._deleted[kind].append(entry.dest_id)
        elif entry.action == "rollback.restore":
            self._found.restored += 1
            self._restored[kind][entry.dest_id] = entry.after or {}

    def _leave(self, kind: Kind, entry: AuditEntry) -> None:
        """A line that was let go tells a later start nothing; what was to be told of it is here."""
        if entry.note == GONE:
            self._found.gone += 1
        elif entry.note != NOTHING_TO_UNDO:
            source = f"{entry.kind}:{entry.key}"
            self._found.left.append({"kind": kind, "id": entry.dest_id, "source": source, "reason": entry.note})

    def _take_back(self, entry: AuditEntry) -> None:
        """A record that was removed and brought back is not to be gone."""
        self._found.deleted -= 1
        for ids in (self._found.still_there, self._deleted[kind_of(entry.dest_id)]):
            if entry.dest_id in ids:
                ids.remove(entry.dest_id)

    def _leave_to_people(self, entry: AuditEntry) -> None:
        """Fields that a person changed at the very moment they were restored need not hold their former values."""
        names = set(entry.after or {})
        held = self._restored[kind_of(entry.dest_id)]
        if entry.dest_id in held:
            held[entry.dest_id] = {name: value for name, value in held[entry.dest_id].items() if name not in names}
        for each in list(self._found.not_restored):
            if each["id"] == entry.dest_id:
                self._found.not_restored.remove(each)
                if left := sorted(set(each["fields"].split(", ")) - names):
                    self._found.not_restored.append({"id": entry.dest_id, "fields": ", ".join(left)})
        self._found.overtaken.append({"id": entry.dest_id, "what": entry.note})

    async def _look(self, *, at_least: int) -> None:
        for kind, ids in self._deleted.items():
            while len(ids) >= at_least:
                chunk = ids[:READ_AT_ONCE]
                del ids[:READ_AT_ONCE]
                self._found.still_there += sorted(await self._m.destination.reader.read(kind, chunk, custom=False))
        for kind, wanted in self._restored.items():
            if len(wanted) >= at_least:
                await self._compare(kind, dict(wanted))
                wanted.clear()

    async def _compare(self, kind: Kind, wanted: dict[DestId, Fields]) -> None:
        ids = sorted(wanted)
        for start in range(0, len(ids), READ_AT_ONCE):
            now = await self._m.destination.reader.read(kind, ids[start : start + READ_AT_ONCE], custom=True)
            for dest_id in ids[start : start + READ_AT_ONCE]:
                held = now.get(dest_id)
                wrong = [
                    name for name, value in wanted[dest_id].items()
                    if held is None or self._m.destination.reader.compare(kind, name, value, held.get(name)) not in GOOD
                ]
                if wrong:
                    self._found.not_restored.append({"id": dest_id, "fields": ", ".join(sorted(wrong))})
