"""Addresses that are another person's primary one: kept, but not primary, and labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from streamflow.mapping.emails import normal
from streamflow.model import Draft, Link
from streamflow.stages.job import Job

LABEL = "shared"


def with_shared(job: Job, target: Link | None) -> list[Draft]:
    """
    Give the drafts of a job with lent addresses labelled: those found to be so now, and those that *target* has as such already.

    *target* is the line of the person the job writes to: its own, or the head's where it was merged.
    """
    shared: list[str] = list(job.lent.addresses) if job.lent is not None else []
    if target is not None:
        shared += [str(each.get("value", "")) for each in target.base.get("emails") or [] if each.get("name") == LABEL]
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
