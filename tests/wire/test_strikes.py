"""When refused credentials stop the calls, and what lets them through again."""

from __future__ import annotations

from streamflow.wire.strikes import Strikes

OLD, NEW = {"Apikey": "one"}, {"Apikey": "another"}


def struck() -> Strikes:
    strikes = Strikes(limit=2, rest_s=1.5)
    strikes.refused(OLD, at=9.0)
    strikes.refused(OLD, at=10.0)
    return strikes


def test_one_refusal_stops_nothing() -> None:
    """A single refusal may be a fault of the platform."""
    strikes = Strikes(limit=2, rest_s=1.5)
    strikes.refused(OLD, at=10.0)
    assert not strikes.are_out


def test_only_refusals_in_a_row_count() -> None:
    """Credentials that were taken in between begin the row anew."""
    strikes = Strikes(limit=2, rest_s=1.5)
    strikes.refused(OLD, at=9.0)
    strikes.forgive()
    strikes.refused(OLD, at=10.0)
    assert not strikes.are_out


def test_the_rest_counts_from_the_last_refusal() -> None:
    """A trial that is refused is followed by another rest."""
    strikes = struck()
    assert [strikes.may_be_tried(now) for now in (11.4, 11.5)] == [False, True]
    strikes.refused(OLD, at=11.5)
    assert not strikes.may_be_tried(12.9)


def test_another_key_is_tried_at_once_and_the_same_one_is_not() -> None:
    """Only what differs from the key that was refused is a mended one."""
    strikes = struck()
    assert (strikes.forgive_others(dict(OLD)), strikes.are_out) == (False, True)
    assert (strikes.forgive_others(NEW), strikes.are_out) == (True, False)
