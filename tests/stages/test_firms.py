"""Companies that the destination has already: whom a company of the source is taken for, once somebody has said something about it."""

from __future__ import annotations

import pytest

from streamflow.clock import SystemClock
from streamflow.mapping.derived import Derived
from streamflow.mapping.identity import Decision, Match, Review
from streamflow.migration.lookups import lookup_of
from streamflow.model import Draft, Record, Staged
from streamflow.platforms.catalog import pair_of
from streamflow.stages.directory import Directory
from streamflow.stages.firms import match_firms
from streamflow.stages.job import Job
from streamflow.stages.roles import roles_of
from streamflow.store.memory import MemoryLedger

ASKED = "identity:company:acme"
GONE = "gone:company:acme::9-accounts"


async def decided(there: tuple[str, ...], **said: str) -> Decision | None:
    """Decide who the company Acme is, by the accounts of that name that are there and what was answered."""
    ledger = MemoryLedger(clock=SystemClock())
    await ledger.commit([lookup_of("accounts", each, {"name": "Acme"}) for each in there])
    await ledger.stage([Record(kind="company", key="acme", data={}, digest="1")], scan="one")
    staged: Staged = (await ledger.staged("company", ["acme"]))["acme"]
    job = Job(staged=staged, derived=Derived(), drafts=[Draft(kind="accounts", fields={"name": "Acme"})], own={})
    decisions = {{"asked": ASKED, "gone": GONE}[name]: word for name, word in said.items()}
    directory = Directory(roles=roles_of(pair_of("leadtrekker", "nutshell")), decisions=decisions)
    await match_firms([job], ledger, directory)
    return job.decision


async def test_one_of_several_companies_is_asked_about() -> None:
    """With one of that name it is that one, with two somebody is asked which, with none it is new."""
    assert await decided(()) is None
    one, two = await decided(("1-accounts",)), await decided(("1-accounts", "2-accounts"))
    assert isinstance(one, Match)
    assert one.dest_id == "1-accounts"
    assert isinstance(two, Review)
    assert set(two.decisions) == {"match:1-accounts", "match:2-accounts", "separate"}


async def test_what_was_answered_holds() -> None:
    """The account that somebody named is taken, and beside what somebody called another company one of its own is made."""
    there = ("1-accounts", "2-accounts")
    named = await decided(there, asked="match:2-accounts")
    assert isinstance(named, Match)
    assert named.dest_id == "2-accounts"
    assert await decided(there, asked="separate") is None


@pytest.mark.parametrize(("there", "is_asked"), [((), None), (("1-accounts",), False), (("1-accounts", "2-accounts"), True)])
async def test_no_company_is_made_again_beside_others_of_its_name(there: tuple[str, ...], is_asked: bool | None) -> None:
    """The account that was named is gone and is to be made again: whom else it may be is looked at as if nobody had named one."""
    found = await decided(there, asked="match:9-accounts", gone="recreate")
    assert (None if found is None else isinstance(found, Review)) is is_asked
