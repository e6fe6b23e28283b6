"""`make readback`: a thousand values spoilt in migrated accounts, each of which must be told, and nothing else; prints the seeds."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.readback.world import LOSS_NAMES, Result, world

LOSSES = 50       # in each world
FEW = 20          # failures told


def main() -> int:
    """Build as many worlds as are needed; 1 when anything was not told, or told without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.readback", description=__doc__)
    parser.add_argument("--losses", type=int, default=1000, help="values to spoil, all together (default 1000)")
    parser.add_argument("--leads", type=int, default=140, help="of each account (default 140)")
    parser.add_argument("--kills", type=int, default=3, help="of each reading back (default 3)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + -(-asked.losses // LOSSES))
    begun = time.monotonic()
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        results = list(pool.map(_world, seeds, [asked.leads] * len(seeds), [asked.kills] * len(seeds)))
    return _told(results, time.monotonic() - begun, asked)


def _world(seed: int, leads: int, kills: int) -> Result:
    with tempfile.TemporaryDirectory() as home:
        result = asyncio.run(world(seed, Path(home) / "state", leads=leads, losses=LOSSES, kills=kills))
    print(f"seed {seed}: {result.fields} fields, {len(result.planted)} spoilt, {len(result.faults)} faults", flush=True)
    return result


def _told(results: list[Result], seconds: float, asked: argparse.Namespace) -> int:
    planted = sum((result.by_name for result in results), Counter[str]())
    for name in LOSS_NAMES:
        print(f"  {name:<48}{planted[name]:>5}")
    faults = [f"  seed {result.seed}: {fault}" for result in results for fault in result.faults]
    if planted.total() < asked.losses:
        faults.append(f"  {planted.total()} of {asked.losses} values spoilt: the accounts are too small for so many")
    faults += [f"  seed {result.seed}: {result.kills} of {asked.kills} kills" for result in results if result.kills < asked.kills]
    if planted.total() > 10 * len(LOSS_NAMES):
        faults += [f"  never planted: {name}" for name in LOSS_NAMES if not planted[name]]
    fields, spared, kills = (sum(getattr(result, name) for result in results) for name in ("fields", "spared", "kills"))
    print(f"{planted.total()} values spoilt in {len(planted)} ways, beside {spared} changes that are none; {len(faults)} faults")
    print(f"{fields} fields read back as they were before; {kills} kills; {seconds:.0f} s")
    print(*faults[:FEW], sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
