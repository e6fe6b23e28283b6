"""`make drill`: a thousand creates whose outcome nobody was told; prints what became of each kind, and the seeds that repeat a fault."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import structlog

from tests.drill.fates import FATES
from tests.drill.world import ARMS, EACH, Arm, Result, drill

COLUMNS = ("creates", "adopted", "resent", "parked", "doubled", "lost")
FEW = 20      # faults told
WORDS = {
    "within": "the lag is within the bound that was measured",
    "unmeasured": "no bound could be measured; the lag is at most a minute",
    "beyond": "no bound could be measured; the lag is 90 s to 180 s",
}


def main() -> int:
    """Drill as many creates as are asked for, half of them within a known bound; 1 when one was doubled, lost, or ended as it must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--creates", type=int, default=1000, help="all together, by whole accounts (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + -(-asked.creates // sum(EACH.values())))
    begun = time.monotonic()
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        results = list(pool.map(_drilled, seeds, [_arm(seed) for seed in seeds]))
    for arm in ARMS:
        print(*_table(arm, [result for result in results if result.arm == arm]), sep="\n")
    faults = [f"  seed {result.seed}, {result.arm}: {fault}" for result in results for fault in result.faults]
    whole = sum((tally for result in results for tally in result.tally.values()), Counter[str]())
    spent_s = time.monotonic() - begun
    print(f"{whole['creates']} creates in {len(results)} accounts, seeds {seeds.start} to {seeds.stop - 1}; {spent_s:.0f} s")
    print(f"{sum(result.answered for result in results)} questions answered by what is there; {len(faults)} faults")
    print(*faults[:FEW], sep="\n")
    return int(bool(faults))


def _arm(seed: int) -> Arm:
    return ("within", "unmeasured", "within", "beyond")[seed % 4]      # type: ignore[return-value]


def _drilled(seed: int, arm: Arm) -> Result:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))      # what a probe could not learn is meant so
    return asyncio.run(drill(seed, arm))


def _table(arm: Arm, results: Sequence[Result]) -> Iterator[str]:
    bounds = [result.bound_s for result in results if result.bound_s is not None]
    measured = f" ({min(bounds):.0f} s to {max(bounds):.0f} s)" if bounds else ""
    yield f"{arm}: {WORDS[arm]}{measured}"
    yield f"  {'outcome':<28}" + "".join(f"{name:>9}" for name in COLUMNS)
    for fate in FATES:
        tally = sum((result.tally.get(fate.name, Counter()) for result in results), Counter[str]())
        yield f"  {fate.name:<28}" + "".join(f"{tally[name]:>9}" for name in COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
