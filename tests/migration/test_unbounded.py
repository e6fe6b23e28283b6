"""An account whose lists lag longer than the probe looks: what is known of it bounds nothing, so nothing is made again unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.migration.life import State
from tests.migration.rig import NO_PROBES, voyage, with_terms

UNMEASURED = {name: value for name, value in NO_PROBES.items() if name != "search_lag_s"}


@pytest.mark.parametrize("is_measured", [True, False], ids=["measured", "not measured"])
async def test_a_lag_that_was_not_measured_is_no_bound(tmp_path: Path, is_measured: bool) -> None:
    """The lag a flag has by default before any probe is not taken for a bound: what does not show is left to a person, with why."""
    async with voyage(tmp_path, at=State.BACKFILL) as trip:
        await trip.set("capabilities", dict(NO_PROBES if is_measured else UNMEASURED))
        with_terms(trip, flags={})
        trip.site.faults.merge({"reset_before": {"match": "POST /rest/contacts", "times": 1}})
        await trip.phase()
        items = await trip.items("in_doubt")
        assert [item.reason.partition(": ")[2] for item in items] == ([] if is_measured else ["no bound for the search lag is known"])
        assert all(item.blocking for item in items)
