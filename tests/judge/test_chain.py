"""The chain as the judge follows it: whole it passes in silence, and whatever is harmed is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.judge.chain import unchained

Lines = list[tuple[int, str, str]]


def _whole() -> Lines:
    lines: Lines = []
    last = ""
    for number in range(1, 6):
        text = f'{{"seq": {number}}}'
        last = hashlib.sha256(f"{last}\n{text}".encode()).hexdigest()
        lines.append((number, text, last))
    return lines


def test_a_whole_chain_passes_in_silence() -> None:
    """Of five entries that follow from one another nothing is found, nor of none."""
    assert list(unchained(_whole())) == []
    assert list(unchained([])) == []


@pytest.mark.parametrize("harm", [
    lambda lines: lines.__setitem__(2, (3, "{}", lines[2][2])), lambda lines: lines.pop(2), lambda lines: lines.insert(2, lines[1]),
    lambda lines: lines.__setitem__(2, (3, lines[2][1], lines[1][2])),
], ids=["another text", "gone", "twice", "another hash"])  # fmt: skip
def test_the_first_entry_that_does_not_fit_is_named(harm: Callable[[Lines], None]) -> None:
    """Changed, removed, repeated or given another hash: the third entry is named, as unexplained."""
    lines = _whole()
    harm(lines)
    assert [(each.verdict, each.why) for each in unchained(lines)] == [("unexplained", "the audit's chain breaks at entry 3")]
