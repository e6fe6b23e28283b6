"""A rollback of what was written before the first record: fields that were defined, and what the write probes made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from streamflow.daemon.desk import Desk
from streamflow.errors import DoesNotFit
from streamflow.migration.leftovers import LedgerJournal
from streamflow.migration.life import State
from streamflow.platforms.nutshell.bench import Bench
from streamflow.platforms.nutshell.schema import NutshellSchema
from tests.migration.rig import ASK_CUTOVER, Killed, Voyage, voyage

PROBE = "Streamflow probe"


def desk_of(trip: Voyage) -> Desk:
    """Give the desk where an operator's orders arrive."""
    supervisor: Any = SimpleNamespace(m=trip.m, work=trip.work, chain=None, interrupt=lambda: None)
    return Desk(supervisor, picture=None, reports=None, limiters={}, stop=lambda: None, set_cap=lambda *_: None)  # type: ignore[arg-type]


async def ordered(trip: Voyage, scope: str = "run", desk: Desk | None = None) -> str:
    """Order a rollback as an operator does; gives what is answered, or the refusal."""
    try:
        answer = await (desk or desk_of(trip)).rollback(actor="uid:7", scope=scope, dry_run=False, confirm=trip.m.terms.name)
        return str(answer["result"])
    except DoesNotFit as refused:
        return refused.message


def probes(trip: Voyage) -> list[str]:
    """Name the records of the write probes that stand in the account."""
    rows = [row for kind in ("accounts", "contacts", "leads", "notes", "activities", "tasks") for row in trip.live(kind).values()]
    return [row["id"] for row in rows if PROBE in str(row)]


def dies_after(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, times: int) -> None:
    """Let the process end when it has done something so many times; nothing is cleared up behind it."""
    done, count = getattr(owner, name), iter(range(1, 1000))

    async def does(*given: Any, **named: Any) -> Any:
        result = await done(*given, **named)
        if next(count) == times:
            raise Killed
        return result

    async def clears_nothing(_: Bench) -> dict[str, str]:
        return {}

    monkeypatch.setattr(owner, name, does)
    monkeypatch.setattr(Bench, "clear", clears_nothing)


@pytest.mark.parametrize("cut_in", ["definitions", "probes"])
async def test_what_was_defined_and_probed_can_be_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_in: str) -> None:
    """Cut short before the probes were over, a run is not one that has written nothing: it is undone, and what stays is named."""
    async with voyage(tmp_path, at=State.SCHEMA, records=20, gates=ASK_CUTOVER, probed=False) as trip:
        assert await ordered(trip) == "nothing has been written yet"
        before = {(each.entity, each.label) for each in await trip.destination.schema.custom_fields()}
        with monkeypatch.context() as patch:
            owner, name = (NutshellSchema, "define") if cut_in == "definitions" else (LedgerJournal, "made")
            dies_after(patch, owner, name, times=2)
            assert await trip.killed_at(-1, trip.phase)
        assert await trip.ledger.setting("capabilities") is None
        made = {(each.entity, each.label) for each in await trip.destination.schema.custom_fields()} - before
        assert made
        assert len(probes(trip)) == (2 if cut_in == "probes" else 0)
        assert await ordered(trip, "kind:note") == "in schema only the whole run can be undone"
        assert [await ordered(trip), await ordered(trip)] == ["started", "already_running"]
        await trip.m.enter(State.ROLLBACK, "the operator asked for a rollback")
        assert await trip.phase() is State.ROLLED_BACK
        assert not probes(trip)
        told = trip.reports["rollback"]
        assert {(row["entity"], row["label"]) for row in told["cannot_be_removed_by_api"]["custom_fields"]} == made
        assert [row["action"] for row in told["probe_records"]] == (["removed"] * 2 if cut_in == "probes" else [])


async def test_a_probe_that_is_gone_again_was_written(tmp_path: Path) -> None:
    """In an account that has all the fields already, what the probes made and removed is still not nothing."""
    async with voyage(tmp_path, at=State.SCHEMA, records=20, gates=ASK_CUTOVER, probed=False) as trip:
        journal = LedgerJournal(trip.ledger)
        await journal.meant("contacts", f"{PROBE} 1")
        await journal.removed("contacts", f"{PROBE} 1")
        assert await ordered(trip) == "started"


async def test_of_two_orders_at_the_same_moment_one_is_refused(tmp_path: Path) -> None:
    """The order that is taken is the one that is carried out: the other scope is refused by name, however close they come."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        desk, answers = desk_of(trip), list[str]()

        async def order(scope: str) -> None:
            answers.append(await ordered(trip, scope, desk))

        async with anyio.create_task_group() as both:
            both.start_soon(order, "kind:notes")
            both.start_soon(order, "run")
        assert sorted(answers) == ["a rollback of kind:notes is under way", "started"]
        assert (await trip.ledger.setting("rollback"))["scope"] == "kind:notes"
