"""Looking for a record by its marker, through lists, searches and the feed; equality is decided here (nutshell.md 1.10, 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from streamflow.errors import NotFound, ProtocolMismatch, RecordRejected
from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.envelope import is_gone, rows
from streamflow.platforms.nutshell.dialect.events import PAGE, happenings, number
from streamflow.platforms.nutshell.dialect.ids import from_rpc_entity, full_id, kind_of, rpc_entity
from streamflow.platforms.nutshell.dialect.marks import MARKER_FIELD, carries
from streamflow.platforms.nutshell.dialect.parts import CUSTOM, link_ids
from streamflow.platforms.nutshell.dialect.records import flat
from streamflow.platforms.nutshell.flags import ENTITIES
from streamflow.platforms.nutshell.pages import ListPass

CHUNK = 50


class Reads(Protocol):
    """What the finder needs of the reader."""

    async def read(self, kind: Kind, ids: Sequence[DestId], *, custom: bool) -> Mapping[DestId, Fields]: ...
    async def has_field(self, kind: Kind, label: str) -> bool: ...


class Finder:
    """Candidates come from wherever is cheapest; each is compared exactly and must be alive."""

    def __init__(self, calls: Calls, reads: Reads) -> None:
        self._calls = calls
        self._reads = reads
        self._has_marker_field: set[Kind] = set()

    async def find(self, kind: Kind, marker: str, hints: Fields) -> list[DestId]:
        """Give the ids of live records of *kind* that carry *marker* exactly, in order of id text."""
        if kind in ENTITIES:
            return await self._by_field(kind, marker)
        if kind == "notes":
            candidates = await self._note_candidates(link_ids(hints, "parent"))
        else:
            candidates = await self._listed(kind, hints)
        likely = [dest_id for dest_id, fields in candidates.items() if carries(kind, fields, marker)]
        live = await self._reads.read(kind, likely, custom=False)
        return sorted(dest_id for dest_id, fields in live.items() if carries(kind, fields, marker))

    # --- accounts, contacts, leads

    async def _by_field(self, kind: Kind, marker: str) -> list[DestId]:
        if kind not in self._has_marker_field:
            if not await self._reads.has_field(kind, MARKER_FIELD):
                return []
            self._has_marker_field.add(kind)
        found: list[DestId] = []
        async for page in ListPass(self._calls, kind, [(f"filter[{MARKER_FIELD}]", marker)], size=CHUNK).pages():
            customs = {str(row["id"]): flat(kind, row) for row in page if row.get("id") and not is_gone(row)}
            if not all(f"{CUSTOM}{MARKER_FIELD}" in fields for fields in customs.values()):
                customs = dict(await self._reads.read(kind, list(customs), custom=True))
            found.extend(dest_id for dest_id, fields in customs.items() if carries(kind, fields, marker))
        return sorted(set(found))

    # --- notes

    async def _note_candidates(self, parents: Sequence[DestId]) -> dict[DestId, Fields]:
        if not parents:
            return await self._listed("notes", {})
        found: dict[DestId, Fields] = {}
        for parent in parents:
            found.update(await self._notes_in_feed(parent))
            found.update(await self._notes_in_timeline(parent))
        return found

    async def _notes_in_feed(self, parent: DestId) -> dict[DestId, Fields]:
        """All notes of one record, from its events, newest first."""
        found: dict[DestId, Fields] = {}
        before: int | None = None
        while True:
            query = [("entity_id", parent), ("filters[payload][]", "notes"), ("limit", str(PAGE))]
            if before is not None:
                query.append(("max_id", f"{before}-events"))
            page = happenings(await self._calls.get("events", query=query))
            for event in page:
                found.update((i, fields) for i, fields in event.payloads.items() if event.kind == "notes")
            oldest = min((number(event.id) for event in page), default=0)
            if not page or (before is not None and oldest > before) or oldest <= 1:
                return found
            before = oldest - 1

    async def _notes_in_timeline(self, parent: DestId) -> dict[DestId, Fields]:
        """The same by JSON-RPC where it is to be had; whoever lacks it has the feed."""
        if not self._calls.flags.has_rpc("findTimeline"):
            return {}
        try:
            result = await self._calls.ask("findTimeline", {"query": rpc_entity(parent)})
            return dict(_notes_of(rows(result, "timeline")))
        except (RecordRejected, ProtocolMismatch, NotFound):
            return {}

    # --- activities, tasks

    async def _listed(self, kind: Kind, hints: Fields) -> dict[DestId, Fields]:
        found: dict[DestId, Fields] = {}
        async for page in ListPass(self._calls, kind, _narrowed(kind, hints)).pages():
            found.update((str(row["id"]), flat(kind, row)) for row in page if row.get("id") and not is_gone(row))
        return found


def _narrowed(kind: Kind, hints: Fields) -> list[tuple[str, str]]:
    """The filter that leaves the fewest rows: a person, lead or company rather than a user."""
    if kind == "activities":
        people = sorted(link_ids(hints, "participants"), key=lambda i: kind_of(i) == "users")
        return [("filter[participant][]", people[0])] if people else []
    if kind == "tasks":
        for relation, name in (("relatedEntity", "filter[relatedEntity]"), ("assignee", "filter[assignee]")):
            ids = link_ids(hints, relation)
            if ids:
                return [(name, ids[0])]
    return []


def _notes_of(entries: Sequence[dict[str, Any]]) -> list[tuple[DestId, Fields]]:
    found = []
    for entry in entries:
        dest_id = from_rpc_entity(entry)
        if dest_id is None and entry.get("entityType") == "Notes":
            dest_id = full_id(entry.get("id"), "notes")
        if dest_id is not None and kind_of(dest_id) == "notes":
            found.append((dest_id, {"body": entry.get("note")}))
    return found
