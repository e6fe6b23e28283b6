"""Pauses: whose they are, and who may end them."""

from __future__ import annotations

import pytest

from streamflow.migration.control import PERSON, RETRY, Control, Drained


def test_what_a_person_paused_stays_paused() -> None:
    """A call under way that fails meanwhile brings no pause that ends by itself, and no words of its own."""
    control = Control()
    control.pause("the key is being changed")
    control.hold_up("401; tried again in 2 s", ends_itself=True)
    control.lift()
    assert control.paused == "the key is being changed"
    control.hold_up("rejected; mend it, then resume")
    assert control.paused == "the key is being changed"
    control.resume()
    assert control.paused is None


def test_a_person_may_pause_what_would_go_on_by_itself() -> None:
    """From then on nothing but `resume` ends it."""
    control = Control()
    control.hold_up("401; tried again in 2 s", ends_itself=True)
    control.pause("by the operator")
    control.lift()
    assert control.paused == "by the operator"


async def test_a_change_since_the_look_is_heard() -> None:
    """Whoever took the look before looking does not wait for what came in between."""
    control = Control()
    looked = control.look()
    control.notify()
    await control.wait(None, since=looked)


def test_what_ends_a_pause_that_nobody_asked_for_is_told() -> None:
    """The next try or a person; nothing of one that a person ordered, of one that is over, or before there was any."""
    control = Control()
    assert control.held_up_until == ""
    control.hold_up("401; tried again in 2 s", ends_itself=True)
    assert control.held_up_until == RETRY
    control.hold_up("rejected; mend it, then resume")
    assert (control.held_up_until, control.paused) == (PERSON, "rejected; mend it, then resume")
    control.lift()
    assert control.held_up_until == PERSON, "what a person has to end stays"
    control.resume()
    assert (control.held_up_until, control.paused) == ("", None)
    control.hold_up("401; tried again in 2 s", ends_itself=True)
    control.pause("by the operator")
    assert control.held_up_until == ""
    control.resume()
    control.hold_up("rejected; mend it, then resume")
    assert control.held_up_until == PERSON


async def test_everybody_who_waits_hears_of_every_order() -> None:
    """A pause, its end and a drain wake whoever waits; a drain lets nobody take anything new, nor go on with a phase."""
    control = Control()
    for order in (lambda: control.pause("why"), control.resume, lambda: control.hold_up("why", ends_itself=True), control.lift):
        looked = control.look()
        order()
        assert looked.is_set()
    assert await control.permit()
    control.check()
    looked = control.look()
    control.drain()
    assert looked.is_set()
    assert not await control.permit()
    with pytest.raises(Drained):
        control.check()


async def test_at_first_nothing_is_held_up() -> None:
    """What begins goes on: nobody has paused it, nothing has failed, and nothing drains."""
    control = Control()
    assert (control.paused, control.draining, control.ends_itself, control.is_failure) == (None, False, False, False)
    control.hold_up("rejected; mend it, then resume")
    control.lift()
    assert control.paused is not None, "a person has to end it"
    control.resume()
    assert await control.permit()
    control.check()


async def test_a_pause_holds_nobody_who_has_to_leave() -> None:
    """Who drains takes nothing new, paused or not, and leaves the phase."""
    control = Control()
    control.pause("by the operator")
    control.drain()
    assert not await control.permit()
    with pytest.raises(Drained):
        control.check()
