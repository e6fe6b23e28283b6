"""What all record kinds share: lists, GET by id and by several ids, soft delete, undelete (nutshell.md 1.4, 1.9, 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from streamflow.sandbox.lying import cut
from streamflow.sandbox.nutshell.envelope import counts, envelope
from streamflow.sandbox.nutshell.errors import Refusal, invalid, not_found
from streamflow.sandbox.nutshell.filters import activity_extra, keep_created_days, select
from streamflow.sandbox.nutshell.ids import full_id, number_of
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Endpoint, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record

UNDELETE_DAYS = 30
_INTEGER = re.compile(r"^-?\d+$")


def listing(kind: str) -> Endpoint:
    """Return GET /{kind}: one page, with `count` and the full `total` even past the end."""

    def endpoint(site: Site, call: Call) -> Reply:
        page, size = page_of(site, call)
        ids = select(site, kind, call.query)
        if kind in ("activities", "tasks"):
            docs = site.state.index.docs(kind)
            narrow = activity_extra if kind == "activities" else lambda _, rows, query: keep_created_days(rows, query)
            if any(k.startswith("filter[") for k in call.query):
                ids = [r["id"] for r in narrow(site, [docs[i] for i in ids], call.query)]
        docs = site.state.index.docs(kind)
        start, size = cut(page * size, size, lambda: len(ids))
        rows = [render(site, docs[i]) for i in ids[start : start + size]]
        meta = counts(len(rows), len(ids))
        if kind == "notes":
            meta["next"] = f"{call.origin}/rest/notes?page[limit]={size}&page[page]={page + 1}"
        return Reply(body=envelope(site, kind, rows, meta=meta, sides=True))

    return endpoint


def page_of(site: Site, call: Call) -> tuple[int, int]:
    """Return (page, size) from page[page] (0-based) and page[limit]; activities also take `limit`."""
    page = _integer(call.query.get("page[page]", "0"), "page number")
    size_text = call.query.get("page[limit]") or call.query.get("limit") or str(site.switches["default_page_size"])
    size = _integer(size_text, "page limit")
    if page < 0:
        raise invalid("Invalid filter", detail=f"Invalid page number: {page}")
    if size < 1 or size > site.switches["max_page_size"]:
        raise invalid("Invalid filter", detail=f"Invalid page limit: {size}")
    return page, size


def _integer(text: str, what: str) -> int:
    if not _INTEGER.match(text):
        raise invalid("Invalid filter", detail=f"Invalid {what}: {text}")
    return int(text)


def getting(kind: str) -> Endpoint:
    """Return GET /{kind}/{id[,id…]}; several ids come back in the order of their integers."""

    def endpoint(site: Site, call: Call) -> Reply:
        asked = [full_id(part, kind) for part in call.params["id"].split(",")]
        if len(asked) > site.switches["multi_get_max"]:
            raise invalid("Too many ids", detail=f"At most {site.switches['multi_get_max']} ids per request.")
        found = {r["id"]: r for r in (_readable(site, kind, rid) for rid in asked) if r is not None}
        missing = len(set(asked)) > len(found)
        if missing and (len(asked) == 1 or site.switches["multi_get_missing"] == "404" or not found):
            raise not_found()
        rows = [render(site, found[i]) for i in sorted(found, key=number_of)]
        return Reply(body=envelope(site, kind, rows, sides=True))

    return endpoint


def _readable(site: Site, kind: str, rid: str | None) -> Record | None:
    record = site.state.get(kind, rid) if rid else None
    if record is not None and record.get("deletedTime") and site.switches["deleted_get"] != "record":
        return None
    return record


def deleting(kind: str, *, many: bool = False) -> Endpoint:
    """Return DELETE /{kind}/{id}: soft; 200 with the record. `many` takes a comma list."""

    def endpoint(site: Site, call: Call) -> Reply:
        parts = call.params["id"].split(",")
        if len(parts) > 1 and not (many or site.switches["multi_delete"]):
            raise not_found()
        require_permission(site, call.actor, "canDeleteEntities")
        records = [site.state.live(kind, part) for part in parts]
        if not all(records):
            raise not_found()
        gone = [soft_delete(site, r, call.actor) for r in records if r]
        return Reply(body=envelope(site, kind, [render(site, r) for r in gone]))

    return endpoint


def require_permission(site: Site, actor: Actor, name: str) -> None:
    """Refuse with 403 when the logged-in user lacks a permission (switch enforce_permissions)."""
    user = site.state.get("users", actor.user)
    if site.switches["enforce_permissions"] and user and not user["permissions"].get(name, True):
        raise Refusal(403, "Forbidden")


def soft_delete(site: Site, record: Record, actor: Actor) -> Record:
    """Set deletedTime, take the record out of lists and log the deletion."""
    copy = site.state.edit(record["type"], record["id"])
    copy["deletedTime"] = site.state.now()
    return site.state.save(copy, actor, action="delete")


def undeleting(kind: str) -> Endpoint:
    """Return POST /{kind}/{id}/undelete: within 30 days, without tags and company links."""

    def endpoint(site: Site, call: Call) -> Reply:
        record = site.state.get(kind, call.params["id"])
        if record is None:
            raise not_found()
        if record.get("deletedTime"):
            if site.state.now() - record["deletedTime"] > UNDELETE_DAYS * 86_400:
                raise not_found()
            record = undelete(site, record, call.actor)
        return Reply(body=envelope(site, kind, [render(site, record)]))

    return endpoint


def undelete(site: Site, record: Record, actor: Actor) -> Record:
    """Bring a record back and lose what restoring loses: tags, companies, people."""
    kind, rid = record["type"], record["id"]
    copy = site.state.edit(kind, rid)
    copy["deletedTime"] = None
    if kind in ("accounts", "contacts", "leads"):
        for name in ("tags", "accounts", "contacts", "emAudiences"):
            if copy["links"].get(name):
                copy["links"][name] = []
        if kind == "accounts":
            _forget_account(site, rid)
    return site.state.save(copy, actor, action="undelete")


def _forget_account(site: Site, rid: str) -> None:
    for kind in ("contacts", "leads"):
        for linked in list(site.state.linked_to(rid, kind)):
            copy = site.state.edit(kind, linked["id"])
            copy["links"]["accounts"] = [a for a in copy["links"]["accounts"] if a != rid]
            site.state.save(copy, site.system, event=False)


def create_each(
    plural: str, make: Callable[[Site, Call, dict[str, Any]], Record], *, status: int, one_only: bool = True
) -> Endpoint:
    """Return POST /{plural}: makes the one record of the array (switch batch_create_max raises the number)."""

    def endpoint(site: Site, call: Call) -> Reply:
        items = call.items_of(plural, int(site.switches["batch_create_max"]) if one_only else 1)
        made = [make(site, call, item) for item in items]
        return Reply(status=status, body=envelope(site, plural, [render(site, r) for r in made], sides=True))

    return endpoint
