"""What the destination account does not offer, each with the rows of the map that it concerns (G-21)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.mapping.pair import Pair
from streamflow.mapping.schema import needed_objects, required_fields
from streamflow.mapping.settings import settings_of
from streamflow.platforms.destination import Reference

_ACTIVITIES: Final = {"activity type Email": "mail", "activity type Phone call": "call"}   # -> the shape that needs it


def plan_gaps(document: MapDocument, pair: Pair, reference: Reference, account: Mapping[str, Any]) -> list[dict[str, str]]:
    """Name what the account's plan, permissions or set-up does not offer, each with the rows of the map that it concerns. Pure."""
    told = [str(each) for name in ("lacking", "warnings") for each in account.get(name) or ()]
    gaps = [{"gap": each, "rows": _rows_behind(document, reference, each)} for each in told]
    if account.get("is_admin") is False:
        gaps.append({"gap": "the user is no administrator and may not create custom fields", "rows": _new_fields(document, reference)})
    settings = settings_of(document.settings, pair)
    closed = {str(name).strip().lower() for name in reference.plan.get("closed_pipelines") or ()}
    if settings["unqualified"] == "lead" and str(settings["stageset"]).strip().lower() in closed:
        rows = _rows(document, lambda one, _: one.destination == "leads")
        gaps.append({"gap": f"the plan does not open the pipeline {settings['stageset']}", "rows": rows})
    if not reference.teams:
        groups = pair.kind_naming("group")
        gaps.append({"gap": "no teams are offered: groups stay a table", "rows": _rows(document, lambda _, row: groups in row.source)})
    return gaps


def rows_waiting(document: MapDocument, pair: Pair, what: str) -> str:
    """Name the rows that a to-do of the administrator concerns. Pure."""
    shape = _ACTIVITIES.get(what)
    if shape is not None:
        return _rows(document, lambda one, _: (pair.of(one.source).shape, one.destination) == (shape, "activities"))
    return _rows(document, lambda one, _: one.destination == "leads")


def _rows_behind(document: MapDocument, reference: Reference, warning: str) -> str:
    """Name the rows behind what the look at the account warned of; "" for what concerns no row, as the right to undo."""
    if "canAccessSetup" in warning or "custom fields" in warning:
        return _new_fields(document, reference)
    if "canAssignEntities" in warning:
        return _rows(document, lambda _, row: (row.target or "").startswith(("link:owner", "link:assignee")))
    return ""


def _new_fields(document: MapDocument, reference: Reference) -> str:
    """Name the rows whose custom field is not there yet and has to be made."""
    there = {(each.entity, each.label) for each in reference.custom_fields}
    new = {(each.entity, f"custom:{each.label}") for each in required_fields(document) if (each.entity, each.label) not in there}
    return _rows(document, lambda one, row: (one.destination, row.target) in new)


def _rows(document: MapDocument, concerned: Callable[[ObjectMap, Row], bool]) -> str:
    return "; ".join(
        f"{one.source}.{row.source} → {one.destination}.{row.target}"
        for one in needed_objects(document) for row in one.rows if row.target is not None and concerned(one, row)
    )
