"""The mark: never beyond what is finished, and never behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.watermark import Watermark


@given(order=st.permutations(range(12)), ahead=st.integers(min_value=1, max_value=12))
def test_the_mark_is_the_end_of_the_unbroken_run(order: list[int], ahead: int) -> None:
    """In whatever order batches finish, the mark is that of the last one before which nothing is open."""
    mark, started, finished = Watermark(), 0, set[int]()
    shown = -1
    waiting = list(order)
    while waiting:
        while started < 12 and started - len(finished) < ahead:
            assert mark.start(str(started)) == started
            started += 1
        number = next(each for each in waiting if each < started)
        waiting.remove(number)
        finished.add(number)
        moved = mark.done(number)
        run = next((n for n in range(13) if n not in finished), 12) - 1
        if moved is None:
            assert run == shown
        else:
            assert int(moved) == run > shown
            shown = run
    assert shown == 11


@pytest.mark.parametrize("number", [0, 1, 7])
def test_finishing_what_is_not_open_is_a_fault(number: int) -> None:
    """A batch finishes once, and only if it was started: anything else would let the mark run ahead."""
    mark = Watermark()
    mark.start("a")
    mark.start("b")
    mark.done(0)
    if number == 1:
        mark.done(1)
    with pytest.raises(ValueError, match="was not open"):
        mark.done(number)
