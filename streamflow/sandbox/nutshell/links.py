"""Relations between records: which may be written, and how (nutshell.md 1.11, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.ids import kind_of
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record

TAG_TYPES = {"1": "leads", "2": "contacts", "3": "accounts"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A writable relation: the type it points at, and whether it holds many."""

    kind: str
    many: bool


WRITABLE: dict[str, dict[str, Relation]] = {
    "accounts": {
        "owner": Relation("users", False),
        "industry": Relation("industries", False),
        "accountType": Relation("accountTypes", False),
        "territory": Relation("territories", False),
        "tags": Relation("tags", True),
        "contacts": Relation("contacts", True),
    },
    "contacts": {
        "owner": Relation("users", False),
        "territory": Relation("territories", False),
        "accounts": Relation("accounts", True),
        "tags": Relation("tags", True),
        "emAudiences": Relation("emAudiences", True),
    },
    "leads": {
        "owner": Relation("users", False),
        "accounts": Relation("accounts", True),
        "contacts": Relation("contacts", True),
        "sources": Relation("sources", True),
        "tags": Relation("tags", True),
    },
    "tasks": {"assignee": Relation("users", False)},
}


def resolve(site: Site, record_kind: str, name: str, relation: Relation, value: Any) -> str:
    """Return the full id `value` names; a 400 when it names nothing that may stand there."""
    if relation.kind == "users" and name == "owner" and kind_of(str(value)) == "teams" and site.switches["team_owner"]:
        team = site.state.live("teams", value)
        if team:
            return str(team["id"])
    target = site.state.live(relation.kind, value)
    if target is None:
        raise invalid("Invalid link", detail=f"{name} does not name a record of type {relation.kind}.", field=name)
    if relation.kind == "tags" and TAG_TYPES.get(target["tagType"]) != record_kind:
        raise invalid("Invalid link", detail="The tag belongs to another type of record.", field=name)
    return str(target["id"])


def replace_link(site: Site, record: Record, name: str, value: Any, actor: Actor) -> None:
    """Set a whole relation on an edited copy: an id (or null), or a list of ids."""
    relation = _relation(record, name)
    if not relation.many:
        held = None if value in (None, "") else resolve(site, record["type"], name, relation, value)
        record["links"] = {**record["links"], name: held}
        return
    values = value if isinstance(value, list) else [] if value is None else [value]
    ids = list(dict.fromkeys(resolve(site, record["type"], name, relation, v) for v in values))
    _set_many(site, record, name, ids, actor)


def add_link(site: Site, record: Record, name: str, value: Any, actor: Actor) -> None:
    """Add one id to a many-valued relation; adding it twice changes nothing."""
    relation = _relation(record, name)
    if not relation.many:
        raise invalid("Invalid path", detail=f"{name} holds one record; use replace.", field=name)
    rid = resolve(site, record["type"], name, relation, value)
    held = current(site, record, name)
    if rid not in held:
        _set_many(site, record, name, [*held, rid], actor)


def remove_link(site: Site, record: Record, name: str, rid: str, actor: Actor) -> None:
    """Take one id out of a relation; taking out what is not there changes nothing."""
    relation = _relation(record, name)
    full = rid if "-" in rid else f"{rid}-{relation.kind}"
    if not relation.many:
        if record["links"].get(name) == full:
            record["links"] = {**record["links"], name: None}
        return
    _set_many(site, record, name, [x for x in current(site, record, name) if x != full], actor)


def current(site: Site, record: Record, name: str) -> list[str]:
    """Return the ids a many-valued relation holds now."""
    if record["type"] == "accounts" and name == "contacts":
        return [c["id"] for c in site.state.linked_to(record["id"], "contacts")]
    return list(record["links"].get(name) or [])


def _relation(record: Record, name: str) -> Relation:
    relation = WRITABLE.get(record["type"], {}).get(name)
    if relation is None:
        raise invalid("Invalid path", detail=f"{name} cannot be written.", field=name)
    return relation


def _set_many(site: Site, record: Record, name: str, ids: list[str], actor: Actor) -> None:
    if record["type"] == "accounts" and name == "contacts":
        _set_contacts_of(site, record["id"], ids, actor)
    else:
        record["links"] = {**record["links"], name: ids}


def _set_contacts_of(site: Site, account: str, ids: list[str], actor: Actor) -> None:
    """Company → people is held on the person's side."""
    before = {c["id"] for c in site.state.linked_to(account, "contacts")}
    for rid in before.symmetric_difference(ids):
        contact = site.state.edit("contacts", rid)
        held = [a for a in contact["links"].get("accounts") or [] if a != account]
        contact["links"]["accounts"] = held if rid in before else [*held, account]
        site.state.save(contact, actor)


def create_links(site: Site, record: Record, links: Any, actor: Actor, skip: tuple[str, ...] = ()) -> None:
    """Honour the writable relations of a create's `links`; others are ignored (switch create_links_ignored adds)."""
    if links is None:
        return
    if not isinstance(links, dict):
        raise invalid("links must be an object.", field="links")
    for name, value in links.items():
        if name in skip or name in site.switches["create_links_ignored"]:
            continue
        if name in WRITABLE[record["type"]]:
            replace_link(site, record, name, value, actor)
