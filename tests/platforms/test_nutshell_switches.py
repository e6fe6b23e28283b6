"""Both answers to single capabilities of an account, as the doors meet them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from streamflow.errors import ConfigError, NotPermitted, RecordRejected
from streamflow.model import Fields
from streamflow.platforms.destination import FieldSpec
from streamflow.platforms.nutshell.flags import NOT_USED, Flags
from streamflow.sandbox.nutshell.switches import NEVER_MET

from .nutshell_rig import OTHER, Rig, rig


async def _person(made: Rig, name: str = "Nia Okafor", **more: Any) -> str:
    return await made.nutshell.writer.create("contacts", {"name": name, **more})


@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_team_owns_only_where_teams_may(is_taken: bool) -> None:
    """With the flag a team owns the lead that names it; without it nobody is named, and the lead is made all the same."""
    async with rig(switches={"team_owner": is_taken}, flags={"team_owner": is_taken}) as made:
        team = next(iter((await made.nutshell.schema.reference()).teams.values()))
        fields: Fields = {"description": "x", "link:contacts": [await _person(made)], "link:owner": team}
        lead = await made.nutshell.writer.create("leads", fields)
        assert (made.stored("leads", lead)["links"].get("owner") == team) is is_taken


@pytest.mark.parametrize(("rule", "held"), [("refused", None), ("ignored", None), ("added", "Purple")])
async def test_a_choice_that_is_not_listed_is_told(rule: str, held: str | None) -> None:
    """Refused it is a rejection that names the field; ignored or added, what is read back says which."""
    async with rig(switches={"cf_unlisted_choice": rule}) as made:
        await made.nutshell.schema.define(FieldSpec(entity="contacts", label="Colour", family="choice", choices=("Red",)))
        if rule == "refused":
            with pytest.raises(RecordRejected) as caught:
                await _person(made, **{"custom:Colour": "Purple"})
            assert caught.value.field == "Colour"
            return
        person = await _person(made, **{"custom:Colour": "Purple"})
        read = await made.nutshell.reader.read("contacts", [person], custom=True)
        assert read[person].get("custom:Colour") == held


@pytest.mark.parametrize("needs_account", [True, False])
async def test_a_job_title_that_did_not_stick_is_seen(needs_account: bool) -> None:
    """A title sent to a person without a company reads back as it is, so that a difference is told."""
    async with rig(switches={"job_title_needs_account": needs_account}) as made:
        person = await _person(made)
        await made.nutshell.writer.update("contacts", person, {"jobTitle": "Boss"}, now={})
        read = await made.nutshell.reader.read("contacts", [person], custom=True)
        assert (read[person].get("jobTitle") == "Boss") is not needs_account


@pytest.mark.parametrize("must_be_admin", [True, False])
async def test_only_who_may_make_fields_is_asked_to(must_be_admin: bool) -> None:
    """A key of somebody who is no administrator makes a field where that is enough; where not, a permission is missing."""
    async with rig(user=OTHER, switches={"cf_requires_admin": must_be_admin}) as made:
        spec = FieldSpec(entity="contacts", label="Streamflow ID", family="text")
        if must_be_admin:
            with pytest.raises(NotPermitted):
                await made.nutshell.schema.define(spec)
        else:
            await made.nutshell.schema.define(spec)
        assert await made.nutshell.reader.has_field("contacts", "Streamflow ID") is not must_be_admin


@pytest.mark.parametrize("is_enforced", [True, False])
async def test_a_missing_right_to_delete_is_no_loss(is_enforced: bool) -> None:
    """Where the user may not delete, the record stays and the missing permission is told, not taken for a rejection."""
    async with rig(user=OTHER, switches={"enforce_permissions": is_enforced}) as made:
        person = await _person(made)
        me = made.site.user_by_email(OTHER)
        assert me is not None
        me["permissions"]["canDeleteEntities"] = False
        if is_enforced:
            with pytest.raises(NotPermitted):
                await made.nutshell.writer.delete("contacts", person)
        else:
            await made.nutshell.writer.delete("contacts", person)
        assert (person in {row["id"] for row in made.live("contacts")}) is is_enforced


@pytest.mark.parametrize("switches", [{"rpc_find_max": 10}, {"max_page_size": 10, "rpc_whole_records": False}, {"default_page_size": 3}])
async def test_pages_of_any_size_show_everything(switches: dict[str, int]) -> None:
    """However few records the account gives at a time, a pass over a kind shows each of them."""
    async with rig(switches=switches, existing={"contacts": 0}) as made:
        wanted = {await _person(made, f"Person {n}") for n in range(25)}
        seen = {dest_id async for page in made.nutshell.reader.everything("contacts", custom=True) for dest_id in page}
        assert seen == wanted


@pytest.mark.parametrize("name", sorted(NOT_USED))
def test_a_capability_that_nothing_depends_on_says_so(name: str) -> None:
    """Named in the configuration it is a fault that tells why it makes no difference; a name nobody knows is another."""
    with pytest.raises(ConfigError) as caught:
        Flags().with_({name: True, "no_such": 1})
    why = f"flag {name}: nothing depends on it, leave it out ({NOT_USED[name]})"
    assert caught.value.faults == [why, "flag no_such: there is no such flag"]


def test_capabilities_are_used_or_said_to_make_no_difference() -> None:
    """No capability is both; what the migration never meets in the simulated account is no flag that could be set."""
    known = {each.name for each in fields(Flags)}
    assert not known & set(NOT_USED)
    assert set(NEVER_MET) <= set(NOT_USED)
