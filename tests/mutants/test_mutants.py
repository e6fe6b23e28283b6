"""What tells how good the tests are is good itself: it finds what is weak, counts what hangs, and changes nothing."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.equal import EQUAL
from tests.mutants.mutant import mutants_of
from tests.mutants.operators import faults_of, functions_of
from tests.mutants.rulings import HELD_BY

MODULE = """
def may_switch(lag_s: float, limit_s: float) -> bool:
    return lag_s <= limit_s


def rounds(left: int) -> int:
    done = 0
    while left > 0:
        left -= 1
        done += 1
    return done
"""
STRONG = """
from ruling import may_switch, rounds


def test_near():
    assert may_switch(1.0, 2.0) and may_switch(2.0, 2.0) and not may_switch(3.0, 2.0)


def test_rounds():
    assert (rounds(0), rounds(1), rounds(3)) == (0, 1, 3)
"""
WEAK = STRONG.replace(" and may_switch(2.0, 2.0)", "")


def trial(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "ruling.py").write_text(MODULE, encoding="utf-8")
    (folder / "test_ruling.py").write_text(tests, encoding="utf-8")
    files = ["--modules", str(folder / "ruling.py"), "--tests", str(folder / "test_ruling.py")]
    command = [sys.executable, "-m", "tests.mutants", *files, *options]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)


def changes(source: str) -> list[str]:
    return [fault.told for _, function in functions_of(ast.parse(textwrap.dedent(source))) for fault in faults_of(function)]


def test_a_weak_test_is_found_out_and_what_hangs_is_found(tmp_path: Path) -> None:
    """The bound that no test tries is named with its line, a loop that ends no more counts as found, and the files stay as they are."""
    done = trial(tmp_path, WEAK, "--grace", "1")
    survivors = done.stdout.partition(" survivors:\n")[2].splitlines()[:-1]
    assert survivors == [f"  {tmp_path}/ruling.py:3 may_switch: `lag_s <= limit_s` is `lag_s < limit_s`"], done.stdout + done.stderr
    hung = next(line for line in done.stdout.splitlines() if "ruling.py" in line).split()[3]
    assert int(hung) > 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ruling.py", "test_ruling.py"]
    assert (tmp_path / "ruling.py").read_text(encoding="utf-8") == MODULE


def test_where_every_fault_is_found_it_says_so(tmp_path: Path) -> None:
    """Good tests let none survive, and the program ends with 0; with a line that is not reached it ends with 1."""
    only = ("--only", "may_switch")
    good, bad = trial(tmp_path, STRONG, *only), trial(tmp_path, "from ruling import may_switch\n\n\ndef test_nothing(): pass\n", *only)
    assert (good.returncode, bad.returncode) == (0, 1), good.stdout + good.stderr
    assert "0 survivors" in good.stdout
    assert "(no test comes by)" in bad.stdout


def test_tests_that_fail_by_themselves_are_no_judges(tmp_path: Path) -> None:
    """Where a test fails with nothing wrong no score is told."""
    done = trial(tmp_path, STRONG.replace("(0, 1, 3)", "(0, 1, 4)"))
    assert done.returncode == 2
    assert "test_rounds" in done.stdout
    assert "the line is" not in done.stdout


@pytest.mark.parametrize(("source", "told"), [
    ("x < 1", ["`x < 1` is `x <= 1`", "`x < 1` is `x >= 1`"]),
    ("x == y", ["`x == y` is `x != y`"]),
    ("a and b", ["`a and b` is `a or b`", "`a` does not count", "`b` does not count"]),
    ("not a", ["`not a` is `a`"]),
    ("a if b else c", ["`a if b else c` is `a if not b else c`"]),
    ("x + y", ["`x + y` is `x - y`"]),
    ("True", ["`True` is `False`"]),
    ("'gone'", ["`'gone'` is `''`"]),
    ("f(a, b)", ["`f(a, b)` is `f(b, a)`"]),
    ("f(a=b)", ["`a=b` is not given"]),
    ("any(x)", ["`any(x)` is `all(x)`"]),
    ("[x for x in y if x]", ["`if x` is left out"]),
    ("[f(), x]", ["`f()` is left out of a list"]),
])
def test_each_kind_of_fault_is_made(source: str, told: list[str]) -> None:
    """Of what is worked out: bounds, connectives, turns, sums, values, the order of what is given, filters and elements."""
    found = changes(f"def ruling():\n    return {source}")
    assert [each for each in told if each not in found] == []


@pytest.mark.parametrize(("source", "told"), [
    ("return a", "`return a` gives None"),
    ("a.b = 1", "`a.b = 1` is left out"),
    ("a.add(b)", "`a.add(b)` is left out"),
    ("if a: b()", "what follows `if a` is never done"),
    ("if a: b()", "`if a` is turned round"),
    ("raise a", "`raise a` is left out"),
])
def test_each_kind_of_statement_is_left_out(source: str, told: str) -> None:
    """What is set, called, raised or given back is left out once, and a branch is not taken, or the other one."""
    assert told in changes(f"def ruling():\n    {source}")


@pytest.mark.parametrize("source", ["'''What it is for.'''", "reason = 'people deleted it'", "name = f'{a}:{b}'", "self.log('x')"])
def test_words_for_people_are_let_be(source: str) -> None:
    """What is said of a function, told to people, put together or logged is no ruling."""
    assert changes(f"def ruling():\n    {source}") == []


def test_what_is_listed_is_there() -> None:
    """Each module and test of the list exists, and each mutant that is left out is still made, and has a reason."""
    listed = {*HELD_BY, *(path for files in HELD_BY.values() for path in files)}
    assert [path for path in sorted(listed) if not (ROOT / path.partition("::")[0]).exists()] == []
    paths = {path for path, *_ in EQUAL}
    made = {(path, each.function, each.change) for path in paths for each in mutants_of(ROOT / path, with_async=True)}
    assert [name for name, reason in EQUAL.items() if name not in made or len(reason) < 10] == []
