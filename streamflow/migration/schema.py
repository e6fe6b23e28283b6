"""
What must exist in the destination before the first record: capability flags learned by probes, then the custom fields.

Rule 1: the probe's records are tagged, journalled before and after, and removed again; what a crash left behind is removed first.
Rule 2: what the API cannot create is a to-do for the admin with a stated fallback, looked at again on every start of this phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamflow.errors import RecordRejected
from streamflow.mapping.document import MapDocument, digest
from streamflow.mapping.schema import required_fields
from streamflow.mapping.settings import settings_of
from streamflow.migration.context import Migration
from streamflow.migration.life import State
from streamflow.model import AuditEntry, DestId, Kind, QueueItem
from streamflow.platforms.base import FieldSpec, Reference
from streamflow.store.base import Audit, Change, Enqueue, Ledger, PutSetting


class LedgerJournal:
    """Keeps in the ledger what probes made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def meant(self, kind: Kind, marker: str) -> None:
        await self._put(kind, marker, {"kind": kind, "marker": marker, "dest_id": None}, "probe.meant")

    async def made(self, kind: Kind, marker: str, dest_id: DestId) -> None:
        await self._put(kind, marker, {"kind": kind, "marker": marker, "dest_id": dest_id}, "probe.made", dest_id)

    async def removed(self, kind: Kind, marker: str) -> None:
        await self._put(kind, marker, None, "probe.removed")

    async def left(self) -> Sequence[tuple[Kind, str, DestId | None]]:
        rows = (await self._ledger.settings("probe:record:")).values()
        return [(row["kind"], row["marker"], row["dest_id"]) for row in rows]

    async def _put(self, kind: Kind, marker: str, value: Mapping[str, Any] | None, action: str, dest_id: DestId = "") -> None:
        entry = AuditEntry(actor="streamflow", action=action, kind=kind, key=marker, dest_id=dest_id)
        await self._ledger.commit([PutSetting(name=f"probe:record:{kind}:{marker}", value=value), Audit(entry=entry)])


class SchemaPhase:
    """Probes, defines fields, lists what is left to people."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def run(self, document: MapDocument) -> State:
        """Make the destination ready for the confirmed map."""
        journal = LedgerJournal(self._m.ledger)
        if await self._m.ledger.setting("capabilities") is None:
            await self._m.explain("finding out what the destination can do, on tagged records that are removed again")
            await self._m.destination.prober.sweep_probes(journal)
            learned = dict(await self._m.destination.prober.probe(journal))
            learned.update(self._m.terms.flags)
            await self._m.ledger.commit([
                PutSetting(name="capabilities", value=learned),
                Audit(entry=AuditEntry(actor="streamflow", action="capabilities.learned", after=learned)),
            ])
            self._m.destination.adopt(learned)
        await self._define(document)
        await self._reference(document)
        await self._m.ledger.commit([PutSetting(name="schema:digest", value=digest(document))])
        return State.OWNERS

    async def _define(self, document: MapDocument) -> None:
        """Create each custom field the map needs; each is seen in the definitions before it counts."""
        needed = required_fields(document)
        done: list[dict[str, str]] = await self._m.ledger.setting("fields:defined") or []
        known = {(each["entity"], each["label"]) for each in done}
        before = {(each.entity, each.label) for each in (await self._m.destination.schema.reference()).custom_fields}
        for number, need in enumerate(needed, 1):
            if (need.entity, need.label) in known:
                continue
            self._m.control.check()
            await self._m.explain(f"creating custom fields ({number} of {len(needed)})")
            try:
                await self._m.destination.schema.define(
                    FieldSpec(entity=need.entity, label=need.label, family=need.family, choices=need.choices)
                )
            except RecordRejected as error:
                raise RecordRejected(
                    f"custom field {need.label!r} of {need.entity} ({need.family}): {error.message}",
                    hint="change the field's family or target in the map (`map edit`), or make room for it, then resume", platform=error.platform,
                ) from error
            created = (need.entity, need.label) not in before
            done.append({"entity": need.entity, "label": need.label, "family": need.family, "created": "yes" if created else "no"})
            entry = AuditEntry(actor="streamflow", action="field.defined", kind=need.entity, key=need.label, note=need.family)
            await self._m.ledger.commit([PutSetting(name="fields:defined", value=done), Audit(entry=entry)])

    async def _reference(self, document: MapDocument) -> None:
        """Find or make the lead sources that open leads need, and list what only people can make."""
        reference = await self._m.destination.schema.reference()
        settings = settings_of(document.settings)
        sources: dict[str, DestId] = {}
        if settings["unqualified"] == "lead":
            sources = await self._sources(reference, settings["source_values"])
        changes: list[Change] = [PutSetting(name="reference:sources", value=sources)]
        todo = missing_reference(reference, settings)
        for name, fallback in todo:
            changes.append(Enqueue(item=QueueItem(
                id=f"todo:{name}", cause="to_do", kind="", key=name, reason=f"{name} is missing in the destination; until it exists: {fallback}",
                decisions=("done", "waive"), suggested="waive",
            )))
        changes.append(PutSetting(name="reference:activity_types", value=dict(reference.activity_types)))
        changes.append(PutSetting(name="reference:teams", value=dict(reference.teams)))
        changes.append(PutSetting(name="reference:stages", value=dict(reference.stages)))
        changes.append(PutSetting(name="reference:stagesets", value=dict(reference.stagesets)))
        changes.append(PutSetting(name="todo", value=[{"what": name, "fallback": fallback} for name, fallback in todo]))
        await self._m.ledger.commit(changes)

    async def _sources(self, reference: Reference, values: Mapping[str, str]) -> dict[str, DestId]:
        labels: dict[str, str] = {}
        async for page in self._m.ledger.every("source"):
            for staged in page:
                label = str(staged.record.data.get("name") or "").strip()
                if label:
                    labels[staged.record.key] = label
        async for page in self._m.ledger.every("lead"):
            for staged in page:
                label = str(staged.record.data.get("source") or "").strip()
                if label:
                    labels.setdefault(label, label)
        found: dict[str, DestId] = {}
        made: list[str] = await self._m.ledger.setting("sources:created") or []
        for key, label in labels.items():
            name = values.get(label, label)
            dest_id = reference.sources.get(name.lower()) or found.get(f"={name.lower()}")
            if dest_id is None:
                dest_id = await self._m.destination.schema.source(name)
                made.append(dest_id)
                entry = AuditEntry(actor="streamflow", action="source.created", kind="sources", key=name, dest_id=dest_id)
                await self._m.ledger.commit([PutSetting(name="sources:created", value=made), Audit(entry=entry)])
            found[f"={name.lower()}"] = found[key] = found[label] = found[label.lower()] = dest_id
        return {key: dest_id for key, dest_id in found.items() if not key.startswith("=")}


def missing_reference(reference: Reference, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What people have to make in the web app, each with what happens until then."""
    missing: list[tuple[str, str]] = []
    if not any(name in reference.activity_types for name in ("email", "e-mail")):
        missing.append(("activity type Email", "e-mails become notes with a header"))
    if not any("call" in name for name in reference.activity_types):
        missing.append(("activity type Phone call", "calls become notes with a header"))
    if settings.get("stageset") and str(settings["stageset"]).lower() not in reference.stagesets:
        missing.append((f"pipeline {settings['stageset']}", "open leads stay in the default pipeline"))
    return missing
