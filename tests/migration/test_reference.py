"""What the destination must have before deals are moved: lead sources, and the stages and outcomes that value maps name."""

from __future__ import annotations

from typing import Any

from streamflow.migration.reference import missing_reference, needs_sources
from streamflow.platforms.destination import Reference
from tests.mapping.builders import PAIR, proposed
from tests.mapping.porch import PORCH, document

THERE = Reference(
    activity_types={"meeting": "1-activityTypes"}, stagesets={"field": "2-stagesets", "sales": "1-stagesets"},
    stages={"2-stagesets/measure": "6-stages", "1-stagesets/ordered": "5-stages"}, outcomes={"won": "1-outcomes", "lost": "2-outcomes"},
)  # fmt: skip


def missing(reference: Reference, **settings: Any) -> set[str]:
    """Name what is on the to-do list for the made-up pair."""
    return {what for what, _ in missing_reference(reference, document(**settings), PORCH)}


def test_names_of_value_maps_are_on_the_list_until_they_are_there() -> None:
    """Stages count with or without their pipeline, ids stand for themselves, and each name is asked for once."""
    assert missing(THERE) == set()
    assert missing(Reference()) == {"stage Field/Measure", "stage Ordered", "outcome won", "outcome lost"}
    assert missing(THERE, stageset="Field") == {"stage Field/Ordered"}
    values = {"quote.step": {"Done": "Field/Done", "Old": "9-stages"}, "quote.state": {"Gone": "Cancelled", "Away": "Cancelled"}}
    assert missing(THERE, values=values) == {"stage Field/Done", "outcome Cancelled"}


def test_sources_are_needed_where_something_names_them() -> None:
    """Deals of their own name lead sources whatever becomes of people; beside people only open leads that are wanted do."""
    assert needs_sources(document(), PORCH)
    assert not needs_sources(proposed(), PAIR)
    assert needs_sources(proposed(unqualified="lead"), PAIR)
