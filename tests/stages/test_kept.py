"""What a link remembers of values of which a person's version stands."""

from __future__ import annotations

from streamflow.stages.kept import expected, kept, known, rebuilt, released


def test_a_value_that_was_kept_stays_kept_when_another_one_is() -> None:
    """Theirs stands value by value: to let one more stand gives up none of those before, and nothing of it is expected as ours."""
    base = rebuilt({"name": "Nia", "city": "Cape Town"}, {"phone": "082"})
    after = released(base, ["name"])
    assert kept(after) == {"phone": "082", "name": "Nia"}
    assert expected(after) == {"city": "Cape Town"}
    assert known(after) == known(base), "the source is compared with the same as before"
