"""What people do by hand, and what the data could not give: automations, repeats, companies, quality, unmatched activities."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from streamflow.mapping.companies import Companies
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document_json import from_json
from streamflow.mapping.pair import Pair, Role
from streamflow.mapping.shapes.task import in_words
from streamflow.mapping.values import is_empty
from streamflow.model import Key, Kind, QueueItem, RecordState, Staged
from streamflow.reports.queue import cause_rows, is_of_data, item_row
from streamflow.reports.rows import HELD, Rows
from streamflow.store.base import Ledger

BLANK_RULES: Final = (
    ("assignment rule", "a lead arrives from a source, form or mailbox", "lead assignment rule, by source or territory"),
    ("assignment rule", "a lead's group or region is set", "lead assignment rule, or a team as owner"),
    ("autoresponder", "a lead arrives by e-mail or form", "personal e-mail sequence, started by an automation"),
    ("autoresponder", "a status changes", "stage automation that sends a template"),
    ("reminder rule", "a lead is not answered in time", "stage guidance with a due task"),
)
_LIKE_A_RULE: Final = 0.9
_ENOUGH_LEADS: Final = 10
_CHECKED: Final = ("name", "email", "number", "company", "owner", "status", "source")


async def automations(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """
    Give the automation inventory: known entries (setting "automations", if any) and lines to fill in.

    "observed" tells who the leads of each source went to, which is what an assignment rule leaves behind.
    """
    known = await ledger.setting("automations") or []
    rows = [
        {"type": "", "trigger": "", "condition": "", "action": "", "owner": "", "rebuild_as": "", "rebuilt": "☐", **entry}
        for entry in known
    ]
    rows += [
        {"type": kind, "trigger": trigger, "condition": "", "action": "", "owner": "", "rebuild_as": rebuild, "rebuilt": "☐"}
        for kind, trigger, rebuild in BLANK_RULES
    ]
    return {
        "known": len(known),
        "source_offers": "no call and no export of rules or autoresponders is known",
        "rows": rows,
        "observed": await _observed(ledger, pair),
        "out_of_scope": ["email sequences of the destination cannot be exported by its API", "no automation is created in the destination"],
    }


async def _observed(ledger: Ledger, pair: Pair) -> list[dict[str, Any]]:
    owners: dict[str, Counter[str]] = defaultdict(Counter)
    async for page in ledger.every(pair.person.kind):
        for staged in page:
            data = staged.record.data
            owners[str(data.get("source") or data.get("sourceid") or "(no source)")][
                str(data.get("owner") or data.get("owner_email") or "(nobody)")
            ] += 1
    rows = []
    for source, found in sorted(owners.items(), key=lambda item: -item[1].total()):
        (owner, count), leads = found.most_common(1)[0], found.total()
        is_rule = leads >= _ENOUGH_LEADS and count / leads >= _LIKE_A_RULE
        rows.append(
            {
                "source": source,
                "leads": leads,
                "commonest_owner": owner,
                "share_percent": round(100 * count / leads, 1),
                "suggests": "an assignment rule: ask" if is_rule else "",
            }
        )
    return rows


async def repeats(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the reminders that repeat, with the pattern in words and the task they became."""
    roster = ledger.every(pair.kind_naming("user"))
    users = {staged.record.key: str(staged.record.data.get("name") or "") async for page in roster for staged in page}
    rows = Rows()
    for kind in (each for each in pair.written if pair.of(each).shape == "task"):
        async for page in ledger.every(kind):
            found = [staged for staged in page if not is_empty(staged.record.data.get("repeat"))]
            keys = [staged.record.key for staged in found]
            links = {link.ref.key: link for link in await ledger.links_of(kind, keys)} if keys else {}
            for staged in found:
                data, link = staged.record.data, links.get(staged.record.key)
                rows.append(
                    {
                        "reminder": staged.record.key,
                        "lead": data.get("leadid", ""),
                        "due": data.get("due", ""),
                        "assignee": users.get(str(data.get("userid"))) or data.get("user") or data.get("user_email") or "",
                        "text": data.get("note", ""),
                        "pattern": data["repeat"],
                        "in_words": in_words(str(data["repeat"])),
                        "became": link.dest_id if link else None,
                        "set_up": "☐",
                    }
                )
    return {"count": len(rows), "rows": rows}


