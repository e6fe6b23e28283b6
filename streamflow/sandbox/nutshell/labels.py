"""Reference rows the API may make: tags, sources, audiences, product categories (nutshell.md 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamflow.sandbox.nutshell.envelope import envelope
from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.links import TAG_TYPES
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Endpoint, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record

CHANNELS = ("None", "Organic search", "Paid search", "Organic social", "Paid social", "Email", "Referrer",
            "Traditional", "Direct")  # fmt: skip


def named(site: Site, kind: str, name: str, **same: Any) -> Record | None:
    """Return the live row of this name, whatever its case."""
    for row in site.state.table(kind).values():
        if row["name"].lower() == name.lower() and not row.get("deletedTime"):
            if all(row.get(k) == v for k, v in same.items()):
                return row
    return None


def _name(values: dict[str, Any]) -> str:
    name = values.get("name")
    if not isinstance(name, str) or not name.strip():
        raise invalid("A name is required.", field="name")
    return name.strip()


def make_tag(site: Site, call: Call, values: dict[str, Any]) -> Record:
    """Create one tag of one entity type, and hang it on every record of `links.entities` in the same call."""
    return new_tag(site, values, call.actor)


def new_tag(site: Site, values: dict[str, Any], actor: Actor) -> Record:
    """Check and store a tag; a name used by another tag of that type is refused."""
    name, tag_type = _name(values), str(values.get("tagType", ""))
    if tag_type not in TAG_TYPES:
        raise invalid("Invalid tagType", detail="1 leads, 2 contacts, 3 accounts.", field="tagType")
    color = str(values.get("colorType", "1"))
    if not color.isdigit() or not 1 <= int(color) <= 14:
        raise invalid("Invalid colorType", field="colorType")
    if named(site, "tags", name, tagType=tag_type):
        raise invalid("A tag with this name already exists.", field="name")
    entities = (values.get("links") or {}).get("entities") or []
    targets = [site.state.live(TAG_TYPES[tag_type], rid) for rid in entities]
    if not all(targets):
        raise invalid("Invalid link", detail="entities names something that cannot carry this tag.", field="entities")
    tag = site.state.insert("tags", {"name": name, "tagType": tag_type, "colorType": color}, actor)
    for target in targets:
        if target:
            copy = site.state.edit(target["type"], target["id"])
            copy["links"]["tags"] = [*(copy["links"].get("tags") or []), tag["id"]]
            site.state.save(copy, actor)
    return tag


def list_tags(site: Site, call: Call) -> Reply:
    """GET /tags?q=&filter[tagType]=leads: the whole list."""
    wanted = call.query.get("filter[tagType]")
    rows = [r for r in _listed(site, call, "tags") if not wanted or wanted in (r["tagType"], TAG_TYPES[r["tagType"]])]
    return Reply(body=envelope(site, "tags", [render(site, r) for r in rows]))


def _listed(site: Site, call: Call, kind: str) -> list[Record]:
    text = (call.query.get("q") or "").lower()
    rows = (r for r in site.state.table(kind).values() if not r.get("deletedTime"))
    return [r for r in rows if not text or text in r["name"].lower()]


def new_source(site: Site, name: str, channel: int, actor: Actor | None) -> Record:
    """Store a source."""
    shown = {"value": channel, "display": CHANNELS[channel]}
    return site.state.insert("sources", {"name": name, "channel": shown}, actor)


def make_source(site: Site, call: Call, values: dict[str, Any]) -> Record:
    """Create one source; a name that exists is refused."""
    name, channel = _name(values), values.get("channel", 0)
    if not isinstance(channel, int) or not 0 <= channel < len(CHANNELS):
        raise invalid("Invalid channel", field="channel")
    if named(site, "sources", name):
        raise invalid("A source with this name already exists.", field="name")
    return new_source(site, name, channel, call.actor)


def make_named(kind: str) -> Callable[[Site, Call, dict[str, Any]], Record]:
    """Return the maker of rows that are only a name: audiences, product categories."""

    def make(site: Site, call: Call, values: dict[str, Any]) -> Record:
        name = _name(values)
        if named(site, kind, name):
            raise invalid("The name already exists.", field="name")
        extra = {"isWebFX": False} if kind == "emAudiences" else {}
        return site.state.insert(kind, {"name": name, **extra}, call.actor)

    return make


def list_named(kind: str) -> Endpoint:
    """Return GET of a whole reference table, searchable by q."""

    def endpoint(site: Site, call: Call) -> Reply:
        rows = [render(site, r) for r in _listed(site, call, kind)]
        return Reply(body=envelope(site, kind, rows))

    return endpoint
