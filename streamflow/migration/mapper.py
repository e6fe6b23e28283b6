"""The compiled map of this migration: what it needs to know of names, types and addresses, taken from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from streamflow.ledger_names import REFERENCE_ACTIVITY_TYPES, REFERENCE_OUTCOMES, REFERENCE_STAGES, REFERENCE_STAGESETS
from streamflow.mapping.compiled import Mapper, compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.mapping.pair import Role
from streamflow.mapping.schema import details_field
from streamflow.migration.companies import CompanyTable
from streamflow.migration.context import Migration
from streamflow.migration.schema import defined_fields
from streamflow.model import Key, Kind


async def labels(migration: Migration) -> dict[tuple[Kind, Key], str]:
    """Names of what records refer to (users, statuses, sources, groups) by key; of users by their address as well."""
    found: dict[tuple[Kind, Key], str] = {}
    users = migration.pair.kind_naming("user")
    for kind in migration.pair.in_role(Role.REFERENCE):
        plan = migration.pair.of(kind)
        async for page in migration.ledger.every(kind):
            for staged in page:
                data: Mapping[str, Any] = staged.record.data
                name = str(data.get(plan.label) or "").strip()
                if name:
                    found[kind, staged.record.key] = name
                    if kind == users and (email := plan.told(data, "email")):
                        found[kind, str(email).strip().lower()] = name
    return found


async def make_mapper(
    migration: Migration, document: MapDocument, table: CompanyTable, people_by_email: Mapping[str, Key] | None = None
) -> Mapper:
    """Compile the confirmed map for what this account and the destination's flags are like now."""
    names = await labels(migration)
    flags = migration.destination.flags
    activity_types = dict(await migration.ledger.setting(REFERENCE_ACTIVITY_TYPES) or {})
    by_email = people_by_email if people_by_email is not None else {}
    extra, defined = details_field(document), await defined_fields(migration.ledger)
    now_s = int(migration.clock.now().timestamp())
    backdated = "activity" if flags.activity_backdate else "note"
    has_email_type = any(name in activity_types for name in ("email", "e-mail"))
    context = Context(
        company_of=table.companies.cluster_of,
        person_by_email=lambda address: by_email.get(address),
        label_of=lambda kind, key: names.get((kind, key)) or names.get((kind, key.strip().lower())),
        activity_types=activity_types,
        stagesets=dict(await migration.ledger.setting(REFERENCE_STAGESETS) or {}),
        stages=dict(await migration.ledger.setting(REFERENCE_STAGES) or {}),
        stage_write=flags.lead_stage_write != "none",
        outcomes=dict(await migration.ledger.setting(REFERENCE_OUTCOMES) or {}),
        as_={"call": backdated, "meeting": backdated, "mail": backdated if has_email_type else "note"},
        note_max_chars=flags.note_max_chars,
        details_field=extra.label if extra is not None and (extra.entity, extra.label) in defined else "",
        details_max_chars=flags.long_text_max_chars,
        note_backdate=flags.note_backdate,
        task_complete=flags.task_complete,
        now_s=now_s + int(timedelta(minutes=1) / timedelta(seconds=1)),
        future_activities=migration.terms.future_activities,
    )
    return compile_map(document, migration.pair, context)
