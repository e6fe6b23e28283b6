"""`make mutants`: small faults made in the rulings of the program, one at a time; prints which of them no test finds, and the seed."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.equal import EQUAL
from tests.mutants.mutant import Mutant, mutants_of
from tests.mutants.rulings import HELD_BY
from tests.mutants.trial import Fate, Trial, tried

ROOT = Path(__file__).parents[2]
PASS_LINE = 0.85


def main() -> int:
    """Try as many mutants as are asked for; 1 when fewer are found than the line asks, 2 when a test fails with nothing wrong."""
    options = _options()
    modules = [ROOT / each for each in options.modules or HELD_BY]
    every = [each for path in modules for each in mutants_of(path, with_async=options.with_async) if options.only in _line(each)]
    mutants = [each for each in every if (_place(each.path), each.function, each.change) not in EQUAL]
    print(f"{len(mutants)} mutants of {len(modules)} modules; {len(every) - len(mutants)} more change nothing and are left out", end="; ")
    if 0 < options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)
    print(f"{len(mutants)} tried, seed {options.seed}", flush=True)
    begun, fates, survivors = time.monotonic(), Counter[tuple[Path, Fate]](), list[str]()

    def told(mutant: Mutant, fate: Fate, tests: int) -> None:
        fates[mutant.path, fate] += 1
        if fate == "survived":
            survivors.append(f"  {_line(mutant)}{'' if tests else ' (no test comes by)'}")
        if options.verbose:
            print(f"{time.monotonic() - begun:7.1f} {fate}: {_line(mutant)} ({tests} tests)", flush=True)

    with tempfile.TemporaryDirectory(prefix="streamflow-mutants-") as scratch:
        held_by = {path: [str(ROOT / each) for each in options.tests or HELD_BY[_place(path)]] for path in modules}
        in_order = sorted(mutants, key=lambda each: (each.path, each.fault.around.start))
        tests = sorted({each for files in held_by.values() for each in files})
        failed = tried(Trial(mutants=in_order, held_by=held_by, told=told, grace_s=options.grace), tests, scratch=Path(scratch, "tests"))
    if failed:
        print("these tests fail with nothing wrong:", *failed, sep="\n  ")
        return 2
    _print_table(modules, fates)
    print(f"{len(survivors)} survivors:", *survivors, sep="\n")
    found = sum(count for (_, fate), count in fates.items() if fate != "survived")
    score = found / max(1, len(mutants))
    print(f"{found} of {len(mutants)} found, {score:.1%}; the line is {PASS_LINE:.0%}; {time.monotonic() - begun:.0f} s")
    return int(score < PASS_LINE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many of all, drawn by the seed (default 0: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default 1)")
    parser.add_argument("--only", default="", help="mutants whose line of the list holds this")
    parser.add_argument("--modules", nargs="+", metavar="PATH", help="instead of those that are listed (tests/mutants/rulings.py)")
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="instead of those that are listed")
    parser.add_argument("--with-async", action="store_true", help="functions that wait as well, which mostly carry out what others decided")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds of work, beside its tests, before a mutant counts as hung")
    parser.add_argument("--verbose", action="store_true", help="tell of each when it was tried")
    return parser.parse_args()


def _line(mutant: Mutant) -> str:
    return f"{_place(mutant.path)}:{mutant.fault.around.start} {mutant.function}: {mutant.change}"


def _place(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _print_table(modules: Sequence[Path], fates: Counter[tuple[Path, Fate]]) -> None:
    print(f"{'module':<42} {'tried':>6} {'found':>6} {'hung':>5} {'survived':>9} {'score':>7}")
    for path in modules:
        found, hung, survived = (fates[path, fate] for fate in ("found", "hung", "survived"))
        tried = found + hung + survived
        score = f"{(found + hung) / tried:.0%}" if tried else "-"
        print(f"{_place(path):<42} {tried:>6} {found:>6} {hung:>5} {survived:>9} {score:>7}")


if __name__ == "__main__":
    sys.exit(main())
