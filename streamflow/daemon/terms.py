"""The configuration turned into the plain values that the phases work by."""

from __future__ import annotations

from typing import Any

from streamflow.config import Config
from streamflow.migration.terms import Terms
from streamflow.platforms.catalog import destination_of, source_of


def terms_of(config: Config) -> Terms:
    """Give the terms of the migration a configuration describes."""
    rule = config.leads.rule
    source, destination = source_of(config.source.platform), destination_of(config.destination.platform)
    limits = config.destination.limits
    return Terms(
        name=config.migration.name,
        state_dir=config.migration.state_dir,
        timezone=config.source.timezone,
        gates={"map": config.gates.map, "owners": config.gates.owners, "sample": config.gates.sample, "cutover": config.gates.cutover},
        fallback_owner=config.owners.fallback,
        owners_file=config.owners.file,
        unqualified=config.leads.unqualified,
        unqualified_rule=_rule(rule),
        map_file=config.map.file,
        sample_size=config.sample.size,
        cutover_mode=config.cutover.mode,
        cutover_deadline_s=config.cutover.deadline_s,
        watch_days=config.cutover.watch_days,
        future_activities=config.cutover.future_activities,
        poll_s=config.delta.poll_s,
        settle_s=config.delta.settle_s,
        sweep_every_s=config.delta.sweep_every_s,
        stream_poll_s={kind: each.poll_s for kind, each in config.source.streams.items() if each.poll_s is not None},
        stream_settle_s={kind: each.settle_s for kind, each in config.source.streams.items() if each.settle_s is not None},
        expected_counts=dict(config.source.expected_counts),
        volume_override=config.migration.volume_override,
        limits={
            name: value
            for name, value in (("open_leads", limits.open_leads), ("contacts", limits.contacts), ("custom_fields", limits.custom_fields))
            if value is not None
        },
        flags=dict(config.destination.flags),
        pace_caps={source.name: config.pace_source.rate_per_s, destination.name: config.pace_destination.rate_per_s},
        sign_in={
            source.name: source.sign_in if config.source.reader == "api" else "none: export files",
            destination.name: destination.sign_in,
        },
    )


def _rule(rule: Any) -> dict[str, Any]:
    if rule is None:
        return {}
    return {"rule": rule} if isinstance(rule, str) else dict(rule)
