"""
`make fuzz`: every target fed anew until its share of the time is over; prints how often, and the seed that repeats a failure.

Examples are drawn by hypothesis, which makes a failure small. With `--mutated` a few hundred are, and what is fed are mutants of them: that
is many times as fast, and a failure is told with the value as it is.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.mutation import Mutator
from tests.fuzz.target import Target
from tests.fuzz.test_targets import TARGETS

_ROUND = 100
"""Examples between two looks at the clock; a round is repeated by its own seed."""
_DRAWN = 300
"""Examples that mutants are made of, in `_ROUND`s; they are drawn anew for each `_BREED` mutants."""
_BREED = 20_000


@dataclass(slots=True)
class Tally:
    """What came of one target."""

    examples: int = 0
    seconds: float = 0.0
    failed: str = ""
    at_seed: int = 0


Feed: TypeAlias = Callable[[Target, Tally, float], None]
"""Feeds a target for a while, but no longer than until a moment of the steady clock."""


def main() -> int:
    """Feed all targets, or those whose name holds a word; gives 1 when one broke its word."""
    options = _options()
    chosen = [target for target in TARGETS if options.only.lower() in target.name.lower()]
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {first}, {len(chosen)} targets, {options.seconds:.0f} s together")
    print(f"{'target':<34} {'examples':>9} {'seconds':>8}  result")
    feed, more = (_breed, " --mutated") if options.mutated else (_round, "")
    tallies = {target.name: _fed(target, feed, first, options.seconds / max(1, len(chosen)), options.examples) for target in chosen}
    broken = {name: tally for name, tally in tallies.items() if tally.failed}
    for name, tally in broken.items():
        again = f"--only {name!r} --seed {tally.at_seed} --examples {_BREED if options.mutated else _ROUND}{more}"
        print(f"\n{name}: python -m tests.fuzz {again}\n{tally.failed}")
    print(f"\n{sum(tally.examples for tally in tallies.values())} examples, {len(broken)} of {len(chosen)} targets broke their word")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="for all targets together (default 300)")
    parser.add_argument("--examples", type=int, default=1_000_000, help="at most so many for a target")
    parser.add_argument("--seed", type=int, help="of the first round; a random one is drawn and printed")
    parser.add_argument("--mutated", action="store_true", help="feed mutants of a few hundred examples: many times as many")
    parser.add_argument("--only", default="", help="targets whose name holds this")
    return parser.parse_args()


def _fed(target: Target, feed: Feed, first: int, seconds: float, most: int) -> Tally:
    tally, begun, number = Tally(), time.monotonic(), 0
    while tally.seconds < seconds and tally.examples < most and not tally.failed:
        tally.at_seed = first + number
        try:
            feed(target, tally, begun + seconds)
        except Exception as failure:  # whatever a parser lets through is what is looked for: told as its broken word, the others go on
            tally.failed = "".join(traceback.format_exception(failure, limit=-6))
        tally.seconds, number = time.monotonic() - begun, number + 1
    print(f"{target.name:<34} {tally.examples:>9} {tally.seconds:>8.1f}  {'BROKEN' if tally.failed else 'held'}", flush=True)
    return tally


def _round(target: Target, tally: Tally, _until: float) -> None:
    def fed(value: object) -> None:
        tally.examples += 1
        target.check(value)

    _draw(target, tally.at_seed, _ROUND, fed)


def _breed(target: Target, tally: Tally, until: float) -> None:
    """Feed mutants of examples; a failure names the value itself."""
    drawn: list[object] = []
    _draw(target, tally.at_seed, _DRAWN, drawn.append)
    mutator = Mutator(drawn, Random(tally.at_seed))
    for number in range(_BREED):
        if number % _ROUND == 0 and time.monotonic() > until:
            return
        value = mutator.mutant()
        tally.examples += 1
        try:
            target.check(value)
        except Exception as failure:
            failure.add_note(f"by {value!r:.2000}")
            raise


def _draw(target: Target, first: int, number: int, take: Callable[[object], None]) -> None:
    """Hand on examples of a target, the same ones for the same seed."""

    @settings(
        max_examples=number, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @seed(first)
    @given(target.feed)
    def fed(value: object) -> None:
        take(value)

    fed()


if __name__ == "__main__":
    sys.exit(main())
