"""The custom fields a map needs in the destination, and what to do when the plan allows fewer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from streamflow.mapping.catalogue import DETAILS, WITH_CUSTOM_FIELDS
from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.mapping.settings import makes_open_leads
from streamflow.model import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededField:
    """One custom field to exist before the first record is written."""

    entity: Kind  # accounts | contacts | leads
    label: str
    family: str
    choices: tuple[str, ...] = ()
    optional: bool = False  # where the account does not take it, what it would hold goes into a note


def needed_objects(document: MapDocument) -> Iterator[ObjectMap]:
    """Give the object maps that will be written; leads beside people only when unqualified ones become such."""
    people = {one.source for one in document.objects if one.destination == "contacts"}
    for one in document.objects:
        if one.destination != "leads" or one.source not in people or makes_open_leads(document.settings):
            yield one


def required_fields(document: MapDocument) -> list[NeededField]:
    """List the custom fields the map needs, each once, in the map's order, what is optional last; choices of several rows are joined."""
    found: dict[tuple[Kind, str], NeededField] = {}
    for one in needed_objects(document):
        if one.destination not in WITH_CUSTOM_FIELDS:
            continue
        for row in one.rows:
            if row.target is None or not row.target.startswith("custom:"):
                continue
            label = row.target.removeprefix("custom:")
            choices = tuple(str(choice) for choice in row.params.get("choices", ())) if row.family == "choice" else ()
            before = found.get((one.destination, label))
            joined = tuple(dict.fromkeys((*(before.choices if before else ()), *choices)))
            found[one.destination, label] = NeededField(entity=one.destination, label=label, family=row.family, choices=joined)
    if (extra := details_field(document)) is not None:
        found.setdefault((extra.entity, extra.label), extra)
    return list(found.values())


def details_field(document: MapDocument) -> NeededField | None:
    """
    Give the long field of deals that holds the lines without a field of their own; None where a note beside the deal does.

    Maps from before there was such a field do not name one; a label that a row of the map fills is not free for it.
    """
    label = str(document.settings.get("details_field") or "")
    people = {one.source for one in document.objects if one.destination == "contacts"}
    deals = [one for one in document.objects if one.destination == "leads" and one.source not in people]
    if not label or not deals or any(row.target == f"custom:{label}" for one in needed_objects(document) for row in one.rows):
        return None
    return NeededField(entity="leads", label=label, family="long", optional=True)


def fit_to_limit(
    document: MapDocument, limit: int, existing: Collection[tuple[Kind, str]], filled: Mapping[tuple[Kind, str], int]
) -> MapDocument:
    """
    Fold the least filled fields of the source into labelled lines until the rest fits the plan's *limit*.

    Args:
        limit: Custom fields the plan allows in all; what streamflow itself needs is never folded, even when it does not fit; the details
            of deals are the first to do without a field.
        existing: (entity, label) of fields that exist already; they count, and rows that use them are kept.
        filled: Source kind and field to how often it is filled.
    """
    there = set(existing)
    new = [need for need in required_fields(document) if (need.entity, need.label) not in there]
    too_many = len(there) + len(new) - limit
    if too_many > 0 and any(need.optional for need in new):
        document = replace(document, settings={**document.settings, "details_field": ""})
        too_many -= 1
    if too_many <= 0:
        return document
    weight: dict[tuple[Kind, str], int] = {}
    for one, row in _foldable(document):
        key = (one.destination, (row.target or "").removeprefix("custom:"))
        if key not in there:
            weight[key] = weight.get(key, 0) + filled.get((one.source, row.source), 0)
    folded = set(sorted(weight, key=lambda key: (weight[key], key))[:too_many])
    return replace(document, objects=tuple(_fold(one, folded, limit) for one in document.objects))


def _foldable(document: MapDocument) -> Iterator[tuple[ObjectMap, Row]]:
    for one in needed_objects(document):
        if one.takes_custom:
            for row in one.rows:
                if row.source.startswith("custom:") and (row.target or "").startswith("custom:"):
                    yield one, row


def _fold(one: ObjectMap, folded: set[tuple[Kind, str]], limit: int) -> ObjectMap:
    if not one.takes_custom:
        return one
    home = DETAILS if one.destination == "leads" else "description"
    rows = tuple(
        replace(
            row,
            target=home,
            transform="block",
            reason=f"the plan allows {limit} custom fields; kept as a labelled line",
        )
        if row.source.startswith("custom:") and (one.destination, (row.target or "").removeprefix("custom:")) in folded
        else row
        for row in one.rows
    )
    return replace(one, rows=rows)
