"""
What must exist in the destination before the first record: the custom fields, and capability flags learned by probes.

Rule 1: the probe's records are tagged, journalled before and after, and removed again; what a crash left behind is removed first.
Rule 2: what was there before us is noted before the first probe, so that what we made can be told from it whatever happens.
Rule 3: what the API cannot create is a to-do for the admin with a stated fallback (`reference`).
"""

from __future__ import annotations

from typing import Any

from streamflow.errors import PlanLimit, RecordRejected
from streamflow.ledger_names import CAPABILITIES, FIELDS_DEFINED, SCHEMA_DIGEST
from streamflow.mapping.document import MapDocument, digest
from streamflow.mapping.schema import NeededField, details_field, required_fields
from streamflow.migration import leftovers
from streamflow.migration.context import Migration
from streamflow.migration.drift import keep_basis
from streamflow.migration.life import State
from streamflow.migration.own_fields import BEFORE, note_meant
from streamflow.migration.reference import look_again
from streamflow.model import AuditEntry, Kind
from streamflow.platforms.destination import FieldSpec
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, PutSetting


class SchemaPhase:
    """Probes, defines fields, lists what is left to people."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def run(self, document: MapDocument) -> State:
        """Make the destination ready for the confirmed map."""
        await self._note_before()
        await self._define(document)
        if await self._m.ledger.setting(CAPABILITIES) is None:
            await self._probe(document)
        await look_again(self._m, document)
        await keep_basis(self._m, document)
        await self._m.ledger.commit([PutSetting(name=SCHEMA_DIGEST, value=digest(document))])
        return State.OWNERS

    async def _note_before(self) -> None:
        """Keep which custom fields there were before our first write; the probes make one themselves."""
        if await self._m.ledger.setting(BEFORE) is None:
            reference = await self._m.destination.schema.reference()
            before = sorted([each.entity, each.label] for each in reference.custom_fields)
            await self._m.ledger.commit([PutSetting(name=BEFORE, value=before)])

    async def _probe(self, document: MapDocument) -> None:
        await self._m.explain("finding out what the destination can do, on tagged records that are removed again")
        journal = leftovers.LedgerJournal(self._m.ledger)
        await self._m.destination.prober.sweep_probes(journal, patiently=False)
        extra = details_field(document)
        is_there = extra is not None and (extra.entity, extra.label) in await defined_fields(self._m.ledger)
        learned = dict(await self._m.destination.prober.probe(journal, _spec(extra) if extra is not None and is_there else None))
        learned.update(self._m.terms.flags)
        self._m.destination.adopt(learned)     # how late the lists are is known from here on
        left = await leftovers.remove(self._m)
        await self._m.ledger.commit([
            PutSetting(name=CAPABILITIES, value=learned),
            Audit(entry=AuditEntry(actor="streamflow", action="capabilities.learned", after=learned)),
        ])
        await leftovers.ask_about(self._m.ledger, left)

    async def _define(self, document: MapDocument) -> None:
        """Create each custom field the map needs; each is seen in the definitions before it counts."""
        needed = [need for need in required_fields(document) if not need.optional or await self._has_use(need)]
        done: list[dict[str, Any]] = await self._m.ledger.setting(FIELDS_DEFINED) or []
        before = {(entity, label) for entity, label in await self._m.ledger.setting(BEFORE) or []}
        await note_meant(self._m.ledger, [(need.entity, need.label) for need in needed])
        for number, need in enumerate(needed, 1):
            row = _row(need, created=(need.entity, need.label) not in before)
            if row in done:
                continue
            self._m.control.check()
            await self._m.explain(f"creating custom fields ({number} of {len(needed)})")
            if not await self._create(need):
                continue
            done = [*(each for each in done if (each["entity"], each["label"]) != (need.entity, need.label)), row]
            entry = AuditEntry(actor="streamflow", action="field.defined", kind=need.entity, key=need.label, note=need.family)
            await self._m.ledger.commit([PutSetting(name=FIELDS_DEFINED, value=done), Audit(entry=entry)])

    async def _has_use(self, need: NeededField) -> bool:
        """Say whether a long field may hold anything: not where the flag says that none does, by the probe or by the operator."""
        learned = await self._m.ledger.setting(CAPABILITIES)
        chars = self._m.terms.flags.get("long_text_max_chars", None if learned is None else learned.get("long_text_max_chars", 0))
        return chars is None or chars > 0 or (need.entity, need.label) in await defined_fields(self._m.ledger)

    async def _create(self, need: NeededField) -> bool:
        """Create one, and say whether it is there: one that is optional may be refused, and that is written down."""
        try:
            await self._m.destination.schema.define(_spec(need))
        except (PlanLimit, RecordRejected) as error:
            if not need.optional:
                raise _explained(need, error) from error
            self._m.log("field.left_out", entity=need.entity, label=need.label, reason=error.message)
            note = f"{need.family}: {error.message}; a note holds what it would"
            entry = AuditEntry(actor="streamflow", action="field.left_out", kind=need.entity, key=need.label, note=note)
            await self._m.ledger.commit([Audit(entry=entry)])
            return False
        return True


async def defined_fields(ledger: Ledger) -> set[tuple[Kind, str]]:
    """Give (entity, label) of the custom fields that were seen in the destination for the map in force."""
    return {(row["entity"], row["label"]) for row in await ledger.setting(FIELDS_DEFINED) or []}


def _spec(need: NeededField) -> FieldSpec:
    return FieldSpec(entity=need.entity, label=need.label, family=need.family, choices=need.choices)


def _explained(need: NeededField, error: PlanLimit | RecordRejected) -> PlanLimit | RecordRejected:
    what = f"custom field {need.label!r} of {need.entity} ({need.family}): {error.message}"
    if isinstance(error, PlanLimit):
        hint = "raise the plan, or leave fields out of the map (`map edit`, `map confirm`), then resume"
        return PlanLimit(what, platform=error.platform, hint=hint)
    hint = "change the field's family or target in the map (`map edit`), or make room for it, then resume"
    return RecordRejected(what, platform=error.platform, hint=hint)


def _row(need: NeededField, *, created: bool) -> dict[str, Any]:
    return {
        "entity": need.entity, "label": need.label, "family": need.family, "choices": list(need.choices),
        "created": "yes" if created else "no",
    }
