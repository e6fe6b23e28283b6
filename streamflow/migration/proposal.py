"""
The map gate: a proposal with reasons, the operator's edits, and the confirmation of exactly one digest.

Rule: what is confirmed is a digest. A document that changed, by edit or by drift of a schema, is confirmed anew or not used.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from streamflow.errors import ConfigError, Faults, UsageError
from streamflow.ledger_names import FIELDS_DEFINED, MAP_CONFIRMED, MAP_PROPOSED, OBSERVATION, UNDONE
from streamflow.mapping.document import MapDocument, digest
from streamflow.mapping.document_json import from_json, read, to_json
from streamflow.mapping.estimate import ROUTINE_RECORDS, Estimate
from streamflow.mapping.observe import Observation
from streamflow.mapping.proposal import Account, ExistingField, propose
from streamflow.migration.context import Migration
from streamflow.migration.drift import AGREED, SEEN, VOID, with_rows
from streamflow.migration.life import State
from streamflow.migration.probe import observe
from streamflow.migration.scope import scope
from streamflow.model import QueueItem
from streamflow.store.change import Enqueue, PutSetting, Reopen
from streamflow.wire.body import parse_json

VOLUME = "volume"
CLOSED = frozenset({State.CUTOVER, State.WATCH, State.DONE, State.ROLLBACK, State.ROLLED_BACK})
"""States in which another map would come too late."""


def read_map_file(path: Path) -> object:
    """Read a map from JSON or, by its ending, TOML. Raises ConfigError with the place of the mistake."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text) if path.suffix == ".toml" else parse_json(text.encode())
    except OSError as error:
        raise ConfigError([f"map.file: {path} cannot be read: {error.strerror}"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"map.file: {path} is not {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}"]) from error


