"""
Records that belong to nobody who was read, found before anything is moved (LP-14): counted in the scope report, and asked about.

Rule: asked about are only those that name nobody; one that names a record which was not read may still come to it, and is held when
it is to be delivered. Nothing of either is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamflow.mapping.compiled import Mapper, compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.migration.context import Migration
from streamflow.migration.strays import is_open
from streamflow.model import Key, Kind, Record, Ref, Staged
from streamflow.stages.directory import Directory
from streamflow.stages.planning import question_plan, refs_in
from streamflow.stages.roles import roles_of

DECISIONS = ("reparent:<kind>:<key>", "retry", "waive")
AT_ONCE = 500
SHOWN = 200   # rows in the report; the queue has all of them


@dataclass(slots=True, kw_only=True)
class Orphans:
    """What belongs to nobody, by kind, and the first of them by name."""

    nameless: dict[Kind, int] = field(default_factory=dict)
    not_read: dict[Kind, int] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)

    def note(self, record: Record, why: str, counts: dict[Kind, int]) -> None:
        """Count a record, and name it as long as there is room."""
        counts[record.kind] = counts.get(record.kind, 0) + 1
        if len(self.rows) < SHOWN:
            self.rows.append({"kind": record.kind, "key": record.key, "reason": why})

    def to_json(self) -> dict[str, Any]:
        """Give the part of the scope report."""
        kinds = sorted({*self.nameless, *self.not_read})
        counts = [
            {"kind": kind, "name_nobody": self.nameless.get(kind, 0), "name_one_not_read": self.not_read.get(kind, 0)} for kind in kinds
        ]
        return {"counts": counts, "first": self.rows}


async def find_orphans(migration: Migration, document: MapDocument) -> Orphans:
    """Look at everything that hangs on something, and ask about what names nobody; a look-up of parents a page, the map only for strays."""
    found = Orphans()
    mapper = compile_map(document, migration.pair, Context())
    nameless: dict[Kind, list[Key]] = {}
    addresses: set[str] = set()
    asked_about = {stream.kind for stream in migration.source.streams() if stream.asks_owner}
    for plan in migration.pair.kinds:
        if plan.parent is None:
            continue
        async for page in migration.ledger.every(plan.kind):
            there = await migration.ledger.staged(plan.parent, [each.record.parent for each in page if each.record.parent])
            for record in [each.record for each in page if each.record.parent not in there]:
                if plan.kind in asked_about and is_open(record):
                    continue   # the source is still asked whose it is
                if not (named := _named(mapper, record)) and named is not None:
                    nameless.setdefault(plan.kind, []).append(record.key)
                    addresses.update(mapper.addresses(record))
                await _note_unread(migration, found, record, named or ())
    by_address = await _people(migration, mapper, addresses)
    lenient = compile_map(document, migration.pair, Context(person_by_email=by_address.get))
    for kind, keys in nameless.items():
        for start in range(0, len(keys), AT_ONCE):
            some = (await migration.ledger.staged(kind, keys[start : start + AT_ONCE])).values()
            await _ask(migration, found, [each for each in some if not _named(lenient, each.record)])
    return found


def _named(mapper: Mapper, record: Record) -> list[Ref] | None:
    """Give whom the map takes a record to belong to, nobody where it cannot tell; None for one that it leaves out."""
    derived = mapper.drafts(record)
    if derived.filtered is not None:
        return None
    own = (record.kind, record.key)
    refs = [ref for draft in derived.drafts for ref in refs_in(draft.fields) if ref.kind in mapper.pair.blocking]
    return [ref for ref in refs if (ref.kind, ref.key) != own]


async def _note_unread(migration: Migration, found: Orphans, record: Record, named: Sequence[Ref]) -> None:
    for ref in named:
        if not await migration.ledger.staged(ref.kind, [ref.key]):
            found.note(record, f"it names {ref.kind} {ref.key}, which was not read", found.not_read)
            return


async def _people(migration: Migration, mapper: Mapper, wanted: set[str]) -> Mapping[str, Key]:
    """Give one of the people who have each of these addresses; who of several it is, is decided when they are known."""
    known: dict[str, Key] = {}
    if not wanted:
        return known
    async for page in migration.ledger.every(migration.pair.person.kind):
        for staged in page:
            known |= {address: staged.record.key for address in mapper.person(staged.record).emails if address in wanted}
    return known


async def _ask(migration: Migration, found: Orphans, nameless: Sequence[Staged]) -> None:
    """Count them and put them into the queue as the delivery would; what a person answers now holds then."""
    directory = Directory(roles=roles_of(migration.pair), decisions=dict(await migration.ledger.decisions()))
    reason = f"name the {migration.pair.person.noun} it belongs to"
    plans = [question_plan(each, "unknown_parent", reason, directory, decisions=DECISIONS, suggested="waive") for each in nameless]
    await migration.ledger.commit([change for plan in plans for change in plan.changes])
    for each in nameless:
        found.note(each.record, "it names nobody it could belong to", found.nameless)
