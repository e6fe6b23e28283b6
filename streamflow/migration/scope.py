"""The scope report: inventory, map draft, grade, estimate, room in the plan, and what is handed to people (G-13 to G-18, G-21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from streamflow.compact import Numbers
from streamflow.ledger_names import ACCOUNT
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.mapping.document_json import from_json
from streamflow.mapping.estimate import Estimate, Pace, compatibility, estimate, grade
from streamflow.mapping.schema import required_fields
from streamflow.mapping.settings import settings_of
from streamflow.migration.adoption import FOUND
from streamflow.migration.companies import Clusters
from streamflow.migration.context import Migration
from streamflow.migration.offering import plan_gaps, rows_waiting
from streamflow.migration.orphans import find_orphans
from streamflow.migration.owners import OwnersGate, without_user
from streamflow.migration.probe import inventory
from streamflow.migration.reference import missing_reference
from streamflow.model import Kind
from streamflow.platforms.destination import Reference

LITTLE_ROOM = 0.9   # of a cap; above that the report warns


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What follows from the people under a map."""

    companies: int = 0
    unqualified: int = 0      # people whom the rule calls unqualified, whatever becomes of them (LT-09)


async def scope(migration: Migration, proposed: Mapping[str, Any]) -> Estimate:
    """Write the scope report for a proposed map ({"digest", "document"}); answers its estimate."""
    document = from_json(proposed["document"], migration.pair)
    found = await inventory(migration)
    sizes = await _sizes(migration, document)
    reference = await migration.destination.schema.reference()
    account: Mapping[str, Any] = await migration.ledger.setting(ACCOUNT) or {}
    settings = settings_of(document.settings, migration.pair)
    open_leads = sizes.unqualified if settings["unqualified"] == "lead" else 0
    routes = {kind: migration.destination.reader.route(kind) for kind in ("accounts", "contacts", "leads")}
    children = tuple(stream.kind for stream in migration.source.streams() if stream.parent is not None)
    counts: dict[Kind, int] = {**found["source"]}
    if migration.pair.company is not None:
        counts[migration.pair.company.kind] = sizes.companies
    gaps = plan_gaps(document, migration.pair, reference, account)
    todo = missing_reference(reference, document, migration.pair)
    pace = Pace(child_streams=children, custom_fields_many="single" not in routes.values())
    reckoned = estimate(document, migration.pair, counts, pace, unqualified=open_leads)
    adopted: Mapping[str, int] = await migration.ledger.setting(FOUND) or {}
    others = {name: count - adopted.get({"open_leads": "leads"}.get(name, name), 0) for name, count in found["destination"].items()}
    room = headroom(migration.terms.limits, needs(document, reference, others, counts.get(migration.pair.person.kind, 0), open_leads))
    reckoned = replace(reckoned, warnings=(*reckoned.warnings, *room))
    unreadable = sum(found["coverage"].get(stream.kind, "ok") != "ok" for stream in migration.source.streams())
    constraints = len(gaps) + len(todo) + len(room) + unreadable + ("single" in routes.values())
    migration.report("scope", {
        "inventory": found,
        "map": {"digest": proposed["digest"], "rows": [row for one in proposed["document"]["objects"] for row in _rows(one)]},
        "rule": {"text": settings["rule"], "unqualified": settings["unqualified"], "leads_concerned": sizes.unqualified},
        "fields_to_create": [asdict(each) for each in required_fields(document)],
        "compatibility": {**asdict(compatibility(document)), "text": compatibility(document).text()},
        "grade": asdict(grade(document, reckoned.records, constraints=constraints)),
        "estimate": {**asdict(reckoned), "hours": reckoned.hours},
        "platforms": [
            {"platform": name, "sign_in": migration.terms.sign_in.get(name, ""), "calls_per_s_at_most": cap}
            for name, cap in migration.terms.pace_caps.items()
        ],
        "currency": f"amounts without a currency are taken as {settings['currency']}; an amount in another one keeps its text",
        "plan_gaps": gaps,
        "to_do": [{"what": what, "until_then": fallback, "rows": rows_waiting(document, migration.pair, what)} for what, fallback in todo],
        "owners": without_user(await OwnersGate(migration).look()),
        "belongs_to_nobody": (await find_orphans(migration, document)).to_json(),
        "readback": routes,
        "out_of_scope": migration.pair.out_of_scope,
        "hand_off": migration.pair.hand_off,
    })
    return reckoned


def needs(
    document: MapDocument, reference: Reference, present: Mapping[str, int], people: int, open_leads: int
) -> dict[str, int]:
    """Give what the destination will hold at most, by the names of the plan's caps."""
    existing = {(each.entity, each.label) for each in reference.custom_fields}
    new = {(each.entity, each.label) for each in required_fields(document)} - existing
    return {
        "contacts": present.get("contacts", 0) + people, "open_leads": present.get("open_leads", 0) + open_leads,
        "custom_fields": len(existing) + len(new),
    }


def headroom(limits: Mapping[str, int], wanted: Mapping[str, int]) -> list[str]:
    """Warn where a cap of the plan that the operator knows is passed or nearly reached (G-18)."""
    found: list[str] = []
    for name, limit in limits.items():
        count, words = wanted.get(name, 0), name.replace("_", " ")
        if count > limit:
            found.append(f"{count:,} {words} are needed at most and the plan allows {limit:,}: the run stops before the cap")
        elif count > limit * LITTLE_ROOM:
            found.append(f"{count:,} {words} are needed at most and the plan allows {limit:,}: little room is left")
    return found


async def _sizes(migration: Migration, document: MapDocument) -> Sizes:
    """Count companies and unqualified people, a page at a time."""
    mapper = compile_map(document, migration.pair, Context())
    clusters = Clusters(document.companies, {})
    companies = Numbers()
    unqualified = 0
    async for page in migration.ledger.every(migration.pair.person.kind):
        for staged in page:
            unqualified += mapper.is_unqualified(staged.record)
            if (key := clusters.cluster_of(*mapper.company_text(staged.record))) is not None:
                companies[key] = 1
    return Sizes(companies=len(companies), unqualified=unqualified)


def _rows(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"object": f"{one['source']} → {one['destination']}", "cardinality": one["cardinality"], **row} for row in one["rows"]]
