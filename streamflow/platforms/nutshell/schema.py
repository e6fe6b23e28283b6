"""Reference data, permissions and custom-field definitions (nutshell.md 5.1, 6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from streamflow.clock import Clock
from streamflow.errors import AccessRefused, NotFound, NotPermitted, PlanLimit, ProtocolMismatch, RecordRejected, StreamflowError
from streamflow.model import DestId, Kind
from streamflow.platforms.destination import FieldSpec, Reference
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.definitions import definition_body, label_of, mismatch, spec_of, type_names
from streamflow.platforms.nutshell.dialect.envelope import made_id, rows
from streamflow.platforms.nutshell.dialect.ids import full_id
from streamflow.platforms.nutshell.dialect.records import many, one
from streamflow.platforms.nutshell.flags import ENTITIES
from streamflow.platforms.nutshell.labels import Labels
from streamflow.platforms.nutshell.listing import Listings
from streamflow.platforms.nutshell.people import Directory, email_of
from streamflow.wire.spread import spread

SHOW_WAITS_S = (0.0, 1.0, 2.0, 4.0)     # how long a new definition may take to be listed
NEEDED = ("canDeleteEntities", "canAssignEntities", "canAccessSetup")
_TABLES = {
    "activitytypes": "activityTypes", "sources": "sources", "tags": "tags", "stagesets": "stagesets", "stages": "stages",
    "outcomes": "outcomes",
}  # fmt: skip
_TAG_TYPES = {"1": "leads", "2": "contacts", "3": "accounts"}


class NutshellSchema:
    """The schema door."""

    def __init__(self, calls: Calls, listings: Listings, labels: Labels, directory: Directory, clock: Clock) -> None:
        self._calls = calls
        self._listings = listings
        self._labels = labels
        self._directory = directory
        self._clock = clock

    async def check(self) -> Mapping[str, Any]:
        """
        Sign in, look at the user's permissions and at what the account offers; writes nothing.

        Gives "user" (id), "is_admin", "permissions", "rpc_methods" (number, 0 when unknown), "instance", "lacking" and "warnings": texts of
        what the user surely cannot do, and of what may turn out so.
        """
        await self._directory.users(fresh=True)
        me = await self._directory.myself()
        lacking: list[str] = []
        warnings: list[str] = []
        held = me.get("permissions") if me else None
        permissions: dict[str, Any] = held if isinstance(held, dict) else {}
        if me is None:
            warnings.append("the user name is not the address of a user; permissions cannot be seen")
        elif me.get("isEnabled") is False:
            lacking.append("the user is switched off")
        elif not me.get("isAdministrator"):
            warnings.append("the user is no administrator; custom fields may not be creatable")
        lacking.extend(f"the user lacks the permission {name}" for name in NEEDED if permissions.get(name) is False)
        methods = await self._methods(warnings)
        instance = await self._instance() if methods else {}
        return {
            "user": str(me["id"]) if me else "", "is_admin": bool(me and me.get("isAdministrator")), "permissions": dict(permissions),
            "rpc_methods": len(methods), "instance": instance, "lacking": tuple(lacking), "warnings": tuple(warnings),
        }  # fmt: skip

    async def _methods(self, warnings: list[str]) -> tuple[str, ...]:
        try:
            methods = await self._calls.service_description()
        except (NotFound, RecordRejected, AccessRefused, ProtocolMismatch):
            warnings.append("JSON-RPC describes no methods; activities may not be deletable and read-back is slower")
            return ()
        self._calls.adopt({"rpc_methods": methods})
        return methods

    async def _instance(self) -> dict[str, Any]:
        try:
            data = await self._calls.ask("instanceData", {})
        except (NotFound, RecordRejected, AccessRefused, ProtocolMismatch):
            return {}
        return {name: data[name] for name in ("id", "name", "currency", "plan") if name in data} if isinstance(data, dict) else {}

    # --- reference

    async def reference(self) -> Reference:
        """
        Read all reference data anew; names in lower case. Tags are found by name and by "contacts/name".

        An outcome is found by its name; "won", "lost" and "cancelled" find the first of that status where none has the name.
        """
        users = await self._directory.users(fresh=True)
        tables = dict(zip(_TABLES, await spread(self._table, list(_TABLES)), strict=True))
        return Reference(
            users=tuple(_user(row) for row in users),
            activity_types=_by_name(tables["activitytypes"]), sources=_by_name(tables["sources"]), tags=_tags(tables["tags"]),
            stagesets=_by_name([row for row in tables["stagesets"] if row.get("status") in (None, 1, "1")]),
            stages=_stages(tables["stages"]), first_stages=_first_stages(tables["stagesets"], tables["stages"]),
            outcomes=_outcomes(tables["outcomes"]), teams=await self._teams(),
            custom_fields=await self.custom_fields(), plan=await self._plan(tables["stagesets"]),
        )  # fmt: skip

    async def _table(self, path: str) -> list[dict[str, Any]]:
        return await self._listings.rows(path, _TABLES[path])

    async def _teams(self) -> dict[str, DestId]:
        """Teams are listed by JSON-RPC only (6), and not on every plan."""
        if not self._calls.flags.has_rpc("findTeams"):
            return {}
        try:
            found = rows(await self._calls.ask("findTeams", {"query": {}}), "teams")
        except (NotFound, RecordRejected, AccessRefused, PlanLimit, ProtocolMismatch):
            return {}
        return {str(row.get("name")).strip().lower(): i for row in found if (i := full_id(row.get("id"), "teams"))}

    async def _plan(self, stagesets: list[dict[str, Any]]) -> dict[str, Any]:
        """What of the plan shows: pipelines it does not open. Caps are not told by the API (9)."""
        return {**await self._instance(), "closed_pipelines": tuple(str(s.get("name")) for s in stagesets if s.get("canAccess") is False)}

    # --- custom fields

    async def custom_fields(self, entities: Collection[Kind] | None = None) -> tuple[FieldSpec, ...]:
        """Give the definitions of accounts, contacts and leads, or of those of them that are asked for: a call each."""
        asked = [entity for entity in ENTITIES if entities is None or entity in entities]
        listed = await spread(self._labels.listed, asked)
        return tuple(spec_of(entity, row) for entity, found in zip(asked, listed, strict=True) for row in found)

    async def _existing(self, spec: FieldSpec) -> FieldSpec | None:
        same = [row for row in await self._labels.listed(spec.entity) if label_of(row).casefold() == spec.label.casefold()]
        exact = [row for row in same if label_of(row) == spec.label]
        return spec_of(spec.entity, (exact or same)[0]) if same else None

    async def define(self, spec: FieldSpec) -> None:
        """
        Create a custom field and see it listed; one that serves already is left as it is.

        Type names are tried in the order of flag cf_type_map; the one that worked is remembered there. Raises RecordRejected for a
        field of another family or lacking choices, PlanLimit at the plan's cap, Uncertain when a create went unanswered (call again:
        an existing field is found first).
        """
        held = await self._existing(spec)
        if held is not None:
            self._judge(spec, held)
            return
        refusal: StreamflowError | None = None
        for type_name in type_names(spec, self._calls.flags):
            try:
                await self._calls.send("POST", f"{spec.entity}/customfield", definition_body(spec, type_name))
            except RecordRejected as error:
                refusal = error
                continue
            except NotPermitted as error:
                me = await self._directory.myself()
                if me is None or not me.get("isAdministrator"):
                    raise
                # An administrator may always make fields: a 403 is what a full plan may answer (nutshell.md 1.7).
                raise PlanLimit(error.message, platform="nutshell", hint="are the plan's custom fields used up?") from error
            if await self._shows(spec):
                self._learn(spec, type_name)
                return
        raise refusal or RecordRejected(
            f"the custom field was accepted and is not listed ({spec.entity}, {spec.family})", field=spec.label, platform="nutshell"
        )

    def _judge(self, spec: FieldSpec, held: FieldSpec) -> None:
        why = mismatch(spec, held) if held.label == spec.label else f"it exists as “{held.label}”, and names are taken literally"
        if why:
            hint = "rename or remove it, or add the choices, in the web app; or map to another name"
            what = f"the custom field does not serve ({spec.entity}): {why}"
            raise RecordRejected(what, field=spec.label, hint=hint, platform="nutshell")

    async def _shows(self, spec: FieldSpec) -> bool:
        for wait_s in SHOW_WAITS_S:
            await self._clock.sleep(wait_s)
            if await self._existing(spec) is not None:
                return True
        return False

    def _learn(self, spec: FieldSpec, type_name: str) -> None:
        known = self._calls.flags.cf_type_map
        rest = tuple(name for name in type_names(spec, self._calls.flags) if name != type_name)
        families = {**known.get(spec.entity, {}), spec.family: (type_name, *rest)}
        self._calls.adopt({"cf_type_map": {**known, spec.entity: families}})

    # --- sources

    async def sources(self) -> Mapping[DestId, str]:
        """Give the name of each lead source there is now."""
        return {str(row["id"]): str(row.get("name") or "") for row in await self._table("sources") if row.get("id")}

    async def source(self, name: str) -> DestId:
        """Find or create a lead source; JSON-RPC newSource does both and may be repeated (8)."""
        if self._calls.flags.has_rpc("newSource"):
            try:
                made = await self._calls.ask("newSource", {"name": name})
                dest_id = full_id(made.get("id") if isinstance(made, dict) else made, "sources")
                if dest_id:
                    return dest_id
            except ProtocolMismatch:
                pass
        known = await self._named_source(name)
        if known is not None:
            return known
        try:
            made = made_id(await self._calls.send("POST", "sources", {"sources": [{"name": name, "channel": 0}]}), "sources")
        except RecordRejected:
            made = await self._named_source(name)   # a duplicate refusal means it is there
            if made is None:
                raise
        if made is None:
            raise ProtocolMismatch("a source was made and its id not told", platform="nutshell")
        return str(made)

    async def _named_source(self, name: str) -> DestId | None:
        found = await self._listings.rows("sources", "sources")
        return next((str(row["id"]) for row in found if str(row.get("name", "")).strip().lower() == name.strip().lower()), None)


def _user(row: dict[str, Any]) -> dict[str, Any]:
    links = row.get("links")
    return {
        "id": str(row["id"]), "name": str(row.get("name") or ""), "email": email_of(row), "enabled": row.get("isEnabled") is not False,
        "admin": bool(row.get("isAdministrator")), "teams": tuple(many(links.get("teams"))) if isinstance(links, dict) else (),
    }  # fmt: skip


def _by_name(found: list[dict[str, Any]]) -> dict[str, DestId]:
    return {str(row.get("name")).strip().lower(): str(row["id"]) for row in found if row.get("id") and row.get("name")}


def _tags(found: list[dict[str, Any]]) -> dict[str, DestId]:
    named = _by_name(found)
    for row in found:
        kind = _TAG_TYPES.get(str(row.get("tagType")), str(row.get("tagType") or ""))
        if row.get("id") and row.get("name"):
            named[f"{kind}/{str(row['name']).strip().lower()}"] = str(row["id"])
    return named


def _outcomes(table: list[dict[str, Any]]) -> dict[str, DestId]:
    by_status: dict[str, DestId] = {}
    for row in table:
        if (status := str(row.get("status") or "").strip().lower()) and row.get("id"):
            by_status.setdefault(status, str(row["id"]))
    return {**by_status, **_by_name(table)}


def _first_stages(stagesets: list[dict[str, Any]], stages: list[dict[str, Any]]) -> dict[DestId, DestId]:
    """Find where a lead is that was put into a pipeline, and, under "", one that was put into none (5): the default one's first stage."""
    found: dict[DestId, DestId] = {}
    for row in sorted(stages, key=lambda row: _place(row.get("position"))):
        links = row.get("links")
        stageset = one(links.get("stageset")) if isinstance(links, dict) else None
        if stageset and row.get("id"):
            found.setdefault(stageset, str(row["id"]))
    begin = next((found[str(row.get("id"))] for row in stagesets if row.get("default") is True and str(row.get("id")) in found), None)
    return {**found, "": begin} if begin else found


def _place(position: Any) -> float:
    return float(position) if isinstance(position, int | float) else float("inf")


def _stages(found: list[dict[str, Any]]) -> dict[str, DestId]:
    named: dict[str, DestId] = {}
    for row in found:
        links = row.get("links")
        stageset = one(links.get("stageset")) if isinstance(links, dict) else None
        if row.get("id") and row.get("name"):
            named[f"{stageset or ''}/{str(row['name']).strip().lower()}"] = str(row["id"])
    return named