async def companies(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the company table: raw text, how many leads say it, cluster, reason, and the company it became; look-alikes with their state."""
    table = await _texts(ledger, pair)
    pages = ledger.items(state=None, cause="company_ambiguous")
    items = {item.id: (item.state, item.decision) async for page in pages for item in page}
    rows, spelt, texts = Rows(), 0, table.table()
    while some := list(islice(texts, HELD)):
        links = await _company_links(ledger, pair, {row.cluster for row in some if row.cluster})
        rows.extend(
            {
                "text": row.text,
                "leads": row.count,
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
    """Count the company texts of all leads under the decisions of the confirmed map and of the queue."""
    confirmed = await ledger.setting("map:confirmed")
    document = from_json(confirmed["document"], pair) if confirmed else None
    text_of = compile_map(document, pair, Context()).company_text if document is not None else _plain_text
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


def _plain_text(record: Any) -> tuple[str, str]:
    return str(record.data.get("company") or ""), str(record.data.get("name") or "")


async def _company_links(ledger: Ledger, pair: Pair, clusters: Iterable[Key]) -> dict[Key, str]:
    if pair.company is None:
        return {}
    return {link.ref.key: link.dest_id for link in await ledger.links_of(pair.company.kind, sorted(clusters)) if not link.ref.part}


def _decision(state: tuple[str, str] | None) -> dict[str, str]:
    return dict(zip(("state", "decision"), state or ("", ""), strict=True))


async def quality(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give what the data could not give cleanly: empty fields of leads, causes with counts, every item with its suggestion."""
    items = Rows()
    async for page in ledger.items(state=None):
        items.extend(item_row(item) for item in page if is_of_data(item.cause))
    leads, empty = await _empty(ledger, pair)
    return {
        "leads": leads,
        "empty_fields": [
            {"field": name, "leads": count, "share_percent": round(100 * count / leads, 1) if leads else 0.0}
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
    total, empty = 0, Counter[str]()
    async for page in ledger.every(pair.person.kind):
        for staged in page:
            total += 1
            empty.update(name for name in _CHECKED if _is_empty(staged.record.data, name))
    return total, {name: empty[name] for name in _CHECKED}


def _is_empty(data: Mapping[str, Any], name: str) -> bool:
    alike: Sequence[str] = {
        "owner": ("owner", "owner_email", "userid"),
        "status": ("status", "statusid"),
        "source": ("source", "sourceid"),
    }.get(name, (name,))
    return all(is_empty(data.get(each)) for each in alike)


async def unmatched(ledger: Ledger, pair: Pair) -> dict[str, Any]:
    """Give the activities that have no person in the destination: held for a decision, or parked on a lead that was not moved."""
    rows = Rows()
    for kind in pair.in_role(Role.HAPPENING, Role.FILE):
        waiting: list[Staged] = []
        async for page in ledger.every(kind):
            waiting += [staged for staged in page if staged.state in (RecordState.HELD, RecordState.PARKED)]
            if len(waiting) >= HELD:  # the queue is looked through once for many
                await _tell_unmatched(ledger, kind, waiting, rows)
        await _tell_unmatched(ledger, kind, waiting, rows)
    return {"count": len(rows), "rows": rows}


async def _tell_unmatched(ledger: Ledger, kind: Kind, waiting: list[Staged], rows: Rows) -> None:
    items = {item.key: item for item in await ledger.items_about(kind, [staged.record.key for staged in waiting])} if waiting else {}
    rows.extend(_unmatched_row(staged, items.get(staged.record.key)) for staged in waiting)
    waiting.clear()


def _unmatched_row(staged: Staged, item: QueueItem | None) -> dict[str, Any]:
    record = staged.record
    return {
        "kind": record.kind,
        "key": record.key,
        "state": staged.state.value,
        "lead": record.data.get("leadid") or record.parent or "",
        "lead_email": record.data.get("lead_email", ""),
        "when": record.data.get("created") or record.data.get("sent") or record.data.get("due") or "",
        "reason": staged.reason,
        "waiting_on": staged.waiting_on,
        "queue_item": item.id if item else "",
        "suggested": item.suggested if item else "",
    }
