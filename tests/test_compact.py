"""Names with a number each, in few bytes."""

from __future__ import annotations

import tracemalloc

from streamflow.compact import Numbers


def test_each_name_keeps_its_own_number() -> None:
    """As many names as come are told apart; one without a number has 0, and a number given again replaces the former."""
    held = Numbers()
    for place in range(1, 5001):
        held[f"lead {place}"] = place
    held["lead 7"] = 9
    held["\udcff"] = 3
    assert [held[f"lead {place}"] for place in (1, 7, 5000)] == [1, 9, 5000]
    assert (held["lead 5001"], held["\udcff"], len(held)) == (0, 3, 5001)


def test_a_name_costs_few_bytes() -> None:
    """25,000 names with their numbers fit into 1.25 MiB, growth included."""
    tracemalloc.start()
    held = Numbers()
    for place in range(25_000):
        held[f"a name of some length {place}"] = place
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(held) == 25_000
    assert peak < 1.25 * 2**20
