"""Records as REST shows them (nutshell.md 3, 4, 6)."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from streamflow.sandbox.nutshell.customfields import ENTITIES, values_by_title
from streamflow.sandbox.nutshell.ids import kind_of, number_of
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Record

Wire = dict[str, Any]
_HTML_PATHS = {"accounts": "company", "contacts": "person", "leads": "lead", "activities": "activity", "tasks": "task"}


def render(site: Site, record: Record) -> Wire:
    """Return the wire form of any record; kinds without a form of their own show their plain values."""
    maker = _MAKERS.get(record["type"], _plain)
    shown = maker(site, record)
    if record["type"] in ENTITIES and site.switches["payload_custom_fields"]:
        shown["customFields"] = values_by_title(site, record)
    return shown


def moment(unix: int | None) -> Wire | None:
    """Return the object form of a lead's times."""
    if unix is None:
        return None
    when = datetime.fromtimestamp(unix, UTC)
    return {
        "absoluteLocalizedString": when.strftime("%b %-d, %Y"),
        "timestamp": unix,
        "value": when.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    }


def money(amount: str | float | None, currency: str) -> Wire | None:
    """Return an amount of money as `{amount, currency, formatted}`."""
    if amount is None:
        return None
    number = float(amount)
    return {"amount": f"{number:.2f}", "currency": currency, "formatted": f"${number:,.2f}"}


def live_ids(site: Site, ids: Any) -> list[str]:
    """Return the ids that still name live records."""
    found = []
    for rid in ids or ():
        record = site.state.table(kind_of(rid)).get(rid)
        if record is not None and not record.get("deletedTime"):
            found.append(rid)
    return found


def _head(record: Record) -> Wire:
    kind, rid = record["type"], record["id"]
    shown: Wire = {"id": rid, "type": kind, "href": f"https://app.nutshell.com/rest/{kind}/{rid}"}
    if kind in _HTML_PATHS:
        number = record.get("number") or number_of(rid)
        path = f"/{_HTML_PATHS[kind]}/{number}"
        shown["htmlUrl"], shown["htmlUrlPath"] = f"https://app.nutshell.com{path}", path
    return shown


def _peep(record: Record) -> Wire:
    name = record.get("name") or ""
    initials = "".join(w[0] for w in name.split()[:2]).upper()
    shown = {
        **_head(record),
        "name": name,
        "description": record.get("description"),
        "emails": record.get("emails") or [],
        "phones": record.get("phones") or [],
        "urls": record.get("urls") or [],
        "addresses": record.get("addresses") or [],
        "avatarUrl": None,
        "initials": initials,
    }
    if record.get("deletedTime"):
        shown["deletedTime"] = record["deletedTime"]
    if record.get("legacyId"):
        shown["legacyId"] = record["legacyId"]
    return shown


def _peep_links(site: Site, record: Record) -> Wire:
    links = record["links"]
    shown = {
        "creator": record["creator"],
        "owner": links.get("owner"),
        "territory": links.get("territory"),
        "tags": live_ids(site, links.get("tags")),
        "files": list(links.get("files") or []),
        "relatedFiles": [],
        "followup": links.get("followup"),
        "recurringTask": None,
    }
    if links.get("comments"):
        shown["comments"] = list(links["comments"])
    if links.get("mergedWith"):
        shown["mergedWith"] = links["mergedWith"]
    return shown


def _account(site: Site, record: Record) -> Wire:
    links = _peep_links(site, record)
    links["contacts"] = [c["id"] for c in site.state.linked_to(record["id"], "contacts")]
    links["accountType"] = record["links"].get("accountType")
    links["industry"] = record["links"].get("industry")
    shown = _peep(record)
    shown["revenue"] = money(record.get("revenue"), site.instance["currency"])
    shown["employeeCount"] = record.get("employeeCount")
    shown["links"] = links
    return shown


def _contact(site: Site, record: Record) -> Wire:
    links = _peep_links(site, record)
    links["accounts"] = live_ids(site, record["links"].get("accounts"))
    links["emAudiences"] = list(record["links"].get("emAudiences") or [])
    shown = _peep(record)
    shown["firstName"], shown["lastName"] = record.get("firstName"), record.get("lastName")
    shown["jobTitle"] = record.get("jobTitle")
    titled = record.get("jobTitle") and links["accounts"]
    shown["jobs"] = {links["accounts"][0]: {"title": record["jobTitle"]}} if titled else {}
    shown["links"] = links
    return shown


def lead_amount(site: Site, record: Record) -> str | None:
    """Return a lead's value: the manual one, else the sum of its products."""
    if record.get("manualValue") is not None:
        return str(record["manualValue"])
    maps = [m for m in site.state.table("productMaps").values() if m["links"]["lead"] == record["id"]]
    live = [m for m in maps if not m.get("deletedTime")]
    return f"{sum(float(m['quantity']) * float(m['price']) for m in live):.2f}" if live else None


