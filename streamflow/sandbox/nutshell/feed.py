"""The change log: `/events` and `/events/deleted` (nutshell.md 7)."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from streamflow.sandbox.lying import lies
from streamflow.sandbox.nutshell.envelope import companions
from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.ids import kind_of
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Event

DEFAULT_LIMIT = 20


def get_events(site: Site, call: Call) -> Reply:
    """GET /events: newest first; which end `limit` keeps is switch events_cut (with since_* given)."""
    limit = _limit(site, call)
    backwards = site.switches["events_cut"] == "newest" or not (call.query.get("since_id") or call.query.get("since_time"))
    rows = list(islice(_twice(site, _matching(site, call, newest_first=backwards)), limit))
    if not backwards:
        rows.reverse()
    body = _body(site, rows)
    body["meta"].update(_page_links(call, rows, limit))
    return Reply(body=body)


def get_deleted(site: Site, call: Call) -> Reply:
    """GET /events/deleted?filter[types]=contacts&sort=-change_time: deletions, of which `limit` keeps the first in that order."""
    kinds = set((call.query.get("filter[types]") or "").split(",")) - {""}
    limit = _limit(site, call)
    low, high = _span(site, call, site.state.deletions)
    rows = [event for event in site.state.deletions[low:high] if (not kinds or event.kind in kinds) and _has_come(site, event)]
    if call.query.get("sort", "-change_time").startswith("-"):
        rows.reverse()
    return Reply(body=_body(site, rows[:limit]))


def _limit(site: Site, call: Call) -> int:
    limit = _number(call, "limit") or DEFAULT_LIMIT
    if not 1 <= limit <= site.switches["max_page_size"]:
        raise invalid("Invalid filter", detail=f"Invalid limit: {limit}")
    return limit


def _span(site: Site, call: Call, events: list[Event]) -> tuple[int, int]:
    """Give where the asked for events begin and end: since_* and max_* by id and time; the newest show only after a while."""
    since, until = _number(call, "since_id"), _number(call, "max_id")
    if until is not None and (lies("same_page") or lies("no_paging")):
        until = None
    if since is not None and (lies("no_filter") or _chance(site, "twice", since) < float(site.switches["events_twice"])):
        since = None if lies("no_filter") else since - 1
    low = bisect_right(events, since, key=lambda e: e.number) if since is not None else 0
    high = bisect_right(events, until, key=lambda e: e.number) if until is not None else len(events)
    if (earliest := _number(call, "since_time")) is not None:
        low = max(low, bisect_left(events, earliest, key=lambda e: e.time))
    latest = site.state.now() - float(site.switches["events_lag_s"])
    if (asked := _number(call, "max_time")) is not None:
        latest = min(latest, asked)
    return low, min(high, bisect_right(events, latest, key=lambda e: e.time))


def _matching(site: Site, call: Call, *, newest_first: bool) -> Iterator[Event]:
    state = site.state
    entity = call.query.get("entity_id")
    events = state.events if entity is None else [state.events[i] for i in state.by_entity.get(entity, ())]
    low, high = _span(site, call, events)
    kinds = set(_many(call, "filters[payload]"))
    if kinds and lies("no_filter"):
        kinds = set()
    actors = set(_many(call, "filters[creator]"))
    for i in range(high - 1, low - 1, -1) if newest_first else range(low, high):
        event = events[i]
        if not _has_come(site, event):
            continue
        if kinds and event.kind not in kinds:
            continue
        if actors and event.actor not in actors:
            continue
        if event.action == "delete" and not site.switches["events_include_deletes"]:
            continue
        yield event


def _has_come(site: Site, event: Event) -> bool:
    """Say whether an event that may be late is there by now."""
    late = site.switches["events_late"]
    if not late or _chance(site, "late", event.number) >= float(late["share"]):
        return True
    return event.time + float(late["delay_s"]) <= site.state.now()


def _twice(site: Site, events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        yield event
        if _chance(site, "twice", event.number) < float(site.switches["events_twice"]):
            yield event


def _chance(site: Site, name: str, number: int) -> float:
    """Give a number from 0 to 1 for one event; always the same."""
    return zlib.crc32(f"{site.config['seed']}-{name}-{number}".encode()) / 2**32


def _many(call: Call, name: str) -> list[str]:
    getall = getattr(call.query, "getall", None)
    return [*getall(f"{name}[]", []), *getall(name, [])] if getall else []


def _number(call: Call, name: str) -> int | None:
    text = call.query.get(name)
    if text is None or text == "":
        return None
    bare = text.partition("-")[0]
    if not bare.isdigit():
        raise invalid("Invalid filter", detail=f"Invalid {name}: {text}")
    return int(bare)


def _page_links(call: Call, rows: list[Event], limit: int) -> dict[str, Any]:
    kept = [(k, v) for k, v in call.query.items() if k.startswith("filters[") or k in ("entity_id", "events")]
    links: dict[str, Any] = {}

    def url(**cursor: object) -> str:
        return f"{call.origin}/rest/events?{urlencode([('limit', limit), *cursor.items(), *kept], safe='[]')}"

    if rows:
        newest, oldest = rows[0], rows[-1]
        links["next"] = url(since_id=f"{newest.number}-events", since_time=newest.time)
        links["previous"] = url(max_id=f"{oldest.number}-events", max_time=oldest.time)
        links["last"] = f"{oldest.number}-events"
    elif call.query.get("since_id"):
        links["next"] = url(since_id=call.query["since_id"])
    return links


def _body(site: Site, rows: list[Event]) -> dict[str, Any]:
    actors = dict.fromkeys(e.actor for e in rows)
    payloads = dict.fromkeys(e.payload for e in rows)
    records = (site.state.table(kind_of(p)).get(p) for p in payloads)
    shown = [render(site, r) for r in records if r is not None]
    people = (site.state.table(kind_of(a)).get(a) for a in actors)
    body: dict[str, Any] = {"meta": site.meta(), "links": {}, "events": [_wire(e) for e in rows]}
    body["actors"] = [{"id": p["id"], "type": p["type"], "name": p["name"]} for p in people if p is not None]
    body["payloads"] = shown
    for name, array in companions(site, shown).items():
        body.setdefault(name, array)
    return body


def _wire(event: Event) -> dict[str, Any]:
    return {
        "id": f"{event.number}-events",
        "type": "events",
        "createdTime": event.time,
        "actorType": kind_of(event.actor),
        "payloadType": event.kind,
        "action": event.action,
        "changes": [
            {"attribute": name, "oldValue": _value(old), "newValue": _value(new)} for name, old, new in event.changes
        ],
        "count": None,
        "links": {"actor": event.actor, "payloads": [event.payload], "comments": []},
    }


def _value(text: str) -> dict[str, Any] | None:
    return {"id": None, "type": None, "name": text, "position": None} if text else None
