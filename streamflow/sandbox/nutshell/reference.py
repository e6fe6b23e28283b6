"""Reference tables read by REST, and the odd rows of the contract (nutshell.md 6, 4.4)."""

from __future__ import annotations

from streamflow.sandbox.nutshell.envelope import envelope
from streamflow.sandbox.nutshell.errors import WrongMedia, invalid, not_found
from streamflow.sandbox.nutshell.filters import select
from streamflow.sandbox.nutshell.patch import PATCH_MEDIA, parse
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Endpoint, Reply, Site


def table(kind: str, plural: str | None = None) -> Endpoint:
    """Return GET of a whole table, in the order the rows were made."""

    def endpoint(site: Site, call: Call) -> Reply:
        rows = [render(site, r) for r in site.state.table(kind).values() if not r.get("deletedTime")]
        return Reply(body=envelope(site, plural or kind, rows))

    return endpoint


def row(kind: str) -> Endpoint:
    """Return GET of one row of a reference table."""

    def endpoint(site: Site, call: Call) -> Reply:
        record = site.state.get(kind, call.params["id"])
        if record is None:
            raise not_found()
        return Reply(body=envelope(site, kind, [render(site, record)]))

    return endpoint


def list_teams(site: Site, call: Call) -> Reply:
    """GET /teams: 404 unless switch teams_rest."""
    if not site.switches["teams_rest"]:
        raise not_found()
    return table("teams")(site, call)


def list_products(site: Site, call: Call) -> Reply:
    """GET /products?q=&sort=sku."""
    rows = [r for r in site.state.table("products").values() if not r.get("deletedTime")]
    text = (call.query.get("q") or "").lower()
    rows = [r for r in rows if not text or text in f"{r['name']} {r.get('sku')}".lower()]
    field = (call.query.get("sort") or "name").removeprefix("-")
    rows.sort(key=lambda r: str(r.get(field) or ""), reverse=(call.query.get("sort") or "").startswith("-"))
    return Reply(body=envelope(site, "products", [render(site, r) for r in rows]))


def patch_product_map(site: Site, call: Call) -> Reply:
    """PATCH /productmaps/{id}: quantity and price; moves the lead's value."""
    if call.content_type != PATCH_MEDIA:
        raise WrongMedia
    record = site.state.live("productMaps", call.params["id"])
    if record is None:
        raise not_found()
    copy = site.state.edit("productMaps", record["id"])
    for operation in parse(call.body(), "productMaps"):
        if operation.op != "replace" or operation.path not in (("quantity",), ("price",)):
            raise invalid("Invalid path", detail="Only quantity and price can be changed.", field="path")
        try:
            number = float(operation.value)
        except (TypeError, ValueError):
            raise invalid("Invalid number", field=operation.path[0]) from None
        copy[operation.path[0]] = f"{number:.2f}" if operation.path == ("price",) else number
    site.state.save(copy, None)
    return Reply(status=204)


def delete_product_map(site: Site, call: Call) -> Reply:
    """DELETE /productMaps/{id}: takes the line off its lead."""
    record = site.state.live("productMaps", call.params["id"])
    if record is None:
        raise not_found()
    lead = site.state.edit("leads", record["links"]["lead"])
    lead["links"]["productMaps"] = [m for m in lead["links"].get("productMaps") or () if m != record["id"]]
    lead["links"]["products"] = [p for p in lead["links"].get("products") or () if p != record["links"]["product"]]
    site.state.drop("productMaps", record["id"])
    site.state.save(lead, call.actor)
    return Reply(status=204)


def list_items(kind: str) -> Endpoint:
    """Return GET /{kind}/list: list-item views with a `fields` array, which show legacyId."""

    def endpoint(site: Site, call: Call) -> Reply:
        docs = site.state.index.docs(kind)
        items = []
        for rid in select(site, kind, call.query)[:500]:
            shown = render(site, docs[rid])
            fields = [{"name": "name", "value": shown["name"]}, {"name": "legacyId", "value": shown.get("legacyId")}]
            item = {"id": rid, "type": kind, "primaryName": shown["name"], "isDeleted": False, "fields": fields}
            items.append({**item, "htmlUrl": shown["htmlUrl"], "htmlUrlPath": shown["htmlUrlPath"]})
        meta = {"count": len(items), "total": len(docs), "facets": {}}
        return Reply(body=envelope(site, "listItems", items, meta=meta))

    return endpoint


def get_email(site: Site, call: Call) -> Reply:
    """GET /emails/{id}; nothing in REST creates one."""
    return row("emails")(site, call)


def empty(plural: str) -> Endpoint:
    """Return GET of a table this account never fills."""
    return lambda site, _: Reply(body=envelope(site, plural, []))
