"""The life mode of the simulated Lead Perfection: repeatable, true to its book, and at rest when frozen."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.dates import dates_of
from streamflow.sandbox.leadperfection.life import LeadPerfectionLife
from streamflow.sandbox.leadperfection.plan import KINDS, text_of
from streamflow.sandbox.leadperfection.stamps import number_of_text
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tree import ID_FIELDS, nodes
from tests.sandbox.leadperfection_rig import ANY, NOW, PLAIN, START, serving

FOREVER = (-1e12, 1e12)


def account(clock: ManualClock, *, seed: int = 7, records: int = 400) -> tuple[State, LeadPerfectionLife]:
    """Give a quiet account and its life."""
    state = State(Account(seed=seed, records=records, now=NOW), zone=ZoneInfo("America/New_York"))
    return state, LeadPerfectionLife(state, clock=clock, seed=seed)


def live(seconds: int, *, rate_per_s: float = 10, seed: int = 7, step_s: float = 1.0) -> tuple[State, LeadPerfectionLife]:
    """Let an account live for *seconds*, looked at every *step_s*."""
    clock = ManualClock(START)
    state, life = account(clock, seed=seed)
    life.switch(on=True, rate_per_s=rate_per_s)
    while clock.now() < START + seconds:
        clock.advance(step_s)
        life.catch_up(clock.now())
    return state, life


def test_the_same_seed_lives_the_same_life() -> None:
    """Neither chance nor how often somebody looks changes what happens; another seed does."""
    state, life = live(20)
    again, life_again = live(20, step_s=10)
    assert life.done == life_again.done
    assert list(state.prospects()) == list(again.prospects())
    assert live(20, seed=8)[1].done != life.done


def test_every_deed_happens() -> None:
    """A long life does all there is to do, quietly and openly."""
    _, life = live(90)
    assert {f"{row['op']} {row['kind']}" for row in life.done} == {
        "create prospects", "create leads", "create appointments", "create jobs", "create notes", "create calls", "edit leads",
        "edit prospects", "edit appointments", "edit jobs", "edit notes", "delete notes", "delete prospects", "merge prospects",
    }  # fmt: skip
    assert {row["silent"] for row in life.done} == {True, False}


def test_people_touch_whatever_a_rep_or_the_office_would() -> None:
    """Amounts, products, what a rep wrote of a visit, custom fields and marks not to contact are other than they were generated."""
    state, life = live(120)
    before, _ = account(ManualClock(START))
    touched = set()
    for kind in ("prospects", "leads", "appointments", "jobs"):
        for key in {row["id"] for row in life.done if (row["op"], row["kind"]) == ("edit", kind)}:
            old, new = before.find(kind, key), state.find(kind, key)
            touched |= {(kind, name) for name in old[1] if old[1][name] != new[1][name]} if old and new else set()
    assert touched >= {
        ("prospects", "dnc"), ("leads", "gsa"), ("appointments", "products"), ("appointments", "gsas"), ("appointments", "presnotes"),
        ("appointments", "dispositioncomments"), ("jobs", "grossamount"), ("jobs", "jobcost"), ("jobs", "productid"), ("jobs", "finamount"),
        ("jobs", "installer1"), ("jobs", "userfields"),
    }


def test_customers_without_an_enquiry_come_in() -> None:
    """Of some new customers there is a note and no enquiry; a note of one who has no enquiry is not deleted."""
    state, life = live(120)
    made = {row["cst_id"] for row in life.done if (row["op"], row["kind"]) == ("create", "prospects")}
    trees = list(state.prospects())
    assert any(tree["cst_id"] in made and not tree["leads"] for tree in trees)
    assert all(tree["notes"] for tree in trees if not tree["leads"])


def test_the_account_stays_whole() -> None:
    """After a long life counts agree with the records, ids are unique and each record is found by its id."""
    state, _ = live(120)
    trees = list(state.prospects())
    assert len(trees) != 80
    for kind in KINDS:
        found = [node for tree in trees for node, _ in nodes(tree, kind)]
        assert len(found) == state.counts()[kind]
        if kind in ID_FIELDS:
            keys = [node[ID_FIELDS[kind]] for node in found]
            assert len(set(keys)) == len(keys)
            assert all(state.find(kind, key) is not None for key in keys)


def test_the_index_follows_every_change() -> None:
    """After a long life the index holds the date of each record there is, and of none that is gone."""
    state, _ = live(120)
    names: dict[str, set[tuple[str, int]]] = {}
    for tree in state.prospects():
        for name, _, key in dates_of(tree):
            names.setdefault(name, set()).add((tree["cst_id"], key))
    for name, wanted in names.items():
        assert {(cst_id, key) for _, cst_id, key in state.dated(name, *FOREVER)} == wanted


def test_the_book_tells_what_changed() -> None:
    """Every prospect that differs from the generated account is in the book, as itself or as a survivor."""
    state, life = live(60)
    before = {tree["cst_id"]: tree for tree in account(ManualClock(START))[0].prospects()}
    now = {tree["cst_id"]: tree for tree in state.prospects()}
    named = {row["cst_id"] for row in life.done} | {row["into"] for row in life.done if row["op"] == "merge"}
    assert {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)} <= named


async def test_what_was_done_openly_is_in_a_window_and_quiet_deeds_are_not() -> None:
    """The changes by the book that move a date are exactly what a window of changes finds, as far as they live on."""
    async with serving(**PLAIN) as wire:
        await wire.admin("life", {"on": True, "rate_per_s": 2})
        wire.clock.advance(60)
        book = (await wire.admin("life"))["operations"]
        window = {"startdate": "2026-11-18 09:00:00", "enddate": "2026-11-19 00:00:00", "options": ANY}
        found = {row["cst_id"] for row in await wire.lead(**window)}
        gone = {row["id"] for row in book if row["op"] in ("delete", "merge") and row["kind"] == "prospects"}
        survivors = {row["into"] for row in book if row["op"] == "merge"}
        openly = {row["cst_id"] for row in book if not row["silent"]}
        assert found - survivors <= openly
        leading = {tree["cst_id"] for tree in wire.simulation.state.prospects() if tree["leads"] or tree["notes"]}
        strays = {row["cst_id"] for kind in ("jobs", "appointments") for row in await wire.dump(kind) if row["stray"]}
        assert openly - gone - strays <= found | (openly - leading)


def test_the_freeze_stops_life_and_cheats_are_marked() -> None:
    """Nothing happens while frozen, and a cheat of three is three marked operations that a later reading can find."""
    clock = ManualClock(START)
    _, life = account(clock)
    with pytest.raises(ValueError, match="not frozen"):
        life.cheat(1)
    life.switch(on=True, rate_per_s=10)
    clock.advance(5)
    life.freeze(on=True)
    done = len(life.done)
    clock.advance(60)
    assert life.catch_up(clock.now()) == 0
    life.cheat(3)
    after = [row for row in life.done if row["after_freeze"]]
    assert [row["seq"] for row in after] == [done + 1, done + 2, done + 3]
    assert not any(row["silent"] for row in after)


async def test_a_frozen_account_refuses_writes() -> None:
    """By hand and by API; forced, or by the switch, they are made and marked."""
    async with serving(**PLAIN) as wire:
        cst_id = (await wire.lead(PageSize=1))[0]["cst_id"]
        await wire.admin("freeze", {"on": True})
        order = {"do": "create", "kind": "notes", "values": {"cst_id": cst_id, "note": "late"}}
        assert "frozen" in (await wire.admin("act", order, status=400))["error"]
        assert (await wire.call("Customers/AddNotes", rectype="cst", recid=cst_id, notes="late"))[1][0]["Result"] == 0
        assert (await wire.admin("act", order | {"force": True}))["after_freeze"] is True
        await wire.switch(frozen_writes="marked")
        assert (await wire.admin("act", order))["after_freeze"] is True
        assert (await wire.admin("state"))["life"]["after_freeze"] == 2


async def test_what_cannot_be_done_is_refused_with_its_reason() -> None:
    """Unknown deeds, kinds, ids and parents answer 400 and change nothing."""
    async with serving(**PLAIN) as wire:
        before = await wire.admin("state")
        for order, words in (
            ({"do": "paint", "kind": "leads"}, "do must be one of"), ({"do": "edit", "kind": "cars", "id": "1"}, "no such kind"),
            ({"do": "edit", "kind": "leads", "id": "1"}, "no lds_id 1"), ({"do": "create", "kind": "notes"}, "name the parent"),
            ({"do": "create", "kind": "jobs", "values": {"cst_id": before["now"]}}, "no cst_id"),
            ({"do": "merge", "kind": "prospects", "id": "400001", "values": {"into": "400001"}}, "cannot merge"),
        ):  # fmt: skip
            assert words in (await wire.admin("act", order, status=400))["error"]
        assert (await wire.admin("state"))["counts"] == before["counts"]


def test_an_emptied_account_is_no_trouble() -> None:
    """Life in an account without prospects begins with new ones."""
    clock = ManualClock(START)
    state, life = account(clock, records=100)
    for tree in list(state.prospects()):
        state.delete(tree["cst_id"])
    assert set(state.counts().values()) == {0}
    life.switch(on=True, rate_per_s=100)
    clock.advance(1)
    assert life.catch_up(clock.now()) > 90
    assert state.counts()["prospects"] > 0


@pytest.mark.parametrize(("microsecond", "tail"), [(0, "09"), (400, "09"), (90_000, "09.09"), (250_999, "09.25")])
def test_what_is_done_at_any_microsecond_bears_a_time_that_can_be_read(microsecond: int, tail: str) -> None:
    """A record made within a second's first millisecond is found by windows like any other: its time is no malformed text."""
    text = text_of(datetime(2026, 11, 22, 7, 34, 9, microsecond))
    assert text == f"2026-11-22T07:34:{tail}"
    assert number_of_text(text) is not None
