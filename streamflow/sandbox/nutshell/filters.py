"""Lists by filter, search and order, all from the lagging index (nutshell.md 1.9, 1.10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from multidict import MultiMapping

from streamflow.sandbox.lying import lies
from streamflow.sandbox.nutshell.customfields import ENTITIES, by_title
from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.ids import number_of
from streamflow.sandbox.nutshell.index import words
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Record

_FILTER = re.compile(r"^filter\[([^\]]+)\](?:\[([^\]]*)\])?$")
_RELATIONS = {
    "owners": "owner", "owner": "owner", "creator": "creator", "industries": "industry", "accountTypes": "accountType",
    "territories": "territory", "milestones": "stage", "stageset": "stageset", "outcomes": "outcome",
    "accounts": "accounts", "accountIds": "accounts", "contacts": "contacts", "contactIds": "contacts", "tags": "tags",
    "sources": "sources", "products": "products", "competitors": "competitors", "watchers": "watchers",
    "audiences": "emAudiences", "markets": "market", "relatedEntity": "relatedEntity", "assignee": "assignee",
    "participant": "participants", "participants": "participants", "activityType": "activityType",
}  # fmt: skip
_KINDS = {
    "owner": "users", "creator": "users", "industry": "industries", "accountType": "accountTypes",
    "territory": "territories", "stage": "stages", "stageset": "stagesets", "outcome": "outcomes", "market": "markets",
    "watchers": "users", "assignee": "users", "activityType": "activityTypes",
}  # fmt: skip
_RANGES = ("dateMin", "dateMax", "flagged", "isImportant", "leadPriority", "tagType")
_STATUS = {"0": "open", "10": "won", "11": "lost", "12": "cancelled"}


def select(site: Site, kind: str, query: MultiMapping[str]) -> Sequence[str]:
    """Return the ids of all visible records the query asks for, in its order (default: newest first)."""
    found: set[str] | None = None
    for answer in _answers(site, kind, query):
        found = answer if found is None else found & answer
    order = query.get("sort") or "-createdTime"
    if found is None:
        return site.state.index.ordered(kind, order, partial(arrange, order))
    docs = site.state.index.docs(kind)
    return [r["id"] for r in arrange(order, [docs[i] for i in found if i in docs])]


def _answers(site: Site, kind: str, query: MultiMapping[str]) -> Iterable[set[str]]:
    if (query.get("email") or query.get("q") or any(map(_FILTER.match, query))) and lies("no_filter"):
        return
    if query.get("email"):
        yield site.state.index.find(kind, "email", _emails, query["email"].strip().lower())
    if query.get("q"):
        yield search(site, kind, query["q"])
    grouped: dict[tuple[str, str], list[str]] = {}
    for key in query:
        match = _FILTER.match(key)
        if match:
            grouped[match[1], match[2] or ""] = query.getall(key) if hasattr(query, "getall") else [query[key]]
    for (name, part), values in grouped.items():
        answer = _filter(site, kind, name, part, values)
        if answer is not None:
            yield answer


def _filter(site: Site, kind: str, name: str, part: str, values: list[str]) -> set[str] | None:
    """Return the ids one filter lets through, or None when it says nothing."""
    index = site.state.index
    if name == "id":
        return {i for i in index.docs(kind) if i in set(values) or str(number_of(i)) in set(values)}
    if name == "omittedId":
        return {i for i in index.docs(kind) if i not in set(values)}
    if name == "createdTime":
        return _created(site, kind, values[0])
    if name == "email":
        return _union(index.find(kind, "email", _emails, v.strip().lower()) for v in values)
    if name == "phone":
        return _union(index.find(kind, "phone", _phones, _digits(v)[-7:]) for v in values)
    if name == "name":
        return _union(_by_words(site, kind, "name", _name_words, v) for v in values)
    if name == "address":
        return _scan(site, kind, partial(_lives_in, part, [v.lower() for v in values]))
    if name == "number" and kind == "leads":
        return _by_number(site, values[0])
    if name == "status" and kind == "activities":
        return None
    if name == "status" and kind == "leads":
        wanted = {_STATUS.get(v, v) for v in values}
        return _scan(site, kind, lambda r: r["status"] in wanted)
    if name in ("leads", "leadIds") and kind in ("accounts", "contacts"):
        leads = [site.state.live("leads", v) for v in values]
        return {i for lead in leads if lead for i in lead["links"].get(kind) or ()}
    if name == "contacts" and kind == "accounts":
        people = [index.docs("contacts").get(v) for v in values]
        return {i for person in people if person for i in person["links"].get("accounts") or ()}
    if name in _RANGES:
        return None
    if name in _RELATIONS:
        return _by_relation(site, kind, _RELATIONS[name], values)
    return _by_custom_field(site, kind, name, values)


def _by_relation(site: Site, kind: str, relation: str, values: list[str]) -> set[str]:
    suffix = _KINDS.get(relation, relation)
    wanted = [v if "-" in v else f"{v}-{suffix}" for v in values]
    return _union(site.state.index.find(kind, f"link:{relation}", partial(_linked, relation), w) for w in wanted)


def _by_custom_field(site: Site, kind: str, name: str, values: list[str]) -> set[str] | None:
    definition = by_title(site, kind, name, any_case=True) if kind in ENTITIES else None
    if definition is None:
        if site.switches["unknown_filter"] == "refused":
            raise invalid("Invalid filter", detail=f"Unknown filter: {name}")
        return None
    field = definition["id"]
    if site.switches["cf_filter"] == "exact":
        keys_of = partial(_field_values, field)
        return _union(site.state.index.find(kind, f"cf:{field}", keys_of, v.lower()) for v in values)
    keys_of = partial(_field_words, field)
    return _union(_by_words(site, kind, f"cfw:{field}", keys_of, v) for v in values)


def search(site: Site, kind: str, text: str) -> set[str]:
    """Return fuzzy hits: all words nearly match, or, when nothing has them all, any word does."""
    keys_of = partial(_all_words, kind)
    found = _by_words(site, kind, "q", keys_of, text)
    return found or _union(site.state.index.find(kind, "q", keys_of, w) for w in words(text))


def arrange(order: str, records: list[Record]) -> list[Record]:
    """Sort records by a `sort` parameter; equal keys keep the order of creation."""
    name, descending = order.removeprefix("-"), order.startswith("-")
    if name == "createdTime":
        records.sort(key=lambda r: (r["createdTime"], number_of(r["id"])), reverse=descending)
    else:
        records.sort(key=lambda r: number_of(r["id"]))
        records.sort(key=partial(_sort_key, name), reverse=descending)
    return records


def _sort_key(name: str, record: Record) -> tuple[bool, Any]:
    value = record["links"].get(name) if name not in record and "links" in record else record.get(name)
    if name == "email":
        value = next(iter(_emails(record)), None)
    return (value is None, value if isinstance(value, int | float) else str(value or "").lower())


def _union(sets: Iterable[set[str]]) -> set[str]:
    found: set[str] = set()
    for one in sets:
        found |= one
    return found


def _scan(site: Site, kind: str, wanted: Callable[[Record], bool]) -> set[str]:
    return {i for i, r in site.state.index.docs(kind).items() if wanted(r)}


def _by_words(site: Site, kind: str, name: str, keys_of: Callable[[Record], Iterable[str]], text: str) -> set[str]:
    """Return what holds every word, the smallest set first; words that are one letter longer count as near."""
    sets = sorted((site.state.index.find(kind, name, keys_of, w) for w in words(text)), key=len)
    if not sets:
        return set()
    return set(sets[0]).intersection(*sets[1:])


def _near(text: object) -> Iterable[str]:
    for word in words(text):
        yield word
        if len(word) > 2:
            yield word[:-1]


def _emails(record: Record) -> Iterable[str]:
    return [str(e["value"]).lower() for e in record.get("emails") or ()]


def _digits(text: object) -> str:
    return "".join(c for c in str(text) if c.isdigit())


def _phones(record: Record) -> Iterable[str]:
    return [_digits(p["value"].get("number"))[-7:] for p in record.get("phones") or ()]


def _name_words(record: Record) -> Iterable[str]:
    return _near(record.get("name") or record.get("description") or record.get("title") or "")


def _all_words(kind: str, record: Record) -> Iterable[str]:
    yield from _name_words(record)
    yield from _near(record.get("description") or "")
    yield from _near(record.get("body") or "")
    for email in _emails(record):
        yield from words(email)
    for phone in record.get("phones") or ():
        yield _digits(phone["value"].get("number"))
    for value in (record.get("customFields") or {}).values():
        yield from _near(value if len(str(value)) <= 200 else "")


def _field_values(field: str, record: Record) -> Iterable[str]:
    value = (record.get("customFields") or {}).get(field)
    return [str(v).lower() for v in (value if isinstance(value, list) else [value])] if value is not None else []


def _field_words(field: str, record: Record) -> Iterable[str]:
    for value in _field_values(field, record):
        yield from _near(value)


def _linked(relation: str, record: Record) -> Iterable[str]:
    if relation == "creator":
        return [record["creator"]] if record["creator"] else []
    value = record["links"].get(relation)
    return [value] if isinstance(value, str) else value or []


def _lives_in(part: str, wanted: list[str], record: Record) -> bool:
    for address in record.get("addresses") or ():
        held = [address["value"].get(part)] if part else address["value"].values()
        if any(str(h or "").lower() in wanted for h in held):
            return True
    return False


def _by_number(site: Site, text: str) -> set[str]:
    sign, bare = (text[0], text[1:]) if text[:1] in "<>" else ("", text)
    if not bare.isdigit():
        raise invalid("Invalid filter", detail=f"Invalid number: {text}")
    limit = int(bare)
    if not sign:
        return site.state.index.find("leads", "number", lambda r: [str(r["number"])], bare)
    return _scan(site, "leads", lambda r: r["number"] > limit if sign == ">" else r["number"] < limit)


def _created(site: Site, kind: str, text: str) -> set[str] | None:
    since, _, until = text.partition(" TO ")
    if not since.strip():
        return None  # only-until is ignored
    low = _unix(since)
    high = _unix(until) if until.strip() else site.state.now()
    return _scan(site, kind, lambda r: low <= r["createdTime"] <= high)


def _unix(text: str) -> int:
    try:
        when = datetime.fromisoformat(text.strip().removesuffix(" TO").replace("Z", "+00:00"))
    except ValueError:
        raise invalid("Invalid filter", detail=f"Invalid time: {text}") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def activity_extra(site: Site, records: list[Record], query: MultiMapping[str]) -> list[Record]:
    """Apply the filters only activities have: status, flags, days (nutshell.md 4.1)."""
    statuses = set(query.getall("filter[status][]", [])) if hasattr(query, "getall") else set()
    low, high = query.get("filter[dateMin]"), query.get("filter[dateMax]")
    flagged = query.get("filter[flagged]") or query.get("filter[isImportant]")

    def keeps(record: Record) -> bool:
        status = "cancelled" if record.get("isCancelled") else "logged" if record["isLogged"] else "scheduled"
        start = record["startTime"]
        return (
            (not statuses or status in statuses)
            and (not low or start >= _bound(low))
            and (not high or start <= _bound(high, end_of_day=True))
            and (flagged in (None, "", "false", "0") or record["isFlagged"])
        )

    return [r for r in records if keeps(r)]


def _bound(text: str, *, end_of_day: bool = False) -> int:
    if text.isdigit():
        return int(text)
    return _unix(text) + (86_399 if end_of_day and len(text.strip()) == 10 else 0)


def keep_created_days(records: list[Record], query: MultiMapping[str]) -> list[Record]:
    """Apply filter[dateMin|dateMax] on the day of creation, as tasks have it (nutshell.md 4.3)."""
    low, high = query.get("filter[dateMin]"), query.get("filter[dateMax]")
    return [
        r
        for r in records
        if (not low or r["createdTime"] >= _bound(low))
        and (not high or r["createdTime"] <= _bound(high, end_of_day=True))
    ]
