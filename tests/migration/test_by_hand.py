"""People of the destination who add somebody by hand while the migration stands at its gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.migration.life import State
from tests.migration.rig import voyage


@pytest.mark.parametrize("at", [State.MAP, State.BACKFILL])
async def test_who_was_added_by_hand_before_they_were_moved_is_not_made_again(tmp_path: Path, at: State) -> None:
    """Somebody whom people enter themselves after stock was taken, before the sample or after it, is matched and not doubled."""
    async with voyage(tmp_path, at=at, records=30) as trip:
        there = {str(each.get("value")).lower() for row in trip.live("contacts").values() for each in row.get("emails") or []}
        leads = {key: staged.record.data for key, staged in (await trip.staged("lead")).items()}
        addresses = [str(data["email"]).lower() for data in leads.values()]
        key = next(key for key, data in sorted(leads.items())
                   if (email := str(data["email"]).lower()).count("@") == 1 and email not in there and addresses.count(email) == 1)
        emails = [{"name": "work", "value": leads[key]["email"], "isPrimary": True}]
        row = trip.in_destination("create", kind="contacts", values={"name": leads[key]["name"], "emails": emails})
        await trip.until(State.TAIL)
        [link] = [link for link in await trip.ledger.links_of("lead", [key]) if link.ref.part == ""]
        assert (link.dest_id, link.ours) == (row["id"], False)
        address = str(leads[key]["email"]).lower()
        assert [rid for rid, each in trip.live("contacts").items() if address in str(each.get("emails")).lower()] == [row["id"]]
