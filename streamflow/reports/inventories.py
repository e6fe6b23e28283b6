"""What people do by hand, and what the data could not give: automations, repeats, companies, quality, what waits for a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from streamflow.ledger_names import COVERAGE, MAP_CONFIRMED
from streamflow.mapping.companies import Companies
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document_json import from_json
from streamflow.mapping.pair import KindPlan, Pair, Role
from streamflow.mapping.shapes.task import in_words
from streamflow.mapping.values import is_empty
from streamflow.model import Key, Kind, Link, QueueItem, Record, RecordState, Staged
from streamflow.reports.queue import cause_rows, is_of_data, item_row
from streamflow.reports.rows import HELD, Rows
from streamflow.stages.unknown import intent_awaited
from streamflow.store.base import Ledger

_LIKE_A_RULE: Final = 0.9
_ENOUGH: Final = 10
_AT_REST: Final = (RecordState.HELD, RecordState.PARKED)


async def automations(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """
    Give the automation inventory: lines to fill in, since no source shows its rules.

    "observed" tells who the people of each source went to, which is what an assignment rule leaves behind.
    """
    coverage = await ledger.setting(COVERAGE) or {}
    rows = [
        {
            **{"type": rule.type, "trigger": rule.trigger, "condition": "", "action": "", "owner": ""},
            **{"rebuild_as": rule.rebuild_as, "rebuilt": "☐"},
        }
        for rule in pair.blank_rules
    ]
    return {
        "source_offers": "; ".join(f"{what.replace('_', ' ')}: {why}" for what, why in sorted(coverage.items()) if not pair.knows(what)),
        "rows": rows,
        "observed": await _observed(ledger, pair),
        "out_of_scope": ["email sequences of the destination cannot be exported by its API", "no automation is created in the destination"],
    }


async def _observed(ledger: Ledger, pair: Pair) -> list[dict[str, Any]]:
    owners: dict[str, Counter[str]] = defaultdict(Counter)
    plan = _routed(pair)
    async for page in ledger.every(plan.kind):
        for staged in page:
            source, owner = (plan.told(staged.record.data, fact) for fact in ("source", "owner"))
            owners[str(source or "(no source)")][str(owner or "(nobody)")] += 1
    rows = []
    for name, found in sorted(owners.items(), key=lambda item: -item[1].total()):
        (commonest, count), people = found.most_common(1)[0], found.total()
        is_rule = people >= _ENOUGH and count / people >= _LIKE_A_RULE
        rows.append(
            {
                "source": name,
                pair.people if plan is pair.person else "records": people,
                "commonest_owner": commonest,
                "share_percent": round(100 * count / people, 1),
                "suggests": "an assignment rule: ask" if is_rule else "",
            }
        )
    return rows


def _routed(pair: Pair) -> KindPlan:
    """Give the kind that says where somebody came from: people, unless that hangs on them."""
    if not any("." in name for name in pair.person.fields("source")):
        return pair.person
    return next((pair.of(kind) for kind in pair.in_role(Role.DEAL) if "source" in pair.of(kind).facts), pair.person)


async def repeats(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the tasks that repeat, with the pattern in words and the task they became."""
    roster = pair.plan_naming("user")
    pages = ledger.every(roster.kind)
    users = {staged.record.key: str(staged.record.data.get(roster.label) or "") async for page in pages for staged in page}
    rows = Rows()
    for plan in (pair.of(kind) for kind in pair.written if pair.of(kind).shape == "task"):
        async for page in ledger.every(plan.kind):
            found = [staged for staged in page if not is_empty(plan.told(staged.record.data, "repeat"))]
            keys = [staged.record.key for staged in found]
            links = {link.ref.key: link for link in await ledger.links_of(plan.kind, keys)} if keys else {}
            rows.extend(_repeat_row(staged, links.get(staged.record.key), plan, pair, users) for staged in found)
    return {"count": len(rows), "rows": rows}


def _repeat_row(staged: Staged, link: Link | None, plan: KindPlan, pair: Pair, users: Mapping[Key, str]) -> dict[str, Any]:
    data, pattern = staged.record.data, plan.told(staged.record.data, "repeat")
    by_key = next((name for each in plan.owner if (name := users.get(str(data.get(each))))), "")
    return {
        plan.noun: staged.record.key,
        pair.person.noun: staged.record.parent or "",
        "due": plan.told(data, "due") or "",
        "assignee": by_key or plan.told(data, "assignee") or "",
        "text": plan.told(data, "text") or "",
        "pattern": pattern,
        "in_words": in_words(str(pattern)),
        "became": link.dest_id if link else None,
        "set_up": "☐",
    }


