"""What hangs on a removed record: believed only where the destination surely says so, and tied to it again or named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from streamflow.errors import NotFound, RecordRejected
from streamflow.migration.removals import Removals
from streamflow.migration.reversal import Reversal
from streamflow.migration.reversals import Reversals
from streamflow.migration.ties import NOBODY, Ties
from streamflow.migration.touched import Touches
from streamflow.model import DestId, Fields, Kind, Link, Ref
from streamflow.platforms.destination import HUNG
from streamflow.store.memory import MemoryLedger
from tests.platforms.leadtrekker_rig import HastyClock

PERSON, DEAL, COMPANY = "5-contacts", "7-leads", "3-accounts"


class Account:
    """A destination of a few records, some removed, that tells of them what it is given."""

    def __init__(self, live: dict[DestId, Fields], about: dict[DestId, dict[DestId, int]]) -> None:
        self.live = live
        self.told = about
        self.gone: dict[DestId, Fields] = {}
        self.refused: tuple[str, ...] = ()

    async def read(self, kind: Kind, ids: Sequence[DestId], *, custom: bool) -> Mapping[DestId, Fields]:
        return {each: self.live[each] for each in ids if each in self.live}

    async def remains(self, kind: Kind, dest_id: DestId) -> Fields | None:
        return self.gone.get(dest_id)

    async def about(self, dest_id: DestId, cursor: str) -> Mapping[DestId, int]:
        return self.told.get(dest_id, {})

    async def restore(self, kind: Kind, dest_id: DestId) -> None:
        self.live[dest_id] = {}

    async def update(self, kind: Kind, dest_id: DestId, changes: Fields, *, now: Fields, **more: Any) -> DestId:
        if set(changes) & set(self.refused):
            raise RecordRejected("not taken")
        self.live[dest_id] = {**self.live[dest_id], **changes}
        return dest_id


def removal(account: Account, dest_id: DestId, **fields: Any) -> tuple[Removals, Reversal]:
    """Give what looks after a record that was removed a moment ago, and was related so."""
    destination = SimpleNamespace(reader=account, writer=account, feed=account, flags=SimpleNamespace(search_lag_s=0.0))
    clock = HastyClock()
    migration: Any = SimpleNamespace(ledger=MemoryLedger(clock=clock), destination=destination, clock=clock, numbers=iter(range(9)))
    link = Link(ref=Ref("lead", "1"), dest_kind=dest_id.partition("-")[2], dest_id=dest_id, base={}, ours=True)
    noted = Reversal(id="1", link=link, action="delete", fields=fields, scope="run", seen="1-events")
    removals = Removals(migration, Touches(migration), Ties(migration, Reversals(migration)))
    removals.hold([noted])
    return removals, noted


@pytest.mark.parametrize(("about", "found"), [
    ({PERSON: {DEAL: 8}, DEAL: {DEAL: 8}}, [DEAL]),
    ({PERSON: {DEAL: 8}, DEAL: {DEAL: 9}}, []),
    ({PERSON: {DEAL: 8}, DEAL: {DEAL: 8}, NOBODY: {DEAL: 8}}, []),
    ({PERSON: {"8-leads": 8}}, []),
    ({}, []),
], ids=["hung on it", "moved since", "whoever is asked about", "gone as well", "nothing"])  # fmt: skip
async def test_only_what_surely_hung_on_it_is_found(about: dict[DestId, dict[DestId, int]], found: list[DestId]) -> None:
    """An event relates a deal to the person, the last of that deal; an account that relates everything to anybody says nothing."""
    account = Account({DEAL: {}}, about)
    removals, noted = removal(account, PERSON)
    assert await removals.ties.found(noted) == found


async def test_events_that_cannot_be_asked_about_one_record_tell_nothing() -> None:
    """The person's company still shows who was in it."""
    account = Account({PERSON: {}}, {})
    account.gone[COMPANY] = {HUNG: [PERSON]}

    async def about(dest_id: DestId, cursor: str) -> Mapping[DestId, int]:
        raise NotFound("no such thing")

    account.about = about  # type: ignore[method-assign]
    removals, noted = removal(account, COMPANY)
    assert await removals.ties.found(noted) == [PERSON]


@pytest.mark.parametrize("refused", [(), ("link:accounts", "link:tags")])
async def test_what_cannot_be_tied_again_is_named(refused: tuple[str, ...]) -> None:
    """A company that is gone, a label that is not taken, a call that cannot be given another person: reason and audit say so."""
    account = Account({"9-activities": {}, COMPANY: {}}, {PERSON: {"9-activities": 8}})
    account.refused = refused
    removals, _ = removal(account, PERSON, **{"link:accounts": [COMPANY, "4-accounts"], "link:tags": ["2-tags"]})
    [saved] = await removals.bring_back({PERSON: ["9-activities"]})
    assert saved.is_back
    assert "4-accounts is gone" in saved.reason
    assert "9-activities hangs on it no more" in saved.reason
    assert [f"{name} cannot be set again" in saved.reason for name in ("link:accounts", "link:tags")] == [bool(refused)] * 2
    assert account.live[PERSON] == ({} if refused else {"link:accounts": [COMPANY], "link:tags": ["2-tags"]})
    notes = [row.entry.note async for page in removals.migration.ledger.audit() for row in page]
    assert any(saved.reason.partition("; but ")[2] in note for note in notes)
    assert await removals.migration.ledger.settings("undoing:") == {}
