"""Lag and estimates: from change numbers and progress to seconds."""

from __future__ import annotations

from streamflow.daemon.ages import KEPT_LOOKS, STILL_S, Ages, Etas


def test_a_change_is_as_old_as_the_look_that_first_saw_its_number() -> None:
    """What waits ages until it is done; what was there at the start is as old as the start; nothing looked at has no age."""
    ages = Ages()
    assert ages.age_s(5, 10.0) == 0.0
    for number, at in ((10, 100.0), (10, 101.0), (20, 110.0), (30, 120.0)):
        ages.look(number, at)
    assert [ages.age_s(number, 130.0) for number in (3, 10, 11, 20, 25, 30)] == [30.0, 30.0, 20.0, 20.0, 10.0, 10.0]


def test_memory_is_bounded_and_old_ages_stay_true_enough() -> None:
    """However long the daemon runs, few looks are kept, and an age is wrong by a thousandth of the run at most."""
    ages = Ages()
    for second in range(10 * KEPT_LOOKS):
        ages.look(second, float(second))
    assert len(ages._numbers) <= KEPT_LOOKS
    now = 10.0 * KEPT_LOOKS
    for number in (1000, 9999, 19_990):
        assert abs((now - number) - ages.age_s(number, now)) <= now / 1000 * 2, number


def test_an_estimate_follows_the_pace_and_is_given_up_when_nothing_moves() -> None:
    """Half done in ten seconds: ten more; nothing left: 0; standing still for long, or gone backwards: nobody can say."""
    etas = Etas()
    assert etas.look("lead", done=0, left=100, now=0.0) is None
    assert etas.look("lead", done=50, left=50, now=10.0) == 10.0
    assert etas.look("lead", done=50, left=50, now=20.0) == 10.0
    assert etas.look("lead", done=50, left=50, now=10.0 + STILL_S) is None
    assert etas.look("lead", done=20, left=80, now=41.0) is None
    assert etas.look("lead", done=100, left=0, now=42.0) == 0.0
