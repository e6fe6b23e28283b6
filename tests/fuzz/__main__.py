"""`make fuzz`: every target fed anew until its share of the time is over; prints how often, and the seed that repeats a failure."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.target import Target
from tests.fuzz.test_targets import TARGETS

_ROUND = 100
"""Examples between two looks at the clock; a round is repeated by its own seed."""


@dataclass(slots=True)
class Tally:
    """What came of one target."""

    examples: int = 0
    seconds: float = 0.0
    failed: str = ""
    at_seed: int = 0


def main() -> int:
    """Feed all targets, or those whose name holds a word; gives 1 when one broke its word."""
    options = _options()
    chosen = [target for target in TARGETS if options.only.lower() in target.name.lower()]
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {first}, {len(chosen)} targets, {options.seconds:.0f} s together")
    print(f"{'target':<34} {'examples':>9} {'seconds':>8}  result")
    tallies = {target.name: _fed(target, first, options.seconds / max(1, len(chosen)), options.examples) for target in chosen}
    broken = {name: tally for name, tally in tallies.items() if tally.failed}
    for name, tally in broken.items():
        print(f"\n{name}: python -m tests.fuzz --only {name!r} --seed {tally.at_seed} --examples {_ROUND}\n{tally.failed}")
    print(f"\n{sum(tally.examples for tally in tallies.values())} examples, {len(broken)} of {len(chosen)} targets broke their word")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="for all targets together (default 300)")
    parser.add_argument("--examples", type=int, default=1_000_000, help="at most so many for a target")
    parser.add_argument("--seed", type=int, help="of the first round; a random one is drawn and printed")
    parser.add_argument("--only", default="", help="targets whose name holds this")
    return parser.parse_args()


def _fed(target: Target, first: int, seconds: float, most: int) -> Tally:
    tally, begun, number = Tally(), time.monotonic(), 0
    while tally.seconds < seconds and tally.examples < most and not tally.failed:
        tally.at_seed = first + number
        try:
            _round(target, tally)
        except Exception as failure:  # whatever a parser lets through is what is looked for: told as its broken word, the others go on
            tally.failed = "".join(traceback.format_exception(failure, limit=-6))
        tally.seconds, number = time.monotonic() - begun, number + 1
    print(f"{target.name:<34} {tally.examples:>9} {tally.seconds:>8.1f}  {'BROKEN' if tally.failed else 'held'}", flush=True)
    return tally


def _round(target: Target, tally: Tally) -> None:
    @settings(
        max_examples=_ROUND, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @seed(tally.at_seed)
    @given(target.feed)
    def fed(value: object) -> None:
        tally.examples += 1
        target.check(value)

    fed()


if __name__ == "__main__":
    sys.exit(main())
