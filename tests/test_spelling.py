"""Near misses of names."""

from __future__ import annotations

from streamflow.spelling import near, nearest


def test_a_near_miss_is_found_whatever_its_case_and_a_far_one_is_not() -> None:
    """What is suggested is written as the known name is; nothing is better than a wild guess."""
    known = ["Africa/Johannesburg", "Africa/Lagos", "pause"]
    assert nearest("africa/johannesberg", known) == "Africa/Johannesburg"
    assert near("PAWSE", known) == ' (did you mean "pause"?)'
    assert nearest("tail", known) == near("tail", known) == nearest("tail", ()) == ""
