"""What a fuzz target is, and the odd values all of them are fed with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Check = Callable[[Any], None]

HARD = (
    "", " ", "null", "NaN", "Infinity", "-1e999", "1e999", "0", "-0", "9" * 400, "1" * 19, "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59", "0001-01-01 00:00:00", "9999-12-31 23:59:59.9", "2026-02-30", "31/12/0001 00:00:00", "=1+1", "\0",
    "\u2028", "\ufeff", "\u0661\u0662", "\u00b2", "e\u0301", "{", "[]", '{"a": 1}', "sep=;", "%00", "..", "//x", "\\", "'", '"', "<b>",
    "a@b", "+27825550142", "x" * 3_000, "9" * 5_000, '{"a":' * 500 + "1" + "}" * 500,
)  # fmt: skip
"""Values that have broken parsers somewhere: ends of ranges, words for nothing, digits that are no ASCII, signs of other formats."""

scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.sampled_from(HARD), st.text(max_size=30)
)
json: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)), max_leaves=12
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser: what it is fed with, and a check that raises where it breaks its word."""

    name: str
    feed: st.SearchStrategy[Any]
    check: Check


def objects(names: tuple[str, ...], inner: st.SearchStrategy[Any] = json) -> st.SearchStrategy[dict[str, Any]]:
    """Give JSON objects some of whose keys are known ones, so that what is read behind them is reached."""
    return st.dictionaries(st.one_of(st.sampled_from(names), st.text(max_size=6)), inner, max_size=8)


def mutated(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Give bytes that begin as something valid and are cut, doubled, overwritten and stuffed at random places."""
    edit = st.tuples(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=12))

    def apply(drawn: tuple[bytes, list[tuple[int, int, bytes]]]) -> bytes:
        data, edits = drawn
        for at, cut, put in edits:
            place = at % (len(data) + 1)
            data = data[:place] + put + data[place + cut :]
        return data

    return st.one_of(st.binary(max_size=200), st.tuples(st.sampled_from(seeds), st.lists(edit, max_size=5)).map(apply))
