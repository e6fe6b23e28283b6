"""
Reference data of the destination as the map needs it: activity types, pipelines, lead sources; and what only people can make.

Rule: what is missing is a to-do with a stated fallback; it is looked for again, and what has appeared is used from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.ledger_names import (
    REFERENCE_ACTIVITY_TYPES,
    REFERENCE_FIRST_STAGES,
    REFERENCE_OUTCOMES,
    REFERENCE_SOURCES,
    REFERENCE_STAGES,
    REFERENCE_STAGESETS,
    REFERENCE_TEAMS,
)
from streamflow.mapping.document import MapDocument
from streamflow.mapping.pair import Pair
from streamflow.mapping.settings import makes_open_leads, settings_of, value_map
from streamflow.mapping.steps import STILL_OPEN
from streamflow.migration.context import Migration
from streamflow.migration.sources import lead_sources
from streamflow.model import DestId, QueueItem
from streamflow.platforms.destination import Reference
from streamflow.stages.questions import closed
from streamflow.store.change import Change, Enqueue, PutSetting

TO_DO = "to_do"


async def look_again(migration: Migration, document: MapDocument) -> None:
    """
    Read the destination's reference data, find or make the lead sources that open leads need, and renew the to-do list.

    Writes to the ledger only what has changed; raises what the destination raises.
    """
    reference = await migration.destination.schema.reference()
    settings = settings_of(document.settings, migration.pair)
    sources: Mapping[str, DestId] = {}
    if needs_sources(document, migration.pair):
        sources = await lead_sources(migration, reference, await _labels(migration), settings["source_values"])
    todo = missing_reference(reference, document, migration.pair)
    wanted: dict[str, Any] = {
        REFERENCE_SOURCES: dict(sources), REFERENCE_ACTIVITY_TYPES: dict(reference.activity_types),
        REFERENCE_TEAMS: dict(reference.teams), REFERENCE_STAGES: dict(reference.stages),
        REFERENCE_FIRST_STAGES: dict(reference.first_stages),
        REFERENCE_STAGESETS: dict(reference.stagesets), REFERENCE_OUTCOMES: dict(reference.outcomes),
        "todo": [{"what": name, "fallback": fallback} for name, fallback in todo],
    }
    changes: list[Change] = [
        PutSetting(name=name, value=value) for name, value in wanted.items() if await migration.ledger.setting(name) != value
    ]
    if changes:
        await migration.ledger.commit([*changes, *await _to_do(migration, todo)])


async def _to_do(migration: Migration, todo: list[tuple[str, str]]) -> list[Change]:
    """Queue what is missing, and close what has appeared."""
    open_items = {item.key: item for item in await migration.ledger.queue(cause=TO_DO)}
    changes: list[Change] = [
        Enqueue(item=QueueItem(
            id=f"todo:{name}", cause=TO_DO, kind="", key=name, reason=f"{name} is missing in the destination; until it exists: {fallback}",
            decisions=("done", "waive"), suggested="waive",
        ))
        for name, fallback in todo
    ]
    for name in open_items.keys() - {name for name, _ in todo}:
        changes += closed(open_items[name], "done")
    return changes


async def _labels(migration: Migration) -> dict[str, str]:
    """Give the labels in use: source key -> label, and labels that only the records they brought carry."""
    labels: dict[str, str] = {}
    if (plan := migration.pair.naming("source")) is not None:
        async for page in migration.ledger.every(plan.kind):
            for staged in page:
                if label := str(staged.record.data.get(plan.label) or "").strip():
                    labels[staged.record.key] = label
    for kind, name in migration.pair.source_fields():
        async for page in migration.ledger.every(kind):
            for staged in page:
                if label := str(staged.record.data.get(name) or "").strip():
                    labels.setdefault(label, label)
    return labels


def needs_sources(document: MapDocument, pair: Pair) -> bool:
    """Say whether records are written that name a lead source: open leads beside people when such are wanted, deals of their own always."""
    beside = makes_open_leads(settings_of(document.settings, pair))
    written = [one for one in document.objects if one.destination == "leads" and (beside or one.source != pair.person.kind)]
    return any(row.transform == "native_source" and row.target is not None for one in written for row in one.rows)


def missing_reference(reference: Reference, document: MapDocument, pair: Pair) -> list[tuple[str, str]]:
    """What people have to make in the web app, each with what happens until then."""
    missing: list[tuple[str, str]] = []
    settings = settings_of(document.settings, pair)
    shapes = {pair.of(kind).shape for kind in pair.written}
    if "mail" in shapes and not any(name in reference.activity_types for name in ("email", "e-mail")):
        missing.append(("activity type Email", "e-mails become notes with a header"))
    if "call" in shapes and not any("call" in name for name in reference.activity_types):
        missing.append(("activity type Phone call", "calls become notes with a header"))
    if settings.get("stageset") and str(settings["stageset"]).lower() not in reference.stagesets:
        missing.append((f"pipeline {settings['stageset']}", "open leads stay in the default pipeline"))
    return [*missing, *_missing_words(reference, document, settings)]


def _missing_words(reference: Reference, document: MapDocument, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name the stages and outcomes that value maps lead to and the account has not."""
    missing: list[tuple[str, str]] = []
    stages = {_stage_name(name, reference) for name in reference.stages}
    usual = str(settings.get("stageset") or "").strip()
    for word in _words(document, settings, "stage"):
        name = word if "/" in word or not usual else f"{usual}/{word}"
        if not word.endswith("-stages") and not any(name.lower() in (each, each.partition("/")[2]) for each in stages):
            missing.append((f"stage {name}", "deals stay in the usual stage; the source's own word is kept in a field"))
    named = (word for word in _words(document, settings, "outcome") if word.lower() not in STILL_OPEN)
    outcomes = [word for word in named if not word.endswith("-outcomes")]
    lacking = [word for word in outcomes if word.lower() not in reference.outcomes]
    return [*missing, *((f"outcome {word}", "deals stay open; the source's own word is kept in a field") for word in lacking)]


def _words(document: MapDocument, settings: Mapping[str, Any], transform: str) -> list[str]:
    """Give the names of the destination that value maps of a transform lead to, each once."""
    found = [
        word for one, row in document.rows() if row.transform == transform and row.target is not None
        for word in value_map(settings, one.source, row.source, row.params).values()
    ]
    return [word for word in dict.fromkeys(each.strip() for each in found) if word]


def _stage_name(name: str, reference: Reference) -> str:
    """Give "pipeline/stage" in lower case for "stageset id/stage"."""
    stageset, _, stage = name.partition("/")
    pipelines = {dest_id: text for text, dest_id in reference.stagesets.items()}
    return f"{pipelines.get(stageset, stageset)}/{stage}".lower()
