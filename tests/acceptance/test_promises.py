"""The table of promises is whole: every one is there, and each test it names exists."""

from __future__ import annotations

import re

from tests.named import NAMED, ROOT, missing

_PAGE = ROOT / "docs" / "promises.md"
_ALL = [f"{source}-{number:02d}" for source, last in (("G", 37), ("LT", 57), ("LP", 48)) for number in range(1, last + 1)]
_ROW = re.compile(r"^\| (?P<id>(?:G|LT|LP)-\d\d) \| (?P<promise>[^|]+) \| (?P<kept>[^|]+) \|$", re.MULTILINE)


def test_every_promise_is_in_the_table_once() -> None:
    """No promise is left out, and none is told twice."""
    assert sorted(row["id"] for row in _rows()) == sorted(_ALL)


def test_every_promise_names_a_test_or_is_listed_as_not_kept() -> None:
    """A promise without a test stands under "Not kept yet" with a reason."""
    text = _PAGE.read_text(encoding="utf-8")
    left = text.partition("## Not kept yet")[2]
    for row in _rows():
        assert NAMED.search(row["kept"]) or (f"| {row['id']} |" in left and "not kept yet" in row["kept"]), row["id"]


def test_the_tests_that_are_named_exist() -> None:
    """Each path leads to a file of this project with a test of that name."""
    assert missing(_PAGE.read_text(encoding="utf-8")) == []


def test_every_acceptance_test_is_in_the_table() -> None:
    """A test that was written for a promise is named beside it."""
    text = _PAGE.read_text(encoding="utf-8")
    for path in sorted((ROOT / "tests" / "acceptance").rglob("test_*.py")):
        if path.name != "test_promises.py":
            for name in re.findall(r"^def (test_(?:g|lt|lp)_\d\d_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE):
                assert f"`{path.relative_to(ROOT).as_posix()}::{name}`" in text, name


def _rows() -> list[dict[str, str]]:
    """Give the rows of the first table: what stands before the list of what is not kept."""
    return [found.groupdict() for found in _ROW.finditer(_PAGE.read_text(encoding="utf-8").partition("## Not kept yet")[0])]
