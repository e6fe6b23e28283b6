"""The envelope of every answer: meta, links, the plural array, side arrays (nutshell.md 1.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamflow.sandbox.nutshell.ids import kind_of
from streamflow.sandbox.nutshell.site import Site

_RELATION_KINDS = {
    "creator": "creators", "owner": "owners", "origin": "origins", "accountType": "accountTypes",
    "industry": "industries", "territory": "territories", "stage": "stages", "stageset": "stagesets",
    "outcome": "outcomes", "activityType": "activityTypes", "tags": "tags", "sources": "sources",
}  # fmt: skip
_TEMPLATE_KINDS = {
    "accounts": ("creator", "owner", "territory", "tags", "origin", "mergedWith", "files", "contacts", "accountType",
                 "industry"),
    "contacts": ("accounts", "creator", "owner", "territory", "tags", "origin", "mergedWith", "files", "emAudiences"),
    "leads": ("accounts", "contacts", "creator", "owner", "tags", "sources", "stage", "stageset", "outcome", "products",
              "productMaps", "competitors", "watchers", "market"),
}  # fmt: skip
_LINK_TYPES = {"creator": "users", "owner": "users", "origin": "origins", "accountType": "accountTypes",
               "industry": "industries", "territory": "territories", "stage": "stages", "stageset": "stagesets",
               "outcome": "outcomes", "market": "markets", "watchers": "users"}  # fmt: skip


def link_templates(plural: str) -> dict[str, Any]:
    """Return the top-level `links`: URL templates keyed `entity.relation`."""
    found: dict[str, Any] = {}
    for relation in _TEMPLATE_KINDS.get(plural, ()):
        kind = _LINK_TYPES.get(relation, relation)
        href = f"https://app.nutshell.com/rest/{kind.lower()}/{{{plural}.{relation}}}"
        found[f"{plural}.{relation}"] = {"href": href, "type": kind}
    return found


def envelope(
    site: Site, plural: str, rows: list[dict[str, Any]], *, meta: dict[str, Any] | None = None, sides: bool = False
) -> dict[str, Any]:
    """Wrap wire rows; with `sides`, add the companion arrays their links point at."""
    body: dict[str, Any] = {"meta": {**site.meta(), **(meta or {})}, "links": link_templates(plural), plural: rows}
    if sides:
        for name, array in companions(site, rows).items():
            body.setdefault(name, array)
    return body


def companions(site: Site, rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the reference rows (users, origins, types, tags …) the rows link to, by side-array name."""
    wanted: dict[str, dict[str, None]] = {}
    for row in rows:
        for relation, value in (row.get("links") or {}).items():
            side = _RELATION_KINDS.get(relation)
            if side and value:
                wanted.setdefault(side, {}).update(dict.fromkeys([value] if isinstance(value, str) else value))
    found: dict[str, list[dict[str, Any]]] = {}
    for side, ids in wanted.items():
        records = (site.state.table(kind_of(i)).get(i) for i in ids)
        stubs = [{"id": r["id"], "type": r["type"], "name": r.get("name")} for r in records if r]
        if stubs:
            found[side] = stubs
    return found


def counts(shown: int, total: int) -> dict[str, Any]:
    """Return the counting part of a list's `meta`."""
    return {
        "count": shown, "total": total, "countFormatted": f"{shown:,}", "totalFormatted": f"{total:,}", "facets": {},
    }  # fmt: skip
