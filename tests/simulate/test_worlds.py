"""A few seeded worlds of the simulation, and what it must be worth: the same seed tells the same, and planted bugs are found."""

from __future__ import annotations

import pytest

from tests.simulate.destination import PERSON, PROGRAM
from tests.simulate.judge import DEST_KINDS, Evidence, judge
from tests.simulate.planted import PLANTED, found_by
from tests.simulate.world import lived, simulate

SEEDS = range(1000, 1004)
ASKED_ABOUT = (1000,)
"""Worlds with questions about records that are there."""
QUICKLY_FOUND = (
    "a create whose answer was lost is sent again", "intents are committed after the send",
    "an update does not look what people changed", "a mark moves before its records are in the ledger",
)
"""Bugs that a world or two show; `python -m tests.simulate --bugs` plants them all."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_ends_with_every_promise_kept(seed: int) -> None:
    """Crashes, lost answers, late effects, lies and people at work on both sides: nothing lost, doubled, overwritten, unexplained."""
    assert simulate(seed).faults == []


def test_a_seed_tells_one_world() -> None:
    """The same seed gives the same run, to the last write, whatever ran before it."""
    first = simulate(1003).trace
    simulate(1004)
    assert simulate(1003).trace == first


@pytest.mark.parametrize("seed", ASKED_ABOUT)
def test_a_question_does_not_cover_a_loss(seed: int) -> None:
    """Each record that the program made, taken away by nobody, is missed by the judge, whatever was asked about it."""
    world = lived(seed)
    seen = Evidence.of(world.books, world.account, world.ledger, world.conditions)
    assert judge(seen) == []
    silent, tried = [], 0
    for ref, link in seen.links.items():
        held = world.account.records.get(seen.stands(link.dest_id) or "")
        is_ours = held is not None and held.maker == PROGRAM and all(deed.actor != PERSON for deed in held.deeds)
        if held is None or not is_ours or ref.kind not in DEST_KINDS or ref.key not in world.books.true(ref.kind):
            continue
        tried += 1
        del world.account.records[held.id]
        if not any(fault.startswith(f"lost: {ref.kind} {ref.key} ") for fault in judge(seen)):
            silent.append(f"{ref.kind} {ref.key}: {[item.cause for item in seen.asked_about(ref.kind, ref.key)]}")
        world.account.records[held.id] = held
    assert tried > 5
    assert silent == []


@pytest.mark.parametrize("bug", QUICKLY_FOUND)
def test_a_planted_bug_is_found(bug: str) -> None:
    """With a rule of the engine taken away, a promise is seen to be broken within a hundred worlds."""
    seed, fault = found_by(bug, range(100))
    assert seed is not None
    assert fault
    assert simulate(seed).faults == [], "it is the bug that shows"


def test_there_are_enough_bugs_to_find() -> None:
    """Each is one rule, and each name says which."""
    assert len(PLANTED) >= 12
    assert set(QUICKLY_FOUND) <= PLANTED.keys()
