"""The comparison of what a run left beside records: what is right passes, each planted error is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.judge.beside import left_beside
from tests.judge.states import destination_of

Dump = dict[str, Any]
KEPT = "7-sources"


def before() -> Dump:
    """What was there before the run."""
    return {
        "leads": [{"id": "1-leads", "links": {"sources": ["1-sources"]}}], "tags": [{"id": "1-tags", "name": "VIP"}],
        "sources": [{"id": "1-sources", "name": "Website"}], "customFields": {"leads": [{"title": "Budget"}], "contacts": []},
    }


def after() -> Dump:
    """What is left: a deal of a person's that names a source of the run, and a custom field."""
    dump = before()
    dump["leads"].append({"id": "2-leads", "links": {"sources": [KEPT]}})
    dump["sources"].append({"id": KEPT, "name": "Fair"})
    dump["customFields"]["contacts"].append({"title": "Streamflow ID"})
    return dump


def report() -> Dump:
    """What the report says of it."""
    return {
        "sources": [{"id": KEPT, "action": "kept"}, {"id": "8-sources", "action": "removed"}],
        "cannot_be_removed_by_api": {"custom_fields": [{"entity": "contacts", "label": "Streamflow ID"}]},
    }


def _found(dump: Dump, said: Dump) -> list[tuple[str, str]]:
    return [(each.fault, each.what) for each in left_beside(destination_of(before()), destination_of(dump), said)]


def test_what_is_right_passes() -> None:
    """What is listed may stay, what was there before is as it was."""
    assert _found(after(), report()) == []


@pytest.mark.parametrize(("change", "found"), [
    (lambda dump, _: dump["sources"].append({"id": "8-sources", "name": "Radio"}), ("stray", "8-sources")),
    (lambda dump, _: dump["tags"].append({"id": "2-tags", "name": "moved"}), ("stray", "2-tags")),
    (lambda dump, _: dump["customFields"]["leads"].append({"title": "Lead Status"}), ("stray", "leads/Lead Status")),
    (lambda dump, _: dump["sources"].pop(0), ("foreign touched", "1-sources")),
    (lambda dump, _: dump["sources"][0].update(name="Web"), ("foreign touched", "1-sources")),
    (lambda dump, _: dump["tags"].clear(), ("foreign touched", "1-tags")),
    (lambda dump, _: dump["customFields"]["leads"].clear(), ("foreign touched", "leads/Budget")),
    (lambda dump, _: dump["sources"].pop(), ("overwritten", "2-leads")),
    (lambda dump, _: dump["sources"].pop(), ("unexplained", KEPT)),
    (lambda dump, _: dump["sources"][1].update(deletedTime=1), ("overwritten", "2-leads")),
    (lambda dump, _: dump["customFields"]["contacts"].clear(), ("unexplained", "contacts/Streamflow ID")),
    (lambda _, said: said["sources"].pop(0), ("stray", KEPT)),
    (lambda _, said: said["sources"][0].update(action="removed"), ("stray", KEPT)),
    (lambda _, said: said["cannot_be_removed_by_api"]["custom_fields"].clear(), ("stray", "contacts/Streamflow ID")),
], ids=[
    "a source left", "a tag left", "a field left", "their source gone", "their source renamed", "their tag gone", "their field gone",
    "a source gone from a lead", "one said to be kept is gone", "a source deleted under a lead", "a field said to stay is gone",
    "a source not listed", "a source said to be removed", "a field not listed",
])  # fmt: skip
def test_each_planted_error_is_found(change: Callable[[Dump, Dump], None], found: tuple[str, str]) -> None:
    """Whatever stays unsaid, goes that is people's, or is told otherwise than it is, is named."""
    dump, said = after(), report()
    change(dump, said)
    assert found in _found(dump, said)
