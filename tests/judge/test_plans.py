"""The judge of plans: what was done otherwise than planned is found, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.judge.plans import against_plan

SPARED = {"kind": "contacts", "id": "7-contacts", "source": "lead:1", "reason": "changed by people since: name"}
OTHER = {**SPARED, "id": "8-contacts", "source": "lead:2"}
SOURCE = {"id": "7-sources", "name": "Fair", "action": "removed", "reason": ""}
PROBE = {"kind": "activities", "id": "3-activities", "name": "Streamflow probe 1", "action": "removed"}
PLAN: dict[str, Any] = {
    "scope": "run", "deleted": 9, "restored": 1, "gone_already": 0, "spared": [SPARED], "sources": [SOURCE], "probe_records": [PROBE],
}


def test_what_was_planned_and_done_is_no_finding() -> None:
    """Reasons may be worded anew, and what else a report tells is its own affair."""
    assert list(against_plan(PLAN, {**PLAN, "spared": [{**SPARED, "reason": "people have added records to it"}], "read_back": 9})) == []


@pytest.mark.parametrize("changed", [
    {"deleted": 8}, {"restored": 0}, {"spared": []}, {"spared": [OTHER]}, {"spared": [SPARED, OTHER]}, {"scope": "kind:lead"},
    {"sources": []}, {"sources": [{**SOURCE, "action": "kept"}]}, {"sources": [SOURCE, {**SOURCE, "id": "8-sources"}]},
    {"probe_records": []}, {"probe_records": [PROBE, {**PROBE, "name": "Streamflow probe 2"}]},
])  # fmt: skip
def test_whatever_was_done_otherwise_is_found(changed: dict[str, Any]) -> None:
    """Another number, another scope, and as many spared records that are others."""
    assert list(against_plan(PLAN, {**PLAN, **changed}))


def test_a_rollback_without_a_plan_is_found() -> None:
    """A plan that was not there is no plan that was kept."""
    [found] = against_plan(None, PLAN)
    assert found.verdict == "unexplained"
