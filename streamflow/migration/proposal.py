"""
The map gate: a proposal with reasons, the operator's edits, and the confirmation of exactly one digest.

Rule: what is confirmed is a digest. A document that changed, by edit or by drift of a schema, is confirmed anew or not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from streamflow.errors import ConfigError, UsageError
from streamflow.mapping.document import MapDocument, digest
from streamflow.mapping.document_json import from_json, to_json, validate
from streamflow.mapping.estimate import Pace, compatibility, estimate, grade
from streamflow.mapping.observe import Observation
from streamflow.mapping.proposal import Account, ExistingField, propose
from streamflow.mapping.schema import required_fields
from streamflow.mapping.template import load_template
from streamflow.migration.context import Migration
from streamflow.migration.life import State
from streamflow.migration.probe import inventory
from streamflow.store.base import PutSetting, Reopen


class MapGate:
    """Proposes, takes edits, waits for the confirmation."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def confirmed(self) -> MapDocument | None:
        """The confirmed map, if any."""
        stored = await self._m.ledger.setting("map:confirmed")
        return from_json(stored["document"]) if stored else None

    async def run(self) -> State:
        """Show the proposal until its digest is confirmed."""
        if await self._m.ledger.setting("map:proposed") is None:
            await self._m.explain("scoring the map proposal")
            await self._propose()
        await self._scope()
        if not self._m.asks("map"):
            proposed = await self._m.ledger.setting("map:proposed")
            await self.confirm("streamflow", proposed["digest"])
        while await self._m.ledger.setting("map:confirmed") is None:
            proposed = await self._m.ledger.setting("map:proposed")
            await self._m.explain("waiting until a person confirms the map")
            async with self._m.at_gate(
                "map", f"the field map {proposed['digest'][:12]} waits for confirmation; nothing is written before",
                f"read it with `map show`, change it with `map edit FILE`, then `map confirm --digest {proposed['digest']}`",
            ):
                await self._m.control.wait(None)
        return State.SCHEMA

    async def _propose(self) -> None:
        if self._m.terms.map_file is not None:
            try:
                data = orjson.loads(self._m.terms.map_file.read_bytes())
            except (OSError, orjson.JSONDecodeError) as error:
                raise ConfigError([f"map.file: cannot read {self._m.terms.map_file.name} as JSON"]) from error
            await self.edit("streamflow", data)
            return
        observation = Observation.from_json(await self._m.ledger.setting("observation"))
        reference = await self._m.destination.schema.reference()
        account = Account(
            observation=observation,
            existing=[ExistingField(entity=each.entity, label=each.label, family=each.family) for each in reference.custom_fields],
            custom_field_limit=self._m.terms.limits.get("custom_fields"),
            settings=self._settings(),
        )
        await self._keep("streamflow", propose(load_template(self._m.terms.pair), account))

    def _settings(self) -> dict[str, Any]:
        return {
            "zone": self._m.terms.timezone, "region": self._m.terms.region, "unqualified": self._m.terms.unqualified,
            **dict(self._m.terms.unqualified_rule),
        }

    async def _keep(self, actor: str, document: MapDocument) -> str:
        name = digest(document)
        await self._m.decide(
            actor, "map.proposed", PutSetting(name="map:proposed", value={"digest": name, "document": to_json(document)}), note=name,
        )
        return name

    async def edit(self, actor: str, data: object) -> str:
        """Take an edited document. Raises UsageError with every fault in it."""
        try:
            document = from_json(data)
            observation = Observation.from_json(await self._m.ledger.setting("observation"))
            reference = await self._m.destination.schema.reference()
            existing: dict[str, dict[str, str]] = {}
            for each in reference.custom_fields:
                existing.setdefault(each.entity, {})[each.label] = each.family
            faults = validate(document, observation.schema(), existing)
        except ConfigError as error:
            raise UsageError("; ".join(error.faults), hint="correct the file; `map show --json` gives the present one") from error
        if faults:
            raise UsageError("; ".join(faults), hint="correct the file; `map show --json` gives the present one")
        return await self._keep(actor, document)

    async def confirm(self, actor: str, name: str) -> str:
        """Confirm the proposal of this digest; answers "confirmed" or "already_confirmed". Raises UsageError on any other digest."""
        proposed = await self._m.ledger.setting("map:proposed")
        if proposed is None:
            raise UsageError("there is no map proposal yet", hint="the probe has to finish first; see `status`")
        if name != proposed["digest"]:
            raise UsageError(
                f"the digest does not name the present proposal {proposed['digest'][:12]}", hint="read the map again (`map show`) and confirm what you read"
            )
        confirmed = await self._m.ledger.setting("map:confirmed")
        if confirmed and confirmed["digest"] == name:
            return "already_confirmed"
        changes: list[Any] = [PutSetting(name="map:confirmed", value={**proposed, "by": actor})]
        if confirmed:   # a new version: every record is derived anew from what is staged, nothing is read again
            changes += [Reopen(kind=each) for each in ("company", "lead", "note", "call", "email", "reminder", "attachment")]
        await self._m.decide(actor, "gate.map.confirmed", *changes, note=name)
        self._m.map_epoch += 1
        return "confirmed"

    async def _scope(self) -> None:
        """The scope report: inventory, map draft, grade, estimate, hand-off."""
        proposed = await self._m.ledger.setting("map:proposed")
        document = from_json(proposed["document"])
        found = await inventory(self._m)
        counts: Mapping[str, int] = found["source"]
        children = tuple(stream.kind for stream in self._m.source.streams() if stream.parent is not None)
        routes = {kind: self._m.destination.reader.route(kind) for kind in ("accounts", "contacts", "leads")}
        reckoned = estimate(document, counts, Pace(child_streams=children, custom_fields_many="single" not in routes.values()),
                            limits=self._m.terms.limits, present=found["destination"])
        self._m.report("scope", {
            "inventory": found,
            "map": {"digest": proposed["digest"], "rows": [row for one in proposed["document"]["objects"] for row in _rows(one)]},
            "fields_to_create": [asdict(each) for each in required_fields(document)],
            "compatibility": asdict(compatibility(document)),
            "grade": asdict(grade(document, reckoned.records, constraints=2)),
            "estimate": {**asdict(reckoned), "hours": reckoned.hours},
            "readback": routes,
            "out_of_scope": OUT_OF_SCOPE,
            "hand_off": HAND_OFF,
        })


def _rows(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"object": f"{one['source']} → {one['destination']}", "cardinality": one["cardinality"], **row} for row in one["rows"]]


OUT_OF_SCOPE = (
    "passwords, session tokens and payment data: never read",
    "assignment rules and autoresponders: documented for the admin, not rebuilt",
    "notification preferences: a checklist for the admin",
    "permission logic of groups: the group table says what to set by hand",
    "email sequences of the destination: not exportable by its API",
)
HAND_OFF = (
    "switch off automations, assignment rules and new-lead mails in the destination for the run",
    "add missing users; nobody is invited by the migration",
    "create missing pipelines, stages and activity types, then continue: they are looked for again",
)