def _lead(site: Site, record: Record) -> Wire:
    held, currency = record["links"], site.instance["currency"]
    due = record.get("dueTime")
    is_open = record["status"] == "open"
    links: Wire = {k: live_ids(site, held.get(k)) for k in ("accounts", "contacts", "tags", "sources")}
    links.update({k: held.get(k) for k in ("owner", "territory", "stage", "stageset", "outcome", "market")})
    links.update({k: list(held.get(k) or []) for k in ("products", "productMaps", "competitors", "competitorMaps")})
    links.update({k: list(held.get(k) or []) for k in ("watchers", "files", "comments")}, relatedFiles=[], destinations=[])
    links["creator"] = record["creator"]
    if held.get("mergedWith"):
        links["mergedWith"] = held["mergedWith"]
    amount = lead_amount(site, record) if held.get("productMaps") or record.get("manualValue") is not None else None
    return {
        **_head(record),
        "number": str(record["number"]),
        "name": record["description"],
        "description": record["description"],
        "value": money(amount, currency),
        "createdTime": moment(record["createdTime"]),
        "closedTime": moment(record.get("closedTime")),
        "dueTime": moment(due),
        "anticipatedClosedTime": moment(due),
        "lastContactedTime": moment(record.get("lastContactedTime")),
        "deletedTime": record.get("deletedTime"),
        "status": record["status"],
        "confidence": record["confidence"],
        "priority": record["priority"],
        "isOverdue": bool(is_open and due and due < site.state.now()),
        "pieState": record["status"],
        "ownerType": kind_of(held["owner"]) if held.get("owner") else None,
        "isLocked": bool(record.get("isLocked")),
        "links": links,
    }


def _activity(site: Site, record: Record) -> Wire:
    parts = live_ids(site, record["links"].get("participants"))
    links: Wire = {k: [p for p in parts if kind_of(p) == k] for k in ("accounts", "contacts", "leads", "users")}
    links.update(comments=list(record["links"].get("comments") or []), creator=record["creator"])
    links["activityType"] = record["links"]["activityType"]
    links.update(logger=record.get("logger"), logNote=record["links"].get("logNote"))
    past = bool(record.get("endTime") and record["endTime"] < site.state.now())
    return {
        **_head(record),
        "name": record["name"],
        "agenda": record.get("description"),
        "location": record.get("location"),
        "startTime": record["startTime"],
        "endTime": record["endTime"],
        "createdTime": record["createdTime"],
        "modifiedTime": record["modifiedTime"],
        "loggedTime": record.get("loggedTime"),
        "deletedTime": record.get("deletedTime"),
        "isAllDay": record["isAllDay"],
        "isEditable": True,
        "isCancelled": bool(record.get("isCancelled")),
        "isFlagged": record["isFlagged"],
        "isLogged": record["isLogged"],
        "isOverdue": past and not record["isLogged"] and not record.get("isCancelled"),
        "isMediaLogged": False,
        "transcription": record.get("transcription"),
        "externalMeetingServiceType": None,
        "links": links,
    }


def _note(site: Site, record: Record) -> Wire:
    parent = record["links"]["parent"]
    links: Wire = {"parent": parent, "comments": list(record["links"].get("comments") or [])}
    links.update({k: [] for k in ("accounts", "contacts", "leads", "users", "teams")})
    if kind_of(parent) in ("accounts", "contacts", "leads"):
        links[kind_of(parent)] = [parent]
    body = record["body"]
    return {
        **_head(record),
        "createdTime": record["createdTime"],
        "deletedTime": record.get("deletedTime"),
        "body": body,
        "bodyHtml": html.escape(body, quote=False).replace("\n", "<br />\n"),
        "bodyMarkup": body,
        "isEditable": site.state.now() - record["createdTime"] < 86_400,
        "parentType": kind_of(parent),
        "links": links,
    }


def _task(site: Site, record: Record) -> Wire:
    return {
        **_head(record),
        "title": record["title"],
        "description": record.get("description"),
        "dueTime": record.get("dueTime"),
        "createdTime": record["createdTime"],
        "deletedTime": record.get("deletedTime"),
        "completedTime": record.get("completedTime"),
        "isCompleted": bool(record.get("completedTime")),
        "recurrenceRule": record.get("recurrenceRule"),
        "links": {
            "assignee": record["links"].get("assignee"),
            "relatedEntity": record["links"].get("relatedEntity"),
            "creator": record["creator"],
            "comments": list(record["links"].get("comments") or []),
            "files": list(record["links"].get("files") or []),
        },
    }


def _product_map(site: Site, record: Record) -> Wire:
    shown = {k: record.get(k) for k in ("id", "type", "name", "unit", "quantity", "productType", "relationship")}
    return {**shown, "price": money(record["price"], site.instance["currency"]), "links": dict(record["links"])}


_HIDDEN = {"rev", "createdTime", "creator", "entity", "colorIndex"}


def _plain(site: Site, record: Record) -> Wire:
    shown = {k: v for k, v in record.items() if k not in _HIDDEN}
    if record["type"] == "tags":
        shown["count"] = len(record.get("entities") or ())
        shown.pop("entities", None)
    return shown


_MAKERS: dict[str, Callable[[Site, Record], Wire]] = {
    "accounts": _account, "contacts": _contact, "leads": _lead, "activities": _activity, "notes": _note,
    "tasks": _task, "productMaps": _product_map,
}  # fmt: skip
