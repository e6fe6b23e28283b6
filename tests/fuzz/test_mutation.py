"""Mutants of examples: near enough to them to be read, far enough to break what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest

from tests.fuzz.mutation import Mutator

_KINDS = ("lead", "note")
_ROWS = [(kind, [{"id": str(number), "text": f"{kind} {number}", "sum": number % 7}]) for number in range(60) for kind in _KINDS]
_BODIES = [orjson.dumps({"rows": [{"id": number, "at": "2026-05-01T10:00:00Z"}]}) for number in range(60)]


def mutants(examples: list[Any], number: int, seed: int = 1) -> list[Any]:
    mutator = Mutator(examples, Random(seed))
    return [mutator.mutant() for _ in range(number)]


def test_the_same_dice_make_the_same_mutants() -> None:
    """A failure can be had again by its seed."""
    assert mutants(_ROWS, 500) == mutants(_ROWS, 500)
    assert mutants(_ROWS, 500) != mutants(_ROWS, 500, seed=2)


def test_mutants_differ_and_stay_what_a_target_takes() -> None:
    """Names of few kinds stay as they are with what hangs on them, keys that all have stay; texts become ones that nobody wrote."""
    found = mutants(_ROWS, 2_000)
    assert {kind for kind, _ in found} == set(_KINDS)
    assert all(isinstance(row, dict) and row.keys() == {"id", "text", "sum"} for _, rows in found for row in rows)
    assert {type(row["sum"]) for _, rows in found for row in rows} == {int}
    written = {row["text"] for _, rows in _ROWS for row in rows}
    assert len({row["text"] for _, rows in found for row in rows} - written) > 200
    assert all(orjson.dumps(each) for each in found)
    assert len(set(mutants(_BODIES, 2_000))) > 1_500


def _believing(body: bytes) -> None:
    """Fail as a parser does that believes in the form of whatever is JSON."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    for row in data.get("rows", []):
        assert row["id"] >= 0


def _plain(drawn: tuple[str, list[dict[str, Any]]]) -> None:
    """Fail where a text holds a sign that begins a formula."""
    for row in drawn[1]:
        assert not str(row["text"]).startswith("=")


@pytest.mark.parametrize(("examples", "check"), [(_BODIES, _believing), (_ROWS, _plain)], ids=["bytes", "rows"])
def test_a_parser_that_is_wrong_is_found_out(examples: list[Any], check: Callable[[Any], None]) -> None:
    """What no example breaks some of a few thousand mutants do."""
    for example in examples:
        check(example)
    broken = 0
    for mutant in mutants(examples, 5_000):
        try:
            check(mutant)
        except (AssertionError, AttributeError, TypeError, KeyError):
            broken += 1
    assert broken > 0
