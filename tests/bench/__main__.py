"""`python -m tests.bench`: takes the figures, each as a ratio within one run, and shows them in one table."""

from __future__ import annotations

import argparse
import compileall
import importlib
import os
import sys
import time
from pathlib import Path

import anyio

from streamflow.sandbox.launcher import PAIRS
from tests.bench.rig import ROOT, BenchError
from tests.bench.table import Figure, keep, shown

PARTS = ("calls", "pace", "scrapers", "cpu", "cutover", "memory")
FIRST_PAIR_ONLY = ("cpu",)
WHY_NOT = "the loop written by hand, beside which it is taken, knows one source"


async def _measure(parts: list[str], *, pair: str, is_large: bool, records: int) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    failed: list[str] = []
    if os.getloadavg()[0] > (os.cpu_count() or 1) / 2:
        print("this machine is busy with something else: rates and times will come out too low", file=sys.stderr)
    for name in parts:
        started = time.monotonic()
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        module = importlib.import_module(f"tests.bench.{name}")
        try:
            figures += await (module.figures(pair, is_large=is_large) if name == "memory" else module.figures(pair, records))
        except BenchError as error:
            failed.append(f"{name}: {error}")
        print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return figures, failed


def main() -> int:
    """Take the figures asked for; 1 when one misses its aim or could not be taken."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="take only these figures")
    parser.add_argument("--records", type=int, default=3000, help="size of the account of calls, cpu and cutover")
    parser.add_argument("--large", action="store_true", help="measure memory at 100,000 records; 10,000 against 2,000 otherwise")
    parser.add_argument("--out", type=Path, help="where figures and details are kept; build/bench-results-<pair>.json")
    given = parser.parse_args()
    parts = given.only or [part for part in PARTS if given.pair == PAIRS[0] or part not in FIRST_PAIR_ONLY]
    if given.pair != PAIRS[0] and set(parts) & set(FIRST_PAIR_ONLY):
        parser.error(f"{', '.join(FIRST_PAIR_ONLY)} can be measured with {PAIRS[0]} only: {WHY_NOT}")
    out = given.out or ROOT / "build" / f"bench-results-{given.pair}.json"
    compileall.compile_dir(ROOT / "streamflow", quiet=1)     # as an installed package is: the figures are not those of the compiler
    figures, failed = anyio.run(lambda: _measure(parts, pair=given.pair, is_large=given.large, records=given.records))
    print(shown(figures))
    for line in failed:
        print(f"could not be taken: {line}")
    for name in [] if given.only else [part for part in PARTS if part not in parts]:
        print(f"not taken: {name}: with {PAIRS[0]} only; {WHY_NOT}")
    about = {"pair": given.pair, "parts": parts, "records": given.records, "large": given.large}
    keep(figures, out, {**about, "failed": failed, "load": os.getloadavg()})
    print(f"details: {out}")
    return 1 if failed or any(figure.holds is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