class MapGate:
    """Proposes, takes edits, waits for the confirmation."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def confirmed(self) -> MapDocument | None:
        """The confirmed map, if any."""
        stored = await self._m.ledger.setting(MAP_CONFIRMED)
        return from_json(stored["document"], self._m.pair) if stored else None

    async def run(self) -> State:
        """Show the proposal until its digest is confirmed, and ask whether a very large account is meant to be moved at all."""
        if await self._m.ledger.setting(MAP_PROPOSED) is None:
            await self._m.explain("scoring the map proposal")
            await self._propose()
        await self._propose_again()
        with self._m.gates():
            reckoned = await self._wait()
        await self._ask_about_volume(reckoned)
        return State.SCHEMA

    async def _wait(self) -> Estimate:
        """Wait for the confirmation; answers the estimate of the map that was confirmed."""
        shown, reckoned = "", None
        while True:
            looked = self._m.control.look()
            proposed = await self._m.ledger.setting(MAP_PROPOSED)
            if reckoned is None or proposed["digest"] != shown:
                shown, reckoned = proposed["digest"], await scope(self._m, proposed)
            if await self._m.ledger.setting(MAP_CONFIRMED) is not None:
                return reckoned
            void = await self._m.ledger.setting(VOID)
            if not self._m.asks("map") and not void:
                await self.confirm("streamflow", shown)
                continue
            why = f"; the one before is void: {void['why']}" if void else ""
            await self._m.explain(f"waiting until a person confirms the map{why}")
            self._m.show_gate(
                "map", f"the field map {shown[:12]} waits for confirmation; nothing is written before{why}",
                f"read it with `map show`, change it with `map edit FILE`, then `map confirm --digest {shown}`",
            )
            await self._m.control.wait(None, since=looked)

    async def _ask_about_volume(self, reckoned: Estimate) -> None:
        """Above what is routine somebody says so explicitly, whatever the gates are set to (G-17)."""
        if not reckoned.needs_override or self._m.terms.volume_override:
            return
        words = f"{reckoned.records:,} records are more than the {ROUTINE_RECORDS:,} that are routine"
        await self._m.ledger.commit([Enqueue(item=QueueItem(
            id=VOLUME, cause=VOLUME, kind="", key="", blocking=True, reason=f"{words}: look at the estimate in the scope report",
            decisions=("go", "stop"), suggested="stop",
        ))])
        with self._m.gates():
            while True:
                looked = self._m.control.look()
                if (item := await self._m.ledger.item(VOLUME)) is not None and item.decision == "go":
                    return
                is_stopped = item is not None and item.decision == "stop"
                await self._m.explain(f"{words}; {'it was decided not to go on' if is_stopped else 'waiting for a decision'}")
                self._m.show_gate("volume", words, f"see the scope report, then `queue resolve {VOLUME} --as go`")
                await self._m.control.wait(None, since=looked)

    async def _propose(self) -> None:
        if self._m.terms.map_file is not None:
            await self.edit("streamflow", read_map_file(self._m.terms.map_file))
            return
        observation = Observation.from_json(await self._m.ledger.setting(OBSERVATION), self._m.pair)
        await self._keep("streamflow", await self._proposal(observation))

    async def _propose_again(self) -> None:
        """Give the fields that the source has got since the confirmation a row in the map that is void, once."""
        void = await self._m.ledger.setting(VOID)
        if not void or not void["fresh"]:
            return
        proposed = from_json((await self._m.ledger.setting(MAP_PROPOSED))["document"], self._m.pair)
        covered = {(one.source, row.source) for one, row in proposed.rows()}
        missing = [(kind, name) for kind, name in void["fresh"] if (kind, name) not in covered]
        if missing:
            await self._keep("streamflow", with_rows(proposed, await self._proposal(await observe(self._m)), missing))

    async def _proposal(self, observation: Observation) -> MapDocument:
        existing = await self._m.destination.schema.custom_fields()
        return propose(self._m.pair, Account(
            observation=observation,
            existing=[ExistingField(entity=each.entity, label=each.label, family=each.family) for each in existing],
            custom_field_limit=self._m.terms.limits.get("custom_fields"),
            settings=self._settings(),
        ))

    def _settings(self) -> dict[str, Any]:
        return {
            "zone": self._m.terms.timezone, "region": self._m.pair.defaults["region"], "unqualified": self._m.terms.unqualified,
            **dict(self._m.terms.unqualified_rule),
        }

    async def _keep(self, actor: str, document: MapDocument) -> str:
        name = digest(document)
        await self._m.decide(
            actor, "map.proposed", PutSetting(name=MAP_PROPOSED, value={"digest": name, "document": to_json(document)}), note=name,
        )
        return name

    async def edit(self, actor: str, data: object) -> str:
        """Take an edited document, also as `map show --json` gives it. Raises Faults with every fault in it."""
        observation = Observation.from_json(await self._m.ledger.setting(OBSERVATION), self._m.pair)
        document, faults = read(data, self._m.pair, observation.schema(), await self._existing())
        if faults:
            raise Faults("the map", faults, hint="correct the file; `map show --json` gives the present one")
        return await self._keep(actor, document)

    async def _existing(self) -> dict[str, dict[str, str]]:
        """
        Give entity -> label -> family of the custom fields that are there.

        One that we defined counts as what it was defined for: a destination without numbers holds them as text.
        """
        found: dict[str, dict[str, str]] = {}
        for each in (await self._m.destination.schema.reference()).custom_fields:
            found.setdefault(each.entity, {})[each.label] = each.family
        for row in await self._m.ledger.setting(FIELDS_DEFINED) or []:
            if row["label"] in found.get(row["entity"], {}):
                found[row["entity"]][row["label"]] = row["family"]
        return found

    async def confirm(self, actor: str, name: str) -> str:
        """Confirm the proposal of this digest; answers "confirmed" or "already_confirmed". Raises UsageError on any other digest."""
        if self._m.phase.state in CLOSED:
            raise UsageError(
                f"the map cannot change in {self._m.phase.state}", hint="a cutover under way can be cancelled (`cutover cancel`) first"
            )
        proposed = await self._m.ledger.setting(MAP_PROPOSED)
        if proposed is None:
            raise UsageError("there is no map proposal yet", hint="the probe has to finish first; see `status`")
        if name != proposed["digest"]:
            raise UsageError(
                f"the digest does not name the present proposal {proposed['digest'][:12]}",
                hint="read the map again (`map show`) and confirm what you read",
            )
        confirmed = await self._m.ledger.setting(MAP_CONFIRMED)
        if confirmed and confirmed["digest"] == name:
            return "already_confirmed"
        void = await self._m.ledger.setting(VOID)
        changes: list[Any] = [
            PutSetting(name=MAP_CONFIRMED, value={**proposed, "by": actor}), PutSetting(name=VOID, value=None),
            PutSetting(name=AGREED, value=await self._m.ledger.setting(SEEN)),
        ]
        if confirmed or (void and void["digest"] != name):
            # A new version: every record is derived anew from what is staged, nothing is read again. What was undone stays away.
            changes += [Reopen(kind=each, but=UNDONE) for each in self._m.pair.written]
        await self._m.decide(actor, "gate.map.confirmed", *changes, note=name)
        return "confirmed"
