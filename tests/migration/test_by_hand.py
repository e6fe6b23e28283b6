"""People of the destination who add somebody by hand while the migration stands at its gates, or moves them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streamflow.migration.life import State
from streamflow.reports.lookalikes import lookalikes
from streamflow.reports.reconciliation import reconciliation
from tests.migration.rig import ASK_CUTOVER, in_tail, voyage


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


async def test_who_is_added_by_hand_too_late_is_named_beside_ours(tmp_path: Path) -> None:
    """A person and a company entered when theirs were moved already stand beside ours, and the reconciliation names both; no namesake."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        assert list(await lookalikes(trip.ledger)) == []
        lines = [link async for page in trip.ledger.crosswalk() for link in page if link.ours and not link.is_merged]
        shared = Counter(str(each["value"]).lower() for link in lines for each in link.base.get("emails") or [])
        person = next(link for link in lines if link.dest_kind == "contacts" and link.base.get("emails")
                      and shared[str(link.base["emails"][0]["value"]).lower()] == 1)
        company = next(link for link in lines if link.dest_kind == "accounts")
        email = person.base["emails"][0]["value"]
        twin = trip.in_destination("create", kind="contacts", values={
            "name": person.base["name"], "emails": [{"name": "work", "value": email, "isPrimary": True}],
        })
        trip.in_destination("create", kind="contacts", values={"name": person.base["name"]})
        firm = trip.in_destination("create", kind="accounts", values={"name": company.base["name"]})
        await in_tail(trip)
        told = (await reconciliation(trip.ledger, trip.m.pair))["lookalikes"]
        assert {(row["destination"], row["record"], row["beside"]) for row in told} == {
            ("contacts", person.dest_id, twin["id"]), ("accounts", company.dest_id, firm["id"]),
        }
        trip.in_destination("delete", kind="contacts", id=twin["id"])
        await in_tail(trip)
        assert [row["beside"] for row in await lookalikes(trip.ledger)] == [firm["id"]]