async def companies(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the company table: raw text, how many people say it, cluster, reason and the company it became; look-alikes with their state."""
    table = await _texts(ledger, pair)
    pages = ledger.items(state=None, cause="company_ambiguous")
    items = {item.id: (item.state, item.decision) async for page in pages for item in page}
    rows, spelt, texts = Rows(), 0, table.table()
    while some := list(islice(texts, HELD)):
        links = await _company_links(ledger, pair, {row.cluster for row in some if row.cluster})
        rows.extend(
            {
                "text": row.text,
                pair.people: row.count,
                "cluster": row.cluster,
                "name": row.name,
                "company": links.get(row.cluster or ""),
                "reason": row.reason,
            }
            for row in some
        )
        spelt += sum(bool(row.cluster) for row in some)
    pairs = Rows(
        {
            "one": two.names[0],
            "other": two.names[1],
            "reason": two.reason,
            **_decision(items.get(f"company_pair:{two.one}:{two.other}")),
        }
        for two in table.ambiguous()
    )
    return {"texts": len(rows), "companies": len(table.keys()), "no_company": len(rows) - spelt, "rows": rows, "ambiguous": pairs}


async def _texts(ledger: Ledger, pair: Pair) -> Companies:
    """Count the company texts of all people under the decisions of the confirmed map and of the queue."""
    confirmed = await ledger.setting(MAP_CONFIRMED)
    document = from_json(confirmed["document"], pair) if confirmed else None
    text_of = compile_map(document, pair, Context()).company_text if document is not None else partial(_plain_text, pair.person)
    decisions = dict(document.companies) if document is not None else {}
    async for found in ledger.items(state="resolved", cause="company_ambiguous"):
        for item in found:
            if item.decision == "same":
                one, other = item.details.get("names") or ("", "")
                decisions[str(other)] = str(one)
    table = Companies(decisions)
    async for page in ledger.every(pair.person.kind):
        for staged in page:
            text, own_name = text_of(staged.record)
            if text:
                table.add(text, own_name)
    return table


def _plain_text(person: KindPlan, record: Record) -> tuple[str, str]:
    return str(person.told(record.data, "company") or ""), str(person.told(record.data, "name") or "")


async def _company_links(ledger: Ledger, pair: Pair, clusters: Iterable[Key]) -> dict[Key, str]:
    if pair.company is None:
        return {}
    return {link.ref.key: link.dest_id for link in await ledger.links_of(pair.company.kind, sorted(clusters)) if not link.ref.part}


def _decision(state: tuple[str, str] | None) -> dict[str, str]:
    return dict(zip(("state", "decision"), state or ("", ""), strict=True))


async def quality(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give what the data could not give cleanly: empty fields of people, causes with counts, every item with its suggestion."""
    items = Rows()
    async for page in ledger.items(state=None):
        items.extend(item_row(item) for item in page if is_of_data(item.cause))
    people, empty = await _empty(ledger, pair)
    return {
        pair.people: people,
        "empty_fields": [
            {"field": name, pair.people: count, "share_percent": round(100 * count / people, 1) if people else 0.0}
            for name, count in empty.items()
        ],
        "causes": [
            {name: row[name] for name in ("cause", "state", "items")}
            for row in cause_rows(await ledger.queue_counts())
            if is_of_data(row["cause"])
        ],
        "items": items,
    }


async def _empty(ledger: Ledger, pair: Pair) -> tuple[int, dict[str, int]]:
    """Count the people, and those without each of what the pair has checked, by its best field."""
    total, empty = 0, {names.partition("|")[0]: 0 for names in pair.person.checked}
    async for page in ledger.every(pair.person.kind):
        for staged in page:
            total += 1
            for names in pair.person.missing(staged.record.data):
                empty[names.partition("|")[0]] += 1
    return total, empty


async def unmatched(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """
    Give what waits for a record that is not in the destination: not moved, or deleted there; activities that a person must decide as well.

    People, enquiries and deals are held for reasons of their own, each of which is a question: of these only what waits for another record.
    """
    rows, activities = Rows(), pair.in_role(Role.HAPPENING, Role.FILE)
    for kind in pair.written:
        waiting: list[Staged] = []
        async for page in ledger.every(kind):
            waiting += [staged for staged in page if _waits(staged) or (kind in activities and staged.state in _AT_REST)]
            if len(waiting) >= HELD:  # the queue is looked through once for many
                await _tell_unmatched(ledger, pair, kind, waiting, rows)
        await _tell_unmatched(ledger, pair, kind, waiting, rows)
    return {"count": len(rows), "rows": rows}


def _waits(staged: Staged) -> bool:
    """Say whether a record waits for another one, and not for the outcome of a write, which is asked about."""
    return staged.state is RecordState.PARKED and intent_awaited(staged.waiting_on) is None


async def _tell_unmatched(ledger: Ledger, pair: Pair, kind: Kind, waiting: list[Staged], rows: Rows) -> None:
    about = await ledger.items_about(kind, [staged.record.key for staged in waiting]) if waiting else ()
    items = {item.present_key: item for item in about}
    rows.extend(_unmatched_row(staged, items.get(staged.record.key), pair) for staged in waiting)
    waiting.clear()


def _unmatched_row(staged: Staged, item: QueueItem | None, pair: Pair) -> dict[str, Any]:
    record, plan, person = staged.record, pair.of(staged.record.kind), pair.person.noun
    return {
        "kind": record.kind,
        "key": record.key,
        "state": staged.state.value,
        person: record.parent or "",
        f"{person}_email": next((value for name in plan.address if (value := record.data.get(name))), ""),
        "when": plan.told(record.data, "when") or "",
        "reason": staged.reason,
        "waiting_on": staged.waiting_on,
        "queue_item": item.id if item else "",
        "suggested": item.suggested if item else "",
    }
