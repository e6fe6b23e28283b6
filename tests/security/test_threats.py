"""The list of threats is whole: each has a defence and tests that exist, and each test of this folder is named."""

from __future__ import annotations

import re

from tests.named import ROOT, missing, named

_PAGE = ROOT / "docs" / "security.md"
_ROW = re.compile(r"^\| (?P<id>S-\d\d) \| (?P<threat>[^|]+) \| (?P<kept>[^|]+) \| (?P<shown>[^|]+) \|$", re.MULTILINE)


def _rows() -> list[dict[str, str]]:
    return [found.groupdict() for found in _ROW.finditer(_PAGE.read_text(encoding="utf-8"))]


def test_threats_are_numbered_and_each_names_a_test() -> None:
    """No threat is left out in the count, and none stands there without something that shows its defence."""
    rows = _rows()
    assert [row["id"] for row in rows] == [f"S-{number:02d}" for number in range(1, len(rows) + 1)]
    assert len(rows) == _PAGE.read_text(encoding="utf-8").count("\n| S-")
    assert [row["id"] for row in rows if not named(row["shown"])] == []


def test_the_tests_that_are_named_exist() -> None:
    """Each path leads to a file of this project with a test of that name."""
    assert missing(_PAGE.read_text(encoding="utf-8")) == []


def test_every_security_test_is_in_the_table() -> None:
    """A test that was written against a threat is named beside it."""
    text = _PAGE.read_text(encoding="utf-8")
    for path in sorted((ROOT / "tests" / "security").glob("test_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE):
            known = path.name == "test_threats.py" or f"`tests/security/{path.name}::{name}`" in text
            assert known, name
