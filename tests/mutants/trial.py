"""
The trial of mutants: pytest collects once, and for each mutant a copy of the process runs the tests that come by its line.

The fault is put into the functions that are there already, so that it is in force whoever took them from their module under whatever name.
What is worked out when a module is imported stays as it was.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Literal, TypeAlias

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.process import DIED, LATE, in_a_copy
from tests.mutants.reach import Line, Reach, watched

Fate: TypeAlias = Literal["found", "hung", "survived"]
Place: TypeAlias = tuple[str, str, int]
"""Path, full name and first line of a function."""

SLOW_S = 3.0            # seconds of work: a test that takes more is not asked
BUDGET_S = 8.0          # so much work of tests for one mutant, the shortest first, as it was with nothing wrong
FIRST_PASS_S = 1800.0
WAIT_S = 60.0           # and a mutant that waits for what never comes is given so long, and thirty times that work


@dataclass(slots=True, kw_only=True)
class Trial:
    """A plugin of pytest that tries mutants with the tests that were collected."""

    mutants: Sequence[Mutant]
    held_by: Mapping[Path, Sequence[str]]          # module -> the tests that are to hold it, "<file>" or "<file>::<name>"
    told: Callable[[Mutant, Fate, int], None]      # mutant, what became of it, how many tests come by
    grace_s: float                                 # work beyond thrice that of its tests before a mutant counts as hung
    failed: list[str] = field(default_factory=list)
    _reached: Mapping[int, Reach] = field(default_factory=dict)
    _functions: Mapping[Place, Sequence[FunctionType]] = field(default_factory=dict)
    _finders: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _outcomes: set[str] = field(default_factory=set)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Draw the same examples for each mutant, and keep none: the tree stays as it is."""
        from hypothesis import settings  # not before pytest, which wants to be there first

        parent = settings.get_profile(settings.get_current_profile_name())
        settings.register_profile("mutants", parent=parent, database=None, derandomize=True)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        items = session.items
        paths = {str(each.path) for each in self.mutants}
        first = in_a_copy(lambda: self._first_pass(items, paths), work_s=FIRST_PASS_S, wait_s=FIRST_PASS_S)
        if first in (LATE, DIED):
            self.failed.append(f"the tests by themselves: {first}")
            return True
        self._reached, failed = first
        self.failed += failed
        if not failed:
            self._functions = _functions_of(paths)
            gc.freeze()      # copies share what nobody looks through again
            for mutant in self.mutants:
                self._try(mutant, items)
        return True

    def _try(self, mutant: Mutant, items: Sequence[pytest.Item]) -> None:
        chosen, coming_by = self._tests_of(mutant, items)
        code = mutant.code()
        functions = self._functions.get((str(mutant.path), mutant.function, mutant.begins), ())
        if not chosen or code is None or not functions:
            self.told(mutant, "survived", coming_by)
            return
        finders = self._finders[mutant.function]
        work_s = sum(self._reached[each].work_s for each in chosen)
        asked = [items[each] for each in chosen]
        found = in_a_copy(
            lambda: self._first_failure(functions, code, asked), work_s=self.grace_s + 3 * work_s, wait_s=WAIT_S + 30 * work_s,
        )
        if isinstance(found, int):
            finders[chosen[found]] += 1
        self.told(mutant, "survived" if found is None else "hung" if found == LATE else "found", coming_by)

    def _coming_by(self, path: Path, within: range, items: Sequence[pytest.Item]) -> list[int]:
        lines: set[Line] = {(str(path), line) for line in within}
        by = (each for each, reach in self._reached.items() if not lines.isdisjoint(reach.lines))
        return [each for each in by if any(_is_named(items[each], name) for name in self.held_by[path])]

    def _tests_of(self, mutant: Mutant, items: Sequence[pytest.Item]) -> tuple[list[int], int]:
        """
        Give the tests that come by the line, as many as there is time for, and how many there are.

        Those that found others in this function are asked first, and the short before the long.
        """
        by = self._coming_by(mutant.path, mutant.fault.lines, items) or self._coming_by(mutant.path, mutant.fault.around, items)
        finders = self._finders[mutant.function]
        by.sort(key=lambda each: (-finders[each], self._reached[each].work_s))
        left_s, chosen = BUDGET_S, []
        for each in by:
            left_s -= self._reached[each].work_s
            if left_s < 0 and chosen:
                break
            chosen.append(each)
        return chosen, len(by)

    def _first_pass(self, items: Sequence[pytest.Item], paths: set[str]) -> tuple[dict[int, Reach], list[str]]:
        """Run each test with nothing wrong; what it came by, and those that failed."""
        reached, failed = {}, []
        for number, item in enumerate(items):
            with watched(paths) as reach:
                outcomes = self._run(item, items[number + 1 : number + 2])
            if "failed" in outcomes:
                failed.append(item.nodeid)
            elif "skipped" not in outcomes and reach.lines and reach.work_s <= SLOW_S:
                reached[number] = reach
        return reached, failed

    def _first_failure(self, functions: Sequence[FunctionType], code: CodeType, items: Sequence[pytest.Item]) -> int | str | None:
        """Put a fault in force and run these tests until one fails: its number, None when none does."""
        for function in functions:
            try:
                function.__code__ = code
            except ValueError:     # it looks at other names around it than before
                return "another shape"
        return next((number for number, item in enumerate(items) if "failed" in self._run(item, items[number + 1 : number + 2])), None)

    def _run(self, item: pytest.Item, following: Sequence[pytest.Item]) -> frozenset[str]:
        self._outcomes.clear()
        item.ihook.pytest_runtest_protocol(item=item, nextitem=next(iter(following), None))
        return frozenset(self._outcomes)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear how each part of a test ended."""
        self._outcomes.add(report.outcome)


def _is_named(item: pytest.Item, name: str) -> bool:
    path, _, test = name.partition("::")
    return str(item.path) == path and test in ("", item.name.partition("[")[0])


def _functions_of(paths: set[str]) -> Mapping[Place, Sequence[FunctionType]]:
    """Give the functions of these modules that are there, however they are wrapped."""
    found: defaultdict[Place, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename in paths:
            code = each.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(each)
    return found


def tried(trial: Trial, tests: Sequence[str], *, scratch: Path) -> list[str]:
    """Try mutants by these tests; answers with the tests that fail with nothing wrong, which must be none."""
    options = ["-p", "no:cacheprovider", "-p", "no:terminal", "-o", "addopts=", "-s", f"--basetemp={scratch}"]
    code = pytest.main([*options, *tests], plugins=[trial])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not trial.failed:
        trial.failed.append(f"pytest ends with {code}")
    return trial.failed
