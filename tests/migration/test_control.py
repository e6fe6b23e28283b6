"""Pauses: whose they are, and who may end them."""

from __future__ import annotations

from streamflow.migration.control import Control


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
