"""Addresses that are another person's primary one: kept, but not primary, and labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Create
from streamflow.model import Draft
from streamflow.stages.job import Job

LABEL = "shared"


def with_shared(job: Job) -> list[Draft]:
    """Give the drafts of a job with shared addresses labelled, as decided now or when the record was made."""
    shared: list[str] = list(job.decision.shared) if isinstance(job.decision, Create) else []
    if job.main is not None:
        shared += [str(each.get("value", "")) for each in job.main.base.get("emails") or [] if each.get("name") == LABEL]
    if not shared or not job.drafts:
        return job.drafts
    fields: dict[str, Any] = with_shared_addresses(dict(job.drafts[0].fields), shared)
    return [replace(job.drafts[0], fields=fields), *job.drafts[1:]]


def with_shared_addresses(fields: dict[str, Any], shared: Sequence[str]) -> dict[str, Any]:
    """Label addresses that are another person's primary one: kept, not primary (two people never share a primary address)."""
    emails = fields.get("emails")
    if not shared or not isinstance(emails, list):
        return fields
    names = {normal(text) for text in shared}
    marked = [
        {**each, "name": LABEL, "isPrimary": False} if normal(str(each.get("value", ""))) in names else each for each in emails
    ]
    if marked and not any(each.get("isPrimary") for each in marked):
        own = next((place for place, each in enumerate(marked) if each.get("name") != LABEL), None)
        if own is not None:
            marked[own] = {**marked[own], "isPrimary": True}
    return {**fields, "emails": marked}
