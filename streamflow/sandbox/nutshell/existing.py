"""What is in the account before a migration begins: users, pipelines, and records of the customer's own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.nutshell import activities, labels, leads, notes, peeps
from streamflow.sandbox.nutshell.customfields import add_definition
from streamflow.sandbox.nutshell.lead_actions import close
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record
from streamflow.sandbox.nutshell.values import parse_phone

_FIRST = ("Nia", "Omar", "Petra", "Quinn", "Rosa", "Sven", "Tara", "Uma", "Viktor", "Wanda", "Xavi", "Yara")
_LAST = ("Okafor", "Lindqvist", "Marsh", "Delgado", "Petrov", "Iyer", "Whitfield", "Nakamura", "Osei", "Brandt")
_FIRM = ("Blueberry", "Elm Street", "Harbor", "Pinewood", "Cobalt", "Redfern", "Juniper", "Lakeside")
_TRADE = ("Holdings", "Property Group", "Insurance", "Builders", "Dental", "Apartments")
_PERMISSIONS = (
    "canAccessSetup", "canAccessMarketing", "canBulkEdit", "canExport", "canViewSharedEmails", "canImport",
    "canMergeEntities", "canDeleteEntities", "canAssignEntities", "canAccessBilling", "canManageEmailTemplates",
    "canAccessCrm",
)  # fmt: skip
_ADMIN_ONLY = {"canAccessSetup", "canAccessBilling", "canImport", "canMergeEntities"}


def furnish(site: Site) -> None:
    """Fill an empty site from its settings; leaves no events behind and is in the index at once."""
    state = site.state
    state.seeding, state.backdate_s = True, 90 * 86_400
    state.insert("origins", {"id": "1-origins", "name": "Nutshell", "originType": "system"}, None)
    for user in site.config["users"]:
        add_user(site, user)
    _reference(site, site.config["reference"])
    for entity, fields in site.config["custom_fields"].items():
        for field in fields:
            add_definition(site, entity, field)
    _random_records(site)
    _planted_records(site, site.config["existing"].get("records") or {})
    state.seeding, state.backdate_s = False, 0


def add_user(site: Site, values: Mapping[str, Any]) -> Record:
    """Add a user as an administrator would in the web app."""
    admin = bool(values.get("admin"))
    permissions = {p: admin or p not in _ADMIN_ONLY for p in _PERMISSIONS}
    permissions.update(values.get("permissions") or {})
    return site.state.insert(
        "users",
        {
            "name": values["name"],
            "firstName": str(values["name"]).split(" ")[0],
            "emails": [values["email"]],
            "isEnabled": bool(values.get("enabled", True)),
            "isAdministrator": admin,
            "hasSetPassword": True,
            "isViewingRestricted": False,
            "isHiddenFromFilters": False,
            "canAccessEmailMarketing": admin,
            "permissions": permissions,
            "links": {"teams": list(values.get("teams") or [])},
        },
        None,
    )


def add_stageset(site: Site, values: Mapping[str, Any]) -> Record:
    """Add a pipeline with its stages, in order."""
    stageset = site.state.insert(
        "stagesets",
        {
            "name": values["name"],
            "default": bool(values.get("default")),
            "canAccess": bool(values.get("canAccess", True)),
            "status": int(values.get("status", 1)),
            "links": {"stages": []},
        }
        | ({"id": "1-stagesets"} if not site.state.table("stagesets") else {}),
        None,
    )
    for position, name in enumerate(values.get("stages") or ()):
        add_stage(site, {"name": name, "stageset": stageset["id"], "position": position})
    return site.state.table("stagesets")[stageset["id"]]


def add_stage(site: Site, values: Mapping[str, Any]) -> Record:
    """Add one stage at the end of a pipeline, or at `position`."""
    copy = site.state.edit("stagesets", values["stageset"])
    position = int(values.get("position", len(copy["links"]["stages"])))
    row = {"name": values["name"], "description": None, "position": position, "links": {"stageset": copy["id"]}}
    stage = site.state.insert("stages", row, None)
    copy["links"]["stages"].append(stage["id"])
    site.state.save(copy, None)
    return stage


def add_named(site: Site, kind: str, values: Any) -> Record:
    """Add a reference row that is a name and perhaps a few plain values."""
    row = dict(values) if isinstance(values, Mapping) else {"name": values}
    if not site.state.table(kind) and kind in ("accountTypes", "markets", "activityTypes", "outcomes"):
        row["id"] = f"1-{kind}"
    if kind == "activityTypes":
        row.setdefault("isBenchmarkable", True)
    if kind == "markets":
        currency = site.instance["currency"]
        row.update(currency=currency, currencySymbol="$", isDefault=not site.state.table("markets"))
    if kind == "products":
        price = {"amount": row["price"], "currency": site.instance["currency"], "formatted": f"${row['price']}"}
        row.update(price=price, prices={"1-markets": price}, productType="product", description=row.get("description"))
    return site.state.insert(kind, row, None)


def _reference(site: Site, reference: Mapping[str, Any]) -> None:
    for stageset in reference["stagesets"]:
        add_stageset(site, stageset)
    plain = ("outcomes", "activityTypes", "accountTypes", "industries", "territories", "markets", "teams", "products",
             "competitors", "emAudiences")  # fmt: skip
    for kind in plain:
        for row in reference[kind]:
            add_named(site, kind, row)
    if site.switches["email_activity_type"]:
        add_named(site, "activityTypes", "Email")
    for source in reference["sources"]:
        labels.new_source(site, source["name"], source["channel"], None)
    for tag in reference["tags"]:
        labels.new_tag(site, tag, site.system)


def _random_records(site: Site) -> None:
    existing, dice = site.config["existing"], random.Random(site.config["seed"])
    users = [Actor(id=u["id"], user=u["id"]) for u in site.state.table("users").values() if u["isEnabled"]]
    firms = []
    for number in range(int(existing["accounts"])):
        name = f"{dice.choice(_FIRM)} {dice.choice(_TRADE)} {number + 1}"
        links = {"owner": dice.choice(users).id}
        firms.append(peeps.store(site, peeps.draft(site, "accounts", {"name": name, "links": links}, users[0]), users[0]))
    people = [_random_person(site, dice, users, firms, number) for number in range(int(existing["contacts"]))]
    for number in range(int(existing["leads"])) if people else ():
        actor, person = dice.choice(users), dice.choice(people)
        values = {"description": f"Own lead {number + 1}", "links": {"contacts": [person["id"]], "owner": actor.id}}
        lead = leads.new_lead(site, values, actor)
        notes.new_note(site, f"Own note {number + 1}: asked to call back.", lead["id"], actor)
        if number % 3 == 2:
            outcome = next(iter(site.state.table("outcomes").values()))
            close(site, site.state.edit("leads", lead["id"]), outcome, actor)


def _random_person(site: Site, dice: random.Random, users: list[Actor], firms: list[Record], number: int) -> Record:
    first, last, actor = dice.choice(_FIRST), dice.choice(_LAST), dice.choice(users)
    values = {
        "name": f"{first} {last}",
        "emails": [{"value": f"{first}.{last}.{number}@customers.test".lower(), "name": "work"}],
        "links": {"accounts": [dice.choice(firms)["id"]] if firms and dice.random() < 0.6 else [], "owner": actor.id},
    }
    record = peeps.draft(site, "contacts", values, actor)
    if dice.random() < 0.7:
        number_text = f"734555{dice.randint(0, 9999):04d}"
        record["phones"] = [
            {"isPrimary": True, "name": "mobile", "value": dict(parse_phone(number_text, site.instance["country"]))}
        ]
    return peeps.store(site, record, actor)


def _planted_records(site: Site, planted: Mapping[str, Any]) -> None:
    """Store explicit records in create form; `ref` names one so that later ones may link to it."""
    refs: dict[str, str] = {}
    for kind in ("accounts", "contacts", "leads", "notes", "activities", "tasks"):
        for row in planted.get(kind, ()):
            values = {k: _resolved(v, refs) for k, v in row.items() if k not in ("ref", "as")}
            user = site.user_by_email(row.get("as", "")) or next(iter(site.state.table("users").values()))
            made = make(site, kind, values, Actor(id=user["id"], user=user["id"]))
            if row.get("ref"):
                refs[row["ref"]] = made["id"]


def _resolved(value: Any, refs: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return refs.get(value, value)
    if isinstance(value, dict):
        return {k: _resolved(v, refs) for k, v in value.items()}
    return [_resolved(v, refs) for v in value] if isinstance(value, list) else value


def make(site: Site, kind: str, values: dict[str, Any], actor: Actor) -> Record:
    """Create any record from the values a REST create takes (a note: body, parent)."""
    match kind:
        case "accounts" | "contacts":
            return peeps.store(site, peeps.draft(site, kind, values, actor), actor)
        case "leads":
            return leads.new_lead(site, values, actor)
        case "notes":
            return notes.new_note(site, values.get("body"), values.get("parent"), actor)
        case "activities":
            return activities.new_activity(site, values, actor)
        case "tasks":
            return notes.new_task(site, values, actor)
        case "tags":
            return labels.new_tag(site, values, actor)
        case _:
            raise ValueError(f"cannot create {kind}")
