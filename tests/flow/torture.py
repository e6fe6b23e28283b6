"""Many kills over whole runs: `python -m tests.flow.torture --kills 50`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from itertools import cycle

from tests.flow.sides import LEADTREKKER, SIDES
from tests.flow.survival import survive
from tests.judge.comparison import told

READERS = ("api", "files")


def main(arguments: list[str] | None = None) -> int:
    """Run migrations until so many kills were survived; 0 when nothing was lost or doubled in any of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.flow.torture", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many kills in all")
    parser.add_argument("--per-run", type=int, default=8, help="kills in one run")
    parser.add_argument("--records", type=int, default=150, help="source records of a run")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each further one takes the next")
    parser.add_argument("--pair", choices=tuple(SIDES), default=LEADTREKKER.pair)
    parser.add_argument("--reader", choices=(*READERS, "both"), default="both", help="both: runs take turns, beginning with the API")
    given = parser.parse_args(arguments)
    readers = cycle(READERS if given.reader == "both" else (given.reader,))
    left, seed, wrong = given.kills, given.seed, 0
    while left > 0:
        reader = next(readers)
        survived = survive(
            seed, kills=min(left, given.per_run), records=given.records, limit_s=300.0, pair=given.pair, reader=reader
        )  # fmt: skip
        struck = ", ".join(f"{phase} {count}" for phase, count in Counter(survived.phases).items())
        verdict = "right" if not survived.findings else "WRONG"
        sys.stdout.write(f"run {seed} by {reader}: {survived.kills} kills ({struck}), exit code {survived.code}: {verdict}\n")
        if survived.findings:
            wrong += 1
            sys.stdout.write(told(survived.findings) + "\n")
        sys.stdout.flush()
        left -= survived.kills
        seed += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
