"""The page of reliability is whole: its rows are counted, each names what shows it or says that nothing does, and what is named exists."""

from __future__ import annotations

import re

import pytest

from tests.named import ROOT, missing, named

_PAGE = ROOT / "docs" / "reliability.md"
_ROW = re.compile(r"^\| (?P<id>[PFR]-\d+) \| (?P<what>[^|]+) \| (?P<kept>[^|]+) \|(?P<shown>[^|]*)\|$", re.MULTILINE)
_MAKE = re.compile(r"`make (\w+)`")


def _text() -> str:
    return _PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("letter", "width", "last"), [("P", 1, 6), ("F", 2, 43), ("R", 2, 20)])
def test_no_row_is_left_out(letter: str, width: int, last: int) -> None:
    """The six promises, the faults and the goals are each there once, in their order."""
    ids = [row["id"] for row in _ROW.finditer(_text()) if row["id"].startswith(letter)]
    assert ids == [f"{letter}-{number:0{width}d}" for number in range(1, last + 1)]
    assert len(ids) == _text().count(f"\n| {letter}-")


def test_each_row_names_what_shows_it_or_says_that_nothing_does() -> None:
    """A row without a test or a command says in so many words that it is not proved."""
    for row in _ROW.finditer(_text()):
        assert named(row["shown"]) or _MAKE.search(row["shown"]) or "not proved" in row["kept"], row["id"]


def test_the_tests_commands_and_modules_that_are_named_exist() -> None:
    """Each test is there, each command is a target of the Makefile, each module a file of this project."""
    assert missing(_text()) == []
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(_MAKE.findall(_text())) <= targets
    assert [path for path in re.findall(r"`((?:streamflow|tests)/[\w/.]+)`", _text()) if not (ROOT / path).exists()] == []
