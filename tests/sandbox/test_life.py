"""The life mode: repeatable, true to its book, and at rest when frozen."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.life import CHEAT_WEIGHTS, WEIGHTS, LeadtrekkerLife, next_operation
from streamflow.sandbox.leadtrekker.state import KINDS, State, local_now, local_text

START = 1_795_000_000.0


def account(clock: ManualClock, *, seed: int = 7, records: int = 400) -> tuple[State, LeadtrekkerLife]:
    """Give a quiet account and its life."""
    made = Account(seed=seed, records=records, now=datetime(2026, 11, 18, 13, 0))
    state = State(made, clock=clock, late_visibility_s=lambda: 0.0)
    return state, LeadtrekkerLife(state, clock=clock, seed=seed)


def live(seconds: int, *, rate_per_s: float = 10, seed: int = 7, step_s: float = 1.0) -> tuple[State, LeadtrekkerLife]:
    """Let an account live for *seconds*, looked at every *step_s*."""
    clock = ManualClock(START)
    state, life = account(clock, seed=seed)
    life.switch(on=True, rate_per_s=rate_per_s)
    while clock.now() < START + seconds:
        clock.advance(step_s)
        life.catch_up(clock.now())
    return state, life


def contents(state: State) -> dict[str, list[dict[str, Any]]]:
    """Give the whole true state."""
    return {kind: list(state.iter_records(kind)) for kind in KINDS}


def test_the_same_seed_lives_the_same_life() -> None:
    """Neither chance nor how often somebody looks changes what happens; another seed does."""
    state, life = live(20)
    again, life_again = live(20, step_s=10)
    assert life.done == life_again.done
    assert contents(state) == contents(again)
    assert live(20, seed=8)[1].done != life.done


def test_the_rate_is_kept_and_each_operation_has_its_own_time() -> None:
    """Ten a second for 20 seconds are 200, none of them before or after its second."""
    _, life = live(20, step_s=5)
    assert 195 <= len(life.done) <= 200
    seconds = Counter(row["time"] for row in life.done)
    assert max(seconds.values()) <= 11
    assert set(seconds) <= {local_text(START + second) for second in range(21)}


def test_every_deed_happens() -> None:
    """A long life does all there is to do: creates of five kinds, edits, deletes and merges."""
    _, life = live(120)
    deeds = {f"{row['op']} {row['kind']}" for row in life.done}
    assert deeds >= {
        "create leads", "create notes", "create calls", "create emails", "create reminders", "edit leads", "edit notes",
        "edit reminders", "delete notes", "delete leads", "merge leads",
    }  # fmt: skip
    assert any(row["silent"] for row in life.done)


def test_the_book_tells_what_changed() -> None:
    """Everything that differs from the generated account is in the book, or hangs on a lead that is."""
    state, life = live(60)
    before = contents(account(ManualClock(START))[0])
    named = {kind: {row["id"] for row in life.done if row["kind"] == kind} for kind in KINDS}
    leads = {row["leadid"] for row in life.done} | {row["into"] for row in life.done if row["op"] == "merge"}
    for kind, rows in contents(state).items():
        key = f"{kind[:-1]}id"
        was = {row[key]: row for row in before[kind]}
        now = {row[key]: row for row in rows}
        for changed in (k for k in was.keys() | now.keys() if was.get(k) != now.get(k)):
            homes = {row[changed]["leadid"] for row in (was, now) if changed in row}
            assert changed in named[kind] or homes & leads


def test_the_account_stays_whole() -> None:
    """After a long life counts agree with the records, ids are unique and every living home exists."""
    state, _ = live(120)
    leads = {row["leadid"] for row in state.iter_records("leads")}
    for kind in KINDS:
        listed = list(state.listing(kind))
        assert len({key for key, _, _ in listed}) == len(listed) == state.total(kind)
        assert {home for _, home, _ in listed} <= leads
    for kind in KINDS[1:]:
        by_lead = Counter(key for lead in leads for key, _, _ in state.children_of(kind, lead))
        assert by_lead == Counter(key for key, _, _ in state.listing(kind))


def test_edits_move_the_date_and_silent_ones_do_not() -> None:
    """A lead edited in the open carries the operation's time; one edited only silently keeps its old one."""
    state, life = live(60)
    before = {row["leadid"]: row for row in account(ManualClock(START))[0].iter_records("leads")}
    now = {row["leadid"]: row for row in state.iter_records("leads")}
    loud = {row["id"]: row["time"] for row in life.done if (row["op"], row["kind"]) == ("edit", "leads") and not row["silent"]}
    alive = [key for key in loud if key in now]
    assert alive
    assert all(now[key]["updated"] >= loud[key] for key in alive)
    mute = [k for k, lead in now.items() if k in before and lead != before[k] and lead["updated"] == before[k]["updated"]]
    assert mute
    assert set(mute) <= {row["id"] for row in life.done if row["silent"]}


def test_the_freeze_stops_life_and_cheats_are_marked() -> None:
    """Nothing happens while frozen, a cheat of three is three marked operations, and thawing goes on from then."""
    clock = ManualClock(START)
    _, life = account(clock)
    with pytest.raises(ValueError, match="not frozen"):
        life.cheat(1)
    life.switch(on=True, rate_per_s=10)
    clock.advance(5)
    life.freeze(on=True)
    done = len(life.done)
    assert 49 <= done <= 50
    clock.advance(60)
    assert life.catch_up(clock.now()) == 0
    life.cheat(3)
    after = [row for row in life.done if row["after_freeze"]]
    assert [row["seq"] for row in after] == [done + 1, done + 2, done + 3]
    assert life.snapshot()["after_freeze"] == 3
    life.freeze(on=False)
    clock.advance(1)
    assert 9 <= life.catch_up(clock.now()) <= 10
    life.switch(on=False)
    clock.advance(60)
    assert life.catch_up(clock.now()) == 0


def test_a_cheat_can_always_be_found() -> None:
    """What is done after the freeze creates or edits in the open, so that a later reading can see it."""
    clock = ManualClock(START)
    state, _ = account(clock)
    dice = random.Random(1)
    operations = [next_operation(dice, state, CHEAT_WEIGHTS, START) for _ in range(200)]
    assert {operation.do for operation in operations} == {"create", "edit"}
    assert not any(operation.silent for operation in operations)


def test_an_emptied_account_is_no_trouble() -> None:
    """Life in an account without leads begins with new leads."""
    clock = ManualClock(START)
    state, life = account(clock, records=100)
    for leadid in [row["leadid"] for row in state.iter_records("leads")]:
        state.delete("leads", leadid)
    assert state.counts()["notes"] == 0
    assert next_operation(random.Random(1), state, WEIGHTS, START).do == "create"
    life.switch(on=True, rate_per_s=100)
    clock.advance(1)
    assert life.catch_up(clock.now()) > 90


def test_new_leads_are_sometimes_kin() -> None:
    """Some leads that life creates repeat a person or a company that is there already."""
    state, life = live(300)
    made = {row["id"] for row in life.done if (row["op"], row["kind"]) == ("create", "leads")}
    rows = list(state.iter_records("leads"))
    old = {(row["email"] or "").strip().lower() for row in rows if row["leadid"] not in made}
    assert any((row["email"] or "").strip().lower() in old - {""} for row in rows if row["leadid"] in made)
    assert local_now(START).year == 2026
